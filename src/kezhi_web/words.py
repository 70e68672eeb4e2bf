"""Which of the two languages a page speaks."""

from __future__ import annotations

from django.utils.translation import get_language

from kezhi.language import Language, Text


def spoken() -> Language:
    """The language of the request at hand; never that of the process, which serves several people at once."""
    return "zh" if (get_language() or "").startswith("zh") else "en"


def say(text: Text, **blanks: object) -> str:
    """A sentence in the language of the request."""
    return (text.fill(**blanks) if blanks else text).to(spoken())
