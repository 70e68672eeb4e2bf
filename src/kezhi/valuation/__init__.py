"""Choose and fit the models, forecast every customer's next periods, and say how far to trust it."""

from kezhi.valuation.value import Valuation, value

__all__ = ["Valuation", "value"]
