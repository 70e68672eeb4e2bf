"""Values of a run's JSON files, read with tolerance: what is absent or damaged is None, never an error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from kezhi.language import Text
from kezhi.reports import customer_value as data

Json = dict[str, Any]


def money(value: object) -> Decimal | None:
    """An exact sum from JSON text or the engine; None when absent or not a number."""
    if value is None:
        return None
    try:
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return exact if exact.is_finite() else None


def number(value: object) -> float | None:
    """A finite number; None when absent or none."""
    if not isinstance(value, int | float | Decimal | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def known(values: object) -> tuple[float, ...]:
    """A list of numbers; what is absent counts 0."""
    return tuple(number(value) or 0.0 for value in values) if isinstance(values, list | tuple) else ()


def day(value: object) -> date | None:
    """A day from JSON text or the engine."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value is None:
        return value
    return date.fromisoformat(str(value)[:10])


def text(value: object) -> Text | None:
    """A sentence in both languages."""
    if not isinstance(value, dict) or "en" not in value:
        return None
    return Text(str(value["en"]), str(value.get("zh") or value["en"]))


def notes(values: Iterable[Json] | None) -> tuple[data.Note, ...]:
    """Remarks, those without words left out."""
    return tuple(
        data.Note(str(value.get("code", "")), said, str(value.get("severity", "warning")))
        for value in values or ()
        if (said := text(value))
    )


def numbers_of(found: Json | None) -> dict[str, float]:
    """Named numbers; those that are none are left out."""
    read = {str(name): number(value) for name, value in (found or {}).items()}
    return {name: value for name, value in read.items() if value is not None}
