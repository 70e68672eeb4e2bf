"""The history of imports, the rows set aside, quality and gaps, templates."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from kezhi.engine import open_engine
from kezhi.intake import BOOK_TABLES, current_rows, import_table
from kezhi.sources import TABLES
from kezhi.workspace import Workspace
from kezhi_web.data import quality
from kezhi_web.data.jobs_of import import_upload
from kezhi_web.people.models import Event
from kezhi_web.runs.models import Job


def text(response: Any) -> str:
    return response.content.decode()


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def the_import(home: Path, table: str) -> dict[str, Any]:
    return Workspace(home).imports(table)[0]


def test_the_history_says_what_came_in_and_from_where(shown_home: Path, cast: Any) -> None:
    said = text(cast["administrator"].get("/data/imports"))
    for table in BOOK_TABLES:
        assert (TABLES[table].title.en.replace("'", "&#x27;") in said) or not Workspace(shown_home).imports(table)
    assert "command line" in said
    assert "contacts.csv" not in text(cast["administrator"].get("/data/imports?table=orders"))


def test_rows_set_aside_are_shown_and_can_be_downloaded(shown_home: Path, cast: Any) -> None:
    entry = the_import(shown_home, "orders")
    rejected = pq.read_table(Workspace(shown_home).rejected_file("orders", entry["sha256"])).to_pylist()
    assert len(rejected) == entry["rows"]["quarantined"] > 0
    url = f"/data/imports/orders/{entry['sha256']}"
    said = text(cast["analyst"].get(url))
    assert all(rule["en"] in said for rule in entry["rows"]["rules"])
    _, *rows = csv.reader(io.StringIO(body(cast["analyst"].get(f"{url}/quarantine.csv")).decode("utf-8-sig")))
    assert len(rows) == len(rejected)
    rule = rejected[0]["rule"]
    sheet = CalamineWorkbook.from_filelike(
        io.BytesIO(body(cast["analyst"].get(f"{url}/quarantine.xlsx?rule={rule}")))
    ).get_sheet_by_index(0)
    assert len(sheet.to_python()) == 1 + sum(row["rule"] == rule for row in rejected)
    assert Event.objects.filter(action="quarantine_exported").count() == 2
    assert cast["marketer"].get(f"{url}/quarantine.csv").status_code == 404  # may export, but not this
    assert cast["viewer"].get(url).status_code == 403
    assert cast["analyst"].get("/data/imports/orders/nonsense").status_code == 404


def test_no_cell_of_a_download_is_a_formula(empty_home: Path, cast: Any) -> None:
    file = empty_home / "orders.csv"
    file.write_text('customer_id,date,amount\nC1,2025-01-02,5\nC2,"=1+1",5\n', encoding="utf-8")
    with open_engine() as engine:
        import_table(engine, Workspace(empty_home), "orders", [str(file)], None, date(2025, 6, 30))
    url = f"/data/imports/orders/{the_import(empty_home, 'orders')['sha256']}/quarantine"
    _, [*row] = csv.reader(io.StringIO(body(cast["analyst"].get(f"{url}.csv")).decode("utf-8-sig")))
    assert "'=1+1" in row


def test_taking_an_import_back(home: Path, cast: Any) -> None:
    sha256 = the_import(home, "contacts")["sha256"]
    url = f"/data/imports/contacts/{sha256}/back"
    assert cast["marketer"].post(url).status_code == 403
    for _ in range(2):
        cast["analyst"].post(url)
    [job] = Job.objects.all()  # asked twice is once
    assert "being taken back" in text(cast["analyst"].get("/data/imports"))
    for _ in range(2):  # and repeatable
        import_upload(job, lambda share, said: None)
    assert not Workspace(home).imports("contacts")
    assert not Workspace(home).book_files("contacts")
    assert cast["analyst"].post(url).status_code == 404


def test_what_people_recorded_is_not_taken_back_here(home: Path, cast: Any) -> None:
    place = Workspace(home)
    notes = place.imports("contacts")
    notes[0]["inputs"][0]["file"] = "recorded-contacts.parquet"
    (home / "book" / "contacts" / "imports.json").unlink()
    (home / "book" / "contacts" / "imports.json").write_text(json.dumps(notes), encoding="utf-8")
    cast["analyst"].post(f"/data/imports/contacts/{notes[0]['sha256']}/back")
    assert not Job.objects.exists()


def test_quality_is_what_a_slow_count_finds(shown_home: Path) -> None:
    place = Workspace(shown_home)
    with open_engine() as engine:
        found = quality.measured(engine, place)
        rows = engine.fetch(current_rows(engine, place, "orders")).to_pylist()
    days: dict[str, set[date]] = {}
    for row in rows:
        if row["amount"] > 0:
            days.setdefault(row["customer_id"], set()).add(row["date"])
    orders = found["orders"]
    assert orders["lines"] == len(rows)
    assert orders["customers"] == len({row["customer_id"] for row in rows})
    assert orders["orders"] == len({row["order_id"] for row in rows if row["order_id"]})
    assert orders["returns"] == sum(row["amount"] < 0 for row in rows)
    assert orders["once"] == sum(len(one) == 1 for one in days.values())
    assert orders["thrice"] == sum(len(one) >= 3 for one in days.values())
    assert orders["amount"] == pytest.approx(float(sum(row["amount"] for row in rows)))
    filled = sum(row["channel"] is not None for row in rows) / len(rows)
    assert found["tables"]["orders"]["fields"]["channel"] == pytest.approx(filled)


def test_what_is_missing_for_what() -> None:
    full = {"rows": 5, "fields": dict.fromkeys(("order_id", "product_id", "cost"), 1.0)}
    orders = {"first": "2020-01-01", "last": "2025-06-30", "thrice": 4}
    today = date(2025, 7, 1)
    told = [gap.table for gap in quality.gaps({"orders": orders, "tables": {"orders": full}}, today)]
    assert "products" not in told  # the orders say what the lines cost
    assert {"customers", "expenses", "contacts"} <= set(told)
    poor = {"rows": 5, "fields": {"order_id": 1.0, "product_id": 1.0}}
    assert "products" in [gap.table for gap in quality.gaps({"orders": orders, "tables": {"orders": poor}}, today)]
    old = quality.gaps({"orders": orders | {"thrice": 0}, "tables": {"orders": full}}, date(2026, 1, 1))
    assert [gap.table for gap in old][:2] == [None, None]
    assert not list(quality.gaps({"orders": None, "tables": {}}, today))


def test_the_quality_page(home: Path, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, ...]] = []
    monkeypatch.setattr(quality.beside, "begin", lambda *said: bool(begun.append(said)))
    assert "it is being measured" in text(cast["analyst"].get("/data/quality"))
    assert begun[0][2:] == ("quality",)
    quality.write(Workspace(home))
    said = text(cast["analyst"].get("/data/quality"))
    assert "How full the tables are" in said
    assert "campaigns" in said or "Actions" in said
    assert cast["viewer"].get("/data/quality").status_code == 403


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_templates_can_be_read_back(empty_home: Path, cast: Any, kind: str, tmp_path: Path) -> None:
    from kezhi.sources import read_table

    assert "Needed" in text(cast["analyst"].get("/data/templates"))
    path = tmp_path / f"orders.{kind}"
    path.write_bytes(body(cast["analyst"].get(f"/data/templates/orders.{kind}", HTTP_ACCEPT_LANGUAGE="zh-hans")))
    with open_engine() as engine:
        report = read_table(engine, "orders", [path], today=date(2026, 1, 1)).report
    assert (report.accepted, report.quarantined) == (2, 0)
    assert cast["analyst"].get("/data/templates/orders.exe").status_code == 404
