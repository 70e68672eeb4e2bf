"""What if customers stayed longer, margins were higher, less were spent on them (A09)?

A finished run is calculated through again with changed levers; nothing is fitted or written. Of every customer:

    r    probability of staying one period more, from how the forecast declines: ((E_H / c_H) / (E_1 / c_1)) ^ (1 / (H - 1))
         with E_k the purchases expected in period k and c_k its length on the company's clock (its busy season taken
         out); of a forecast of one period only, P(alive) ^ (1 / (idle periods + 1)). Between 0.01 and 1.
    r'   r + retention, between 0 and 1
    f_k  (r' / r) ^ (k - 1/2): how many more are still there in the middle of period k
    amount_k'  = amount_k x f_k x (1 + amount)
    cost_k'    = (cost_k - margin x amount_k) x f_k x (1 + amount), not below 0
    expense_k' = expense_k x f_k x (1 + expense)

Periods after the run's horizon go on from its last one, in a normal season, with r per period.
"""  # noqa: E501

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine, open_engine
from kezhi.language import KezhiError, Text
from kezhi.ledger import SUM, as_sum
from kezhi.worth.layers import in_order, rules_of_a_run, tier_of_a_run

if TYPE_CHECKING:
    import ibis.expr.types as ir

LEAST_KEEP = 0.01
LONGEST = 600  # periods
BAND = (0.25, 0.85)
BAND_SOURCE = Text(
    "For reference only: Reichheld and Sasser (Zero Defections, Harvard Business Review, 1990) report that keeping 5 "
    "points more of their customers raised the profit of the branches they studied by 25 to 85%. The figures above are "
    "computed from this company's own customers and do not use it.",
    "仅供参考：赖克哈尔德与萨瑟（《哈佛商业评论》1990 年《零流失》）报告，在其研究的行业中，客户流失率降低 5 个百分点，"
    "利润上升 25%–85%。以上数字由本公司自己的客户算出，没有使用这一区间。",
)
TOLD = Text(
    "Over {periods} periods, gross profit would be {changed} instead of {base}: {effect} ({share}).",
    "未来 {periods} 期的毛利将为 {changed}（不变时为 {base}）：{effect}（{share}）。",
)
NO_CHANGE = Text("Nothing is changed, so nothing changes.", "没有改变任何条件，结果不变。")
WRONG = Text(
    "{name} cannot be changed by {given}: from {least} to {most} is possible (in Python, 0.05 is 5%).",
    "{name} 不能改变 {given}：可在 {least} 到 {most} 之间（在 Python 中 5% 写作 0.05）。",
)
WRONG_PERIODS = Text(
    "periods must be between 1 and {most}, not {given}.", "periods 必须在 1 到 {most} 之间，不能是 {given}。"
)
EVERYBODY = Text("all customers", "全部客户")
NO_RUN = Text("{folder} is not a finished run folder.", "{folder} 不是完整的运行结果文件夹。")


@dataclass(frozen=True)
class Levers:
    """What is changed: retention and margin in points (0.05: 5 points), expense and amount in shares (-0.1: 10 %)."""

    retention: float = 0.0
    margin: float = 0.0
    expense: float = 0.0
    amount: float = 0.0

    def __post_init__(self) -> None:
        for lever in fields(self):
            given = getattr(self, lever.name)
            most = 10.0 if lever.name in ("expense", "amount") else 1.0
            if not -1.0 <= given <= most:
                raise KezhiError(WRONG.fill(name=lever.name, least="-100%", most=f"{most:.0%}", given=f"{given:+.0%}"))

    def alone(self, name: str) -> Levers:
        """This lever only, the others left as they are."""
        return Levers(**{name: getattr(self, name)})

    @property
    def moved(self) -> tuple[str, ...]:
        """The levers that change something."""
        return tuple(lever.name for lever in fields(self) if getattr(self, lever.name))


