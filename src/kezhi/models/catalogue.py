"""The models of this package: of which kind, made and fitted by what, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kezhi.models.beta_discrete_weibull import BetaDiscreteWeibull, BetaDiscreteWeibullFit
from kezhi.models.bg_bb import BGBB, BGBBFit
from kezhi.models.bg_cnbd_k import BGCNBDk, BGCNBDkFit, MBGCNBDk, MBGCNBDkFit
from kezhi.models.bg_nbd import BGNBD, MBGNBD, BGNBDFit, MBGNBDFit
from kezhi.models.discrete_histories import ContractHistories, OpportunityHistories
from kezhi.models.fitting import Fit
from kezhi.models.gamma_gamma import (
    GammaGamma,
    GammaGammaFaderHardie,
    GammaGammaFaderHardieFit,
    GammaGammaFit,
)
from kezhi.models.histories import AmountPanel, PurchaseHistories, RepeatAmounts
from kezhi.models.nbd import NBD, NBDFit
from kezhi.models.pareto_nbd import ParetoNBD, ParetoNBDFit
from kezhi.models.published_rule import TransitionRule
from kezhi.models.shifted_beta_geometric import ShiftedBetaGeometric, ShiftedBetaGeometricFit
from kezhi.models.words import WORDS, Bilingual


@dataclass(frozen=True)
class Model:
    """One line of the list: `maker().fit(evidence(...))` gives a `fit`; a rule is made from two fits."""

    name: str
    kind: Literal["purchases", "opportunities", "contracts", "amounts", "rule"]
    maker: type
    fit: type[Fit] | None
    evidence: type | None
    summary: Bilingual
    assumes: Bilingual
    when: Bilingual


CATALOGUE = (
    Model("nbd", "purchases", NBD, NBDFit, PurchaseHistories, *WORDS["nbd"]),
    Model("pareto_nbd", "purchases", ParetoNBD, ParetoNBDFit, PurchaseHistories, *WORDS["pareto_nbd"]),
    Model("bg_nbd", "purchases", BGNBD, BGNBDFit, PurchaseHistories, *WORDS["bg_nbd"]),
    Model("mbg_nbd", "purchases", MBGNBD, MBGNBDFit, PurchaseHistories, *WORDS["mbg_nbd"]),
    Model("bg_cnbd_k", "purchases", BGCNBDk, BGCNBDkFit, PurchaseHistories, *WORDS["bg_cnbd_k"]),
    Model("mbg_cnbd_k", "purchases", MBGCNBDk, MBGCNBDkFit, PurchaseHistories, *WORDS["mbg_cnbd_k"]),
    Model("bg_bb", "opportunities", BGBB, BGBBFit, OpportunityHistories, *WORDS["bg_bb"]),
    Model(
        "shifted_beta_geometric",
        "contracts",
        ShiftedBetaGeometric,
        ShiftedBetaGeometricFit,
        ContractHistories,
        *WORDS["shifted_beta_geometric"],
    ),
    Model(
        "beta_discrete_weibull",
        "contracts",
        BetaDiscreteWeibull,
        BetaDiscreteWeibullFit,
        ContractHistories,
        *WORDS["beta_discrete_weibull"],
    ),
    Model("gamma_gamma", "amounts", GammaGamma, GammaGammaFit, AmountPanel, *WORDS["gamma_gamma"]),
    Model(
        "gamma_gamma_fader_hardie",
        "amounts",
        GammaGammaFaderHardie,
        GammaGammaFaderHardieFit,
        RepeatAmounts,
        *WORDS["gamma_gamma_fader_hardie"],
    ),
    Model("transition", "rule", TransitionRule, None, None, *WORDS["transition"]),
)
