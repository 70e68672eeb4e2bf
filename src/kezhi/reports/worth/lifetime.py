"""Lifetime value in the report: from purchases to what customers are worth in all, and who costs what they bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import figures, numbers, sections
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.markup import Child, Html, Row, folded, joined, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.reports.worth import lifetime_words as words

SHOWN = 5  # customers in each list of the page
HIGH = 0.2  # of the customers by purchases, among whom the dear ones are looked for
BENCHMARK = (5, 8)  # how many times dearer winning is said to be than keeping: a reference, no norm


@dataclass(frozen=True)
class Step:
    """One step from purchases to lifetime value: its name, the money, and whether it is a sum so far."""

    name: str
    money: Decimal
    is_sum: bool = False


@dataclass(frozen=True)
class Lifetime:
    """What a run says of lifetime value: `facts` as in worth.json; the most valuable and the dear customers."""

    facts: Mapping[str, Any]
    best: tuple[Mapping[str, Any], ...]
    dear: tuple[Mapping[str, Any], ...]

    @property
    def costs_known(self) -> bool:
        """Whether any cost beside the products is known."""
        return "cost_to_acquire" in self.facts

    def money(self, name: str) -> Decimal:
        """A sum of the company's."""
        return Decimal(str(self.facts.get(name) or 0))

    @property
    def any_cost(self) -> bool:
        """Whether anything at all was taken off the purchases."""
        return any(one.name in ("product_cost", *words.COSTS) for one in self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """From purchases to lifetime value; costs that are 0 are left out."""
        return tuple(self._steps())

    def _steps(self) -> Iterator[Step]:
        yield Step("amount", self.money("amount"), True)
        if self.money("product_cost"):
            yield Step("product_cost", -self.money("product_cost"))
        for name in words.COSTS if self.costs_known else ():
            if self.money(name):
                yield Step(name, -self.money(name))
        rest = self.money("realised_value") - self.money("amount") + self.money("product_cost")
        rest += sum((self.money(name) for name in words.COSTS), Decimal(0)) if self.costs_known else Decimal(0)
        if rest:
            yield Step("not_subtracted", rest)
        yield Step("realised_value", self.money("realised_value"), True)
        yield Step("residual_value", self.money("residual_value"))
        yield Step("lifetime_value", self.money("lifetime_value"), True)


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Lifetime | None:
    """The lifetime values of a run folder; None where nobody is a customer."""
    if not facts["customers"]:
        return None
    return Lifetime(facts, tuple(_best(engine, run)), tuple(_dear(engine, run, int(facts["customers"]))))


def _best(engine: Engine, run: Path) -> list[dict[str, Any]]:
    """The customers with the highest value in the wide view, referred customers' included where they are known."""
    import ibis

    rows = engine.read_parquet(run / "customers.parquet")
    referred: Any = rows.referred_value if "referred_value" in rows.columns else rows.amount * 0
    wide: Any = rows.lifetime_value.cast("float64") + referred.cast("float64")
    chosen = rows.select(
        "customer_id",
        "name",
        "amount",
        "residual_value",
        "lifetime_value",
        "lifetime_value_lower",
        "lifetime_value_upper",
        referred=referred.cast("decimal(28, 4)"),
        wide=wide,
    )
    found: list[dict[str, Any]] = engine.fetch(
        chosen.order_by(ibis.desc("wide"), "customer_id").limit(SHOWN)
    ).to_pylist()
    return found


def _dear(engine: Engine, run: Path, customers: int) -> list[dict[str, Any]]:
    """Of those who buy most, the ones who fall furthest once every cost is taken off (V19)."""
    import ibis

    path = run / "lifetime.parquet"
    if not path.exists():
        return []
    rows = engine.read_parquet(path)
    fall: Any = rows.rank_by_value - rows.rank_by_amount
    high = rows.mutate(fall=fall).filter((rows.rank_by_amount <= max(int(customers * HIGH), 1)) & (fall > 0))
    chosen = high.order_by(ibis.desc("fall"), "customer_id").limit(SHOWN)
    ordered = with_names(engine, run, chosen).order_by(ibis.desc("fall"), "customer_id")
    found: list[dict[str, Any]] = engine.fetch(ordered).to_pylist()
    return found


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Lifetime, report: ValueReport, canvas: Canvas) -> Html:
    """One sentence, the steps from purchases to lifetime value, and what stands apart from it."""
    return sections.section(
        canvas,
        words.TITLE,
        tag("p", _sentence(found, report, canvas)),
        canvas.place("figure-lifetime", steps.plain(found, canvas.language), words.FIGURE, "low"),
        canvas.as_table(_steps_table(found, canvas)),
        _views(found, canvas),
        _served(found, canvas),
        _ratio(found, canvas),
        _not_cash(found, canvas),
        folded(canvas.say(words.HOW_TITLE), *(tag("p", canvas.say(text)) for text in words.HOW)),
        name="lifetime",
    )


