"""Everything that is known of one customer, from the workspace's book and from a run: the 360 degree view."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.assessments import Assessment, assessments
from kezhi.engine import Engine, open_engine
from kezhi.intake import current_rows
from kezhi.language import KezhiError, Text
from kezhi.ledger import Book
from kezhi.one_history import Standing, standings
from kezhi.settings import Settings, read_settings
from kezhi.settings.scoring import Factors, Rule, rules_of
from kezhi.workspace import MANIFEST, Workspace
from kezhi.worth.costs import WORDS
from kezhi.worth.point_rows import Known, plain, rows_of
from kezhi.worth.score_sheet import Part, ScoreSheet, part_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

LAST = 10  # rows of each block that are shown
PRIVATE = re.compile(
    r"phone|mobile|\btel|e-?mail|address|passport|id.?card|手机|电话|邮箱|邮件|地址|身份证|护照", re.IGNORECASE
)
FREE_TEXT = ("note", "text", "comment")
_DAY = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)"  # is no phone number
# a number may stand between Chinese characters or before a full stop, but is no part of a word, a code or a decimal
_REACHABLE = re.compile(rf"\S+@\S+\.\S+|(?<![A-Za-z0-9_])(?<!\d\.)(?!{_DAY})\+?\d[\d ()-]{{6,}}\d(?![A-Za-z0-9_]|\.\d)")
HIDDEN = "•••"

# table -> title and the day by which the newest come first
BLOCKS: dict[str, tuple[Text, str]] = {
    "orders": (Text("Order lines", "订单明细"), "date"),
    "opportunities": (Text("Sales opportunities", "销售机会"), "expected_on"),
    "suggestions": (Text("Suggestions", "客户建议"), "date"),
    "contacts": (Text("Contacts", "联系记录"), "date"),
    "surveys": (Text("Survey answers", "问卷回答"), "date"),
    "actions": (Text("Actions", "营销行动"), "date"),
    "receivables": (Text("Receivables", "应收账款"), "due_on"),
    "expenses": (Text("Relationship expenses", "关系营销费用"), "date"),
    "referrals": (Text("Customers referred", "推荐的客户"), "acquired_on"),
}

NO_CUSTOMER = Text(
    "There is no customer {customer} in {place}; ids are written as in the orders.",
    "{place} 中没有客户 {customer}；请按订单中的写法填写客户编号。",
)
NO_RUN = Text(
    "{place} is neither a workspace with a run nor a run folder. Make one with: kezhi run",
    "{place} 既不是含有运行结果的工作区，也不是结果文件夹。请先执行：kezhi run",
)


@dataclass(frozen=True)
class Block:
    """The rows that a table of the book holds of one customer: how many, and the newest of them."""

    table: str
    title: Text
    count: int
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class FactorScore:
    """One key factor, 0 to 10: computed, by a person, and both together; None where there is none."""

    factor: str
    weight: float
    objective: float | None
    subjective: Assessment | None
    score: float | None


@dataclass(frozen=True)
class CustomerView:
    """One customer from all sides.

    facts: the row of the customer table. worth: the row of customers.parquet. forecast: their rows of
    forecast.parquet. ranking: the row of rankings.parquet. blocks: what the book holds, newest first. standings: tier,
    RFM class, value and place at each run up to this one, oldest first. alerts: the open rows of alerts.parquet.
    segments: the saved segments the customer is in. Each is empty where there is nothing of it.
    """

    customer_id: str
    as_of: date
    facts: Mapping[str, Any]
    worth: Mapping[str, Any]
    forecast: tuple[dict[str, Any], ...]
    ranking: Mapping[str, Any]
    sheet: ScoreSheet | None
    factors: tuple[FactorScore, ...]
    blocks: tuple[Block, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    needs: tuple[dict[str, Any], ...] = field(default=())
    standings: tuple[Standing, ...] = ()
    alerts: tuple[dict[str, Any], ...] = ()
    segments: tuple[str, ...] = ()

    @property
    def factor_score(self) -> float | None:
        """The weighted mean of the factors that have a score."""
        known = [(one.weight, one.score) for one in self.factors if one.score is not None]
        weight = sum(weight for weight, _ in known)
        return sum(weight * score for weight, score in known) / weight if weight else None


@dataclass(frozen=True)
class Place:
    """A run, and the workspace whose book it was made from, if it was one."""

    run: Path
    workspace: Workspace | None

    @property
    def manifest(self) -> dict[str, Any]:
        """The run's manifest."""
        import json

        found: dict[str, Any] = json.loads((self.run / MANIFEST).read_text(encoding="utf-8"))
        return found


