"""Two finished runs beside each other: what changed, of whom, and why where that is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine, open_engine
from kezhi.language import KezhiError, Text
from kezhi.ledger import SUM, as_sum
from kezhi.segments.movement import GONE, NOT_YET, matrix, titles_of_a_run
from kezhi.workspace import MANIFEST, Workspace

if TYPE_CHECKING:
    import ibis.expr.types as ir

TOP = 10
LATEST = "latest"
COUNTED = ("customers", "purchases")
TOTALS = (*COUNTED, "amount", "cost", "expense", "value")
MONEY = ("amount", "cost", "expense", "value", "forecast_amount", "forecast_value")
GROUPS = ("tier", "rfm_segment")
# settings that say how a run is made or shown, not what comes out
NO_MATTER = ("language", "memory_limit", "threads", "as_of")

NO_RUN = Text(
    "{given} is no run: neither a finished run folder nor a run of the workspace {workspace}. Its runs: {known}.",
    "{given} 不是运行结果：既不是完整的结果文件夹，也不是工作区 {workspace} 中的运行。已有的运行：{known}。",
)
BROKEN = Text(
    "The run {given} cannot be read: {file} is missing or damaged. Make it again with: kezhi run",
    "运行结果 {given} 无法读取：{file} 缺失或损坏。请重新执行：kezhi run",
)
TOO_FEW = Text("Choose at least 1 row to show, not {top}.", "至少显示 1 行，不能是 {top}。")
SAME_RUN = Text("Both are the same run, so that nothing differs.", "两个都是同一次运行，因此没有差别。")
REVERSED = Text(
    "The second run is of an earlier day than the first; changes are from the first to the second, back in time.",
    "第二个运行的截止日早于第一个；变化按从第一个到第二个计算，即时间倒退。",
)
OTHER_PERIODS = Text(
    "The runs have different periods ({before} and {after}); forecasts are compared in total only, and over different "
    "lengths of time.",
    "两次运行的期不同（{before} 与 {after}）；预测只能比较总额，且涵盖的时间长度不同。",
)
OTHER_HORIZON = Text(
    "The forecasts reach over {before} and {after} periods; compare them period by period, not in total.",
    "两次预测分别涵盖 {before} 期和 {after} 期；请逐期比较，不要比较总额。",
)
OTHER_CURRENCY = Text(
    "The runs are in different currencies ({before} and {after}); no money was converted.",
    "两次运行的币种不同（{before} 与 {after}）；金额未作换算。",
)
OTHER_TIMES = Text(
    "The two forecasts have no period in common: part of the difference is the season.",
    "两次预测没有共同的期：差别中有一部分来自季节。",
)
NO_COLUMN = Text(
    "Only one of the runs has {column}, so that it is not compared; the other was made by an older version or without "
    "that sense of worth.",
    "只有一次运行含有 {column}，因此不作比较；另一次由旧版本生成，或未计算该主题。",
)
REASONS = {
    "new": Text("not in the first run", "第一次运行中没有"),
    "gone": Text("not in the second run", "第二次运行中没有"),
    "orders": Text("purchases +{n}", "购买次数 +{n}"),
    "fewer_orders": Text("purchases −{n}", "购买次数 −{n}"),
    "amount_up": Text("higher amounts, without more purchases", "购买次数未增，金额增加"),
    "amount_down": Text("returns or corrected orders", "退货或订单更正"),
    "cost": Text("product cost changed", "产品成本变动"),
    "expense": Text("expenses changed", "费用变动"),
    "corrected": Text("corrected by hand", "人工修正"),
    "silent": Text("nothing bought since", "此后没有购买"),
    "settings": Text("other settings", "设置不同"),
    "version": Text("other version of kezhi", "kezhi 版本不同"),
    "others": Text("what the model learned from other customers", "模型从其他客户学到的变化"),
}


@dataclass(frozen=True)
class Side:
    """One of the two runs."""

    run: str
    folder: str
    as_of: date
    created: str
    kezhi: str
    period: str
    horizon: int
    currency: str | None


@dataclass(frozen=True)
class Figure:
    """A figure of both runs: counts are whole numbers, money is exact."""

    name: str
    before: Decimal | None
    after: Decimal | None

    @property
    def change(self) -> Decimal | None:
        """What it rose by; None where one run does not know it."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def share(self) -> float | None:
        """The change as a share of the first; None where that is not above 0."""
        return float(self.change / self.before) if self.change is not None and self.before and self.before > 0 else None


@dataclass(frozen=True)
class Setting:
    """A setting that differs; a name with dots is one within a table."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """One customer's figure in both runs (None where they are not in one), and why it differs as far as is known."""

    customer_id: str
    name: str | None
    before: Decimal | None
    after: Decimal | None
    change: Decimal
    codes: tuple[str, ...]
    reasons: tuple[Text, ...]