def _sentence(found: Lifetime, report: ValueReport, canvas: Canvas) -> str:
    facts = found.facts
    said = words.SENTENCE_END if facts["to_the_end"] else words.SENTENCE
    parts = [
        canvas.say(
            said,
            **{
                name: numbers.headline(found.money(name), report.currency, canvas.language)
                for name in ("lifetime_value", "realised_value", "residual_value")
            },
            n=numbers.count_of_periods(facts["periods"], facts["period"], canvas.language),
            after=canvas.say(words.AFTER if found.any_cost else words.NO_COST),
        )
    ]
    if not facts["to_the_end"] and len(report.complete) < facts["periods"]:
        parts.append(canvas.say(words.SHORT))
    if facts["discount_rate"]:
        parts.append(canvas.say(words.DISCOUNTED, rate=numbers.percent(facts["discount_rate"], 1)))
    if found.costs_known:
        n, of = numbers.grouped(facts["profitable"]), numbers.grouped(facts["customers"])
        parts.append(canvas.say(words.PROFITABLE, n=n, all=of))
    return canvas.say(Text(" ", "")).join(parts)


@Drawn
def steps(found: Lifetime, language: Language) -> Plot:
    """Bars from purchases down to what has remained, and up to lifetime value."""
    figure = figures.plain()
    level, bars = Decimal(0), []
    for one in found.steps:
        start = Decimal(0) if one.is_sum else level
        level = one.money if one.is_sum else level + one.money
        color = figures.OBSERVED if one.is_sum else figures.ACCENT if one.money > 0 else figures.INTERVAL
        bars.append((words.NAMES[one.name].to(language), float(start), float(one.money), color))
    names, bases, lengths, colors = zip(*bars[::-1], strict=True)
    figure.add_bar(
        x=list(lengths),
        y=list(names),
        base=list(bases),
        orientation="h",
        marker={"color": list(colors)},
        customdata=list(lengths),
        hovertemplate="%{y}: %{customdata:,.0f}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(height=60 + 32 * len(bars), bargap=0.3)
    figure.update_xaxes(tickformat=",~r", nticks=5)  # 2M is nothing that a Chinese reader says
    figure.update_yaxes(showgrid=False, automargin=True, dtick=1)
    return figure


def _steps_table(found: Lifetime, canvas: Canvas) -> Html:
    amount = found.money("amount")
    rows = [
        Row(
            [
                canvas.say(words.NAMES[one.name]),
                numbers.grouped(one.money, 2),
                numbers.percent(one.money / amount, 1) if amount > 0 else numbers.ABSENT,
            ],
            "total" if one.is_sum else None,
        )
        for one in found.steps
    ]
    return grid(canvas, (words.STEP, words.MONEY, words.SHARE), rows)


def _views(found: Lifetime, canvas: Canvas) -> Html:
    """The narrow view of the most valuable customers beside the wide one (V22)."""
    if not found.best:
        return Html("")
    rows = []
    referred = any(one["referred"] for one in found.best)
    for rank, one in enumerate(found.best, 1):
        realised = one["lifetime_value"] - one["residual_value"]
        cells: list[Child] = [_who(one, rank), numbers.grouped(one["amount"]), numbers.grouped(realised)]
        span = sections.span(one["lifetime_value_lower"], one["lifetime_value_upper"], 0)
        cells += [numbers.grouped(one["residual_value"]), numbers.grouped(one["lifetime_value"]), span]
        if referred:
            strong = tag("span", numbers.grouped(one["wide"]), class_="strong")
            cells += [numbers.grouped(one["referred"]), strong]
        rows.append(Row(cells))
    heads = [*words.VIEWS, *(words.REFERRED if referred else ())]
    said = words.WIDE_REFERRED if referred else words.WIDE
    return joined([heading(canvas, words.VIEWS_TITLE), tag("p", canvas.say(said)), grid(canvas, heads, rows)])


def _who(one: Mapping[str, Any], rank: int) -> Html:
    return who(one["customer_id"], one["name"], f"{rank}. ")


def _served(found: Lifetime, canvas: Canvas) -> Html:
    """Who buys much and costs much (V19), and what a contact costs by channel."""
    parts: list[Child] = []
    if found.dear:
        rows = [
            Row(
                [
                    _who(one, rank),
                    numbers.grouped(one["amount"]),
                    numbers.grouped(one["cost_to_sell"] + one["cost_to_serve"]),
                    numbers.grouped(one["realised_value"]),
                    numbers.grouped(one["rank_by_amount"]),
                    numbers.grouped(one["rank_by_value"]),
                ]
            )
            for rank, one in enumerate(found.dear, 1)
        ]
        parts += [heading(canvas, words.DEAR_TITLE), tag("p", canvas.say(words.DEAR_SAID))]
        parts.append(grid(canvas, words.DEAR, rows))
    if found.facts.get("channels"):
        rows = [
            Row(
                [
                    one["channel"] or canvas.say(words.NO_CHANNEL),
                    numbers.grouped(one["contacts"]),
                    numbers.grouped(one["customers"]),
                    numbers.grouped(Decimal(str(one["cost"]))),
                    numbers.grouped(Decimal(str(one["cost"])) / one["contacts"], 2),
                ]
            )
            for one in found.facts["channels"]
        ]
        parts.append(folded(canvas.say(words.CHANNELS_TITLE), grid(canvas, words.CHANNELS, rows)))
    return joined(parts)


def _ratio(found: Lifetime, canvas: Canvas) -> Html:
    """What winning a customer costs against keeping one (W09)."""
    keeping = found.facts.get("keeping")
    if not keeping or keeping["cost_per_new"] is None:
        return Html("")
    won = numbers.grouped(keeping["cost_per_new"], 2)
    if keeping["ratio"] is None:
        said = canvas.say(words.WON_ONLY, won=won)
    else:
        said = canvas.say(
            words.RATIO,
            won=won,
            kept=numbers.grouped(keeping["cost_per_kept"], 2),
            ratio=numbers.grouped(keeping["ratio"], 1),
            of=canvas.say(words.KEEPING[keeping["kept_by"]]),
            low=BENCHMARK[0],
            high=BENCHMARK[1],
        )
    return joined([heading(canvas, words.RATIO_TITLE), tag("p", said)])


def _not_cash(found: Lifetime, canvas: Canvas) -> Html:
    """Returns that are no cash, in no sum of money (V21)."""
    facts = found.facts.get("not_cash", {})
    said = [
        canvas.say(text, money=numbers.grouped(facts[name], 2)) for name, text in words.TYPED.items() if name in facts
    ]
    asked = facts.get("recommendation")
    if asked:
        counts = {name: numbers.grouped(asked[name]) for name in ("answers", "promoters", "critics")}
        said.append(canvas.say(words.RECOMMENDED, score=numbers.grouped(asked["score"]), **counts))
    selling = (found.facts.get("keeping") or {}).get("selling")
    if selling and selling["saved"] > 0:
        shown = {name: numbers.grouped(selling[name], 2) for name in ("first_year", "later")}
        said.append(canvas.say(words.SAVED, **shown))
    if not said:
        return Html("")
    rows = [tag("p", one) for one in said]
    return joined([heading(canvas, words.NOT_CASH_TITLE), tag("p", canvas.say(words.NOT_CASH_SAID)), *rows])


# --- the workbook -----------------------------------------------------------------------------------------


def sheets(found: Lifetime, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:
    """Customers by lifetime value, the highest first, with every part."""
    import ibis

    rows = engine.read_parquet(run / "customers.parquet")
    rows = rows.select(*words.FROM_CUSTOMERS)
    parts = run / "lifetime.parquet"
    columns = [*words.SHEET_CUSTOMER, *words.SHEET_VALUE]
    if parts.exists():
        costs = engine.read_parquet(parts).select(
            *words.COSTS, "product_cost", "realised_value", "rank_by_amount", "rank_by_value", who="customer_id"
        )
        rows = rows.left_join(costs, rows.customer_id == costs.who).drop("who")
        columns = [*words.SHEET_CUSTOMER, *words.SHEET_COSTS, *words.SHEET_VALUE, *words.SHEET_RANKS]
    best = engine.fetch(rows.order_by(ibis.desc("lifetime_value"), "customer_id").limit(book.listed)).to_pylist()
    sheet = book.sheet(words.TITLE, [column.width for column in columns])
    sheet.line(_sentence(found, report, Canvas(book.language)))
    sheet.cut(len(best), "lifetime.parquet")
    shown = {column.field: _sum(best, column) for column in columns if column.total}
    totals = {name: found.money(name) if name in found.facts else value for name, value in shown.items()}
    fill_sheet(sheet, columns, best, count=len(best), label=words.ALL, totals=totals, shown=shown)


def _sum(rows: list[dict[str, Any]], column: Column) -> Decimal:
    return sum((Decimal(row[column.field] or 0) for row in rows), Decimal(0))