def place_of(given: object, run: str | None = None) -> Place:
    """Where a workspace, a run folder or a Run lies; `run` names one of the workspace's runs."""
    folder = Path(getattr(given, "folder", given))  # type: ignore[arg-type]
    if not run and (folder / MANIFEST).exists():
        home = folder.absolute().parent
        return Place(folder, Workspace(home.parent) if home.name == "runs" else None)
    workspace = Workspace(folder)
    if not run and workspace.latest_run() is None:
        raise KezhiError(NO_RUN.fill(place=folder))
    return Place(workspace.run(run), workspace)


def customer(
    customer_id: str, workspace: object = ".", *, run: str | None = None, last: int = LAST, private: bool = False
) -> CustomerView:
    """Everything known of one customer: figures and points of a run, and the rows of the workspace's book.

    `workspace` may also be a run folder or a Run; `run` names a run of the workspace (default: the newest). Counts are
    those of the book as it is now; of each table the newest `last` rows are given. Phone numbers, addresses and the
    like are left out unless `private`. Raises KezhiError where there is no such customer.
    """
    place = place_of(workspace, run)
    with open_engine() as engine:
        settings, as_of = _of_run(place)
        book = _Book(engine, place.workspace, customer_id)
        worth = _rows(engine, place.run, "customers", customer_id)
        ranking = _rows(engine, place.run, "rankings", customer_id)
        blocks = tuple(
            Block(name, title, *book.newest(name, day, last, private=private))
            for name, (title, day) in BLOCKS.items()
            if book.table(name) is not None
        )
        facts = book.facts(private=private)
        if not (worth or ranking or facts or any(block.count for block in blocks)):
            raise KezhiError(NO_CUSTOMER.fill(customer=customer_id, place=place.run))
        opinions = assessments(place.workspace.folder, customer_id) if place.workspace else ()
        needs = _rows(engine, place.run, "needs", customer_id)
        return CustomerView(
            customer_id,
            as_of,
            facts,
            without_reach(worth[0] if worth else {}, private=private),
            tuple(sorted(_rows(engine, place.run, "forecast", customer_id), key=lambda row: row["step"])),
            ranking[0] if ranking else {},
            _sheet(engine, place, book, settings, as_of, private=private),
            tuple(factor_scores(settings.factors or Factors(), ranking[0] if ranking else {}, opinions)),
            blocks,
            opinions,
            tuple(needs),
            standings(engine, _runs(place), customer_id, as_of),
            tuple(_alerts(engine, place.run, customer_id)),
            tuple(sorted(row["segment"] for row in _rows(engine, place.run, "segments", customer_id))),
        )


def score_sheet(run_or_workspace: object, customer_id: str, *, private: bool = False) -> ScoreSheet:
    """A customer's points, their parts, and the very records behind each part.

    Rules and sums are those of the run; records come from the workspace's book, as far as the run knew it. Raises
    KezhiError where the run has no points, or no such customer.
    """
    place = place_of(run_or_workspace)
    with open_engine() as engine:
        settings, as_of = _of_run(place)
        book = _Book(engine, place.workspace, customer_id)
        sheet = _sheet(engine, place, book, settings, as_of, private=private)
        if sheet is None or not (sheet.parts or _rows(engine, place.run, "rankings", customer_id)):
            raise KezhiError(NO_CUSTOMER.fill(customer=customer_id, place=place.run))
        return sheet


