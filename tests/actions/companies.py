"""Companies with an action whose effect is known, and the slow obvious way to find it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

FIRST, ACTED, AS_OF = date(2025, 1, 1), date(2025, 4, 2), date(2025, 6, 30)
BEFORE, AFTER = (ACTED - FIRST).days, (AS_OF - ACTED).days + 1
Rows = list[dict[str, Any]]


@dataclass
class Company:
    """Order lines and actions."""

    orders: Rows = field(default_factory=list)
    actions: Rows = field(default_factory=list)


RATE = 2.0 * 0.4 + 0.05  # purchases in 30 days, on average


def trial(
    seed: int, *, customers: int, more: float, share: float = 0.5, unlike: bool = False, action: str = "voucher"
) -> Company:
    """Customers who buy once in a while, three months before an action and three after; treated buy `more` after it.

    `unlike`: the treated are those who buy most, so that the groups differ before the action already.
    """
    chance = np.random.default_rng(seed)
    made = Company()
    rates = chance.gamma(2.0, 0.4, customers) + 0.05  # purchases per 30 days
    treated = chance.random(customers) < share
    if unlike:
        treated = rates > np.quantile(rates, 1 - share)
    for number in range(customers):
        name = f"{action} {number:04d}"
        raised = 1 + more * bool(treated[number])
        days = [*_days(chance, FIRST, BEFORE, rates[number]), *_days(chance, ACTED, AFTER, rates[number] * raised)]
        for day in days:
            amount = Decimal(int(chance.gamma(3.0, 1500))) / 100 + 1
            made.orders.append({"customer_id": name, "date": day, "amount": amount, "cost": round(amount / 2, 2)})
        arm = "treated" if treated[number] else "control"
        made.actions.append({"customer_id": name, "date": ACTED, "action": action, "arm": arm})
    return made


def together(companies: list[Company]) -> Company:
    """One company of several, each with customers and an action of its own."""
    return Company(*([row for one in companies for row in getattr(one, name)] for name in ("orders", "actions")))


def _days(chance: np.random.Generator, first: date, span: int, rate: float) -> list[date]:
    count = min(int(chance.poisson(rate * span / 30)), span)
    return sorted(first + timedelta(days=int(day)) for day in chance.choice(span, count, replace=False))


def random_company(seed: int) -> Company:
    """A few customers and actions with everything that may happen: other days, both groups, nobody, returns."""
    chance = random.Random(seed)
    made = Company()
    span = (AS_OF - FIRST).days
    for number in range(14):
        for _ in range(chance.randrange(9)):
            day = FIRST + timedelta(days=chance.randrange(span + 1))
            amount = Decimal(chance.randrange(-3000, 20000)) / 100
            made.orders.append(
                {"customer_id": f"C{number}", "date": day, "amount": amount, "cost": round(amount / 4, 2)}
            )
    made.orders.append({"customer_id": "C0", "date": AS_OF, "amount": Decimal(5), "cost": Decimal(1)})
    for action in ("mail", "call", "gift"):
        for _ in range(chance.randrange(3, 20)):
            arm = (
                chance.choice(["treated", "Test ", "control", "对照组", None, "treated"]) if action != "gift" else None
            )
            made.actions.append(
                {
                    "customer_id": f"C{chance.randrange(17)}",
                    "date": FIRST + timedelta(days=chance.randrange(span + 20)),
                    "action": action,
                    "arm": arm,
                    "cost": chance.choice([None, Decimal("1.25")]),
                }
            )
    return made


# --- the slow way -----------------------------------------------------------------------------------------


def in_groups(company: Company, action: str) -> tuple[dict[str, date], dict[str, date], int]:
    """First days of the treated and of the control customers, and how many are in neither."""
    own = [row for row in company.actions if row["action"] == action and row["date"] <= AS_OF]
    said: dict[str, set[int]] = {}
    days: dict[str, date] = {}
    for row in own:
        arm = {"treated": 1, "test": 1, "control": 0, "对照组": 0}.get((row["arm"] or "").strip().lower())
        said.setdefault(row["customer_id"], set()).update([] if arm is None else [arm])
        days[row["customer_id"]] = min(days.get(row["customer_id"], row["date"]), row["date"])
    if not any(said.values()):
        return days, {}, 0
    treated = {name: days[name] for name, arms in said.items() if arms == {1}}
    control = {name: days[name] for name, arms in said.items() if arms == {0}}
    return treated, control, len(said) - len(treated) - len(control)


def bought(company: Company, name: str, day: date, window: int) -> dict[str, list[Decimal]]:
    """purchases, amount, value: before and after the day, within the window."""
    length = min(window, (AS_OF - day).days + 1)
    sums = {figure: [Decimal(0), Decimal(0)] for figure in ("purchases", "amount", "value")}
    of_day: dict[date, Decimal] = {}
    for row in company.orders:
        since = (row["date"] - day).days
        if row["customer_id"] == name and -length <= since < length:
            of_day[row["date"]] = of_day.get(row["date"], Decimal(0)) + row["amount"]
            sums["amount"][since >= 0] += row["amount"]
            sums["value"][since >= 0] += row["amount"] - row["cost"]
    for one, amount in of_day.items():
        sums["purchases"][one >= day] += amount > 0
    return sums
