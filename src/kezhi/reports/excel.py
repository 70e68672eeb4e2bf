"""The report as an Excel workbook: the summary, and the tables behind it to sort, filter and take further."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import columns, excel_summary, worth
from kezhi.reports.build import best
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import Account, ValueReport
from kezhi.reports.sheet_rows import NUMBER
from kezhi.reports.workbook import Book, Sheet, fill_long_sheet, fill_sheet

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_CUSTOMERS = 100_000
MOST_FORECAST_CUSTOMERS = 10_000
MOST_REJECTED = 20_000
MOST_OTHERS = 20_000
_BATCH = 10_000
_ALL = Text("All customers", "全部客户")
_PRIVATE = re.compile(r"phone|mobile|\btel|e-?mail|手机|电话|邮箱|邮件", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+\.\S+")
_HIDDEN = "•••"


def write_excel(
    engine: Engine,
    run: Path,
    report: ValueReport,
    path: Path,
    language: Language,
    most_customers: int = MOST_CUSTOMERS,
    most_others: int = MOST_OTHERS,
) -> None:
    """Write the workbook of a run; equal runs give equal files, an existing file is replaced at once.

    Above `most_customers` only the best ones are listed, and of other tables the first `most_others` rows; the sheets
    say so.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        book = Book(beside, engine.scratch, language, most_others)
        _write(engine, run, report, book, most_customers)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write(engine: Engine, run: Path, report: ValueReport, book: Book, most_customers: int) -> None:
    customers = engine.read_parquet(run / "customers.parquet")
    forecast = engine.read_parquet(run / "forecast.parquet")
    excel_summary.summary(book, report)
    _customers(book, engine, report, customers, most_customers)
    _periods(book, report)
    _forecast(book, engine, report, customers, forecast, min(most_customers, MOST_FORECAST_CUSTOMERS))
    worth.sheets(report, book, engine, run)
    excel_summary.models(book, report)
    _rejected(book, engine, run, report)
    excel_summary.glossary(book)
    book.describe(book.say(excel_summary.TITLE), report.created)
    book.close()


def _present(wanted: Sequence[Column], report: ValueReport, have: Sequence[str]) -> list[Column]:
    """Columns that the table has and that mean something in this run."""
    left_out = set()
    if not report.basis.cost:
        left_out |= {"cost", "margin", "forecast_cost"}
    if not report.basis.expense:
        left_out |= {"expense", "forecast_expense"}
    return [column for column in wanted if column.field in have and column.field not in left_out]


def _sheet(book: Book, name: Text, wanted: Sequence[Column]) -> Sheet:
    return book.sheet(name, [column.width for column in wanted])


def _sums(engine: Engine, table: ir.Table, wanted: Sequence[Column]) -> dict[str, Any]:
    fields = [column.field for column in wanted if column.total]
    return engine.row(table.agg(**{field: table[field].sum() for field in fields})) if fields else {}


def _rows(engine: Engine, table: ir.Table) -> Iterator[dict[str, Any]]:
    """Rows one batch at a time, so that Python never holds them all."""
    for batch in engine.fetch(table).to_batches(max_chunksize=_BATCH):
        yield from batch.to_pylist()


# --- customers, periods, forecast -------------------------------------------------------------------------


def _customers(book: Book, engine: Engine, report: ValueReport, customers: ir.Table, most_customers: int) -> None:
    wanted = _present(columns.CUSTOMERS, report, customers.columns)
    sheet = _sheet(book, Text("Customers", "客户"), wanted)
    chosen = _numbered(best(customers, most_customers), [("forecast_value", True), ("customer_id", False)])
    shown = engine.store(chosen.select(NUMBER, *(column.field for column in wanted)))
    count = min(report.customers, most_customers)
    sheet.line(_how_many(book, report, count, "customers.parquet"))
    shown_sums = _sums(engine, shown, wanted)
    all_sums = shown_sums if count == report.customers else _sums(engine, customers, wanted)
    fill_long_sheet(
        engine,
        sheet,
        wanted,
        shown,
        count=count,
        label=_ALL,
        totals={**all_sums, **_totals(report.totals), "purchases": report.purchases},
        shown=shown_sums,
    )


def _numbered(table: ir.Table, order: Sequence[tuple[str, bool]]) -> ir.Table:
    """Rows numbered from 1 in an order of columns, descending where so said."""
    import ibis

    keys = [ibis.desc(table[name]) if descending else table[name] for name, descending in order]
    number: Any = ibis.row_number().over(ibis.window(order_by=keys)) + 1
    return table.mutate(number.name(NUMBER))


def _totals(account: Account) -> dict[str, Any]:
    return {
        "amount": account.amount,
        "cost": account.cost,
        "expense": account.expense,
        "value": account.value,
    }


def _how_many(book: Book, report: ValueReport, count: int, file: str) -> str:
    if count >= report.customers:
        said = Text("All {all} customers, by forecast value. {unit}", "全部 {all} 位客户，按预测价值排序。{unit}")
    else:
        said = Text(
            "The {count} customers with the largest forecast value, of {all}. "
            "The full table: {file} in the run folder. {unit}",
            "预测价值最高的 {count} 位客户（共 {all} 位）。完整数据见运行文件夹中的 {file}。{unit}",
        )
    return book.say(
        said,
        count=f"{count:,}",
        all=f"{report.customers:,}",
        file=file,
        unit=excel_summary.unit(book, report),
    )


