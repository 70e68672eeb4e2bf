"""How long every model of purchases and Gamma-Gamma take to fit and to answer, and how that compares with the peers.

    python benches/models.py [--customers 1000000] [--models bg_nbd nbd] [--peers [PYTHON]] [--profile] [--out F]

Customers are simulated (Pareto/NBD and Gamma-Gamma, day resolution, 104 weeks: see simulate.py) and condensed to their
distinct histories, on which models are fitted and which they then answer for: P(alive), expected purchases over 13 and
over 52 weeks. Wall time is what a user waits; processor time is what a busy machine does not spoil. Both are the least
of --runs. With --peers, lifetimes (distinct histories with weights) and PyMC-Marketing (one row per customer, which is
all it takes; its time holds its compilation) do the same for --peer-customers, and so do our models again. PYTHON is
one with the extra `peers` (and kezhi), where that is not this one: everything is then measured there.
OPENBLAS_NUM_THREADS=1 in the environment shows what the threads of linear algebra cost on a busy machine.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

import peers as others
from kezhi.models import MODELS, AmountPanel, PurchaseHistories, RepeatAmounts
from measuring import describe, facts, keep, table
from simulate import FIRST_DAY, WEEKS, make_log

Row = dict[str, Any]
GOAL = 2.0  # seconds for a fit to one million customers
HORIZONS = (13.0, 52.0)  # weeks
SEED = 20251122
AMOUNTS = ("gamma_gamma", "gamma_gamma_fader_hardie")


@dataclass(frozen=True, eq=False)
class Customers:
    """What the models learn from: purchases and amounts of the same customers, one row per distinct history."""

    customers: int
    histories: PurchaseHistories
    panel: AmountPanel
    repeats: RepeatAmounts

    def evidence(self, model: str) -> Any:
        """What this model is fitted to."""
        return {"gamma_gamma": self.panel, "gamma_gamma_fader_hardie": self.repeats}.get(model, self.histories)


DAYS = "select customer_id, date as day, sum(amount) as amount from '{log}' group by all"
SEEN = """
    select customer_id, count(*) - 1 as x, max(day) - min(day) as last_day, date '{end}' - min(day) as observed,
        (sum(amount) - arg_min(amount, day)) / nullif(count(*) - 1, 0) as mean_amount
    from ({days}) group by customer_id
"""
MONTHS = """
    select customer_id, avg(amount) as mean_amount from ({days}) group by customer_id, date_trunc('month', day)
"""


def simulated(customers: int, folder: Path) -> tuple[Customers, others.Histories]:
    """The customers condensed for our models, and one by one for peers."""
    log = folder / f"log-{customers}.parquet"
    make_log(customers, SEED, log)
    end = FIRST_DAY + WEEKS * 7 - 1
    days = DAYS.format(log=log)
    seen = SEEN.format(end=end, days=days)
    with duckdb.connect() as connection:

        def columns(query: str) -> list[np.ndarray]:
            found = connection.sql(query).fetchnumpy()
            return [np.ma.filled(values, 0.0).astype(np.float64) for values in found.values()]

        x, last, observed, rows = columns(
            f"select x, last_day, observed, count(*) as customers from ({seen}) group by all order by all"
        )
        each = columns(f"select x, last_day / 7, observed / 7, mean_amount from ({seen}) order by customer_id")
        repeat_x, mean, sharing = columns(
            f"select x, mean_amount, count(*) from ({seen}) where x > 0 group by all order by all"
        )
        periods, sums, logs = columns(
            f"""select count(*), sum(mean_amount), sum(ln(mean_amount)) from ({MONTHS.format(days=days)})
            group by customer_id order by customer_id"""
        )
    return (
        Customers(
            customers,
            PurchaseHistories(x, last / 7, observed / 7, rows),
            AmountPanel(periods, sums, None, float(logs.sum())),
            RepeatAmounts(repeat_x, mean, sharing),
        ),
        others.Histories(*each),
    )


def timed(runs: int, work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work gave, and the least wall and processor seconds of the runs."""
    found, wall, processor = None, [], []
    for _ in range(runs):
        begun, used = time.perf_counter(), time.process_time()
        found = work()
        wall.append(time.perf_counter() - begun)
        processor.append(time.process_time() - used)
    return found, min(wall), min(processor)


def our_row(name: str, seen: Customers, runs: int) -> Row:
    """Fit one of our models and ask it."""
    evidence = seen.evidence(name)
    fit, seconds, processor = timed(runs, lambda: MODELS[name].maker().fit(evidence))
    answers: dict[str, float] = {}
    if name in AMOUNTS:
        answers["expected amount"] = timed(runs, lambda: fit.expected_amount(evidence))[1]
    else:
        answers["P(alive)"] = timed(runs, lambda: fit.p_alive(evidence))[1]
        for weeks in HORIZONS:
            answers[f"expected, {weeks:.0f} weeks"] = timed(runs, partial(fit.expected_purchases, evidence, weeks))[1]
    return {
        "model": name,
        "customers": seen.customers,
        "rows": len(evidence),
        "fit_seconds": seconds,
        "fit_processor_seconds": processor,
        "answer_seconds": answers,
        "log_likelihood_per_customer": fit.log_likelihood / max(fit.customers, 1.0),
        "parameters": fit.parameters,
        "fallback": fit.fallback,
        "remarks": [remark.code for remark in fit.diagnosis],
    }


