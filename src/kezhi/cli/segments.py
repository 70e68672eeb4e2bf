"""kezhi segments: groups of customers by rule: who is in them, what they are worth, what sets them apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import Heads, count, print_json, say, screen, share, table, tick, whole
from kezhi.language import KezhiError, Text, preferred_language

HELP = "Segments by rule: list, show, try, save, drop, fields. / 规则分群：列出、查看、试算、保存、删除、字段。"
SHOWN_FIELDS, SHOWN_VALUES = 10, 8

USAGE = Text(
    'Say one of: kezhi segments; segments show NAME; segments try "FILTER"; segments save NAME "FILTER"; '
    "segments drop NAME; segments fields.",
    '请使用其中之一：kezhi segments；segments show 名称；segments try "条件"；segments save 名称 "条件"；'
    "segments drop 名称；segments fields。",
)
NONE_SAVED = Text(
    "No segment is saved. These are suggestions, counted on the newest run; save one with: "
    'kezhi segments save NAME "FILTER"',
    '尚未保存分群。以下是一些建议及其在最新运行中的人数；保存方法：kezhi segments save 名称 "条件"',
)
NEXT = Text(
    "Take one further: kezhi segments show NAME; kezhi export NAME --to list.xlsx",
    "下一步：kezhi segments show 名称；kezhi export 名称 --to list.xlsx",
)
NOTHING_TELLS = Text(
    "Nothing sets them apart from the rest by more than chance.", "与其余客户相比，没有超出偶然范围的差别。"
)
HOW_TO_READ = Text(
    "Index: 100 × their share ÷ the share among all other customers, of those whose field is filled in; in brackets "
    "where it lies with 95 % certainty. Fields of the rule itself are left out, and what chance alone may explain.",
    "指数 = 100 × 分群内占比 ÷ 其余客户中的占比（只计该字段已填写的客户）；括号内为 95% 的区间。"
    "规则本身用到的字段，以及可能只是偶然的差别，不在此列。",
)


def command(
    action: Annotated[
        str | None, typer.Argument(help="show, try, save, drop or fields; default: list all. / 操作；默认列出全部。")
    ] = None,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME] [FILTER]", help="A name, a filter. / 名称、条件。")
    ] = None,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    run: Annotated[
        str | None, typer.Option("--run", help="A run's name or folder; default the newest. / 运行名或文件夹。")
    ] = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Counted live on a finished run; saved in kezhi.toml, measured by every later run."""
    speak(lang, programs=json)
    given = words or []
    wanted = {None: 0, "fields": 0, "show": 1, "try": 1, "drop": 1, "save": 2}
    if action not in wanted or len(given) != wanted[action]:
        raise KezhiError(USAGE)
    from kezhi import segmenting

    place, name = place_and_run(workspace, run)
    if action == "save":
        _told_saved(segmenting.save_segment(workspace, *given), place, name, json)
    elif action == "drop":
        dropped = segmenting.drop_segment(workspace, given[0])
        _dropped(dropped, json)
    elif action == "fields":
        _fields(segmenting.segment_fields(place, run=name), json)
    elif action is None:
        _list(place, name, json)
    else:
        found = segmenting.segment_profile(place, given[0], run=name)
        print_json(found) if json else _show(found, place, name)


def place_and_run(workspace: Path, run: str | None) -> tuple[Path, str | None]:
    """Where to look, and the run's name; a run's folder stands for itself."""
    from kezhi.workspace import MANIFEST

    return (Path(run), None) if run and (Path(run) / MANIFEST).exists() else (workspace, run)


# --- what is printed --------------------------------------------------------------------------------------


