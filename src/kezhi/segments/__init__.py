"""Groups of customers that a team acts on: tiers, RFM classes, need types, rules, movement between dates, alerts.

A topic here is measured like a sense of worth: a function from `Work` to `Found`, named in `kezhi.topics`.
"""
