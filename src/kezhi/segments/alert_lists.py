"""The alerts of a finished run, as a list to work through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import open_engine
from kezhi.language import KezhiError, Text
from kezhi.segments.alert_states import FILE
from kezhi.settings.alerts import CAUSES
from kezhi.workspace import MANIFEST, Workspace

if TYPE_CHECKING:
    import pyarrow as pa

NO_ALERTS = Text(
    "The run {run} holds no alerts: it was made by an older version, or 'alerts' is not among the setting 'senses'.",
    "运行 {run} 中没有预警：它由旧版本生成，或设置项 'senses' 未包含 'alerts'。",
)
NO_CAUSE = Text("There is no cause {cause}; there are {known}.", "没有名为 {cause} 的预警原因；可用的有：{known}。")


def alerts(
    place: Any,
    *,
    cause: str | None = None,
    owner: str | None = None,
    limit: int | None = None,
    closed: bool = False,
) -> pa.Table:
    """Who needs a call, the alert with the largest expected loss first, as an Arrow table.

    place: a workspace's folder (its newest run counts), or a run's folder, or what `analyse` returned. cause, owner:
    only these. closed: instead of the open ones those that closed since the run before. limit: at most so many.

    The columns of alerts.parquet, with the customer's name; money is gross profit over the forecast horizon. Raises
    KezhiError where the run holds no alerts, or there is no such cause.
    """
    import ibis

    if cause is not None and cause not in CAUSES:
        raise KezhiError(NO_CAUSE.fill(cause=cause, known=", ".join(CAUSES)))
    folder = _folder(place)
    if not (folder / FILE).exists():
        raise KezhiError(NO_ALERTS.fill(run=folder.name))
    with open_engine() as engine:
        rows = engine.read_parquet(folder / FILE)
        rows = rows.filter(rows.state == ("closed" if closed else "open"))
        if cause is not None:
            rows = rows.filter(rows.cause == cause)
        if owner is not None:
            rows = rows.filter(rows.owner == owner)
        names = engine.read_parquet(folder / "customers.parquet").select(known_id="customer_id", name="name")
        rows = rows.left_join(names, rows.customer_id == names.known_id).drop("known_id")
        rows = rows.order_by(ibis.asc("rank", nulls_first=False), "customer_id", "cause")
        return engine.fetch(rows if limit is None else rows.limit(limit))


def _folder(place: Any) -> Path:
    folder = Path(getattr(place, "folder", place))
    return folder if (folder / MANIFEST).exists() else Workspace(folder).run(None)
