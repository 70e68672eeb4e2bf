"""Count what was read in one pass: kinds of rows, broken rules, currencies, cells left empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.checking import MARK, RULE, Checked
from kezhi.sources.checks import CHECKS
from kezhi.sources.report import KindCount, Remark, RuleCount

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = ("sale", "return", "cancellation", "zero")
_CANCELLED_ORDER = r"^C\d+$"  # Online Retail marks a cancelled order's number with a C


@dataclass(frozen=True)
class Tally:
    """The sums of one reading."""

    accepted: int
    rejected: int
    kinds: tuple[KindCount, ...]
    rules: tuple[RuleCount, ...]
    warnings: tuple[Remark, ...]
    currency: str | None


def tally(engine: Engine, checked: Checked, malformed: int) -> Tally:
    """Group all rows by rule, kind and currency, and read everything else from that small table."""
    groups = engine.fetch(_groups(checked)).to_pylist()
    good = [group for group in groups if group["rule"] is None]
    bad = [group for group in groups if group["rule"] is not None]
    accepted = sum(group["rows"] for group in good)
    return Tally(
        accepted=accepted,
        rejected=sum(group["rows"] for group in bad) + malformed,
        kinds=_kinds(good),
        rules=_rules(checked, bad, malformed),
        warnings=(*_unread(checked, good),),
        currency=_currency(checked, good),
    )


def _groups(checked: Checked) -> ir.Table:
    import ibis

    rows = checked.rows
    names = {field.name for field in checked.fields}
    keys: dict[str, ir.Value] = {"rule": rows[RULE]}
    measures: dict[str, ir.Value] = {"rows": rows.count()}
    if "amount" in names:
        amount = checked.value("amount")
        keys["kind"] = _kind(checked, amount) if "date" in names else ibis.null("string")
        measures["amount"] = amount.sum()
    marks = [checked.value("currency")] if "currency" in names else []
    marks += [rows[MARK]] if MARK in rows.columns else []
    if marks:
        keys["currency"] = ibis.coalesce(*marks)
    for field in checked.optional:
        measures[f"unread_{field.name}"] = rows[f"__unread_{field.name}"].sum()
    return rows.group_by(**keys).aggregate(**measures)


def _kind(checked: Checked, amount: ir.DecimalValue) -> ir.StringValue:
    import ibis

    cancelled = ibis.literal(False)
    if any(field.name == "order_id" for field in checked.fields):
        cancelled = checked.value("order_id").re_search(_CANCELLED_ORDER).fill_null(False)
    return ibis.cases(
        (amount > 0, "sale"), (amount == 0, "zero"),
        ((amount < 0) & cancelled, "cancellation"), (amount < 0, "return"),
        else_="unread",
    )  # fmt: skip


def _kinds(good: Sequence[dict[str, Any]]) -> tuple[KindCount, ...]:
    found = []
    for kind in KINDS:
        groups = [group for group in good if group.get("kind") == kind]
        if groups:
            found.append(KindCount(kind, _rows(groups), _amount(groups) or Decimal("0.0000")))
    return tuple(found)


def _rules(checked: Checked, bad: Sequence[dict[str, Any]], malformed: int) -> tuple[RuleCount, ...]:
    found = []
    for check in CHECKS.values():
        groups = [group for group in bad if checked.trials[group["rule"]].check.code == check.code]
        returns = _rows([group for group in groups if group.get("kind") in ("return", "cancellation")])
        rows = _rows(groups) + (malformed if check.code == "malformed_row" else 0)
        if rows:
            found.append(RuleCount(check.code, check.sentence, rows, returns, _amount(groups)))
    return tuple(found)


def _rows(groups: Sequence[dict[str, Any]]) -> int:
    return sum(group["rows"] for group in groups)


def _amount(groups: Sequence[dict[str, Any]]) -> Decimal | None:
    known = [group["amount"] for group in groups if group.get("amount") is not None]
    return sum(known, Decimal("0.0000")) if known else None


def _unread(checked: Checked, good: Sequence[dict[str, Any]]) -> list[Remark]:
    """Cells of optional columns that could not be read were left empty: say how many."""
    warnings = []
    for field in checked.optional:
        cells = sum(group[f"unread_{field.name}"] or 0 for group in good)
        if cells:
            text = Text(
                "{cells} cells of {field} could not be read and were left empty.",
                "{field} 有 {cells} 个单元格无法识别，按空值处理。",
            )
            warnings.append(Remark("unreadable_cells", text.fill(cells=cells, field=field.name)))
    return warnings


def _currency(checked: Checked, good: Sequence[dict[str, Any]]) -> str | None:
    """The one currency of the table; two are refused, with their counts."""
    counts: dict[str, int] = {}
    for group in good:
        if group.get("currency"):
            counts[group["currency"]] = counts.get(group["currency"], 0) + group["rows"]
    if len(counts) > 1 and any(field.name == "amount" for field in checked.fields):
        listed = ", ".join(f"{code}: {rows}" for code, rows in sorted(counts.items()))
        raise KezhiError(
            Text(
                "The amounts are in several currencies (rows: {listed}); give one file per currency.",
                "金额包含多种币种（行数：{listed}）；请按币种分成不同文件。",
            ).fill(listed=listed)
        )
    return next(iter(counts), None)
