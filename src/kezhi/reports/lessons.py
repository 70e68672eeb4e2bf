"""What the past taught, for analysts: forecasts made again, the models' weights, kinds of customers, the season."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from statistics import fmean

from kezhi.language import Language, Text
from kezhi.reports import framing, numbers
from kezhi.reports.customer_value import KindFactor, Learned, PastForecast, Season, ValueReport
from kezhi.reports.markup import Html, Row, joined, tag
from kezhi.reports.season_figure import SeasonMark, season
from kezhi.reports.sections import Canvas, grid, heading

_NINE_IN_TEN = 1.2815515655446004  # standard errors to either end of an 80 % interval

PAST = Text("Forecasts made again at past days", "在过去时点重新预测")
PAST_HEADS = (
    Text("Known up to", "已知截至"),
    Text("Forecast up to", "预测至"),
    Text("Came", "实际"),
    Text("Forecast", "预测"),
    Text("Error", "误差"),
)
TAUGHT = Text("What the past taught", "从过去学到的")
WEIGHT_HEADS = (Text("Model", "模型"), Text("Weight", "权重"))
FACTOR = Text("Factor", "系数")
SEASON = Text("Season", "季节")
MONTH_HEADS = (
    Text("Month", "月份"),
    Text("Against an average time", "相对平均水平"),
    Text("80% interval, lower", "80% 区间下限"),
    Text("80% interval, upper", "80% 区间上限"),
)
EVENT = Text("Event", "特殊日子")

FEATURES = {
    "purchases": Text("Purchases after the first", "首购之后的购买次数"),
    "silence": Text("Silent for this share of the time known", "未购时间占相识时间"),
    "tenure": Text("Known for, against the longest-known customer", "相识时间占最老客户"),
    "amount": Text("Mean amount", "平均金额"),
}
_SHARES = ("silence", "tenure")

EVENTS = {
    "spring_festival_run_up": Text("before Spring Festival", "年前"),
    "spring_festival": Text("Spring Festival", "春节"),
    "618_run_up": Text("before 618", "618 预热"),
    "618": Text("618", "618"),
    "double_eleven_run_up": Text("before 11.11", "双十一预热"),
    "double_eleven": Text("11.11", "双十一"),
    "black_friday": Text("Black Friday", "黑色星期五"),
    "christmas": Text("before Christmas", "圣诞前"),
    "christmas_week": Text("Christmas week", "圣诞周"),
}

_UNUSED = Text(
    "The transition rule is used in this run; the blend of models is what it was compared with.",
    "本次采用移转规则；以下是与之比较的模型组合。",
)
_WEIGHED = Text(
    "Expected purchases are a weighted mean of the models: {weights}. The weights make what customers bought after {n} "
    "past days as probable as can be; models below 1% are left out.",
    "预期购买次数是各模型的加权平均：{weights}。"
    "权重使客户在过去 {n} 个时点之后的实际购买最有可能出现；不足 1% 的模型不计。",
)
_WEIGHED_ONCE = Text(
    "Expected purchases are a weighted mean of the models: {weights}. The weights make what customers bought after one "
    "past day as probable as can be; models below 1% are left out.",
    "预期购买次数是各模型的加权平均：{weights}。"
    "权重使客户在过去一个时点之后的实际购买最有可能出现；不足 1% 的模型不计。",
)
_EQUAL = Text(
    "Expected purchases are the plain mean of the models: {weights}. The history is too short to weigh them.",
    "预期购买次数是各模型的简单平均：{weights}。历史太短，无法确定权重。",
)
_CAME = Text(
    "At the past days, oldest first, {ratios} times as many purchases came as were foreseen. {so}",
    "在过去各时点（由早到晚），实际购买次数为预计的 {ratios} 倍。{so}",
)
_MOVED = Text("So the forecast is multiplied by {level}.", "因此预测整体乘以 {level}。")
_UNMOVED = Text(
    "That is no reliable sign that the level is off, so it is left as it is.",
    "这不足以说明整体偏高或偏低，故不作调整。",
)
_CARDS = {
    "used": Text(
        "Some kinds of customers buy more or less than the models say; the factors below correct for it and leave the "
        "total as it is. At the newest past day factors learned from the days before lowered the deviance per customer "
        "from {before} to {after}.",
        "某些类型的客户实际购买多于或少于模型所说，由下列系数修正，总额不变。"
        "在最近的时点上，由更早时点学到的系数把每客户偏差度从 {before} 降到 {after}。",
    ),
    "no_better": Text(
        "Factors by kind of customer were tried and left out: at the newest past day they would not have helped "
        "(deviance per customer {before} without, {after} with them).",
        "试过按客户类型修正，未采用：在最近的时点上没有帮助（每客户偏差度：不用为 {before}，采用为 {after}）。",
    ),
    "untested": Text(
        "Factors by kind of customer were not tried: that takes two past days.",
        "没有尝试按客户类型修正：至少需要两个过去时点。",
    ),
}


# --- forecasts made again ---------------------------------------------------------------------------------


def past_forecasts(report: ValueReport, canvas: Canvas) -> Html | None:
    """What the method in use would have said at earlier days, and what came."""
    found = report.models.backtest
    if found is None or not found.origins:
        return None
    rows = [Row(_past_cells(one, report.models.method)) for one in found.origins]
    line = tag("p", canvas.say(how_far_off(found.origins, report.models.method)), class_="soft")
    return joined([heading(canvas, PAST), grid(canvas, PAST_HEADS, rows), line])


def _past_cells(one: PastForecast, method: str) -> list[str | Html | None]:
    return [
        numbers.short_day(one.split),
        numbers.short_day(one.until),
        numbers.grouped(one.amount),
        numbers.grouped(one.forecast.get(method)),
        signed(one.error(method)),
    ]


def how_far_off(origins: Iterable[PastForecast], method: str) -> Text:
    """The mean size of the errors of the totals, beside that of the naive forecast."""
    once = list(origins)
    ours, naive = (_mean_size(once, name) for name in (method, "repeat_last"))
    made = Text(
        "Each was made with nothing but what was known on its day.",
        "每次预测只使用当时已知的数据。",
    )
    if ours is None:
        return made
    size = Text(" The error of the total was {ours} on average", "总额误差平均 {ours}").fill(ours=ours)
    beside = Text("; of repeating the last periods, {naive}", "；照搬上一期为 {naive}").fill(naive=naive or "")
    tail = beside if naive is not None and method != "repeat_last" else Text("", "")
    return Text(f"{made.en}{size.en}{tail.en}.", f"{made.zh}{size.zh}{tail.zh}。")


def _mean_size(origins: Iterable[PastForecast], method: str) -> str | None:
    errors = [abs(error) for one in origins if (error := one.error(method)) is not None]
    return numbers.percent(fmean(errors), 1) if errors else None


def signed(share: float | None) -> str:
    """A relative error with its sign."""
    return ("+" if share is not None and share > 0 else "") + numbers.percent(share, 1)


# --- what was learned -------------------------------------------------------------------------------------


def taught(report: ValueReport, canvas: Canvas) -> Html | None:
    """The weights of the models in words, the level, and the factors by kind of customer."""
    found = report.models.learned
    said = sentences_of(report)
    if found is None or not said:
        return None
    factors = [_factor_table(canvas, name, kinds) for name, kinds in found.factors.items()]
    tables = tag("div", *factors, class_="pair") if factors else None
    return joined([heading(canvas, TAUGHT), *(tag("p", canvas.say(text)) for text in said), tables])


def sentences_of(report: ValueReport) -> list[Text]:
    """What the past taught, in sentences; nothing where one model was asked for by name."""
    found, method = report.models.learned, report.models.method
    if found is None or not found.weights or method not in ("auto", "transition"):
        return []
    said = [_UNUSED] if method == "transition" else []
    said.append(_weighed(found))
    if found.came and found.level is not None:
        so = _MOVED.fill(level=numbers.grouped(found.level, 2)) if abs(found.level - 1) >= 0.005 else _UNMOVED
        ratios = [numbers.grouped(ratio, 2) for ratio in found.came]
        said.append(
            Text(
                _CAME.en.format(ratios=", ".join(ratios), so=so.en), _CAME.zh.format(ratios="、".join(ratios), so=so.zh)
            )
        )
    card = _CARDS.get(found.card)
    if card:
        before, after = _apart(found.before, found.after)
        said.append(card.fill(before=before, after=after))
    return said


def _weighed(found: Learned) -> Text:
    shares = sorted(found.weights.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{framing.shown(name, 'en')} {numbers.percent(weight)}" for name, weight in shares]
    text = (_WEIGHED if found.origins > 1 else _WEIGHED_ONCE) if found.origins else _EQUAL
    return Text(
        text.en.format(weights=", ".join(named), n=found.origins),
        text.zh.format(weights="、".join(named), n=found.origins),
    )


def _apart(one: float | None, other: float | None) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart, three at least."""
    for digits in range(3, 7):
        shown = numbers.grouped(one, digits), numbers.grouped(other, digits)
        if shown[0] != shown[1]:
            break
    return shown


