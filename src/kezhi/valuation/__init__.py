"""Choose and fit the models, forecast every customer's next periods, and say how far to trust it."""

from kezhi.valuation.customers import Columns, with_more
from kezhi.valuation.memory import Memory
from kezhi.valuation.trial import Trial, run_trial
from kezhi.valuation.value import Forecasted, Valuation, conclude, forecast_customers

__all__ = [
    "Columns",
    "Forecasted",
    "Memory",
    "Trial",
    "Valuation",
    "conclude",
    "forecast_customers",
    "run_trial",
    "with_more",
]
