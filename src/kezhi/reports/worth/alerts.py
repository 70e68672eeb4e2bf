"""Who needs a call today: the customers to call first, why, and what usually helps (V12, V09, A11, A12, A14, T15)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.json_values import Json, money, number
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.sections import Canvas
from kezhi.reports.sections import section as part
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.segments.alert_causes import ABOUT, NO_MARKETING, OUTCOMES, helps, named, rule, why
from kezhi.segments.alert_states import FILE
from kezhi.segments.alerts import ONE_OFF
from kezhi.settings.alerts import Alerts
from kezhi.worth.layers import rules_of_a_run

TITLE = Text("Who needs a call today", "今天该联系谁")
SHOWN, SHOWN_CLOSED, SHOWN_ONE_OFF = 20, 10, 5


@dataclass(frozen=True)
class Called:
    """A customer of the call list, with all alerts about them, the weightiest first."""

    place: int
    customer_id: str
    name: str | None
    alerts: tuple[Json, ...]

    @property
    def first(self) -> Json:
        """The alert by which the customer is ranked."""
        return self.alerts[0]


@dataclass(frozen=True)
class Calls:
    """What the run says of alerts."""

    facts: Json
    as_of: date | None
    rules: Alerts
    titles: Mapping[str, Text]
    called: tuple[Called, ...]
    closed: tuple[Json, ...]
    one_off: tuple[Json, ...]

    def count(self, name: str) -> int:
        """A whole number of the facts."""
        return int(self.facts.get(name) or 0)


def build(engine: Engine, run: Path, facts: Json) -> Calls | None:
    """The company's figures, the call list, and what closed since the last run."""
    if not (run / FILE).exists() or not facts.get("customers"):
        return None
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    told = manifest.get("settings", {}).get("alerts")
    day = manifest.get("as_of")
    return Calls(
        facts,
        date.fromisoformat(day) if day else None,
        Alerts.model_validate(told) if told else Alerts(),
        {str(code): title for code, title in rules_of_a_run(run).titles.items()},
        _called(_rows(engine, run, SHOWN)),
        tuple(_rows(engine, run, SHOWN_CLOSED, closed=True)),
        tuple(_named(engine, run, ONE_OFF, SHOWN_ONE_OFF)),
    )


def _rows(engine: Engine, run: Path, most: int, *, closed: bool = False) -> list[Json]:
    """Open alerts of the first `most` customers in the order of their ranks; or the first closed ones."""
    rows = engine.read_parquet(run / FILE)
    rows = rows.filter(rows.state == "closed") if closed else rows.filter(rows.place <= most)
    if closed:
        rows = rows.order_by("customer_id", "cause").limit(most)
    found: list[Json] = engine.fetch(with_names(engine, run, rows)).to_pylist()
    return sorted(found, key=lambda row: (row["place"] or 0, row["rank"] or 0, row["customer_id"], row["cause"]))


def _named(engine: Engine, run: Path, file: str, most: int) -> list[Json]:
    if not (run / file).exists():
        return []
    rows = engine.read_parquet(run / file)
    found: list[Json] = engine.fetch(with_names(engine, run, rows)).to_pylist()
    return sorted(found, key=lambda row: (-row["amount"], row["customer_id"]))[:most]


def _called(rows: list[Json]) -> tuple[Called, ...]:
    grouped = ((place, tuple(mine)) for place, mine in groupby(rows, key=lambda row: row["place"]))
    return tuple(Called(int(place), mine[0]["customer_id"], mine[0]["name"], mine) for place, mine in grouped)


def section(found: Calls, report: ValueReport, canvas: Canvas) -> Html:
    """How many, then whom to call and why; folded: what each cause means, what closed, one-off big buyers."""
    return part(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found, report))),
        *_list(found, canvas),
        folded(canvas.say(Text("What each cause means", "各原因的定义")), *_causes(found, report, canvas)),
        *_closed(found, canvas),
        *_one_off(found, canvas),
        name="alerts",
    )


