"""Trying a correction before it is made, and making it: kezhi's own `correct`, `correct_from`, `undo_correction`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi_web.corrections.models import CONFIRMED, DONE, REFUSED, TRIED, WAITING, Trial
from kezhi_web.runs.jobs import enqueue
from kezhi_web.shown import Rows
from kezhi_web.shown.run import named

if TYPE_CHECKING:
    from kezhi.correcting import Newest, Outcome

AT_ONCE = 20_000  # customers of a run up to which a trial does not wait for the worker
MOST_LISTED = 5_000  # customers that are corrected one by one
TOP = 10
LEAST = 0.005  # of money, by which a customer's forecast has to move to be counted; less is rounding
FORGOTTEN = timedelta(days=7)  # a trial that nobody confirmed
_alone = threading.Lock()  # what corrections compute takes memory; two at a time need not

MANY = Text(
    "This filter asks for what corrections cannot ask for, so its customers would be corrected one by one, and there "
    "are more than {most:,} of them. Choose by other fields, as region or owner.",
    "此筛选用到了修正不能使用的字段，只能逐个客户修正，但客户超过 {most:,} 位。请改用其他字段，如地区或负责人。",
)
FAILED = Text(
    "Something went wrong that is not about your figures. Try once more; if it happens again, the administrator finds "
    "the reason in the server's log.",
    "出现了与您填写的数字无关的错误。请再试一次；如仍出现，管理员可在服务器日志中查看原因。",
)
NOT_NOW = Text("This correction is no longer there; make it again.", "该修正已不存在，请重新填写。")


def kept(trial: Trial) -> Path:
    """Where the workbook of a trial lies."""
    return settings.OWN / "corrections" / f"{trial.pk}.xlsx"


def is_large() -> bool:
    """Are there so many customers that the worker tries a correction?"""
    return bool(named(None).manifest["totals"]["customers"] > AT_ONCE)


def begin(trial: Trial) -> None:
    """Try it: at once in a small company, by the worker in a large one."""
    tidy()
    if is_large():
        enqueue("correction trial", {"trial": trial.pk}, trial.by)
    else:
        attempt(trial)


def attempt(trial: Trial) -> None:
    """Find out what would come of it, and write nothing but that."""
    with _refused_where_it_fails(trial):
        with _alone:
            outcome = _tried(trial)
            trial.result = _said(outcome) | _most_moved(outcome.entries) | _now()
        trial.state = TRIED


@contextmanager
def _refused_where_it_fails(trial: Trial) -> Iterator[None]:
    """What becomes of a trial is kept whatever happens, unless somebody has dropped it meanwhile."""
    try:
        yield
    except KezhiError as error:
        trial.state, trial.told = REFUSED, error.text.as_dict()
    except Exception:
        trial.state, trial.told = REFUSED, FAILED.as_dict()
        raise
    finally:
        kept_too = ("state", "told", "result", "asked")
        Trial.objects.filter(pk=trial.pk).update(**{name: getattr(trial, name) for name in kept_too})


def is_stale(trial: Trial) -> bool:
    """Has something been corrected, or a run been made, since it was tried?"""
    return any(trial.result.get(name) != value for name, value in _now().items())


def again(trial: Trial) -> None:
    """Try it once more."""
    trial.state, trial.told, trial.result = WAITING, {}, {}
    trial.save()
    begin(trial)


def confirm(trial: Trial, why: str) -> None:
    """Have it made; what was confirmed is made even if the server is killed now."""
    trial.why, trial.state, trial.confirmed_at = why, CONFIRMED, timezone.now()
    trial.save()
    enqueue("correction", {"trial": trial.pk}, trial.by)


def enter(trial: Trial) -> None:
    """Make it, once: where the log has it already, only show it."""
    from kezhi.correcting import refresh
    from kezhi_web.shown import workspace

    with _refused_where_it_fails(trial):
        with _alone:
            if _is_written(trial):
                refresh(workspace())
            else:
                trial.result |= _said(_done(trial, dry=False))
        trial.state = DONE
    kept(trial).unlink(missing_ok=True)


def tidy() -> None:
    """Trials that nobody confirmed go after a week, their workbooks with them."""
    old = Trial.objects.filter(made_at__lt=timezone.now() - FORGOTTEN).exclude(state__in=(CONFIRMED, DONE))
    for trial in old[:100]:
        kept(trial).unlink(missing_ok=True)
        trial.delete()


# --- what kezhi does --------------------------------------------------------------------------------------


def _tried(trial: Trial) -> Outcome:
    """A dry run. Where corrections cannot ask what a filter asks, its customers of today are corrected by their ids."""
    try:
        return _done(trial, dry=True)
    except KezhiError:
        ids = _chosen_today(trial)
        if ids is None:
            raise
        trial.asked = trial.asked | {"customers": ids}
        return _done(trial, dry=True)


def _chosen_today(trial: Trial) -> list[str] | None:
    """The ids that a filter of all fields chooses in the newest run; None where that is no way."""
    if trial.kind != "change" or not trial.asked.get("where") or trial.asked.get("customers"):
        return None
    rows = Rows(named(None), None, personal=False)
    try:
        found = rows.ask(f"select customer_id from {rows.chosen(trial.asked['where'])} limit {MOST_LISTED + 1}")
    except KezhiError:
        return None
    if len(found) > MOST_LISTED:
        raise KezhiError(MANY.fill(most=MOST_LISTED))
    return [row["customer_id"] for row in found] or None


def _done(trial: Trial, *, dry: bool) -> Outcome:
    from kezhi.correcting import correct, correct_from, undo_correction

    place, asked = settings.WORKSPACE, trial.asked
    said: dict[str, Any] = {"why": trial.why or "-", "by": trial.by, "dry": dry, "now": trial.confirmed_at}
    if trial.kind == "undo":
        return undo_correction(place, asked["numbers"], **said)
    if trial.kind == "sheet":
        if not kept(trial).exists():
            raise KezhiError(NOT_NOW)
        return correct_from(place, kept(trial), **said)
    listed = asked.get("customers") or None
    return correct(
        place,
        asked["figure"],
        asked["change"],
        customer=listed,
        where=None if listed else asked.get("where") or None,
        everyone=bool(asked.get("everyone")) and not listed,
        period=asked.get("period"),
        **said,
    )


def _is_written(trial: Trial) -> bool:
    """Does the log have it from before the server was killed?"""
    from kezhi.correcting import newest
    from kezhi.corrections import Log

    at = newest(settings.WORKSPACE)
    assert trial.confirmed_at is not None
    time = trial.confirmed_at.isoformat(timespec="seconds")
    why = " ".join(trial.why.split())
    return any((one.at, one.who, one.why) == (time, trial.by, why) for one in Log(at.place).entries())


# --- what is told of it -----------------------------------------------------------------------------------


def _now() -> dict[str, Any]:
    """What a trial's result holds for: the newest run, and the last line of the log."""
    from kezhi.correcting import newest
    from kezhi.corrections import Log

    at = newest(settings.WORKSPACE)
    return {"run": at.run.name, "last": max((one.number for one in Log(at.place).entries()), default=0)}


