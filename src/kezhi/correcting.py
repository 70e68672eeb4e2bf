"""Corrections of management: written down beside the runs, and shown in the newest run at once."""

from __future__ import annotations

import getpass
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.corrections import Amendment, Correction, Entry, Log, Undoing, holding, spans
from kezhi.corrections.change import parse_change, parse_days
from kezhi.corrections.choosing import asked, chosen, fields
from kezhi.corrections.figures import restored
from kezhi.corrections.record import FIGURES, Whom
from kezhi.corrections.sheet import MOST_ROWS, Shown, differences, read_sheet, write_template
from kezhi.corrections.sheet import NAMES as SHEET
from kezhi.engine import Engine, open_engine
from kezhi.filters import parse
from kezhi.intake import current_rows
from kezhi.language import KezhiError, Language, Text, preferred_language
from kezhi.ledger import SUM, Calendar, expense_floor, expense_rate
from kezhi.reports.writing import write_report
from kezhi.segments.nobody import explained
from kezhi.valuation.amending import Computed, Step
from kezhi.workspace import MANIFEST, Workspace, finished_folder, remove, write_json

if TYPE_CHECKING:
    import ibis.expr.types as ir

REPLACED = (
    *("forecast.parquet", "customers.parquet", "corrections.parquet", "models.json", "worth.json", MANIFEST),
    *("report.html", "report.xlsx"),
)

WHO = Text(
    "Say for whom: customers, a filter, or all of them; just one of --customer, --where and --all.",
    "请说明对象：一个或多个客户、筛选条件或全部客户（--customer、--where、--all 三者选一）。",
)
WHY = Text("Say why the figure is corrected (--why).", "请说明修正的原因（--why）。")
STRANGER = Text("There is no customer {given} in the run {run}{nearest}.", "运行 {run} 中没有客户 {given}{nearest}。")
NOBODY = Text(
    "The filter chooses no customer of the run {run}; nothing was written.",
    "筛选条件在运行 {run} 中没有选中任何客户；未写入任何修正。",
)
NO_SUCH = Text(
    "There is no correction {number} that holds; see: kezhi correct --list",
    "没有生效中的第 {number} 号修正；请查看：kezhi correct --list",
)
LONG = Text("{what} has at most {most} characters.", "{what} 最多 {most} 个字符。")
MOST_TEXT = 500
STRANGERS = 5  # rows of a sheet that are named where the run does not know them


@dataclass(frozen=True)
class Outcome:
    """What came of a call: what was written down, and what the run's forecast total is before and after.

    run: the folder that shows the newest run now. customers: how many the new corrections speak of in it. value_before
    and value_after: the value forecast over the horizon, all customers together. dry: nothing was written. unknown:
    rows of an edited sheet that the run does not know; strangers: the first of them, as row, customer and day.
    """

    entries: tuple[Entry, ...]
    run: Path
    customers: int
    periods: int
    value_before: Decimal
    value_after: Decimal
    warnings: list[dict[str, str]] = field(default_factory=list)
    dry: bool = False
    unknown: int = 0
    strangers: tuple[tuple[int, str, date], ...] = ()

    @property
    def effect(self) -> Decimal:
        """By how much the total changes."""
        return self.value_after - self.value_before


