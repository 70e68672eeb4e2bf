"""Would it have worked? Forecasts against what then came: over time, by group, by rank, and model by model.

Every function takes plain data and gives a plotly figure; empty or odd data give a figure with a sentence. Models are
named by their code (`bg_nbd`) or any words; the first one is drawn in the accent colour.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kezhi.language import Language, Text
from kezhi.models.histories import FloatArray
from kezhi.reports import framing, numbers
from kezhi.reports.figures import ACCENT, FAINT, OBSERVED
from kezhi.reports.framing import Unit

if TYPE_CHECKING:
    import plotly.graph_objects as go

Table = Mapping[str, npt.ArrayLike]
Points = Sequence[tuple[float, float]] | Table
Groups = Sequence[tuple[float, float, float]] | Table

_UNTESTED = Text("No forecast has been tested on the past yet.", "还没有用历史检验过预测。")
_DIAGONAL = Text("by chance", "随机排序")
_PERFECT = Text("perfect", "完美排序")
_PURCHASES = Text("purchases", "购买次数")
_EQUAL = Text("as forecast", "预测与实际相等")


# --- over time ------------------------------------------------------------------------------------------------


def tracking(
    when: Sequence[Any],
    actual: npt.ArrayLike,
    expected: Mapping[str, npt.ArrayLike],
    split: Any,
    language: Language,
    *,
    unit: Unit = "week",
    cumulative: bool = False,
) -> go.Figure:
    """Repeat purchases of all customers over time, seen and expected; from `split` on the models did not know.

    `when` are the days (dates, ISO texts) or numbers of the periods named `unit`, rising, `split` the last one that
    the models learned from; `actual` and every series of `expected` have an entry for each. `cumulative` adds up.
    """
    places = [_place(one) for one in when]
    seen = framing.vector("actual", actual)
    framing.same_length("actual", seen, len(places))
    models = {name: framing.vector(f"expected[{name!r}]", values) for name, values in expected.items()}
    for name, values in models.items():
        framing.same_length(f"expected[{name!r}]", values, len(places))
    each = framing.of_unit(unit)
    title = (
        Text("Repeat purchases added up: seen and expected", "累计复购次数：实际与预测")
        if cumulative
        else Text(f"Repeat purchases per {each.en}: seen and expected", f"每{each.zh}复购次数：实际与预测")
    )
    if not places:
        return framing.sentence(title, language, _UNTESTED)
    if cumulative:
        seen, models = _added_up(seen), {name: _added_up(values) for name, values in models.items()}
    known_until = _place(split)
    if isinstance(known_until, str) != isinstance(places[0], str):
        raise ValueError("split must be a day where when has days, and a number where it has numbers")
    names = [framing.shown(name, language) for name in models]
    figure = framing.framed(title, language, legend=[framing.SEEN.to(language), *names])
    _seen_over_time(figure, places, seen, language, cumulative=cumulative)
    for place, (name, values) in enumerate(zip(names, models.values(), strict=True)):
        hover = f"{name}<br>%{{x}}{framing.colon(language)}%{{y:,.1f}}"
        framing.curve(figure, places, values, name, place, hover, dots=len(places) <= 12)
    _forecast_from(figure, places, known_until, [seen, *models.values()], language)
    dated = isinstance(places[0], str)
    framing.axes(figure, Text("", "") if dated else each, Text("repeat purchases", "复购次数"), language)
    figure.update_xaxes(showgrid=False, nticks=6, tickangle=0)
    if dated:
        figure.update_xaxes(
            type="date", hoverformat="%Y-%m-%d", tickformat="%Y年<br>%-m月" if language == "zh" else "%b<br>%Y"
        )
    return figure


def _place(one: Any) -> Any:
    """A day as ISO text, a number as a number."""
    if isinstance(one, np.datetime64):
        return str(one.astype("datetime64[D]"))
    if hasattr(one, "isoformat"):
        return one.isoformat()[:10]
    if isinstance(one, str):
        return one
    if not math.isfinite(one):
        raise ValueError("when and split must be days or finite numbers")
    return float(one)


def _added_up(values: FloatArray) -> FloatArray:
    """Running sums; what is missing stays missing."""
    return np.where(np.isnan(values), np.nan, np.nancumsum(values))


def _seen_over_time(figure: Any, places: list[Any], seen: FloatArray, language: Language, *, cumulative: bool) -> None:
    hover = Text("seen<br>%{x}: %{y:,.0f}", "实际<br>%{x}：%{y:,.0f}")
    if not cumulative:
        framing.bars(figure, places, seen, language, hover)
        figure.update_layout(bargap=0.15)
        return
    figure.add_scatter(
        x=places,
        y=framing.plain(seen),
        name=framing.SEEN.to(language),
        mode="lines",
        line={"color": OBSERVED, "width": 4},
        hovertemplate=f"{hover.to(language)}<extra></extra>",
    )


def _forecast_from(figure: Any, places: list[Any], split: Any, series: list[FloatArray], language: Language) -> None:
    """The split line with its words, and a shade behind what the models did not know."""
    top = max((float(np.nanmax(values)) for values in series if not np.isnan(values).all()), default=0.0) or 1.0
    figure.update_yaxes(range=[0, top * 1.16])  # room for the words above the lines
    line = {"color": framing.INK, "width": 1.5, "dash": "dash"}
    paper = {"yref": "paper", "y0": 0, "y1": 1}
    if split < places[-1]:
        figure.add_shape(
            type="rect", x0=split, x1=places[-1], fillcolor=framing.SHADE, line={"width": 0}, layer="below", **paper
        )
    figure.add_shape(type="line", x0=split, x1=split, line=line, **paper)
    early = sum(place <= split for place in places) < 0.6 * len(places)
    figure.add_annotation(
        text=(Text("forecast from here →", "由此开始预测 →")).to(language),
        x=split,
        y=1,
        yref="paper",
        yanchor="top",
        xanchor="left" if early else "right",
        xshift=3 if early else -3,
        showarrow=False,
        font={"size": 11},
    )


# --- by group -------------------------------------------------------------------------------------------------


def conditional_expectation(
    frequency: Sequence[Any],
    actual: npt.ArrayLike,
    expected: Mapping[str, npt.ArrayLike],
    customers: npt.ArrayLike,
    language: Language,
) -> go.Figure:
    """What customers bought after the split, by how often they had bought before: seen and expected means.

    One entry per bin of `frequency` (labels such as 0, 1, "7+"): mean purchases seen, expected, and customers.
    """
    title = Text(
        "Purchases after the split, by repeat purchases before it", "分割日之后的平均购买次数（按此前复购次数）"
    )
    seen, counts = framing.vector("actual", actual), framing.vector("customers", customers)
    framing.same_length("actual", seen, len(frequency))
    framing.same_length("customers", counts, len(frequency))
    if not len(seen) or np.isnan(seen).all():
        return framing.sentence(title, language, _UNTESTED)
    names = [framing.shown(name, language) for name in expected]
    below = Text("Mean per customer. Small: customers.", "每位客户平均；小字为客户数。")
    few = len(frequency) <= 12
    figure = framing.framed(title, language, below if few else None, [framing.SEEN.to(language), *names])
    labels = [framing.shown(str(one), language) for one in frequency]
    customdata = [numbers.grouped(None if math.isnan(n) else n) for n in counts.tolist()]
    hover = Text(
        "%{x} repeat purchases before, %{customdata} customers<br>seen: %{y:.2f}",
        "此前复购 %{x} 次，%{customdata} 位客户<br>实际：%{y:.2f}",
    )
    framing.bars(figure, labels, seen, language, hover, customdata=customdata)
    for place, (name, values) in enumerate(expected.items()):
        array = framing.vector(f"expected[{name!r}]", values)
        framing.same_length(f"expected[{name!r}]", array, len(labels))
        framing.curve(
            figure, labels, array, names[place], place, f"{names[place]}<br>%{{x}}{framing.colon(language)}%{{y:.2f}}"
        )
    across = Text("repeat purchases before the split", "分割日之前的复购次数")
    framing.axes(figure, across, Text("purchases after the split", "之后的购买次数"), language)
    figure.update_xaxes(type="category", showgrid=False, tickangle=0)
    figure.update_yaxes(rangemode="tozero")
    if few:
        ticks = [f'{a}<br><span style="font-size:9px">{n}</span>' for a, n in zip(labels, customdata, strict=True)]
        figure.update_xaxes(tickvals=labels, ticktext=ticks)
    return figure


def calibration(deciles: Mapping[str, Groups], language: Language) -> go.Figure:
    """Are forecasts right on average for every kind of customer? Groups by forecast, against what then came.

    `deciles` maps each model to its groups: rows of mean forecast, mean seen and customers, or a table with the columns
    predicted, actual and customers (as of `kezhi.models.scores.calibration_by_decile`). Both axes are spaced by square
    roots, because most groups are forecast little and a few much.
    """
    title = Text("Forecast and actual purchases, by group of customers", "各组客户的预测与实际购买次数")
    groups = {name: _groups(name, rows) for name, rows in deciles.items()}
    groups = {name: rows for name, rows in groups.items() if len(rows)}
    if not groups:
        return framing.sentence(title, language, _UNTESTED)
    names = [framing.shown(name, language) for name in groups]
    counts = np.concatenate([rows[:, 2] for rows in groups.values()])
    figure = framing.framed(title, language, _sizes(counts), [*names, _EQUAL.to(language)])
    most = max(float(rows[:, :2].max()) for rows in groups.values()) or 1.0
    end = math.sqrt(most * 1.1)
    framing.straight(figure, [0, end], [0, end], _EQUAL.to(language))
    hover = Text(
        "{name}: group of %{{customdata[2]:,}} customers<br>forecast %{{customdata[0]:.2f}}, "
        "seen %{{customdata[1]:.2f}}<extra></extra>",
        "{name}：本组 %{{customdata[2]:,}} 位客户<br>预测 %{{customdata[0]:.2f}}，"
        "实际 %{{customdata[1]:.2f}}<extra></extra>",
    )
    for place, (name, rows) in enumerate(zip(names, groups.values(), strict=True)):
        size = 6 + 5 * np.sqrt(rows[:, 2] / max(float(counts.max()), 1.0))
        at = np.sqrt(np.maximum(rows[:, :2], 0.0))
        figure.add_scatter(
            x=at[:, 0].tolist(),
            y=at[:, 1].tolist(),
            customdata=rows.tolist(),
            mode="markers",
            name=name,
            marker={**framing.style(place).marker(), "size": size.tolist(), "opacity": 0.85},
            hovertemplate=hover.fill(name=name).to(language),
        )
    across, up = Text("forecast, mean per customer", "预测（每位客户平均）"), Text("seen, mean", "实际（平均）")
    framing.axes(figure, across, up, language)
    ticks = _ticks(most)
    spaced = {"range": [-0.03 * end, end], "tickvals": [math.sqrt(one) for one in ticks], "zeroline": False}
    spaced["ticktext"] = [f"{one:,g}" for one in ticks]
    figure.update_xaxes(**spaced, tickangle=0)
    figure.update_yaxes(**spaced)
    return figure


def _ticks(most: float) -> list[float]:
    """Round values whose square roots are about evenly spaced: most groups forecast little, a few much."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(step * power for step in (1, 2, 5, 10) if most / (step * power) <= 5)
    return [0.0, step / 10, step / 2, *(step * place for place in range(1, int(most * 1.1 / step) + 1))]


