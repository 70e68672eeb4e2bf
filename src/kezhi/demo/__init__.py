"""A believable company with known truth, for a first look and for tests that must find what was put in."""

from kezhi.demo.company import Company, make_company
from kezhi.demo.referral_case import Case, make_referral_case

__all__ = ["Case", "Company", "make_company", "make_referral_case"]