@dataclass(frozen=True)
class Compared:
    """What differs between two runs.

    groups: by column (tier, rfm_segment) a matrix as in `movement`, its money being gross profit so far and forecast.
    new and gone: customers in one of the runs only. notes: what a reader must know before using the figures.
    """

    before: Side
    after: Side
    settings: tuple[Setting, ...]
    totals: tuple[Figure, ...]
    forecast: tuple[Figure, ...]
    groups: Mapping[str, Mapping[str, Any]]
    new: Mapping[str, Any]
    gone: Mapping[str, Any]
    value_changes: tuple[Change, ...]
    forecast_changes: tuple[Change, ...]
    notes: tuple[Text, ...]
    names: Mapping[str, Text]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, money as text."""
        found = {name: getattr(self, name) for name in ("groups", "new", "gone")}
        return {
            "before": asdict(self.before),
            "after": asdict(self.after),
            "notes": [note.as_dict() for note in self.notes],
            "settings": [asdict(one) for one in self.settings],
            "totals": [_figure(one) for one in self.totals],
            "forecast": [_figure(one) for one in self.forecast],
            **found,
            "value_changes": [_change(one) for one in self.value_changes],
            "forecast_changes": [_change(one) for one in self.forecast_changes],
        }


def _figure(one: Figure) -> dict[str, Any]:
    return {**asdict(one), "change": one.change, "share": one.share}


def _change(one: Change) -> dict[str, Any]:
    return asdict(one) | {"reasons": [reason.as_dict() for reason in one.reasons]}


def compare(
    before: Any, after: Any = LATEST, *, workspace: Any = ".", top: int = TOP, engine: Engine | None = None
) -> Compared:
    """What changed from one finished run to another.

    Each is a Run, a run folder, the name of a run of the `workspace`, or "latest". Totals, forecast, settings, tiers
    and RFM classes, new and gone customers, and the `top` customers whose gross profit so far and whose forecast
    changed most, with the reason where it is known. Raises KezhiError for what is no run.

        kezhi.compare("2026-09-30T080000Z", "latest", workspace="acme").totals
    """
    if top < 1:
        raise KezhiError(TOO_FEW.fill(top=top))
    first, second = _folder(before, workspace), _folder(after, workspace)
    if engine is not None:
        return _compared(engine, first, second, top)
    with open_engine() as opened:
        return _compared(opened, first, second, top)


def _folder(given: Any, workspace: Any) -> Path:
    place = Workspace(Path(getattr(workspace, "folder", workspace)))
    if hasattr(given, "folder"):
        return Path(given.folder)
    newest = place.latest_run() if str(given) == LATEST else None
    if newest is not None:
        return place.shown(newest)
    named = place.runs / str(given)
    if (named / MANIFEST).exists() and named.parent == place.runs:
        return place.shown(named)
    if (Path(given) / MANIFEST).exists():
        return Path(given)
    known = ", ".join(run.name for run in place.complete_runs()[-5:]) or "–"
    raise KezhiError(NO_RUN.fill(given=given, workspace=place.folder, known=known))


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        return dict(found)
    except (OSError, ValueError, TypeError):
        raise KezhiError(BROKEN.fill(given=folder.name, file=name)) from None


def _compared(engine: Engine, first: Path, second: Path, top: int) -> Compared:
    manifests = tuple(_read(folder, MANIFEST) for folder in (first, second))
    sides = _side(first, manifests[0]), _side(second, manifests[1])
    settings = _settings(*(manifest.get("settings") or {} for manifest in manifests))
    rows, missing = _both(engine, first, second)
    sums = engine.row(_sums(rows))
    changes = {name: _most(engine, rows, name, top, _company_reasons(sides, settings)) for name in
               ("value", "forecast_value")}  # fmt: skip
    forecast = _forecast(first, second, sides)
    notes = _notes(sides, first, second)
    if not forecast and sides[0].period == sides[1].period:
        notes.append(OTHER_TIMES)
    found = Compared(
        sides[0],
        sides[1],
        settings,
        _totals(manifests, sums),
        forecast,
        {name: matrix(_cells(engine, rows, name), ranked=name == "tier") for name in _groups(rows)},
        {"customers": sums["new"], "value": sums["new_value"], "forecast_value": sums["new_forecast"]},
        {"customers": sums["gone"], "value": sums["gone_value"], "forecast_value": sums["gone_forecast"]},
        changes["value"],
        changes["forecast_value"],
        (*notes, *(NO_COLUMN.fill(column=name) for name in missing)),
        titles_of_a_run(second),
    )
    engine.forget(rows)
    return found


def _side(folder: Path, manifest: Mapping[str, Any]) -> Side:
    try:
        return Side(
            str(manifest.get("run") or folder.name),
            str(folder),
            date.fromisoformat(manifest["as_of"]),
            str(manifest.get("created", "")),
            str(manifest.get("kezhi", "")),
            str(manifest["period"]),
            int(manifest["horizon"]),
            manifest.get("currency"),
        )
    except (KeyError, TypeError, ValueError):
        raise KezhiError(BROKEN.fill(given=folder.name, file=MANIFEST)) from None


# --- settings, totals, forecast ---------------------------------------------------------------------------


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The settings that differ; one that the other version does not know yet is left out."""
    old, new = _flat(before), _flat(after)
    both = [name for name in dict.fromkeys((*old, *new)) if _told(name, before, after)]
    return tuple(Setting(name, old.get(name), new.get(name)) for name in both if old.get(name) != new.get(name))


