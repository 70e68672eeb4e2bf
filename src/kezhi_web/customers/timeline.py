"""Everything that happened with a customer, as one list: the newest first, by kind, in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kezhi.corrections.record import in_words
from kezhi.language import Text
from kezhi.one_customer import BLOCKS
from kezhi.reports.numbers import grouped, percent
from kezhi.worth.point_words import GRADES
from kezhi_web.capture import entries_of
from kezhi_web.customers.one import Account
from kezhi_web.shown.rows import quoted
from kezhi_web.shown.run import workspace
from kezhi_web.words import say

LENGTH = 25
CORRECTIONS, RECORDED = "corrections", "recorded"
ORDERS = Text("Orders", "订单")
TITLES: dict[str, Text] = {
    **{name: title for name, (title, _) in BLOCKS.items()},
    "orders": ORDERS,
    CORRECTIONS: Text("Corrections", "修正"),
    RECORDED: Text("Recorded", "登记"),
}
DAYS = {name: day for name, (_, day) in BLOCKS.items()}
MOST_PRODUCTS = 3


@dataclass(frozen=True)
class Entry:
    """One thing that happened. day: None where nobody noted it. customer: another one it leads to."""

    day: date | None
    kind: str
    title: str
    detail: str = ""
    amount: Any = None
    customer: str | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of entries: how many there are; of orders also how many lines these have."""

    code: str
    title: Text
    count: int
    lines: int | None = None


@dataclass(frozen=True)
class Timeline:
    """A page of entries, and the counts of all kinds that the book or the runs hold. absent: kinds without a table."""

    entries: list[Entry]
    kinds: list[Kind]
    more: bool
    page: int
    absent: tuple[Text, ...] = ()

    @property
    def without_book(self) -> bool:
        """Has the book no table at all that tells of customers?"""
        return len(self.absent) == len(BLOCKS)

    @property
    def missing(self) -> str:
        """The kinds of which the book has no table, in words."""
        return say(COMMA).join(say(title) for title in self.absent)

    @property
    def count(self) -> int:
        """All entries together."""
        return sum(kind.count for kind in self.kinds)


def timeline_of(account: Account, kind: str = "", page: int = 1) -> Timeline:
    """A page (from 1) of what happened; of one kind, or of all."""
    most = page * LENGTH + 1
    kinds: list[Kind] = []
    absent: list[Text] = []
    entries: list[Entry] = []
    for code in (RECORDED, *BLOCKS, CORRECTIONS):
        wanted = most if kind in ("", code) else 1
        counted, found = _READERS.get(code, _rows)(account, code, wanted)
        if counted is None:
            absent.append(TITLES[code])
            continue
        kinds.append(counted)
        if kind in ("", code):
            entries += found
    entries.sort(key=lambda one: one.day or date.min, reverse=True)
    first = (page - 1) * LENGTH
    return Timeline(entries[first : first + LENGTH], kinds, len(entries) > first + LENGTH, page, tuple(absent))


# --- kinds ------------------------------------------------------------------------------------------------


def _rows(account: Account, code: str, most: int) -> tuple[Kind | None, list[Entry]]:
    """The rows of a table of the book; no kind where the book has no such table."""
    table = account.book.referred() if code == "referrals" else account.book.table(code)
    if table is None:
        return None, []
    count, rows = account.book.newest(code, DAYS[code], most)
    return Kind(code, TITLES[code], count), [_WORDS[code](row) for row in rows]


def _orders(account: Account, code: str, most: int) -> tuple[Kind | None, list[Entry]]:
    """Lines of an order and day as one entry, sales and returns apart."""
    table = account.book.table(code)
    if table is None:
        return None, []
    known = account.book.columns(code)
    order = quoted("order_id") if "order_id" in known else "null::varchar"
    products = f"list(distinct {quoted('product_id')})" if "product_id" in known else "[]::varchar[]"
    channel = f"max({quoted('channel')})" if "channel" in known else "null::varchar"
    rows = account.rows.ask(
        f"select date, {order} as order_id, amount < 0 as returned, count(*) as lines, sum(amount) as amount, "
        f"{products} as products, {channel} as channel, count(*) over () as orders, "
        f"sum(count(*)) over () as every_line from {table} "
        f"group by 1, 2, 3 order by date desc nulls last, order_id, returned limit {int(most)}",
        [account.customer_id],
    )
    names = _product_names(account, {one for row in rows for one in row["products"] if one})
    count = Kind(code, ORDERS, int(rows[0]["orders"]) if rows else 0, int(rows[0]["every_line"]) if rows else 0)
    return count, [_order(row, names) for row in rows]


