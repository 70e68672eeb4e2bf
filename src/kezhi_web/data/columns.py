"""Columns of an upload and the fields of the table: what the page offers, and what somebody chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi.sources import PRESETS, TABLES
from kezhi.sources.tables import Field
from kezhi.sources.templates import heading

TWICE = Text(
    "Two columns are both taken for “{field}”. Choose one of them, and “keep beside” for the other.",
    "有两列都选为“{field}”。请只保留一列，另一列选“保留但不使用”。",
)
NO_VALUE = Text("Write the text that every row gets for “{field}”.", "请填写每一行“{field}”的内容。")
DAYS, ORDERS_OF_DAYS = "date_order", ("dmy", "mdy")
NOTHING = "="  # a constant of no text: the field stays empty


def called(field: Field) -> Text:
    """A field's name as people say it."""
    return Text(field.name.replace("_", " ").capitalize(), heading(field, "zh"))


def offered(found: Mapping[str, Any], mapping: Mapping[str, str], *, personal: bool) -> dict[str, Any]:
    """What the page shows of the columns.

    columns: each with samples and the field it is taken for. computed: fields that are worked out from several columns.
    constants: fields with the same text in every row. missing: required fields that no column was found for.
    """
    table = TABLES[found["table"]]
    names = [column["name"] for column in found["columns"]]
    taken = taken_for(found, mapping)
    computed = [
        {"called": called(_field(table.fields, match["field"])), "column": match["column"].replace(" x ", " × ")}
        for match in found.get("matches", ())
        if match["column"] not in names and not match["column"].startswith("=") and match["field"] not in taken
    ]
    return {
        "fields": [{"name": field.name, "called": called(field), "text": field.text} for field in table.fields],
        "columns": [
            {
                **column,
                "number": number,
                "part_of": next((one["called"] for one in computed if column["name"] in one["column"]), None),
                "values": column["values"] if personal or not _private(column, taken) else ["•••"],
                "field": next((field for field, name in taken.items() if name == column["name"]), ""),
            }
            for number, column in enumerate(found["columns"])
        ],
        "computed": computed,
        "constants": [
            {"field": field, "called": called(_field(table.fields, field)), "value": said[1:]}
            for field, said in mapping.items()
            if said.startswith("=") and said != NOTHING
        ],
        "missing": [
            {"name": name, "called": called(_field(table.fields, name)), "text": _field(table.fields, name).text}
            for name in found.get("trouble", {}).get("fields", ())
        ],
        "preset": PRESETS[found["preset"]] if found.get("preset") else None,
        "days": mapping.get(DAYS, ""),
        "ask_days": DAYS in mapping or found.get("trouble", {}).get("kind") == "days",
    }


def _private(column: Mapping[str, Any], taken: Mapping[str, str]) -> bool:
    return column["private"] or column["name"] in (taken.get("name"), taken.get("phone"), taken.get("email"))


def _field(fields: tuple[Field, ...], name: str) -> Field:
    return next(field for field in fields if field.name == name)


def taken_for(found: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, str]:
    """field -> column, as it was recognised or said."""
    names = {column["name"] for column in found["columns"]}
    recognised = {match["field"]: match["column"] for match in found.get("matches", ()) if match["column"] in names}
    said = {field: column for field, column in mapping.items() if column in names}
    return {field: column for field, column in (recognised | said).items() if mapping.get(field) != NOTHING}


def chosen(found: Mapping[str, Any], mapping: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The mapping that a form asks for. Raises KezhiError where it contradicts itself."""
    table = TABLES[found["table"]]
    names = [column["name"] for column in found["columns"]]
    before = taken_for(found, mapping)
    wanted = _wanted(found, given, names)
    said = {field: column for field, column in mapping.items() if field in wanted and wanted[field] == column}
    said |= {field: column for field, column in wanted.items() if before.get(field) != column}
    required = {field.name for field in table.required}
    for field in (*before, *(field for field, said_of in mapping.items() if said_of == NOTHING)):
        if field not in wanted and field not in required:
            said[field] = NOTHING
    return said | _constants(table.fields, mapping, given, set(wanted)) | _days(given)


def _wanted(found: Mapping[str, Any], given: Mapping[str, str], names: list[str]) -> dict[str, str]:
    """field -> column, as the selects stand."""
    table = TABLES[found["table"]]
    wanted: dict[str, str] = {}
    choices = [(given.get(f"column-{number}", ""), name) for number, name in enumerate(names)]
    choices += [(field.name, given[f"need-{field.name}"]) for field in table.fields if given.get(f"need-{field.name}")]
    for field, column in choices:
        known = table.field(field)
        if known is None or column not in names:
            continue
        if wanted.setdefault(field, column) != column:
            title = called(known)
            raise KezhiError(Text(TWICE.en.format(field=title.en), TWICE.zh.format(field=title.zh)))
    return wanted


def _constants(
    fields: tuple[Field, ...], mapping: Mapping[str, str], given: Mapping[str, str], wanted: set[str]
) -> dict[str, str]:
    """Fields with the same text in every row: those that stay, and a new one."""
    kept = {
        field: said
        for field, said in mapping.items()
        if said.startswith("=") and said != NOTHING and field not in wanted and not given.get(f"drop-{field}")
    }
    field, value = given.get("constant-field", ""), given.get("constant-value", "").strip()
    if any(one.name == field for one in fields):
        if not value:
            title = called(_field(fields, field))
            raise KezhiError(Text(NO_VALUE.en.format(field=title.en), NO_VALUE.zh.format(field=title.zh)))
        kept[field] = f"={value}"
    if given.get("need-amount") == "=1":
        kept["amount"] = "=1"
    return kept


def _days(given: Mapping[str, str]) -> dict[str, str]:
    order = given.get(DAYS, "")
    return {DAYS: order} if order in ORDERS_OF_DAYS else {}