def peer_row(peer: others.Peer, seen: Customers, each: others.Histories) -> Row:
    """Fit a peer's model to the same customers and ask it for the same rows."""
    asked = condensed(seen)
    amounts = peer in others.AMOUNTS
    learned = (repeat_rows(seen) if amounts else asked) if peer.weighted else each
    if amounts:
        asked = repeat_rows(seen)
    with others.quiet():
        fit, seconds, _ = timed(1, lambda: peer.fit_amounts(learned) if amounts else peer.fit(learned))
        answers = timed(1, lambda: list(peer_answers(fit, asked, amounts=amounts)))[1]
    ours: Any = MODELS[peer.ours].fit
    evidence = seen.evidence(peer.ours)
    at_theirs = ours.with_parameters(**fit.parameters).log_likelihood_of(evidence)
    return {
        "peer": fit.name,
        "model": peer.ours,
        "customers": seen.customers,
        "rows": int((learned.repeat_purchases > 0).sum()) if amounts else len(learned),
        "fit_seconds": seconds,
        "answer_seconds": answers,
        "log_likelihood_per_customer": at_theirs / float(evidence.customers.sum()),
        "parameters": fit.parameters,
    }


def peer_answers(fit: Any, asked: others.Histories, *, amounts: bool) -> Iterator[np.ndarray]:
    """All that is asked of a peer."""
    if amounts:
        yield fit.expected_amount(asked)
        return
    yield fit.p_alive(asked)
    for weeks in HORIZONS:
        yield fit.expected_purchases(asked, weeks)


def condensed(seen: Customers) -> others.Histories:
    """The distinct purchase histories, for a peer."""
    known = seen.histories
    columns = (known.repeat_purchases, known.last_purchase_at, known.observed_periods)
    return others.Histories(*columns, np.zeros(len(known)), known.customers)


def repeat_rows(seen: Customers) -> others.Histories:
    """The distinct amounts of repeat purchases, for a peer's Gamma-Gamma."""
    known = seen.repeats
    nothing = np.zeros(len(known))
    return others.Histories(known.repeat_purchases, nothing, nothing, known.mean_amount, known.customers)


def our_table(rows: Sequence[Row]) -> str:
    """Our models, one line each."""
    header = ["model", "rows", "fit s", "processor s", "answers s", "log-likelihood", "remarks", f"under {GOAL:.0f} s"]
    lines = []
    for row in rows:
        answers = ", ".join(f"{name} {seconds:.3f}" for name, seconds in row["answer_seconds"].items())
        quick = min(row["fit_seconds"], row["fit_processor_seconds"]) < GOAL
        lines.append(
            [
                row["model"],
                f"{row['rows']:,}",
                f"{row['fit_seconds']:.2f}",
                f"{row['fit_processor_seconds']:.2f}",
                answers,
                f"{row['log_likelihood_per_customer']:.6f}",
                ", ".join(filter(None, [row["fallback"], *row["remarks"]])),
                "yes" if quick else "NO",
            ]
        )
    return table(header, lines)


def peer_table(ours: Sequence[Row], theirs: Sequence[Row]) -> str:
    """Peers beside our models at the same size."""
    header = ["peer", "customers", "their rows", "fit s", "ours", "ratio", "answers s", "ours", "ratio"]
    header += ["log-likelihood", "ours"]
    by_name = {row["model"]: row for row in ours}
    lines = []
    for row in theirs:
        own = by_name[row["model"]]
        answers = sum(own["answer_seconds"].values())
        lines.append(
            [
                row["peer"],
                f"{row['customers']:,}",
                f"{row['rows']:,}",
                f"{row['fit_seconds']:.2f}",
                f"{own['fit_seconds']:.3f}",
                f"{row['fit_seconds'] / own['fit_seconds']:.1f}",
                f"{row['answer_seconds']:.3f}",
                f"{answers:.3f}",
                f"{row['answer_seconds'] / answers:.1f}",
                f"{row['log_likelihood_per_customer']:.6f}",
                f"{own['log_likelihood_per_customer']:.6f}",
            ]
        )
    return table(header, lines)


def profile(name: str, seen: Customers) -> None:
    """In which functions the time of a fit goes."""
    evidence, watch = seen.evidence(name), cProfile.Profile()
    watch.enable()
    MODELS[name].maker().fit(evidence)
    watch.disable()
    print(f"\n### {name}")
    pstats.Stats(watch).strip_dirs().sort_stats("tottime").print_stats(12)


def main() -> None:
    purchases = [name for name, model in MODELS.items() if model.kind == "purchases"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--models", nargs="+", choices=[*purchases, *AMOUNTS], default=[*purchases, *AMOUNTS])
    parser.add_argument("--runs", type=int, default=3)
    others.add_option(parser)
    parser.add_argument("--peer-customers", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true", help="say in which functions the time goes")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    others.go_where_they_are(given.peers)
    known = facts()
    known["versions"] |= others.versions() if given.peers else {}
    known["machine"]["threads_of_linear_algebra"] = os.environ.get("OPENBLAS_NUM_THREADS", "as many as it likes")
    print(describe(known), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        seen, _ = simulated(given.customers, Path(folder))
        print(f"\n## {given.customers:,} customers, {len(seen.histories):,} distinct histories\n", flush=True)
        rows = [our_row(name, seen, given.runs) for name in given.models]
        print(our_table(rows), flush=True)
        keep(given.out, [row | known for row in rows])
        if given.profile:
            for name in given.models:
                profile(name, seen)
        if given.peers:
            seen, each = simulated(given.peer_customers, Path(folder))
            asked = others.installed(one for one in (*others.PURCHASES, *others.AMOUNTS) if one.ours in given.models)
            ours = [our_row(name, seen, given.runs) for name in given.models]
            theirs = [peer_row(peer, seen, each) for peer in asked]
            print(f"\n## Peers, {given.peer_customers:,} customers, {len(seen.histories):,} distinct histories\n")
            print(peer_table(ours, theirs), flush=True)
            keep(given.out, [row | known for row in (*ours, *theirs)])


if __name__ == "__main__":
    main()
