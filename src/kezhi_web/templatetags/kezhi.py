"""What every template can say: sentences in both languages, numbers as the reader writes them, figures."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from kezhi.language import Text
from kezhi.reports import numbers
from kezhi_web.shown import Part, Shown
from kezhi_web.shown.later import up_to_a_later_day
from kezhi_web.words import spoken

register = template.Library()


@register.simple_tag
def t(en: str | Text, zh: str | None = None, **blanks: Any) -> str:
    """A sentence: {% t "{n} customers" "{n} 位客户" n=count %}; what fills the blanks is escaped."""
    text = en if isinstance(en, Text) else Text(str(en), str(zh))
    said = text.to(spoken())
    if not blanks:
        return said
    escaped = {name: conditional_escape(value) for name, value in blanks.items()}
    return mark_safe(str(conditional_escape(said)).format(**escaped))  # noqa: S308  both are escaped


@register.simple_tag
def later_run(run: Shown) -> Shown | None:
    """The run that reaches a later day than the one that is shown: {% later_run run as later %}."""
    return up_to_a_later_day(run)


@register.filter
def say(text: Text | dict[str, str] | None) -> str:
    """A text that Python gave, as Text or as {"en": ..., "zh": ...}."""
    if text is None:
        return ""
    return text.to(spoken()) if isinstance(text, Text) else text[spoken()]


@register.filter
def whole(value: Any) -> str:
    """1,234: a number without decimals; a dash where there is none."""
    return numbers.grouped(value)


@register.filter
def number(value: Any, digits: int = 2) -> str:
    """1,234.56."""
    return numbers.grouped(value, digits)


@register.filter
def percent(value: Any, digits: int = 0) -> str:
    """A share as per cent."""
    return numbers.percent(value, digits)


@register.filter
def headline(value: Any, currency: str | None = None) -> str:
    """A sum of money for a sentence: £1.23 million, 123 万元. A run's documents hold exact sums as texts."""
    return numbers.headline(Decimal(value) if isinstance(value, str) else value, currency, spoken())


@register.filter
def signed(value: Any) -> str:
    """A change with its sign and an arrow, readable without colour: ▲ +1,234, ▼ −56."""
    if value is None:
        return numbers.ABSENT
    arrow, plus = ("▲", "+") if value > 0 else ("▼", "") if value < 0 else ("=", "")
    return f"{arrow}\u00a0{plus}{numbers.grouped(value)}"


@register.filter
def day(value: date | datetime | None) -> str:
    """9 Dec 2011, 2011年12月9日."""
    return numbers.day(value, spoken())


@register.filter
def isoday(value: date | None) -> str:
    """2011-12-09, for a table's column."""
    return numbers.short_day(value)


@register.filter
def at(mapping: dict[Any, Any], key: Any) -> Any:
    """A dictionary's value."""
    return mapping.get(key)


@register.simple_tag
def asset(path: str) -> str:
    """The address of a static file, which changes with its content so that browsers may keep it for a year."""
    found = finders.find(path)
    stamp = Path(found).stat().st_mtime_ns if found else 0  # type: ignore[arg-type]
    return f"{static(path)}?v={stamp:x}"


@register.simple_tag
def figure(name: str, plot: Any, label: str, height: int = 330) -> SafeString:
    """The place of a figure and its data.

    plot: a kezhi.reports.plot.Plot or its dictionary. label: for screen readers.
    """
    data = plot.as_dict() if hasattr(plot, "as_dict") else plot
    place = format_html(
        '<div class="figure" id="{}" role="img" aria-label="{}" style="height: {}px"></div>', name, label, height
    )
    return place + figures({name: data})


@register.simple_tag
def section(part: Part | None) -> SafeString:
    """A section of the report with its figures; nothing where the run has none."""
    return mark_safe("") if part is None else part.html + figures(part.figures)


def figures(by_place: dict[str, Any]) -> SafeString:
    """Figures as data, which figures.js draws: no script stands in the page."""
    pieces = [
        format_html('<script type="application/json" class="plot" data-place="{}">{}</script>', name, _data(data))
        for name, data in by_place.items()
    ]
    return mark_safe("".join(pieces))  # noqa: S308  escaped above


def _data(data: Any) -> SafeString:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return mark_safe(text)  # noqa: S308  cannot end the element


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query with some of it changed; None takes a name out: <a href="{% with_query page=2 %}">."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None) if value is None else query.__setitem__(name, str(value))
    return f"?{query.urlencode()}"
