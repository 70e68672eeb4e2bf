"""Our models, naive rules and the peers forecast the same public logs from the same split, scored alike.

    python benches/accuracy.py [--data FOLDER] [--logs cdnow_sample apparel] [--peers [PYTHON]] [--out FILE]

One table per log and a summary of `auto` against the best of all others, with the goals and whether they are met.
A purchase is a customer's day with a positive amount. Peers (`--peers`; PYTHON is one with the extra `peers` and kezhi,
where that is not this one) are fitted in this run to the very same customer-days in weeks; spend is their expected
purchases times their Gamma-Gamma mean. Rows marked "published" are read from peer_accuracy.csv of the data folder; they
count CDNOW's days of amount 0 as purchases.
RMSE, bias, Gini and shares are those of expectations; "MAE, median" is that of our medians, which peers do not have.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import kezhi
import peers as others
from kezhi.models import scores
from measuring import table

Row = dict[str, Any]
FloatArray = others.FloatArray

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PUBLISHED = "peer_accuracy.csv"
NAIVE = ("repeat_last", "rate", "mean", "regression")


@dataclass(frozen=True)
class Log:
    """A public log: last day of calibration, which lines count, whether a whole year of season lies before the split.

    Revenue scores are given `without` one customer too, where a single order would decide them.
    """

    name: str
    split: str
    lines: str = "amount > 0"
    season_known: bool = False
    without: str | None = None
    remark: str = ""


LOGS = (
    Log("cdnow_sample", "1997-09-30", remark="Published rows count 8 order lines of amount 0 as purchases."),
    Log("cdnow_full", "1997-09-30", remark="Published rows count 80 order lines of amount 0 as purchases."),
    Log(
        "apparel",
        "2006-12-31",
        season_known=True,
        remark="Published rows count 4 order lines of amount 0 as purchases; some know covariates, auto does not.",
    ),
    Log(
        "online_retail",
        "2011-08-06",
        lines="customer_id is not null and quantity > 0 and amount > 0",
        without="16446",
        remark="One order of 168 469 by customer 16446 on the last day, cancelled minutes later in the raw log, rules "
        "the revenue scores: his only earlier purchase is worth 2.90. Two columns therefore leave him out.",
    ),
    Log(
        "retail_transactions",
        "2013-12-05",
        season_known=True,
        remark="Nobody leaves here: where lifetimes' Pareto/NBD stops depends on its random start (fixed by a seed).",
    ),
)

SCORES = ("rmse", "mae", "mae_median", "bias", "gini", "top20", "spend_gini", "spend_top20", "spend_bias")
COVERAGES = ("coverage", "spend_coverage")
WITHOUT = ("spend_gini_without", "spend_top20_without")
PUBLISHED_NAMES = {
    "rmse_count": "rmse",
    "mae_count": "mae",
    "bias_transactions": "bias",
    "gini_count": "gini",
    "top20_count_capture": "top20",
    "gini_revenue": "spend_gini",
    "top20_revenue_capture": "spend_top20",
    "bias_revenue": "spend_bias",
}


@dataclass(frozen=True, eq=False)
class Holdout:
    """The customers known at the split, what they did before (weeks) and after it; one entry per customer."""

    ids: list[str]
    before: others.Histories
    came: FloatArray
    spent: FloatArray
    weeks: float

    def but(self, customer: str | None) -> np.ndarray:
        """Everybody except one customer."""
        return np.array([one != customer for one in self.ids])


# --- the data


def orders_of(log: Log, folder: Path) -> pa.Table:
    """Customer, date and amount of the lines that count."""
    source = str(folder / f"{log.name}.parquet").replace("'", "''")
    return duckdb.sql(f"select customer_id, date, amount from '{source}' where {log.lines}").to_arrow_table()


def holdout_of(log: Log, orders: pa.Table) -> tuple[Holdout, date]:
    """What the models may know and what came, and the last day of the log."""
    with duckdb.connect() as connection:
        connection.register("orders", orders)
        days = """
            select customer_id, date::date as day, sum(amount) as amount from orders group by all having sum(amount) > 0
        """
        until = connection.sql("select max(date)::date from orders").fetchall()[0][0]
        after = connection.sql(
            f"""select customer_id, count(*) as came, sum(amount) as spent from ({days})
            where day > date '{log.split}' group by customer_id"""
        ).to_arrow_table()
    known = kezhi.statistics(orders, split=log.split, period="week")
    columns = ("repeat_purchases", "last_purchase_at", "observed_periods", "mean_amount")
    before = others.Histories(*(known[name].to_numpy().astype(np.float64) for name in columns))
    ids = known["customer_id"].to_pylist()
    later = {row["customer_id"]: (row["came"], row["spent"]) for row in after.to_pylist()}
    came, spent = np.array([later.get(one, (0, 0.0)) for one in ids], dtype=np.float64).T
    return Holdout(ids, before, came, spent, (until - date.fromisoformat(log.split)).days / 7), until


# --- the rows of a table


def scored(seen: Holdout, log: Log, count: FloatArray, spend: FloatArray) -> Row:
    """The scores of expectations; only how many are not numbers where some are not."""
    invalid = int((~(np.isfinite(count) & np.isfinite(spend))).sum())
    if invalid:
        return {"invalid": invalid}
    found: Row = {
        "rmse": scores.rmse(seen.came, count),
        "mae": scores.mae(seen.came, count),
        "bias": scores.bias(seen.came, count),
        "gini": scores.normalised_gini(seen.came, count),
        "top20": scores.captured_share(seen.came, count),
        "spend_gini": scores.normalised_gini(seen.spent, spend),
        "spend_top20": scores.captured_share(seen.spent, spend),
        "spend_bias": scores.bias(seen.spent, spend),
    }
    if log.without:
        rest = seen.but(log.without)
        found["spend_gini_without"] = scores.normalised_gini(seen.spent[rest], spend[rest])
        found["spend_top20_without"] = scores.captured_share(seen.spent[rest], spend[rest])
    return found


def our_rows(log: Log, orders: pa.Table, until: date, seen: Holdout, model: str) -> Iterator[Row]:
    """Our models and the naive rules, by `kezhi.backtest`; the scores of its expectations are computed once more."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "backtest"
        found = kezhi.backtest(orders, split=log.split, until=until, model=model, out=out)
        predictions = pq.read_table(out / "predictions.parquet").to_pydict()
    if found["customers"] != len(seen.ids) or found["purchases"] != seen.came.sum():
        raise SystemExit(f"{log.name}: kezhi.backtest and this benchmark do not score the same customer-days")
    place = {customer: i for i, customer in enumerate(seen.ids)}
    at = np.array([place[customer] for customer in predictions["customer_id"]])
    models = np.array(predictions["model"])
    for name, row in found["models"].items():
        mine = models == name
        count, spend = np.zeros(len(seen.ids)), np.zeros(len(seen.ids))
        count[at[mine]] = np.array(predictions["count"], dtype=np.float64)[mine]
        spend[at[mine]] = np.array(predictions["spend"], dtype=np.float64)[mine]
        kept = {key: row.get(key) for key in ("mae_median", *COVERAGES, "seconds")}
        yield {"model": name, "from": "naive" if name in NAIVE else "kezhi"} | scored(seen, log, count, spend) | kept


