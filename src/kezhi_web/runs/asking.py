"""What a person typed into the forms of this room, as plain values; raises KezhiError with a sentence."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from django.http import QueryDict

from kezhi.language import KezhiError, Text
from kezhi_web.runs.listed import MODELS

LONGEST = 36  # periods, as in kezhi.settings
NO_DAY = Text("The last day that counts is a date such as 2025-12-31.", "截止日应为日期，例如 2025-12-31。")
NO_MODEL = Text("There is no model {given}.", "没有模型 {given}。")
NO_HORIZON = Text("Periods to forecast: a whole number from 1 to {most}.", "预测期数应为 1 至 {most} 的整数。")
NO_TIME = Text("The time of day is written as 02:30.", "时间应写成 02:30。")


def run_of(given: QueryDict) -> dict[str, Any]:
    """as_of, model, horizon of a run; None for what the settings say."""
    return {"as_of": _day(given.get("as_of", "")), **model_of(given)}


def model_of(given: QueryDict) -> dict[str, Any]:
    """model and horizon."""
    model, horizon = given.get("model", "").strip(), given.get("horizon", "").strip()
    if model and model not in MODELS:
        raise KezhiError(NO_MODEL.fill(given=model[:40]))
    if horizon and not (horizon.isascii() and horizon.isdigit() and 1 <= int(horizon) <= LONGEST):
        raise KezhiError(NO_HORIZON.fill(most=LONGEST))
    return {"model": model or None, "horizon": int(horizon) if horizon else None}


def _day(said: str) -> str | None:
    if not said.strip():
        return None
    try:
        return date.fromisoformat(said.strip()).isoformat()
    except ValueError:
        raise KezhiError(NO_DAY) from None


def time_of(given: QueryDict) -> time:
    """The time of day at which runs begin by themselves."""
    try:
        return time.fromisoformat(given.get("at", "").strip()).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise KezhiError(NO_TIME) from None
