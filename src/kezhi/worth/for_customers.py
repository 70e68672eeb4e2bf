"""What customers get: their answers to surveys by dimension, tier and period; delivered value; the market (V23, V24).

This is value for the customer. What the customer is worth to the company is told elsewhere, and never mixed with it.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.language import KezhiError, Text
from kezhi.settings.tiers import TIERS
from kezhi.worth.layers import tiers_of
from kezhi.worth.received import COSTS, VALUES, delivered_value
from kezhi.worth.value_map import value_map
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE = "for_customers.parquet"
MOST_DIMENSIONS = 200  # questions beyond the most frequent ones are free text rather than dimensions
SCORE = "decimal(18, 6)"
KINDS = (*VALUES, *COSTS)
NAMES = {
    "product": "product value, product, product quality, 产品价值, 产品, 产品质量, 商品价值",
    "service": "service value, service, 服务价值, 服务",
    "staff": "staff value, staff, personnel value, personnel, people value, 人员价值, 人员, 员工价值",
    "image": "image value, image, brand image, 形象价值, 形象, 品牌形象",
    "money": "money cost, monetary cost, monetary price, 货币成本, 货币价格, 金钱成本",
    "time": "time cost, 时间成本",
    "energy": "energy cost, psychic cost, psychological cost, mental cost, 精力成本, 精神成本, 心理成本",
    "physical": "physical cost, physical effort, bodily cost, 体力成本, 体力",
}
FEW_DIMENSIONS = Text(
    "Surveys name {found} different dimensions; only the {most} most frequent were added up.",
    "问卷中有 {found} 个不同的维度；只汇总了最常见的 {most} 个。",
)


def measured(work: Work) -> Found | None:
    """Add up survey answers, and compare with the market; None without either. Writes for_customers.parquet."""
    surveys = work.book.surveys
    facts: dict[str, Any] = {}
    warnings: list[tuple[str, Text]] = []
    if surveys is not None and {"score", "date"} <= set(surveys.columns):
        facts, more = _answers(work, surveys)
        warnings += more
    surveyed = {row["dimension"]: row["mean"] for row in facts.get("dimensions", ()) if row["mean"] is not None}
    try:
        market = value_map(work.settings.market, surveyed)
    except KezhiError as error:
        market = None
        warnings.append(("market_incomplete", error.text))
    if not facts and market is None:
        return Found(warnings=tuple(warnings)) if warnings else None
    return Found(facts | {"market": market}, warnings=tuple(warnings))


def kind_of(dimension: str) -> str | None:
    """Which of the eight parts of delivered value a survey's dimension is, by its English or Chinese name.

    >>> kind_of("Product Value"), kind_of("时间成本"), kind_of("weather")
    ('product', 'time', None)
    """
    return _KNOWN.get(_plain(dimension))


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).lower().replace("_", " ").replace("-", " ").split())


_KNOWN = {_plain(name): kind for kind, names in NAMES.items() for name in names.split(",")}


# --- answers ----------------------------------------------------------------------------------------------


def _answers(work: Work, surveys: ir.Table) -> tuple[dict[str, Any], list[tuple[str, Text]]]:
    import ibis

    engine = work.engine
    dimension: Any = surveys.dimension if "dimension" in surveys.columns else ibis.literal("overall")
    asked = surveys.filter(surveys.score.notnull() & surveys.date.notnull())
    asked = asked.select(
        "customer_id", "date", dimension=dimension.coalesce("overall"), score=asked.score.cast(SCORE)
    )  # fmt: skip
    counted = engine.fetch(asked.group_by("dimension").aggregate(answers=asked.count())).to_pylist()
    if not counted:
        return {}, []
    counted.sort(key=lambda row: (-row["answers"], row["dimension"]))
    names = [row["dimension"] for row in counted[:MOST_DIMENSIONS]]
    few = FEW_DIMENSIONS.fill(found=len(counted), most=MOST_DIMENSIONS)
    warnings = [("many_dimensions", few)] if len(counted) > len(names) else []
    known = _known_answers(work, asked, names)
    latest = engine.store(_latest(work, known))
    engine.write_parquet(_by_customer(latest), work.folder / FILE)
    by_tier = engine.fetch(_summed(latest, "place", "tier")).to_pylist()
    by_period = engine.fetch(_summed(known, "place", "number")).to_pylist()
    facts = {
        **engine.row(
            known.aggregate(
                answers=known.answers.sum().cast("int64"),
                customers=known.customer_id.nunique(),
                first_day=known.date.min(),
                last_day=known.date.max(),
            )
        ),
        "unknown": sum(row["answers"] for row in counted[: len(names)]),
        "dimensions": _dimensions(names, by_tier),
        "delivered": _delivered(names, by_tier),
        "tiers": _by_tier(names, by_tier),
        "periods": _by_period(work, names, by_period),
    }
    facts["answers"] = facts["answers"] or 0
    facts["unknown"] -= facts["answers"]
    return facts, warnings


def _known_answers(work: Work, asked: ir.Table, names: list[str]) -> ir.Table:
    """A customer's mean answer by dimension and day, with the tier; only of customers whom the ledger knows."""
    import pyarrow as pa

    engine = work.engine
    kinds = [kind_of(name) for name in names]
    table = pa.table(
        {
            "dimension": pa.array(names, pa.string()),
            "place": pa.array(range(len(names)), pa.int32()),
            "kind": pa.array(kinds, pa.string()),
        }
    )
    given = asked.join(engine.table(table), "dimension")
    days = given.group_by("customer_id", "place", "kind", "date").aggregate(
        total=given.score.sum().cast("decimal(28, 6)"), answers=given.count()
    )
    known = days.join(work.ledger.named(tiers_of(work)).select("customer_id", "tier"), "customer_id")
    score: Any = known.total.cast("float64") / known.answers
    return engine.store(known.mutate(score=score.cast(SCORE), number=work.calendar.numbers(known.date)).drop("total"))


