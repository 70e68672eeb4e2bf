"""A small company at random, and the slow obvious way to follow its customers."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

AS_OF = date(2025, 6, 12)  # cuts June short
FIRST = date(2023, 2, 1)
Rows = list[dict[str, Any]]


@dataclass
class Company:
    """Rows of every table that says something of where customers come from and what they bring."""

    orders: Rows = field(default_factory=list)
    customers: Rows = field(default_factory=list)
    expenses: Rows = field(default_factory=list)
    products: Rows = field(default_factory=list)
    opportunities: Rows = field(default_factory=list)

    @property
    def tables(self) -> dict[str, Rows]:
        """As `worked` takes them."""
        return {name: rows for name, rows in vars(self).items() if name != "orders"}


def money(number: float) -> Decimal:
    """Whole cents."""
    return Decimal(str(round(number, 2)))


def small_company(seed: int = 5, customers: int = 40) -> Company:
    """Customers with and without a day of acquisition; costs of winning them in one table, the other, both or none."""
    chance = random.Random(seed)
    made = Company()
    made.products = [{"product_id": f"P{n}", "category": f"kind {n % 6}" if n else None} for n in range(13)]
    span = (AS_OF - FIRST).days
    for number in range(customers):
        name = f"C{number:02d}"
        start = FIRST + timedelta(days=chance.randrange(span - 20))
        cost = money(chance.uniform(1, 90)) if chance.random() < 0.7 else None
        made.customers.append(
            {
                "customer_id": name,
                "acquired_on": start - timedelta(days=chance.randrange(70)) if chance.random() < 0.6 else None,
                "acquisition_cost": cost,
                "source": chance.choice(["fair", "referral", "search", None]),
                "role": chance.choice(["consumer", "agent"]),
                "wallet": money(chance.uniform(100, 3000)) if chance.random() < 0.5 else None,
            }
        )
        if chance.random() < 0.5:
            made.expenses.append(_expense(name, start - timedelta(days=chance.randrange(40)), chance, "acquisition"))
        for _ in range(chance.randrange(3)):
            made.expenses.append(_expense(name, start + timedelta(days=chance.randrange(300)), chance, "service"))
        if number % 13:  # the others have never bought
            made.orders += _orders(name, start, chance)
        for _ in range(chance.randrange(4)):
            made.opportunities.append(
                {
                    "opportunity_id": f"O{len(made.opportunities)}",
                    "customer_id": name,
                    "amount": money(chance.uniform(10, 500)),
                    "stage": chance.choice(["won", "lost", "quoted"]),
                    "opened_on": start,
                }
            )
    made.customers.append({"customer_id": "listed only", "acquired_on": FIRST, "source": "fair", "role": "consumer"})
    made.expenses = [row for row in made.expenses if row["date"] <= AS_OF]
    return made


def _expense(name: str, day: date, chance: random.Random, kind: str) -> dict[str, Any]:
    return {"customer_id": name, "date": day, "amount": money(chance.uniform(1, 60)), "kind": kind, "channel": None}


def _orders(name: str, start: date, chance: random.Random) -> Rows:
    rows: Rows = []
    day = start
    while day <= AS_OF:
        amount = chance.uniform(5, 200)
        product = f"P{chance.randrange(14)}"  # one is in no table of products
        rows.append(_line(name, day, amount, product))
        if chance.random() < 0.15:
            rows.append(_line(name, min(day + timedelta(days=9), AS_OF), -amount * chance.uniform(0.2, 1), product))
        day += timedelta(days=chance.choice([3, 20, 45, 90, 200]))
    return rows


def _line(name: str, day: date, amount: float, product: str) -> dict[str, Any]:
    net = money(amount)
    return {"customer_id": name, "date": day, "amount": net, "cost": net / 2, "product_id": product}


# --- the slow way -----------------------------------------------------------------------------------------


def month(day: date) -> int:
    """Months counted from year 0."""
    return day.year * 12 + day.month - 1


@dataclass
class Life:
    """One customer's month of beginning, and what was booked in each month."""

    begin: int
    amount: dict[int, Decimal]
    cost: dict[int, Decimal]
    expense: dict[int, Decimal]
    purchases: dict[int, int]
    bought: list[date]
    acquisition: Decimal
    unbooked: Decimal
    said: dict[str, Any]

    def value(self, months: range | None = None) -> Decimal:
        """Amount less cost less expense, in some months or altogether."""
        wanted = {*self.amount, *self.expense} if months is None else months
        nothing = Decimal(0)
        return sum(
            (self.amount.get(m, nothing) - self.cost.get(m, nothing) - self.expense.get(m, nothing) for m in wanted),
            nothing,
        )


def lives(company: Company) -> dict[str, Life]:
    """Every customer of the ledger: who bought, returned or had money spent on them."""
    everybody = {row["customer_id"] for row in (*company.orders, *company.expenses)}
    said = {row["customer_id"]: row for row in company.customers}
    return {name: _life(company, name, said[name]) for name in sorted(everybody)}


def _life(company: Company, name: str, said: dict[str, Any]) -> Life:
    orders = [row for row in company.orders if row["customer_id"] == name]
    spent = [row for row in company.expenses if row["customer_id"] == name]
    amount, cost, expense = (defaultdict(Decimal) for _ in range(3))
    days: dict[date, Decimal] = defaultdict(Decimal)
    for row in orders:
        amount[month(row["date"])] += row["amount"]
        cost[month(row["date"])] += row["cost"]
        days[row["date"]] += row["amount"]
    for row in spent:
        expense[month(row["date"])] += row["amount"]
    bought = sorted(day for day, total in days.items() if total > 0)
    purchases: dict[int, int] = defaultdict(int)
    for day in bought:
        purchases[month(day)] += 1
    known = [month(said["acquired_on"])] if said["acquired_on"] and said["acquired_on"] <= AS_OF else []
    starts = known + ([month(bought[0])] if bought else [])
    begin = min(starts) if starts else min(month(row["date"]) for row in (*orders, *spent))
    won = sum((row["amount"] for row in spent if row["kind"] == "acquisition"), Decimal(0))
    unbooked = Decimal(0) if won else said["acquisition_cost"] or Decimal(0)
    return Life(begin, amount, cost, expense, purchases, bought, won or unbooked, unbooked, said)
