"""What all presets share: their words, and a header-blind view of an export's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from kezhi.engine import MONEY, Engine
from kezhi.language import Text
from kezhi.sources import amounts
from kezhi.sources.amounts import Written
from kezhi.sources.blanks import filled
from kezhi.sources.days import DayOrder
from kezhi.sources.pieces import FILE, ROW
from kezhi.sources.recognise import REFUSED, STATUS, Recognised, user_columns
from kezhi.sources.report import ColumnMatch
from kezhi.sources.tables import plain

if TYPE_CHECKING:
    import ibis.expr.types as ir


class Export:
    """The columns of an export by their headings, whatever their case and spacing.

    The columns named as `money` are read once, so that what is computed from them stays a short expression.
    """

    def __init__(self, engine: Engine, rows: ir.Table, money: Sequence[str]) -> None:
        self._columns = {plain(column): column for column in user_columns(rows)}
        found = {column: None for name in money if (column := self.column(name))}
        self.rows = engine.store(_with_money(rows, list(found)))

    def column(self, *headings: str) -> str | None:
        """The first of these columns that the export has."""
        return next((self._columns[plain(name)] for name in headings if plain(name) in self._columns), None)

    def text(self, *headings: str) -> ir.StringValue:
        """The first filled cell among these columns; null where there is none."""
        import ibis

        have = dict.fromkeys(column for name in headings if (column := self.column(name)))
        return ibis.coalesce(*(filled(self.rows[column]) for column in have), ibis.null("string"))

    def money(self, *headings: str) -> ir.DecimalValue:
        """The first of these columns as an amount; null where it is empty, unreadable or not there."""
        import ibis

        column = self.column(*headings)
        return ibis.null(MONEY) if column is None else self.rows[f"__money_{column}"]


def _with_money(rows: ir.Table, columns: Sequence[str]) -> ir.Table:
    numbers = [column for column in columns if rows[column].type().is_numeric()]
    texts = [column for column in columns if column not in numbers]
    kept = list(rows.columns)
    rows = rows.mutate(**{f"__text_{column}": filled(rows[column]) for column in texts})
    rows = rows.mutate(**{f"__tidy_{column}": amounts.tidy(rows[f"__text_{column}"]) for column in texts})
    rows = amounts.split_numbers(rows, {column: Written(f"__tidy_{column}") for column in texts}) if texts else rows
    read = {f"__money_{column}": amounts.money_of(rows, column).value for column in texts}
    read |= {f"__money_{column}": amounts.money_of_number(rows[column]).value for column in numbers}
    return rows.select(*kept, **read)


@dataclass(frozen=True)
class Shared:
    """An order's total that its lines share in proportion to a weight."""

    order: ir.StringValue
    total: ir.DecimalValue
    weight: ir.DecimalValue
    written: ir.StringValue  # the total as it stands in the file, for the quarantine
    shown: str


@dataclass(frozen=True)
class Meaning:
    """What a preset makes of an export: field -> (what to show as its column, the text of its cells)."""

    fields: dict[str, tuple[str, ir.StringValue]]
    columns: dict[str, str | None] = field(default_factory=dict)  # fields that are a column as it stands
    shared: Shared | None = None  # where the amount of a line is its share of the order's
    refused: ir.BooleanValue | None = None
    status: ir.StringValue | None = None
    status_column: str | None = None
    day_order: DayOrder | None = None


class Preset:
    """One system's order export. `headings`: from each group the export has at least one."""

    code: ClassVar[str]
    title: ClassVar[Text]
    sentence: ClassVar[Text]
    headings: ClassVar[tuple[tuple[str, ...], ...]]
    money: ClassVar[tuple[str, ...]] = ()  # columns with amounts that something is computed from

    def recognises(self, columns: Sequence[str]) -> bool:
        """Is this header one of ours?"""
        have = {plain(column) for column in columns}
        return all(any(plain(name) in have for name in group) for group in self.headings)

    def meaning(self, export: Export) -> Meaning:
        """What the columns of the export mean."""
        raise NotImplementedError

    def apply(self, engine: Engine, rows: ir.Table) -> Recognised:
        """The rows with the preset's fields found."""
        export = Export(engine, rows, self.money)
        meaning = self.meaning(export)
        added = {f"__preset_{name}": text for name, (_, text) in meaning.fields.items()}
        shown = {name: column for name, (column, _) in meaning.fields.items()}
        if meaning.refused is not None and meaning.status is not None:
            added |= {REFUSED: meaning.refused.fill_null(False), STATUS: meaning.status}
        rows = export.rows.mutate(**added)
        if meaning.shared:
            rows = spread(rows, meaning.shared)
            shown["amount"] = meaning.shared.shown
        found = Recognised(
            engine.store(rows), preset=self.code, status=meaning.status_column, day_order=meaning.day_order
        )
        for name, column in shown.items():
            found = self._with(found, name, f"__preset_{name}", column)
        for name, own in meaning.columns.items():
            found = self._with(found, name, own, own) if own else found
        return found

    def _with(self, found: Recognised, name: str, source: str, shown: str) -> Recognised:
        return found.with_match(name, source, ColumnMatch(name, shown, f"preset {self.code}"))


def is_any(status: ir.StringValue, words: Sequence[str]) -> ir.BooleanValue:
    """Does the status, in any case, contain one of these words?"""
    import ibis

    return ibis.or_(*(status.lower().contains(word) for word in words)).fill_null(False)


def spread(rows: ir.Table, shared: Shared) -> ir.Table:
    """The rows with `__preset_amount`, every line's share of its order's total.

    A share is the difference of two rounded running sums, so the shares add up to the total exactly.
    Lines of an order without any weight share equally.
    """
    import ibis

    lines = rows.mutate(
        __order=shared.order,
        __total=shared.total,
        __weight=shared.weight.fill_null(0).cast(MONEY),
        __written=shared.written,
    )
    order = ibis.window(group_by="__order")
    lines = lines.mutate(__equal=lines["__weight"].sum().over(order) == 0)
    lines = lines.mutate(__part=lines["__equal"].ifelse(ibis.literal(1).cast(MONEY), lines["__weight"]))
    before = ibis.cumulative_window(group_by="__order", order_by=["__weight", FILE, ROW])
    parts = lines["__part"]
    lines = lines.mutate(__upto=parts.sum().over(before), __all=parts.sum().over(order))
    total, upto, all_ = lines["__total"].cast("float64"), lines["__upto"], lines["__all"].cast("float64")
    last, first = ((total * (sum_.cast("float64") / all_)).round(4) for sum_ in (upto, upto - lines["__part"]))
    share = last.cast(MONEY) - first.cast(MONEY)
    return lines.mutate(__preset_amount=amount_text(share.cast(MONEY), lines["__written"]))


def amount_text(amount: ir.DecimalValue, written: ir.StringValue) -> ir.StringValue:
    """A computed amount as text; where it could not be computed, what was written, for the check to show."""
    import ibis

    return ibis.coalesce(amount.cast("string"), written)
