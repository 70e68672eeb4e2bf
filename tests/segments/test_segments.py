"""Segments by rule (T09, T16): who is in them, who they are against the rest, how they are saved."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.filters import parse
from kezhi.language import KezhiError
from kezhi.reports import columns
from kezhi.reports.worth.need_types import NAMES
from kezhi.segmenting import segment_fields, suggestions
from kezhi.segments import rules
from kezhi.segments.fields import write_attributes
from kezhi.segments.nobody import explained
from kezhi.segments.over_index import gathered, profile
from kezhi.segments.vocabulary import NEED_TYPES, TITLES, vocabulary
from kezhi.settings import read_settings
from kezhi.worth import Work

AS_OF = date(2026, 3, 31)


def company(customers: int = 400, seed: int = 3) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Customers of whom those in first-tier cities buy often and much (T16), and region and band are at random."""
    chance = random.Random(seed)
    orders, people = [], []
    for number in range(customers):
        name = f"C{number:03d}"
        good = number < 100
        city = "first" if chance.random() < (0.6 if good else 0.2) else "other"
        region = chance.choice(["North", "South", "East", None])
        people.append({"customer_id": name, "city": city, "region": region, "phone": "139", "consent": number % 3 > 0})
        for _ in range(12 if good else 2):
            day = AS_OF - timedelta(days=chance.randrange(300))
            orders.append({"customer_id": name, "date": day, "amount": chance.randrange(500, 900) if good else 20})
    return orders, people


@pytest.fixture(scope="module")
def work(worked: Callable[..., Work]) -> Work:
    orders, people = company()
    made = worked(orders, customers=people, as_of=AS_OF)
    write(made)
    return made


def write(work: Work) -> None:
    """The parts of the run folder that rules are asked of."""
    work.engine.write_parquet(work.customers.mutate(name=work.customers.customer_id), work.folder / "customers.parquet")
    write_attributes(work)


def found(work: Work, **segments: str) -> dict[str, Any]:
    settings = work.settings.changed(segments=segments)
    facts = rules.measured(replace(work, settings=settings))
    assert facts is not None
    return facts.facts


def test_high_and_low_frequency_regions_and_ages_are_told_apart(work: Work) -> None:
    """T09: segments of any field or metric with and, or; counted live, saved, measured again, overlapping."""
    rows = pq.read_table(work.folder / "customers.parquet").to_pylist()
    told = {row["customer_id"]: row for row in pq.read_table(work.folder / "attributes.parquet").to_pylist()}
    asked = {
        "often": ("purchases >= 6", lambda row: row["purchases"] >= 6),
        "seldom": ("not purchases >= 6", lambda row: row["purchases"] < 6),
        "north or south": (
            "region = 'North' or region = 'South'",
            lambda row: told[row["customer_id"]]["region"] in ("North", "South"),
        ),
        "both": (
            "purchases >= 6 and region in ('North', 'South')",
            lambda row: row["purchases"] >= 6 and told[row["customer_id"]]["region"] in ("North", "South"),
        ),
    }
    facts = found(work, **{name: rule for name, (rule, _) in asked.items()})
    members = pq.read_table(work.folder / "segments.parquet").to_pylist()
    for one in facts["segments"]:
        chosen = [row for row in rows if asked[one["name"]][1](row)]
        assert one["customers"] == len(chosen) > 0
        assert one["value"] == sum(row["value"] for row in chosen)
        assert one["forecast_value"] == sum(row["forecast_value"] for row in chosen)
        assert [row["customer_id"] for row in members if row["segment"] == one["name"]] == sorted(
            row["customer_id"] for row in chosen
        )
    pairs = {(one["first"], one["second"]): one["customers"] for one in facts["overlaps"]}
    count = {one["name"]: one["customers"] for one in facts["segments"]}
    assert pairs["often", "both"] == count["both"] == pairs["north or south", "both"]
    assert ("often", "seldom") not in pairs
    assert count["often"] + count["seldom"] == facts["customers"] == 400


