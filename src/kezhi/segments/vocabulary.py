"""How people call what a rule may ask for: fields by their titles, codes of kezhi's own by their names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kezhi.filters import Vocabulary
from kezhi.language import KezhiError, Text
from kezhi.segments.value_classes import CLASSES, TAGS, VALUE_TAGS
from kezhi.settings import Settings
from kezhi.settings.rfm import Rfm
from kezhi.settings.tiers import Tiers

if TYPE_CHECKING:
    import ibis.expr.types as ir

# Titles of fields: what the workbook writes above its columns, and what the customers table says.
TITLES: dict[str, Text] = {
    "customer_id": Text("Customer id", "客户编号"),
    "name": Text("Name", "客户名称"),
    "first_purchase": Text("First purchase", "首次购买"),
    "last_purchase": Text("Last purchase", "最近购买"),
    "tenure_days": Text("Days known", "建立关系天数"),
    "purchases": Text("Purchases", "购买次数"),
    "active_periods": Text("Active periods", "有成交期数"),
    "idle_periods": Text("Idle periods", "未成交期数"),
    "amount": Text("Purchase amount", "购买金额"),
    "cost": Text("Product cost", "产品成本"),
    "expense": Text("Relationship expense", "关系营销费用"),
    "value": Text("Value so far", "已有价值"),
    "margin": Text("Margin", "毛利率"),
    "mean_amount": Text("Mean amount", "平均金额"),
    "p_alive": Text("P(active)", "仍活跃的概率"),
    "expected_purchases": Text("Expected purchases", "预计购买次数"),
    "forecast_amount": Text("Forecast amount", "预测购买金额"),
    "forecast_value": Text("Forecast value", "预测价值"),
    "lifetime_value": Text("Lifetime value", "生命周期价值"),
    "points": Text("Points", "积分"),
    "tier": Text("Tier", "客户层级"),
    "tier_previous": Text("Tier before", "此前层级"),
    "rfm_segment": Text("RFM segment", "RFM 分群"),
    "rfm_class": Text("RFM class", "RFM 类别"),
    "rfm_segment_previous": Text("RFM segment before", "上次 RFM 分群"),
    "rfm_class_previous": Text("RFM class before", "上次 RFM 类别"),
    "r_score": Text("R score", "R 得分"),
    "f_score": Text("F score", "F 得分"),
    "m_score": Text("M score", "M 得分"),
    "tier_since": Text("In this tier since", "进入该层级日期"),
    "value_class": Text("Value class", "价值类别"),
    "value_tag": Text("Value tag", "价值标签"),
    "potential": Text("Potential customer", "潜力客户"),
    "core": Text("Core customer", "核心客户"),
    "need_type": Text("Need type", "需求类型"),
    "frequency": Text("Purchase frequency", "购买频率"),
    "age_band": Text("Age", "年龄段"),
    "value_layer": Text("Value layer", "价值层"),
    "excellent": Text("Excellent customer", "优质客户"),
    "cluster": Text("Cluster", "聚类"),
    "flags": Text("Flags", "标记"),
    "region": Text("Region", "地区"),
    "role": Text("Role in the chain", "供应链角色"),
    "source": Text("Source", "客户来源"),
    "sex": Text("Sex", "性别"),
    "birth_year": Text("Year of birth", "出生年份"),
    "income": Text("Income", "收入"),
    "industry": Text("Industry", "行业"),
    "size": Text("Size", "规模"),
    "owner": Text("In charge", "负责人"),
    "consent": Text("Agreed to be contacted", "同意营销"),
    "excluded": Text("Blacklisted", "黑名单"),
    "acquired_on": Text("Won on", "获客日期"),
    "phone": Text("Phone", "电话"),
    "email": Text("E-mail", "邮箱"),
    "forecast_cost": Text("Forecast cost", "预测产品成本"),
    "forecast_expense": Text("Forecast expense", "预测关系营销费用"),
    "forecast_value_lower": Text("80% interval, lower", "80% 区间下限"),
    "forecast_value_upper": Text("80% interval, upper", "80% 区间上限"),
    "last_frequency": Text("Last frequency", "最近一期购买次数"),
    "last_mean_amount": Text("Last mean amount", "最近一期平均金额"),
    "last_margin": Text("Last margin", "最近一期毛利率"),
    "forecast_amount_lower": Text("Forecast amount, lower", "预测购买金额下限"),
    "forecast_amount_upper": Text("Forecast amount, upper", "预测购买金额上限"),
    "lifetime_value_lower": Text("Lifetime value, lower", "生命周期价值下限"),
    "lifetime_value_upper": Text("Lifetime value, upper", "生命周期价值上限"),
    "residual_value": Text("Value to come", "剩余价值"),
    "residual_purchases": Text("Purchases to come", "未来购买次数"),
    "acquisition_cost": Text("Cost to win them", "获客成本"),
    "referrals": Text("Customers referred", "推荐客户数"),
    "referred_value": Text("Value by referrals", "推荐带来的价值"),
    "wide_value": Text("Value with referrals", "含推荐的价值"),
    "excellent_score": Text("Excellence score", "优质评分"),
    "referrer_id": Text("Referred by", "推荐人"),
}
NO_CODES = {"customer_id", "name"}  # texts of customers.parquet that are not kezhi's own codes
NEED_TYPES = {
    "price_oriented": Text("Price-oriented", "价格取向型"),
    "value_oriented": Text("Value-oriented", "价值取向型"),
    "mixed": Text("Mixed", "复合价值型"),
}
FREQUENCIES = {
    "high": Text("often", "高频"),
    "low": Text("now and then", "低频"),
    "once": Text("once so far", "仅一次"),
    "never": Text("never yet", "尚未购买"),
}
LAYERS = {
    "top": Text("Top", "塔尖"),
    "upper": Text("Upper", "上层"),
    "middle": Text("Middle", "中层"),
    "base": Text("Base", "塔基"),
}
FIXED: dict[str, Mapping[str, Text]] = {
    "need_type": NEED_TYPES,
    "frequency": FREQUENCIES,
    "value_layer": LAYERS,
    "value_class": {one.code: one.title for one in CLASSES},
    "value_tag": {code: TAGS[code][0] for code in VALUE_TAGS},
}
TIER_COLUMNS = ("tier", "tier_previous")


def title(field: str) -> Text:
    """What a field is called; its own name where nobody knows a better one."""
    return TITLES.get(field) or Text(field, field)


def vocabulary(customers: ir.Table, settings: Settings) -> Vocabulary:
    """How fields and codes of a run's customers may be called, by the settings it was made with.

    `customers`: the columns of customers.parquet. A code stands for itself in any letters, for its name in both
    languages (as the settings change it), and for the usual name.
    """
    codes = {name: dict(_codes(name, settings)) for name in customers.columns if _holds_codes(customers, name)}
    fields = {one.lower(): name for name, said in TITLES.items() for one in (said.en, said.zh)}
    return Vocabulary(codes, fields)


def settings_of(run: Path) -> Settings:
    """The settings a finished run was made with; the usual ones where they cannot be read any more."""
    try:
        known = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError):
        return Settings()
    read = {}
    for name, model in (("tiers", Tiers), ("rfm", Rfm)):
        try:
            read[name] = model.model_validate(known[name])
        except (ValueError, KeyError, TypeError, KezhiError):
            continue
    segments = {str(name): str(rule) for name, rule in (known.get("segments") or {}).items()}
    return Settings().model_copy(update={**read, "segments": segments})


def names_of(column: str, settings: Settings) -> Mapping[str, Text]:
    """The names of a column's codes; none where kezhi gives them none."""
    if column in TIER_COLUMNS:
        return {str(code): said for code, said in settings.tiers.titles.items()}
    return settings.rfm.titles if column.startswith("rfm_") else FIXED.get(column, {})


def _holds_codes(customers: ir.Table, name: str) -> bool:
    kind = customers[name].type()
    return name not in NO_CODES and (kind.is_string() or kind.is_array())


def _codes(column: str, settings: Settings) -> list[tuple[str, str]]:
    """What a code may be called, in small letters, and the code; what the settings say wins over the usual."""
    usual = names_of(column, Settings())
    return [
        (one.lower(), code)
        for names in (usual, names_of(column, settings))
        for code, said in names.items()
        for one in (said.en, said.zh, code)
    ]
