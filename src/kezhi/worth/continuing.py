"""The continuing-value calculator: one customer's whole life as a sum whose every term is shown.

    continuing value = purchases × mean amount × share that is left - cost to acquire - other costs + referral income

The terms are typed in, or read from a run. Source: the mission's document on customer continuing value, in which a
discount rate is optional and off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kezhi.engine import open_engine
from kezhi.language import KezhiError, Text
from kezhi.models.discounting import annuity

NOT_NEGATIVE = Text("{name} must be a number and not negative.", "{name} 必须是不小于 0 的数。")
NEEDS_YEARS = Text(
    "With a discount rate, say over how many years the purchases come (years, above 0).",
    "使用折现率时，请说明购买分布在多少年内（years，大于 0）。",
)
UNKNOWN_CUSTOMER = Text("The run {run} has no customer {customer}.", "运行 {run} 中没有客户 {customer}。")
OLD_RUN = Text(
    "The run {run} has no lifetime value; make a new one with kezhi run.",
    "运行 {run} 中没有生命周期价值；请用 kezhi run 重新运行。",
)


@dataclass(frozen=True)
class ContinuingValue:
    """The terms, as typed in or read, and what follows from them; money in the company's currency.

    margin: what is left of a purchase after product cost, 1 where only revenue is looked at. other_cost: to sell, to
    serve, to keep. discount_rate a year, with `years` over which purchases and referral income come evenly; the cost
    to acquire is paid at the beginning.
    """

    purchases: float
    mean_amount: float
    acquisition_cost: float = 0.0
    referral_income: float = 0.0
    margin: float = 1.0
    other_cost: float = 0.0
    discount_rate: float | None = None
    years: float | None = None

    @property
    def own_amount(self) -> float:
        """Purchases × mean amount: the narrow view, the customer's own purchases as revenue (V22)."""
        return self.purchases * self.mean_amount

    @property
    def own_income(self) -> float:
        """What is left of it after product cost."""
        return self.own_amount * self.margin

    @property
    def discount_factor(self) -> float:
        """What money that comes evenly over the years is worth at their beginning; 1 without a rate."""
        if not self.discount_rate or not self.years:
            return 1.0
        return annuity(self.discount_rate, self.years) / self.years

    @property
    def value(self) -> float:
        """The continuing value: the wide view, after costs and with what referred customers brought (V22)."""
        yearly = self.own_income - self.other_cost + self.referral_income
        return yearly * self.discount_factor - self.acquisition_cost

    @property
    def sentence(self) -> Text:
        """The whole sum in one sentence."""
        en = [f"{_plain(self.purchases)} purchases × {_money(self.mean_amount)}"]
        zh = [f"{_plain(self.purchases)} 次购买 × {_money(self.mean_amount)}"]
        if self.margin != 1:
            en[0] += f" × margin {self.margin:.1%}"
            zh[0] += f" × 毛利率 {self.margin:.1%}"
        for amount, sign, english, chinese in (
            (self.other_cost, "−", "to sell and to serve", "销售与服务成本"),
            (self.referral_income, "+", "from referred customers", "推荐客户净收入"),
        ):
            if amount:
                en.append(f"{sign} {_money(amount)} {english}")
                zh.append(f"{sign} {chinese} {_money(amount)}")
        if self.discount_factor != 1:
            factor, rate = f"{self.discount_factor:.4f}", f"{self.discount_rate:.1%}"
            en = [f"({' '.join(en)}) × {factor} for {rate} a year"]
            zh = [f"（{' '.join(zh)}）× {factor}（年折现率 {rate}）"]
        en.append(f"− {_money(self.acquisition_cost)} to acquire")
        zh.append(f"− 获取成本 {_money(self.acquisition_cost)}")
        whole = Text("{terms} = {value}.", "{terms} = {value}。")
        value = _money(self.value)
        return Text(
            whole.fill(terms=" ".join(en), value=value).en,
            whole.fill(terms=" ".join(zh), value=value).zh,
        )

    def as_dict(self) -> dict[str, Any]:
        """Every term, what follows from it, and the sentence in both languages."""
        made = ("own_amount", "own_income", "discount_factor", "value")
        return asdict(self) | {name: getattr(self, name) for name in made} | self.sentence.as_dict()


