"""Who looks for price, and who for value, against adding up by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import ibis
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.segments.need_types import measured
from kezhi.settings.kinds import NeedTypes
from kezhi.worth import Work
from worth.small_company import Company

AS_OF = date(2025, 6, 30)
Rows = list[dict[str, Any]]


def line(customer: str, number: int, amount: float, *, discount: float | None = 0, **more: Any) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "date": date(2025, 1, 1) + timedelta(days=number),
        "amount": Decimal(str(amount)),
        "discount": None if discount is None else Decimal(str(discount)),
    } | more  # fmt: skip


def company(seed: int = 3) -> tuple[Rows, Rows]:
    """Lines at random, of which some tell no discount, no product or no quantity; and what the products cost."""
    chance = random.Random(seed)
    prices = {f"P{n}": Decimal(10 + 7 * n) for n in range(5)}
    rows: Rows = []
    for number in range(24):
        rate = chance.choice([0.0, 0.0, 0.2, 0.9])  # how often this one gets a discount
        for place in range(chance.randrange(1, 15)):
            product, pieces = chance.choice(list(prices)), chance.randrange(1, 6)
            whole = prices[product] * pieces
            off = (whole * Decimal("0.3")).quantize(Decimal("0.01")) if chance.random() < rate else Decimal(0)
            told = chance.random() < 0.8
            row = line(f"C{number:02d}", 9 * place + number, 0) | {
                "date": date(2024, 3, 1) + timedelta(days=chance.randrange(480)),
                "amount": whole - off, "discount": off if told else None,
                "product_id": product if chance.random() < 0.95 else None,
                "quantity": float(pieces) if chance.random() < 0.95 else None,
                "list_price": prices[product] if chance.random() < 0.7 else None,
            }  # fmt: skip
            rows.append(row)
        if chance.random() < 0.3:
            rows.append({**rows[-1], "amount": -rows[-1]["amount"], "discount": Decimal(0)})
    return rows, [{"product_id": name, "price": price} for name, price in prices.items() if name != "P4"]


def by_hand(orders: Rows, products: Rows, rules: NeedTypes) -> dict[str, tuple[Any, ...]]:
    """customer: type, share of discounted lines, price index, lines."""
    price = {row["product_id"]: row["price"] for row in products}
    sold = [row for row in orders if row["amount"] > 0]
    each: dict[tuple[str, int], list[float]] = {}
    for row in sold:
        if row["product_id"] and row["quantity"]:
            each.setdefault((row["product_id"], row["date"].year), []).append(float(row["amount"]) / row["quantity"])
    found = {}
    for customer in {row["customer_id"] for row in sold}:
        known, paid, usual = [], Decimal(0), Decimal(0)
        for row in (one for one in sold if one["customer_id"] == customer):
            pieces = Decimal(row["quantity"] or 0)
            before = row["list_price"] * pieces if row["list_price"] and pieces else None
            if before is None and row["discount"] is not None:
                before = row["amount"] + row["discount"]
            if before is None and row["product_id"] in price and pieces:
                before = price[row["product_id"]] * pieces
            if row["discount"] is not None:
                known.append(row["discount"] > 0)
            elif before is not None:
                known.append(float(row["amount"]) < float(before) * 0.99)
            if row["product_id"] and pieces:
                middle = median(each[row["product_id"], row["date"].year])
                paid += row["amount"]
                usual += Decimal(str(round(middle * float(pieces), 4)))
        share = sum(known) / len(known) if known else None
        index = float(paid) / float(usual) if usual else None
        kind = None
        if len(known) >= rules.least_lines and index is not None and share is not None:
            kind = "mixed"
            if share >= rules.price_discounted and index < rules.price_index:
                kind = "price_oriented"
            elif share <= rules.value_discounted and index >= rules.value_index:
                kind = "value_oriented"
        found[customer] = (kind, share, index, len(known))
    return found


def read(work: Work) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in pq.read_table(work.folder / "need_types.parquet").to_pylist()}


@pytest.fixture(scope="module")
def random_one(worked: Callable[..., Work]) -> tuple[Work, dict[str, Any], Rows, Rows]:
    orders, products = company()
    work = worked(orders, products=products, as_of=AS_OF, need_types={"least_lines": 4})
    found = measured(work)
    assert found is not None
    return work, found.facts, orders, products


def test_types_agree_with_adding_up_by_hand(random_one: tuple[Work, dict[str, Any], Rows, Rows]) -> None:
    work, _, orders, products = random_one
    wanted, rows = by_hand(orders, products, work.settings.need_types), read(work)
    assert set(rows) == set(wanted)
    for customer, (kind, share, index, lines) in wanted.items():
        row = rows[customer]
        assert (row["need_type"], row["lines"]) == (kind, lines), customer
        assert row["discount_share"] == pytest.approx(share)
        assert row["price_index"] == pytest.approx(index, rel=1e-6)
    assert {kind for kind, *_ in wanted.values()} == {"price_oriented", "value_oriented", "mixed", None}


def test_facts_add_up_to_the_company(random_one: tuple[Work, dict[str, Any], Rows, Rows]) -> None:
    work, facts, *_ = random_one
    whole = work.engine.row(work.figures.aggregate(n=work.figures.count(), value=work.figures.value.sum()))
    assert sum(row["customers"] for row in facts["types"]) == whole["n"]
    assert sum(row["value"] for row in facts["types"]) == whole["value"]
    assert (facts["index_against"], facts["list_price_of"]) == ("usual_price", "piece")


@pytest.mark.parametrize(
    ("discounted", "index", "kind"),
    [
        (7, "0.8999", "price_oriented"),  # the row's own example: 70 % of the lines, and below 0.9
        (7, "0.9", "mixed"),
        (6, "0.5", "mixed"),
        (3, "1.0", "value_oriented"),
        (3, "0.9999", "mixed"),
        (4, "1.2", "mixed"),
    ],
)
def test_t08_seventy_percent_discounted_and_an_index_below_0_9_is_price_oriented(
    engine: Engine, discounted: int, index: str, kind: str
) -> None:
    """T08: >= 70 % of lines discounted and price index < 0.9 is price-oriented; edges belong where rules say."""
    from kezhi.segments.need_types import judged

    row = {"lines": 10, "discounted": discounted, "paid": Decimal(index) * 1000, "usual": Decimal(1000)}
    literals = {name: ibis.literal(value) for name, value in row.items()}
    sums = ibis.literal(1).name("one").as_table().mutate(**literals)
    assert engine.row(judged(sums, NeedTypes()))["need_type"] == kind
    few = judged(sums.mutate(lines=ibis.literal(4)), NeedTypes())
    assert engine.row(few)["need_type"] is None


def test_the_order_of_rows_and_what_comes_after_change_nothing(
    random_one: tuple[Work, dict[str, Any], Rows, Rows], tmp_path: Path
) -> None:
    work, facts, *_ = random_one
    rows = work.book.orders.order_by(ibis.desc("amount"), ibis.desc("customer_id"), "date")
    later = rows.filter(rows.amount > 0).mutate(date=ibis.date(2025, 7, 1), discount=rows.amount.cast("decimal(18, 4)"))
    turned = work.engine.store(rows.union(later.select(*rows.columns)))
    again = replace(
        work,
        book=replace(work.book, orders=turned).known(AS_OF),
        forecasted=replace(work.forecasted, folder=tmp_path),
    )
    found = measured(again)
    assert found is not None
    assert read(again) == read(work)
    assert found.facts == facts


def test_list_prices_of_lines_and_the_word_of_the_customer_table(worked: Callable[..., Work]) -> None:
    """Without products an index is against the list price; the table's own word counts before the lines."""
    orders = [
        line(customer, n, amount, discount=None, list_price=Decimal(100), quantity=4.0)
        for customer, amount in (("cheap", 60), ("full", 100), ("told", 60), ("odd", 100))
        for n in range(6)
    ]
    people = [
        {"customer_id": "told", "需求类型": "价值取向型"},
        {"customer_id": "odd", "需求类型": "whatever"},
        {"customer_id": "stranger", "需求类型": "price"},  # bought nothing: nobody of the ledger
    ]
    work = worked(orders, customers=people, as_of=AS_OF)
    found = measured(work)
    assert found is not None
    rows = read(work)
    assert {name: (row["need_type"], row["source"]) for name, row in rows.items()} == {
        "cheap": ("price_oriented", "lines"),
        "full": ("value_oriented", "lines"),
        "odd": ("value_oriented", "lines"),
        "told": ("value_oriented", "manual"),
    }
    assert rows["cheap"]["price_index"] == 0.6
    assert (found.facts["index_against"], found.facts["list_price_of"]) == ("list_price", "line")
    ((code, text),) = found.warnings
    assert code == "need_types_unknown"
    assert "1 customers" in text.en
    assert "whatever" not in text.en


def test_nothing_is_measured_where_lines_say_nothing_of_prices(followed: tuple[Company, Work]) -> None:
    assert measured(followed[1]) is None
