"""RFM: every customer in exactly one group and one class, equals always alike, and what they were before (T12)."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from kezhi.engine import Engine
from kezhi.language import KezhiError, Language
from kezhi.ledger import SUM
from kezhi.reports.sections import Canvas
from kezhi.reports.workbook import Book
from kezhi.reports.worth import rfm as page
from kezhi.segments import rfm
from kezhi.segments.rfm_grid import CLASS_NAMES, CLASS_OF, GRID, NAMES, SCORES, cells_of, segment_of
from kezhi.segments.rfm_scores import measure_all, scored
from kezhi.settings import read_settings
from kezhi.settings.rfm import CLASSES, SEGMENTS, Fixed, Rfm
from kezhi.worth import Work

AS_OF = date(2025, 6, 30)
REPORT = SimpleNamespace(currency="CNY", period="month", fiscal_start=1, horizon=3)
SCHEMA = pa.schema(
    [("customer", pa.int32()), ("days", pa.int64()), ("purchases", pa.int64()), ("money", pa.decimal128(28, 4))]
)
in_both = pytest.mark.parametrize("language", ["en", "zh"])

Buyer = tuple[int, int, Decimal]  # days since the last purchase, purchases, money


# --- the grid and the classes -----------------------------------------------------------------------------


def test_every_one_of_the_125_cells_has_exactly_one_name() -> None:
    """T12: 5 x 5 x 5 scores, each customer in exactly one group; all eleven names are used."""
    named = {cell: segment_of(*cell) for cell in itertools.product(SCORES, SCORES, SCORES)}
    assert len(named) == 125
    assert set(named.values()) == set(SEGMENTS)
    assert len(SEGMENTS) == 11
    places = [(r, fm, code) for code in SEGMENTS for r, fm in cells_of(code)]
    assert len(places) == len({(r, fm) for r, fm, _ in places}) == 25
    for (r, f, m), code in named.items():
        assert (r, (f + m) // 2) in cells_of(code)


def test_no_name_gets_worse_by_buying_more() -> None:
    order = ("lost", "hibernating", "about_to_sleep", "promising", "new")  # rising in R for small buyers
    assert [GRID[r][0] for r in SCORES] == list(order)
    better = {"lost": 0, "hibernating": 0, "about_to_sleep": 0, "promising": 0, "new": 0, "at_risk": 1,
              "need_attention": 1, "potential_loyalist": 1, "cant_lose": 2, "loyal": 2, "champions": 2}  # fmt: skip
    for names in GRID.values():
        worth = [better[name] for name in names]
        assert worth == sorted(worth)


def test_the_eight_classes_are_those_of_chinese_usage() -> None:
    names = {"".join(str(int(high)) for high in key): CLASSES[code].zh for key, code in CLASS_OF.items()}
    assert names == {
        "111": "重要价值客户", "101": "重要发展客户", "011": "重要保持客户", "001": "重要挽留客户",
        "110": "一般价值客户", "100": "一般发展客户", "010": "一般保持客户", "000": "一般挽留客户",
    }  # fmt: skip


# --- a company worked out by hand -------------------------------------------------------------------------

# purchases, money of each, days since the last; then R, F, M, the group and the class
BY_HAND: dict[str, tuple[int, int, int, str, str, str]] = {
    "A": (5, 100, 1, "555", "champions", "key_value"),
    "B": (3, 100, 10, "454", "loyal", "key_value"),
    "C": (2, 50, 20, "343", "need_attention", "general_value"),
    "D": (2, 200, 100, "244", "at_risk", "key_keep"),
    "E": (1, 30, 2, "512", "new", "general_develop"),
    "F": (1, 60, 5, "412", "promising", "general_develop"),
    "G": (1, 90, 30, "313", "about_to_sleep", "general_develop"),
    "H": (1, 10, 60, "211", "hibernating", "general_develop"),
    "I": (1, 450, 200, "115", "at_risk", "key_win_back"),
    "J": (1, 20, 365, "111", "lost", "general_win_back"),
}


def orders_by_hand() -> list[dict[str, Any]]:
    return [
        {"customer_id": who, "date": AS_OF - timedelta(days=since + 40 * back), "amount": Decimal(each)}
        for who, (times, each, since, *_) in BY_HAND.items()
        for back in range(times)
    ]


@pytest.fixture(scope="module")
def by_hand(worked: Callable[..., Work]) -> tuple[Work, Any]:
    """The company with somebody who only ever returned something, measured with scores by model."""
    only_returned = {"customer_id": "Z", "date": date(2025, 6, 1), "amount": Decimal(-5)}
    rules = {"model_based": True, "names": {"champions": {"en": "Stars", "zh": "明星客户"}, "lost": "Gone"}}
    work = worked([*orders_by_hand(), only_returned], as_of=AS_OF, rfm=rules)
    return work, rfm.measured(work)


def rows_of(work: Work, found: Any) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in work.engine.fetch(work.ledger.named(found.columns.rows)).to_pylist()}


def test_scores_groups_and_classes_by_hand(by_hand: tuple[Work, Any]) -> None:
    """T12: R/F/M scores by fifths; each customer in exactly one group and class."""
    rows = rows_of(*by_hand)
    assert set(rows) == set(BY_HAND)  # without a purchase: no scores, no class
    for who, (*_, scores, segment, kind) in BY_HAND.items():
        row = rows[who]
        assert f"{row['r_score']}{row['f_score']}{row['m_score']}" == scores, who
        assert (row["rfm_segment"], row["rfm_class"]) == (segment, kind), who


def test_edges_and_cuts_are_shown(by_hand: tuple[Work, Any]) -> None:
    facts = by_hand[1].facts
    edges = {key: [float(edge) for edge in one["edges"]] for key, one in facts["scores"].items()}
    assert edges == {"r": [2, 10, 30, 100], "f": [1, 1, 1, 2], "m": [20, 60, 100, 400]}
    assert facts["cuts"] == {"by": "mean", "r": 79.3, "f": 1.8, "m": 196.0}
    once = facts["scores"]["f"]["scores"]
    assert [row["customers"] for row in once] == [2, 2, 0, 0, 6]
    assert (once[2]["from"], once[2]["to"]) == (None, None)


def test_what_groups_classes_and_cells_add_up_to(by_hand: tuple[Work, Any]) -> None:
    facts = by_hand[1].facts
    at_risk = next(one for one in facts["segments"] if one["code"] == "at_risk")
    assert (at_risk["customers"], at_risk["amount"]) == (2, Decimal(850))
    for table in ("segments", "classes", "grid"):
        assert sum(one["customers"] for one in facts[table]) == facts["customers"] == 10
        assert sum(one["amount"] for one in facts[table]) == Decimal(1960)
    assert [one["code"] for one in facts["segments"]] == list(SEGMENTS)
    assert facts["names"]["champions"] == {"en": "Stars", "zh": "明星客户"}
    assert facts["names"]["lost"] == {"en": "Gone", "zh": "Gone"}


def test_scores_by_model_part_one_time_buyers(by_hand: tuple[Work, Any]) -> None:
    """An old and a new one-time buyer have the same F, but not the same expected purchases."""
    rows = rows_of(*by_hand)
    assert rows["E"]["f_score"] == rows["J"]["f_score"]
    assert {row["r_model"] for row in rows.values()} == {5}  # under NBD nobody leaves
    assert rows["E"]["f_model"] > rows["J"]["f_model"]
    model = by_hand[1].facts["model"]
    assert sum(one["customers"] for one in model["segments"]) == 10
    assert model["once"] == 6
    other = [row for row in rows.values() if row["rfm_segment_model"] != row["rfm_segment"]]
    assert model["other_name"] == len(other)
    for row in rows.values():
        assert row["rfm_segment_model"] == segment_of(row["r_model"], row["f_model"], row["m_model"])


# --- a second, slow way -----------------------------------------------------------------------------------


def slowly(buyers: dict[int, Buyer], rules: Rfm) -> dict[int, tuple[int, int, int, str, str]]:
    """Scores, group and class with sorted lists and loops."""
    found: dict[int, list[Any]] = {who: [] for who in buyers}
    highs: dict[int, list[bool]] = {who: [] for who in buyers}
    for place, key in enumerate("rfm"):
        values = sorted(buyer[place] for buyer in buyers.values())
        edges = rules.edges[key] or [values[ceil(Fraction(k * len(values), 5)) - 1] for k in range(1, 5)]
        if rules.fixed is not None:
            cut: Any = (rules.fixed.days, rules.fixed.purchases, rules.fixed.money)[place]
        else:
            cut = median(values) if rules.cut == "median" else Fraction(sum(values)) / len(values)
        for who, buyer in buyers.items():
            value = buyer[place]
            below = sum(edge < value for edge in edges)
            found[who].append(5 - below if key == "r" else 1 + below)
            reached = value == cut and rules.fixed is not None
            highs[who].append(value <= cut if key == "r" else value > cut or reached)
    return {
        who: (*scores, segment_of(*scores), CLASS_OF[highs[who][0], highs[who][1], highs[who][2]])
        for who, scores in found.items()
    }


def quickly(engine: Engine, buyers: dict[int, Buyer], rules: Rfm) -> dict[int, tuple[int, int, int, str, str]]:
    rows = [{"customer": who, "days": d, "purchases": f, "money": m} for who, (d, f, m) in buyers.items()]
    with engine.passing():
        known = engine.table(pa.Table.from_pylist(rows, SCHEMA))
        measuring = measure_all(engine, known, rules)
        assert measuring is not None
        made = engine.fetch(scored(known, measuring)).to_pylist()
    scores = ("r_score", "f_score", "m_score")
    return {
        row["customer"]: (*(row[name] for name in scores), NAMES[row["rfm_segment"]], CLASS_NAMES[row["rfm_class"]])
        for row in made
    }


RULES = [
    Rfm(),
    Rfm(cut="median"),
    Rfm(recency_edges=(1, 5, 9, 20), frequency_edges=(1, 2, 3, 4), money_edges=(1.5, 3, 20, 21), cut="fixed",
        fixed=Fixed(days=5, purchases=3, money=20)),
]  # fmt: skip
some_buyers = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 6),
        st.integers(-20, 400).map(lambda cents: Decimal(cents) / 10),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=15, deadline=None)
@given(buyers=some_buyers, rules=st.sampled_from(RULES), seed=st.integers(0, 99))
def test_every_customer_has_the_scores_of_the_slow_way(
    engine: Engine, buyers: list[Buyer], rules: Rfm, seed: int
) -> None:
    """T12: each customer is in exactly one class; the order of rows changes nothing."""
    numbered = list(enumerate(buyers))
    random.Random(seed).shuffle(numbered)
    assert quickly(engine, dict(numbered), rules) == slowly(dict(enumerate(buyers)), rules)


def test_fifths_are_exact_whatever_the_number_of_customers(engine: Engine) -> None:
    for count in (2, 3, 11, 16, 21, 86):
        buyers = {who: (who, who + 1, Decimal(who) / 10) for who in range(count)}
        assert quickly(engine, buyers, Rfm()) == slowly(buyers, Rfm()), count


# --- the edges --------------------------------------------------------------------------------------------


def test_one_time_buyers_are_never_spread_over_scores(engine: Engine) -> None:
    """70 % bought once: they have F 1, and F 2 and 3 have nobody."""
    buyers = {who: (who, 1 if who < 70 else 2 if who < 85 else 3 + who, Decimal(who)) for who in range(100)}
    found = quickly(engine, buyers, Rfm())
    assert {found[who][1] for who in range(70)} == {1}
    assert {found[who][1] for who in range(70, 85)} == {4}
    assert {found[who][1] for who in range(85, 100)} == {5}


def test_everybody_alike_is_recent_once_and_little(engine: Engine) -> None:
    for count in (1, 2, 3, 7):
        found = quickly(engine, dict.fromkeys(range(count), (4, 1, Decimal("0.1"))), Rfm())
        assert set(found.values()) == {(5, 1, 1, "new", "general_develop")}


def test_a_mean_that_no_float_can_hold_is_not_passed_by_its_own_value(engine: Engine) -> None:
    found = quickly(engine, dict.fromkeys(range(3), (0, 1, Decimal("0.7"))), Rfm())
    assert {kind for *_, kind in found.values()} == {"general_develop"}


def test_without_a_purchase_there_is_nothing(worked: Callable[..., Work]) -> None:
    work = worked([{"customer_id": "Z", "date": AS_OF, "amount": Decimal(-5)}], as_of=AS_OF)
    assert rfm.measured(work) is None


# --- before -----------------------------------------------------------------------------------------------


SPENT = [
    {"customer_id": "A", "date": date(2025, 4, 1), "amount": Decimal(7)},
    {"customer_id": "B", "date": date(2025, 6, 1), "amount": Decimal(9)},
]
# B's order of May comes back in June, so that nobody could know it in May; C's came back within May
WITH_RETURNS = [
    {"customer_id": who, "date": day, "amount": Decimal(amount), "order_id": order}
    for who, day, amount, order in (
        ("A", date(2025, 3, 3), 40, "1"), ("A", date(2025, 6, 3), 70, "2"), ("B", date(2025, 4, 4), 10, "3"),
        ("B", date(2025, 5, 5), 90, "4"), ("B", date(2025, 6, 6), -90, "4"), ("C", date(2025, 2, 2), 30, "5"),
        ("C", date(2025, 5, 6), 60, "6"), ("C", date(2025, 5, 16), -60, "6"), ("D", date(2025, 6, 9), 20, "7"),
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def with_returns(worked: Callable[..., Work]) -> Work:
    return worked(WITH_RETURNS, as_of=AS_OF, expenses=SPENT)


def known(work: Work, day: date) -> dict[str, tuple[Any, ...]]:
    table = rfm.rfm_at(work, day)
    assert table is not None
    names = ("days", "purchases", "money", "r_score", "f_score", "m_score", "rfm_segment", "rfm_class")
    return {row["customer_id"]: tuple(row[n] for n in names) for row in work.engine.fetch(table).to_pylist()}


def assert_same_as_a_run(work: Work, found: dict[str, tuple[Any, ...]]) -> None:
    measured = rfm.measured(work)
    assert measured is not None
    for who, row in rows_of(work, measured).items():
        assert found[who][3:] == tuple(row[name] for name in rfm.COLUMNS[:5])


@pytest.mark.parametrize("day", [date(2025, 5, 31), date(2025, 5, 10)])
def test_a_past_day_knows_only_what_was_told_then(worked: Callable[..., Work], with_returns: Work, day: date) -> None:
    then = worked(WITH_RETURNS, as_of=day, expenses=SPENT)
    for money in ("amount", "value") if day.day == 31 else ("amount",):
        both = [replace(work, settings=work.settings.changed(rfm={"money": money})) for work in (with_returns, then)]
        found = known(both[0], day)
        assert found == known(both[1], day)
        assert found["A"][2] == (33 if money == "value" else 40)
        assert found["B"][1:3] == (2, 100)
        assert found["C"][1] == (2 if day.day == 10 else 1)
        assert "D" not in found
    assert_same_as_a_run(then, known(then, day))


def test_before_is_the_end_of_the_period_before(with_returns: Work) -> None:
    work, found = with_returns, rfm.measured(with_returns)
    assert found is not None
    before = found.facts["previous"]
    assert (before["source"], before["day"], before["customers"]) == ("book", date(2025, 5, 31), 3)
    rows, then = rows_of(work, found), known(work, date(2025, 5, 31))
    for who, row in rows.items():
        was = then[who][6:] if who in then else (None, None)
        assert (row["rfm_segment_previous"], row["rfm_class_previous"]) == was
    moves = {(move["before"], move["now"]): move["customers"] for move in before["segments"]}
    assert sum(moves.values()) == len(rows) == 4
    assert sum(n for (was, now), n in moves.items() if was not in {None, now}) == before["moved"]
    assert sum(n for (was, _), n in moves.items() if was is None) == 1


def earlier_run(folder: Path, rules: Any, **columns: list[Any]) -> Path:
    folder.mkdir()
    manifest = {"as_of": "2025-01-31", "settings": {"rfm": rules} if rules else {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    pq.write_table(pa.table(columns), folder / "customers.parquet")
    return folder


def test_before_comes_from_an_earlier_run_by_the_same_rules(by_hand: tuple[Work, Any], tmp_path: Path) -> None:
    work, same = by_hand[0], Rfm(names={"lost": "Away"}).model_dump(mode="json")
    told = {"customer_id": ["A", "J", "gone"], "rfm_segment": ["new", "lost", "lost"],
            "rfm_class": ["key_value", "key_value", "key_value"]}  # fmt: skip
    before = earlier_run(tmp_path / "same", same, **told)
    found = rfm.measured(replace(work, earlier=(before,), found={}))
    assert found is not None
    moved = found.facts["previous"]
    assert (moved["source"], moved["day"]) == ("run", date(2025, 1, 31))
    assert (moved["customers"], moved["moved"], moved["moved_classes"]) == (2, 1, 1)
    rows = rows_of(work, found)
    assert {who for who, row in rows.items() if row["rfm_segment_previous"]} == {"A", "J"}
    for name, run in {
        "other": earlier_run(tmp_path / "other", same | {"cut": "median"}, **told),
        "old": earlier_run(tmp_path / "old", None, customer_id=["A"]),
        "without": earlier_run(tmp_path / "without", same, customer_id=["A"]),
        "damaged": earlier_run(tmp_path / "damaged", same, customer_id=["A"]),
    }.items():
        if name == "damaged":
            (run / "customers.parquet").write_bytes(b"no table")
        was = rfm.before(replace(work, earlier=(run,), found={}), work.settings.rfm)
        assert was is not None
        assert (was.source, was.day) == ("book", date(2025, 5, 31)), name


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_rules", "said"),
    [
        ({"recency_edges": [30, 20, 90, 100]}, "rfm.recency_edges' must be four numbers that rise"),
        ({"money_edges": [1, 2, 3]}, "rfm.money_edges' must be four numbers that rise"),
        ({"cut": "fixed"}, "'rfm.fixed' must say"),
        ({"fixed": {"days": 1, "purchases": 1, "money": 1}}, "counts only with"),
        ({"names": {"winners": "W"}}, "names 'winners', which is no class"),
        ({"names": {"lost": "Champions"}}, "gives two classes the name Champions"),
        ({"money": "profit"}, "rfm.money"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(given_rules: dict[str, Any], said: str) -> None:
    with pytest.raises(KezhiError) as told:
        read_settings({"rfm": given_rules})
    assert said in told.value.text.en
    assert re.search("[\u4e00-\u9fff]", told.value.text.zh)
    assert not re.search("[{}]", told.value.text.en.replace("{ days", "").replace("2000 }", ""))


# --- the report -------------------------------------------------------------------------------------------


@in_both
def test_the_page_names_every_group_in_one_language(by_hand: tuple[Work, Any], language: Language) -> None:
    work, measured = by_hand
    facts = json.loads(json.dumps(measured.facts, default=str))
    found = page.build(work.engine, work.folder, facts)
    assert found is not None
    canvas = Canvas(language)
    html = page.section(found, REPORT, canvas)
    text = re.sub(r"<[^>]*>", " ", html)
    assert not re.search(r"[{}]|nan|None|inf\b", text)
    assert bool(re.search("[\u4e00-\u9fff]", text)) == (language == "zh")
    for code in (*SEGMENTS, *CLASSES):
        assert canvas.say(found.names[code]) in text.replace("&#x27;", "'")
        assert canvas.say(page.definition_of(code)) in text.replace("&#x27;", "'")
    assert list(canvas.places) == ["rfm"]


@in_both
def test_the_workbook_lists_customers_by_name_of_group(
    by_hand: tuple[Work, Any], engine: Engine, tmp_path: Path, language: Language
) -> None:
    work, measured = by_hand
    rows = [
        row | {"name": None, "last_purchase": AS_OF, "purchases": 1, "amount": Decimal(1), "forecast_value": Decimal(2)}
        for row in work.engine.fetch(work.ledger.named(measured.columns.rows)).to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "customers.parquet")
    found = page.build(engine, tmp_path, json.loads(json.dumps(measured.facts, default=str)))
    assert found is not None
    book = Book(tmp_path / "book.xlsx", tmp_path, language)
    page.sheets(found, book, engine, tmp_path, REPORT)
    book.close()
    made = load_workbook(tmp_path / "book.xlsx")
    groups, customers = (made[name] for name in made.sheetnames)
    assert sum(row[0].value in {name.to(language) for name in found.names.values()} for row in groups.iter_rows()) == 19
    listed = {row[0].value: row[5].value for row in customers.iter_rows(min_row=2)}
    assert listed["A"] == {"en": "Stars", "zh": "明星客户"}[language]
    assert len(listed) == 10


def test_money_is_exact(by_hand: tuple[Work, Any]) -> None:
    table = by_hand[0].engine.store(rfm.rfm_at(by_hand[0], AS_OF))
    assert str(table.money.type()).startswith(SUM)
