"""Value for the customer, in pure calculation (V23-V25): what they get for what it costs them.

Not to be taken for what the customer is worth to the company.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kezhi.language import KezhiError, Text

VALUES = {
    "product": Text("product value", "产品价值"),
    "service": Text("service value", "服务价值"),
    "staff": Text("staff value", "人员价值"),
    "image": Text("image value", "形象价值"),
}
COSTS = {
    "money": Text("money cost", "货币成本"),
    "time": Text("time cost", "时间成本"),
    "energy": Text("energy cost", "精力成本"),
    "physical": Text("physical cost", "体力成本"),
}
_NOT_NEGATIVE = Text(
    "{name} must be a number of 0 or more, not {given}.", "{name} 必须是不小于 0 的数，不能是 {given}。"
)
_POSITIVE = Text("{name} must be a number above 0, not {given}.", "{name} 必须是大于 0 的数，不能是 {given}。")


def _checked(name: str, given: float, *, positive: bool = False) -> float:
    """The number, if it is one; neither infinite nor below its limit."""
    good = isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < float("inf")
    if not good or (positive and given == 0):
        raise KezhiError((_POSITIVE if positive else _NOT_NEGATIVE).fill(name=name, given=given))
    return float(given)


# --- Kotler: delivered value ------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeliveredValue:
    """What customers get against what they give for it, on one scale."""

    values: Mapping[str, float]
    costs: Mapping[str, float]

    @property
    def value(self) -> float:
        """Total customer value."""
        return sum(self.values.values())

    @property
    def cost(self) -> float:
        """Total customer cost."""
        return sum(self.costs.values())

    @property
    def difference(self) -> float:
        """Delivered value: total value less total cost."""
        return self.value - self.cost

    @property
    def ratio(self) -> float | None:
        """Total value divided by total cost; None where it costs nothing."""
        return self.value / self.cost if self.cost > 0 else None

    @property
    def sentence(self) -> Text:
        """The result in one sentence."""
        figures = {
            "value": f"{self.value:.4g}",
            "cost": f"{self.cost:.4g}",
            "difference": f"{self.difference:+.4g}",
            "ratio": "–" if self.ratio is None else f"{self.ratio:.3g}",
        }
        return Text(
            "Customers get {value} for {cost}: a delivered value of {difference}, or {ratio} times what it costs them.",
            "客户得到 {value}，付出 {cost}：让渡价值 {difference}，所得是付出的 {ratio} 倍。",
        ).fill(**figures)


def delivered_value(
    *,
    product: float = 0.0,
    service: float = 0.0,
    staff: float = 0.0,
    image: float = 0.0,
    money: float = 0.0,
    time: float = 0.0,
    energy: float = 0.0,
    physical: float = 0.0,
) -> DeliveredValue:
    """Customer delivered value after Kotler: four values that a customer gets, four costs that the customer bears.

    All on the same scale, 0 or more. Raises KezhiError for anything else.

    >>> found = delivered_value(product=4, service=3, staff=2, image=1, money=5, time=1, energy=1, physical=1)
    >>> found.difference, found.ratio
    (2.0, 1.25)
    """
    values = {"product": product, "service": service, "staff": staff, "image": image}
    costs = {"money": money, "time": time, "energy": energy, "physical": physical}
    return DeliveredValue(
        {name: _checked(name, given) for name, given in values.items()},
        {name: _checked(name, given) for name, given in costs.items()},
    )


# --- Gale: market-perceived quality -----------------------------------------------------------------------


@dataclass(frozen=True)
class PerceivedValue:
    """Quality as the market sees it, against the price: 1 is what competitors offer on the average.

    weights add up to 1; ratios are the company's scores divided by those of its competitors.
    """

    weights: Mapping[str, float]
    ratios: Mapping[str, float]
    price: float | None

    @property
    def quality(self) -> float:
        """Market-perceived quality ratio."""
        return sum(weight * self.ratios[name] for name, weight in self.weights.items())

    @property
    def value(self) -> float | None:
        """Quality divided by relative price; above 1, customers get more for their money than elsewhere."""
        return None if self.price is None else self.quality / self.price

    @property
    def sentence(self) -> Text:
        """The result in one sentence."""
        quality = Text(
            f"Quality as customers see it is {self.quality:.3g} times that of the competitors",
            f"客户感知的质量是竞争对手的 {self.quality:.3g} 倍",
        )
        if self.price is None or self.value is None:
            return Text(quality.en + ".", quality.zh + "。")
        better = Text("more", "更多") if self.value > 1 else Text("less", "更少") if self.value < 1 else None
        more = Text(
            f"{quality.en}, at {self.price:.3g} times their price: a value of {self.value:.3g}, ",
            f"{quality.zh}，价格是其 {self.price:.3g} 倍：价值为 {self.value:.3g}，",
        )
        if better is None:
            return Text(more.en + "as much for their money as elsewhere.", more.zh + "与别处一样。")
        return Text(
            f"{more.en}{better.en} for their money than elsewhere.", f"{more.zh}同样的钱得到的比别处{better.zh}。"
        )


def perceived_value(
    weights: Mapping[str, float], ratios: Mapping[str, float], *, price: float | None = None
) -> PerceivedValue:
    """Market-perceived quality after Gale: weights x (our score / theirs), and value = quality / relative price.

    `weights` and `ratios` by dimension; weights are scaled to add up to 1; `price` is ours divided by the competitors'.
    Raises KezhiError where a dimension has a weight but no ratio, or a number is impossible.

    >>> found = perceived_value({"quality": 0.6, "service": 0.4}, {"quality": 1.2, "service": 1.0}, price=1.05)
    >>> round(found.quality, 6), round(found.value, 3)
    (1.12, 1.067)
    """
    known = {name: _checked(name, given) for name, given in weights.items()}
    total = sum(known.values())
    if total <= 0:
        raise KezhiError(Text("Give at least one dimension a weight above 0.", "至少一个维度的权重要大于 0。"))
    wanted = {name: weight / total for name, weight in known.items() if weight > 0}
    missing = [name for name in wanted if name not in ratios]
    if missing:
        raise KezhiError(
            Text("There is no score to compare for {name}.", "{name} 没有可比较的得分。").fill(name=", ".join(missing))
        )
    return PerceivedValue(
        wanted,
        {name: _checked(name, ratios[name], positive=True) for name in wanted},
        None if price is None else _checked("price", price, positive=True),
    )


# --- Anderson and Narus: value in business markets --------------------------------------------------------


@dataclass(frozen=True)
class ValueSheet:
    """What an offer is worth to a business customer in money, less what it costs."""

    benefits: Mapping[str, float]
    price: float

    @property
    def worth(self) -> float:
        """The sum of the benefits."""
        return sum(self.benefits.values())

    @property
    def value(self) -> float:
        """Benefits less price: why to buy."""
        return self.worth - self.price

    @property
    def sentence(self) -> Text:
        """The result in one sentence."""
        return Text(
            "The offer is worth {worth} to the customer and costs {price}: {value} is left.",
            "该产品或服务对客户值 {worth}，价格 {price}：客户净得 {value}。",
        ).fill(worth=f"{self.worth:,g}", price=f"{self.price:,g}", value=f"{self.value:,g}")


def value_sheet(
    *, economic: float = 0.0, technical: float = 0.0, service: float = 0.0, social: float = 0.0, price: float
) -> ValueSheet:
    """Value in business markets after Anderson and Narus: four classes of benefits in money, less the price.

    >>> value_sheet(economic=100, technical=50, service=30, social=20, price=150).value
    50.0
    """
    benefits = {"economic": economic, "technical": technical, "service": service, "social": social}
    return ValueSheet({name: _checked(name, given) for name, given in benefits.items()}, _checked("price", price))
