"""The menu: pages in the order in which a manager asks."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class Place:
    """A page: the name of its route, its title, and the right that it needs."""

    page: str
    title: Text
    right: str = "company"


PLACES: tuple[tuple[Text, tuple[Place, ...]], ...] = (
    (
        Text("Today", "今天"),
        (
            Place("overview", Text("Overview", "总览"), "own"),
            Place("alerts", Text("Alerts", "预警"), "own"),
            Place("customers", Text("Customers", "客户"), "own"),
            Place("recorded", Text("Recorded", "登记"), "record"),
        ),
    ),
    (
        Text("Groups", "分群"),
        (
            Place("tiers", Text("Tiers", "层级")),
            Place("rfm", Text("RFM", "RFM 分析")),
            Place("segments", Text("Segments", "客户分群")),
            Place("movement", Text("Movement", "变动")),
            Place("cohorts", Text("Cohorts", "同期群")),
            Place("referrals", Text("Referrals", "推荐")),
        ),
    ),
    (
        Text("Forecast", "预测"),
        (
            Place("forecast", Text("Forecast and models", "预测与模型")),
            Place("corrections", Text("Corrections", "修正"), "correct"),
            Place("what-if", Text("What if", "假设分析")),
        ),
    ),
    (
        Text("Data", "数据"),
        (
            Place("data", Text("Data", "数据"), "import"),
            Place("runs", Text("Runs", "运行"), "company"),
            Place("setup", Text("Settings", "设置"), "settings"),
            Place("people", Text("People", "人员"), "people"),
            Place("tokens", Text("API and webhooks", "API 与 Webhook"), "api"),
            Place("help", Text("Help", "帮助"), "own"),
        ),
    ),
)
