"""Partners and key accounts compared by weighted criteria, and how far the first place hangs on the weights (V26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from kezhi.language import KezhiError, Text


@dataclass(frozen=True)
class Range:
    """Within which share of all weights a criterion leaves the first place unchanged, the others kept in proportion."""

    weight: float
    lower: float
    upper: float

    @property
    def settled(self) -> bool:
        """Whether no weight of this criterion changes who is first."""
        return self.lower <= 0.0 and self.upper >= 1.0


@dataclass(frozen=True)
class Scorecard:
    """Accounts, best first, with their weighted scores; weights add up to 1."""

    scores: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, float]
    totals: Mapping[str, float]
    ranges: Mapping[str, Range]

    @property
    def ranking(self) -> tuple[str, ...]:
        """The accounts, best first; equals in the order of their names."""
        return tuple(self.totals)

    @property
    def first(self) -> str:
        """Who comes first."""
        return self.ranking[0]

    def best_in(self, criterion: str) -> tuple[str, ...]:
        """Who has the highest score in one criterion."""
        most = max(row[criterion] for row in self.scores.values())
        return tuple(name for name in sorted(self.scores) if self.scores[name][criterion] == most)

    @property
    def sentence(self) -> Text:
        """Who is first, and what would change that."""
        told = Text(f"{self.first} comes first", f"{self.first} 排名第一")
        tight = [(name, one) for name, one in self.ranges.items() if not one.settled]
        if not tight:
            return Text(
                f"{told.en}, whatever the weight of a single criterion.", f"{told.zh}，无论任何一项的权重如何改变。"
            )
        parts = [(name, f"{100 * one.lower:.0f}%", f"{100 * one.upper:.0f}%") for name, one in tight]
        parts_en = ", ".join(f"{name} between {low} and {high}" for name, low, high in parts)
        parts_zh = "、".join(f"{name} 在 {low} 到 {high} 之间" for name, low, high in parts)
        return Text(f"{told.en} as long as the weight is: {parts_en}.", f"{told.zh}，只要权重满足：{parts_zh}。")


def scorecard(scores: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> Scorecard:
    """Rank accounts or partners by weighted criteria, with the ranges of the weights that keep the first place.

    `scores`: account -> criterion -> score, higher is better, all on one scale. `weights`: criterion -> weight, 0 or
    more; they are scaled to add up to 1. Range of a criterion: its own weight moves from 0 to 1 while the others share
    the rest in proportion (in equal parts where they have none). Raises KezhiError where a score is missing.

    >>> found = scorecard({"A": {"brand": 1, "capacity": 2}, "B": {"brand": 3, "capacity": 1}},
    ...                   {"brand": 0.5, "capacity": 0.5})
    >>> found.first, round(found.ranges["brand"].lower, 3)
    ('B', 0.333)
    """
    share = _shares(weights)
    if not scores:
        raise KezhiError(Text("Give at least one account to score.", "请至少给出一个评分对象。"))
    known = {account: _row(account, row, share) for account, row in scores.items()}
    totals = {account: _weighted(row, share) for account, row in known.items()}
    order = sorted(totals, key=lambda account: (-totals[account], account))
    ranges = {criterion: _range(known, share, criterion, order[0]) for criterion in share}
    return Scorecard(known, share, {account: totals[account] for account in order}, ranges)


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    for name, weight in weights.items():
        if not (isfinite(weight) and weight >= 0):
            raise KezhiError(
                Text("The weight of {name} must be 0 or more, not {given}.", "{name} 的权重不能小于 0：{given}。").fill(
                    name=name, given=weight
                )
            )
    total = sum(weights.values())
    if total <= 0:
        raise KezhiError(Text("Give at least one criterion a weight above 0.", "至少一个指标的权重要大于 0。"))
    return {name: weight / total for name, weight in weights.items()}


def _row(account: str, row: Mapping[str, float], share: Mapping[str, float]) -> dict[str, float]:
    for criterion in share:
        if criterion not in row or not isfinite(row[criterion]):
            raise KezhiError(
                Text("{account} has no score for {criterion}.", "{account} 缺少 {criterion} 的得分。").fill(
                    account=account, criterion=criterion
                )
            )
    return {criterion: float(row[criterion]) for criterion in share}


def _weighted(row: Mapping[str, float], share: Mapping[str, float]) -> float:
    return sum(weight * row[criterion] for criterion, weight in share.items())


def _range(rows: Mapping[str, Mapping[str, float]], share: Mapping[str, float], moved: str, first: str) -> Range:
    """Scores are straight lines in the moved weight t: t x own score + (1 - t) x the mean of the other criteria."""
    others = {name: weight for name, weight in share.items() if name != moved}
    rest = sum(others.values())
    if not others:
        return Range(share[moved], 0.0, 1.0)
    kept = {name: weight / rest if rest > 0 else 1.0 / len(others) for name, weight in others.items()}
    lower, upper = 0.0, 1.0
    for account, row in rows.items():
        if account == first:
            continue
        at_one = rows[first][moved] - row[moved]
        at_zero = _weighted(rows[first], kept) - _weighted(row, kept)
        if at_zero < 0 <= at_one:
            lower = max(lower, at_zero / (at_zero - at_one))
        elif at_one < 0 <= at_zero:
            upper = min(upper, at_zero / (at_zero - at_one))
    return Range(share[moved], min(lower, share[moved]), max(upper, share[moved]))