def _groups(name: str, rows: Groups) -> FloatArray:
    return _table(f"deciles[{name!r}]", rows, ("predicted", "actual", "customers"))


def _table(name: str, rows: Any, columns: tuple[str, ...]) -> FloatArray:
    """Rows or a table as an array with these columns; rows that are not all numbers are left out."""
    if isinstance(rows, Mapping):
        missing = [column for column in columns if column not in rows]
        if missing:
            raise ValueError(f"{name} must have the columns {', '.join(columns)}")
        rows = list(zip(*(framing.vector(name, rows[column]) for column in columns), strict=True))
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"{name} must have rows of {len(columns)} numbers: {', '.join(columns)}")
    array = np.array([framing.vector(name, row) for row in rows]).reshape(-1, len(columns))
    return np.asarray(array[~np.isnan(array).any(axis=1)])


def _sizes(counts: FloatArray) -> Text:
    low, high = numbers.grouped(float(counts.min())), numbers.grouped(float(counts.max()))
    each = low if low == high else f"{low}–{high}"
    return Text(
        f"Each dot: {each} customers with similar forecasts. Above the line: more came.",
        f"每个点是预测相近的 {each} 位客户。点在线上方：实际多于预测。",
    )


# --- by rank --------------------------------------------------------------------------------------------------