def _factor_table(canvas: Canvas, name: str, kinds: tuple[KindFactor, ...]) -> Html:
    title = FEATURES.get(name) or Text(name, name)
    rows = [Row([label, f"×{numbers.grouped(factor, 2)}"]) for label, factor in labelled(name, kinds, canvas.language)]
    return tag("div", grid(canvas, (title, FACTOR), rows))


def labelled(name: str, kinds: tuple[KindFactor, ...], language: Language) -> list[tuple[str, float]]:
    """The bands of a feature in words with their factors; whole numbers of purchases that cannot be are left out."""
    if name == "purchases":
        bands = [(_counts(kind), kind.factor) for kind in kinds]
        return [(label, factor) for label, factor in bands if label]
    shown = _edges(name, [kind.upper for kind in kinds if kind.upper is not None])
    below = Text("below {x}", "低于 {x}")
    labels = [below.fill(x=shown[0]).to(language)] if shown else []
    labels += [f"{low}\u2013{high}" for low, high in pairwise(shown)]
    whole = name in _SHARES and shown[-1:] == ["100%"]
    last = Text("{x}", "{x}") if whole else Text("{x} and more", "{x} 及以上")
    labels += [last.fill(x=shown[-1]).to(language)] if shown else []
    return [(label, kind.factor) for label, kind in zip(labels, kinds, strict=False)]


