"""Tiers (T02), how unequal value is (T01), metals (T03), tags (T05), core customers (T14), and R22 by tier."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kezhi.engine import Engine
from kezhi.language import KezhiError, Language
from kezhi.reports.sections import Canvas
from kezhi.reports.workbook import Book
from kezhi.reports.worth import tiers as report
from kezhi.segments import tiers
from kezhi.segments.value_classes import CLASSES, TAGS
from kezhi.settings import read_settings
from kezhi.settings.tiers import TIERS, Tiers
from kezhi.valuation import Columns
from kezhi.worth import Found, Work, risk
from kezhi.worth.layers import tiers_of
from worth.small_company import Company

MONEY = pa.decimal128(28, 4)
Rows = list[dict[str, Any]]
Grouped = Callable[..., tuple[Work, dict[str, Any], dict[str, dict[str, Any]]]]


def people(*worth: tuple[float, float, float] | float) -> Rows:
    """Customers with purchases, value so far and forecast; of one number: three times that, twice that, that."""
    found = []
    for number, one in enumerate(worth):
        amount, value, forecast = one if isinstance(one, tuple) else (3 * one, 2 * one, one)
        found.append({"customer_id": f"C{number:05}", "amount": amount, "value": value, "forecast_value": forecast})
    return found


@pytest.fixture(scope="module")
def grouped(followed: tuple[Company, Work], engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Grouped:
    """`grouped(rows, [tiers] settings..., earlier=...)`: the Work of these customers, the facts, and their columns."""
    work = followed[1]

    def found(
        rows: Rows,
        *,
        earlier: tuple[Path, ...] = (),
        as_of: date | None = None,
        more: dict[str, Found] | None = None,
        customers: Rows | None = None,
        **rules: Any,
    ) -> tuple[Work, dict[str, Any], dict[str, dict[str, Any]]]:
        folder = tmp_path_factory.mktemp("tiers")
        ledger = replace(work.ledger, as_of=as_of or work.as_of)
        one = replace(
            work, ledger=ledger, earlier=earlier, found=more or {},
            forecasted=replace(work.forecasted, folder=folder, ledger=ledger),
            settings=read_settings({"tiers": rules}),
            book=replace(work.book, customers=engine.table(pa.Table.from_pylist(customers)) if customers else None),
        )  # fmt: skip
        keys = {row["customer_id"]: place for place, row in enumerate(sorted(rows, key=lambda row: row["customer_id"]))}
        table = {
            "customer": pa.array([keys[row["customer_id"]] for row in rows], pa.int32()),
            "customer_id": pa.array([row["customer_id"] for row in rows], pa.string()),
            **{name: pa.array([Decimal(str(row[name])).quantize(Decimal("0.0001")) for row in rows], MONEY)
               for name in ("amount", "value", "forecast_value")},
        }  # fmt: skip
        vars(one)["figures"] = engine.table(pa.table(table))
        got = tiers.measured(one)
        one.found["tiers"] = got
        assert got.columns is not None
        figures = one.figures.select("customer", "customer_id", "amount", "value", "forecast_value")
        named = engine.fetch(figures.join(got.columns.rows, "customer"))
        columns = named.to_pylist()
        named = named.append_column("name", pa.nulls(named.num_rows, pa.string()))
        pq.write_table(named, folder / "customers.parquet")
        (folder / "worth.json").write_text(json.dumps({"tiers": got.facts}, default=str), encoding="utf-8")
        (folder / "manifest.json").write_text(
            json.dumps({"as_of": str(one.as_of), "settings": one.settings.model_dump(mode="json")}), encoding="utf-8"
        )
        return one, got.facts, {row["customer_id"]: row for row in columns}

    return found


def sizes(columns: dict[str, dict[str, Any]]) -> list[int]:
    counts = Counter(row["tier"] for row in columns.values())
    return [counts[code] for code in TIERS]


# --- the pyramid (T02) ------------------------------------------------------------------------------------


def test_t02_of_a_thousand_customers_10_40_150_800(grouped: Grouped) -> None:
    """T02: 1,000 customers make tiers of 10, 40, 150 and 800; the second is 4 % of customers."""
    worth = list(range(1, 1001))
    random.Random(3).shuffle(worth)
    _, facts, columns = grouped(people(*worth))
    assert sizes(columns) == [10, 40, 150, 800]
    assert [row["customers"] for row in facts["tiers"]] == [10, 40, 150, 800]
    assert facts["tiers"][1]["customer_share"] == 0.04
    assert (facts["tiers"][0]["least"], facts["tiers"][1]["most"]) == (991, 990)
    assert [row["name"]["zh"] for row in facts["tiers"]] == ["VIP 客户", "大客户", "普通客户", "小客户"]


def test_t02_of_many_customers_as_of_few(grouped: Grouped) -> None:
    """Products of places and shares go beyond 32 bits from 11,000 customers on."""
    assert sizes(grouped(people(*range(1, 20_001)))[2]) == [200, 800, 3_000, 16_000]


def test_t02_equals_stand_in_the_order_of_customers_whatever_the_order_of_rows(grouped: Grouped) -> None:
    rows = people(*[5.0] * 200)
    _, facts, columns = grouped(rows)
    assert sizes(columns) == [2, 8, 30, 160]
    assert [name for name, row in sorted(columns.items()) if row["tier"] == "vip"] == ["C00000", "C00001"]
    random.Random(8).shuffle(rows)
    assert grouped(rows)[1:] == (facts, columns)


@pytest.mark.parametrize(
    ("worth", "expected"),
    [
        ([7.0], [1, 0, 0, 0]),
        ([-3.0], [0, 0, 0, 1]),
        ([0.0] * 5, [0, 0, 0, 5]),
        ([-1.0, -2.0, -3.0], [0, 0, 0, 3]),
        ([5.0, 4.0, 0.0, 0.0, -1.0], [1, 0, 0, 4]),
    ],
)
def test_t02_small_companies_and_nothing_above_zero(grouped: Grouped, worth: list[float], expected: list[int]) -> None:
    work, facts, columns = grouped(people(*worth))
    assert sizes(columns) == expected
    assert sum(row["customers"] for row in facts["tiers"]) == len(worth)
    assert all(row["customer_share"] is not None for row in facts["tiers"])
    if max(worth) <= 0:
        assert facts["concentration"] == []
        assert facts["core"]["customers"] == 0
        assert not any(row["core"] or row["potential"] for row in columns.values())
    assert tiers.FILE in {path.name for path in work.folder.iterdir()}


def test_t02_fixed_limits_and_own_names(grouped: Grouped) -> None:
    names = {"vip": "钻石", "large": {"en": "Gold card", "zh": "金卡"}}
    _, facts, columns = grouped(people(100, 99.9999, 50, 20, 5, 0), limits=[100, 50, 5], names=names)
    assert [columns[f"C0000{n}"]["tier"] for n in range(6)] == [
        "vip",
        "large",
        "large",
        "ordinary",
        "ordinary",
        "small",
    ]
    assert [row["name"]["en"] for row in facts["tiers"]] == ["钻石", "Gold card", "Ordinary", "Small"]
    assert facts["limits"] == [100, 50, 5]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"shares": [1, 4, 15]}, "tiers.shares"),
        ({"shares": [1, 4, 15, 81]}, "tiers.shares"),
        ({"limits": [5, 50, 100]}, "tiers.limits"),
        ({"tags": [50, 50]}, "tiers.tags"),
        ({"names": {"vip": "Small"}}, "Small"),
        ({"by": "height"}, "tiers.by"),
        ({"core": 0}, "tiers.core"),
    ],
)
def test_t02_impossible_rules_get_a_sentence(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(KezhiError) as caught:
        read_settings({"tiers": rules})
    assert said in caught.value.text.en
    assert said in caught.value.text.zh


def test_t02_by_another_value_and_what_was_not_measured(grouped: Grouped, engine: Engine) -> None:
    rows = people((100, 1, 9), (50, 40, 1), (70, 20, 5))
    best = {by: max(grouped(rows, by=by)[2].items(), key=lambda item: item[1]["tier"] == "vip")[0]
            for by in ("amount", "value", "forecast_value")}  # fmt: skip
    assert best == {"amount": "C00000", "value": "C00001", "forecast_value": "C00000"}
    points = engine.table(pa.table({"customer_id": ["C00002"], "points": [Decimal(8)]}))
    scored = {"points": Found(columns=Columns(points, {"points": 0.0}))}
    work, facts, columns = grouped(rows, by="points", more=scored)
    assert (facts["by"], columns["C00002"]["tier"], columns["C00001"]["tier"]) == ("points", "vip", "small")
    assert work.found["tiers"].warnings == ()
    work, facts, _ = grouped(rows, by="points")
    ((code, text),) = work.found["tiers"].warnings
    assert (facts["by"], code) == ("forecast_value", "tiers_not_measured")
    assert "points" in text.en
    assert "积分" in text.zh


def test_t02_without_any_forecast_the_past_counts(grouped: Grouped) -> None:
    work, facts, columns = grouped(people((10, 5, 0), (10, 8, 0)))
    assert (facts["by"], columns["C00001"]["tier"]) == ("value", "vip")
    assert [code for code, _ in work.found["tiers"].warnings] == ["tiers_nobody"]


# --- how unequal (T01) ------------------------------------------------------------------------------------


def test_t01_a_fifth_brings_four_fifths(grouped: Grouped) -> None:
    """T01: 20 % of customers bring 80 % of the value."""
    facts = grouped(people(*[160.0] * 20, *[10.0] * 80))[1]
    assert facts["top20_share"] == pytest.approx(0.8)
    assert facts["concentration"][0] == {"customers": 0.0, "value": 0.0}
    assert facts["concentration"][-1] == {"customers": 1.0, "value": 1.0}
    assert len(facts["concentration"]) <= 101


def test_t01_a_tenth_brings_more_than_all_where_others_cost(grouped: Grouped) -> None:
    """T01: 10 % of customers bring more than 100 % of the value, since others have a negative one."""
    facts = grouped(people(*[100.0] * 10, *[1.0] * 60, *[-10.0] * 30))[1]
    assert facts["top10_share"] == pytest.approx(1000 / 760)
    assert max(point["value"] for point in facts["concentration"]) == pytest.approx(1060 / 760)
    assert facts["concentration"][-1]["value"] == 1.0


# --- metals (T03), tags (T05) -----------------------------------------------------------------------------


def test_t03_metals_by_profit_and_volume(grouped: Grouped) -> None:
    """T03: a loss and less volume than the median is lead; low profit and at least the median volume is iron."""
    rows = people(
        (100, -5, 1), (1000, 20, 1), (1000, 400, 1), (900, 300, 1), (80, 30, 1), (1000, -50, 1), (90, 2, 1), (0, 0, 1)
    )
    _, facts, columns = grouped(rows, platinum=12)
    classes = [columns[row["customer_id"]]["value_class"] for row in rows]
    # the company keeps 697 of 4,170; low is less than half of that share; the median volume is (100 + 900) / 2
    assert classes == ["lead", "iron", "platinum", "gold", "gold", "iron", "lead", "lead"]
    assert facts["classes"]["volume_from"] == median(row["amount"] for row in rows)
    assert facts["classes"]["low_below"] == pytest.approx(697 / 4170 / 2)
    assert {row["value_class"]: row["customers"] for row in facts["classes"]["rows"]} == Counter(classes)


def test_t05_tags_by_value_now_and_to_come(grouped: Grouped) -> None:
    """T05: potential is low now and high to come; tags that people gave are told with their source."""
    rows = people(*[(10 * n, 10 * n, 100 if n == 2 else n) for n in range(10, 0, -1)])
    told: Rows = [{"customer_id": "C00000", "tags": "fair 2024; 老客户"}, {"customer_id": "C00008", "tags": "老客户"},
                  {"customer_id": "C00009", "tags": None}, {"customer_id": "nobody", "tags": "fair 2024"}]  # fmt: skip
    _, facts, columns = grouped(rows, customers=told)
    tags = [columns[row["customer_id"]]["value_tag"] for row in rows]
    assert tags == ["high"] * 2 + ["middle"] * 3 + ["low"] * 5
    assert [name for name, row in columns.items() if row["potential"]] == ["C00008"]
    found = {row["tag"]: (row["source"], row["customers"]) for row in facts["tags"]["rows"]}
    assert found["potential"] == ("automatic", 1)
    assert found["high"] == ("automatic", 2)
    assert found["老客户"] == ("by_hand", 2)
    assert found["fair 2024"] == ("by_hand", 1)


# --- core customers (T14) ---------------------------------------------------------------------------------


def test_t14_the_shortest_list_that_brings_four_fifths(grouped: Grouped) -> None:
    """T14: share of the list and share of profit are told; who came and who left since the earlier run."""
    rows = people(50, 30, 10, 6, 4)
    work, facts, columns = grouped(rows, as_of=date(2025, 3, 31))
    assert [name for name, row in columns.items() if row["core"]] == ["C00000", "C00001"]
    core = facts["core"]
    assert (core["customers"], core["customer_share"], core["basis_share"], core["value_share"]) == (2, 0.4, 0.8, 0.8)
    assert (core["came"], core["left"]) == (None, None)
    listed = pq.read_table(work.folder / tiers.FILE).to_pylist()
    assert [(row["customer_id"], row["place"], row["cumulative_share"], row["change"]) for row in listed] == [
        ("C00000", 1, 0.5, None), ("C00001", 2, 0.8, None)
    ]  # fmt: skip
    later, facts, _ = grouped(people(50, 3, 40, 6, 4), earlier=(work.folder,), as_of=date(2025, 6, 30))
    assert (facts["core"]["came"], facts["core"]["left"]) == (1, 1)
    listed = pq.read_table(later.folder / tiers.FILE).to_pylist()
    assert [(row["customer_id"], row["change"]) for row in listed] == [
        ("C00000", "stayed"), ("C00002", "came"), ("C00001", "left")
    ]  # fmt: skip


# --- remembered over time ---------------------------------------------------------------------------------


def test_tiers_are_remembered_from_run_to_run(grouped: Grouped) -> None:
    """tier_since is the first day since which a customer has been in the tier without interruption."""
    shares = {"shares": [20, 20, 20, 40]}
    days = [date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)]
    orders = [(50, 40, 30, 20, 10), (50, 30, 40, 20, 10), (50, 30, 40, 20, 10, 60)]
    runs: tuple[Path, ...] = ()
    for day, worth in zip(days, orders, strict=True):
        work, facts, columns = grouped(people(*worth), earlier=runs, as_of=day, **shares)
        runs = (*runs, work.folder)
    told = [(columns[f"C0000{n}"]["tier"], columns[f"C0000{n}"]["tier_previous"], columns[f"C0000{n}"]["tier_since"])
            for n in range(6)]  # fmt: skip
    assert told == [
        ("vip", "vip", days[0]),
        ("ordinary", "ordinary", days[1]),
        ("large", "large", days[1]),
        ("small", "small", days[0]),
        ("small", "small", days[0]),
        ("vip", None, days[2]),  # of six customers, 20 % begin with two
    ]
    assert facts["previous"] == {"as_of": days[1], "same_rules": True, "risen": 0, "fallen": 0, "stayed": 5, "new": 1}
    _, facts, columns = grouped(people(*orders[2]), earlier=runs, as_of=days[2], **shares)
    assert facts["previous"]["as_of"] == days[1], "a run of the same day is not an earlier one"
    assert not grouped(people(*orders[2]), earlier=runs, as_of=days[2], by="amount")[1]["previous"]["same_rules"]


def test_an_earlier_run_without_tiers_is_passed_over(grouped: Grouped, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    pq.write_table(pa.table({"customer_id": ["C00000"]}), old / "customers.parquet")
    (old / "manifest.json").write_text('{"as_of": "2025-01-31"}', encoding="utf-8")
    _, facts, columns = grouped(people(5, 4), earlier=(old,), as_of=date(2025, 2, 28))
    assert facts["previous"] is None
    assert {row["tier_previous"] for row in columns.values()} == {None}
    assert {row["tier_since"] for row in columns.values()} == {date(2025, 2, 28)}


# --- a slow second way ------------------------------------------------------------------------------------


def slowly(rows: Rows, rules: Tiers, basis: str) -> dict[str, dict[str, Any]]:
    """The same with lists and fractions."""
    number = len(rows)

    def placed(name: str) -> dict[str, int]:
        order = sorted(rows, key=lambda row: (-row[name], row["customer_id"]))
        return {row["customer_id"]: place for place, row in enumerate(order)}

    def among(place: int, percent: Fraction) -> bool:
        return Fraction(place, number) < percent / 100

    def reaches(name: str, value: float, percent: float) -> bool:
        order, at = sorted(row[name] for row in rows), (1_000_000 - percent * 10_000) / 1_000_000 * (number - 1)
        low, high = order[math.floor(at)], order[math.ceil(at)]
        return value >= low * (1 - at % 1) + high * (at % 1)

    places = placed(basis)
    amount, value = (sum(Fraction(str(row[name])) for row in rows) for name in ("amount", "value"))
    margin = max(value / amount, Fraction(0)) if amount > 0 else Fraction(0)
    middle, whole = median(row["amount"] for row in rows), sum(Fraction(str(row[basis])) for row in rows)
    shares, tags = ([Fraction(str(share)) for share in some] for some in (rules.shares, rules.tags))
    found, brought = {}, Fraction(0)
    for row in sorted(rows, key=lambda row: places[row["customer_id"]]):
        name = row["customer_id"]
        tier = next((code for n, code in enumerate(TIERS) if among(places[name], sum(shares[: n + 1], Fraction(0)))))
        low = row["value"] <= 0 or Fraction(str(row["value"])) < Fraction(str(row["amount"])) * margin * Fraction(
            str(rules.low_margin)) / 100  # fmt: skip
        much = row["amount"] > 0 and row["amount"] >= middle
        tag = next((code for code, most in (("high", tags[0]), ("middle", tags[0] + tags[1]))
                    if row["value"] > 0 and reaches("value", row["value"], float(most))), "low")  # fmt: skip
        found[name] = {
            "tier": tier if row[basis] > 0 else "small",
            "value_class": ("iron" if much else "lead") if low
            else "platinum" if reaches("value", row["value"], rules.platinum) else "gold",
            "value_tag": tag,
            "potential": tag == "low" and row["forecast_value"] > 0
            and reaches("forecast_value", row["forecast_value"], float(tags[0])),
            "core": row[basis] > 0 and brought < whole * Fraction(str(rules.core)) / 100,
        }  # fmt: skip
        brought += Fraction(str(row[basis]))
    return found


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-4, 40)] * 3), min_size=1, max_size=60),
    st.sampled_from([{}, {"shares": [0.5, 9.5, 30, 60], "core": 55.5, "platinum": 33.3333}, {"by": "amount"}]),
)
def test_groups_agree_with_a_slow_second_way(
    grouped: Grouped, worth: list[tuple[int, int, int]], rules: dict[str, Any]
) -> None:
    rows = people(*worth)
    _, facts, columns = grouped(rows, **rules)
    slow = slowly(rows, Tiers(**rules), facts["by"])
    assert {name: {key: row[key] for key in slow[name]} for name, row in columns.items()} == slow
    assert sum(row["value"] for row in facts["tiers"]) == sum(row["value"] for row in rows)
    assert sum(row["customers"] for row in facts["classes"]["rows"]) == len(rows)


# --- R22 --------------------------------------------------------------------------------------------------


def test_r22_vip_forecasts_add_up_to_the_card(followed: tuple[Company, Work], tmp_path: Path) -> None:
    """R22: the sum over the VIP tier is the value at risk of its card."""
    work = replace(
        followed[1], found={}, settings=read_settings({"tiers": {"by": "amount", "shares": [10, 20, 30, 40]}}),
        forecasted=replace(followed[1].forecasted, folder=tmp_path),
    )  # fmt: skip
    work.found["tiers"] = tiers.measured(work)
    facts = risk.measured(work).facts
    columns = work.engine.fetch(work.figures.join(tiers_of(work), "customer")).to_pylist()
    vip = sum(row["forecast_value"] for row in columns if row["tier"] == "vip")
    card = next(row for row in facts["tiers"] if row["tier"] == "vip")
    assert card["value_at_risk"] == vip == work.found["tiers"].facts["tiers"][0]["forecast_value"]
    rows = pq.read_table(tmp_path / "risk.parquet").to_pylist()
    assert sum(row["value_at_risk"] for row in rows if row["tier"] == "vip") == vip
    assert {row["tier"] for row in rows} == set(TIERS)


# --- the report -------------------------------------------------------------------------------------------


def shown(work: Work, engine: Engine, language: Language, path: Path) -> tuple[str, list[str]]:
    """The section of the page, and the names of the sheets."""
    facts = json.loads((work.folder / "worth.json").read_text(encoding="utf-8"))["tiers"]
    found = report.build(engine, work.folder, facts)
    assert found is not None
    nothing: Any = None  # neither asks for anything of the whole report
    page = report.section(found, nothing, Canvas(language))
    book = Book(path, path.parent, language)
    report.sheets(found, book, engine, work.folder, nothing)
    book.close()
    return page, openpyxl.load_workbook(path).sheetnames


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_defines_every_group_and_says_what_to_do(
    grouped: Grouped, engine: Engine, tmp_path: Path, language: Language
) -> None:
    """T04: each of the four metals has its definition and its advice on the page."""
    names = {"vip": {"en": "Diamond", "zh": "钻石"}}
    told: Rows = [{"customer_id": "C00000", "tag": "<b>老客户</b>"}]
    then = grouped(people(50, 30, 10, 6, 4), as_of=date(2025, 3, 31), names=names)[0]
    work = grouped(people(50, 3, 40, 6, 4, (9, -2, -5)), earlier=(then.folder,), names=names, customers=told)[0]
    page, sheets = shown(work, engine, language, tmp_path / "book.xlsx")
    for one in CLASSES:
        assert one.title.to(language) in page
        assert one.action.to(language) in page
    for title, _ in TAGS.values():
        assert title.to(language) in page
    assert ("Diamond", "钻石")[language == "zh"] in page
    assert ("the best 1%: 50 or more", "最好的 1%：不低于 50")[language == "zh"] in page
    assert ("1 came onto the list and 1 left it", "1 位进入名单，1 位退出")[language == "zh"] in page
    assert "<b>" not in page, "what people wrote is escaped"
    assert tuple(sign for sign in "▲▼" if sign in page) == ("▲", "▼")
    assert sheets == (["Customer tiers", "Core customers"] if language == "en" else ["客户层级", "核心客户"])


@pytest.mark.parametrize("worth", [[0.0, 0.0], [-5.0], [3.0]])
def test_the_page_of_a_company_without_value(
    grouped: Grouped, engine: Engine, tmp_path: Path, worth: list[float]
) -> None:
    work = grouped(people(*worth), limits=[100, 50, 5])[0]
    page, sheets = shown(work, engine, "en", tmp_path / "book.xlsx")
    assert "forecast gross profit of 100 or more" in page
    assert ("no forecast gross profit above 0" in page) == (max(worth) <= 0)
    assert sheets[0] == "Customer tiers"