def _said(outcome: Outcome) -> dict[str, Any]:
    return {
        "entries": len(outcome.entries),
        "customers": outcome.customers,
        "periods": outcome.periods,
        "before": float(outcome.value_before),
        "after": float(outcome.value_after),
        "unknown": outcome.unknown,
        "strangers": [{"row": row, "id": who, "day": day.isoformat()} for row, who, day in outcome.strangers],
        "warnings": [{"en": one["en"], "zh": one["zh"]} for one in outcome.warnings[:5]],
        "numbers": [outcome.entries[0].number, outcome.entries[-1].number] if outcome.entries else [],
    }


def _most_moved(entries: Sequence[Any]) -> dict[str, Any]:
    """The customers whose forecast would move most: their ids, forecast value before and after; and how many move."""
    from kezhi.correcting import newest
    from kezhi.corrections import Amendment, Log, holding
    from kezhi.engine import open_engine

    at = newest(settings.WORKSPACE)
    with open_engine() as engine, engine.passing():
        computed = at.computed(engine)
        applied = Amendment(holding([*Log(at.place).entries(), *entries]))(computed)
        return _moved(engine, at, computed.customers, None if applied is None else applied.moved)


def _moved(engine: Any, at: Newest, computed: Any, corrected: Any) -> dict[str, Any]:
    import ibis

    after = computed.select("customer_id", after="forecast_value")
    if corrected is not None:
        moved = corrected.select("customer_id", "new_value")
        both = after.left_join(moved, "customer_id", rname="{name}_m")
        after = both.select("customer_id", after=both.new_value.coalesce(both.after))
    shown = engine.read_parquet(at.place.shown(at.run) / "customers.parquet")
    rows = shown.select("customer_id", before="forecast_value").join(after, "customer_id")
    rows = rows.mutate(
        before=rows.before.cast("float64"),
        after=rows.after.cast("float64"),
        moved=(rows.after - rows.before).abs().cast("float64"),
    )
    rows = rows.filter(rows.moved >= LEAST)
    most = engine.fetch(rows.order_by(ibis.desc("moved"), "customer_id").limit(TOP).drop("moved")).to_pylist()
    return {"moved": engine.row(rows.count().name("n").as_table())["n"], "most": most}
