"""Choose and fit the models, forecast every customer's next periods, and say how far to trust it."""

from kezhi.valuation.customers import Columns, Words, looked_up, packed, place_of, with_more
from kezhi.valuation.memory import Memory
from kezhi.valuation.trial import Trial, run_trial
from kezhi.valuation.value import Forecasted, Valuation, conclude, forecast_customers

__all__ = [
    "Columns",
    "Forecasted",
    "Memory",
    "Trial",
    "Valuation",
    "Words",
    "conclude",
    "forecast_customers",
    "looked_up",
    "packed",
    "place_of",
    "run_trial",
    "with_more",
]
