"""Who is likeliest to need one product, over all customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import Book
from kezhi.worth.needs.candidates import Known, best, candidates, codes, with_chances, with_reasons
from kezhi.worth.needs.learning import Learned
from kezhi.worth.needs.listing import LIKELIEST, money, price_tags
from kezhi.worth.needs.rates import STRENGTHS

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = (
    *("rank", "customer_id", "kind", "probability", "expected_value", "because_product_id", "because_name"),
    *("because_on", "times", "interval_days", "support", "confidence", "lift"),
)
NO_REASON = "popular"  # that a product sells well says nothing of one customer rather than another


def prospects(known: Known, learned: Learned, book: Book, product: str) -> ir.Table:
    """The customers with a reason to buy a product, the likeliest first; the columns of `kezhi.customers_for`."""
    import ibis

    tags = price_tags(known.past, book)
    target = tags.filter(tags.product_id == product)
    rows = candidates(known, known.past.moments[-1:], target.select("product"))
    rows = with_chances(rows.filter(~rows.kind.isin(codes(NO_REASON))), learned.cells, learned.factors)
    engine = known.past.engine
    chosen = engine.store(best(engine.store(rows), 1)).drop("rank")
    priced = target.select("product", "price", "quantity")
    rows = with_reasons(known, chosen).join(priced, "product", rname="{name}_tag")
    main = tags.select(because="product", because_product_id="product_id", because_name="name")
    rows = rows.left_join(main, "because", rname="{name}_main").join(known.past.people, "customer")
    rows = _without_refusals(rows, book)
    settled: Any = rows.kind.cases(*((kind, at) for at, kind in enumerate(STRENGTHS)), else_=len(STRENGTHS))
    order = [
        ibis.desc(rows.probability.coalesce(-1.0)),
        settled,
        ibis.desc(rows.lift.coalesce(0.0)),
        ibis.desc(rows.times.coalesce(0)),
        rows.customer,
    ]
    rank: Any = ibis.row_number().over(ibis.window(order_by=order)) + 1
    made = rows.mutate(
        rank=rank,
        expected_value=money(rows.probability * rows.price * rows.quantity),
        interval_days=ibis.ifelse(rows.kind.isin(LIKELIEST), rows.days, ibis.null("float64")),
    )
    return made.select(*COLUMNS).order_by("rank")


def _without_refusals(rows: ir.Table, book: Book) -> ir.Table:
    """Without customers who are excluded or have refused to be contacted."""
    people = book.customers
    if people is None or not {"consent", "excluded"} & set(people.columns):
        return rows
    refused: Any = people.customer_id.isnull()
    if "consent" in people.columns:
        refused = refused | (people.consent == False).coalesce(False)  # noqa: E712  a column, not a truth
    if "excluded" in people.columns:
        refused = refused | people.excluded.coalesce(False)
    return rows.anti_join(people.filter(refused), "customer_id")