def peer_rows(log: Log, seen: Holdout) -> list[Row]:
    """Both peers' models of purchases, each with the Gamma-Gamma of the same library."""
    with others.quiet():
        amounts = {
            peer.library: peer.fit_amounts(seen.before).expected_amount(seen.before)
            for peer in others.installed(others.AMOUNTS)
        }
        peers = others.installed(others.PURCHASES)
        return [peer_row(log, seen, peer, amounts[peer.library]) for peer in peers]


def peer_row(log: Log, seen: Holdout, peer: others.Peer, amount: FloatArray) -> Row:
    """One model of a peer, fitted, asked and scored."""
    begun = time.perf_counter()
    try:
        fit = peer.fit(seen.before)
        count = fit.expected_purchases(seen.before, seen.weeks)
    except (RuntimeError, ValueError, ArithmeticError) as error:
        return {"model": peer.name, "from": "peer", "invalid": len(seen.ids), "error": str(error)}
    seconds = time.perf_counter() - begun
    row = scored(seen, log, count, count * amount)
    return {"model": fit.name, "from": "peer"} | row | {"seconds": seconds, "parameters": fit.parameters}


def published_rows(log: Log, folder: Path) -> Iterator[Row]:
    """The rows of peer_accuracy.csv, where that file is there."""
    if not (folder / PUBLISHED).exists():
        return
    by_model: dict[str, dict[str, str]] = {}
    with (folder / PUBLISHED).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["dataset"] == log.name and line["value"]:
                by_model.setdefault(line["model"], {})[line["metric"]] = line["value"]
    for model, found in by_model.items():
        if "failed" in found or "rmse_count" not in found:
            yield {"model": model, "from": "published", "invalid": int(float(found.get("n_invalid", 0))) or None}
            continue
        row = {ours: float(found[theirs]) for theirs, ours in PUBLISHED_NAMES.items() if theirs in found}
        seconds = sum(float(found.get(name, 0)) for name in ("fit_seconds", "predict_seconds"))
        yield {"model": model, "from": "published", "invalid": int(found["n_invalid"])} | row | {"seconds": seconds}


