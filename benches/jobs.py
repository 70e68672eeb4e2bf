"""The job that lifetimes and PyMC-Marketing are used for, written as their documentation writes it, and ours beside it.

    python benches/jobs.py NAME orders.parquet results.parquet

Read the orders (Parquet), summarise customers, fit a model of purchases and Gamma-Gamma, predict P(alive), purchases in
13 and in 52 weeks and the customer lifetime value of twelve months at 1 % a month, write one row per customer
(Parquet). Times are weeks, counted in days, so that all see the same numbers. Each job takes the quickest way that its
library documents, with the library's defaults otherwise: lifetimes `summary_data_from_transaction_data`,
`BetaGeoFitter`, `GammaGammaFitter.customer_lifetime_value`; PyMC-Marketing `clv.utils.rfm_summary`, the models' maximum
a posteriori (`method="map"`), `GammaGammaModel.expected_customer_lifetime_value`; ours `kezhi.statistics` and
`kezhi.models`. Prints JSON: seconds of each step, customers, parameters, and totals by which to see that all did the
same job.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SOON, LATER = 13.0, 52.0  # weeks
MONTHS, DISCOUNT = 12, 0.01
WEEKS_A_MONTH = 365.25 / 12 / 7
DAYS_A_WEEK = 7
TOTALS = ("p_alive", "purchases_soon", "purchases_later", "value")


class Steps:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begun, 3)


def kezhi(model: str, source: str, target: str, step: Steps) -> tuple[Any, dict[str, float]]:
    """Our library, as docs/python.en.md shows it."""
    with step("import"):
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        import kezhi
        from kezhi import models
    with step("read and summarise"):
        stats = kezhi.statistics(source, period="week")
    with step("fit"):
        seen = models.PurchaseHistories.of(stats)
        fit = {"bg_nbd": models.BGNBD, "pareto_nbd": models.ParetoNBD}[model]().fit(seen)
        amounts = models.GammaGammaFaderHardie().fit(stats.filter(pc.field("repeat_purchases") > 0))
    with step("predict"):
        spend = amounts.expected_amount(stats)
        by_month = (fit.expected_purchases(seen, WEEKS_A_MONTH, month * WEEKS_A_MONTH) for month in range(MONTHS))
        found = {
            "p_alive": fit.p_alive(seen),
            "purchases_soon": fit.expected_purchases(seen, SOON),
            "purchases_later": fit.expected_purchases(seen, LATER),
            "spend": spend,
            "value": sum(spend * some / (1 + DISCOUNT) ** month for month, some in enumerate(by_month, 1)),
        }
    with step("write"):
        for name, values in found.items():
            stats = stats.append_column(name, pa.array(values))
        pq.write_table(stats, target)
    return found, fit.parameters


def lifetimes(_model: str, source: str, target: str, step: Steps) -> tuple[Any, dict[str, float]]:
    """lifetimes' BG/NBD."""
    with step("import"):
        import pandas as pd
        from lifetimes import BetaGeoFitter, GammaGammaFitter
        from lifetimes.utils import summary_data_from_transaction_data
    with step("read"):
        orders = pd.read_parquet(source)
    with step("summarise"):
        seen = summary_data_from_transaction_data(
            orders, "customer_id", "date", monetary_value_col="amount", freq="D", freq_multiplier=DAYS_A_WEEK
        )
    columns = [seen["frequency"], seen["recency"], seen["T"]]
    with step("fit"):
        fit = BetaGeoFitter().fit(*columns)
        back = seen[seen["frequency"] > 0]
        amounts = GammaGammaFitter().fit(back["frequency"], back["monetary_value"])
    with step("predict"):
        seen["p_alive"] = fit.conditional_probability_alive(*columns)
        seen["purchases_soon"] = fit.conditional_expected_number_of_purchases_up_to_time(SOON, *columns)
        seen["purchases_later"] = fit.conditional_expected_number_of_purchases_up_to_time(LATER, *columns)
        money = seen["monetary_value"]
        seen["spend"] = amounts.conditional_expected_average_profit(seen["frequency"], money)
        seen["value"] = amounts.customer_lifetime_value(
            fit, *columns, money, time=MONTHS, discount_rate=DISCOUNT, freq="W"
        )
    with step("write"):
        seen.to_parquet(target)
    return seen, {name: float(value) for name, value in fit.params_.items()}


def pymc(model: str, source: str, target: str, step: Steps) -> tuple[Any, dict[str, float]]:
    """PyMC-Marketing at the maximum a posteriori."""
    with step("import"):
        import pandas as pd
        from pymc_marketing import clv
        from pymc_marketing.clv.utils import rfm_summary
    with step("read"):
        orders = pd.read_parquet(source)
    with step("summarise"):
        seen = rfm_summary(
            orders,
            "customer_id",
            "date",
            monetary_value_col="amount",
            time_unit="D",
            time_scaler=DAYS_A_WEEK,
        )
    with step("fit"):
        fit = {"bg_nbd": clv.BetaGeoModel, "pareto_nbd": clv.ParetoNBDModel}[model]()
        fit.fit(data=seen, method="map", progressbar=False)
        amounts = clv.GammaGammaModel()
        amounts.fit(data=seen[seen["frequency"] > 0], method="map", progressbar=False)
    with step("predict"):
        answers = {
            "p_alive": fit.expected_probability_alive(seen),
            "purchases_soon": fit.expected_purchases(seen, future_t=SOON),
            "purchases_later": fit.expected_purchases(seen, future_t=LATER),
            "spend": amounts.expected_customer_spend(seen),
            "value": amounts.expected_customer_lifetime_value(
                transaction_model=fit, data=seen, future_t=MONTHS, discount_rate=DISCOUNT, time_unit="W"
            ),
        }
        for name, values in answers.items():
            seen[name] = values.to_numpy().ravel()
    with step("write"):
        seen.to_parquet(target)
    return seen, {str(name): float(value.to_numpy().ravel()[0]) for name, value in fit.fit_result.items()}


Job = Callable[[str, str, str, Steps], tuple[Any, dict[str, float]]]

JOBS: dict[str, tuple[Job, str]] = {
    "kezhi BG/NBD": (kezhi, "bg_nbd"),
    "kezhi Pareto/NBD": (kezhi, "pareto_nbd"),
    "lifetimes BG/NBD": (lifetimes, "bg_nbd"),
    "PyMC-Marketing BG/NBD": (pymc, "bg_nbd"),
    "PyMC-Marketing Pareto/NBD": (pymc, "pareto_nbd"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=JOBS)
    parser.add_argument("source")
    parser.add_argument("target")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    step = Steps()
    job, model = JOBS[given.name]
    found, parameters = job(model, given.source, given.target, step)
    told = {
        "steps": step.seconds,
        "customers": len(found["value"]),
        "parameters": parameters,
        "totals": {
            name: float(found[name].sum()) for name in ("p_alive", "purchases_soon", "purchases_later", "value")
        },
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
