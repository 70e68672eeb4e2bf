"""What past forecasts teach: weights of the models, factors for kinds of customers, and the level of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.models import PurchaseHistories
from kezhi.models.blend import Blend, stacking_weights
from kezhi.models.histories import distinct
from kezhi.models.purchases import PurchaseFit
from kezhi.models.scorecard import Scorecard, learn_scorecard
from kezhi.models.scores import poisson_deviance
from kezhi.valuation.days import Known, PurchaseDays
from kezhi.valuation.forecaster import Forecaster, Window, history_features, on_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEAR = 365
WHOLE = 0.05  # how near to whole years the lessons' windows must add up to
_BLOCK = 5_000
_BOLDNESS = tuple(float(step) for step in np.linspace(0, 1, 11))
_MOST_COUNTS = 400  # more purchases in a window than this are one case: the models' tails do not tell them apart


@dataclass(frozen=True, eq=False)
class Lesson:
    """One past forecast and what came of it; arrays with one entry per customer known at the split.

    expected: what each model expected; probability: what it had given the purchases that came, one entry per distinct
    history and number of purchases, which `alike` customers share; level_told: whether a miss of the total speaks of
    the level, because the season was known or the window was whole years long.
    """

    split: date
    until: date
    came: NDArray[np.float64]
    expected: dict[str, NDArray[np.float64]]
    probability: dict[str, NDArray[np.float64]]
    alike: NDArray[np.float64]
    features: dict[str, NDArray[np.float64]]
    level_told: bool


@dataclass(frozen=True, eq=False)
class Learned:
    """What lessons taught: the weight of each model, the scorecard, the level, and why."""

    weights: dict[str, float]
    card: Scorecard = field(default_factory=Scorecard)
    level: float = 1.0
    origins: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def blend(self, fits: dict[str, PurchaseFit]) -> Blend:
        """The models as one; those whose weight is next to nothing are left out."""
        kept = {name: weight for name, weight in self.weights.items() if weight >= 0.01}
        total = sum(kept.values())
        return Blend(tuple(fits[name] for name in kept), tuple(weight / total for weight in kept.values()))


def lesson(
    days: PurchaseDays,
    known: Known,
    maker: Forecaster,
    fits: dict[str, PurchaseFit],
    until: date,
    season_known: bool,
) -> Lesson:
    """What the models fitted at a split said of the time up to `until`, beside what came."""
    came, _ = days.came(known, until)
    table, index = known.histories
    histories = on_clock(maker.clock, table, known.split)
    length = Window.of(maker.clock, known.split, known.split, until).length
    count = np.minimum(came, _MOST_COUNTS).astype(np.int64)
    first, row = distinct(index.astype(np.float64), count.astype(np.float64))
    few = rows_of(histories, index[first])
    return Lesson(
        known.split,
        until,
        came,
        {name: fit.expected_purchases(histories, length)[index] for name, fit in fits.items()},
        {name: _probability(fit, few, length, count[first]) for name, fit in fits.items()},
        np.bincount(row, minlength=len(first)).astype(np.float64),
        {name: values[index] for name, values in history_features(table).items()} | {"amount": known.mean_amount},
        season_known or (until - known.split).days >= YEAR,
    )


def learn(lessons: Sequence[Lesson], names: Sequence[str]) -> Learned:
    """Weights, scorecard and level from lessons, oldest first; equal weights and nothing else without any.

    The scorecard is kept only where one learned from the older lessons had made the newest forecast better. The level
    is moved by the mean of the lessons' errors, as far as they agree with one another.
    """
    if not lessons:
        leaving = [name for name in names if name != "nbd"] or list(names)
        return Learned({name: 1 / len(leaving) for name in leaving})
    weights = dict(zip(names, map(float, _weights(lessons, names)), strict=True))
    expected = [sum(weights[name] * one.expected[name] for name in names) for one in lessons]
    card, facts = _card(lessons, expected)
    forecast = [np.asarray(mean) * _balanced(card, one, mean) for one, mean in zip(lessons, expected, strict=True)]
    level, errors = _level(lessons, forecast)
    return Learned(weights, card, level, len(lessons), facts | {"log_errors": errors})


def _weights(lessons: Sequence[Lesson], names: Sequence[str]) -> NDArray[np.float64]:
    """Stacking weights, drawn towards equal ones by as much as weights from the other lessons would have been too bold.

    Models often foresee nearly the same, and the best weights are then an accident of the season they were learned in.
    """
    tables = [np.column_stack([one.probability[name] for name in names]) for one in lessons]
    alike = [one.alike for one in lessons]
    equal = np.full(len(names), 1 / len(names))
    if len(names) == 1:
        return equal
    stacked = stacking_weights(np.vstack(tables), np.concatenate(alike))
    if len(lessons) == 1:
        return np.asarray((equal + stacked) / 2)
    scores = np.zeros(len(_BOLDNESS))
    for left in range(len(lessons)):
        others = [i for i in range(len(lessons)) if i != left]
        rows, count = np.vstack([tables[i] for i in others]), np.concatenate([alike[i] for i in others])
        learned = stacking_weights(rows, count, near=stacked)
        mixed = np.maximum(
            tables[left] @ np.column_stack([_between(equal, learned, bold) for bold in _BOLDNESS]), 1e-300
        )
        scores += alike[left] @ np.log(mixed)
    return _between(equal, stacked, _BOLDNESS[int(np.argmax(scores))])


def _between(equal: NDArray[np.float64], learned: NDArray[np.float64], bold: float) -> NDArray[np.float64]:
    return np.asarray((1 - bold) * equal + bold * learned)


def _card(lessons: Sequence[Lesson], expected: Sequence[Any]) -> tuple[Scorecard, dict[str, Any]]:
    if len(lessons) < 2:
        return Scorecard(), {"card": "untested"}
    trial = _learn_card(lessons[:-1], expected[:-1])
    newest, plain = lessons[-1], np.asarray(expected[-1])
    before = poisson_deviance(newest.came, plain * _ratio(newest.came, plain))
    moved = plain * trial.factor(newest.features)
    after = poisson_deviance(newest.came, moved * _ratio(newest.came, moved))
    facts = {"card_before": float(before), "card_after": float(after)}
    if after >= before:
        return Scorecard(), facts | {"card": "no_better"}
    return _learn_card(lessons, expected), facts | {"card": "used"}


def _learn_card(lessons: Sequence[Lesson], expected: Sequence[Any]) -> Scorecard:
    features = {name: np.concatenate([one.features[name] for one in lessons]) for name in lessons[0].features}
    # each lesson's own level is taken out first: a busy season is not a trait of the customers
    exposure = [np.asarray(mean) * _ratio(one.came, mean) for one, mean in zip(lessons, expected, strict=True)]
    return learn_scorecard(features, np.concatenate(exposure), np.concatenate([one.came for one in lessons]))


def _ratio(came: Any, expected: Any) -> float:
    total = float(np.sum(expected))
    return float(np.sum(came)) / total if total > 0 and np.sum(came) > 0 else 1.0


def _balanced(card: Scorecard, one: Lesson, expected: Any) -> Any:
    """The card's factors, scaled so that the total stays what it was."""
    factor = card.factor(one.features)
    moved = float((np.asarray(expected) * factor).sum())
    return factor * (float(np.sum(expected)) / moved if moved > 0 else 1.0)


