"""Do scores by model see more than plain ones? Both of one day against what customers then spent.

    python benches/rfm_twins.py DATA_FOLDER

Prints for each log, for all buyers and apart for those with one purchase and with more: the rank correlation (Spearman)
with the spend after the day of R, F, M and their sum, plain and by model, and of the forecast itself. No figure where
all have the same score.
"""

from __future__ import annotations

import math
import sys
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
from scipy.stats import rankdata

import kezhi

# log: the day, the period, how many of them ahead; the rest of the log is what came
LOGS = {
    "cdnow_full": (date(1997, 9, 30), "quarter", 3),
    "online_retail": (date(2011, 8, 31), "month", 3),
    "apparel": (date(2006, 12, 31), "quarter", 4),
    "retail_transactions": (date(2014, 9, 30), "quarter", 2),
}
SCORES = ("r_score", "r_model", "f_score", "f_model", "m_score", "m_model", "plain", "model", "forecast_amount")


def main() -> None:
    """Every log of the folder that is known here."""
    folder = Path(sys.argv[1])
    heads = ("R", "R model", "F", "F model", "M", "M model", "sum", "sum model", "forecast")
    print(f"{'log':22}{'buyers':>8}" + "".join(f"{head:>11}" for head in heads))
    for name, (split, period, horizon) in LOGS.items():
        path = folder / f"{name}.parquet"
        run = kezhi.analyse(
            path, period=period, horizon=horizon, as_of=split, senses=["rfm"], rfm={"model_based": True}
        )
        rows = came(run.folder / "customers.parquet", path, split)
        bought = rows["purchases"]
        for title, mine in ((name, bought > 0), ("  bought once", bought == 1), ("  more than once", bought > 1)):
            told = [correlation(rows[score][mine], rows["spend"][mine]) for score in SCORES]
            print(f"{title:22}{mine.sum():8}" + "".join(f"{one:11.3f}" for one in told))


def came(customers: Path, log: Path, split: date) -> dict[str, np.ndarray]:
    """Each buyer's scores, their sums, the forecast, and what they spent after the day."""
    found = duckdb.sql(f"""
        SELECT c.*, c.r_score + c.f_score + c.m_score AS plain, c.r_model + c.f_model + c.m_model AS model,
               coalesce(l.spend, 0)::DOUBLE AS spend
        FROM '{customers}' c LEFT JOIN (
            SELECT customer_id::VARCHAR AS customer_id, sum(amount) AS spend FROM '{log}'
            WHERE date > '{split}' GROUP BY ALL) l USING (customer_id)
        WHERE c.r_score IS NOT NULL ORDER BY c.customer_id
    """).fetchnumpy()
    return {name: np.asarray(found[name], float) for name in (*SCORES, "purchases", "spend")}


def correlation(score: np.ndarray, spend: np.ndarray) -> float:
    """Spearman's; NaN where there is nothing to compare."""
    if len(score) < 2 or score.min() == score.max() or spend.min() == spend.max():
        return math.nan
    return float(np.corrcoef(rankdata(score), rankdata(spend))[0, 1])


if __name__ == "__main__":
    main()
