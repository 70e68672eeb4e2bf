"""Customers for a product (A16): who is likeliest to buy it, by what they bought that is related to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine, open_engine
from kezhi.intake import read_book
from kezhi.language import KezhiError, Text
from kezhi.ledger import Book, Calendar, last_day
from kezhi.settings import Settings
from kezhi.workspace import MANIFEST, Workspace
from kezhi.worth.needs.learning import learn_chances
from kezhi.worth.needs.prospects import prospects
from kezhi.worth.needs.topic import look

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

NO_WORKSPACE = Text(
    "{place} is no workspace and no run of one: customers for a product are found from the orders in a workspace's "
    "book.",
    "{place} 既不是工作区，也不是工作区中的运行结果：为产品寻找客户需要工作区账本中的订单。",
)
NO_PRODUCTS = Text(
    "The order lines name no product, so it is not known who bought what. Import them with a product_id.",
    "订单明细没有产品编号，无法得知谁买过什么。请导入带 product_id 的订单。",
)
UNRELATED = Text(
    "Nothing relates the product {product} to what customers bought: name related products (--related, or the table "
    "product_links).",
    "产品 {product} 与客户买过的产品没有任何关联：请用 --related 或 product_links 表指定关联产品。",
)
NO_SUCH = Text("Nobody bought the related product {product}.", "没有客户买过关联产品 {product}。")


@dataclass(frozen=True)
class _Place:
    """A workspace, with the as-of day and the horizon of its run, or of its settings where there is none."""

    workspace: Workspace
    settings: Settings


def customers_for(place: Any, product_id: str, *, related: Sequence[str] = (), engine: object = None) -> pa.Table:
    """Customers by how likely they are to buy a product within the horizon, the likeliest first.

    place: a workspace's folder, or a run of one (its folder, or what `analyse` returned), whose as-of day and horizon
    then hold. product_id: bought before or new; a new one needs products that it goes with, from the table
    product_links, as a version of a family in products, or as `related`. Who is excluded, or has not consented to be
    contacted, by the customers table is left out.

    One row per customer: rank, customer_id, kind (see needs.parquet), probability (null where the past teaches none),
    expected_value (at today's price; null where that is not known), because_product_id, because_name, because_on,
    times, interval_days, support, confidence, lift. Raises KezhiError where nothing relates the product to anybody.
    """
    found = _place(place)
    with open_engine(engine, memory_limit=found.settings.memory_limit, threads=found.settings.threads) as tables:
        whole = read_book(tables, found.workspace).book
        if "product_id" not in whole.orders.columns:
            raise KezhiError(NO_PRODUCTS)
        rows = tables.fetch(_ranked(tables, whole, found.settings, product_id, tuple(related)))
    if not rows.num_rows:
        raise KezhiError(UNRELATED.fill(product=product_id))
    return rows


def _ranked(engine: Engine, whole: Book, settings: Settings, product: str, related: tuple[str, ...]) -> ir.Table:
    as_of = settings.as_of or last_day(engine, whole.orders.date)
    book = whole.known(as_of)
    _refuse_unknown(engine, book, related)
    calendar = Calendar(settings.period, settings.fiscal_start)
    first: date | None = engine.row(book.orders.aggregate(first=book.orders.date.min()))["first"]
    until = calendar.end(calendar.number(as_of) + settings.horizon)
    people = engine.keyed(book.orders.select("customer_id").distinct())
    days = (first or as_of, as_of, until)
    known = look(engine, book, people, days, settings.needs.least_together, only=product, related=related)
    return prospects(known, learn_chances(known), book, product)


def _refuse_unknown(engine: Engine, book: Book, related: tuple[str, ...]) -> None:
    bought = book.orders.filter(book.orders.product_id.isin(list(related))) if related else None
    known = set() if bought is None else set(engine.fetch(bought.select("product_id").distinct())[0].to_pylist())
    for one in related:
        if one not in known:
            raise KezhiError(NO_SUCH.fill(product=one))


def _place(given: Any) -> _Place:
    """The workspace that something lies in."""
    folder = Path(getattr(given, "folder", given))
    if (folder / MANIFEST).exists():
        workspace = Workspace(folder.resolve().parent.parent)
        run: Path | None = folder
    else:
        workspace = Workspace(folder)
        run = workspace.latest_run()
    if not workspace.book_files("orders"):
        raise KezhiError(NO_WORKSPACE.fill(place=folder))
    settings = workspace.settings()
    if run is None:
        return _Place(workspace, settings)
    manifest = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    said = {name: manifest[name] for name in ("period", "fiscal_start", "horizon")}
    return _Place(workspace, settings.changed(**said, as_of=date.fromisoformat(manifest["as_of"])))
