"""Who the customers are: role, habit, when they came and, unknown to the company, how they will behave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kezhi.demo.plan import CONSUMER_HABITS, HABIT_SHARES, HABITS, Group, Plan, stream
from kezhi.demo.season import Bools, Floats, Ints, Window, as_ints

NEVER = 10**6
ONE_OFF_TIMES = 25.0
OPENING_DAYS = 60
REFERRAL = 4
"""Number of the source "referral" in words.SOURCES."""


@dataclass(frozen=True)
class Customers:
    """One entry per customer, in the order in which they were acquired.

    `acquired` and `stopped` are day numbers (`NEVER`: still a customer), `rate` is lambda in purchases per
    month, `shape` and `nu` make the mean amounts (Gamma(shape, rate nu), yuan); `role` numbers the plan's
    groups; `referrer` is -1 or the number of an earlier customer.
    """

    role: Ints
    habit: Ints
    acquired: Ints
    stopped: Ints
    rate: Floats
    shape: Floats
    nu: Floats
    taste: Ints
    source: Ints
    referrer: Ints
    acquisition_cents: Ints

    def has(self, habit: str) -> Bools:
        """Which customers have this habit."""
        return np.equal(self.habit, HABITS.index(habit))


def draw_customers(plan: Plan, window: Window) -> Customers:
    """All customers of the company."""
    rng = stream(plan, "customers")
    role = _roles(rng, plan)
    habit = _habits(rng, plan, role)
    acquired = _acquisition_days(rng, plan, window)
    rate, nu, stopped = _natures(stream(plan, "natures"), plan, role, acquired, window)
    rare = habit == HABITS.index("one_off")
    rate[rare], stopped[rare], nu[rare] = 0.0, acquired[rare], nu[rare] / ONE_OFF_TIMES
    source, referrer = _sources(stream(plan, "sources"), plan, habit)
    return Customers(
        role=role,
        habit=habit,
        acquired=acquired,
        stopped=stopped,
        rate=rate,
        shape=plan.of_group(role, "p"),
        nu=nu,
        taste=rng.choice(5, size=plan.customers, p=(0.38, 0.16, 0.2, 0.11, 0.15)),
        source=source,
        referrer=referrer,
        acquisition_cents=_acquisition_cents(stream(plan, "acquisition"), plan, role, source),
    )


def _roles(rng: np.random.Generator, plan: Plan) -> Ints:
    """The groups' shares, met as closely as whole customers allow."""
    edges = np.cumsum([group.share for group in plan.groups])
    place = (rng.permutation(plan.customers) + 0.5) / plan.customers * edges[-1]
    return as_ints(np.searchsorted(edges, place))


def _habits(rng: np.random.Generator, plan: Plan, role: Ints) -> Ints:
    if plan.plain:
        return np.zeros(plan.customers, dtype=np.int64)
    names = list(HABIT_SHARES)
    edges = np.cumsum([HABIT_SHARES[name] for name in names])
    drawn = np.searchsorted(edges, rng.random(plan.customers), side="right")
    numbers = np.array([HABITS.index(name) for name in names] + [0])[drawn]
    private = np.isin(numbers, [HABITS.index(name) for name in CONSUMER_HABITS])
    return as_ints(np.where(private & ~plan.of_roles(role, ("consumer",)), 0, numbers))


def _acquisition_days(rng: np.random.Generator, plan: Plan, window: Window) -> Ints:
    """More every year by the growth rate, more on busy days and in the opening weeks; sorted."""
    day = np.arange(window.days)
    growth = (1 + plan.growth) ** (day / 365.25) * np.where(day < OPENING_DAYS, plan.opening, 1.0)
    reached = np.cumsum(window.weight * growth)
    place = (np.arange(plan.customers) + rng.random(plan.customers)) / plan.customers
    days = np.searchsorted(reached, place * reached[-1])
    return as_ints(np.minimum(days, window.days - 1))


def _natures(
    rng: np.random.Generator, plan: Plan, role: Ints, acquired: Ints, window: Window
) -> tuple[Floats, Floats, Ints]:
    """lambda, nu and the day of the end for each customer."""
    rate = rng.gamma(plan.of_group(role, "b")) / plan.of_group(role, "a")
    nu = rng.gamma(plan.of_group(role, "q")) / plan.of_group(role, "k")
    stop_rate = plan.of_group(role, "stop_rate")
    mu = rng.gamma(plan.of_group(role, "stop_shape")) / np.where(stop_rate > 0, stop_rate, 1.0)
    months = rng.exponential(size=plan.customers) / np.maximum(mu, 1e-9)
    stopped = acquired + np.floor(np.minimum(months, NEVER) * 365.25 / 12).astype(np.int64)
    return rate, nu, np.where((stop_rate > 0) & (stopped < window.days), stopped, NEVER)


def _sources(rng: np.random.Generator, plan: Plan, habit: Ints) -> tuple[Ints, Ints]:
    """How each came; who came by referral was sent by an earlier customer, most often by an advocate."""
    source = rng.choice(4, size=plan.customers, p=(0.4, 0.25, 0.2, 0.15))
    advocate = habit == HABITS.index("advocate")
    weight = np.where(advocate, 12.0, 0.6)
    before = np.cumsum(weight) - weight
    drawn = np.searchsorted(before, rng.random(plan.customers) * before, side="right") - 1
    sent = (rng.random(plan.customers) < plan.referred) & (np.arange(plan.customers) > 0)
    earlier = np.minimum(drawn, np.arange(plan.customers) - 1)
    return np.where(sent, REFERRAL, source), np.where(sent, earlier, -1)


def _acquisition_cents(rng: np.random.Generator, plan: Plan, role: Ints, source: Ints) -> Ints:
    """What it cost to win each customer; organisations cost more, referred ones least."""
    by_source = np.array([38.0, 26.0, 62.0, 18.0, 12.0])[source]
    by_role = np.array([_winning_effort(group) for group in plan.groups])[role]
    return as_ints(np.rint(100 * by_source * by_role * rng.gamma(6.0, 1 / 6.0, size=plan.customers)))


def _winning_effort(group: Group) -> float:
    return {"consumer": 1.0, "distributor": 22.0, "wholesaler": 35.0, "agent": 28.0}.get(group.role, 0.0)
