"""Kinds of purchase (W06): the five-year case, and random orders against a plain walk through each customer's lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kezhi.demo.referral_case import JOINED, PATH, PRODUCTS, UPGRADES, make_referral_case
from kezhi.engine import Engine
from kezhi.ledger import Calendar
from kezhi.worth import line_kinds

Line = tuple[str, date, str | None, int]
Product = tuple[str, str | None, str | None, str | None]  # id, category, family, version
Totals = dict[tuple[date, str, bool], tuple[int, int]]


def company(
    engine: Engine,
    folder: Path,
    lines: Iterable[Line],
    products: Sequence[Product] = (),
    upgrades: Sequence[tuple[str, str]] = (),
    sent: Iterable[str] = (),
    *,
    orders: Sequence[str | None] = (),
    period: Any = "year",
) -> Any:
    """Just as much of a `Work` as the kinds of purchase ask for."""
    who, days, what, amounts = (list(part) for part in zip(*lines, strict=True))
    ids = sorted(set(who))
    money = pa.array([Decimal(amount) for amount in amounts], pa.decimal128(18, 4))
    table = {"customer_id": who, "date": pa.array(days, pa.date32()), "amount": money}
    table["product_id"] = pa.array(what, pa.string())
    if orders:
        table["order_id"] = pa.array(orders, pa.string())
    keys = pa.array(range(len(ids)), pa.int32())
    members = {"customer": keys, "generation": pa.array([int(one in sent) for one in ids], pa.int64())}
    return SimpleNamespace(
        engine=engine,
        folder=folder,
        calendar=Calendar(period),
        ledger=SimpleNamespace(people=engine.table(pa.table({"customer": keys, "customer_id": ids}))),
        forest=SimpleNamespace(members=engine.table(pa.table(members))) if sent else None,
        book=SimpleNamespace(
            orders=engine.table(pa.table(table)),
            products=as_table(engine, ("product_id", "category", "family", "version"), products),
            product_links=as_table(
                engine, ("product_id", "linked_id", "kind"), [(*pair, "upgrade") for pair in upgrades]
            ),
        ),
    )


def as_table(engine: Engine, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Any:
    if not rows:
        return None
    columns = zip(*rows, strict=True)
    return engine.table(
        pa.table({name: pa.array(list(c), pa.string()) for name, c in zip(names, columns, strict=True)})
    )


def found(work: Any) -> Totals:
    assert line_kinds.measured(work) is not None
    rows = pq.read_table(work.folder / "line_kinds.parquet").to_pylist()
    return {(row["period"], row["kind"], row["referred"]): (row["lines"], int(row["amount"])) for row in rows}


def walked(
    lines: Iterable[Line], products: Sequence[Product], upgrades: Sequence[tuple[str, str]], sent: Iterable[str]
) -> Totals:
    """The slow way: each line against everything the customer bought on earlier days."""
    about = {one[0]: one[1:] for one in products}
    by_customer: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_customer[line[0]].append(line)
    totals: dict[tuple[date, str, bool], list[int]] = defaultdict(lambda: [0, 0])
    for customer, own in by_customer.items():
        sales = [line for line in own if line[3] > 0]
        for line in own:
            if line[3] == 0:
                continue
            before = [other[2] for other in sales if other[1] < line[1]]
            kind = "return" if line[3] < 0 else kind_of(line[2], before, about, upgrades)
            kind = "referral" if kind == "first" and customer in sent else kind
            total = totals[date(line[1].year, 1, 1), kind, customer in sent]
            total[0] += 1
            total[1] += line[3]
    return {key: (count, amount) for key, (count, amount) in totals.items()}


def kind_of(
    product: str | None, before: list[str | None], about: Mapping[str, Any], upgrades: Sequence[tuple[str, str]]
) -> str:
    if not before:
        return "first"
    if product is None:
        return "unknown"
    if product in before:
        return "repeat"
    nothing = (None, None, None)
    category, family, version = about.get(product, nothing)
    known = [about.get(one, nothing) for one in before if one is not None]
    older = [other for _, same, other in known if same == family and other is not None]
    newer = family is not None and version is not None and older and all(int(one) < int(version) for one in older)
    if newer or any((one, product) in upgrades for one in before):
        return "upgrade"
    return "repeat" if category is not None and category in [one[0] for one in known] else "cross_sell"


shelf: list[Product] = [
    ("a1", "tea", "a", "1"),
    ("a2", "tea", "a", "2"),
    ("a10", "tea", "a", "10"),
    ("b1", "pot", "b", "1"),
    ("b2", "jar", "b", "2"),
    ("c", "jar", None, None),
    ("d", None, None, None),
    ("e", "box", "a", None),
]
bought = st.tuples(
    st.sampled_from(["u", "v", "w", "x", "y"]),
    st.integers(0, 9).map(lambda n: date(2021, 11, 1) + timedelta(days=40 * n)),
    st.sampled_from([*(one[0] for one in shelf), "stranger", None]),
    st.sampled_from([-3, 0, 1, 2, 5, 7]),
)


@given(st.lists(bought, min_size=30, max_size=80))
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # each example is half a second; shrinking would take hundreds
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_random_orders_agree_with_a_walk(engine: Engine, tmp_path: Path, lines: list[Line]) -> None:
    lines = [("u", date(2021, 12, 1), "a1", 4), *lines]
    links = [("c", "d"), ("b2", "a1")]
    work = company(engine, tmp_path, lines, shelf, links, ("v", "w"))
    assert found(work) == walked(lines, shelf, links, ("v", "w"))


def test_w06_the_five_year_case(engine: Engine, tmp_path: Path) -> None:
    from pyarrow import csv

    files = make_referral_case(tmp_path / "files").files
    orders = csv.read_csv(files["orders"]).to_pylist()
    lines = [(row["customer_id"], row["date"], row["product_id"], row["amount"]) for row in orders]
    about = [(number, kind.en, family or None, version or None) for number, _, kind, family, version, _ in PRODUCTS]
    kinds = found(company(engine, tmp_path, lines, about, UPGRADES, set(JOINED) - {"A"}))
    second = {kind: amount for (period, kind, _), (_, amount) in kinds.items() if period.year == 2022}
    assert second == {"upgrade": 500, "cross_sell": 250, "referral": 800}
    own = [(period.year, kind, amount) for (period, kind, sent), (_, amount) in sorted(kinds.items()) if not sent]
    assert own == [
        (2021, "first", 800),
        (2022, "cross_sell", 250),
        (2022, "upgrade", 500),
        (2023, "cross_sell", 700),
        (2024, "upgrade", 500),
        (2025, "repeat", 200),
        (2025, "upgrade", 3000),
    ]
    sent = {year: sum(amount for (period, _, by), (_, amount) in kinds.items() if by and period.year == year)
            for year in range(2021, 2026)}  # fmt: skip
    assert list(sent.values()) == [0, 800, 1550, 3050, 2700]
    assert len(lines) == sum(len(bought) for one in JOINED.values() for bought in PATH[: 6 - one]) == 27


def test_a_return_is_taken_off_on_the_day_of_its_order(engine: Engine, tmp_path: Path) -> None:
    lines: list[Line] = [("u", date(2023, 12, 20), "c", 9), ("u", date(2024, 1, 10), "c", -4)]
    kinds = found(company(engine, tmp_path, lines, orders=("o1", "o1")))
    assert kinds == {(date(2023, 1, 1), "first", False): (1, 9), (date(2023, 1, 1), "return", False): (1, -4)}


def test_the_order_of_the_rows_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    lines = [(f"c{n % 3}", date(2023, 1 + n % 12, 3), shelf[n % 8][0], 1 + n % 5) for n in range(70)]
    assert found(company(engine, tmp_path, lines, shelf)) == found(company(engine, tmp_path, lines[::-1], shelf))


def test_versions_go_by_their_numbers(engine: Engine, tmp_path: Path) -> None:
    names = ("mark 2", "mark 10", "2.9", "2.10", "2.9.1")
    order = {"mark 2": 0, "2.9": 1, "2.9.1": 2, "2.10": 3, "mark 10": 4}
    products: list[Product] = [(name, "tea", "a", name) for name in names]
    lines: list[Line] = []
    for one in names:
        for other in names:
            lines += [(f"{one} {other}", date(2023, 1, 1), one, 1), (f"{one} {other}", date(2024, 1, 1), other, 1)]
    kinds = found(company(engine, tmp_path, lines, products))
    upgrades = sum(order[one] < order[other] for one in names for other in names)
    assert kinds[date(2024, 1, 1), "upgrade", False][0] == upgrades == 10
    assert kinds[date(2024, 1, 1), "repeat", False][0] == 25 - upgrades


def test_amounts_add_up_and_facts_are_totals(engine: Engine, tmp_path: Path) -> None:
    lines = [(f"c{n % 4}", date(2023, 1 + n % 12, 3), shelf[n % 8][0], n % 7 - 1) for n in range(60)]
    work = company(engine, tmp_path, lines, shelf, sent=("c1",))
    one = line_kinds.measured(work)
    assert one is not None
    assert one.facts["amount"] == sum(line[3] for line in lines)
    assert one.facts["referred_amount"] == sum(line[3] for line in lines if line[0] == "c1")
    assert sum(row["amount"] for row in one.facts["kinds"]) == one.facts["amount"]
    assert sum(row["share"] for row in one.facts["kinds"] if row["kind"] != "return") == pytest.approx(1.0)


def test_without_products_or_sales_there_is_nothing(engine: Engine, tmp_path: Path) -> None:
    work = company(engine, tmp_path, [("u", date(2023, 1, 1), "c", -9)])
    assert line_kinds.measured(work) is None
    work.book.orders = work.book.orders.drop("product_id")
    assert line_kinds.measured(work) is None
    assert not list(tmp_path.iterdir())
