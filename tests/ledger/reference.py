"""The ledger written out slowly in plain Python: what the engine's result must equal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

CENT = Decimal("0.01")


@dataclass
class Account:
    """One customer's period, from its days."""

    days: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    cost: Decimal = Decimal(0)
    expense: Decimal = Decimal(0)

    @property
    def amount(self) -> Decimal:
        return sum(self.days.values(), Decimal(0))

    @property
    def purchases(self) -> int:
        return sum(1 for amount in self.days.values() if amount > 0)


def booking_day(line: dict[str, Any], lines: list[dict[str, Any]]) -> date:
    """A return goes to the day of the sale whose order it names, if that sale is not later."""
    if line["amount"] >= 0 or line.get("order_id") is None:
        return line["date"]
    same = [
        other["date"]
        for other in lines
        if other["amount"] > 0
        and other["customer_id"] == line["customer_id"]
        and other.get("order_id") == line["order_id"]
    ]
    return min(same) if same and min(same) <= line["date"] else line["date"]


def accounts(
    lines: list[dict[str, Any]],
    expenses: list[dict[str, Any]],
    number_of: Any,
    as_of: date,
) -> dict[tuple[str, int], Account]:
    """(customer, period number) -> Account, from everything dated up to `as_of`."""
    known = [line for line in lines if line["date"] <= as_of]
    made: dict[tuple[str, int], Account] = defaultdict(Account)
    for line in known:
        day = booking_day(line, known)
        account = made[line["customer_id"], number_of(day)]
        account.days[day] += line["amount"]
        account.cost += line.get("cost") or 0
    own = [e for e in expenses if e["date"] <= as_of and e["customer_id"] is not None]
    shared = [e for e in expenses if e["date"] <= as_of and e["customer_id"] is None]
    parts = shares(made, shared, number_of)
    for expense in own:
        made[expense["customer_id"], number_of(expense["date"])].expense += expense["amount"]
    for key, part in parts.items():
        made[key].expense += part
    return made


def shares(made: Any, shared: list[dict[str, Any]], number_of: Any) -> dict[tuple[str, int], Decimal]:
    """Shared expenses in proportion to amounts, cent by cent, the rest to the largest remainders."""
    buyers = {key: a.amount for key, a in made.items() if a.purchases > 0 and a.amount > 0}
    pots: dict[int, Decimal] = defaultdict(Decimal)
    if not buyers:
        return {}
    first = min(number for _, number in buyers)
    for expense in shared:
        pots[max(number_of(expense["date"]), first)] += expense["amount"]
    parts: dict[tuple[str, int], Decimal] = {}
    for number, pot in pots.items():
        weights = {customer: amount for (customer, n), amount in buyers.items() if n == number}
        if not weights:
            weights = {customer: Decimal(1) for customer, n in buyers if n < number}
        total = sum(weights.values())
        cents = (pot / CENT).to_integral_value(ROUND_FLOOR)
        exact = {customer: cents * weight / total for customer, weight in weights.items()}
        base = {customer: value.to_integral_value(ROUND_FLOOR) for customer, value in exact.items()}
        order = sorted(weights, key=lambda c: (-(round(exact[c] - base[c], 6)), c))
        left = int(cents - sum(base.values()))
        for rank, customer in enumerate(order):
            crumbs = pot - cents * CENT if rank == 0 else Decimal(0)
            parts[customer, number] = (base[customer] + (1 if rank < left else 0)) * CENT + crumbs
    return parts
