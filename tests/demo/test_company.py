"""Agreement: what the tables say of each other, and what a manager should be able to see in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pyarrow import csv, parquet

from kezhi.demo import Company

Row = dict[str, Any]


def table(company: Company, name: str) -> list[Row]:
    """A table's rows with dates as dates and money as decimals."""
    import pyarrow as pa

    money = ("amount", "cost", "discount", "list_price", "acquisition_cost", "unit_cost", "price")
    options = csv.ConvertOptions(
        column_types={column: pa.decimal128(18, 4) for column in money}, strings_can_be_null=True
    )
    rows: list[Row] = csv.read_csv(company.files[name], convert_options=options).to_pylist()
    return rows


@pytest.fixture(scope="module")
def orders(clean: Company) -> list[Row]:
    return table(clean, "orders")


@pytest.fixture(scope="module")
def customers(clean: Company) -> dict[str, Row]:
    return {row["customer_id"]: row for row in table(clean, "customers")}


@pytest.fixture(scope="module")
def truth(clean: Company) -> dict[str, Row]:
    return {row["customer_id"]: row for row in parquet.read_table(clean.files["truth_customers"]).to_pylist()}


def test_lines_add_up(clean: Company, orders: list[Row]) -> None:
    for row in orders:
        assert row["quantity"] * row["list_price"] - row["discount"] == row["amount"]
        assert (row["quantity"] > 0) == (row["amount"] > 0)
    assert sum(row["amount"] for row in orders) == Decimal(clean.truth["amount"])
    assert -sum(row["amount"] for row in orders if row["quantity"] < 0) == Decimal(clean.truth["returned"])


def test_returns_follow_their_sale(orders: list[Row]) -> None:
    sold: dict[str, list[Row]] = defaultdict(list)
    for row in orders:
        if row["quantity"] > 0:
            sold[row["order_id"]].append(row)
    returned = [row for row in orders if row["quantity"] < 0]
    assert 0.01 < len(returned) / len(orders) < 0.05
    for back in returned:
        sales = [row for row in sold[back["order_id"]] if row["product_id"] == back["product_id"]]
        assert any(
            sale["quantity"] >= -back["quantity"]
            and sale["amount"] >= -back["amount"]
            and sale["date"] < back["date"]
            and sale["customer_id"] == back["customer_id"]
            for sale in sales
        )


def test_one_order_is_one_customers_day(orders: list[Row]) -> None:
    sales = [row for row in orders if row["quantity"] > 0]
    owners = {(row["order_id"], row["customer_id"], row["date"]) for row in sales}
    assert len(owners) == len({row["order_id"] for row in sales})
    days = {(row["customer_id"], row["date"]) for row in sales}
    assert len(days) < len(owners)


def test_products_exist_and_were_on_the_shelf(clean: Company, orders: list[Row]) -> None:
    products = {row["product_id"]: row for row in table(clean, "products")}
    for row in orders:
        product = products[row["product_id"]]
        assert row["date"] >= product["launched_on"]
        if row["quantity"] > 0 and product["retired_on"]:
            assert row["date"] < product["retired_on"]
    assert {row["product_id"] for row in orders} == set(products)
    linked = table(clean, "product_links")
    assert {row["kind"] for row in linked} == {"related", "accessory", "upgrade"}
    assert all(row["product_id"] in products and row["linked_id"] in products for row in linked)
    suggested = {row["product_id"] for row in table(clean, "suggestions")} - {None}
    assert suggested <= set(products)


def test_referrals_are_a_forest(customers: dict[str, Row]) -> None:
    for start, row in customers.items():
        seen = {start}
        assert (row["referrer_id"] is not None) == (row["source"] == "referral")
        while row["referrer_id"] is not None:
            assert row["referrer_id"] not in seen
            seen.add(row["referrer_id"])
            assert customers[row["referrer_id"]]["acquired_on"] <= row["acquired_on"]
            row = customers[row["referrer_id"]]  # noqa: PLW2901
    sent = Counter(row["referrer_id"] for row in customers.values() if row["referrer_id"])
    assert 0.15 < sent.total() / len(customers) < 0.3
    assert max(sent.values()) >= 5


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("expenses", "date"),
        ("suggestions", "date"),
        ("contacts", "date"),
        ("actions", "date"),
        ("surveys", "date"),
        ("opportunities", "opened_on"),
    ],
)
def test_records_belong_to_customers_of_that_day(
    clean: Company, customers: dict[str, Row], name: str, day: str
) -> None:
    for row in table(clean, name):
        assert clean.first_day <= row[day] <= clean.last_day
        if row["customer_id"] is not None:
            assert row[day] >= customers[row["customer_id"]]["acquired_on"]


def test_first_purchase_is_the_acquisition(orders: list[Row], customers: dict[str, Row]) -> None:
    first: dict[str, Any] = {}
    for row in orders:
        first.setdefault(row["customer_id"], row["date"])
    assert first == {number: row["acquired_on"] for number, row in customers.items()}


