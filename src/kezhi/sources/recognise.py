"""Which column is which field: what the user said, then a preset, then names, then the look of the cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources import amounts, days
from kezhi.sources.amounts import Written
from kezhi.sources.mapping import DATE_ORDER, check_mapping, list_columns
from kezhi.sources.report import ColumnMatch, Remark
from kezhi.sources.tables import Field, Table
from kezhi.sources.vocabulary import UNIT_COST, UNIT_PRICE

if TYPE_CHECKING:
    import ibis.expr.types as ir

STATUS, REFUSED = (
    "__status",
    "__refused",
)  # columns a preset may add: a status, and whether it means "no sale"
PRODUCT_OF = "__quantity_times_"  # marks a field that is computed as quantity x this column

_SAMPLE = 100_000  # rows whose cells are looked at; all rows of most files, so that their order does not matter
_CONVINCING = 0.9
_WEAK_IDS = {"id", "编号"}


@dataclass(frozen=True)
class Recognised:
    """A table with its fields found: field -> column of `rows`, and how each was found."""

    rows: ir.Table
    sources: dict[str, str] = dataclasses.field(default_factory=dict)
    matches: tuple[ColumnMatch, ...] = ()
    warnings: tuple[Remark, ...] = ()
    preset: str | None = None
    status: str | None = None  # the column by which a preset tells sales from the rest
    day_order: days.DayOrder | None = None  # what the preset's system writes where a column proves nothing

    def with_match(self, field: str, source: str, match: ColumnMatch) -> Recognised:
        """The same with one field more."""
        return replace(self, sources={**self.sources, field: source}, matches=(*self.matches, match))


def user_columns(rows: ir.Table) -> list[str]:
    """The columns the file has, without ours."""
    return [column for column in rows.columns if not column.startswith("__")]


def recognise(engine: Engine, found: Recognised, table: Table, mapping: Mapping[str, str]) -> Recognised:
    """Find every field that `found` does not have yet; refuse where a required one is not to be found."""
    check_mapping(mapping, table, user_columns(found.rows))
    found = _apply_mapping(found, mapping)
    found = _by_name(engine, found, table)
    found = _line_cost(_line_amount(found, table), table)
    found = _by_content(engine, found, table)
    for field in table.required:
        if field.name not in found.sources:
            raise _missing(field, found)
    return found


def _apply_mapping(found: Recognised, mapping: Mapping[str, str]) -> Recognised:
    import ibis

    for field, column in mapping.items():
        if field == DATE_ORDER:
            continue
        found = replace(found, matches=tuple(match for match in found.matches if match.field != field))
        if column.startswith("="):
            source = f"__constant_{field}"
            found = replace(found, rows=found.rows.mutate(**{source: ibis.literal(column[1:])}))
            found = found.with_match(field, source, ColumnMatch(field, column, "constant"))
        else:
            found = found.with_match(field, column, ColumnMatch(field, column, "map"))
    return found


def _by_name(engine: Engine, found: Recognised, table: Table) -> Recognised:
    """Give each column to the field that knows its heading best; the cells settle ties of two columns."""
    free = [column for column in user_columns(found.rows) if column not in found.sources.values()]
    wanted = [field for field in table.fields if field.name not in found.sources]
    candidates: dict[str, list[str]] = {}
    for field in wanted:
        ranked = sorted((rank, column) for column in free if (rank := field.rank(column)) is not None)
        candidates[field.name] = [column for _, column in ranked]
    looks = _Looks(engine, found.rows)
    for field in sorted(wanted, key=lambda field: (not field.required, table.fields.index(field))):
        open_ = [c for c in candidates[field.name] if c not in found.sources.values()]
        open_ = [c for c in open_ if not _belongs_better(c, field, wanted)]
        chosen = _choose(open_, field, looks)
        if chosen:
            found = found.with_match(field.name, chosen, ColumnMatch(field.name, chosen, "name"))
    return found


def _belongs_better(column: str, field: Field, fields: Sequence[Field]) -> bool:
    """Is the column another field's by its own name?"""
    return field.rank(column) != 0 and any(other.rank(column) == 0 for other in fields if other is not field)