def _level(lessons: Sequence[Lesson], forecast: Sequence[Any]) -> tuple[float, list[float]]:
    """The factor by which totals were missed on average, drawn towards 1 by how much the misses differ.

    Where the season is not known, a miss in spring says nothing about autumn, and is not learned from, unless the
    lessons together make whole years.
    """
    errors = [float(np.log(_ratio(one.came, mean))) for one, mean in zip(lessons, forecast, strict=True)]
    years = sum((one.until - one.split).days for one in lessons) / YEAR
    whole = round(years) >= 1 and abs(years / round(years) - 1) < WHOLE
    told = [error for error, one in zip(errors, lessons, strict=True) if one.level_told or whole]
    if len(told) < 2:
        return 1.0, errors
    mean, variance = float(np.mean(told)), float(np.var(told, ddof=1)) / len(told)
    return float(np.exp(mean * max(1 - variance / mean**2, 0.0))) if mean else 1.0, errors


def _probability(
    fit: PurchaseFit, histories: PurchaseHistories, length: float, count: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What a model had given each count; in blocks of similar counts, so that no table grows large."""
    answers = np.zeros(len(count))
    order = np.argsort(count, kind="stable")
    for block in np.array_split(order, max(len(order) // _BLOCK, 1)):
        answers[block] = fit.p_purchases(count[block], rows_of(histories, block), length)
    return answers


def rows_of(histories: PurchaseHistories, rows: NDArray[np.int64]) -> PurchaseHistories:
    """Some rows of histories, one customer each."""
    return PurchaseHistories(
        histories.repeat_purchases[rows], histories.last_purchase_at[rows], histories.observed_periods[rows]
    )
