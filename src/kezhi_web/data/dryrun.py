"""What an import would do: which column is taken for what, which rows would be set aside, what is there already.

Files are read one by one, as the import does, so that the two cannot differ; nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine, open_engine
from kezhi.intake import KEYS, current_rows
from kezhi.language import KezhiError, Text
from kezhi.one_customer import PRIVATE
from kezhi.sources import TABLES, Reading, read_table
from kezhi.sources.mapping import DATE_ORDER
from kezhi.sources.opening import open_inputs
from kezhi.sources.pieces import combine
from kezhi.sources.recognise import user_columns
from kezhi.sources.tables import Table
from kezhi.workspace import Workspace
from kezhi_web.data.columns import called
from kezhi_web.data.guessing import head_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

EXAMPLES, SAMPLES, LONGEST = 5, 3, 40
DAYS = ("date", "opened_on", "due_on", "period", "acquired_on")
_MISSING = re.compile(r"No column was recognised as (\w+)\.")

_NO_COLUMN = re.compile(r"`--map (\w+)=(.*)`: there is no column", re.DOTALL)

UNLIKE = Text(
    "{name} has no column “{column}”, which was chosen for “{field}”. Upload files with other headings by themselves.",
    "{name} 中没有为“{field}”选定的列“{column}”。列名不同的文件请单独上传。",
)
TWO_CURRENCIES = Text(
    "The orders in the book are in {book} and these are in {given}. Money of two currencies cannot be added up: keep "
    "one company folder per currency, or take the earlier imports back first.",
    "台账中的订单币种为 {book}，这些文件为 {given}。"
    "两种币种不能相加：请为每种币种使用单独的公司文件夹，或先撤回此前的导入。",
)
MIXED_DAYS = Text(
    "Some dates only make sense with the day first, others with the month first. Choose one; rows with the other kind "
    "are set aside.",
    "有的日期只能是日在前，有的只能是月在前。请选择一种；另一种写法的行会被隔离。",
)
TWO_IN_FILES = Text(
    "These files are in {given}. Money of two currencies cannot be added up: upload the files of one currency only, "
    "and keep one company folder per currency.",
    "这些文件的币种不一：{given}。两种币种不能相加：请只上传一种币种的文件，并为每种币种使用单独的公司文件夹。",
)
OPEN_DAYS = Text(
    "The dates look like 03/04/2025, and no row shows whether the day or the month comes first.",
    "日期形如 03/04/2025，没有一行能说明日和月哪个在前。",
)


def with_usual(workspace: Workspace, table: str, mapping: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """What somebody said about the columns, on top of what kezhi.toml says of orders, as far as it fits this file."""
    usual = workspace.settings().columns if table == "orders" else {}
    fitting = {field: column for field, column in usual.items() if column.startswith("=") or column in columns}
    taken = set(mapping.values())
    return {field: column for field, column in fitting.items() if column not in taken} | dict(mapping)


def examined(
    workspace: Workspace, table: str, paths: Sequence[Path], mapping: Mapping[str, str], today: date
) -> dict[str, Any]:
    """Everything that the page of an upload shows, as plain values."""
    limits = workspace.settings()
    spec = TABLES[table]
    with open_engine(memory_limit=limits.memory_limit, threads=limits.threads) as engine:
        found: dict[str, Any] = {"table": table, "columns": [], "files": []}
        at = paths[0]
        try:
            found["columns"] = _columns(engine, at, spec)
            names = [column["name"] for column in found["columns"]]
            mapping = with_usual(workspace, table, mapping, names)
            for at in paths:
                found["files"].append(_one_file(engine, workspace, table, at, mapping, today))
        except KezhiError as error:
            stopped = _stopped(engine, table, at, mapping, today, error)
            stopped["trouble"]["file"] = at.name if len(paths) > 1 else ""
            return found | stopped
        return found | _together(found["files"]) | _against_the_book(workspace, table, found["files"])


def _one_file(
    engine: Engine, workspace: Workspace, table: str, path: Path, mapping: Mapping[str, str], today: date
) -> dict[str, Any]:
    reading = read_table(engine, table, [path], mapping=mapping, today=today)
    report = reading.report.as_dict()
    sha256 = "-".join(sorted((entry["sha256"] or "")[:16] for entry in report["inputs"]))
    known = any(entry["sha256"] == sha256 for entry in workspace.imports(table))
    return {
        **report,
        "name": path.name,
        "sha256": sha256,
        "known": known,
        "examples": _examples(engine, reading),
        "span": _span(engine, reading.accepted),
        "customers": _customers(engine, workspace, table, reading.accepted),
        "repeats": None if known else _repeats(engine, workspace, table, reading.accepted),
    }


def _columns(engine: Engine, path: Path, spec: Table) -> list[dict[str, Any]]:
    """The columns of a file with the first different values of each."""
    try:
        rows = _opened(engine, _start(engine, path), spec)
    except KezhiError:
        rows = _opened(engine, path, spec)  # its beginning alone may end within a quotation
    names = user_columns(rows)
    values = engine.fetch(rows.select(*names).limit(200)).to_pydict()
    return [{"name": name, "values": _some(values[name]), "private": bool(PRIVATE.search(name))} for name in names]


def _opened(engine: Engine, path: Path, spec: Table) -> ir.Table:
    pieces, _ = open_inputs(engine, [path], spec)
    return combine(pieces)


def _start(engine: Engine, path: Path) -> Path:
    text = path.suffix.lower() in (".csv", ".tsv", ".txt")
    return head_of(path, engine.scratch) if text else path


def _some(values: Sequence[Any]) -> list[str]:
    texts = (str(value).strip() for value in values if value is not None)
    different = dict.fromkeys(text[:LONGEST] for text in texts if text)
    return list(different)[:SAMPLES]


def _examples(engine: Engine, reading: Reading) -> dict[str, list[dict[str, Any]]]:
    """The first rows that each rule sets aside."""
    found = {}
    for rule in reading.report.rules:
        rows = reading.rejected.filter(reading.rejected.rule == rule.rule).order_by("file", "row").limit(EXAMPLES)
        found[rule.rule] = engine.fetch(rows).to_pylist()
    return found


def _span(engine: Engine, accepted: ir.Table) -> list[str] | None:
    """First and last day."""
    day = next((name for name in DAYS if name in accepted.columns and accepted[name].type().is_temporal()), None)
    if day is None:
        return None
    found = engine.row(accepted.aggregate(first=accepted[day].min(), last=accepted[day].max()))
    return None if found["first"] is None else [found["first"].isoformat(), found["last"].isoformat()]


def _customers(engine: Engine, workspace: Workspace, table: str, accepted: ir.Table) -> dict[str, int | None] | None:
    """How many customers, and how many of them the orders of the book know (None: there are no orders yet)."""
    if "customer_id" not in accepted.columns:
        return None
    people = accepted.filter(accepted.customer_id.notnull()).select("customer_id").distinct()
    count = engine.row(people.aggregate(n=people.count()))["n"]
    files = workspace.book_files("orders")
    if table == "orders" or not files:
        return {"count": count, "known": None}
    known = people.semi_join(engine.read_parquet(files), "customer_id")
    return {"count": count, "known": engine.row(known.aggregate(n=known.count()))["n"]}


def _repeats(engine: Engine, workspace: Workspace, table: str, accepted: ir.Table) -> dict[str, int] | None:
    """Rows that are in the book already. replaced: they have a key, so the new ones take the place of the old.

    doubled: they have none, so they would count twice. moved: sales whose order the book has with another customer or
    day: both would count.
    """
    if not workspace.book_files(table):
        return None
    book = current_rows(engine, workspace, table)
    key = [name for name in KEYS.get(table, ()) if name != "is_return"]
    found = {"replaced": 0, "doubled": 0, "moved": 0}
    if key and all(name in accepted.columns and name in book.columns for name in key):
        keyed = accepted.filter(accepted[key[0]].notnull())
        if table == "orders":
            book = book.mutate(is_return=book.amount < 0)
            keyed, key = keyed.mutate(is_return=keyed.amount < 0), [*key, "is_return"]
        found["replaced"] = _in_both(engine, keyed, book, key)
        if table == "orders":
            sales, sold = keyed.filter(keyed.amount > 0), book.filter(book.amount > 0)
            found["moved"] = _in_both(engine, sales, sold, ["order_id"]) - _in_both(engine, sales, sold, key)
        accepted = accepted.filter(accepted[key[0]].isnull())
        book = book.filter(book[key[0]].isnull())
    fields = [field.name for field in TABLES[table].fields]
    common = [name for name in fields if name in accepted.columns and name in book.columns]
    found["doubled"] = _in_both(engine, accepted, book, common)
    return found if any(found.values()) else None


def _in_both(engine: Engine, rows: ir.Table, book: ir.Table, names: Sequence[str]) -> int:
    """How many rows agree with some row of the book in all these columns."""
    import ibis

    def marked(table: ir.Table) -> ir.Table:
        return table.select(mark=ibis.struct({name: table[name].cast("string").fill_null("") for name in names}))

    both = marked(rows).semi_join(marked(book).distinct(), "mark")
    return int(engine.row(both.aggregate(n=both.count()))["n"])


def _together(files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The files as one."""
    rows = {name: sum(file["rows"][name] for file in files) for name in ("read", "accepted", "quarantined")}
    spans = [file["span"] for file in files if file["span"]]
    span = [min(one[0] for one in spans), max(one[1] for one in spans)] if spans else None
    counted = [file["repeats"] for file in files if file["repeats"]]
    ways = ("replaced", "doubled", "moved")
    repeats = {way: sum(one[way] for one in counted) for way in ways} if counted else None
    warnings = {warning["en"]: warning for file in files for warning in file["warnings"]}
    return {
        "rows": rows | {"kinds": _kinds(files), "rules": _rules(files)},
        "span": span,
        "repeats": repeats,
        "warnings": list(warnings.values()),
        "matches": files[0]["inputs"][0]["columns"],
        "preset": files[0]["preset"],
        "currency": next((file["currency"] for file in files if file["currency"]), None),
        "known": sum(file["known"] for file in files),
    }


