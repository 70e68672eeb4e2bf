"""How each customer stands: worth now against worth to come, pace, growth, breadth, share of wallet, activity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.ledger.calendar import MEAN_MONTH_DAYS
from kezhi.worth.cohorts import acquired
from kezhi.worth.lifetime import span_of
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

# First the current value, then the potential; high means at least the cut.
CLASSES = {(True, True): "keep", (False, True): "grow", (True, False): "hold", (False, False): "simple"}
UNITS = {"week": 7.0, "month": MEAN_MONTH_DAYS, "quarter": 3 * MEAN_MONTH_DAYS, "year": 12 * MEAN_MONTH_DAYS}
ACTIVE = 0.5  # activity from which a customer counts as active: one purchase not older than the half-life
_INDEX = "decimal(18, 8)"  # so that sums do not depend on the order of rows


def measured(work: Work) -> Found | None:
    """Write standing.parquet: one row per customer; the grid of current value and potential in figures.

    None where nobody has ever bought.
    """
    half_life = _half_life(work)
    if half_life is None:
        return None
    rows = work.engine.store(_rows(work, half_life))
    cuts = _cuts(work, rows)
    placed = _placed(rows, cuts)
    span = span_of(work.settings, work.calendar.months)
    with work.engine.meanwhile(placed.order_by("customer").drop("customer"), work.folder / "standing.parquet"):
        facts = {
            "months": 12,
            "potential_periods": None if span.to_the_end else span.periods,
            "current_from": cuts.current,
            "potential_from": cuts.potential,
            "half_life_days": half_life,
            "grid": _grid(work, placed),
            **_company(work, placed),
        }
    work.engine.forget(rows)
    return Found(facts)


@dataclass(frozen=True)
class Cuts:
    """From where current value and potential are high; None where nobody has any above 0, so that nobody is high."""

    current: float | None
    potential: float | None


# --- one row per customer ---------------------------------------------------------------------------------


def _rows(work: Work, half_life: float) -> ir.Table:
    """customer, customer_id and the columns of standing.parquet but the class."""
    known = work.ledger.statistics.select("customer", "customer_id", "purchases", "tenure_days")
    people = known.join(work.lives.select("customer", "residual_value"), "customer")
    rows = people.left_join(_recent(work, half_life), "customer", rname="{name}_r").drop("customer_r")
    rows = rows.join(work.beginnings.table.select("customer", "begin"), "customer")
    rows, unbooked = _with_unbooked(work, rows)
    rows, breadth = _with_breadth(work, rows)
    rows, wallet = _with_wallet(work, rows)
    nothing: Any = _zero()
    spend, before = rows.spend.coalesce(nothing), rows.spend_before.coalesce(nothing)
    return rows.select(
        "customer",
        "customer_id",
        began=work.calendar.starts(rows.begin),
        current=rows.current.coalesce(nothing).cast(SUM),
        potential=rows.residual_value.cast(SUM),
        **{f"purchases_per_{unit}": _rate(rows, days) for unit, days in UNITS.items()},
        spend=spend.cast(SUM),
        spend_before=before.cast(SUM),
        growth=_growth(work, rows, spend, before),
        activity=rows.activity.coalesce(0.0),
        **breadth,
        **wallet,
        unbooked_acquisition=unbooked,
    )


def _recent(work: Work, half_life: float) -> ir.Table:
    """customer, current, spend, spend_before, activity: one pass over the accounts.

    current is of the last year of complete periods and of what the unfinished one has brought since; spend of that
    year's complete periods only, so that it can be held against as many before.
    """
    ledger, accounts = work.ledger, work.ledger.accounts
    year, last = 12 // work.calendar.months, ledger.present
    value: Any = accounts.amount - accounts.cost - accounts.expense
    number: Any = accounts.number
    weight: Any = (accounts.purchases.cast("float64") * (_age(work) * (-math.log(2.0) / half_life)).exp()).cast(_INDEX)
    return accounts.group_by("customer").aggregate(
        current=as_sum(value).sum(where=number > last - year).cast(SUM),
        spend=accounts.amount.sum(where=number.between(last - year + 1, last)).cast(SUM),
        spend_before=accounts.amount.sum(where=number.between(last - 2 * year + 1, last - year)).cast(SUM),
        activity=weight.sum().cast("decimal(38, 8)").cast("float64"),
    )


def _age(work: Work) -> Any:
    """Days since a period's purchases: since the middle between the first and the last of them."""
    import ibis

    accounts, end = work.ledger.accounts, ibis.literal(work.as_of)
    days: Any = end.delta(accounts.first_day, unit="day") + end.delta(accounts.last_day, unit="day")
    return days.cast("float64") / 2.0


