"""A figure as plain data in plotly's form.

The page needs nothing but the JSON of its figures. Making that through plotly's own classes takes half a second, most
of it for checking what we write ourselves; so figures are written here and become plotly figures for those who ask
for them. A test compares both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

if TYPE_CHECKING:
    import plotly.graph_objects as go

P = ParamSpec("P")


class Plot:
    """Traces and a layout, under the names that plotly's figures have for the same."""

    def __init__(self, **layout: Any) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = layout

    def add_bar(self, **trace: Any) -> None:
        """Bars."""
        self.data.append({"type": "bar", **trace})

    def add_scatter(self, **trace: Any) -> None:
        """Lines and points."""
        self.data.append({"type": "scatter", **trace})

    def add_heatmap(self, **trace: Any) -> None:
        """Coloured cells."""
        self.data.append({"type": "heatmap", **trace})

    def add_sankey(self, **trace: Any) -> None:
        """Flows from groups on the left to groups on the right."""
        self.data.append({"type": "sankey", **trace})

    def add_shape(self, **shape: Any) -> None:
        """A line or an area."""
        self.layout.setdefault("shapes", []).append(shape)

    def add_annotation(self, **annotation: Any) -> None:
        """A text somewhere."""
        self.layout.setdefault("annotations", []).append(annotation)

    def add_hline(self, y: float, line: dict[str, Any]) -> None:
        """A line from side to side."""
        self.add_shape(type="line", x0=0, x1=1, xref="x domain", y0=y, y1=y, yref="y", line=line)

    def update_layout(self, **layout: Any) -> None:
        """Change what is named, part by part."""
        _merge(self.layout, layout)

    def update_xaxes(self, **axis: Any) -> None:
        """Change the axis across."""
        _merge(self.layout, {"xaxis": axis})

    def update_yaxes(self, **axis: Any) -> None:
        """Change the axis upwards."""
        _merge(self.layout, {"yaxis": axis})

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what says nothing is left out."""
        return {"data": _plain(self.data), "layout": _plain(self.layout)}


def _merge(old: dict[str, Any], new: dict[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, dict):
            _merge(old.setdefault(name, {}), value)
        else:
            old[name] = value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _plain(one) for name, one in value.items() if one is not None}
        return {name: one for name, one in kept.items() if one != {}}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Drawn(Generic[P]):
    """A function that draws: called, it gives a plotly figure; `plain` gives the same as plain data."""

    def __init__(self, draw: Callable[P, Plot]) -> None:
        self._draw = draw
        update_wrapper(self, draw)

    def plain(self, *args: P.args, **more: P.kwargs) -> Plot:
        """The figure as the page needs it."""
        return self._draw(*args, **more)

    def __call__(self, *args: P.args, **more: P.kwargs) -> go.Figure:
        """The figure for a notebook or a file."""
        import plotly.graph_objects as go

        return go.Figure(self._draw(*args, **more).as_dict())
