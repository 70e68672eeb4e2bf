"""One row per customer: what they were worth, what they will be worth, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.valuation.forecast import Scored, amount_quantile, expected_expense, log_cumulants, value_bounds

if TYPE_CHECKING:
    import ibis.expr.types as ir

SUMS = ("amount", "cost", "expense", "value")
FLAGS = ("no_purchase", "one_purchase", "negative_value", "cost_missing", "negative_margin", "margin_capped")


Words = Sequence[str] | Sequence[int]


@dataclass(frozen=True)
class Columns:
    """More columns of customers.parquet: a stored table, and what stands where it has no row.

    table: by `customer`, the engine's key, or by customer_id. words: of the columns that have few values, which these
    are. In the table such columns are one whole number together, made by `packed`: a run sorts and keeps one number of
    eight bytes in place of many texts.
    """

    table: ir.Table
    otherwise: Mapping[str, float | None]
    words: Mapping[str, Words] = field(default_factory=dict)

    @property
    def stored(self) -> tuple[str, ...]:
        """The names of the columns as they are in the table."""
        plain = tuple(name for name in self.otherwise if name not in self.words)
        return (*plain, _packing(self.words)) if self.words else plain

    @property
    def rows(self) -> ir.Table:
        """The table with its key and these columns as they are written."""
        keys = [name for name in ("customer", "customer_id") if name in self.table.columns]
        return self.table.select(*keys, **{name: self.column(self.table, name) for name in self.otherwise})

    def column(self, rows: ir.Table, name: str) -> Any:
        """One of these columns, of rows that have what is stored."""
        return looked_up(self.words[name], self.place(rows, name)) if name in self.words else rows[name]

    def place(self, rows: ir.Table, name: str) -> Any:
        """The place of a column's value among its words, from 0; null where there is none."""
        shift, size = _bits(self.words)[name]
        number = rows[_packing(self.words)] >> shift if shift else rows[_packing(self.words)]
        return (number & (2**size - 1)).nullif(0) - 1


def packed(places: Mapping[str, Any], words: Mapping[str, Words]) -> dict[str, Any]:
    """The one stored column, by its name, for columns of places among these words, null for none."""
    # Ibis may believe that places have 64 bits already; on Spark they have 32
    wide = {name: place.cast("int32").cast("int64") for name, place in places.items()}
    parts = [(place + 1).coalesce(0) * 2 ** _bits(words)[name][0] for name, place in wide.items()]
    return {_packing(words): sum(parts[1:], start=parts[0])}


def _packing(words: Mapping[str, Words]) -> str:
    return f"places_of_{next(iter(words))}"


def _bits(words: Mapping[str, Words]) -> dict[str, tuple[int, int]]:
    """Where in the number each column begins, and how many bits it takes; 0 stands for no value."""
    sizes = [len(some).bit_length() for some in words.values()]
    starts = accumulate(sizes, initial=0)
    return {name: (start, size) for name, start, size in zip(words, starts, sizes, strict=False)}


def horizon_sums(forecast: ir.Table, people: ir.Table) -> ir.Table:
    """The forecast of each customer, by the engine's key, added up over steps 1..horizon.

    people: customer and customer_id; a run joins these sums many times, and whole numbers are found faster than texts.
    """
    sums = forecast.group_by("customer_id").aggregate(
        expected_purchases=forecast.expected_purchases.cast("decimal(18, 10)").sum().cast("float64"),
        highest_margin=forecast.margin.max(),
        **{f"forecast_{name}": forecast[name].sum().cast(SUM) for name in SUMS},
    )
    return sums.inner_join(people.select("customer", "customer_id"), "customer_id").drop("customer_id")


def value_rows(scored: Scored, sums: ir.Table) -> ir.Table:
    """Customers with what is forecast of them over the horizon, its margin and its spread.

    The columns of the ledger's statistics, of `horizon_sums`, of the models' scores; and margin_next.
    """
    rows = scored.over_horizon().left_join(sums, "customer", rname="{name}_f").drop("customer_f")
    amount: Any = rows.forecast_amount.cast("float64")
    margin: Any = (1.0 - rows.forecast_cost.cast("float64") / amount.nullif(0.0)).coalesce(1.0)
    return rows.mutate(margin_next=margin)


