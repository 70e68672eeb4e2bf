"""What `kezhi.toml` may say about points, rankings and factor scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kezhi.language import KezhiError, Text

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]

OF_CUSTOMERS = "customers."  # a source that is a column of the customer table


@dataclass(frozen=True)
class Source:
    """Where a term's quantity comes from, and the rule it has when nobody says otherwise.

    unit: what is counted. table: the one of the book that it needs, if any.
    """

    name: str
    text: Text
    unit: Literal["money", "suggestions", "years", "score", "customers", "number"]
    points: float = 10
    per: float = 1
    zero_at: float = 0
    grades: Mapping[str, float] = field(default_factory=dict)
    table: str | None = None

    @property
    def money(self) -> bool:
        """Does it count money?"""
        return self.unit == "money"


_MILLION = 1_000_000.0

SOURCES: dict[str, Source] = {
    one.name: one
    for one in (
        Source("bought", Text("bought so far", "累计购买金额"), "money", per=_MILLION),
        Source("open", Text("open opportunities", "在谈销售机会"), "money", per=_MILLION, table="opportunities"),
        Source(
            "suggestions", Text("suggestions", "客户建议"), "suggestions",
            grades={"high": 10, "ordinary": 2}, table="suggestions",
        ),
        Source("needs", Text("predicted needs", "预测的需求"), "money", per=_MILLION),
        Source("acquisition_cost", Text("cost of winning the customer", "获取成本"), "money", points=-10, per=_MILLION),
        Source("arrears", Text("arrears", "欠款"), "money", points=-10, per=_MILLION, table="receivables"),
        Source("years", Text("years of contact", "接触年数"), "years", points=1),
        Source("satisfaction", Text("satisfaction", "满意度"), "score", points=2, zero_at=3, table="surveys"),
        Source("referrals", Text("customers referred", "推荐的客户"), "customers", points=5, table="customers"),
    )
}  # fmt: skip

USUAL = ("bought", "open", "suggestions", "needs")  # the terms there are when kezhi.toml names none

TWO_RULES = Text(
    "The setting points.{name} has more than one rule: give either points and per, or steps, or grades.",
    "设置项 points.{name} 有不止一条规则：points 与 per、steps、grades 三者只能选一种。",
)
STEPS_RISE = Text(
    "The setting points.{name}.steps must be pairs [from, points] whose first numbers rise, "
    "e.g. [[0, 0], [500000, 5]].",
    "设置项 points.{name}.steps 应为 [起点, 积分] 对，且起点递增，例如 [[0, 0], [500000, 5]]。",
)
NO_GRADES = Text(
    "The setting points.{name}.grades cannot be used: only suggestions and text columns of the customer table "
    '(source = "customers.COLUMN") have grades.',
    '设置项 points.{name}.grades 无法使用：只有客户建议和客户表的文字列（source = "customers.列名"）才有等级。',
)
NO_RULE = Text(
    "The setting points.{name} does not say what {source} is worth: give points (and per), steps or grades.",
    "设置项 points.{name} 没有说明 {source} 值多少分：请给出 points（和 per）、steps 或 grades。",
)
WEIGHTS = Text(
    "The weights of the setting 'factors' must add up to 1; they add up to {sum:g}.",
    "设置项 'factors' 的各权重之和必须为 1，现在是 {sum:g}。",
)


class Term(BaseModel):
    """One term of the points: a source and what it is worth; what is not given is as usual for the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[
        str | None, Field(description="where the quantity comes from; default the term's name / 来源")
    ] = None
    points: Annotated[Number | None, Field(description="points for each `per` / 每 per 得多少分")] = None
    per: Annotated[Positive | None, Field(description="how much gives `points` / 多少得 points 分")] = None
    zero_at: Annotated[Number | None, Field(description="what gives no points / 得零分之处")] = None
    steps: Annotated[
        tuple[tuple[Number, Number], ...] | None, Field(description="[from, points] pairs instead / 分段表")
    ] = None
    grades: Annotated[dict[str, Number] | None, Field(description="points of each record by grade / 各等级得分")] = None
    probability: Annotated[bool, Field(description="open: amount times probability / 金额乘以成交概率")] = False
    closed: Annotated[
        tuple[str, ...] | None, Field(description="open: stages that are no longer open / 已结束的阶段")
    ] = None
    weight: Annotated[Number, Field(description="multiplies the points; 0 switches the term off / 权重")] = 1.0
    cap: Annotated[
        Positive | None, Field(description="most points, above and below zero, before the weight / 上限")
    ] = None
    money: Annotated[bool | None, Field(description="does it count as money in rankings? / 是否计为货币价值")] = None


