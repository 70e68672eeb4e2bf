"""Customers in order: by turnover, by what is not money, by both; and the scores of the four key factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.settings.scoring import FACTORS, Factors, Ranking
from kezhi.worth.work import Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

POINTS = ("points", "money_points", "other_points", "need_points")
TOLD = ("name", "role")
NUMBER = "number"  # of the row in the file
BEST = 10.0  # scores of factors go from 0 to this
RANKED = (
    "customer_id", "name", "amount", "share", "cumulative_share", "rank_amount", "points", "money_points",
    "other_points", "rank_points", "rank_other", "combined", "rank_combined",
)  # fmt: skip


def write_rankings(work: Work, totals: ir.Table, *, need_known: bool) -> dict[str, Any]:
    """Write rankings.parquet, the largest turnover first, and say how it was made.

    totals: customer_id, points, money_points, other_points, need_points of those who have any. Customers of whom no
    order is known are in it too, when they have points. Scores of the key factors only where the settings ask for them.
    """
    told = _told(work)
    base = work.engine.store(_numbered(_base(work, totals, told)))
    # ranked without names and ids: a sort carries along whatever is beside its key
    ranked = ranks(base.drop("customer_id", *TOLD), work.settings.ranking)
    factors, found = work.settings.factors, []
    if factors is not None:
        known = {"category": told is not None and "role" in told.columns, "need": need_known}
        found = [name for name in FACTORS if known.get(name, True)]
        ranked = scores(ranked.left_join(base.select(NUMBER, "role"), NUMBER), found, factors)
    names = base.select("customer_id", "name", NUMBER)
    ordered = ranked.join(names, NUMBER).order_by(NUMBER)
    columns = (*RANKED, *(f"{name}_score" for name in found), *(["factor_score"] if found else []))
    work.engine.write_parquet(ordered.select(*columns), work.folder / "rankings.parquet")
    return {
        "ranking": work.settings.ranking.model_dump(),
        "factors": {name: factors.weights[name] for name in found} if factors else {},
    }


def _told(work: Work) -> ir.Table | None:
    """customer_id, name and role of the customer table, as far as it has them."""
    people = work.book.customers
    names = [name for name in TOLD if people is not None and name in people.columns]
    if people is None or not names:
        return None
    return people.group_by("customer_id").aggregate(**{name: people[name].max() for name in names})


def _base(work: Work, totals: ir.Table, told: ir.Table | None) -> ir.Table:
    """One row per customer of the ledger or with points.

    customer_id, name, role, amount, value, expected_purchases, and POINTS.
    """
    import ibis

    zero, none = ibis.literal(0).cast(SUM), ibis.null("float64")
    bought = work.figures.select("customer_id", "amount", "value", "expected_purchases", **dict.fromkeys(POINTS, zero))
    scored = totals.select("customer_id", amount=zero, value=zero, expected_purchases=none, **_own(totals, POINTS))
    both = bought.union(scored)
    sums = {name: as_sum(both[name].sum()) for name in ("amount", "value", *POINTS)}
    rows = both.group_by("customer_id").aggregate(
        **sums, expected_purchases=both.expected_purchases.max().coalesce(ibis.literal(0).cast("float64"))
    )
    if told is not None:
        rows = rows.left_join(told, "customer_id", rname="{name}_more").drop("customer_id_more")
    return rows.mutate(**{name: ibis.null("string") for name in TOLD if name not in rows.columns})


def _own(rows: ir.Table, names: Sequence[str]) -> dict[str, Any]:
    return {name: rows[name] for name in names}


def ranks(rows: ir.Table, ranking: Ranking) -> ir.Table:
    """Numbered rows with shares of turnover and four ranks; equal customers share a rank.

    rows: NUMBER, amount, points, money_points, other_points. rank_amount by turnover, rank_points by all points,
    rank_other by the points of what is not money, rank_combined by `combined`: the weighted sum of rank_amount and
    rank_other (less is better) or of the two kinds of points (more is better).
    """
    import ibis

    placed = shares(rows).mutate(
        rank_points=_rank(ibis.desc("points")),
        rank_other=_rank(ibis.desc("other_points")),
    )
    by_rank = ranking.by == "rank"
    money, other = (placed.rank_amount, placed.rank_other) if by_rank else (placed.money_points, placed.other_points)
    weight = ranking.money_weight
    combined: Any = money.cast("float64") * weight + other.cast("float64") * (1.0 - weight)
    placed = placed.mutate(combined=combined.round(6))
    return placed.mutate(rank_combined=_rank("combined" if by_rank else ibis.desc("combined")))


def _numbered(rows: ir.Table) -> ir.Table:
    """Rows with their number by turnover; equal ones follow one another by their ids."""
    import ibis

    number: Any = ibis.row_number().over(ibis.window(order_by=[ibis.desc("amount"), "customer_id"]))
    return rows.mutate(**{NUMBER: number.cast("int64")})


def shares(rows: ir.Table) -> ir.Table:
    """Numbered rows with rank_amount, share and cumulative_share of the company's turnover."""
    import ibis

    listed = ibis.window(order_by=NUMBER, rows=(None, 0))
    total: Any = as_sum(rows.amount.sum().over(ibis.window())).cast("float64").nullif(0.0)
    so_far: Any = as_sum(rows.amount.sum().over(listed)).cast("float64")
    return rows.mutate(
        rank_amount=_rank(ibis.desc("amount")),
        share=rows.amount.cast("float64") / total,
        cumulative_share=so_far / total,
    )


