"""What actions brought in the report: both groups side by side, and what may be said of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.markup import Child, Html, Row, bullets, folded, table, tag
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled

SHOWN = 6
MANY = 10  # claims of so many actions need a word on chance
FIGURES = {
    "purchases": Text("Purchases", "购买次数"),
    "amount": Text("Purchase amount", "购买金额"),
    "value": Text("Gross profit", "毛利"),
}
SIGNS = {"more": "▲", "less": "▼", "unclear": "=", "few": "?", "unlike": "?", "no_control": "?"}
VERDICTS = {
    "more": Text("brought more", "有增加"),
    "less": Text("brought less", "有减少"),
    "unclear": Text("could be chance", "可能只是偶然"),
    "few": Text("too few for a claim", "客户太少，不下结论"),
    "unlike": Text("groups not alike, nothing to compare", "两组不相同，无从比较"),
    "no_control": Text("no control group, no claim", "没有对照组，不下结论"),
}
DIFFERED_IN = {
    "purchases": Text("purchases in as many days before", "之前同样天数内的购买次数"),
    "amount": Text("purchase amount in as many days before", "之前同样天数内的购买金额"),
    "ever": Text("purchases ever before", "此前的全部购买次数"),
    "days": Text("days watched", "观察天数"),
}
INTRO = Text(
    "For each action: what the customers who were given it (treated) bought from that day on, beside those who were "
    "left out on purpose (control group); only the difference is what the action brought.",
    "每次行动：参加行动的客户（实验组）自当天起的购买，与特意未参加的客户（对照组）对比；只有两者之差才是行动带来的。",
)
MORE = Text(
    "It brought about {effect} more {figure} per treated customer in {days} days (95 % interval: {lower} to {upper}), "
    "about {total} for all {treated}. Worth repeating, again with a control group.",
    "在 {days} 天内，每位实验组客户的{figure}约多 {effect}（95% 区间：{lower} 至 {upper}），"
    "{treated} 位合计约 {total}。值得再做，仍请留出对照组。",
)
LESS = Text(
    "Treated customers brought less {figure} than they would have: {effect} each in {days} days (95 % interval: "
    "{lower} to {upper}), about {total} for all {treated}. Stop it, or change it.",
    "在 {days} 天内，实验组客户的{figure}反而更少：每位 {effect}（95% 区间：{lower} 至 {upper}），"
    "{treated} 位合计约 {total}。请停止或改变这一行动。",
)
UNCLEAR = Text(
    "The difference could be chance: {effect} of {figure} per customer in {days} days, and anything from {lower} to "
    "{upper} fits the data. More customers in both groups would tell.",
    "差异可能只是偶然：{days} 天内每位客户的{figure}相差 {effect}，{lower} 至 {upper} 之间都与数据相符。"
    "两组客户更多时才能看清。",
)
RETURN = Text("It cost {cost}: each 1 spent brought {back}.", "成本为 {cost}：每花 1 带来 {back}。")
COST = Text("It cost {cost}.", "成本为 {cost}。")
UNLIKE = Text(
    "Careful: before the action the groups were not alike (most apart in: {where}), as they are when drawn by lot. "
    "Their plain difference says little; each customer's change against the days before is compared instead. That is "
    "a hint, not a proof: both groups might have changed differently anyway.",
    "请注意：行动之前两组就不相同（差别最大的是{where}），不像抽签分出的组。直接相减没有意义，因此改为比较每位客户前后的变化。"
    "这只是线索，不是证明：没有行动，两组的变化也可能不同。",
)
NOTHING_TO_COMPARE = Text(
    "Nothing can be claimed: the groups were not alike (most apart in: {where}), and the log does not reach back far "
    "enough to compare changes.",
    "不能下结论：两组不相同（差别最大的是{where}），而数据不够早，无法比较变化。",
)
NO_CONTROL = Text(
    "Nothing can be claimed: nobody was left out to compare with. The {treated} customers brought {after} of {figure} "
    "each in {days} days{before}. Next time leave out a part drawn by lot.",
    "不能下结论：没有留出对照组。{treated} 位客户在 {days} 天内人均{figure}为 {after}{before}。"
    "下次请抽签留出一部分客户不参加。",
)
BEFORE = Text(", {before} in as many days before", "，之前同样天数内为 {before}")
FEW = Text(
    "Nothing can be claimed: {treated} treated and {control} control customers, {buyers} buyers among the treated, are "
    "too few; at least {least} in each group and {least_buyers} buyers in both are needed.",
    "不能下结论：实验组 {treated} 位、对照组 {control} 位（实验组中有 {buyers} 位购买）太少；"
    "每组至少需 {least} 位，两组共至少需 {least_buyers} 位购买者。",
)
UNFINISHED = Text(
    "Only {days} of {window} days have passed on average; the figures will still change.",
    "平均只过了 {days} 天（共 {window} 天），数字还会变化。",
)
LEFT_OUT = Text(
    "{count} customers stood in both groups or in neither, and are left out.",
    "{count} 位客户同时在两组或不在任何一组，未计入。",
)
BY_CHANCE = Text(
    "With {count} actions: of twenty that bring nothing, one looks as if it did.",
    "共有 {count} 次行动：二十次毫无效果的行动中，约有一次看起来有效。",
)
METHOD = Text(
    "Difference: mean of the treated less mean of the control group, with Welch's 95 % interval. Difference of the "
    "changes: the same of after less before, customer by customer. Groups count as alike where no figure from before "
    "differs by more than a tenth of a standard deviation beyond chance. The day of the action is the first day after.",
    "差异：实验组均值减对照组均值，附 Welch 95% 区间。变化之差：每位客户“之后减之前”，再两组相减。"
    "行动之前各项差别都不超过 0.1 个标准差（或可归于偶然）时，视为两组相同。行动当天计入“之后”。",
)


@dataclass(frozen=True)
class Uplift:
    """The rows of uplift.parquet by action, newest first, and the run's facts of them."""

    facts: dict[str, Any]
    actions: tuple[tuple[dict[str, Any], ...], ...]

    def main(self, rows: tuple[dict[str, Any], ...]) -> dict[str, Any]:
        """The row of the figure that answers: gross profit where costs are known."""
        return next((row for row in rows if row["figure"] == self.facts["figure"]), rows[0])


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Uplift | None:
    """All actions; None where there is none."""
    by_action: dict[str, list[dict[str, Any]]] = {}
    for row in engine.fetch(engine.read_parquet(run / "uplift.parquet")).to_pylist():
        by_action.setdefault(row["action"], []).append(row)
    order = sorted(by_action, key=lambda name: (-by_action[name][0]["last_day"].toordinal(), name))
    place = list(FIGURES)
    found = tuple(tuple(sorted(by_action[name], key=lambda row: place.index(row["figure"]))) for name in order)
    return Uplift(dict(facts), found) if found else None


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Uplift, report: Any, canvas: Canvas) -> Html:
    """What may be said of each action, with both groups; then all of them in one table."""
    parts: list[Child] = []
    for rows in found.actions[:SHOWN]:
        parts += _action(found, rows, report, canvas)
    if len(found.actions) > SHOWN:
        parts.append(folded(canvas.say(Text("All actions", "全部行动")), _overview(found, canvas)))
    chance = canvas.say(BY_CHANCE, count=len(found.actions)) if found.facts["with_control"] >= MANY else None
    return titled(
        canvas,
        Text("What actions brought", "行动带来了什么"),
        tag("p", canvas.say(INTRO), class_="soft"),
        *parts,
        tag("p", chance, class_="soft") if chance else None,
        folded(canvas.say(Text("How this is computed", "计算方法")), tag("p", canvas.say(METHOD), class_="soft")),
        name="uplift",
    )


