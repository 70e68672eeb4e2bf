"""What every figure must be, whatever it shows."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from kezhi.language import Language


def check_whole(figure: Any, language: Language) -> None:
    """A title, texts of one language, no fixed width, no NaN, nothing fetched from elsewhere."""
    text = figure.to_json()
    assert figure.data
    assert figure.layout.width is None
    assert figure.layout.title.text.startswith("<b>")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert not re.search(r"https?://", text)
    assert not list(_not_numbers(json.loads(text)))
    check_language(figure, language)


def check_sentence(figure: Any, language: Language) -> None:
    """A title and one sentence in the middle."""
    assert not figure.data
    assert figure.layout.title.text
    (said,) = figure.layout.annotations
    assert said.text.endswith("。" if language == "zh" else ".")
    check_language(figure, language)


def check_language(figure: Any, language: Language) -> None:
    """Chinese has Chinese everywhere and full-width stops; English has no Chinese at all."""
    texts = [re.sub(r"<[^>]*>|%\{[^}]*\}", " ", text) for text in said_in(figure)]
    if language == "en":
        assert not [text for text in texts if re.search(r"[\u3000-\u9fff\uff00-\uffef]", text)]
        return
    titles = [text for text in texts if re.search(r"[\u4e00-\u9fff]", text)]
    assert titles
    assert re.search(r"[\u4e00-\u9fff]", figure.layout.title.text)
    assert not [text for text in titles if re.search(r"[\u4e00-\u9fff]\s*[,;:!?()]|[,;:!?()]\s*[\u4e00-\u9fff]", text)]


def said_in(figure: Any) -> list[str]:
    """Every text a reader may see."""
    layout = figure.layout
    texts = [layout.title.text, *(one.text for one in layout.annotations)]
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        texts += [axis.title.text or "", *map(str, axis.ticktext or ())]
    for trace in figure.data:
        texts += [trace.name or "", trace.hovertemplate or ""]
    return texts


def _not_numbers(node: Any) -> Any:
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _not_numbers(child)
    elif isinstance(node, float) and not math.isfinite(node):
        yield node
