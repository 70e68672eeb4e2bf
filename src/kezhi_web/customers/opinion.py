"""The four key factors of a customer, 0 to 10: computed, by a person, and both together."""

from __future__ import annotations

from collections.abc import Mapping

from kezhi.language import Text
from kezhi.one_customer import FactorScore, factor_scores
from kezhi.settings.scoring import Factors
from kezhi_web.customers.one import Account

WORDS: Mapping[str, Text] = {
    "profit": Text("Profit", "利润"),
    "category": Text("Kind of customer", "客户类别"),
    "loyalty": Text("Loyalty", "消费忠诚度"),
    "need": Text("Needs", "客户需求"),
}


def factors_of(account: Account) -> tuple[list[tuple[Text, FactorScore]], float | None]:
    """Each factor that has a score, with its name; and their weighted mean."""
    scores = tuple(factor_scores(account.settings.factors or Factors(), account.ranking, account.opinions))
    known = [(one.weight, one.score) for one in scores if one.score is not None]
    weight = sum(part for part, _ in known)
    overall = sum(part * score for part, score in known) / weight if weight else None
    return [(WORDS[one.factor], one) for one in scores], overall
