"""Lists of customers (D05): who is in them, who is left out and counted, and that no cell becomes a formula."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli.app import main
from kezhi.engine import open_engine
from kezhi.intake import import_table
from kezhi.language import KezhiError, Text
from kezhi.reports import lists
from kezhi.reports.sheet_rows import NUMBER
from kezhi.workspace import Workspace

TODAY = date(2026, 4, 30)
HOSTILE = ["=1+1", "+86 139", "-2", "@cmd", "may", "＝1", 'a,b\n"c"', "张伟"]


def people() -> list[dict[str, Any]]:
    """C0 and C1 blacklisted, C2 and C3 refuse (C1, too), C4 said nothing, the others agree."""
    return [
        {
            "customer_id": f"C{number}",
            "name": HOSTILE[number],
            "phone": f"+86 1390000000{number}",
            "email": f"c{number}@example.com",
            "consent": None if number == 4 else number not in (1, 2, 3),
            "excluded": number < 2,
            "excluded_reason": "fraud" if number == 0 else "asked" if number == 1 else None,
        }
        for number in range(8)
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    orders = [
        {"customer_id": f"C{number}", "date": TODAY - timedelta(days=30 * month), "amount": 100.5 + number}
        for number in range(8)
        for month in range(6)
    ]
    with open_engine() as engine:
        for name, rows in (("orders", orders), ("customers", people())):
            import_table(engine, Workspace(folder), name, [pa.Table.from_pylist(rows)], None, TODAY)
    kezhi.save_segment(folder, "回头客", "purchases >= 2")
    kezhi.analyse(workspace=folder, model="nbd", senses=("tiers",))
    return folder


def cells(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.reader(opened))


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_blacklisted_customer_is_missing_from_every_export(place: Path, tmp_path: Path, suffix: str) -> None:
    """D05: blacklisted customer missing from every export; who refused as well; both counted, with the reason."""
    file = tmp_path / f"list.{suffix}"
    done = kezhi.export(place, "回头客", file, columns=["customer_id"])
    ids = {
        "csv": lambda: [row[0] for row in cells(file)[1:]],
        "xlsx": lambda: [row[0].value for row in openpyxl.load_workbook(file).active.iter_rows(min_row=2)],
        "parquet": lambda: list(pq.read_table(file)["customer_id"].to_pylist()),
    }[suffix]()
    assert sorted(ids) == ["C4", "C5", "C6", "C7"]
    assert (done.customers, done.excluded, done.refused, done.unknown) == (4, 2, 2, 1)
    assert done.reasons == {"asked": 1, "fraud": 1}
    strict = kezhi.export(place, "all", file, only_consenting=True)
    assert (strict.customers, strict.unknown) == (3, 1)


def test_whoever_is_blacklisted_after_the_run_is_left_out_at_once(place: Path, tmp_path: Path) -> None:
    later = [{**row, "excluded": row["excluded"] or row["customer_id"] == "C7"} for row in people()]
    copied = tmp_path / "copy"
    shutil.copytree(place, copied)
    with open_engine() as engine:
        import_table(engine, Workspace(copied), "customers", [pa.Table.from_pylist(later)], None, TODAY)
    done = kezhi.export(copied, "all", tmp_path / "l.parquet")
    assert "C7" not in pq.read_table(tmp_path / "l.parquet")["customer_id"].to_pylist()
    assert done.excluded == 3
    # of the run's folder alone what it knew then counts
    assert kezhi.export(next((copied / "runs").glob("2*")), "all", tmp_path / "l.parquet").excluded in (2, 3)


def test_no_text_becomes_a_formula_and_numbers_stay_numbers(place: Path, tmp_path: Path) -> None:
    everybody = tmp_path / "everybody"
    rows = [{**row, "consent": True, "excluded": False} for row in people()]
    orders = [
        {"customer_id": f"C{n}", "date": TODAY - timedelta(days=d), "amount": 10} for n in range(8) for d in (1, 40)
    ]
    orders.append({"customer_id": "C2", "date": TODAY, "amount": -5})
    run = kezhi.analyse(
        pa.Table.from_pylist(orders), customers=pa.Table.from_pylist(rows), out=everybody, model="nbd", senses=()
    )
    kezhi.export(run, "all", tmp_path / "l.csv", columns=["name", "value", "last_purchase", "consent"], language="zh")
    heads, *written = cells(tmp_path / "l.csv")
    assert heads == ["客户名称", "已有价值", "最近购买", "同意营销"]
    assert (tmp_path / "l.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "so that Excel reads it as UTF-8"
    dangerous = ("=", "+", "-", "@", "\t", "＝")
    assert lists.harmless("\tx") == "'\tx"
    assert {row[0] for row in written} == {f"'{name}" if name.startswith(dangerous) else name for name in HOSTILE}
    assert {float(row[1]) for row in written} == {20.0, 15.0}
    assert {row[3] for row in written} == {"是"}
    kezhi.export(run, "all", tmp_path / "l.xlsx", columns=["name", "value", "last_purchase"])
    sheet = openpyxl.load_workbook(tmp_path / "l.xlsx").active
    names, values, days = zip(*sheet.iter_rows(min_row=2), strict=True)
    assert {cell.value for cell in names} == set(HOSTILE)
    assert {cell.data_type for cell in names} == {"s"} or {cell.data_type for cell in names} == {"inlineStr"}
    assert {cell.data_type for cell in values} == {"n"}
    assert {cell.value.date() for cell in days} <= {TODAY, TODAY - timedelta(days=1)}


def test_contact_is_added_from_the_book_and_refused_without_one(place: Path, tmp_path: Path) -> None:
    kezhi.export(place, "customer_id = 'C5'", tmp_path / "l.parquet", columns=["customer_id"], contact=True)
    [row] = pq.read_table(tmp_path / "l.parquet").to_pylist()
    assert row == {"customer_id": "C5", "phone": "+86 13900000005", "email": "c5@example.com"}
    alone = tmp_path / "alone"
    shutil.copytree(next((place / "runs").glob("2*")), alone)
    with pytest.raises(KezhiError, match="is a run without one"):
        kezhi.export(alone, "all", tmp_path / "l.csv", contact=True)
    assert kezhi.export(alone, "all", tmp_path / "l.csv").excluded == 2, "the run knows who is blacklisted"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"columns": ["regoin"]}, "no column 'regoin'"),
        ({"columns": ["phone"]}, "--contact"),
        ({"columns": [" "]}, "at least one column"),
        ({"query": "amount >"}, "character 9"),
        ({"query": "回头"}, "did you mean '回头客'"),
        ({"to": "l.txt"}, ".xlsx, .csv or .parquet"),
        ({"to": "nowhere/l.csv"}, "no folder"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence_and_nothing_is_written(
    place: Path, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    wanted = {"query": "all", "to": "l.csv", **given}
    with pytest.raises(KezhiError) as caught:
        kezhi.export(place, wanted.pop("query"), tmp_path / wanted.pop("to"), **wanted)
    assert said in caught.value.text.en
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_an_empty_list_with_the_reason(place: Path, tmp_path: Path) -> None:
    done = kezhi.export(place, "tier = 'viq'", tmp_path / "l.csv")
    assert done.customers == 0
    assert done.why_empty is not None
    assert len(cells(tmp_path / "l.csv")) == 1
    assert kezhi.export(place, "tier = 'viq'", tmp_path / "l.xlsx").customers == 0


def test_more_rows_than_a_sheet_holds_go_on_in_further_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_ROWS", 4)
    wanted = [lists.Listed(name, name, Text(title, title), {}) for name, title in (("customer_id", "Id"), ("n", "N"))]
    for count, sheets in ((0, 1), (1, 1), (4, 1), (5, 2), (11, 3)):
        with open_engine() as engine:
            rows = engine.table(
                pa.table(
                    {
                        "customer_id": pa.array([f"C{i}" for i in range(count)], pa.string()),
                        "n": pa.array(range(count), pa.int64()),
                        NUMBER: pa.array(range(1, count + 1), pa.int64()),
                    }
                )
            )
            assert lists.write_list(engine, rows, wanted, tmp_path / "l.xlsx", "en") == sheets
        book = openpyxl.load_workbook(tmp_path / "l.xlsx")
        found = [[cell.value for cell in row] for sheet in book for row in sheet.iter_rows(min_row=2)]
        assert found == [[f"C{i}", i] for i in range(count)]
        assert all(sheet["A1"].value == "Id" for sheet in book)


def test_the_commands_say_what_they_did(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--workspace", str(place)])
        assert ended.value.code == 0
        return capsys.readouterr().out

    listed = said("export", "回头客", "--to", str(tmp_path / "l.csv"), "--lang", "en")
    assert "4 customers." in listed
    assert (
        "Left out: 2 on the blacklist (asked: 1, fraud: 1), 2 who refused contact. 1 in the list gave no answer"
        in listed
    )
    assert "2 位在黑名单上" in said("export", "all", "--to", str(tmp_path / "l.csv"), "--lang", "zh")
    told = json.loads(said("export", "all", "--to", str(tmp_path / "l.csv"), "--json"))
    assert (told["customers"], told["excluded"], told["refused"]) == (4, 2, 2)
    assert "purchases >= 2" in said("segments", "--lang", "en")
    assert json.loads(said("segments", "--json"))["segments"][0]["name"] == "回头客"
    assert "8 of 8 customers" in said("segments", "show", "回头客", "--lang", "en")
    assert json.loads(said("segments", "try", "purchases > 100", "--json"))["customers"] == 0
    assert "forecast_value" in said("segments", "fields", "--lang", "zh")
    assert "8 customers of the newest run" in said("segments", "save", "much", "value > 1", "--lang", "en")
    assert "is dropped" in said("segments", "drop", "much", "--lang", "en")
    with pytest.raises(SystemExit) as ended:
        main(["segments", "try", "--workspace", str(place)])
    assert ended.value.code == 2
    assert "Say one of" in capsys.readouterr().err
