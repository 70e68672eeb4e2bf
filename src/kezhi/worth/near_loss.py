"""Customers who bring nothing or cost more than they bring (R23, V09), and what took their value away.

A level is what one period brings: value = purchases x mean amount x margin - expense. Two levels are compared, and
their difference is divided among the four without a rest: see `effects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM, as_sum
from kezhi.worth.work import Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

SUMS = ("purchases", "amount", "cost", "expense")
DRIVERS = {
    "frequency": Text("fewer purchases", "购买次数少"),
    "amount": Text("less paid per purchase (price, discount, returns)", "每次金额低（价格、折扣、退货）"),
    "cost": Text("higher product cost", "产品成本高"),
    "expense": Text("higher relationship expense", "关系营销费用高"),
}
STEPS = {
    "frequency": Text(
        "Ask why they buy less often before spending more on them.",
        "先了解购买减少的原因，再决定是否继续投入。",
    ),
    "amount": Text(
        "Look at discounts, returns and the size of their orders; agree on a smallest order.",
        "检查折扣、退货和订单大小，约定最低订货额。",
    ),
    "cost": Text(
        "Check the prices and products sold to them against what these cost.",
        "核对所售产品的价格与成本，调整报价或产品组合。",
    ),
    "expense": Text(
        "Serve them more cheaply, or agree on what they have to buy for that service.",
        "改用成本更低的服务方式，或约定享受服务所需的购买额。",
    ),
}
BASES = {
    "own": Text("their own earlier level", "客户自己以前的水平"),
    "typical": Text("the company's average customer", "公司的平均客户"),
}


@dataclass(frozen=True)
class Level:
    """What one period of a customer's relationship brings on the average: purchases, money per purchase, and so on."""

    purchases: Any
    amount: Any
    margin: Any
    expense: Any

    @property
    def value(self) -> Any:
        """Gross profit of a period."""
        return self.purchases * self.amount * self.margin - self.expense


def near_loss(work: Work, people: ir.Table, share: float) -> ir.Table:
    """The columns of near_loss.parquet, from `work.figures` with `state`.

    A customer is near loss if the value so far, or the value forecast, is no more than `share` of the purchases.
    """
    found = work.engine.store(_listed(people, share))
    levels = work.engine.store(_levels(work, found))
    return _explained(levels, typical_level(work, people))


def _listed(people: ir.Table, share: float) -> ir.Table:
    import ibis

    def below(value: Any, amount: Any) -> Any:
        return value.cast("float64") <= share * ibis.greatest(amount.cast("float64"), 0.0)

    something: Any = (people.purchases > 0) | (people.amount != 0) | (people.cost != 0) | (people.expense != 0)
    coming: Any = (people.forecast_amount > 0) | (people.forecast_expense > 0)
    rows = people.mutate(
        near_past=something & below(people.value, people.amount),
        near_ahead=coming & below(people.forecast_value, people.forecast_amount),
    )
    rows = rows.filter(rows.near_past.coalesce(False) | rows.near_ahead.coalesce(False))
    return rows.select(
        "customer", "customer_id", "near_past", "near_ahead", "state", *SUMS, "value", "forecast_value"
    ).rename(purchases_so_far="purchases", amount_so_far="amount", cost_so_far="cost", expense_so_far="expense")


def _levels(work: Work, found: ir.Table) -> ir.Table:
    """Sums of the last year, of what was before, and of all, with the number of periods of each."""
    import ibis

    present, end = work.ledger.present, work.ledger.next_period - 1
    begin = present - 12 // work.calendar.months  # the last period that is not of the last year
    accounts = work.ledger.accounts.semi_join(found, "customer")
    recent: Any = (accounts.number > begin) & (accounts.number <= present)
    earlier: Any = accounts.number <= begin
    sums = accounts.group_by("customer").aggregate(
        first=accounts.number.min(),
        **{f"recent_{name}": accounts[name].sum(where=recent).coalesce(0) for name in SUMS},
        **{f"earlier_{name}": accounts[name].sum(where=earlier).coalesce(0) for name in SUMS},
    )
    joined = found.left_join(sums, "customer", rname="{name}_l")
    first: Any = joined["first"].coalesce(end)
    return joined.mutate(
        recent_periods=ibis.greatest(present - ibis.greatest(first, begin + 1) + 1, 1),
        earlier_periods=ibis.greatest(begin - first + 1, 0),
        all_periods=end - first + 1,
    )


