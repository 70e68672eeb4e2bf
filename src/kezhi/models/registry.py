"""The list of models: what each is for, what it assumes, when to use it; commands and tests read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from kezhi.models.fitting import Fit
from kezhi.models.gamma_gamma import (
    GammaGamma,
    GammaGammaFaderHardie,
    GammaGammaFaderHardieFit,
    GammaGammaFit,
)
from kezhi.models.histories import AmountPanel, PurchaseHistories, RepeatAmounts
from kezhi.models.nbd import NBD, NBDFit
from kezhi.models.published_rule import TransitionRule


class Bilingual(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


@dataclass(frozen=True)
class Model:
    """One line of the list: `maker().fit(evidence(...))` gives a `fit`; a rule is made from two fits."""

    name: str
    kind: Literal["purchases", "amounts", "rule"]
    maker: type
    fit: type[Fit] | None
    evidence: type | None
    summary: Bilingual
    assumes: Bilingual
    when: Bilingual


_ALL = (
    Model(
        "nbd",
        "purchases",
        NBD,
        NBDFit,
        PurchaseHistories,
        Bilingual(
            "How often customers buy (negative binomial model).",
            "客户多久购买一次(负二项模型)。",
        ),
        Bilingual(
            "Each customer buys at random at a steady rate (Poisson) and never leaves; rates differ "
            "between customers "
            "as a gamma distribution.",
            "每位客户以稳定的速率随机购买(卜松过程)且不会流失;不同客户的速率服从伽玛分配。",
        ),
        Bilingual(
            "Customers hardly leave, or the history is too short to see it; also the basis of the published rule.",
            "客户很少流失,或历史太短还看不出流失时使用;它也是移转规则的基础。",
        ),
    ),
    Model(
        "gamma_gamma",
        "amounts",
        GammaGamma,
        GammaGammaFit,
        AmountPanel,
        Bilingual(
            "What a purchase is worth, learned from every active period of every customer (Gamma-Gamma, panel form).",
            "一次购买值多少,由每位客户每个成交期的平均金额得出(伽玛-伽玛模型,逐期形式)。",
        ),
        Bilingual(
            "A customer's average amounts vary from period to period as a gamma distribution, around a "
            "level of the "
            "customer's own; levels differ between customers, and do not depend on how often a customer "
            "buys.",
            "客户各期的平均金额围绕自己的水平按伽玛分配波动;不同客户的水平各异,且与购买频率无关。",
        ),
        Bilingual(
            "The standard choice when amounts are known period by period.",
            "各期金额已知时的标准选择。",
        ),
    ),
    Model(
        "gamma_gamma_fader_hardie",
        "amounts",
        GammaGammaFaderHardie,
        GammaGammaFaderHardieFit,
        RepeatAmounts,
        Bilingual(
            "What a purchase is worth, learned from each customer's average repeat purchase (Gamma-Gamma,"
            " Fader and "
            "Hardie's form).",
            "一次购买值多少,由每位客户复购的平均金额得出(伽玛-伽玛模型,Fader–Hardie 形式)。",
        ),
        Bilingual(
            "Single purchases vary as a gamma distribution around a level of the customer's own; levels "
            "differ between "
            "customers, and do not depend on how often a customer buys.",
            "单次购买金额围绕客户自己的水平按伽玛分配波动;不同客户的水平各异,且与购买频率无关。",
        ),
        Bilingual(
            "To compare with published results and other packages, or when only averages are at hand.",
            "需要与文献或其他软件比较,或只有平均金额时使用。",
        ),
    ),
    Model(
        "transition",
        "rule",
        TransitionRule,
        None,
        None,
        Bilingual(
            "The published rule: next frequency x next average amount x the probability of each.",
            "已发表的移转规则:下期频率 × 下期平均金额 × 各自的概率。",
        ),
        Bilingual(
            "The next state depends on the present one alone (Markov): idle periods, last frequency, "
            "segment of the "
            "average amount.",
            "下期状态只取决于当前状态(马可夫):未成交期数、最近频率、平均金额所在区间。",
        ),
        Bilingual(
            "To follow the published method to the letter; it is not an expected value, so let a "
            "backtest decide before "
            "relying on totals.",
            "需要严格遵循已发表方法时使用;它不是期望值,采用其合计之前请先看回测。",
        ),
    ),
)

MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in _ALL})


def load(source: str | Mapping[str, Any]) -> Fit:
    """A fit back from its JSON text or dict, whichever model it is of; ValueError if it is of none."""
    try:
        data = dict(json.loads(source) if isinstance(source, str) else source)
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError("source is not the JSON of a fit") from error
    model = MODELS.get(str(data.get("model")))
    if model is None or model.fit is None:
        known = ", ".join(name for name, one in MODELS.items() if one.fit)
        raise ValueError(f"source names the model {data.get('model')!r}; known are {known}")
    return model.fit.from_json(data)
