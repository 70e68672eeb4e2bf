"""What management says of coming periods in place of what was computed: who, when, why, for whom, and undone."""

from kezhi.corrections.applying import Amendment, Applied
from kezhi.corrections.given import spans
from kezhi.corrections.log import Log
from kezhi.corrections.record import Change, Correction, Entry, Undoing, holding

__all__ = ["Amendment", "Applied", "Change", "Correction", "Entry", "Log", "Undoing", "holding", "spans"]