def typical_level(work: Work, people: ir.Table) -> Level:
    """The average of all periods of all buyers' relationships; nothing where nobody bought."""
    end = work.ledger.next_period - 1
    buyers = people.filter((people.purchases > 0) & people.first_purchase.notnull())
    periods: Any = end - work.calendar.numbers(buyers.first_purchase) + 1
    row = work.engine.row(
        buyers.aggregate(periods=periods.sum(), **{name: buyers[name].sum() for name in SUMS})
    )  # fmt: skip
    if not row["purchases"] or not row["periods"]:
        return Level(0.0, 0.0, 0.0, 0.0)
    purchases, amount, cost, expense = (float(row[name]) for name in SUMS)
    margin = 1.0 - cost / amount if amount > 0 else 0.0
    return Level(purchases / row["periods"], amount / purchases, margin, expense / row["periods"])


def _level(rows: ir.Table, prefix: str, periods: Any, other: Level) -> tuple[Level, Any, Any]:
    """A level from sums, with the amount and cost of a period; what is not known (nothing bought) is the other's."""
    import ibis

    purchases, amount, cost, expense = (
        rows[f"{prefix}{name}"].cast("float64") / periods for name in SUMS
    )  # fmt: skip
    each: Any = ibis.ifelse(purchases > 0, amount / purchases.nullif(0.0), other.amount)
    margin: Any = ibis.ifelse((purchases > 0) & (amount > 0), 1.0 - cost / amount.nullif(0.0), other.margin)
    return Level(purchases, each, margin, expense), amount, cost


def _explained(rows: ir.Table, typical: Level) -> ir.Table:
    import ibis

    before, amount_before, _ = _level(rows, "earlier_", rows.earlier_periods.nullif(0), typical)
    value_now = _net(rows, "recent_", rows.recent_periods)
    fell: Any = (rows.earlier_periods > 0) & (before.purchases > 0) & (amount_before > 0)
    fell = (fell & (before.value > 0) & (value_now < before.value)).coalesce(False)
    rows = rows.mutate(
        basis=ibis.ifelse(fell, "own", "typical"),
        **_chosen(rows, fell, before, typical),
    )
    base = Level(*(rows[f"base_{name}"] for name in ("purchases", "amount", "margin", "expense")))
    level, amount, cost = _level(rows, "now_", rows.now_periods, base)
    parts = effects(base, level, amount)
    rows = rows.mutate(before=_money(base.value), after=_money(amount - cost - level.expense), **parts)
    rest: Any = rows.after - rows.before - rows.frequency_effect - rows.amount_effect - rows.expense_effect
    return _named(rows.mutate(cost_effect=as_sum(rest)))


def _net(rows: ir.Table, prefix: str, periods: Any) -> Any:
    net: Any = rows[f"{prefix}amount"] - rows[f"{prefix}cost"] - rows[f"{prefix}expense"]
    return net.cast("float64") / periods


def _chosen(rows: ir.Table, fell: Any, before: Level, typical: Level) -> dict[str, Any]:
    """The level to compare with, and the sums and periods that are compared: the last year's, or all so far."""
    import ibis

    own = {f"base_{name}": getattr(before, name) for name in ("purchases", "amount", "margin", "expense")}
    usual = {f"base_{name}": _constant(getattr(typical, name)) for name in ("purchases", "amount", "margin", "expense")}
    sums = {
        f"now_{name}": ibis.ifelse(fell, rows[f"recent_{name}"].cast("float64"), rows[f"{name}_so_far"].cast("float64"))
        for name in SUMS
    }
    return {
        **{name: ibis.ifelse(fell, own[name], usual[name]) for name in own},
        **sums,
        "now_periods": ibis.ifelse(fell, rows.recent_periods, rows.all_periods).cast("float64"),
    }