def continuing_value(
    purchases: float,
    mean_amount: float,
    acquisition_cost: float = 0.0,
    referral_income: float = 0.0,
    *,
    margin: float = 1.0,
    other_cost: float = 0.0,
    discount_rate: float | None = None,
    years: float | None = None,
) -> ContinuingValue:
    """A customer's continuing value from its terms; the result shows each of them.

    `discount_rate` is a year's (0.1 for 10 %), off by default, and needs `years`, over which purchases and referral
    income come evenly. Raises KezhiError for a term that makes no sense.

    >>> continuing_value(9, 5950 / 9, acquisition_cost=1250, referral_income=8100).value
    12800.0
    """
    made = ContinuingValue(
        float(purchases),
        float(mean_amount),
        float(acquisition_cost),
        float(referral_income),
        float(margin),
        float(other_cost),
        discount_rate,
        years,
    )
    for name in ("purchases", "mean_amount", "acquisition_cost", "other_cost", "discount_rate", "years"):
        given = getattr(made, name)
        if given is not None and not 0 <= given < float("inf"):
            raise KezhiError(NOT_NEGATIVE.fill(name=name))
    if discount_rate and not years:
        raise KezhiError(NEEDS_YEARS)
    return made


def continuing_value_of(run: Path, customer: str, changed: Mapping[str, float | None] | None = None) -> ContinuingValue:
    """A customer's terms from a run folder, those replaced that are given in `changed` (not None).

    Purchases: made so far and expected until the lifetime horizon, in today's worth. Mean amount, margin, costs and
    what referred customers brought: so far. Raises KezhiError where the run or the customer does not say it.
    """
    with open_engine() as engine:
        rows = engine.read_parquet(run / "customers.parquet")
        if "lifetime_value" not in rows.columns:
            raise KezhiError(OLD_RUN.fill(run=run.name))
        names = ("purchases", "residual_purchases", "mean_amount", "margin", "expense", "acquisition_cost")
        more = [name for name in ("referred_value",) if name in rows.columns]
        found = engine.fetch(rows.filter(rows.customer_id == customer).select(*names, *more)).to_pylist()
        parts = _spent(engine, run / "lifetime.parquet", customer)
    if not found:
        raise KezhiError(UNKNOWN_CUSTOMER.fill(run=run.name, customer=customer))
    row = {name: float(value) if value is not None else None for name, value in found[0].items()}
    terms = {
        "purchases": (row["purchases"] or 0.0) + (row["residual_purchases"] or 0.0),
        "mean_amount": row["mean_amount"] or 0.0,
        "acquisition_cost": row["acquisition_cost"] or 0.0,
        "referral_income": row.get("referred_value") or 0.0,
        "margin": 1.0 if row["margin"] is None else row["margin"],
        "other_cost": max(parts if parts is not None else row["expense"] or 0.0, 0.0),
    }
    terms |= {name: value for name, value in (changed or {}).items() if value is not None}
    return continuing_value(**terms)


def _spent(engine: Any, path: Path, customer: str) -> float | None:
    """What was spent on a customer apart from acquisition; None where the run does not tell kinds of cost apart."""
    if not path.exists():
        return None
    rows = engine.read_parquet(path)
    kinds: Any = rows.cost_to_market + rows.cost_to_sell + rows.cost_to_serve + rows.cost_to_keep + rows.other_cost
    found = engine.fetch(rows.filter(rows.customer_id == customer).select(spent=kinds.cast("float64"))).to_pylist()
    return found[0]["spent"] if found else None


def _plain(number: float) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def _money(amount: float) -> str:
    return f"{amount:,.2f}"