def test_who_left_buys_no_more(orders: list[Row], truth: dict[str, Row]) -> None:
    left = {number for number, row in truth.items() if not row["still_customer"]}
    assert 0.15 < len(left) / len(truth) < 0.5
    for row in orders:
        if row["quantity"] > 0 and row["customer_id"] in left:
            assert row["date"] <= truth[row["customer_id"]]["stopped_on"]


def test_acquisition_cost_is_in_the_expenses(clean: Company, customers: dict[str, Row]) -> None:
    spent = {row["customer_id"]: row["amount"] for row in table(clean, "expenses") if row["kind"] == "acquisition"}
    assert spent == {n: row["acquisition_cost"] for n, row in customers.items() if row["acquisition_cost"]}
    shared = {row["kind"] for row in table(clean, "expenses") if row["customer_id"] is None}
    assert shared == {"marketing"}


def test_bills_are_the_organisations_sales(clean: Company, orders: list[Row], truth: dict[str, Row]) -> None:
    firms = {n for n, row in truth.items() if row["role"] not in ("consumer", "internal")}
    sold = sum(row["amount"] for row in orders if row["quantity"] > 0 and row["customer_id"] in firms)
    bills = table(clean, "receivables")
    assert sum(row["amount"] for row in bills) == sold
    assert any(row["paid_on"] is None and row["due_on"] < clean.last_day for row in bills)


def test_value_is_concentrated_and_sometimes_negative(clean: Company, orders: list[Row]) -> None:
    value: dict[str, float] = defaultdict(float)
    for row in orders:
        value[row["customer_id"]] += float(row["amount"] - (row["cost"] or 0))
    for row in table(clean, "expenses"):
        if row["customer_id"] is not None:
            value[row["customer_id"]] -= float(row["amount"])
    ranked = np.sort(list(value.values()))[::-1]
    top = ranked[: len(ranked) // 5].sum() / ranked.sum()
    assert 0.7 < top < 0.95
    assert 0.02 < np.mean(ranked < 0) < 0.12


def test_habits_show(clean: Company, orders: list[Row], truth: dict[str, Row]) -> None:
    sales = [row for row in orders if row["quantity"] > 0]
    cheap: dict[str, list[bool]] = defaultdict(list)
    for row in sales:
        cheap[truth[row["customer_id"]]["habit"]].append(row["discount"] > 0)
    assert np.mean(cheap["bargain_hunter"]) > 0.85 > 0.4 > np.mean(cheap["ordinary"])
    once = {number for number, row in truth.items() if row["habit"] == "one_off"}
    assert once
    assert all(truth[number]["purchases"] == 1 for number in once)
    high = Counter(row["customer_id"] for row in table(clean, "suggestions") if row["grade"] == "high")
    assert all(high[number] >= 5 for number, row in truth.items() if row["habit"] == "suggester")


def test_costs_are_sometimes_missing(orders: list[Row]) -> None:
    sales = [row for row in orders if row["quantity"] > 0]
    assert 0.015 < np.mean([row["cost"] is None for row in sales]) < 0.025
    assert 0.002 < np.mean([row["cost"] == 0 for row in sales]) < 0.008


def test_busy_months_are_busy(clean: Company) -> None:
    season = dict(zip(range(36), clean.truth["season"], strict=True))
    november, summer = [season[m] for m in (1, 13, 25)], [season[m] for m in (9, 21, 33)]
    assert min(november) > 1.15 > 0.9 > max(summer)


def test_vouchers_brought_what_the_truth_says(clean: Company, orders: list[Row], truth: dict[str, Row]) -> None:
    """Drawn by lot, alike before, and then more purchases by the true share, within sampling error."""
    said = clean.truth["actions"][0]
    begin = date.fromisoformat(said["date"])
    arms = {row["customer_id"]: row["arm"] for row in table(clean, "actions") if row["action"] == said["name"]}
    assert Counter(arms.values()) == {"treated": said["treated"], "control": said["control"]}
    days = {(row["customer_id"], row["date"]) for row in orders if row["quantity"] > 0 and row["customer_id"] in arms}
    for first, effect in ((begin, said["extra_purchases"]), (begin - timedelta(said["days"]), 0.0)):
        last = first + timedelta(said["days"])
        bought = Counter(customer for customer, day in days if first <= day < last)
        treated, control = ([bought[who] for who, one in arms.items() if one == arm] for arm in ("treated", "control"))
        error = np.sqrt(np.var(treated) / len(treated) + np.var(control) / len(control))
        assert abs(np.mean(treated) - np.mean(control) - effect) < 3 * error
    assert all(truth[who]["habit"] not in ("falling", "rising", "one_off") for who in arms)


def test_actions_are_with_and_without_a_control_group(clean: Company) -> None:
    arms = Counter((row["action"], row["arm"]) for row in table(clean, "actions"))
    for action in clean.truth["actions"]:
        counts = tuple(arms[action["name"], arm] for arm in ("treated", "control"))
        assert counts == (action["treated"], action["control"])
        assert (action["control"] == 0) == (action["groups"] == "none")
