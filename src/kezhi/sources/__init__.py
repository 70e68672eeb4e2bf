"""Sources: read a company's files, find out what their columns mean, check every row, set bad ones apart."""

from kezhi.sources.checks import CHECKS
from kezhi.sources.mapping import parse_mapping
from kezhi.sources.presets import PRESETS
from kezhi.sources.reading import Reading, read_table
from kezhi.sources.report import ReadingReport
from kezhi.sources.tables import TABLES
from kezhi.sources.templates import template

__all__ = [
    "CHECKS",
    "PRESETS",
    "TABLES",
    "Reading",
    "ReadingReport",
    "parse_mapping",
    "read_table",
    "template",
]
