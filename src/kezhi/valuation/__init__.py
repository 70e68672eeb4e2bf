"""Choose and fit the models, forecast every customer's next periods, and say how far to trust it."""

from kezhi.valuation.memory import Memory
from kezhi.valuation.trial import Trial, run_trial
from kezhi.valuation.value import Valuation, value

__all__ = ["Memory", "Trial", "Valuation", "run_trial", "value"]