def gain(
    curves: Mapping[str, Points],
    language: Language,
    *,
    perfect: Points | None = None,
    of: Text = _PURCHASES,
) -> go.Figure:
    """Does the ranking find the best customers? Share of what came brought by the customers ranked best.

    Points are (share of customers, share of what came), both 0..1, in the order of each model's forecast, or tables as
    of `kezhi.models.scores.gain_curve`; `perfect` is the curve in the order of what came (default: that of the first
    table). `of` says what is shared out.
    """
    title = Text(
        f"Share of actual {of.en} brought by the customers ranked best", f"按预测排名，前列客户带来的实际{of.zh}占比"
    )
    found = {name: _points(f"curves[{name!r}]", points) for name, points in curves.items()}
    found = {name: points for name, points in found.items() if len(points)}
    if not found:
        return framing.sentence(title, language, _UNTESTED)
    names = [framing.shown(name, language) for name in found]
    best = _own_order(curves) if perfect is None else _points("perfect", perfect)
    legend = [*names, _DIAGONAL.to(language), *([_PERFECT.to(language)] if len(best) else [])]
    figure = framing.framed(title, language, legend=legend)
    for place, (name, points) in enumerate(zip(names, found.values(), strict=True)):
        hover = Text(
            "{name}<br>best %{{x:.0f}}% of customers: %{{y:.1f}}%", "{name}<br>前 %{{x:.0f}}% 客户：%{{y:.1f}}%"
        )
        text = hover.fill(name=name).to(language)
        framing.curve(figure, (points[:, 0] * 100).tolist(), points[:, 1] * 100, name, place, text, dots=False)
    framing.straight(figure, [0, 100], [0, 100], _DIAGONAL.to(language))
    if len(best):
        framing.straight(
            figure, (best[:, 0] * 100).tolist(), (best[:, 1] * 100).tolist(), _PERFECT.to(language), "solid"
        )
    across = Text("customers, best forecast first, %", "客户（按预测由高到低）%")
    framing.axes(figure, across, Text(f"% of actual {of.en}", f"占实际{of.zh} %"), language)
    figure.update_xaxes(range=[0, 100])
    figure.update_yaxes(rangemode="tozero")
    return figure