def _list(place: Path, name: str | None, json: bool) -> None:
    from kezhi import segmenting

    found = segmenting.saved_segments(place, run=name)
    suggested = not (found["segments"] or found["left_out"])
    if suggested:
        found = segmenting.suggestions(place, run=name)
        found["left_out"] = []  # what this run has no field for is no suggestion
    if json:
        print_json({**found, "suggested": suggested})
        return
    console = screen()
    if suggested:
        say(console, NONE_SAVED)
    if found["segments"]:
        console.print(_overview(found))
    for one in found["left_out"]:
        say(console, f"! {one['reason'][preferred_language()]}")
    if found["overlaps"]:
        say(console, _overlap(found["overlaps"]))
    if not suggested:
        say(console, NEXT)


def _overview(found: dict[str, Any]) -> Any:
    heads: Heads = [
        (Text("Segment", "分群"), "left"),
        (Text("Customers", "客户数"), "right"),
        (Text("Share", "占比"), "right"),
        (Text("Value so far", "已有价值"), "right"),
        (Text("Forecast value", "预测价值"), "right"),
        (Text("Share", "占比"), "right"),
        (Text("Rule", "规则"), "left"),
    ]
    cells = [
        [
            one["name"],
            count(one["customers"]),
            share(one["share"]),
            whole(one["value"]),
            whole(one["forecast_value"]),
            share(one["share_of_forecast_value"]),
            one["rule"],
        ]
        for one in found["segments"]
    ]
    title = Text("Segments of {n} customers", "分群（共 {n} 位客户）").fill(n=count(found["customers"]))
    return table(title, heads, cells)


def _overlap(pairs: list[dict[str, Any]]) -> Text:
    several = [f"{one['first']} + {one['second']}: {count(one['customers'])}" for one in pairs[:SHOWN_VALUES]]
    said = Text("In two segments at once: {pairs}", "同时属于两个分群：{pairs}")
    return Text(said.en.format(pairs="; ".join(several)), said.zh.format(pairs="；".join(several)))


def _show(found: dict[str, Any], place: Path, name: str | None) -> None:
    console = screen()
    said = Text(
        "{n} of {of} customers ({share}), value so far {value}, forecast value {forecast} ({part} of the company's)",
        "共 {n} 位客户（全部 {of} 位的 {share}），已有价值 {value}，预测价值 {forecast}（占公司 {part}）",
    ).fill(
        n=count(found["customers"]),
        of=count(found["of"]),
        share=share(found["share"]),
        value=whole(found["value"]),
        forecast=whole(found["forecast_value"]),
        part=share(found["share_of_forecast_value"]),
    )
    if found["name"] != found["rule"]:
        say(console, f"{found['name']}: {found['rule']}")
    say(console, said)
    if not found["customers"]:
        if found["why_empty"]:
            say(console, f"! {found['why_empty'][preferred_language()]}")
        return
    console.print(_averages(found["figures"]))
    telling = [one for one in found["profile"] if one["telling"]]
    if telling:
        from kezhi.one_customer import place_of
        from kezhi.segments.vocabulary import settings_of

        settings = settings_of(place_of(place, name).run)
        for group, titled in ((False, WHO), (True, GROUPS)):
            shown = [one for one in telling if one["group"] == group][:SHOWN_FIELDS]
            if shown:
                console.print(_profile(titled, shown, settings))
        say(console, HOW_TO_READ)
    else:
        say(console, NOTHING_TELLS)


def _averages(figures: list[dict[str, Any]]) -> Any:
    from kezhi.segments.vocabulary import title

    heads: Heads = [
        (Text("Per customer", "人均"), "left"),
        (Text("Segment", "分群"), "right"),
        (Text("All others", "其余客户"), "right"),
    ]
    cells = [
        [str(title(one["figure"])), *(_figure(one["figure"], one[side]) for side in ("segment", "rest"))]
        for one in figures
    ]
    return table(Text("On average", "平均水平"), heads, cells)


def _figure(name: str, value: float | None) -> str:
    return share(value) if name == "p_alive" else "–" if value is None else f"{value:,.2f}"


