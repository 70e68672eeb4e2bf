"""What came of alerts that people closed: did the customers buy again? A count, not a proof."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text
from kezhi_web.alerts.models import Handling
from kezhi_web.alerts.outcomes import OUTCOMES
from kezhi_web.shown import Rows

CLOSED = "(select unnest(?::struct(customer_id varchar, outcome varchar, closed_on date)[], recursive := true))"


@dataclass(frozen=True)
class Since:
    """Of customers closed with one outcome: how many, of how many the run knows what came later, and who bought."""

    title: Text
    customers: int
    known: int
    bought: int

    @property
    def share(self) -> float | None:
        """Of those known; None of nobody."""
        return self.bought / self.known if self.known else None


def bought_since(rows: Rows) -> list[Since]:
    """By outcome: customers whose alerts people closed, and who bought after that day.

    A customer counts once for each outcome, from the first such day on. Known is of whom the run's data reaches
    beyond the day. It is no proof that the call helped: many would have bought anyway.
    """
    closed = list(Handling.objects.exclude(outcome="").values("customer_id", "outcome", "closed_on"))
    if not closed:
        return []
    found = rows.ask(
        f"with firsts as (select customer_id, outcome, min(closed_on) as day from {CLOSED} group by 1, 2) "
        "select outcome, count(*) as customers, count_if(day < ?) as known, "
        "count_if(day < ? and last_purchase > day) as bought "
        f"from firsts join {rows.table('customers')} using (customer_id) group by 1",
        [closed, rows.run.as_of, rows.run.as_of],
    )
    by = {row.pop("outcome"): row for row in found}
    return [Since(OUTCOMES[name].title, **by[name]) for name in OUTCOMES if name in by]