def _points(name: str, points: Points, order: str = "predicted_order") -> FloatArray:
    """The points of a curve, with the origin before them."""
    table = _table(name, points, ("customers", order))
    return np.vstack([np.zeros((1, 2)), table]) if len(table) and table[0].any() else table


def _own_order(curves: Mapping[str, Points]) -> FloatArray:
    """The perfect curve of the first table that knows it."""
    known = (points for points in curves.values() if isinstance(points, Mapping) and "own_order" in points)
    return _points("curves", next(known, ()), "own_order")


# --- intervals ------------------------------------------------------------------------------------------------


def pit(counts: npt.ArrayLike, language: Language, *, customers: float | None = None) -> go.Figure:
    """Are the intervals honest? Where in its forecast distribution each customer's actual result fell.

    `counts` are customers per equal part of 0..1 of the probability integral transform (a fraction of a customer where
    it is spread out, as for counts), or their density with `customers`, how many there were; honest forecasts give even
    bars, but for chance (band: 80 %).
    Source: Czado, Gneiting, Held (2009), "Predictive model assessment for count data".
    """
    title = Text("Where results fell in their forecast ranges", "实际结果落在预测分布的位置")
    seen = np.nan_to_num(framing.vector("counts", counts))
    total = float(seen.sum())
    if total <= 0:
        return framing.sentence(title, language, _UNTESTED)
    below = Text(
        "Even bars: honest ranges. High at both ends: ranges too narrow. High in the middle: too wide.",
        "各柱持平：区间可靠；两端高：太窄；中间高：太宽。",
    )
    names = [Text("honest ranges lie here", "区间可靠时应在此带").to(language)]
    figure = framing.framed(title, language, below, [framing.SEEN.to(language), *names])
    share = 1 / len(seen)
    edges = np.linspace(0, 100, len(seen) + 1)
    hover = Text("%{customdata}: %{y:.1f}% of customers", "%{customdata}：%{y:.1f}% 的客户")
    places = ((edges[:-1] + edges[1:]) / 2).tolist()
    spans = [f"{low:.3g}–{high:.3g}%" for low, high in pairwise(edges)]
    framing.bars(figure, places, seen / total * 100, language, hover, customdata=spans)
    chance = 1.2816 * math.sqrt(share * (1 - share) / (customers or total)) * 100
    lower, upper = np.full(2, max(share * 100 - chance, 0.0)), np.full(2, share * 100 + chance)
    framing.band(figure, [0.0, 100.0], lower, upper, names[0], framing.BAND)
    figure.add_hline(y=share * 100, line={"color": ACCENT, "width": 1.5})
    across = Text("forecast range, from lowest to highest, %", "预测分布（由低到高）%")
    framing.axes(figure, across, Text("% of customers", "占客户 %"), language)
    figure.update_xaxes(range=[0, 100], showgrid=False, tickvals=[0, 10, 25, 50, 75, 90, 100])
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(bargap=0.08)
    return figure


