"""What `kezhi.toml` may say of the market: its size, what customers weigh, what the company and others offer."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kezhi.language import KezhiError, Text

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Score = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Sales = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NO_SPAN = Text(
    "The setting market.{name} names {given}; write a year, a quarter or a month: 2025, 2025Q1 or 2025-03.",
    "设置项 market.{name} 中的 {given} 无法识别；请写年、季度或月：2025、2025Q1 或 2025-03。",
)
_SPAN = re.compile(r"(\d{4})(?:-?[Qq]([1-4])|-(\d{2}))?")


class Offer(BaseModel):
    """What one company asks, and how customers score it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price: Annotated[float, Field(gt=0, allow_inf_nan=False, description="what it asks / 价格")]
    scores: Annotated[dict[str, Score], Field(description="score by dimension / 各维度得分")] = {}


class Market(BaseModel):
    """The offers among which customers choose; without competitors nothing is compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Annotated[dict[str, Weight], Field(description="how much each dimension counts / 各维度权重")] = {}
    us: Annotated[Offer | None, Field(description="the company's own offer / 本公司")] = None
    competitors: Annotated[dict[str, Offer], Field(description="the others' offers / 竞争对手")] = {}
    size: Annotated[dict[str, Sales], Field(description="all suppliers' sales, by year or period / 市场规模")] = {}
    largest_competitor: Annotated[
        dict[str, Sales], Field(description="the largest competitor's sales, by year or period / 最大竞争对手销售额")
    ] = {}

    @model_validator(mode="after")
    def _spans(self) -> Market:
        for name in ("size", "largest_competitor"):
            for given in getattr(self, name):
                if span(given) is None:
                    raise KezhiError(NO_SPAN.fill(name=name, given=given))
        return self


def span(text: str, fiscal_start: int = 1) -> tuple[date, int] | None:
    """First day and number of months of 2025, 2025Q1 or 2025-03; None for anything else.

    A year is the one that begins in that calendar year; a quarter is the calendar's.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or found[1] == "0000":
        return None
    year, quarter, month = int(found[1]), found[2], found[3]
    if quarter:
        return date(year, 3 * int(quarter) - 2, 1), 3
    if month:
        return (date(year, int(month), 1), 1) if 1 <= int(month) <= 12 else None
    return date(year, fiscal_start, 1), 12
