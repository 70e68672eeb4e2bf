"""Make an order log of any size for the benchmarks: Pareto/NBD purchases with Gamma-Gamma spending.

    python benches/simulate.py --customers 1000000 --out orders.parquet

104 weeks at day resolution; customers come evenly over the weeks, each with an order on that day,
so that there are about 2.4 orders per customer. Parameters as fitted to CDNOW by Fader and Hardie.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

WEEKS = 104
FIRST_DAY = np.datetime64("2023-10-02", "D")
R, ALPHA, S, BETA = 0.55, 10.6, 0.6, 11.7
P, Q, GAMMA = 6.25, 3.74, 15.44
CHUNK = 1_000_000
SCHEMA = pa.schema([("customer_id", pa.string()), ("date", pa.date32()), ("amount", pa.float64())])


def make_log(customers: int, seed: int, path: Path) -> int:
    """Write the log to `path` in chunks of a million customers; the number of orders."""
    orders = 0
    with parquet.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for chunk in chunks(customers, seed):
            writer.write_table(chunk)
            orders += chunk.num_rows
    return orders


def chunks(customers: int, seed: int) -> Iterator[Any]:
    """Arrow tables of at most a million customers each, sorted by date inside."""
    for first in range(0, customers, CHUNK):
        yield simulate(np.random.default_rng([seed, first]), first, min(CHUNK, customers - first))


def simulate(rng: np.random.Generator, first: int, n: int) -> Any:
    """The orders of customers number `first` to `first + n - 1`."""
    came = rng.integers(0, WEEKS * 7, size=n)
    purchase_rate = rng.gamma(R, 1 / ALPHA, size=n)
    dropout_rate = np.maximum(rng.gamma(S, 1 / BETA, size=n), 1e-300)
    observed = WEEKS - (came + 1) / 7
    alive = np.minimum(rng.exponential(size=n) / dropout_rate, observed)
    repeats = rng.poisson(purchase_rate * alive)
    again = np.repeat(np.arange(n), repeats)
    later = came[again] + 1 + np.floor(7 * alive[again] * rng.random(len(again))).astype(np.int64)
    customer = np.concatenate([np.arange(n), again])
    day = np.concatenate([came, np.minimum(later, WEEKS * 7 - 1)])
    amount = rng.gamma(P, size=len(customer)) / (rng.gamma(Q, 1 / GAMMA, size=n)[customer])
    order = np.argsort(day, kind="stable")
    return _table(first + customer[order], day[order], amount[order])


def _table(customer: np.ndarray, day: np.ndarray, amount: np.ndarray) -> Any:
    digits = pc.utf8_lpad(pa.array(customer).cast(pa.string()), 9, "0")
    columns = [
        pc.binary_join_element_wise("C", digits, ""),
        pa.array(FIRST_DAY + day.astype("timedelta64[D]")),
        pa.array(np.maximum(np.round(amount, 2), 0.01)),
    ]
    return pa.table(columns, schema=SCHEMA)


def main() -> None:
    """Read the arguments and make one log."""
    parser = argparse.ArgumentParser(description="Make an order log for the benchmarks.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20251122)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    orders = make_log(chosen.customers, chosen.seed, chosen.out)
    print(f"{chosen.customers} customers, {orders} orders: {chosen.out}")


if __name__ == "__main__":
    main()
