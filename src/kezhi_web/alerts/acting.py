"""What people do about alerts: assign, snooze, close, reopen; one alert or many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi.reports import numbers
from kezhi.settings.alerts import CAUSES
from kezhi_web.alerts.listing import Key, people, seen
from kezhi_web.alerts.models import Handling, Step
from kezhi_web.alerts.outcomes import OUTCOMES, WAYS
from kezhi_web.people.models import Person, audit
from kezhi_web.people.rights import ROLES, SignedIn
from kezhi_web.shown import Rows

MOST = 500  # alerts at once
LONGEST_SNOOZE = 366  # days
MOST_NOTE = 2000  # characters

NONE_CHOSEN = Text("Choose at least one alert.", "请至少选择一条预警。")
TOO_MANY = Text("At most {most} alerts at once.", "一次最多处理 {most} 条预警。")
NOBODY = Text("Choose to whom.", "请选择负责处理的人。")
CANNOT_SEE = Text(
    "{who} looks after other customers only and would not see {n} of these alerts; nothing was changed.",
    "{who} 只能看到自己负责的客户，看不到其中 {n} 条预警；未作任何更改。",
)
GONE = Text(
    "The newest run, up to {day}, no longer finds {n} of these alerts; nothing was changed.",
    "最近一次运行（截至{day}）已不再发现其中 {n} 条预警；未作任何更改。",
)
NO_DAY = Text("Say until which day, from tomorrow on and within a year.", "请选择日期：明天起一年之内。")
NO_OUTCOME = Text("Say what came of it.", "请选择处理结果。")
LONG = Text("A note has at most {most} characters.", "备注最多 {most} 个字符。")
NO_WAY = Text("Say how the customer was reached.", "请选择联系方式。")
CALL_DAY = Text(
    "The call cannot lie in the future, nor longer than a year ago.", "联系日期不能在将来，也不能早于一年前。"
)
MAY_NOT_RECORD = Text("Your role does not include recording calls.", "您的角色不包含记录联系。")


# what the audit log calls each step
NOTED = {
    "assign": "alerts_assigned",
    "snooze": "alerts_put_off",
    "wake": "alerts_taken_up",
    "close": "alerts_closed",
    "reopen": "alerts_reopened",
}
# what was done and told of it; or that nothing was: True where it is so already, False where it is too late
Change = tuple[str, str] | bool


@dataclass(frozen=True)
class Done:
    """How many alerts were changed, and how many were left since they had been closed or reopened before.

    repeated: of those left, how many were so already by the same person, who pressed twice.
    """

    changed: int
    left: int
    repeated: int = 0


def keys_of(given: Sequence[str]) -> list[Key]:
    """The alerts that a form names. Raises KezhiError for none or too many, Http404 for what is no alert."""
    if not given:
        raise KezhiError(NONE_CHOSEN)
    if len(given) > MOST:
        raise KezhiError(TOO_MANY.fill(most=MOST))
    return [key_of(one) for one in dict.fromkeys(given)]


def key_of(given: str) -> Key:
    """An alert's key from `day:cause:customer`."""
    since, _, rest = given.partition(":")
    cause, _, customer = rest.partition(":")
    try:
        return customer, cause, date.fromisoformat(since)
    except ValueError:
        raise Http404 from None


def assign(request: SignedIn, rows: Rows, keys: list[Key]) -> Done:
    """Make alerts somebody's task; `-` is nobody's."""
    wanted = request.POST.get("to", "")
    owners = _owners(rows, keys)
    if wanted != "-":
        person = next((one for one in workers() if one.user.get_username() == wanted), None)
        if person is None:
            raise KezhiError(NOBODY)
        if not person.viewer.may("company"):
            blind = sum(owner != person.owner for owner in owners.values())
            if blind:
                raise KezhiError(CANNOT_SEE.fill(who=wanted, n=blind))

    def change(one: Handling) -> Change:
        if one.outcome:
            return False
        one.assigned = "" if wanted == "-" else wanted
        return "assign", one.assigned

    return _each(request, keys, change)


def snooze(request: SignedIn, rows: Rows, keys: list[Key]) -> Done:
    """Put alerts out of sight until a day; without one they come back at once."""
    _owners(rows, keys)
    said = request.POST.get("until", "")
    until = None if said == "-" else _day(said, NO_DAY)
    today = timezone.localdate()
    if until is not None and not today < until <= today + timedelta(days=LONGEST_SNOOZE):
        raise KezhiError(NO_DAY)

    def change(one: Handling) -> Change:
        if one.outcome:
            return False
        one.until = until
        return ("snooze", until.isoformat()) if until else ("wake", "")

    return _each(request, keys, change)


