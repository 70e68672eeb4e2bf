"""What customers bring through those they sent: direct and indirect value, by generation, nothing counted twice.

A customer's own value stays their own; what is credited to those who sent them is a view of the same money. Company
totals are sums of own values only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM, as_sum
from kezhi.valuation import Columns
from kezhi.worth.forest import MEASURES, PROBLEMS, Forest, branches
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

SHOWN_BRANCHES = 10
LAST_GENERATION = 50  # later ones are counted with it in the company's table
Z80 = 1.2815515655446004  # 10 % of a normal distribution lie above it

WARNINGS = {
    "referral_self": Text(
        "{n} customers are their own referrer; these links are ignored (referral_problems.parquet lists them).",
        "有 {n} 位客户的推荐人是自己；这些推荐关系未计入（清单见 referral_problems.parquet）。",
    ),
    "referral_unknown": Text(
        "{n} customers have a referrer who is not a known customer; these links are ignored "
        "(referral_problems.parquet lists them).",
        "有 {n} 位客户的推荐人不是已知客户；这些推荐关系未计入（清单见 referral_problems.parquet）。",
    ),
    "referral_cycle": Text(
        "{n} customers are said to have sent one another in a circle; the links of these circles are ignored "
        "(referral_problems.parquet lists them).",
        "有 {n} 位客户的推荐关系首尾相接成环；环上的推荐关系未计入（清单见 referral_problems.parquet）。",
    ),
    "referral_late": Text(
        "{n} customers came before the customer who is said to have sent them; the links count, but look at them "
        "(referral_problems.parquet lists them).",
        "有 {n} 位客户成为客户的日期早于其推荐人；这些推荐关系仍计入，请核对（清单见 referral_problems.parquet）。",
    ),
    "referral_several": Text(
        "{n} customers stand in the customer table with several referrers; the first by id counts "
        "(referral_problems.parquet lists them).",
        "有 {n} 位客户在客户表中有多个推荐人；按编号取第一个（清单见 referral_problems.parquet）。",
    ),
}


def measured(work: Work) -> Found | None:
    """The referrals of a company; None where no customer has a referrer.

    Writes referrals.parquet, referral_periods.parquet and, where links are doubtful, referral_problems.parquet.
    """
    forest = work.forest
    if forest is None:
        return None
    _write_members(work, forest)
    tops = _tops(work, forest)
    below = branches(work.engine, forest, tops.select("node"))
    _write_periods(work, forest, below)
    return Found(
        facts=_facts(work, forest, tops, below),
        columns=Columns(_columns(work, forest), {"referrals": 0, "referred_value": 0, "wide_value": None}),
        warnings=tuple(_warnings(forest)),
    )


def referred_value(work: Work) -> ir.Table | None:
    """What is credited to every customer who sent another, by the credit rule of the settings; None without referrals.

    A stored table: customer_id, referrals (customers sent), referred_value (past: amount - cost - expense of those
    credited), referred_forecast_value (the same over the horizon). Customers who sent nobody have no row.
    """
    if work.forest is None:
        return None
    senders = work.forest.members.filter(lambda t: t.referrals > 0)
    return senders.select(
        "customer_id",
        "referrals",
        referred_value="credited_value",
        referred_forecast_value="credited_forecast_value",
    )


def _columns(work: Work, forest: Forest) -> ir.Table:
    """customer_id, referrals, referred_value, wide_value of everybody with an account."""
    import ibis

    zero = ibis.literal(0).cast(SUM)
    credited = forest.members.select("customer", "referrals", "credited_value", "credited_forecast_value")
    both = work.figures.select("customer", "customer_id", "value", "forecast_value").left_join(credited, "customer")
    referred: Any = both.credited_value.coalesce(zero)
    wide: Any = both.value + referred
    if work.settings.referrals.forecast:
        wide = wide + both.forecast_value.cast(SUM).coalesce(zero) + both.credited_forecast_value.coalesce(zero)
    return work.engine.store(
        both.select(
            "customer_id",
            referrals=both.referrals.coalesce(0).cast("int64"),
            referred_value=referred.cast(SUM),
            wide_value=as_sum(wide),
        )
    )


def _write_members(work: Work, forest: Forest) -> None:
    ordered = forest.members.order_by("customer_id")
    rules = [f"{rule}_{name}" for rule in ("first", "all", "credited") for name in MEASURES]
    names = ("customer_id", "referrer_id", "root_id", "generation", "referrals", "descendants", *MEASURES, *rules)
    work.engine.write_parquet(ordered.select(*names), work.folder / "referrals.parquet")
    if forest.counts:
        listed = forest.problems.order_by("problem", "customer_id")
        work.engine.write_parquet(listed, work.folder / "referral_problems.parquet")


def _tops(work: Work, forest: Forest) -> ir.Table:
    """The members to whom most is credited, best first."""
    import ibis

    senders = forest.members.filter(forest.members.referrals > 0)
    best = senders.order_by(ibis.desc("credited_value"), "customer_id").limit(SHOWN_BRANCHES)
    return work.engine.store(best)


# --- by period --------------------------------------------------------------------------------------------


def _write_periods(work: Work, forest: Forest, below: ir.Table) -> None:
    """What every branch, and the whole forest, sold and cost by period; own is the branch's first customer."""
    import ibis

    members = forest.members
    ids = members.select(member="node", account="customer", member_id="customer_id")
    whole = members.select(account="customer", branch=ibis.null("string"), distance=members.generation.cast("int32"))
    named = below.join(ids, below.node == ids.member)
    named = named.join(ids.select(top_node="member", branch="member_id"), [("top", "top_node")])
    pairs = whole.union(named.select("account", "branch", "distance"))
    accounts = work.ledger.accounts
    rows = pairs.join(accounts, pairs.account == accounts.customer)
    zero = ibis.literal(0).cast(SUM)
    own: Any = ibis.ifelse(rows.distance == 0, rows.amount, zero)
    sums = rows.group_by("branch", "number").aggregate(
        own_amount=own.sum().cast(SUM),
        **{name: rows[name].sum().cast(SUM) for name in ("amount", "cost", "expense")},
    )
    sums = sums.mutate(value=as_sum(sums.amount - sums.cost - sums.expense))
    so_far = ibis.cumulative_window(group_by="branch", order_by="number")
    table = sums.select(
        "number",
        customer_id="branch",
        period=work.calendar.starts(sums.number),
        own_amount="own_amount",
        referred_amount=as_sum(sums.amount - sums.own_amount),
        amount="amount",
        cost="cost",
        expense="expense",
        value="value",
        cumulative_value=sums.value.sum().over(so_far).cast(SUM),
    )
    ordered = table.order_by(table.customer_id.coalesce(""), "number").drop("number")
    work.engine.write_parquet(ordered, work.folder / "referral_periods.parquet")


