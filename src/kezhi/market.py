"""What `kezhi.toml` may say of the market: what customers weigh, and what the company and its competitors offer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Score = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
