"""Lists of customers to work with elsewhere: who may be contacted, who is left out and why (D05)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.filters import known_field
from kezhi.intake import current_rows
from kezhi.language import KezhiError, Language, Text, preferred_language
from kezhi.reports.lists import Listed, check_target, write_list
from kezhi.reports.sheet_rows import NUMBER
from kezhi.segmenting import Asked, opened
from kezhi.segments.nobody import explained
from kezhi.segments.vocabulary import names_of, title

if TYPE_CHECKING:
    import ibis.expr.types as ir

CONTACT = ("phone", "email")
COLUMNS = (
    *("customer_id", "name", "tier", "rfm_segment", "region", "owner", "last_purchase", "purchases", "idle_periods"),
    *("amount", "value", "forecast_value", "p_alive", "flags"),
)
# the book's own column, if there is one, that says why a customer is on the blacklist
REASONS = ("excluded_reason", "exclusion_reason", "blacklist_reason", "黑名单原因", "拉黑原因", "排除原因")
NO_BOOK = Text(
    "Phone numbers and e-mail addresses stay in the workspace's book, and {place} is a run without one. Export from "
    "the workspace: kezhi export ... --workspace DIR --contact",
    "电话和邮箱只保存在工作区的账本中，而 {place} 是没有账本的运行。请在工作区中导出："
    "kezhi export ... --workspace 文件夹 --contact",
)
NO_CONTACT = Text(
    "The customers table of the book has neither phone nor email.", "账本的客户表中既没有 phone 也没有 email。"
)
NO_CONSENT = Text(
    "The customers table has no column consent, so nobody is known to have agreed; import it, or leave out "
    "--only-consenting.",
    "客户表没有 consent 列，无法得知谁同意接收营销；请导入该列，或去掉 --only-consenting。",
)
NO_COLUMN = Text(
    "There is no column {name!r} to export{near} See: kezhi segments fields",
    "没有可导出的列 {name!r}{near}查看全部字段：kezhi segments fields",
)
NEAR = Text("; did you mean {name}?", "；您是否指 {name}？")
ASK_CONTACT = Text(
    "{name} is personal: add it with --contact instead of --columns.",
    "{name} 是个人信息：请用 --contact 添加，而不是 --columns。",
)
NO_COLUMNS = Text("Name at least one column.", "请至少指定一列。")


@dataclass(frozen=True)
class Exported:
    """What was written, and who was left out.

    customers: rows of the file. excluded: on the blacklist. refused: have not consented to be contacted (and are not
    blacklisted). unknown: gave no answer; left out only where `only_consenting` was asked for. reasons: of the
    blacklisted, by the book's own words. asked: whether the data says anything of blacklist and consent. why_empty:
    which text of the filter no customer has, where it chooses nobody.
    """

    file: Path
    name: str | None
    rule: str | None
    customers: int
    sheets: int
    excluded: int
    refused: int
    unknown: int
    only_consenting: bool
    reasons: dict[str, int]
    asked: tuple[str, ...]
    why_empty: Text | None = None


def export(
    run_or_workspace: object,
    query: str,
    to: str | Path,
    *,
    run: str | None = None,
    columns: Sequence[str] | None = None,
    contact: bool = False,
    only_consenting: bool = False,
    language: Language | None = None,
    narrowed: Callable[[ir.Table], ir.Table] | None = None,
    by: str = "forecast_value",
    descending: bool = True,
) -> Exported:
    """Write the customers that a filter or a saved segment chooses (or "all") to a .xlsx, .csv or .parquet file.

    There is no limit to the rows; in Excel, more than 1 048 575 go on in further sheets. Blacklisted customers and
    those who have not consented, by the workspace's book as it is today, are left out and counted. columns: fields to
    write (see `kezhi segments fields`); contact: with phone and email from the book. narrowed: chooses further among
    the rows. by, descending: the field that orders the list, empty values last. An existing file is replaced. Raises
    KezhiError with a sentence that says what to do.
    """
    path = Path(to)
    check_target(path)
    with opened(run_or_workspace, run) as asked:
        people = _people(asked)
        wanted = _wanted(asked, people, columns, contact)
        chosen_rows = asked.chosen(query)
        rows, known = allowed(narrowed(chosen_rows) if narrowed else chosen_rows, people)
        if only_consenting and "consent" not in known:
            raise KezhiError(NO_CONSENT)
        kept = _numbered(asked.engine, rows, wanted, _column(asked, by), descending=descending)
        counted = _counts(asked.engine, kept)
        out = left_out(only_consenting)
        chosen = _renumbered(kept.filter(~kept.may.isin(out)))
        sheets = write_list(asked.engine, chosen, _listed(asked, wanted), path, language or preferred_language())
        name, rule = asked.resolved(query)
        return Exported(
            path,
            name,
            rule,
            sum(number for may, number in counted.items() if may not in out),
            sheets,
            counted.get("excluded", 0),
            counted.get("refused", 0),
            counted.get("unknown", 0) if "consent" in known else 0,
            only_consenting,
            _reasons(asked.engine, kept),
            known,
            None if counted else _why(asked, query),
        )


def _why(asked: Asked, query: str) -> Text | None:
    filtered = asked.read(query)
    return None if filtered is None else explained(asked.engine, asked.rows, filtered, asked.words)


# --- who may be in a list ---------------------------------------------------------------------------------


def _people(asked: Asked) -> ir.Table | None:
    """The book's customers as they are today, one row each: who is to be left alone may have changed since the run."""
    place = asked.place.workspace
    if place is None or not place.book_files("customers"):
        return None
    return book_says(current_rows(asked.engine, place, "customers"))


