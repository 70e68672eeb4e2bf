"""The report as one self-contained page: offline, on a phone or a wide screen, light or dark, on paper."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kezhi.language import Language, Text
from kezhi.reports import analyst, numbers, sections, worth
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.markup import Html, escaped, joined, tag
from kezhi.reports.sections import Canvas

_TITLE = Text("Customer value", "客户价值报告")
_CONFIG = {"displayModeBar": False, "responsive": True, "displaylogo": False}
_DRAW = (
    "const drawn={figures};for(const name in drawn)Plotly.newPlot(name,drawn[name].data,drawn[name].layout,{config});"
)


def write_html(report: ValueReport, path: Path, language: Language) -> None:
    """Write the report as one file that loads nothing from anywhere; an existing file is replaced at once."""
    text = render(report, language)
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def render(report: ValueReport, language: Language) -> str:
    """The whole page as text."""
    canvas = Canvas(language)
    body = _body(report, language, canvas)
    library = _plotly_library().replace("</script", "<\\/script")
    drawing = _DRAW.replace("{figures}", _for_script(canvas.figures)).replace("{config}", _for_script(_CONFIG))
    return "\n".join(_document(report, language, body, (library, drawing)))


def _plotly_library() -> str:
    """plotly.js as it comes with the package, which need not be loaded for that."""
    found = find_spec("plotly")
    assert found is not None, "plotly is a dependency"
    assert found.origin is not None, "plotly is an ordinary package"
    return Path(found.origin).with_name("package_data").joinpath("plotly.min.js").read_text(encoding="utf-8")


def _document(report: ValueReport, language: Language, body: Html, scripts: tuple[str, ...]) -> tuple[str, ...]:
    title = f"{_TITLE.to(language)} · {numbers.day(report.as_of, language)}"
    return (
        "<!doctype html>",
        f'<html lang="{"zh-CN" if language == "zh" else "en"}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="robots" content="noindex">',
        tag("title", title),
        f"<style>{_style()}</style>",
        "</head>",
        "<body>",
        body,
        *(f"<script>{script}</script>" for script in scripts),
        "</body>",
        "</html>",
        "",
    )


def _policy(scripts: tuple[str, ...]) -> str:
    """Only these very scripts may run, and nothing may be fetched, whatever the data contained."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    rules = (f"script-src {hashes}", "style-src 'unsafe-inline'", "img-src data:", "form-action 'none'")
    return "; ".join(("default-src 'none'", *rules))


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _style() -> str:
    return resources.files("kezhi.reports").joinpath("style", "report.css").read_text(encoding="utf-8")


def _for_script(value: Any) -> str:
    """JSON that cannot end a script element."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _body(report: ValueReport, language: Language, canvas: Canvas) -> Html:
    parts = (
        sections.leads(report, canvas),
        sections.mind(report, canvas),
        sections.history_and_forecast(report, canvas),
        sections.periods(report, canvas),
        sections.top_customers(report, canvas),
        sections.concentration(report, canvas),
        *worth.sections(report, canvas),
        sections.rows(report, canvas),
        analyst.section(report, canvas),
        sections.glossary(canvas),
        _footer(report, language),
    )
    return tag("main", _header(report, language), sections.contents(canvas), *parts)


def _header(report: ValueReport, language: Language) -> Html:
    facts = [
        Text("up to {day}", "截至{day}").fill(day=numbers.day(report.as_of, language)).to(language),
        Text("by {period}", "按{period}").fill(period=sections.period_word(report.period).to(language)).to(language),
    ]
    unit = numbers.currency_name(report.currency, language)
    if unit:
        facts.append(Text("in {unit}", "单位：{unit}").fill(unit=unit).to(language))
    return tag("header", tag("h1", _TITLE.to(language)), tag("p", " · ".join(facts), class_="soft"))


def _footer(report: ValueReport, language: Language) -> Html:
    made = Text(
        "Run {run}, made {created} by kezhi {version}. Names and figures of customers are confidential: "
        "pass this file on with care.",
        "运行 {run}，{created} 由 kezhi {version} 生成。本文件含客户名称与数据，请注意保密。",
    ).fill(run=report.run, created=report.created[:16].replace("T", " "), version=report.version)
    return tag("footer", joined([escaped(made.to(language))]))
