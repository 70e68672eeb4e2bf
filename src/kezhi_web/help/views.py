"""Help: one page that the browser can search."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from kezhi.reports.analyst import ASSUMPTIONS
from kezhi.reports.glossary import GLOSSARY
from kezhi.reports.json_values import day
from kezhi.reports.numbers import day as a_day
from kezhi_web.help.manual import ANSWERS, KEYS, PRIVACY, READING, RULES, SINCE, SINCE_DAY, STEPS, TESTED
from kezhi_web.homes import HOMES, address
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.shown import NoRun
from kezhi_web.shown.run import named
from kezhi_web.words import say, spoken


@needs("own")
def manual(request: SignedIn) -> HttpResponse:
    """First steps, which page answers what, how to read figures, the words, assumptions, keys, privacy."""
    may, since = request.viewer.may, _since()
    answers: list[dict[str, Any]] = [
        {
            "one": one,
            "url": address(one.page) if may(one.right) else "",
            "reading": one.reading.fill(since=since),
            "tabs": HOMES.get(one.page, ()),
        }
        for one in ANSWERS
    ]
    steps = [(address(page) if may(right) else "", title, said) for page, right, title, said in STEPS]
    return render(
        request,
        "help/manual.html",
        {
            "steps": steps,
            "answers": answers,
            "reading": READING,
            "glossary": GLOSSARY,
            "assumptions": list(zip(ASSUMPTIONS, TESTED, strict=True)),
            "rules": RULES,
            "keys": KEYS,
            "privacy": PRIVACY,
        },
    )


def _since() -> str:
    """The run that the newest one is compared with, by its last day where there is one."""
    try:
        before = (named(None).worth.get("tiers") or {}).get("previous") or {}
    except NoRun:
        before = {}
    then = day(before.get("as_of"))
    return say(SINCE_DAY, day=a_day(then, spoken())) if then else say(SINCE)
