"""What the figures of models and backtests share: a title that says what is seen, styles, names, and safe numbers.

What was seen is always grey bars or grey lines; the first model is blue. Every model also has a dash and a symbol of
its own, so that a figure printed in black and white, or looked at by the colour-blind, reads the same.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from kezhi.language import Language, Text
from kezhi.reports import figures
from kezhi.reports.figures import ACCENT, INTERVAL, OBSERVED

Unit = Literal["day", "week", "month", "quarter", "year", "period"]

SEEN = Text("seen", "实际")
EXPECTED = Text("expected by the model", "模型预计")
NOTHING = Text("There is nothing to show here yet.", "这里暂时没有可显示的内容。")
INK = "#6f757d"  # reads on white and on black
PALE = "rgba(134, 140, 149, 0.55)"
SHADE = "rgba(134, 140, 149, 0.14)"
BAND = "rgba(43, 123, 186, 0.22)"

# blues of one hue in equal steps of perceived difference (CIELAB), light is little: also in order when printed grey
SCALE = tuple(
    (step / 8, color)
    for step, color in enumerate(
        ("#d5e8f8", "#b9d5ef", "#9dc3e5", "#81afd9", "#669acb", "#4c84b9", "#356ea4", "#23588c", "#174471")
    )
)

_PROPER_NAMES = {
    "nbd": "NBD",
    "pareto_nbd": "Pareto/NBD",
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
    "bg_cnbd_k": "BG/CNBD-k",
    "mbg_cnbd_k": "MBG/CNBD-k",
    "bg_bb": "BG/BB",
}

_NAMES = {
    "shifted_beta_geometric": Text("shifted beta-geometric", "移位贝塔几何"),
    "beta_discrete_weibull": Text("beta-discrete-Weibull", "贝塔离散韦布尔"),
    "auto": Text("automatic", "自动选择"),
    "transition": Text("transition rule", "移转规则"),
    "regression": Text("regression", "线性回归"),
    "rate": Text("own rate", "自身频率"),
    "recent": Text("recent repeated", "照搬近期"),
    "repeat_last": Text("last repeated", "照搬上期"),
    "mean": Text("common mean", "共同均值"),
}

_UNITS: dict[str, tuple[Text, Text]] = {
    "day": (Text("day", "天"), Text("days", "天")),
    "week": (Text("week", "周"), Text("weeks", "周")),
    "month": (Text("month", "个月"), Text("months", "个月")),
    "quarter": (Text("quarter", "个季度"), Text("quarters", "个季度")),
    "year": (Text("year", "年"), Text("years", "年")),
    "period": (Text("period", "期"), Text("periods", "期")),
}

_TITLE_SIZE, _SMALL_SIZE = 14, 12
_PHONE = 340  # pixels of text on the narrowest screen that counts
_PLOT = 290  # pixels of its plot
_LATIN = 0.56  # width of a Latin letter, in ems, on average, in a wide font
_BOLD = 1.15  # how much wider bold letters are
_CLOSING = "，。；：、！？）”％"  # these never begin a line


@dataclass(frozen=True)
class Style:
    """How one model is drawn: told apart by colour, by dash and by symbol."""

    color: str
    dash: str
    symbol: str

    def line(self, width: float = 2) -> dict[str, Any]:
        """The line of a trace."""
        return {"color": self.color, "dash": self.dash, "width": width}

    def marker(self, size: float = 8) -> dict[str, Any]:
        """The symbol of a trace."""
        return {"color": self.color, "symbol": self.symbol, "size": size}


_STYLES = (
    Style(ACCENT, "solid", "circle"),
    Style(INTERVAL, "dash", "diamond"),
    Style("#7a5fa8", "dot", "square"),
    Style(INK, "dashdot", "triangle-up"),
    Style("#56a3c9", "longdash", "x"),
    Style("#b9a14a", "longdashdot", "triangle-down"),
)


def style(place: int) -> Style:
    """The style of the model in this place of a legend; after six they begin again."""
    return _STYLES[place % len(_STYLES)]


def framed(
    title: Text, language: Language, below: Text | None = None, legend: Iterable[str] = (), *, on: Any = None
) -> Any:
    """An empty figure with a title, a sentence below it, and room for a legend; it takes the width it is given.

    `on` is what to draw on, an empty plotly figure if nothing is given.
    """
    figure = figures.bare() if on is None else on
    heading = wrapped(title.to(language), _PHONE / _TITLE_SIZE / (_BOLD if language == "en" else 1))
    small = wrapped(below.to(language), _PHONE / _SMALL_SIZE) if below else []
    lines = [f"<b>{line}</b>" for line in heading]
    lines += [f'<span style="font-size:{_SMALL_SIZE}px">{line}</span>' for line in small]
    header = 14 + len(heading) * 18 + len(small) * 18
    figure.update_layout(
        title={
            "text": "<br>".join(lines),
            "font": {"size": _TITLE_SIZE},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 18 if len(lines) > 1 else 8, "l": 8},  # plotly lifts a text of several lines
        },
        margin={"t": header + 19 * _legend_rows(list(legend)) + 4},
        legend={"y": 1, "itemwidth": 30, "itemclick": False, "itemdoubleclick": False, "font": {"size": 11}},
    )
    figure.update_xaxes(title={"font": {"size": _SMALL_SIZE}})
    figure.update_yaxes(title={"font": {"size": _SMALL_SIZE}})
    return figure


def _legend_rows(names: list[str]) -> int:
    """How many rows a legend takes on a phone: one if it fits, else columns as wide as its longest name."""
    pixels = [ems(name) * 11 + 44 for name in names]
    if sum(pixels) <= _PLOT:
        return 1 if names else 0
    return math.ceil(len(names) / max(int(_PLOT // max(pixels)), 1))


def ems(text: str) -> float:
    """How wide a text is, in ems."""
    return sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else _LATIN for letter in text)


def wrapped(text: str, width: float) -> list[str]:
    """A text in lines of at most `width` ems: English breaks between words, Chinese anywhere but before a stop."""
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and ems(lines[-1] + piece.rstrip()) > width and piece not in _CLOSING:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def _pieces(text: str) -> list[str]:
    """Where a line may break: after every full-width character, and after every space."""
    pieces = [""]
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        if wide or pieces[-1].endswith(" ") or unicodedata.east_asian_width(pieces[-1][-1:] or "a") in "WF":
            pieces.append("")
        pieces[-1] += letter
    return [piece for piece in pieces if piece]


def sentence(title: Text, language: Language, words: Text = NOTHING, *, on: Any = None) -> Any:
    """A figure that says in words why there is nothing to draw."""
    figure = framed(title, language, on=on)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    text = "<br>".join(wrapped(words.to(language), _PHONE / 13))
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"size": 13}, align="center"
    )
    return figure


def axes(figure: Any, across: Text, up: Text, language: Language) -> None:
    """The titles of both axes."""
    figures.axes(figure, across, up, language)


def shown(name: str | Text, language: Language) -> str:
    """A model's or event's name as a reader knows it, harmless as markup and in hover texts."""
    known = name if isinstance(name, Text) else _NAMES.get(name)
    words = known.to(language) if known else _PROPER_NAMES.get(str(name), str(name))
    return html.escape(words, quote=False).replace("%{", "% {")  # never one of plotly's blanks


def colon(language: Language) -> str:
    """The colon between a name and its figure."""
    return "：" if language == "zh" else ": "


def units(unit: Unit, count: float = 2) -> Text:
    """The word for a unit of time, in the plural unless `count` is 1."""
    if unit not in _UNITS:
        raise ValueError(f"unit must be one of {', '.join(_UNITS)}, not {unit!r}")
    one, several = _UNITS[unit]
    return one if count == 1 else several


def of_unit(unit: Unit) -> Text:
    """The unit without its Chinese measure word: 月, 季度."""
    word = units(unit, 1)
    return Text(word.en, word.zh.removeprefix("个"))


def vector(name: str, values: npt.ArrayLike | Sequence[Any]) -> npt.NDArray[np.float64]:
    """The values as a flat array of floats; what is missing or infinite becomes NaN."""
    items = list(values) if isinstance(values, Iterable) else [values]
    try:
        array = np.array([math.nan if value is None else value for value in items], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a list of numbers") from error
    if array.ndim != 1:
        raise ValueError(f"{name} must be a list of numbers")
    return np.where(np.isfinite(array), array, np.nan)


def same_length(name: str, values: Sequence[Any] | npt.NDArray[Any], length: int) -> None:
    """ValueError naming the argument unless it has the length asked for."""
    if len(values) != length:
        raise ValueError(f"{name} must have {length} entries, not {len(values)}")


def plain(values: npt.ArrayLike) -> list[float | None]:
    """Numbers for a figure: None, which is not drawn, for what is missing; never NaN."""
    return [float(value) if math.isfinite(value) else None for value in np.asarray(values, dtype=np.float64)]


def bars(figure: Any, x: Sequence[Any], y: npt.ArrayLike, language: Language, hover: Text, **more: Any) -> None:
    """What was seen: bars of a light grey, on which lines can be told by their darkness alone."""
    text = f"{hover.to(language)}<extra></extra>"
    figure.add_bar(
        x=list(x),
        y=plain(y),
        name=SEEN.to(language),
        marker={"color": PALE},
        hovertemplate=text,
        **more,
    )


def curve(
    figure: Any, x: Sequence[Any], y: npt.ArrayLike, name: str, place: int, hover: str, *, dots: bool = True
) -> None:
    """What a model expects: a line in its own colour and dash, with or without symbols."""
    look = style(place)
    figure.add_scatter(
        x=list(x),
        y=plain(y),
        name=name,
        mode="lines+markers" if dots else "lines",
        line=look.line(),
        marker=look.marker(7),
        cliponaxis=not dots,
        hovertemplate=f"{hover}<extra></extra>",
    )


def band(figure: Any, x: Sequence[Any], lower: npt.ArrayLike, upper: npt.ArrayLike, name: str, color: str) -> None:
    """A shaded band between two curves; nothing where one of them is missing."""
    both = [
        (at, low, high) for at, low, high in zip(x, plain(lower), plain(upper), strict=True) if None not in (low, high)
    ]
    if not both:
        return
    along = [at for at, _, _ in both]
    figure.add_scatter(
        x=along + along[::-1],
        y=[low for _, low, _ in both] + [high for _, _, high in both][::-1],
        name=name,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=color,
        hoverinfo="skip",
    )


def straight(figure: Any, x: Sequence[float], y: Sequence[float], name: str, dash: str = "dot") -> None:
    """A thin grey line to compare with."""
    line = {"color": OBSERVED, "width": 1.5, "dash": dash}
    figure.add_scatter(x=list(x), y=list(y), name=name, mode="lines", line=line, hoverinfo="skip")