def _latest(work: Work, known: ir.Table) -> ir.Table:
    """Each customer's newest answer to each dimension."""
    day: Any = (known.date.epoch_seconds() // 86_400).cast("int32")
    days = known.mutate(day=day, value=known.score.cast("float64"))
    return days.group_by("customer_id", "tier", "place", "kind").aggregate(
        score=work.engine.latest(days.value, days.day, days.value.notnull()).cast(SCORE), answered_on=days.date.max()
    )


def _summed(rows: ir.Table, *keys: str) -> ir.Table:
    return rows.group_by(*keys).aggregate(total=rows.score.sum().cast("decimal(28, 6)"), customers=rows.count())


def _by_customer(latest: ir.Table) -> ir.Table:
    """The columns of for_customers.parquet: newest answers, the eight parts, and delivered value where all are known.

    Sums need an answer to every part that the survey asks about: else whoever skipped a question would seem to get
    less, or to pay less.
    """
    import ibis

    score: Any = latest.score.cast("float64")
    rows = latest.group_by("customer_id", "tier").aggregate(
        answered_on=latest.answered_on.max(),
        dimensions=latest.count(),
        mean_score=latest.score.sum().cast("float64") / latest.count(),
        **{kind: score.mean(where=latest.kind == kind) for kind in KINDS},
    )
    whole = ibis.window()
    asked = rows.mutate(**{f"{kind}_asked": rows[kind].count().over(whole) > 0 for kind in KINDS})
    totals = {"total_value": _total(asked, tuple(VALUES)), "total_cost": _total(asked, tuple(COSTS))}
    rows = asked.mutate(**totals)
    return rows.mutate(
        delivered=rows.total_value - rows.total_cost, ratio=rows.total_value / rows.total_cost.nullif(0.0)
    ).order_by("customer_id").select(
        "customer_id", "tier", "answered_on", "dimensions", "mean_score", *KINDS,
        "total_value", "total_cost", "delivered", "ratio",
    )  # fmt: skip


def _total(rows: ir.Table, kinds: tuple[str, ...]) -> Any:
    """The sum over what the survey asks; empty where an answer is missing, or nothing of the kind is asked."""
    import ibis

    nothing = ibis.literal(0.0, type="float64")
    some: Any = ibis.or_(*(rows[f"{kind}_asked"] for kind in kinds))
    parts: list[Any] = [ibis.ifelse(rows[f"{kind}_asked"], rows[kind], nothing) for kind in kinds]
    return ibis.ifelse(some, sum(parts[1:], start=parts[0]), ibis.null("float64"))


# --- the company's figures --------------------------------------------------------------------------------


def _mean(rows: list[dict[str, Any]]) -> float | None:
    customers = sum(row["customers"] for row in rows)
    return float(sum((row["total"] for row in rows), Decimal(0)) / customers) if customers else None


def _dimensions(names: list[str], by_tier: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each dimension's mean of newest answers, in all and by tier."""
    found = []
    for place, name in enumerate(names):
        mine = [row for row in by_tier if row["place"] == place]
        found.append(
            {
                "dimension": name,
                "kind": kind_of(name),
                "customers": sum(row["customers"] for row in mine),
                "mean": _mean(mine),
                "tiers": [
                    {"tier": tier, "customers": sum(row["customers"] for row in some), "mean": _mean(some)}
                    for tier in TIERS
                    if (some := [row for row in mine if row["tier"] == tier])
                ],
            }
        )
    return found


def _delivered(names: list[str], rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Delivered value of the mean answers; None unless a value and a cost are asked about."""
    means: dict[str, float] = {}
    for kind in KINDS:
        places = {place for place, name in enumerate(names) if kind_of(name) == kind}
        mean = _mean([row for row in rows if row["place"] in places])
        if mean is not None:
            means[kind] = max(mean, 0.0)
    if not (means.keys() & VALUES.keys() and means.keys() & COSTS.keys()):
        return None
    found = delivered_value(**means)
    return {
        "parts": means,
        "value": found.value,
        "cost": found.cost,
        "difference": found.difference,
        "ratio": found.ratio,
        **found.sentence.as_dict(),
    }


def _by_tier(names: list[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"tier": tier, "mean": _mean(mine), "delivered": _delivered(names, mine)}
        for tier in TIERS
        if (mine := [row for row in rows if row["tier"] == tier])
    ]


def _by_period(work: Work, names: list[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was answered in each period, oldest first."""
    found = []
    for number in sorted({row["number"] for row in rows}):
        mine = [row for row in rows if row["number"] == number]
        found.append(
            {
                "period": work.calendar.start(number),
                "answers": sum(row["customers"] for row in mine),
                "mean": _mean(mine),
                "delivered": _delivered(names, mine),
            }
        )
    return found
