"""Pure mathematics: what the models assume, how they are fitted, what they answer. Arrays in, arrays out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kezhi.models.beta_discrete_weibull import BetaDiscreteWeibull, BetaDiscreteWeibullFit
    from kezhi.models.bg_bb import BGBB, BGBBFit
    from kezhi.models.bg_cnbd_k import BGCNBDk, BGCNBDkFit, MBGCNBDk, MBGCNBDkFit
    from kezhi.models.bg_nbd import BGNBD, MBGNBD, BGNBDFit, MBGNBDFit
    from kezhi.models.catalogue import Model
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
    from kezhi.models.words import WORDS, Bilingual

__all__ = [
    "BGBB",
    "BGNBD",
    "MBGNBD",
    "MODELS",
    "NBD",
    "WORDS",
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

_HOMES = {
    "beta_discrete_weibull": ("BetaDiscreteWeibull", "BetaDiscreteWeibullFit"),
    "bg_bb": ("BGBB", "BGBBFit"),
    "bg_cnbd_k": ("BGCNBDk", "BGCNBDkFit", "MBGCNBDk", "MBGCNBDkFit"),
    "bg_nbd": ("BGNBD", "MBGNBD", "BGNBDFit", "MBGNBDFit"),
    "catalogue": ("Model",),
    "covariates": ("ParetoNBDCovariatesFit",),
    "discrete_histories": ("ContractHistories", "OpportunityHistories"),
    "fitting": ("Diagnosis", "Fit"),
    "gamma_gamma": ("GammaGamma", "GammaGammaFaderHardie", "GammaGammaFaderHardieFit", "GammaGammaFit"),
    "histories": ("AmountPanel", "PurchaseHistories", "RepeatAmounts"),
    "nbd": ("NBD", "NBDFit"),
    "pareto_nbd": ("ParetoNBD", "ParetoNBDFit"),
    "published_rule": ("PublishedForecast", "TransitionRule", "published_forecast"),
    "registry": ("MODELS", "load"),
    "shifted_beta_geometric": ("ShiftedBetaGeometric", "ShiftedBetaGeometricFit"),
    "words": ("WORDS", "Bilingual"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a model when it is first asked for: the words about the models need no numpy and no scipy."""
    if name in _HOME_OF:
        return getattr(import_module(f"kezhi.models.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'kezhi.models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
