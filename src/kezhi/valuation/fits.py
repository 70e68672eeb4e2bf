"""The models fitted on a ledger's distinct histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.ledger import Ledger, amount_histories, log_mean_amount_sum, purchase_histories
from kezhi.models import NBD, AmountPanel, GammaGamma, PurchaseHistories

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Fits:
    """What was fitted, and the distinct purchase histories it was fitted on.

    `histories` has the columns of `ledger.purchase_histories`, one row per distinct history, in days.
    """

    purchases: Any
    amounts: Any
    histories: pa.Table


def fit_models(ledger: Ledger) -> Fits:
    """Fit the purchase and the amount model by maximum likelihood on what customers did until `as_of`."""
    histories = ledger.engine.fetch(purchase_histories(ledger))
    amounts = ledger.engine.fetch(amount_histories(ledger))
    panel = AmountPanel(
        active_periods=column(amounts, "amount_periods"),
        mean_amount_sum=column(amounts, "mean_amount_sum"),
        log_mean_amount_sum=log_mean_amount_sum(ledger),
        customers=column(amounts, "customers"),
    )
    purchases = NBD().fit(in_periods(histories, ledger.calendar.mean_days))
    return Fits(purchases, GammaGamma().fit(panel), histories)


def in_periods(histories: pa.Table, period_days: float) -> PurchaseHistories:
    """Histories counted in days as the models' histories, counted in periods."""
    return PurchaseHistories(
        repeat_purchases=column(histories, "repeat_purchases"),
        last_purchase_at=column(histories, "recency_days") / period_days,
        observed_periods=column(histories, "tenure_days") / period_days,
        customers=column(histories, "customers"),
    )


def column(table: pa.Table, name: str) -> NDArray[np.float64]:
    """One column of an Arrow table as floats."""
    return np.asarray(table[name].to_numpy(), dtype=np.float64)
