"""What `kezhi.toml` may say about tiers: by which value, how large each is or from where on, what they are called."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kezhi.language import KezhiError, Text

Tier = Literal["vip", "large", "ordinary", "small"]
TIERS: tuple[Tier, ...] = ("vip", "large", "ordinary", "small")  # the best first
Basis = Literal["value", "amount", "forecast_value", "lifetime_value", "points"]
TITLES: dict[Tier, Text] = {
    "vip": Text("VIP", "VIP 客户"),
    "large": Text("Large", "大客户"),
    "ordinary": Text("Ordinary", "普通客户"),
    "small": Text("Small", "小客户"),
}
WHOLE = 1_000_000  # shares are counted in millionths: whole numbers have no rounding

FOUR_SHARES = Text(
    "The setting 'tiers.shares' must be four percentages that add up to 100, for VIP, large, ordinary and small "
    "customers, each with at most four decimals, e.g. [1, 4, 15, 80]; it is {given}.",
    "设置项 'tiers.shares' 应为四个百分比，依次为 VIP、大、普通、小客户的占比，合计 100，各最多四位小数，"
    "例如 [1, 4, 15, 80]；现在是 {given}。",
)
THREE_SHARES = Text(
    "The setting 'tiers.tags' must be three percentages that add up to 100, for high, middle and low value, each with "
    "at most four decimals, e.g. [20, 30, 50]; it is {given}.",
    "设置项 'tiers.tags' 应为三个百分比，依次为高、中、低价值客户的占比，合计 100，各最多四位小数，"
    "例如 [20, 30, 50]；现在是 {given}。",
)
LIMITS_FALL = Text(
    "The setting 'tiers.limits' must be three numbers that fall: from how much on a customer is VIP, large, ordinary, "
    "e.g. [100000, 20000, 5000]; it is {given}.",
    "设置项 'tiers.limits' 应为三个递减的数：达到多少即为 VIP、大、普通客户，例如 [100000, 20000, 5000]；"
    "现在是 {given}。",
)
NAMES_DIFFER = Text(
    "The setting 'tiers.names' gives two tiers the name {name}; each needs a name of its own.",
    "设置项 'tiers.names' 中有两个层级都叫 {name}；各层级的名称必须不同。",
)

Number = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Word = Annotated[str, Field(min_length=1, max_length=60)]


class Name(BaseModel):
    """What something is called in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    en: Annotated[Word, Field(description="in English / 英文")]
    zh: Annotated[Word, Field(description="in Chinese / 中文")]


class Tiers(BaseModel):
    """How customers are put into the four tiers, and into the groups beside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Annotated[Basis, Field(description="what the tiers are by / 按什么分层")] = "forecast_value"
    shares: Annotated[tuple[Percent, ...], Field(description="per cent of customers by tier / 各层客户占比，%")] = (
        *(1.0, 4.0, 15.0, 80.0),
    )
    limits: Annotated[
        tuple[Number, ...] | None, Field(description="instead: from how much on / 改用固定下限")
    ] = None  # fmt: skip
    names: Annotated[dict[Tier, Word | Name], Field(description="own names of tiers / 各层名称")] = {}
    core: Annotated[
        Percent, Field(gt=0, description="per cent that the core customers bring / 核心客户带来的百分比")
    ] = 80.0
    tags: Annotated[
        tuple[Percent, ...], Field(description="per cent with high, middle, low value / 高、中、低价值客户占比，%")
    ] = (20.0, 30.0, 50.0)
    platinum: Annotated[Percent, Field(description="per cent that may be platinum / 白金客户最多占比，%")] = 20.0
    low_margin: Annotated[
        Percent, Field(description="low: less than this per cent of the company's margin / 低盈利界限，%")
    ] = 50.0

    @model_validator(mode="after")
    def _consistent(self) -> Tiers:
        if not _whole(self.shares, len(TIERS)):
            raise KezhiError(FOUR_SHARES.fill(given=list(self.shares)))
        if not _whole(self.tags, 3):
            raise KezhiError(THREE_SHARES.fill(given=list(self.tags)))
        limits = self.limits
        if limits is not None and (
            len(limits) != len(TIERS) - 1 or any(below >= above for above, below in pairwise(limits))
        ):
            raise KezhiError(LIMITS_FALL.fill(given=list(limits)))
        for language in ("en", "zh"):
            names = [getattr(title, language) for title in self.titles.values()]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise KezhiError(NAMES_DIFFER.fill(name=twice))
        return self

    @property
    def titles(self) -> dict[str, Text]:
        """The tiers' names by code, the best first; one name given counts in both languages."""
        return {code: _title(self.names.get(code), TITLES[code]) for code in TIERS}


def _title(given: str | Name | None, usual: Text) -> Text:
    if given is None:
        return usual
    return Text(given, given) if isinstance(given, str) else Text(given.en, given.zh)


def _whole(shares: tuple[float, ...], number: int) -> bool:
    parts = millionths(shares)
    return len(shares) == number and parts[-1:] == (WHOLE,) and all(part == int(part) for part in parts)


def millionths(shares: tuple[float, ...]) -> tuple[int | Decimal, ...]:
    """Percentages added up, in millionths of the whole: of 1, 4, 15, 80 they are 10 000, 50 000, 200 000, 1 000 000."""
    found: list[int | Decimal] = []
    total = Decimal(0)
    for share in shares:
        total += Decimal(repr(float(share))) * (WHOLE // 100)
        found.append(int(total) if total == int(total) else total)
    return tuple(found)
