"""BG/NBD, MBG/NBD and their regular relatives on public logs: published and peers' estimates (skipped without logs).

A purchase is a customer's day, time is in weeks; purchases of 0.00 count, as in the published figures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from kezhi.models.bg_cnbd_k import BGCNBDk, MBGCNBDk
from kezhi.models.bg_nbd import BGNBD, MBGNBD
from kezhi.models.histories import FloatArray, PurchaseHistories

Log = Callable[[str], Path]

SPLITS = {
    "cdnow_sample": "1997-09-30",
    "cdnow_full": "1997-09-30",
    "apparel": "2006-12-31",
    "online_retail": "2011-08-06",
    "retail_transactions": "2013-12-05",
}


class Customers(NamedTuple):
    """Calibration histories, the sum of the logs of times between purchases, and what was bought afterwards."""

    seen: PurchaseHistories
    log_intervals: float
    bought: FloatArray
    weeks_ahead: float


@cache
def customers(path: Path) -> Customers:
    table = pq.read_table(path)
    table = table.filter(pc.is_valid(table["customer_id"]))
    if path.stem == "online_retail":
        table = table.filter(pc.and_(pc.greater(table["quantity"], 0), pc.greater(table["amount"], 0)))
    codes = table["customer_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    days = table["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    who, day = np.unique(np.stack([codes, days]), axis=1)
    split = int(np.datetime64(SPLITS[path.stem]).astype(np.int64))
    before = day <= split
    first, last = np.full(who.max() + 1, 10**9), np.full(who.max() + 1, -1)
    np.minimum.at(first, who, day)
    np.maximum.at(last, who[before], day[before])
    count = np.bincount(who[before], minlength=len(first))
    known = count > 0
    seen = PurchaseHistories(count[known] - 1, (last - first)[known] / 7, (split - first)[known] / 7)
    same = np.diff(who[before]) == 0
    between = float(np.log(np.diff(day[before])[same] / 7).sum())
    after = np.bincount(who[~before], minlength=len(first))[known]
    return Customers(seen, between, after.astype(np.float64), (int(day.max()) - split) / 7)


PUBLISHED = [
    ("cdnow_sample", BGNBD, (0.2426, 4.4136, 0.7929, 2.4259), -9582.429),
    ("cdnow_sample", MBGNBD, (0.5248, 6.1831, 0.8914, 1.6140), -9582.136),
    ("cdnow_full", BGNBD, (0.2516, 4.7889, 0.7234, 2.1611), -95368.44),
    ("cdnow_full", MBGNBD, (0.6371, 7.3103, 0.8075, 1.2284), -95336.96),
    ("apparel", BGNBD, (0.6073, 20.957, 1.2756, 8.861), -5857.02),
    ("apparel", MBGNBD, (1.8914, 45.827, 0.6024, 1.5824), -5848.05),
]


@pytest.mark.parametrize(("name", "maker", "parameters", "log_likelihood"), PUBLISHED)
def test_published_estimates(
    name: str,
    maker: type[BGNBD],
    parameters: tuple[float, ...],
    log_likelihood: float,
    public_log: Log,
) -> None:
    fit = maker().fit(customers(public_log(name)).seen)
    assert list(fit.parameters.values()) == pytest.approx(parameters, rel=1.2e-4)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.0051)
    assert fit.fallback is None


@pytest.mark.parametrize(("maker", "bias"), [(BGNBD, -0.12146), (MBGNBD, -0.16221)])
def test_forecast_of_the_cdnow_sample(maker: type[BGNBD], bias: float, public_log: Log) -> None:
    """What lifetimes' estimates predict of the 1 882 purchases of the next 39 weeks."""
    log = customers(public_log("cdnow_sample"))
    assert log.bought.sum() == 1_882
    expected = maker().fit(log.seen).expected_purchases(log.seen, 39)
    assert expected.sum() / 1_882 - 1 == pytest.approx(bias, abs=1.1e-5)


@pytest.mark.parametrize("maker", [BGNBD, MBGNBD])
def test_nobody_leaves_online_retail(maker: type[BGNBD], public_log: Log) -> None:
    fit = maker().fit(customers(public_log("online_retail")).seen)
    assert (fit.fallback, fit.parameters["a"]) == ("nbd", 0)
    assert fit.log_likelihood == pytest.approx(-19169.27, abs=0.01)


@pytest.mark.parametrize("maker", [BGNBD, MBGNBD])
def test_leaving_can_hardly_be_seen_in_retail_transactions(maker: type[BGNBD], public_log: Log) -> None:
    fit = maker().fit(customers(public_log("retail_transactions")).seen)
    assert "hardly_leave" in [remark.code for remark in fit.diagnosis]
    assert fit.parameters["a"] < 1e-3


@pytest.mark.parametrize(("maker", "plain"), [(BGCNBDk, BGNBD), (MBGCNBDk, MBGNBD)])
@pytest.mark.parametrize("with_intervals", [True, False])
def test_cdnow_buyers_are_not_regular(
    maker: type[BGCNBDk], plain: type[BGNBD], with_intervals: bool, public_log: Log
) -> None:
    log = customers(public_log("cdnow_sample"))
    fit = maker(log_interval_sum=log.log_intervals if with_intervals else None).fit(log.seen)
    other = plain().fit(log.seen)
    assert fit.k == 1
    assert [fit.r, fit.alpha, fit.a, fit.b] == pytest.approx(list(other.parameters.values()), rel=1e-5)
    assert fit.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("with_intervals", [True, False])
def test_online_retail_buyers_are_regular(with_intervals: bool, public_log: Log) -> None:
    """BTYDplus 1.2.0 on the same purchases: k = 2, log-likelihood -18677.854; its forecast errs by 1.773."""
    log = customers(public_log("online_retail"))
    fit = MBGCNBDk(log_interval_sum=log.log_intervals if with_intervals else None).fit(log.seen)
    assert fit.k == 2
    if with_intervals:
        assert fit.log_likelihood == pytest.approx(-18677.8542, abs=1e-3)
    expected = fit.expected_purchases(log.seen, log.weeks_ahead)
    assert np.sqrt(((expected - log.bought) ** 2).mean()) < 1.76
    assert expected.sum() / log.bought.sum() - 1 == pytest.approx(-0.155, abs=0.001)
