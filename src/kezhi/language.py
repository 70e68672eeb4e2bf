"""Every sentence a user may read, in English and Chinese, and the errors that carry such sentences."""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Text:
    """One sentence in both languages; `{names}` in braces are filled in later."""

    en: str
    zh: str

    def fill(self, **values: object) -> Text:
        """The sentence with its blanks filled."""
        return Text(self.en.format(**values), self.zh.format(**values))

    def to(self, language: Language) -> str:
        """The sentence in one language."""
        return self.zh if language == "zh" else self.en

    def __str__(self) -> str:
        return self.to(preferred_language())

    def as_dict(self) -> dict[str, str]:
        """Both languages, for JSON."""
        return {"en": self.en, "zh": self.zh}


class KezhiError(Exception):
    """Something the user can mend; the message says what to do. Commands end with exit code 2."""

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return str(self.text)


_chosen: list[Language] = []


def choose_language(language: Language | None) -> None:
    """Fix the language of messages for this process; None returns to what the environment says."""
    _chosen[:] = [language] if language else []


def preferred_language() -> Language:
    """The chosen language, else KEZHI_LANG, else the locale's, else English."""
    if _chosen:
        return _chosen[0]
    said = os.environ.get("KEZHI_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG")
    said = said or (locale.getlocale()[0] or "")
    return "zh" if said.lower().startswith(("zh", "chinese")) else "en"