def sentence(found: Calls, report: ValueReport) -> Text:
    """How many customers, and what is expected to stay away."""
    if not found.count("alerted"):
        return Text(
            "No customer needs a call today: no cause of an alert holds with enough at stake.",
            "今天没有需要联系的客户：没有客户出现涉及足够价值的预警原因。",
        )
    told = Text(
        "{alerted} of {customers} customers ({share}) need a call, {opened} of their alerts are new; unless something "
        "changes, {priority} of gross profit is expected to be lost over the next {periods}, {first} of it with the "
        "first {calls}.",
        "{customers} 位客户中有 {alerted} 位（{share}）需要联系，其中新预警 {opened} 条；如果没有改变，未来 {periods}"
        "预计损失毛利 {priority}，其中 {first}来自前 {calls} 位客户。",
    )

    def said(language: Language) -> str:
        return told.to(language).format(
            **{name: numbers.grouped(found.count(name)) for name in ("alerted", "customers", "opened", "calls")},
            share=numbers.percent(number(found.facts.get("share")), 1),
            priority=numbers.headline(money(found.facts.get("priority")), report.currency, language),
            first=numbers.headline(money(found.facts.get("call_priority")), report.currency, language),
            periods=numbers.count_of_periods(found.count("horizon"), report.period, language),
        )

    return Text(said("en"), said("zh"))


_HEADS = (
    Text("Customer", "客户"),
    Text("Expected loss", "预计损失"),
    Text("Why, and what usually helps", "原因与通常有效的做法"),
    Text("At stake × share to be lost", "涉及价值 × 预计损失比例"),
    Text("Since, act by", "预警日期、处理期限"),
    Text("Last survey", "最近满意度"),
)
_WIDE = "display: block; white-space: normal; min-width: 15em; max-width: 38em"


def _list(found: Calls, canvas: Canvas) -> list[Html]:
    if not found.called:
        return []
    heads = [canvas.say(head) for head in _HEADS]
    about = Text(
        "Each customer is listed once, by expected loss: what is at stake over the forecast horizon times the share of "
        "it that is expected to be lost, never by the last order. You can make {calls} calls a week (the setting "
        "alerts.calls). ⚠ the day to act by has passed; ⊘ has not agreed to marketing: serve, do not advertise.",
        "每位客户只列一次，按预计损失（预测期内涉及的价值 × 预计损失比例）排序，而不是按最近一单的大小。"
        "每周可联系 {calls} 位（设置 alerts.calls）。⚠ 已过处理期限；⊘ 未同意营销：只作服务沟通，不作推销。",
    )
    said = tag("p", canvas.say(about, calls=numbers.grouped(found.rules.calls)), class_="soft")
    rows = table(heads, [_row(one, found, canvas) for one in found.called], (1, 3))
    total = found.count("alerted")
    rest = Text(
        "The first {shown} of {total}; the sheet of the workbook and {file} have all.",
        "显示前 {shown} 位，共 {total} 位；完整名单见工作簿和 {file}。",
    )
    more = canvas.say(rest, shown=len(found.called), total=numbers.grouped(total), file=FILE)
    return [said, rows, *([tag("p", more, class_="soft")] if total > len(found.called) else [])]


def _row(one: Called, found: Calls, canvas: Canvas) -> Row:
    row = one.first
    late = found.as_of is not None and row["due_on"] < found.as_of
    score = row["survey_score"]
    since = min(alert["opened_on"] for alert in one.alerts)
    cells: list[Child] = [
        joined([
            _who(one.customer_id, one.name, f"{one.place}. ", mark=bool(row["no_marketing"])),
            tag("span", row["owner"], class_="id") if row["owner"] else None,
        ]),
        tag("span", numbers.grouped(row["priority"]), class_="strong"),
        joined([
            *(_reason(alert, found, canvas) for alert in one.alerts),
            tag("span", f"→ {canvas.say(helps(row))}", class_="soft", style=_WIDE),
        ]),
        f"{numbers.grouped(row['value_at_stake'])} × {numbers.percent(row['probability'])}",
        joined([_line(numbers.short_day(since)), _line(f"{'⚠' if late else '→'} {numbers.short_day(row['due_on'])}")]),
        "–" if score is None else f"{numbers.short(score, 2)} ({numbers.short_day(row['survey_on'])})",
    ]  # fmt: skip
    return Row(cells)


