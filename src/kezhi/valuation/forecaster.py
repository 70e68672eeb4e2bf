"""Everything learned at one moment, as one thing that forecasts: models and weights, clock, corrections, level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.models import MODELS, AmountPanel, GammaGamma, GammaGammaFit, PurchaseHistories
from kezhi.models.blend import Blend
from kezhi.models.clock import Clock
from kezhi.models.fitting import one_thread
from kezhi.models.purchases import PurchaseFit
from kezhi.models.scorecard import Scorecard
from kezhi.valuation.days import Known, as_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAMILY = ("pareto_nbd", "bg_nbd", "mbg_nbd", "nbd")  # what auto weighs


@dataclass(frozen=True, eq=False)
class Window:
    """A stretch of the future on a clock, in clock periods after the end of observation."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Clock periods in it."""
        return self.end - self.start

    @classmethod
    def of(cls, clock: Clock, as_of: date, after: date, until: date) -> Window:
        """From the end of one day to the end of another."""
        ends = clock.elapsed(as_number(as_of), np.array([as_number(after), as_number(until)]))
        return cls(float(ends[0]), float(ends[1]))


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Purchase models with their weights, the amount model, the clock, and what was learned from past forecasts.

    `card` and `level` multiply the expected purchases: a factor for each kind of customer, and one for all.
    """

    purchases: Blend
    amounts: GammaGammaFit
    clock: Clock
    card: Scorecard = field(default_factory=Scorecard)
    level: float = 1.0

    def history_factor(self, table: Mapping[str, Any]) -> NDArray[np.float64]:
        """What multiplies the expected purchases of each distinct history in days: level and card, amounts apart."""
        factor = self.card.factor(history_features(table))
        return np.asarray(np.broadcast_to(self.level * factor, (len(table["tenure_days"]),)))

    def factor(self, known: Known) -> NDArray[np.float64]:
        """The same for every customer, amounts included."""
        table, index = known.histories
        return np.asarray(self.history_factor(table)[index] * self.card.factor({"amount": known.mean_amount}))

    def expected_purchases(self, known: Known, until: date) -> NDArray[np.float64]:
        """How many purchases to expect of each customer from the split to the end of a day."""
        return self.model_purchases(self.purchases, known, until) * self.factor(known)

    def of_models(self, known: Known, each: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The same from what each of the models, by its name, expects of every customer."""
        parts = zip(self.purchases.weights, self.purchases.fits, strict=True)
        return np.asarray(sum(weight * each[fit.model] for weight, fit in parts) * self.factor(known))

    def model_purchases(self, model: Blend | PurchaseFit, known: Known, until: date) -> NDArray[np.float64]:
        """The same of one model alone, without card and level."""
        table, index = known.histories
        window = Window.of(self.clock, known.split, known.split, until)
        return np.asarray(model.expected_purchases(on_clock(self.clock, table, known.split), window.length)[index])

    def expected_amount(self, known: Known) -> NDArray[np.float64]:
        """What each customer is expected to spend per purchase."""
        return self.amounts.expected_amount(known.amounts)

    def of_model(self, model: PurchaseFit) -> Forecaster:
        """One of the models alone, as it stands."""
        return replace(self, purchases=Blend.of(model), card=Scorecard(), level=1.0)


def history_features(table: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """What a scorecard looks at in a purchase history: how often, how long silent, how long known.

    The last two are shares: of the customer's own time, and of the longest time any customer has been known.
    """
    x, recency, tenure = (
        np.asarray(table[name], dtype=np.float64) for name in ("repeat_purchases", "recency_days", "tenure_days")
    )
    return {
        "purchases": x,
        "silence": np.divide(tenure - recency, tenure, out=np.ones_like(tenure), where=tenure > 0),
        "tenure": tenure / max(float(tenure.max(initial=0.0)), 1.0),
    }


def on_clock(clock: Clock, table: Mapping[str, Any], as_of: date) -> PurchaseHistories:
    """Distinct histories in days as the models' histories, in periods of the clock."""
    days = PurchaseHistories(
        np.asarray(table["repeat_purchases"]),
        np.asarray(table["recency_days"]),
        np.asarray(table["tenure_days"]),
        np.asarray(table["customers"]),
    )
    return clock.histories(days, as_of)


def fit_purchases(names: tuple[str, ...], histories: PurchaseHistories) -> dict[str, PurchaseFit]:
    """Each of these models, fitted by maximum likelihood."""
    with one_thread():
        return {name: MODELS[name].maker().fit(histories) for name in names}


def fit_amounts(panel: AmountPanel) -> GammaGammaFit:
    """The amount model on the panel of active periods."""
    return GammaGamma().fit(panel)
