"""The weekly report on the page says what the file counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.language import Language
from kezhi.reports.sections import Canvas
from kezhi.reports.worth import weekly
from kezhi.segments.weekly import measured
from segments.test_weekly import AS_OF, shop

REPORT = SimpleNamespace(currency="CNY", period="month")


@pytest.fixture(scope="module")
def built(worked: Callable[..., Any]) -> tuple[Any, weekly.Weekly]:
    """A work with its weekly report."""
    work = worked(as_of=AS_OF, weekly={"fields": ["room_type"]}, **shop())
    found = measured(work)
    assert found is not None
    made = weekly.build(work.engine, work.folder, found.facts)
    assert made is not None
    return work, made


def test_every_line_is_that_of_the_file(built: tuple[Any, weekly.Weekly]) -> None:
    work, made = built
    rows = [row for row in pq.read_table(work.folder / "weekly.parquet").to_pylist() if row["field"] is None]
    for line in made.lines:
        own = [row for row in rows if row["begin"] == line.begin]
        counts: Counter[str] = Counter()
        for row in own:
            counts[row["what"]] += row["count"]
        assert {name: line.counts[name] for name in counts} == counts
        ways = Counter({way: sum(row["count"] for row in own if row["direction"] == way) for way in ("in", "out")})
        assert (line.counts["in"], line.counts["out"]) == (ways["in"], ways["out"])
        assert line.amount == sum((row["amount"] for row in own if row["what"] == "orders"), Decimal(0))
    assert sum(line.counts["contacts"] for line in made.lines) == sum(
        row["count"] for row in rows if row["what"] == "contacts"
    )
    assert all(b.begin - a.begin == timedelta(7) for a, b in zip(made.lines, made.lines[1:], strict=False))
    assert [line.unfinished for line in made.lines] == [False] * (len(made.lines) - 1) + [True]


@pytest.mark.parametrize(("language", "words"), [("en", ("Weekly report", "two rooms", "not stated", "not over")),
                                                 ("zh", ("周报", "two rooms", "未填写", "未满"))])  # fmt: skip
def test_t11_the_page(built: tuple[Any, weekly.Weekly], language: Language, words: tuple[str, ...]) -> None:
    _, made = built
    canvas = Canvas(language)
    page = weekly.section(made, REPORT, canvas)
    assert all(word in page for word in words)
    full = made.full
    assert full is not None
    assert full.begin == date(2025, 5, 5)  # the week of the last day is not over
    text = re.sub(r"<[^>]+>", " ", page)
    assert re.search({"en": r"(\d+) contacts", "zh": r"联系 (\d+) 次"}[language], text).group(1) == str(  # type: ignore[union-attr]
        full.counts["contacts"]
    )
    assert "figure-weekly" in canvas.figures


def test_months_begin_on_the_first() -> None:
    assert weekly._begins("month", date(2025, 3, 20), date(2025, 1, 1)) == [date(2025, m, 1) for m in (1, 2, 3)]
    assert len(weekly._begins("week", date(2025, 3, 20), date(2001, 1, 1))) == weekly.DRAWN