WHO = Text("Who they are, against all other customers", "他们是谁（与其余客户相比）")
GROUPS = Text("Which groups they are in", "他们属于哪些分组")


def _profile(titled: Text, cells: list[dict[str, Any]], settings: Any) -> Any:
    from kezhi.reports.worth.segments import value_text
    from kezhi.segments.vocabulary import title

    heads: Heads = [
        (Text("Field", "字段"), "left"),
        (Text("Value", "取值"), "left"),
        (Text("Customers", "客户数"), "right"),
        (Text("Their share", "分群内占比"), "right"),
        (Text("Of all others", "其余客户占比"), "right"),
        (Text("Index", "指数"), "right"),
    ]
    rows = [
        [
            str(title(one["field"])),
            str(value_text(one["field"], one["value"], settings)),
            count(one["customers"]),
            share(one["share"]),
            share(one["rest_share"]),
            _index(one),
        ]
        for one in cells
    ]
    return table(titled, heads, rows)


def _index(one: dict[str, Any]) -> str:
    if one["index"] is None:
        return str(Text("only here", "仅见于此"))
    arrow = "▲" if one["share"] >= one["rest_share"] else "▼"
    within = f" ({one['lower']:,.0f}–{one['upper']:,.0f})" if one["lower"] is not None else ""
    return f"{arrow} {one['index']:,.0f}{within}"


def _fields(found: list[dict[str, Any]], json: bool) -> None:
    if json:
        print_json(found)
        return
    heads: Heads = [
        (Text("Field", "字段"), "left"),
        (Text("Title", "名称"), "left"),
        (Text("Holds", "内容"), "left"),
        (Text("Values", "取值"), "left"),
    ]
    rows = [
        [
            one["field"],
            _other(one["title"][preferred_language()], one["field"]),
            str(KINDS[one["kind"]]),
            _few(one["values"]),
        ]
        for one in found
    ]
    console = screen()
    console.print(table(Text("What a filter may ask for", "条件中可用的字段"), heads, rows))


KINDS = {
    "text": Text("text", "文字"),
    "number": Text("numbers", "数字"),
    "date": Text("days", "日期"),
    "true or false": Text("true or false", "是或否"),
    "codes": Text("codes", "代码列表"),
}


def _other(title: str, field: str) -> str:
    return "" if title == field else title


def _few(values: list[str]) -> str:
    return ", ".join(values[:SHOWN_VALUES]) + (" …" if len(values) > SHOWN_VALUES else "")


def _told_saved(saved: Any, place: Path, run: str | None, json: bool) -> None:
    from kezhi import segmenting
    from kezhi.workspace import Workspace

    counted = None
    if Workspace(place).latest_run() is not None:
        counted = segmenting.segment_profile(place, saved.name, run=run)["customers"]
    if json:
        print_json(
            {"name": saved.name, "rule": saved.rule, "before": saved.before, "file": str(saved.file),
             "customers": counted}
        )  # fmt: skip
        return
    if counted is None:
        tick(Text(f"{saved.name} saved in {saved.file}.", f"{saved.name} 已保存到 {saved.file}。"))
    else:
        tick(
            Text(
                f"{saved.name} saved in {saved.file}: {counted:,} customers of the newest run.",
                f"{saved.name} 已保存到 {saved.file}：最新运行中有 {counted:,} 位客户。",
            )
        )
    if saved.before is not None and saved.before != saved.rule:
        say(screen(), Text(f"It was before: {saved.before}", f"原来的条件：{saved.before}"))


def _dropped(dropped: Any, json: bool) -> None:
    if json:
        print_json({"name": dropped.name, "rule": dropped.rule, "file": str(dropped.file)})
        return
    tick(
        Text(
            f"{dropped.name} is dropped from {dropped.file}; its rule was: {dropped.rule}",
            f"已从 {dropped.file} 删除 {dropped.name}；其条件为：{dropped.rule}",
        )
    )
