"""What if customers stayed longer, margins or prices rose? And what is one customer worth, term by term?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import count_of_periods, currency_name
from kezhi_web.corrections import calculating
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Shown, workspace
from kezhi_web.typed import number_of
from kezhi_web.words import spoken

# name: title, help, smallest, largest and step of the slider
LEVERS: dict[str, tuple[Text, Text, float, float, float]] = {
    "retention": (
        Text("Retention, points", "留客率（百分点）"),
        Text("of customers who stay from one period to the next", "每期留下的客户比例"),
        *(-20.0, 20.0, 0.5),
    ),
    "margin": (
        Text("Margin, points", "毛利率（百分点）"),
        Text(
            "of the purchase amount left after product cost; so does a price that many per cent higher, if as much is "
            "bought",
            "扣除产品成本后的比例；若销量不变，涨价同样的百分比效果相同",
        ),
        *(-20.0, 20.0, 0.5),
    ),
    "amount": (
        Text("Amount of a purchase, %", "每次购买金额（%）"),
        Text(
            "as many purchases of more goods each; product cost changes alike",
            "购买次数不变、每次买得更多，成本同比变化",
        ),
        *(-30.0, 30.0, 1.0),
    ),
    "expense": (
        Text("Relationship expense, %", "关系营销费用（%）"),
        Text("what is spent on serving and keeping customers", "用于服务和维系客户的支出"),
        *(-50.0, 50.0, 1.0),
    ),
}
LARGEST = {"retention": 100.0, "margin": 100.0, "amount": 1000.0, "expense": 1000.0}
WRONG = Text("{name} must be a number from −100 to {most}.", "{name}必须是 −100 到 {most} 之间的数。")
WRONG_PERIODS = Text("The periods to look ahead must be from 1 to 60.", "展望期数须在 1 到 60 之间。")
NAMES = {name: lever[0] for name, lever in LEVERS.items()}

TERMS: dict[str, Text] = {
    "purchases": Text("Purchases over the life", "生命周期内购买次数"),
    "mean_amount": Text("Mean amount of a purchase", "平均每次购买金额"),
    "margin": Text("Left after product cost, %", "扣除产品成本后所剩（%）"),
    "other_cost": Text("To sell, to serve, to keep", "销售、服务与维系成本"),
    "referral_income": Text("Net income from referred customers", "推荐客户净收入"),
    "acquisition_cost": Text("Cost to acquire", "获取成本"),
    "discount_rate": Text("Discount rate, % a year", "年折现率（%）"),
    "years": Text("Years over which purchases come", "购买分布的年数"),
}
EXAMPLE = {"purchases": 9, "mean_amount": 5950 / 9, "acquisition_cost": 1250, "referral_income": 8100}
NOT_A_NUMBER = Text("{name}: {given} is no number.", "{name}：{given} 不是数字。")


@needs("company")
def what_if(request: SignedIn) -> HttpResponse:
    """A run's forecast with changed levers; nothing is saved."""
    run, _ = of_run(request)
    if request.method == "POST":
        return _asked_anew(request, run)
    asked, wrong, found, job, chosen = {}, None, None, None, None
    try:
        asked = _asked(request.GET, run)
        if any(asked[name] for name in LEVERS):
            found, job = calculating.known(run, asked)
        chosen = _chosen(found, request.GET.get("tier", "")) if found else None
    except KezhiError as error:
        wrong = error.text
    whole = bool(found) and not asked.get("where") and not request.GET.get("tier")
    return render(
        request,
        "corrections/what_if.html",
        {
            "run": run,
            "levers": _levers(request.GET),
            "wrong": wrong,
            "found": _numbers(found) if found else None,
            "span": count_of_periods(int(found["periods"]), run.period, spoken()) if found else "",
            "unit": currency_name(run.currency, spoken()),
            "job": job,
            "levers_moved": any(asked.get(name) for name in LEVERS),
            "asked": asked,
            "periods": request.GET.get("periods") or run.manifest["horizon"],
            "one": chosen,
            "names": NAMES,
            "interval": _interval(run, asked, chosen) if whole and chosen else None,
            "segments": workspace().settings().segments,
            "tiers": _tiers(run),
            "correct": _corrections(asked, request.GET.get("tier", "")) if request.viewer.may("correct") else [],
            "tab": "what-if",
        },
    )


@needs("company")
@require_GET
def lifetime(request: SignedIn) -> HttpResponse:
    """One customer's continuing value as a sum whose every term is shown; typed in, or read from the run."""
    from kezhi.worth.continuing import continuing_value, continuing_value_of

    run, rows = of_run(request)
    customer = request.GET.get("customer", "").strip()
    wrong, found = None, None
    typed: dict[str, float | None] = {}
    try:
        typed = _terms(request.GET)
        if customer:
            if not rows.sees(customer):
                raise KezhiError(Text(f"There is no customer {customer}.", f"没有客户 {customer}。"))
            found = continuing_value_of(run.folder, customer, typed)
        else:
            given = EXAMPLE if not request.GET.keys() - {"run", "customer"} else {}
            terms = given | {name: value for name, value in typed.items() if value is not None}
            found = continuing_value(**({"purchases": 0.0, "mean_amount": 0.0} | terms))  # type: ignore[arg-type]
    except KezhiError as error:
        wrong = error.text
    values = found.as_dict() if found else {}
    fields = [
        {
            "name": name,
            "title": title,
            "value": request.GET.get(name) or _plain(name, values.get(name)),
        }
        for name, title in TERMS.items()
    ]
    return render(
        request,
        "corrections/lifetime.html",
        {
            "run": run,
            "fields": fields,
            "found": found,
            "wrong": wrong,
            "customer": customer,
            "example": not request.GET.keys() - {"run"},
            "tab": "lifetime",
        },
    )


