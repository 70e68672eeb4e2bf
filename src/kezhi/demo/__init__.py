"""A believable company with known truth, for a first look and for tests that must find what was put in."""

from kezhi.demo.company import Company, make_company

__all__ = ["Company", "make_company"]
