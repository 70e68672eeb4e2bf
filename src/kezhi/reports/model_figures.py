"""What a model says, drawn: how often customers buy, who is still active, what they spend, the season, the parameters.

Every function takes plain data or a fit and gives a plotly figure; empty or odd data give a figure with a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kezhi.language import Language, Text
from kezhi.models import beta_prime
from kezhi.models.gamma_gamma import GammaGammaFaderHardieFit, GammaGammaFit
from kezhi.models.histories import FloatArray
from kezhi.models.purchases import PurchaseFit
from kezhi.reports import framing, numbers
from kezhi.reports.figures import ACCENT, INTERVAL
from kezhi.reports.framing import Unit
from kezhi.reports.season_figure import SeasonMark, season

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LAST_BAR = 10  # repeat purchases; who has more is put together
_CELLS = 60  # rows or columns of a matrix, at most
_CENTRAL = (0.1, 0.9)


# --- how often ----------------------------------------------------------------------------------------------


def frequency_histogram(observed: npt.ArrayLike, expected: npt.ArrayLike, language: Language) -> go.Figure:
    """How many customers came back never, once, twice, ...: the data as bars, the model as a line beside them.

    Entry n of `observed` and of `expected` is the number of customers with n repeat purchases; all from
    ten on are put together.
    """
    seen, model = framing.vector("observed", observed), framing.vector("expected", expected)
    title = Text("Customers by number of repeat purchases: seen and expected", "复购次数分布：实际与模型")
    if not np.nansum(seen) and not np.nansum(model):
        return framing.sentence(title, language, Text("There are no customers yet.", "目前还没有客户。"))
    width = max(len(seen), len(model))
    bars, line = (_pooled(np.pad(np.nan_to_num(counts), (0, width - len(counts)))) for counts in (seen, model))
    labels = [str(n) for n in range(len(bars))]
    if width > len(bars):
        labels[-1] = f"≥{labels[-1]}"
    names = [framing.SEEN.to(language), framing.EXPECTED.to(language)]
    figure = framing.framed(title, language, legend=names)
    hover = Text(
        "%{x} repeat purchases<br>seen: %{y:,.0f} customers",
        "复购 %{x} 次<br>实际：%{y:,.0f} 位客户",
    )
    framing.bars(figure, labels, bars, language, hover)
    hover = Text(
        "%{x} repeat purchases<br>expected: %{y:,.1f} customers",
        "复购 %{x} 次<br>模型：%{y:,.1f} 位客户",
    )
    framing.curve(figure, labels, line, names[1], 0, hover.to(language))
    framing.axes(figure, Text("repeat purchases", "复购次数"), Text("customers", "客户数"), language)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _pooled(counts: FloatArray) -> FloatArray:
    if len(counts) <= _LAST_BAR + 1:
        return counts
    return np.append(counts[:_LAST_BAR], counts[_LAST_BAR:].sum())


# --- who is still active, and what they will buy --------------------------------------------------------------


def p_alive_matrix(
    fit: PurchaseFit, largest_frequency: int, observed_periods: float, language: Language, *, unit: Unit = "period"
) -> go.Figure:
    """How likely a customer is still active, by how often and how lately he bought.

    Columns are repeat purchases 0..`largest_frequency`, rows the time from the first to the last purchase in
    periods named `unit`; every customer is taken to be watched for `observed_periods`. Combinations that cannot
    be (a repeat purchase at the moment of the first, or a later last purchase without one) stay blank.
    Source: Fader, Hardie, Lee (2005), "Counting your customers the easy way", and the matrices of lifetimes.
    """
    title = Text("How likely a customer is still active", "客户仍然活跃的可能性")
    grid = _Grid.of(fit, largest_frequency, observed_periods)
    if grid is None:
        return framing.sentence(title, language, _NOT_WATCHED)
    shares = grid.cells(fit.p_alive(grid.histories))
    figure = framing.framed(title, language, _watched(observed_periods, unit))
    hover = Text(
        "{history}<br>still active: %{{z:.1f}}%",
        "{history}<br>仍然活跃：%{{z:.1f}}%",
    ).fill(history=_history(unit, language))
    _matrix(figure, grid, shares * 100, hover.to(language), highest=100.0, suffix="%", lines=(20, 40, 60, 80))
    _matrix_axes(figure, unit, language)
    return figure


def expected_purchases_matrix(
    fit: PurchaseFit,
    largest_frequency: int,
    observed_periods: float,
    periods: float,
    language: Language,
    *,
    unit: Unit = "period",
) -> go.Figure:
    """How many purchases to expect from a customer in the next `periods`, by how often and how lately he bought.

    Rows, columns, blanks and source as in `p_alive_matrix`.
    """
    words = framing.units(unit, periods)
    title = Text(
        f"Expected purchases of a customer in the next {periods:g} {words.en}",
        f"未来 {periods:g} {words.zh}客户预计购买次数",
    )
    grid = _Grid.of(fit, largest_frequency, observed_periods)
    if grid is None:
        return framing.sentence(title, language, _NOT_WATCHED)
    counts = grid.cells(fit.expected_purchases(grid.histories, periods))
    figure = framing.framed(title, language, _watched(observed_periods, unit))
    hover = Text(
        "{history}<br>expected purchases: %{{z:.2f}}",
        "{history}<br>预计购买：%{{z:.2f}} 次",
    ).fill(history=_history(unit, language))
    highest = float(np.nan_to_num(counts).max())
    step = _round_step(highest / 5)
    lines = [step * place for place in range(1, 6) if step * place < highest]
    _matrix(figure, grid, counts, hover.to(language), highest=highest or 1.0, suffix="", lines=lines)
    _matrix_axes(figure, unit, language)
    return figure


_NOT_WATCHED = Text("Nobody has been watched for any time after the first purchase.", "首次购买之后还没有观察时间。")


@dataclass(frozen=True, eq=False)
class _Grid:
    """The possible combinations of repeat purchases (columns) and time of the last one (rows)."""

    frequency: FloatArray
    recency: FloatArray
    possible: npt.NDArray[np.bool_]
    histories: dict[str, FloatArray]

    @classmethod
    def of(cls, fit: PurchaseFit, largest_frequency: int, observed_periods: float) -> _Grid | None:
        """The grid; None where there was no time to buy again. In BG/BB one cannot buy twice in a period."""
        if not (math.isfinite(largest_frequency) and largest_frequency == abs(int(largest_frequency))):
            raise ValueError("largest_frequency must be a whole number, 0 or more")
        if not (math.isfinite(observed_periods) and observed_periods >= 0):
            raise ValueError("observed_periods must be finite and not negative")
        whole = fit.model == "bg_bb"
        length = float(math.floor(observed_periods) if whole else observed_periods)
        if length == 0:
            return None
        frequency = np.unique(np.round(np.linspace(0, largest_frequency, min(int(largest_frequency), _CELLS) + 1)))
        recency = np.unique(np.round(_times(length))) if whole else _times(length)
        x, last = np.meshgrid(frequency, recency)
        possible = (x > 0) == (last > 0)
        if whole:
            possible &= x <= last
        watched = np.full(int(possible.sum()), length)
        histories = {
            "repeat_purchases": x[possible],
            "last_purchase_at": last[possible],
            "observed_periods": watched,
            "opportunities": watched,
        }
        return cls(frequency, recency, possible, histories)

    def cells(self, answers: npt.ArrayLike) -> FloatArray:
        """One answer per possible combination as a table; NaN where a combination cannot be."""
        table = np.full(self.possible.shape, np.nan)
        table[self.possible] = answers
        return np.where(np.isfinite(table), table, np.nan)


def _times(observed_periods: float) -> FloatArray:
    """Whole periods where there are some but not too many of them, else equal steps."""
    if not 8 <= observed_periods <= _CELLS:
        return np.linspace(0, observed_periods, 41)
    return np.unique(np.append(np.arange(math.floor(observed_periods) + 1.0), observed_periods))


def _matrix(
    figure: Any,
    grid: _Grid,
    table: FloatArray,
    hover: str,
    *,
    highest: float,
    suffix: str,
    lines: Sequence[float],
) -> None:
    rows = [framing.plain(row) for row in table]
    where = {"x": grid.frequency.tolist(), "y": grid.recency.tolist(), "z": rows}
    figure.add_heatmap(
        **where,
        colorscale=framing.SCALE,
        zmin=0,
        zmax=highest,
        colorbar={"thickness": 10, "outlinewidth": 0, "ticksuffix": suffix, "nticks": 6, "xpad": 6, "ypad": 0},
        hoverongaps=False,
        hovertemplate=f"{hover}<extra></extra>",
    )
    if min(table.shape) < 2 or np.ptp(table[np.isfinite(table)]) <= 1e-6 * highest:
        return  # all alike: no line of equal height to draw
    for color, heights in (
        ("#16191d", [z for z in lines if z < 0.5 * highest]),
        ("#ffffff", [z for z in lines if z >= 0.5 * highest]),
    ):
        if heights:
            _heights(figure, where, heights, step=lines[0], color=color)


def _heights(figure: Any, where: dict[str, Any], heights: Sequence[float], *, step: float, color: str) -> None:
    """Lines of equal height with their numbers, which also read in black and white."""
    figure.add_contour(
        **where,
        contours={
            "coloring": "none",
            "start": heights[0],
            "end": heights[-1],
            "size": step,
            "showlabels": True,
            "labelfont": {"size": 11, "color": color},
        },
        line={"color": color, "width": 0.8},
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
    )


def _matrix_axes(figure: Any, unit: Unit, language: Language) -> None:
    several, bare = framing.units(unit), framing.of_unit(unit)
    counted_en, counted_zh = several.en, bare.zh
    up = Text(f"{counted_en} to last purchase", f"首购至最近购买（{counted_zh}）")
    framing.axes(figure, Text("repeat purchases", "复购次数"), up, language)
    figure.update_xaxes(showgrid=False, zeroline=False, nticks=10, tickformat=",d")
    figure.update_yaxes(showgrid=False, zeroline=False, nticks=8, rangemode="normal")


def _watched(observed_periods: float, unit: Unit) -> Text:
    words = framing.units(unit, observed_periods)
    length = f"{observed_periods:,.6g}"
    return Text(
        f"Customers whose first purchase was {length} {words.en} ago. Top right: many purchases, the last one lately.",
        f"首次购买距今 {length} {words.zh}的客户。右上方：购买多，且最近刚买过。",
    )


def _history(unit: Unit, language: Language) -> str:
    """A history in a hover text, for plotly to fill in."""
    words = framing.units(unit)
    return Text(
        f"%{{x:,d}} repeat purchases, the last one %{{y:.3~g}} {words.en} after the first",
        f"复购 %{{x:,d}} 次，最近一次在首次购买后 %{{y:.3~g}} {words.zh}",
    ).to(language)


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, nearest above."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9)))


# --- what they spend ------------------------------------------------------------------------------------------


def spend_density(
    fit: GammaGammaFit | GammaGammaFaderHardieFit,
    edges: npt.ArrayLike,
    counts: npt.ArrayLike,
    language: Language,
    *,
    purchases: Mapping[int, float] | None = None,
    currency: str | None = None,
) -> go.Figure:
    """How mean amounts are spread: the data as bars, what the model expects as a line.

    `counts` are the means seen between `edges` (money, rising); one count more than there are gaps is an open last
    bin, which is named but not drawn. `purchases` tells how many of the means are over 1, 2, ... purchases,
    because a mean of many varies less; without it every mean is of one. Fader and Hardie (2013), equation (1a).
    """
    panel = isinstance(fit, GammaGammaFit)
    title = (
        Text("Mean amount per active period: seen and expected", "有成交期的平均金额分布：实际与模型")
        if panel
        else Text("Customers by mean amount of a repeat purchase: seen and expected", "复购平均金额分布：实际与模型")
    )
    borders, seen = framing.vector("edges", edges), np.nan_to_num(framing.vector("counts", counts))
    if not seen.sum() or len(borders) < 2:
        return framing.sentence(title, language, Text("There are no amounts yet.", "目前还没有金额。"))
    if np.isnan(borders).any() or np.any(np.diff(borders) <= 0) or borders[0] < 0:
        raise ValueError("edges must be rising amounts, 0 or more")
    if len(seen) not in {len(borders) - 1, len(borders)}:
        raise ValueError(f"counts must have {len(borders) - 1} or {len(borders)} entries, not {len(seen)}")
    names = [framing.SEEN.to(language), framing.EXPECTED.to(language)]
    beyond = seen[len(borders) - 1 :].sum() / seen.sum()
    figure = framing.framed(title, language, _not_drawn(beyond, borders[-1]), legend=names)
    wide = np.diff(borders)
    unit = float(np.median(wide))
    height = seen[: len(wide)] / seen.sum() * 100 / wide * unit
    customdata = list(zip(_money(borders[:-1]), _money(borders[1:]), seen[: len(wide)].tolist(), strict=True))
    hover = Text(
        "%{customdata[0]}–%{customdata[1]}<br>seen: %{customdata[2]:,.0f}",
        "%{customdata[0]}–%{customdata[1]}<br>实际：%{customdata[2]:,.0f}",
    )
    middle = (borders[:-1] + borders[1:]) / 2
    framing.bars(figure, middle.tolist(), height, language, hover, width=(wide * 0.97).tolist(), customdata=customdata)
    at, expected = _expected_spend(fit, borders, purchases)
    framing.curve(
        figure, at, expected * 100 * unit, names[1], 0, f"%{{x:,.0f}}{framing.colon(language)}%{{y:.2f}}%", dots=False
    )
    _spend_axes(figure, panel, wide, unit, currency, language)
    highest = min(max(height.max(), expected.max() * 100 * unit), 2.5 * height.max())  # a spike may leave the plot
    figure.update_yaxes(range=[0, float(highest) * 1.08])
    return figure


def _money(amounts: FloatArray) -> list[str]:
    return [numbers.grouped(amount, 0 if amount == int(amount) or amount >= 1000 else 2) for amount in amounts.tolist()]


def _not_drawn(beyond: float, largest: float) -> Text | None:
    if beyond <= 0:
        return None
    share, edge = numbers.percent(float(beyond), 1), _money(np.array([largest]))[0]
    return Text(f"Not drawn: {share} lie above {edge}.", f"另有 {share} 高于 {edge}，未画出。")


def _expected_spend(
    fit: GammaGammaFit | GammaGammaFaderHardieFit, borders: FloatArray, purchases: Mapping[int, float] | None
) -> tuple[list[float], FloatArray]:
    """Mean densities of narrow slices, which are finite even where the density itself is not.

    The mean of x purchases is beta-prime(p x, q) with scale k / x.
    """
    slices = np.linspace(borders[0], borders[-1], 201)
    groups = {x: n for x, n in (purchases or {1: 1.0}).items() if x > 0 and n > 0} or {1: 1.0}
    mass = sum(
        n * beta_prime.between(fit.p * x, fit.q, fit.scale / x, slices[:-1], slices[1:]) for x, n in groups.items()
    )
    density = np.asarray(mass) / sum(groups.values()) / (slices[1] - slices[0])
    return ((slices[:-1] + slices[1:]) / 2).tolist(), np.nan_to_num(density)


def _spend_axes(
    figure: Any, panel: bool, wide: FloatArray, unit: float, currency: str | None, language: Language
) -> None:
    money = numbers.currency_name(currency, language)
    what = Text("mean amount", "平均金额")
    across = Text(f"{what.en}, {money}", f"{what.zh}（{money}）") if money else what
    whom = Text("% of active periods", "占有成交期 %") if panel else Text("% of customers", "占客户 %")
    if not np.allclose(wide, unit):
        each = _money(np.array([unit]))[0]
        whom = Text(f"{whom.en}, per {each}", f"{whom.zh}（每 {each}）")
    framing.axes(figure, across, whom, language)
    figure.update_xaxes(showgrid=False, nticks=7, tickformat=",~r")
    figure.update_layout(bargap=0)


# --- how sure the parameters are ------------------------------------------------------------------------------


def posterior(
    draws: Mapping[str, npt.ArrayLike], language: Language, *, estimates: Mapping[str, float] | None = None
) -> go.Figure:
    """How sure each parameter is: a histogram of its draws, the middle 80 % dark, the estimate as a line.

    `draws` maps a parameter to its draws; `estimates` to the value fitted (default: the median draw). The
    outermost 1 % of the draws is not drawn.
    """
    title = Text("How sure the model's parameters are", "模型参数的确定程度")
    found = {name: values[~np.isnan(values)] for name, values in _vectors(draws).items()}
    found = {name: values for name, values in found.items() if len(values)}
    if not found:
        return framing.sentence(title, language, Text("No draws have been made yet.", "还没有抽样结果。"))
    below = Text("Dark: middle 80% of the draws. Line: estimate.", "深色：居中的 80% 抽样；竖线：估计值。")
    figure = framing.framed(title, language, below)
    columns = min(len(found), 2)
    rows = -(-len(found) // columns)
    top = figure.layout.margin.t
    figure.update_layout(showlegend=False, bargap=0.04, height=top + 150 * rows + 20, margin={"t": top + 18})
    for place, (name, values) in enumerate(found.items()):
        estimate = (estimates or {}).get(name)
        _one_parameter(figure, place, columns, rows, name, values, estimate, language)
    return figure


def _vectors(draws: Mapping[str, npt.ArrayLike]) -> dict[str, FloatArray]:
    return {name: framing.vector(f"draws[{name!r}]", np.ravel(np.asarray(values))) for name, values in draws.items()}


def _one_parameter(
    figure: Any,
    place: int,
    columns: int,
    rows: int,
    name: str,
    values: FloatArray,
    estimate: float | None,
    language: Language,
) -> None:
    row, column = divmod(place, columns)
    number = "" if place == 0 else str(place + 1)
    gap, between = 0.06, 54 / (150 * rows)
    left = column / columns + (gap / 2 if column else 0)
    right = (column + 1) / columns - (gap / 2 if column < columns - 1 else 0)
    high = (1 + between) / rows
    top, bottom = 1 - row * high, max(1 - (row + 1) * high + between, 0.0)
    bare = {"showgrid": False, "fixedrange": True, "zeroline": False}
    across = {"nticks": 5, "tickformat": "~g", "tickangle": 0, "automargin": True}
    figure.layout[f"xaxis{number}"] = {**bare, **across, "domain": [left, right], "anchor": f"y{number}"}
    up = {"visible": False, "rangemode": "tozero"}
    figure.layout[f"yaxis{number}"] = {**bare, **up, "domain": [bottom, top], "anchor": f"x{number}"}
    least, most = np.quantile(values, _CENTRAL)
    middle = float(estimate) if estimate is not None and math.isfinite(estimate) else float(np.median(values))
    counts, edges = _histogram(values)
    centres = (edges[:-1] + edges[1:]) / 2
    inside = (centres >= least) & (centres <= most)
    figure.add_bar(
        x=centres.tolist(),
        y=counts.tolist(),
        width=np.diff(edges).tolist(),
        marker={"color": [ACCENT if one else framing.BAND for one in inside]},
        name=framing.shown(name, language),
        hovertemplate=f"%{{x:.4~g}}{framing.colon(language)}%{{y:,}}<extra></extra>",
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
    refs = {"xref": f"x{number}", "yref": f"y{number} domain"}
    for color, width in (("#ffffff", 5), (INTERVAL, 2)):  # the white edge shows where colours do not
        line = {"color": color, "width": width}
        figure.add_shape(type="line", x0=middle, x1=middle, y0=0, y1=1, line=line, **refs)
    brackets = "（{}–{}）" if language == "zh" else " ({}–{})"
    figure.add_annotation(
        text=f"<b>{framing.shown(name, language)}</b> {_short(middle)}{brackets.format(_short(least), _short(most))}",
        x=left,
        y=top,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font={"size": 11},
    )


def _short(value: float) -> str:
    return numbers.short(float(value), 3)


def _histogram(values: Sequence[float] | FloatArray) -> tuple[FloatArray, FloatArray]:
    """Counts and edges over the middle 99 %; a single bar where all draws are the same."""
    low, high = np.quantile(values, [0.005, 0.995])
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        wide = abs(high) * 0.05 or 0.5
        return np.array([float(len(values))]), np.array([low - wide, high + wide])
    counts, edges = np.histogram(values, bins=24, range=(low, high))
    return counts.astype(np.float64), edges


__all__ = [
    "SeasonMark",
    "expected_purchases_matrix",
    "frequency_histogram",
    "p_alive_matrix",
    "posterior",
    "season",
    "spend_density",
]
