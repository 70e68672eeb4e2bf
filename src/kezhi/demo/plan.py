"""What is true about the demo company: its groups of customers, their habits, every share drawn from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

LAST_DAY = date(2025, 9, 30)
"""The company's last day; fixed, so that the same call gives the same files on any day of any year."""

COMPANY_NAME = {"en": "Qinghe Tea & Ware", "zh": "清禾茶器"}


@dataclass(frozen=True)
class Group:
    """Customers of one role that share the parameters of the six assumptions; months and yuan.

    Purchases per month of a customer are Poisson(lambda), lambda ~ Gamma(shape b, rate a). The mean amount
    of a purchase in an active month is Gamma(shape p, rate nu), nu ~ Gamma(shape q, rate k). A customer
    stops for good after an exponential time of rate mu, mu ~ Gamma(shape stop_shape, rate stop_rate);
    stop_rate 0: never.
    """

    role: str
    share: float
    a: float
    b: float
    p: float
    q: float
    k: float
    stop_shape: float = 1.0
    stop_rate: float = 0.0
    lines: float = 1.8
    price_level: float = 1.0
    discounted: float = 0.2
    returned: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a demo company looks like, apart from chance."""

    customers: int
    seed: int
    years: int
    season: bool
    dirt: bool
    plain: bool
    groups: tuple[Group, ...]
    growth: float = 0.25
    opening: float = 4.0
    missing_cost: float = 0.02
    zero_cost: float = 0.004
    cost_rise: float = 0.02
    referred: float = 0.22

    def of_group(self, role: NDArray[np.int64], field: str) -> NDArray[np.float64]:
        """A parameter of each customer's group."""
        values = np.array([getattr(group, field) for group in self.groups], dtype=np.float64)
        chosen: NDArray[np.float64] = values[role]
        return chosen

    def of_roles(self, role: NDArray[np.int64], names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Which customers have one of these roles."""
        belongs: NDArray[np.bool_] = np.array([group.role in names for group in self.groups])
        return belongs[role]


CONSUMERS = Group(
    role="consumer",
    share=0.945,
    a=4.0,
    b=1.4,
    p=6.0,
    q=4.5,
    k=160.0,
    stop_rate=30.0,
    lines=1.8,
    discounted=0.2,
    returned=0.03,
)
GROUPS = (
    CONSUMERS,
    Group("distributor", 0.030, 2.0, 3.0, 8.0, 4.5, 1050.0, 1.0, 90.0, 3.0, 0.68, 0.06, 0.015),
    Group("wholesaler", 0.012, 2.5, 2.5, 8.0, 4.0, 2200.0, 1.0, 80.0, 4.0, 0.60, 0.04, 0.01),
    Group("agent", 0.010, 3.0, 2.4, 7.0, 4.0, 1500.0, 1.0, 60.0, 2.5, 0.72, 0.05, 0.012),
    Group("internal", 0.003, 6.0, 3.0, 6.0, 5.0, 60.0, 1.0, 200.0, 1.5, 0.50, 0.0, 0.0),
)

HABITS = ("ordinary", "bargain_hunter", "falling", "rising", "one_off", "costly", "advocate", "suggester")
"""What else a customer does; `ordinary` follows the group's parameters and nothing else."""

HABIT_SHARES = {
    "bargain_hunter": 0.10,
    "falling": 0.05,
    "rising": 0.04,
    "one_off": 0.006,
    "costly": 0.03,
    "advocate": 0.05,
    "suggester": 0.01,
}
CONSUMER_HABITS = ("bargain_hunter", "one_off", "suggester")

DIRT_SHARES = {
    "missing_customer": 0.005,
    "missing_date": 0.0005,
    "unreadable_date": 0.001,
    "future_date": 0.0005,
    "missing_amount": 0.0005,
    "unreadable_amount": 0.001,
    "blank_row": 0.0005,
}
"""Dirty rows put between the clean ones, as shares of the clean rows; at least one of each.

All but the last are named after the check that must reject them; a row of blanks is no row to any reader.
"""

BLANK = "blank_row"


def make_plan(*, customers: int, seed: int, years: int, season: bool, dirt: bool, plain: bool) -> Plan:
    """The company's plan; `plain`: the bare model with one group and nothing that breaks it."""
    if plain:
        group = replace(CONSUMERS, share=1.0, stop_rate=0.0, discounted=0.0, returned=0.0)
        return Plan(customers, seed, years, False, False, True, (group,), 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    return Plan(customers, seed, years, season, dirt, False, GROUPS)


def stream(plan: Plan, subject: str) -> np.random.Generator:
    """Random numbers for one subject; a change in one subject leaves all others as they were."""
    return np.random.default_rng([plan.seed, zlib.crc32(subject.encode())])
