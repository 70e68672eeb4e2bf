"""What the causes of alerts read of each customer: a measure, its limit, and whether it fires.

A reading has customer_id, cause, fires (the cause holds, and enough is at stake), stays (an alert that is open
already lasts), measure, threshold, before (what it was, or what is usual), detail, value_at_stake and probability.
value_at_stake is gross profit over the forecast horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.segments.alert_causes import HISTORY, LEAST_HISTORY
from kezhi.settings.alerts import Alerts, Cause
from kezhi.settings.tiers import TIERS
from kezhi.worth.falling import beyond_noise, falling, stretches
from kezhi.worth.near_loss import DRIVERS
from kezhi.worth.risk import LEAST_CHANCE, LOSSES
from kezhi.worth.work import Early, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

OF_FIGURES: tuple[Cause, ...] = ("maybe_gone", "order_overdue", "tier_lost", "no_contact", "review_due")
MARGIN = 0.1  # an open doubt is laid aside only when P(alive) is that much above its limit
FALLS = "alerts_falls"  # a table asked for ahead
BEFORE_A_FALL = 4  # stretches beside those that fell: the last one, the one before, and the usual of either
FLAT = 0.2  # the least quartile range of the logarithm of amounts: equal amounts must not make a cent a jump
COLUMNS = (
    *("customer_id", "cause", "fires", "stays", "measure", "threshold", "before", "detail"),
    *("value_at_stake", "probability"),
)


@dataclass(frozen=True)
class Readings:
    """All readings, stored; how many fell alike a stretch earlier, and the sum of the parts that stayed away."""

    rows: ir.Table
    fell: int = 0
    stayed: float = 0.0


@dataclass(frozen=True)
class Asked:
    """What every cause needs to know: the company, the rules, the average forecast, and who is on the list already.

    told: what the book says of customers, if anything. open: customer_id and cause of the alerts carried over.
    """

    work: Work
    rules: Alerts
    average: float
    told: ir.Table | None
    open: ir.Table | None

    @property
    def least(self) -> float:
        """The least money that must be at stake."""
        return self.average * self.rules.least_value

    @property
    def horizon(self) -> int:
        """Periods over which values at stake are counted."""
        return self.work.forecasted.horizon

    @property
    def periods(self) -> int:
        """Periods of a stretch."""
        return _periods(self.work)

    def wants(self, *causes: Cause) -> bool:
        """Is one of these switched on?"""
        return any(cause in self.rules.causes for cause in causes)

    def carried(self, rows: ir.Table, *causes: Cause) -> ir.Table:
        """Rows (with customer_id) with `carried`: has an alert of one of these causes that is carried over."""
        import ibis

        if self.open is None:
            return rows.mutate(carried=ibis.literal(False))
        mine = self.open.filter(self.open.cause.isin(causes)).select(carried_id="customer_id").distinct()
        joined = rows.left_join(mine, rows.customer_id == mine.carried_id)
        return joined.mutate(carried=joined.carried_id.notnull()).drop("carried_id")


def read(asked: Asked) -> Readings:
    """The readings of all causes that are switched on and that the data holds."""
    parts = _of_state(asked, _people(asked)) if asked.wants(*OF_FIGURES) else []
    fell, stayed = 0, 0.0
    if asked.wants("value_falling"):
        part, fell, stayed = _of_falls(asked)
        parts.append(part)
    if asked.wants("jump_up", "jump_down"):
        parts += _of_jumps(asked)
    if asked.wants("losing_money", "near_loss") and (asked.work.folder / LOSSES).exists():
        parts += _of_losses(asked)
    # each part reads stored tables only: a union over joins with an empty side has given wrong rows
    whole = reduce(lambda one, other: one.union(other), parts) if parts else _nothing(asked)
    return Readings(asked.work.engine.store(whole), fell, stayed)


def _nothing(asked: Asked) -> ir.Table:
    """No readings: no cause is switched on that the data can tell."""
    nobody = asked.work.figures.limit(0).mutate(carried=_flag(False))
    return _reading(
        nobody, "maybe_gone", 0.0, holds=nobody.carried, stays=nobody.carried, measure=0.0, stake=0.0, probability=0.0
    )


def _flag(value: bool) -> Any:
    import ibis

    return ibis.literal(value)


def _reading(
    rows: ir.Table,
    cause: Cause,
    least: float,
    *,
    holds: Any,
    stays: Any,
    measure: Any,
    stake: Any,
    probability: Any,
    threshold: Any = None,
    before: Any = None,
    detail: Any = None,
) -> ir.Table:
    """Readings of those with whom the cause fires, or whose alert may last."""
    import ibis

    def number(value: Any) -> Any:
        return ibis.null("float64") if value is None else ibis.literal(value, "float64") if _plain(value) else value

    worth: Any = number(stake)
    read = rows.select(
        "customer_id",
        cause=ibis.literal(cause),
        fires=(holds & (worth >= least)).coalesce(False),
        stays=(stays & rows.carried).coalesce(False),
        kept=rows.carried,
        measure=number(measure).cast("float64"),
        threshold=number(threshold).cast("float64"),
        before=number(before).cast("float64"),
        detail=ibis.null("string") if detail is None else detail,
        value_at_stake=ibis.greatest(worth, 0.0).coalesce(0.0).cast(SUM),
        probability=number(probability).cast("float64"),
    )
    return read.filter(read.fires | read.kept).select(*COLUMNS)


def _plain(value: Any) -> bool:
    return isinstance(value, int | float)


# --- what can be said from a customer's figures ------------------------------------------------------------


def _people(asked: Asked) -> ir.Table:
    """Customers of whom a cause that reads figures may hold, with what these causes need; stored."""
    import ibis

    work, rules = asked.work, asked.rules
    rows = work.with_found(*_of_tiers_wanted(asked))
    today = ibis.literal(work.as_of)
    gaps: Any = (rows.purchases - 1).nullif(0)
    p_alive: Any = rows.p_alive.coalesce(1.0)
    first, last = rows.first_purchase, rows.last_purchase
    rows = rows.mutate(
        p=p_alive,
        gone=1.0 - p_alive,
        full=ibis.greatest(rows.forecast_value.cast("float64"), 0.0) / ibis.greatest(p_alive, LEAST_CHANCE),
        silence=today.delta(last, unit="day").cast("float64"),
        tenure=today.delta(first, unit="day").cast("float64"),
        rhythm=last.delta(first, unit="day").cast("float64") / gaps,
        rare=last.delta(first, unit="day").cast("float64") * _longest(gaps, rules.overdue),
    )
    rows = rows.filter(rows.purchases > 0)
    rows = asked.carried(rows, "maybe_gone", "order_overdue", "tier_lost", "no_contact", "review_due")
    told = asked.told if "review_due" in rules.causes else None
    if told is not None and "reviewed_on" in told.columns:
        reviewed = told.select(told_id=told.customer_id, reviewed_on=_as_day(told.reviewed_on))
        rows = rows.left_join(reviewed, rows.customer_id == reviewed.told_id).drop("told_id")
    kept = work.engine.store(rows.filter(rows.carried | _may_hold(asked, rows)))
    more = _with_forecast_before(asked, _with_contacts(asked, kept))
    return kept if more is kept else work.engine.store(more)


def _of_tiers_wanted(asked: Asked) -> tuple[str, ...]:
    """The columns of tiers that a cause can be told by; none where there is neither an earlier run nor such a field."""
    if asked.work.before is not None:
        return ("tier", "tier_previous", "tier_since")
    told = asked.told is not None and "reviewed_on" in asked.told.columns
    return ("tier",) if told or asked.work.book.contacts is not None else ()


def _longest(gaps: Any, sure: float) -> Any:
    """The quantile of the next gap, in units of the sum of so many gaps before.

    For purchases at random at an unknown rate of the customer's own (prior 1 / rate), the next gap G after n gaps with
    the sum S exceeds s with the probability (S / (S + s))^n.
    """
    odds: Any = 1.0 / gaps
    chance: Any = 1.0 / (1.0 - sure)
    return chance**odds - 1.0


def _as_day(column: Any) -> Any:
    """A day from a column that the book keeps as it was given; what is no day is none."""
    kind = column.type()
    if kind.is_date():
        return column
    if kind.is_timestamp():
        return column.date()
    import ibis

    written = column.cast("string").strip().left(10).replace("/", "-")
    # what is no whole day is a day to some engines: Spark takes 2025 for its first one
    whole: Any = written.re_search("^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$")
    return ibis.ifelse(whole, written, ibis.null("string")).try_cast("date")


def _doubted(rows: ir.Table, rules: Alerts) -> Any:
    return (rows.p < rules.doubtful) & (rows.p >= rules.lost)


def _overdue(rows: ir.Table, rules: Alerts) -> Any:
    return (rows.purchases >= rules.least_purchases) & (rows.silence > rows.rare) & (rows.p >= rules.lost)


def _may_hold(asked: Asked, rows: ir.Table) -> Any:
    rules = asked.rules
    found: Any = (rows.full >= asked.least) & (_doubted(rows, rules) | _overdue(rows, rules))
    if {"tier", "tier_previous"} <= set(rows.columns):
        found = found | (_place(rows.tier) > _place(rows.tier_previous))
    if "tier" in rows.columns and asked.work.book.contacts is not None:
        found = found | rows.tier.isin(rules.contact_tiers)
    if "reviewed_on" in rows.columns:
        found = found | _review_due(asked, rows)
    return found.coalesce(False)


def _place(tier: Any) -> Any:
    """0 for the best tier; null where there is none."""
    import ibis

    return ibis.cases(*((tier == code, place) for place, code in enumerate(TIERS)), else_=None).cast("int32")


def _review_due(asked: Asked, rows: ir.Table) -> Any:
    import ibis

    age: Any = ibis.literal(asked.work.as_of).delta(rows.reviewed_on, unit="day")
    due: Any = (age > asked.rules.review_days).coalesce(False)
    if "tier" not in rows.columns:
        return due
    return due | (rows.reviewed_on.isnull() & rows.tier.isin(asked.rules.review_tiers)).coalesce(False)


def _with_contacts(asked: Asked, rows: ir.Table) -> ir.Table:
    """With the day of the last contact, where contacts are kept and tiers are known."""
    contacts = asked.work.book.contacts
    if contacts is None or "tier" not in rows.columns or not asked.wants("no_contact"):
        return rows
    mine = contacts.semi_join(rows, "customer_id")
    last = mine.group_by(contact_id=mine.customer_id).aggregate(last_contact=mine.date.max())
    return rows.left_join(last, rows.customer_id == last.contact_id).drop("contact_id")


def _with_forecast_before(asked: Asked, rows: ir.Table) -> ir.Table:
    """With what was forecast of the customer in the earlier run, where tiers have changed since.

    As forecasts are today: a quiet season lowers everybody's, so the earlier one is multiplied by what the average
    customer surely active is forecast to bring now, by what such a customer was forecast to bring then.
    """
    before = asked.work.before
    if before is None or "tier_previous" not in rows.columns or not asked.wants("tier_lost"):
        return rows
    earlier = asked.work.recorded(before, "customers.parquet", ("customer_id", "forecast_value", "p_alive"))
    if earlier is None:
        return rows
    then = average_forecast(asked.work, earlier)
    rate = asked.average / then if then > 0 else 1.0
    forecast: Any = earlier.forecast_value.cast("float64") * rate
    earlier = earlier.select(earlier_id=earlier.customer_id, forecast_before=forecast)
    return rows.left_join(earlier, rows.customer_id == earlier.earlier_id).drop("earlier_id")


def average_forecast(work: Work, rows: ir.Table) -> float:
    """What an average customer who is surely still active is forecast to bring; 0 where there is none.

    A forecast is what a customer would bring if surely active times P(alive); so it is the sum of forecasts by the sum
    of P(alive), and a log full of customers gone long ago does not lower it.
    """
    import ibis

    forecast: Any = ibis.greatest(rows.forecast_value.cast("float64"), 0.0).cast(SUM)
    active: Any = rows.p_alive.coalesce(0.0).cast("decimal(18, 9)")
    found = work.engine.row(rows.aggregate(forecast=forecast.sum(), active=active.sum().cast("float64")))
    return float(found["forecast"] or 0) / found["active"] if found["active"] else 0.0


def _of_state(asked: Asked, people: ir.Table) -> list[ir.Table]:
    rules, least = asked.rules, asked.least
    parts = [
        _reading(
            people, "maybe_gone", least,
            holds=_doubted(people, rules),
            stays=(people.p < rules.doubtful + MARGIN) & (people.p >= rules.lost),
            measure=people.p, threshold=rules.doubtful, before=people.silence,
            stake=people.full, probability=people.gone,
        ),
        _reading(
            people, "order_overdue", least,
            holds=_overdue(people, rules), stays=_overdue(people, rules),
            measure=people.silence, threshold=people.rare, before=people.rhythm,
            stake=people.full, probability=people.gone,
        ),
    ]  # fmt: skip
    parts = [part for part, cause in zip(parts, ("maybe_gone", "order_overdue"), strict=True) if cause in rules.causes]
    if "forecast_before" in people.columns:
        parts.append(_of_tiers(asked, people))
    if "last_contact" in people.columns:
        parts.append(_of_contacts(asked, people))
    if "reviewed_on" in people.columns:
        parts.append(_of_reviews(asked, people))
    return parts


def _of_tiers(asked: Asked, people: ir.Table) -> ir.Table:
    """What was lost since is no longer a chance: the probability is 1.

    A tier lost longer ago than alerts of events are kept is no news any more, though the run compared with, of the
    period before, is older still where periods are long.
    """
    import ibis

    now, earlier = _place(people.tier), _place(people.tier_previous)
    forecast: Any = people.forecast_value.cast("float64")
    lost: Any = ibis.greatest(people.forecast_before, 0.0) - ibis.greatest(forecast, 0.0)
    fell: Any = (lost > 0) & (lost >= asked.rules.fall * people.forecast_before)
    if "tier_since" in people.columns:
        days: Any = ibis.literal(asked.work.as_of).delta(people.tier_since, unit="day")
        fell = fell & (days < asked.rules.keep_days)
    return _reading(
        people, "tier_lost", asked.least,
        holds=(now > earlier) & fell & (people.p >= asked.rules.lost), stays=people.p >= asked.rules.lost,
        measure=now, threshold=earlier, before=earlier, stake=lost, probability=1.0,
    )  # fmt: skip


def _of_contacts(asked: Asked, people: ir.Table) -> ir.Table:
    import ibis

    days: Any = ibis.literal(asked.work.as_of).delta(people.last_contact, unit="day").cast("float64")
    since: Any = days.coalesce(people.tenure)
    holds: Any = people.tier.isin(asked.rules.contact_tiers) & (since > asked.rules.contact_days)
    holds = holds & (people.p >= asked.rules.lost)
    return _reading(
        people, "no_contact", asked.least,
        holds=holds, stays=holds, measure=days, threshold=asked.rules.contact_days,
        stake=people.full, probability=people.gone,
    )  # fmt: skip


def _of_reviews(asked: Asked, people: ir.Table) -> ir.Table:
    """Listed whatever is at stake: the company has set itself this schedule."""
    import ibis

    due = _review_due(asked, people)
    return _reading(
        people, "review_due", 0.0,
        holds=due, stays=due,
        measure=ibis.literal(asked.work.as_of).delta(people.reviewed_on, unit="day").cast("float64"),
        threshold=asked.rules.review_days, stake=people.full, probability=people.gone,
    )  # fmt: skip


# --- what takes the accounts ------------------------------------------------------------------------------


def _of_falls(asked: Asked) -> tuple[ir.Table, int, float]:
    """Readings of falling values; how many fell alike a stretch earlier, and the part of their fall that stayed away.

    At stake is what the last stretch brought less than the usual, in a horizon's time; the usual is the mean of the
    stretches before it, two more than fell, as far as the customer was one. A stretch before a fall is high by chance
    as well, so that what customers bring after a fall teaches how much of it stays away: the mean of (usual - next) /
    (usual - last) over those who fell alike a stretch earlier, none below -1 or above 1, and one more of either kind.
    """
    import ibis

    rules, work, each = asked.rules, asked.work, asked.periods
    sums = work.asked_ahead(FALLS, lambda: falls(work, asked.open))
    known = work.figures.select("customer", "customer_id", "p_alive", "first_purchase")
    rows = asked.carried(sums.inner_join(known, "customer"), "value_falling")
    since: Any = (work.ledger.present - work.calendar.numbers(rows.first_purchase)) // each  # stretches before the last
    most = rules.falls + BEFORE_A_FALL - 2
    rows = rows.mutate(
        usual=rows.brought / ibis.greatest(ibis.least(since, most), 1),
        usual_before=rows.brought_before / ibis.greatest(ibis.least(since - 1, most), 1),
    )
    gap: Any = (rows.usual_before - rows.end_before).nullif(0.0)
    enough: Any = rows.earlier & (gap * asked.horizon / each >= asked.least)
    part: Any = ibis.least(ibis.greatest((rows.usual_before - rows.end) / gap, -1.0), 1.0)
    kept = work.engine.store(rows.mutate(part=ibis.ifelse(enough, part, None).cast("decimal(18, 9)")))
    work.engine.forget(sums)
    found = work.engine.row(kept.aggregate(fell=kept.part.count(), stayed=kept.part.sum().cast("float64")))
    fallen, stayed = int(found["fell"] or 0), float(found["stayed"] or 0.0)
    alive: Any = kept.p_alive.coalesce(1.0) >= rules.lost
    reading = _reading(
        kept, "value_falling", asked.least,
        holds=kept.now & alive, stays=alive, measure=kept.end, threshold=kept.start * (1.0 - rules.fall),
        before=kept.start, stake=(kept.usual - kept.end) * (asked.horizon / each),
        probability=staying_away(fallen, stayed),
    )  # fmt: skip
    return reading, fallen, stayed


def falls(known: Early, told: ir.Table | None) -> ir.Table:
    """Who fell in the last stretch (now) or in the one before it (earlier), or has an alert of it, with the sums.

    customer, start and end of the last fall, end_before, brought and brought_before (sums of the stretches before),
    now, earlier. told: customer_id and cause of the alerts carried over.
    """
    rules, each = known.settings.alerts, _periods(known)
    number = rules.falls + BEFORE_A_FALL
    mine = None if told is None else _customers(known, told.filter(told.cause == "value_falling"))
    sums = stretches(known.ledger, number, each, _may_fall(known, mine))
    values = [sums[f"value_{step}"] for step in range(number)]
    squares = [sums[f"square_{step}"] for step in range(number)]

    def fell(until: int) -> Any:
        first = until - rules.falls - 1
        found = falling(values[first:until], rules.fall, rules.falls)
        return found & beyond_noise(values[first:until], squares[first:until], each, rules.noise)

    sums = sums.select(
        "customer", start=values[-1 - rules.falls], end=values[-1], end_before=values[-2],
        now=fell(number), earlier=fell(number - 1),
        brought=sum(values[1:-1]), brought_before=sum(values[:-2]),
    )  # fmt: skip
    fallen = sums.filter(sums.now | sums.earlier)
    return fallen if mine is None else fallen.union(sums.filter(~(sums.now | sums.earlier)).semi_join(mine, "customer"))


def _periods(known: Early) -> int:
    """Periods of a stretch: a quarter of a year, at least one."""
    return known.settings.alerts.fall_periods or max(3 // known.calendar.months, 1)


def _customers(known: Early, rows: ir.Table) -> ir.Table:
    """`customer` of these customer_ids."""
    return known.ledger.people.semi_join(rows, "customer_id").select("customer")


def _may_fall(known: Early, mine: ir.Table | None) -> ir.Table:
    """`customer` of those who brought something in as many periods as there are falls, as only they can have fallen,
    and of those with such an alert: few, next to all of whom so many sums would be made.
    """
    each, times = _periods(known), known.settings.alerts.falls
    accounts, present = known.ledger.accounts, known.ledger.present
    # the falls begin at most two stretches before, and each begins above 0
    some = accounts.filter(accounts.number.between(present - each * (times + 2) + 1, present - each))
    some = some.filter(some.amount - some.cost - some.expense > 0)
    counted = some.group_by("customer").aggregate(periods=some.count())
    found = counted.filter(counted.periods >= times).select("customer")
    return found if mine is None else found.union(mine)


def staying_away(fell: int, stayed: float) -> float:
    """The part of a fall that stays away: the mean of so many, and of one that stayed and one that came back."""
    return max((stayed + 1.0) / (fell + 2.0), 0.0)


def _of_jumps(asked: Asked) -> list[ir.Table]:
    """The last complete period against the twelve before it (only periods with a purchase), on the scale of logarithms.

    Beyond all of them, and beyond the quartiles by a multiple of the quartile range (Tukey's far-out values). That the
    next period is like that again has, after n others that were not, the probability 1 / (n + 2).
    """
    import ibis

    work, present = asked.work, asked.work.ledger.present
    figures = work.figures.select("customer", "customer_id", "active_periods", "amount", "value")
    regular = figures.filter(figures.active_periods > LEAST_HISTORY)
    accounts = work.ledger.accounts
    bought = accounts.filter((accounts.purchases > 0) & (accounts.amount > 0))
    last = bought.filter(bought.number == present).select("customer", bought_last=bought.amount.cast("float64"))
    rows = work.engine.store(last.inner_join(regular, "customer"))
    past = bought.filter(bought.number.between(present - HISTORY, present - 1)).semi_join(rows, "customer")
    size: Any = past.amount.cast("float64")
    history = past.group_by("customer").aggregate(
        seen=past.count(), low=size.min(), high=size.max(), usual=size.quantile(0.5),
        first_quarter=size.ln().quantile(0.25), third_quarter=size.ln().quantile(0.75),
    )  # fmt: skip
    both = rows.inner_join(history, "customer")
    both = asked.carried(both.filter(both.seen >= LEAST_HISTORY), "jump_up", "jump_down")
    range_: Any = ibis.greatest(both.third_quarter - both.first_quarter, FLAT) * asked.rules.jump
    top, bottom = (both.third_quarter + range_).exp(), (both.first_quarter - range_).exp()
    margin: Any = both.value.cast("float64") / both.amount.cast("float64").nullif(0.0)
    both = work.engine.store(
        both.mutate(
            top=top, bottom=bottom,
            up=(both.bought_last > top) & (both.bought_last > both.high),
            down=(both.bought_last < bottom) & (both.bought_last < both.low),
            stake=(both.bought_last - both.usual).abs() * margin.clip(0.0, 1.0) * asked.horizon,
            chance=1.0 / (both.seen + 2),
        )
    )  # fmt: skip
    sides: tuple[tuple[Cause, Any, Any], ...] = (
        ("jump_up", both.up, both.top),
        ("jump_down", both.down, both.bottom),
    )
    return [
        _reading(
            both, cause, asked.least, holds=holds, stays=holds, measure=both.bought_last, threshold=limit,
            before=both.usual, stake=both.stake, probability=both.chance,
        )
        for cause, holds, limit in sides
        if asked.wants(cause)
    ]  # fmt: skip


def _of_losses(asked: Asked) -> list[ir.Table]:
    """Who costs more than they bring, and who nearly does, from near_loss.parquet.

    At stake is the loss forecast of whoever is surely still a customer, for what was spent on winning somebody is not
    spent again; of those near loss, what the largest cause takes. It goes on as long as they are customers: the
    probability is P(alive).
    """
    import ibis

    work, rules = asked.work, asked.rules
    found = work.engine.read_parquet(work.folder / LOSSES)
    known = work.figures.select(figure_id="customer_id", p_alive="p_alive")
    rows = found.left_join(known, found.customer_id == known.figure_id).drop("figure_id")
    rows = work.engine.store(asked.carried(rows, "losing_money", "near_loss"))
    value, ahead = rows.value.cast("float64"), rows.forecast_value.cast("float64")
    effects = [(rows.driver == name, rows[f"{name}_effect"].cast("float64")) for name in DRIVERS]
    rows = rows.mutate(
        so_far=value,
        ahead=ahead,
        p=rows.p_alive.coalesce(1.0),
        negative=((value < 0) | (ahead < 0)).coalesce(False),
        both=(rows.near_past & rows.near_ahead).coalesce(False),
        loss=-ahead / ibis.greatest(rows.p_alive.coalesce(1.0), LEAST_CHANCE),
        largest=-ibis.cases(*effects, else_=0.0) * asked.horizon,
    )
    here: Any = rows.p >= rules.lost
    parts: tuple[tuple[Cause, Any, Any], ...] = (
        ("losing_money", (rows.ahead < 0).coalesce(False) & here, rows.loss),
        ("near_loss", ~rows.negative & rows.both & here, rows.largest),
    )
    return [
        _reading(
            rows, cause, asked.least, holds=holds, stays=holds, measure=rows.ahead, threshold=0.0, before=rows.so_far,
            detail=rows.driver, stake=stake, probability=rows.p,
        )
        for cause, holds, stake in parts
        if asked.wants(cause)
    ]  # fmt: skip
