"""The reasons for a need, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kezhi.language import Text

KINDS = {
    "replacement": Text("Replacement", "到期更换"),
    "accessory": Text("Accessory still missing", "缺少配套产品"),
    "upgrade": Text("Newer version", "版本升级"),
    "related": Text("Related product", "关联产品"),
    "again": Text("Bought again", "重复购买"),
    "history": Text("Customers like this one have it", "同类客户拥有"),
    "basket": Text("Goes into the same basket", "常一起购买"),
    "popular": Text("Much bought of late", "近期热销"),
}
_AGAIN = Text(
    "Bought on {times} days, last on {day}; the usual interval is about {days} days.",
    "有 {times} 天买过，最近一次是 {day}；通常约 {days} 天买一次。",
)
_ONCE = Text(
    "Bought on {day}; whoever buys it again does so after about {days} days.",
    "购于 {day}；再次购买者一般约 {days} 天后再买。",
)
_REASONS = {
    "replacement": Text("{main}, bought on {day}, lasts about {days} days.", "{main}购于 {day}，可用约 {days} 天。"),
    "accessory": Text(
        "Belongs to {main}, last bought on {day}, and has not been bought.", "与{main}（{day} 购买）配套，尚未购买。"
    ),
    "upgrade": Text("The step up from {main}, bought on {day}.", "{main}（{day} 购买）的升级产品。"),
    "related": Text("Related to {main}, bought on {day}.", "与{main}（{day} 购买）相关联。"),
    "history": Text(
        "Of the customers with {main}, {confidence} also have this: {lift} times the share among all customers.",
        "有{main}的客户中 {confidence} 也有此产品，是全部客户中占比的 {lift} 倍。",
    ),
    "basket": Text(
        "Of the purchases with {main}, {confidence} hold this too: {lift} times the share among all purchases.",
        "含{main}的购买中 {confidence} 同时买了此产品，是全部购买中占比的 {lift} 倍。",
    ),
    "popular": Text("One of the products most customers bought of late.", "近期购买客户最多的产品之一。"),
}


def why(need: Mapping[str, Any]) -> Text:
    """One sentence of a row of needs.parquet (or of `customers_for`) that says what the need follows from."""
    kind = str(need["kind"])
    text = (_AGAIN if need["times"] > 1 else _ONCE) if kind == "again" else _REASONS[kind]
    days = need.get("interval_days")
    return text.fill(
        main=need["because_name"] or need["because_product_id"],
        day=need["because_on"],
        times=need["times"],
        days="" if days is None else f"{days:,.0f}",
        confidence="" if need["confidence"] is None else f"{need['confidence']:.0%}",
        lift="" if need["lift"] is None else f"{need['lift']:.1f}",
    )
