"""What is said of actions in the report: both groups, in both languages, with what limits the claim."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from actions.companies import AS_OF, trial
from kezhi.actions.uplift import measured
from kezhi.language import Language
from kezhi.reports.sections import Canvas
from kezhi.reports.worth import uplift

Worked = Callable[..., Any]
REPORT = SimpleNamespace(currency="CNY", period="month")
ROW: dict[str, Any] = {
    "action": "mail", "figure": "value", "treated": 40, "control": 50, "left_out": 0, "buyers": 12, "days": 91.0,
    "complete": True, "apart_in": None, "treated_mean": 12.5, "control_mean": 9.0, "treated_before": 8.0,
    "effect": 3.5, "effect_lower": 1.0, "effect_upper": 6.0, "change": 2.0, "change_lower": -1.0, "change_upper": 5.0,
    "total": 140.0, "basis": "difference", "verdict": "more", "cost": None, "return_on_cost": None,
}  # fmt: skip
FACTS = {"window_days": 91, "least_customers": 30, "least_buyers": 10}


def said(language: Language = "en", **changed: Any) -> str:
    return " ".join(text.to(language) for text in uplift.sentences(ROW | changed, FACTS, "CNY"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_t17_the_page_shows_both_groups(worked: Worked, language: Language) -> None:
    """The row's example: the report shows both groups."""
    made = trial(7, customers=400, more=0.6)
    actions = [{**row, "cost": 2 if row["arm"] == "treated" else None} for row in made.actions]
    work = worked(made.orders, actions=actions, as_of=AS_OF)
    found = measured(work)
    assert found is not None
    built = uplift.build(work.engine, work.folder, found.facts)
    assert built is not None
    (rows,) = built.actions
    page = uplift.section(built, REPORT, Canvas(language))
    shown = re.sub(r"<[^>]+>", " ", page)
    main = built.main(rows)
    for word in (
        {"en": "Treated", "zh": "实验组"}[language],
        {"en": "Control", "zh": "对照组"}[language],
        f"{main['treated_mean']:,.1f}",
        f"{main['control_mean']:,.1f}",
        f"{main['effect']:,.1f}",
        str(main["treated"]),
        str(main["control"]),
    ):
        assert word in shown
    assert "▲" in shown


def test_every_verdict_says_its_limits() -> None:
    assert "about 3.5 more gross profit per treated customer in 91 days" in said()
    assert "¥140" in said()
    assert "each 1 spent brought 7.0" in said(cost=20, return_on_cost=7.0)
    assert "could be chance" in said(verdict="unclear")
    assert "less gross profit" in said(verdict="less")
    unlike = said(verdict="unclear", basis="change", apart_in="amount")
    assert "2.0 of gross profit" in unlike
    assert "were not alike (most apart in: purchase amount" in unlike
    assert "a hint, not a proof" in unlike
    assert "nothing" not in unlike.lower()
    nothing = said(verdict="unlike", basis=None, apart_in="days")
    assert "Nothing can be claimed" in nothing
    assert "days watched" in nothing
    assert "¥" not in nothing
    alone = said(verdict="no_control", basis=None, total=None)
    assert "nobody was left out" in alone
    assert "12.5 of gross profit each in 91 days, 8.0 in as many days before" in alone
    assert "at least 30 in each group and 10 buyers" in said(verdict="few", basis=None, total=None)
    assert "Only 40 of 91 days" in said(complete=False, days=40.2)
    assert "3 customers stood in both" in said(left_out=3)


def test_chinese_is_said_as_fully() -> None:
    assert "每位实验组客户的毛利约多 3.5" in said("zh")
    assert "不能下结论：没有留出对照组" in said("zh", verdict="no_control", basis=None, total=None, treated_before=None)
    assert "之前同样天数内的购买金额" in said("zh", verdict="unclear", basis="change", apart_in="amount")


def test_markup_in_a_name_stays_text(worked: Worked) -> None:
    made = trial(1, customers=60, more=0.0, action="<b>mail</b>")
    work = worked(made.orders, actions=made.actions, as_of=AS_OF)
    found = measured(work)
    assert found is not None
    built = uplift.build(work.engine, work.folder, found.facts)
    assert built is not None
    assert "<b>mail" not in uplift.section(built, REPORT, Canvas("en"))
