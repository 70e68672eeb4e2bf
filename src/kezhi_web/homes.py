"""Which page shows which section of the report: each has exactly one home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import NoReverseMatch, reverse

from kezhi.language import Text
from kezhi_web.people.rights import of_run, viewer_of
from kezhi_web.places import PLACES
from kezhi_web.shown.parts import part

LATER = Text("Nothing has to be done: the next run fills this.", "无需操作：下次运行后会显示。")


@dataclass(frozen=True)
class Tab:
    """A part of a page: its code in the address, its title, the question it answers, its sections, what it needs.

    needs: what a company has to do where the run holds none of the sections.
    """

    code: str
    title: Text
    asks: Text
    parts: tuple[str, ...] = ()
    needs: Text = LATER


HOMES: dict[str, tuple[Tab, ...]] = {
    "tiers": (
        Tab(
            "tiers",
            Text("Tiers", "层级"),
            Text("Who are the few that bring most?", "哪些少数客户贡献最多？"),
            ("tiers",),
        ),
        Tab(
            "points",
            Text("Points", "积分"),
            Text(
                "Who matters beyond what they bought: open deals, suggestions, referrals?",
                "除购买之外，谁还因商机、建议、推荐而重要？",
            ),
            ("points",),
            Text("Import opportunities or suggestions, then start a run.", "请导入销售机会或客户建议，再启动运行。"),
        ),
        Tab(
            "excellent",
            Text("Excellent customers", "优质客户"),
            Text("Who is eligible for a programme?", "谁符合优质客户计划的条件？"),
            ("criteria",),
        ),
    ),
    "rfm": (
        Tab(
            "rfm",
            Text("RFM", "RFM 分析"),
            Text("Who bought recently, often, and for much?", "谁最近买过、买得多、花得多？"),
            ("rfm",),
        ),
    ),
    "segments": (
        Tab(
            "saved",
            Text("Saved segments", "已保存的分群"),
            Text("How are the groups doing that we made ourselves?", "我们自己定义的分群情况如何？"),
            ("segments",),
        ),
        Tab(
            "profiles",
            Text("Regions, ages, trades", "地区、年龄、行业"),
            Text("What do valuable customers have in common?", "有价值的客户有什么共同点？"),
            ("profiles",),
            Text(
                "Import the customers table with region, year of birth, industry or source, then start a run.",
                "请导入含地区、出生年份、行业或来源的客户表，再启动运行。",
            ),
        ),
        Tab(
            "needs",
            Text("Need types", "需求类型"),
            Text("Who buys for the price, and who for the value?", "谁看重价格，谁看重价值？"),
            ("need_types",),
            Text(
                "Import orders with list price or discount, then start a run.",
                "请导入含标价或折扣的订单，再启动运行。",
            ),
        ),
        Tab(
            "clusters",
            Text("Clusters", "聚类"),
            Text("Which groups does the data itself suggest?", "数据本身呈现出哪些客户群？"),
            ("clusters",),
            Text("Switch clusters on in the settings, then start a run.", "请在设置中启用聚类，再启动运行。"),
        ),
    ),
    "movement": (
        Tab(
            "movement",
            Text("Between two dates", "两个日期之间"),
            Text("Who rose, who fell, who left?", "谁上升，谁下降，谁流失？"),
            ("movement",),
            Text("Movement needs two runs, or a year of orders.", "需要两次运行，或至少一年的订单。"),
        ),
        Tab(
            "retention",
            Text("Retention and growth", "留存与增长"),
            Text(
                "How many stay, and does growth come from old or from new customers?",
                "多少客户留下来？增长来自老客户还是新客户？",
            ),
            ("scorecard",),
        ),
        Tab(
            "weekly",
            Text("Week by week", "每周"),
            Text("What happened each week?", "每周发生了什么？"),
            ("weekly",),
        ),
        Tab(
            "effect",
            Text("What actions brought", "行动的效果"),
            Text("Did what we did make a difference?", "我们的行动有效果吗？"),
            ("uplift",),
            Text(
                "Import actions with a control group (see kezhi draw), then start a run.",
                "请导入带对照组的营销行动（见 kezhi draw），再启动运行。",
            ),
        ),
    ),
    "cohorts": (
        Tab(
            "cohorts",
            Text("Value over time", "价值随时间的变化"),
            Text(
                "When does a new customer pay back, and how do years compare?", "新客户多久回本？各年的客户相比如何？"
            ),
            ("curve",),
        ),
        Tab(
            "standing",
            Text("Now and later", "现在与将来"),
            Text("Who is worth investing in?", "谁值得继续投入？"),
            ("standing",),
        ),
        Tab(
            "channels",
            Text("Where customers come from", "客户从哪里来"),
            Text("Which channel brings customers that pay?", "哪些渠道带来赢利的客户？"),
            ("channels",),
            Text(
                "Import the customers table with a source, and expenses by channel, then start a run.",
                "请导入含来源的客户表和按渠道的费用，再启动运行。",
            ),
        ),
    ),
    "forecast": (
        Tab(
            "forecast",
            Text("Forecast", "预测"),
            Text("What will the coming periods bring?", "今后各期会带来多少？"),
            ("history_and_forecast", "periods", "top_customers", "concentration"),
        ),
        Tab(
            "trust",
            Text("How far to trust it", "可信程度"),
            Text("Did earlier forecasts come true?", "以前的预测应验了吗？"),
            ("realised", "analyst.backtest"),
        ),
        Tab(
            "models",
            Text("How it came about", "预测的由来"),
            Text("Which models, which season, which transitions?", "用了哪些模型、什么季节、怎样移转？"),
            (
                *("analyst.method", "analyst.taught", "analyst.season", "analyst.transitions"),
                *("analyst.distributions", "analyst.assumptions", "analyst.parameters"),
            ),
        ),
        Tab(
            "risk",
            Text("Risk of loss", "流失风险"),
            Text("Whose value is in doubt?", "哪些价值可能失去？"),
            ("risk",),
        ),
        Tab(
            "calls",
            Text("Alerts of the run", "本次运行的预警"),
            Text(
                "What does each cause mean, what has closed, and who bought much only once?",
                "各种原因是什么意思？哪些预警已关闭？哪些客户只大买过一次？",
            ),
            ("alerts",),
        ),
        Tab(
            "lifetime",
            Text("Lifetime value", "生命周期价值"),
            Text("What is a customer worth over all the time to come?", "客户一生值多少？"),
            ("lifetime", "line_kinds"),
        ),
        Tab(
            "needs",
            Text("What they will need", "将来的需求"),
            Text("Who needs which product, and when?", "谁将在何时需要哪种产品？"),
            ("needs",),
            Text(
                "Import order lines with a product, and products, then start a run.",
                "请导入含产品的订单明细和产品表，再启动运行。",
            ),
        ),
        Tab(
            "for-customers",
            Text("Worth to the customer", "客户得到的价值"),
            Text("What do customers get from us, by their own word?", "客户认为从我们这里得到了什么？"),
            ("for_customers",),
            Text("Import survey answers, then start a run.", "请导入问卷答案，再启动运行。"),
        ),
        Tab(
            "corrections",
            Text("Effect of corrections", "修正的影响"),
            Text("What did our corrections change?", "我们的修正改变了什么？"),
            ("corrections",),
            Text(
                "Nothing was corrected in this run. Whoever may correct does that under Corrections.",
                "这次运行没有修正。有权限的人可在“修正”页面修改。",
            ),
        ),
        Tab(
            "basis",
            Text("Data behind it", "数据依据"),
            Text("Which rows were counted, with which settings?", "计入了哪些数据、用了哪些设置？"),
            ("mind", "rows", "analyst.provenance"),
        ),
    ),
}
# sections that a room of its own shows, beside what people do there
ELSEWHERE = {"referrals": "referrals"}


def address(page: str, tab: str | None = None, run: str | None = None) -> str:
    """The address of a page's tab; nothing where the page is not there yet."""
    from django.utils.http import urlencode

    try:
        place = reverse(page)
    except NoReverseMatch:
        return ""
    first = HOMES[page][0].code if page in HOMES else None
    asked = {name: value for name, value in (("tab", tab if tab != first else None), ("run", run)) if value}
    return f"{place}?{urlencode(asked)}" if asked else place