@dataclass(frozen=True)
class Outcome:
    """Gross profit of some customers without and with the change; alone: the effect of every lever by itself.

    tier: its code, None for all customers; title: what it is called.
    """

    tier: str | None
    title: Text
    customers: int
    base: Decimal
    changed: Decimal
    alone: dict[str, Decimal]

    @property
    def effect(self) -> Decimal:
        """What the change adds."""
        return self.changed - self.base

    @property
    def share(self) -> float | None:
        """The effect as a share of what is there without it; None where that is not positive."""
        return float(self.effect / self.base) if self.base > 0 else None


@dataclass(frozen=True)
class WhatIf:
    """What a change would bring: for the company, and for each tier of the run (by forecast where it has none).

    keep: the probability of staying one period more, customers weighed by what they are forecast to spend; None where
    nothing is forecast.
    """

    levers: Levers
    periods: int
    horizon: int
    currency: str | None
    keep: float | None
    company: Outcome
    tiers: tuple[Outcome, ...]

    @property
    def sentence(self) -> Text:
        """The result in one sentence."""
        if not self.levers.moved:
            return NO_CHANGE
        one = self.company
        share = "–" if one.share is None else f"{one.share:+.1%}"
        effect = f"{one.effect:+,.0f}"
        return TOLD.fill(
            periods=self.periods, base=f"{one.base:,.0f}", changed=f"{one.changed:,.0f}", effect=effect, share=share
        )

    @property
    def reference(self) -> Text | None:
        """The band known from the literature, where retention is raised; nothing here is computed from it."""
        return BAND_SOURCE if self.levers.retention > 0 else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, money as text."""
        return {
            "levers": {lever.name: getattr(self.levers, lever.name) for lever in fields(self.levers)},
            "periods": self.periods,
            "horizon": self.horizon,
            "currency": self.currency,
            "keep": self.keep,
            "company": _plain(self.company),
            "tiers": [{"tier": one.tier, **_plain(one)} for one in self.tiers],
            "sentence": self.sentence.as_dict(),
            "reference": {"band": list(BAND), **self.reference.as_dict()} if self.reference else None,
        }


def _plain(one: Outcome) -> dict[str, Any]:
    return {
        "name": one.title.as_dict(),
        "customers": one.customers,
        "base": str(one.base),
        "changed": str(one.changed),
        "effect": str(one.effect),
        "share": one.share,
        "alone": {name: str(value) for name, value in one.alone.items()},
    }


def what_if(
    run: Any,
    *,
    retention: float = 0.0,
    margin: float = 0.0,
    expense: float = 0.0,
    amount: float = 0.0,
    periods: int | None = None,
    engine: Engine | None = None,
) -> WhatIf:
    """What a finished run's forecast would be if customers stayed longer, margins were higher, or less were spent.

    `run` is a Run or a run folder. retention and margin are in points (0.05: 5 points more), expense and amount per
    purchase in shares (-0.1: a tenth less). `periods` to look ahead, by default the run's horizon. The formula stands
    at the top of this module. Raises KezhiError for an impossible lever, or where there is no such run.

        kezhi.what_if("results", retention=0.05, expense=-0.10).company.effect
    """
    levers = Levers(retention, margin, expense, amount)
    folder = Path(getattr(run, "folder", run))
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        horizon = int(manifest["horizon"])
    except (OSError, ValueError, KeyError, TypeError):
        raise KezhiError(NO_RUN.fill(folder=folder)) from None
    ahead = horizon if periods is None else periods
    if not 1 <= ahead <= LONGEST:
        raise KezhiError(WRONG_PERIODS.fill(most=LONGEST, given=ahead))
    if engine is not None:
        return _calculated(engine, folder, manifest, levers, ahead)
    with open_engine() as opened:
        return _calculated(opened, folder, manifest, levers, ahead)


def _calculated(engine: Engine, folder: Path, manifest: dict[str, Any], levers: Levers, ahead: int) -> WhatIf:
    horizon = int(manifest["horizon"])
    rows = engine.store(_customers(engine, folder, horizon))
    scenarios = {"changed": levers} | {f"alone_{name}": levers.alone(name) for name in levers.moved}
    # a lever moves a customer's whole future, so that each scenario is a sum by step and one closed form beyond
    steps = _steps(engine, folder, rows, min(ahead, horizon))
    found = in_order(_by_tier(engine, steps, rows, scenarios, horizon, ahead))
    titles = rules_of_a_run(folder).titles
    tiers = tuple(_outcome(row, levers, titles[row["tier"]]) for row in found)
    company = _outcome(_added(found), levers, EVERYBODY)
    spent = sum(row["spent"] or 0.0 for row in found)
    keep = sum(row["kept"] or 0.0 for row in found) / spent if spent > 0 else None
    return WhatIf(levers, ahead, horizon, manifest.get("currency"), keep, company, tiers)


def _clock(folder: Path, horizon: int) -> tuple[float, float]:
    """The length of the first and of the last period on the company's clock; equal where the run does not tell."""
    try:
        lengths = json.loads((folder / "worth.json").read_text(encoding="utf-8"))["risk"]["clock"]
        first, last = float(lengths[0]), float(lengths[horizon - 1])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return 1.0, 1.0
    return (first, last) if first > 0 and last > 0 else (1.0, 1.0)