# --- the summary


@dataclass(frozen=True)
class Goal:
    """A measure of the summary: which score of ours stands against which of theirs, and when that is enough."""

    title: str
    ours: str
    theirs: str
    smaller: bool
    share: bool
    goal: str

    def best(self, rows: Iterable[Row]) -> Row | None:
        """The best of the others."""
        valid = [row for row in rows if row["from"] != "kezhi" and row.get(self.theirs) is not None]
        valid = [row for row in valid if not row.get("invalid")]
        choose = min if self.smaller else max
        return choose(valid, key=lambda row: row[self.theirs]) if valid else None

    def against(self, auto: float, best: float) -> float:
        """auto as a multiple of the best, or the difference from it."""
        return auto - best if self.share else auto / best

    def met(self, auto: float, best: float) -> bool:
        """Whether the goal is reached."""
        if self.share:
            return auto >= best - 0.01
        return auto / best < 1.0 if self.ours != self.theirs else auto / best <= 1.01


GOALS = (
    Goal("count RMSE", "rmse", "rmse", True, False, "at most 1 % above"),
    Goal("count MAE (our medians)", "mae_median", "mae", True, False, "below"),
    Goal("revenue Gini", "spend_gini", "spend_gini", False, True, "at most 0.01 below"),
    Goal("revenue top-20 % share", "spend_top20", "spend_top20", False, True, "at most 0.01 below"),
)
WITHOUT_GOALS = (
    Goal("revenue Gini without him", "spend_gini_without", "spend_gini_without", False, True, "at most 0.01 below"),
    Goal("revenue share without him", "spend_top20_without", "spend_top20_without", False, True, "at most 0.01 below"),
)


def summary_of(log: Log, rows: list[Row]) -> Iterator[Row]:
    """`auto` against the best of the others on one log."""
    auto = next((row for row in rows if row["model"] == "auto"), None)
    if auto is None:
        return
    for goal in GOALS + (WITHOUT_GOALS if log.without else ()):
        best = goal.best(rows)
        if best is None:
            continue
        mine, theirs = auto[goal.ours], best[goal.theirs]
        yield {
            "log": log.name,
            "measure": goal.title,
            "best": f"{best['model']} ({best['from']})",
            "theirs": theirs,
            "auto": mine,
            "against": goal.against(mine, theirs),
            "goal": goal.goal,
            "met": goal.met(mine, theirs),
        }
    models = [row for row in rows if row["from"] in ("peer", "published") and "naive" not in row["model"]]
    models = [row for row in models if row.get("bias") is not None]
    best = min(models, key=lambda row: abs(row["bias"]), default=None)
    yield {
        "log": log.name,
        "measure": "count bias",
        "best": f"{best['model']} ({best['from']})" if best else None,
        "theirs": best["bias"] if best else None,
        "auto": auto["bias"],
        "against": None,
        "goal": "within 8 %" if log.season_known else "none: the season is unknown",
        "met": abs(auto["bias"]) < 0.08 if log.season_known else None,
    }
    for name in COVERAGES:
        title = {"coverage": "purchases", "spend_coverage": "spend"}[name]
        yield {
            "log": log.name,
            "measure": f"80 % interval, {title}",
            "best": None,
            "theirs": None,
            "auto": auto[name],
            "against": None,
            "goal": "74 to 86 %",
            "met": 0.74 <= auto[name] <= 0.86,
        }


def averages(lines: list[Row]) -> Iterator[str]:
    """Whether auto is better on average over the logs; once more without the customers who are left out."""
    for goal in GOALS:
        by_log = {line["log"]: line["against"] for line in lines if line["measure"] == goal.title}
        yield average(goal, goal.title, list(by_log.values()))
        without = [one for one in WITHOUT_GOALS if one.theirs == f"{goal.theirs}_without"]
        left_out = {line["log"]: line["against"] for one in without for line in lines if line["measure"] == one.title}
        if left_out:
            names = ", ".join(left_out)
            yield average(goal, f"{goal.title}, {names} without one customer", list((by_log | left_out).values()))


