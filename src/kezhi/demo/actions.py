"""What the company did for some customers, with an effect that is known: two campaigns and a round of calls."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.demo import words
from kezhi.demo.files import money, pick
from kezhi.demo.plan import HABITS, stream
from kezhi.demo.season import Bools, Floats, Ints, as_floats, as_ints
from kezhi.demo.tables import customer_ids
from kezhi.demo.words import said
from kezhi.demo.world import World
from kezhi.language import Language

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, "pa.Array"]
UPLIFT = 0.6
WINDOW = 91
LEAST_ODDS = 3.0
RECENT = 270  # days within which whoever is sent a voucher has bought
UNSTEADY = ("falling", "rising", "one_off")


@dataclass(frozen=True)
class Action:
    """One action: number of its name in words.ACTIONS, day, what it cost per customer, and who was in it.

    effect: by which share the treated bought more than they would have in the `days` from the action on.
    extra_purchases: what that comes to for one treated customer. groups: `drawn` by lot, `chosen`, or no control
    group (`none`).
    """

    name: int
    date: date
    cents: int
    groups: str
    treated: Ints
    control: Ints
    effect: float = 0.0
    days: int = 0
    extra_purchases: float = 0.0


def draw_actions(world: World) -> tuple[Action, ...]:
    """The company's actions; they leave everything else as it is."""
    return _vouchers(world), _calls(world), _tastings(world)


def _vouchers(world: World) -> Action:
    """Vouchers by lot among recent buyers, who then buy more by UPLIFT.

    The purchases are there already, so that the groups are drawn to fit them: of customers whose purchases in the
    window are Poisson(m), those put among the treated are kept with odds proportional to the ratio of the
    probabilities under (1 + UPLIFT) m and m, those put among the control group with odds that do not look at their
    purchases. Purchases of those kept are then exactly what they would be had the treated been made to buy more
    (rejection sampling), and both groups are alike in all else.
    """
    plan, rng, day = world.plan, stream(world.plan, "vouchers"), date(2025, 6, 20)
    begin = _number(world, day)
    steady = ~np.isin(world.customers.habit, [HABITS.index(name) for name in UNSTEADY])
    private = plan.of_roles(world.customers.role, ("consumer",))
    lately = _bought(world, begin - RECENT, begin) > 0
    asked = np.flatnonzero(steady & private & lately)
    mean = _expected(world, begin)[asked]
    likely = (1 + UPLIFT) * mean
    most = np.ceil(likely + 3 * np.sqrt(likely) + 1)
    odds = np.maximum(_ratio(most, mean), LEAST_ODDS)
    for_treated = rng.random(len(asked)) < 0.5
    kept = rng.random(len(asked)) * odds < np.where(
        for_treated, _ratio(_bought(world, begin, begin + WINDOW)[asked], mean), 1.0
    )
    treated = kept & for_treated
    extra = float(UPLIFT * mean[treated].mean()) if treated.any() else 0.0
    return Action(0, day, 300, "drawn", asked[treated], asked[kept & ~for_treated], UPLIFT, WINDOW, extra)


def _calls(world: World) -> Action:
    """Calls to nearly all organisations, beside consumers who were not called: unlike groups, and no effect."""
    rng, day = stream(world.plan, "calls"), date(2025, 5, 12)
    here = world.customers.acquired < _number(world, day)
    drawn, firm = rng.random(world.plan.customers), world.organisations()
    return Action(1, day, 2500, "chosen", _those(here & firm & (drawn < 0.8)), _those(here & ~firm & (drawn < 0.1)))


def _tastings(world: World) -> Action:
    """Invitations to whoever came to mind, nobody left out on purpose; no effect."""
    rng, day = stream(world.plan, "tastings"), date(2025, 8, 20)
    here = world.customers.acquired < _number(world, day)
    return Action(2, day, 1200, "none", _those(here & (rng.random(world.plan.customers) < 0.04)), np.empty(0, np.int64))


def _those(chosen: Bools) -> Ints:
    return as_ints(np.flatnonzero(chosen))


def _number(world: World, day: date) -> int:
    return (day - world.window.first_day).days


def _expected(world: World, begin: int) -> Floats:
    """Purchases expected of each customer in the window, 0 of those who had stopped."""
    end = np.clip(world.customers.stopped + 1, begin, begin + WINDOW)
    exposure: Floats = world.window.cumulative[end] - world.window.cumulative[begin]
    return world.customers.rate * exposure


def _bought(world: World, begin: int, end: int) -> Ints:
    """Purchases of each customer from one day to the day before another."""
    day = world.purchases.day
    within = (day >= begin) & (day < end)
    return as_ints(np.bincount(world.purchases.customer[within], minlength=world.plan.customers))


def _ratio(purchases: Ints | Floats, mean: Floats) -> Floats:
    """How much likelier so many purchases are where they are more by UPLIFT."""
    return as_floats((1 + UPLIFT) ** purchases * np.exp(-UPLIFT * mean))


def action_table(actions: tuple[Action, ...], language: Language) -> Columns:
    """One row per customer of an action, by day and customer."""
    import pyarrow as pa

    parts = [
        (action, members, arm)
        for action in sorted(actions, key=lambda one: one.date)
        for arm, members in enumerate((action.treated, action.control))
    ]
    sizes = [len(members) for _, members, _ in parts]
    days = np.repeat(np.array([action.date for action, _, _ in parts], dtype="datetime64[D]"), sizes)
    arms = np.repeat([arm for _, _, arm in parts], sizes)
    cents = np.repeat([action.cents for action, _, _ in parts], sizes)
    who = np.concatenate([members for _, members, _ in parts])
    order = np.lexsort((who, days))
    names = np.repeat([action.name for action, _, _ in parts], sizes)
    return {
        "customer_id": customer_ids(who[order]),
        "date": pa.array(days[order]),
        "action": pick(said(words.ACTIONS, language), names[order]),
        "arm": pick(said(words.ARMS, language), arms[order]),
        "cost": money(as_ints(cents)[order], arms[order] == 0),
    }


def truth_of(actions: tuple[Action, ...], language: Language) -> list[dict[str, Any]]:
    """What is true of the actions, for truth.json."""
    return [
        {
            **asdict(action),
            "name": words.ACTIONS[action.name].to(language),
            "date": action.date.isoformat(),
            "treated": len(action.treated),
            "control": len(action.control),
        }
        for action in actions
    ]