def _action(found: Uplift, rows: tuple[dict[str, Any], ...], report: Any, canvas: Canvas) -> list[Html]:
    main = found.main(rows)
    said = [text.to(canvas.language) for text in sentences(main, found.facts, report.currency)]
    name, day = main["action"], _day(main, canvas.language)
    first = tag("p", f"{SIGNS[main['verdict']]} ", *said[:1])
    title = canvas.say(Text("{name}, {day}", "{name}，{day}"), name=name, day=day)
    return [
        heading(canvas, Text(title, title)),
        first,
        bullets(said[1:], class_="soft"),
        _groups(rows, canvas),
    ]


def _day(row: Mapping[str, Any], language: Language) -> str:
    first, last = (numbers.day(row[name], language) for name in ("first_day", "last_day"))
    return first if first == last else f"{first} – {last}"


def sentences(row: Mapping[str, Any], facts: Mapping[str, Any], currency: str | None) -> Iterator[Text]:
    """What may be said of an action by one figure, the verdict first, and what limits it."""
    verdict, basis = row["verdict"], row["basis"]
    said = {"more": MORE, "less": LESS, "unclear": UNCLEAR, "no_control": NO_CONTROL, "few": FEW}.get(verdict)
    if said is not None:
        yield _filled(said, row, facts, currency)
    where = DIFFERED_IN.get(row["apart_in"] or "")
    if verdict == "unlike" and where:
        yield _both(NOTHING_TO_COMPARE, where=where)
    if basis == "change" and where:
        yield _both(UNLIKE, where=where)
    if row["return_on_cost"] is not None:
        yield _filled(RETURN, row, facts, currency)
    elif row["cost"] is not None:
        yield _filled(COST, row, facts, currency)
    if not row["complete"]:
        yield UNFINISHED.fill(days=round(row["days"]), window=facts["window_days"])
    if row["left_out"]:
        yield LEFT_OUT.fill(count=row["left_out"])