def book_says(book: ir.Table) -> ir.Table:
    """A book's customers table as one row for each, with what `allowed` asks of it."""
    told = {name: book[name] for name in (*CONTACT, "excluded", "consent", *REASONS) if name in book.columns}
    # a customer is there once, unless files were given by hand; then the stricter word counts
    stricter = {
        name: column.cast("int8").min() if name == "consent" else column.cast("int8").max()
        for name, column in told.items()
        if column.type().is_boolean()
    }
    others = {name: column.max() for name, column in told.items() if name not in stricter}
    one = book.group_by("customer_id").aggregate(**stricter, **others)
    return one.mutate(**{name: one[name].cast("bool") for name in stricter}) if stricter else one


def allowed(rows: ir.Table, people: ir.Table | None) -> tuple[ir.Table, tuple[str, ...]]:
    """Rows with `may` (excluded, refused, unknown, yes), `reason`, and what the book says; what that rests on."""
    import ibis

    joined = rows
    if people is not None:
        told = people.rename({f"book_{name}": name for name in people.columns if name != "customer_id"})
        joined = rows.left_join(told, "customer_id", rname="{name}_again")
    said: dict[str, Any] = {}
    for name in ("excluded", "consent"):
        columns = [joined[one] for one in (f"book_{name}", name) if one in joined.columns]
        columns = [one for one in columns if one.type().is_boolean()]
        if columns:
            said[name] = columns[0] if len(columns) == 1 else ibis.coalesce(*columns)
    nobody: Any = ibis.literal(False)
    excluded = said["excluded"].fill_null(False) if "excluded" in said else nobody
    refused = (~said["consent"]).fill_null(False) if "consent" in said else nobody
    agreed = said["consent"].fill_null(False) if "consent" in said else nobody
    may = ibis.cases((excluded, "excluded"), (refused, "refused"), (agreed, "yes"), else_="unknown")
    reasons = [joined[one] for name in REASONS for one in (f"book_{name}", name) if one in joined.columns]
    reason = reasons[0].cast("string") if reasons else ibis.null("string")
    return joined.mutate(may=may, reason_of_list=reason), tuple(said)


def left_out(only_consenting: bool) -> tuple[str, ...]:
    """Those values of `may` that are not written."""
    return ("excluded", "refused", *(("unknown",) if only_consenting else ()))


def _counts(engine: Engine, rows: ir.Table) -> dict[str, int]:
    counted = engine.fetch(rows.group_by("may").aggregate(n=rows.count())).to_pylist()
    return {one["may"]: one["n"] for one in counted}


def _reasons(engine: Engine, rows: ir.Table) -> dict[str, int]:
    """The blacklisted by the reason that the book gives, the commonest first."""
    listed = rows.filter((rows.may == "excluded") & rows.reason_of_list.notnull())
    counted = engine.fetch(listed.group_by("reason_of_list").aggregate(n=lambda t: t.count())).to_pylist()
    return {
        one["reason_of_list"]: one["n"] for one in sorted(counted, key=lambda one: (-one["n"], one["reason_of_list"]))
    }


# --- what is in it ----------------------------------------------------------------------------------------


def _wanted(asked: Asked, people: ir.Table | None, columns: Sequence[str] | None, contact: bool) -> dict[str, str]:
    """Field of the list and column of the joined rows."""
    wanted = {name: name for name in COLUMNS if name in asked.rows.columns}
    if columns is not None:
        wanted = {name: name for name in (_column(asked, one) for one in columns if one.strip())}
        if not wanted:
            raise KezhiError(NO_COLUMNS)
    if not contact:
        return wanted
    if people is None:
        raise KezhiError(NO_BOOK.fill(place=asked.place.run))
    ways = {name: f"book_{name}" for name in CONTACT if name in people.columns}
    if not ways:
        raise KezhiError(NO_CONTACT)
    return wanted | ways


def _column(asked: Asked, name: str) -> str:
    found = known_field(name.strip(), asked.rows.columns, asked.words)
    if found is not None:
        return found
    if name.strip().lower() in CONTACT:
        raise KezhiError(ASK_CONTACT.fill(name=name.strip().lower()))
    near = difflib.get_close_matches(name.strip().lower()[:40], asked.rows.columns, 1)
    ends = NEAR.fill(name=near[0]) if near else Text(".", "。")
    raise KezhiError(
        Text(NO_COLUMN.en.format(name=name[:40], near=ends.en), NO_COLUMN.zh.format(name=name[:40], near=ends.zh))
    )


def _numbered(engine: Engine, rows: ir.Table, wanted: dict[str, str], by: str, *, descending: bool) -> ir.Table:
    """What is to be written, in order, stored once with who may be in it."""
    import ibis

    sort = ibis.desc(rows[by], nulls_first=False) if descending else ibis.asc(rows[by], nulls_first=False)
    order: Any = ibis.row_number().over(ibis.window(order_by=[sort, rows.customer_id]))
    cells = {f"cell_{i}": rows[column] for i, column in enumerate(wanted.values())}
    return engine.store(rows.select("may", "reason_of_list", **cells, place=order + 1))


def _renumbered(rows: ir.Table) -> ir.Table:
    import ibis

    number: Any = ibis.row_number().over(ibis.window(order_by=rows.place)) + 1
    return rows.mutate(number.name(NUMBER))


def _listed(asked: Asked, wanted: dict[str, str]) -> list[Listed]:
    return [Listed(f"cell_{i}", field, title(field), names_of(field, asked.settings)) for i, field in enumerate(wanted)]
