"""kezhi correct as it is typed, and by an edited sheet."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli import main
from kezhi.language import KezhiError
from kezhi.workspace import Workspace

pytestmark = pytest.mark.usefixtures("quick")


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints, to people and as errors."""
    ended = 0
    try:
        main([*arguments, "--lang", "en"])
    except SystemExit as end:
        ended = int(end.code or 0)
    assert ended == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_a_correction_from_trial_to_undo(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("--workspace", str(place))
    whole = ("correct", "expense", "-100", "--customer", "C003", "--period", "2026-01", "--why", "=less", "--by", "Ann")
    tried = said(capsys, *whole, "--try", *here)
    assert "1 customers, 1 periods" in tried
    assert "nothing was written" in tried
    assert not (place / "corrections.csv").exists()
    assert "Correction 1, relationship expense -100" in said(capsys, *whole, *here)
    listed = said(capsys, "correct", "--list", *here)
    assert "C003" in listed
    assert "holds" in listed
    found = json.loads(said(capsys, "correct", "--list", "--json", *here))
    assert (found[0]["who"], found[0]["change"], found[0]["state"], found[0]["why"]) == (
        "Ann",
        "-100",
        "holding",
        "=less",
    )
    undone = json.loads(said(capsys, "correct", "--undo", "1", "--json", *here))
    assert undone["entries"][0]["undoes"] == 1
    assert "taken back" in said(capsys, "correct", "--list", *here)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["correct"], "Say what to correct and how"),
        (["correct", "margin", "+2pt", "--list"], "one thing at a time"),
        (["correct", "--undo", "x"], "--undo wants numbers"),
        (["correct", "--undo", "7"], "There is no correction 7"),
        (["correct", "margin", "--evryone"], "There is no option --evryone"),
        (["correct", "--from", "nothing.xlsx", "--why", "x"], "There is no file nothing.xlsx"),
        (["correct", "margin", "500%", "--all", "--why", "x"], "A margin of 500% cannot be"),
    ],
)
def test_wrong_use_is_one_sentence(
    company: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    out = said(capsys, *arguments, "--workspace", str(company), code=2)
    assert sentence in out
    assert out.count("\n") == 1


# --- sheets -------------------------------------------------------------------------------------------------


def edited(path: Path, changes: dict[tuple[str, date], dict[int, Any]], more: list[list[Any]] | None = None) -> Path:
    """A sheet with cells changed by customer and period; columns counted from 1."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for row in sheet.iter_rows(min_row=4):
        if row[0].value is None:
            continue
        for column, value in changes.get((row[0].value, row[2].value.date()), {}).items():
            row[column - 1].value = value
    for one in more or []:
        sheet.append(one)
    book.save(path)
    return path


def forecast(place: Path) -> dict[tuple[str, date], dict[str, Any]]:
    rows = pq.read_table(Workspace(place).run(None) / "forecast.parquet").to_pylist()
    return {(row["customer_id"], row["period"]): row for row in rows}


def test_an_edited_sheet_becomes_corrections(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.xlsx"
    assert "120 rows" in said(
        capsys, "correct", "--template", str(path), "--where", "region = 'North'", "--workspace", str(place)
    )
    one, other = ("C001", date(2026, 1, 1)), ("C002", date(2026, 3, 1))
    edited(
        path, {one: {4: 500, 5: 0.4}, other: {6: "+20", 5: "+2pt"}}, [["C999", None, date(2026, 1, 1), 5, 0.1, 1, 0]]
    )
    before = forecast(place)
    out = said(capsys, "correct", "--from", str(path), "--why", "plan", "--workspace", str(place))
    assert "1 rows of the sheet are not in the newest run" in out
    assert "4 corrections, 1 to 4: 2 customers, 4 periods" in out
    after = forecast(place)
    assert (float(after[one]["amount"]), after[one]["margin"]) == (500.0, 0.4)
    assert after[other]["expense"] == before[other]["expense"] + 20
    assert after[other]["margin"] == pytest.approx(before[other]["margin"] + 0.02)
    assert [key for key in before if after[key]["corrections"]] == [one, other]
    # the sheet shows what was there before: made again, it holds no difference
    with pytest.raises(KezhiError, match="other values than the newest run"):
        kezhi.correct_from(place, path, why="again")
    said(capsys, "correct", "--template", str(path), "--workspace", str(place))
    assert kezhi.correct_from(place, path, why="again").entries == ()


def test_the_run_s_workbook_can_be_edited(place: Path) -> None:
    path = Workspace(place).run(None) / "report.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = next(one for one in book.worksheets if one.title == "Forecast")
    head = next(row for row in sheet.iter_rows() if row[0].value == "Customer id")
    margin = next(cell.column for cell in head if cell.value == "Margin")
    sheet.cell(head[0].row + 1, margin).value = 0.11
    book.save(place / "edited.xlsx")
    outcome = kezhi.correct_from(place, place / "edited.xlsx", why="seen", dry=True)
    assert [str(entry.change) for entry in outcome.entries] == ["=11%"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        (5, "much", "Row 4 of the sheet “Corrections”, column “Margin”: 'much' is no number."),
        (5, 5, "A margin of 500.0% cannot be"),
        (4, -3, "cannot be set below 0"),
        (3, "soon", "column “Period”: 'soon' is no day."),
    ],
)
def test_wrong_cells_are_named_and_nothing_is_written(place: Path, column: int, value: Any, sentence: str) -> None:
    path = place / "plan.xlsx"
    kezhi.correcting.write_sheet(place, path, where="customer_id = 'C001'")
    book = openpyxl.load_workbook(path)
    book.worksheets[0].cell(4, column).value = value
    book.save(path)
    with pytest.raises(KezhiError) as caught:
        kezhi.correct_from(place, path, why="x")
    assert sentence in caught.value.text.en
    assert not (place / "corrections.csv").exists()


def test_a_workbook_without_such_a_sheet_is_refused(place: Path) -> None:
    openpyxl.Workbook().save(place / "empty.xlsx")
    (place / "text.xlsx").write_text("no workbook", encoding="utf-8")
    for name, sentence in (("empty.xlsx", "has no sheet with the columns"), ("text.xlsx", "is no workbook")):
        with pytest.raises(KezhiError, match=sentence):
            kezhi.correct_from(place, place / name, why="x")


def test_the_report_says_that_figures_are_corrected(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kezhi.correct(place, "expense", "+5", everyone=True, why="a fair", by="<b>Ann</b>")
    out = said(capsys, "report", "--workspace", str(place), "--out", str(tmp_path / "page.html"))
    assert "Management's corrections are in its figures (forecast value -" in out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Corrections by management" in page
    assert "&lt;b&gt;Ann&lt;/b&gt;" in page
    said(capsys, "report", "--workspace", str(place), "--format", "xlsx", "--out", str(tmp_path / "book.xlsx"))
    sheet = openpyxl.load_workbook(tmp_path / "book.xlsx")["Corrections"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[2][4] == "relationship expense +5"
    assert len([row for row in cells if row[2] == "Relationship expense"]) == 180
