"""What-if, calculated by kezhi: at once in a small company, by the worker in a large one, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.models import DONE, Job
from kezhi_web.shown import Rows, Shown, literal
from kezhi_web.shown.run import named

AT_ONCE = 50_000  # customers up to which a page calculates by itself
LEVERS = ("retention", "margin", "expense", "amount")
NOBODY = Text("This filter, with this tier, chooses nobody.", "此筛选条件与层级没有选中任何客户。")


def key_of(run: Shown, asked: Mapping[str, Any]) -> str:
    """One answer per run, state of it, and question."""
    said = json.dumps([run.name, run.stamp, asked], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def is_small(run: Shown) -> bool:
    """May a page calculate by itself?"""
    return bool(run.manifest["totals"]["customers"] <= AT_ONCE)


def known(run: Shown, asked: Mapping[str, Any]) -> tuple[dict[str, Any] | None, Job | None]:
    """The answer, if there is one, and the job that works on it or has failed. Raises KezhiError in a small company."""
    if is_small(run):
        return _kept(key_of(run, asked), run.name, json.dumps(asked, sort_keys=True)), None
    job = _job(run, asked)
    if job is None:
        return None, None
    return (job.result, None) if job.state == DONE else (None, job)


def ask(run: Shown, asked: Mapping[str, Any], by: str) -> None:
    """Have it calculated, where no page can do so by itself and nobody has asked before."""
    if is_small(run):
        return
    job = _job(run, asked)
    if job is None or (job.ended and job.state != DONE):
        enqueue("what if", {"key": key_of(run, asked), "run": run.name, "levers": dict(asked)}, by)


def answer(told: Mapping[str, Any]) -> dict[str, Any]:
    """What kezhi says, as plain data."""
    from kezhi import what_if

    run, asked = named(told["run"]), told["levers"]
    levers = {name: asked[name] / 100 for name in LEVERS}
    with _restricted(run, asked.get("where", "")) as folder:
        return what_if(folder, **levers, periods=asked.get("periods")).as_dict()


def _job(run: Shown, asked: Mapping[str, Any]) -> Job | None:
    return Job.objects.filter(kind="what if", asked__key=key_of(run, asked)).first()


@lru_cache(maxsize=64)
def _kept(key: str, run: str, asked: str) -> dict[str, Any]:  # noqa: ARG001  the key says when to calculate anew
    return answer({"run": run, "levers": json.loads(asked)})


@contextmanager
def _restricted(run: Shown, query: str) -> Iterator[Path]:
    """The run's folder; of a filter, a copy with these customers only, which goes again."""
    if not query:
        yield run.folder
        return
    rows = Rows(run, None, personal=False)
    chosen = rows.chosen(query)
    with TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("manifest.json", "worth.json"):
            if (run.folder / name).exists():
                shutil.copyfile(run.folder / name, folder / name)
        for name in ("customers", "forecast"):
            target = literal(os.fspath(folder / f"{name}.parquet"))
            rows.ask(
                f"copy (select * from {rows.table(name)} where customer_id in (select customer_id from {chosen})) "
                f"to {target} (format parquet)"
            )
        if not rows.row(f"select count(*) as n from read_parquet({literal(os.fspath(folder / 'customers.parquet'))})")[
            "n"
        ]:
            raise KezhiError(NOBODY)
        yield folder
