"""What customers may need next (V07, A19): product, day, chance, expected value and why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.ledger import SUM, Book
from kezhi.worth.needs.candidates import Known, best, candidates, with_chances, with_reasons, worth_listing
from kezhi.worth.needs.learning import Learned, learn_chances, trial
from kezhi.worth.needs.listing import needs_table, price_tags, rules_table, visits
from kezhi.worth.needs.past import (
    MOST_LINES,
    activities,
    holdings,
    moments,
    open_past,
    product_facts,
    product_keys,
)
from kezhi.worth.needs.rates import STRENGTHS
from kezhi.worth.needs.rules import SCOPES, learn_rules
from kezhi.worth.needs.shelf import offered, read_shelf
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

TOP_RULES = 10
UNKNOWN_LINKS = Text(
    "{links} product links name a product that is neither in the product table nor in any order line; they are not "
    "used.",
    "有 {links} 条产品关联指向产品表和订单中都没有的产品，未予使用。",
)
NEEDS, RULES = "needs.parquet", "product_rules.parquet"


def measured(work: Work) -> Found | None:
    """needs.parquet, product_rules.parquet and the company's figures; None where order lines name no product."""
    if "product_id" not in work.book.orders.columns:
        return None
    wanted, engine = work.settings.needs, work.engine
    first = work.calendar.start(int(work.ledger.company[0]["number"]))
    until = work.calendar.end(work.ledger.next_period - 1 + work.forecasted.horizon)
    with engine.passing():
        known = look(
            engine, work.book, work.ledger.people, (first, work.as_of, until), wanted.least_together, MOST_LINES
        )
        learned = learn_chances(known)
        tried = trial(known, learned, wanted.least_probability)
        tags = price_tags(known.past, work.book)
        rows = with_chances(candidates(known, known.past.moments[-1:]), learned.cells, learned.factors)
        listed = engine.store(worth_listing(rows, wanted.least_probability))
        chosen = with_reasons(known, engine.store(best(listed, wanted.per_customer)))
        correction = tried["calibration"]["correction"] if tried else 1.0
        table = needs_table(known, chosen, tags, visits(work.ledger), correction)
        engine.write_parquet(table, work.folder / NEEDS)
        engine.write_parquet(rules_table(known, tags), work.folder / RULES)
        lost = unknown_links(engine, work.book, known.past.products)
    warnings = (("links_unknown", UNKNOWN_LINKS.fill(links=lost)),) if lost else ()
    return Found(_facts(work, known, learned, tried), warnings=warnings)


def look(
    engine: Engine,
    book: Book,
    people: ir.Table,
    days: tuple[date, date, date],
    least_together: int,
    most_lines: int = MOST_LINES,
    only: str | None = None,
    related: tuple[str, ...] = (),
) -> Known:
    """All that needs are foreseen from; days: the book's first, the last that counts, and until when.

    people: customer_id and the engine's key. `only`: of the rules those that lead to this product, all of them, and
    the product is on sale from now on whatever the product table says; `related`: more products that go with it.
    """
    tables = (book.orders, book.products, None if only is None else _names(engine, only, *related))
    keys = product_keys(engine, tables)
    past = open_past(engine, book.orders, people, keys, moments(*days), most_lines)
    held = holdings(past)
    facts = product_facts(past, held)
    target = None if only is None else keys.filter(keys.product_id == only)
    rules = learn_rules(past, held, facts, least_together, target)
    shelf = read_shelf(engine, book)
    if only is not None:
        shelf = shelf.launching(only, days[1], tuple((one, only, "related") for one in related))
    told = offered(engine, shelf, past.moments, keys)
    return Known(past, held, activities(past, held), facts, rules, told)


def unknown_links(engine: Engine, book: Book, keys: ir.Table) -> int:
    """How many product links name a product that is neither in the product table nor in any order line."""
    links = book.product_links
    if links is None:
        return 0
    ids = keys.select("product_id")
    first = links.left_join(ids.mutate(known=ids.product_id), "product_id", rname="{name}_first")
    ends = first.left_join(ids.select(linked_id="product_id", end="product_id"), "linked_id", rname="{name}_end")
    return int(engine.row(ends.aggregate(links=(ends.known.isnull() | ends.end.isnull()).sum()))["links"] or 0)


def _names(engine: Engine, *products: str) -> ir.Table:
    import pyarrow as pa

    return engine.table(pa.table({"product_id": pa.array(products, pa.string())}))


def _facts(work: Work, known: Known, learned: Learned, tried: dict[str, Any] | None) -> dict[str, Any]:
    """The company's figures: totals by kind, the strongest rules, the trial, and how the chances were learned."""
    engine, now = work.engine, known.past.now
    needs = engine.read_parquet(work.folder / NEEDS)
    sums: dict[str, Any] = {
        "needs": needs.count(),
        "expected_value": needs.expected_value.sum().cast(SUM),
        "expected_profit": needs.expected_profit.sum().cast(SUM),
    }
    by_kind = engine.fetch(needs.group_by("kind").aggregate(**sums)).to_pylist()
    forecast = work.forecast
    ahead = forecast.aggregate(forecast=forecast.amount.sum().cast(SUM))
    total = engine.row(needs.aggregate(**sums, customers=needs.customer_id.nunique()).cross_join(ahead))
    order = list(STRENGTHS)
    return {
        "from": now.day,
        "until": now.until,
        "kinds": sorted(by_kind, key=lambda row: order.index(row["kind"])),
        # a view on what the forecast's purchases may be of; never added to it
        "forecast_amount": total.pop("forecast"),
        "total": total,
        "rules": _top_rules(engine, work),
        "trial": tried,
        "one_in": known.past.one_in,
        "chances": _chances(learned),
    }


def _top_rules(engine: Engine, work: Work) -> dict[str, Any]:
    """How many rules there are, and by scope the pairs with the highest lift, each pair once.

    A pair may have two rules, of the same lift; the more confident one stands for both.
    """
    rules = engine.fetch(engine.read_parquet(work.folder / RULES)).to_pylist()  # at most some ten thousand
    rules.sort(key=lambda row: (-row["lift"], -row["both"], -row["confidence"], row["product_id"]))
    top: dict[str, list[dict[str, Any]]] = {scope: [] for scope in SCOPES}
    seen = set()
    for row in rules:
        pair = row["scope"], frozenset((row["product_id"], row["then_product_id"]))
        if pair not in seen and len(top[row["scope"]]) < TOP_RULES:
            top[row["scope"]].append(row)
        seen.add(pair)
    return {"count": len(rules), **top}


def _chances(learned: Learned) -> list[dict[str, Any]]:
    """By kind: in how many situations it stood, and how many of them ended with the purchase."""
    if learned.rates is None:
        return []
    found = []
    for kind in STRENGTHS:
        cells = [cell for (name, _, _), cell in learned.rates.cells.items() if name == kind]
        seen, bought = sum(cell[0] for cell in cells), sum(cell[1] for cell in cells)
        if seen:
            found.append({"kind": kind, "seen": seen, "bought": bought})
    return found
