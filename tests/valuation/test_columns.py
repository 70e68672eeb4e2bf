"""More columns of customers.parquet: what has few values is kept as one number, and told in words again."""

from __future__ import annotations

from itertools import product

import pyarrow as pa

from kezhi.engine import Engine
from kezhi.valuation import Columns, Words, packed, place_of, with_more

WORDS: dict[str, Words] = {
    "one": ("a",),
    "many": tuple(f"w{n}" for n in range(9)),
    "score": (1, 2, 3),
    "none": ("x", "y", "z"),
}
ROWS: list[dict[str, object]] = [
    dict(zip(WORDS, values, strict=True)) for values in product(*((None, *words) for words in WORDS.values()))
]


def made(engine: Engine, rows: list[dict[str, object]]) -> Columns:
    kinds = {name: pa.int64() if name == "score" else pa.string() for name in WORDS}
    schema = pa.schema([("customer", pa.int32()), *kinds.items(), ("plain", pa.float64())])
    numbered = [{"customer": n, "plain": n / 2, **row} for n, row in enumerate(rows)]
    table = engine.table(pa.Table.from_pylist(numbered, schema))
    places = {name: table.score - 1 if name == "score" else place_of(table[name], [*map(str, words)])
              for name, words in WORDS.items()}  # fmt: skip
    stored = engine.store(table.select("customer", "plain", **packed(places, WORDS)))
    return Columns(stored, {"plain": 7.5, **dict.fromkeys(reversed(WORDS))}, WORDS)


def test_every_combination_of_values_comes_back(engine: Engine) -> None:
    found = made(engine, ROWS)
    assert set(found.table.columns) == {"customer", "plain", "places_of_one"}
    told = engine.fetch(found.rows.order_by("customer"))
    assert told.column_names == ["customer", "plain", *reversed(WORDS)]
    assert [str(told[name].type) for name in WORDS] == ["string", "string", "int64", "string"]
    assert [{name: row[name] for name in WORDS} for row in told.to_pylist()] == ROWS


def test_whoever_has_no_row_gets_what_stands_otherwise(engine: Engine) -> None:
    found = made(engine, [{"one": "a", "many": "w8", "score": 3, "none": None}])
    people = engine.table(pa.table({"customer": pa.array([0, 1], pa.int32()), "customer_id": ["A", "B"]}))
    told = engine.fetch(with_more(people, found, ["many", "score", "plain"]).order_by("customer")).to_pylist()
    assert told[0] == {"customer": 0, "customer_id": "A", "plain": 0.0, "score": 3, "many": "w8"}
    assert told[1] == {"customer": 1, "customer_id": "B", "plain": 7.5, "score": None, "many": None}