def _order(row: Mapping[str, Any], names: Mapping[str, str]) -> Entry:
    what = sorted(names.get(one, one) for one in row["products"] if one)
    shown = say(COMMA).join(what[:MOST_PRODUCTS]) + (" …" if len(what) > MOST_PRODUCTS else "")
    lines = say((ONE_LINE if row["lines"] == 1 else LINES).fill(n=grouped(row["lines"])))
    title = say(RETURN if row["returned"] else ORDER) + (f" {row['order_id']}" if row["order_id"] else "")
    return Entry(row["date"], "orders", title, _joined(shown, lines, row["channel"]), row["amount"])


def _product_names(account: Account, ids: set[str]) -> dict[str, str]:
    """Names of products, by the book's table of products as far as it has them."""
    columns = account.book.columns("products")
    if not ids or not {"product_id", "name"} <= set(columns):
        return {}
    marks = ", ".join("?" * len(ids))
    table = account.book.everything("products")
    found = account.rows.ask(f"select product_id, name from {table} where product_id in ({marks})", sorted(ids))
    return {row["product_id"]: row["name"] for row in found if row["name"]}


def _corrections(account: Account, code: str, most: int) -> tuple[Kind | None, list[Entry]]:
    """Corrections that speak of this customer by id, or changed a figure of theirs in the run shown."""
    from kezhi.correcting import corrections_of

    touched = {number for row in account.corrected for number in _numbers(row["corrections"])}
    found = [
        one
        for one in corrections_of(workspace().folder)
        if one.correction.number in touched
        or (one.correction.whom == "customer" and one.correction.chosen == account.customer_id)
    ]
    entries = [_correction(one) for one in reversed(found)]
    return Kind(code, TITLES[code], len(found)), entries[:most]


def _recorded(account: Account, code: str, most: int) -> tuple[Kind | None, list[Entry]]:
    """What people recorded and the book does not hold as it is: what is new since the run, and all notes."""
    found = entries_of(account.customer_id, account.seen_as)
    return Kind(code, TITLES[code], len(found)), [
        Entry(one.day, code, say(one.title), _joined(*map(say, one.parts), one.text, one.by, say(one.state_text)))
        for one in found[:most]
    ]


def _numbers(text: str | None) -> list[int]:
    return [int(one) for one in str(text or "").replace(",", " ").split() if one.isdigit()]


def _correction(one: Any) -> Entry:
    made = one.correction
    state = {"undone": UNDONE, "over": OVER, "later": LATER}.get(one.state)
    title = say(in_words(made.change))
    detail = _joined(made.why, made.who, say(state) if state else "")
    return Entry(datetime.fromisoformat(made.at).date(), CORRECTIONS, title, detail)


def _opportunity(row: Mapping[str, Any]) -> Entry:
    chance = row.get("probability")
    said = "" if chance is None else say(CHANCE.fill(share=percent(chance)))
    expected = row.get("expected_on")
    due = say(EXPECTED.fill(day=expected.isoformat())) if expected else ""
    day = row.get("opened_on") or expected
    return Entry(day, "opportunities", say(OPPORTUNITY), _joined(row.get("stage"), said, due), row.get("amount"))


def _suggestion(row: Mapping[str, Any]) -> Entry:
    grade = row.get("grade")
    taken = (
        {True: say(TAKEN_UP), False: say(NOT_TAKEN_UP)}.get(bool(row["taken_up"]), "")
        if row.get("taken_up") is not None
        else ""
    )
    words = say(GRADES[grade]) if grade in GRADES else grade
    return Entry(
        row.get("date"), "suggestions", row.get("text") or say(SUGGESTION), _joined(words, row.get("product_id"), taken)
    )


