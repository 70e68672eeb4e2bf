"""Figures of one customer: gross profit by period with the forecast, and the same added up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from kezhi.language import Text
from kezhi.ledger.calendar import Calendar
from kezhi.reports.figures import ACCENT, INTERVAL, OBSERVED, axes, plain
from kezhi.reports.plot import Plot
from kezhi_web.customers.one import Account
from kezhi_web.customers.reasons import label
from kezhi_web.words import say, spoken

MOST_PERIODS = 60
HISTORY, FORECAST = Text("history", "历史"), Text("forecast, with 80% interval", "预测（含 80% 区间）")
UNFINISHED = Text("unfinished period, so far", "未满一期，至今")
ADDED_UP = Text("added up since the first period", "自首期累计")
AHEAD = Text("with the forecast", "加上预测")
GROSS_PROFIT, VALUE = Text("Gross profit", "毛利"), Text("Value", "价值")  # nothing is taken off where no cost is known


@dataclass(frozen=True)
class Point:
    """One period: its gross profit, and all up to its end. ahead: it is forecast. finished: it is over."""

    first: date
    name: str
    value: Decimal
    total: Decimal
    ahead: bool
    finished: bool = True
    lower: float | None = None
    upper: float | None = None


def curve_of(account: Account) -> list[Point]:
    """Every period from the first to the last forecast one; those without anything count as 0."""
    calendar = Calendar(account.run.manifest["period"], int(account.run.manifest["fiscal_start"]))
    known = {calendar.number(row["period"]): row for row in account.periods}
    total, points = Decimal(0), []
    last = calendar.number(account.run.as_of)
    complete = calendar.last_complete(account.run.as_of)
    for number in range(min(known, default=last + 1), last + 1):
        value = known[number]["value"] if number in known else Decimal(0)
        total += value
        first = calendar.start(number)
        points.append(Point(first, label(account, first), value, total, ahead=False, finished=number <= complete))
    for row in account.forecast:
        total += row["value"]
        between = row.get("value_lower"), row.get("value_upper")
        points.append(Point(row["period"], label(account, row["period"]), row["value"], total, True, True, *between))
    return points


def by_period(points: list[Point], measure: Text) -> Plot:
    """Bars: what each period brought and will bring."""
    figure = plain()
    shown = points[-MOST_PERIODS:]
    for said, color, chosen in (
        (HISTORY, OBSERVED, [one for one in shown if not one.ahead and one.finished]),
        (UNFINISHED, OBSERVED, [one for one in shown if not one.finished]),
        (FORECAST, ACCENT, [one for one in shown if one.ahead]),
    ):
        if chosen:
            figure.add_bar(
                x=[one.name for one in chosen],
                y=[float(one.value) for one in chosen],
                name=say(said),
                marker={"color": color, "opacity": 0.6 if said is UNFINISHED else None},
                error_y=_whiskers(chosen) if said is FORECAST else None,
                hovertemplate="%{x}: %{y:,.0f}<extra></extra>",
            )
    figure.update_layout(bargap=0.25, barmode="overlay")
    axes(figure, Text("", ""), measure, spoken())
    order = [one.name for one in shown]
    figure.update_xaxes(
        type="category", tickangle=0, nticks=4, showgrid=False, categoryorder="array", categoryarray=order
    )
    return figure


def _whiskers(points: list[Point]) -> dict[str, Any]:
    values = [float(one.value) for one in points]
    return {
        "type": "data",
        "symmetric": False,
        "array": [
            max((value if one.upper is None else one.upper) - value, 0.0)
            for one, value in zip(points, values, strict=True)
        ],
        "arrayminus": [
            max(value - (value if one.lower is None else one.lower), 0.0)
            for one, value in zip(points, values, strict=True)
        ],
        "color": INTERVAL,
        "thickness": 2,
        "width": 4,
    }


def added_up(points: list[Point], measure: Text) -> Plot:
    """A line: the customer's value as it grew, and as it will grow."""
    figure = plain()
    shown = points[-MOST_PERIODS:]
    past = [one for one in shown if not one.ahead]
    ahead = [*past[-1:], *(one for one in shown if one.ahead)]
    for said, color, dash, chosen in ((ADDED_UP, OBSERVED, None, past), (AHEAD, ACCENT, "dash", ahead)):
        if len(chosen) > 1 or said is ADDED_UP:
            figure.add_scatter(
                x=[one.name for one in chosen],
                y=[float(one.total) for one in chosen],
                mode="lines",
                name=say(said),
                line={"color": color, "width": 2.5, "dash": dash},
                hovertemplate="%{x}: %{y:,.0f}<extra></extra>",
            )
    axes(figure, Text("", ""), measure, spoken())
    order = [one.name for one in shown]
    figure.update_xaxes(
        type="category", tickangle=0, nticks=4, showgrid=False, categoryorder="array", categoryarray=order
    )
    return figure
