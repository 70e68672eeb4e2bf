"""The content of models.json as frozen data: fits, tests on the past, lessons, season; older runs know less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from itertools import pairwise

from kezhi.models.clock import known_events
from kezhi.reports import customer_value as data
from kezhi.reports.json_values import Json, day, known, notes, number, numbers_of, text


def build_models(models: Json, manifest: Json) -> data.Models:
    """The content of models.json; `manifest` tells the dates of the events in the settings."""
    return data.Models(
        method=str(models.get("method", "")),
        requested=str(models.get("requested", "")),
        reason=text(models.get("reason")),
        fitted=tuple(_fitted(name, fit) for name, fit in (models.get("models") or {}).items() if fit),
        assumptions=_assumptions(models.get("assumptions") or {}),
        frequency=tuple(
            data.FrequencyBar(int(bar["purchases"]), float(bar["observed"]), float(bar["expected"]))
            for bar in models.get("frequency") or ()
        ),
        amounts=_amounts(models.get("amounts")),
        transitions=_transitions(models.get("transitions")),
        backtest=_backtest(models.get("backtest")),
        backtest_reason=text(models.get("backtest_reason")),
        learned=_learned(models.get("learned")),
        season=_season(models.get("season"), _event_days(manifest)),
    )


def _fitted(name: str, fit: Json) -> data.FittedModel:
    return data.FittedModel(
        name=name,
        parameters=dict(fit.get("parameters") or {}),
        standard_errors=dict(fit.get("standard_errors") or {}),
        log_likelihood=number(fit.get("log_likelihood")),
        customers=fit.get("customers"),
        diagnosis=notes(fit.get("diagnosis")),
    )


def _assumptions(found: Json) -> data.Assumptions:
    return data.Assumptions(
        correlation=number(found.get("frequency_amount_correlation")),
        dispersion=number(found.get("dispersion")),
        customers=found.get("customers"),
        active_periods=found.get("active_periods"),
        notes=notes(found.get("notes")),
    )


def _amounts(found: Json | None) -> data.Amounts | None:
    if not found or not found.get("edges"):
        return None
    return data.Amounts(
        known(found["edges"]),
        known(found.get("observed")),
        known(found.get("expected")),
        number(found.get("mode")),
        number(found.get("density_at_mode")),
    )


def _transitions(found: Json | None) -> data.Transitions | None:
    if not found or not found.get("edges"):
        return None
    return data.Transitions(
        edges=known(found["edges"]),
        expected_amount=known(found.get("expected_amount")),
        p_amount=known(found.get("p_amount")),
        matrix=tuple(known(row) for row in found.get("matrix") or ()),
        observed=tuple(tuple(number(value) for value in row or ()) for row in found.get("observed_matrix") or ()),
        frequency=tuple(
            data.FrequencyMove(
                int(move["now"]), float(move["expected"]), int(move["next"]), known(move.get("p_by_idle"))
            )
            for move in found.get("frequency") or ()
        ),
        trust_interval=tuple(int(bound) for bound in found.get("trust_interval") or ()),
    )


def _backtest(found: Json | None) -> data.Backtest | None:
    if not found:
        return None
    return data.Backtest(
        split=day(found.get("split")),
        until=day(found.get("until")),
        periods=int(found.get("periods") or 0),
        customers=int(found.get("customers") or 0),
        amount=number(found.get("amount")) or 0.0,
        scores=tuple(_score(score) for score in found.get("methods") or ()),
        origins=tuple(_past_forecast(one) for one in found.get("origins") or ()),
    )


def _score(found: Json) -> data.Score:
    names = [field.name for field in fields(data.Score) if field.name != "method"]
    return data.Score(str(found["method"]), **{name: number(found.get(name)) for name in names})


def _past_forecast(found: Json) -> data.PastForecast:
    return data.PastForecast(
        split=day(found.get("split")),
        until=day(found.get("until")),
        customers=int(found.get("customers") or 0),
        amount=number(found.get("amount")) or 0.0,
        forecast=numbers_of(found.get("forecast")),
    )


# --- lessons and season -----------------------------------------------------------------------------------


def _learned(found: Json | None) -> data.Learned | None:
    if not found:
        return None
    factors = {name: _kind_factors(one) for name, one in (found.get("factors") or {}).items()}
    return data.Learned(
        weights=numbers_of(found.get("weights")),
        level=number(found.get("level")),
        origins=int(found.get("origins") or 0),
        card=str(found.get("card") or ""),
        before=number(found.get("card_before")),
        after=number(found.get("card_after")),
        came=tuple(math.exp(error) for error in known(found.get("log_errors"))),
        factors={name: factor for name, factor in factors.items() if factor},
    )


def _kind_factors(found: Json) -> tuple[data.KindFactor, ...]:
    edges = known(found.get("edges"))
    bounds = list(pairwise((None, *edges, None)))
    return tuple(
        data.KindFactor(lower, upper, math.exp(effect))
        for (lower, upper), effect in zip(bounds, known(found.get("effects")), strict=False)
    )


def _season(found: Json | None, days: dict[str, int]) -> data.Season | None:
    if not found:
        return None
    months = tuple(_busy(month) for month in found.get("months") or ())
    return data.Season(
        enough=bool(found.get("enough")),
        found=bool(found.get("found")) and len(months) == 12,
        notes=notes(found.get("remarks")),
        months=months,
        strongest=_month(found.get("strongest")),
        weakest=_month(found.get("weakest")),
        events=tuple(
            data.EventOfTheYear(str(event["name"]), days.get(str(event["name"])), _busy(event))
            for event in found.get("events") or ()
        ),
    )


def _busy(found: Json) -> data.Busy:
    factor = number(found.get("factor"))
    return data.Busy(1.0 if factor is None else factor, number(found.get("error")) or 0.0)


def _month(found: object) -> int | None:
    return found if isinstance(found, int) and 1 <= found <= 12 else None


def _event_days(manifest: Json) -> dict[str, int]:
    """The day of the year on which each event of the settings falls: the middle of it, when it last began."""
    as_of = day(manifest.get("as_of")) or date.max
    named = (manifest.get("settings") or {}).get("events") or {}
    stretches = {name: [_stretch(str(text)) for text in dated] or _well_known(name) for name, dated in named.items()}
    return {name: _middle(found, as_of) for name, found in stretches.items() if found}


def _stretch(text: str) -> tuple[date, date]:
    first, _, last = text.partition("/")
    return date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())


def _well_known(name: str) -> Sequence[tuple[date, date]]:
    return next((event.windows for event in known_events() if event.name == name), ())


def _middle(stretches: Sequence[tuple[date, date]], as_of: date) -> int:
    first, last = max((one for one in stretches if one[0] <= as_of), default=stretches[0])
    middle = date.fromordinal((first.toordinal() + last.toordinal()) // 2)
    return date(2000, middle.month, middle.day).timetuple().tm_yday  # the figure's year has a 29 February
