"""Keeping, changing and withdrawing entries."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import currency_name
from kezhi_web.capture.forms import FORMS, Answers
from kezhi_web.capture.kinds import KINDS
from kezhi_web.capture.models import Entry
from kezhi_web.capture.surveys import survey_of
from kezhi_web.people.models import audit
from kezhi_web.people.rights import of_run, viewer_of
from kezhi_web.shown import Rows
from kezhi_web.words import say, spoken

USUAL: dict[str, dict[str, Any]] = {
    "contacts": {"channel": "phone", "direction": "out"},
    "suggestions": {"grade": "ordinary"},
    "opportunities": {"stage": "prospect"},
    "referrals": {"way": "came"},
}
IN_UNIT = Text("{what} ({unit})", "{what}（{unit}）")
NOT_YOURS = Text(
    "Only whoever recorded this, or somebody who sees all customers, can change it.",
    "只有登记人或可查看全部客户的人可以修改。",
)


def new_mark() -> str:
    """The mark of a form that is shown, by which it is known when it is sent twice."""
    return secrets.token_urlsafe(12)


def form_of(
    table: str,
    customer_id: str,
    rows: Rows,
    given: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
    prefix: str = "",
) -> forms.Form:
    """The form of a kind of entry: empty, filled with what was sent (`given`), or with what is kept."""
    more: dict[str, Any] = {}
    begins = {"date": timezone.localdate(), **USUAL.get(table, {})} | dict(kept or {})
    if table == "surveys":
        survey = survey_of(rows)
        more["survey"] = survey
        begins = Answers.initial_of(begins, survey)
    if table == "referrals":
        more |= {"customer": customer_id, "exists": lambda one: _exists(rows, one)}
    if table == "opportunities" and kept and kept.get("probability"):
        begins["probability"] = kept["probability"]
    names = f"{prefix}%s" if prefix else "id_%s"
    form = FORMS[table](given, initial=begins, auto_id=names, **more)
    unit = currency_name(rows.run.currency, spoken())
    if "amount" in form.fields and unit:
        form.fields["amount"].label = say(IN_UNIT, what=form.fields["amount"].label, unit=unit)
    return form


def _exists(rows: Rows, customer_id: str) -> bool:
    """Is this a customer of the company, whoever looks after them? Nothing else is told of them."""
    return Rows(rows.run, None, personal=False).sees(customer_id)


def record(request: HttpRequest, table: str, customer_id: str, row: Mapping[str, Any]) -> Entry:
    """See kezhi_web.capture.record."""
    if table not in FORMS:
        raise Http404
    _, rows = of_run(request)
    if not rows.sees(customer_id):
        raise Http404
    sent = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
    form = form_of(table, customer_id, rows, {**USUAL.get(table, {}), **sent})
    if not form.is_valid():
        raise KezhiError(_first_mistake(form))
    return keep(request, table, customer_id, form.row())[0]  # type: ignore[attr-defined]


def _first_mistake(form: forms.Form) -> Text:
    name, mistakes = next(iter(form.errors.items()))
    label = form.fields[name].label if name in form.fields else ""
    said = f"{label}: {mistakes[0]}" if label else str(mistakes[0])
    return Text(said, said)


def keep(request: HttpRequest, table: str, customer_id: str, row: dict[str, Any], form: str = "") -> tuple[Entry, bool]:
    """An entry of a checked row, and whether it is new; a referral belongs to the customer who was sent.

    form: the mark of the form that was filled in. The same form with the same content is one entry however often it is
    sent (a double click, the browser's way back); with another content it is another one.
    """
    customer_id, row = _placed(table, customer_id, row)
    viewer = viewer_of(request)
    assert viewer is not None
    found = {"table": table, "customer_id": customer_id, "row": row, "by": viewer.name}
    said = json.dumps([form, *found.values()], sort_keys=True)
    sent_as = hashlib.sha256(said.encode()).hexdigest() if form else None
    with transaction.atomic():
        if sent_as:
            entry, new = Entry.objects.get_or_create(sent_as=sent_as, defaults={**found, "language": spoken()})
        else:
            entry, new = Entry.objects.create(**found, language=spoken()), True
        if new:
            audit(request, "recorded", table=table, entry=entry.pk, customer=customer_id)
    if entry.taken_back:  # withdrawn, and sent once more
        withdraw(request, entry, back=True)
    return entry, new


def _placed(table: str, customer_id: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if table != "referrals":
        return customer_id, row
    if row["way"] == "sent":
        return row["other"], {"referrer_id": customer_id}
    return customer_id, {"referrer_id": row["other"]}


def kept_row(entry: Entry) -> dict[str, Any]:
    """An entry's row as its form's values."""
    if entry.table == "referrals":
        return {"way": "came", "other": entry.row["referrer_id"]}
    return dict(entry.row)


def may_change(request: HttpRequest, entry: Entry) -> bool:
    """The author, and whoever sees all customers."""
    viewer = viewer_of(request)
    return viewer is not None and viewer.may("record") and (viewer.name == entry.by or viewer.may("company"))


def change(request: HttpRequest, entry: Entry, row: dict[str, Any]) -> None:
    """Keep another row in an entry's place."""
    _check(request, entry)
    customer_id, row = _placed(entry.table, entry.customer_id, row)
    with transaction.atomic():
        entry.customer_id, entry.row = customer_id, row
        entry.save()
        audit(request, "record_changed", table=entry.table, entry=entry.pk, customer=entry.customer_id)


def withdraw(request: HttpRequest, entry: Entry, *, back: bool = False) -> None:
    """Take an entry out of what counts, or (back) put it in again; it is never deleted."""
    _check(request, entry)
    with transaction.atomic():
        entry.taken_back = None if back else timezone.now()
        entry.save()
        done = "record_restored" if back else "record_withdrawn"
        audit(request, done, table=entry.table, entry=entry.pk, customer=entry.customer_id)


def _check(request: HttpRequest, entry: Entry) -> None:
    if entry.table not in KINDS or not may_change(request, entry):
        raise KezhiError(NOT_YOURS)