# --- model by model -------------------------------------------------------------------------------------------

_MEASURES = (
    ("rmse", Text("typical miss<br>(RMSE)", "均方根误差<br>（RMSE）")),
    ("mae", Text("mean miss<br>(MAE)", "平均绝对误差<br>（MAE）")),
    ("bias", Text("total too high<br>or low (bias)", "总量偏高或偏低<br>（偏差）")),
)


def backtest_comparison(
    scores: Mapping[str, Sequence[Mapping[str, Any]]],
    language: Language,
    *,
    baselines: Collection[str] = ("rate", "recent", "repeat_last", "mean"),
    chosen: str | None = None,
) -> go.Figure:
    """Which model forecasts best? One row per model, best first: a dot per split date, a large one for their mean.

    `scores` maps each model to one mapping per split date, with `rmse`, `mae` (per customer) and `bias` (total forecast
    over actual, minus 1), each left out or None where it is unknown. `baselines` are drawn hollow, `chosen` in blue.
    """
    title = Text("Forecast errors on the past, by model", "各模型历史检验的预测误差")
    table = {name: {key: _of_measure(rows, key) for key, _ in _MEASURES} for name, rows in scores.items()}
    table = {name: found for name, found in table.items() if any(map(len, found.values()))}
    if not table:
        return framing.sentence(title, language, _UNTESTED)
    order = sorted(table, key=lambda name: _rank(table[name]))
    measures = [(key, text) for key, text in _MEASURES if any(len(table[name][key]) for name in order)]
    origins = max(len(rows) for rows in scores.values())
    figure = framing.framed(title, language, _of_origins(origins, hollow=any(name in baselines for name in order)))
    rows = ["<br>".join(framing.wrapped(framing.shown(name, language), 9)) for name in order]
    head = figure.layout.margin.t
    figure.update_layout(showlegend=False, height=head + 34 + 30 * len(rows) + 40, margin={"t": head + 34})
    for place, (key, text) in enumerate(measures):
        _measure_axes(figure, place, len(measures), text.to(language), percent=key == "bias")
        for name, row in zip(order, rows, strict=True):
            look = _look(name, baselines, chosen)
            _dots(figure, place, row, table[name][key], look, percent=key == "bias")
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=rows[::-1], range=[-0.6, len(rows) - 0.4], showgrid=True
    )
    return figure


