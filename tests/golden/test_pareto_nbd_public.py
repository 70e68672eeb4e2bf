"""Pareto/NBD on public logs against published estimates (skipped where the logs are absent).

Purchases are customer-days, weeks are days / 7, as in the published figures; purchases of 0.00 count there too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.models import NBD, PurchaseHistories
from kezhi.models.covariates import ParetoNBDCovariatesFit
from kezhi.models.pareto_nbd import ParetoNBD

Log = Callable[[str], Path]
NAMES = ("gender", "channel")


def histories(path: Path, split: str, covariates: Path | None = None) -> PurchaseHistories:
    """Straight from the log, customers in the order of their ids."""
    log = pq.read_table(path, columns=["customer_id", "date"])
    last_day = np.datetime64(split)
    day = log["date"].to_numpy().astype("datetime64[D]")
    customer = np.array(log["customer_id"].to_pylist(), dtype=str)[day <= last_day]
    names, index = np.unique(customer, return_inverse=True)
    pairs = np.unique(np.stack([index, day[day <= last_day].astype(int)]), axis=1)
    first = np.flatnonzero(np.diff(pairs[0], prepend=-1))
    days = np.append(first[1:], pairs.shape[1]) - 1
    born, latest = pairs[1, first], pairs[1, days]
    columns = (days - first, (latest - born) / 7, (last_day.astype(int) - born) / 7)
    if covariates is None:
        return PurchaseHistories(*columns)
    known = pq.read_table(covariates)
    ids = np.array(known["customer_id"].to_pylist(), dtype=str)
    order = np.argsort(ids)
    assert ids[order].tolist() == names.tolist()
    values = np.stack([known[name].to_numpy()[order] for name in NAMES], axis=1)
    return PurchaseHistories(*columns, None, values, NAMES)


@pytest.mark.parametrize(
    ("name", "split", "published", "likelihood", "rel"),
    [
        ("cdnow_sample", "1997-09-30", (0.5533, 10.577, 0.6063, 11.671), -9594.976, 3e-4),
        ("cdnow_full", "1997-09-30", (0.5974, 11.5857, 0.5222, 8.8291), -95415.12, 3e-4),
        ("apparel", "2006-12-31", (1.4490, 48.636, 0.5613, 46.884), -5848.10, 3e-4),
    ],
)
def test_published_estimates(
    name: str, split: str, published: tuple[float, ...], likelihood: float, rel: float, public_log: Log
) -> None:
    seen = histories(public_log(name), split)
    fit = ParetoNBD().fit(seen)
    assert fit.fallback is None
    assert tuple(fit.parameters.values()) == pytest.approx(published, rel=rel)
    assert fit.log_likelihood == pytest.approx(likelihood, abs=0.006)
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-12)


def test_published_estimates_with_covariates(public_log: Log) -> None:
    """CLVTools 0.12.1; its search stops a little before the top."""
    published = dict(zip(("r", "alpha", "s", "beta"), (1.8378, 92.912, 0.5920, 49.623), strict=True))
    published |= {"purchase.gender": 0.2859, "purchase.channel": 0.6241}
    published |= {"lifetime.gender": -0.6430, "lifetime.channel": 0.7907}
    seen = histories(public_log("apparel"), "2006-12-31", public_log("apparel_static_covariates"))
    fit = ParetoNBD(NAMES, NAMES).fit(seen)
    assert fit.parameters == pytest.approx(published, rel=3e-3)
    assert fit.log_likelihood == pytest.approx(-5821.06, abs=0.005)
    theirs = ParetoNBDCovariatesFit.with_parameters(**published).log_likelihood_of(seen)
    assert fit.log_likelihood - 1e-3 < theirs < fit.log_likelihood


def test_expected_purchases_of_the_cdnow_holdout(public_log: Log) -> None:
    """Peers forecast 10 to 16 % less than the 1 882 purchases of the next 39 weeks."""
    seen = histories(public_log("cdnow_sample"), "1997-09-30")
    expected = ParetoNBD().fit(seen).expected_purchases(seen, 39).sum()
    assert expected / 1882 == pytest.approx(0.89, abs=0.03)


@pytest.mark.parametrize(("name", "split"), [("online_retail", "2011-08-06"), ("retail_transactions", "2013-12-05")])
def test_logs_without_dropout_fall_back_openly(name: str, split: str, public_log: Log) -> None:
    seen = kezhi.statistics(public_log(name), split=split, period="week")
    fit, steady = ParetoNBD().fit(seen), NBD().fit(seen)
    assert fit.fallback == "nbd"
    assert "no_dropout" in [remark.code for remark in fit.diagnosis]
    assert (fit.s, fit.log_likelihood) == (0, steady.log_likelihood)
    assert fit.expected_purchases(seen, 10) == pytest.approx(steady.expected_purchases(seen, 10), rel=1e-12)
