"""What was learned from the past, kept between runs: the same past teaches the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.models.scorecard import Scorecard
from kezhi.valuation.backtest import Backtest
from kezhi.valuation.days import PurchaseDays
from kezhi.valuation.lessons import Learned
from kezhi.workspace import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = tuple[Backtest, Learned] | None


@dataclass(frozen=True)
class Memory:
    """Keeps the last answer in a file, beside the fingerprint of its question; without a file it keeps nothing."""

    file: Path | None = None

    def answer(self, find: Callable[..., Answer], days: PurchaseDays, *asked: object) -> Answer:
        """What `find(days, *asked)` says, found only where it is not known; None, too few customers, is not kept."""
        if self.file is None:
            return find(days, *asked)
        question = _fingerprint(days, asked)
        known = self._known()
        if known.get("question") == question:
            return _backtest(known["tested"]), _learned(known["learned"])
        found = find(days, *asked)
        if found is not None:
            tested, learned = found
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.file, {"question": question, "tested": asdict(tested), "learned": _plain(learned)})
        return found

    def _known(self) -> dict[str, Any]:
        assert self.file is not None
        try:
            known: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none yet, or damaged: ask again
            return {}
        return known


def _fingerprint(days: PurchaseDays, asked: tuple[object, ...]) -> str:
    """Of the days, everything asked of them, and the code that answers; customers only as first, second, third, ..."""
    digest = hashlib.sha256(repr((days.calendar, asked)).encode())
    for room in ("models", "valuation"):
        for source in sorted((Path(__file__).parents[1] / room).glob("*.py")):
            digest.update(source.read_bytes())
    for column in (np.unique(days.customer, return_inverse=True)[1], days.day, days.told, days.amount):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _plain(learned: Learned) -> dict[str, Any]:
    return asdict(learned) | {"card": {"edges": dict(learned.card.edges), "effects": dict(learned.card.effects)}}


def _learned(kept: dict[str, Any]) -> Learned:
    card = {part: {name: tuple(values) for name, values in kept["card"][part].items()} for part in ("edges", "effects")}
    return Learned(**(kept | {"card": Scorecard(**card)}))


def _backtest(kept: dict[str, Any]) -> Backtest:
    day = date.fromisoformat
    origins = tuple(one | {"split": day(one["split"]), "until": day(one["until"])} for one in kept["origins"])
    dated = {"split": day(kept["split"]), "until": day(kept["until"]), "methods": tuple(kept["methods"])}
    return Backtest(**(kept | dated | {"origins": origins}))
