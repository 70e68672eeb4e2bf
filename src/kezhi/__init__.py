"""kezhi (客值): what every customer was worth, what each will be worth, and how sure that is.

import kezhi
run = kezhi.analyse("orders.csv", period="month", horizon=3)
stats = kezhi.statistics("orders.csv", split="2025-06-30")
fit = kezhi.models.NBD().fit(stats)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"
__all__ = [
    "__version__",
    "alerts",
    "analyse",
    "assess",
    "backtest",
    "cohort_table",
    "compare",
    "continuing_value",
    "correct",
    "correct_from",
    "corrections_of",
    "customer",
    "customer_curve",
    "customers_for",
    "delivered_value",
    "draw_control",
    "drop_segment",
    "export",
    "models",
    "perceived_value",
    "rankings",
    "referral_scenario",
    "save_segment",
    "saved_segments",
    "score_sheet",
    "scorecard",
    "segment",
    "segment_profile",
    "statistics",
    "undo_correction",
    "value_sheet",
    "what_if",
]

if TYPE_CHECKING:
    from kezhi import models
    from kezhi.actions.drawing import draw_control
    from kezhi.analysis import analyse, backtest, statistics
    from kezhi.assessments import assess
    from kezhi.comparing import compare
    from kezhi.correcting import correct, correct_from, corrections_of, undo_correction
    from kezhi.exporting import export
    from kezhi.one_customer import customer, rankings, score_sheet
    from kezhi.prospects import customers_for
    from kezhi.segmenting import drop_segment, save_segment, saved_segments, segment, segment_profile
    from kezhi.segments.alert_lists import alerts
    from kezhi.worth.continuing import continuing_value
    from kezhi.worth.followed import cohort_table, customer_curve
    from kezhi.worth.received import delivered_value, perceived_value, value_sheet
    from kezhi.worth.referral_scenario import referral_scenario
    from kezhi.worth.scorecards import scorecard
    from kezhi.worth.what_if import what_if

_HOMES = {
    **dict.fromkeys(("analyse", "backtest", "statistics"), "kezhi.analysis"),
    **dict.fromkeys(("customer", "rankings", "score_sheet"), "kezhi.one_customer"),
    **dict.fromkeys(("delivered_value", "perceived_value", "value_sheet"), "kezhi.worth.received"),
    **dict.fromkeys(("cohort_table", "customer_curve"), "kezhi.worth.followed"),
    **dict.fromkeys(("correct", "correct_from", "corrections_of", "undo_correction"), "kezhi.correcting"),
    "draw_control": "kezhi.actions.drawing",
    "alerts": "kezhi.segments.alert_lists",
    **dict.fromkeys(
        ("drop_segment", "save_segment", "saved_segments", "segment", "segment_profile"), "kezhi.segmenting"
    ),
    "assess": "kezhi.assessments",
    "compare": "kezhi.comparing",
    "continuing_value": "kezhi.worth.continuing",
    "customers_for": "kezhi.prospects",
    "export": "kezhi.exporting",
    "referral_scenario": "kezhi.worth.referral_scenario",
    "scorecard": "kezhi.worth.scorecards",
    "what_if": "kezhi.worth.what_if",
}


def __getattr__(name: str) -> Any:
    """Load a part when it is first asked for: the engine takes a second to import."""
    if name == "models":
        return import_module("kezhi.models")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kezhi' has no attribute {name!r}")
