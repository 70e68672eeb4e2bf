"""The company scorecard: sales and growth, churn, retention, satisfaction, conversion and market share per period.

    growth      (this - before) / before                                                        (M01)
    churn       lost during it / customers at its start                                         (A08)
    retention   of those who bought, the share that bought again                                (M02)
    conversion  won / (won + lost) of the opportunities opened in it                            (M04)
    share       sales / size of the market in the same time                                     (M03)

What the data says nothing of stays empty; it is not zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM
from kezhi.settings.market import span
from kezhi.valuation.arrays import from_rows
from kezhi.worth import Early, Found, Work
from kezhi.worth.layers import in_order, tiers_of
from kezhi.worth.outcomes import outcome, says_the_outcome
from kezhi.worth.reputation import ASKED

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

FILE = "scorecard.parquet"
FLOW, YEARS = "scorecard_flow", "scorecard_years"
MONTHS = 12
MOST_YEARS = 5
BENCHMARK = 0.1  # "on average a company loses 10 % of its customers a year": a rule of thumb
FEW = 30  # answers or decided opportunities below which a share says little
SCALES = {5: 4, 7: 6, 10: 8, 100: 80}  # highest answer: from where on a customer is satisfied
NO_STAGE = ""
ZERO = Decimal(0)
Row = dict[str, Any]

COUNTS = (
    *("customers", "new_customers", "purchases", "at_start", "lost_customers", "buyers", "bought_again"),
    *("answers", "opened", "won", "lost"),
)
MONEY = (
    *("amount", "value", "new_amount", "growth_new", "growth_returned", "growth_kept", "growth_lost"),
    *("won_amount", "market_size", "largest_competitor"),
)
SHARES = (
    *("growth", "growth_year", "value_growth", "churn", "retention", "satisfaction", "satisfied", "conversion"),
    *("market_share", "relative_share", "share_change"),
)
MARKET_LEFT_OUT = Text(
    "The market of {spans} is not compared with sales: only what is made of whole periods of this run, lies within its "
    "history and is over can be.",
    "以下期间的市场规模未与销售额比较：{spans}。只有由完整的期组成、处于历史之内且已结束的期间才能比较。",
)


def measured(work: Work) -> Found | None:
    """Write scorecard.parquet: a row per period, per 12 months back from the last complete period, and per market.

    None where nobody has ever bought.
    """
    company = {row["number"]: row for row in work.ledger.company}
    bought = _bought(work)
    if not bought:
        return None
    ends = _ends(work)
    periods = _periods(work, company, min(bought), ends)
    years = _years(work, company, min(bought), ends)
    satisfaction = _add_satisfaction(work, periods, years)
    opportunities = _add_conversion(work, periods, years)
    market, left_out = _market(work, company, min(bought))
    work.engine.write_parquet(work.engine.table(_table([*periods, *years, *market])), work.folder / FILE)
    warnings = (("market_left_out", MARKET_LEFT_OUT.fill(spans=", ".join(left_out))),) if left_out else ()
    return Found(
        {
            "churn_after": work.settings.churn_after,
            "benchmark": BENCHMARK,
            "few": FEW,
            "by_tier": _by_tier(work),
            "satisfaction": satisfaction,
            "opportunities": opportunities,
        },
        warnings=warnings,
    )


def ahead(known: Early) -> dict[str, ir.Table]:
    """Who bought in which period and year."""
    bought = _bought(known)
    years = _years_told(known, min(bought)) if bought else 0
    found = {FLOW: _flow(known)} if bought else {}
    return found | ({YEARS: _between_years(known, years, MONTHS // known.calendar.months)} if years > 0 else {})


def _bought(known: Early) -> list[int]:
    """The numbers of the periods in which anybody bought."""
    return [row["number"] for row in known.ledger.company if row["purchases"]]


def growth(now: Any, before: Any) -> float | None:
    """By how much something grew, 0.2 is 20 %; None where there was nothing, or a loss, to grow from.

    >>> growth(120, 100)
    0.2
    """
    return float((now - before) / before) if before is not None and now is not None and before > 0 else None


def share(part: Any, whole: Any) -> float | None:
    """A part of the whole; None where there is no whole.

    >>> share(50, 500)
    0.1
    """
    return float(part / whole) if part is not None and whole is not None and whole > 0 else None


# --- whose relationships end when -------------------------------------------------------------------------


@dataclass(frozen=True)
class Ends:
    """How many relationships began with a purchase in one period and have their last one in another.

    They end as in the life cycles: with the period that completes `churn_after` periods without a purchase.
    """

    counts: Mapping[tuple[int, int], int]
    churn_after: int
    present: int

    def between(self, first: int, last: int) -> tuple[int, int]:
        """Customers at the start of period `first`, and how many of these were lost up to the end of `last`."""
        there = lost = 0
        for (began, latest), customers in self.counts.items():
            end = latest + self.churn_after
            if began < first and (end >= first or end > self.present):
                there += customers
                lost += customers * (end <= min(last, self.present))
        return there, lost


def _ends(work: Work) -> Ends:
    people = work.figures.filter(work.figures.first_purchase.notnull())
    numbers = {name: work.calendar.numbers(people[f"{name}_purchase"]) for name in ("first", "last")}
    counted = work.engine.fetch(people.group_by(**numbers).aggregate(customers=people.count()))
    counts = {(row["first"], row["last"]): row["customers"] for row in counted.to_pylist()}
    return Ends(counts, work.settings.churn_after, work.ledger.present)


def _churn(ends: Ends, first: int, last: int) -> Row:
    there, lost = ends.between(first, last)
    return {"at_start": there, "lost_customers": lost, "churn": share(lost, there)} if there else {}


# --- periods ----------------------------------------------------------------------------------------------


def _periods(work: Work, company: Mapping[int, Row], first: int, ends: Ends) -> list[Row]:
    flow = {row["number"]: row for row in work.engine.fetch(work.asked_ahead(FLOW, lambda: _flow(work))).to_pylist()}
    present, year = work.ledger.present, MONTHS // work.calendar.months
    rows = []
    for number in range(first, work.calendar.number(work.as_of) + 1):
        row = _sums(company, number, number)
        mine = flow.get(number, {"customers": 0, "new_customers": 0, "new_amount": ZERO, "again": 0})
        row |= {name: mine[name] for name in ("customers", "new_customers", "new_amount")}
        row |= _about(work, "period", number, number)
        if number <= present:
            before, earlier = _sums(company, number - 1, number - 1), _sums(company, number - year, number - year)
            row["growth"] = growth(row["amount"], before["amount"]) if number > first else None
            row["value_growth"] = growth(row["value"], before["value"]) if number > first else None
            row["growth_year"] = growth(row["amount"], earlier["amount"]) if number - year >= first else None
            row |= _churn(ends, number, number)
        if number + ends.churn_after <= present and mine["customers"]:
            row |= {"buyers": mine["customers"], "bought_again": mine["again"]}
            row["retention"] = share(mine["again"], mine["customers"])
        rows.append(row)
    return rows


def _flow(work: Early) -> ir.Table:
    """Who bought by period: number, customers, new_customers, new_amount, again (bought again before being lost)."""
    import ibis

    accounts = work.ledger.accounts
    bought = accounts.filter(accounts.purchases > 0).select("customer", "number", "amount")
    order = ibis.window(group_by="customer", order_by="number")
    rows = bought.mutate(before=bought.number.lag().over(order), after=bought.number.lead().over(order))
    soon: Any = rows.after - rows.number <= work.settings.churn_after
    return rows.group_by("number").aggregate(
        customers=rows.count(),
        new_customers=rows.before.isnull().sum().cast("int64"),
        new_amount=rows.amount.sum(where=rows.before.isnull()).coalesce(ibis.literal(0).cast(SUM)).cast(SUM),
        again=soon.fill_null(False).sum().cast("int64"),
    )


def _sums(company: Mapping[int, Row], first: int, last: int) -> Row:
    """purchases, amount and value of some periods of the company."""
    known = [company[number] for number in range(first, last + 1) if number in company]
    return {
        "purchases": sum(row["purchases"] for row in known),
        "amount": sum((row["amount"] for row in known), ZERO),
        "value": sum((row["amount"] - row["cost"] - row["expense"] for row in known), ZERO),
    }


def _about(work: Work, level: str, first: int, last: int) -> Row:
    return {
        "level": level,
        "start": work.calendar.start(first),
        "until": work.calendar.end(last),
        "complete": last <= work.ledger.present,
    }


# --- twelve months and twelve months ----------------------------------------------------------------------


def _years(work: Work, company: Mapping[int, Row], first: int, ends: Ends) -> list[Row]:
    """Twelve months after twelve months up to the last complete period, as far as the history reaches; oldest first."""
    year, present = MONTHS // work.calendar.months, work.ledger.present
    count = _years_told(work, first)
    if count < 1:
        return []
    found = work.engine.row(work.asked_ahead(YEARS, lambda: _between_years(work, count, year)))
    rows = []
    for back in reversed(range(count)):
        last = present - back * year
        row = _sums(company, last - year + 1, last) | _about(work, "year", last - year + 1, last)
        row |= {name: found[f"{name}_{back}"] for name in ("customers", "new_customers", "new_amount")}
        row |= _churn(ends, last - year + 1, last)
        if back < count - 1:
            before = _sums(company, last - 2 * year + 1, last - year)
            row["growth"] = row["growth_year"] = growth(row["amount"], before["amount"])
            row["value_growth"] = growth(row["value"], before["value"])
            row |= {f"growth_{part}": found[f"{part}_{back}"] for part in ("new", "returned", "kept", "lost")}
            row |= {name: found[f"{name}_{back}"] for name in ("buyers", "bought_again")}
            row["retention"] = share(row["bought_again"], row["buyers"])
        rows.append(row)
    return rows


def _years_told(work: Early, first: int) -> int:
    return min(MOST_YEARS, (work.ledger.present - first + 1) // (MONTHS // work.calendar.months))


def _between_years(work: Early, count: int, year: int) -> ir.Table:
    """One row: of each year who bought, and from whom the change of sales came; year 0 is the newest.

    new: first purchase in that year. kept: bought in both years. lost: bought in the year before only. returned: the
    others. What these four changed adds up to the change of the company's sales.
    """
    import ibis

    present, accounts = work.ledger.present, work.ledger.accounts
    accounts = accounts.filter(accounts.number <= present)
    back: Any = (present - accounts.number) // year
    zero = ibis.literal(0).cast(SUM)
    bought: Any = accounts.purchases > 0
    people = accounts.group_by("customer").aggregate(
        first=accounts.number.min(where=bought),
        **{f"amount_{k}": accounts.amount.sum(where=back == k).coalesce(zero).cast(SUM) for k in range(count)},
        **{f"bought_{k}": (bought & (back == k)).any() for k in range(count)},
    )
    columns: dict[str, Any] = {}
    for k in range(count):
        mine: Any = people[f"bought_{k}"]
        new: Any = mine & (people.first > present - (k + 1) * year)
        columns[f"customers_{k}"] = mine.sum().cast("int64")
        columns[f"new_customers_{k}"] = new.sum().cast("int64")
        columns[f"new_amount_{k}"] = people[f"amount_{k}"].sum(where=new).coalesce(zero).cast(SUM)
        if k == count - 1:
            continue
        before: Any = people[f"bought_{k + 1}"]
        kept, lost = mine & before, before & ~mine
        parts = {"new": new, "kept": kept, "lost": lost, "returned": ~(new | kept | lost)}
        for name, of_them in parts.items():
            now, then = (people[f"amount_{n}"].sum(where=of_them).coalesce(zero) for n in (k, k + 1))
            columns[f"{name}_{k}"] = (now - then).cast("decimal(38, 4)").cast(SUM)
        columns[f"buyers_{k}"] = before.sum().cast("int64")
        columns[f"bought_again_{k}"] = kept.sum().cast("int64")
    return people.aggregate(**columns)


def _by_tier(work: Work) -> list[Row]:
    """Sales of the last 12 months by the tier at their start; empty where the movement within the log is not known."""
    found = work.found.get("movement")
    matrices = [] if found is None else found.facts["matrices"]
    cells: list[Row] = next((one["cells"] for one in matrices if one["source"] == "log"), [])
    rows: dict[str, Row] = {}
    for cell in cells:
        row = rows.setdefault(cell["before"], {"state": cell["before"], "customers": 0, "amount_before": ZERO,
                                               "amount": ZERO})  # fmt: skip
        for name in ("customers", "amount_before", "amount"):
            row[name] += cell[name]
    return [{**row, "growth": growth(row["amount"], row["amount_before"])} for row in rows.values()]


# --- satisfaction -----------------------------------------------------------------------------------------


def _add_satisfaction(work: Work, periods: Sequence[Row], years: Sequence[Row]) -> Row | None:
    """answers, satisfaction (mean score) and satisfied (share) of the periods; the scale is that of all answers.

    Whether somebody would recommend the company is asked on a scale of its own and does not count here.
    """
    surveys = work.book.surveys
    if surveys is None or not {"score", "date"} <= set(surveys.columns):
        return None
    asked: Any = surveys.score.notnull() & surveys.date.notnull()
    if "dimension" in surveys.columns:
        asked &= ~surveys.dimension.strip().lower().isin(ASKED).fill_null(False)
    rows = surveys.filter(asked)
    score: Any = rows.score.cast("decimal(18, 6)")
    columns = {f"up_to_{top}": (rows.score >= least).sum().cast("int64") for top, least in SCALES.items()}
    sums = rows.group_by(number=work.calendar.numbers(rows.date)).aggregate(
        answers=rows.count(), total=score.sum().cast("decimal(38, 6)"), highest=rows.score.max(), **columns
    )
    found = work.engine.fetch(sums).to_pylist()
    highest = max((row["highest"] for row in found), default=None)
    if highest is None:
        return None
    scale = next((top for top in SCALES if highest <= top), None)
    for row in (*periods, *years):
        mine = [one for one in found if _within(work, row, one["number"])]
        answers = sum(one["answers"] for one in mine)
        if answers:
            row["answers"] = answers
            row["satisfaction"] = float(sum(one["total"] for one in mine)) / answers
            if scale is not None:
                row["satisfied"] = sum(one[f"up_to_{scale}"] for one in mine) / answers
    return {
        "answers": sum(row["answers"] for row in found),
        "scale": scale,
        "satisfied_from": SCALES.get(scale) if scale is not None else None,
    }


def _within(work: Work, row: Row, number: int) -> bool:
    return bool(work.calendar.number(row["start"]) <= number <= work.calendar.number(row["until"]))


# --- opportunities ----------------------------------------------------------------------------------------


@dataclass
class Funnel:
    """Opportunities, those that are decided, and what they are worth."""

    opened: int = 0
    won: int = 0
    lost: int = 0
    amount: Decimal = ZERO
    won_amount: Decimal = ZERO

    def add(self, row: Row) -> None:
        """Add opportunities of one outcome."""
        self.opened += row["opened"]
        self.amount += row["amount"]
        if row["ended"] == "won":
            self.won += row["opened"]
            self.won_amount += row["amount"]
        self.lost += row["opened"] * (row["ended"] == "lost")

    @property
    def facts(self) -> Row:
        """The figures with the conversion: won / (won + lost)."""
        return {**vars(self), "conversion": share(self.won, self.won + self.lost)}


def _add_conversion(work: Work, periods: Sequence[Row], years: Sequence[Row]) -> Row | None:
    """opened, won, lost, won_amount, conversion of the periods in which opportunities were opened; and the funnel."""
    rows = work.book.opportunities
    if rows is None or not says_the_outcome(rows):
        return None
    found = _opportunities(work, rows)
    if not found:
        return None
    for row in (*periods, *years):
        funnel = Funnel()
        for one in found:
            if one["number"] is not None and _within(work, row, one["number"]):
                funnel.add(one)
        if funnel.opened:
            row |= {name: funnel.facts[name] for name in ("opened", "won", "lost", "won_amount", "conversion")}
    return _funnels(found)


def _opportunities(work: Work, rows: ir.Table) -> list[Row]:
    """number (of the period in which they were opened), stage, tier, ended, opened, amount."""
    import ibis

    number = work.calendar.numbers(rows.opened_on) if "opened_on" in rows.columns else ibis.null("int32")
    stage: Any = rows.stage.strip() if "stage" in rows.columns else ibis.literal(NO_STAGE)
    marked = rows.select(
        who="customer_id", number=number, stage=stage.coalesce(NO_STAGE), ended=outcome(rows), amount=rows.amount
    )
    tiers = work.ledger.named(tiers_of(work)).select("customer_id", "tier")
    joined = marked.left_join(tiers, marked.who == tiers.customer_id)
    keys = ("number", "stage", "tier", "ended")
    zero = ibis.literal(0).cast(SUM)
    sums = joined.group_by(*keys).aggregate(opened=joined.count(), amount=joined.amount.sum().coalesce(zero).cast(SUM))
    found: list[Row] = work.engine.fetch(sums).to_pylist()
    return found


def _funnels(found: list[Row]) -> Row:
    whole, stages, tiers = Funnel(), Counter[tuple[str, str]](), dict[str, Funnel]()
    worth: dict[tuple[str, str], Decimal] = {}
    for row in found:
        whole.add(row)
        key = (row["stage"], row["ended"])
        stages[key] += row["opened"]
        worth[key] = worth.get(key, ZERO) + row["amount"]
        if row["tier"] is not None:
            tiers.setdefault(row["tier"], Funnel()).add(row)
    order = ("open", "won", "lost")
    ordered = sorted(stages, key=lambda key: (order.index(key[1]), -stages[key], key[0]))
    return {
        **whole.facts,
        "stages": [
            {"stage": stage, "counts_as": ended, "opportunities": stages[stage, ended], "amount": worth[stage, ended]}
            for stage, ended in ordered
        ],
        "tiers": in_order([{"tier": tier, **funnel.facts} for tier, funnel in tiers.items()]),
    }


# --- market share -----------------------------------------------------------------------------------------


def _market(work: Work, company: Mapping[int, Row], first: int) -> tuple[list[Row], list[str]]:
    """A row for every time of which the market's size or the largest competitor is known, and those left out."""
    market = work.settings.market
    rows, left_out = [], []
    for given in {**market.size, **market.largest_competitor}:
        numbers = _numbers(work, given)
        if numbers is None or numbers[0] < first or numbers[1] > work.ledger.present:
            left_out.append(given)
            continue
        row = _sums(company, *numbers) | _about(work, "market", *numbers)
        row["market_size"], row["largest_competitor"] = (
            None if known.get(given) is None else Decimal(str(known[given]))
            for known in (market.size, market.largest_competitor)
        )
        row["market_share"] = share(row["amount"], row["market_size"])
        row["relative_share"] = share(row["amount"], row["largest_competitor"])
        rows.append(row)
    rows.sort(key=lambda row: (-(row["until"] - row["start"]).days // 27, row["start"]))
    return _with_change(work, rows), left_out


def _numbers(work: Work, given: str) -> tuple[int, int] | None:
    """The periods that a typed time is made of; None where it is not made of whole ones."""
    known = span(given, work.calendar.fiscal_start)
    if known is None or known[1] % work.calendar.months:
        return None
    start, months = known
    number = work.calendar.number(start)
    return (number, number + months // work.calendar.months - 1) if work.calendar.start(number) == start else None


def _with_change(work: Work, rows: list[Row]) -> list[Row]:
    """Each row with the change of the market share since the same length of time just before, in points."""
    ends = {(row["until"], _length(work, row)): row for row in rows}
    for row in rows:
        day_before = work.calendar.end(work.calendar.number(row["start"]) - 1)
        before = ends.get((day_before, _length(work, row)))
        if before is not None and None not in (row["market_share"], before["market_share"]):
            row["share_change"] = row["market_share"] - before["market_share"]
    return rows


def _length(work: Work, row: Row) -> int:
    return work.calendar.number(row["until"]) - work.calendar.number(row["start"])


# --- the file ---------------------------------------------------------------------------------------------


def _table(rows: Sequence[Row]) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema(
        [
            ("level", pa.string()),
            ("start", pa.date32()),
            ("until", pa.date32()),
            ("complete", pa.bool_()),
            *((name, pa.int64()) for name in COUNTS),
            *((name, pa.decimal128(28, 4)) for name in MONEY),
            *((name, pa.float64()) for name in SHARES),
        ]
    )
    return from_rows([{name: _cell(row.get(name)) for name in schema.names} for row in rows], schema)


def _cell(value: Any) -> Any:
    return value.quantize(Decimal("0.0001")) if isinstance(value, Decimal) else value