def _of_measure(rows: Sequence[Mapping[str, Any]], key: str) -> FloatArray:
    values = framing.vector(key, [row.get(key) for row in rows])
    return np.asarray(values[~np.isnan(values)])


def _rank(found: Mapping[str, FloatArray]) -> tuple[float, ...]:
    return tuple(float(np.abs(found[key]).mean()) if len(found[key]) else math.inf for key, _ in _MEASURES)


def _of_origins(origins: int, *, hollow: bool) -> Text:
    one = Text("One split date.", "只有一个分割日。")
    several = Text(
        "Small: each of {origins} split dates; large: their mean.", "小点：{origins} 个分割日各自的结果；大点：平均。"
    )
    said = one if origins == 1 else several.fill(origins=origins)
    rules = Text(" Hollow: simple rules.", "空心：简单规则。")
    return Text(said.en + rules.en, said.zh + rules.zh) if hollow else said


def _look(name: str, baselines: Collection[str], chosen: str | None) -> dict[str, Any]:
    color = ACCENT if name == chosen else framing.INK
    return {"color": color, "symbol": "circle-open" if name in baselines else "circle"}


def _measure_axes(figure: Any, place: int, places: int, text: str, *, percent: bool) -> None:
    number = "" if place == 0 else str(place + 1)
    gap = 0.05 if places > 1 else 0.0
    wide = (1 - gap * (places - 1)) / places
    left = place * (wide + gap)
    grid = {"gridcolor": FAINT, "fixedrange": True, "automargin": True}
    figure.layout[f"xaxis{number}"] = {
        **grid, "domain": [left, left + wide], "anchor": f"y{number}", "nticks": 4, "tickangle": 0,
        "tickformat": ".0%" if percent else ".3~g", "zeroline": percent, "zerolinecolor": framing.INK,
        "zerolinewidth": 1.5,
    }  # fmt: skip
    figure.layout[f"yaxis{number}"] = {**grid, "anchor": f"x{number}", "showticklabels": place == 0, "ticks": ""}
    figure.add_annotation(
        text=text, x=left, xref="paper", xanchor="left", align="left", y=1, yref="paper", yanchor="bottom",
        showarrow=False, font={"size": 11},
    )  # fmt: skip


def _dots(figure: Any, place: int, row: str, values: FloatArray, look: dict[str, Any], *, percent: bool) -> None:
    if not len(values):
        return
    number = "" if place == 0 else str(place + 1)
    where = {"xaxis": f"x{number}", "yaxis": f"y{number}", "mode": "markers"}
    digits = ":+.1%" if percent else ":.4~g"
    hover = f"%{{y}}<br>%{{x{digits}}}<extra></extra>"
    if len(values) > 1:
        small = {**look, "size": 5, "opacity": 0.55}
        figure.add_scatter(x=values.tolist(), y=[row] * len(values), marker=small, hovertemplate=hover, **where)
    large = {**look, "size": 11, "line": {"width": 2}} if "open" in look["symbol"] else {**look, "size": 11}
    figure.add_scatter(x=[float(values.mean())], y=[row], marker=large, hovertemplate=hover, **where)