def _choose(columns: Sequence[str], field: Field, looks: _Looks) -> str | None:
    """The best-named column whose cells suit the field; a weak name such as "id" has to show repeats."""
    if field.name == "customer_id" and len(columns) == 1 and columns[0].strip().lower() in _WEAK_IDS:
        return columns[0] if looks.repeats(columns[0]) else None
    if len(columns) < 2:
        return columns[0] if columns else None
    suiting = [column for column in columns if looks.suits(column, field)]
    return (suiting or list(columns))[0]


class _Looks:
    """What the cells of a column look like, asked only when it matters."""

    def __init__(self, engine: Engine, rows: ir.Table) -> None:
        self._engine = engine
        self._sample = rows.limit(_SAMPLE)

    def repeats(self, column: str) -> bool:
        """Does some value stand in more than one row?"""
        cell = self._sample[column]
        counts = self._engine.row(self._sample.aggregate(rows=cell.count(), different=cell.nunique()))
        return bool(counts["different"] < counts["rows"])

    def suits(self, column: str, field: Field) -> bool:
        """Can at least half of the filled cells be read as this kind of field, and is there one?"""
        return self.share(column, field.kind) >= 0.5

    def share(self, column: str, kind: str) -> float:
        """The share of filled cells that read as a day, as a number, or are there at all."""
        sample = _taken_apart(self._sample.select(cell=self._sample[column]), kind)
        cell = sample.cell
        filled = (cell.strip() != "").fill_null(False) if cell.type().is_string() else cell.notnull()
        good = _reads_as(sample, kind) & filled
        counts = self._engine.row(sample.aggregate(filled=filled.sum(), good=good.sum()))
        return float((counts["good"] or 0) / counts["filled"]) if counts["filled"] else 0.0

    def has_fractions(self, column: str) -> bool:
        """Do at least a tenth of the cells have digits behind a point or comma? Numbers of orders do not."""
        fraction = self._sample[column].re_search(r"\d[.,]\d{1,4}\D*$").fill_null(False)
        share = self._engine.row(self._sample.aggregate(share=fraction.mean()))["share"]
        return bool(share and share >= 0.1)


def _taken_apart(sample: ir.Table, kind: str) -> ir.Table:
    """Text beside its tidy form, or beside its digits under either decimal sign."""
    if not sample.cell.type().is_string():
        return sample
    if kind == "day":
        return sample.mutate(tidy=days.tidy(sample.cell))
    if kind in ("money", "number"):
        written = {sign: Written("cell", sign == "comma", percent=kind == "number") for sign in ("comma", "point")}
        return amounts.split_numbers(sample, written)
    return sample


def _reads_as(sample: ir.Table, kind: str) -> ir.BooleanValue:
    import ibis

    type_ = sample.cell.type()
    if kind == "day" and type_.is_string():
        return ibis.or_(*(days.read_day(sample.tidy, order).notnull() for order in ("dmy", "mdy")))
    if kind == "day" and type_.is_numeric():
        return days.day_of_number(sample.cell).notnull()
    if kind == "day":
        return sample.cell.notnull() if type_.is_temporal() else ibis.literal(False)
    if kind in ("money", "number") and type_.is_string():
        return sample["__digits_comma"].notnull() | sample["__digits_point"].notnull()
    if kind in ("money", "number"):
        return sample.cell.notnull() if type_.is_numeric() else ibis.literal(False)
    return sample.cell.notnull()


def _find(names: Sequence[str], found: Recognised) -> str | None:
    """The free column that bears the first of these names."""
    field = Field(names[0], "number", Text("", ""), tuple(names[1:]))
    free = [column for column in user_columns(found.rows) if column not in found.sources.values()]
    ranked = sorted((rank, column) for column in free if (rank := field.rank(column)) is not None)
    return ranked[0][1] if ranked else None