# --- the company's figures --------------------------------------------------------------------------------


def _facts(work: Work, forest: Forest, tops: ir.Table, below: ir.Table) -> dict[str, Any]:
    chosen = work.settings.referrals
    generations = _generations(work, forest)
    company = _company(work, forest)
    referred = {name: sum(row[name] for row in generations if row["generation"]) for name in MEASURES}
    sent = sum(row["customers"] for row in generations if row["generation"])
    return {
        "credit": chosen.credit,
        "decay": chosen.decay if chosen.credit == "decay" else None,
        "forecast": chosen.forecast,
        "customers": company["customers"],
        "referred": sent,
        "referrers": sum(row["referrers"] for row in generations),
        "trees": sum(row["customers"] for row in generations if not row["generation"]),
        "k_factor": sent / company["customers"] if company["customers"] else None,
        **{name: company[name] for name in MEASURES},
        **{f"referred_{name}": referred[name] for name in MEASURES},
        **{f"referred_{name}_share": _share(referred[name], company[name]) for name in MEASURES},
        "generations": generations,
        "rate": _rate(company),
        "branches": _branches(work, forest, tops, below),
        "problems": {name: forest.counts.get(name, 0) for name in PROBLEMS},
    }


def _share(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole > 0 else None


def _generations(work: Work, forest: Forest) -> list[dict[str, Any]]:
    """customers, referrers, referrals and their own measures by generation; 0 are those whom nobody sent."""
    import ibis

    members = forest.members
    clipped: Any = ibis.least(members.generation, LAST_GENERATION)
    rows = members.group_by(generation=clipped.cast("int64")).aggregate(**_counted(members))
    found: list[dict[str, Any]] = work.engine.fetch(rows.order_by("generation")).to_pylist()
    return [row | {"per_customer": row["referrals"] / row["customers"]} for row in found]


def _counted(members: ir.Table) -> dict[str, Any]:
    counted: dict[str, Any] = {
        "customers": members.count(),
        "referrers": (members.referrals > 0).sum().cast("int64"),
        "referrals": members.referrals.sum().cast("int64"),
    }
    return counted | {name: members[name].sum().cast(SUM) for name in MEASURES}


def _company(work: Work, forest: Forest) -> dict[str, Any]:
    """Totals of all customers, and what the rate of referrals is estimated from.

    Of those who have bought: x, the customers they sent, and t, periods from the first purchase to `as_of`.
    """
    import ibis

    sent = forest.members.select("customer", sent="referrals")
    known = work.figures.select("customer", "tenure_days", *MEASURES)
    rows = known.left_join(sent, "customer")
    days: Any = (rows.tenure_days + 1).cast("int64")
    referrals: Any = ibis.ifelse(rows.tenure_days.isnull(), 0, rows.sent.coalesce(0)).cast("int64")
    sums = rows.aggregate(
        customers=rows.count(),
        buyers=rows.tenure_days.count(),
        **{name: rows[name].sum().cast(SUM) for name in MEASURES},
        x=referrals.sum(),
        xx=(referrals * referrals).sum(),
        t=days.sum(),
        tt=(days * days).sum(),
        xt=(referrals * days).sum(),
    )
    silent = forest.members.filter(forest.members.customer.isnull())
    found = work.engine.row(sums)
    found["customers"] += work.engine.row(silent.aggregate(rows=silent.count()))["rows"]
    days_by_period = work.calendar.mean_days
    scales = {"x": 0, "xx": 0, "t": 1, "tt": 2, "xt": 1}
    return found | {name: float(found[name] or 0) / days_by_period**power for name, power in scales.items()}


def _rate(company: dict[str, Any]) -> dict[str, Any] | None:
    """Customers sent per customer and period, with an 80 % interval; None where nobody has bought for any time.

    A ratio of sums with its linearised variance (Cochran, Sampling techniques, 1977, section 6.4): customers differ in
    how much they recommend, so that counting events as if they were Poisson would claim too much. The interval is taken
    on the logarithm; without any referral its upper end is that of a Poisson count of nothing.
    """
    customers, x, t = company["buyers"], company["x"], company["t"]
    if t <= 0:
        return None
    rate = x / t
    lower: float | None = 0.0
    upper: float | None = math.log(10.0) / t
    if x > 0 and customers > 1:
        squares = max(company["xx"] - 2 * rate * company["xt"] + rate * rate * company["tt"], 0.0)
        error = math.sqrt(customers / (customers - 1) * squares) / x
        lower, upper = rate * math.exp(-Z80 * error), rate * math.exp(Z80 * error)
    elif x > 0:
        lower = upper = None
    return {
        "referrals": round(x),
        "customer_periods": t,
        "per_period": rate,
        "lower": lower,
        "upper": upper,
        "value_per_period": float(company["value"]) / t,
    }


def _branches(work: Work, forest: Forest, tops: ir.Table, below: ir.Table) -> list[dict[str, Any]]:
    """The best referrers, best first, and what each of their generations brought."""
    import ibis

    members = forest.members
    own = below.join(members, below.node == members.node, rname="{name}_of_member")
    clipped: Any = ibis.least(own.distance, LAST_GENERATION)
    counted = own.group_by("top", generation=clipped.cast("int64")).aggregate(**_counted(own))
    rows = work.engine.fetch(counted.order_by("top", "generation")).to_pylist()
    names = ("customer_id", "referrer_id", "generation", "referrals", "descendants", *MEASURES)
    credited = [f"{rule}_{name}" for rule in ("first", "all", "credited") for name in MEASURES]
    order = (ibis.desc("credited_value"), "customer_id")
    best: list[dict[str, Any]] = work.engine.fetch(tops.order_by(*order).select("node", *names, *credited)).to_pylist()
    for branch in best:
        node = branch.pop("node")
        branch["generations"] = [
            {name: value for name, value in row.items() if name != "top"} for row in rows if row["top"] == node
        ]
    return best


def _warnings(forest: Forest) -> list[tuple[str, Text]]:
    return [
        (f"referral_{name}", WARNINGS[f"referral_{name}"].fill(n=f"{forest.counts[name]:,}"))
        for name in PROBLEMS
        if forest.counts.get(name)
    ]
