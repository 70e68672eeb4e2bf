"""Apply the checks: every row gets the number of the first rule it breaks, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.sources.amounts import currency_mark
from kezhi.sources.checks import CHECKS, Cell, Check, NotASale
from kezhi.sources.pieces import FILE, ROW
from kezhi.sources.recognise import REFUSED, STATUS, Recognised, user_columns
from kezhi.sources.tables import Field

if TYPE_CHECKING:
    import ibis.expr.types as ir

RULE, SEEN, MARK = "__rule", "__seen", "__mark"


@dataclass(frozen=True)
class Trial:
    """One rule on one field: `column` is what the user calls it."""

    check: Check
    column: str | None


@dataclass(frozen=True)
class Checked:
    """All rows, their values and the rule they broke (`__rule`, place in `trials`; null for good rows)."""

    rows: ir.Table
    fields: tuple[Field, ...]
    extra: Mapping[str, str]  # column of `rows` -> its name in the book
    trials: tuple[Trial, ...]
    optional: tuple[Field, ...]  # fields whose unreadable cells are left empty and counted

    def stored(self, engine: Engine) -> Checked:
        """Computed once and kept, for inputs that are dear to read again."""
        return replace(self, rows=engine.store(self.rows))

    def value(self, field: str) -> ir.Value:
        """A field's column."""
        return self.rows[value_name(field)]

    def accepted(self, *, any_bad: bool) -> ir.Table:
        """The good rows: fields first, then the extra columns as they were."""
        rows = self.rows.filter(self.rows[RULE].isnull()) if any_bad else self.rows
        values = {field.name: rows[value_name(field.name)] for field in self.fields}
        return rows.select(**values, **{name: rows[column] for column, name in self.extra.items()})

    def rejected(self) -> ir.Table:
        """The bad rows as the quarantine shows them; only the offending cell is repeated."""
        import ibis

        bad = self.rows.filter(self.rows[RULE].notnull())
        columns = [(place, trial.column) for place, trial in enumerate(self.trials) if trial.column]
        return bad.select(
            file=bad[FILE], row=bad[ROW],
            rule=bad[RULE].cases(*((place, trial.check.code) for place, trial in enumerate(self.trials))),
            column=bad[RULE].cases(*columns) if columns else ibis.null("string"),
            seen=bad[SEEN],
        )  # fmt: skip


def value_name(field: str) -> str:
    """The column that holds a field's value."""
    return f"__value_{field}"


def check_rows(found: Recognised, rows: ir.Table, cells: Mapping[str, Cell]) -> Checked:
    """Try every rule on every field it applies to."""
    rows = _with_values(rows, cells)
    tried = {name: _cell_of(rows, cell) for name, cell in cells.items()}
    shown = {match.field: match.column for match in found.matches}
    trials: list[Trial] = []
    failures: list[ir.BooleanValue] = []
    texts: list[ir.StringValue] = []
    if REFUSED in rows.columns:
        trials.append(Trial(NotASale(), found.status))
        failures.append(rows[REFUSED].fill_null(False))
        texts.append(rows[STATUS])
    for check in CHECKS.values():
        for name, cell in tried.items():
            if check.applies(cell.field):
                trials.append(Trial(check, shown[name]))
                failures.append(check.fails(cell))
                texts.append(cell.text)
    return _checked(found, cells, rows, tuple(trials), failures, texts)


def _checked(
    found: Recognised, cells: Mapping[str, Cell], rows: ir.Table, trials: tuple[Trial, ...],
    failures: list[ir.BooleanValue], texts: list[ir.StringValue],
) -> Checked:  # fmt: skip
    import ibis

    if trials:
        judged = rows.mutate(**{RULE: ibis.cases(*zip(failures, range(len(trials)), strict=True)).cast("int16")})
        shown = [(place, judged[text.get_name()]) for place, text in enumerate(texts)]
        judged = judged.mutate(**{SEEN: judged[RULE].cases(*shown).cast("string")})
    else:
        judged = rows.mutate(**{RULE: ibis.null("int16"), SEEN: ibis.null("string")})
    fields = tuple(cell.field for cell in cells.values())
    extra = _extra(found, {field.name for field in fields})
    optional = tuple(field for field in fields if _may_stay_unread(field))
    marks = [name for name in rows.columns if name == MARK or name.startswith("__unread_")]
    kept = [*extra, FILE, ROW, *marks, *(value_name(field.name) for field in fields), RULE, SEEN]
    return Checked(judged.select(*kept), fields, extra, trials, optional)


def _may_stay_unread(field: Field) -> bool:
    """An optional day, number or flag that cannot be read is left empty and counted."""
    return not field.required and field.kind not in ("id", "text")


def _with_values(rows: ir.Table, cells: Mapping[str, Cell]) -> ir.Table:
    """The rows with each field's value, text and size beside it, so that rules stay short."""
    columns: dict[str, ir.Value] = {}
    for name, cell in cells.items():
        columns[value_name(name)] = cell.value
        columns[f"__missing_{name}"] = cell.missing
        columns[f"__text_{name}"] = cell.text
        columns[f"__large_{name}"] = cell.too_large
        if _may_stay_unread(cell.field):
            columns[f"__unread_{name}"] = ~cell.missing & cell.value.isnull()
    if "amount" in cells and cells["amount"].marked:
        columns[MARK] = currency_mark(cells["amount"].text)
    return rows.mutate(**columns)


def _cell_of(rows: ir.Table, cell: Cell) -> Cell:
    name = cell.field.name
    return replace(
        cell,
        missing=rows[f"__missing_{name}"],
        text=rows[f"__text_{name}"],
        value=rows[value_name(name)],
        too_large=rows[f"__large_{name}"],
    )


def _extra(found: Recognised, fields: set[str]) -> dict[str, str]:
    """The columns no field took; one that bears a field's name is called `source_...`."""
    taken = {name.lower() for name in fields}
    used = set(found.sources.values())
    return {
        column: f"source_{column}" if column.lower() in taken else column
        for column in user_columns(found.rows)
        if column not in used
    }
