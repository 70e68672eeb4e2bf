"""Why the forecast is made as it is, in one paragraph that a manager understands."""

from __future__ import annotations

from kezhi.language import Text
from kezhi.models.season import SeasonEstimate
from kezhi.valuation.backtest import Backtest
from kezhi.valuation.lessons import Learned

NAMES = {
    "nbd": "NBD",
    "pareto_nbd": "Pareto/NBD",
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
    "bg_cnbd_k": "BG/CNBD-k",
    "mbg_cnbd_k": "MBG/CNBD-k",
}
SENTENCES = {
    "asked": Text("The method {method} was asked for.", "按要求使用方法 {method}。"),
    "blend": Text(
        "Each customer's expected purchases come from statistical models, weighted by how well they would have "
        "foreseen what customers then bought, tested at {origins} past days: {weights}.",
        "每位客户的预期购买次数来自几个统计模型，"
        "权重取决于它们在过去 {origins} 个时点上预见客户购买的能力：{weights}。",
    ),
    "single": Text(
        "Each customer's expected purchases come from the statistical model {weights}, which at {origins} past days "
        "would have foreseen best what customers then bought.",
        "每位客户的预期购买次数来自统计模型 {weights}：在过去 {origins} 个时点上，它最能预见客户的购买。",
    ),
    "equal": Text(
        "Each customer's expected purchases are the mean of several statistical models: tested at {origins} past days, "
        "no other weighting would have foreseen more of what customers then bought: {weights}.",
        "每位客户的预期购买次数取几个统计模型的平均："
        "在过去 {origins} 个时点上检验，没有别的权重能更好地预见客户的购买：{weights}。",
    ),
    "untested": Text(
        "Each customer's expected purchases are the mean of several statistical models; the history is too short to "
        "tell which of them forecasts best: {weights}.",
        "每位客户的预期购买次数取几个统计模型的平均；历史太短，还看不出哪个模型更准：{weights}。",
    ),
    "card": Text(
        "Past forecasts also showed which kinds of customers buy more or less than the models say (between {least:.2f} "
        "and {most:.2f} times), and the forecast is corrected for that.",
        "过去的预测还表明，某些类型的客户实际购买多于或少于模型所说（{least:.2f} 至 {most:.2f} 倍），预测已据此修正。",
    ),
    "level": Text(
        "As past forecasts missed the total in the same direction, the whole is multiplied by {level:.2f}.",
        "过去的预测总额一致偏向一侧，因此整体乘以 {level:.2f}。",
    ),
    "season": Text(
        "The season is taken into account: month {strongest} is the busiest ({high:.2f} times an average one), month "
        "{weakest} the quietest ({low:.2f} times).",
        "已考虑季节：{strongest} 月最旺（为平均月份的 {high:.2f} 倍），{weakest} 月最淡（{low:.2f} 倍）。",
    ),
    "tested": Text(
        "Tested on the last periods ({periods}), this way missed the total by {bias:+.0%}, the published rule by "
        "{rule:+.0%}, repeating the last periods by {repeat:+.0%}.",
        "在最近 {periods} 期上检验：这种方法的总额偏差 {bias:+.0%}，公布的移转规则 {rule:+.0%}，"
        "照搬上一期 {repeat:+.0%}。",
    ),
    "transition": Text(
        "The published rule is used. Tested on the last periods ({periods}), it was nearer both in total and customer "
        "by customer: it missed the total by {rule:+.0%}, expected values by {bias:+.0%}, repeating the last periods "
        "by {repeat:+.0%}.",
        "采用公布的移转规则。在最近 {periods} 期上检验，它的总额和逐客户误差都更小：总额偏差 {rule:+.0%}，"
        "期望值法 {bias:+.0%}，照搬上一期 {repeat:+.0%}。",
    ),
}


def explain(requested: str, method: str, tested: Backtest | None, learned: Learned, season: SeasonEstimate) -> Text:
    """The paragraph: where the expectations come from, what was corrected, the season, and how a test went."""
    misses = _misses(tested, "auto" if method == "transition" else method)
    if requested != "auto":
        parts = [SENTENCES["asked"].fill(method=NAMES.get(method, method))]
    elif method == "transition":
        return SENTENCES["transition"].fill(**misses)
    else:
        parts = _blend(learned)
    parts += _season(season)
    if misses and method != "transition":
        parts.append(SENTENCES["tested"].fill(**misses))
    return joined(parts)


def _blend(learned: Learned) -> list[Text]:
    shares = sorted(((weight, name) for name, weight in learned.weights.items() if weight >= 0.01), reverse=True)
    if len(shares) == 1 and learned.origins:
        return [SENTENCES["single"].fill(origins=learned.origins, weights=NAMES[shares[0][1]]), *_corrections(learned)]
    said = [f"{NAMES[name]} {share} %" for (_, name), share in zip(shares, _whole(shares), strict=True)]
    alike = len(shares) > 1 and shares[0][0] - shares[-1][0] < 1e-9
    sentence = SENTENCES["untested" if not learned.origins else "equal" if alike else "blend"]
    english, chinese = ", ".join(said), "、".join(said)
    parts = [
        Text(
            sentence.en.format(origins=learned.origins, weights=english),
            sentence.zh.format(origins=learned.origins, weights=chinese),
        )
    ]
    return parts + _corrections(learned)


def _corrections(learned: Learned) -> list[Text]:
    parts = []
    if not learned.card.neutral:
        effects = [learned.card.part(name, (*edges, edges[0] - 1.0)) for name, edges in learned.card.edges.items()]
        least, most = min(map(min, effects)), max(map(max, effects))
        parts.append(SENTENCES["card"].fill(least=float(least), most=float(most)))
    if abs(learned.level - 1.0) >= 0.005:
        parts.append(SENTENCES["level"].fill(level=learned.level))
    return parts


def _whole(shares: list[tuple[float, str]]) -> list[int]:
    """Shares in whole per cent that add up to 100: the largest remainders are rounded up."""
    total = sum(weight for weight, _ in shares)
    exact = [100 * weight / total for weight, _ in shares]
    rest = 100 - sum(map(int, exact))
    up = sorted(range(len(exact)), key=lambda i: int(exact[i]) - exact[i])[:rest]
    return [int(value) + (i in up) for i, value in enumerate(exact)]


def _season(season: SeasonEstimate) -> list[Text]:
    if not season.found:
        return [Text(season.reason.en, season.reason.zh)]
    facts = season.clock.describe()
    factor = {row["month"]: row["factor"] for row in facts["months"]}
    strongest, weakest = facts["strongest"], facts["weakest"]
    high, low = factor[strongest], factor[weakest]
    return [SENTENCES["season"].fill(strongest=strongest, weakest=weakest, high=high, low=low)]


def _misses(tested: Backtest | None, method: str) -> dict[str, float]:
    if tested is None or tested.amount <= 0 or not any(row["method"] == "transition" for row in tested.methods):
        return {}
    names = {"bias": method, "rule": "transition", "repeat": "repeat_last"}
    return {"periods": tested.periods} | {key: tested.score(name)["bias"] for key, name in names.items()}


def joined(parts: list[Text]) -> Text:
    """Sentences one after the other, as each language writes them."""
    return Text(" ".join(part.en for part in parts), "".join(part.zh for part in parts))
