"""kezhi models: what each model assumes and when to use it."""

from __future__ import annotations

import typer

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import print_json
from kezhi.language import preferred_language

HELP = "The models, what each assumes, when to use it. / 各模型的假设与适用场合。"


def command(json: AsJson = False, lang: Lang = None) -> None:
    """Read from the words of the models, so that a new model needs no change here, and no mathematics is loaded."""
    speak(lang, programs=json)
    from kezhi.models.words import WORDS

    place = ("en", "zh").index(preferred_language())
    said = {name: {part: text[place] for part, text in words._asdict().items()} for name, words in WORDS.items()}
    if json:
        print_json(said)
        return
    for name, words in said.items():
        typer.echo(f"{typer.style(name, bold=True)} {words['summary']}")
        for part in ("assumes", "when"):
            typer.echo(f"  {words[part]}")