def _counts(kind: KindFactor) -> str:
    """Which whole numbers lie in a band; nothing where none does."""
    first = math.ceil(kind.lower) if kind.lower is not None else 0
    if kind.upper is None:
        return f"\u2265 {first}"
    last = math.ceil(kind.upper) - 1
    return "" if last < first else str(first) if last == first else f"{first}\u2013{last}"


def _edges(name: str, edges: list[float]) -> list[str]:
    """Edges with as many digits as it takes to tell them apart; small amounts with their cents."""
    shown: list[str] = []
    for digits in range(2 if name not in _SHARES and max(edges, default=0) < 1000 else 0, 5):
        if name in _SHARES:
            shown = [numbers.percent(Decimal(str(edge)), digits) for edge in edges]
        else:
            shown = [numbers.grouped(edge, digits) for edge in edges]
        if len(set(shown)) == len(edges):
            break
    return shown


# --- the season -------------------------------------------------------------------------------------------


def yearly_season(report: ValueReport, canvas: Canvas) -> Html | None:
    """When in the year customers buy: drawn where a season was found, else in words."""
    found = report.models.season
    if found is None:
        return None
    remarks = [tag("p", canvas.say(note.text)) for note in found.notes]
    return joined([heading(canvas, SEASON), *remarks, _profile(canvas, found), _events(canvas, found)])


def _profile(canvas: Canvas, found: Season) -> Html | None:
    if not found.found:
        return None
    language = canvas.language
    ends = [interval(month.factor, month.error) for month in found.months]
    marks = [
        SeasonMark(event_name(event.name), event.day, event.busy.factor)
        for event in found.events
        if event.day is not None
    ]
    drawing = season.plain(
        [month.factor for month in found.months],
        language,
        lower=[lower for lower, _ in ends],
        upper=[upper for _, upper in ends],
        marks=marks,
    )
    describe = Text("Curve of how busy each month of the year is.", "一年各月购买水平曲线。")
    figure = canvas.place("figure-season", drawing, describe)
    rows = [
        Row([numbers.month_name(place, language), *(numbers.percent(value) for value in (month.factor, *ends))])
        for place, (month, ends) in enumerate(zip(found.months, ends, strict=True), 1)
    ]
    return joined([figure, canvas.as_table(grid(canvas, MONTH_HEADS, rows))])


def _events(canvas: Canvas, found: Season) -> Html | None:
    if not found.events:
        return None
    rows = [
        Row([canvas.say(event_name(event.name)), *(numbers.percent(value) for value in (event.busy.factor, *ends))])
        for event in found.events
        for ends in [interval(event.busy.factor, event.busy.error)]
    ]
    return grid(canvas, (EVENT, *MONTH_HEADS[1:]), rows)


def event_name(name: str) -> Text:
    """An event of the settings as a reader knows it."""
    return EVENTS.get(name) or Text(name, name)


def interval(factor: float, error: float) -> tuple[float, float]:
    """The 80 % interval of a factor whose logarithm has the standard error error / factor."""
    reach = math.exp(_NINE_IN_TEN * error / factor) if factor > 0 else 1.0
    return factor / reach, factor * reach
