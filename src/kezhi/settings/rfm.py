"""What `kezhi.toml` may say about RFM: what is scored, where scores and classes begin, what classes are called."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kezhi.language import KezhiError, Text
from kezhi.settings.tiers import Name, Word

SEGMENTS: dict[str, Text] = {
    "champions": Text("Champions", "冠军客户"),
    "loyal": Text("Loyal Customers", "忠诚客户"),
    "potential_loyalist": Text("Potential Loyalists", "潜在忠诚客户"),
    "new": Text("New Customers", "新客户"),
    "promising": Text("Promising", "有希望的客户"),
    "need_attention": Text("Need Attention", "需关注客户"),
    "about_to_sleep": Text("About To Sleep", "即将沉睡客户"),
    "at_risk": Text("At Risk", "有流失风险客户"),
    "cant_lose": Text("Can't Lose Them", "不能失去的客户"),
    "hibernating": Text("Hibernating", "沉睡客户"),
    "lost": Text("Lost", "已流失客户"),
}
CLASSES: dict[str, Text] = {
    "key_value": Text("Key value", "重要价值客户"),
    "key_develop": Text("Key to develop", "重要发展客户"),
    "key_keep": Text("Key to keep", "重要保持客户"),
    "key_win_back": Text("Key to win back", "重要挽留客户"),
    "general_value": Text("General value", "一般价值客户"),
    "general_develop": Text("General to develop", "一般发展客户"),
    "general_keep": Text("General to keep", "一般保持客户"),
    "general_win_back": Text("General to win back", "一般挽留客户"),
}

FOUR_EDGES = Text(
    "The setting 'rfm.{name}' must be four numbers that rise, where each score ends, e.g. {example}; it is {given}.",
    "设置项 'rfm.{name}' 应为四个递增的数，即各档得分的上限，例如 {example}；现在是 {given}。",
)
FIXED_MISSING = Text(
    "The setting 'rfm.cut' is \"fixed\", so 'rfm.fixed' must say from where on each of the three is high, e.g. "
    "{{ days = 90, purchases = 3, money = 2000 }}.",
    "设置项 'rfm.cut' 为 \"fixed\"，因此须在 'rfm.fixed' 中给出三项各自的界限，例如 "
    "{{ days = 90, purchases = 3, money = 2000 }}。",
).fill()
FIXED_UNUSED = Text(
    'The setting \'rfm.fixed\' counts only with rfm.cut = "fixed"; now it is "{cut}".',
    '设置项 \'rfm.fixed\' 只在 rfm.cut = "fixed" 时有效；现在是 "{cut}"。',
)
NO_SUCH_CLASS = Text(
    "The setting 'rfm.names' names {code!r}, which is no class; there are {known}.",
    "设置项 'rfm.names' 中的 {code!r} 不是客户类别的代码；可用的有：{known}。",
)
NAMES_DIFFER = Text(
    "The setting 'rfm.names' gives two classes the name {name}; each needs a name of its own.",
    "设置项 'rfm.names' 中有两个类别都叫 {name}；各类别的名称必须不同。",
)

Number = Annotated[float, Field(allow_inf_nan=False)]
EXAMPLES = {"recency_edges": [30, 90, 180, 365], "frequency_edges": [1, 2, 4, 8], "money_edges": [100, 500, 2000, 9000]}


class Fixed(BaseModel):
    """From where on each of the three is high."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[Number, Field(ge=0, description="so many days since the last purchase at most / 距今天数，不超过")]
    purchases: Annotated[Number, Field(ge=0, description="so many purchases at least / 购买次数，不少于")]
    money: Annotated[Number, Field(description="so much money at least / 金额，不低于")]


class Rfm(BaseModel):
    """How recency, frequency and money are scored, and how customers are put into classes by them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    money: Annotated[
        Literal["amount", "mean_amount", "value"], Field(description="what M is: total, per purchase, value / M 的含义")
    ] = "amount"
    recency_edges: Annotated[
        tuple[Number, ...] | None, Field(description="days up to which R is 5, 4, 3, 2; default fifths / R 的分档")
    ] = None
    frequency_edges: Annotated[
        tuple[Number, ...] | None, Field(description="purchases up to which F is 1, 2, 3, 4 / F 的分档")
    ] = None
    money_edges: Annotated[
        tuple[Number, ...] | None, Field(description="money up to which M is 1, 2, 3, 4 / M 的分档")
    ] = None
    cut: Annotated[
        Literal["mean", "median", "fixed"], Field(description="what high and low are held against / 八类的比较基准")
    ] = "mean"
    fixed: Annotated[Fixed | None, Field(description="with cut = fixed / 固定界限")] = None
    model_based: Annotated[
        bool, Field(description="scores by what is expected, beside those of the past / 另按模型预期打分")
    ] = False
    names: Annotated[dict[str, Word | Name], Field(description="own names of classes, by code / 各类别名称")] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Rfm:
        for name, example in EXAMPLES.items():
            edges = getattr(self, name)
            if edges is not None and (len(edges) != 4 or any(b <= a for a, b in pairwise(edges))):
                raise KezhiError(FOUR_EDGES.fill(name=name, example=example, given=list(edges)))
        if self.cut == "fixed" and self.fixed is None:
            raise KezhiError(FIXED_MISSING)
        if self.cut != "fixed" and self.fixed is not None:
            raise KezhiError(FIXED_UNUSED.fill(cut=self.cut))
        self._named()
        return self

    def _named(self) -> None:
        for code in self.names:
            if code not in SEGMENTS | CLASSES:
                raise KezhiError(NO_SUCH_CLASS.fill(code=code, known=", ".join(SEGMENTS | CLASSES)))
        for scheme in (SEGMENTS, CLASSES):
            for language in ("en", "zh"):
                names = [getattr(self.titles[code], language) for code in scheme]
                twice = next((name for name in names if names.count(name) > 1), None)
                if twice is not None:
                    raise KezhiError(NAMES_DIFFER.fill(name=twice))

    @property
    def titles(self) -> dict[str, Text]:
        """Names of all classes of both schemes by code; one name given counts in both languages."""
        return {code: _title(self.names.get(code), usual) for code, usual in (SEGMENTS | CLASSES).items()}

    @property
    def edges(self) -> dict[str, tuple[float, ...] | None]:
        """Own edges of r, f and m."""
        return {"r": self.recency_edges, "f": self.frequency_edges, "m": self.money_edges}


def _title(given: str | Name | None, usual: Text) -> Text:
    if given is None:
        return usual
    return Text(given, given) if isinstance(given, str) else Text(given.en, given.zh)
