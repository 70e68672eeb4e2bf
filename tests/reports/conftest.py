"""A small synthetic run folder that follows the contract of a run exactly, in several conditions."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine, open_engine
from reports.models_json import BACKTEST, EVENTS, FITS, LEARNED, NO_SEASON, OLD_BACKTEST, OLD_FITS, SEASON

AS_OF = date(2011, 12, 9)
NAMES = ("深圳华强电子有限公司", "李晓梅", "北京天坛商贸", "Müller & Söhne GmbH", 'O\'Brien "Best" Ltd')
HOSTILE = (
    "<script>alert('x')</script>",
    "=cmd()|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "</script><img src=http://x.test/y>",
)
MONEY = pa.decimal128(18, 4)
TOTAL = pa.decimal128(38, 4)


def cents(value: float) -> Decimal:
    return Decimal(round(value * 100)).scaleb(-2).quantize(Decimal("0.0001"))


class Maker:
    """Writes one run folder; the same arguments write the same bytes."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.customers = options.get("customers", 60)
        self.cost = options.get("cost", True)
        self.expense = options.get("expense", True)
        self.backtest = options.get("backtest", True)
        self.old = options.get("old", False)  # as kezhi 0.1 wrote it: one model, no lessons, no season
        self.method = options.get("method", "nbd" if self.old else "auto")
        self.season = options.get("season", True)
        self.hostile = options.get("hostile", False)
        self.bare = options.get("bare", False)
        self.currency = options.get("currency", "GBP")
        self.unfinished = options.get("unfinished", True)
        self.scale = options.get("scale", 1.0)
        self.random = random.Random(7)
        self.months = [date(2010 + (m + 11) // 12, (m + 11) % 12 + 1, 1) for m in range(13)]
        self.ahead = [date(2012, 1, 1), date(2012, 2, 1), date(2012, 3, 1)]
        self.periods: list[dict[str, Any]] = []
        self.forecast: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []

    def write(self) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        for number in range(self.customers):
            self._customer(number)
        self.rows.sort(key=lambda row: (-row["forecast_value"], row["customer_id"]))
        self._parquet("customers", self.rows, CUSTOMERS)
        self._parquet("periods", self.periods, PERIODS)
        self._parquet("forecast", self.forecast, FORECAST)
        if not self.bare:
            self._quarantine()
        self._json("manifest", self.manifest())
        self._json("models", self.models())
        return self.path

    def _parquet(self, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), self.path / f"{name}.parquet")

    def _json(self, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (self.path / f"{name}.json").write_text(text, encoding="utf-8")

    def _name(self, number: int) -> str | None:
        names = HOSTILE if self.hostile else NAMES
        return names[number] if number < len(names) else None if number % 4 == 0 else f"客户{number:03d}"

    def _customer(self, number: int) -> None:
        key = f"C{number:05d}"
        size = self.scale * self.random.lognormvariate(5.5, 1.1)
        past = [self._past(key, month, size) for month in self.months if self.random.random() < 0.45]
        past = past or [self._past(key, self.months[3], size)]
        self.periods += past
        spent = {k: sum((row[k] for row in past), Decimal(0)) for k in ("amount", "cost", "expense", "value")}
        last = past[-1]
        steps = [self._step(key, step, size, last["margin"]) for step in (1, 2, 3)]
        self.forecast += steps
        ahead = {
            f"forecast_{k}": sum((row[k] for row in steps), Decimal(0)) for k in ("amount", "cost", "expense", "value")
        }
        purchases = sum(row["purchases"] for row in past)
        idle = len([month for month in self.months[:-1] if month > last["period"]])
        value = float(ahead["forecast_value"])
        self.rows.append(
            {
                "customer_id": key,
                "name": self._name(number),
                "first_purchase": past[0]["period"],
                "last_purchase": min(last["period"] + timedelta(days=6), AS_OF),
                "tenure_days": (AS_OF - past[0]["period"]).days,
                "purchases": purchases,
                "active_periods": len(past),
                "idle_periods": idle,
                "last_frequency": last["purchases"],
                "last_mean_amount": last["mean_amount"],
                "last_margin": last["margin"],
                **spent,
                "margin": float(1 - spent["cost"] / spent["amount"]),
                "mean_amount": float(spent["amount"]) / purchases,
                "p_alive": 1.0,
                "expected_purchases": 1.2,
                **ahead,
                "forecast_value_lower": value * 0.4,
                "forecast_value_upper": value * 1.7,
                "flags": self._flags(number, purchases, spent["value"]),
            }
        )

    def _flags(self, number: int, purchases: int, value: Decimal) -> list[str]:
        flags = ["one_purchase"] if purchases == 1 else []
        flags += ["negative_value"] if value < 0 else []
        return flags + (["cost_missing"] if self.cost and number % 9 == 0 else [])

    def _past(self, key: str, month: date, size: float) -> dict[str, Any]:
        purchases = self.random.choice((1, 1, 1, 2, 3))
        amount = cents(size * purchases * self.random.uniform(0.6, 1.5) * (1 + month.month / 20))
        cost = cents(float(amount) * self.random.uniform(0.5, 0.7)) if self.cost else Decimal("0.0000")
        expense = cents(size * self.random.uniform(0.0, 0.3) + 6) if self.expense else Decimal("0.0000")
        return {
            "customer_id": key,
            "period": month,
            "purchases": purchases,
            "amount": amount,
            "mean_amount": float(amount) / purchases,
            "cost": cost,
            "expense": expense,
            "value": amount - cost - expense,
            "margin": float(1 - cost / amount),
        }

    def _step(self, key: str, step: int, size: float, margin: float) -> dict[str, Any]:
        amount = cents(size * 0.8 / step**0.2)
        cost = cents(float(amount) * (1 - margin))
        expense = cents(float(amount) * 0.06 + 2) if self.expense else Decimal("0.0000")
        value = amount - cost - expense
        factors = {"frequency": 2, "p_frequency": 0.36, "expected_amount": size, "p_amount": 0.5}
        return {
            "customer_id": key,
            "period": self.ahead[step - 1],
            "step": step,
            "method": self.method,
            "p_purchase": 0.45,
            "expected_purchases": 0.8,
            "mean_amount": size,
            "amount": amount,
            "margin": margin,
            "cost": cost,
            "expense": expense,
            "value": value,
            "value_lower": float(value) * 0.4,
            "value_upper": float(value) * 1.7,
            **(factors if self.method == "transition" else dict.fromkeys(factors)),
        }

    def _quarantine(self) -> None:
        (self.path / "quarantine").mkdir(exist_ok=True)
        rows = [
            {"file": "orders.csv", "row": 2 + n, "rule": "no_customer", "column": "CustomerID", "seen": ""}
            for n in range(40)
        ] + [{"file": "orders.csv", "row": 99, "rule": "bad_date", "column": "date", "seen": "=HYPERLINK(1)"}]
        columns = [("file", pa.string()), ("row", pa.int64())]
        schema = pa.schema([*columns, *((n, pa.string()) for n in ("rule", "column", "seen"))])
        self._parquet("quarantine/orders", rows, schema)

    def _sums(self, rows: list[dict[str, Any]]) -> dict[str, Decimal]:
        return {k: sum((row[k] for row in rows), Decimal(0)) for k in ("amount", "cost", "expense", "value")}

    def manifest(self) -> dict[str, Any]:
        sums = {k: str(v) for k, v in self._sums(self.rows).items()}
        purchases = sum(row["purchases"] for row in self.rows)
        return {
            "kezhi": "0.1.0",
            "run": "2026-11-22T101500Z",
            "created": "2026-11-22T10:15:00+00:00",
            "as_of": AS_OF.isoformat(),
            "period": "month",
            "fiscal_start": 1,
            "horizon": 3,
            "currency": self.currency,
            "language": "en",
            "settings": {"model": "auto", "share_by": "amount"} | ({} if self.old or self.bare else {"events": EVENTS}),
            "cost_known": self.cost,
            "expense_known": self.expense,
            "subtract_cost": True,
            "subtract_expense": True,
            "inputs": [] if self.bare else [INPUT],
            "rows": {} if self.bare else {"orders": ROWS},
            "totals": {"customers": len(self.rows), "purchases": purchases, **sums},
            "warnings": [] if self.bare else [WARNING],
            "seconds": {"ledger": 0.5, "fit": 0.2},
            "versions": {"python": "3.11", "duckdb": "2.0", "ibis": "12", "numpy": "2", "scipy": "1.17"},
        }

    def models(self) -> dict[str, Any]:
        thin = {} if self.bare else OLD_FITS if self.old else FITS | {"learned": LEARNED}
        if not self.bare and not self.old:
            thin = thin | {"season": SEASON if self.season else NO_SEASON}
        backtest = OLD_BACKTEST if self.old else BACKTEST
        return {
            "method": self.method,
            "requested": "auto",
            "reason": {"en": "It came closer in the backtest.", "zh": "回测误差较小。"},
            **thin,
            "backtest": backtest if self.backtest and not self.bare else None,
            "company": self.company(),
        }

    def company(self) -> dict[str, Any]:
        history = [self._month(month) for month in self.months if any(r["period"] == month for r in self.periods)]
        ahead = []
        for month in self.ahead:
            sums = self._sums([row for row in self.forecast if row["period"] == month])
            ahead.append({"period": month.isoformat(), **plain(sums), **interval(sums["value"], 0.12)})
        total = self._sums(self.forecast)
        values = sorted((row["value"] for row in self.rows), reverse=True)
        curve = self._curve(values)
        return {
            "history": history,
            "forecast": ahead,
            "total": {**plain(total), **interval(total["value"], 0.08)},
            "current": {"period": "2011-12-01", "amount": "900.0000", "value": "300.0000"} if self.unfinished else None,
            "concentration": curve,
            "top20_share": share_of(curve, 0.2),
            "top10_share": share_of(curve, 0.1),
        }

    def _month(self, month: date) -> dict[str, Any]:
        rows = [row for row in self.periods if row["period"] == month]
        return {
            "period": month.isoformat(),
            "purchases": sum(row["purchases"] for row in rows),
            "customers": len(rows),
            **plain(self._sums(rows)),
            "complete": month != self.months[-1] or not self.unfinished,
        }

    def _curve(self, values: list[Decimal]) -> list[dict[str, float]]:
        total = sum(values, Decimal(0)) or Decimal(1)
        points, running = [], Decimal(0)
        for rank, value in enumerate(values, 1):
            running += value
            points.append({"customers": rank / len(values), "value": float(running / total)})
        return points


def share_of(curve: list[dict[str, float]], share: float) -> float:
    return max((point["value"] for point in curve if point["customers"] <= share + 1e-9), default=0.0)


def plain(sums: dict[str, Decimal]) -> dict[str, str]:
    return {key: str(value) for key, value in sums.items()}


def interval(value: Decimal, width: float) -> dict[str, float]:
    return {"value_lower": float(value) * (1 - width), "value_upper": float(value) * (1 + width)}


_KEY = [("customer_id", pa.string())]
_ACCOUNT = [(name, MONEY) for name in ("amount", "cost", "expense", "value")]
PERIODS = pa.schema(
    [
        *_KEY,
        ("period", pa.date32()),
        ("purchases", pa.int64()),
        ("amount", MONEY),
        ("mean_amount", pa.float64()),
        ("cost", MONEY),
        ("expense", MONEY),
        ("value", MONEY),
        ("margin", pa.float64()),
    ]
)
FORECAST = pa.schema(
    [
        *_KEY,
        ("period", pa.date32()),
        ("step", pa.int64()),
        ("method", pa.string()),
        ("p_purchase", pa.float64()),
        ("expected_purchases", pa.float64()),
        ("mean_amount", pa.float64()),
        ("amount", MONEY),
        ("margin", pa.float64()),
        ("cost", MONEY),
        ("expense", MONEY),
        ("value", MONEY),
        ("value_lower", pa.float64()),
        ("value_upper", pa.float64()),
        ("frequency", pa.int64()),
        ("p_frequency", pa.float64()),
        ("expected_amount", pa.float64()),
        ("p_amount", pa.float64()),
    ]
)
CUSTOMERS = pa.schema(
    [
        *_KEY,
        ("name", pa.string()),
        ("first_purchase", pa.date32()),
        ("last_purchase", pa.date32()),
        *((n, pa.int64()) for n in ("tenure_days", "purchases", "active_periods", "idle_periods", "last_frequency")),
        ("last_mean_amount", pa.float64()),
        ("last_margin", pa.float64()),
        *((n, TOTAL) for n in ("amount", "cost", "expense", "value")),
        *((n, pa.float64()) for n in ("margin", "mean_amount", "p_alive", "expected_purchases")),
        *((f"forecast_{n}", TOTAL) for n in ("amount", "cost", "expense", "value")),
        ("forecast_value_lower", pa.float64()),
        ("forecast_value_upper", pa.float64()),
        ("flags", pa.list_(pa.string())),
    ]
)
WARNING = {
    "code": "short_history",
    "en": "Only 12 complete months are known: a yearly season cannot be seen.",
    "zh": "完整的历史只有 12 个月，看不出全年季节变化。",
}
INPUT = {
    "table": "orders",
    "file": "orders.csv",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "bytes": 45_580_638,
    "format": "csv",
    "encoding": "utf-8",
    "rows": 541_909,
    "columns": [{"field": "customer_id", "column": "CustomerID", "how": "name"}],
}
ROWS = {
    "read": 541_909,
    "accepted": 406_829,
    "quarantined": 135_080,
    "after_as_of": 12,
    "kinds": [
        {"kind": "sale", "rows": 397_884, "amount": "8911407.9040"},
        {"kind": "return", "rows": 8_872, "amount": "-610405.4800"},
        {"kind": "cancellation", "rows": 33, "amount": "-678.1000"},
        {"kind": "zero", "rows": 40, "amount": "0.0000"},
    ],
    "rules": [
        {
            "rule": "no_customer",
            "en": "No customer id",
            "zh": "缺少客户编号",
            "rows": 135_079,
            "returns": 383,
            "amount": "1447682.1200",
        },
        {
            "rule": "bad_date",
            "en": "Date cannot be read",
            "zh": "日期无法识别",
            "rows": 1,
            "returns": 0,
            "amount": None,
        },
    ],
}


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with open_engine(threads=2, memory_limit="1GiB") as opened:
        yield opened


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A run folder with the wanted conditions; made once for each."""
    made: dict[str, Path] = {}

    def make(**options: Any) -> Path:
        key = json.dumps(options, sort_keys=True)
        if key not in made:
            made[key] = Maker(tmp_path_factory.mktemp("run") / "run", **options).write()
        return made[key]

    return make