def _asked_anew(request: SignedIn, run: Shown) -> HttpResponse:
    """From the form to an address, which says everything; in a large company the worker begins."""
    query = {name: value for name, value in request.POST.items() if value and name != "csrfmiddlewaretoken"}
    try:
        asked = _asked(QueryDict(urlencode(query)), run)
        if any(asked[name] for name in LEVERS):
            calculating.ask(run, asked, request.viewer.name)
    except KezhiError:
        pass  # the page says it
    return redirect(f"{reverse('what-if')}?{urlencode(query)}")


def _asked(query: Mapping[str, str], run: Shown) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    for name in LEVERS:
        said = query.get(name, "") or "0"
        value = _number(said)
        if value is None or not -100 <= value <= LARGEST[name]:
            raise KezhiError(Text(
                WRONG.en.format(name=NAMES[name].en, most=LARGEST[name]),
                WRONG.zh.format(name=NAMES[name].zh, most=LARGEST[name]),
            ))  # fmt: skip
        asked[name] = value
    said = query.get("periods", "")
    if said and not (said.isdecimal() and 1 <= int(said) <= 60):
        raise KezhiError(WRONG_PERIODS)
    asked["periods"] = int(said) if said else int(run.manifest["horizon"])
    asked["where"] = query.get("where", "").strip()
    return asked


def _levers(query: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "title": title, "help": about, "least": least, "most": most, "step": step,
         "value": query.get(name) or "0"}
        for name, (title, about, least, most, step) in LEVERS.items()
    ]  # fmt: skip


def _chosen(found: Mapping[str, Any], tier: str) -> dict[str, Any]:
    """The company, or one tier: each customer's levers move by themselves, so that a tier's effect stands alone.

    Raises KezhiError for a tier without customers, such as one that a filter leaves out.
    """
    one = next((one for one in found["tiers"] if one["tier"] == tier), None) if tier else found["company"]
    if one is None:
        raise KezhiError(calculating.NOBODY)
    return _plain_sums(one) | {"alone": [(NAMES[name], float(value)) for name, value in one["alone"].items()]}


def _numbers(found: Mapping[str, Any]) -> dict[str, Any]:
    """Money as numbers instead of text."""
    return {**found, "tiers": [_plain_sums(one) for one in found["tiers"]]}


def _plain_sums(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, **{name: float(one[name]) for name in ("base", "changed", "effect")}}


def _interval(run: Shown, asked: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[float, float] | None:
    """The effect at either end of the company's 80 % interval, as far as it goes with what customers will buy.

    None beyond the horizon and without an interval, or where the forecast is not above zero.
    """
    total = run.models["company"]["total"]
    lower, upper, value = (total.get(name) for name in ("value_lower", "value_upper", "value"))
    if lower is None or upper is None or float(value) <= 0 or asked["periods"] != int(run.manifest["horizon"]):
        return None
    ends = sorted(one["effect"] * max(float(end), 0.0) / float(value) for end in (lower, upper))
    return ends[0], ends[1]


def _tiers(run: Shown) -> list[tuple[str, Text]]:
    from kezhi.worth.layers import rules_of_a_run

    return [(str(code), title) for code, title in rules_of_a_run(run.folder).titles.items()]


def _corrections(asked: Mapping[str, Any], tier: str) -> list[tuple[Text, str]]:
    """Links that make a lever a correction; retention is none, for it is no figure of a period."""
    where = asked.get("where") or ""
    if tier:
        rule = workspace().settings().segments.get(where, where)
        where = f"({rule}) and tier = '{tier}'" if where else f"tier = '{tier}'"
    whom = {"whom": "where", "where": where} if where else {"whom": "all"}
    return [
        (
            NAMES[name],
            f"{reverse('correction-new')}?{urlencode({'figure': name, 'how': how, 'by': asked[name], **whom})}",
        )
        for name, how in (("margin", "move"), ("amount", "scale"), ("expense", "scale"))
        if asked.get(name)
    ]


def _terms(query: Mapping[str, str]) -> dict[str, float | None]:
    terms: dict[str, float | None] = {}
    for name, title in TERMS.items():
        said = query.get(name, "").strip()
        value = _number(said) if said else None
        if said and value is None:
            raise _wrong(title, said)
        terms[name] = value / 100 if value is not None and name in ("margin", "discount_rate") else value
    return terms


def _wrong(title: Text, said: str) -> KezhiError:
    en, zh = (text.format(name=name, given=said[:40]) for text, name in (
        (NOT_A_NUMBER.en, title.en), (NOT_A_NUMBER.zh, title.zh)
    ))  # fmt: skip
    return KezhiError(Text(en, zh))


def _plain(name: str, value: Any) -> str:
    if value is None:
        return ""
    number = float(value) * 100 if name in ("margin", "discount_rate") else float(value)
    return f"{number:.4f}".rstrip("0").rstrip(".")


def _number(said: str) -> float | None:
    value = number_of(said)
    return float(value) if value is not None and abs(value) < 10**15 else None