@dataclass(frozen=True)
class Rule:
    """A term with everything said: proportional where it has neither steps nor grades.

    Points are exact decimals and already weighted.
    """

    name: str
    source: str
    unit: str
    money: bool
    weight: Decimal
    points: Decimal = Decimal(0)
    per: Decimal = Decimal(1)
    zero_at: Decimal = Decimal(0)
    steps: tuple[tuple[Decimal, Decimal], ...] = ()
    grades: Mapping[str, Decimal] = field(default_factory=dict)
    cap: Decimal | None = None
    probability: bool = False
    closed: tuple[str, ...] | None = None

    @property
    def usual(self) -> bool:
        """Is it one of the terms that are there without being asked for?"""
        return self.name in USUAL

    @property
    def column(self) -> str | None:
        """The column of the customer table that it counts, if it does."""
        return self.source.removeprefix(OF_CUSTOMERS) if self.source.startswith(OF_CUSTOMERS) else None


def rule_of(name: str, term: Term) -> Rule:
    """The rule of a term of kezhi.toml; also of one whose source nobody knows, which the run leaves out."""
    source = term.source or name
    usual = SOURCES.get(source) or Source(source, Text(source, source), "number")
    weight = _exact(term.weight)
    proportional = term.points is not None or term.per is not None
    grades = term.grades if term.grades is not None else ({} if proportional or term.steps else usual.grades)
    return Rule(
        name,
        source,
        usual.unit,
        usual.money if term.money is None else term.money,
        weight,
        points=_exact(usual.points if term.points is None else term.points) * weight,
        per=_exact(usual.per if term.per is None else term.per),
        zero_at=_exact(usual.zero_at if term.zero_at is None else term.zero_at),
        steps=tuple((_exact(start), _exact(points) * weight) for start, points in term.steps or ()),
        grades={grade: _exact(points) * weight for grade, points in grades.items()},
        cap=None if term.cap is None else _exact(term.cap) * abs(weight),
        probability=term.probability,
        closed=term.closed,
    )


def _exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def rules_of(terms: Mapping[str, Term]) -> tuple[Rule, ...]:
    """The rules that count, in the order of kezhi.toml; a weight of 0 switches a term off."""
    return tuple(rule_of(name, term) for name, term in terms.items() if term.weight)


def _with_usual(given: Any) -> Any:
    """The terms of the file beside the usual ones."""
    return given if not isinstance(given, dict) else {**{name: {} for name in USUAL}, **given}


def _consistent(terms: dict[str, Term]) -> dict[str, Term]:
    for name, term in terms.items():
        source = term.source or name
        proportional = term.points is not None or term.per is not None
        if sum((proportional, term.steps is not None, term.grades is not None)) > 1:
            raise KezhiError(TWO_RULES.fill(name=name))
        starts = [start for start, _ in term.steps or ()]
        if term.steps is not None and (not starts or starts != sorted(set(starts))):
            raise KezhiError(STEPS_RISE.fill(name=name))
        of_customers = source.startswith(OF_CUSTOMERS)
        if term.grades is not None and source in SOURCES and not SOURCES[source].grades:
            raise KezhiError(NO_GRADES.fill(name=name))
        if of_customers and not proportional and term.steps is None and term.grades is None:
            raise KezhiError(NO_RULE.fill(name=name, source=source))
    return terms


Terms = Annotated[dict[str, Term], BeforeValidator(_with_usual), AfterValidator(_consistent)]
USUAL_TERMS = {name: Term() for name in USUAL}


class Ranking(BaseModel):
    """How the ranking by turnover and the ranking by what is not money become one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Annotated[Literal["rank", "points"], Field(description="add up places, or points / 按名次或按积分合并")] = (
        "rank"
    )
    money_weight: Annotated[
        Share, Field(description="weight of money, the rest is that of the other / 货币价值的权重")
    ] = 0.5


FACTORS = ("profit", "category", "loyalty", "need")


class Factors(BaseModel):
    """Weights of the four key factors; they add up to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profit: Annotated[Share, Field(description="weight of profit / 利润的权重")] = 0.25
    category: Annotated[Share, Field(description="weight of the kind of customer / 客户类别的权重")] = 0.25
    loyalty: Annotated[Share, Field(description="weight of loyalty / 消费忠诚度的权重")] = 0.25
    need: Annotated[Share, Field(description="weight of needs / 客户需求的权重")] = 0.25
    subjective: Annotated[Share, Field(description="part of a person's score, where there is one / 主观评分的比重")] = (
        0.5
    )
    categories: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=10)]],
        Field(description="score of each kind of customer, 0 to 10 / 各类客户的评分"),
    ] = {}

    @model_validator(mode="after")
    def _add_up(self) -> Factors:
        total = sum(self.weights.values())
        if abs(total - 1) > 1e-6:
            raise KezhiError(WEIGHTS.fill(sum=total))
        return self

    @property
    def weights(self) -> dict[str, float]:
        """The four weights by factor."""
        return {name: getattr(self, name) for name in FACTORS}