def _kinds(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for kind in (kind for file in files for kind in file["rows"]["kinds"]):
        seen = merged.setdefault(kind["kind"], {"kind": kind["kind"], "rows": 0, "amount": Decimal(0)})
        seen["rows"] += kind["rows"]
        seen["amount"] += Decimal(kind["amount"])
    return [{**one, "amount": float(one["amount"])} for one in merged.values()]


def _rules(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for file in files:
        for rule in file["rows"]["rules"]:
            seen = merged.setdefault(rule["rule"], {**rule, "rows": 0, "examples": []})
            seen["rows"] += rule["rows"]
            seen["examples"] = [*seen["examples"], *file["examples"].get(rule["rule"], [])][:EXAMPLES]
    return sorted(merged.values(), key=lambda rule: -rule["rows"])


def _against_the_book(workspace: Workspace, table: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What forbids the import though every file can be read."""
    if table != "orders":
        return {}
    book = next((entry["currency"] for entry in workspace.imports("orders") if entry["currency"]), None)
    given = sorted({file["currency"] for file in files if file["currency"]})
    if book is None:
        said = TWO_IN_FILES.fill(given=", ".join(given)) if len(given) > 1 else None
    else:
        others = [one for one in given if one != book]
        said = TWO_CURRENCIES.fill(book=book, given=", ".join(others)) if others else None
    return {"trouble": {"kind": "other", **said.as_dict()}} if said else {}


def _stopped(
    engine: Engine, table: str, path: Path, mapping: Mapping[str, str], today: date, error: KezhiError
) -> dict[str, Any]:
    """What a person has to say before the file can be read: columns, the order of days, or the sentence as it is.

    With what was recognised all the same, as far as the beginning of the file shows it.
    """
    missing: list[str] = []
    told: KezhiError | None = error
    said, known = dict(mapping), {}
    while told is not None:
        if found := _MISSING.match(told.text.en):
            missing.append(found[1])
            said[found[1]] = "="  # as if it were empty, to find out what else is missing
        elif "date_order" in told.text.en and DATE_ORDER not in said:
            said[DATE_ORDER] = "dmy"  # any, to find out which columns they are
        else:
            break
        told, known = _tried(engine, table, _start(engine, path), said, today)
    if missing:
        return {"trouble": {"kind": "missing", "fields": missing}, **known}
    if unlike := _NO_COLUMN.match(error.text.en):
        field = TABLES[table].field(unlike[1])
        return {"trouble": {"kind": "other", **_unlike(path, called(field) if field else None, unlike[2]).as_dict()}}
    if "date_order" in error.text.en:
        sentence = MIXED_DAYS if "must be day first" in error.text.en else OPEN_DAYS
        return {"trouble": {"kind": "days", **sentence.as_dict()}, **known}
    return {"trouble": {"kind": "other", **error.text.as_dict()}}


def _unlike(path: Path, field: Text | None, column: str) -> Text:
    """The sentence of a file that lacks a column which was chosen in another one."""
    name = field or Text("another field", "其他字段")
    return Text(
        UNLIKE.en.format(name=path.name, column=column, field=name.en),
        UNLIKE.zh.format(name=path.name, column=column, field=name.zh),
    )


def _tried(
    engine: Engine, table: str, path: Path, mapping: Mapping[str, str], today: date
) -> tuple[KezhiError | None, dict[str, Any]]:
    """The next thing in the way, or what was recognised."""
    try:
        report = read_table(engine, table, [path], mapping=mapping, today=today).report
    except KezhiError as error:
        return error, {}
    return None, {"matches": [match.as_dict() for match in report.columns], "preset": report.preset}
