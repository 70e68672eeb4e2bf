"""What the user says about columns: `field=column`, `field==text` for a constant, `date_order=dmy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kezhi.language import KezhiError, Text
from kezhi.sources.tables import ORDERS, TABLES, Table

DATE_ORDER = "date_order"


def parse_mapping(
    pairs: Sequence[str], *, table: str = "orders", columns: Sequence[str] | None = None
) -> dict[str, str]:
    """`["customer_id=Buyer", "amount==1"]` as a mapping; a value beginning with "=" is a constant."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not (equals and field.strip() and value):
            raise KezhiError(
                Text(
                    "`--map {pair}` is not of the form field=column (or field==text for the same text on every row).",
                    "`--map {pair}` 的写法不对，应为 字段=列名（或 字段==文本，表示每行都相同）。",
                ).fill(pair=pair)
            )
        mapping[field.strip()] = value.strip()
    check_mapping(mapping, TABLES.get(table, ORDERS), columns)
    return mapping


def check_mapping(mapping: Mapping[str, str], table: Table, columns: Sequence[str] | None) -> None:
    """Refuse fields the table does not have and, where the columns are known, columns that are not there."""
    fields = [field.name for field in table.fields]
    for field, column in mapping.items():
        if field == DATE_ORDER:
            _check_order(column)
        elif field not in fields:
            raise KezhiError(
                Text(
                    "`--map {field}=...`: {table} has no field {field}; its fields are {fields}.",
                    "`--map {field}=...`：{table} 没有字段 {field}；可用字段：{fields}。",
                ).fill(field=field, table=table.name, fields=", ".join(fields))
            )
        elif columns is not None and not column.startswith("=") and column not in columns:
            raise KezhiError(
                Text(
                    "`--map {field}={column}`: there is no column {column}; the columns are {columns}.",
                    "`--map {field}={column}`：没有名为 {column} 的列；现有列：{columns}。",
                ).fill(field=field, column=column, columns=list_columns(columns))
            )


def _check_order(order: str) -> None:
    if order not in ("dmy", "mdy"):
        raise KezhiError(
            Text(
                "`--map date_order={order}`: write date_order=dmy for day first or date_order=mdy for month first.",
                "`--map date_order={order}`:日在前请写 date_order=dmy,月在前请写 date_order=mdy。",
            ).fill(order=order)
        )


def list_columns(columns: Sequence[str]) -> str:
    """Column names for a sentence; the first thirty."""
    shown = [column for column in columns if not column.startswith("__")]
    more = f", ... ({len(shown)})" if len(shown) > 30 else ""
    return ", ".join(shown[:30]) + more
