"""Would it have worked? The forecast made one horizon earlier, against what then came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.ledger import Book, Ledger, open_ledger
from kezhi.valuation.fits import fit_models
from kezhi.valuation.forecast import forecast_steps, scored_customers
from kezhi.valuation.published import amount_edges, published_tables

if TYPE_CHECKING:
    import ibis.expr.types as ir

FEATURES = ("recent_amount", "recent_purchases", "earlier_amount", "earlier_purchases")


@dataclass(frozen=True)
class Backtest:
    """Each method's forecast of the last `periods` complete periods, made from what was known at `split`."""

    split: date
    until: date
    periods: int
    customers: int
    amount: float
    purchases: float
    methods: tuple[dict[str, Any], ...]

    def error_of(self, method: str) -> float:
        """The root mean squared error of each customer's amount."""
        return next(float(row["rmse"]) for row in self.methods if row["method"] == method)


def backtest(
    engine: Engine, book: Book, ledger: Ledger, horizon: int, edges: tuple[float, ...] | None
) -> Backtest | None:
    """Compare the methods on the last `horizon` complete periods; None when the history is too short.

    At least two complete periods and two repeat buyers must lie before the split. Beside `nbd` and
    `transition` stand a regression on the customer's recent and earlier purchases (R13), the amount of the
    customer's last `horizon` periods repeated, and the mean of all customers.
    """
    split_number = ledger.present - horizon
    if not ledger.company or split_number < ledger.company[0]["number"] + 1:
        return None
    split = ledger.calendar.end(split_number)
    earlier = open_ledger(engine, book, ledger.calendar, split)
    known = engine.row(earlier.statistics.aggregate(buyers=(earlier.statistics.repeat_purchases > 0).sum()))
    if (known["buyers"] or 0) < 2:
        return None
    predictions = _predictions(earlier, horizon, edges)
    actual = _actual(ledger, split_number)
    together = engine.store(_fill(predictions.left_join(actual, "customer_id", rname="{name}_a")))
    methods = [name.removesuffix("_amount") for name in together.columns if name.endswith("_amount")]
    facts = engine.row(
        together.aggregate(
            customers=together.count(),
            amount=together.actual.sum(),
            purchases=together.actual_purchases.sum(),
        )
    )
    scores = tuple(_score(engine, together, method) for method in methods)
    return Backtest(
        split,
        ledger.calendar.end(ledger.present),
        horizon,
        facts["customers"],
        float(facts["amount"]),
        float(facts["purchases"]),
        scores,
    )


def _predictions(earlier: Ledger, horizon: int, edges: tuple[float, ...] | None) -> ir.Table:
    """One row per customer known at the split, with <method>_amount and <method>_purchases."""
    fits = fit_models(earlier)
    scored = scored_customers(earlier, fits, horizon)
    published = published_tables(earlier, fits, horizon, amount_edges(earlier, edges))
    people = _features(earlier, horizon)
    for method, tables in (("nbd", None), ("transition", published)):
        steps = forecast_steps(earlier, fits, scored, horizon, False, tables)
        sums = _sums(steps.filter(steps.step > 0), method)
        people = people.left_join(sums, "customer_id", rname="{name}_m").drop("customer_id_m")
    return _regression(earlier.engine, people, earlier, horizon)


def _sums(steps: ir.Table, method: str) -> ir.Table:
    return steps.group_by("customer_id").aggregate(
        **{
            f"{method}_amount": steps.amount.sum().cast("float64"),
            f"{method}_purchases": steps.expected_purchases.cast("decimal(38, 12)").sum().cast("float64"),
        }
    )


def _features(ledger: Ledger, horizon: int) -> ir.Table:
    """Buyers at the split with their amounts and purchases of the last `horizon` periods, and the mean."""
    buyers = ledger.statistics.filter(ledger.statistics.purchases > 0)
    recent = _window(ledger, ledger.present - horizon, ledger.present, "repeat_last")
    rows = buyers.select("customer_id").left_join(recent, "customer_id", rname="{name}_r").drop("customer_id_r")
    rows = rows.mutate(
        **{f"repeat_last_{name}": rows[f"repeat_last_{name}"].coalesce(0.0) for name in ("amount", "purchases")}
    )
    total = ledger.engine.row(
        rows.aggregate(
            **{
                name: rows[f"repeat_last_{name}"].sum() / rows.count()
                for name in ("amount", "purchases")
            }
        )
    )
    return rows.mutate(mean_amount=_constant(total["amount"]), mean_purchases=_constant(total["purchases"]))


def _constant(value: float) -> Any:
    import ibis

    return ibis.literal(float(value))


def _window(ledger: Ledger, after: int, until: int, prefix: str) -> ir.Table:
    accounts = ledger.accounts.filter((ledger.accounts.number > after) & (ledger.accounts.number <= until))
    return accounts.group_by("customer_id").aggregate(
        **{
            f"{prefix}_amount": accounts.amount.sum().cast("float64"),
            f"{prefix}_purchases": accounts.purchases.sum().cast("float64"),
        }
    )


def _actual(ledger: Ledger, split_number: int) -> ir.Table:
    found = _window(ledger, split_number, ledger.present, "true")
    return found.select("customer_id", actual="true_amount", actual_purchases="true_purchases")


def _fill(rows: ir.Table) -> ir.Table:
    numbers = [name for name in rows.columns if name not in ("customer_id", "customer_id_a")]
    return rows.select("customer_id", **{name: rows[name].coalesce(0.0) for name in numbers})


