"""Runs as a list shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.settings import Settings
from kezhi_web.runs.models import DONE, Job
from kezhi_web.shown import Shown, workspace
from kezhi_web.shown.run import named
from kezhi_web.words import spoken

PAGE = 20
MODELS = {
    "auto": Text("auto: whichever foresees best", "auto：自动选择预见最准的"),
    "pareto_nbd": Text("Pareto/NBD: may leave at any time", "Pareto/NBD：随时可能流失"),
    "bg_nbd": Text("BG/NBD: may leave after a repeat purchase", "BG/NBD：复购之后可能流失"),
    "mbg_nbd": Text("MBG/NBD: may leave after any purchase", "MBG/NBD：任何一次购买之后都可能流失"),
    "bg_cnbd_k": Text("BG/CNBD-k: regular buyers", "BG/CNBD-k：有规律的客户"),
    "mbg_cnbd_k": Text("MBG/CNBD-k: regular buyers", "MBG/CNBD-k：有规律的客户"),
    "nbd": Text("NBD: nobody leaves", "NBD：无人流失"),
    "transition": Text("the published rule", "移转规则"),
}
STAGES = {
    "import": Text("Importing", "导入"),
    "read": Text("Reading the book", "读取台账"),
    "ledger": Text("Accounts of the customers", "客户账目"),
    "value": Text("Forecast", "预测"),
    "worth": Text("Senses of worth", "各种含义的价值"),
    "write": Text("Writing the tables", "写出表格"),
    "groups": Text("Groups and alerts", "分群与预警"),
    "report": Text("Report", "报告"),
}


@dataclass(frozen=True)
class Line:
    """One run in the list. seconds: what it took. job: what asked for it, None where the command line did."""

    name: str
    created: datetime
    as_of: date
    customers: int
    value: Decimal
    forecast: Decimal | None
    horizon: int
    period: str
    currency: str | None
    model: str
    seconds: float | None
    warnings: int
    corrected: bool
    job: Job | None = None

    @property
    def span(self) -> str:
        """How far the forecast reaches, in the language of the page."""
        return numbers.count_of_periods(self.horizon, self.period, spoken())

    @property
    def took(self) -> Text:
        """Its duration, as exactly as anybody wants to know."""
        if self.seconds is None:
            return Text("–", "–")
        if self.seconds < 90:
            return Text("{n} s", "{n} 秒").fill(n=max(round(self.seconds), 1))
        return Text("{n} min", "{n} 分钟").fill(n=round(self.seconds / 60))


def names() -> list[str]:
    """All finished runs, the newest first."""
    return [run.name for run in reversed(workspace().complete_runs())]


def lines(chosen: Iterable[str]) -> list[Line]:
    """The runs of these names."""
    wanted = list(chosen)
    jobs = _jobs(wanted)
    return [line_of(named(name), jobs.get(name)) for name in wanted]


def line_of(run: Shown, job: Job | None) -> Line:
    """A run as a line."""
    return Line(**_facts(run.name, run.stamp, run), job=job)


def job_of(name: str) -> Job | None:
    """What asked for a run."""
    return _jobs([name]).get(name)


def _jobs(wanted: list[str]) -> dict[str, Job]:
    found = Job.objects.filter(kind="run", state=DONE, result__run__in=wanted)
    return {job.result["run"]: job for job in found}


@lru_cache(maxsize=1024)
def _facts(name: str, stamp: int, run: Shown) -> dict[str, Any]:  # noqa: ARG001  the stamp says when to look again
    told = run.facts_of("manifest.json")
    total = run.facts_of("models.json").get("company", {}).get("total", {})
    spent = told.get("seconds") or {}
    return {
        "name": name,
        "created": datetime.fromisoformat(told["created"]),
        "as_of": date.fromisoformat(told["as_of"]),
        "customers": int(told["totals"]["customers"]),
        "value": Decimal(told["totals"]["value"]),
        "forecast": Decimal(str(total["value"])) if total.get("value") is not None else None,
        "horizon": int(told["horizon"]),
        "period": told["period"],
        "currency": told.get("currency"),
        "model": str((told.get("settings") or {}).get("model", "")),
        "seconds": sum(spent.values()) if spent else None,
        "warnings": len(told.get("warnings", ())),
        "corrected": run.folder.parent.name == "corrected",
    }


def settings_of(run: Shown) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """The settings that a run was made with: those that differ from the defaults, and the others."""
    usual = dict(_flat(Settings().model_dump(mode="json")))
    used = list(_flat(run.manifest.get("settings") or {}))
    own = [(name, value) for name, value in used if name not in usual or usual[name] != value]
    changed = {name for name, _ in own}
    return own, [(name, value) for name, value in used if name not in changed]


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, list):
            yield f"{above}{name}", ", ".join(map(str, value))
        else:
            yield f"{above}{name}", None if value in ({}, "") else value
