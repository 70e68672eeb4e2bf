"""The company scorecard in the report: growth, churn, retention, satisfaction, conversion, market share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.figures import ACCENT, INTERVAL, plain
from kezhi.reports.markup import Child, Html, Row, bullets, folded, joined, table, tag
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.reports.worth.movement import STATES
from kezhi.segments.scorecard import FILE, NO_STAGE
from kezhi.worth.layers import rules_of_a_run

SHOWN_PERIODS = 24
NAMES: dict[str, Text] = {
    "amount": Text("Sales", "销售额"),
    "growth": Text("Growth of sales", "销售增长率"),
    "growth_year": Text("Growth against a year before", "较上年同期增长"),
    "value": Text("Gross profit", "毛利"),
    "value_growth": Text("Growth of gross profit", "毛利增长率"),
    "customers": Text("Customers who bought", "有购买的客户数"),
    "new_customers": Text("New customers", "新客户数"),
    "new_amount": Text("Sales to new customers", "新客户销售额"),
    "growth_new": Text("Change of sales: new customers", "销售变化：新客户"),
    "growth_returned": Text("Change of sales: came back", "销售变化：重新购买的客户"),
    "growth_kept": Text("Change of sales: bought in both years", "销售变化：两年均购买的客户"),
    "growth_lost": Text("Change of sales: no longer buying", "销售变化：不再购买的客户"),
    "retention": Text("Retention", "客户维持率"),
    "churn": Text("Churn", "客户流失率"),
    "satisfaction": Text("Satisfaction, mean score", "满意度平均分"),
    "satisfied": Text("Share of satisfied answers", "满意回答占比"),
    "answers": Text("Survey answers", "问卷回答数"),
    "conversion": Text("Opportunities won of those decided", "销售机会转化率"),
    "won": Text("Opportunities won", "赢单数"),
    "lost": Text("Opportunities lost", "输单数"),
}
OF_YEARS = (
    *("amount", "growth", "growth_new", "growth_returned", "growth_kept", "growth_lost", "value", "value_growth"),
    *("customers", "new_customers", "retention", "churn", "satisfaction", "satisfied", "answers", "conversion"),
    *("won", "lost"),
)
OF_PERIODS = (
    *("amount", "growth", "growth_year", "value", "customers", "new_customers", "new_amount", "retention", "churn"),
    *("satisfaction", "satisfied", "answers", "conversion"),
)
MONEY = {"amount", "value", "new_amount", "growth_new", "growth_returned", "growth_kept", "growth_lost"}
CHANGES = {"growth", "growth_year", "value_growth", *(name for name in MONEY if name.startswith("growth"))}
COUNTS = {"customers", "new_customers", "answers", "won", "lost"}
DEFINITIONS: dict[str, Text] = {
    "growth": Text(
        "Growth: (these 12 months − the 12 before) / the 12 before. New, returning, kept and lost customers add up to "
        "the whole change. New: first purchase in these months.",
        "增长率：（本 12 个月 − 前 12 个月）÷ 前 12 个月。新客户、重新购买、两年均购买和不再购买四部分之和等于总变化。"
        "新客户指首次购买在这段时间内。",
    ),
    "retention": Text(
        "Retention: of the customers who bought in the 12 months before, the share that bought in these. Of a single "
        "period: the share of its buyers who bought again within {n}; the newest periods cannot be decided yet and "
        "stay empty.",
        "客户维持率：前 12 个月有购买的客户中，在这 12 个月内再次购买的比例。"
        "单期：当期购买者在之后 {n}内再次购买的比例；最近几期尚无法判定，留空。",
    ),
    "churn": Text(
        "Churn: of the customers there at the start, the share lost during the time. A customer counts as lost with "
        "the period that completes {n} without a purchase. Whoever buys again later is no longer counted as lost, so "
        "that the newest figures can still fall.",
        "客户流失率：期初客户中在期内流失的比例。连续 {n}没有购买，即在满期时视为流失；之后又购买的不再算作流失，"
        "因此最近的数字仍可能下降。",
    ),
    "churn_benchmark": Text(
        "The line at {share} is a rule of thumb for a year (“on average a company loses 10% of its customers a "
        "year”), not a target for this business.",
        "{share} 的参考线只是经验之谈（“一般公司平均每年流失 10% 的顾客”），并非本企业的目标。",
    ),
    "satisfied": Text(
        "Satisfied: {least} or more on a scale to {scale}, all questions together. * marks fewer than {few} answers.",
        "满意：{scale} 分制中不低于 {least} 分，各问题合并计算。* 表示回答少于 {few} 个。",
    ),
    "conversion": Text(
        "Conversion: won / (won + lost) of the opportunities opened in the time; * marks fewer than {few} decided. The "
        "newest are mostly open still.",
        "转化率：在该时间内创建的机会中，赢单 ÷（赢单 + 输单）；* 表示已有结果的不足 {few} 个。"
        "最近的机会大多尚未结束。",
    ),
}
COUNTS_AS = {"open": Text("open", "进行中"), "won": Text("won", "赢单"), "lost": Text("lost", "输单")}


@dataclass(frozen=True)
class Scorecard:
    """The rows of scorecard.parquet by level, the facts, and what tiers are called."""

    periods: tuple[dict[str, Any], ...]
    years: tuple[dict[str, Any], ...]
    market: tuple[dict[str, Any], ...]
    facts: dict[str, Any]
    names: dict[str, Text]

    def known(self, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
        """The measures of which these rows say something."""
        return [name for name in names if any(row[name] is not None for row in rows)]


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Scorecard | None:
    """The scorecard of a run; None where there is not even one period."""
    rows = engine.fetch(engine.read_parquet(run / FILE)).to_pylist()
    rows.sort(key=lambda row: row["start"])
    levels = {level: tuple(row for row in rows if row["level"] == level) for level in ("period", "year", "market")}
    if not levels["period"]:
        return None
    names = rules_of_a_run(run).titles | STATES
    return Scorecard(levels["period"], levels["year"], levels["market"], dict(facts), names)


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Scorecard, report: Any, canvas: Canvas) -> Html:
    """Year by year first, with the definitions under it; periods, tiers, opportunities and market folded."""
    title = Text("Company scorecard", "公司记分卡")
    said = Text(
        "How the company did, 12 months by 12 months back from the last complete {period}: sales and from whom their "
        "growth came, customers kept and lost{more}.",
        "公司表现：从最近一个完整{period}往回，每 12 个月一列：销售额及增长来源、客户维持与流失{more}。",
    )
    also = [name for name in ("satisfaction", "conversion") if found.known((*found.periods, *found.years), [name])]
    words = {"satisfaction": Text(", satisfaction", "、满意度"), "conversion": Text(", conversion", "、转化率")}
    more = "".join(canvas.say(words[name]) for name in also)
    period = canvas.say(_WORDS[report.period])
    return titled(
        canvas,
        title,
        tag("p", canvas.say(said, period=period, more=more), class_="soft"),
        _years(found, report, canvas),
        bullets(_definitions(found, report, canvas), "soft"),
        folded(canvas.say(Text("Period by period", "各期明细")), _periods(found, report, canvas)),
        _tiers(found, report, canvas),
        _opportunities(found, report, canvas),
        _market(found, report, canvas),
        name="scorecard",
    )


_WORDS = {"month": Text("month", "月"), "quarter": Text("quarter", "季度"), "year": Text("year", "年")}


def _years(found: Scorecard, report: Any, canvas: Canvas) -> Html:
    if not found.years:
        few = Text(
            "The history is shorter than 12 months; year by year nothing can be said yet.",
            "历史不足 12 个月，尚无法逐年比较。",
        )
        return tag("p", canvas.say(few))
    names = found.known(found.years, OF_YEARS)
    heads = [canvas.say(Text("12 months to", "12 个月截至")), *(_until(row, canvas) for row in found.years)]
    rows = [
        Row([canvas.say(NAMES[name]), *(_cell(row, name, found, report, canvas) for row in found.years)])
        for name in names
    ]
    parts: list[Child] = [table(heads, rows, range(1, len(heads)))]
    if any(row["churn"] is not None for row in found.years):
        describe = Text("Bar chart of yearly churn with a line at 10 %.", "逐年流失率柱形图，参考线为 10%。")
        caption = Text("Churn year by year", "逐年客户流失率")
        parts += [heading(canvas, caption), canvas.place("figure-churn", churn.plain(found, canvas.language), describe,
                                                         "low")]  # fmt: skip
    return joined(parts)


def _until(row: Mapping[str, Any], canvas: Canvas) -> str:
    return numbers.period_label(row["until"], "month", 1, canvas.language)


@Drawn
def churn(found: Scorecard, language: Language) -> Plot:
    """Churn by year, with the rule of thumb as a line."""
    figure = plain()
    rows = [row for row in found.years if row["churn"] is not None]
    labels = [numbers.period_label(row["until"], "month", 1, language) for row in rows]
    shown = [row["churn"] * 100 for row in rows]
    figure.add_bar(
        x=labels,
        y=shown,
        marker={"color": ACCENT},
        text=[f"{value:.0f}%" for value in shown],
        textposition="auto",
        hovertemplate="%{x}: %{y:.1f}%<extra></extra>",
        showlegend=False,
    )
    benchmark = found.facts["benchmark"] * 100
    figure.add_hline(y=benchmark, line={"color": INTERVAL, "width": 2, "dash": "dash"})
    said = Text(f"{benchmark:.0f}%: rule of thumb", f"{benchmark:.0f}%：经验参考线").to(language)
    figure.add_annotation(
        x=1, xref="x domain", xanchor="right", y=benchmark, yanchor="bottom", showarrow=False, text=said
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(rangemode="tozero", ticksuffix="%")
    figure.update_layout(height=220, bargap=0.5)
    return figure


def _cell(row: Mapping[str, Any], name: str, found: Scorecard, report: Any, canvas: Canvas) -> str:
    value = row[name]
    if value is None:
        return numbers.ABSENT
    if name in MONEY:
        shown = numbers.headline(value, report.currency, canvas.language)
    elif name in COUNTS:
        shown = numbers.grouped(value)
    elif name == "satisfaction":
        shown = numbers.grouped(value, 2)
    else:
        shown = numbers.percent(value, 1)
    return (f"+{shown}" if name in CHANGES and value > 0 else shown) + _few(row, name, found)


def _few(row: Mapping[str, Any], name: str, found: Scorecard) -> str:
    """A star where a share is of so few that it says little."""
    counts = {"satisfaction": row["answers"], "satisfied": row["answers"],
              "conversion": (row["won"] or 0) + (row["lost"] or 0)}  # fmt: skip
    return "*" if name in counts and (counts[name] or 0) < found.facts["few"] else ""


def _definitions(found: Scorecard, report: Any, canvas: Canvas) -> list[str]:
    n = numbers.count_of_periods(found.facts["churn_after"], report.period, canvas.language)
    survey = found.facts["satisfaction"] or {}
    values: dict[str, dict[str, Any]] = {
        "retention": {"n": n},
        "churn": {"n": n},
        "churn_benchmark": {"share": numbers.percent(found.facts["benchmark"])},
        "satisfied": {"least": survey.get("satisfied_from"), "scale": survey.get("scale"), "few": found.facts["few"]},
        "conversion": {"few": found.facts["few"]},
    }
    rows = (*found.periods, *found.years)
    wanted = [name for name in DEFINITIONS if found.known(rows, [name.removesuffix("_benchmark")])]
    said = [canvas.say(DEFINITIONS[name], **values.get(name, {})) for name in wanted]
    if "curve" in getattr(report, "worth", {}):
        cohorts = Text(
            "Retention by cohort, customers who began together, is under “{title}”.",
            "按同期客户群的维持率见“{title}”。",
        )
        title = Text("Value over a customer's life", "客户价值随时间的变化")
        said.append(canvas.say(cohorts, title=canvas.say(title)))
    return said


def _periods(found: Scorecard, report: Any, canvas: Canvas) -> Html:
    shown = found.periods[-SHOWN_PERIODS:]
    names = found.known(shown, OF_PERIODS)
    rows = []
    for row in reversed(shown):
        label = numbers.period_label(row["start"], report.period, report.fiscal_start, canvas.language)
        label += "" if row["complete"] else canvas.say(Text(" (unfinished)", "（未满）"))
        cells = [_cell(row, name, found, report, canvas) for name in names]
        rows.append(Row([label, *cells], None if row["complete"] else "apart"))
    return grid(canvas, [Text("Period", "期"), *(NAMES[name] for name in names)], rows)


def _tiers(found: Scorecard, report: Any, canvas: Canvas) -> Html | None:
    """Where the growth came from, by the tier in which customers were at the start."""
    if not found.facts["by_tier"]:
        return None
    said = Text(
        "Customers by the tier in which the gross profit before put them, see “Movement between tiers”: what they "
        "bought then and what the same customers bought now. Those who were in the top tiers had a good year then, "
        "so that some of them fall by chance alone.",
        "客户按此前毛利所在的层级归类（见“客户层级变动”），比较同一批客户前后两段时间的购买。"
        "原本位于高层级的客户往往当时表现特别好，其中一部分回落属于偶然。",
    )
    rows = []
    for one in found.facts["by_tier"]:
        state = found.names.get(one["state"]) or Text(one["state"], one["state"])
        money = [numbers.headline(Decimal(str(one[name])), report.currency, canvas.language)
                 for name in ("amount_before", "amount")]  # fmt: skip
        grew = numbers.percent(one["growth"], 1)
        grew = f"+{grew}" if one["growth"] is not None and one["growth"] > 0 else grew
        rows.append(Row([canvas.say(state), numbers.grouped(one["customers"]), *money, grew]))
    heads = (Text("Tier before", "此前层级"), Text("Customers", "客户数"), Text("Sales before", "此前销售额"),
             Text("Sales now", "现在销售额"), Text("Growth", "增长率"))  # fmt: skip
    title = canvas.say(Text("Growth by tier", "各层级的增长"))
    return folded(title, tag("p", canvas.say(said), class_="soft"), grid(canvas, heads, rows))


def _opportunities(found: Scorecard, report: Any, canvas: Canvas) -> Html | None:
    facts = found.facts["opportunities"]
    if facts is None:
        return None
    said = Text(
        "{opened} opportunities: {won} won, {lost} lost, {conversion} of those decided were won. The stages as written "
        "in the data, and how each is counted:",
        "共 {opened} 个机会：赢单 {won}，输单 {lost}，已有结果者中赢单占 {conversion}。各阶段及其归类如下：",
    )
    counts = {name: numbers.grouped(facts[name]) for name in ("opened", "won", "lost")}
    parts: list[Child] = [tag("p", canvas.say(said, conversion=numbers.percent(facts["conversion"]), **counts))]
    unnamed = canvas.say(Text("not stated", "未填写"))
    stages = [
        Row([row["stage"] if row["stage"] != NO_STAGE else unnamed, canvas.say(COUNTS_AS[row["counts_as"]]),
             numbers.grouped(row["opportunities"]), numbers.percent(row["opportunities"] / facts["opened"]),
             numbers.headline(Decimal(str(row["amount"])), report.currency, canvas.language)])
        for row in facts["stages"]
    ]  # fmt: skip
    heads = (Text("Stage", "阶段"), Text("Counts as", "归类"), Text("Opportunities", "机会数"), Text("Share", "占比"),
             Text("Amount", "金额"))  # fmt: skip
    parts.append(grid(canvas, heads, stages))
    if facts["tiers"]:
        parts += [heading(canvas, Text("By tier of the customer", "按客户层级")), _by_tier(found, report, canvas)]
    return folded(canvas.say(Text("Opportunities and conversion", "销售机会与转化率")), *parts)


def _by_tier(found: Scorecard, report: Any, canvas: Canvas) -> Html:
    rows = []
    for row in found.facts["opportunities"]["tiers"]:
        name = found.names.get(row["tier"]) or Text(row["tier"], row["tier"])
        star = "*" if row["won"] + row["lost"] < found.facts["few"] else ""
        rows.append(
            Row([canvas.say(name), *(numbers.grouped(row[count]) for count in ("opened", "won", "lost")),
                 numbers.percent(row["conversion"]) + star,
                 numbers.headline(Decimal(str(row["won_amount"])), report.currency, canvas.language)])
        )  # fmt: skip
    heads = (Text("Tier", "层级"), Text("Opportunities", "机会数"), NAMES["won"], NAMES["lost"],
             Text("Conversion", "转化率"), Text("Amount won", "赢单金额"))  # fmt: skip
    return grid(canvas, heads, rows)


def _market(found: Scorecard, report: Any, canvas: Canvas) -> Html | None:
    if not found.market:
        return None
    said = Text(
        "Sales divided by the size of the market that was typed in the settings; relative: by the largest competitor's "
        "sales, above 100% means ahead. The change is in percentage points.",
        "销售额除以设置中填写的市场规模；相对份额除以最大竞争对手的销售额，超过 100% 即领先。变化以百分点计。",
    )
    rows = []
    for row in found.market:
        change = row["share_change"]
        points = numbers.ABSENT if change is None else numbers.grouped(Decimal(str(change)) * 100, 1)
        arrow = "" if not change else "▲ +" if change > 0 else "▼ "
        sums = [numbers.headline(row[name], report.currency, canvas.language) for name in ("amount", "market_size")]
        rows.append(Row([_span(row, canvas), *sums, numbers.percent(row["market_share"], 1), f"{arrow}{points}",
                         numbers.percent(row["relative_share"], 1)]))  # fmt: skip
    heads = (Text("Time", "时间"), NAMES["amount"], Text("Market", "市场规模"), Text("Market share", "市场份额"),
             Text("Change", "变化"), Text("Relative share", "相对份额"))  # fmt: skip
    title = canvas.say(Text("Market share", "市场份额"))
    return folded(title, tag("p", canvas.say(said), class_="soft"), grid(canvas, heads, rows))


def _span(row: Mapping[str, Any], canvas: Canvas) -> str:
    first, last = (numbers.period_label(row[name], "month", 1, canvas.language) for name in ("start", "until"))
    return first if first == last else f"{first}\u2013{last}"


# --- the workbook -----------------------------------------------------------------------------------------

_LEVELS = {
    "period": Text("period", "单期"),
    "year": Text("12 months", "12 个月"),
    "market": Text("market", "市场"),
}
_OF_MARKET = {
    "market_size": Text("Market", "市场规模"),
    "market_share": Text("Market share", "市场份额"),
    "relative_share": Text("Relative share", "相对份额"),
}


def sheets(found: Scorecard, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet: all rows of the scorecard, in the measures of which the data says something."""
    del engine, run, report
    rows = [*found.years, *found.market, *reversed(found.periods)]
    names = found.known(rows, tuple(NAMES)) + found.known(rows, tuple(_OF_MARKET))
    titles = NAMES | _OF_MARKET
    sheet = book.sheet(Text("Scorecard", "公司记分卡"), [12, 12, 12, *(14 for _ in names)])
    said = Text(
        "One row per 12 months, per market that was typed, and per period; definitions are in the report.",
        "每 12 个月、每个填写的市场期间和每一期各一行；定义见报告。",
    )
    sheet.line(book.say(said))
    first = sheet.next
    heads = (Text("Time", "时间"), Text("From", "起"), Text("To", "止"), *(titles[name] for name in names))
    sheet.heads([book.say(head) for head in heads])
    sheet.sheet.freeze_panes(sheet.next, 3)
    sheet.sheet.autofilter(first, 0, first + len(rows), len(heads) - 1)
    kinds = ["text", "day", "day", *map(_kind, names)]
    for row in rows:
        level = book.say(_LEVELS[row["level"]])
        sheet.row([level, row["start"], row["until"], *(row[name] for name in names)], kinds)


def _kind(name: str) -> str:
    if name in MONEY or name == "market_size":
        return "money"
    return "count" if name in COUNTS else "number" if name == "satisfaction" else "share"
