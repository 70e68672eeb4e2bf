"""The columns that the list can show: what they are called, what they mean, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from kezhi.filters import Vocabulary
from kezhi.language import KezhiError, Text
from kezhi.one_customer import PRIVATE
from kezhi.reports import columns, numbers
from kezhi.reports.flags import FLAGS
from kezhi.segments.vocabulary import TITLES, names_of, settings_of
from kezhi.settings import Settings
from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.rows import PERSONAL
from kezhi_web.words import say, spoken

BEFORE = "_previous"
YES, NO = Text("yes", "是"), Text("no", "否")
YEARS = {"birth_year"}
SHARES = {"margin", "last_margin", "p_alive"}
DEFAULT = (
    *("customer_id", "tier", "rfm_class", "last_purchase", "purchases", "amount", "value", "forecast_value"),
    *("p_alive", "region", "owner"),
)
MEANINGS = {
    "tenure_days": Text("Days from the first purchase to the last day that counts.", "首次购买至截止日的天数。"),
    "last_frequency": Text("Purchases in the last period with a purchase.", "最近成交期内的购买次数。"),
    "last_mean_amount": Text("Per purchase, in the last period with a purchase.", "最近成交期内每次购买的金额。"),
    "last_margin": Text("In the last period with a purchase.", "最近成交期的毛利率。"),
    "lifetime_value": Text(
        "Value so far and all that is still expected, discounted.", "已有价值加上未来全部预期价值（折现）。"
    ),
    "residual_value": Text("All gross profit still expected, discounted.", "未来全部预期毛利（折现）。"),
    "residual_purchases": Text("All purchases still expected, discounted.", "未来全部预期购买次数（折现）。"),
    "acquisition_cost": Text("Spent once to win the customer.", "获取该客户的一次性费用。"),
    "points": Text("By the company's own rules.", "按本企业的积分规则计算。"),
    "referrals": Text("Customers whom this one sent.", "由该客户推荐来的客户数。"),
    "referred_value": Text("Value so far of those whom this one sent.", "由该客户推荐来的客户的已有价值。"),
    "wide_value": Text("Own value and that of those whom this one sent.", "自身价值与推荐客户价值之和。"),
    "tier": Text("By value to come, as the settings draw the limits.", "按预测价值和设置中的界限划分。"),
    "tier_since": Text("As far back as the runs know.", "以已有运行为限。"),
    "rfm_segment": Text("One of eleven groups by R, F and M.", "按 R、F、M 划分的十一个分群之一。"),
    "rfm_class": Text("One of eight classes by R, F and M.", "按 R、F、M 划分的八个类别之一。"),
    "r_score": Text("How recently they bought; 5 is best.", "最近购买的得分，5 为最好。"),
    "f_score": Text("How often they buy; 5 is best.", "购买频率的得分，5 为最好。"),
    "m_score": Text("For how much they buy; 5 is best.", "购买金额的得分，5 为最好。"),
    "potential": Text("Little so far, but among the best by forecast.", "目前价值低，但预测名列前茅。"),
    "core": Text("On the shortest list that brings most of the value.", "带来大部分价值的最短名单中的客户。"),
    "owner": Text("Who looks after the customer, by the customer table.", "客户表中的负责人。"),
    "consent": Text("As the customer table said when the run was made.", "以运行时的客户表为准。"),
    "excluded": Text("As the customer table said when the run was made.", "以运行时的客户表为准。"),
}
ON_DAY = Text("As of {day}, the day compared with.", "截至{day}（比较的那一天）。")
COMPARED = Text("At the run compared with.", "用于比较的那次运行时的情况。")
_KNOWN = {column.field: column for column in columns.CUSTOMERS}


@dataclass(frozen=True)
class Field:
    """A column of the list.

    kind: text, code, flag, list, day, count, money, share, number or year. names: of its codes.
    """

    name: str
    title: Text
    meaning: Text | None
    kind: str
    names: Mapping[str, Text]

    @property
    def numeric(self) -> bool:
        """Are its values numbers?"""
        return self.kind in ("count", "money", "share", "number", "year")

    @property
    def asked_as(self) -> str:
        """What a filter takes it for: text, number, date, flag or list."""
        if self.numeric:
            return "number"
        return {"day": "date", "code": "text"}.get(self.kind, self.kind)

    def hint(self, currency: str | None) -> str:
        """Its meaning and unit, for the heading."""
        unit = numbers.currency_name(currency, spoken()) if self.kind == "money" else None
        return " · ".join(part for part in (say(self.meaning) if self.meaning else "", unit or "") if part)

    def shown(self, value: Any) -> str:
        """A value as a cell."""
        if value is None or value in ("", []):
            return numbers.ABSENT
        write = _WRITTEN.get(self.kind)
        if write is not None:
            return write(value)
        named = self.names.get(str(value))
        return say(named) if named else str(value)


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "money": numbers.grouped,
    "count": numbers.grouped,
    "number": lambda value: numbers.grouped(value, 2),
    "year": lambda value: f"{value:.0f}",
    "share": numbers.percent,
    "day": numbers.short_day,
    "flag": lambda value: say(YES if value else NO),
    "list": lambda value: "; ".join(say(FLAGS[one].title) if one in FLAGS else str(one) for one in value),
}


@dataclass(frozen=True)
class Fields:
    """The fields that a person may see of a run's customers, by name."""

    by_name: Mapping[str, Field]

    def __getitem__(self, name: str) -> Field:
        return self.by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def __iter__(self) -> Any:
        return iter(self.by_name.values())

    def of_book(self, name: str, value: Any) -> Field:
        """A field of the book's customer table, also one that came after the run."""
        known = self.by_name.get(name)
        if known is not None:
            return known
        kind = "flag" if isinstance(value, bool) else "day" if isinstance(value, date) else "text"
        return Field(name, TITLES.get(name) or Text(name, name), None, kind, {})

    @property
    def words(self) -> Vocabulary:
        """How people call them, for `known_field`."""
        titles = {one.lower(): name for name, said in TITLES.items() for one in (said.en, said.zh)}
        return Vocabulary({}, titles)