def _periods(book: Book, report: ValueReport) -> None:
    fields = [column.field for column in columns.PERIODS]
    wanted = _present(columns.PERIODS, report, fields)
    sheet = _sheet(book, Text("Periods", "各期"), wanted)
    sheet.line(excel_summary.unit(book, report) or book.say(Text("The whole company.", "全公司。")))
    states = {True: Text("complete", "已满"), False: Text("unfinished", "未满")}
    rows = [
        {
            "period": past.period,
            "state": book.say(states[past.complete]),
            "customers": past.customers,
            "purchases": past.purchases,
            "margin": past.account.margin,
            **_totals(past.account),
        }
        for past in report.history
    ]
    summed = sum((past.account for past in report.history), Account())
    fill_sheet(
        sheet,
        wanted,
        rows,
        count=len(rows),
        label=Text("All periods", "全部各期"),
        totals={**_totals(report.totals), "purchases": report.purchases},
        shown={**_totals(summed), "purchases": sum(past.purchases for past in report.history)},
    )


def _forecast(
    book: Book, engine: Engine, report: ValueReport, customers: ir.Table, forecast: ir.Table, most: int
) -> None:
    chosen = engine.store(_joined(customers, forecast, most))
    found = _filled(engine, chosen)
    wanted = _present(columns.FORECAST, report, [name for name in chosen.columns if found[f"count_{name}"]])
    sheet = _sheet(book, Text("Forecast", "预测"), wanted)
    count = min(report.customers, most)
    sheet.line(_how_many(book, report, count, "forecast.parquet"))
    fill_long_sheet(
        engine,
        sheet,
        wanted,
        chosen,
        count=found["count_step"],
        label=_ALL,
        totals=_totals(report.outlook.account),
        shown={column.field: found[f"sum_{column.field}"] for column in wanted if column.total},
    )


def _joined(customers: ir.Table, forecast: ir.Table, most: int) -> ir.Table:
    top = best(customers, most).select("customer_id", "name", "forecast_value")
    both = top.inner_join(forecast, "customer_id")
    wanted = [column.field for column in columns.FORECAST if column.field in both.columns]
    order = [("forecast_value", True), ("customer_id", False), ("step", False)]
    return _numbered(both, order).select(NUMBER, *wanted)


def _filled(engine: Engine, table: ir.Table) -> dict[str, Any]:
    """In how many rows something stands, and sums; the columns of one method only are shown where they are filled."""
    sometimes = {"frequency", "p_frequency", "expected_amount", "p_amount"}
    counts = {f"count_{name}": (table[name] if name in sometimes else table.step).count() for name in table.columns}
    totals = [column.field for column in columns.FORECAST if column.total and column.field in table.columns]
    return engine.row(table.agg(**counts, **{f"sum_{name}": table[name].sum() for name in totals}))


# --- rejected rows ----------------------------------------------------------------------------------------


def _rejected(book: Book, engine: Engine, run: Path, report: ValueReport) -> None:
    sheet = _sheet(book, Text("Rejected rows", "隔离的行"), columns.REJECTED)
    sheet.line(book.say(Text("Rows set aside, by rule", "隔离的行，按规则汇总")), book.heading)
    _by_rule(sheet, report)
    sheet.skip()
    files = sorted((run / "quarantine").glob("*.parquet"))
    titles = {rule.code: rule.title for rows in report.tables for rule in rows.rules}
    sheet.line(book.say(_listed(report)), book.heading)
    first = sheet.next
    sheet.heads([column.title.to(book.language) for column in columns.REJECTED])
    kinds = [column.kind for column in columns.REJECTED]
    left = MOST_REJECTED
    for file in files:
        for row in _quarantined(engine, file, left):
            left -= 1
            title = titles.get(row["rule"])
            reason = book.say(title) if title else row["rule"]
            sheet.row([file.stem, row["file"], row["row"], reason, row["column"], _seen(row)], kinds)
    sheet.sheet.autofilter(first, 0, max(sheet.next - 1, first + 1), len(columns.REJECTED) - 1)


def _by_rule(sheet: Sheet, report: ValueReport) -> None:
    book = sheet.book
    heads = (
        Text("Table", "表"),
        Text("Rule", "规则"),
        Text("Rows", "行数"),
        Text("Reason", "原因"),
        Text("of which returns", "其中退货"),
        Text("Amount", "金额"),
    )
    kinds = ("text", "text", "count", "text", "count", "money")
    sheet.heads([book.say(head) for head in heads])
    for rows in report.tables:
        for rule in rows.rules:
            title = book.say(rule.title)
            sheet.row([rows.table, rule.code, rule.rows, title, rule.returns, rule.amount], kinds)
    total = sum(rows.quarantined for rows in report.tables)
    sheet.row([book.say(Text("Total", "合计")), None, total, None, None, None], kinds, bold=True)


def _listed(report: ValueReport) -> Text:
    if sum(rows.quarantined for rows in report.tables) <= MOST_REJECTED:
        return Text("Row by row", "逐行明细")
    return Text(
        "The first {n} row by row; all of them are in the folder quarantine of the run",
        "前 {n} 行明细；全部见运行文件夹中的 quarantine",
    ).fill(n=f"{MOST_REJECTED:,}")


def _quarantined(engine: Engine, file: Path, most: int) -> Iterator[dict[str, Any]]:
    table = engine.read_parquet(file)
    return _rows(engine, table.order_by("file", "row", "rule").limit(max(most, 0)))


def _seen(row: dict[str, Any]) -> str:
    """What was seen, without phone numbers and addresses."""
    if _PRIVATE.search(row["column"] or ""):
        return _HIDDEN
    return _ADDRESS.sub(_HIDDEN, row["seen"] or "")
