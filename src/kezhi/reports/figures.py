"""The figures: functions from report data to plotly, one definition for notebook, page and report.

Colours keep apart without red and green, on white and on black: grey is what was observed, blue the model.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.customer_value import Amounts, Expected, Transitions, ValueReport
from kezhi.reports.plot import Drawn, Plot

OBSERVED = "#868c95"
ACCENT = "#2b7bba"
FAINT = "rgba(134, 140, 149, 0.35)"
INTERVAL = "#c7791c"
FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
_INK = "#6f757d"
_SCALE = ((0.0, "#eef4f9"), (0.5, "#7fb2d9"), (1.0, "#1d5e94"))

_VALUE = Text("value", "客户价值")
_HISTORY = Text("history", "历史")
_UNFINISHED = Text("unfinished period, so far", "未满一期，至今")
_FORECAST = Text("forecast, with 80% interval", "预测（含 80% 区间）")
_OBSERVED = Text("observed", "实际")
_EXPECTED = Text("model", "模型")


@Drawn
def history_and_forecast(report: ValueReport, language: Language) -> Plot:
    """Value per period: what came, what is expected, and the 80 % interval."""
    figure = plain()
    past = [(row.period, row.account.value) for row in report.complete]
    _bars(figure, report, past, language, name=_HISTORY.to(language), color=OBSERVED)
    if report.unfinished:
        so_far = [(report.unfinished.period, report.unfinished.account.value)]
        pattern = {"shape": "/", "fgcolor": OBSERVED, "bgcolor": "rgba(0,0,0,0)", "size": 6}
        _bars(figure, report, so_far, language, name=_UNFINISHED.to(language), color=OBSERVED, pattern=pattern)
    coming = [(row.period, row.account.value) for row in report.forecast if row.period]
    whisker = _whisker(report.forecast)
    _bars(figure, report, coming, language, name=_FORECAST.to(language), color=ACCENT, error_y=whisker)
    figure.update_layout(bargap=0.25, barmode="overlay")
    figure.update_xaxes(type="category", tickangle=0, nticks=7, showgrid=False)
    return figure


def _bars(
    figure: Plot,
    report: ValueReport,
    rows: list[Any],
    language: Language,
    *,
    name: str,
    color: str,
    pattern: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    labels = [_tick(report, first, language) for first, _ in rows]
    marker = {
        "color": color,
        "line": {"width": 1 if pattern else 0, "color": color},
        "pattern": pattern or {},
    }
    hover = "%{x}<br>%{y:,.0f}<extra></extra>"
    values = [float(value) for _, value in rows]
    figure.add_bar(x=labels, y=values, name=name, marker=marker, hovertemplate=hover, **more)


def _tick(report: ValueReport, first: date, language: Language) -> str:
    """A period's label on two lines, so that a phone has room for several."""
    label = numbers.period_label(first, report.period, report.fiscal_start, language)
    label = label.replace("\u2013", "\u2013<br>") if "\u2013" in label else label.replace(" ", "<br>")
    return label.replace("年", "年<br>") if report.period != "year" and "<br>" not in label else label


def _whisker(forecast: tuple[Expected, ...]) -> dict[str, Any]:
    rows = [(row, float(row.account.value)) for row in forecast if row.period]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max((row.upper if row.upper is not None else value) - value, 0.0) for row, value in rows],
        "arrayminus": [max(value - (row.lower if row.lower is not None else value), 0.0) for row, value in rows],
        "color": INTERVAL,
        "thickness": 2,
        "width": 4,
    }


@Drawn
def concentration(report: ValueReport, language: Language) -> Plot:
    """Share of value brought by the best customers; above 100 % where others cost more than they bring."""
    figure = plain()
    shares = [(point.customers * 100, point.value * 100) for point in report.concentration]
    hover = Text(
        "best %{x:.0f}% of customers: %{y:.1f}% of value<extra></extra>",
        "最好的 %{x:.0f}% 客户：%{y:.1f}% 的价值<extra></extra>",
    ).to(language)
    figure.add_scatter(
        x=[0.0, *(x for x, _ in shares)],
        y=[0.0, *(y for _, y in shares)],
        mode="lines",
        line={"color": ACCENT, "width": 2.5},
        hovertemplate=hover,
        showlegend=False,
    )
    equal = {"color": OBSERVED, "width": 1, "dash": "dot"}
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=equal, hoverinfo="skip", showlegend=False)
    figure.add_hline(y=100, line={"color": OBSERVED, "width": 1})
    axes(
        figure,
        Text("best customers, % of all", "客户（由高到低），占全部 %"),
        Text("% of value", "占价值 %"),
        language,
    )
    figure.update_xaxes(range=[0, 100])
    return figure


@Drawn
def frequency(report: ValueReport, language: Language) -> Plot:
    """How many purchases customers make in a period: observed shares beside the negative binomial."""
    figure = plain()
    bars = report.models.frequency
    pairs = ((_OBSERVED, OBSERVED, "observed"), (_EXPECTED, ACCENT, "expected"))
    for name, color, field in pairs:
        figure.add_bar(
            x=[str(bar.purchases) for bar in bars],
            y=[getattr(bar, field) * 100 for bar in bars],
            name=name.to(language),
            marker={"color": color},
            hovertemplate="%{x}: %{y:.2f}%<extra></extra>",
        )
    title = Text("purchases in a period", "一期内购买次数")
    axes(figure, title, Text("% of customer-periods", "占客户期数 %"), language)
    figure.update_xaxes(type="category", showgrid=False)
    return figure


