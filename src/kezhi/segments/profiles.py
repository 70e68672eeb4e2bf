"""Customers by what they do and who they are, and the pyramid of value within each group (T09, T10).

Stage 1 puts customers together by how often they buy and, as far as the customer table says, by region, age, sex,
income, role in the supply chain, source, industry and size. Stage 2 ranks everybody by how well they are placed: the
price they pay, their income, their loyalty, what those they referred bring; and shows each layer of that pyramid in
each group of stage 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.valuation import Columns, looked_up, packed, place_of
from kezhi.valuation.arrays import from_rows
from kezhi.worth.beginnings import UNKNOWN, with_few
from kezhi.worth.layers import in_places
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

FILE, PYRAMID = "profiles.parquet", "value_pyramid.parquet"
FREQUENCIES = ("high", "low", "once", "never")
TEXTS = ("region", "sex", "role", "source", "industry", "size")
ATTRIBUTES = ("frequency", "region", "age_band", "sex", "income_band", "role", "source", "industry", "size")
OLDEST = 120
LAYERS = ("top", "upper", "middle", "base")
MEASURES = ("price", "income", "loyalty", "referred")
ZERO = Decimal(0)


def measured(work: Work) -> Found:
    """Write profiles.parquet, and value_pyramid.parquet where there is a customer table; add frequency and others."""
    engine = work.engine
    people = _people(work)
    edges = _edges(work, people)
    rows, attributes = _banded(work, people, edges)
    staged = people is not None and len(attributes) > 1
    more = []
    if staged:
        rows = _in_layers(work, rows)
        more = ["value_layer"]
    stored = engine.store(rows) if people is not None else rows
    groups = _groups(work, stored, attributes, more)
    _write(work, attributes, groups, staged=staged)
    facts = {
        **_definitions(work, edges, attributes),
        "groups": {name: len({row["group"] for row in groups if row["attribute"] == name}) for name in attributes},
        "pyramid": _pyramid(work, stored) if staged else None,
    }
    words: dict[str, Sequence[str]] = {"frequency": FREQUENCIES}
    words |= {"age_band": (UNKNOWN, *bands(_ages(work)))} if "age_band" in attributes else {}
    words |= {"value_layer": LAYERS} if staged else {}
    places = {name: place_of(stored[name], some) for name, some in words.items()}
    kept = engine.store(stored.select("customer", **packed(places, words)))
    if people is not None:
        engine.forget(stored)
    return Found(facts, Columns(kept, dict.fromkeys(words), words))


# --- what is known of them --------------------------------------------------------------------------------


def _people(work: Work) -> ir.Table | None:
    """The fields of the customer table that make groups: customer, texts, birth_year, income; None where none does."""
    table = work.book.customers
    texts = [name for name in TEXTS if table is not None and name in table.columns]
    numbers = [name for name in ("birth_year", "income") if table is not None and name in table.columns]
    if table is None or not texts + numbers:
        return None
    told = {name: table[name].strip().max() for name in texts} | {name: table[name].max() for name in numbers}
    one = table.group_by("customer_id").aggregate(**told)
    joined = work.ledger.people.left_join(one, "customer_id", rname="{name}_of").drop("customer_id_of", "customer_id")
    stored = work.engine.store(joined)
    return work.engine.store(with_few(work.ledger, stored, texts)) if texts else stored


def rate(rows: ir.Table) -> Any:
    """Purchases a year since the first one; a first year counts whole, so that newcomers do not seem frequent."""
    import ibis

    return rows.purchases.cast("float64") * 365.25 / ibis.greatest(rows.tenure_days.cast("float64"), 365.25)


def _edges(work: Work, people: ir.Table | None) -> dict[str, Any]:
    """Where bands begin: `frequent`, and `incomes` where incomes are known."""
    chosen = work.settings.profiles
    figures = work.figures
    found: dict[str, Any] = {"frequent": chosen.frequent, "incomes": sorted(set(chosen.incomes or ())) or None}
    if chosen.frequent is None:
        again = figures.filter(figures.purchases >= 2)
        found["frequent"] = work.engine.row(again.aggregate(frequent=rate(again).median()))["frequent"]
    if people is None or "income" not in people.columns:
        found["incomes"] = None
    elif chosen.incomes is None:
        earned: Any = people.income.cast("float64")
        parts = {f"q{n}": earned.quantile(n / 4) for n in (1, 2, 3)}
        known = work.engine.row(people.aggregate(**parts))
        found["incomes"] = sorted({_two_digits(value) for value in known.values() if value and value > 0}) or None
    return found


def _two_digits(value: float) -> float:
    """14,873 -> 15,000: an edge that people can remember."""
    return float(f"{value:.1e}")


def bands(edges: Sequence[float]) -> list[str]:
    """The names of the bands between edges: "<18", "18-24", "25+"; of whole numbers both ends belong to the band.

    >>> bands([18, 25])
    ['<18', '18-24', '25+']
    """
    whole = [f"{edge:g}" if edge < 1e6 else f"{edge:.0f}" for edge in edges]
    ends = [f"{low}-{high - 1:.0f}" for low, high in zip(whole, edges[1:], strict=False)]
    return [f"<{whole[0]}", *ends, f"{whole[-1]}+"]


def _band(value: Any, edges: Sequence[float], names: Sequence[str]) -> Any:
    import ibis

    tests = [(value < edge, name) for edge, name in zip(edges, names, strict=False)]
    return ibis.cases((value.isnull(), UNKNOWN), *tests, else_=names[-1])


def _banded(work: Work, people: ir.Table | None, edges: Mapping[str, Any]) -> tuple[ir.Table, list[str]]:
    """One row per customer with a column for each attribute that is known, and which these are."""
    import ibis

    figures = work.with_found("referred_value") if people is not None else work.figures
    often = ibis.literal(edges["frequent"], type="float64")
    frequency = ibis.cases(
        (figures.purchases <= 0, "never"),
        (figures.purchases == 1, "once"),
        (rate(figures) >= often, "high"),
        else_="low",
    )
    names = ["customer", "customer_id", "purchases", "active_periods", "amount", "value", "p_alive", "forecast_value"]
    names += [name for name in ("referred_value",) if name in figures.columns]
    rows = figures.select(*names, frequency=frequency)
    if people is None:
        return rows, ["frequency"]
    joined = rows.join(people, "customer")
    made: dict[str, Any] = {}
    if "birth_year" in people.columns:
        age: Any = work.as_of.year - joined.birth_year.cast("float64")
        known = ibis.ifelse((age >= 0) & (age <= OLDEST), age, None)
        made["age_band"] = _band(known, _ages(work), bands(_ages(work)))
    if edges["incomes"]:
        made["income_band"] = _band(joined.income.cast("float64"), edges["incomes"], bands(edges["incomes"]))
    joined = joined.mutate(**made)
    return joined, [name for name in ATTRIBUTES if name in joined.columns]


def _ages(work: Work) -> list[int]:
    return sorted(set(work.settings.profiles.ages)) or [18]


# --- stage 2 ----------------------------------------------------------------------------------------------


def placed(rows: ir.Table, measures: Sequence[str]) -> ir.Table:
    """Rows with `placed`, 0 to 1: the mean of a customer's places among all, by each measure that is known of them.

    price: the mean amount of a purchase; income: as told; loyalty: periods with a purchase x the probability of still
    being active; referred: what referred customers bring. The place is the share of others who are below; equals share
    the middle of their places.
    """
    import ibis

    places = {}
    for name in measures:
        known: Any = rows[name].notnull()
        # only what may be missing is ranked by halves: one whole is sorted by all threads together
        order = ibis.window(group_by=known if name == "income" else None, order_by=rows[name])
        # the mean of the lowest and the highest place that equals could have: most have referred nobody
        middle: Any = (ibis.percent_rank().over(order) + ibis.cume_dist().over(order)) / 2.0
        places[f"{name}_place"] = ibis.ifelse(known, middle, None)
    ranked = rows.mutate(**places)
    every: list[Any] = [ranked[name] for name in places]
    total = sum((one.coalesce(0.0) for one in every[1:]), start=every[0].coalesce(0.0))
    number = sum((one.notnull().cast("float64") for one in every[1:]), start=every[0].notnull().cast("float64"))
    return ranked.select("customer", *measures, placed=(total / number).round(12))


def _measures(rows: ir.Table) -> tuple[ir.Table, list[str]]:
    """customer and what places somebody in the pyramid, and nothing else: rows are sorted once for each."""
    import ibis

    buys: Any = rows.purchases > 0
    found: dict[str, Any] = {
        "price": ibis.ifelse(buys, rows.amount.cast("float64") / rows.purchases.nullif(0), 0.0),
        "loyalty": rows.active_periods.cast("float64") * rows.p_alive.coalesce(0.0),
    }
    if "income" in rows.columns:
        found["income"] = rows.income.cast("float64")
    if "referred_value" in rows.columns:
        found["referred"] = rows.referred_value.cast("float64")
    return rows.select("customer", **found), list(found)


def _in_layers(work: Work, rows: ir.Table) -> ir.Table:
    """Rows with their measures and layer of the pyramid; as many are in a layer as in a tier, but others."""
    engine, rules = work.engine, work.settings.tiers
    narrow, measures = _measures(rows)
    ranked = engine.store(placed(narrow, measures))
    ranked = in_places(ranked, "placed", "customer", rules=rules)
    told = ranked.select(
        "customer", value_layer=looked_up(LAYERS, ranked.tier), **{f"{name}_told": ranked[name] for name in measures}
    )
    return rows.join(told, "customer")


def _pyramid(work: Work, rows: ir.Table) -> list[dict[str, Any]]:
    """The layers, the best first, with what tells them apart."""
    measures = [name for name in MEASURES if f"{name}_told" in rows.columns]
    found = work.engine.fetch(
        rows.group_by("value_layer").aggregate(
            customers=rows.count(),
            **_sums(rows),
            **{name: rows[f"{name}_told"].cast("decimal(38, 6)").sum() for name in measures},
            **{f"{name}_known": rows[f"{name}_told"].count() for name in measures},
        )
    ).to_pylist()
    by_layer = {row["value_layer"]: row for row in found}
    return [
        {
            "layer": code,
            **{name: row[name] for name in ("customers", "amount", "value", "forecast_value")},
            **{name: float(row[name]) / row[f"{name}_known"] if row[f"{name}_known"] else None for name in measures},
        }
        for code in LAYERS
        if (row := by_layer.get(code))
    ]


# --- groups -----------------------------------------------------------------------------------------------


def _sums(rows: ir.Table) -> dict[str, Any]:
    return {name: rows[name].sum().cast(SUM) for name in ("amount", "value", "forecast_value")}


def _groups(work: Work, rows: ir.Table, attributes: Sequence[str], more: Sequence[str]) -> list[dict[str, Any]]:
    """attribute, group (and layer), customers and sums, of every group of every attribute; few rows."""
    import ibis

    parts = [
        rows.group_by(group=rows[name].coalesce(UNKNOWN), **{one: rows[one] for one in more})
        .aggregate(customers=rows.count(), **_sums(rows))
        .mutate(attribute=ibis.literal(name))
        for name in attributes
    ]
    found: list[dict[str, Any]] = work.engine.fetch(ibis.union(*parts) if len(parts) > 1 else parts[0]).to_pylist()
    return found


def _write(work: Work, attributes: Sequence[str], groups: list[dict[str, Any]], *, staged: bool) -> None:
    """profiles.parquet, and value_pyramid.parquet with the layers of each group."""
    import pyarrow.parquet as pq

    whole = _summed(row for row in groups if row["attribute"] == "frequency")
    rows = []
    for name in attributes:
        own = [row for row in groups if row["attribute"] == name]
        found = [
            (group, _summed(row for row in own if row["group"] == group)) for group in {row["group"] for row in own}
        ]
        rows += [_profile(name, group, sums, whole) for group, sums in sorted(found, key=lambda one: _rank(name, *one))]
    pq.write_table(profile_table(rows), work.folder / FILE, compression="zstd")
    if staged:
        place = {(row["attribute"], row["group"]): number for number, row in enumerate(rows)}
        groups.sort(key=lambda row: (place[row["attribute"], row["group"]], LAYERS.index(row["value_layer"])))
        pq.write_table(_layers_table(groups), work.folder / PYRAMID, compression="zstd")


def _summed(rows: Any) -> dict[str, Any]:
    total: dict[str, Any] = {"customers": 0, "amount": ZERO, "value": ZERO, "forecast_value": ZERO}
    for row in rows:
        for name in total:
            total[name] += row[name] or 0
    return total


def _rank(attribute: str, group: str, sums: Mapping[str, Any]) -> tuple[Any, ...]:
    """Bands and frequencies in their own order, texts by their customers; what is not known comes last."""
    if attribute == "frequency":
        return (FREQUENCIES.index(group), "")
    if attribute in {"age_band", "income_band"}:
        low = float(group.lstrip("<").rstrip("+").split("-")[0]) if group else float("inf")
        return (low - (0.5 if group.startswith("<") else 0), "")
    return (group in {UNKNOWN, "*"}, -sums["customers"], group)


def _profile(attribute: str, group: str, sums: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """One group: its sums, its share of customers and of value, and value per customer against the company's."""
    each, usual = (float(one["value"]) / one["customers"] if one["customers"] else 0.0 for one in (sums, whole))
    return {
        "attribute": attribute,
        "group": group,
        **{name: one.quantize(Decimal("0.0001")) if isinstance(one, Decimal) else one for name, one in sums.items()},
        "share": sums["customers"] / whole["customers"] if whole["customers"] else None,
        "value_share": float(sums["value"] / whole["value"]) if whole["value"] > 0 else None,
        "value_per_customer": each,
        "index": 100 * each / usual if usual > 0 else None,
    }


def profile_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of `_profile` with the types of profiles.parquet."""
    import pyarrow as pa

    numbers = ("share", "value_share", "value_per_customer", "index")
    return from_rows(rows, pa.schema([*_schema(), *((name, pa.float64()) for name in numbers)]))


def _layers_table(rows: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    schema = _schema()
    schema.insert(2, ("layer", pa.string()))
    return from_rows([{**row, "layer": row["value_layer"]} for row in rows], pa.schema(schema))


def _schema() -> list[tuple[str, pa.DataType]]:
    import pyarrow as pa

    money = [(name, pa.decimal128(28, 4)) for name in ("amount", "value", "forecast_value")]
    return [("attribute", pa.string()), ("group", pa.string()), ("customers", pa.int64()), *money]


def _definitions(work: Work, edges: Mapping[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    """What the groups mean, for whoever reads them."""
    incomes = list(edges["incomes"]) if edges["incomes"] else None
    return {
        "frequent": edges["frequent"],
        "ages": _ages(work) if "age_band" in attributes else None,
        "incomes": incomes,
        "attributes": list(attributes),
    }
