"""One customer who turned 800 into 12 800 in five years: the worked case of referrals, as a company's files.

A software house wins the design studio A. A buys more every year and recommends the programs: to C1 in the second
year, to C2 in the third, to C3 and C4 in the fourth; each of them follows A's own path. Winning A costs 850, keeping A
100 a year; the case books no cost on the others and no cost of the products.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kezhi.demo.words import header
from kezhi.language import Language, Text

FIRST_YEAR = 2021
YEARS = 5
JOINED = {"A": 1, "C1": 2, "C2": 3, "C3": 4, "C4": 4}  # the year of the case in which each becomes a customer
REFERRER = "A"
WON_FOR, KEPT_FOR = 850, 100
SUITE, DRAWING, IMAGE, CLIP_ART = "suite", "drawing", "image", "clip-art"

PRODUCTS: tuple[tuple[str, Text, Text, str, str, int], ...] = (
    ("S1", Text("Base suite 1", "基础套装 1"), Text("suite", "套装"), SUITE, "1", 800),
    ("S2", Text("Base suite 2, upgrade", "基础套装 2 升级版"), Text("suite", "套装"), SUITE, "2", 500),
    ("D1", Text("Drawing and slides 1", "绘图演示 1"), Text("drawing", "绘图"), DRAWING, "1", 250),
    ("D2", Text("Drawing and slides 2, upgrade", "绘图演示 2 升级版"), Text("drawing", "绘图"), DRAWING, "2", 250),
    ("I1", Text("Image editor 1", "图像处理 1"), Text("image", "图像"), IMAGE, "1", 500),
    ("I2", Text("Image editor 2, upgrade", "图像处理 2 升级版"), Text("image", "图像"), IMAGE, "2", 250),
    ("G1", Text("Clip-art library", "图库"), Text("clip-art", "图库"), "", "", 200),
    ("X1", Text("All in one", "全能套装"), Text("suite", "套装"), "", "", 3000),
)
UPGRADES = (("S2", "X1"),)
PATH = (("S1",), ("S2", "D1"), ("I1", "G1"), ("D2", "I2"), ("X1", "G1"))
"""What a customer buys in the first, second, ... year of being one."""

SETTINGS = f"""\
period = "year"
as_of = {FIRST_YEAR + YEARS - 1}-12-31
currency = "CNY"
"""


@dataclass(frozen=True)
class Case:
    """The files of the case by table, and what `kezhi.toml` says for it."""

    files: Mapping[str, Path]
    settings: str


def make_referral_case(folder: Path, language: Language = "en") -> Case:
    """Write the five-year case "1 = 12 800": orders, customers, products, their upgrades, and expenses."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "orders": _orders(),
        "customers": _customers(language),
        "products": _products(language),
        "product_links": [{"product_id": old, "linked_id": new, "kind": "upgrade"} for old, new in UPGRADES],
        "expenses": _expenses(),
    }
    return Case({name: _write(rows, name, folder, language) for name, rows in tables.items()}, SETTINGS)


def _joined_on(customer: str) -> date:
    return date(FIRST_YEAR + JOINED[customer] - 1, 3, 15)


def _orders() -> list[dict[str, Any]]:
    price = {number: amount for number, *_, amount in PRODUCTS}
    rows = []
    for customer in JOINED:
        begun = _joined_on(customer)
        for age, bought in enumerate(PATH[: YEARS - JOINED[customer] + 1]):
            for half, product in enumerate(bought):
                day = date(begun.year + age, begun.month + 6 * half, begun.day)
                rows.append({"date": day, "customer_id": customer, "product_id": product, "amount": price[product]})
    rows.sort(key=lambda row: (row["date"], row["customer_id"]))
    return [{"order_id": f"H{n:03d}", **row, "quantity": 1, "currency": "CNY"} for n, row in enumerate(rows, 1)]


def _customers(language: Language) -> list[dict[str, Any]]:
    design, sent = Text("Design studio A", "A 图形设计公司"), Text("Customer {id}", "客户 {id}")
    return [
        {
            "customer_id": one,
            "name": (design if one == REFERRER else sent.fill(id=one)).to(language),
            "acquired_on": _joined_on(one),
            "referrer_id": "" if one == REFERRER else REFERRER,
        }
        for one in JOINED
    ]


def _products(language: Language) -> list[dict[str, Any]]:
    return [
        {
            "product_id": number,
            "name": name.to(language),
            "category": category.to(language),
            "price": price,
            "family": family,
            "version": version,
        }
        for number, name, category, family, version, price in PRODUCTS
    ]


def _expenses() -> list[dict[str, Any]]:
    won = {"date": _joined_on(REFERRER), "amount": WON_FOR, "customer_id": REFERRER, "kind": "acquisition"}
    kept = [
        {"date": date(FIRST_YEAR + year, 6, 30), "amount": KEPT_FOR, "customer_id": REFERRER, "kind": "service"}
        for year in range(1, YEARS)
    ]
    return [won, *kept]


def _write(rows: Sequence[Mapping[str, Any]], table: str, folder: Path, language: Language) -> Path:
    """One CSV file; with a byte order mark for Chinese, so that Excel shows it rightly."""
    path = folder / f"{table}.csv"
    with path.open("w", encoding="utf-8-sig" if language == "zh" else "utf-8", newline="") as sink:
        writer: Any = csv.writer(sink, lineterminator="\n")
        writer.writerow(header(table, name, language) for name in rows[0])
        lines: Iterable[Iterable[Any]] = (row.values() for row in rows)
        writer.writerows(lines)
    return path
