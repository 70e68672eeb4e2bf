"""Whether customers would recommend the company: the net promoter score of survey answers.

Source: Reichheld (2003), "The one number you need to grow".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine

if TYPE_CHECKING:
    import ibis.expr.types as ir

ASKED = ("recommend", "recommendation", "would recommend", "nps", "net promoter score", "推荐", "推荐意愿", "净推荐值")
PROMOTER, CRITIC, HIGHEST = 9, 6, 10


def recommendation(engine: Engine, surveys: ir.Table | None) -> dict[str, Any] | None:
    """answers, promoters (9 and 10), critics (0 to 6), score (in points, -100 to 100); None where nobody was asked.

    Each customer's newest answer to a question about recommending counts, on the usual scale from 0 to 10.
    """
    if surveys is None or not {"dimension", "score"} <= set(surveys.columns):
        return None
    said: Any = surveys.dimension.strip().lower()
    asked = surveys.filter(said.isin(ASKED) & surveys.score.between(0, HIGHEST))
    newest = asked.group_by("customer_id").aggregate(day=asked.date.max())
    last = asked.join(newest, (asked.customer_id == newest.customer_id) & (asked.date == newest.day))
    each = last.group_by("customer_id").aggregate(score=last.score.max())
    found = engine.row(
        each.aggregate(
            answers=each.count(), promoters=(each.score >= PROMOTER).sum(), critics=(each.score <= CRITIC).sum()
        )
    )
    if not found["answers"]:
        return None
    return found | {"score": 100 * (found["promoters"] - found["critics"]) / found["answers"]}
