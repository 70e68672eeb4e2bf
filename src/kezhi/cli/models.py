"""kezhi models: what each model assumes and when to use it."""

from __future__ import annotations

from rich.markup import escape

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import print_json, screen
from kezhi.language import preferred_language

HELP = "The models, what each assumes, when to use it. / 各模型的假设与适用场合。"


def command(json: AsJson = False, lang: Lang = None) -> None:
    """Read from the registry, so that a new model needs no change here."""
    speak(lang)
    from kezhi.models import MODELS

    place = ("en", "zh").index(preferred_language())
    parts = ("summary", "assumes", "when")
    said = {name: {part: getattr(model, part)[place] for part in parts} for name, model in MODELS.items()}
    if json:
        print_json(said)
        return
    console = screen()
    for name, words in said.items():
        console.print(f"[bold]{escape(name)}[/] {escape(words['summary'])}")
        for part in ("assumes", "when"):
            console.print("  " + escape(words[part]))