def value_table(
    rows: ir.Table, names: ir.Table | None, horizon: int, cost_known: bool, more: Sequence[Columns] = ()
) -> ir.Table:
    """The columns of `customers.parquet`, the highest forecast value first, from `value_rows`."""
    import ibis

    rows = _with_names(rows, names)
    for one in more:
        rows = _joined(rows, one)
    lower, upper = value_bounds(rows, "total_", rows.margin_next, horizon)
    past: Any = rows.amount.cast("float64")
    bought: Any = rows.purchases > 0
    made = rows.select(
        "customer",
        "customer_id",
        "name",
        "first_purchase",
        "last_purchase",
        tenure_days=rows.tenure_days.cast("int64"),
        purchases=rows.purchases,
        active_periods=rows.active_periods,
        idle_periods=ibis.ifelse(bought, rows.idle_periods, None).cast("int64"),
        last_frequency=rows.last_frequency,
        last_mean_amount=rows.last_mean_amount,
        last_margin=rows.last_margin if cost_known else ibis.null("float64"),
        amount=rows.amount,
        cost=rows.cost,
        expense=rows.expense,
        value=as_sum(rows.amount - rows.cost - rows.expense),
        margin=(past - rows.cost.cast("float64")) / past.nullif(0.0) if cost_known else ibis.null("float64"),
        mean_amount=past / rows.purchases.nullif(0),
        p_alive=rows.p_alive,
        expected_purchases=rows.expected_purchases,
        forecast_amount=rows.forecast_amount,
        forecast_cost=rows.forecast_cost,
        forecast_expense=rows.forecast_expense,
        forecast_value=rows.forecast_value,
        forecast_value_lower=lower.coalesce(0.0),
        forecast_value_upper=upper.coalesce(0.0),
        forecast_amount_lower=amount_quantile(rows, "total_", "lower").coalesce(0.0),
        forecast_amount_upper=amount_quantile(rows, "total_", "upper").coalesce(0.0),
        **{name: rows[name] for one in more for name in one.stored},
        flags=_flags(rows, cost_known),
    )
    # what is sorted are small numbers; words and lists of words are made of them afterwards
    best_first = made.order_by(ibis.desc("forecast_value"), "customer").drop("customer")
    stored = {"flags", *(name for one in more for name in one.stored)}
    return best_first.select(
        *(name for name in best_first.columns if name not in stored),
        **{name: one.column(best_first, name) for one in more for name in one.otherwise},
        flags=_words(best_first.flags),
    )


def own_variance(rows: ir.Table, horizon: int) -> ir.Table:
    """What the company's interval needs of each customer, from `value_rows`.

    history, amount_periods, mean_amount_sum; net_share, how much of one more unit of purchases ends up as value;
    variance, that of the amount given the parameters; worth, the value of one more expected purchase; purchases_next.
    """
    share = _net_share(rows, rows.margin_next, horizon)
    return rows.select(
        "history",
        "amount_periods",
        "mean_amount_sum",
        bought=rows.purchases > 0,
        net_share=share,
        variance=_amount_variance(rows),
        worth=rows.mean_next * rows.amount_factor * share,
        purchases_next=rows.expected_purchases * share,
    )


def names_of(people: ir.Table | None) -> ir.Table | None:
    """customer_id and name from the book's customers; None where no names are known."""
    if people is None or "name" not in people.columns:
        return None
    return people.group_by("customer_id").aggregate(name=people.name.max())


def _with_names(rows: ir.Table, names: ir.Table | None) -> ir.Table:
    import ibis

    if names is None:
        return rows.mutate(name=ibis.null("string"))
    return rows.left_join(names, "customer_id", rname="{name}_n")


