"""What was learned from a ledger: the models fitted on its distinct histories, and what past forecasts add."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.ledger import Ledger, amount_histories, log_mean_amount_sum, purchase_histories
from kezhi.models import NBD, AmountPanel, GammaGammaFit, NBDFit, PurchaseHistories
from kezhi.models.clock import Clock
from kezhi.models.purchases import PurchaseFit
from kezhi.models.scorecard import Scorecard
from kezhi.valuation.arrays import to_numpy
from kezhi.valuation.forecaster import Forecaster, Window, fit_amounts, fit_purchases, history_features, on_clock
from kezhi.valuation.lessons import Learned
from kezhi.valuation.uncertainty import likely_fits

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from numpy.typing import NDArray

FEW_ENOUGH = 1_000  # customers; with more, the parameters' own error is too small to widen anybody's interval


@dataclass(frozen=True, eq=False)
class Fits:
    """The models fitted, and the distinct purchase histories they were fitted on.

    `histories` has the columns of `ledger.purchase_histories`, one row per distinct history, in days; `frequency` is
    the negative binomial in plain periods, on which the published rule rests.
    """

    purchases: Mapping[str, PurchaseFit]
    frequency: NBDFit
    amounts: GammaGammaFit
    forecaster: Forecaster
    histories: pa.Table
    as_of: date

    @cached_property
    def columns(self) -> dict[str, NDArray[np.int64]]:
        """The columns of the distinct histories that models look at."""
        return columns_of(self.histories)

    @cached_property
    def on_clock(self) -> PurchaseHistories:
        """The distinct histories in periods of the clock."""
        return on_clock(self.forecaster.clock, self.columns, self.as_of)

    @cached_property
    def factor(self) -> NDArray[np.float64]:
        """Level and scorecard of each distinct history, amounts apart."""
        return self.forecaster.history_factor(self.columns)

    def window(self, after: date, until: date) -> Window:
        """From the end of one day to the end of another, on the clock."""
        return Window.of(self.forecaster.clock, self.as_of, after, until)

    def moments(self, windows: Mapping[Any, Window]) -> dict[Any, tuple[NDArray[np.float64], ...]]:
        """E[N], E[N (N - 1)] and P(N = 0) of each distinct history in several windows, level and card included.

        The spread of N, not its mean, is widened by the parameters' own error, where there are so few customers that
        it matters.
        """
        histories, factor = self.on_clock, self.factor
        blend, spans = self.forecaster.purchases, [(window.start, window.length) for window in windows.values()]
        plain = blend.moments_of(histories, spans)
        likely = likely_fits(blend, float(histories.customers.sum()) < FEW_ENOUGH)
        wide = np.mean([one.moments_of(histories, spans) for one in likely], axis=0) if len(likely) > 1 else plain
        return {
            name: (mean * factor, _widened(product, mean, *other[:2]) * factor**2, np.clip(none, 0.0, 1.0) ** factor)
            for name, (mean, product, none), other in zip(windows, plain, wide, strict=True)
        }


def _widened(product: Any, mean: Any, mean_among: Any, product_among: Any) -> NDArray[np.float64]:
    """E[N (N - 1)] about the mean of the best parameters, as spread as it is among the likely ones."""
    known = (mean_among > 0) & (product_among > 0)
    ratio = np.divide(product_among, mean_among**2, out=np.zeros_like(mean), where=known)
    return np.asarray(np.maximum(ratio * mean**2, product))


def fit_models(ledger: Ledger, names: tuple[str, ...], learned: Learned, clock: Clock) -> Fits:
    """Fit the purchase and the amount models by maximum likelihood on what customers did until `as_of`."""
    histories = ledger.engine.fetch(purchase_histories(ledger, amount_factor(learned.card, ledger.statistics)))
    amounts = ledger.engine.fetch(amount_histories(ledger))
    panel = AmountPanel(
        active_periods=column(amounts, "amount_periods"),
        mean_amount_sum=column(amounts, "mean_amount_sum"),
        log_mean_amount_sum=log_mean_amount_sum(ledger),
        customers=column(amounts, "customers"),
    )
    table = columns_of(histories)
    plain = Clock.uniform(ledger.as_of, ledger.calendar.mean_days)
    frequency = NBD().fit(on_clock(plain, table, ledger.as_of))
    purchases = fit_purchases(names, on_clock(clock, table, ledger.as_of))
    money = fit_amounts(panel)
    forecaster = Forecaster(learned.blend(purchases), money, clock, learned.card, learned.level)
    if not learned.card.neutral:
        level = _balance(forecaster, table, column(histories, "factor"), ledger.as_of)
        forecaster = replace(forecaster, level=learned.level * level)
    return Fits(purchases, frequency, money, forecaster, histories, ledger.as_of)


def _balance(forecaster: Forecaster, table: Any, by_amount: NDArray[np.float64], as_of: date) -> float:
    """What keeps the total where it was: the scorecard moves purchases between customers only."""
    plain = forecaster.purchases.expected_purchases(on_clock(forecaster.clock, table, as_of), 1.0) * table["customers"]
    moved = float((plain * forecaster.card.factor(history_features(table)) * by_amount).sum())
    return float(plain.sum()) / moved if moved > 0 else 1.0


def amount_factor(card: Scorecard, people: ir.Table) -> Any:
    """What the scorecard says of customers by what they spend, as an engine expression; 1 where it says nothing."""
    import ibis

    mean_amount: Any = people.mean_amount_sum.coalesce(0.0) / ibis.greatest(people.amount_periods, 1)

    edges = card.edges.get("amount", ())
    if not edges:
        return ibis.literal(1.0).cast("float32").cast("float64")  # by way of a narrower type, see _with_margin
    factors = [math.exp(effect) for effect in card.effects["amount"]]
    bands = [(mean_amount < edge, factor) for edge, factor in zip(edges, factors, strict=False)]
    return ibis.cases(*bands, else_=factors[-1]).cast("float64")


def columns_of(histories: pa.Table) -> dict[str, NDArray[np.int64]]:
    """The columns of distinct histories that models look at."""
    whole = ("repeat_purchases", "recency_days", "tenure_days", "customers")
    return {name: to_numpy(histories[name]).astype(np.int64) for name in whole}


def column(table: pa.Table, name: str) -> NDArray[np.float64]:
    """One column of an Arrow table as floats."""
    return np.asarray(to_numpy(table[name]), dtype=np.float64)