def rankings(run_or_workspace: object) -> Any:
    """Customers by turnover, with share and cumulative share: an Arrow table, the largest first.

    Also by points, where the run measured them (rankings.parquet); else made of customers.parquet.
    """
    import pyarrow.parquet as pq

    from kezhi.worth.rankings import by_turnover

    run = place_of(run_or_workspace).run
    with open_engine() as engine:
        if (run / "rankings.parquet").exists():
            return pq.read_table(run / "rankings.parquet")
        people = engine.read_parquet(run / "customers.parquet")
        return engine.fetch(by_turnover(people))


def _of_run(place: Place) -> tuple[Settings, date]:
    """The settings with which a run was made, and its last day."""
    manifest = place.manifest
    known = {name: value for name, value in (manifest.get("settings") or {}).items() if name in Settings.model_fields}
    return read_settings(known), date.fromisoformat(manifest["as_of"])


def _rows(engine: Engine, run: Path, name: str, customer_id: str) -> list[dict[str, Any]]:
    """A customer's rows of one of the run's tables; none where there is no such table."""
    path = run / f"{name}.parquet"
    if not path.exists():
        return []
    table = engine.read_parquet(path)
    found: list[dict[str, Any]] = engine.fetch(table.filter(table.customer_id == customer_id)).to_pylist()
    return found


def _runs(place: Place) -> tuple[Path, ...]:
    """The runs that say how a customer stood, the one that is shown last."""
    earlier = place.workspace.complete_runs() if place.workspace else ()
    return (*earlier, place.run)


def _alerts(engine: Engine, run: Path, customer_id: str) -> list[dict[str, Any]]:
    """A customer's open alerts, those that cost most first."""
    found = [row for row in _rows(engine, run, "alerts", customer_id) if row.get("state") == "open"]
    return sorted(found, key=lambda row: (row.get("rank") is None, row.get("rank") or 0, row["cause"]))


@dataclass(frozen=True)
class _Book:
    """What a workspace's book holds of one customer."""

    engine: Engine
    workspace: Workspace | None
    customer_id: str

    def all_rows(self, name: str) -> ir.Table | None:
        """The whole table as it is now."""
        if self.workspace is None or not self.workspace.book_files(name):
            return None
        return current_rows(self.engine, self.workspace, name)

    def table(self, name: str) -> ir.Table | None:
        """The customer's rows of a table, or the customers they referred."""
        if name == "referrals":
            people = self.all_rows("customers")
            if people is None or "referrer_id" not in people.columns:
                return None
            return people.filter(people.referrer_id == self.customer_id)
        if name == "orders" and self.workspace is not None and self.workspace.book_files(name):
            # the customer belongs to the key of an order line, so that the others need not be compared
            return current_rows(
                self.engine, self.workspace, name, lambda rows: rows.filter(rows.customer_id == self.customer_id)
            )
        rows = self.all_rows(name)
        return (
            None
            if rows is None or "customer_id" not in rows.columns
            else rows.filter(rows.customer_id == self.customer_id)
        )

    def newest(self, name: str, day: str, last: int, *, private: bool) -> tuple[int, tuple[dict[str, Any], ...]]:
        """How many rows there are, and the newest of them."""
        import ibis

        rows = self.table(name)
        assert rows is not None, "asked of tables that are there"
        count = self.engine.row(rows.aggregate(count=rows.count()))["count"]
        order = [ibis.desc(rows[day])] if day in rows.columns else []
        shown = rows.order_by([*order, *(one for one in rows.columns if one != day)]).limit(last)
        return count, tuple(without_reach(row, private=private) for row in self.engine.fetch(shown).to_pylist())

    def facts(self, *, private: bool) -> dict[str, Any]:
        """The customer's row of the customer table."""
        rows = self.table("customers")
        found = [] if rows is None else self.engine.fetch(rows.limit(1)).to_pylist()
        return without_reach(found[0], private=private) if found else {}

    def known(self, run: Path, as_of: date) -> Known | None:
        """The book as the run knew it, this customer's rows only; of the customer table all."""
        if self.workspace is None:
            return None
        names = ("opportunities", "suggestions", "contacts", "surveys", "receivables", "expenses")
        orders = self.table("orders")
        if orders is None:
            return None
        book = Book(orders, **{name: self.table(name) for name in names}, customers=self.all_rows("customers"))
        people = self.engine.read_parquet(run / "customers.parquet").select("customer_id", "first_purchase")
        return Known(book.known(as_of), as_of, run, people.select("customer_id"), people, self.engine.read_parquet)