@dataclass(frozen=True)
class Newest:
    """The newest run of a workspace as it was made, and what corrections need to know of it."""

    place: Workspace
    run: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Its manifest."""
        return _json(self.run / MANIFEST)

    @property
    def calendar(self) -> Calendar:
        """The company's periods."""
        return Calendar(self.manifest["period"], int(self.manifest["fiscal_start"]))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The periods that it forecasts."""
        calendar = self.calendar
        now = calendar.number(date.fromisoformat(self.manifest["as_of"]))
        ahead = range(1, int(self.manifest["horizon"]) + 1)
        return tuple(Step(step, calendar.start(now + step), calendar.end(now + step)) for step in ahead)

    def computed(self, engine: Engine) -> Computed:
        """What it computed, whatever was corrected in it."""
        forecast, customers = (
            restored(engine.read_parquet(self.run / f"{name}.parquet")) for name in ("forecast", "customers")
        )
        people = current_rows(engine, self.place, "customers") if self.place.book_files("customers") else None
        return Computed(engine, self.steps, forecast, customers, people, self._terms(engine, customers))

    def _terms(self, engine: Engine, customers: ir.Table) -> ir.Table:
        """Each customer's rate of expense and smallest expense of a period that recurs (see `ledger.statistics`).

        A run of an older version does not say what was spent on winning customers: it projected all expense, and what
        is corrected in it goes by the rule that it was made with.
        """
        import ibis

        nothing = ibis.literal(0).cast(SUM)
        periods = engine.read_parquet(self.run / "periods.parquet")
        if "acquisition_expense" not in periods.columns:
            periods = periods.mutate(acquisition_expense=nothing)
        spent = periods.group_by("customer_id").aggregate(
            expense_floor=expense_floor(periods), acquisition_expense=periods.acquisition_expense.sum().cast(SUM)
        )
        people = customers.select("customer_id", "amount", "expense")
        both = people.left_join(spent, "customer_id", rname="{name}_s")
        both = both.mutate(acquisition_expense=both.acquisition_expense.coalesce(nothing).cast(SUM))
        return both.select(
            "customer_id", expense_rate=expense_rate(both), expense_floor=both.expense_floor.coalesce(0.0)
        )

    @property
    def numbers(self) -> list[int]:
        """The corrections that were in it when it was made, touching it or not."""
        facts = _json(self.run / "worth.json") if (self.run / "worth.json").exists() else {}
        return [int(one["number"]) for one in (facts.get("corrections") or {}).get("applied", [])]


def newest(workspace: str | Path) -> Newest:
    """The newest run; raises KezhiError where there is none."""
    place = Workspace(Path(workspace))
    return Newest(place, place.run_as_made(None))


# --- asked for by people ----------------------------------------------------------------------------------


def correct(
    workspace: str | Path,
    figure: str,
    change: str | float | Decimal,
    *,
    customer: str | Sequence[str] | None = None,
    where: str | None = None,
    everyone: bool = False,
    period: str | None = None,
    why: str,
    by: str | None = None,
    dry: bool = False,
    now: datetime | None = None,
) -> Outcome:
    """Correct a figure of coming periods: of one or several customers, of those a filter chooses, or of everyone.

    `figure` is margin, expense or amount. `change` sets it ("30%", 12000) or moves it ("+2pt" of a margin, "-100",
    "+10%", "*0.9"). `period` is such as "2026-12", "2026Q4", "2026-12..2027-02" or "2026-12.." (default: from the next
    period on, for good). `by` is the system's user unless given. The correction is written to corrections.csv and
    shown in the newest run at once and in every later one; with `dry` it is only tried. Raises KezhiError with one
    sentence for whatever cannot be meant: an unknown customer or field, a past period, a margin of 500 %.
    """
    at = newest(workspace)
    said = parse_change(figure, change)
    days = parse_days(period, at.calendar, at.steps[0].first)
    whom = _whom(customer, where, everyone)
    author, reason = _author(by), _reason(why)
    with open_engine(scratch=None) as engine:
        _refuse_unknown(engine, at, whom)

    def made(first: int) -> list[Correction]:
        time = _time(now)
        return [
            Correction(first + i, time, author, said, days.first, days.last, kind, name, reason)
            for i, (kind, name) in enumerate(whom)
        ]

    return enter(at, made, dry=dry)


def undo_correction(
    workspace: str | Path,
    numbers: int | Sequence[int],
    *,
    why: str = "",
    by: str | None = None,
    dry: bool = False,
    now: datetime | None = None,
) -> Outcome:
    """Take corrections back by their numbers; what was computed, or corrected before them, stands again."""
    at = newest(workspace)
    wanted = [numbers] if isinstance(numbers, int) else list(dict.fromkeys(numbers))
    author = _author(by)

    def made(first: int) -> list[Undoing]:
        held = {one.number for one in Log(at.place).holding()}
        for number in wanted:
            if number not in held:
                raise KezhiError(NO_SUCH.fill(number=number))
        return [Undoing(first + i, _time(now), author, number, why) for i, number in enumerate(wanted)]

    return enter(at, made, dry=dry)


def correct_from(
    workspace: str | Path,
    path: str | Path,
    *,
    why: str,
    by: str | None = None,
    dry: bool = False,
    now: datetime | None = None,
) -> Outcome:
    """Correct what was edited in a sheet of `write_sheet`, or in the sheet Forecast of the newest run's workbook.

    Every figure that differs from what the newest run shows becomes a correction of that customer and period. Rows
    that the run does not know are counted in the outcome's `unknown`. Raises KezhiError, and writes nothing, where a
    cell is no number or out of bounds, or where the sheet was made from another run.
    """
    at, author, reason = newest(workspace), _author(by), _reason(why)
    edited = read_sheet(Path(path))
    with open_engine() as engine:
        found, unknown = differences(edited, _shown_rows(engine, at, {row.customer for row in edited.rows}))

    def made(first: int) -> list[Correction]:
        days = {step.first: step for step in at.steps}
        time = _time(now)
        return [
            Correction(
                first + i, time, author, change, row.period, days[row.period].last, "customer", row.customer, reason
            )
            for i, (row, change) in enumerate(found)
        ]

    strangers = tuple((row.number, row.customer, row.period) for row in unknown[:STRANGERS])
    return replace(enter(at, made, dry=dry), unknown=len(unknown), strangers=strangers)


def _shown_rows(engine: Engine, at: Newest, ids: set[str]) -> Shown:
    import pyarrow as pa

    rows = engine.read_parquet(at.place.shown(at.run) / "forecast.parquet")
    wanted = engine.table(pa.table({"customer_id": pa.array(sorted(ids), pa.string())}))
    chosen_rows = rows.semi_join(wanted, "customer_id").select("customer_id", "period", *FIGURES, "value")
    return {(row["customer_id"], row["period"]): row for row in engine.fetch(chosen_rows).to_pylist()}


def write_sheet(
    workspace: str | Path, path: str | Path, *, where: str | None = None, language: Language | None = None
) -> int:
    """Write a workbook with the coming periods of the newest run, to be edited; returns its number of rows.

    `where` chooses customers; beyond `MOST_ROWS` rows those with the largest forecast are listed.
    """
    import ibis

    at = newest(workspace)
    shown = at.place.shown(at.run)
    with open_engine() as engine:
        customers = engine.read_parquet(shown / "customers.parquet")
        best = customers.select("customer_id", "name", "forecast_value")
        if where is not None:
            computed = at.computed(engine)
            people = fields(computed.customers, computed.people)
            best = best.semi_join(people.filter(chosen(people, parse(where))), "customer_id")
        best = best.order_by(ibis.desc("forecast_value"), "customer_id").limit(max(MOST_ROWS // len(at.steps), 1))
        rows = best.join(engine.read_parquet(shown / "forecast.parquet"), "customer_id")
        ordered = rows.order_by(ibis.desc("forecast_value"), "customer_id", "step")
        found = engine.fetch(ordered.select(*SHEET))
    if not found.num_rows:
        raise KezhiError(NOBODY.fill(run=at.run.name))
    write_template(Path(path), found, at.place.folder, language or preferred_language())
    return int(found.num_rows)


@dataclass(frozen=True)
class Listed:
    """A correction with what has become of it: holding, later (no period of it is forecast yet), over, or undone."""

    correction: Correction
    state: str
    undone: Undoing | None


def corrections_of(workspace: str | Path) -> list[Listed]:
    """Every correction ever made in a workspace, the oldest first."""
    place = Workspace(Path(workspace))
    entries = Log(place).entries()
    undone = {one.undoes: one for one in entries if isinstance(one, Undoing)}
    run = place.latest_run()
    steps = Newest(place, run).steps if run is not None else ()
    return [
        Listed(one, _state(one, steps, undone.get(one.number)), undone.get(one.number))
        for one in entries
        if isinstance(one, Correction)
    ]


def _state(one: Correction, steps: Sequence[Step], undone: Undoing | None) -> str:
    if undone is not None:
        return "undone"
    if steps and one.last is not None and one.last < steps[0].first:
        return "over"
    return "holding" if not steps or spans(one, steps) else "later"


def _whom(customer: str | Sequence[str] | None, where: str | None, everyone: bool) -> list[tuple[Whom, str]]:
    ids = [customer] if isinstance(customer, str) else list(dict.fromkeys(customer or ()))
    if (bool(ids), where is not None, everyone).count(True) != 1:
        raise KezhiError(WHO)
    if where is not None:
        return [("where", where)]
    return [("customer", one) for one in ids] if ids else [("all", "")]


def _refuse_unknown(engine: Engine, at: Newest, whom: Sequence[tuple[Whom, str]]) -> None:
    """Raise for a customer or a filter that speaks of nobody."""
    import difflib

    kind = whom[0][0]
    if kind == "all":
        return
    computed = at.computed(engine)
    if kind == "where":
        filtered = parse(whom[0][1])
        known = fields(computed.customers, computed.people)
        chosen(known, filtered)  # names what cannot be asked
        rows = asked(known, [filtered])
        if not engine.row(rows.filter(chosen(rows, filtered)).aggregate(n=lambda t: t.count()))["n"]:
            raise KezhiError(_nobody(at, explained(engine, known, filtered)))
        return
    ids = [name for _, name in whom]
    people = computed.customers.customer_id
    there = engine.fetch(computed.customers.filter(people.isin(ids)).select("customer_id"))["customer_id"].to_pylist()
    unknown = [name for name in ids if name not in set(there)]
    if unknown:
        like = computed.customers.filter(people.startswith(unknown[0][:1])).select("customer_id").limit(20_000)
        near = difflib.get_close_matches(unknown[0], engine.fetch(like)["customer_id"].to_pylist(), 1)
        nearest = Text(f"; did you mean {near[0]}?", f"；您是否指 {near[0]}？") if near else Text("", "")
        raise KezhiError(
            Text(
                STRANGER.en.format(given=unknown[0], run=at.run.name, nearest=nearest.en).replace("?.", "?"),
                STRANGER.zh.format(given=unknown[0], run=at.run.name, nearest=nearest.zh).replace("？。", "？"),
            )
        )


def _nobody(at: Newest, why: Text | None) -> Text:
    """That a filter chooses nobody, and which text of it no customer has."""
    said = NOBODY.fill(run=at.run.name)
    return said if why is None else Text(f"{said.en} {why.en}", f"{said.zh}{why.zh}")


def _author(by: str | None) -> str:
    name = (by or "").strip()
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError, ImportError):  # a process without a user of its own
            name = "?"
    return _short(name, Text("The author's name", "作者姓名"))


def _reason(why: str) -> str:
    if not why.strip():
        raise KezhiError(WHY)
    return _short(why.strip(), Text("The reason", "原因"))


def _short(text: str, what: Text) -> str:
    if len(text) > MOST_TEXT:
        raise KezhiError(
            Text(LONG.en.format(what=what.en, most=MOST_TEXT), LONG.zh.format(what=what.zh, most=MOST_TEXT))
        )
    return " ".join(text.split())


def _time(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")


# --- written down and shown -------------------------------------------------------------------------------


def enter(at: Newest, made: Any, *, dry: bool = False) -> Outcome:
    """Write entries down and show the newest run with them; `dry`: only say what would come of it."""
    log = Log(at.place)
    if dry:
        known = log.entries()
        entries = tuple(made(max((one.number for one in known), default=0) + 1))
        with open_engine() as engine:
            before = _value(at, _tried(engine, at, holding(known)))
            amendment = _tried(engine, at, holding([*known, *entries]))
        return _outcome(at, entries, before, amendment, at.place.shown(at.run), dry=True)
    before = _shown_value(at)
    entries = log.add(made)
    try:
        now_shown = refresh(at.place)
    except BaseException:
        log.take_back(entries)
        raise
    return _outcome(at, entries, before, now_shown, at.place.shown(at.run), dry=False)


def _tried(engine: Engine, at: Newest, held: Sequence[Correction]) -> Amendment:
    amendment = Amendment(tuple(held))
    with engine.passing():
        amendment(at.computed(engine))
    return amendment


def _outcome(
    at: Newest, entries: tuple[Entry, ...], before: Decimal, amendment: Amendment | None, run: Path, *, dry: bool
) -> Outcome:
    numbers = {one.number for one in entries}
    found = ((amendment.facts if amendment else None) or {}).get("applied", [])
    new = [one for one in found if one["number"] in numbers]
    single = all(isinstance(one, Correction) and one.whom == "customer" for one in entries)
    names = {one["chosen"] for one in new}
    people = len(names) if single else sum(one["customers"] for one in new)
    warnings = amendment.warnings if amendment else []
    periods = sum(one["periods"] for one in new)
    return Outcome(entries, run, people, periods, before, _value(at, amendment), warnings, dry)


def _value(at: Newest, amendment: Amendment | None) -> Decimal:
    """The value forecast with some corrections."""
    if amendment is not None and amendment.facts is not None:
        return Decimal(str(amendment.facts["corrected"]["value"]))
    company = _json(at.run / "models.json")["company"]
    return Decimal(str(company.get("computed", company)["total"]["value"]))


def _shown_value(at: Newest) -> Decimal:
    return Decimal(str(_json(at.place.shown(at.run) / "models.json")["company"]["total"]["value"]))


def refresh(place: Workspace) -> Amendment | None:
    """Show the newest run with the corrections that hold now; where it was made with just these, it shows itself.

    What was corrected since lies under `corrected/`, a run folder like any other: tables that no correction changes
    are the run's own files under a second name. Nothing is fitted again.
    """
    log = Log(place)
    with log.alone("corrected.lock"):
        run = place.latest_run()
        for other in place.corrected.glob("[!.]*"):
            if run is None or other.name != run.name:
                remove(other)
        if run is None:
            return None
        at, amendment = Newest(place, run), Amendment(log.holding())
        _show(at, amendment)
        if place.corrected.is_dir() and not any(place.corrected.iterdir()):
            place.corrected.rmdir()
        return amendment


def _show(at: Newest, amendment: Amendment) -> None:
    target = at.place.corrected / at.run.name
    settings = at.place.usable_settings()  # how much memory; the run has its own settings
    with open_engine(memory_limit=settings.memory_limit, threads=settings.threads) as engine:
        computed = at.computed(engine)
        applied = amendment(computed)
        numbers = [] if amendment.facts is None else [one["number"] for one in amendment.facts["applied"]]
        if numbers == at.numbers:
            remove(target)
            return
        with finished_folder(target) as folder:
            _share(at.run, folder)
            forecast = computed.forecast if applied is None else applied.forecast
            customers = _best_first(computed.customers) if applied is None else applied.customers(computed.customers)
            engine.write_parquet(forecast, folder / "forecast.parquet")
            engine.write_parquet(customers, folder / "customers.parquet")
            _write_models(at, amendment, folder)
            write_traces(engine, amendment, folder, _json(at.run / "worth.json"))
            warnings = [one for one in at.manifest["warnings"] if not one["code"].startswith("correction_")]
            write_json(folder / MANIFEST, at.manifest | {"warnings": [*warnings, *amendment.warnings]})
            write_report(engine, folder, _language(at))


def _best_first(customers: ir.Table) -> ir.Table:
    import ibis

    return customers.order_by(ibis.desc("forecast_value"), "customer_id")


def _language(at: Newest) -> Language:
    said = at.manifest.get("language")
    return said if said in ("en", "zh") else preferred_language()


def _write_models(at: Newest, amendment: Amendment, folder: Path) -> None:
    models = _json(at.run / "models.json")
    company = dict(models["company"])
    company |= company.pop("computed", {})
    if amendment.applied is not None:
        company = amendment.applied.company(company)
    write_json(folder / "models.json", models | {"company": company})


def write_traces(engine: Engine, amendment: Amendment | None, folder: Path, worth: dict[str, Any]) -> None:
    """worth.json with what corrections did, and corrections.parquet, each corrected figure beside the computed one."""
    rest = {name: facts for name, facts in worth.items() if name != "corrections"}
    if amendment is not None and amendment.applied is not None and amendment.facts is not None:
        engine.write_parquet(amendment.applied.audit, folder / "corrections.parquet")
        rest["corrections"] = amendment.facts
    write_json(folder / "worth.json", rest)


def _share(run: Path, folder: Path) -> None:
    """The run's other files under a second name; copies where the file system knows no second names."""
    for path in run.rglob("*"):
        part = path.relative_to(run)
        if part.parts[0] in REPLACED or part.parts[0].startswith("."):
            continue
        other = folder / part
        if path.is_dir():
            other.mkdir(parents=True, exist_ok=True)
            continue
        other.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, other)
        except OSError:
            shutil.copy2(path, other)


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
