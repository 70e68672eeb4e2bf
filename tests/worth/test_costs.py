"""What customers cost beside their products: each kind apart, nothing twice (V18, V19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from kezhi.engine import Engine
from kezhi.ledger import Book, Calendar, open_ledger
from kezhi.worth.costs import KINDS, Costs, contact_channels, costs_of

MONEY = pa.decimal128(18, 4)
END = date(2025, 12, 31)
SCHEMAS = {
    "orders": [("customer_id", pa.string()), ("date", pa.date32()), ("amount", MONEY)],
    "expenses": [("customer_id", pa.string()), ("date", pa.date32()), ("amount", MONEY), ("kind", pa.string())],
    "customers": [("customer_id", pa.string()), ("acquired_on", pa.date32()), ("acquisition_cost", MONEY)],
    "contacts": [("customer_id", pa.string()), ("date", pa.date32()), ("channel", pa.string()), ("cost", MONEY)],
}
Rows = Sequence[tuple[Any, ...]]


def a_book(engine: Engine, orders: Rows, **tables: Rows) -> Book:
    """A book of tuples in the order of SCHEMAS; numbers become money."""
    found = {}
    for name, rows in {"orders": orders, **tables}.items():
        schema = pa.schema(SCHEMAS[name])
        cells = [
            {
                field.name: Decimal(str(value)) if field.type == MONEY and value is not None else value
                for field, value in zip(schema, row, strict=True)
            }
            for row in rows
        ]
        found[name] = engine.table(pa.Table.from_pylist(cells, schema=schema))
    return Book(**found)


def costs(engine: Engine, book: Book, as_of: date = END) -> tuple[Costs | None, dict[str, dict[str, Decimal]]]:
    """The costs and what they are by customer id."""
    ledger = open_ledger(engine, book, Calendar(), as_of)
    found = costs_of(book.known(as_of), ledger)
    if found is None:
        return None, {}
    rows = engine.fetch(ledger.named(found.by_customer(ledger.people))).to_pylist()
    return found, {row.pop("customer_id"): row for row in rows}


def day(month: int, number: int = 5) -> date:
    return date(2025, month, number)


BUYS: Rows = [("a", day(1), 1000), ("b", day(2), 300), ("b", day(4), 100)]


def test_without_any_such_table_there_is_nothing(engine: Engine) -> None:
    assert costs(engine, a_book(engine, BUYS)) == (None, {})
    people: Mapping[str, Rows] = {"customers": [("a", None, None)], "contacts": [("a", day(1), "phone", None)]}
    assert costs(engine, a_book(engine, BUYS, **people))[0] is not None  # known to be nothing, which is not unknown


def test_kinds_go_by_their_names_in_both_languages(engine: Engine) -> None:
    kinds = ["Acquisition ", "营销", "销售", "service", "维系", "gifts", None]
    spent = [("a", day(3), 10 + i, kind) for i, kind in enumerate(kinds)]
    _, by_customer = costs(engine, a_book(engine, BUYS, expenses=spent))
    told = {name: int(by_customer["a"][name]) for name in KINDS}
    assert told == {"acquire": 10, "market": 11, "sell": 12, "serve": 13, "keep": 14, "other": 31}


def test_the_same_acquisition_cost_in_both_tables_counts_once(engine: Engine) -> None:
    book = a_book(
        engine,
        BUYS,
        expenses=[("a", day(1), 50, "acquisition")],
        customers=[("a", day(1), 50), ("b", day(2), 70), ("nobody", day(2), 99)],
    )
    found, by_customer = costs(engine, book)
    assert found is not None
    assert found.acquired is not None
    rows = sorted(engine.fetch(found.acquired).to_pylist(), key=lambda row: row["customer"])
    assert [(row["cost"], row["unbooked"]) for row in rows] == [(50, 0), (70, 70)]
    assert (by_customer["a"]["acquire"], by_customer["a"]["unbooked_acquire"]) == (50, 0)
    assert (by_customer["b"]["acquire"], by_customer["b"]["unbooked_acquire"]) == (70, 70)
    assert "nobody" not in by_customer


def test_shared_acquisition_expenses_are_only_explained_by_the_customer_table(engine: Engine) -> None:
    book = a_book(engine, BUYS, expenses=[(None, day(1), 50, "获客")], customers=[("b", day(2), 70)])
    _, by_customer = costs(engine, book)
    assert [by_customer[one]["acquire"] for one in "ab"] == [50, 0]
    assert [by_customer[one]["unbooked_acquire"] for one in "ab"] == [0, 0]


def test_contacts_count_only_where_no_service_is_booked(engine: Engine) -> None:
    contacts: Rows = [("a", day(2), "counter", 40), ("a", day(3), "ATM", 2), ("b", day(3), "ATM", None)]
    _, alone = costs(engine, a_book(engine, BUYS, contacts=contacts))
    assert (alone["a"]["serve"], alone["a"]["unbooked_serve"], alone["b"]["serve"]) == (42, 42, 0)
    _, booked = costs(engine, a_book(engine, BUYS, contacts=contacts, expenses=[("b", day(3), 9, "service")]))
    assert (booked["a"]["serve"], booked["a"]["unbooked_serve"], booked["b"]["serve"]) == (0, 0, 9)


def test_v19_cost_to_serve_by_channel(engine: Engine) -> None:
    contacts: Rows = [
        ("a", day(2), "counter", 40),
        ("a", day(3), "ATM", 2),
        ("b", day(3), "ATM", 1),
        ("b", day(3), None, 5),
    ]
    channels = contact_channels(a_book(engine, BUYS, contacts=contacts))
    assert channels is not None
    rows = engine.fetch(channels).to_pylist()
    assert [(row["channel"], row["contacts"], row["customers"], row["cost"]) for row in rows] == [
        ("counter", 1, 1, 40), ("", 1, 1, 5), ("ATM", 2, 2, 3)
    ]  # fmt: skip
    assert contact_channels(a_book(engine, BUYS)) is None


def test_nothing_after_as_of_counts(engine: Engine) -> None:
    late: Mapping[str, Rows] = {
        "expenses": [("a", day(9), 50, "acquisition"), (None, day(9), 50, "service")],
        "customers": [("b", day(9), 70), ("a", None, 20)],
        "contacts": [("a", day(9), "ATM", 2), ("a", day(5), "ATM", 3)],
    }
    _, by_customer = costs(engine, a_book(engine, BUYS, **late), as_of=day(6))
    assert (by_customer["a"]["acquire"], by_customer["a"]["serve"], by_customer["b"]["acquire"]) == (20, 3, 0)


# found at once, but shrunk for minutes: every example is several statements of the engine
@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@example([(None, day(3), Decimal("100.01"), "acquisition"), (None, day(3), Decimal("0.01"), "service")])
@example([(None, day(1), Decimal("-0.01"), "acquisition")])  # a shared refund became a whole more
@example([(None, day(3), Decimal("-7.77"), "acquisition"), (None, day(4), Decimal("5.55"), "marketing")])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", None]),
            st.integers(1, 12).map(day),
            st.integers(-500, 5000).map(lambda cents: Decimal(cents) / 100),
            st.sampled_from(["acquisition", "marketing", "selling", "service", "retention", "?", None]),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_kinds_add_up_to_the_ledger_and_to_the_company(engine: Engine, spent: list[tuple[Any, ...]]) -> None:
    book = a_book(engine, BUYS, expenses=spent)
    ledger = open_ledger(engine, book, Calendar(), END)
    found = costs_of(book, ledger)
    assert found is not None
    assert found.booked is not None
    mine: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    kinds: dict[str, Decimal] = defaultdict(Decimal)
    for row in engine.fetch(found.booked).to_pylist():
        for kind in KINDS:
            mine[row["customer"], row["number"]] += row[kind]
            kinds[kind] += row[kind]
    accounts = engine.fetch(ledger.accounts).to_pylist()
    theirs = {(row["customer"], row["number"]): row["expense"] for row in accounts if row["expense"]}
    assert {key: value for key, value in mine.items() if value} == theirs
    won = {(row["customer"], row["number"]): row["acquisition_expense"] for row in accounts}
    booked = {(row["customer"], row["number"]): row["acquire"] for row in engine.fetch(found.booked).to_pylist()}
    assert {key: cost for key, cost in won.items() if cost} == {key: cost for key, cost in booked.items() if cost}
    names = dict(
        zip(("acquisition", "marketing", "selling", "service", "retention", "?", None), (*KINDS, "other"), strict=True)
    )
    told: dict[str, Decimal] = defaultdict(Decimal)
    for _, _, amount, kind in spent:
        told[names[kind]] += amount
    assert {kind: kinds[kind] for kind in KINDS} == {kind: told[kind] for kind in KINDS}
