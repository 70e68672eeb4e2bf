"""What corrections did to a forecast, as worth.json keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from kezhi.corrections.record import Correction, in_words


@dataclass(frozen=True)
class Account:
    """The company's sums over the horizon."""

    amount: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    expense: Decimal = Decimal(0)
    value: Decimal = Decimal(0)

    def plus(self, amount: Decimal, cost: Decimal, expense: Decimal, value: Decimal) -> Account:
        """With so much more of each."""
        return Account(self.amount + amount, self.cost + cost, self.expense + expense, self.value + value)


@dataclass(frozen=True)
class Batch:
    """The company's sums before and after corrections that were applied together."""

    before: Account
    after: Account

    @property
    def effect(self) -> Decimal:
        """What they added to the value forecast."""
        return self.after.value - self.before.value


@dataclass(frozen=True)
class Done:
    """A correction with how many periods and customers it touched, and the batch whose effect it shares."""

    correction: Correction
    rows: int
    customers: int
    batch: Batch


def facts(done: Sequence[Done], before: Account, after: Account) -> dict[str, Any]:
    """The topic `corrections` of worth.json."""
    return {
        "computed": asdict(before),
        "corrected": asdict(after),
        "effect": after.value - before.value,
        "applied": [_fact(one) for one in done if one.rows],
    }


def _fact(one: Done) -> dict[str, Any]:
    said = one.correction
    return {
        "number": said.number,
        "at": said.at,
        "who": said.who,
        "why": said.why,
        "figure": said.change.figure,
        "change": str(said.change),
        "words": in_words(said.change).as_dict(),
        "whom": said.whom,
        "chosen": said.chosen,
        "first": said.first,
        "last": said.last,
        "periods": one.rows,
        "customers": one.customers,
        "value_before": one.batch.before.value,
        "value_after": one.batch.after.value,
    }
