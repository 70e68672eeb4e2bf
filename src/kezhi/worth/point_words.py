"""The sources and rules of points in words."""

from __future__ import annotations

from decimal import Decimal

from kezhi.language import Text
from kezhi.settings.scoring import SOURCES, Rule

UNITS = {
    "money": Text("{n}", "{n}"),
    "suggestions": Text("{n} suggestions", "{n} 条建议"),
    "years": Text("{n} years", "{n} 年"),
    "score": Text("{n} on the scale", "{n} 分（量表）"),
    "customers": Text("{n} customers", "{n} 位客户"),
    "number": Text("{n}", "{n}"),
}
ONE = {
    "suggestions": Text("each suggestion", "每条建议"),
    "years": Text("each year", "每年"),
    "score": Text("each step of the scale", "量表每一级"),
    "customers": Text("each customer", "每位客户"),
    "money": Text("each unit of money", "每一货币单位"),
    "number": Text("each unit", "每一单位"),
}
EACH = Text("{points} points for {what}", "{what}计 {points} 分")
EVERY = Text("{points} points for every {what}, in proportion", "每 {what} 计 {points} 分，按比例计算")
ABOVE = Text("counted from {zero}", "从 {zero} 起算")
FROM = Text("from {start}: {points}", "达到 {start}：{points} 分")
GRADES = {"high": Text("high", "高价值"), "ordinary": Text("ordinary", "一般")}
GRADE = Text("{grade}: {points} points each", "{grade}：每条 {points} 分")
KIND = Text("{grade}: {points} points", "{grade}：{points} 分")
CAP = Text("at most {cap}", "最多 {cap} 分")
CHANCE = Text("amount times probability", "金额乘以成交概率")


def figure(value: Decimal) -> str:
    """A number with thousands separators and no idle zeros."""
    return f"{value.normalize():,f}"


def source_words(rule: Rule) -> Text:
    """What a term counts."""
    known = SOURCES.get(rule.source)
    return known.text if known else Text(rule.column or rule.source, rule.column or rule.source)


def grade_words(grade: str | None) -> Text:
    """A grade as people call it."""
    return GRADES.get(grade or "") or Text(grade or "", grade or "")


def rule_words(rule: Rule) -> Text:
    """A rule as a manager would say it; the points are weighted already."""
    said = _rule(rule)
    if rule.source == "open" and rule.probability:
        said.append(CHANCE)
    if rule.cap is not None:
        said.append(CAP.fill(cap=figure(rule.cap)))
    return Text("; ".join(text.en for text in said), "；".join(text.zh for text in said))


def _rule(rule: Rule) -> list[Text]:
    if rule.grades:
        each = KIND if rule.column else GRADE
        return [
            Text(
                each.en.format(grade=grade_words(grade).en, points=figure(points)),
                each.zh.format(grade=grade_words(grade).zh, points=figure(points)),
            )
            for grade, points in rule.grades.items()
        ]
    if rule.steps:
        return [FROM.fill(start=figure(start), points=figure(points)) for start, points in rule.steps]
    points = figure(rule.points)
    if rule.per == 1:
        what, each = ONE[rule.unit], EACH
    else:
        what, each = UNITS[rule.unit].fill(n=figure(rule.per)), EVERY
    first = Text(each.en.format(points=points, what=what.en), each.zh.format(points=points, what=what.zh))
    return [first, ABOVE.fill(zero=figure(rule.zero_at))] if rule.zero_at else [first]
