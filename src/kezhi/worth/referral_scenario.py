"""What if customers go on recommending: later generations of referrals, by a rate that the user or a run names.

A branching process: every customer sends others at a rate of so many a period, independently of everybody else (Harris,
The theory of branching processes, 1963). Expected numbers follow from the rates alone; chance can be simulated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kezhi.language import KezhiError, Text

Floats = NDArray[np.float64]
ByAge = float | Sequence[float]
MOST_CUSTOMERS = 1e12
MOST_CAP = 200

NOTE = Text(
    "A scenario, not a forecast: it says what would follow if every customer, of every generation, recommended at this "
    "rate and bought like this. A customer sends {k} others within the horizon; {grows}",
    "这是情景推演，不是预测：它说明假如各代每位客户都按此频率推荐、按此金额购买，结果会怎样。"
    "期内每位客户推荐 {k} 位新客户；{grows}",
)
GROWS = Text(
    "above 1 every generation is larger than the one before, until there is nobody left to win.",
    "大于 1 时一代多于一代，直到市场上再无可赢得的客户。",
)
SHRINKS = Text(
    "below 1 every generation is smaller than the one before, and the growth comes to an end.",
    "小于 1 时一代少于一代，增长会自行停止。",
)
NO_RATE = Text(
    "Give a rate of referrals, or a run that has referrals (customers with referrer_id).",
    "请给出推荐频率，或一个含有推荐关系（客户表的 referrer_id）的运行结果。",
)
NO_VALUE = Text(
    "Say what a customer brings in a period (value), or give a run.",
    "请给出每位客户每期的价值（value），或一个运行结果。",
)
NOT_SO = Text("The argument {name} must be {wanted}.", "参数 {name} 必须{wanted_zh}。")
TOO_MANY = Text(
    "With these rates there would be more than {most:,.0f} customers; give a market, or fewer periods.",
    "按这些频率，客户会超过 {most:,.0f} 位；请给出 market（市场容量）或减少期数。",
)


class Made(Protocol):
    """A finished run, as `kezhi.analyse` returns it."""

    @property
    def folder(self) -> Path:
        """Its folder."""


@dataclass(frozen=True)
class ScenarioPeriod:
    """One period of a scenario: expected customers and money."""

    period: int  # from 1
    sent: float  # customers won by referral in this period
    customers: float  # all customers so far, the first ones among them
    direct: float  # what the first customers bring
    referred: float  # what those sent bring
    cost: float
    profit: float
    cumulative: float


@dataclass(frozen=True)
class ScenarioGeneration:
    """One generation over the whole horizon."""

    generation: int
    customers: float
    brought: float


@dataclass(frozen=True)
class Spread:
    """Of so many simulated courses, eight in ten end between these."""

    draws: int
    customers: tuple[float, float]
    cumulative: tuple[float, float]


@dataclass(frozen=True)
class ReferralScenario:
    """What would follow; `low` and `high` are the last cumulative profit at the ends of the rate's 80 % interval."""

    periods: tuple[ScenarioPeriod, ...]
    generations: tuple[ScenarioGeneration, ...]
    sent_per_customer: float
    note: Text
    low: float | None = None
    high: float | None = None
    spread: Spread | None = None


@dataclass(frozen=True)
class _Plan:
    """The arguments as arrays by age; `rate[a]` are the referrals of a customer in the (a+1)th period of being one."""

    customers: float
    rate: Floats
    value: Floats
    cost: Floats
    referred_cost: Floats
    cap: int | None
    market: float | None
    generations: int

    @property
    def horizon(self) -> int:
        return len(self.rate)


def referral_scenario(
    run: Made | str | Path | None = None,
    *,
    rate: ByAge | None = None,
    value: ByAge | None = None,
    customers: float = 1,
    horizon: int = 5,
    cost: ByAge = 0.0,
    referred_cost: ByAge = 0.0,
    cap: int | None = None,
    market: float | None = None,
    generations: int | None = None,
    draws: int = 0,
    seed: int = 0,
) -> ReferralScenario:
    """What `customers` won now would bring over `horizon` periods with those they send, and those send in turn.

    rate: customers that a customer sends in the first, second, ... period after the one in which they came; one number
    for every period. value, cost, referred_cost: what a customer brings, costs us, costs us if sent, in the first,
    second, ... period of being one. The last of several numbers goes on. Rate and value are taken from `run` (a Run or
    its folder) where they are not given: the company's referrals and value per customer and period. cap: how many one
    customer sends at most. market: how many can be won by referral in all (expected numbers are cut off there, which is
    a little too high where chance matters; the simulation is exact). generations: how many generations recommend;
    default all. draws: how many courses to simulate, by `seed`.

    Deterministic unless simulated. With rate 0 only what the first customers bring is left. Raises KezhiError for
    arguments that cannot be meant.

    >>> case = referral_scenario(rate=(1, 1, 2, 0), value=(800, 750, 700, 500, 3200), cost=(850, 100), generations=1)
    >>> case.periods[-1].cumulative
    12800.0
    """
    known = _rates(run) if run is not None else None
    theirs = rate is None
    rate = _given(rate, known, "per_period", NO_RATE)
    value = _given(value, known, "value_per_period", NO_VALUE)
    _check(customers, horizon, cap, market, generations, draws)
    rates = _by_age("rate", rate, horizon, least=0.0)
    plan = _Plan(
        customers,
        np.concatenate([[0.0], rates[: horizon - 1]]),
        _by_age("value", value, horizon),
        _by_age("cost", cost, horizon),
        _by_age("referred_cost", referred_cost, horizon),
        cap,
        market,
        horizon - 1 if generations is None else min(generations, horizon - 1),
    )
    made = _expected(plan)
    if theirs and known is not None and known["lower"] is not None:
        low, high = (_end(plan, known[name]) for name in ("lower", "upper"))
        made = replace(made, low=low, high=high)
    return replace(made, spread=_simulated(plan, draws, seed)) if draws else made


