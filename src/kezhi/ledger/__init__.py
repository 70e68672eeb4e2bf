"""Customer x period accounts and each customer's statistics, computed where the data is."""

from kezhi.ledger.accounts import SUM, as_sum, published_periods, recurring_expense
from kezhi.ledger.book import Book
from kezhi.ledger.calendar import Calendar, Period
from kezhi.ledger.expenses import ACQUISITION, expenses_by_customer, of_anybody
from kezhi.ledger.lines import returns_on_their_order
from kezhi.ledger.statistics import (
    Ledger,
    amount_histories,
    days_by_id,
    drawn,
    expense_floor,
    expense_rate,
    last_day,
    log_mean_amount_sum,
    open_ledger,
    purchase_histories,
    purchase_times,
    with_keys,
)

__all__ = [
    "ACQUISITION",
    "SUM",
    "Book",
    "Calendar",
    "Ledger",
    "Period",
    "amount_histories",
    "as_sum",
    "days_by_id",
    "drawn",
    "expense_floor",
    "expense_rate",
    "expenses_by_customer",
    "last_day",
    "log_mean_amount_sum",
    "of_anybody",
    "open_ledger",
    "published_periods",
    "purchase_histories",
    "purchase_times",
    "recurring_expense",
    "returns_on_their_order",
    "with_keys",
]
