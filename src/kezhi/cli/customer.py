"""kezhi customer: everything known of one customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import Heads, count, money, print_json, say, screen, share, table, tick
from kezhi.language import KezhiError, Language, Text, preferred_language

if TYPE_CHECKING:
    from kezhi.one_customer import Block, CustomerView
    from kezhi.worth.score_sheet import Part

HELP = "Everything known of one customer: figures, points, and the records. / 查看一位客户的价值、积分和各项记录。"
MOST_COLUMNS = 8
MOST_RECORDS = 10

FIGURES = {
    "first_purchase": Text("first purchase", "首次购买"),
    "last_purchase": Text("last purchase", "最近购买"),
    "purchases": Text("purchases", "购买次数"),
    "amount": Text("amount bought", "购买金额"),
    "cost": Text("product cost", "产品成本"),
    "expense": Text("relationship expense", "关系营销费用"),
    "acquisition_cost": Text("cost to win them (once)", "获取该客户的成本（一次性）"),
    "value": Text("gross profit so far", "累计毛利"),
    "forecast_value": Text("gross profit forecast", "预测毛利"),
    "lifetime_value": Text("lifetime value", "生命周期价值"),
    "p_alive": Text("probability of staying", "仍为客户的概率"),
}
PLACES = {
    "rank_amount": Text("by turnover", "按营业额"),
    "rank_other": Text("by what is not money", "按非货币价值"),
    "rank_combined": Text("both combined", "两者合并"),
    "rank_points": Text("by points", "按积分"),
}
FACTOR_WORDS = {
    "profit": Text("profit", "利润"),
    "category": Text("kind of customer", "客户类别"),
    "loyalty": Text("loyalty", "消费忠诚度"),
    "need": Text("needs", "客户需求"),
}
WRITE_SO = Text("Write --assess FACTOR=SCORE, such as profit=8.", "请写成 --assess 因素=评分，例如 profit=8。")
KEPT = Text(
    "Kept: {factor} {score:g} for {customer}, by {author}, {day}",
    "已保存：{customer} 的 {factor} 评分 {score:g}，{author}，{day}",
)
CHANGED = Text(
    "The records now in the book do not add up to this part: the book has changed since the run, or is not at hand.",
    "台账中现有记录与该项积分不一致：运行之后台账有改动，或找不到台账。",
)
SEGMENTS = Text("In the saved segments: {names}", "所在的已保存分群：{names}")
MORE = Text("{n} earlier records are not shown; --last shows more", "另有 {n} 条更早的记录未显示；可用 --last 显示更多")


def command(
    customer: Annotated[str, typer.Argument(help="The customer's id, as in the orders. / 客户编号。")],
    workspace: Annotated[
        Path, typer.Option("--workspace", help="The company's folder, or a run folder. / 工作区或结果文件夹。")
    ] = Path(),
    run: Annotated[
        str | None, typer.Option("--run", help="A run of the workspace; default the newest. / 运行名。")
    ] = None,
    last: Annotated[
        int, typer.Option("--last", min=0, help="Newest rows of each table to show. / 各表显示的行数。")
    ] = (MOST_RECORDS),
    private: Annotated[
        bool, typer.Option("--private", help="Show phone numbers and addresses too. / 同时显示电话和地址。")
    ] = False,
    assess: Annotated[
        list[str] | None,
        typer.Option(
            "--assess",
            metavar="FACTOR=SCORE",
            help="Keep a person's score, 0 to 10, of profit, category, loyalty or need. / 保存人工评分。",
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who gives the score. / 评分人。")] = "",
    note: Annotated[str, typer.Option("--note", help="Why. / 评分理由。")] = "",
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """The book as it is now beside the run's figures."""
    speak(lang, programs=json)
    from kezhi import one_customer

    seen = one_customer.customer(customer, workspace, run=run, last=last, private=private)
    if assess:
        _assess(workspace, customer, assess, by, note, quiet=json)
        seen = one_customer.customer(customer, workspace, run=run, last=last, private=private)
    if json:
        print_json(as_json(seen))
        return
    _print(seen, last)


def _assess(workspace: Path, customer: str, given: Sequence[str], by: str, note: str, *, quiet: bool) -> None:
    from kezhi.assessments import assess
    from kezhi.one_customer import place_of

    place = place_of(workspace).workspace
    if place is None:
        raise KezhiError(
            Text("Scores are kept in a workspace, not in a run.", "评分保存在工作区中，而不是结果文件夹中。")
        )
    wanted = [_score(text) for text in given]
    for factor, score in wanted:
        made = assess(place.folder, customer, factor, score, author=by, note=note)
        if not quiet:
            values = asdict(made) | {"customer": customer, "day": made.date}
            tick(KEPT.fill(**{name: values[name] for name in ("factor", "score", "customer", "author", "day")}))