def masked(text: str) -> str:
    """A free text without phone numbers and e-mail addresses."""
    return _REACHABLE.sub(HIDDEN, text)


def without_reach(row: Mapping[str, Any], *, private: bool) -> dict[str, Any]:
    """A row without what reaches a person at home, and without that in its free texts."""
    if private:
        return dict(row)
    return {
        name: masked(value) if name in FREE_TEXT and isinstance(value, str) else value
        for name, value in row.items()
        if not PRIVATE.search(name)
    }


# --- points and factors


def _sheet(
    engine: Engine, place: Place, book: _Book, settings: Settings, as_of: date, *, private: bool
) -> ScoreSheet | None:
    if not (place.run / "points.parquet").exists():
        return None
    counted = {row["term"]: row for row in _rows(engine, place.run, "points", book.customer_id)}
    known = book.known(place.run, as_of)
    rules = [rule for rule in rules_of(settings.points) if rule.name in counted]
    parts = [part_of(rule, counted[rule.name], _records(engine, book, known, rule)) for rule in rules]
    found = tuple(part if private else _masked(part) for part in parts)
    return ScoreSheet(book.customer_id, as_of, sum((part.points for part in found), _zero()), found)


def _zero() -> Any:
    from decimal import Decimal

    return Decimal("0.0000")


def _masked(part: Part) -> Part:
    if part.unit != "suggestions":
        return part
    records = tuple(replace(record, text=masked(record.text)) if record.text else record for record in part.records)
    return replace(part, records=records)


def _records(engine: Engine, book: _Book, known: Known | None, rule: Rule) -> list[dict[str, Any]]:
    """The records behind one part."""
    if known is None:
        return []
    rows = _acquisition(known) if rule.source == "acquisition_cost" else rows_of(known, rule)
    if rows is None:
        return []
    found: list[dict[str, Any]] = engine.fetch(rows.filter(rows.customer_id == book.customer_id)).to_pylist()
    return found


def _acquisition(known: Known) -> ir.Table | None:
    """Expenses of acquisition, else the cost in the customer table."""
    import ibis

    spent, people = known.book.expenses, known.book.customers
    if spent is not None and "kind" in spent.columns:
        words = [plain(word) for word in WORDS["acquire"]]
        kind: Any = spent.kind.strip().lower()
        spent = spent.filter(kind.isin(words))
        return spent.select("customer_id", "date", quantity="amount", text="kind")
    if people is None or "acquisition_cost" not in people.columns:
        return None
    day = people.acquired_on if "acquired_on" in people.columns else ibis.null("date")
    cost = people.filter(people.acquisition_cost.notnull())
    return cost.select("customer_id", date=day, quantity=cost.acquisition_cost, text=ibis.null("string"))


def factor_scores(factors: Factors, ranking: Mapping[str, Any], opinions: tuple[Assessment, ...]) -> Any:
    """The four factors: what is computed, what a person thinks (the last one counts), and both together."""
    latest = {one.factor: one for one in opinions}
    for factor, weight in factors.weights.items():
        computed, opinion = ranking.get(f"{factor}_score"), latest.get(factor)
        if computed is None or opinion is None:
            score = computed if opinion is None else opinion.score
        else:
            score = (1.0 - factors.subjective) * computed + factors.subjective * opinion.score
        if score is not None:
            yield FactorScore(factor, weight, computed, opinion, score)
