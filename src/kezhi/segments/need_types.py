"""Who looks for price, and who for value: from discounts and from what customers pay for the same things (T08).

A line counts that sold something (its amount is above 0). It is *discounted* if a discount was given on it; where none
is told, if it was sold at least 1 % below its list price. The *price index* of a customer is what they paid, divided by
what the same pieces usually cost: the usual price of a product in a calendar year is the median price of a piece over
all lines of that year. Where lines do not tell product and quantity, what the lines cost before discount takes the
place of the usual price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM
from kezhi.settings.kinds import NeedTypes
from kezhi.sources.tables import plain
from kezhi.valuation import Columns
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE = "need_types.parquet"
TYPES = ("price_oriented", "value_oriented", "mixed")
BELOW = 0.99  # sold below this part of the list price: less is rounding
HEADINGS = {"needtype", "需求类型", "需求取向", "客户需求类型"}
SAID = {
    "price_oriented": "price_oriented, price-oriented, price oriented, price, 价格取向型, 价格取向, 价格型, 价格",
    "value_oriented": "value_oriented, value-oriented, value oriented, value, 价值取向型, 价值取向, 价值型, 价值",
    "mixed": "mixed, mixed-oriented, mixed oriented, 复合价值型, 复合价值, 复合型, 混合型, 混合, 复合",
}
UNKNOWN_TYPES = Text(
    "The customer table gives {number} customers a need type that is none of price_oriented, value_oriented and mixed; "
    "what they bought decides instead.",
    "客户表中有 {number} 位客户的需求类型不属于价格取向型、价值取向型或复合价值型；这些客户改由购买记录判断。",
)


@dataclass(frozen=True)
class Basis:
    """What the order lines tell of prices.

    usual: product and quantity are told, so that usual prices are known. by_piece: list prices are of one piece.
    """

    usual: bool
    by_piece: bool


def measured(work: Work) -> Found | None:
    """Write need_types.parquet, add need_type to customers.parquet; None where lines tell nothing of prices."""
    engine = work.engine
    lines = _sold(work)
    if lines is None:
        return None
    basis = Basis({"product_id", "quantity"} <= set(lines.columns), _list_price_of_piece(work, lines))
    rows = judged(_by_customer(work, lines, basis), work.settings.need_types)
    rows, unknown = _by_hand(work, rows)
    stored = engine.store(rows)
    columns = ("customer_id", "need_type", "source", "discount_share", "price_index", "lines")
    engine.write_parquet(stored.select(*columns).order_by("customer_id"), work.folder / FILE)
    warnings = (("need_types_unknown", UNKNOWN_TYPES.fill(number=unknown)),) if unknown else ()
    return Found(_facts(work, stored, basis), Columns(stored, {"need_type": None}), warnings)


# --- lines ------------------------------------------------------------------------------------------------


def _sold(work: Work) -> ir.Table | None:
    """customer_id, year and what the lines with an amount above 0 tell of prices; None where that is nothing."""
    orders, products = work.book.orders, work.book.products
    told = set(orders.columns)
    pieces = {"product_id", "quantity"} <= told
    priced = pieces and products is not None and "price" in products.columns
    if not ({"discount", "list_price"} & told or priced):
        return None
    names = ["discount", "list_price", *(("product_id", "quantity") if pieces else ())]
    lines = orders.filter(orders.amount > 0)
    lines = lines.select("customer_id", "amount", *(name for name in names if name in told), year=lines.date.year())
    if not priced or products is None:
        return lines
    prices = products.group_by(priced="product_id").aggregate(price=products.price.max())
    return lines.left_join(prices, lines.product_id == prices.priced).drop("priced")


def _list_price_of_piece(work: Work, lines: ir.Table) -> bool:
    """Whether list prices are of one piece rather than of the whole line, by lines of several pieces.

    Systems differ, so the lines decide: the one counts that comes nearer to amount plus discount in most of them.
    """
    if not {"list_price", "quantity"} <= set(lines.columns):
        return False
    some = lines.filter((lines.quantity > 0) & (lines.quantity != 1) & (lines.list_price > 0))
    paid: Any = some.amount.cast("float64")
    if "discount" in lines.columns:
        paid += some.discount.coalesce(0).cast("float64")
    whole: Any = some.list_price.cast("float64")
    nearer: Any = (paid - whole * some.quantity).abs() < (paid - whole).abs()
    found = work.engine.row(some.aggregate(by_piece=nearer.sum(), rows=some.count()))
    return bool(2 * (found["by_piece"] or 0) > found["rows"])


def _whole_list_price(lines: ir.Table, basis: Basis) -> Any:
    """What a line costs before discount, as far as it is told."""
    import ibis

    found: list[Any] = []
    many: Any = lines.quantity.cast("float64") if "quantity" in lines.columns else None
    if "list_price" in lines.columns:
        listed: Any = lines.list_price.nullif(0)
        found.append((listed.cast("float64") * many).cast(SUM) if basis.by_piece else listed.cast(SUM))
    if "discount" in lines.columns:
        found.append((lines.amount + lines.discount).cast(SUM))
    if "price" in lines.columns:
        found.append((lines.price.cast("float64") * many).cast(SUM))
    return ibis.coalesce(*found)


def _by_customer(work: Work, lines: ir.Table, basis: Basis) -> ir.Table:
    """customer, customer_id, lines (of which a discount or none is known), discounted, paid, usual."""
    before = _whole_list_price(lines, basis)
    below: Any = lines.amount.cast("float64") < before.cast("float64") * BELOW
    given: Any = below
    if "discount" in lines.columns:
        # a discount that is told decides, even that there was none
        given = (lines.discount > 0).coalesce(below)
    rows = lines.mutate(discounted=given, before=before)
    rows = _with_usual(work, rows) if basis.usual else rows.mutate(reference=rows.before)
    known = rows.select("customer_id", "amount", "discounted", "reference")
    priced: Any = known.reference > 0
    sums = known.group_by("customer_id").aggregate(
        lines=known.discounted.count(),
        discounted=known.discounted.sum().coalesce(0),
        paid=known.amount.sum(where=priced).cast(SUM),
        usual=known.reference.sum(where=priced).cast(SUM),
    )
    return sums.join(work.ledger.people, "customer_id")


def _with_usual(work: Work, rows: ir.Table) -> ir.Table:
    """Lines with `reference`: what its pieces usually cost in its year; empty where it names no product or pieces."""
    pieces = rows.filter(rows.product_id.notnull() & (rows.quantity > 0))
    each: Any = pieces.amount.cast("float64") / pieces.quantity
    usual = pieces.group_by(of="product_id", in_year="year").aggregate(price=each.median())
    usual = work.engine.store(usual)
    joined = rows.drop("price") if "price" in rows.columns else rows
    joined = joined.left_join(usual, [("product_id", "of"), ("year", "in_year")])
    many: Any = joined.quantity.nullif(0).cast("float64")
    return joined.mutate(reference=(joined.price * many).cast(SUM))


# --- types ------------------------------------------------------------------------------------------------


def judged(sums: ir.Table, rules: NeedTypes) -> ir.Table:
    """Rows of lines, discounted, paid and usual with discount_share, price_index, need_type and its source.

    Price-oriented: at least `price_discounted` of the lines are discounted and the index is below `price_index`;
    value-oriented: at most `value_discounted` are, and the index is at least `value_index`; everybody else is mixed.
    Of customers with fewer than `least_lines` lines, or without an index, nothing is said.
    """
    import ibis

    share: Any = sums.discounted.cast("float64") / sums["lines"].nullif(0)
    index: Any = sums.paid.cast("float64") / sums.usual.cast("float64").nullif(0.0)
    rows = sums.mutate(discount_share=share, price_index=index)
    enough: Any = (rows["lines"] >= rules.least_lines) & rows.price_index.notnull()
    price: Any = (rows.discount_share >= rules.price_discounted) & (rows.price_index < rules.price_index)
    value: Any = (rows.discount_share <= rules.value_discounted) & (rows.price_index >= rules.value_index)
    kind = ibis.cases((~enough, None), (price, TYPES[0]), (value, TYPES[1]), else_=TYPES[2])
    return rows.mutate(need_type=kind, source=ibis.ifelse(enough, "lines", None))


def _by_hand(work: Work, rows: ir.Table) -> tuple[ir.Table, int]:
    """Rows with what the customer table says, which counts before the lines; and how many words of it mean nothing."""
    import ibis

    people = work.book.customers
    name = next((one for one in (people.columns if people is not None else ()) if plain(one) in HEADINGS), None)
    if people is None or name is None:
        return rows, 0
    word: Any = people[name].cast("string").strip().lower().nullif("")
    kinds = {one.strip(): code for code, words in SAID.items() for one in words.split(",")}
    meant = ibis.cases(*((word.isin([w for w in kinds if kinds[w] == code]), code) for code in TYPES))
    said = people.select("customer_id", word=word, meant=meant).filter(lambda t: t.word.notnull())
    said = said.group_by("customer_id").aggregate(meant=lambda t: t.meant.max())
    told = work.engine.store(said.join(work.ledger.people, "customer_id").select("customer", "customer_id", "meant"))
    unknown = work.engine.row(told.aggregate(number=told.meant.isnull().sum()))["number"] or 0
    known = told.filter(told.meant.notnull())
    both = rows.outer_join(known, "customer", rname="{name}_said")
    ours = [one for one in rows.columns if one not in {"customer", "customer_id", "need_type", "source"}]
    joined = both.select(
        *ours,
        customer=both.customer.coalesce(both.customer_said),
        customer_id=both.customer_id.coalesce(both.customer_id_said),
        need_type=both.meant.coalesce(both.need_type),
        source=ibis.ifelse(both.meant.notnull(), "manual", both.source),
    )
    return joined.mutate(lines=joined["lines"].coalesce(0)), unknown


# --- the company ------------------------------------------------------------------------------------------


def _facts(work: Work, rows: ir.Table, basis: Basis) -> dict[str, Any]:
    """The rules, what the index compares with, and how many customers of each type bring how much."""
    people = work.figures.select("customer", "amount", "value", "forecast_value")
    joined = people.left_join(rows.select("customer", "need_type", "source", "discounted", "lines", "paid", "usual"),
                              "customer", rname="{name}_of")  # fmt: skip
    found = work.engine.fetch(
        joined.group_by("need_type").aggregate(
            customers=joined.count(),
            manual=(joined.source == "manual").sum().coalesce(0),
            lines=joined["lines"].sum().coalesce(0).cast("int64"),
            discounted=joined.discounted.sum().coalesce(0).cast("int64"),
            **{name: joined[name].sum().cast(SUM) for name in ("amount", "value", "forecast_value", "paid", "usual")},
        )
    ).to_pylist()
    by_type = {row["need_type"]: row for row in found}
    whole = sum(row["customers"] for row in found)
    return {
        **work.settings.need_types.model_dump(),
        "index_against": "usual_price" if basis.usual else "list_price",
        "list_price_of": "piece" if basis.by_piece else "line",
        "types": [_type(code, by_type[code], whole) for code in (*TYPES, None) if code in by_type],
    }


def _type(code: str | None, row: dict[str, Any], whole: int) -> dict[str, Any]:
    usual = float(row["usual"] or 0)
    return {
        "need_type": code,
        **{name: row[name] for name in ("customers", "manual", "amount", "value", "forecast_value")},
        "share": row["customers"] / whole,
        "discount_share": row["discounted"] / row["lines"] if row["lines"] else None,
        "price_index": float(row["paid"]) / usual if usual else None,
    }
