"""The report of one run as plain data: every number a manager is shown, in no language yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from kezhi.language import Text

ZERO = Decimal(0)


@dataclass(frozen=True)
class Basis:
    """What the word value stands for in this run: which of the two deductions is made, and why not."""

    cost_known: bool
    expense_known: bool
    subtract_cost: bool
    subtract_expense: bool

    @property
    def cost(self) -> bool:
        """Whether product cost is taken off."""
        return self.cost_known and self.subtract_cost

    @property
    def expense(self) -> bool:
        """Whether relationship expense is taken off."""
        return self.expense_known and self.subtract_expense


@dataclass(frozen=True)
class Account:
    """Purchases, what was deducted, and the value that is left."""

    amount: Decimal = ZERO
    cost: Decimal = ZERO
    expense: Decimal = ZERO
    value: Decimal = ZERO

    @property
    def margin(self) -> float | None:
        """Gross margin as a share of purchases."""
        return float((self.amount - self.cost) / self.amount) if self.amount > 0 else None

    def __add__(self, other: Account) -> Account:
        return Account(
            self.amount + other.amount,
            self.cost + other.cost,
            self.expense + other.expense,
            self.value + other.value,
        )


@dataclass(frozen=True)
class PastPeriod:
    """One period of the whole company."""

    period: date
    purchases: int
    customers: int
    account: Account
    complete: bool


@dataclass(frozen=True)
class Expected:
    """What a coming period, or all of them, should bring, with the 80 % interval of the value."""

    period: date | None
    account: Account
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class TopCustomer:
    """One of the customers with the largest forecast."""

    customer_id: str
    name: str | None
    last_purchase: date | None
    purchases: int
    idle_periods: int | None
    value: Decimal
    margin: float | None
    steps: tuple[Decimal, ...]
    forecast: Decimal
    lower: float | None
    upper: float | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Band:
    """Customers whose forecast value lies between two bounds; None is open."""

    lower: Decimal | None
    upper: Decimal | None
    customers: int
    value: Decimal


@dataclass(frozen=True)
class Kind:
    """Accepted rows of one kind: sale, return, cancellation, zero."""

    kind: str
    rows: int
    amount: Decimal | None


@dataclass(frozen=True)
class RejectedRule:
    """Rows that one rule turned away."""

    code: str
    title: Text
    advice: Text | None
    rows: int
    returns: int
    amount: Decimal | None


@dataclass(frozen=True)
class TableRows:
    """How the rows of one input table were accounted for: accepted + quarantined = read."""

    table: str
    read: int
    accepted: int
    quarantined: int
    after_as_of: int
    kinds: tuple[Kind, ...]
    rules: tuple[RejectedRule, ...]


@dataclass(frozen=True)
class Score:
    """What one method would have predicted."""

    method: str
    amount: float | None
    bias: float | None
    mae: float | None
    rmse: float | None
    gini: float | None
    purchases: float | None
    purchases_bias: float | None
    top20: float | None = None
    purchases_mae: float | None = None
    purchases_rmse: float | None = None
    purchases_deviance: float | None = None


@dataclass(frozen=True)
class PastForecast:
    """The forecast made again at one past day: purchases that came up to `until`, and what each method foresaw."""

    split: date | None
    until: date | None
    customers: int
    amount: float
    forecast: dict[str, float]

    def error(self, method: str) -> float | None:
        """By which share of what came a method's total was too high."""
        said = self.forecast.get(method)
        return said / self.amount - 1 if said is not None and self.amount > 0 else None


@dataclass(frozen=True)
class Backtest:
    """The same method, made earlier, held against what then happened."""

    split: date | None
    until: date | None
    periods: int
    customers: int
    amount: float
    scores: tuple[Score, ...]
    origins: tuple[PastForecast, ...] = ()

    def score(self, method: str) -> Score | None:
        """The score of one method, if it took part."""
        return next((score for score in self.scores if score.method == method), None)


@dataclass(frozen=True)
class Note:
    """A warning or a diagnosis, in words."""

    code: str
    text: Text
    severity: str = "warning"


@dataclass(frozen=True)
class FittedModel:
    """A fitted distribution."""

    name: str
    parameters: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float | None
    customers: int | None
    diagnosis: tuple[Note, ...]


@dataclass(frozen=True)
class FrequencyBar:
    """Share of customer-periods with this many purchases, seen and expected."""

    purchases: int
    observed: float
    expected: float


