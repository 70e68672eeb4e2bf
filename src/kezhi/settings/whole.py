"""What `kezhi.toml` may say: how a company wants its customers valued."""

from __future__ import annotations

import itertools
import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kezhi.language import KezhiError, Language, Text
from kezhi.settings.actions import Uplift, Weekly
from kezhi.settings.alerts import Alerts
from kezhi.settings.kinds import Clusters, Excellent, NeedTypes, Profiles
from kezhi.settings.market import Market
from kezhi.settings.rfm import Rfm
from kezhi.settings.scoring import USUAL_TERMS, Factors, Ranking, Terms
from kezhi.settings.segments import Segments
from kezhi.settings.tiers import Tiers

MethodName = Literal["auto", "nbd", "pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd_k", "mbg_cnbd_k", "transition"]


class Referrals(BaseModel):
    """How much of what referred customers bring is credited to those who sent them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    credit: Annotated[
        Literal["first", "all", "decay"],
        Field(description="direct referrals only, all generations, or less with every generation / 推荐计入规则"),
    ] = "all"
    decay: Annotated[float, Field(ge=0, le=1, description="share that is left by generation / 每代保留的比例")] = 0.5
    forecast: Annotated[bool, Field(description="count forecast value too / 是否计入预测价值")] = False


class Needs(BaseModel):
    """What customers may need next: how many, and from what on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_customer: Annotated[int, Field(ge=1, le=20, description="needs per customer / 每位客户最多列几项需求")] = 5
    least_together: Annotated[
        int, Field(ge=2, description="baskets or customers with both products for a rule / 规则至少需要的共同购买数")
    ] = 5
    least_probability: Annotated[
        float, Field(ge=0, le=1, description="learned needs less likely are left out / 低于此概率的推测需求不列出")
    ] = 0.01


class Lifetime(BaseModel):
    """How far a customer's life is looked at, and what future money is worth today."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    periods: Annotated[int | None, Field(ge=1, le=600, description="periods ahead; default three years / 期数")] = None
    discount_rate: Annotated[float, Field(ge=0, le=1, description="a year's, e.g. 0.1 / 年折现率")] = 0.0
    to_the_end: Annotated[bool, Field(description="without a last period / 不设终点")] = False
    saved_selling_cost: Annotated[
        float | None, Field(description="selling cost saved, shown apart / 节省的销售费用，单独列示")
    ] = None
    reputation: Annotated[float | None, Field(description="worth of reputation, shown apart / 声誉价值，单独列示")] = (
        None
    )


class Settings(BaseModel):
    """What `kezhi.toml` may say; every field has a default, so that no file is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period: Annotated[Literal["month", "quarter", "year"], Field(description="length of a period / 期的长度")] = "month"
    fiscal_start: Annotated[int, Field(ge=1, le=12, description="month in which the year begins / 财年起始月")] = 1
    horizon: Annotated[int, Field(ge=1, le=36, description="periods to forecast / 预测期数")] = 3
    as_of: Annotated[date | None, Field(description="last day that counts; default the newest order / 截止日")] = None
    model: Annotated[MethodName, Field(description="forecast method / 预测方法")] = "auto"
    events: Annotated[
        dict[str, list[str]],
        Field(description="days unlike the rest of the year: name = [days or first/last] / 特殊日子"),
    ] = {}
    subtract_cost: Annotated[bool, Field(description="extract product cost / 提取产品成本")] = True
    subtract_expense: Annotated[bool, Field(description="extract relationship expense / 提取费用")] = True
    amount_edges: Annotated[
        tuple[float, ...] | None,
        Field(description="edges of the amount segments; default quantiles / 金额分段"),
    ] = None
    currency: Annotated[str | None, Field(description="currency of all money / 币种")] = None
    language: Annotated[Language | None, Field(description="language of the report / 报告语言")] = None
    columns: Annotated[dict[str, str], Field(description="field = column of the orders file / 字段与列名的对应")] = {}
    senses: Annotated[
        tuple[str, ...] | None, Field(description="senses of worth to measure; default all / 要计算的价值主题")
    ] = None
    referrals: Annotated[Referrals, Field(description="credit for referred customers / 推荐客户的计入规则")] = (
        Referrals()
    )
    needs: Annotated[Needs, Field(description="what customers may need next / 客户未来需求")] = Needs()
    lifetime: Annotated[Lifetime, Field(description="lifetime value / 生命周期价值")] = Lifetime()
    points: Annotated[Terms, Field(description="what gives how many points, by term / 各项积分")] = USUAL_TERMS
    ranking: Annotated[Ranking, Field(description="how rankings become one / 排位的合并")] = Ranking()
    factors: Annotated[
        Factors | None, Field(description="weights of the four key factors; default no scores / 四个关键因素的权重")
    ] = None
    churn_after: Annotated[
        int, Field(ge=1, le=120, description="empty periods until lost / 连续多少期未购买视为流失")
    ] = 4
    near_loss: Annotated[float, Field(ge=0, le=1, description="value/purchases that is near zero / 临近亏损的界限")] = (
        0.05
    )
    alerts: Annotated[Alerts, Field(description="who needs a call today / 今天该联系谁")] = Alerts()
    uplift: Annotated[Uplift, Field(description="what actions brought / 行动效果的衡量")] = Uplift()
    weekly: Annotated[Weekly, Field(description="the weekly report / 周报")] = Weekly()
    market: Annotated[Market, Field(description="offers of the company and its competitors / 竞争对手与权重")] = (
        Market()
    )
    need_types: Annotated[NeedTypes, Field(description="who looks for price, who for value / 需求类型")] = NeedTypes()
    profiles: Annotated[Profiles, Field(description="bands of frequency, age and income / 客户画像的分段")] = Profiles()
    excellent: Annotated[Excellent, Field(description="what excellent customers are / 优秀客户的标准")] = Excellent()
    clusters: Annotated[Clusters, Field(description="groups found in the data / 自动聚类")] = Clusters()
    rfm: Annotated[Rfm, Field(description="recency, frequency and money / RFM 打分与分类")] = Rfm()
    tiers: Annotated[Tiers, Field(description="how customers are put into tiers / 客户分层")] = Tiers()
    segments: Segments = {}
    memory_limit: Annotated[str | None, Field(description="memory the engine may use / 引擎内存上限")] = None
    threads: Annotated[int | None, Field(ge=1, description="threads the engine may use / 引擎线程数")] = None

    def changed(self, **given: Any) -> Settings:
        """These settings with those replaced that were given (not None)."""
        return read_settings(self.model_dump() | {name: value for name, value in given.items() if value is not None})


