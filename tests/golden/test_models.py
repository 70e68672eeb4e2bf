"""Published numbers: the method's own tables, and estimates the literature and other packages agree on."""

from __future__ import annotations

from pathlib import Path

import pytest

from kezhi.models import (
    NBD,
    GammaGammaFaderHardie,
    GammaGammaFit,
    NBDFit,
    PurchaseHistories,
    RepeatAmounts,
    TransitionRule,
    published_forecast,
    transitions,
)

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
A, B = 1.84, 2.67
P, Q, K = 8.57, 1.53, 3224.15
LARGEST = 499_999.0
FREQUENCY = NBDFit.with_parameters(a=A, b=B)
AMOUNT = GammaGammaFit.with_parameters(p=P, q=Q, k=K)
RULE = TransitionRule(FREQUENCY, AMOUNT, transitions.DOCUMENT_EDGES, LARGEST, 1, 3, 3)


# --- the published method: two fitted distributions (section 3; figures 1 and 2)


def test_frequency_distribution():
    shares = transitions.frequency_shares(A, B, 3)
    assert shares.round(4).tolist() == [0.3138, 0.2951, 0.1906, 0.1045]
    assert shares.round(2).tolist() == [0.31, 0.30, 0.19, 0.10]  # as published, in whole per cent
    assert FREQUENCY.expected_purchases_new_customer(1) == pytest.approx(1.4511, abs=5e-5)
    assert RULE.trust_interval() == (2, 3)


def test_amount_density_and_its_mode():
    assert round(AMOUNT.mode, 2) == 9646.96
    assert round(AMOUNT.mode, 4) == 9646.9626
    assert AMOUNT.density_at_mode == pytest.approx(0.0000332359865726, abs=5e-17)
    # the published figure, to its last digit but for the grain of a double
    assert AMOUNT.density_at_mode == pytest.approx(0.00003323598657260607, rel=1e-13)


# --- the published method: transitions (sections 4 and 5; figures 3 to 5 and the two tables)

EXACT_M2 = [39_526.87, 39_527.42, 46_918.52, 186_871.70, 296_732.74, 379_455.72, 445_441.60]
PUBLISHED_M2 = [39_510.75, 39_598.21, 46_920.90, 186_871.69, 296_732.74, 379_455.72, 445_441.60]
PUBLISHED_P_M2 = [0.0126, 0.3719, 0.8754, 0.4707, 0.3049, 0.2227, 0.1748]


def test_expected_next_amount():
    found = transitions.expected_next_amount(P, Q, K, transitions.DOCUMENT_EDGES, LARGEST)
    assert found.round(2).tolist() == EXACT_M2
    # the first three published ones carry the error of a coarse integration grid
    assert found[:3] == pytest.approx(PUBLISHED_M2[:3], rel=0.002)
    assert found[3:] == pytest.approx(PUBLISHED_M2[3:], abs=0.01)


def test_probability_of_the_expected_amount():
    found = transitions.p_expected_amount(P, Q, K, transitions.DOCUMENT_EDGES, LARGEST)
    assert found.round(4).tolist() == PUBLISHED_P_M2


def test_expected_next_frequency():
    means, rounded = transitions.expected_next_frequency(A, B, 1, 3)
    assert means.round(2).tolist() == [1.68, 2.35, 3.0]
    assert rounded.tolist() == [2, 2, 3]


def test_frequency_probability_by_idle_periods():
    table = transitions.frequency_probability(A, B, 1, 3, 3)
    assert table[1].round(4).tolist() == [0.3606, 0.2949, 0.2356, 0.1892]
    assert table[2].round(4).tolist() == [0.1367, 0.0958, 0.0669, 0.0477]


# --- the published method: the forecast rule (section 6)


@pytest.mark.parametrize(
    ("frequency", "amount", "published"),
    [(1, 50_000, 29_622.97), (3, 150_000, 36_072.60), (1, 5_000, 10_620.81)],
)
def test_next_amount_from_the_published_factors(frequency, amount, published):
    """The product of the printed factors is the published amount; the exact one differs by their rounding."""
    segment = int(transitions.segment_of(transitions.DOCUMENT_EDGES, amount))
    f2 = int(RULE.expected_frequency()[frequency - 1])
    p_f2 = float(RULE.frequency_probability()[frequency - 1, 0])
    printed = f2 * PUBLISHED_M2[segment] * round(p_f2, 4) * PUBLISHED_P_M2[segment]
    assert round(printed, 2) == published
    exact = RULE.forecast(1).of(frequency, 0, segment)
    assert exact.amount[0] == pytest.approx(published, rel=0.002)
    factors = exact.frequency * exact.expected_amount * exact.p_frequency * exact.p_amount
    assert exact.amount == pytest.approx(factors, rel=1e-15)


def test_next_amount_exactly():
    """Recomputed from the formulas with 30 digits (mpmath)."""
    found = published_forecast(FREQUENCY, AMOUNT, transitions.DOCUMENT_EDGES, LARGEST, 1, 3, 3, 1)
    assert found.amount.shape == (1, 3, 4, 7)
    assert found.amount[0, 0, 0, 2] == pytest.approx(29_618.4209517518, abs=1e-9)


# --- the literature


@pytest.fixture(scope="module")
def cdnow():
    """Per customer of the CDNOW sample: x, t_x, T in weeks to 1997-09-30, mean of repeat purchases."""
    pd = pytest.importorskip("pandas")
    if not (DATA / "cdnow_sample.parquet").exists():
        pytest.skip("cdnow_sample.parquet is not on this machine")
    log = pd.read_parquet(DATA / "cdnow_sample.parquet")
    days = log.groupby(["customer_id", log.date.dt.normalize().rename("day")], as_index=False).amount.sum()
    days = days[days.day <= "1997-09-30"]
    by = days.groupby("customer_id").day
    first = by.min()
    repeat = days[days.day > days.customer_id.map(first)]
    return pd.DataFrame(
        {
            "frequency": by.size() - 1,
            "recency": (by.max() - first).dt.days / 7,
            "T": (pd.Timestamp("1997-09-30") - first).dt.days / 7,
            "monetary_value": repeat.groupby("customer_id").amount.mean(),
        }
    ).fillna(0.0)


def test_nbd_on_cdnow(cdnow):
    """BTYDplus 1.2.0, same weeks: r 0.38477, alpha 12.072, log-likelihood -9763.7 (r: b, alpha: a)."""
    fit = NBD().fit(cdnow)
    assert round(fit.b, 5) == 0.38477
    assert round(fit.a, 3) == 12.072
    assert round(fit.log_likelihood, 1) == -9763.7
    assert fit.log_likelihood_of(cdnow) == pytest.approx(fit.log_likelihood, rel=1e-13)
    assert fit.customers == 2357


def test_gamma_gamma_on_cdnow(cdnow):
    """Fader, Hardie, Lee (2005, JMR): p 6.25, q 3.74, gamma 15.44; lifetimes: 6.2496, 3.7442, 15.4435."""
    fit = GammaGammaFaderHardie().fit(RepeatAmounts.of(cdnow))
    assert round(fit.p, 4) == 6.2496
    assert round(fit.q, 4) == 3.7442
    assert round(fit.gamma, 4) == 15.4435
    assert fit.customers == 946


def test_cdnow_histories_in_any_unit_of_time(cdnow):
    weeks = NBD().fit(cdnow)
    days = NBD().fit(PurchaseHistories(cdnow.frequency, cdnow.recency * 7, cdnow["T"] * 7))
    assert days.b == pytest.approx(weeks.b, rel=1e-6)
    assert days.a == pytest.approx(7 * weeks.a, rel=1e-6)
