"""What actions and campaigns brought: treated customers against a control group, with the sureness of the difference.

Two figures answer it. Where the groups were alike before the action, the difference of their means after it is its
effect. Where they were not, each customer's change (after less before) is compared instead, which is right only as far
as both groups would have changed alike without the action. Without a control group nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kezhi.actions.effect import LARGE_APART, LEVEL, Difference, apart, difference
from kezhi.actions.groups import ALIKE_IN, FIGURES, Group, groups
from kezhi.settings.actions import Uplift
from kezhi.valuation.arrays import from_rows
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "uplift.parquet"
CLAIMS = ("more", "less")
COUNTS = ("treated", "control", "left_out")
SPANS = ("effect", "change", "total")  # each with its interval


@dataclass(frozen=True)
class Verdict:
    """What may be said: a code, and which figure it rests on (`difference`, `change`, or None)."""

    code: str
    basis: str | None = None


def measured(work: Work) -> Found | None:
    """Write uplift.parquet: a row per action and figure (purchases, amount, value); None without a table of actions."""
    import pyarrow.parquet as pq

    if work.book.actions is None:
        return None
    rules = work.settings.uplift
    window = max(round(rules.window * work.calendar.mean_days), 1)
    found: dict[str, dict[int | None, Group]] = {}
    for row in groups(work, work.book.actions, window):
        found.setdefault(row["action"], {})[row["arm"]] = Group(row)
    rows = [row for name, arms in sorted(found.items(), key=_newest_first) for row in _rows(work, name, arms, window)]
    if not rows:
        return None
    pq.write_table(_table(rows), work.folder / FILE, compression="zstd")
    actions = [row for row in rows if row["figure"] == FIGURES[0]]
    told = "value" if work.book.cost_known else "amount"
    return Found(
        {
            "window_days": window,
            "window": rules.window,
            "level": LEVEL,
            "least_customers": rules.least_customers,
            "least_buyers": rules.least_buyers,
            "figure": told,
            "actions": len(actions),
            "with_control": sum(row["control"] > 0 for row in actions),
            "claimed": sum(row["verdict"] in CLAIMS for row in rows if row["figure"] == told),
            "left_out": sum(row["left_out"] for row in actions),
        }
    )


def _newest_first(item: tuple[str, dict[int | None, Group]]) -> tuple[int, str]:
    name, arms = item
    return -max(group.row["last_day"] for group in arms.values()).toordinal(), name


def _rows(work: Work, name: str, arms: dict[int | None, Group], window: int) -> Iterator[dict[str, Any]]:
    """The rows of one action: what is known of its groups, and of each figure its effect."""
    treated, control = arms.get(1), arms.get(0)
    left_out = arms[None].n if None in arms else 0
    if treated is None or treated.n == 0:
        return
    both = [group for group in (treated, control) if group is not None]
    watched = _before_is_known(work, both)
    where, distance = _farthest(treated, control, seen=watched) if control else (None, None)
    alike = None if distance is None else abs(distance) <= LARGE_APART
    facts = {
        "action": name,
        "treated": treated.n,
        "control": control.n if control else 0,
        "left_out": left_out,
        "first_day": min(group.row["first_day"] for group in both),
        "last_day": max(group.row["last_day"] for group in both),
        "days": treated.before("days").mean,
        "days_control": control.before("days").mean if control else None,
        "complete": all(group.row["shortest"] >= window for group in both),
        "before_known": watched,
        "alike": alike,
        "apart": distance,
        "apart_in": where if alike is False else None,
        "cost": _cost(both),
    }
    for figure in FIGURES:
        if figure != "value" or work.book.cost_known:
            yield facts | {"figure": figure, "buyers": treated.row["buyers"]} | _effect(work, figure, facts, arms)


def _before_is_known(work: Work, both: Iterable[Group]) -> bool:
    """Does the log reach back as far before every action as its window reaches after it?

    The first actions have the longest windows, so that theirs decide.
    """
    begin = work.calendar.start(int(work.ledger.company[0]["number"]))
    window = max(round(work.settings.uplift.window * work.calendar.mean_days), 1)
    for group in both:
        first = group.row["first_day"]
        if first - timedelta(days=min(window, (work.as_of - first).days + 1)) < begin:
            return False
    return True


def _farthest(treated: Group, control: Group, *, seen: bool) -> tuple[str, float]:
    """In which figure before the action the groups were farthest apart, and how far (see `apart`)."""
    names = ALIKE_IN if seen else ("ever", "days")
    gaps = {name: apart(treated.before(name), control.before(name)) for name in names}
    worst = max(gaps, key=lambda name: abs(gaps[name]))
    return worst, gaps[worst]


def _cost(both: Iterable[Group]) -> Any:
    """What the action cost; None where no row says."""
    told = [group.row["cost"] for group in both if group.row["costed"]]
    return sum(told[1:], told[0]) if told else None


def _effect(work: Work, figure: str, facts: dict[str, Any], arms: dict[int | None, Group]) -> dict[str, Any]:
    """Means of both groups, the difference, the difference of the changes, and what may be said of them."""
    treated, control = arms[1], arms.get(0)
    seen = facts["before_known"]
    row: dict[str, Any] = {
        "treated_mean": treated.after(figure).mean,
        "treated_before": treated.before(figure).mean if seen else None,
        "control_mean": control.after(figure).mean if control else None,
        "control_before": control.before(figure).mean if control and seen else None,
    }
    plain = changed = None
    if control is not None and min(treated.n, control.n) >= 2:
        plain = difference(treated.after(figure), control.after(figure))
        changed = difference(treated.change(figure), control.change(figure)) if seen else None
    verdict = _verdict(work.settings.uplift, facts, arms, plain, changed)
    used = {"difference": plain, "change": changed, None: None}[verdict.basis]
    total = None if used is None else Difference(*(treated.n * end for end in (used.value, used.lower, used.upper)))
    for name, one in zip(SPANS, (plain, changed, total), strict=True):
        ends = (one.value, one.lower, one.upper) if one else (None, None, None)
        row |= dict(zip((name, f"{name}_lower", f"{name}_upper"), ends, strict=True))
    gained = total is not None and verdict.code in CLAIMS and figure == "value" and (facts["cost"] or 0) > 0
    row["return_on_cost"] = total.value / float(facts["cost"]) if gained and total else None
    return row | {"basis": verdict.basis, "verdict": verdict.code}


def _verdict(
    rules: Uplift,
    facts: dict[str, Any],
    arms: dict[int | None, Group],
    plain: Difference | None,
    changed: Difference | None,
) -> Verdict:
    """no_control, few, unlike (and nothing to compare instead), or more, less, unclear by the figure that is right."""
    if not facts["control"]:
        return Verdict("no_control")
    buyers = arms[1].row["buyers"] + arms[0].row["buyers"]
    customers = min(facts["treated"], facts["control"])
    if customers < rules.least_customers or buyers < rules.least_buyers or plain is None:
        return Verdict("few")
    if facts["alike"]:
        return Verdict(plain.claim, "difference")
    return Verdict(changed.claim, "change") if changed is not None else Verdict("unlike")


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """The rows of uplift.parquet."""
    import pyarrow as pa

    money, share = pa.decimal128(28, 4), pa.float64()
    schema = pa.schema(
        [
            ("action", pa.string()),
            ("figure", pa.string()),
            *((name, pa.int64()) for name in (*COUNTS, "buyers")),
            ("first_day", pa.date32()),
            ("last_day", pa.date32()),
            ("days", share),
            ("days_control", share),
            ("complete", pa.bool_()),
            ("before_known", pa.bool_()),
            ("alike", pa.bool_()),
            ("apart", share),
            ("apart_in", pa.string()),
            *((name, share) for name in ("treated_mean", "control_mean", "treated_before", "control_before")),
            *((f"{name}{end}", share) for name in SPANS for end in ("", "_lower", "_upper")),
            ("basis", pa.string()),
            ("verdict", pa.string()),
            ("cost", money),
            ("return_on_cost", share),
        ]
    )
    return from_rows(rows, schema)