def _score(text: str) -> tuple[str, float]:
    factor, sign, score = text.partition("=")
    try:
        return factor.strip(), float(score) if sign else float("nan")
    except ValueError:
        raise KezhiError(WRITE_SO) from None


def as_json(seen: CustomerView) -> dict[str, Any]:
    """The view as plain values."""
    return asdict(seen) | {"factor_score": seen.factor_score}


# --- for people


def _print(seen: CustomerView, last: int) -> None:
    console, language = screen(), preferred_language()
    name = seen.worth.get("name") or seen.facts.get("name") or seen.ranking.get("name")
    title = f"{seen.customer_id} {name}" if name else seen.customer_id
    say(console, f"{title} · {Text('figures of', '数据截至').to(language)} {seen.as_of}")
    for heading, rows in (
        (Text("What they were and will be worth", "价值"), list(_figures(seen))),
        (Text("From the customer table", "客户资料"), [(name, _cell(value)) for name, value in _told(seen.facts)]),
        (Text("Place among all customers", "在全部客户中的名次"), list(_places(seen))),
    ):
        if rows:
            console.print(table(heading, [(Text("", ""), "left"), (Text("", ""), "right")], rows))
    if seen.segments:
        say(console, SEGMENTS.fill(names=", ".join(seen.segments)))
    groups = (_alerts(seen, language), _standings(seen, language))
    for printed in (*groups, *_points(seen, last), *_factors(seen, language), _forecast(seen), *_blocks(seen)):
        if printed is not None:
            console.print(printed)


def _told(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in row.items() if value not in (None, "") and name != "customer_id")


def _figures(seen: CustomerView) -> Iterator[tuple[str, str]]:
    for name, words in FIGURES.items():
        if seen.worth.get(name) is not None:
            value = seen.worth[name]
            shown = share(value) if name == "p_alive" else money(value) if name == "lifetime_value" else _cell(value)
            yield str(words), shown


def _places(seen: CustomerView) -> Iterator[tuple[str, str]]:
    for name, words in PLACES.items():
        if seen.ranking:
            yield str(words), count(seen.ranking[name])