def _rate(rows: ir.Table, days: float) -> Any:
    """Purchases in the observed time, which counts as one whole unit at least: one day says nothing of a year."""
    import ibis

    observed: Any = ibis.greatest((rows.tenure_days + 1) / days, 1.0)
    return ibis.ifelse(rows.purchases > 0, rows.purchases / observed, 0.0)


def _growth(work: Work, rows: ir.Table, spend: Any, before: Any) -> Any:
    """The last year's spend against that of the year before; empty for whoever was no customer all that year."""
    import ibis

    old: Any = rows.begin <= work.ledger.present - 2 * (12 // work.calendar.months) + 1
    change: Any = spend.cast("float64") / before.cast("float64") - 1.0
    return ibis.ifelse(old & (before > 0), change, ibis.null("float64"))


def _with_unbooked(work: Work, rows: ir.Table) -> tuple[ir.Table, Any]:
    """Acquisition cost that no expense holds, for the curve of one customer."""
    spent = acquired(work)
    if spent is None:
        return rows, _zero()
    said = spent.select(won="customer", unbooked="unbooked")
    joined = rows.left_join(said, rows.customer == said.won).drop("won")
    return joined, joined.unbooked.coalesce(_zero()).cast(SUM)


def _with_breadth(work: Work, rows: ir.Table) -> tuple[ir.Table, dict[str, Any]]:
    """Kinds of products bought, and their share of all that the company has sold."""
    bought = _kinds_bought(work)
    if bought is None:
        return rows, {}
    stored = work.engine.store(bought)
    sold = work.engine.row(stored.aggregate(sold=stored.category.nunique()))["sold"]
    if not sold:
        return rows, {}
    counts = stored.group_by(buyer="customer_id").aggregate(categories=stored.category.nunique())
    joined = rows.left_join(counts, rows.customer_id == counts.buyer).drop("buyer")
    categories: Any = joined.categories.coalesce(0).cast("int64")
    return joined, {"categories": categories, "breadth": categories / sold}


def _kinds_bought(work: Work) -> ir.Table | None:
    """customer_id, category of what customers have bought and not given back; None where categories are not known."""
    orders, products = work.book.orders, work.book.products
    if products is None or "category" not in products.columns or "product_id" not in orders.columns:
        return None
    known = products.filter(products.category.notnull() & (products.category.strip() != ""))
    kinds = known.group_by("product_id").aggregate(category=known.category.strip().max())
    lines = orders.select("customer_id", "product_id", "amount").join(kinds, "product_id")
    sums = lines.group_by("customer_id", "category").aggregate(amount=lines.amount.sum())
    return sums.filter(sums.amount > 0).select("customer_id", "category")


def _with_wallet(work: Work, rows: ir.Table) -> tuple[ir.Table, dict[str, Any]]:
    """The last year's spend as a share of all that the customer spends on such products."""
    people = work.book.customers
    if people is None or "wallet" not in people.columns:
        return rows, {}
    known = people.filter(people.wallet > 0)
    sizes = known.group_by(owner="customer_id").aggregate(wallet=known.wallet.max())
    joined = rows.left_join(sizes, rows.customer_id == sizes.owner).drop("owner")
    spend: Any = joined.spend.coalesce(_zero()).cast("float64")
    return joined, {"wallet": joined.wallet.cast(SUM), "wallet_share": spend / joined.wallet.cast("float64")}


def _zero() -> Any:
    import ibis

    return ibis.literal(0).cast(SUM)


# --- the company ------------------------------------------------------------------------------------------


def _half_life(work: Work) -> float | None:
    """The mean interval between two purchases, in days; a year where nobody has bought twice, None where nobody has."""
    people = work.ledger.statistics
    bought: Any = people.purchases > 0
    sums = work.engine.row(
        people.aggregate(
            buyers=bought.sum(),
            repeats=people.repeat_purchases.sum(where=bought),
            days=people.recency_days.sum(where=bought),
        )
    )
    if not sums["buyers"]:
        return None
    return float(sums["days"]) / float(sums["repeats"]) if sums["repeats"] else UNITS["year"]


def _cuts(work: Work, rows: ir.Table) -> Cuts:
    """The medians of the customers above 0."""
    current, potential = rows.current.cast("float64"), rows.potential.cast("float64")
    found = work.engine.row(
        rows.aggregate(
            current=current.median(where=rows.current > 0), potential=potential.median(where=rows.potential > 0)
        )
    )
    return Cuts(found["current"], found["potential"])


def _placed(rows: ir.Table, cuts: Cuts) -> ir.Table:
    import ibis

    now, later = _high(rows.current, cuts.current), _high(rows.potential, cuts.potential)
    cases = [
        ((now == is_now) & (later == is_later), ibis.literal(word)) for (is_now, is_later), word in CLASSES.items()
    ]
    return rows.mutate(potential_class=ibis.cases(*cases))


def _high(money: Any, cut: float | None) -> Any:
    import ibis

    return ibis.literal(False) if cut is None else money.cast("float64") >= cut


def _grid(work: Work, placed: ir.Table) -> list[dict[str, Any]]:
    """class, customers, current, potential of the four cells; they add up to the company."""
    sums = placed.group_by("potential_class").aggregate(
        customers=placed.count(),
        current=placed.current.sum().cast(SUM),
        potential=placed.potential.sum().cast(SUM),
    )
    found = {row["potential_class"]: row for row in work.engine.fetch(sums).to_pylist()}
    empty = {"customers": 0, "current": 0, "potential": 0}
    return [{"class": word, **{name: found.get(word, empty)[name] for name in empty}} for word in CLASSES.values()]


def _company(work: Work, placed: ir.Table) -> dict[str, Any]:
    """Active members and what they bring, growth, breadth and share of wallet of the company."""
    active: Any = placed.activity >= ACTIVE
    old: Any = placed.growth.notnull()
    sums = {
        "customers": placed.count(),
        "active": active.sum(),
        "value": placed.current.sum(),
        "active_value": placed.current.sum(where=active).coalesce(0),
        "spend": placed.spend.sum(where=old),
        "spend_before": placed.spend_before.sum(where=old),
        "growing": (placed.growth > 0).sum().coalesce(0),
        "with_growth": old.sum(),
    }
    if "breadth" in placed.columns:
        sums["breadth"] = placed.breadth.cast("decimal(18, 12)").sum(where=placed.categories > 0).cast("float64")
        sums["with_breadth"] = (placed.categories > 0).sum()
    if "wallet" in placed.columns:
        known: Any = placed.wallet.notnull()
        sums |= {
            "wallets": known.sum(),
            "wallet": placed.wallet.sum(),
            "wallet_spend": placed.spend.sum(where=known),
        }
    found = work.engine.row(placed.aggregate(**sums))
    return {
        "customers": found["customers"],
        "active": found["active"],
        "active_value_share": _share(found["active_value"], found["value"]),
        "growth": None
        if not found["with_growth"]
        else _share(found["spend"] - found["spend_before"], found["spend_before"]),
        "growing": found["growing"],
        "with_growth": found["with_growth"],
        "breadth": _share(found.get("breadth"), found.get("with_breadth")),
        "wallets": found.get("wallets", 0),
        "wallet_share": _share(found.get("wallet_spend"), found.get("wallet")),
    }


def _share(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if part is not None and whole and whole > 0 else None