def average(goal: Goal, title: str, values: list[float]) -> str:
    """The mean over the logs of how auto compares, in words."""
    mean = statistics.fmean(values)
    better = mean > 0 if goal.share else mean < 1
    shown = f"{mean:+.4f}" if goal.share else f"x {mean:.4f}"
    return f"- {title}: {shown} on average over {len(values)} logs, {'better' if better else 'NOT better'}"


# --- printing


TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "mae_median": "MAE, median",
    "bias": "bias",
    "gini": "Gini",
    "top20": "top 20 %",
    "spend_gini": "revenue Gini",
    "spend_top20": "revenue top 20 %",
    "spend_bias": "revenue bias",
    "spend_gini_without": "revenue Gini without him",
    "spend_top20_without": "revenue top 20 % without him",
    "coverage": "in 80 %, purchases",
    "spend_coverage": "in 80 %, spend",
    "seconds": "s",
}


def cell(name: str, value: float | None) -> str:
    """One number as printed."""
    if value is None:
        return ""
    if "bias" in name:
        return f"{value:+.1%}" if abs(value) < 100 else f"{value:.0e}"
    if name == "seconds":
        return f"{value:.1f}"
    return f"{value:.1%}" if "coverage" in name else f"{value:.4f}" if abs(value) < 1e6 else f"{value:.1e}"


def log_table(log: Log, rows: list[Row]) -> str:
    """The table of one log, model by model."""
    names = [*SCORES, *(WITHOUT if log.without else ()), *COVERAGES, "seconds"]
    lines = []
    for row in rows:
        invalid = f" [{row['invalid']} not finite]" if row.get("invalid") else ""
        lines.append([row["from"], row["model"] + invalid, *(cell(name, row.get(name)) for name in names)])
    return table(["from", "model", *(TITLES[name] for name in names)], lines)


def summary_table(lines: list[Row]) -> str:
    """The table of goals."""
    shown = []
    for line in lines:
        name = "bias" if "bias" in line["measure"] else "coverage" if "interval" in line["measure"] else "score"
        against = line["against"]
        compared = "" if against is None else f"x {against:.4f}" if "E" in line["measure"] else f"{against:+.4f}"
        met = {True: "yes", False: "NO", None: ""}[line["met"]]
        figures = [cell(name, line["theirs"]), cell(name, line["auto"])]
        shown.append([line["log"], line["measure"], line["best"] or "", *figures, compared, line["goal"], met])
    return table(["log", "measure", "best of the others", "theirs", "auto", "auto against it", "goal", "met"], shown)


def compared(log: Log, folder: Path, model: str, *, peers: bool) -> tuple[list[Row], Holdout, date]:
    """All rows of one log."""
    orders = orders_of(log, folder)
    seen, until = holdout_of(log, orders)
    rows = list(our_rows(log, orders, until, seen, model))
    if peers:
        rows += peer_rows(log, seen)
    rows += published_rows(log, folder)
    return rows, seen, until


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public logs")
    parser.add_argument("--logs", nargs="+", choices=[log.name for log in LOGS], default=[log.name for log in LOGS])
    parser.add_argument("--model", default="all", help="all, auto, or one model of purchases")
    others.add_option(parser)
    parser.add_argument("--out", type=Path, help="write everything to this JSON file as well")
    given = parser.parse_args()
    others.go_where_they_are(given.peers)
    if not given.data.is_dir():
        raise SystemExit("The folder of the public logs is not there; say where it is with --data.")
    versions = {"kezhi": kezhi.__version__} | (others.versions() if given.peers else {})
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    print(", ".join([machine, *(f"{name} {number}" for name, number in versions.items())]), flush=True)
    results: dict[str, Any] = {"versions": versions, "logs": {}}
    lines: list[Row] = []
    for log in LOGS:
        if log.name not in given.logs:
            continue
        if not (given.data / f"{log.name}.parquet").exists():
            print(f"\n{log.name}: not in the folder, left out", flush=True)
            continue
        rows, seen, until = compared(log, given.data, given.model, peers=given.peers)
        lines += summary_of(log, rows)
        results["logs"][log.name] = {"split": log.split, "until": str(until), "rows": rows}
        print(
            f"\n## {log.name}: {len(seen.ids):,} customers, split {log.split}, {seen.weeks:.1f} weeks to {until}, ",
            end="",
        )
        print(f"{seen.came.sum():,.0f} purchases, {seen.spent.sum():,.2f} spent\n")
        print(*([log.remark, ""] if log.remark else []), log_table(log, rows), sep="\n", flush=True)
    if lines:
        print("\n## auto against the best of the others\n", summary_table(lines), "", *averages(lines), sep="\n")
    if given.out:
        results["summary"] = lines
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
