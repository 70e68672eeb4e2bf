"""Recovery: the plain company's orders have the moments of the model behind them, within sampling error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyarrow import csv, parquet
from scipy.special import digamma, polygamma

from kezhi.demo import Company

TOO_FAR = 4.0
"""Standard errors; by chance one such test in 16 000 would fail, and seeds are fixed."""


@pytest.fixture(scope="module")
def truth(plain: Company) -> dict[str, Any]:
    read = parquet.read_table(plain.files["truth_customers"])
    return {name: read[name].to_numpy() for name in read.column_names if name != "stopped_on"}


@pytest.fixture(scope="module")
def days(plain: Company) -> dict[str, np.ndarray]:
    """Customer-days from the orders file alone: customer number, date, cents; sorted."""
    read = csv.read_csv(plain.files["orders"])
    customer = np.array([int(number[1:]) - 1 for number in read["customer_id"].to_pylist()])
    date = read["date"].to_numpy().astype("datetime64[D]")
    cents = np.rint(100 * read["amount"].to_numpy()).astype(np.int64)
    key, owner = np.unique(customer * 100_000 + date.astype(np.int64), return_inverse=True)
    return {
        "customer": key // 100_000,
        "date": (key % 100_000).astype("datetime64[D]"),
        "cents": np.bincount(owner, weights=cents).astype(np.int64),
    }


@pytest.fixture(scope="module")
def months(days: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Active customer-months: customer number, purchases, cents; in order of time within a customer."""
    month = days["date"].astype("datetime64[M]").astype(np.int64)
    key, owner = np.unique(days["customer"] * 10_000 + month, return_inverse=True)
    return {
        "customer": key // 10_000,
        "purchases": np.bincount(owner),
        "cents": np.bincount(owner, weights=days["cents"]).astype(np.int64),
    }


def group(company: Company) -> dict[str, float]:
    (only,) = company.truth["groups"]
    chosen: dict[str, float] = only
    return chosen


def repeats(truth: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Purchases after the first, and exposure in months."""
    return truth["purchases"] - 1, truth["exposure"]


def test_customer_days_are_the_drawn_purchases(truth: dict[str, Any], days: dict[str, np.ndarray]) -> None:
    counted = np.bincount(days["customer"], minlength=len(truth["purchases"]))
    assert np.array_equal(counted, truth["purchases"])
    assert days["cents"].min() > 0


def test_exposure_runs_from_the_day_after_the_first_purchase(plain: Company, truth: dict[str, Any]) -> None:
    acquired = truth["acquired_on"].astype("datetime64[D]")
    month = acquired.astype("datetime64[M]")
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(int)
    left = length - ((acquired - month.astype("datetime64[D]")).astype(int) + 1)
    whole = (np.datetime64(plain.last_day, "M") - month).astype(int)
    assert truth["exposure"] == pytest.approx(left / length + whole)


def test_mean_amount_of_a_month_is_whole_cents(months: dict[str, np.ndarray]) -> None:
    assert (months["purchases"] > 1).sum() > 1000
    assert not (months["cents"] % months["purchases"]).any()


def test_purchases_have_the_mean_and_spread_of_the_nbd(plain: Company, truth: dict[str, Any]) -> None:
    (x, n), a, b = repeats(truth), group(plain)["a"], group(plain)["b"]
    expected, variance = n * b / a, n * b / a + n**2 * b / a**2
    assert abs((x - expected).sum()) < TOO_FAR * np.sqrt(variance.sum())
    squares = (x - expected) ** 2 / np.where(n > 0, variance, 1)
    assert squares[n > 0].mean() == pytest.approx(1, abs=TOO_FAR * squares.std() / np.sqrt(len(squares)))
    empty = (a / (a + n)) ** b
    assert abs((x == 0).sum() - empty.sum()) < TOO_FAR * np.sqrt((empty * (1 - empty)).sum())


def test_purchases_are_poisson_given_lambda(truth: dict[str, Any]) -> None:
    (x, n), rate = repeats(truth), truth["lambda_per_month"]
    often = rate * n > 1
    score = ((x - rate * n) / np.sqrt(np.maximum(rate * n, 1e-9)))[often]
    assert abs(score.mean()) < TOO_FAR / np.sqrt(len(score))
    assert score.var() == pytest.approx(1, abs=0.1)


def test_lambda_and_nu_are_gamma(plain: Company, truth: dict[str, Any]) -> None:
    n = len(truth["nu"])
    for drawn, shape, rate in (("lambda_per_month", "b", "a"), ("nu", "q", "k")):
        s, r = group(plain)[shape], group(plain)[rate]
        scaled = np.log(truth[drawn]) + np.log(r)
        assert abs(scaled.mean() - digamma(s)) < TOO_FAR * np.sqrt(polygamma(1, s) / n)
        assert abs((truth[drawn] * r).mean() - s) < TOO_FAR * np.sqrt(s / n)


def test_mean_amounts_are_gamma_gamma(plain: Company, months: dict[str, np.ndarray]) -> None:
    p, q, k = (group(plain)[name] for name in "pqk")
    log_mean = np.log(months["cents"] / months["purchases"] / 100)
    first = np.flatnonzero(np.diff(months["customer"], prepend=-1))
    spread = polygamma(1, p) + polygamma(1, q)
    expected = digamma(p) - digamma(q) + np.log(k)
    assert abs(log_mean[first].mean() - expected) < TOO_FAR * np.sqrt(spread / len(first))
    assert log_mean[first].var() == pytest.approx(spread, rel=0.1)
    again = first[:-1][np.diff(first) > 1]
    change = log_mean[again + 1] - log_mean[again]
    assert change.var() == pytest.approx(2 * polygamma(1, p), rel=0.1)


def test_frequency_and_amount_are_independent(truth: dict[str, Any]) -> None:
    together = np.corrcoef(np.log(truth["lambda_per_month"]), np.log(truth["nu"]))[0, 1]
    assert abs(together) < TOO_FAR / np.sqrt(len(truth["nu"]))


def test_full_company_follows_season_and_exposure_too(full: Company) -> None:
    read = parquet.read_table(full.files["truth_customers"])
    steady = ~np.isin(read["habit"].to_numpy(), ("falling", "rising", "one_off"))
    x = (read["purchases"].to_numpy() - 1)[steady]
    expected = (read["lambda_per_month"].to_numpy() * read["exposure"].to_numpy())[steady]
    assert abs(x.sum() - expected.sum()) < TOO_FAR * np.sqrt(expected.sum())
