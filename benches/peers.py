"""One door to lifetimes and PyMC-Marketing (optional extra `peers`), so that every benchmark asks them the same things.

Both get one row per history, times in weeks. PyMC-Marketing is fitted to its maximum a posteriori with the priors it
comes with, lifetimes to its maximum likelihood; where lifetimes does not converge, its penalizer is raised as its error
message advises, and the name says so. PyMC-Marketing knows no weights, so its rows must stand for one customer each.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
LIBRARIES = {"lifetimes": "lifetimes", "PyMC-Marketing": "pymc-marketing"}
MODULES = {"lifetimes": "lifetimes", "PyMC-Marketing": "pymc_marketing.clv"}
MISSING = "Neither lifetimes nor PyMC-Marketing (Python 3.12 or newer) is installed: pip install 'kezhi[peers]'."
SEED = 20251122
PENALIZERS = (0.0, 0.001, 0.01, 0.1)


@dataclass(frozen=True, eq=False)
class Histories:
    """What all models learn from, one entry per row; `customers` share a row, `mean_amount` is of repeat purchases."""

    repeat_purchases: FloatArray
    last_purchase_at: FloatArray
    observed_periods: FloatArray
    mean_amount: FloatArray
    customers: FloatArray = field(default_factory=lambda: np.ones(0))

    def __post_init__(self) -> None:
        if not len(self.customers):
            object.__setattr__(self, "customers", np.ones(len(self)))

    def __len__(self) -> int:
        return len(self.repeat_purchases)

    def frame(self) -> Any:
        """The rows under the names that PyMC-Marketing wants."""
        import pandas as pd

        columns = {
            "customer_id": np.arange(len(self)),
            "frequency": self.repeat_purchases,
            "recency": self.last_purchase_at,
            "T": self.observed_periods,
            "monetary_value": self.mean_amount,
        }
        return pd.DataFrame(columns)


class PeerFit(Protocol):
    """A peer's model of purchases, fitted."""

    name: str
    parameters: dict[str, float]

    def expected_purchases(self, seen: Histories, periods: float) -> FloatArray:
        """Expected purchases in the next periods, one entry per row."""

    def p_alive(self, seen: Histories) -> FloatArray:
        """The probability of still being a customer, one entry per row."""


class AmountFit(Protocol):
    """A peer's Gamma-Gamma, fitted."""

    name: str
    parameters: dict[str, float]

    def expected_amount(self, seen: Histories) -> FloatArray:
        """The expected amount of a purchase, one entry per row."""


@dataclass(frozen=True)
class Peer:
    """A model of a peer: which library and class, which of our models is the same one."""

    library: str
    kind: str
    label: str
    ours: str

    @property
    def name(self) -> str:
        """As printed."""
        return f"{self.library} {self.label}"

    @property
    def weighted(self) -> bool:
        """Whether one row may stand for several customers."""
        return self.library == "lifetimes"

    def fit(self, seen: Histories) -> PeerFit:
        """Fit the model of purchases."""
        return _LifetimesPurchases(self, seen) if self.weighted else _PyMCPurchases(self, seen)

    def fit_amounts(self, seen: Histories) -> AmountFit:
        """Fit Gamma-Gamma to the rows with a repeat purchase."""
        return _LifetimesAmounts(self, seen) if self.weighted else _PyMCAmounts(self, seen)


PURCHASES = (
    Peer("lifetimes", "ParetoNBDFitter", "Pareto/NBD", "pareto_nbd"),
    Peer("lifetimes", "BetaGeoFitter", "BG/NBD", "bg_nbd"),
    Peer("lifetimes", "ModifiedBetaGeoFitter", "MBG/NBD", "mbg_nbd"),
    Peer("PyMC-Marketing", "ParetoNBDModel", "Pareto/NBD", "pareto_nbd"),
    Peer("PyMC-Marketing", "BetaGeoModel", "BG/NBD", "bg_nbd"),
    Peer("PyMC-Marketing", "ModifiedBetaGeoModel", "MBG/NBD", "mbg_nbd"),
)
AMOUNTS = (
    Peer("lifetimes", "GammaGammaFitter", "Gamma-Gamma", "gamma_gamma_fader_hardie"),
    Peer("PyMC-Marketing", "GammaGammaModel", "Gamma-Gamma", "gamma_gamma_fader_hardie"),
)


def add_option(parser: argparse.ArgumentParser) -> None:
    """--peers [PYTHON], the same for every benchmark: the Python that has the peers; this one where none is named."""
    words = "measure lifetimes and PyMC-Marketing too, with the Python that has them (default: this one)"
    parser.add_argument("--peers", nargs="?", const=sys.executable, metavar="PYTHON", help=words)


