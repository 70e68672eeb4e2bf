"""The floor under a whole run: DuckDB alone groups a log by customer and day, then by customer, and writes Parquet.

    python benches/bare.py orders.parquet customers.parquet [--memory-limit 8GiB] [--threads 2] [--spill FOLDER]

Prints the seconds of the statement alone; starting Python and importing DuckDB are left out.
"""

from __future__ import annotations

import argparse
import time

import duckdb

STATEMENT = """
    copy (
      select customer_id, count(*) as purchases, min(day) as first_day, max(day) as last_day, sum(amount) as amount
      from (select customer_id, date::date as day, sum(amount) as amount from read_parquet('{source}') group by all)
      group by customer_id
    ) to '{target}' (format parquet)
"""


def quoted(text: str) -> str:
    """Fit to stand between the quotes of a statement."""
    return text.replace("'", "''")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--memory-limit")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--spill", help="folder for what does not fit into the memory")
    given = parser.parse_args()
    limits = {"memory_limit": given.memory_limit, "threads": given.threads, "temp_directory": given.spill}
    with duckdb.connect(config={name: value for name, value in limits.items() if value is not None}) as connection:
        begun = time.perf_counter()
        connection.execute(STATEMENT.format(source=quoted(given.source), target=quoted(given.target)))
        print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
