"""Dirty order rows: put between the clean ones, counted by what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kezhi.demo.plan import DIRT_SHARES, Plan, stream
from kezhi.demo.words import UNREADABLE_AMOUNTS, UNREADABLE_DATES
from kezhi.language import Language

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, "pa.Array"]


def dirt_counts(plan: Plan, clean_rows: int) -> dict[str, int]:
    """Dirty rows of each kind; none at all in a clean company."""
    if not plan.dirt:
        return {}
    return {kind: max(1, round(share * clean_rows)) for kind, share in DIRT_SHARES.items()}


def put_dirt(plan: Plan, orders: Columns, language: Language) -> tuple[Columns, dict[str, int]]:
    """The order rows, unchanged and in order, with spoilt copies of some behind their originals."""
    clean_rows = len(orders["customer_id"])
    counts = dirt_counts(plan, clean_rows)
    if not counts:
        return orders, counts
    rng = stream(plan, "dirt")
    copied = rng.integers(0, clean_rows, size=sum(counts.values()))
    dirty = _spoil(orders, copied, counts, rng, language)
    place = np.concatenate([np.arange(clean_rows), copied])
    source = np.argsort(place, kind="stable")
    return _interleave(orders, dirty, source), counts


def _spoil(
    orders: Columns,
    copied: NDArray[np.int64],
    counts: dict[str, int],
    rng: np.random.Generator,
    language: Language,
) -> Columns:
    """Copies with one fault each, kinds one after the other, and order numbers of their own."""
    import pyarrow as pa

    kind = np.repeat(np.arange(len(counts)), list(counts.values()))
    names = list(counts)
    texts = {name: _text(column.take(pa.array(copied))) for name, column in orders.items()}
    texts["order_id"] = np.array([f"X{number:06d}" for number in range(1, len(kind) + 1)], dtype=object)

    def spoil(column: str, fault: str, words: list[str | None]) -> None:
        rows = np.flatnonzero(kind == names.index(fault))
        texts[column][rows] = np.array(words, dtype=object)[rng.integers(0, len(words), size=len(rows))]

    spoil("customer_id", "missing_customer", [None])
    spoil("date", "missing_date", [None])
    spoil("date", "unreadable_date", list(UNREADABLE_DATES[language]))
    spoil("date", "future_date", ["2099-01-01", "2099-12-31", "2098-06-15"])
    spoil("amount", "missing_amount", [None])
    spoil("amount", "unreadable_amount", list(UNREADABLE_AMOUNTS[language]))
    for column in texts:
        spoil(column, "blank_row", [None])
    return {name: pa.array(column, pa.string()) for name, column in texts.items()}


def _text(column: pa.Array) -> NDArray[np.object_]:
    import pyarrow as pa

    values: NDArray[np.object_] = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return values.copy()


def _interleave(orders: Columns, dirty: Columns, source: NDArray[np.int64]) -> Columns:
    import pyarrow as pa

    rows = pa.array(source)
    return {
        name: pa.concat_arrays([column.cast(pa.string()), dirty[name]]).take(rows) for name, column in orders.items()
    }
