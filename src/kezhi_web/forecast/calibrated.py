"""Calibration: the customers of an earlier run in ten groups by what it forecast of each, beside what they brought.

A forecast that only gets the total right may still give the wrong customers too much. Here each tenth of the customers
is held against what it brought since: where forecast and fact lie close in every group, single customers can be
believed on average, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from kezhi.language import Text
from kezhi.reports.figures import ACCENT, OBSERVED, plain
from kezhi.reports.plot import Plot
from kezhi_web.shown import Rows, Shown, workspace
from kezhi_web.shown.run import named
from kezhi_web.words import say

GROUPS = 10
CAME, FORECAST = Text("came", "实际"), Text("forecast", "预测")
GROUP = Text("customers by forecast, ten groups, the lowest first", "按预测从低到高分为十组的客户")


@dataclass(frozen=True)
class Group:
    """A tenth of the customers: the mean of what was forecast of each, and of what each brought."""

    place: int
    customers: int
    forecast: float
    came: float

    @property
    def ratio(self) -> float | None:
        """What came over what was forecast."""
        return self.came / self.forecast if self.forecast > 0 else None


@dataclass(frozen=True)
class Calibrated:
    """All groups of one earlier run, over the periods that have come since."""

    as_of: date
    first: date
    periods: int
    groups: tuple[Group, ...]

    @property
    def figure(self) -> Plot:
        """What was forecast and what came, side by side."""
        figure = plain()
        places = [str(one.place) for one in self.groups]
        hover = "%{x}<br>%{y:,.2f}<extra>%{fullData.name}</extra>"
        bars = (
            (CAME, OBSERVED, [one.came for one in self.groups]),
            (FORECAST, ACCENT, [one.forecast for one in self.groups]),
        )
        for name, color, values in bars:
            figure.add_bar(x=places, y=values, name=say(name), marker={"color": color}, hovertemplate=hover)
        figure.update_layout(barmode="group", bargap=0.3)
        figure.update_xaxes(type="category", showgrid=False, title={"text": say(GROUP)})
        return figure


def calibrated(run: Shown) -> Calibrated | None:
    """The newest run whose forecast can be held against this one; None where there is none."""
    told = (run.worth.get("realised") or {}).get("forecasts") or ()
    if not told:
        return None
    newest = max(told, key=lambda one: (one["as_of"], one["run"]))
    known = {one.name for one in workspace().complete_runs()}
    if newest["run"] not in known:
        return None
    periods = sorted(date.fromisoformat(one["period"]) for one in told if one["run"] == newest["run"])
    groups = _groups(run, newest["run"], tuple(periods), run.stamp)
    return Calibrated(date.fromisoformat(newest["as_of"]), periods[0], len(periods), groups)


@lru_cache(maxsize=16)
def _groups(run: Shown, before: str, periods: tuple[date, ...], stamp: int) -> tuple[Group, ...]:  # noqa: ARG001
    then, now = Rows(named(before), None, personal=False), Rows(run, None, personal=False)
    wanted = ", ".join("?" for _ in periods)
    found = now.ask(
        f"with told as (select customer_id, sum(value) as forecast from {then.table('forecast')} "
        f"where period in ({wanted}) group by 1), "
        f"seen as (select customer_id, sum(value) as came from {now.table('periods')} "
        f"where period in ({wanted}) group by 1), "
        f"placed as (select told.*, coalesce(came, 0) as came, "
        f"ntile({GROUPS}) over (order by forecast, customer_id) as place from told left join seen using (customer_id)) "
        "select place, count(*) as customers, avg(forecast)::double as forecast, avg(came)::double as came "
        "from placed group by 1 order by 1",
        [*periods, *periods],
    )
    return tuple(_group(row) for row in found)


def _group(row: dict[str, Any]) -> Group:
    return Group(int(row["place"]), int(row["customers"]), float(row["forecast"]), float(row["came"]))