def _customers(engine: Engine, folder: Path, horizon: int) -> ir.Table:
    """customer_id, tier, keep (r), and what the last period of the forecast brings in a normal season."""
    import ibis

    first, last = _clock(folder, horizon)
    forecast = engine.read_parquet(folder / "forecast.parquet")
    ends = forecast.filter(forecast.step.isin([1, horizon]))
    at_end: Any = ends.step == horizon
    sums = ends.group_by("customer_id").aggregate(
        early=ends.expected_purchases.max(where=ends.step == 1),
        late=ends.expected_purchases.max(where=at_end),
        **{f"last_{name}": ends[name].max(where=at_end) for name in ("amount", "cost", "expense")},
    )
    known = engine.read_parquet(folder / "customers.parquet")
    known = tier_of_a_run(known, rules_of_a_run(folder)).select("customer_id", "tier", "p_alive", "idle_periods")
    rows = known.join(sums, "customer_id")
    decline: Any = (rows.late / last) / (rows.early / first).nullif(0.0)
    seen = decline ** (1.0 / max(horizon - 1, 1))
    implied: Any = rows.p_alive ** (1.0 / (rows.idle_periods.cast("float64") + 1.0))
    keep: Any = (seen if horizon > 1 else implied).coalesce(1.0)
    return rows.select(
        "customer_id",
        "tier",
        keep=ibis.greatest(ibis.least(keep, 1.0), LEAST_KEEP),
        **{f"last_{name}": rows[f"last_{name}"].cast("float64") / last for name in ("amount", "cost", "expense")},
    )


def _steps(engine: Engine, folder: Path, rows: ir.Table, until: int) -> ir.Table:
    forecast = engine.read_parquet(folder / "forecast.parquet")
    forecast = forecast.filter((forecast.step > 0) & (forecast.step <= until))
    wanted = forecast.select(
        "customer_id", "step", *(forecast[name].cast(SUM).name(name) for name in ("amount", "cost", "expense"))
    )
    return wanted.join(rows.select("customer_id", "tier", "keep"), "customer_id")


