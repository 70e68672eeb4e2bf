"""Forecasts made again at past days beside what came: a figure and its numbers, from models.json."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.figures import ACCENT, INTERVAL, OBSERVED, plain
from kezhi.reports.plot import Plot
from kezhi.reports.sentences import method_name
from kezhi_web.shown import Shown
from kezhi_web.words import say, spoken

CAME = Text("came", "实际")
NAIVE = "repeat_last"


@dataclass(frozen=True)
class Past:
    """One forecast made again with nothing but what was known on its day."""

    split: date
    until: date
    came: float
    forecast: float
    naive: float | None

    @property
    def error(self) -> float | None:
        """The total's error, relative to what came."""
        return self.forecast / self.came - 1 if self.came else None


@dataclass(frozen=True)
class Tracked:
    """All of them, and how they are drawn."""

    past: tuple[Past, ...]
    method: Text
    figure: Plot


def tracked(run: Shown) -> Tracked | None:
    """What the method in use would have said at each past day; None where the history was too short for that."""
    models = run.models
    method = str(models.get("method"))
    origins = (models.get("backtest") or {}).get("origins") or ()
    past = tuple(_past(one, method) for one in origins if method in one["forecast"])
    if not past:
        return None
    return Tracked(past, method_name(method), _figure(past, method_name(method)))


def _past(one: dict[str, Any], method: str) -> Past:
    said = one["forecast"]
    split, until = date.fromisoformat(one["split"]), date.fromisoformat(one["until"])
    naive = said.get(NAIVE) if method != NAIVE else None
    return Past(split, until, float(one["amount"]), float(said[method]), naive)


def _figure(past: tuple[Past, ...], method: Text) -> Plot:
    figure = plain()
    # three lines, so that a phone has room for four of them
    labels = [f"{numbers.short_day(one.split)}<br>→<br>{numbers.short_day(one.until)}" for one in past]
    hover = "%{x}<br>%{y:,.0f}<extra>%{fullData.name}</extra>"
    bars = ((CAME, OBSERVED, [one.came for one in past]), (method, ACCENT, [one.forecast for one in past]))
    for name, color, values in bars:
        figure.add_bar(x=labels, y=values, name=say(name), marker={"color": color}, hovertemplate=hover)
    if all(one.naive is not None for one in past):
        marker = {"symbol": "diamond-open", "size": 10, "color": INTERVAL, "line": {"width": 2}}
        figure.add_scatter(
            x=labels,
            y=[one.naive for one in past],
            name=method_name(NAIVE).to(spoken()),
            mode="markers",
            marker=marker,
            hovertemplate=hover,
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(type="category", tickangle=0, showgrid=False)
    return figure
