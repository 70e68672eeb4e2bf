"""Pure mathematics: what the models assume, how they are fitted, what they answer. Arrays in, arrays out."""

from __future__ import annotations

from kezhi.models.beta_discrete_weibull import BetaDiscreteWeibull, BetaDiscreteWeibullFit
from kezhi.models.bg_bb import BGBB, BGBBFit
from kezhi.models.bg_cnbd_k import BGCNBDk, BGCNBDkFit, MBGCNBDk, MBGCNBDkFit
from kezhi.models.bg_nbd import BGNBD, MBGNBD, BGNBDFit, MBGNBDFit
from kezhi.models.catalogue import Bilingual, Model
from kezhi.models.covariates import ParetoNBDCovariatesFit
from kezhi.models.discrete_histories import ContractHistories, OpportunityHistories
from kezhi.models.fitting import Diagnosis, Fit
from kezhi.models.gamma_gamma import (
    GammaGamma,
    GammaGammaFaderHardie,
    GammaGammaFaderHardieFit,
    GammaGammaFit,
)
from kezhi.models.histories import AmountPanel, PurchaseHistories, RepeatAmounts
from kezhi.models.nbd import NBD, NBDFit
from kezhi.models.pareto_nbd import ParetoNBD, ParetoNBDFit
from kezhi.models.published_rule import PublishedForecast, TransitionRule, published_forecast
from kezhi.models.registry import MODELS, load
from kezhi.models.shifted_beta_geometric import ShiftedBetaGeometric, ShiftedBetaGeometricFit

__all__ = [
    "BGBB",
    "BGNBD",
    "MBGNBD",
    "MODELS",
    "NBD",
    "AmountPanel",
    "BGBBFit",
    "BGCNBDk",
    "BGCNBDkFit",
    "BGNBDFit",
    "BetaDiscreteWeibull",
    "BetaDiscreteWeibullFit",
    "Bilingual",
    "ContractHistories",
    "Diagnosis",
    "Fit",
    "GammaGamma",
    "GammaGammaFaderHardie",
    "GammaGammaFaderHardieFit",
    "GammaGammaFit",
    "MBGCNBDk",
    "MBGCNBDkFit",
    "MBGNBDFit",
    "Model",
    "NBDFit",
    "OpportunityHistories",
    "ParetoNBD",
    "ParetoNBDCovariatesFit",
    "ParetoNBDFit",
    "PublishedForecast",
    "PurchaseHistories",
    "RepeatAmounts",
    "ShiftedBetaGeometric",
    "ShiftedBetaGeometricFit",
    "TransitionRule",
    "load",
    "published_forecast",
]