def with_more(rows: ir.Table, more: Columns, names: Sequence[str]) -> ir.Table:
    """Rows with customer_id, and more columns of these names."""
    wanted = {name: value for name, value in more.otherwise.items() if name in names}
    joined = _joined(rows, more)
    return joined.select(*rows.columns, **{name: more.column(joined, name) for name in wanted})


def _joined(rows: ir.Table, more: Columns) -> ir.Table:
    """Rows with what is stored of more columns; what stands where there is no row is in the column's type."""
    import ibis

    # by the engine's own key where both know it: whole numbers are found faster than texts
    key = "customer" if "customer" in rows.columns and "customer" in more.table.columns else "customer_id"
    joined = rows.left_join(more.table.select(key, *more.stored), key, rname="{name}_more")
    # in the column's own type: of money and 0.0 one engine makes money, another a float
    filled = {
        name: joined[name].coalesce(ibis.literal(value).cast(joined[name].type()))
        for name, value in more.otherwise.items()
        if value is not None
    }
    return joined.mutate(**filled).drop(f"{key}_more")


def place_of(column: Any, words: Sequence[str]) -> Any:
    """A column of texts as places among these words; what is none of them is null."""
    import ibis

    return ibis.cases(*((column == word, place) for place, word in enumerate(words)), else_=None).cast("int8")


def looked_up(words: Sequence[str] | Sequence[int], place: Any) -> Any:
    """Words, or numbers of 64 bits, by a column of places from 0: one step, where cases would be tried in turn."""
    import ibis

    if isinstance(words[0], str):
        # Spark believes an element of such an array is never null, and writes nulls into a column that allows none:
        # a file that nobody can read. What NULLIF gives may be null, and no word is empty.
        return ibis.literal(list(words), type="array<string>")[place.cast("int32")].nullif("")
    return ibis.literal(list(words), type="array<int32>")[place.cast("int32")].cast("int64")


def _flags(rows: ir.Table, cost_known: bool) -> Any:
    """What a reader should know about this customer's figures (R20), as one number: a bit for each of FLAGS."""
    value: Any = rows.amount - rows.cost - rows.expense
    tests: dict[str, Any] = {
        "no_purchase": rows.purchases == 0,
        "one_purchase": rows.purchases == 1,
        "negative_value": value < 0,
    }
    if cost_known:
        tests["cost_missing"] = rows.last_uncosted > 0
        tests["negative_margin"] = rows.last_margin < 0
        tests["margin_capped"] = (rows.highest_margin >= 1.0) & (rows.last_margin < 1.0)
    bits: list[Any] = [test.coalesce(False).cast("int32") * 2 ** FLAGS.index(code) for code, test in tests.items()]
    return sum(bits[1:], start=bits[0])


def _words(number: Any) -> Any:
    """The codes whose bits are set, looked up in the list of all combinations."""
    import ibis

    sets = [[code for bit, code in enumerate(FLAGS) if number >> bit & 1] for number in range(2 ** len(FLAGS))]
    return ibis.literal(sets, type="array<array<string>>")[number]


def _net_share(rows: ir.Table, margin: Any, horizon: int) -> Any:
    """How much of one more unit of purchases ends up as value."""
    amount: Any = rows.forecast_amount.cast("float64")
    expense = horizon * expected_expense(amount / horizon, rows)
    return margin - (expense / amount.nullif(0.0)).coalesce(0.0)


def _amount_variance(rows: ir.Table) -> Any:
    """Variance of a customer's total amount given the parameters, from a log-normal with the interval's spread."""
    import ibis

    log_mean, spread, *_ = log_cumulants(rows, "total_")
    something: Any = ibis.least(rows.forecast_amount.cast("float64") / (log_mean + spread / 2.0).exp(), 1.0)
    square: Any = something * (2.0 * log_mean + 2.0 * spread).exp()
    variance: Any = square - (something * (log_mean + spread / 2.0).exp()).pow(2)
    return ibis.greatest(variance, 0.0).coalesce(0.0)