def test_60_against_20_per_cent_in_first_tier_cities_is_an_index_of_300() -> None:
    """T16: 60 % vs 20 % in tier-1 cities -> index 300."""
    cells = profile({"city": {"first": (60, 180), "other": (40, 720)}})
    first = next(one for one in cells if one.value == "first")
    assert (first.share, first.rest_share, round(first.index or 0, 9)) == (0.6, 0.2, 300.0)
    lower, upper = first.interval or (0, 0)
    assert (round(lower, 1), round(upper, 1)) == (244.0, 368.8), (
        "Katz: 300 and exp(1.96 sqrt(1/60-1/100+1/180-1/900)) = 1.2295"
    )
    assert first.telling
    assert first.more


def test_good_customers_in_first_tier_cities_stand_out_and_noise_does_not(work: Work) -> None:
    """T16 on a company: city and averages are told, the region at random is not, nor what the rule itself asks for."""
    [one] = found(work, good="amount > 1000")["segments"]
    told = {(cell["field"], cell["value"]): cell for cell in one["profile"]}
    assert told["city", "first"]["index"] > 200
    assert not any(cell["field"] == "region" for cell in one["profile"])
    means = {row["figure"]: row for row in one["figures"]}
    assert means["purchases"]["segment"] > 3 * means["purchases"]["rest"]
    assert means["amount"]["segment"] > 1000 > means["amount"]["rest"]
    [own] = found(work, first="city = 'first'")["segments"]
    assert not any(cell["field"] == "city" for cell in own["profile"]), "what the rule asks for tells nothing"


def test_of_nothing_but_chance_little_is_called_telling() -> None:
    """Benjamini and Hochberg's promise, where nothing is true: a false word in about one segment of twenty at most."""
    chance, wrong = random.Random(11), 0
    for _ in range(200):
        counts: dict[str, dict[str, tuple[int, int]]] = {}
        for field in range(5):
            people = [(chance.randrange(4), chance.random() < 0.2) for _ in range(300)]
            counts[str(field)] = {str(v): (people.count((v, True)), people.count((v, False))) for v in range(4)}
        wrong += any(one.telling for one in profile(counts))
    assert wrong <= 12


def test_few_customers_are_judged_by_fishers_exact_test() -> None:
    [all_here, _] = profile({"x": {"a": (3, 1), "b": (1, 3)}})
    assert round(all_here.chance, 6) == round(2 * 17 / 70, 6), "Fisher's lady tasting tea: 17/70 one-sided"
    [none_there, *_] = profile({"x": {"a": (10, 0), "b": (10, 500)}})
    assert none_there.index is None
    assert none_there.telling


def test_counts_without_members_or_without_others_make_no_profile() -> None:
    assert profile(gathered([("x", "a", True, 5), ("x", "b", True, 5)])) == []
    assert profile(gathered([])) == []


def test_nobody_everybody_and_one(work: Work) -> None:
    facts = found(work, nobody="purchases > 1000", everybody="purchases > 0", one="customer_id = 'C007'")
    none, whole, single = facts["segments"]
    assert (none["customers"], none["value"], none["profile"]) == (0, 0, [])
    assert (whole["customers"], whole["share"], whole["profile"]) == (400, 1.0, [])
    assert single["customers"] == 1
    assert not single["profile"], "one customer is no profile"


def test_a_company_without_segments_and_without_a_customers_table(worked: Callable[..., Work]) -> None:
    orders, _ = company(12)
    plain = worked(orders, as_of=AS_OF)
    write(plain)
    assert rules.measured(plain) is None
    [one] = found(plain, one="purchases >= 1")["segments"]
    assert one["customers"] == 12


def test_a_rule_that_cannot_be_asked_is_left_out_and_the_run_goes_on(work: Work) -> None:
    settings = work.settings.changed(segments={"bad": "regoin = 'x'", "typo": "region = 'Nort'", "good": "value > 0"})
    made = rules.measured(replace(work, settings=settings))
    assert made is not None
    said = dict(made.warnings)
    assert "'bad' cannot be used" in said["segment_left_out"].en
    assert "did you mean region?" in said["segment_left_out"].en
    assert "did you mean 'North'?" in said["segment_empty"].en
    assert "您是否指 'North'？" in said["segment_empty"].zh
    assert [one["name"] for one in made.facts["segments"]] == ["typo", "good"]


