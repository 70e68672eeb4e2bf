"""The demo company: what is done in which order, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kezhi.demo import actions, dealings, expenses, files, tables
from kezhi.demo.dirt import put_dirt
from kezhi.demo.plan import BLANK, COMPANY_NAME, HABIT_SHARES, LAST_DAY, make_plan
from kezhi.demo.season import MOST_YEARS
from kezhi.demo.world import World, draw_world
from kezhi.language import KezhiError, Language, Text

MOST_CUSTOMERS = 900_000


@dataclass(frozen=True)
class Company:
    """A demo company on disk, with what is true about it.

    `files` and `counts` go by table; `counts` are the rows that a reader must find. Of the order rows, `dirt`
    says how many each check must reject. `blank_rows` lines of nothing but commas come on top; they are no
    rows to any reader.
    """

    name: str
    folder: Path
    language: Language
    first_day: date
    last_day: date
    files: Mapping[str, Path]
    counts: Mapping[str, int]
    dirt: Mapping[str, int]
    blank_rows: int
    truth: Mapping[str, Any]


def make_company(
    folder: Path,
    *,
    customers: int = 5000,
    seed: int = 20251122,
    language: Language = "en",
    years: int = 3,
    dirt: bool = True,
    season: bool = True,
    plain: bool = False,
) -> Company:
    """Make a believable tea house with all its tables in `folder`, the same for the same arguments.

    The company's last day is 2025-09-30, its first one `years` years earlier. With `plain` (which switches
    season and dirt off) the orders follow the six assumptions exactly: one group, nobody leaves, nothing
    comes back, so that a fit must find the parameters in `truth`. See docs/demo.en.md.
    """
    _require(customers=customers, years=years)
    plan = make_plan(customers=customers, seed=seed, years=years, season=season, dirt=dirt, plain=plain)
    world = draw_world(plan)
    folder.mkdir(parents=True, exist_ok=True)
    orders, dirty = put_dirt(plan, tables.order_table(world, language), language)
    done = actions.draw_actions(world)
    written = {"orders": orders} | _tables(world, language) | {"actions": actions.action_table(done, language)}
    paths = {name: files.write_csv(table, name, folder, language) for name, table in written.items()}
    counts = {name: len(next(iter(table.values()))) for name, table in written.items()}
    blank_rows = dirty.pop(BLANK, 0)
    counts["orders"] -= blank_rows
    truth = _truth(world, counts, dirty, language) | {"actions": actions.truth_of(done, language)}
    known = tables.truth_table(world)
    paths["truth"] = files.write_json(truth, folder / "truth.json")
    paths["truth_customers"] = files.write_parquet(known, folder / "truth.parquet")
    return Company(
        name=COMPANY_NAME[language],
        folder=folder,
        language=language,
        first_day=world.window.first_day,
        last_day=LAST_DAY,
        files=paths,
        counts=counts,
        dirt=dirty,
        blank_rows=blank_rows,
        truth=truth,
    )


def _require(*, customers: int, years: int) -> None:
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise KezhiError(
            Text(
                "customers must be between 1 and {most}, not {given}.",
                "客户数须在 1 与 {most} 之间,给出的是 {given}。",
            ).fill(most=MOST_CUSTOMERS, given=customers)
        )
    if not 1 <= years <= MOST_YEARS:
        raise KezhiError(
            Text(
                "years must be between 1 and {most}, not {given}.",
                "年数须在 1 与 {most} 之间,给出的是 {given}。",
            ).fill(most=MOST_YEARS, given=years)
        )


def _tables(world: World, language: Language) -> dict[str, tables.Columns]:
    """All tables but the orders."""
    return {
        "customers": tables.customer_table(world, language),
        "products": tables.product_table(world.catalogue, language),
        "product_links": tables.link_table(world.catalogue),
        "expenses": expenses.expense_table(world, language),
        "opportunities": dealings.opportunity_table(world),
        "suggestions": dealings.suggestion_table(world, language),
        "contacts": dealings.contact_table(world, language),
        "surveys": dealings.survey_table(world, language),
        "receivables": dealings.receivable_table(world),
    }


def _truth(world: World, counts: dict[str, int], dirty: dict[str, int], language: Language) -> dict[str, Any]:
    plan, window = world.plan, world.window
    settings = asdict(plan)
    groups = settings.pop("groups")
    return {
        "company": COMPANY_NAME,
        "language": language,
        "first_day": window.first_day.isoformat(),
        "last_day": LAST_DAY.isoformat(),
        "period": "month",
        "currency": "CNY",
        "settings": settings,
        "groups": groups,
        "habits": {} if plan.plain else dict(HABIT_SHARES),
        "season": [round(float(factor), 6) for factor in window.factors()],
        "purchases": len(world.purchases.customer),
        "clean_order_rows": counts["orders"] - sum(dirty.values()),
        "amount": _yuan(int(world.lines.amount_cents.sum())),
        "returned": _yuan(-int(world.lines.amount_cents[world.lines.quantity < 0].sum())),
        "rows": counts,
        "dirt": dirty,
    }


def _yuan(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