@Drawn
def amounts(report: ValueReport, language: Language) -> Plot:
    """How mean amounts are spread: observed shares as bars, the fitted density as points in the same bins."""
    figure = plain()
    found = report.models.amounts
    if found is None:
        return figure
    labels = amount_labels(found)
    hover = "%{x}: %{y:.2f}%<extra></extra>"
    seen = [share * 100 for share in found.observed]
    figure.add_bar(x=labels, y=seen, name=_OBSERVED.to(language), marker={"color": OBSERVED}, hovertemplate=hover)
    figure.add_scatter(
        x=labels,
        y=[share * 100 for share in found.expected],
        name=_EXPECTED.to(language),
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        marker={"size": 6},
        hovertemplate=hover,
    )
    title = Text("mean amount of an active period", "有成交期的平均金额")
    axes(figure, title, Text("% of active periods", "占有成交期 %"), language)
    figure.update_xaxes(type="category", showgrid=False, nticks=8)
    figure.update_layout(bargap=0.08)
    return figure


def amount_labels(found: Amounts) -> list[str]:
    """The bins of mean amounts, one label per share."""
    return bin_labels(found.edges, len(found.observed))


def bin_labels(edges: tuple[float, ...], count: int) -> list[str]:
    """Labels of `count` bins from their edges; a last bin without an upper edge is open."""
    shown = [numbers.grouped(edge, 0 if edge == int(edge) or edge >= 1000 else 2) for edge in edges]
    closed = [f"{low}\u2013{high}" for low, high in pairwise(shown)]
    if count > len(closed) and shown:
        closed.append(f"\u2265 {shown[-1]}")
    return closed[:count]


@Drawn
def amount_transitions(found: Transitions, language: Language, *, observed: bool = False) -> Plot:
    """Where customers of each amount class land next, as a heat map; observed or by the model."""
    rows = found.observed if observed else found.matrix
    labels = bin_labels(found.edges, max(len(rows), 1))
    return _heat_map(rows, labels, labels, Text("next", "下期"), Text("now", "现在"), language)


@Drawn
def frequency_transitions(found: Transitions, language: Language) -> Plot:
    """Probability of the expected next frequency, by idle periods."""
    rows = tuple(move.p_by_idle for move in found.frequency)
    idle = [str(r) for r in range(max((len(row) for row in rows), default=0))]
    moves = [f"\u2265 {move.now} \u2192 {move.next}" for move in found.frequency]
    return _heat_map(rows, idle, moves, Text("idle periods", "未成交期数"), Text("frequency", "频率"), language)


def _heat_map(
    rows: Any, across: list[str], down: list[str], across_title: Text, down_title: Text, language: Language
) -> Plot:
    figure = plain()
    percents = [[None if cell is None else cell * 100 for cell in row] for row in rows]
    figure.add_heatmap(
        z=percents,
        x=across,
        y=down,
        colorscale=_SCALE,
        zmin=0,
        zmax=100,
        showscale=False,
        xgap=2,
        ygap=2,
        texttemplate="%{z:.0f}",
        hovertemplate="%{y} \u2192 %{x}: %{z:.2f}%<extra></extra>",
    )
    axes(figure, across_title, down_title, language)
    figure.update_xaxes(type="category", showgrid=False, side="top")
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure


@Drawn
def value_bands(report: ValueReport, language: Language) -> Plot:
    """How many customers are forecast to bring nothing, a little, much."""
    figure = plain()
    figure.add_bar(
        x=band_labels(report),
        y=[band.customers for band in report.bands],
        marker={"color": ACCENT},
        hovertemplate="%{x}: %{y:,}<extra></extra>",
        showlegend=False,
    )
    axes(figure, Text("forecast value", "预测价值"), Text("customers", "客户数"), language)
    figure.update_xaxes(type="category", showgrid=False)
    if max((band.customers for band in report.bands), default=0) < 6:
        figure.update_yaxes(dtick=1)  # customers come whole
    return figure


def band_labels(report: ValueReport) -> list[str]:
    """The classes of forecast value."""
    labels = []
    for band in report.bands:
        if band.lower is None:
            labels.append("< 0")
        elif band.upper is None:
            labels.append(f"> {numbers.grouped(band.lower)}")
        elif band.lower == band.upper:
            labels.append("0")
        else:
            labels.append(f"{numbers.grouped(band.lower)}\u2013{numbers.grouped(band.upper)}")
    return labels


def axes(figure: Any, across: Text, up: Text, language: Language) -> None:
    """The titles of both axes."""
    figure.update_xaxes(title={"text": across.to(language), "standoff": 8})
    figure.update_yaxes(title={"text": up.to(language), "standoff": 8})


def bare() -> Any:
    """An empty plotly figure in the look that all of them share."""
    import plotly.graph_objects as go

    return go.Figure(plain().as_dict())


def plain() -> Plot:
    """An empty figure in the look that all of them share, as plain data."""
    figure = Plot(
        template={"data": {"scatter": [{"type": "scatter"}]}},  # plotly's template "none"
        font={"family": FONT, "size": 12, "color": _INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        hoverlabel={"bgcolor": "#20242a", "font": {"color": "#ffffff", "family": FONT}},
        separators=".,",
        dragmode=False,
    )
    grid = {
        "gridcolor": FAINT,
        "zerolinecolor": OBSERVED,
        "zerolinewidth": 1,
        "automargin": True,
        "fixedrange": True,
    }
    figure.update_xaxes(**grid)
    figure.update_yaxes(**grid, tickformat=",~r", nticks=6)
    return figure