# --- arguments --------------------------------------------------------------------------------------------


def _rates(run: Made | str | Path) -> dict[str, Any] | None:
    """What a run says of the rate of referrals; None where it has none."""
    folder = run if isinstance(run, str | Path) else run.folder
    path = Path(folder) / "worth.json"
    facts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found: dict[str, Any] | None = facts.get("referrals", {}).get("rate")
    return found


def _given(value: ByAge | None, known: dict[str, Any] | None, name: str, missing: Text) -> ByAge:
    if value is not None:
        return value
    if known is None:
        raise KezhiError(missing)
    number: float = known[name]
    return number


def _check(
    customers: float, horizon: int, cap: int | None, market: float | None, generations: int | None, draws: int
) -> None:
    bounds: tuple[tuple[str, float | None, float, float], ...] = (
        ("customers", customers, 0, MOST_CUSTOMERS),
        ("horizon", horizon, 1, 120),
        ("cap", cap, 0, MOST_CAP),
        ("market", market, 0, MOST_CUSTOMERS),
        ("generations", generations, 0, 120),
        ("draws", draws, 0, 100_000),
    )
    for name, given, low, high in bounds:
        if given is not None and not low <= given <= high:
            raise _wrong(name, low, high)
    if draws and customers != int(customers):
        raise KezhiError(NOT_SO.fill(name="customers", wanted="a whole number to simulate", wanted_zh="为整数才能模拟"))


def _wrong(name: str, low: float, high: float) -> KezhiError:
    return KezhiError(
        NOT_SO.fill(name=name, wanted=f"from {low:,.0f} to {high:,.0f}", wanted_zh=f"在 {low:,.0f} 与 {high:,.0f} 之间")
    )


def _by_age(name: str, given: ByAge, horizon: int, least: float | None = None) -> Floats:
    """One number per period; the last of several goes on."""
    several = np.atleast_1d(np.asarray(given, dtype=float))
    if several.ndim != 1 or not len(several) or not np.isfinite(several).all():
        raise KezhiError(NOT_SO.fill(name=name, wanted="a number or a list of numbers", wanted_zh="是数字或数字列表"))
    if least is not None and several.min() < least:
        raise KezhiError(NOT_SO.fill(name=name, wanted=f"at least {least:g}", wanted_zh=f"不小于 {least:g}"))
    longer = np.full(max(horizon - len(several), 0), several[-1])
    return np.concatenate([several, longer])[:horizon]


# --- expected numbers -------------------------------------------------------------------------------------


def _expected(plan: _Plan) -> ReferralScenario:
    joined = _joined(plan)
    sent = joined[1:].sum(axis=0)
    direct, referred = (np.convolve(part, plan.value)[: plan.horizon] for part in (joined[0], sent))
    paid = (np.convolve(joined[0], plan.cost), np.convolve(sent, plan.referred_cost))
    cost = paid[0][: plan.horizon] + paid[1][: plan.horizon]
    profit = direct + referred - cost
    columns = (sent, joined.sum(axis=0).cumsum(), direct, referred, cost, profit, profit.cumsum())
    rows = zip(*(column.tolist() for column in columns), strict=True)
    each = float(_sent_by_age(plan).sum())
    return ReferralScenario(
        tuple(ScenarioPeriod(number, *row) for number, row in enumerate(rows, 1)),
        tuple(
            ScenarioGeneration(number, float(part.sum()), float(np.convolve(part, plan.value)[: plan.horizon].sum()))
            for number, part in enumerate(joined)
            if number == 0 or part.any()
        ),
        each,
        _note(each),
    )


def _note(each: float) -> Text:
    grows = GROWS if each > 1 else SHRINKS
    return Text(NOTE.en.format(k=f"{each:.3g}", grows=grows.en), NOTE.zh.format(k=f"{each:.3g}", grows=grows.zh))


