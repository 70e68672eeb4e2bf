"""Would it have worked? The forecast made one horizon earlier, against what then came."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.ledger import Book, Ledger, open_ledger
from kezhi.valuation.fits import fit_models
from kezhi.valuation.forecast import expected_steps, scored_customers
from kezhi.valuation.published import amount_edges, published_tables

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

TOO_SHORT = Text(
    "The history is too short to test the forecast on the past (complete periods: {periods}; three are needed), so "
    "the interval counts chance only, not a change of season or market.",
    "历史太短，无法用过去检验预测（完整期数：{periods}，至少需要三期）；因此区间只反映偶然波动，不含季节或市场变化。",
)
NOBODY_CAME_BACK = Text(
    "Fewer than two customers had bought again by {split}, so the forecast cannot be tested on the past and the "
    "interval counts chance only.",
    "截至 {split} 再次购买的客户不足两位，无法用过去检验预测；区间只反映偶然波动。",
)
TARGETS = ("amount", "purchases")
ENOUGH = 100_000  # customers; testing on more would cost time and tell nothing new


@dataclass(frozen=True)
class Backtest:
    """Each method's forecast of the last `periods` complete periods, made from what was known at `split`.

    `one_in` customers was drawn for the test (1: all of them); totals are scaled up to all.
    """

    split: date
    until: date
    periods: int
    customers: int
    one_in: int
    amount: float
    purchases: float
    methods: tuple[dict[str, Any], ...]

    def missed(self, method: str) -> float:
        """ln(what came / what a method had forecast) in total; 0 where either was nothing."""
        forecast = float(self.score(method)["amount"])
        return math.log(self.amount / forecast) if forecast > 0 and self.amount > 0 else 0.0

    def score(self, method: str) -> dict[str, Any]:
        """The scores of one method."""
        return next(row for row in self.methods if row["method"] == method)


def backtest(
    engine: Engine, book: Book, ledger: Ledger, horizon: int, edges: tuple[float, ...] | None
) -> Backtest | Text:
    """Compare the methods on the last complete periods, `horizon` of them or as many as the history allows.

    At least two complete periods and two repeat buyers must lie before the split; the reason is returned where they
    do not. Beside `nbd` and `transition` stand a regression on the customer's last two windows (R13; only with three
    windows of history), the customer's last window repeated, and the mean of all customers. Of more than ENOUGH
    customers a part is drawn, by a hash of their ids, so that the same customers are drawn every time.
    """
    horizon = min(horizon, ledger.present - ledger.company[0]["number"] - 1)
    if horizon < 1:
        return TOO_SHORT.fill(periods=max(ledger.present - ledger.company[0]["number"] + 1, 0))
    split_number = ledger.present - horizon
    split = ledger.calendar.end(split_number)
    one_in = -(-engine.row(ledger.statistics.aggregate(n=ledger.statistics.count()))["n"] // ENOUGH)
    earlier = open_ledger(engine, Book(drawn(book.orders, one_in)), ledger.calendar, split)
    repeat_buyers = (earlier.statistics.repeat_purchases > 0).sum()
    if (engine.row(earlier.statistics.aggregate(buyers=repeat_buyers))["buyers"] or 0) < 2:
        return NOBODY_CAME_BACK.fill(split=split)
    rows = engine.store(_known_and_came(earlier, ledger, horizon, one_in))
    rows = _with_regression(engine, _with_naive(engine, rows), earlier, horizon)
    rows = engine.store(_model_forecasts(earlier, horizon, edges).join(rows, "customer_id"))
    methods = [name.removesuffix("_amount") for name in rows.columns if name.endswith("_amount")]
    sums = engine.row(rows.aggregate(**_error_sums(rows, methods)))
    ginis = _ginis(engine, rows, methods)
    return Backtest(
        split,
        ledger.calendar.end(ledger.present),
        horizon,
        sums["customers"],
        one_in,
        float(sums["amount"]) * one_in,
        float(sums["purchases"]) * one_in,
        tuple(_score(method, sums, ginis.get(method), one_in) for method in methods),
    )


def drawn(rows: ir.Table, one_in: int) -> ir.Table:
    """The rows of one in so many customers, the same ones every time."""
    return rows if one_in <= 1 else rows.filter(rows.customer_id.hash().abs() % one_in == 0)


def _known_and_came(earlier: Ledger, ledger: Ledger, horizon: int, one_in: int) -> ir.Table:
    """One row per buyer known at the split: amount0, purchases0 (what then came), amount1.. (windows before)."""
    buyers = earlier.statistics.filter(earlier.statistics.purchases > 0).select("customer_id")
    past = _windows(
        earlier.accounts,
        {1: earlier.present, 2: earlier.present - horizon, 3: earlier.present - 2 * horizon},
        horizon,
    )
    came = _windows(drawn(ledger.accounts, one_in), {0: ledger.present}, horizon)
    rows = buyers.left_join(past, "customer_id", rname="{name}_p").left_join(came, "customer_id", rname="{name}_c")
    numbers = [f"{target}{window}" for window in range(4) for target in TARGETS]
    return rows.select("customer_id", "known2", **{name: rows[name].coalesce(0.0) for name in numbers})


def _windows(accounts: ir.Table, ends: dict[int, int], horizon: int) -> ir.Table:
    """Amount and purchases by customer in windows of `horizon` periods, and whether one bought up to window 2."""
    sums: dict[str, Any] = {}
    for window, end in ends.items():
        inside = (accounts.number > end - horizon) & (accounts.number <= end)
        sums |= {f"{target}{window}": accounts[target].sum(where=inside).cast("float64") for target in TARGETS}
    if 2 in ends:
        sums["known2"] = ((accounts.number <= ends[2]) & (accounts.purchases > 0)).any()
    return accounts.group_by("customer_id").aggregate(**sums)


def _model_forecasts(earlier: Ledger, horizon: int, edges: tuple[float, ...] | None) -> ir.Table:
    """Amount and purchases by customer, summed over the horizon: the expected value, and the published rule."""
    fits = fit_models(earlier)
    steps = expected_steps(earlier, fits, scored_customers(earlier, fits, horizon), horizon, states=True)
    steps = steps.mutate(nbd_amount=steps.amount_float, nbd_purchases=steps.expected_purchases)
    published = published_tables(earlier, fits, horizon, amount_edges(earlier, edges))
    if published is not None:
        steps = published.replace(earlier.engine, steps)
    future = steps.filter((steps.step > 0) & (steps.purchases > 0))
    return future.group_by("customer_id").aggregate(
        nbd_amount=future.nbd_amount.sum(),
        nbd_purchases=future.nbd_purchases.sum(),
        transition_amount=future.amount_float.sum(),
        transition_purchases=future.expected_purchases.sum(),
    )


def _with_naive(engine: Engine, rows: ir.Table) -> ir.Table:
    """The last window repeated, and its mean for everybody."""
    means = engine.row(rows.aggregate(**{target: rows[f"{target}1"].mean() for target in TARGETS}))
    return rows.mutate(
        **{f"repeat_last_{target}": rows[f"{target}1"] for target in TARGETS},
        **{f"mean_{target}": _constant(means[target]) for target in TARGETS},
    )


def _constant(value: float) -> Any:
    import ibis

    return ibis.literal(float(value))


def _with_regression(engine: Engine, rows: ir.Table, earlier: Ledger, horizon: int) -> ir.Table:
    """Least squares of window 1 on windows 2 and 3, moved on by one window."""
    import ibis

    if earlier.present - 3 * horizon < earlier.company[0]["number"] - 1:
        return rows
    train = rows.filter(rows.known2)
    weights = _least_squares(engine, train, [f"{target}{window}" for window in (2, 3) for target in TARGETS])
    if weights is None:
        return rows
    features = [rows[f"{target}{window}"] for window in (1, 2) for target in TARGETS]
    fitted = {
        target: sum((x * float(w) for x, w in zip(features, column[1:], strict=True)), _constant(column[0]))
        for target, column in zip(TARGETS, weights.T, strict=True)
    }
    return rows.mutate(**{f"regression_{name}": ibis.greatest(value, 0.0) for name, value in fitted.items()})


def _least_squares(engine: Engine, rows: ir.Table, names: list[str]) -> NDArray[np.float64] | None:
    """Weights of (1, *names) for amount1 and purchases1, from the sums of products; None without rows."""
    terms: list[Any] = [rows.known2.cast("float64"), *(rows[name] for name in names)]
    targets: list[Any] = [rows[f"{target}1"] for target in TARGETS]
    size = len(terms)
    products = {f"x{i}_{j}": (terms[i] * terms[j]).sum() for i in range(size) for j in range(i, size)}
    products |= {f"y{i}_{j}": (terms[i] * targets[j]).sum() for i in range(size) for j in range(len(targets))}
    sums = {name: float(value or 0.0) for name, value in engine.row(rows.aggregate(**products)).items()}
    if not sums["x0_0"]:
        return None
    square = np.array([[sums[f"x{min(i, j)}_{max(i, j)}"] for j in range(size)] for i in range(size)])
    right = np.array([[sums[f"y{i}_{j}"] for j in range(len(targets))] for i in range(size)])
    scale = np.sqrt(np.maximum(np.diag(square), 1e-12))
    weights = np.linalg.lstsq(square / np.outer(scale, scale), right / scale[:, None], rcond=1e-10)[0]
    return np.asarray(weights / scale[:, None])


def _error_sums(rows: ir.Table, methods: list[str]) -> dict[str, Any]:
    sums: dict[str, Any] = {
        "customers": rows.count(),
        "amount": rows.amount0.sum(),
        "purchases": rows.purchases0.sum(),
    }
    for method in methods:
        error: Any = rows[f"{method}_amount"] - rows.amount0
        sums[f"{method}_amount"] = rows[f"{method}_amount"].sum()
        sums[f"{method}_purchases"] = rows[f"{method}_purchases"].sum()
        sums[f"{method}_absolute"] = error.abs().mean()
        sums[f"{method}_square"] = (error * error).mean()
    return sums


def _score(method: str, sums: dict[str, Any], gini: float | None, one_in: int) -> dict[str, Any]:
    return {
        "method": method,
        "amount": sums[f"{method}_amount"] * one_in,
        "bias": _bias(sums[f"{method}_amount"], sums["amount"]),
        "mae": sums[f"{method}_absolute"],
        "rmse": float(np.sqrt(sums[f"{method}_square"])),
        "gini": gini,
        "purchases": sums[f"{method}_purchases"] * one_in,
        "purchases_bias": _bias(sums[f"{method}_purchases"], sums["purchases"]),
    }


def _bias(predicted: float, actual: float) -> float | None:
    return predicted / actual - 1.0 if actual > 0 else None


def _ginis(engine: Engine, rows: ir.Table, methods: list[str]) -> dict[str, float | None]:
    """Gini of the actual amounts in the order of each method's predictions over their Gini in their own order."""
    import ibis

    methods = [method for method in methods if method != "mean"]  # equal predictions have no order
    keys = {"own": rows.amount0, **{method: rows[f"{method}_amount"] for method in methods}}
    ranks = {
        f"rank_{name}": ibis.row_number().over(ibis.window(order_by=[ibis.desc(key), rows.customer_id]))
        for name, key in keys.items()
    }
    ranked = rows.select("amount0", **ranks)
    sums = engine.row(
        ranked.aggregate(
            count=ranked.count(),
            total=ranked.amount0.sum(),
            **{name: (ranked.amount0 * (ranked[name] + 0.5)).sum() for name in ranks},
        )
    )
    if not sums["total"] or sums["total"] <= 0:
        return dict.fromkeys(methods)
    area = {name: 1.0 - 2.0 * sums[f"rank_{name}"] / (sums["count"] * sums["total"]) for name in keys}
    return {method: area[method] / area["own"] if area["own"] > 0 else None for method in methods}