_REASONS = {
    "greater_than_equal": Text("it cannot be below {ge}", "不能小于 {ge}"),
    "greater_than": Text("it must be above {gt}", "必须大于 {gt}"),
    "less_than_equal": Text("it cannot be above {le}", "不能大于 {le}"),
    "less_than": Text("it must be below {lt}", "必须小于 {lt}"),
    "finite_number": Text("it must be a finite number", "必须是有限的数字"),
    "literal_error": Text("it must be {expected}", "只能是 {expected}"),
    "extra_forbidden": Text("there is no such setting", "没有这个设置项"),
}
_WRONG_KIND = Text("its value is of the wrong kind, or wrongly written", "值的类型或写法不对")
# how a choice among several kinds is named in a place
_UNION = re.compile(r"[\w-]*\[.*\]|(constrained-)?(int|float|str|bool)|none")


_SIZE = re.compile(r"\d+(\.\d+)? ?([KMGT]i?B|%)", re.IGNORECASE)


def _reason(error: Any) -> Text:
    said = _REASONS.get(error["type"], _WRONG_KIND)
    return said.fill(**error.get("ctx", {})) if "{" in said.en else said


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"] if not _UNION.fullmatch(str(part)))


def _refused(errors: list[Any]) -> KezhiError:
    """The first mistake, named with its field; of a value that may be of several kinds, the bound that it breaks."""
    place = _place(errors[0])
    said = next((one for one in errors if _place(one) == place and "than" in one["type"]), errors[0])
    reason = _reason(said)
    return KezhiError(
        Text(
            f"The setting {place} cannot be used: {reason.en}.",
            f"设置项 {place} 无法使用：{reason.zh}。",
        )
    )


LEAST_RATE = 0.01
ENDLESS = Text(
    "The setting 'lifetime.to_the_end' needs a 'lifetime.discount_rate' of at least 0.01: without one, a customer who "
    "never leaves would be worth without limit.",
    "设置项 'lifetime.to_the_end' 需要 'lifetime.discount_rate' 不低于 0.01：否则永不流失的客户价值将无穷大。",
)


def read_settings(values: dict[str, Any]) -> Settings:
    """Settings from plain values; a mistake is named with its field."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _refused(error.errors()) from None
    if settings.memory_limit is not None and not _SIZE.fullmatch(settings.memory_limit):
        raise KezhiError(
            Text(
                f"The setting 'memory_limit' wants a size such as 4GB or 800MiB, not {settings.memory_limit!r}.",
                f"设置项 'memory_limit' 需要形如 4GB 或 800MiB 的大小，而不是 {settings.memory_limit!r}。",
            )
        )
    if settings.lifetime.to_the_end and settings.lifetime.discount_rate < LEAST_RATE:
        raise KezhiError(ENDLESS)
    edges = settings.amount_edges
    if edges and (len(edges) < 2 or edges[0] <= 0 or any(b <= a for a, b in itertools.pairwise(edges))):
        raise KezhiError(
            Text(
                "The setting 'amount_edges' must rise strictly and begin above 0, e.g. [0.01, 1000, 10000].",
                "设置项 'amount_edges' 必须严格递增且首值大于 0,例如 [0.01, 1000, 10000]。",
            )
        )
    return settings
