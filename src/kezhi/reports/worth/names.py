"""What segments, roles and ages are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.sections import Canvas
from kezhi.worth.beginnings import OTHERS, UNKNOWN
from kezhi.worth.channels import UNASSIGNED

FIELDS = {
    "company": Text("Company", "全公司"),
    "cohort": Text("Year they began", "建立关系的年份"),
    "region": Text("Region", "地区"),
    "role": Text("Role in the chain", "供应链角色"),
    "source": Text("Source", "客户来源"),
    "campaign": Text("Campaign", "营销活动"),
}
_ROLES = {
    "consumer": Text("end users", "最终用户"),
    "wholesaler": Text("wholesalers", "批发商"),
    "distributor": Text("distributors", "分销商"),
    "agent": Text("agents", "代理商"),
    "supplier": Text("suppliers", "供应商"),
    "operator": Text("operators", "经营商"),
    "internal": Text("internal customers", "内部客户"),
}
_SPECIAL = {
    UNKNOWN: Text("not stated", "未填写"),
    OTHERS: Text("all others", "其他"),
    UNASSIGNED: Text("spent on no channel in particular", "未指明渠道的支出"),
}
# Ages worth a column, as far as the history reaches; months get coarser with age.
_AGES = {
    "month": (0, 1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 60, 84, 120),
    "quarter": (0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 28, 40),
    "year": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 19),
}


def segment(field: str, name: str) -> Text:
    """A segment as people call it; a text of the company's own stays as it is."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    if field == "role" and name.casefold() in _ROLES:
        return _ROLES[name.casefold()]
    return Text(name, name)


def shown_ages(ages: Sequence[int], period: str) -> list[int]:
    """The ages that a table on the page has room for."""
    return [age for age in _AGES[period] if age in set(ages)]


def after(canvas: Canvas, age: int, period: str) -> str:
    """3 months, 1 year, 5 个月."""
    return numbers.count_of_periods(age, period, canvas.language)


def listed(canvas: Canvas, said: Iterable[str]) -> str:
    """Several phrases as one."""
    return canvas.say(Text("; ", "；")).join(said)
