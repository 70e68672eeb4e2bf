"""Order lines as the ledger books them: returns on their order's day, every line with its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.engine import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger.book import Book
    from kezhi.ledger.calendar import Calendar


def booked_lines(book: Book, calendar: Calendar) -> ir.Table:
    """customer, day, told, amount of every order line, and cost, uncosted where costs are known; told: its own date.

    The orders have `customer`, a key of any kind, in place of the id. A return that names the order of an earlier
    sale to the same customer is booked on that sale's day; any other return on its own. `uncosted` is the amount of
    sales whose product cost is not known.
    """
    import ibis

    lines = returns_on_their_order(book.orders)
    if not book.cost_known:
        return lines.select("customer", "day", told=lines.date, amount=lines.amount)
    lines = _cost_on_the_line(lines.mutate(known_cost=ibis.null(MONEY)))
    lines = _cost_of_the_product(lines, book.products)
    lines = _cost_by_company_margin(lines, book.margins, calendar)
    zero = ibis.literal(0).cast(MONEY)
    unknown: Any = lines.known_cost.isnull() & (lines.amount > 0)
    return lines.select(
        "customer",
        "day",
        told=lines.date,
        amount=lines.amount,
        cost=lines.known_cost.coalesce(zero),
        uncosted=ibis.ifelse(unknown, lines.amount, zero),
    )


def returns_on_their_order(lines: ir.Table) -> ir.Table:
    """Order lines with `day`: their own date, or for a return the day of the order it names."""
    import ibis

    if "order_id" not in lines.columns:
        return lines.mutate(day=lines.date)
    is_return: Any = ibis.coalesce((lines.amount < 0) & lines.order_id.notnull(), False)
    returns = lines.filter(is_return)
    others = lines.filter(~is_return).mutate(day=lambda t: t.date)
    key = ["customer", "order_id"]
    sales = lines.filter(lines.amount > 0).semi_join(returns, key)
    sold = sales.group_by(key).aggregate(sold_on=lambda t: t.date.min())
    dated = returns.left_join(sold, key, rname="{name}_sold").drop("customer_sold", "order_id_sold")
    day = ibis.coalesce(ibis.ifelse(dated.sold_on <= dated.date, dated.sold_on, dated.date), dated.date)
    return others.union(dated.mutate(day=day).drop("sold_on"))


def _cost_on_the_line(lines: ir.Table) -> ir.Table:
    """A cost of 0 on a sale means that nobody filled it in (method, section 7); on a return it is a fact."""
    import ibis

    if "cost" not in lines.columns:
        return lines
    cost: Any = lines.cost.cast(MONEY)
    return lines.mutate(known_cost=ibis.ifelse(lines.amount > 0, cost.nullif(0), cost))


def _cost_of_the_product(lines: ir.Table, products: ir.Table | None) -> ir.Table:
    if products is None or "unit_cost" not in products.columns:
        return lines
    if not {"product_id", "quantity"} <= set(lines.columns):
        return lines
    priced = products.filter(products.unit_cost > 0)
    priced = priced.group_by("product_id").aggregate(product_unit_cost=priced.unit_cost.max())
    lines = lines.left_join(priced, "product_id", rname="{name}_of_product")
    cost: Any = lines.product_unit_cost * lines.quantity.cast(MONEY)
    # the engine gives the product eight decimals; Ibis believes four, and would drop a plain cast
    rounded = cost.cast("decimal(38, 8)").cast(MONEY)
    return lines.mutate(known_cost=lines.known_cost.coalesce(rounded))


def _cost_by_company_margin(lines: ir.Table, margins: ir.Table | None, calendar: Calendar) -> ir.Table:
    if margins is None:
        return lines
    by_period = margins.group_by(margin_period=calendar.numbers(margins.period)).aggregate(
        company_margin=margins.margin.max()
    )
    lines = lines.left_join(by_period, calendar.numbers(lines.day) == by_period.margin_period)
    cost: Any = lines.amount.cast("float64") * (1 - lines.company_margin)
    return lines.mutate(known_cost=lines.known_cost.coalesce(cost.cast(MONEY)))
