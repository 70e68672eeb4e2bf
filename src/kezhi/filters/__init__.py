"""A small language that chooses rows of a table: `region = 'North' and idle_periods >= 2`.

    test  = field (= != < <= > >=) value | field [not] in (value, ...) | field is [not] empty
          | field [not] between value and value
          | field [not] contains 'text' | field [not] starts with 'text' | field [not] has 'text'
          | term (= != < <= > >=) term | term [not] between term and term
    term  = field | number | -term | term (+ - * /) term | (term)
    whole = test | not whole | whole and whole | whole or whole | (whole)

A value is 'text', a number (also 5%), a date such as 2026-12-31, true or false. `and` binds closer than `or`, * and /
closer than + and -. An empty cell passes no test but `is empty` and whatever begins with `not` or is `!=`; so does a
calculation with an empty cell in it, or one that divides by 0. A list of codes, as `flags`, is asked by `has` or `=`,
and may be named in the singular. Texts are compared letter by letter; codes that kezhi gives without regard to
capitals, and by their names too (`Vocabulary`). What was read is data (`Filter`), turned into an expression of the
table engine: nothing that a user writes is ever run as a program or as SQL.
"""

from kezhi.filters.asking import PLAIN, Vocabulary, condition, known_field
from kezhi.filters.reading import parse
from kezhi.filters.tree import (
    Calculation,
    Compare,
    Computed,
    Empty,
    Filter,
    Joined,
    Named,
    Not,
    Number,
    OneOf,
    Term,
    fields_of,
    tests_of,
    write,
)

__all__ = [
    "PLAIN",
    "Calculation",
    "Compare",
    "Computed",
    "Empty",
    "Filter",
    "Joined",
    "Named",
    "Not",
    "Number",
    "OneOf",
    "Term",
    "Vocabulary",
    "condition",
    "fields_of",
    "known_field",
    "parse",
    "tests_of",
    "write",
]
