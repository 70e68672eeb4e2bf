"""The order of the steps: book in, run folder out."""

from __future__ import annotations

import platform
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi import reports
from kezhi.correcting import refresh, write_traces
from kezhi.corrections import Amendment, Log
from kezhi.daybook import kept_days
from kezhi.engine import Engine, open_engine
from kezhi.intake import Intake, read_book, read_files, write_rejected
from kezhi.language import KezhiError, Text, preferred_language
from kezhi.ledger import Book, Calendar, Ledger, Period, last_day, open_ledger, published_periods, purchase_times
from kezhi.models.clock import Event, known_events
from kezhi.progress import Listener, Outlook, Past, Stages, past_run
from kezhi.reports.writing import write_report
from kezhi.segments.fields import write_attributes
from kezhi.settings import Settings
from kezhi.topics import begin, follow, measure
from kezhi.valuation import Memory, Valuation, conclude, forecast_customers, run_trial
from kezhi.workspace import MANIFEST, Workspace, finished_folder, run_name, write_json
from kezhi.worth import Early, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

SCORES = "scores.json"
FAMILY_OF_TRIALS = ("pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd_k", "mbg_cnbd_k", "nbd")
DOUBTFUL = 0.2  # a total that the test on the past missed by more than this share is called doubtful

STAGES = {
    "read": Text("Reading and checking the files", "读取并检查文件"),
    "ledger": Text("Adding up customers and periods", "汇总客户与各期台账"),
    "value": Text("Fitting, testing on the past, forecasting", "拟合模型、以历史检验并预测"),
    "worth": Text("Adding up what customers are worth beside", "计算客户的其他价值"),
    "groups": Text("Comparing groups and dates, looking for who needs a call", "比较客户群与变动，找出需联系的客户"),
    "test": Text("Forecasting from the split and comparing", "从分割日预测并比较"),
    "write": Text("Writing the results", "写出结果"),
    "report": Text("Drawing the report", "生成报告"),
}
RUN_STAGES = ("read", "ledger", "value", "worth", "write", "groups", "report")
TRIAL_STAGES = ("read", "test", "write")

UNKNOWN_MODEL = Text(
    "There is no model {model} to test; choose one of {known}.", "没有可检验的模型 {model}；请从以下选择：{known}。"
)
NO_DATE = Text("Write days as 2025-12-31, not {given}.", "日期请写成 2025-12-31 的形式，而不是 {given}。")
EVENT_DAYS = Text(
    "The event {name} needs days such as 2025-11-11 or 2025-11-01/2025-11-10; without days only these are known: "
    "{known}.",
    "事件 {name} 需要写明日期，如 2025-11-11 或 2025-11-01/2025-11-10；不写日期时只认识：{known}。",
)

