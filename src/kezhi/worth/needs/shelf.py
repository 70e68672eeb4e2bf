"""What the company itself says of its products: lives, versions, what goes with what, and what is still sold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.worth.needs.past import Moment

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger import Book

KINDS = ("accessory", "related", "upgrade")
_WORDS = {"accessory": "accessory", "配套": "accessory", "upgrade": "upgrade", "升级": "upgrade"}
_KNOWN = ("product_id", "life_days", "launched_on", "retired_on", "family", "version")


@dataclass(frozen=True)
class Shelf:
    """The rows of products and product_links that matter here, by product_id; small beside the orders."""

    products: dict[str, dict[str, Any]]
    links: tuple[tuple[str, str, str], ...]  # product bought, what goes with it, kind

    def launching(self, product: str, day: date, links: tuple[tuple[str, str, str], ...] = ()) -> Shelf:
        """The shelf with one product on it from that day on, wherever it was before, and with more links."""
        row = self.products.get(product, {"product_id": product})
        launched = row.get("launched_on")
        changed = {"launched_on": min(launched or day, day), "retired_on": None}
        return Shelf(self.products | {product: row | changed}, tuple(sorted({*self.links, *links})))

    def sold(self, product: str, day: date) -> bool:
        """Could it be bought after that day? Nothing said means yes."""
        row = self.products.get(product, {})
        launched, retired = row.get("launched_on"), row.get("retired_on")
        return (launched is None or launched <= day) and (retired is None or retired > day)

    @cached_property
    def _families(self) -> dict[str, list[str]]:
        """The products of each family, oldest version first."""
        found = defaultdict(list)
        for product, row in self.products.items():
            if row.get("family"):
                found[row["family"]].append(product)
        return {family: sorted(members, key=self._age) for family, members in found.items()}

    def _age(self, product: str) -> tuple[date, float, str, str]:
        row = self.products[product]
        version = str(row.get("version") or "")
        return row.get("launched_on") or date.min, _number(version), version, product

    def newer(self, product: str, day: date) -> str | None:
        """The newest version of its family that is sold on that day and newer than the product."""
        members = self._families.get(self.products.get(product, {}).get("family") or "", [])
        if product not in members:
            return None
        later = [other for other in members[members.index(product) + 1 :] if self.sold(other, day)]
        return later[-1] if later else None

    def successor(self, product: str, day: date) -> str | None:
        """What is bought in its place once it is no longer sold: the newest of its family, or along upgrade links."""
        newest = self.newer(product, day)
        seen, at = {product}, [product]
        while newest is None and at:
            ahead = sorted({to for start in at for to in self._upgrades.get(start, ())} - seen)
            seen |= set(ahead)
            newest = next((other for other in ahead if self.sold(other, day)), None)
            at = ahead
        return newest

    @cached_property
    def _upgrades(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for start, to, kind in self.links:
            if kind == "upgrade":
                found[start].append(to)
        return found

    def offers(self, day: date) -> set[tuple[str, str, str]]:
        """Product owned, product offered, kind, on that day: links to what is sold, and newer versions.

        Two related products are related in both directions.
        """
        both = {(to, start, kind) for start, to, kind in self.links if kind == "related"} | set(self.links)
        found = {(start, to, kind) for start, to, kind in both if start != to and self.sold(to, day)}
        newer = {(product, self.newer(product, day), "upgrade") for product in self.products}
        return found | {(start, to, kind) for start, to, kind in newer if to is not None}

    def gone(self, day: date) -> dict[str, str | None]:
        """Products not sold on that day, and what takes their place."""
        return {product: self.successor(product, day) for product in self.products if not self.sold(product, day)}


def _number(version: str) -> float:
    digits = "".join(letter if letter.isdigit() or letter == "." else " " for letter in version).split()
    try:
        return float(digits[0]) if digits else 0.0
    except ValueError:
        return 0.0


def read_shelf(engine: Engine, book: Book) -> Shelf:
    """The shelf of a book; empty where it has neither products nor links."""
    products: dict[str, dict[str, Any]] = {}
    told = book.products
    if told is not None and set(_KNOWN) & set(told.columns) > {"product_id"}:
        names = [name for name in _KNOWN if name in told.columns]
        # a product told twice counts once: the largest of each
        once = told.group_by("product_id").aggregate(**{name: told[name].max() for name in names[1:]})
        products = {row["product_id"]: row for row in engine.fetch(once.order_by("product_id")).to_pylist()}
    return Shelf(products, _links(engine, book.product_links))


def _links(engine: Engine, told: ir.Table | None) -> tuple[tuple[str, str, str], ...]:
    if told is None:
        return ()
    names = ["product_id", "linked_id", *({"kind"} & set(told.columns))]
    rows = engine.fetch(told.select(*names).distinct()).to_pylist()
    return tuple(
        sorted((row["product_id"], row["linked_id"], link_kind(row.get("kind"))) for row in rows if row["linked_id"])
    )


def link_kind(said: str | None) -> str:
    """accessory, upgrade, or related for whatever else is said."""
    word = (said or "").strip().casefold()
    return next((kind for start, kind in _WORDS.items() if word.startswith(start)), "related")


@dataclass(frozen=True)
class Offered:
    """The shelf as tables of the engine, products by its keys; None where there is nothing of it.

    offers: moment, product (owned), then (offered), kind. gone: moment, product, instead (null: nothing). lives:
    product, life_days.
    """

    offers: ir.Table | None
    gone: ir.Table | None
    lives: ir.Table | None


def offered(engine: Engine, shelf: Shelf, moments: tuple[Moment, ...], keys: ir.Table) -> Offered:
    """What the shelf says at each moment; nothing about a product that is only launched later.

    A link that names a product not in `keys` is left out.
    """
    import pyarrow as pa

    if not shelf.products and not shelf.links:
        return Offered(None, None, None)
    found = engine.fetch(keys)
    key = dict(zip(found["product_id"].to_pylist(), found["product"].to_pylist(), strict=True))
    kind = found["product"].type
    offers = sorted(
        (m.number, key[a], key[b], k) for m in moments for a, b, k in shelf.offers(m.day) if a in key and b in key
    )
    gone = [(m.number, key[p], key.get(to or "")) for m in moments for p, to in sorted(shelf.gone(m.day).items())]
    named = ((key[product], row.get("life_days") or 0) for product, row in sorted(shelf.products.items()))
    lives = [(product, int(days)) for product, days in named if days > 0]

    def table(rows: list[Any], **columns: pa.DataType) -> ir.Table | None:
        if not rows:
            return None
        arrays = [pa.array(column, one) for column, one in zip(zip(*rows, strict=True), columns.values(), strict=True)]
        return engine.table(pa.table(arrays, names=list(columns)))

    return Offered(
        table(offers, moment=pa.int32(), product=kind, then=kind, kind=pa.string()),
        table(gone, moment=pa.int32(), product=kind, instead=kind),
        table(lives, product=kind, life_days=pa.int32()),
    )
