"""Customers in groups: tiers, RFM, saved segments, movement between two dates, cohorts; every number opens its list."""