def test_no_value_that_names_a_person_is_told(work: Work) -> None:
    engine, rows = work.engine, pq.read_table(work.folder / "attributes.parquet")
    table = engine.table(rows.append_column("street", pa.array([f"Street {i}" for i in range(rows.num_rows)])))
    for text in ("customer_id = 'C0071'", "street = 'Street 12a'"):
        why = explained(engine, table, parse(text))
        assert why is not None
        assert "did you mean" not in why.en
        assert "frequent" not in why.en
    assert explained(engine, table, parse("region = 'North' and city = 'first' and consent = true")) is None
    assert explained(engine, table, parse("not region = 'Nort'")) is None


def test_who_came_and_went_since_the_run_before(work: Work, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    facts = found(work, much="amount > 1000", same="purchases >= 2", other="value > 5")
    members = pq.read_table(work.folder / "segments.parquet")
    then = [row for row in members.to_pylist() if row["customer_id"] != "C000" or row["segment"] != "much"]
    pq.write_table(
        pa.Table.from_pylist([*then, {"segment": "much", "customer_id": "gone"}]), before / "segments.parquet"
    )
    for one in facts["segments"]:
        one |= {"since": "2025-01-31", "value": str(one["value"]), "forecast_value": str(one["forecast_value"])}
    (before / "worth.json").write_text(json.dumps({"segments": facts}, default=str), encoding="utf-8")
    (before / "manifest.json").write_text('{"as_of": "2026-02-28"}', encoding="utf-8")
    later = replace(work, earlier=(before,))
    much, same, other = found(later, much="amount  >  1000", same="purchases >= 2", other="value > 6")["segments"]
    assert much["since"] == "2025-01-31"
    assert much["previous"] == {"as_of": "2026-02-28", "customers": much["customers"], "joined": 1, "left": 1}
    assert (same["previous"]["joined"], same["previous"]["left"]) == (0, 0)
    assert (other["since"], other["previous"]) == ("2026-03-31", None), "another rule is another segment"


@pytest.mark.parametrize("broken", ["", "{", '{"segments": {"segments": [{"name": 1}]}}', '{"segments": []}'])
def test_an_earlier_run_that_cannot_be_read_is_as_if_there_were_none(work: Work, tmp_path: Path, broken: str) -> None:
    (tmp_path / "worth.json").write_text(broken, encoding="utf-8")
    (tmp_path / "manifest.json").write_text('{"as_of": "2026-02-28"}', encoding="utf-8")
    [one] = found(replace(work, earlier=(tmp_path,)), much="amount > 1000")["segments"]
    assert one["previous"] is None


def test_titles_and_names_agree_with_the_workbook_and_the_report() -> None:
    shown = {column.field: column.title for column in columns.CUSTOMERS}
    assert {name: said for name, said in TITLES.items() if name in shown and said != shown[name]} == {}
    assert {code: said for code, said in NAMES.items() if code} == NEED_TYPES


def test_codes_may_be_called_as_the_settings_call_them(work: Work) -> None:
    table = work.engine.table(pa.table({"customer_id": ["a", "b"], "name": ["a", "b"], "tier": ["vip", "large"]}))
    settings = read_settings({"tiers": {"names": {"vip": {"en": "Gold", "zh": "金牌"}}}})
    words = vocabulary(table, settings)
    assert set(words.codes) == {"tier"}
    for text in ("tier = 'VIP'", "tier = 'gold'", "tier = '金牌'", "客户层级 = 'VIP 客户'"):
        ready, wrong = rules.usable(table, words, {"x": text})
        assert not wrong
        made = rules.mark(work.engine, table, words, ready, table.columns)
        assert work.engine.fetch(made.rows.order_by("customer_id"))["mask"].to_pylist() == [1, 0], text


# --- saved ------------------------------------------------------------------------------------------------

TOML = """# ours
horizon = 4  # four

[segments]
# who to call
quiet = "idle_periods >= 2"  # agreed in May
"北方" = 'region = "North"'

[tiers]
core = 70
"""


def test_saving_and_dropping_leave_the_rest_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kezhi.toml"
    path.write_text(TOML, encoding="utf-8")
    saved = kezhi.save_segment(tmp_path, "Quiet", "idle_periods >= 3")
    assert (saved.name, saved.before) == ("quiet", "idle_periods >= 2")
    assert path.read_text(encoding="utf-8") == TOML.replace(">= 2", ">= 3")
    kezhi.save_segment(tmp_path, "new", "name contains 'O''Hara \"x\"'")
    kezhi.drop_segment(tmp_path, "NEW")
    assert path.read_text(encoding="utf-8") == TOML.replace(">= 2", ">= 3")
    assert {one.name for one in tmp_path.iterdir()} <= {"kezhi.toml", ".settings.lock"}, "nothing is left beside it"


def test_the_first_segment_makes_the_file(tmp_path: Path) -> None:
    kezhi.save_segment(tmp_path, "quiet", "idle_periods >= 2")
    assert (tmp_path / "kezhi.toml").read_text(encoding="utf-8") == '[segments]\nquiet = "idle_periods >= 2"\n'


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("all", "a = 1", "means all customers"),
        ("", "a = 1", "cannot be the name"),
        ("a = b", "a = 1", "cannot be the name"),
        ("x" * 61, "a = 1", "cannot be the name"),
        ("x\ny", "a = 1", "cannot be the name"),
        ("x", "a = ", "character 4"),
    ],
)
def test_what_cannot_be_saved_is_a_sentence_and_changes_nothing(
    tmp_path: Path, name: str, rule: str, said: str
) -> None:
    (tmp_path / "kezhi.toml").write_text(TOML, encoding="utf-8")
    with pytest.raises(KezhiError, match=said):
        kezhi.save_segment(tmp_path, name, rule)
    assert (tmp_path / "kezhi.toml").read_text(encoding="utf-8") == TOML
    with pytest.raises(KezhiError, match="did you mean 'quiet'"):
        kezhi.drop_segment(tmp_path, "quite")