WARNINGS = {
    "no_purchase": Text(
        "No customer has a day with a positive net amount, so nothing can be forecast; history is shown as it is.",
        "没有任何客户在任何一天有正的净金额，因此无法预测；历史数据如实列出。",
    ),
    "cost_unknown": Text(
        "Product cost is not known (no cost column, no product table): value = purchases − relationship expense.",
        "产品成本未知（没有成本列，也没有产品表）：价值 = 购买金额 − 关系营销费用。",
    ),
    "expense_unknown": Text(
        "Relationship expenses are not known (no expense table): nothing is subtracted for them.",
        "关系营销费用未知（没有费用表）：未扣除费用。",
    ),
    "off": Text(
        "Made {periods} periods earlier, the forecast of the total would have been {off:+.0%} off: trust the order of "
        "the customers more than the totals.",
        "若在 {periods} 期之前预测，总额会偏差 {off:+.0%}：客户之间的先后比总额更可信。",
    ),
    "rule_interval": Text(
        "The published rule has no interval of its own; customers' intervals are those of the expected value.",
        "公布的移转规则没有自己的区间；客户的区间取自期望值法。",
    ),
    "old_orders": Text(
        "The newest order is of {newest}, more than a period before {as_of}: is the log complete?",
        "最近一笔订单在 {newest}，比 {as_of} 早一期以上：订单是否完整？",
    ),
    "long_horizon": Text(
        "The forecast reaches further ({horizon} periods) than the history ({periods} complete periods).",
        "预测期数（{horizon}）超过历史的完整期数（{periods}）。",
    ),
    "after_as_of": Text(
        "{rows} order lines are dated after {as_of} and were not used.",
        "有 {rows} 条订单明细的日期晚于 {as_of}，未被使用。",
    ),
}


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what is in it when asked for."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Inputs, settings, row counts, totals, warnings, timings, versions."""
        return _read_json(self.folder / MANIFEST)

    @cached_property
    def models(self) -> dict[str, Any]:
        """Parameters, standard errors, diagnosis, backtest, transition tables, company forecast."""
        return _read_json(self.folder / "models.json")

    @property
    def customers(self) -> pa.Table:
        """One row per customer, the highest forecast value first."""
        return _read_parquet(self.folder / "customers.parquet")

    def best(self, count: int) -> list[dict[str, Any]]:
        """The customers with the highest forecast value, without reading the others."""
        import pyarrow.parquet as pq

        path = self.folder / "customers.parquet"
        first = min(path.glob("*.parquet")) if path.is_dir() else path
        for batch in pq.ParquetFile(first).iter_batches(batch_size=count):
            rows: list[dict[str, Any]] = batch.to_pylist()
            return rows
        return []

    @cached_property
    def worth(self) -> dict[str, Any]:
        """The company's figures of lifetime value, referrals, points and the other senses of worth, by topic."""
        return _read_json(self.folder / "worth.json")

    def table(self, name: str) -> pa.Table:
        """Any other table of the run by its name, such as `points` or `needs`."""
        return _read_parquet(self.folder / f"{name}.parquet")

    @property
    def periods(self) -> pa.Table:
        """Customer x past period accounts."""
        return _read_parquet(self.folder / "periods.parquet")

    @property
    def forecast(self) -> pa.Table:
        """Customer x future period, every factor kept."""
        return _read_parquet(self.folder / "forecast.parquet")

    @cached_property
    def report(self) -> reports.ValueReport:
        """The report's data, free of language."""
        with open_engine() as engine:
            return reports.build(engine, self.folder)


def _read_json(path: Path) -> dict[str, Any]:
    import json

    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path)


