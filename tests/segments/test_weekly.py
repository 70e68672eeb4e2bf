"""T11: the weekly report against counting the book's rows by hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.segments.weekly import KINDS, means_of, measured

Worked = Callable[..., Any]
FIRST, AS_OF = date(2025, 2, 3), date(2025, 5, 14)
ROOMS = ("two rooms", "three rooms", None)


def rows_of(work: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(work.folder / "weekly.parquet").to_pylist()
    return found


def shop(seed: int = 4) -> dict[str, list[dict[str, Any]]]:
    """Flats: visits and calls, chances won and lost, orders of several lines, what was asked for."""
    chance = random.Random(seed)

    def day() -> date:
        return FIRST + timedelta(days=chance.randrange((AS_OF - FIRST).days + 12))  # some after as_of

    who = [f"C{n}" for n in range(15)]
    return {
        "customers": [{"customer_id": name, "region": chance.choice(["North", "South"])} for name in who],
        "contacts": [
            {"customer_id": chance.choice(who), "date": day(),
             "channel": chance.choice(["phone", "来访", "mail", None]),
             "direction": chance.choice(["in", "呼出", "Inbound", None]), "room_type": chance.choice(ROOMS)}
            for _ in range(80)
        ],
        "opportunities": [
            {"opportunity_id": f"O{n}", "customer_id": chance.choice(who), "amount": Decimal(chance.randrange(1, 99)),
             "opened_on": day(), "expected_on": chance.choice([day(), None]), "room_type": chance.choice(ROOMS),
             "stage": chance.choice(["won", "lost", "quoted"])}
            for n in range(40)
        ],
        "orders": [
            {"customer_id": chance.choice(who), "date": day(), "amount": Decimal(chance.randrange(-50, 300)),
             "order_id": chance.choice([None, f"S{n % 30}"])}
            for n in range(120)
        ] + [{"customer_id": "C0", "date": AS_OF, "amount": Decimal(1), "order_id": None}],
    }  # fmt: skip


def begin(day: date, by: str) -> date:
    return day.replace(day=1) if by == "month" else day - timedelta(days=day.weekday())


def by_hand(book: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Every single thing that is counted: its day, its amount, and what the row says."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    found["contacts"] = [{**row, "day": row["date"]} for row in book["contacts"]]
    for row in book["opportunities"]:
        if row["opened_on"] > AS_OF:  # not known yet
            continue
        found["opened"].append({**row, "day": row["opened_on"]})
        if row["stage"] != "quoted":
            found[row["stage"]].append({**row, "day": row["expected_on"] or row["opened_on"]})
    orders: dict[Any, dict[str, Any]] = {}
    known = [row for row in book["orders"] if row["date"] <= AS_OF]
    for row in known:
        if row["amount"] > 0:
            key = (row["customer_id"], row["order_id"] or row["date"])
            one = orders.setdefault(key, {**row, "day": row["date"], "amount": Decimal(0)})
            one |= {"day": min(one["day"], row["date"]), "amount": one["amount"] + row["amount"]}
    found["orders"] = list(orders.values())
    return {kind: [row for row in rows if row["day"] <= AS_OF] for kind, rows in found.items()}


@pytest.mark.parametrize("by", ["week", "month"])
def test_t11_weekly_counts_equal_raw_counts(worked: Worked, by: str) -> None:
    """The row's example: weekly counts equal raw counts; the trade's own fields too."""
    book = shop()
    work = worked(as_of=AS_OF, weekly={"by": by, "fields": ["room_type", "region"]}, **book)
    found = measured(work)
    assert found is not None
    assert not found.warnings
    rows = rows_of(work)
    region = {row["customer_id"]: row["region"] for row in book["customers"]}
    for kind, things in by_hand(book).items():
        if kind == "new_customers":
            continue
        whole = [row for row in rows if row["what"] == kind and row["field"] is None]
        counted: Counter[date] = Counter()
        for row in whole:
            counted[row["begin"]] += row["count"]
        assert counted == Counter(begin(one["day"], by) for one in things)
        assert found.facts[kind] == len(things) > 0
        if kind != "contacts":
            assert sum(row["amount"] for row in whole) == sum(one["amount"] for one in things)
        for field, of in (
            ("room_type", lambda one: one["room_type"] or ""),
            ("region", lambda one: region[one["customer_id"]]),
        ):
            if field == "room_type" and kind == "orders":
                continue
            own = {
                (row["begin"], row["name"]): row["count"]
                for row in rows
                if (row["what"], row["field"]) == (kind, field)
            }
            assert own == Counter((begin(one["day"], by), of(one)) for one in things)
    assert found.facts["fields"] == ["region", "room_type"]


def test_contacts_by_channel_and_direction(worked: Worked) -> None:
    book = shop()
    work = worked(as_of=AS_OF, **book)
    measured(work)
    way = {"in": "in", "Inbound": "in", "呼出": "out", None: ""}
    told = Counter((begin(one["date"], "week"), one["channel"] or "", way[one["direction"]])
                   for one in by_hand(book)["contacts"])  # fmt: skip
    rows = [row for row in rows_of(work) if row["what"] == "contacts"]
    assert {(row["begin"], row["channel"], row["direction"]): row["count"] for row in rows} == told
    assert [means_of(name) for name in ("来访", " Phone", "mail", None)] == ["visit", "call", "other", "other"]


def test_new_customers_are_those_of_a_first_purchase(worked: Worked) -> None:
    book = shop()
    work = worked(as_of=AS_OF, **book)
    measured(work)
    first = Counter(
        begin(row["first_purchase"], "week")
        for row in work.engine.fetch(work.figures).to_pylist()
        if row["first_purchase"]
    )
    assert {row["begin"]: row["count"] for row in rows_of(work) if row["what"] == "new_customers"} == first


def test_nothing_without_contacts_and_opportunities(worked: Worked) -> None:
    assert measured(worked(shop()["orders"], as_of=AS_OF)) is None


def test_a_field_that_no_table_has_is_named(worked: Worked) -> None:
    book = shop()
    people = [{"customer_id": "C1", "phone": "120"}]
    asked = {"fields": ["colour", "phone"]}  # how to reach a person is in no file of a run
    work = worked(book["orders"], contacts=book["contacts"], customers=people, as_of=AS_OF, weekly=asked)
    found = measured(work)
    assert found is not None
    ((code, text),) = found.warnings
    assert code == "weekly_fields"
    assert "colour, phone" in text.en
    assert "colour, phone" in text.zh
    assert {row["field"] for row in rows_of(work)} == {None}


def test_rows_in_another_order_and_of_the_future_change_nothing(worked: Worked) -> None:
    book = shop()
    turned = {name: [*reversed(rows)] for name, rows in book.items()}
    turned["contacts"] = [row for row in turned["contacts"] if row["date"] <= AS_OF]
    works = [worked(as_of=AS_OF, weekly={"fields": ["room_type"]}, **one) for one in (book, turned)]
    for work in works:
        measured(work)
    assert rows_of(works[0]) == rows_of(works[1])
    assert (works[0].folder / "weekly.parquet").read_bytes() == (works[1].folder / "weekly.parquet").read_bytes()


def test_a_week_that_is_not_over_is_said(worked: Worked) -> None:
    book = shop()
    cut = {as_of: measured(worked(as_of=as_of, **book)) for as_of in (AS_OF, date(2025, 5, 11))}  # a Sunday
    assert [one.facts["cut_short"] for one in cut.values() if one] == [True, False]
