"""Why a customer's forecast is what it is: factor by factor, so that anybody can reckon it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from kezhi.language import Text
from kezhi.reports.customer_value import Basis
from kezhi.reports.numbers import MINUS, grouped, percent, period_label, rounded
from kezhi_web.customers.one import Account
from kezhi_web.words import spoken

FINEST = 12  # decimals to which a factor is written at most
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Step:
    """One period ahead: its figures as they are written, and the sentences that lead from one to the next."""

    period: str
    row: Mapping[str, Any]
    shown: Mapping[str, str]
    sentences: tuple[Text, ...]


def steps_of(account: Account) -> list[Step]:
    """The periods of the forecast; each product and difference holds for the figures exactly as written."""
    return [_step(row, account) for row in account.forecast]


def label(account: Account, first: date) -> str:
    """A period as people call it."""
    manifest = account.run.manifest
    return period_label(first, account.run.period, int(manifest.get("fiscal_start", 1)), spoken())


def _step(row: dict[str, Any], account: Account) -> Step:
    figures = written(row)
    return Step(label(account, row["period"]), row, figures, tuple(_sentences(row, figures, account.basis)))


def written(row: Mapping[str, Any]) -> dict[str, str]:
    """Factors with as many decimals as it takes until products and difference come out as written.

    Sums of money have two decimals where that is enough, else four, which are all that the run has.
    """
    computed = row.get("amount_computed")
    bought = row["amount"] if computed is None else computed
    gross = row["amount"] - row["cost"]
    for money in (2, 4):
        whole = money == 4
        factors = _agreeing(row["expected_purchases"], row["mean_amount"], bought, money, whole=whole)
        margin = _share(row["amount"], row["margin"], gross, money, whole=whole)
        fits = rounded(gross, money) - rounded(row["expense"], money) == rounded(row["value"], money)
        if whole or (fits and factors and margin):
            break
    count, mean = factors or (grouped(row["expected_purchases"], FINEST), grouped(row["mean_amount"], FINEST))
    return {
        "p_purchase": percent(row.get("p_purchase"), 1),
        "times": _readable(row["expected_purchases"]),
        "expected_purchases": count,
        "each": grouped(row["mean_amount"], 2),
        "mean_amount": mean,
        "bought": grouped(bought, money),
        "amount": grouped(row["amount"], money),
        "left": percent(row["margin"], 1),
        "margin": margin or percent(row["margin"], FINEST),
        "gross": grouped(gross, money),
        "expense": grouped(row["expense"], money),
        "value": grouped(row["value"], money),
    }


def _readable(count: float) -> str:
    """Two decimals; of small counts two digits that say something."""
    digits = 2
    while 0 < count < 10.0 ** (1 - digits) and digits < FINEST:
        digits += 1
    return grouped(count, digits)


def _agreeing(count: float, mean: float, product: Any, money: int, *, whole: bool) -> tuple[str, str] | None:
    """Both factors with the fewest decimals, together, whose product is the amount as written; None where none are.

    whole: the amount is not rounded further, so a mean that was itself rounded may be put right by what comes out.
    """
    wanted = rounded(product, money)
    means = (mean, float(product) / count) if whole and count else (mean,)
    for both in range(4, 2 * FINEST):
        for digits in range(2, min(both - 2, FINEST) + 1):
            of_count = rounded(count, min(both - digits, FINEST))
            for one in means:
                if rounded(of_count * rounded(one, digits), money) == wanted:
                    return grouped(of_count, min(both - digits, FINEST)), grouped(one, digits)
    return None


def _share(amount: Any, margin: float, gross: Any, money: int, *, whole: bool) -> str | None:
    """The margin with the fewest decimals with which the amount as written gives the gross profit as written.

    whole: neither is rounded further; where the cost was, what is really left of the amount takes the margin's place.
    """
    wanted, shares = rounded(gross, money), [Decimal(str(margin))]
    if whole and amount:
        shares.append(Decimal(gross) / Decimal(amount))
    for digits in range(1, FINEST + 1):
        for one in shares:
            share = rounded(one * HUNDRED, digits) / HUNDRED
            if rounded(rounded(amount, money) * share, money) == wanted:
                return percent(share, digits)
    return None


def _sentences(row: Mapping[str, Any], figures: Mapping[str, str], basis: Basis) -> list[Text]:
    said = [BUYS.fill(**figures)]
    if row.get("frequency") is not None and row["step"] == 1:
        said.append(_rule(row))
    said.append(BRINGS.fill(**figures))
    if row.get("amount_computed") is not None and row["amount_computed"] != row["amount"]:
        said.append(CORRECTED_AMOUNT.fill(**figures))
    margin = row.get("margin_computed")
    if margin is not None and margin != row["margin"]:
        said.append(CORRECTED_MARGIN.fill(computed=percent(margin, 1), margin=figures["margin"]))
    said.append(LEAVES.fill(**figures) if basis.cost or row["cost"] else NO_COST if basis.subtract_cost else COST_KEPT)
    expense = row.get("expense_computed")
    if expense is not None and expense != row["expense"]:
        said.append(CORRECTED_EXPENSE.fill(computed=grouped(expense, 2), expense=figures["expense"]))
    if basis.expense or row["expense"]:
        said.append(COSTS.fill(minus=MINUS, **figures))
    else:
        said.append((NO_EXPENSE if basis.subtract_expense else EXPENSE_KEPT).fill(**figures))
    return said


def _rule(row: Mapping[str, Any]) -> Text:
    frequency, amount = grouped(row["frequency"]), grouped(row.get("expected_amount"), 2)
    return RULE.fill(
        frequency=frequency,
        p_frequency=percent(row.get("p_frequency"), 1),
        expected_amount=amount,
        p_amount=percent(row.get("p_amount"), 1),
    )


BUYS = Text(
    "They will buy about {times} times on average; the chance that they buy at all in this period is {p_purchase}.",
    "平均预计购买约 {times} 次；本期至少购买一次的概率为 {p_purchase}。",
)
RULE = Text(
    "The transition rule expects {frequency} purchases (probability {p_frequency}) of {expected_amount} each "
    "(probability {p_amount}).",
    "移转规则预计购买 {frequency} 次（概率 {p_frequency}），每次 {expected_amount}（概率 {p_amount}）。",
)
BRINGS = Text(
    "One purchase is expected to bring {each}: {expected_purchases} × {mean_amount} = {bought}.",
    "预计每次购买 {each}：{expected_purchases} × {mean_amount} = {bought}。",
)
CORRECTED_AMOUNT = Text(
    "Management corrected the purchase amount from {bought} to {amount}.",
    "管理层将购买金额由 {bought} 修正为 {amount}。",
)
CORRECTED_MARGIN = Text(
    "Management corrected the margin from {computed} to {margin}.", "管理层将毛利率由 {computed} 修正为 {margin}。"
)
LEAVES = Text(
    "Of every purchase {left} is left after the cost of the goods: {amount} × {margin} = {gross}.",
    "扣除产品成本后还剩 {left}：{amount} × {margin} = {gross}。",
)
NO_COST = Text("No product cost is known, so none is taken off.", "没有产品成本数据，因此未扣除成本。")
COST_KEPT = Text("The settings ask not to take off product cost.", "按设置不扣除产品成本。")
NO_EXPENSE = Text(
    "No relationship expense is known, so none is taken off: {value} is forecast.",
    "没有关系营销费用数据，因此未扣除费用：预测为 {value}。",
)
EXPENSE_KEPT = Text(
    "The settings ask not to take off relationship expense: {value} is forecast.",
    "按设置不扣除关系营销费用：预测为 {value}。",
)
CORRECTED_EXPENSE = Text(
    "Management corrected the relationship expense from {computed} to {expense}.",
    "管理层将关系营销费用由 {computed} 修正为 {expense}。",
)
COSTS = Text(
    "Keeping the relationship costs {expense}: {gross} {minus} {expense} = {value}.",
    "维系关系预计花费 {expense}：{gross} {minus} {expense} = {value}。",
)