def analyse(
    orders: object | Sequence[object] | None = None,
    *,
    workspace: str | Path | None = None,
    out: str | Path | None = None,
    customers: object = None,
    products: object = None,
    expenses: object = None,
    margins: object = None,
    product_links: object = None,
    opportunities: object = None,
    suggestions: object = None,
    contacts: object = None,
    surveys: object = None,
    receivables: object = None,
    actions: object = None,
    mapping: Mapping[str, str] | None = None,
    progress: Listener | None = None,
    now: datetime | None = None,
    engine: object = None,
    **settings: Any,
) -> Run:
    """What every customer was worth and will be worth.

    `orders` (and the tables beside it) are paths, folders, globs or frames (pandas, polars, Arrow, DuckDB, Ibis);
    without them the workspace's book is analysed. The result is written to `out`, or as a new run of the
    workspace, or to a temporary folder that lives as long as the returned Run. `settings` are those of
    `kezhi.toml`: period, horizon, as_of, model, subtract_cost, ...; given here they win over the file.
    `engine` computes the tables: "duckdb" (the default), "spark", or a SparkSession, which is not ended.
    `progress` is called with an `Event` as each stage begins, twice a second while it lasts (by a thread of its
    own), and at the end; what it raises stops the run. Ctrl-C stops it too, and nothing unfinished is left behind.
    Raises KezhiError with a sentence that says what to do.
    """
    now = now or datetime.now(UTC)
    place = Workspace(Path(workspace)) if workspace is not None else None
    if orders is None and place is None:
        raise KezhiError(Text("Give orders to analyse, or a workspace.", "请提供订单文件或工作区。"))
    chosen = (place.settings() if place else Settings()).changed(**settings)
    files = {
        name: _several(given)
        for name, given in {
            "orders": orders,
            "customers": customers,
            "products": products,
            "expenses": expenses,
            "margins": margins,
            "product_links": product_links,
            "opportunities": opportunities,
            "suggestions": suggestions,
            "contacts": contacts,
            "surveys": surveys,
            "receivables": receivables,
            "actions": actions,
        }.items()
        if given is not None
    }
    if "orders" not in files and files:
        raise KezhiError(
            Text(
                f"Give the orders together with {', '.join(files)}, or import all of them into the workspace first.",
                f"请将订单与 {'、'.join(files)} 一起提供，或先全部导入工作区。",
            )
        )
    temporary = out is None and place is None
    outlook = Outlook(RUN_STAGES, chosen.model, _past(place.latest_run() if place and out is None else out))
    with Stages(progress, STAGES, outlook) as stages, ExitStack() as stack:
        if out is not None:
            folder = stack.enter_context(finished_folder(Path(out)))
            final = Path(out)
        elif place is not None:
            folder, final = stack.enter_context(place.new_run(now))
        else:
            folder = final = stack.enter_context(_temporary_folder())
        tables = stack.enter_context(
            open_engine(engine, memory_limit=chosen.memory_limit, threads=chosen.threads, scratch=folder)
        )
        stages.interrupt = tables.interrupt
        with stages("read"):
            if files.get("orders"):
                intake = read_files(tables, files, chosen.columns | dict(mapping or {}), now.date())
            else:
                assert place is not None
                intake = read_book(tables, place)
            write_rejected(tables, intake, folder)
            _refuse_nothing(intake)
            stages.counted(intake.rows["orders"]["read"])
        kept = None if files.get("orders") else place
        amendment = Amendment(() if place is None else Log(place).holding())
        _write_run(tables, intake, chosen, folder, stages, now, run_name(now), kept, amendment)
    if place is not None and out is None and Log(place).holding() != amendment.corrections:
        refresh(place)  # somebody corrected something meanwhile
    run = Run(final)
    if temporary:
        weakref.finalize(run, shutil.rmtree, final, ignore_errors=True)
    return run


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that is kept, unless the block ends with an error."""
    folder = Path(tempfile.mkdtemp(prefix="kezhi-run-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _past(earlier: str | Path | None) -> Past | None:
    """What a run folder, if it is one, says of its duration."""
    try:
        return past_run(_read_json(Path(earlier) / MANIFEST)) if earlier is not None else None
    except (OSError, ValueError):
        return None


def calendar_events(named: Mapping[str, Sequence[str]]) -> tuple[Event, ...]:
    """Events of the settings: dated days and stretches; a well-known name without days brings its own dates."""
    found = []
    for name, days in named.items():
        try:
            windows = tuple(_stretch(text) for text in days)
            found.append(Event(name, windows) if windows else known_events(name)[0])
        except ValueError:
            raise KezhiError(
                EVENT_DAYS.fill(name=name, known=", ".join(event.name for event in known_events()))
            ) from None
    return tuple(found)


def _stretch(text: str) -> tuple[date, date]:
    first, _, last = text.partition("/")
    return date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())


def _refuse_nothing(intake: Intake) -> None:
    """Raise when every row of the orders was rejected, with the reason that most of them share."""
    rows = intake.rows["orders"]
    if rows["accepted"] or not rows["rules"]:
        return
    worst = max(rows["rules"], key=lambda rule: int(rule["rows"]))
    raise KezhiError(
        Text(
            f"Not one of {rows['read']:,} order lines can be used; {worst['rows']:,} of them: {worst['en']}",
            f"{rows['read']:,} 条订单明细没有一条可用；其中 {worst['rows']:,} 条：{worst['zh']}",
        )
    )


def _several(given: object) -> list[object]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _write_run(
    engine: Engine,
    intake: Intake,
    settings: Settings,
    folder: Path,
    stages: Stages,
    now: datetime,
    name: str,
    place: Workspace | None,
    amendment: Amendment,
) -> None:
    """Everything of a run but the reading; `place` is the workspace whose book was read, if it was one."""
    calendar = Calendar(settings.period, settings.fiscal_start)
    book = intake.book.extracting(cost=settings.subtract_cost, expense=settings.subtract_expense)
    with stages("ledger"):
        days = None if place is None else kept_days(engine, place, intake.book, calendar)
        ledger = _ledger(engine, book, calendar, settings, days)
        late, newest = _after(engine, intake, ledger.as_of, days)
    known = Early(book.known(ledger.as_of), ledger, settings, () if place is None else place.complete_runs())
    periods = published_periods(ledger.named(ledger.accounts), ledger.calendar, cost_known=book.cost_known)
    # the models are fitted by one processor; another may write meanwhile, and prepare what comes after
    with stages("value"), engine.meanwhile(periods, folder / "periods.parquet"):
        begin(known)
        forecasted = forecast_customers(
            engine,
            book,
            ledger,
            folder,
            horizon=settings.horizon,
            model=settings.model,
            edges=settings.amount_edges,
            events=calendar_events(settings.events),
            memory=None if place is None else Memory(place.days / "past.json"),
            amend=amendment if amendment.corrections else None,
        )
    with stages("worth"):
        work = Work.of(known, forecasted)
        columns = measure(work).columns
    with stages("write"):
        valuation = conclude(forecasted, columns)
        write_json(folder / "models.json", valuation.models)
    with stages("groups"):
        write_attributes(work)
        worth = follow(work)
        write_traces(engine, amendment, folder, worth.facts)
    manifest = _manifest(intake, ledger, valuation, settings, now, name, late, newest)
    manifest["warnings"] += [*worth.warnings, *amendment.warnings]
    write_json(folder / MANIFEST, manifest | {"seconds": stages.seconds})
    with stages("report"):
        write_report(engine.local, folder, settings.language or preferred_language())
    write_json(folder / MANIFEST, manifest | {"seconds": stages.seconds})


def _ledger(engine: Engine, book: Book, calendar: Calendar, settings: Settings, days: ir.Table | None) -> Ledger:
    as_of = settings.as_of or last_day(engine, book.orders.date if days is None else days.told)
    ledger = open_ledger(engine, book, calendar, as_of, days)
    if not ledger.company:
        raise KezhiError(
            Text(
                f"No order line is dated on or before {as_of}; choose a later --as-of.",
                f"没有日期在 {as_of} 或之前的订单明细；请选择更晚的 --as-of。",
            )
        )
    return ledger


def _after(engine: Engine, intake: Intake, as_of: date, days: ir.Table | None) -> tuple[int, date | None]:
    """How many order lines are dated after `as_of`, and the newest day up to it."""
    orders = intake.book.orders
    told = orders.date if days is None else days.told
    newest = engine.row(told.as_table().aggregate(known=told.max(where=told <= as_of), all=told.max()))
    if newest["all"] is None or newest["all"] <= as_of:
        return 0, newest["known"]
    return engine.row(orders.aggregate(late=(orders.date > as_of).sum()))["late"], newest["known"]


def _manifest(
    intake: Intake,
    ledger: Ledger,
    valuation: Valuation,
    settings: Settings,
    now: datetime,
    name: str,
    late: int,
    newest: date | None,
) -> dict[str, Any]:
    rows = dict(intake.rows)
    rows["orders"] = rows["orders"] | {"after_as_of": late}
    return {
        "kezhi": version("kezhi"),
        "run": name,
        "created": now.isoformat(timespec="seconds"),
        "as_of": ledger.as_of,
        "period": settings.period,
        "fiscal_start": settings.fiscal_start,
        "horizon": settings.horizon,
        "currency": settings.currency or intake.currency,
        "language": settings.language or preferred_language(),
        "cost_known": intake.book.cost_known,
        "expense_known": intake.book.expenses is not None,
        "subtract_cost": settings.subtract_cost,
        "subtract_expense": settings.subtract_expense,
        "settings": settings.model_dump(mode="json"),
        "inputs": intake.inputs,
        "rows": rows,
        "totals": valuation.totals,
        "warnings": [
            *intake.warnings,
            *_shortcomings(intake, ledger, valuation, settings),
            *_doubts(valuation.models),
            *_dates(ledger, late, newest),
        ],
        "versions": {"python": platform.python_version()}
        | {name: version(package) for name, package in _PACKAGES.items()}
        | ledger.engine.versions,
    }


def _warning(code: str, **values: object) -> dict[str, str]:
    return {"code": code, **WARNINGS[code].fill(**values).as_dict()}


def _shortcomings(intake: Intake, ledger: Ledger, valuation: Valuation, settings: Settings) -> Iterator[dict[str, str]]:
    """What the data does not hold."""
    if valuation.totals["purchases"] == 0:
        yield _warning("no_purchase")
    if not intake.book.cost_known and settings.subtract_cost:
        yield _warning("cost_unknown")
    if intake.book.expenses is None and settings.subtract_expense:
        yield _warning("expense_unknown")
    complete = max(ledger.present - int(ledger.company[0]["number"]) + 1, 0)
    if settings.horizon > complete:
        yield _warning("long_horizon", horizon=settings.horizon, periods=complete)


def _doubts(models: dict[str, Any]) -> Iterator[dict[str, str]]:
    """How far the forecast may be trusted: fits that failed, a test that could not be made or that went badly."""
    for fit in models["models"].values():
        for remark in fit["diagnosis"]:
            if remark["severity"] == "warning":
                yield {name: remark[name] for name in ("code", "en", "zh")}
    if models["method"] == "transition":
        yield _warning("rule_interval")
    if models["backtest"] is None:
        yield {"code": "not_tested", **models["backtest_reason"]}
        return
    tested = models["backtest"]
    bias = next(row["bias"] for row in tested["methods"] if row["method"] == models["method"])
    if bias is not None and abs(bias) > DOUBTFUL:
        yield _warning("off", periods=tested["periods"], off=bias)


def _dates(ledger: Ledger, late: int, newest: date | None) -> Iterator[dict[str, str]]:
    """Orders that came after `as_of`, or ended long before it."""
    if newest is not None and ledger.calendar.number(ledger.as_of) - ledger.calendar.number(newest) > 1:
        yield _warning("old_orders", newest=newest, as_of=ledger.as_of)
    if late:
        yield _warning("after_as_of", rows=f"{late:,}", as_of=ledger.as_of)


def backtest(
    orders: object,
    *,
    split: str | date | None,
    until: str | date | None = None,
    out: str | Path | None = None,
    model: str = "all",
    period: Period = "month",
    events: Mapping[str, Sequence[str]] | None = None,
    mapping: Mapping[str, str] | None = None,
    progress: Listener | None = None,
) -> dict[str, Any]:
    """Forecast the days after `split` (up to `until`, by default the newest order) with what was known then, and score.

    `model` is auto, all, or one model of purchases; `events` are as in kezhi.toml. Returns what scores.json holds; with
    `out`, that file and predictions.parquet (one row per model and customer whose first purchase is on or before the
    split) are written.
    """
    if model not in ("all", "auto", *FAMILY_OF_TRIALS):
        raise KezhiError(UNKNOWN_MODEL.fill(model=model, known=", ".join(("all", "auto", *FAMILY_OF_TRIALS))))
    names = ("auto", *FAMILY_OF_TRIALS) if model == "all" else (model,)
    last, end = _as_day(split), _as_day(until)
    if last is None:
        raise KezhiError(Text("Say at which day to split the orders.", "请说明在哪一天分割订单。"))
    dated = calendar_events(events or {})
    with Stages(progress, STAGES, Outlook(TRIAL_STAGES, model)) as stages, ExitStack() as stack:
        engine = stack.enter_context(open_engine())
        folder = stack.enter_context(finished_folder(Path(out), SCORES)) if out is not None else None
        with stages("read"):
            intake = read_files(engine, {"orders": _several(orders)}, mapping, datetime.now(UTC).date())
            _refuse_nothing(intake)
            stages.counted(intake.rows["orders"]["read"])
        with stages("test"):
            calendar = Calendar(period)
            found = run_trial(
                engine, intake.book, calendar, last, end or last_day(engine, intake.book.orders.date), names, dated
            )
        if folder is not None:
            import pyarrow.parquet as pq

            with stages("write"):
                pq.write_table(found.predictions, folder / "predictions.parquet", compression="zstd")
                write_json(folder / SCORES, found.scores)
    return found.scores


def _as_day(given: str | date | None) -> date | None:
    try:
        return date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise KezhiError(NO_DATE.fill(given=given)) from None


_PACKAGES = {"duckdb": "duckdb", "ibis": "ibis-framework", "numpy": "numpy", "scipy": "scipy"}


def statistics(
    orders: object,
    *,
    split: str | date | None = None,
    period: str = "week",
    mapping: Mapping[str, str] | None = None,
) -> pa.Table:
    """What the purchase and amount models need of each customer, as an Arrow table sorted by customer.

    customer_id, first_purchase, repeat_purchases (x), last_purchase_at (t_x) and observed_periods (T) in `period`s
    (day, week, month, quarter or year) since the first purchase, mean_amount (of the repeat purchases; 0 without
    one). `split` is the last day that counts; the newest order's by default. A purchase is a customer's day with a
    positive net amount.
    """
    as_of = _as_day(split)
    with open_engine() as engine:
        intake = read_files(engine, {"orders": _several(orders)}, mapping, datetime.now(UTC).date())
        table = purchase_times(engine, intake.book, as_of or last_day(engine, intake.book.orders.date), period)
        return engine.fetch(table.order_by("customer_id"))
