"""Help: one page that the browser can search."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from kezhi.reports.analyst import ASSUMPTIONS
from kezhi.reports.glossary import GLOSSARY
from kezhi_web.help.manual import ANSWERS, KEYS, PRIVACY, READING, RULES, STEPS, TESTED
from kezhi_web.homes import HOMES, address
from kezhi_web.people.rights import SignedIn, needs


@needs("own")
def manual(request: SignedIn) -> HttpResponse:
    """First steps, which page answers what, how to read figures, the words, assumptions, keys, privacy."""
    answers: list[dict[str, Any]] = [
        {"one": one, "url": address(one.page) if request.viewer.may(one.right) else "", "tabs": HOMES.get(one.page, ())}
        for one in ANSWERS
    ]
    steps = [(address(page), title, said) for page, title, said in STEPS]
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