def _joined(plan: _Plan) -> Floats:
    """Expected customers by generation and the period in which they come."""
    sent = _sent_by_age(plan)
    horizon = plan.horizon
    joined = np.zeros((plan.generations + 1, horizon))
    joined[0, 0] = plan.customers
    for period in range(1, horizon):
        # whoever came `age` periods ago sends sent[age] now
        new = joined[:-1, :period] @ sent[period:0:-1]
        if plan.market is not None and new.sum() > 0:
            new *= min(1.0, max(plan.market - joined[1:].sum(), 0.0) / new.sum())
        joined[1:, period] = new
        if joined.sum() > MOST_CUSTOMERS:
            raise KezhiError(TOO_MANY.fill(most=MOST_CUSTOMERS))
    return joined


def _sent_by_age(plan: _Plan) -> Floats:
    """Expected referrals of a customer in each period of being one; with a cap, of a Poisson count cut off there."""
    if plan.cap is None:
        return plan.rate
    from scipy.stats import poisson

    numbers = np.arange(plan.cap)
    # E min(N, cap) is the sum of P(N > n) over n < cap
    beyond: Floats = np.asarray(poisson.sf(numbers[None, :], plan.rate.cumsum()[:, None]))
    so_far = beyond.sum(axis=1)
    by_age: Floats = np.diff(so_far, prepend=0.0)
    return by_age


def _end(plan: _Plan, rate: float) -> float:
    rates = np.concatenate([[0.0], np.full(plan.horizon - 1, rate)])
    return _expected(replace(plan, rate=rates)).periods[-1].cumulative


# --- chance -----------------------------------------------------------------------------------------------


def _simulated(plan: _Plan, draws: int, seed: int) -> Spread:
    """Courses drawn at random: how many customers come is chance, what each brings is as given."""
    rng = np.random.default_rng(seed)
    joined = np.zeros((draws, plan.generations + 1, plan.horizon), dtype=np.int64)
    joined[:, 0, 0] = round(plan.customers)
    senders = _Capped(plan, rng) if plan.cap is not None else _Free(plan, rng)
    for period in range(1, plan.horizon):
        new = senders.send(joined, period)
        if plan.market is not None:
            new = _within(rng, new, np.maximum(int(plan.market) - joined[:, 1:].sum(axis=(1, 2)), 0))
        joined[:, 1:, period] = new
    sent = joined[:, 1:].sum(axis=1)
    left = np.arange(plan.horizon)[::-1]  # periods after the one in which they came
    first, later = (np.cumsum(plan.value - paid) for paid in (plan.cost, plan.referred_cost))
    ends: Floats = plan.customers * first[-1] + sent @ later[left]
    everybody: Floats = sent.sum(axis=1) + plan.customers
    return Spread(draws, _middle(everybody), _middle(ends))


def _middle(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, (0.1, 0.9)).tolist()
    return low, high


class _Free:
    """Senders without a cap: sums of Poisson numbers are Poisson numbers."""

    def __init__(self, plan: _Plan, rng: np.random.Generator) -> None:
        self.plan, self.rng = plan, rng

    def send(self, joined: NDArray[np.int64], period: int) -> NDArray[np.int64]:
        """New customers by draw and generation."""
        mean = joined[:, :-1, :period] @ self.plan.rate[period:0:-1]
        drawn: NDArray[np.int64] = self.rng.poisson(mean)
        return drawn


class _Capped:
    """Senders with a cap: how many have sent how many is kept by draw, generation and the period in which they came."""

    def __init__(self, plan: _Plan, rng: np.random.Generator) -> None:
        self.plan, self.rng = plan, rng
        self.made: dict[int, list[NDArray[np.int64]]] = {}

    def send(self, joined: NDArray[np.int64], period: int) -> NDArray[np.int64]:
        """New customers by draw and generation."""
        cap = self.plan.cap or 0
        came = joined[:, :-1, period - 1]
        self.made[period - 1] = [came, *(np.zeros_like(came) for _ in range(cap))]
        total = np.zeros_like(came)
        for since, made in self.made.items():
            total += self._of(made, self.plan.rate[period - since])
        return total

    def _of(self, made: list[NDArray[np.int64]], rate: float) -> NDArray[np.int64]:
        from scipy.stats import poisson

        cap = len(made) - 1
        after = [np.zeros_like(part) for part in made]
        after[cap] += made[cap]
        total = np.zeros_like(made[0])
        for before in range(cap):
            chances = poisson.pmf(np.arange(cap - before), rate)
            chances = np.append(chances, max(1.0 - chances.sum(), 0.0))
            moves = self.rng.multinomial(made[before], chances)
            for more in range(cap - before + 1):
                after[before + more] += moves[..., more]
                total += more * moves[..., more]
        made[:] = after
        return total


def _within(rng: np.random.Generator, new: NDArray[np.int64], room: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those who still find room in the market, drawn among all who were sent."""
    over = new.sum(axis=1) > room
    for draw in np.flatnonzero(over):
        new[draw] = rng.multivariate_hypergeometric(new[draw], int(room[draw]), method="marginals")
    return new
