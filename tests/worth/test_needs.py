"""What customers may need next: V07, A19 and A16, and every number beside an obvious second computation."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli.app import main
from kezhi.engine import Engine
from kezhi.intake import import_table
from kezhi.language import KezhiError
from kezhi.settings import read_settings
from kezhi.workspace import Workspace
from kezhi.worth import Found, Work
from kezhi.worth.needs import measured
from kezhi.worth.needs.past import moments
from kezhi.worth.needs.rates import learn, product_factors, shrunk, strength_of_prior
from kezhi.worth.needs.shelf import Shelf, link_kind
from kezhi.worth.needs.words import KINDS, why

Worked = Callable[..., Work]
DAY = timedelta(days=1)


def line(customer: str, day: date, product: str | None, amount: float = 10.0, quantity: float = 1.0) -> dict[str, Any]:
    return {"customer_id": customer, "date": day, "product_id": product, "amount": amount, "quantity": quantity}


def needs_of(work: Work) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(work.folder / "needs.parquet").to_pylist()
    return rows


def foreseen(work: Work) -> tuple[Found, list[dict[str, Any]]]:
    found = measured(work)
    assert found is not None
    return found, needs_of(work)


def shop(seed: int, customers: int = 60, days: int = 420, products: int = 9) -> list[dict[str, Any]]:
    """Customers who come again at their own pace and mostly for their own products."""
    random = Random(seed)
    rows = []
    for number in range(customers):
        liked = random.sample(range(products), 3)
        at = random.randrange(days // 2)
        while at < days:
            chosen = {random.choice(liked) if random.random() < 0.7 else random.randrange(products) for _ in range(2)}
            day = date(2024, 1, 1) + at * DAY
            rows += [line(f"C{number:03d}", day, f"P{p}", 5 + p, random.choice((1, 2))) for p in sorted(chosen)]
            at += 1 + int(random.expovariate(1 / random.choice((20, 45, 90))))
    return rows


# --- V07: the acceptance example ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(worked: Worked) -> tuple[Found, list[dict[str, Any]]]:
    """A company of few orders within one window, so that nothing can be learned of chances.

    T gave the tea back and only has a cup; R has a kettle that is no longer sold.
    """
    day = date(2025, 10, 1)
    orders = [
        *(line("K", date(2025, 1, 1) + n * 364 * DAY, p, 300) for n, p in ((0, "KETTLE"), (1, "TOWEL"))),
        *(line(c, day, p) for c, p in (("A", "JUG"), ("B", "JUG"), ("B", "FILTER"), ("C", "FILTER"))),
        line("R", date(2025, 9, 10), "OLD", 100),
        line("T", date(2025, 9, 1), "TEA", 20),
        line("T", date(2025, 9, 5), "TEA", -20, -1),
        line("T", date(2025, 9, 8), None, 7),
        line("T", date(2025, 9, 9), "CUP", 8),
    ]
    links = [
        {"product_id": main, "linked_id": other, "kind": "accessory"}
        for main, other in (("JUG", "FILTER"), ("TEA", "POT"), ("CUP", "POT"), ("CUP", "NOWHERE"))
    ]
    lives = {"KETTLE": 365, "OLD": 60, "NEW": 60, "NEXT": 60}
    launched = {"OLD": date(2020, 1, 1), "NEW": date(2025, 9, 15), "NEXT": date(2026, 1, 2)}
    prices = {"KETTLE": 379.0, "OLD": 100.0, "NEW": 150.0, "NEXT": 190.0, "POT": 30.0}
    products = [
        {
            "product_id": product,
            "name": product.capitalize(),
            "price": price,
            "unit_cost": price / 2,
            "life_days": lives.get(product),
            "launched_on": launched.get(product),
            "retired_on": date(2025, 9, 20) if product == "OLD" else None,
            "family": "kettle" if product in launched else None,
            "version": None,
        }
        for product, price in prices.items()
    ]
    # a horizon of a year: the book does not reach back a window
    work = worked(orders, products=products, product_links=links, as_of=date(2025, 12, 31), horizon=12)
    return foreseen(work)


def own(house: tuple[Found, list[dict[str, Any]]], customer: str) -> list[dict[str, Any]]:
    return [row for row in house[1] if row["customer_id"] == customer and row["kind"] != "popular"]


def test_v07_a_product_of_a_years_life_is_needed_again_a_year_later_at_its_current_price(house: Any) -> None:
    [need] = own(house, "K")
    assert (need["product_id"], need["kind"], need["expected_on"]) == ("KETTLE", "replacement", date(2026, 1, 1))
    assert need["price"] == need["value"] == Decimal("379.0000")
    assert need["interval_days"] == 365
    assert need["probability"] is need["expected_value"] is None  # there is no past to learn a chance from
    assert why(need).en == "Kettle, bought on 2025-01-01, lasts about 365 days."
    assert why(need).zh == "Kettle购于 2025-01-01，可用约 365 天。"


def test_v07_the_accessory_rule_fires_when_the_main_product_was_bought_and_the_accessory_not(house: Any) -> None:
    fired = [row for row in house[1] if row["kind"] == "accessory"]
    # T gave the tea back, so that only the cup asks for a pot
    assert [(row["customer_id"], row["product_id"], row["because_product_id"]) for row in fired] == [
        ("A", "FILTER", "JUG"),
        ("T", "POT", "CUP"),
    ]
    assert [row["rank"] for row in fired] == [1, 1]  # before what merely sells well
    found = house[0]
    assert (found.facts["trial"], found.facts["chances"]) == (None, [])
    assert [code for code, _ in found.warnings] == ["links_unknown"]
    assert found.warnings[0][1].en.startswith("1 product links")


def test_v07_a_product_no_longer_sold_gives_way_to_the_newest_version_on_sale(house: Any) -> None:
    first, *_ = own(house, "R")
    assert (first["product_id"], first["kind"], first["price"]) == ("NEW", "replacement", Decimal(150))
    assert first["expected_on"] == date(2026, 1, 1)  # overdue: tomorrow
    assert {row["product_id"] for row in own(house, "R")} == {"NEW"}  # NEXT is only launched later


# --- A19: rules ---------------------------------------------------------------------------------------------


def slow_rules(rows: list[dict[str, Any]], least: int) -> dict[tuple[str, str, str], tuple[int, float, float, float]]:
    """Rules from dictionaries: of each product the three most confident with a lift above 1."""
    baskets, histories = defaultdict(set), defaultdict(set)
    for row in rows:
        baskets[row["customer_id"], row["date"]].add(row["product_id"])
        histories[row["customer_id"]].add(row["product_id"])
    found = {}
    for scope, sets in (("basket", baskets), ("history", histories)):
        single = Counter(product for one in sets.values() for product in one)
        pairs = Counter(pair for one in sets.values() for pair in permutations(sorted(one), 2))
        rules = defaultdict(list)
        for (first, then), both in pairs.items():
            lift = both / single[first] * len(sets) / single[then]
            if both >= least and lift > 1 and single[first] <= len(sets) / 2:
                rules[first].append((-both / single[first], -lift, then, both, both / len(sets)))
        for first, many in rules.items():
            for confidence, lift, then, both, support in sorted(many)[:3]:
                found[scope, first, then] = (both, support, -confidence, -lift)
    return found


@pytest.fixture(scope="module")
def large(worked: Worked) -> tuple[list[dict[str, Any]], Work, Found]:
    """A shop with a past: its order lines, how far a run came, and what was found."""
    rows = shop(3, customers=150, products=20)
    work = worked(rows, needs={"least_together": 3, "per_customer": 4, "least_probability": 0.0})
    found = measured(work)
    assert found is not None
    return rows, work, found


def test_a19_support_confidence_and_lift_are_those_of_counting_by_hand(large: Any) -> None:
    rows, work, found = large
    rules = pq.read_table(work.folder / "product_rules.parquet").to_pylist()
    expected = slow_rules(rows, 3)
    assert len(expected) > 10
    assert {(row["scope"], row["product_id"], row["then_product_id"]) for row in rules} == set(expected)
    for row in rules:
        both, *shares = expected[row["scope"], row["product_id"], row["then_product_id"]]
        assert row["both"] == both
        assert [row["support"], row["confidence"], row["lift"]] == pytest.approx(shares, rel=1e-12)
    assert found.facts["rules"]["count"] == len(rules)
    best = max((row for row in rules if row["scope"] == "history"), key=lambda row: row["lift"])
    assert found.facts["rules"]["history"][0]["lift"] == best["lift"]


# --- chances -------------------------------------------------------------------------------------------------


def test_moments_are_a_window_apart_and_never_before_there_was_a_past() -> None:
    now = date(2025, 9, 30)
    three = moments(date(2022, 1, 1), now, date(2025, 12, 31))
    assert [one.day for one in three] == [date(2025, 3, 30), date(2025, 6, 30), now]
    assert [one.until for one in three] == [date(2025, 6, 30), now, date(2025, 12, 31)]
    assert [one.now for one in three] == [False, False, True]
    assert len(moments(date(2025, 9, 1), now, date(2025, 12, 31))) == 1


def test_shrinking_keeps_what_chance_explains_and_believes_what_it_does_not() -> None:
    random = np.random.default_rng(1)
    n = np.full(400, 50.0)
    alike = random.binomial(50, 0.2, 400).astype(float)
    assert strength_of_prior(n, alike, np.full(400, 0.2)) > 200
    differing = random.binomial(50, random.beta(2.0, 8.0, 400)).astype(float)
    assert strength_of_prior(n, differing, np.full(400, 0.2)) == pytest.approx(10.0, rel=0.25)
    made = shrunk(n, differing, np.full(400, 0.2))
    assert ((made > 0) & (made < 1)).all()
    prior = strength_of_prior(n, differing, np.full(400, 0.2))
    assert made[0] == pytest.approx((differing[0] + prior * 0.2) / (50 + prior))
    assert shrunk(np.zeros(2), np.zeros(2), np.array([0.1, 0.3])).tolist() == [0.1, 0.3]


def test_product_factors_find_the_spread_of_the_gamma_they_were_drawn_from() -> None:
    random = np.random.default_rng(2)
    expected = np.full(2000, 20.0)
    true = random.gamma(4.0, 0.25, 2000)
    bought = random.poisson(expected * true).astype(float)
    made = product_factors(bought, expected)
    assert made[0] == pytest.approx((bought[0] + 4) / (20 + 4), rel=0.05)
    assert product_factors(expected, expected).tolist() == [1.0] * 2000
    assert product_factors(np.zeros(0), np.zeros(0)).tolist() == []


def test_a_kind_never_seen_has_no_chance_and_one_seen_has_one_in_every_situation() -> None:
    rates = learn([{"kind": "again", "activity": 2, "strength": 4, "seen": 40, "bought": 10}])
    assert {kind for kind, _, _ in rates.cells} == {"again"}
    assert all(0 < chance < 1 for _, _, chance in rates.cells.values())
    assert rates.cells["again", 2, 4] == (40, 10, pytest.approx(10.5 / 41))


def slow_trial(rows: list[dict[str, Any]], split: date, until: date) -> dict[str, Any]:
    """Hit rate and recall of the two simple lists, from dictionaries."""
    before, after, lately = defaultdict(list), defaultdict(set), Counter()
    for row in rows:
        if row["date"] <= split:
            before[row["customer_id"]].append((row["product_id"], row["date"]))
        elif row["date"] <= until:
            after[row["customer_id"]].add(row["product_id"])
    start = split - (until - split)
    have = Counter(p for bought in before.values() for p in {p for p, _ in bought})
    for bought in before.values():
        lately.update({p for p, day in bought if day > start})
    popular = sorted(have, key=lambda p: (-lately[p], -have[p], p))[:5]
    lists: dict[str, dict[str, list[str]]] = {"popular": dict.fromkeys(before, popular), "again": {}}
    for customer, bought in before.items():
        times, last = Counter(p for p, _ in bought), dict(sorted(bought, key=lambda one: one[1]))
        lists["again"][customer] = sorted(times, key=lambda p: (-times[p], -last[p].toordinal(), p))
    buyers = [customer for customer in before if after[customer]]
    bought_in_all = sum(len(after[customer]) for customer in buyers)
    found: dict[str, Any] = {"customers": len(buyers), "bought": bought_in_all}
    for name, listed in lists.items():
        hits = {k: [len(set(listed[c][:k]) & after[c]) for c in buyers] for k in (1, 3, 5)}
        found[name] = (
            {k: sum(h > 0 for h in one) / len(buyers) for k, one in hits.items()},
            {k: sum(one) / bought_in_all for k, one in hits.items()},
        )
    return found


def test_the_trial_scores_the_simple_lists_as_dictionaries_do(large: Any) -> None:
    rows, _, found = large
    trial = found.facts["trial"]
    slow = slow_trial(rows, trial["split"], trial["until"])
    assert (trial["customers"], trial["bought"]) == (slow["customers"], slow["bought"])
    for one in trial["scores"]:
        if one["list"] != "needs":
            hit_rate, recall = slow[one["list"]]
            assert one["hit_rate"] == pytest.approx(hit_rate)
            assert one["recall"] == pytest.approx(recall)


def test_where_customers_like_different_things_the_list_beats_what_is_popular(large: Any) -> None:
    _, _, found = large
    scores = {one["list"]: one for one in found.facts["trial"]["scores"]}
    assert scores["needs"]["hit_rate"][3] > scores["popular"]["hit_rate"][3]
    assert scores["needs"]["hit_rate"][3] >= scores["again"]["hit_rate"][3] - 0.03
    calibration = found.facts["trial"]["calibration"]
    assert calibration["all"]["came"] == pytest.approx(calibration["all"]["expected"], rel=0.35)
    assert 0 < calibration["correction"] <= 1


def test_every_need_adds_up_and_lies_within_the_window(large: Any) -> None:
    _, work, found = large
    needs = needs_of(work)
    window = found.facts["from"], found.facts["until"]
    by_customer = defaultdict(list)
    for row in needs:
        by_customer[row["customer_id"]].append(row)
        assert window[0] < row["expected_on"] <= window[1]
        assert 0 < row["probability"] < 1
        assert float(row["value"]) == pytest.approx(float(row["price"]) * row["quantity"], abs=1e-3)
        assert float(row["expected_value"]) == pytest.approx(row["probability"] * float(row["value"]), abs=1e-3)
        assert row["kind"] in KINDS
        assert all(why(row).as_dict().values())
    for rows in by_customer.values():
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= 4
        assert len({row["product_id"] for row in rows}) == len(rows)
        assert [row["probability"] for row in rows] == sorted((row["probability"] for row in rows), reverse=True)
    assert found.facts["total"]["needs"] == len(needs)
    assert found.facts["total"]["expected_value"] == sum(row["expected_value"] for row in needs)


def test_a19_a_need_shows_its_rule_and_an_interval_is_drawn_towards_the_products(worked: Worked) -> None:
    start = date(2025, 1, 1)
    orders = [line("A", start + n * 30 * DAY, "COFFEE") for n in range(5)] + [line("B", start + 119 * DAY, "COFFEE")]
    orders += [line("C", start + n * 60 * DAY, "COFFEE") for n in range(3)]
    orders += [line(f"E{n}", start, p) for n in range(6) for p in ("TEA", "CAKE")]
    orders += [line("F", start, "TEA"), *(line(f"G{n}", start, f"X{n}") for n in range(6))]
    settings = {"least_probability": 0.0, "least_together": 2, "per_customer": 20}
    _, needs = foreseen(worked(orders, needs=settings, horizon=12))
    found = {row["customer_id"]: row["interval_days"] for row in needs if row["kind"] == "again"}
    typical = (120 + 120) / 6
    assert found == pytest.approx({"A": (120 + typical) / 5, "B": typical, "C": (120 + typical) / 3})
    [need] = [row for row in needs if row["customer_id"] == "F" and row["product_id"] == "CAKE"]
    assert (need["kind"], need["because_product_id"]) == ("history", "TEA")
    assert [need["support"], need["confidence"], need["lift"]] == pytest.approx([6 / 16, 6 / 7, 6 / 7 / (6 / 16)])
    assert why(need).en.startswith("Of the customers with TEA, 86% also have this: 2.3 times")


# --- invariance, limits, input -------------------------------------------------------------------------------


def test_neither_the_order_of_rows_nor_what_came_later_changes_a_byte(worked: Worked) -> None:
    rows, as_of = shop(11), date(2025, 1, 31)
    later = [line("C000", as_of + DAY, "P1"), line("NEW", as_of + DAY, "P77", 99)]
    links = [{"product_id": "P1", "linked_id": "P2", "kind": "related"}]
    made = []
    for orders in (rows, Random(1).sample(rows + later, len(rows) + 2)):
        work = worked(orders, as_of=as_of, product_links=links)
        found, _ = foreseen(work)
        files = [(work.folder / name).read_bytes() for name in ("needs.parquet", "product_rules.parquet")]
        made.append((files, json.dumps(found.facts, default=str)))
    assert made[0] == made[1]


def test_orders_without_products_cost_nothing_and_tell_nothing(worked: Worked) -> None:
    rows = [{"customer_id": "C", "date": date(2025, 1, 1), "amount": 5.0}]
    work = worked(rows)
    assert measured(work) is None
    assert not (work.folder / "needs.parquet").exists()


def test_settings_of_needs_are_checked() -> None:
    with pytest.raises(KezhiError, match=r"needs\.per_customer"):
        read_settings({"needs": {"per_customer": 0}})


def test_links_are_followed_to_what_is_still_sold() -> None:
    day = date(2025, 6, 1)
    shelf = Shelf(
        {name: {"retired_on": date(2025, 1, 1)} for name in ("A", "B")} | {"C": {}},
        (("A", "B", "upgrade"), ("B", "C", "upgrade"), ("C", "A", "upgrade"), ("C", "D", "related")),
    )
    assert shelf.gone(day) == {"A": "C", "B": "C"}
    assert shelf.offers(day) == {("B", "C", "upgrade"), ("C", "D", "related"), ("D", "C", "related")}
    assert [link_kind(word) for word in ("配套产品", "Accessory", "upgrade", "关联", None)] == [
        "accessory", "accessory", "upgrade", "related", "related"
    ]  # fmt: skip


# --- A16: customers for a product -----------------------------------------------------------------------------


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Path:
    """A workspace in which few have a kettle, and C9 does not want to be contacted."""
    rows = shop(13, customers=30)
    rows += [line(f"C{n:03d}", date(2024, 12, 20), "KETTLE", 300) for n in (4, 8, 9)]
    tables = {
        "orders": pa.Table.from_pylist(rows),
        "customers": pa.Table.from_pylist([{"customer_id": "C009", "consent": "false"}]),
        "product_links": pa.Table.from_pylist([{"product_id": "KETTLE", "linked_id": "DESCALER", "kind": "accessory"}]),
    }
    for name, table in tables.items():
        import_table(engine, Workspace(tmp_path), name, [table], None, datetime.now(UTC).date())
    return tmp_path


def test_a16_customers_who_bought_the_related_product_rank_first(place: Path) -> None:
    found = kezhi.customers_for(place, "DESCALER", related=["P1"]).to_pylist()
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    because = {row["customer_id"]: row["because_product_id"] for row in found}
    assert set(because.values()) == {"KETTLE", "P1"}
    assert "C009" not in because  # does not want to be contacted
    # of those who are related by both, the likelier reason counts; nobody without a reason is listed
    assert {"C004", "C008"} <= set(because)
    chances = [row["probability"] or 0.0 for row in found]
    assert chances == sorted(chances, reverse=True)


def test_a16_a_product_that_nothing_relates_to_anybody_is_one_clear_sentence(place: Path) -> None:
    with pytest.raises(KezhiError, match="Nothing relates the product BRAND-NEW"):
        kezhi.customers_for(place, "BRAND-NEW")
    with pytest.raises(KezhiError, match="Nobody bought the related product NOTHING"):
        kezhi.customers_for(place, "BRAND-NEW", related=["NOTHING"])
    with pytest.raises(KezhiError, match="no workspace"):
        kezhi.customers_for(place / "elsewhere", "P1")


# --- the command ------------------------------------------------------------------------------------------------


def call(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code


def test_the_command_shows_needs_and_customers_with_their_reasons(
    place: Path, large: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _, work, _ = large
    run = place / "runs" / "2026-01-01T000000Z"
    run.mkdir(parents=True)
    manifest = {"period": "month", "fiscal_start": 1, "horizon": 3, "as_of": "2025-01-31"}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.copy(work.folder / "needs.parquet", run)
    call(["needs", "--customer", "C001", "--workspace", str(place), "--json", "--lang", "en"])
    told = json.loads(capsys.readouterr().out)
    assert [row["customer_id"] for row in told] == ["C001"] * len(told) != []
    call(["needs", "--customer", "C001", "--workspace", str(place), "--lang", "zh"])
    assert "期望价值" in capsys.readouterr().out
    file = place / "list.csv"
    call(["needs", "--product", "DESCALER", "--workspace", str(place), "--to", str(file), "--lang", "en"])
    assert "Belongs to KETTLE, last bought on 2024-12-20" in capsys.readouterr().out
    head, *rows = file.read_text("utf-8-sig").splitlines()
    assert head.startswith('"rank","customer_id","kind","probability"')
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give either --customer or --product."),
        (["--customer", "C", "--product", "P"], "Give either --customer or --product."),
        (["--customer", "C", "--to", "list.doc"], "--to wants a file named .csv or .parquet, not list.doc."),
        (["--customer", "C", "--to", "/nowhere/list.csv"], "There is no folder /nowhere."),
    ],
)
def test_a_wrong_call_is_one_sentence(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["needs", *options, "--lang", "en"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip().endswith(said)
