"""What no order system knows, as people record it: contacts, suggestions, answers, opportunities, referrals, notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest

    from kezhi_web.capture.models import Entry
    from kezhi_web.capture.telling import Told
    from kezhi_web.shown import Rows


def record(request: HttpRequest, table: str, customer_id: str, row: Mapping[str, Any]) -> Entry:
    """Keep one entry of a customer, and note who did it; on disk when this returns.

    table: a key of kezhi_web.capture.kinds.KINDS, such as "contacts"; row: its fields, days and sums as themselves or
    as text. Raises KezhiError with a sentence for what cannot be kept, Http404 for a customer that the person may not
    see. The view needs the right "record".
    """
    from kezhi_web.capture.recording import record as keep

    return keep(request, table, customer_id, row)


def entries_of(customer_id: str, rows: Rows, *, everything: bool = False) -> list[Told]:
    """What was recorded of a customer and the book does not hold as it is.

    That is what is new, changed or withdrawn since a run, and notes. The newest first, with free texts masked for those
    without names. With `everything` also what the book holds, for a list of its own; beside the book's rows that would
    show entries twice.
    """
    from kezhi_web.capture.telling import of_customer

    return of_customer(customer_id, rows, everything=everything)
