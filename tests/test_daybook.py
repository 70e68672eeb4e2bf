"""Customer-days that are kept: whatever comes, late or corrected, they are those of the whole book."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import kezhi
from kezhi.daybook import kept_days
from kezhi.engine import Engine, open_engine
from kezhi.intake import import_table, read_book
from kezhi.ledger import Calendar, days_by_id
from kezhi.workspace import Workspace
from ledger.books import ORDERS, line
from logs import order_log

DAY, TODAY = date(2024, 1, 1), date(2026, 1, 1)
LINES = st.builds(
    line,
    st.sampled_from(["a", "b", "丁"]),
    st.integers(0, 150).map(lambda n: DAY + timedelta(days=n)),
    st.integers(-300, 900).filter(bool),
    st.sampled_from([None, "1", "2", "3", "4"]),
    st.one_of(st.none(), st.integers(1, 50)),
)


def add(engine: Engine, place: Workspace, lines: list[dict[str, Any]]) -> None:
    import_table(engine, place, "orders", [pa.Table.from_pylist(lines, schema=ORDERS)], None, TODAY)


def days(engine: Engine, place: Workspace) -> list[dict[str, Any]]:
    kept = kept_days(engine, place, read_book(engine, place).book, Calendar())
    return engine.fetch(kept.order_by("customer_id", "day", "told")).to_pylist()


def from_scratch(engine: Engine, place: Workspace) -> list[dict[str, Any]]:
    whole = days_by_id(read_book(engine, place).book, Calendar()).rename(customer_id="customer")
    return engine.fetch(whole.order_by("customer_id", "day", "told")).to_pylist()


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(LINES, min_size=1, max_size=8), min_size=2, max_size=3))
@example([[line("a", DAY, 90, "1"), line("a", DAY + timedelta(70), 30)], [line("a", DAY + timedelta(69), -90, "1")]])
@example([[line("a", DAY + timedelta(69), -90, "1")], [line("a", DAY, 90, "1")]])  # the sale comes after its return
@example([[line("a", DAY, 90, "1"), line("b", DAY + timedelta(40), 5)], [line("a", DAY, 80, "1")]])  # corrected
def test_kept_days_are_those_of_the_whole_book(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, imports: list[list[dict[str, Any]]]
) -> None:
    place = Workspace(tmp_path_factory.mktemp("book"))
    for lines in imports:
        add(engine, place, lines)
        assert days(engine, place) == from_scratch(engine, place)


def test_only_the_months_that_are_touched_are_written_again(engine: Engine, tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    add(engine, place, [line("a", DAY + timedelta(days), 5, str(days)) for days in (0, 40, 80)])
    days(engine, place)
    before = {path.name for path in (tmp_path / "book" / "days").glob("*.parquet")}
    add(engine, place, [line("a", DAY + timedelta(81), 5, "9"), line("a", DAY + timedelta(82), -1, "0")])
    days(engine, place)
    after = {path.name for path in (tmp_path / "book" / "days").glob("*.parquet")}
    added = {name.split("-")[0] for name in after - before}
    assert added == {str(Calendar().number(DAY + timedelta(days))) for days in (0, 81)}


def test_costs_that_come_to_be_known_are_added_up_for_all_months(engine: Engine, tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    rows = [line("a", DAY, 10, "1"), line("a", DAY + timedelta(40), 20, "2")]
    table = pa.Table.from_pylist(rows, schema=ORDERS).drop_columns(["cost"])
    quantities = table.append_column("product_id", pa.array(["p", "p"])).append_column("quantity", pa.array([1.0, 2.0]))
    import_table(engine, place, "orders", [quantities], None, TODAY)
    assert "cost" not in days(engine, place)[0]
    import_table(engine, place, "products", [pa.table({"product_id": ["p"], "unit_cost": [3.0]})], None, TODAY)
    assert [row["cost"] for row in days(engine, place)] == [3, 6]


def test_a_damaged_or_missing_file_is_made_again(engine: Engine, tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    add(engine, place, [line("a", DAY, 5)])
    found = days(engine, place)
    next((tmp_path / "book" / "days").glob("*.parquet")).unlink()
    assert days(engine, place) == found
    (tmp_path / "book" / "days" / "index.json").write_text("{", encoding="utf-8")
    assert days(engine, place) == found


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are not drawn; other tests look at them."""
    monkeypatch.setattr("kezhi.analysis.write_report", lambda *_: None)


@pytest.mark.usefixtures("undrawn")
def test_a_run_after_an_import_is_the_run_of_the_whole(tmp_path: Path) -> None:
    """Late and newest orders in a second import: figure by figure what one import of everything gives."""
    now, log = datetime(2026, 1, 2, tzinfo=UTC), order_log().sort_by("date")
    late = pa.concat_tables([log.slice(5, 20), log.slice(log.num_rows - 40)])
    first = pa.concat_tables([log.slice(0, 5), log.slice(25, log.num_rows - 65)])
    nightly, whole = Workspace(tmp_path / "nightly"), Workspace(tmp_path / "whole")
    with open_engine() as engine:
        import_table(engine, nightly, "orders", [first], None, TODAY)
        kezhi.analyse(workspace=nightly.folder, now=now, model="nbd")
        import_table(engine, nightly, "orders", [late], None, TODAY)
        import_table(engine, whole, "orders", [first], None, TODAY)
        import_table(engine, whole, "orders", [late], None, TODAY)
    one, other = (
        kezhi.analyse(workspace=place.folder, now=now + timedelta(1), model="nbd") for place in (nightly, whole)
    )
    for name in ("customers", "periods", "forecast"):
        found, expected = (pq.read_table(run.folder / f"{name}.parquet") for run in (one, other))
        # what customers were in the earlier run only one of the two workspaces can know
        then = [column for column in expected.column_names if column.endswith("_previous") or column == "tier_since"]
        assert found.drop_columns(then) == expected.drop_columns(then), name
    assert one.models == other.models


@pytest.mark.usefixtures("undrawn")
def test_what_the_past_taught_is_remembered_as_long_as_it_is_the_same_past(tmp_path: Path, monkeypatch: Any) -> None:
    from kezhi.valuation import past

    asked: list[int] = []
    rehearse = past.rehearse
    monkeypatch.setattr(past, "rehearse", lambda *given: asked.append(1) or rehearse(*given))
    now, log = datetime(2026, 1, 2, tzinfo=UTC), order_log().sort_by("date")
    place = Workspace(tmp_path)
    with open_engine() as engine:
        import_table(engine, place, "orders", [log.slice(100, log.num_rows - 102)], None, TODAY)
        runs = [kezhi.analyse(workspace=tmp_path, now=now + timedelta(day), model="nbd", senses=()) for day in range(2)]
        assert len(asked) == 1
        assert runs[0].models == runs[1].models
        import_table(engine, place, "orders", [log.slice(log.num_rows - 2)], None, TODAY)
        kezhi.analyse(workspace=tmp_path, now=now + timedelta(2), model="nbd", senses=())
        assert len(asked) == 1  # the newest days are later than any past forecast
        import_table(engine, place, "orders", [log.slice(0, 100)], None, TODAY)
        kezhi.analyse(workspace=tmp_path, now=now + timedelta(3), model="nbd", senses=())
        assert len(asked) == 2  # late orders are not