@dataclass(frozen=True)
class Amounts:
    """How the mean amounts of active periods are spread, seen and expected."""

    edges: tuple[float, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    mode: float | None
    density_at_mode: float | None


@dataclass(frozen=True)
class FrequencyMove:
    """From this frequency, what comes next, and how likely after idle periods 0, 1, 2, ..."""

    now: int
    expected: float
    next: int
    p_by_idle: tuple[float, ...]


@dataclass(frozen=True)
class Transitions:
    """How average amount and frequency move from one period to the next."""

    edges: tuple[float, ...]
    expected_amount: tuple[float, ...]
    p_amount: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    observed: tuple[tuple[float | None, ...], ...]
    frequency: tuple[FrequencyMove, ...]
    trust_interval: tuple[int, ...]


@dataclass(frozen=True)
class Assumptions:
    """What can be tested of the method's six assumptions."""

    correlation: float | None
    dispersion: float | None
    customers: int | None
    active_periods: int | None
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class KindFactor:
    """Customers of one feature between two bounds (the upper one left out; None is open), and their factor."""

    lower: float | None
    upper: float | None
    factor: float


@dataclass(frozen=True)
class Learned:
    """What forecasts at past days taught: the models' weights, the level of the whole, factors by kind of customer.

    `card` says whether the factors are used, and why not; `before` and `after` are the deviance per customer without
    and with them at the newest past day; `came` is, for each past day, the purchases that came over those foreseen.
    """

    weights: dict[str, float]
    level: float | None
    origins: int
    card: str
    before: float | None
    after: float | None
    came: tuple[float, ...]
    factors: dict[str, tuple[KindFactor, ...]]


@dataclass(frozen=True)
class Busy:
    """How busy a month or an event is, 1 being an average time, with its standard error."""

    factor: float
    error: float


@dataclass(frozen=True)
class EventOfTheYear:
    """An event by its name in the settings, on its day of the year (1..366) where that is known."""

    name: str
    day: int | None
    busy: Busy


@dataclass(frozen=True)
class Season:
    """When in the year customers buy, and whether the history is long enough to know."""

    enough: bool
    found: bool
    notes: tuple[Note, ...]
    months: tuple[Busy, ...]
    strongest: int | None
    weakest: int | None
    events: tuple[EventOfTheYear, ...]


@dataclass(frozen=True)
class Models:
    """Everything the analyst may want to see of the fit."""

    method: str
    requested: str
    reason: Text | None
    fitted: tuple[FittedModel, ...]
    assumptions: Assumptions
    frequency: tuple[FrequencyBar, ...]
    amounts: Amounts | None
    transitions: Transitions | None
    backtest: Backtest | None
    backtest_reason: Text | None
    learned: Learned | None = None
    season: Season | None = None

    def weight(self, name: str) -> float | None:
        """A fitted model's share in the forecast; None where runs of an older version do not say."""
        return self.learned.weights.get(name, 0.0) if self.learned and self.learned.weights else None


@dataclass(frozen=True)
class SharePoint:
    """The best customers (a share of all) and the share of all value they brought; it may exceed 1."""

    customers: float
    value: float


@dataclass(frozen=True)
class ValueReport:
    """One run, ready to be put into words and figures."""

    run: str
    version: str
    created: str
    as_of: date
    period: str
    fiscal_start: int
    horizon: int
    currency: str | None
    basis: Basis
    customers: int
    purchases: int
    totals: Account
    history: tuple[PastPeriod, ...]
    current: Expected | None
    forecast: tuple[Expected, ...]
    outlook: Expected
    concentration: tuple[SharePoint, ...]
    top10_share: float | None
    top20_share: float | None
    top: tuple[TopCustomer, ...]
    bands: tuple[Band, ...]
    flags: tuple[tuple[str, int], ...]
    tables: tuple[TableRows, ...]
    warnings: tuple[Note, ...]
    models: Models
    settings: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    versions: dict[str, str]
    seconds: dict[str, float]
    worth: dict[str, Any] = field(default_factory=dict)  # see reports.worth: frozen data by topic

    @property
    def complete(self) -> tuple[PastPeriod, ...]:
        """Past periods that were observed to their end."""
        return tuple(past for past in self.history if past.complete)

    @property
    def unfinished(self) -> PastPeriod | None:
        """The period that `as_of` cuts short, as far as it went."""
        return next((past for past in reversed(self.history) if not past.complete), None)

    @property
    def recent(self) -> Account | None:
        """The last complete periods, as many as are forecast; None when there are not so many."""
        last = self.complete[-self.horizon :]
        return sum((past.account for past in last), Account()) if len(last) == self.horizon else None

    @property
    def flags_by_count(self) -> tuple[tuple[str, int], ...]:
        """Flags and how many customers carry them, most frequent first."""
        return tuple(sorted(self.flags, key=lambda pair: (-pair[1], pair[0])))