def by_turnover(people: ir.Table) -> ir.Table:
    """Customers (customer_id, amount, ...) in the order of their turnover, with rank_amount and shares."""
    columns = [name for name in ("customer_id", "name", "amount") if name in people.columns]
    listed = shares(_numbered(people.select(*columns))).order_by(NUMBER)
    return listed.drop(NUMBER)


def _rank(key: Any) -> Any:
    """1 for the first; equal ones have the same, and the next is as far on as there are before it."""
    import ibis

    place: Any = ibis.rank().over(ibis.window(order_by=key))
    return (place + 1).cast("int64")


def scores(rows: ir.Table, found: Sequence[str], factors: Factors) -> ir.Table:
    """Rows with the score of each factor that is found, 0 to 10, and factor_score, their weighted mean.

    profit, loyalty and need: ten times the share of the other customers who have less (gross profit so far, purchases
    expected, points of needs). category: the mean gross profit of such customers beside that of the best kind, or what
    the settings say. A factor of which nothing is known has no part: the others' weights then count in proportion.
    """
    made: dict[str, Any] = {}
    for name, measure in (("profit", "value"), ("loyalty", "expected_purchases"), ("need", "need_points")):
        if name in found:
            made[f"{name}_score"] = _percent(measure)
    rows = rows.mutate(**made)
    if "category" in found:
        rows = _categories(rows, factors)
    weights = {name: factors.weights[name] for name in found}
    whole = sum(weights.values()) or 1.0
    parts: list[Any] = [rows[f"{name}_score"].cast("float64") * (weight / whole) for name, weight in weights.items()]
    return rows.mutate(factor_score=sum(parts[1:], start=parts[0]).round(4))


def _percent(measure: str) -> Any:
    import ibis

    place: Any = ibis.percent_rank().over(ibis.window(order_by=measure))
    return (place * BEST).round(4)


def _categories(rows: ir.Table, factors: Factors) -> ir.Table:
    """The score of each kind of customer; customers without a kind are one more."""
    import ibis

    kind: Any = rows.role.coalesce("")
    of_kind = rows.mutate(role=kind)
    means = of_kind.group_by("role").aggregate(
        mean=as_sum(of_kind.value.sum()).cast("float64") / of_kind.count().cast("float64")
    )
    best: Any = means["mean"].max().over(ibis.window())
    score: Any = (ibis.greatest(means["mean"], 0.0) / best * BEST).round(4)
    score = ibis.ifelse(best > 0, score, 0.0)
    if factors.categories:
        said = [(name.strip().lower(), ibis.literal(value)) for name, value in factors.categories.items()]
        score = means.role.strip().lower().cases(*said, else_=score)
    means = means.select("role", category_score=score.cast("float64"))
    return of_kind.left_join(means, "role", rname="{name}_more").drop("role_more")