def _told(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    top = name.partition(".")[0]
    return top in before and top in after and top not in NO_MATTER


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value
    return found


def _totals(manifests: tuple[Mapping[str, Any], ...], sums: Mapping[str, Any]) -> tuple[Figure, ...]:
    told = [manifest.get("totals") or {} for manifest in manifests]
    found = [Figure(name, *(_number(one.get(name)) for one in told)) for name in TOTALS]
    ahead = [
        Figure(name, *(_number(sums[f"{name}_{side}"]) for side in ("before", "after")))
        for name in ("forecast_amount", "forecast_value")
    ]
    return (*found, *ahead)


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _forecast(first: Path, second: Path, sides: tuple[Side, ...]) -> tuple[Figure, ...]:
    """The company's forecast value of the periods that both forecasts hold, by their first day."""
    if sides[0].period != sides[1].period:
        return ()
    rows = []
    for folder in (first, second):
        company = _read(folder, "models.json").get("company") or {}
        rows.append({str(row["period"]): _number(row["value"]) for row in company.get("forecast", ())})
    return tuple(Figure(period, rows[0][period], rows[1][period]) for period in rows[0] if period in rows[1])


def _notes(sides: tuple[Side, ...], first: Path, second: Path) -> list[Text]:
    before, after = sides
    notes = []
    if first.resolve() == second.resolve():
        notes.append(SAME_RUN)
    if after.as_of < before.as_of:
        notes.append(REVERSED)
    if before.period != after.period:
        notes.append(OTHER_PERIODS.fill(before=before.period, after=after.period))
    elif before.horizon != after.horizon:
        notes.append(OTHER_HORIZON.fill(before=before.horizon, after=after.horizon))
    if before.currency != after.currency:
        notes.append(OTHER_CURRENCY.fill(before=before.currency or "–", after=after.currency or "–"))
    return notes


# --- customers --------------------------------------------------------------------------------------------


def _both(engine: Engine, first: Path, second: Path) -> tuple[ir.Table, list[str]]:
    """One row per customer of either run, stored, with both runs' figures; and the groups that only one run has."""
    sides = []
    for folder in (first, second):
        try:
            known = engine.read_parquet(folder / "customers.parquet")
            columns = set(known.columns)
        except Exception:  # an engine says in its own way that a file is missing or damaged
            raise KezhiError(BROKEN.fill(given=folder.name, file="customers.parquet")) from None
        if not {"customer_id", "purchases", *MONEY[3:]} <= columns:
            raise KezhiError(BROKEN.fill(given=folder.name, file="customers.parquet"))
        sides.append(known)
    groups = [name for name in GROUPS if all(name in side.columns for side in sides)]
    missing = [name for name in GROUPS if name not in groups and any(name in side.columns for side in sides)]
    before, after = (_figures(side, name, groups) for side, name in zip(sides, ("before", "after"), strict=True))
    joined = before.outer_join(after, before.id_before == after.id_after)
    return engine.store(joined), missing


def _figures(side: ir.Table, name: str, groups: list[str]) -> ir.Table:
    import ibis

    zero = ibis.literal(0).cast(SUM)
    money = {f"{one}_{name}": (side[one] if one in side.columns else zero).cast(SUM) for one in MONEY}
    computed: Any = side.forecast_value_computed if "forecast_value_computed" in side.columns else None
    corrected: Any = ibis.literal(False) if computed is None else (computed != side.forecast_value).fill_null(False)
    return side.select(
        **{f"id_{name}": side.customer_id},
        **{f"name_{name}": side.name if "name" in side.columns else ibis.null("string")},
        **{f"purchases_{name}": side.purchases.cast("int64")},
        **money,
        **{f"corrected_{name}": corrected},
        **{f"{group}_{name}": side[group] for group in groups},
    )


def _groups(rows: ir.Table) -> list[str]:
    return [name for name in GROUPS if f"{name}_before" in rows.columns]


def _sums(rows: ir.Table) -> ir.Table:
    import ibis

    zero = ibis.literal(0).cast(SUM)
    new, gone = rows.id_before.isnull(), rows.id_after.isnull()
    columns = {
        f"{name}_{side}": rows[f"{name}_{side}"].sum().cast(SUM)
        for name in ("forecast_amount", "forecast_value")
        for side in ("before", "after")
    }
    return rows.aggregate(
        new=new.sum().coalesce(0),
        gone=gone.sum().coalesce(0),
        new_value=rows.value_after.sum(where=new).coalesce(zero).cast(SUM),
        gone_value=rows.value_before.sum(where=gone).coalesce(zero).cast(SUM),
        new_forecast=rows.forecast_value_after.sum(where=new).coalesce(zero).cast(SUM),
        gone_forecast=rows.forecast_value_before.sum(where=gone).coalesce(zero).cast(SUM),
        **columns,
    )


def _cells(engine: Engine, rows: ir.Table, group: str) -> list[dict[str, Any]]:
    import ibis

    before = ibis.ifelse(rows.id_before.isnull(), NOT_YET, rows[f"{group}_before"])
    after = ibis.ifelse(rows.id_after.isnull(), GONE, rows[f"{group}_after"])
    counted = rows.group_by(before=before, after=after).aggregate(
        customers=rows.count(),
        value_before=rows.value_before.sum().cast(SUM),
        value=rows.value_after.sum().cast(SUM),
        forecast_before=rows.forecast_value_before.sum().cast(SUM),
        forecast_value=rows.forecast_value_after.sum().cast(SUM),
    )
    found: list[dict[str, Any]] = engine.fetch(counted).to_pylist()
    return found


def _most(engine: Engine, rows: ir.Table, name: str, top: int, company: tuple[str, ...]) -> tuple[Change, ...]:
    """The customers whose figure changed most, up or down."""
    import ibis

    zero = ibis.literal(0).cast(SUM)
    change: Any = as_sum(rows[f"{name}_after"].coalesce(zero) - rows[f"{name}_before"].coalesce(zero))
    ranked = rows.mutate(change=change, who=rows.id_after.coalesce(rows.id_before))
    ranked = ranked.filter(ranked.change != 0)
    order = [ibis.desc(ranked.change.abs()), ranked.who]
    found = engine.fetch(ranked.order_by(order).limit(top)).to_pylist()
    return tuple(_of_customer(row, name, company) for row in found)


def _of_customer(row: Mapping[str, Any], name: str, company: tuple[str, ...]) -> Change:
    codes = _codes(row, name, company)
    more = (row["purchases_after"] or 0) - (row["purchases_before"] or 0)
    reasons = tuple(REASONS[code].fill(n=abs(more)) for code in codes)
    figures = (row[f"{name}_before"], row[f"{name}_after"])
    return Change(row["who"], row["name_after"] or row["name_before"], *figures, row["change"], codes, reasons)


def _codes(row: Mapping[str, Any], name: str, company: tuple[str, ...]) -> tuple[str, ...]:
    """Why a customer's figure differs: what of them is different, then what is different for all."""
    if row["id_before"] is None or row["id_after"] is None:
        return ("new",) if row["id_before"] is None else ("gone",)
    codes = []
    bought = row["purchases_after"] - row["purchases_before"]
    amount = row["amount_after"] - row["amount_before"]
    if bought:
        codes.append("orders" if bought > 0 else "fewer_orders")
    elif amount:
        codes.append("amount_up" if amount > 0 else "amount_down")
    codes += [one for one in ("cost", "expense") if not bought and row[f"{one}_after"] != row[f"{one}_before"]]
    if name == "value":
        return (*codes, *(code for code in company if code in ("settings", "version")))
    if row["corrected_before"] or row["corrected_after"]:
        codes.append("corrected")
    if not bought and not amount and "time" in company:
        codes.append("silent")
    codes += [code for code in company if code != "time"]
    return tuple(codes) or ("others",)


def _company_reasons(sides: tuple[Side, ...], settings: tuple[Setting, ...]) -> tuple[str, ...]:
    before, after = sides
    codes = ["settings"] if settings or before.period != after.period or before.horizon != after.horizon else []
    codes += ["version"] if before.kezhi != after.kezhi else []
    codes += ["time"] if after.as_of > before.as_of else []
    return tuple(codes)
