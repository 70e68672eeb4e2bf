"""Tiers, RFM, movement and cohorts: every number that opens a list counts exactly that list."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from casting import Cast, facts
from kezhi.reports.numbers import day
from kezhi_web.groups.grid import grid
from kezhi_web.groups.lists import Then, moved, then_of
from kezhi_web.groups.views import order_of
from kezhi_web.shown import Rows
from kezhi_web.shown.run import named

LINK = re.compile(r'<a(?: class="chip")? href="(/customers\?filter=[^"]+)">(.*?)</a>', re.DOTALL)


def known(company: Path) -> list[dict[str, Any]]:
    newest = (company / "runs" / "latest").read_text(encoding="utf-8").strip()
    return pq.read_table(company / "runs" / newest / "customers.parquet").to_pylist()


def everybody() -> Rows:
    return Rows(named(None), None, personal=True)


def chosen(query: str) -> int:
    """How many the customers list would show."""
    rows = everybody()
    return int(rows.row(f"select count(*) as n from {rows.chosen(query)}")["n"])


def links(page: Any) -> list[tuple[str, int]]:
    """Filter and number of every link to the customers list."""
    found = []
    for url, said in LINK.findall(page.content.decode()):
        digits = re.findall(r"[\d,]+", re.sub(r"<[^>]+>", " ", said))
        [query] = parse_qs(urlsplit(unescape(url)).query)["filter"]
        found.append((query, int(digits[-1].replace(",", ""))))
    return found


@pytest.mark.parametrize(("page", "least"), [("/tiers", 5), ("/rfm", 30), ("/movement", 15), ("/cohorts", 3), ("/", 5)])
def test_every_number_opens_exactly_so_many_customers(shown_home: Path, cast: Cast, page: str, least: int) -> None:
    """What a link says, its list holds."""
    found = links(cast["viewer"].get(page))
    assert len(found) >= least
    for query, number in found:
        assert chosen(query) == number, query


def test_the_grid_holds_every_buyer_once(shown_home: Path) -> None:
    """Against a count by hand: each cell, its share of purchases, and nobody twice."""
    people = known(shown_home)
    buyers = [one for one in people if one["r_score"] is not None]
    by_hand = Counter((one["r_score"], (one["f_score"] + one["m_score"]) // 2) for one in buyers)
    whole = sum(one["amount"] for one in buyers)
    found = grid(everybody(), named(None).worth["rfm"], None)
    assert found is not None
    assert sum(one.count.customers for _, row in found.rows for one in row) == len(buyers) == found.customers
    for r, row in found.rows:
        for fm, one in enumerate(row, 1):
            assert one.count.customers == by_hand[r, fm]
            amounts = [b["amount"] for b in buyers if (b["r_score"], (b["f_score"] + b["m_score"]) // 2) == (r, fm)]
            assert float(one.share or 0) == pytest.approx(float(sum(amounts) / whole))
    assert (found.without.customers if found.without else 0) == len(people) - len(buyers)


def test_the_grid_names_what_the_report_names(shown_home: Path) -> None:
    """Cell by cell the same group and the same number as in worth.json."""
    told = facts(shown_home)["rfm"]["grid"]  # type: ignore[index]
    names = facts(shown_home)["rfm"]["names"]  # type: ignore[index]
    found = grid(everybody(), named(None).worth["rfm"], None)
    assert found is not None
    here = {(r, fm): one for r, row in found.rows for fm, one in enumerate(row, 1)}
    for one in told:
        assert here[one["r"], one["fm"]].count.customers == one["customers"]
        assert here[one["r"], one["fm"]].name.en == names[one["code"]]["en"]


def test_moves_are_those_of_the_report(shown_home: Path) -> None:
    """The matrix of tiers is the report's, and so is who rose and who fell."""
    worth = named(None).worth
    found = moved(everybody(), "tier", order_of(worth, "tier"), None)
    assert found is not None
    told = next(one for one in worth["movement"]["matrices"] if (one["source"], one["by"]) == ("runs", "tier"))
    assert [line.whole.customers for line in found.lines] == [row["customers"] for row in told["rows"]]
    cells = sorted(cell.customers for line in found.lines for cell in line.cells if cell.customers)
    assert cells == sorted(one["customers"] for one in told["cells"])
    rose, fell = found.risen.customers if found.risen else 0, found.fallen.customers if found.fallen else 0
    assert (rose, fell) == (worth["tiers"]["previous"]["risen"], worth["tiers"]["previous"]["fallen"])


def test_cells_link_into_the_run_that_is_shown(shown_home: Path, cast: Cast) -> None:
    """An older run's numbers open its own lists, and its tabs stay in it."""
    first = sorted(path.name for path in (shown_home / "runs").iterdir() if path.is_dir())[0]
    page = cast["viewer"].get(f"/tiers?run={first}").content.decode()
    assert LINK.findall(page)
    assert all(f"run={first}" in unescape(url) for url, _ in LINK.findall(page))
    assert f"tab=points&amp;run={first}" in page
    suggested = cast["viewer"].get(f"/segments?run={first}").content.decode()
    assert LINK.findall(suggested)
    assert all(f"run={first}" in unescape(url) for url, _ in LINK.findall(suggested))


def test_what_moved_says_since_when(shown_home: Path, cast: Cast) -> None:
    """The day of the run that is compared with; of RFM the day and source that the run names, which may be the book."""
    worth = named(None).worth
    then = date.fromisoformat(worth["tiers"]["previous"]["as_of"])
    assert f"▲ rose since {day(then, 'en')} <b>" in cast["viewer"].get("/tiers").content.decode()
    assert f"where the run up to {day(then, 'en')} found" in cast["viewer"].get("/movement").content.decode()
    assert then_of(worth, "tier") == Then(then, same_rules=worth["tiers"]["previous"]["same_rules"])
    book = {"rfm": {"previous": {"source": "book", "day": "2025-05-31"}}}
    assert then_of(book, "rfm_segment") == Then(date(2025, 5, 31), recorded=False)
    assert then_of({}, "tier") is None


@pytest.mark.parametrize("page", ["/tiers", "/rfm", "/movement", "/cohorts", "/segments", "/forecast"])
def test_who_may_see_the_company(shown_home: Path, cast: Cast, page: str) -> None:
    """All but salespeople; strangers sign in; what is not there is not found."""
    assert cast["sales"].get(page).status_code == 403
    assert cast.stranger.get(page).status_code == 302
    assert cast["viewer"].get(f"{page}?tab=nothing").status_code == 404
    assert cast["viewer"].get(f"{page}?run=nothing").status_code == 404


@pytest.mark.parametrize("page", ["/tiers", "/rfm", "/movement", "/cohorts", "/segments", "/forecast"])
def test_without_a_run_pages_say_how_to_begin(empty_home: Path, cast: Cast, page: str) -> None:
    """An empty company is told what to do next."""
    assert "nothing to show yet" in cast["viewer"].get(page).content.decode()
