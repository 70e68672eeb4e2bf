"""Free text for those who may not see how to reach a customer: by the same rule as on the command line."""

from kezhi.one_customer import masked

__all__ = ["masked"]