def close(request: SignedIn, rows: Rows, keys: list[Key]) -> Done:
    """Close alerts with an outcome, and write the call down where there was one.

    Also those that a run closed by itself while somebody was on the telephone: what was said is worth keeping.
    """
    _owners(rows, keys, closed=True)
    outcome, note = request.POST.get("outcome", ""), request.POST.get("note", "").strip()
    if outcome not in OUTCOMES:
        raise KezhiError(NO_OUTCOME)
    if len(note) > MOST_NOTE:
        raise KezhiError(LONG.fill(most=MOST_NOTE))
    call = _call(request, outcome, note) if request.POST.get("call") and OUTCOMES[outcome].called else None
    closed: list[str] = []

    def change(one: Handling) -> Change:
        if one.outcome:
            return (one.outcome, one.note, one.closed_by) == (outcome, note, request.viewer.name)
        one.outcome, one.note, one.until = outcome, note, None
        one.closed_on = call["date"] if call else timezone.localdate()
        one.closed_by = request.viewer.name
        closed.append(one.customer_id)
        return "close", outcome

    with transaction.atomic():
        done = _each(request, keys, change, note)
        if call is not None:
            for customer in dict.fromkeys(closed):  # one call a customer, however many alerts it was about
                _record(request, customer, call)
    return done


def reopen(request: SignedIn, rows: Rows, keys: list[Key]) -> Done:
    """Take a closure back; the history keeps it."""
    _owners(rows, keys)

    def change(one: Handling) -> Change:
        if not one.outcome:
            return True
        was, one.outcome, one.note, one.closed_on, one.closed_by = one.outcome, "", "", None, ""
        return "reopen", was

    return _each(request, keys, change)


ACTIONS: dict[str, Callable[[SignedIn, Rows, list[Key]], Done]] = {
    "assign": assign,
    "snooze": snooze,
    "close": close,
    "reopen": reopen,
}


def workers() -> list[Person]:
    """Everybody whose task an alert can be: active people whose role includes working on alerts."""
    roles = [role for role, (_, rights) in ROLES.items() if "act" in rights]
    people = Person.objects.filter(role__in=roles, user__is_active=True).select_related("user")
    return list(people.order_by("user__username"))


def _owners(rows: Rows, keys: list[Key], *, closed: bool = False) -> dict[Key, str | None]:
    """Who looks after the customers of open alerts (`closed`: and of those that this run closed by itself).

    Raises Http404 for what the person may not see or what can be no alert, KezhiError where a run has closed one
    since the form was opened.
    """
    found = seen(rows, keys, closed=closed)
    gone = [key for key in keys if key not in found]
    if gone:
        known = people(rows, {customer for customer, _, _ in gone})
        if any(customer not in known or cause not in CAUSES for customer, cause, _ in gone):
            raise Http404
        day = Text(*(numbers.day(rows.run.as_of, language) for language in ("en", "zh")))
        raise KezhiError(Text(GONE.en.format(day=day.en, n=len(gone)), GONE.zh.format(day=day.zh, n=len(gone))))
    return found


def _each(request: SignedIn, keys: list[Key], change: Callable[[Handling], Change], note: str = "") -> Done:
    """Change alerts one by one, all of them or none."""
    changed, repeated, what, told = 0, 0, "", ""
    with transaction.atomic():
        for customer, cause, since in keys:
            one, _ = Handling.objects.select_for_update().get_or_create(customer_id=customer, cause=cause, since=since)
            done = change(one)
            if isinstance(done, bool):
                repeated += done
                continue
            one.save()
            what, told = done
            Step.objects.create(handling=one, who=request.viewer.name, what=what, told=told, note=note)
            changed += 1
        if changed:
            ids = [customer for customer, _, _ in keys]
            audit(request, NOTED[what], customers=ids, told=told, alerts=changed)
    return Done(changed, len(keys) - changed, repeated)


def _call(request: SignedIn, outcome: str, note: str) -> dict[str, Any]:
    """The call as the table of contacts has it."""
    if not request.viewer.may("record"):
        raise KezhiError(MAY_NOT_RECORD)
    way = request.POST.get("way", "")
    if way not in WAYS:
        raise KezhiError(NO_WAY)
    today = timezone.localdate()
    said = request.POST.get("day", "")
    called_on = _day(said, CALL_DAY) if said else today
    if not today - timedelta(days=LONGEST_SNOOZE) <= called_on <= today:
        raise KezhiError(CALL_DAY)
    return {"date": called_on, "channel": way, "direction": "out", "outcome": outcome, "note": note}


def _day(said: str, wrong: Text) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise KezhiError(wrong) from None


def _record(request: SignedIn, customer: str, call: dict[str, Any]) -> None:
    from kezhi_web import capture

    capture.record(request, "contacts", customer, call)
