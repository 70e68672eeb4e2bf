"""Where corrections are written down, and what a manager may type."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kezhi.corrections import Change, Correction, Log, Undoing, holding
from kezhi.corrections.change import Days, parse_change, parse_days
from kezhi.corrections.record import in_words
from kezhi.language import KezhiError
from kezhi.ledger import Calendar
from kezhi.workspace import Workspace

FIRST = date(2026, 1, 1)


def one(number: int, **more: object) -> Correction:
    given = {"who": "Ann", "chosen": "C1", "why": "x", "change": Change("margin", "shift", Decimal("0.02"))} | more
    return Correction(number, "2026-01-02T00:00:00+00:00", first=FIRST, last=None, whom="customer", **given)  # type: ignore[arg-type]


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    st.sampled_from(["=1+1", "@x", "-3", "'q", "+", '"a,b"']),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_whatever_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, text: str, hostile: str) -> None:
    log = Log(Workspace(tmp_path_factory.mktemp("log")))
    made = one(1, who=text or "?", why=hostile + text, chosen=hostile)
    log.add(lambda _: [made])
    log.add(lambda n: [Undoing(n, made.at, hostile, 1, text)])
    assert log.entries() == (made, Undoing(2, made.at, hostile, 1, text))
    assert log.holding() == ()
    with log.path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            assert not [
                cell for cell in row if cell.startswith(("=", "+", "@")) or (cell.startswith("-") and row[6] != cell)
            ]


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    log = Log(Workspace(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: log.add(lambda n: [one(n, why=f"w{i}"), one(n + 1, why=f"w{i}")]), range(24)))
    assert [entry.number for entry in log.entries()] == list(range(1, 49))
    assert {entry.why for entry in log.entries()} == {f"w{i}" for i in range(24)}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".corrections.lock", "corrections.csv"]


def test_lines_are_only_added(tmp_path: Path) -> None:
    log = Log(Workspace(tmp_path))
    log.add(lambda n: [one(n)])
    before = log.path.read_bytes()
    log.add(lambda n: [Undoing(n, "2026-01-03T00:00:00+00:00", "Bo", 1, "")])
    assert log.path.read_bytes().startswith(before)
    assert holding(log.entries()) == ()


def test_nothing_is_written_where_making_the_lines_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Log(Workspace(tmp_path)).add(lambda n: [one(n // 0)])
    assert not (tmp_path / "corrections.csv").exists()


@pytest.mark.parametrize(
    "line", ["x,y", "1,2026,Ann,correct,margin,set,NaN,2026-01-01,,all,,w,", "1,a,b,delete,,,,,,,,,"]
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    log = Log(Workspace(tmp_path))
    log.add(lambda n: [one(n)])
    log.path.write_bytes(log.path.read_bytes() + line.encode() + b"\r\n")
    with pytest.raises(KezhiError, match=r"Line 3 of .*corrections.csv cannot be read"):
        log.entries()


@pytest.mark.parametrize(
    ("figure", "text", "how", "value", "words"),
    [
        ("margin", "+2pt", "shift", "0.02", "margin +2 points"),
        ("margin", "-1.5 points", "shift", "-0.015", "margin -1.5 points"),
        ("margin", "+2个百分点", "shift", "0.02", "margin +2 points"),
        ("margin", "30%", "set", "0.3", "margin set to 30%"),
        ("margin", "=-5%", "set", "-0.05", "margin set to -5%"),
        ("margin", "0.3", "set", "0.3", "margin set to 30%"),
        ("margin", "*1.1", "scale", "1.1", "margin +10%"),
        ("expense", "-100", "shift", "-100", "relationship expense -100"),
        ("expense", "−100", "shift", "-100", "relationship expense -100"),
        ("expense", "300", "set", "300", "relationship expense set to 300"),
        ("amount", "+10%", "scale", "1.1", "purchase amount +10%"),
        ("amount", "-5 %", "scale", "0.95", "purchase amount -5%"),
        ("amount", "12,000.50", "set", "12000.50", "purchase amount set to 12,000.50"),
        ("amount", "x2", "scale", "2", "purchase amount +100%"),
        ("margin", "＋２．５ｐｔ", "shift", "0.025", "margin +2.5 points"),
    ],
)
def test_what_a_change_means(figure: str, text: str, how: str, value: str, words: str) -> None:
    change = parse_change(figure, text)
    assert (change.figure, change.how, change.value) == (figure, how, Decimal(value))
    assert in_words(change).en == words
    assert parse_change(figure, str(change)) == Change(change.figure, change.how, change.value)


def test_a_number_sets_the_figure() -> None:
    assert parse_change("expense", 100).how == parse_change("margin", -0.05).how == "set"
    with pytest.raises(KezhiError, match="below 0"):
        parse_change("expense", -100)
    with pytest.raises(KezhiError, match="no change"):
        parse_change("margin", float("nan"))
    for comma in ("2,5pt", "12,00", "1,2345", ",5"):  # between thousands only: 2,5 is never 25
        with pytest.raises(KezhiError, match="no change"):
            parse_change("margin", comma)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (None, date(2026, 1, 1), None),
        ("all", date(2026, 1, 1), None),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
        ("2026年12月", date(2026, 12, 1), date(2026, 12, 31)),
        ("2026Q1", date(2026, 1, 1), date(2026, 3, 31)),
        ("2027", date(2027, 1, 1), date(2027, 12, 31)),
        ("2026-12..2027-02", date(2026, 12, 1), date(2027, 2, 28)),
        ("2026-12..", date(2026, 12, 1), None),
        ("..2026-02", date(2026, 1, 1), date(2026, 2, 28)),
    ],
)
def test_what_a_period_means(text: str | None, first: date, last: date | None) -> None:
    assert parse_days(text, Calendar(), FIRST) == Days(first, last)


def test_periods_follow_the_company_s_calendar() -> None:
    fiscal = Calendar("quarter", 4)
    assert parse_days("2026Q1", fiscal, FIRST) == Days(date(2026, 4, 1), date(2026, 6, 30))
    with pytest.raises(KezhiError, match="no whole quarter"):
        parse_days("2026-04", fiscal, FIRST)