def go_where_they_are(python: str | None) -> None:
    """Start this very command again with the Python that has the peers, unless this is it."""
    if python and python != sys.executable:
        named = ("--peers" if given == f"--peers={python}" else given for given in sys.argv if given != python)
        os.execvp(python, [python, *named])


def versions() -> dict[str, str]:
    """The versions of those that are installed; SystemExit with a sentence where neither is."""
    found = {LIBRARIES[library]: version(LIBRARIES[library]) for library in LIBRARIES if _importable(library)}
    if not found:
        raise SystemExit(MISSING)
    return found


def installed(peers: Iterable[Peer]) -> list[Peer]:
    """The models whose library is there."""
    return [peer for peer in peers if _importable(peer.library)]


@cache
def _importable(library: str) -> bool:
    with quiet():
        try:
            import_module(MODULES[library])
        except ImportError:
            return False
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Peers warn, log and print a lot; the tables say what matters."""
    for name in ("pymc", "pytensor", "pymc_marketing"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


class _LifetimesPurchases:
    def __init__(self, peer: Peer, seen: Histories) -> None:
        self._fitter, penalizer = _lifetimes(
            peer.kind, seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods, weights=seen.customers
        )
        self.name = peer.name + (f" (penalizer {penalizer})" if penalizer else "")
        self.parameters = {name: float(value) for name, value in self._fitter.params_.items()}

    def expected_purchases(self, seen: Histories, periods: float) -> FloatArray:
        ask = self._fitter.conditional_expected_number_of_purchases_up_to_time
        return np.asarray(ask(periods, seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods))

    def p_alive(self, seen: Histories) -> FloatArray:
        ask = self._fitter.conditional_probability_alive
        return np.asarray(ask(seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods))


class _LifetimesAmounts:
    def __init__(self, peer: Peer, seen: Histories) -> None:
        back = seen.repeat_purchases > 0
        self._fitter, _ = _lifetimes(
            peer.kind, seen.repeat_purchases[back], seen.mean_amount[back], weights=seen.customers[back]
        )
        self.name = peer.name
        p, q, v = (float(self._fitter.params_[name]) for name in "pqv")
        self.parameters = {"p": p, "q": q, "gamma": v}

    def expected_amount(self, seen: Histories) -> FloatArray:
        return np.asarray(
            self._fitter.conditional_expected_average_profit(seen.repeat_purchases, seen.mean_amount),
            dtype=np.float64,
        )


def _lifetimes(kind: str, *columns: FloatArray, weights: FloatArray) -> tuple[Any, float]:
    """A fitter that has converged, and the penalizer it needed."""
    import lifetimes
    from lifetimes.utils import ConvergenceError

    np.random.seed(SEED)  # noqa: NPY002 - lifetimes draws the start of Pareto/NBD from numpy's global generator
    for penalizer in PENALIZERS:
        fitter = getattr(lifetimes, kind)(penalizer_coef=penalizer)
        try:
            fitter.fit(*columns, weights=weights)
        except ConvergenceError:
            continue
        return fitter, penalizer
    raise RuntimeError(f"lifetimes' {kind} did not converge with any penalizer of {PENALIZERS}")


class _PyMCPurchases:
    def __init__(self, peer: Peer, seen: Histories) -> None:
        self.name = peer.name
        self._model, found = _pymc(peer.kind, seen, seen.frame())
        letters = ("r", "alpha", "s", "beta") if "s" in found else ("r", "alpha", "a", "b")
        self.parameters = {name: found[name] for name in letters}

    def expected_purchases(self, seen: Histories, periods: float) -> FloatArray:
        return np.asarray(self._model.expected_purchases(seen.frame(), future_t=periods)).ravel()

    def p_alive(self, seen: Histories) -> FloatArray:
        return np.asarray(self._model.expected_probability_alive(seen.frame())).ravel()


class _PyMCAmounts:
    def __init__(self, peer: Peer, seen: Histories) -> None:
        self.name = peer.name
        frame = seen.frame()
        self._model, found = _pymc(peer.kind, seen, frame[frame["frequency"] > 0])
        self.parameters = {"p": found["p"], "q": found["q"], "gamma": found["v"]}

    def expected_amount(self, seen: Histories) -> FloatArray:
        return np.asarray(self._model.expected_customer_spend(seen.frame())).ravel()


def _pymc(kind: str, seen: Histories, frame: Any) -> tuple[Any, dict[str, float]]:
    """A model at its maximum a posteriori, and its parameters."""
    from pymc_marketing import clv

    if np.any(seen.customers != 1):
        raise ValueError("PyMC-Marketing needs one row per customer")
    model = getattr(clv, kind)()
    model.fit(data=frame, method="map", progressbar=False)
    return model, {str(name): float(np.asarray(value).ravel()[0]) for name, value in model.fit_result.items()}