def _line(text: str) -> Html:
    return tag("span", text, style="display: block; white-space: nowrap")


def _reason(alert: Json, found: Calls, canvas: Canvas) -> Html:
    title = tag("span", canvas.say(named(alert["cause"])), class_="strong")
    return tag("span", title, canvas.say(Text(": ", "：")), canvas.say(why(alert, found.titles)), style=_WIDE)


def _who(customer: str, name: str | None, place: str = "", *, mark: bool = False) -> Html:
    return who(customer, name, place, " ⊘" if mark else None)


def _causes(found: Calls, report: ValueReport, canvas: Canvas) -> list[Html]:
    heads = (
        Text("Cause", "原因"),
        Text("Open", "未关闭"),
        Text("New", "新增"),
        Text("Closed", "已关闭"),
        Text("Expected loss", "预计损失"),
        Text("When", "何时预警"),
    )
    counted = {row["cause"]: row for row in found.facts.get("causes") or ()}
    missing = set(found.facts.get("not_measured") or ())
    rows = [
        Row([
            canvas.say(ABOUT[cause].name),
            *("–" if cause in missing else numbers.grouped(int(counted.get(cause, {}).get(name) or 0))
              for name in ("open", "opened", "closed")),
            "–" if cause in missing else numbers.grouped(money(counted.get(cause, {}).get("priority")) or 0),
            tag("span", canvas.say(rule(cause, found.rules, found.count("stretch") or 1, found.titles)), style=_WIDE),
        ])
        for cause in found.rules.causes
    ]  # fmt: skip
    about = Text(
        "An alert opens when its cause holds and at least {least} is at stake over the forecast horizon ({times:g} "
        "times the average forecast of a customer surely still active); it closes by itself when the cause goes. There "
        "is one per customer and cause. “–”: this run's data cannot tell.",
        "原因成立且预测期内涉及的价值不少于 {least}（确定仍活跃的客户平均预测价值的 {times:g} 倍）时发出预警；"
        "原因消除后自动关闭。"
        "每位客户的每个原因只有一条预警。“–”表示本次数据无法判断。",
    )
    least = numbers.headline(money(found.facts.get("least_value")), report.currency, canvas.language)
    said = canvas.say(about, least=least, times=found.rules.least_value)
    return [
        tag("p", said, class_="soft"),
        table([canvas.say(head) for head in heads], rows, (1, 2, 3, 4)),
        *_falls(found, canvas),
    ]  # fmt: skip


def _falls(found: Calls, canvas: Canvas) -> list[Html]:
    falls = found.facts.get("falls") or {}
    if not falls.get("earlier") or "value_falling" not in found.rules.causes:
        return []
    said = Text(
        "Of what {earlier} customers brought less than usual after such a fall one stretch earlier, {part} was still "
        "missing in the stretch that followed; that is the share expected to be lost where a value falls.",
        "前一段出现同样下降的 {earlier} 位客户，其低于平常的部分在随后一段仍有 {part} 没有恢复；"
        "“价值持续下降”的预计损失比例由此得出。",
    )
    shown = {"earlier": numbers.grouped(int(falls["earlier"])), "part": numbers.percent(number(falls["probability"]))}
    return [tag("p", canvas.say(said, **shown), class_="soft")]


