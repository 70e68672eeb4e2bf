"""The likelihood of the two Gamma-Gamma forms, written once: both see customers only through h and S.

Panel form, per customer with h active periods whose average purchases add up to S:
    ln Gamma(ph+q) - h ln Gamma(p) - ln Gamma(q) + q ln k - (ph+q) ln(k+S) + (p-1) sum ln m
Fader-Hardie form with h = x repeat purchases, S = x zbar: ln Gamma(ph) in place of h ln Gamma(p), and
(ph-1) ln zbar + ph ln h in place of (p-1) sum ln m.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from kezhi.models import fitting
from kezhi.models.fitting import LIMIT, Evaluation, Optimum
from kezhi.models.gamma_functions import log_rising
from kezhi.models.histories import AmountPanel, FloatArray, IntArray, RepeatAmounts

# (ln p, ln q, ln of the typical amount pk/q) -> (ln p, ln q, ln k)
BASIS = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 1.0, 1.0]])
_THIN = 20_000
LARGEST_SHAPE = 1e6


@dataclass(frozen=True, eq=False)
class AmountEvidence:
    """Customers sorted by (h, S), money in units of the mean amount; sums per distinct h.

    Gamma functions are needed per distinct h only, one logarithm per customer. Sorting makes the sums
    independent of the order of the rows.
    """

    h: FloatArray  # distinct numbers of amounts
    begin: IntArray  # where each distinct h begins in S
    customers_at: FloatArray  # customers per distinct h
    S: FloatArray
    weights: FloatArray | None  # None: one customer per row
    log_sum: float  # panel: sum of ln m; Fader-Hardie: sum of h ln S
    constant: float  # what the Fader-Hardie form adds whatever the parameters
    panel: bool
    unit: float  # the mean amount

    @classmethod
    def of_panel(cls, panel: AmountPanel) -> AmountEvidence:
        """From the panel form; its log_mean_amount_sum is required."""
        logs = panel.known_log_sum
        rows = cls._sorted(panel.active_periods, panel.mean_amount_sum, panel.customers, panel=True)
        return replace(rows, log_sum=logs - rows.amounts * float(np.log(rows.unit)))

    @classmethod
    def of_repeat_amounts(cls, amounts: RepeatAmounts) -> AmountEvidence:
        """From the Fader-Hardie form."""
        x = amounts.repeat_purchases
        rows = cls._sorted(x, x * amounts.mean_amount, amounts.customers, panel=False)
        w, h, logs = rows.row_weights(), rows.each_h(), np.log(rows.S)
        log_sum, constant = (w * h * logs).sum(), (w * (np.log(h) - logs)).sum()
        return replace(rows, log_sum=float(log_sum), constant=float(constant))

    @classmethod
    def _sorted(cls, h: FloatArray, S: FloatArray, w: FloatArray, *, panel: bool) -> AmountEvidence:
        """Rows that teach something, by h and then S, in units of their mean amount (1 if there is none)."""
        used = (h > 0) & (w > 0)
        h, S, w = h[used], S[used], w[used]
        order = np.argsort(S)
        order = order[np.argsort(h[order], kind="stable")]
        h, S, w = h[order], S[order], w[order]
        distinct, begin = np.unique(h, return_index=True)
        unit = float((w * S).sum() / (w * h).sum()) if len(w) else 1.0
        return cls(
            h=distinct,
            begin=begin,
            customers_at=np.add.reduceat(w, begin) if len(w) else w,
            S=S / unit,
            weights=None if bool(np.all(w == 1)) else w,
            log_sum=0.0,
            constant=0.0,
            panel=panel,
            unit=unit,
        )

    @property
    def customers(self) -> float:
        """Customers with at least one amount."""
        return float(self.customers_at.sum())

    @property
    def amounts(self) -> float:
        """Amounts seen in all: active periods, or repeat purchases."""
        return float((self.customers_at * self.h).sum())

    @property
    def means(self) -> FloatArray:
        """Each row's own mean, in units of the overall mean."""
        return self.S / self.each_h()

    @property
    def steady(self) -> bool:
        """Whether nobody's own amounts vary, as far as that can be seen (in the panel form only)."""
        return self.panel and self.p_by_moments() >= LARGEST_SHAPE

    @property
    def facts(self) -> dict[str, float]:
        """Plain facts of the data, for the report."""
        name = "active_periods" if self.panel else "repeat_purchases"
        if not len(self.S):
            return {name: 0.0, "mean_amount": 0.0, "largest_mean_amount": 0.0}
        largest = float(self.means.max()) * self.unit
        return {name: self.amounts, "mean_amount": self.unit, "largest_mean_amount": largest}

    @property
    def log_shift(self) -> float:
        """What the log-likelihood loses by counting money in units of the mean amount."""
        return (self.amounts if self.panel else self.customers) * float(np.log(self.unit))

    def objective(self, logs: FloatArray) -> Evaluation:
        """Log-likelihood with slope and curvature at (ln p, ln q, ln k)."""
        p, q, k = np.exp(logs)
        h, N = self.h, self.customers_at
        shape = p * h + q
        elapsed, share, bend = self._sums(k)
        value = (N * (log_rising(q, p * h) - self._own(p))).sum() - (shape * elapsed).sum()
        value += (p - 1 if self.panel else p) * self.log_sum - p * self.amounts * logs[2] + self.constant
        psi, psi1 = special.digamma(shape), special.polygamma(1, shape)
        slope_own, curve_own = self._own_slopes(p)
        by_p = (N * (h * psi - slope_own)).sum() - (h * elapsed).sum() - self.amounts * logs[2] + self.log_sum
        by_q = (N * (psi - special.digamma(q))).sum() - elapsed.sum()
        by_lnk = (shape * share).sum() - p * self.amounts
        pp = (N * (h**2 * psi1 - curve_own)).sum()
        pq = (N * h * psi1).sum()
        qq = (N * (psi1 - special.polygamma(1, q))).sum()
        pk, qk, kk = (h * share).sum() - self.amounts, share.sum(), -(shape * bend).sum()
        slope = np.array([by_p, by_q, by_lnk])
        curvature = np.array([[pp, pq, pk], [pq, qq, qk], [pk, qk, kk]])
        return float(value), *fitting.in_logs(np.array([p, q, k]), slope, curvature, already=2)

    def maximum(self) -> Optimum:
        """The best p, q, k: from several starts on a thin sample where there are many rows, then all rows."""
        if len(self.S) <= 2 * _THIN:
            return fitting.maximise(self.objective, self._starts(), BASIS)
        thin = self._thinned()
        rough = fitting.maximise(thin.objective, thin._starts(), BASIS).point.copy()
        rough[2] += np.log(thin.unit)  # the thin sample counts money in its own mean amount
        sharp = fitting.polish(self.objective, rough)
        return sharp if sharp.converged else fitting.maximise(self.objective, [rough, *self._starts()], BASIS)

    def alike(self) -> tuple[float, float]:
        """The shape p if customers do not differ, and the variance of ln p; LIMIT if amounts do not vary."""
        H, N = self.amounts, self.customers_at

        def slope(log_p: float) -> float:
            p = float(np.exp(log_p))
            return float(H * log_p - (N * self._own_slopes(p)[0]).sum() + self.log_sum)

        top = float(np.log(LARGEST_SHAPE))
        if slope(top) > 0:
            return LIMIT, 0.0
        bottom = -1.0
        while slope(bottom) < 0:
            bottom -= 2.0
        p = float(np.exp(optimize.brentq(slope, bottom, top, xtol=1e-14)))
        return p, float(1 / (p**2 * (N * self._own_slopes(p)[1]).sum() - p * H))

    def log_likelihood_alike(self, p: float) -> float:
        """Of one gamma distribution (shape p, mean 1) for all amounts, money in units of the mean."""
        value = p * self.amounts * float(np.log(p) - 1) - float((self.customers_at * self._own(p)).sum())
        return value + (p - 1 if self.panel else p) * self.log_sum + self.constant

    def _own(self, p: float) -> FloatArray:
        return np.asarray(self.h * special.gammaln(p) if self.panel else special.gammaln(p * self.h))

    def _own_slopes(self, p: float) -> tuple[FloatArray, FloatArray]:
        if self.panel:
            return self.h * special.digamma(p), self.h * special.polygamma(1, p)
        return self.h * special.digamma(p * self.h), self.h**2 * special.polygamma(1, p * self.h)

    def _sums(self, k: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Per distinct h: sums of ln(1 + S/k), of R = S/(k+S), and of R(1-R)."""
        ratio = self.S / k
        rest = 1 / (1 + ratio)
        elapsed, share = np.log1p(ratio), ratio * rest
        rest *= share
        columns = (elapsed, share, rest)
        if self.weights is not None:
            columns = (elapsed * self.weights, share * self.weights, rest * self.weights)
        first, second, third = (np.add.reduceat(column, self.begin) for column in columns)
        return first, second, third

    def each_h(self) -> FloatArray:
        """How many amounts each row has."""
        return np.repeat(self.h, np.diff(np.append(self.begin, len(self.S))))

    def _starts(self) -> list[FloatArray]:
        """The panel tells p from how unequal each customer's amounts are; otherwise a few are tried.

        Given p, the variance and the mean of ln S across customers give q and k.
        """
        guesses = (self.p_by_moments(),) if self.panel else (1.0, 6.0)
        return [self._start(p) for p in (*guesses, 3 * guesses[0])]

    def p_by_moments(self) -> float:
        """The panel's own estimate of p, from how unequal each customer's amounts are; at most 1e6."""
        h, N = self.h, self.customers_at
        seen = float((self.row_weights() * self.each_h() * np.log(self.means)).sum()) - self.log_sum

        def gap(log_p: float) -> float:
            p = np.exp(log_p)
            return float((N * h * (special.digamma(p * h) - np.log(h) - special.digamma(p))).sum()) - seen

        low, high = -7.0, float(np.log(LARGEST_SHAPE))
        if gap(low) <= 0 or gap(high) >= 0:
            return 1.0 if gap(low) <= 0 else LARGEST_SHAPE
        return float(np.exp(optimize.brentq(gap, low, high, xtol=1e-6)))

    def _start(self, p: float) -> FloatArray:
        w, each = self.row_weights(), p * self.each_h()
        centred = np.log(self.S) - special.digamma(each)
        middle = float((w * centred).sum() / w.sum())
        between = float((w * ((centred - middle) ** 2 - special.polygamma(1, each))).sum() / w.sum())
        between = max(between, 1e-3)
        q = 1 / between + 0.5 if between < 1 else between**-0.5
        return np.array([np.log(p), np.log(q), middle + float(special.digamma(q))])

    def row_weights(self) -> FloatArray:
        """How many customers each row stands for."""
        return np.ones(len(self.S)) if self.weights is None else self.weights

    def _thinned(self) -> AmountEvidence:
        """Every so-many-th of the sorted rows; the spread within customers is shared out in proportion."""
        each, w, S = self.each_h(), self.row_weights(), self.S
        pick = slice(len(S) // _THIN // 2, None, len(S) // _THIN)

        def logs(rows: slice) -> float:
            return float((w[rows] * each[rows] * np.log(S[rows] / (each[rows] if self.panel else 1))).sum())

        def degrees(rows: slice) -> float:
            return float((w[rows] * (each[rows] - 1)).sum())

        spread = (logs(slice(None)) - self.log_sum) * degrees(pick) / degrees(slice(None))
        rows = AmountEvidence._sorted(each[pick], S[pick], w[pick], panel=self.panel)
        log_sum = logs(pick) - spread - rows.amounts * float(np.log(rows.unit))
        return replace(rows, log_sum=log_sum)