def _by_tier(
    engine: Engine, steps: ir.Table, rows: ir.Table, scenarios: dict[str, Levers], horizon: int, ahead: int
) -> list[dict[str, Any]]:
    values = {"base": as_sum(steps.amount - steps.cost - steps.expense)}
    values |= {name: _value(steps, steps.step, levers) for name, levers in scenarios.items()}
    spent: Any = steps.amount.cast("float64")
    sums = steps.mutate(**values, spent_now=spent, kept_now=spent * steps.keep)
    within = sums.group_by("tier").aggregate(
        **{name: sums[name].sum().cast(SUM) for name in values},
        # decimals, so that the order of rows makes no difference
        spent=sums.spent_now.cast(SUM).sum().cast("float64"),
        kept=sums.kept_now.cast(SUM).sum().cast("float64"),
    )
    counted = rows.group_by("tier").aggregate(customers=rows.count())
    found = {row["tier"]: row for row in engine.fetch(within.join(counted, "tier")).to_pylist()}
    if ahead > horizon and found:
        for row in engine.fetch(_beyond(rows, scenarios, horizon, ahead - horizon)).to_pylist():
            for name in values:
                found[row["tier"]][name] += row[name]
    return list(found.values())


def _factor(keep: Any, levers: Levers, power: Any) -> Any:
    """f_k; exactly 1 where retention is not changed."""
    import ibis

    if not levers.retention:
        return ibis.literal(1.0, type="float64")
    return (_moved_keep(keep, levers) / keep) ** power


def _moved_keep(keep: Any, levers: Levers) -> Any:
    import ibis

    return ibis.greatest(ibis.least(keep + levers.retention, 1.0), 0.0) if levers.retention else keep


def _value(rows: ir.Table, step: Any, levers: Levers) -> Any:
    """A period's gross profit under changed levers, as money."""
    return _net(rows.amount, rows.cost, rows.expense, _factor(rows.keep, levers, step.cast("float64") - 0.5), levers)


def _net(amount: Any, cost: Any, expense: Any, factor: Any, levers: Levers) -> Any:
    """What is not changed stays money to the last digit, so that no change has no effect at all."""
    import ibis

    if not levers.moved:
        return as_sum(amount - cost - expense)
    bought, paid, spent = amount.cast("float64"), cost.cast("float64"), expense.cast("float64")
    if levers.margin:
        paid = ibis.greatest(paid - levers.margin * bought, ibis.least(paid, 0.0))
    more = factor * (1.0 + levers.amount)
    parts = [(bought * more).cast(SUM), (paid * more).cast(SUM), (spent * factor * (1.0 + levers.expense)).cast(SUM)]
    return as_sum(parts[0] - parts[1] - parts[2])


def _beyond(rows: ir.Table, scenarios: dict[str, Levers], horizon: int, more: int) -> ir.Table:
    """The sums of `more` periods after the horizon: the last one goes on, r per period, a geometric series."""
    plain = Levers()
    values = {"base": plain, **scenarios}
    made = rows.mutate(**{name: _tail(rows, levers, horizon, more) for name, levers in values.items()})
    return made.group_by("tier").aggregate(**{name: made[name].sum().cast(SUM) for name in values})


def _tail(rows: ir.Table, levers: Levers, horizon: int, more: int) -> Any:
    import ibis

    keep = _moved_keep(rows.keep, levers)
    series = ibis.ifelse(keep < 1.0, keep * (1.0 - keep**more) / (1.0 - keep).nullif(0.0), float(more))
    times = series * _factor(rows.keep, levers, horizon - 0.5)
    whole = [(rows[f"last_{name}"] * times) for name in ("amount", "cost", "expense")]
    changed = Levers(margin=levers.margin, expense=levers.expense, amount=levers.amount)
    if not changed.moved:
        parts = [part.cast(SUM) for part in whole]
        return as_sum(parts[0] - parts[1] - parts[2])
    return _net(whole[0], whole[1], whole[2], ibis.literal(1.0, type="float64"), changed)


def _added(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = {name for row in rows for name in row} - {"tier"}
    return {"tier": None} | {name: sum(row[name] or 0 for row in rows) for name in names}


def _outcome(row: dict[str, Any], levers: Levers, title: Text) -> Outcome:
    base = Decimal(row.get("base") or 0)
    alone = {name: Decimal(row.get(f"alone_{name}") or 0) - base for name in levers.moved}
    return Outcome(row["tier"], title, int(row.get("customers") or 0), base, Decimal(row.get("changed") or 0), alone)