def _closed(found: Calls, canvas: Canvas) -> list[Html]:
    if not found.closed:
        return []
    heads = (
        Text("Customer", "客户"),
        Text("Cause", "原因"),
        Text("Why closed", "关闭原因"),
        Text("Opened", "预警日期"),
    )
    rows = [
        Row([_who(row["customer_id"], row["name"]), canvas.say(named(row["cause"])),
             canvas.say(OUTCOMES.get(row["outcome"]) or Text("–", "–")), numbers.short_day(row["opened_on"])])
        for row in found.closed
    ]  # fmt: skip
    title = Text("Closed since the last run: {n}", "上次运行以来关闭的预警：{n} 条")
    said = canvas.say(title, n=numbers.grouped(found.count("closed")))
    return [folded(said, table([canvas.say(head) for head in heads], rows, ()))]


def _one_off(found: Calls, canvas: Canvas) -> list[Html]:
    if not found.one_off:
        return []
    heads = (
        Text("Customer", "客户"),
        Text("The one order", "唯一一单"),
        Text("Place by that order", "按该单排名"),
        Text("Forecast", "预测价值"),
        Text("Place by forecast", "按预测排名"),
    )
    rows = [
        Row([_who(row["customer_id"], row["name"]), numbers.grouped(row["amount"]),
             numbers.grouped(row["place_by_order"]), numbers.grouped(row["forecast_value"]),
             numbers.grouped(row["place_by_forecast"])])
        for row in found.one_off
    ]  # fmt: skip
    about = Text(
        "They bought once, for as much as the largest 1 % of customers per purchase. The best service is for those of "
        "whom most is expected, and that is the other place.",
        "他们只买过一次，单笔金额属于全部客户中最大的 1%。最好的服务应留给预期价值最高的客户，即后一个名次。",
    )
    return [folded(canvas.say(Text("One-off big buyers", "一次性大买家")),
                   tag("p", canvas.say(about), class_="soft"),
                   table([canvas.say(head) for head in heads], rows, (1, 2, 3, 4)))]  # fmt: skip


# --- workbook ---------------------------------------------------------------------------------------------


def _column(field: str, en: str, zh: str, kind: Any, *, total: bool = False) -> Column:
    return Column(field, Text(en, zh), Text(en + ".", zh + "。"), kind, total=total)


_SHEET = (
    _column("customer_id", "Customer id", "客户编号", "text"),
    _column("name", "Name", "客户名称", "text"),
    _column("rank", "Rank", "序号", "count"),
    _column("place", "Place of the customer", "客户名次", "count"),
    _column("cause_name", "Cause", "原因", "text"),
    _column("why", "Why", "说明", "flags"),
    _column("helps", "What usually helps", "通常有效的做法", "flags"),
    _column("priority", "Expected loss", "预计损失", "money"),
    _column("value_at_stake", "At stake", "涉及价值", "money"),
    _column("probability", "Share to be lost", "预计损失比例", "share"),
    _column("opened_on", "Open since", "预警日期", "day"),
    _column("due_on", "Act by", "处理期限", "day"),
    _column("owner", "Owner", "负责人", "text"),
    _column("marketing", "Marketing", "营销", "text"),
    _column("survey_score", "Last survey score", "最近满意度", "number"),
    _column("survey_on", "Last survey", "最近调查日期", "day"),
)


def sheets(found: Calls, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:
    """All open alerts, the weightiest customer first."""
    rows = _rows(engine, run, book.listed)[: book.listed]
    for row in rows:
        row["cause_name"] = book.say(named(row["cause"]))
        row["why"], row["helps"] = book.say(why(row, found.titles)), book.say(helps(row))
        row["marketing"] = book.say(NO_MARKETING) if row["no_marketing"] else None
    sheet = book.sheet(TITLE, [column.width for column in _SHEET])
    sheet.line(book.say(sentence(found, report)))
    sheet.cut(len(rows), FILE)
    label = Text("Open alerts", "未关闭的预警")
    fill_sheet(sheet, _SHEET, rows, count=len(rows), label=label, totals={}, shown={})
