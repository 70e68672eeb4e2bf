"""The records behind each source of points: one definition for the sums of a run and for the score sheet of a customer.

Every function gives rows of customer_id, date, quantity (decimal, in the source's unit), grade (text, where the source
has grades) and text, or None where the book holds nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, Book, as_sum
from kezhi.settings.scoring import Rule

if TYPE_CHECKING:
    import ibis.expr.types as ir

YEAR = 365.2425  # days
WIDE = "decimal(38, 4)"  # a cast by way of it is not one that Ibis takes for nothing

# stages that end an opportunity, as people write them; case, blanks and hyphens do not count
CLOSED = (
    "won", "lost", "closed", "closed won", "closed lost", "cancelled", "canceled", "abandoned", "disqualified",
    "rejected", "dead", "赢单", "已赢单", "输单", "已输单", "丢单", "已丢单", "成交", "已成交", "未成交", "失败",
    "已失败", "关闭", "已关闭", "取消", "已取消", "作废", "无效", "终止", "已终止", "已签约", "流失",
)  # fmt: skip

GRADES: Mapping[str, tuple[str, ...]] = {
    "high": ("high value", "高", "高价值", "高价值建议"),
    "ordinary": ("normal", "general", "一般", "一般建议", "一般价值", "普通"),
}


@dataclass(frozen=True)
class Known:
    """What is known at the end of one day: the book, the folder of the run, and who the ledger's customers are.

    people: customer_id of all of them; first: customer_id and first_purchase.
    """

    book: Book
    as_of: date
    folder: Path
    people: ir.Table
    first: ir.Table
    read_parquet: Callable[[Path], ir.Table]


def plain(word: str) -> str:
    """A stage or grade without case, blanks, hyphens and underscores."""
    return word.strip().lower().replace(" ", "").replace("_", "").replace("-", "")


def plain_column(words: Any) -> Any:
    """`plain` of a column; a pattern would take several times as long."""
    return words.strip().lower().replace(" ", "").replace("_", "").replace("-", "")


def grade_of(word: str) -> str:
    """The name under which a grade is compared: `High`, `高价值` and `high` are one."""
    names = {plain(said): name for name, several in GRADES.items() for said in several}
    return names.get(plain(word), plain(word))


def rows_of(known: Known, rule: Rule) -> ir.Table | None:
    """The records that a term counts."""
    if rule.column is not None:
        return _column(known, rule.column, graded=bool(rule.grades))
    make = _ROWS.get(rule.source)
    return make(known, rule) if make else None


def _row(rows: ir.Table, quantity: Any, *, date: Any, text: Any = None, **more: Any) -> ir.Table:
    import ibis

    return rows.select(
        customer_id=more.pop("customer_id", rows.customer_id),
        date=date.cast("date"),
        quantity=quantity.cast(WIDE).cast(SUM),
        text=(ibis.null("string") if text is None else text.cast("string")),
        **more,
    )


def _optional(rows: ir.Table, name: str, kind: str = "string") -> Any:
    import ibis

    return rows[name] if name in rows.columns else ibis.null(kind)


def _bought(known: Known, rule: Rule) -> ir.Table:  # noqa: ARG001
    orders = known.book.orders
    return _row(orders, orders.amount, date=orders.date, text=_optional(orders, "order_id"))


def _open(known: Known, rule: Rule) -> ir.Table | None:
    import ibis

    found = known.book.opportunities
    if found is None:
        return None
    if "stage" in found.columns:
        ended = [plain(stage) for stage in (CLOSED if rule.closed is None else rule.closed)]
        gone: Any = plain_column(found.stage).isin(ended).coalesce(False) if ended else ibis.literal(False)
        found = found.filter(~gone)
    amount: Any = found.amount
    if rule.probability and "probability" in found.columns:
        chance: Any = found.probability.cast("float64").coalesce(1.0)
        part: Any = ibis.ifelse(chance > 1.0, chance / 100.0, chance)
        amount = (found.amount.cast("float64") * ibis.least(ibis.greatest(part, 0.0), 1.0)).cast(SUM)
    day = found.expected_on if "expected_on" in found.columns else _optional(found, "opened_on", "date")
    return _row(found, amount, date=day, text=_optional(found, "opportunity_id"))


def _suggestions(known: Known, rule: Rule) -> ir.Table | None:  # noqa: ARG001
    import ibis

    found = known.book.suggestions
    if found is None:
        return None
    grade = _graded(found.grade) if "grade" in found.columns else ibis.null("string")
    return _row(found, ibis.literal(1), date=found.date, text=_optional(found, "text"), grade=grade)


def _graded(words: Any) -> Any:
    """Grades by one name each, nothing where nothing is written."""
    said = plain_column(words).nullif("")
    known = [(plain(word), name) for name, several in GRADES.items() for word in several]
    return said.cases(*known, else_=said)


def _needs(known: Known, rule: Rule) -> ir.Table | None:  # noqa: ARG001
    path = known.folder / "needs.parquet"
    if not path.exists():
        return None
    needs = known.read_parquet(path)
    if not {"customer_id", "expected_value"} <= set(needs.columns):
        return None
    needs = needs.filter(needs.expected_value.notnull())
    return _row(
        needs, needs.expected_value, date=_optional(needs, "expected_on", "date"), text=_optional(needs, "product_id")
    )


def _arrears(known: Known, rule: Rule) -> ir.Table | None:  # noqa: ARG001
    owed = known.book.receivables
    if owed is None:
        return None
    due: Any = owed.due_on <= known.as_of
    if "paid_on" in owed.columns:
        due = due & (owed.paid_on.isnull() | (owed.paid_on > known.as_of))
    owed = owed.filter(due)
    return _row(owed, owed.amount, date=owed.due_on)


def _years(known: Known, rule: Rule) -> ir.Table | None:  # noqa: ARG001
    """One row per customer: since the first that is known of them."""
    import ibis

    told = [known.first.select("customer_id", since="first_purchase")]
    people, contacts = known.book.customers, known.book.contacts
    if people is not None and "acquired_on" in people.columns:
        told.append(people.select("customer_id", since="acquired_on"))
    if contacts is not None:
        told.append(contacts.select("customer_id", since="date"))
    every = ibis.union(*told) if len(told) > 1 else told[0]
    early = every.filter(every.since <= known.as_of)
    first = early.group_by("customer_id").aggregate(since=early.since.min())
    days: Any = ibis.literal(known.as_of).delta(first.since, unit="day")
    return _row(first, days.cast("float64") / YEAR, date=first.since)


def _satisfaction(known: Known, rule: Rule) -> ir.Table | None:  # noqa: ARG001
    answers = known.book.surveys
    if answers is None or "score" not in answers.columns:
        return None
    answers = answers.filter(answers.score.notnull())
    return _row(answers, answers.score, date=answers.date, text=_optional(answers, "dimension"))


def _referrals(known: Known, rule: Rule) -> ir.Table | None:  # noqa: ARG001
    """One row per customer who was sent by another: those won by `as_of`, or who had bought by then."""
    import ibis

    people = known.book.customers
    if people is None or "referrer_id" not in people.columns:
        return None
    sent = people.filter(people.referrer_id.notnull() & (people.referrer_id != people.customer_id))
    sent = sent.select("customer_id", "referrer_id", won=_optional(sent, "acquired_on", "date"))
    there = sent.filter(sent.won <= known.as_of).union(
        sent.filter(sent.won.isnull()).semi_join(known.people, "customer_id")
    )
    ids = people.select("customer_id").union(known.people.select("customer_id"))
    by: Any = there.semi_join(ids, there.referrer_id == ids.customer_id)
    once = by.group_by("customer_id").aggregate(by=by.referrer_id.min(), won=by.won.min())
    return _row(once, ibis.literal(1), date=once.won, text=once.customer_id, customer_id=once.by)


def _column(known: Known, name: str, *, graded: bool) -> ir.Table | None:
    """One row per customer: a column of the customer table."""
    import ibis

    people = known.book.customers
    if people is None or name not in people.columns or name == "customer_id":
        return None
    value: Any = people[name]
    people = people.filter(value.notnull())
    empty = ibis.null("date")
    if graded:
        kind: Any = people[name].cast("string")
        one = people.group_by("customer_id").aggregate(value=kind.max())
        return _row(one, ibis.literal(1), date=empty, text=one.value, grade=_graded(one.value))
    if not (value.type().is_numeric() or value.type().is_boolean()):
        return None
    number: Any = people[name].cast("int8") if value.type().is_boolean() else people[name]
    one = people.group_by("customer_id").aggregate(value=number.max())
    return _row(one, one.value, date=empty)


_ROWS: Mapping[str, Callable[[Known, Rule], ir.Table | None]] = {
    "bought": _bought,
    "open": _open,
    "suggestions": _suggestions,
    "needs": _needs,
    "arrears": _arrears,
    "years": _years,
    "satisfaction": _satisfaction,
    "referrals": _referrals,
}


def summed(rows: ir.Table, rule: Rule, worth: Any) -> ir.Table:
    """Records by customer: quantity (their sum; of satisfaction the mean), records, and points where there are grades.

    worth: the points of each row where the rule has grades; rows without a known grade are not among `rows`.
    """
    total: Any = rows.quantity.sum()
    if rule.source == "satisfaction":
        total = as_sum(rows.quantity.sum()).cast("float64") / rows.count()
    found = {"quantity": total.cast(WIDE).cast(SUM), "records": rows.count().cast("int64")}
    if rule.grades:
        found["points"] = worth.sum().cast(WIDE).cast(SUM)
    return rows.group_by("customer_id").aggregate(**found)


def known_grades(rows: ir.Table, grades: Iterable[str]) -> Any:
    """Has the row one of these grades?"""
    return rows.grade.isin([grade_of(grade) for grade in grades]).coalesce(False)
