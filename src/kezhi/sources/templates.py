"""Templates: an empty table with its header and example rows, for people who type or paste their data."""

from __future__ import annotations

import csv
import io

from kezhi.language import KezhiError, Language, Text
from kezhi.sources.tables import TABLES, Field

EXAMPLES: dict[str, tuple[dict[str, str], ...]] = {
    "orders": (
        {
            "customer_id": "C001", "date": "2025-03-04", "amount": "128.50", "order_id": "A1001",
            "product_id": "P01", "quantity": "2", "cost": "80.00", "channel": "online", "currency":
            "CNY",
        },
        {
            "customer_id": "C001", "date": "2025-03-09", "amount": "-64.25", "order_id": "A1001",
            "product_id": "P01", "quantity": "-1", "cost": "-40.00", "channel": "online", "currency":
            "CNY",
        },
    ),
    "customers": (
        {
            "customer_id": "C001", "name": "Blue Teahouse", "role": "consumer", "acquired_on":
            "2024-11-01", "acquisition_cost": "35.00", "source": "referral", "region": "Zhejiang",
            "consent": "yes", "excluded": "no",
        },
    ),
    "products": (
        {
            "product_id": "P01", "name": "Green tea 250 g", "category": "tea", "unit_cost": "40.00",
            "price": "64.25", "launched_on": "2023-01-01", "life_days": "60",
        },
    ),
    "product_links": (
        {
            "product_id": "P01", "linked_id": "P02", "kind": "accessory",
        },
    ),
    "expenses": (
        {
            "date": "2025-03-05", "amount": "12.00", "customer_id": "C001", "kind": "service",
            "channel": "phone",
        },
        {
            "date": "2025-03-31", "amount": "900.00", "kind": "marketing", "channel": "online",
        },
    ),
    "opportunities": (
        {
            "opportunity_id": "S01", "customer_id": "C001", "amount": "5000.00", "opened_on":
            "2025-03-01", "expected_on": "2025-06-30", "probability": "0.4", "stage": "proposal",
        },
    ),
    "suggestions": (
        {
            "customer_id": "C001", "date": "2025-03-12", "grade": "high", "text": "Smaller packs",
            "product_id": "P01", "taken_up": "yes",
        },
    ),
    "contacts": (
        {
            "customer_id": "C001", "date": "2025-03-20", "channel": "phone", "direction": "out",
            "cost": "3.00", "note": "Asked about delivery",
        },
    ),
    "surveys": (
        {
            "customer_id": "C001", "date": "2025-04-01", "dimension": "service", "score": "9",
            "comment": "Friendly",
        },
    ),
    "actions": (
        {
            "customer_id": "C001", "date": "2025-04-07", "action": "Spring voucher", "arm": "treated", "cost": "2.00",
        },
        {
            "customer_id": "C002", "date": "2025-04-07", "action": "Spring voucher", "arm": "control",
        },
    ),
    "receivables": (
        {
            "customer_id": "C001", "due_on": "2025-04-30", "amount": "64.25", "paid_on": "",
        },
    ),
    "margins": (
        {
            "period": "2025-03", "margin": "0.42",
        },
    ),
    "rates": (
        {
            "date": "2025-03-01", "currency": "USD", "rate": "7.17",
        },
    ),
}  # fmt: skip


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
    for example in EXAMPLES[table]:
        writer.writerow([example.get(field.name, "") for field in spec.fields])
    return out.getvalue()


def heading(field: Field, language: Language) -> str:
    """The field's own name, or the first Chinese heading it is recognised by."""
    if language == "zh":
        return next((name for name in field.names if any("一" <= letter <= "鿿" for letter in name)), field.name)
    return field.name
