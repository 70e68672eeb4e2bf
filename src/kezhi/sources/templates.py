"""Templates: an empty table with its header and example rows, for people who type or paste their data."""

from __future__ import annotations

import csv
import io

from kezhi.language import KezhiError, Language, Text
from kezhi.sources.tables import TABLES, Field


def template(table: str, language: Language = "en") -> str:
    """CSV text with the header in that language and one or two example rows; kezhi reads it back as it is."""
    if table not in TABLES:
        raise KezhiError(
            Text(
                "There is no table {table}; the tables are {tables}.",
                "没有名为 {table} 的表;可用的表:{tables}。",
            ).fill(table=table, tables=", ".join(TABLES))
        )
    spec = TABLES[table]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([heading(field, language) for field in spec.fields])
    for example in spec.examples:
        writer.writerow([example.get(field.name, "") for field in spec.fields])
    return out.getvalue()


def heading(field: Field, language: Language) -> str:
    """The field's own name, or the first Chinese heading it is recognised by."""
    if language == "zh":
        return next(
            (name for name in field.names if any("一" <= letter <= "鿿" for letter in name)), field.name
        )
    return field.name
