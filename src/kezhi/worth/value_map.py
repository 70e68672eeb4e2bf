"""Where the company stands among its competitors: quality as customers see it against price (V24)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi.settings.market import Market, Offer
from kezhi.worth.received import PerceivedValue, perceived_value

US = "us"
_NO_SCORE = Text(
    "The market cannot be compared: {company} has no score for {dimension}. Add it in kezhi.toml under [market].",
    "无法与市场比较：{company} 缺少 {dimension} 的得分。请在 kezhi.toml 的 [market] 中补充。",
)
_NO_WEIGHTS = Text(
    "The market cannot be compared: give at least one dimension a weight above 0 under [market.weights].",
    "无法与市场比较：请在 [market.weights] 中给至少一个维度大于 0 的权重。",
)
_OURS = Text("the company itself (market.us, or the surveys)", "本公司（market.us 或问卷）")


def value_map(market: Market, surveyed: Mapping[str, float]) -> dict[str, Any] | None:
    """The company and its competitors, each against the mean of all others; None where there is no competitor.

    `surveyed`: the company's own mean score by dimension, where `market.us` gives none. Without weights all dimensions
    that every competitor has count the same. Raises KezhiError where a score is missing.
    """
    if not market.competitors:
        return None
    weights = dict(market.weights) or _equal(market)
    wanted = [name for name, weight in weights.items() if weight > 0]
    if not wanted:
        raise KezhiError(_NO_WEIGHTS)
    us = market.us.scores if market.us else {}
    ours = {name: us.get(name, surveyed.get(name)) for name in wanted}
    scores: dict[str, dict[str, Any]] = {US: dict(ours)}
    scores |= {name: dict(offer.scores) for name, offer in market.competitors.items()}
    for company, row in scores.items():
        for name in wanted:
            if not row.get(name):
                said = _OURS if company == US else Text(company, company)
                raise KezhiError(
                    Text(
                        _NO_SCORE.en.format(company=said.en, dimension=name),
                        _NO_SCORE.zh.format(company=said.zh, dimension=name),
                    )
                )
    prices: dict[str, float | None] = {US: market.us.price if market.us else None}
    prices |= {name: offer.price for name, offer in market.competitors.items()}
    found = {company: _against(company, scores, prices, weights, wanted) for company in scores}
    return {
        "quality": found[US].quality,
        "price": found[US].price,
        "value": found[US].value,
        "dimensions": [
            {
                "dimension": name,
                "weight": found[US].weights[name],
                "ours": scores[US][name],
                "theirs": _mean([row[name] for company, row in scores.items() if company != US]),
                "ratio": found[US].ratios[name],
            }
            for name in wanted
        ],
        "offers": [
            {"company": company, "quality": one.quality, "price": one.price, "value": one.value}
            for company, one in found.items()
        ],
        **found[US].sentence.as_dict(),
    }


def _equal(market: Market) -> dict[str, float]:
    rows: list[Offer] = list(market.competitors.values())
    return {name: 1.0 for name in rows[0].scores if all(name in offer.scores for offer in rows)}


def _against(
    company: str,
    scores: Mapping[str, Mapping[str, Any]],
    prices: Mapping[str, float | None],
    weights: Mapping[str, float],
    wanted: list[str],
) -> PerceivedValue:
    others = [row for name, row in scores.items() if name != company]
    ratios = {name: scores[company][name] / _mean([row[name] for row in others]) for name in wanted}
    asked = [price for name, price in prices.items() if name != company and price is not None]
    mine = prices[company]
    price = mine / _mean(asked) if mine is not None and asked else None
    return perceived_value({name: weights[name] for name in wanted}, ratios, price=price)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
