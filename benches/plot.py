"""Draw how time and memory of whole runs grow with the customers, from benches/results/whole_run.json.

    python benches/plot.py

Writes docs/assets/performance.en.svg and performance.zh.svg; needs matplotlib (extra `bench`). Letters stay letters, to
be drawn with the reader's own fonts. A fingerprint of the figures drawn is kept in each file, by which a test sees when
the results have changed since.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kezhi.language import Language, Text
from measuring import HERE, Row
from pages import RESULTS, whole_runs

ASSETS = HERE.parent / "docs" / "assets"
INK, FAINT, PAPER = "#3d444d", "#d8dce0", "#ffffff"
DRAWN_WITH = "DejaVu Sans"  # comes with matplotlib, so that every machine draws the same
READ_WITH = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"

SERIES = {
    "auto": (Text("whole run, auto", "完整运行（auto）"), "#b06a2c"),
    "pareto_nbd": (Text("whole run, Pareto/NBD", "完整运行（Pareto/NBD）"), "#1f5f8b"),
    "bare": (Text("bare engine", "单纯汇总"), "#8a929b"),
}
TIME = Text("seconds", "秒")
MEMORY = Text("memory of all processes, GiB", "全部进程的内存，GiB")
CUSTOMERS = Text("customers", "客户数")
TITLE = Text("Time and memory of whole runs by number of customers", "完整运行的用时与内存随客户数的变化")
SIZES = {
    10_000: Text("10 000", "1 万"),
    100_000: Text("100 000", "10 万"),
    1_000_000: Text("1 million", "100 万"),
    10_000_000: Text("10 million", "1000 万"),
}

Points = list[tuple[int, float]]


def drawn(results: Path = RESULTS) -> dict[str, dict[str, Points]]:
    """What is drawn, by figure and series: customers, and seconds or GiB; the bare engine as beside a given model."""
    rows = whole_runs(results, limited=False)
    found: dict[str, dict[str, Points]] = {}
    for figure, mine, floor in (
        ("seconds", "run_seconds", "bare_seconds"),
        ("memory", "run_peak_gib", "bare_peak_gib"),
    ):
        series = {model: _points(rows, model, mine) for model in ("auto", "pareto_nbd")}
        series["bare"] = _points(rows, "pareto_nbd", floor) or _points(rows, "auto", floor)
        found[figure] = {name: points for name, points in series.items() if points}
    return found


def _points(rows: Sequence[Row], model: str, name: str) -> Points:
    return [(row["customers"], row[name]) for row in rows if row["model"] == model and row.get(name) is not None]


def fingerprint(figures: dict[str, dict[str, Points]]) -> str:
    """A few letters that change with the figures."""
    return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()[:16]


def draw(language: Language, path: Path, figures: dict[str, dict[str, Points]]) -> None:
    """Two panels, time and memory."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "kezhi",
        "font.family": DRAWN_WITH,
        "font.size": 11,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no Chinese letters; the reader's font has
        sheet = Figure(figsize=(9.6, 4.0), facecolor=PAPER)
        sheet.subplots_adjust(left=0.06, right=0.955, top=0.80, bottom=0.16, wspace=0.2)
        left, right = sheet.subplots(1, 2)
        _panel(left, figures["seconds"], TIME.to(language), language)
        left.set_yscale("log")
        left.minorticks_off()
        left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        _panel(right, figures["memory"], MEMORY.to(language), language)
        right.set_ylim(bottom=0)
        handles = {handle.get_label(): handle for panel in (left, right) for handle in panel.get_lines()}
        sheet.legend(
            handles.values(), handles.keys(), loc="upper left", ncols=3, frameon=False, bbox_to_anchor=(0.06, 1)
        )
        described = {"Title": TITLE.to(language), "Description": fingerprint(figures), "Date": None, "Creator": None}
        text = io.StringIO()
        sheet.savefig(text, format="svg", metadata=described)
    path.write_text(text.getvalue().replace(f"'{DRAWN_WITH}'", READ_WITH), encoding="utf-8")


def _panel(panel: Any, series: dict[str, Points], heading: str, language: Language) -> None:
    for name, points in series.items():
        label, colour = SERIES[name]
        sizes, values = zip(*points, strict=True)
        panel.plot(sizes, values, "o-", color=colour, label=label.to(language), linewidth=1.8, markersize=4.5)
    panel.set_xscale("log")
    panel.set_xticks(list(SIZES), [label.to(language) for label in SIZES.values()])
    panel.minorticks_off()
    panel.set_xlim(7_000, 14_000_000)
    panel.set_xlabel(CUSTOMERS.to(language))
    panel.set_title(heading, loc="left", fontsize=11, color=INK)
    panel.grid(axis="y", color=FAINT, linewidth=0.7)
    panel.set_axisbelow(True)
    panel.tick_params(length=0, pad=6)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    figures = drawn()
    ASSETS.mkdir(parents=True, exist_ok=True)
    for language in ("en", "zh"):
        draw(language, ASSETS / f"performance.{language}.svg", figures)
    print(f"drawn: {fingerprint(figures)}")


if __name__ == "__main__":
    main()