def _filled(said: Text, row: Mapping[str, Any], facts: Mapping[str, Any], currency: str | None) -> Text:
    used = {"difference": "effect", "change": "change", None: ""}[row["basis"]]
    ends = {"effect": row.get(used), "lower": row.get(f"{used}_lower"), "upper": row.get(f"{used}_upper")}
    digits = 2 if row["figure"] == "purchases" else 1

    def in_(language: Language) -> str:
        def total(value: Any) -> str:
            return numbers.headline(value, currency, language)

        before = row["treated_before"]
        figure = FIGURES[row["figure"]].to(language)
        told: dict[str, Any] = {name: numbers.grouped(value, digits) for name, value in ends.items()}
        told |= {
            "figure": figure.lower() if language == "en" else figure,
            "days": round(row["days"]),
            "total": total(row["total"]) if row["figure"] != "purchases" else numbers.grouped(row["total"]),
            "cost": total(row["cost"]),
            "back": numbers.grouped(row["return_on_cost"], 1),
            "after": numbers.grouped(row["treated_mean"], digits),
            "before": "" if before is None else BEFORE.to(language).format(before=numbers.grouped(before, digits)),
            "least": facts["least_customers"],
            "least_buyers": facts["least_buyers"],
            **{name: numbers.grouped(row[name]) for name in ("treated", "control", "buyers")},
        }
        return said.to(language).format(**told)

    return Text(in_("en"), in_("zh"))


def _both(said: Text, **words: Text) -> Text:
    in_ = {lang: said.to(lang).format(**{name: word.to(lang) for name, word in words.items()}) for lang in _LANGUAGES}
    return Text(in_["en"], in_["zh"])


_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_HEADS = (
    Text("Per customer", "人均"),
    Text("Treated", "实验组"),
    Text("Control", "对照组"),
    Text("Difference", "差异"),
    Text("95 % interval", "95% 区间"),
    Text("Treated before", "实验组之前"),
    Text("Control before", "对照组之前"),
    Text("Difference of the changes", "变化之差"),
    Text("95 % interval", "95% 区间"),
)


def _groups(rows: tuple[dict[str, Any], ...], canvas: Canvas) -> Html:
    """Both groups side by side, before and after."""
    body = [Row(_means(row, canvas)) for row in rows]
    count = [
        canvas.say(Text("Customers", "客户数")),
        *(numbers.grouped(rows[0][name]) for name in ("treated", "control")),
    ]
    body.insert(0, Row([*count, *[""] * 6]))
    return grid(canvas, _HEADS, body)


