"""The two reports that every run folder holds."""

from __future__ import annotations

from pathlib import Path

from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports.build import build
from kezhi.reports.excel import write_excel
from kezhi.reports.page import write_html
from kezhi.reports.workbook import LISTED

# Listing very many customers in the workbook would take longer than analysing them.
LIST_ALL, LIST_BEST = 20_000, 5_000


def write_report(engine: Engine, folder: Path, language: Language) -> None:
    """report.html and report.xlsx of a run folder; `kezhi report --format xlsx` lists more customers."""
    report = build(engine, folder)
    write_html(report, folder / "report.html", language)
    most = LIST_ALL if report.customers <= LIST_ALL else LIST_BEST
    write_excel(engine, folder, report, folder / "report.xlsx", language, most_customers=most, most_others=LISTED)