def fields_of(rows: Rows) -> Fields:
    """What of a run's customers a person may see; how to reach people only with the right to it."""
    every = _fields(rows.run, rows.run.stamp)
    if rows.personal:
        return every
    return Fields(
        {
            name: one
            for name, one in every.by_name.items()
            if name not in PERSONAL and (name in _KNOWN or not PRIVATE.search(name))
        }
    )


@lru_cache(maxsize=16)
def _fields(run: Shown, stamp: int) -> Fields:  # noqa: ARG001  the stamp says when to look again
    everything = Rows(run, None, personal=True)
    told = everything.ask(f"describe select * from {everything.people}")
    made_with = settings_of(run.folder)
    found = {row["column_name"]: _field(row["column_name"], row["column_type"], made_with) for row in told}
    before = {name: replace(one, meaning=_before(run, name)) for name, one in found.items() if name.endswith(BEFORE)}
    return Fields(found | before)


def _before(run: Shown, name: str) -> Text:
    """Of which day a column is that says what was before."""
    if name.startswith("tier"):
        told = ((run.worth.get("tiers") or {}).get("previous") or {}).get("as_of")
    else:
        told = ((run.worth.get("rfm") or {}).get("previous") or {}).get("day")
    if not told:
        return COMPARED
    day = date.fromisoformat(told)
    return Text(ON_DAY.en.format(day=numbers.day(day, "en")), ON_DAY.zh.format(day=numbers.day(day, "zh")))


def _field(name: str, stored: str, made_with: Settings) -> Field:
    known = _KNOWN.get(name)
    title = TITLES.get(name) or (known.title if known else None) or Text(name, name)
    meaning = (known.meaning if known else None) or MEANINGS.get(name)
    names = names_of(name, made_with)
    return Field(name, title, meaning, _kind(name, stored, coded=bool(names)), names)


def _kind(name: str, stored: str, *, coded: bool) -> str:
    if stored.endswith("[]"):
        return "list"
    plain = {"BOOLEAN": "flag", "DATE": "day", "VARCHAR": "code" if coded else "text"}.get(stored)
    if plain is not None:
        return plain
    return "day" if stored.startswith("TIMESTAMP") else _kind_of_number(name, stored)


def _kind_of_number(name: str, stored: str) -> str:
    known = _KNOWN.get(name)
    if name in SHARES or name in YEARS:
        return "share" if name in SHARES else "year"
    if known is not None and known.kind in ("money", "share", "count", "number"):
        return known.kind
    if name == "points":
        return "number"
    if stored.startswith("DECIMAL") or name.endswith(("_lower", "_upper")) or name == "last_mean_amount":
        return "money"
    return "count" if "INT" in stored else "number" if stored in ("DOUBLE", "FLOAT") else "text"


def refuse_hidden(asked: list[str], fields: Fields) -> None:
    """Raise KezhiError where a filter asks for what the person may not see."""
    for name in asked:
        if (name in PERSONAL or PRIVATE.search(name)) and name not in fields:
            raise KezhiError(
                Text(
                    f"You may not see the field {name}, so it cannot be filtered by. An administrator can change that.",
                    f"您无权查看字段 {name}，因此不能用它筛选。管理员可以调整权限。",
                )
            )
