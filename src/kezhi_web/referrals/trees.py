"""A customer's place among those who sent one another: up a few levels, and down one level at a time.

Chains may be a thousand long and a customer may have sent thousands, so nothing here ever reads a whole tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kezhi.language import Text
from kezhi_web.shown import Rows

UP = 6  # levels that are shown above a customer
PAGE = 50  # customers sent, on one page
FOUND = 20
PROBLEMS: dict[str, Text] = {
    "self": Text("is named as their own referrer; the link is ignored", "推荐人是自己；未计入"),
    "unknown": Text("has a referrer who is no known customer; the link is ignored", "推荐人不是已知客户；未计入"),
    "cycle": Text("stands in a ring of customers who sent one another; the links of the ring are ignored",
                  "推荐关系首尾相接成环；环上的关系未计入"),
    "late": Text("came before the customer who is said to have sent them; the link counts",
                 "成为客户早于推荐人；仍计入"),
    "several": Text("has several referrers; the first by id counts", "有多个推荐人；按编号取第一个"),
}  # fmt: skip
COLUMNS = (
    "r.customer_id, r.referrer_id, r.root_id, r.generation, r.referrals, r.descendants, "
    "r.value, r.all_value, r.value + r.all_value as branch, r.forecast_value, r.all_forecast_value, c.name"
)


@dataclass(frozen=True)
class Sent:
    """Whom a customer sent, the most valuable branch first: one page of them, and how many there are."""

    rows: list[dict[str, Any]]
    number: int
    page: int

    @property
    def more(self) -> int:
        """The next page's number; 0 where there is none."""
        return self.page + 1 if self.number > self.page * PAGE else 0


def member(rows: Rows, customer: str) -> dict[str, Any] | None:
    """A customer's row of referrals.parquet with their name; None of those who neither sent nor were sent."""
    found = rows.ask(f"select {COLUMNS} from {_joined(rows)} where r.customer_id = ?", [customer])
    return found[0] if found else None


def above(rows: Rows, one: dict[str, Any]) -> list[dict[str, Any]]:
    """Who sent the customer, who sent that one, and so on: the nearest last, at most UP of them."""
    line: list[dict[str, Any]] = []
    referrer = one["referrer_id"]
    while referrer is not None and one["generation"] and len(line) < UP:
        found = member(rows, referrer)
        if found is None or found["generation"] >= (line[-1] if line else one)["generation"]:
            break
        line.append(found)
        referrer = found["referrer_id"] if found["generation"] else None
    return line[::-1]


def sent_by(rows: Rows, customer: str, page: int = 1) -> Sent:
    """Whom a customer sent, a page at a time."""
    # the root of a tree has generation 0, whoever it names as referrer
    here = "r.referrer_id = ? and r.generation > 0"
    counted = rows.row(f"select count(*) as n from {rows.table('referrals')} as r where {here}", [customer])["n"]
    found = rows.ask(
        f"select {COLUMNS} from {_joined(rows)} where {here} order by branch desc, r.customer_id limit ? offset ?",
        [customer, PAGE, (page - 1) * PAGE],
    )
    return Sent(found, counted, page)


def largest(rows: Rows) -> list[dict[str, Any]]:
    """Whose branches brought most."""
    return rows.ask(
        f"select {COLUMNS} from {_joined(rows)} where r.referrals > 0 order by r.all_value desc, r.customer_id limit ?",
        [FOUND],
    )


def search(rows: Rows, said: str) -> list[dict[str, Any]]:
    """Members by the beginning of their id or a part of their name, the largest branch first."""
    return rows.ask(
        f"select {COLUMNS} from {_joined(rows)} "
        "where starts_with(r.customer_id, ?) or contains(lower(c.name), lower(?)) "
        "order by r.customer_id = ? desc, r.all_value desc, r.customer_id limit ?",
        [said, said, said, FOUND],
    )


def problems_of(rows: Rows, customer: str) -> list[Text]:
    """What is doubtful of the customer's own link."""
    if not rows.run.has("referral_problems"):
        return []
    found = rows.ask(
        f"select distinct problem from {rows.table('referral_problems')} where customer_id = ? order by 1", [customer]
    )
    return [PROBLEMS.get(row["problem"], Text(row["problem"], row["problem"])) for row in found]


def _joined(rows: Rows) -> str:
    return f"{rows.table('referrals')} as r left join {rows.table('customers')} as c using (customer_id)"
