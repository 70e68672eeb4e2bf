"""What `kezhi.toml` may say of kinds of customers: need types, profiles, excellent customers, clusters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Mark = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]


class NeedTypes(BaseModel):
    """From which discounts and prices a customer is taken to look for price, or for value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_lines: Annotated[int, Field(ge=1, description="lines before anything is said / 至少需要的订单行数")] = 5
    price_discounted: Annotated[Share, Field(description="least share of discounted lines / 打折行占比下限")] = 0.7
    price_index: Annotated[float, Field(gt=0, description="and a price index below this / 且价格指数低于")] = 0.9
    value_discounted: Annotated[
        Share, Field(description="largest share of discounted lines / 打折行占比上限")
    ] = 0.3  # fmt: skip
    value_index: Annotated[float, Field(gt=0, description="and a price index of at least / 且价格指数不低于")] = 1.0


class Profiles(BaseModel):
    """How customers are put together by what they are and do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frequent: Annotated[
        float | None,
        Field(gt=0, description="purchases a year of frequent buyers; default the median / 高频购买者的年购买次数"),
    ] = None
    ages: Annotated[
        tuple[Annotated[int, Field(ge=1, le=120)], ...], Field(description="ages at which bands begin / 年龄段起点")
    ] = (18, 25, 35, 45, 55, 65)
    incomes: Annotated[
        tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] | None,
        Field(description="incomes at which bands begin; default quarters / 收入段起点"),
    ] = None


class Excellent(BaseModel):
    """What makes an excellent customer: weights, what earns full marks, and the score that is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: Annotated[float, Field(ge=0, le=100, description="score from which on eligible / 入选分数线")] = 80.0
    profile: Annotated[Weight, Field(description="weight of size, industry, region / 规模、产业、地区的权重")] = 20
    history: Annotated[Weight, Field(description="weight of frequency and history / 消费频率和历史的权重")] = 40
    contribution: Annotated[Weight, Field(description="weight of contribution / 对整体业务贡献度的权重")] = 40
    sizes: Annotated[tuple[str, ...], Field(description="sizes wanted / 优先的规模")] = ()
    industries: Annotated[tuple[str, ...], Field(description="industries wanted / 优先的产业")] = ()
    regions: Annotated[tuple[str, ...], Field(description="regions wanted / 优先的地区")] = ()
    purchases_per_year: Annotated[Mark, Field(description="earns full marks / 满分所需的年购买次数")] = None
    years: Annotated[Mark, Field(description="years of buying, for full marks / 满分所需的年数")] = None
    value: Annotated[Mark, Field(description="past value for full marks / 满分所需的迄今价值")] = None
    forecast_value: Annotated[Mark, Field(description="forecast value for full marks / 满分所需的预测价值")] = None


class Clusters(BaseModel):
    """Groups found in the data by themselves; off unless a number is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=2, le=12)] | None,
        Field(description="auto, or how many; default none are sought / auto 或群数"),
    ] = None
    sample: Annotated[int, Field(ge=100, le=200_000, description="customers learned from / 用于学习的客户数")] = 20_000