def _title(page: str) -> Text:
    """What the menu calls a page."""
    return next(one.title for _, places in PLACES for one in places if one.page == page)


def home_of(section: str) -> tuple[str, str | None] | None:
    """The page and tab that show a section; None where none does."""
    for page, tabs in HOMES.items():
        for tab in tabs:
            if section in tab.parts:
                return page, tab.code
    return (ELSEWHERE[section], None) if section in ELSEWHERE else None


def shown_on(request: HttpRequest, page: str) -> dict[str, Any]:
    """What a page with tabs needs: the run, the tabs, the one that `?tab=` names, and its sections.

    For views that need the right `company`. Raises Http404 for an unknown tab.
    """
    run, rows = of_run(request)
    viewer = viewer_of(request)
    assert viewer is not None
    asked = request.GET.get("tab")
    tabs = HOMES[page]
    chosen = next((tab for tab in tabs if tab.code == asked), None) if asked else tabs[0]
    if chosen is None:
        raise Http404
    sections = [part(run, name, personal=viewer.may("personal")) for name in chosen.parts]
    known = request.GET.get("run")
    return {
        "run": run,
        "rows": rows,
        "title": _title(page),
        "tab": chosen,
        "tabs": [{"tab": one, "url": address(page, one.code, known), "here": one is chosen} for one in tabs],
        "parts": [one for one in sections if one is not None],
    }