def _means(row: Mapping[str, Any], canvas: Canvas) -> list[Child]:
    digits = 2 if row["figure"] == "purchases" else 1

    def shown(name: str) -> str:
        return numbers.grouped(row[name], digits)

    def strong(name: str, basis: str) -> Child:
        return tag("span", shown(name), class_="strong") if row["basis"] == basis else shown(name)

    return [
        canvas.say(FIGURES[row["figure"]]), shown("treated_mean"), shown("control_mean"),
        strong("effect", "difference"), _interval(row, "effect", digits, canvas),
        shown("treated_before"), shown("control_before"),
        strong("change", "change"), _interval(row, "change", digits, canvas),
    ]  # fmt: skip


def _interval(row: Mapping[str, Any], name: str, digits: int, canvas: Canvas) -> str:
    if row[name] is None:
        return numbers.ABSENT
    ends = (numbers.grouped(row[f"{name}_{end}"], digits) for end in ("lower", "upper"))
    return canvas.say(Text(" to ", " 至 ")).join(ends)


def _overview(found: Uplift, canvas: Canvas) -> Html:
    heads = [
        canvas.say(one)
        for one in (
            Text("Action", "行动"),
            Text("Day", "日期"),
            Text("Treated", "实验组"),
            Text("Control", "对照组"),
            Text("Effect in total", "合计效果"),
            Text("95 % interval", "95% 区间"),
            Text("What may be said", "结论"),
        )
    ]
    body = []
    for rows in found.actions:
        row = found.main(rows)
        said = f"{SIGNS[row['verdict']]} {canvas.say(VERDICTS[row['verdict']])}"
        counts = [numbers.grouped(row[name]) for name in ("treated", "control", "total")]
        body.append(Row([row["action"], _day(row, canvas.language), *counts, _interval(row, "total", 0, canvas), said]))
    return table(heads, body, (2, 3, 4, 5))


# --- the workbook -----------------------------------------------------------------------------------------


def sheets(found: Uplift, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet: every action and figure."""
    del engine, run, report
    columns = [
        (Text("Action", "行动"), "action", 26, "text"),
        (Text("First day", "首日"), "first_day", 12, "day"),
        (Text("Last day", "末日"), "last_day", 12, "day"),
        (Text("Figure, per customer", "指标（人均）"), "figure", 18, "text"),
        (Text("Treated", "实验组"), "treated", 11, "count"),
        (Text("Control", "对照组"), "control", 11, "count"),
        (Text("Mean of treated", "实验组均值"), "treated_mean", 14, "number"),
        (Text("Mean of control", "对照组均值"), "control_mean", 14, "number"),
        (Text("Difference", "差异"), "effect", 13, "number"),
        (Text("from", "下限"), "effect_lower", 13, "number"),
        (Text("to", "上限"), "effect_upper", 13, "number"),
        (Text("Treated before", "实验组之前"), "treated_before", 14, "number"),
        (Text("Control before", "对照组之前"), "control_before", 14, "number"),
        (Text("Difference of changes", "变化之差"), "change", 13, "number"),
        (Text("from", "下限"), "change_lower", 13, "number"),
        (Text("to", "上限"), "change_upper", 13, "number"),
        (Text("Effect in total", "合计效果"), "total", 16, "number"),
        (Text("Cost", "成本"), "cost", 14, "money"),
        (Text("Brought for 1 spent", "投入产出比"), "return_on_cost", 12, "number"),
        (Text("What may be said", "结论"), "verdict", 30, "text"),
    ]  # fmt: skip
    sheet = book.sheet(Text("Actions", "行动效果"), [width for _, _, width, _ in columns])
    sheet.line(book.say(INTRO))
    sheet.line(book.say(METHOD))
    sheet.heads([book.say(title) for title, _, _, _ in columns])
    sheet.sheet.freeze_panes(sheet.next, 1)
    said = {"figure": FIGURES, "verdict": VERDICTS}
    for rows in found.actions:
        for row in rows:
            cells = [book.say(said[name][row[name]]) if name in said else row[name] for _, name, _, _ in columns]
            sheet.row(cells, [kind for _, _, _, kind in columns])