def _constant(value: float) -> Any:
    import ibis

    return ibis.literal(value, type="float64")


def effects(base: Level, now: Level, amount: Any) -> dict[str, Any]:
    """What frequency, amount per purchase and expense did to the value of a period, each on the mean of all orders.

    The Shapley value of each factor of purchases x mean amount x margin: its change, times what the others are worth
    on the average over all orders in which the three may change. The product cost's part is the rest, so that the
    parts add up to the last digit; where something was bought it is the margin's Shapley value. Without a purchase
    all that is missing is missing for lack of purchases, and money given back counts as amount.
    """
    import ibis

    n0, a0, m0 = base.purchases, base.amount, base.margin
    n1, a1, m1 = now.purchases, now.amount, now.margin
    frequency = (n1 - n0) * ((a0 * m0 + a1 * m1) / 3.0 + (a0 * m1 + a1 * m0) / 6.0)
    each = (a1 - a0) * ((n0 * m0 + n1 * m1) / 3.0 + (n0 * m1 + n1 * m0) / 6.0)
    return {
        "frequency_effect": _money(frequency),
        "amount_effect": _money(ibis.ifelse(n1 > 0, each, amount)),
        "expense_effect": _money(base.expense - now.expense),
    }


def _money(value: Any) -> Any:
    return value.cast(SUM)


def _named(rows: ir.Table) -> ir.Table:
    """The largest negative part, and what to do about it."""
    import ibis

    parts = [f"{name}_effect" for name in DRIVERS]
    least: Any = ibis.least(*(rows[name] for name in parts))
    rows = rows.mutate(least=least)
    names = list(DRIVERS)
    driver = ibis.cases(*((rows[f"{name}_effect"] == rows.least, name) for name in names[:-1]), else_=names[-1])
    rows = rows.mutate(driver=driver)
    proposals = {
        f"proposal_{language}": ibis.cases(
            *((rows.driver == name, STEPS[name].to(language)) for name in names[:-1]),
            else_=STEPS[names[-1]].to(language),
        )
        for language in ("en", "zh")
    }
    return rows.mutate(**proposals).order_by("value", "customer").select(
        "customer_id", "near_past", "near_ahead", "state",
        amount=rows.amount_so_far, cost=rows.cost_so_far, expense=rows.expense_so_far, value=rows.value,
        forecast_value=rows.forecast_value, basis=rows.basis, before=rows.before, after=rows.after,
        frequency_effect=rows.frequency_effect, amount_effect=rows.amount_effect, cost_effect=rows.cost_effect,
        expense_effect=rows.expense_effect, driver=rows.driver, proposal_en="proposal_en", proposal_zh="proposal_zh",
    )  # fmt: skip


def near_loss_facts(work: Work, rows: ir.Table) -> dict[str, Any]:
    """How many there are, and by what their value was taken away."""
    grouped = rows.group_by("driver").aggregate(
        customers=rows.count(),
        past=rows.near_past.sum(),
        ahead=rows.near_ahead.sum(),
        negative=(rows.value < 0).sum(),
        value=rows.value.sum().cast(SUM),
        forecast_value=rows.forecast_value.sum().cast(SUM),
        **{f"{name}_effect": rows[f"{name}_effect"].sum().cast(SUM) for name in DRIVERS},
    )
    found = {row["driver"]: row for row in work.engine.fetch(grouped).to_pylist()}
    drivers = [found[name] for name in DRIVERS if name in found]

    def total(name: str) -> Any:
        return sum(row[name] for row in drivers)

    return {
        **{name: total(name) for name in ("customers", "past", "ahead", "negative", "value", "forecast_value")},
        "drivers": [
            {"driver": row["driver"], "customers": row["customers"], "effect": row[f"{row['driver']}_effect"]}
            for row in drivers
        ],
    }
