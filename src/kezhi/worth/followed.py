"""Questions to a finished run: any cohort table, and the curve of one customer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import open_engine
from kezhi.language import KezhiError, Text
from kezhi.ledger import Calendar
from kezhi.valuation.arrays import from_rows
from kezhi.worth.cohorts import Measure, Show, triangle
from kezhi.worth.curve import curve_of

if TYPE_CHECKING:
    import pyarrow as pa


def cohort_table(
    run: object, measure: Measure = "value", show: Show = "per_customer", *, by: str = "period"
) -> pa.Table:
    """Customers who began together, followed by age: one row per cohort, one column per age.

    `run` is a Run or its folder. measure: active (customers who bought), purchases, amount, gross_profit (amount less
    product cost), value. show: sum, per_customer, cumulative (per customer, added up), share (of the first period's
    figure; for active, of all customers: retention). by: period, or year to put the cohorts of a year together.

    Returns an Arrow table: cohort (first day), customers, then `age_0`, `age_1`, ... in periods, null where fewer than
    half of the cohort have been through that age. Raises KezhiError for an unknown measure, and for a run without
    cohorts.

        kezhi.cohort_table(run, "active", "share", by="year")
    """
    import pyarrow as pa

    if by not in ("period", "year"):
        raise KezhiError(
            Text(
                f"Cohorts are shown by period or by year, not by {by!r}.",
                f"同期客户群按 period 或 year，而不是 {by!r}。",
            )
        )
    folder = _folder(run, "cohorts.parquet")
    years = Calendar("year", _manifest(folder)["fiscal_start"]) if by == "year" else None
    with open_engine() as engine:
        rows = engine.fetch(engine.read_parquet(folder / "cohorts.parquet")).to_pylist()
    found = triangle(rows, measure, show, years=years)
    ages = {
        f"age_{age}": pa.array([row[place] for row in found.values], pa.float64())
        for place, age in enumerate(found.ages)
    }
    cohorts = pa.array(found.cohorts, pa.date32())
    return pa.table({"cohort": cohorts, "customers": pa.array(found.customers, pa.int64()), **ages})


def customer_curve(run: object, customer_id: str) -> pa.Table:
    """What one customer has brought, period by period since they began, and altogether.

    `run` is a Run or its folder. Returns an Arrow table: age (in periods), period (its first day), amount, cost,
    expense (with the acquisition cost that no expense holds, at age 0), value, cumulative. Raises KezhiError for a
    customer of whom the run knows nothing.
    """
    import pyarrow as pa

    folder = _folder(run, "periods.parquet")
    with open_engine() as engine:
        rows = curve_of(engine, folder, customer_id)
    if not rows:
        raise KezhiError(
            Text(f"The run knows no customer {customer_id}.", f"这次运行中没有编号为 {customer_id} 的客户。")
        )
    money = pa.decimal128(28, 4)
    kinds = [("age", pa.int32()), ("period", pa.date32())]
    schema = pa.schema([*kinds, *((name, money) for name in ("amount", "cost", "expense", "value", "cumulative"))])
    return from_rows(rows, schema)


def _folder(run: object, needed: str) -> Path:
    folder = Path(str(getattr(run, "folder", run)))
    if not (folder / needed).exists():
        raise KezhiError(
            Text(
                f"{folder} holds no {needed}. Make a run first: kezhi run",
                f"{folder} 中没有 {needed}。请先用 kezhi run 运行。",
            )
        )
    return folder


def _manifest(folder: Path) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found
