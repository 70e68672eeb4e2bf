"""Corrections of single customers as a table that the engine joins, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kezhi.corrections.record import FIGURES, Correction
from kezhi.valuation.amending import Step

if TYPE_CHECKING:
    import pyarrow as pa


def spans(one: Correction, steps: Sequence[Step]) -> list[int]:
    """The steps of a forecast whose periods lie within a correction's days."""
    return [step.number for step in steps if one.covers(step.first, step.last)]


def given_rows(corrections: Sequence[Correction], steps: Sequence[Step], *, several: bool = False) -> pa.Table:
    """One row per customer and step, changes of one figure following one another put into one; or with `several` all.

    customer_id, step, and for each figure its times and plus (new = times x old + plus), whether it begins anew (set),
    and the numbers of the corrections as text. With `several`: customer_id, step, number.
    """
    import pyarrow as pa

    keys = [(one, step) for one in corrections for step in spans(one, steps)]
    if several:
        return pa.table(
            {
                "customer_id": pa.array([one.chosen for one, _ in keys], pa.string()),
                "step": pa.array([step for _, step in keys], pa.int32()),
                "number": pa.array([one.number for one, _ in keys], pa.int64()),
            }
        )
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for one, step in keys:
        row = found.setdefault((one.chosen, step), {"customer_id": one.chosen, "step": step} | _nothing())
        _follow(row, one)
    schema = _schema()  # by columns: from rows, Arrow would import pandas
    return pa.table({kind.name: pa.array([row[kind.name] for row in found.values()], kind.type) for kind in schema})


def _nothing() -> dict[str, Any]:
    empty = {"times": 1.0, "plus": 0.0, "anew": False, "numbers": ""}
    return {f"{figure}_{name}": value for figure in FIGURES for name, value in empty.items()}


def _follow(row: dict[str, Any], one: Correction) -> None:
    name, (slope, height) = one.change.figure, one.change.line
    anew = one.change.how == "set"
    row[f"{name}_times"] *= slope
    row[f"{name}_plus"] = slope * row[f"{name}_plus"] + height
    row[f"{name}_anew"] |= anew
    row[f"{name}_numbers"] = ("" if anew else row[f"{name}_numbers"]) + f"{one.number} "


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"times": pa.float64(), "plus": pa.float64(), "anew": pa.bool_(), "numbers": pa.string()}
    columns = {f"{figure}_{name}": kind for figure in FIGURES for name, kind in kinds.items()}
    return pa.schema({"customer_id": pa.string(), "step": pa.int32(), **columns})
