"""When in the year customers buy, drawn: the profile with its band, and the events of the year by name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.language import Language, Text
from kezhi.reports import figures, framing
from kezhi.reports.figures import INTERVAL, OBSERVED
from kezhi.reports.plot import Drawn, Plot

_YEAR = 366
_MONTH_STARTS = (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, _YEAR)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEASON_PARTS = {
    4: Text("quarter", "季"),
    12: Text("month", "月"),
    52: Text("week", "周"),
    53: Text("week", "周"),
    365: Text("day", "日"),
    366: Text("day", "日"),
}


@dataclass(frozen=True)
class SeasonMark:
    """An event of the year, such as 双十一: the day of the year it falls on (1..366) and, if known, its weight."""

    name: str | Text
    day: float
    weight: float | None = None


@Drawn
def season(
    weights: npt.ArrayLike,
    language: Language,
    *,
    lower: npt.ArrayLike | None = None,
    upper: npt.ArrayLike | None = None,
    marks: Iterable[SeasonMark] = (),
) -> Plot:
    """When in the year customers buy, 100 % being an average time, with the 80 % band and the events.

    `weights` has an entry per quarter (4), month (12), week (52, 53) or day (365, 366) of the year; only their
    proportions count. `lower` and `upper` are the ends of the band in the same unit.
    """
    profile = framing.vector("weights", weights)
    title = Text("When in the year customers buy", "客户一年之中何时购买")
    mean = float(np.nanmean(profile)) if len(profile) and not np.isnan(profile).all() else 0.0
    figure = figures.plain()
    if mean <= 0:
        short = Text("The history is too short to know the season.", "历史太短，无法判断季节规律。")
        framing.sentence(title, language, short, on=figure)
        return figure
    if len(profile) not in _SEASON_PARTS:
        raise ValueError("weights must have 4, 12, 52, 53, 365 or 366 entries")
    part = _SEASON_PARTS[len(profile)]
    flat = np.nanmax(profile) - np.nanmin(profile) <= 1e-9 * mean
    below = (
        Text("The history shows no season: every {part} is alike.", "历史数据看不出季节规律：各{part}相同。")
        if flat
        else Text("Purchases of each {part}; an average {part} is 100%.", "各{part}的购买水平，以{part}均水平为 100%。")
    )
    below = Text(below.en.format(part=part.en), below.zh.format(part=part.zh))
    names = [Text("season", "季节规律").to(language), Text("80% interval", "80% 区间").to(language)]
    framing.framed(title, language, below, legend=names if lower is not None else (), on=figure)
    days = _middles(len(profile))
    if lower is not None and upper is not None:
        ends = framing.vector("lower", lower), framing.vector("upper", upper)
        for name, values in zip(("lower", "upper"), ends, strict=True):
            framing.same_length(name, values, len(profile))
        framing.band(figure, days, ends[0] / mean * 100, ends[1] / mean * 100, names[1], framing.BAND)
    labels = [_part_label(len(profile), place, language) for place in range(len(profile))]
    framing.curve(
        figure,
        days,
        profile / mean * 100,
        names[0],
        0,
        f"%{{customdata}}{framing.colon(language)}%{{y:.0f}}%",
        dots=len(profile) <= 12,
    )
    figure.data[-1]["customdata"] = labels
    figure.update_layout(showlegend=lower is not None)
    figure.add_hline(y=100, line={"color": OBSERVED, "width": 1, "dash": "dot"})
    _season_axes(figure, language)
    _add_marks(figure, list(marks), language)
    return figure


def _middles(parts: int) -> list[float]:
    """The middle day of each part of the year."""
    if parts in {4, 12}:
        starts = _MONTH_STARTS[:: 12 // parts]
        return [(first + last) / 2 for first, last in pairwise(starts)]
    return [(place + 0.5) * _YEAR / parts for place in range(parts)]


def _part_label(parts: int, place: int, language: Language) -> str:
    if parts == 4:
        return f"第{'一二三四'[place]}季度" if language == "zh" else f"Q{place + 1}"
    if parts == 12:
        return f"{place + 1}月" if language == "zh" else _MONTHS[place]
    if parts <= 53:
        return f"第 {place + 1} 周" if language == "zh" else f"week {place + 1}"
    day = place + (parts == 365 and place >= 59)  # the profile has no 29 February
    month = next(m for m in range(12) if day < _MONTH_STARTS[m + 1])
    of_month = day - _MONTH_STARTS[month] + 1
    return f"{month + 1}月{of_month}日" if language == "zh" else f"{of_month} {_MONTHS[month]}"


def _season_axes(figure: Any, language: Language) -> None:
    """Months by number or first letter: twelve names do not fit on a phone."""
    labels = [str(month + 1) if language == "zh" else _MONTHS[month][0] for month in range(12)]
    framing.axes(figure, Text("month", "月份"), Text("% of average", "相对平均水平 %"), language)
    figure.update_xaxes(range=[0, _YEAR], tickvals=_middles(12), ticktext=labels, tickangle=0, showgrid=False)
    figure.update_yaxes(rangemode="tozero")


@dataclass(frozen=True)
class _Label:
    """An event's name beside its line, on one of the rows above the plot; 0 is the lowest."""

    text: str
    day: float
    left: bool
    row: int = 0

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where it reaches, in days, on a phone."""
        wide = (framing.ems(self.text) * 11 + 6) / 290 * _YEAR
        return (self.day - wide, self.day) if self.left else (self.day, self.day + wide)


def _add_marks(figure: Any, marks: list[SeasonMark], language: Language) -> None:
    """Events as lines with their names above the plot, on as many rows as they need not to touch on a phone."""
    if any(not (math.isfinite(mark.day) and 1 <= mark.day <= _YEAR) for mark in marks):
        raise ValueError("marks must fall on days 1 to 366 of the year")
    labels = _in_rows([_Label(_said(mark, language), mark.day - 0.5, mark.day > _YEAR / 2) for mark in marks])
    rows = max((label.row for label in labels), default=-1) + 1
    top = max(1 - 0.085 * rows, 0.45)
    figure.update_yaxes(domain=[0, top])
    for label in labels:
        height = top + (1 - top) * (label.row + 1) / rows
        line = {"color": INTERVAL, "width": 1, "dash": "dot"}
        figure.add_shape(type="line", x0=label.day, x1=label.day, y0=0, y1=height, yref="paper", line=line)
        figure.add_annotation(
            text=label.text,
            x=label.day,
            y=height,
            yref="paper",
            xanchor="right" if label.left else "left",
            yanchor="top",
            showarrow=False,
            font={"size": 11},
        )


def _said(mark: SeasonMark, language: Language) -> str:
    name = framing.shown(mark.name, language)
    return f"{name} ×{mark.weight:.1f}" if mark.weight is not None and math.isfinite(mark.weight) else name


def _in_rows(labels: list[_Label]) -> list[_Label]:
    """From the middle of the year outwards, each above those it would touch: so no line runs through a name."""
    placed: list[_Label] = []
    for label in sorted(labels, key=lambda one: (abs(one.day - _YEAR / 2), one.text)):
        below = [one.row for one in placed if _touch(one.extent, label.extent)]
        placed.append(replace(label, row=max(below, default=-1) + 1))
    return placed


def _touch(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