def _regression(engine: Engine, people: ir.Table, earlier: Ledger, horizon: int) -> ir.Table:
    """Least squares of one window's amount and purchases on the two windows before it, then moved on one window.

    Left out when the history before the split is shorter than three windows.
    """
    first, now = earlier.company[0]["number"], earlier.present
    if now - 3 * horizon < first - 1:
        return people
    train = _design(earlier, now - horizon, horizon, people)
    train = train.filter(train.known)
    truth = _window(earlier, now - horizon, now, "true")
    train = train.left_join(truth, "customer_id", rname="{name}_t")
    apply = _design(earlier, now, horizon, people)
    for target in ("amount", "purchases"):
        weights = _least_squares(engine, train, train[f"true_{target}"].coalesce(0.0))
        if weights is None:
            return people
        fitted: Any = sum(
            (apply[name] * float(weight) for name, weight in zip(FEATURES, weights[1:], strict=True)),
            _constant(weights[0]),
        )
        apply = apply.mutate(**{f"regression_{target}": _not_negative(fitted)})
    columns = apply.select("customer_id", "regression_amount", "regression_purchases")
    return people.left_join(columns, "customer_id", rname="{name}_g").drop("customer_id_g")


def _not_negative(value: Any) -> Any:
    import ibis

    return ibis.greatest(value, 0.0)


def _design(ledger: Ledger, until: int, horizon: int, people: ir.Table) -> ir.Table:
    rows = people.select("customer_id")
    for name, (after, last) in {
        "recent": (until - horizon, until),
        "earlier": (until - 2 * horizon, until - horizon),
    }.items():
        window = _window(ledger, after, last, name)
        rows = rows.left_join(window, "customer_id", rname="{name}_w").drop("customer_id_w")
    buyers = ledger.accounts.filter((ledger.accounts.number <= until) & (ledger.accounts.purchases > 0))
    known = buyers.select("customer_id").distinct().mutate(known=True)
    rows = rows.left_join(known, "customer_id", rname="{name}_k").drop("customer_id_k")
    return rows.mutate(known=rows.known.coalesce(False), **{name: rows[name].coalesce(0.0) for name in FEATURES})


def _least_squares(engine: Engine, rows: ir.Table, target: Any) -> Any:
    """Weights (constant first) from the sums of products; None when the sums do not determine them."""
    terms: dict[str, Any] = {"one": rows.known.cast("float64"), **{name: rows[name] for name in FEATURES}}
    names = list(terms)
    products = {f"{a}*{b}": terms[a] * terms[b] for i, a in enumerate(names) for b in names[i:]}
    products |= {f"{a}*y": terms[a] * target for a in names}
    sums = engine.row(rows.aggregate(**{key: value.sum() for key, value in products.items()}))
    sums = {key: float(value or 0) for key, value in sums.items()}
    if not sums["one*one"]:
        return None
    square = np.array([[sums.get(f"{a}*{b}", sums.get(f"{b}*{a}")) for b in names] for a in names], dtype=float)
    scale = np.sqrt(np.maximum(np.diag(square), 1e-12))
    right = np.array([sums[f"{a}*y"] for a in names])
    weights, *_ = np.linalg.lstsq(square / np.outer(scale, scale), right / scale, rcond=1e-10)
    return weights / scale


def _score(engine: Engine, rows: ir.Table, method: str) -> dict[str, Any]:
    predicted: Any = rows[f"{method}_amount"]
    purchases: Any = rows[f"{method}_purchases"]
    error: Any = predicted - rows.actual
    sums = engine.row(
        rows.aggregate(
            count=rows.count(),
            amount=predicted.sum(),
            purchases=purchases.sum(),
            actual=rows.actual.sum(),
            actual_purchases=rows.actual_purchases.sum(),
            absolute=error.abs().sum(),
            square=(error * error).sum(),
        )
    )
    sums = {name: float(value or 0) for name, value in sums.items()}
    return {
        "method": method,
        "amount": sums["amount"],
        "bias": _ratio(sums["amount"], sums["actual"]),
        "mae": sums["absolute"] / sums["count"],
        "rmse": float(np.sqrt(sums["square"] / sums["count"])),
        "gini": _gini(engine, rows, predicted),
        "purchases": sums["purchases"],
        "purchases_bias": _ratio(sums["purchases"], sums["actual_purchases"]),
    }


def _ratio(predicted: float, actual: float) -> float | None:
    return predicted / actual - 1.0 if actual > 0 else None


def _gini(engine: Engine, rows: ir.Table, predicted: Any) -> float | None:
    """Gini of the actual amounts in the order of the predictions over their Gini in their own order."""
    import ibis

    found = []
    for key in (predicted.round(6), rows.actual):
        order = ibis.window(order_by=[ibis.desc(key), rows.customer_id])
        ranked = rows.select("actual", rank=ibis.row_number().over(order))
        sums = engine.row(
            ranked.aggregate(
                count=ranked.count(),
                total=ranked.actual.sum(),
                weighted=(ranked.actual * (ranked["rank"] + 0.5)).sum(),
            )
        )
        count, total = sums["count"], float(sums["total"] or 0)
        found.append(1.0 - 2.0 * float(sums["weighted"] or 0) / (count * total) if total > 0 else 0.0)
    return found[0] / found[1] if found[1] > 0 else None


