"""Pure mathematics: what the models assume, how they are fitted, what they answer. Arrays in, arrays out."""

from __future__ import annotations

from kezhi.models.fitting import Diagnosis, Fit
from kezhi.models.gamma_gamma import (
    GammaGamma,
    GammaGammaFaderHardie,
    GammaGammaFaderHardieFit,
    GammaGammaFit,
)
from kezhi.models.histories import AmountPanel, PurchaseHistories, RepeatAmounts
from kezhi.models.nbd import NBD, NBDFit
from kezhi.models.published_rule import PublishedForecast, TransitionRule, published_forecast
from kezhi.models.registry import MODELS, Bilingual, Model, load

__all__ = [
    "MODELS",
    "NBD",
    "AmountPanel",
    "Bilingual",
    "Diagnosis",
    "Fit",
    "GammaGamma",
    "GammaGammaFaderHardie",
    "GammaGammaFaderHardieFit",
    "GammaGammaFit",
    "Model",
    "NBDFit",
    "PublishedForecast",
    "PurchaseHistories",
    "RepeatAmounts",
    "TransitionRule",
    "load",
    "published_forecast",
]
