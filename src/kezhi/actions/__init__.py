"""What came of what was done for customers: treated against control customers.

A topic here is measured like a sense of worth: a function from `Work` to `Found`, named in `kezhi.topics`.
"""
