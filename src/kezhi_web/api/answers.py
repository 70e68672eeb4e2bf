"""What the API takes and gives, as its description says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

Row = dict[str, Any]


class Sentence(Schema):
    """A sentence in both languages."""

    en: str
    zh: str


class Refusal(Schema):
    """Why something was not done, and what to do."""

    error: Sentence


class Page(Schema):
    """Rows of a run. `next`: give it as `after` for the rows that follow; null at the end.

    Money is text with its decimals, so that sums stay exact; days are ISO dates; what is not known is null.
    """

    run: str
    as_of: date
    rows: list[Row]
    next: str | None = None


class Customer(Schema):
    """One customer: the row of customers.parquet with the book's own fields, forecast, open alerts, segments."""

    run: str
    as_of: date
    customer: Row
    forecast: list[Row]
    alerts: list[Row]
    segments: list[str]


class Forecast(Schema):
    """The company's forecast by period, its total, and its history."""

    run: str
    as_of: date
    currency: str | None
    period: str
    history: list[Row]
    forecast: list[Row]
    total: Row


class Segment(Schema):
    """A saved segment; customers: how many it has in the run."""

    name: str
    filter: str
    customers: int | None


class Segments(Schema):
    """All saved segments."""

    run: str
    as_of: date
    segments: list[Segment]


class Run(Schema):
    """A finished run."""

    name: str
    as_of: date
    created: datetime
    period: str
    horizon: int
    currency: str | None
    totals: Row


class Runs(Schema):
    """All finished runs, the newest first."""

    runs: list[Run]


class Work(Schema):
    """A piece of long work. state: waiting, working, done, failed, cancelled; share: 0 to 1; told: what it is doing, or
    why it failed; result: of a run its name, of an import its counts."""

    id: int
    kind: str
    state: str
    share: float
    told: Sentence | None
    result: Row


class RunAsked(Schema):
    """A run to start; what is left out is as the settings say."""

    as_of: date | None = None
    model: Annotated[str | None, Field(max_length=40)] = None
    horizon: Annotated[int | None, Field(ge=1, le=36)] = None


class Correction(Schema):
    """Corrections that were written down together."""

    numbers: list[int]
    at: str
    who: str
    why: str
    whom: list[str]
    words: list[Sentence]
    holds: bool
    effect: float | None


class Corrections(Schema):
    """All corrections, the newest first."""

    corrections: list[Correction]


class CorrectionAsked(Schema):
    """A figure to correct, for exactly one of: `customer`, those of a filter (`where`), `everyone`.

    change: "30%", "12000", "+2pt", "-100", "+10%", "*0.9". period: "2026-12", "2026Q4", "2026-12..2027-02",
    "2026-12.."; default: from the next period on. dry: only try it.
    """

    figure: Literal["margin", "expense", "amount"]
    change: Annotated[str, Field(min_length=1, max_length=40)]
    customer: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    where: Annotated[str | None, Field(min_length=1, max_length=2000)] = None
    everyone: bool = False
    period: Annotated[str | None, Field(max_length=40)] = None
    why: Annotated[str, Field(min_length=1, max_length=500)]
    dry: bool = False


class Tried(Schema):
    """A correction on its way. state: waiting, tried, confirmed, done, refused (told says why).

    result: customers and periods touched, the company's forecast before and after, the numbers in the log.
    """

    id: int
    state: str
    told: Sentence | None
    result: Row


class AlertAsked(Schema):
    """What becomes of an alert, which is named by `customer_id`, `cause` and `opened_on`: exactly one of the others.

    assign: a user name, "" for nobody. snooze: a day within a year. outcome: one of those that closing offers.
    """

    customer_id: Annotated[str, Field(min_length=1, max_length=200)]
    cause: Annotated[str, Field(min_length=1, max_length=30)]
    opened_on: date
    assign: Annotated[str | None, Field(max_length=150)] = None
    snooze: date | None = None
    outcome: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    note: Annotated[str, Field(max_length=2000)] = ""


class Changed(Schema):
    """How many alerts were changed, and how many left as they were since somebody else had been before."""

    changed: int
    left: int


class Imports(Schema):
    """What the book holds: every import by table, the newest first."""

    imports: list[Row]


class Uploaded(Schema):
    """An upload with the job that imports it; null while somebody has to decide on it on the page of the data."""

    upload: int
    table: str | None
    job: int | None
    trouble: Sentence | None


def plain(row: Mapping[str, Any], without: Iterable[str] = ()) -> Row:
    """A row for JSON: exact money as text, no infinities."""
    left_out = set(without)
    return {name: _plain(value) for name, value in row.items() if name not in left_out}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