def _contact(row: Mapping[str, Any]) -> Entry:
    way = {"in": say(INCOMING), "out": say(OUTGOING)}.get(row.get("direction") or "", row.get("direction"))
    cost = row.get("cost")
    spent = say(COST.fill(cost=grouped(cost, 2))) if cost is not None else ""
    told = _joined(row.get("channel"), way, row.get("outcome"), spent)
    return Entry(row.get("date"), "contacts", row.get("note") or say(CONTACT), told)


def _survey(row: Mapping[str, Any]) -> Entry:
    score = row.get("score")
    dimension = row.get("dimension") or say(SURVEY)
    title = dimension if score is None else say(COLON.fill(what=dimension, value=f"{score:g}"))
    return Entry(row.get("date"), "surveys", title, row.get("comment") or "")


def _action(row: Mapping[str, Any]) -> Entry:
    known = ("action", "customer_id", "date", "cost", "amount")
    more = [str(value) for name, value in row.items() if name not in known and value not in (None, "")]
    return Entry(row.get("date"), "actions", str(row.get("action") or say(ACTION)), _joined(*more), row.get("cost"))


def _receivable(row: Mapping[str, Any]) -> Entry:
    paid = row.get("paid_on")
    state = say(PAID.fill(day=paid.isoformat())) if paid else say(OPEN)
    return Entry(row.get("due_on"), "receivables", say(DUE), state, row.get("amount"))


def _expense(row: Mapping[str, Any]) -> Entry:
    return Entry(
        row.get("date"), "expenses", row.get("kind") or say(EXPENSE), row.get("channel") or "", row.get("amount")
    )


def _referral(row: Mapping[str, Any]) -> Entry:
    customer = str(row["customer_id"])
    return Entry(row.get("acquired_on"), "referrals", say(REFERRED), row.get("name") or "", customer=customer)


def _joined(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part)


_READERS: dict[str, Callable[[Account, str, int], tuple[Kind | None, list[Entry]]]] = {
    "orders": _orders,
    RECORDED: _recorded,
    CORRECTIONS: _corrections,
}
_WORDS: dict[str, Callable[[Mapping[str, Any]], Entry]] = {
    "opportunities": _opportunity,
    "suggestions": _suggestion,
    "contacts": _contact,
    "surveys": _survey,
    "actions": _action,
    "receivables": _receivable,
    "expenses": _expense,
    "referrals": _referral,
}
COMMA, COLON = Text(", ", "、"), Text("{what}: {value}", "{what}：{value}")
ORDER, RETURN = Text("Order", "订单"), Text("Return", "退货")
ONE_LINE, LINES = Text("1 line", "1 行"), Text("{n} lines", "{n} 行")
UNDONE, OVER, LATER = Text("undone", "已撤销"), Text("over", "已过期"), Text("for later periods", "用于以后各期")
OPPORTUNITY, CHANCE = Text("Sales opportunity", "销售机会"), Text("chance {share}", "成交概率 {share}")
EXPECTED = Text("expected {day}", "预计 {day}")
SUGGESTION = Text("Suggestion", "建议")
TAKEN_UP, NOT_TAKEN_UP = Text("taken up", "已采纳"), Text("not taken up", "未采纳")
CONTACT, COST = Text("Contact", "联系"), Text("cost {cost}", "费用 {cost}")
INCOMING, OUTGOING = Text("they came to us", "客户主动"), Text("we went to them", "我方主动")
SURVEY, ACTION, EXPENSE = Text("Survey", "问卷"), Text("Action", "营销行动"), Text("Expense", "费用")
DUE, OPEN, PAID = Text("Payment due", "应收账款到期"), Text("open", "未付"), Text("paid {day}", "{day} 已付")
REFERRED = Text("Sent us a customer", "推荐了一位客户")