def _cell(value: Any) -> str:
    """Any value of a table in a few letters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(Text("yes", "是") if value else Text("no", "否"))
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def score(value: Decimal | None) -> str:
    """Points without idle zeros."""
    return "" if value is None else f"{value.normalize():,f}" if value else "0"


def _points(seen: CustomerView, last: int) -> Iterator[Any]:
    sheet = seen.sheet
    if sheet is None:
        return
    heads: Heads = [
        (Text("points from", "积分来源"), "left"),
        (Text("rule", "规则"), "left"),
        (Text("quantity", "数量"), "right"),
        (Text("records", "记录数"), "right"),
        (Text("points", "积分"), "right"),
    ]
    rows = [
        [str(part.text), str(part.rule), score(part.quantity), count(len(part.records)), score(part.points)]
        for part in sheet.parts
    ]
    rows.append([str(Text("all", "合计")), "", "", "", score(sheet.points)])
    yield table(Text("Points", "积分"), heads, rows)
    for part in sheet.parts:
        if not part.complete:
            yield f"{part.text}: {CHANGED}"
        if part.records and last:
            yield _records(part, last)


def _records(part: Part, last: int) -> Any:
    heads: Heads = [
        (Text("day", "日期"), "left"),
        (Text("record", "记录"), "left"),
        (Text("grade", "等级"), "left"),
        (Text("quantity", "数量"), "right"),
        (Text("points", "积分"), "right"),
    ]
    from kezhi.worth.point_words import grade_words

    rows = [
        [_cell(one.date), one.text or "", str(grade_words(one.grade)), score(one.quantity), score(one.points)]
        for one in part.records[-last:]
    ]
    left = len(part.records) - len(rows)
    if left:
        rows.insert(0, ["", str(MORE.fill(n=left)), "", "", ""])
    title = Text("Records behind “{part}”", "“{part}”的记录")
    return table(Text(title.en.format(part=part.text.en), title.zh.format(part=part.text.zh)), heads, rows)


def _factors(seen: CustomerView, language: Language) -> Iterator[Any]:
    if not seen.factors:
        return
    heads: Heads = [
        (Text("key factor", "关键因素"), "left"),
        (Text("weight", "权重"), "right"),
        (Text("computed", "客观评分"), "right"),
        (Text("by a person", "主观评分"), "right"),
        (Text("who and when", "评分人与日期"), "left"),
        (Text("score", "评分"), "right"),
    ]
    rows = []
    for one in seen.factors:
        opinion = one.subjective
        who = f"{opinion.author} {opinion.date} {opinion.note}".strip() if opinion else ""
        rows.append(
            [FACTOR_WORDS[one.factor].to(language), share(one.weight), _cell(one.objective),
             _cell(opinion.score) if opinion else "", who, _cell(one.score)]
        )  # fmt: skip
    rows.append([Text("all, 0 to 10", "合计（0 到 10）").to(language), "", "", "", "", _cell(seen.factor_score)])
    yield table(Text("Key factors", "关键因素"), heads, rows)


def _alerts(seen: CustomerView, language: Language) -> Any:
    """Open alerts: why, since when, and what usually helps."""
    if not seen.alerts:
        return None
    from kezhi.segments.alert_causes import helps, named, why

    heads: Heads = [
        (Text("open alert", "预警"), "left"),
        (Text("since", "自"), "left"),
        (Text("why", "原因"), "left"),
        (Text("what usually helps", "建议"), "left"),
    ]
    rows = [
        [named(row["cause"]).to(language), _cell(row.get("opened_on")), why(row).to(language), helps(row).to(language)]
        for row in seen.alerts
    ]
    return table(Text("Alerts", "预警"), heads, rows)


def _standings(seen: CustomerView, language: Language) -> Any:
    """How the customer stood at each run; nothing where the runs know neither tiers nor more than one day."""
    if len(seen.standings) < 2 and not any(one.tier for one in seen.standings):
        return None
    heads: Heads = [
        (Text("figures of", "数据截至"), "left"),
        (Text("tier", "层级"), "left"),
        (Text("RFM class", "RFM 类别"), "left"),
        (Text("gross profit so far", "累计毛利"), "right"),
        (Text("forecast", "预测毛利"), "right"),
        (Text("place by forecast", "预测名次"), "right"),
        (Text("probability of staying", "仍为客户的概率"), "right"),
    ]
    rows = []
    for one in reversed(seen.standings):
        place = "" if one.rank is None else f"{count(one.rank)} / {count(one.customers or 0)}"
        groups = ("" if name is None else name.to(language) for name in (one.tier_name, one.rfm_name))
        money_of = ("" if sum_ is None else money(sum_) for sum_ in (one.value, one.forecast_value))
        rows.append([_cell(one.as_of), *groups, *money_of, place, "" if one.p_alive is None else share(one.p_alive)])
    return table(Text("Standing at each run", "历次运行中的位置"), heads, rows)


def _forecast(seen: CustomerView) -> Any:
    if not seen.forecast:
        return None
    heads: Heads = [
        (Text("period", "期"), "left"),
        (Text("purchases expected", "预计购买次数"), "right"),
        (Text("amount", "金额"), "right"),
        (Text("gross profit", "毛利"), "right"),
    ]
    rows = [
        [_cell(row["period"]), f"{row['expected_purchases']:.2f}", money(row["amount"]), money(row["value"])]
        for row in seen.forecast
    ]
    return table(Text("Forecast", "预测"), heads, rows)


def _blocks(seen: CustomerView) -> Iterator[Any]:
    for block in seen.blocks:
        yield _block(block)
    if seen.needs:
        rows = [[_cell(value) for value in row.values()][:MOST_COLUMNS] for row in seen.needs]
        heads: Heads = [(Text(name, name), "left") for name in list(seen.needs[0])[:MOST_COLUMNS]]
        yield table(Text("Needs predicted", "预测的需求"), heads, rows)


def _block(block: Block) -> Any:
    title = Text(f"{block.title.en}: {block.count:,}", f"{block.title.zh}：{block.count:,}")
    filled = [
        name
        for name in (block.rows[0] if block.rows else {})
        if (name != "customer_id" or block.table == "referrals") and any(row[name] is not None for row in block.rows)
    ][:MOST_COLUMNS]
    heads: Heads = [(Text(name, name), "left") for name in filled]
    return table(title, heads, [[_cell(row[name]) for name in filled] for row in block.rows])
