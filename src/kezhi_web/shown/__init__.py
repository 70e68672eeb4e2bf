"""What a run shows: which run, its rows in SQL as far as a person may see them, and the sections of its report."""

from kezhi_web.shown.parts import Part, part
from kezhi_web.shown.rows import Rows, literal
from kezhi_web.shown.run import NoRun, Shown, shown, workspace

__all__ = ["NoRun", "Part", "Rows", "Shown", "literal", "part", "shown", "workspace"]
