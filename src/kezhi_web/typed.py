"""Numbers as people type them."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_SIGNS = str.maketrans("−–—", "---")
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?", re.ASCII)


def number_of(said: str) -> Decimal | None:
    """The number that somebody typed, in figures of any width; a sign of per cent behind it is left out.

    A comma stands between thousands only: 2,5 is None rather than 25, for half the world means two and a half by it.
    """
    text = unicodedata.normalize("NFKC", said).translate(_SIGNS).strip().removesuffix("%").replace(" ", "")
    if not _NUMBER.fullmatch(text) or not any(one.isdigit() for one in text):
        return None
    return Decimal(text.replace(",", ""))