def _line_amount(found: Recognised, table: Table) -> Recognised:
    """Orders without an amount: quantity x unit price, or the price of a line of one piece. Said openly."""
    if table.name != "orders" or "amount" in found.sources:
        return found
    price = _find(UNIT_PRICE, found)
    if price is None:
        return found
    if "quantity" not in found.sources:
        note = Remark(
            "price_as_amount",
            Text(
                "There is no amount and no quantity; the column {price} is taken as the amount.",
                "没有金额列和数量列；以 {price} 列作为金额。",
            ).fill(price=price),
        )
        found = found.with_match("amount", price, ColumnMatch("amount", price, "name"))
        return replace(found, warnings=(*found.warnings, note))
    found, shown = _product(found, "amount", price)
    note = Remark(
        "amount_computed",
        Text("There is no amount; it was computed as {shown}.", "没有金额列；金额按 {shown} 计算。").fill(shown=shown),
    )
    return replace(found, warnings=(*found.warnings, note))


def _line_cost(found: Recognised, table: Table) -> Recognised:
    """Orders with a unit cost on the line: the line's cost is quantity x unit cost."""
    if table.name != "orders" or "cost" in found.sources or "quantity" not in found.sources:
        return found
    price = _find(UNIT_COST, found)
    return _product(found, "cost", price)[0] if price else found


def _product(found: Recognised, field: str, price: str) -> tuple[Recognised, str]:
    """A field computed as quantity x unit price; `A * B` marks it for the parser."""
    quantity = found.sources["quantity"]
    shown = f"{quantity} x {price}"
    return found.with_match(field, f"{PRODUCT_OF}{price}", ColumnMatch(field, shown, "name")), shown


def _by_content(engine: Engine, found: Recognised, table: Table) -> Recognised:
    """A missing day or amount is taken from the cells where exactly one free column can be meant."""
    looks = _Looks(engine, found.rows)
    free = [column for column in user_columns(found.rows) if column not in found.sources.values()]
    if len(free) > 60:
        return found
    for field in table.required:
        if field.name in found.sources or field.kind not in ("day", "money"):
            continue
        fitting = [column for column in free if _written_as(found.rows[column], field, looks, column)]
        if len(fitting) == 1:
            found = found.with_match(field.name, fitting[0], ColumnMatch(field.name, fitting[0], "content"))
            free.remove(fitting[0])
    return found


def _written_as(cell: ir.Column, field: Field, looks: _Looks, column: str) -> bool:
    """Days must be written as days (a bare number is not enough), money must have a fraction or a sign."""
    if looks.share(column, field.kind) < _CONVINCING:
        return False
    if field.kind == "day":
        return bool(cell.type().is_temporal()) or (cell.type().is_string() and looks.share(column, "number") < 0.5)
    return bool(cell.type().is_decimal() or cell.type().is_floating()) or (
        bool(cell.type().is_string()) and looks.has_fractions(column)
    )


def _missing(field: Field, found: Recognised) -> KezhiError:
    """Name the field, what the file has, and what to write."""
    hint = Text("--map {field}=COLUMN", "--map {field}=列名").fill(field=field.name)
    if field.name == "amount":
        hint = Text(
            "--map amount=COLUMN, or --map amount==1 to count every row as 1",
            "--map amount=列名，或以 --map amount==1 将每行计为 1",
        )
    sentence = Text(
        "No column was recognised as {field}. The columns are {columns}. Say which one it is with {hint}.",
        "没有识别出 {field} 列。现有列：{columns}。请用 {hint} 指定。",
    )
    columns = list_columns(user_columns(found.rows))
    return KezhiError(
        Text(
            sentence.en.format(field=field.name, columns=columns, hint=hint.en),
            sentence.zh.format(field=field.name, columns=columns, hint=hint.zh),
        )
    )