def test_settings_name_the_segment_and_the_place() -> None:
    for wrong, said in (
        ({"x": "a ="}, "'x' cannot be used. The filter cannot be read at character 4"),
        ({"A": "a = 1", "a": "a = 2"}, "Two segments are called a"),
        ({f"s{i}": "a = 1" for i in range(51)}, "at most 50"),
    ):
        with pytest.raises(KezhiError) as caught:
            read_settings({"segments": wrong})
        assert said in caught.value.text.en
        assert caught.value.text.zh != caught.value.text.en


# --- of a finished run ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    orders, people = company(60)
    given = {"segments": {"often": "purchases >= 6", "两者": "city = 'first' and purchases >= 6"}}
    made = kezhi.analyse(
        pa.Table.from_pylist(orders), customers=pa.Table.from_pylist(people), out=tmp_path_factory.mktemp("o") / "run",
        as_of=AS_OF, model="nbd", senses=("segments", "tiers"), **given,
    )  # fmt: skip
    return made.folder


def test_a_run_knows_its_segments_and_any_filter(run: Path) -> None:
    facts = json.loads((run / "worth.json").read_text(encoding="utf-8"))["segments"]
    live = kezhi.saved_segments(run)
    for then, now in zip(facts["segments"], live["segments"], strict=True):
        assert {name: str(now[name]) for name in now} == {name: str(then[name]) for name in now}
    table = kezhi.segment(run, "often")
    assert table.num_rows == facts["segments"][0]["customers"] > 0
    assert table["forecast_value"].to_pylist() == sorted(table["forecast_value"].to_pylist(), reverse=True)
    assert kezhi.segment(run, "ALL").num_rows == 60
    assert {"phone", "email"}.isdisjoint(table.column_names)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "city = &#x27;first&#x27; and purchases &gt;= 6" in page


def test_a_profile_of_any_filter_and_why_it_is_empty(run: Path) -> None:
    whole = kezhi.segment_profile(run, "tier = 'VIP'")
    assert whole["customers"] == kezhi.segment(run, "tier = 'vip'").num_rows == 1
    assert {cell["field"] for cell in whole["profile"]} >= {"city", "region"}
    empty = kezhi.segment_profile(run, "city = 'frist'")
    assert "did you mean 'first'?" in empty["why_empty"]["en"]
    with pytest.raises(KezhiError, match="There is no segment 'oftne'; did you mean 'often'"):
        kezhi.segment(run, "oftne")
    with pytest.raises(KezhiError, match="there are: often"):
        kezhi.segment(run, "zzz")


def test_fields_and_suggestions(run: Path) -> None:
    known = {one["field"]: one for one in segment_fields(run)}
    assert known["city"]["values"] == ["first", "other"]
    assert known["last_purchase"]["kind"] == "date"
    offered = suggestions(run)
    assert len(offered["segments"]) == 4
    assert not offered["left_out"]
