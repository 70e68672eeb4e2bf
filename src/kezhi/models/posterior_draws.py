"""How sure the parameters are: draws from their posterior distribution, made on the condensed histories.

The prior is weak: the logarithm of a shape (a number without unit, such as r) is Student-t distributed around 0 with 3
degrees of freedom and scale 2, so that half of all shapes lie between 1/5 and 5 and one of 1000 is no surprise; the
logarithm of anything else (such as alpha, in periods, or k, in money) is flat, so that no unit matters. Nothing may be
further than a thousandfold from its most likely value. Coefficients of covariates, which may be negative, are flat as
they are. Parameters held at a limit (standard error 0) stay there.

The likelihood is asked as seldom as possible. With many customers its logarithm is, near the peak, a smooth low
polynomial of the log-parameters: one is learned from some hundred exact values, draws are made from it, and it is used
only if exact values at some of these draws confirm it. Otherwise, as with few customers, a Metropolis sampler asks for
the exact value at every step: independent proposals from a Student-t distribution take turns with differences of
earlier points (ter Braak and Vrugt 2008, "Differential evolution Markov chain with snooker updater and fewer chains").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from scipy import fft, special

from kezhi.models.fitting import Diagnosis, Fit
from kezhi.models.histories import FloatArray, PurchaseHistories
from kezhi.models.purchases import PurchaseFit

PRIOR = (
    "logarithms of shapes: Student-t, 3 degrees of freedom, centre 0, scale 2; logarithms of the others: flat; "
    "all within 1/1000 to 1000 times the most likely value"
)
_SHAPES: dict[str, tuple[str, ...]] = {
    "nbd": ("b",),
    "pareto_nbd": ("r", "s"),
    "bg_nbd": ("r", "a", "b"),
    "mbg_nbd": ("r", "a", "b"),
    "bg_cnbd_k": ("r", "a", "b"),
    "mbg_cnbd_k": ("r", "a", "b"),
    "bg_bb": ("alpha", "beta", "gamma", "delta"),
    "shifted_beta_geometric": ("alpha", "beta"),
    "beta_discrete_weibull": ("alpha", "beta", "c"),
    "gamma_gamma": ("p", "q"),
    "gamma_gamma_fader_hardie": ("p", "q"),
}
_REACH = float(np.log(1000.0))
_REACH_OF_COEFFICIENTS = 50.0  # standard errors
_NEAR_THE_LIMIT = float(np.log(3.0))
_TRUST = 0.1  # how far (in log-likelihood, root mean square) the polynomial may be off
_CHECKS = 24
_DEGREES = (3, 4, 4, 5, 6, 6)
_MOST_TERMS = 220
_DEEP = 25.0  # below the peak by this much, nothing is probable any more
_WARM_UP = 500
_STEPS = 3  # of the exact sampler per draw kept
_HELD = 1e-7  # a standard error below this share of the parameter: held at a limit
_WIDEST = 2.0  # standard deviation of a log-parameter with which the search for its distribution begins
_FREEDOM = 5.0  # of the Student-t proposals

LogPosterior = Callable[[FloatArray], float]


@dataclass(frozen=True, eq=False, kw_only=True)
class PosteriorDraws:
    """Draws of a model's parameters from their posterior distribution, with what says whether to believe them.

    `values` has the shape (chains, draws, parameters), parameters in the order of `names`. `r_hat` (split R-hat, 1 is
    perfect) and `effective_sample_size` are per parameter, computed from logarithms; Gelman et al. (2013), "Bayesian
    Data Analysis", section 11.4-5. `evaluations` counts exact likelihoods.
    """

    fit: Fit
    values: FloatArray
    log_likelihood: FloatArray
    r_hat: dict[str, float]
    effective_sample_size: dict[str, float]
    evaluations: int
    method: str
    diagnosis: tuple[Diagnosis, ...]
    prior: str = field(default=PRIOR)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in the order of `values`."""
        return tuple(self.fit.parameters)

    @property
    def trusted(self) -> bool:
        """Whether no remark is a warning."""
        return all(remark.severity != "warning" for remark in self.diagnosis)

    def thinned(self, count: int = 25, seed: int = 0) -> list[Any]:
        """A few of the draws as fits that answer every question: what `predictive` takes for parameter uncertainty."""
        if count < 1:
            raise ValueError("count must be at least 1")
        flat = self.values.reshape(-1, len(self.names))
        chosen = np.random.default_rng(seed).choice(len(flat), size=count, replace=count > len(flat))
        likelihoods = self.log_likelihood.ravel()
        return [
            replace(
                self.fit,
                parameters=dict(zip(self.names, map(float, flat[k]), strict=True)),
                standard_errors={},
                covariance=np.zeros((0, 0)),
                log_likelihood=float(likelihoods[k]),
            )
            for k in chosen
        ]

    def to_dict(self) -> dict[str, FloatArray]:
        """Each parameter's draws, shape (chains, draws): what ArviZ reads as `from_dict({"posterior": ...})`."""
        return {name: self.values[:, :, i] for i, name in enumerate(self.names)}

    def to_json(self) -> str:
        """Everything as JSON text."""
        plain = {
            "model": self.fit.model,
            "names": list(self.names),
            "prior": self.prior,
            "method": self.method,
            "posterior": {name: column.tolist() for name, column in self.to_dict().items()},
            "log_likelihood": self.log_likelihood.tolist(),
            "r_hat": self.r_hat,
            "effective_sample_size": self.effective_sample_size,
            "evaluations": self.evaluations,
            "diagnosis": [asdict(remark) for remark in self.diagnosis],
        }
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)


def posterior_draws(fit: Fit, histories: Any, draws: int = 1000, chains: int = 4, seed: int = 0) -> PosteriorDraws:
    """Parameters that could as well have led to these data, each as often as it is probable.

    `fit` is a fitted model (its covariance says where to look), `histories` what it was fitted on: purchase histories
    or amounts. The same seed gives the same draws. Raises ValueError naming the argument.
    """
    if draws < 4 or chains < 1:
        raise ValueError("draws must be at least 4 and chains at least 1")
    peak = _Peak.of(fit, histories)
    rng = np.random.default_rng(seed)
    if not len(peak.moving):
        kept = _Sample(np.zeros((chains, draws, 0)), np.zeros((chains, draws)), "fixed")
    else:
        kept = _from_polynomial(peak, rng, draws, chains) or _from_chains(peak, rng, draws, chains)
    return _reported(peak, kept)


# --- the posterior around its peak


class _Sample(NamedTuple):
    """Draws in the peak's own coordinates and their log-posterior relative to the peak."""

    at: FloatArray  # (chains, draws, moving parameters)
    value: FloatArray  # (chains, draws)
    method: str


@dataclass(eq=False)
class _Peak:
    """The log-posterior in coordinates in which it is round: moves from the peak = axes @ u.

    A move is a difference of logarithms, or for coefficients (which may be negative) so many standard errors.
    """

    fit: Fit
    data: Any
    moving: tuple[str, ...]
    axes: FloatArray
    shapes: FloatArray  # 1 for a shape, 0 for a parameter with a unit
    coefficients: Any  # which are no logarithms
    height: float = 0.0
    evaluations: int = 0

    @classmethod
    def of(cls, fit: Fit, histories: Any) -> _Peak:
        names, values = tuple(fit.parameters), np.array(list(fit.parameters.values()))
        if fit.covariance.shape != (len(names), len(names)):
            raise ValueError("fit must have been fitted to data: it has no covariance to start from")
        errors = np.sqrt(np.diag(fit.covariance))
        linear = np.array([name not in type(fit).names for name in names])
        units = np.where(linear, errors, values)
        at = np.flatnonzero((units > 0) & (errors > _HELD * units))
        spread, vectors = np.linalg.eigh(fit.covariance[np.ix_(at, at)] / np.outer(units[at], units[at]))
        # a direction without curvature is one in which the data say nothing, or everything
        lengths = np.clip(np.sqrt(np.maximum(spread, 0.0)), 1e-9, _WIDEST)
        moving = tuple(names[i] for i in at)
        shapes = np.array([float(name in _SHAPES.get(fit.model, ())) for name in moving])
        peak = cls(fit, _condensed(fit, histories), moving, vectors * lengths, shapes, linear[at])
        peak.height = peak(np.zeros(len(at)))
        if not np.isfinite(peak.height):
            raise ValueError("histories must be what the fit was made from: the likelihood is not finite there")
        return peak

    def moves(self, u: FloatArray) -> FloatArray:
        """How far some points are from the most likely parameters."""
        return np.asarray(u @ self.axes.T)

    @property
    def reach(self) -> FloatArray:
        """How far from there parameters may be."""
        return np.where(self.coefficients, _REACH_OF_COEFFICIENTS, _REACH)

    def parameters(self, u: FloatArray) -> FloatArray:
        """All parameters at some points, in the order of the fit's."""
        names, moves = list(self.fit.parameters), self.moves(u)
        result = np.empty((*u.shape[:-1], len(names)))
        result[...] = list(self.fit.parameters.values())
        for i, name in enumerate(self.moving):
            at, move = names.index(name), moves[..., i]
            if self.coefficients[i]:
                result[..., at] += self.fit.standard_errors[name] * move
            else:
                result[..., at] *= np.exp(move)
        return result

    def allowed(self, u: FloatArray) -> Any:
        """Whether the prior allows these points."""
        return np.all(np.abs(self.moves(u)) <= self.reach, axis=-1)

    def log_prior(self, u: FloatArray) -> FloatArray:
        """Log-density of the prior at some points, up to a constant, within what it allows."""
        estimates = np.log(
            [self.fit.parameters[n] if s else 1.0 for n, s in zip(self.moving, self.shapes, strict=True)]
        )
        return np.asarray(-2 * (np.log1p((self.moves(u) + estimates) ** 2 / 12) @ self.shapes))

    def __call__(self, u: FloatArray) -> float:
        """Log-posterior at a point over that at the peak."""
        if not self.allowed(u):
            return -np.inf
        self.evaluations += 1
        named = dict(zip(self.fit.parameters, map(float, self.parameters(u)), strict=True))
        model: Any = replace(self.fit, parameters=named)
        with np.errstate(all="ignore"):
            value = float(model.log_likelihood_of(self.data)) + float(self.log_prior(u)) - self.height
        return value if np.isfinite(value) else -np.inf


def _condensed(fit: Fit, histories: Any) -> Any:
    """Histories without repetitions, because they are gone through hundreds of times."""
    if not isinstance(fit, PurchaseFit):
        return histories
    seen: PurchaseHistories = getattr(fit, "_seen", PurchaseHistories.of)(histories)
    rows = np.stack([seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods, *seen.covariates.T])
    once, index = np.unique(rows, axis=1, return_inverse=True)
    customers = np.bincount(index.ravel(), weights=seen.customers, minlength=once.shape[1])
    return PurchaseHistories(once[0], once[1], once[2], customers, once[3:].T, seen.covariate_names)


# --- many customers: a polynomial in the place of the likelihood


def _from_polynomial(peak: _Peak, rng: np.random.Generator, draws: int, chains: int) -> _Sample | None:
    """Draws from a polynomial that exact values confirm; None where they never do.

    Where they do not, they are learned from, as are points around the draws, for a higher degree.
    """
    d = len(peak.moving)
    law = _Student(np.zeros(d), np.eye(d))
    points, values = np.zeros((0, d)), np.zeros(0)
    candidates = law.centre + _ball(rng, 400, d, _radius(d)) @ law.axes.T
    for degree in (degree for degree in _DEGREES if _terms(d, degree) <= _MOST_TERMS):
        more = rng.permutation(candidates)[: max(int(1.8 * _terms(d, degree)) - len(points), 4 * d)]
        points, values = np.vstack([points, more]), np.append(values, [peak(u) for u in more])
        kept = _sampled(_Surface.through(points, values, law, degree), peak, rng, draws, chains)
        flat = kept.at.reshape(-1, d)
        some = flat[rng.choice(len(flat), size=min(_CHECKS, len(flat)), replace=False)]
        exact = np.array([peak(u) for u in some])
        off = np.sqrt(np.mean((exact - _Surface.through(points, values, law, degree).height(some)) ** 2))
        at_edge = np.mean((law.rounded(flat) ** 2).sum(axis=1) > (0.95 * _radius(d)) ** 2)
        if off < _TRUST and at_edge < 1e-3:
            return kept
        points, values = np.vstack([points, some]), np.append(values, exact)
        law = _Student.around(flat)
        candidates = law.centre + 1.4 * (rng.permutation(flat)[:400] - law.centre)
    return None


def _radius(d: int) -> float:
    """How far from the centre (in standard deviations) draws may lie."""
    return float(np.sqrt(special.chdtri(d, 1e-5)))


def _terms(d: int, degree: int) -> int:
    return len(_monomials(d, degree))


def _monomials(d: int, degree: int) -> list[tuple[int, ...]]:
    return [one for order in range(degree + 1) for one in combinations_with_replacement(range(d), order)]


def _powers(u: FloatArray, degree: int) -> FloatArray:
    """All products of up to `degree` coordinates, shape (points, terms)."""
    return np.stack([np.prod(u[:, list(one)], axis=1) for one in _monomials(u.shape[1], degree)], axis=1)


def _ball(rng: np.random.Generator, many: int, d: int, radius: float) -> FloatArray:
    """Points all over a ball, denser towards the middle."""
    directions = rng.normal(size=(many, d))
    lengths = radius * ((np.arange(many) + rng.random(many)) / many) ** 0.7
    return np.asarray(directions / np.linalg.norm(directions, axis=1)[:, None] * lengths[:, None])


@dataclass(frozen=True, eq=False)
class _Surface:
    """A polynomial in the place of the log-posterior, good where it was learned: within the radius of a law."""

    terms: FloatArray
    degree: int
    law: _Student

    @classmethod
    def through(cls, points: FloatArray, values: FloatArray, law: _Student, degree: int) -> _Surface:
        """Least squares; what is improbable counts less, what is out of the question only has to stay so."""
        height = np.maximum(values, -_DEEP)
        weight = np.exp(np.minimum(height - height.max(), 0) / 5)
        columns = weight[:, None] * _powers(law.rounded(points), degree)
        return cls(np.linalg.lstsq(columns, weight * height, rcond=None)[0], degree, law)

    def height(self, u: FloatArray) -> FloatArray:
        rounded = self.law.rounded(u)
        inside = (rounded**2).sum(axis=1) < _radius(u.shape[1]) ** 2
        return np.where(inside, _powers(rounded, self.degree) @ self.terms, -np.inf)


def _sampled(surface: _Surface, peak: _Peak, rng: np.random.Generator, draws: int, chains: int) -> _Sample:
    """Independent proposals, accepted by the polynomial; every eighth state is kept."""
    d, steps = len(peak.moving), 8 * draws + 64
    wider = _Student(surface.law.centre, 1.1 * surface.law.axes)
    at, value = np.empty((chains, draws, d)), np.empty((chains, draws))
    for chain in range(chains):
        proposals = wider.draw(rng, steps)
        heights = np.where(peak.allowed(proposals), surface.height(proposals), -np.inf)
        state = _accepted(heights - wider.log_density(proposals), np.log(rng.random(steps)))[64::8]
        at[chain], value[chain] = proposals[state], heights[state]
    return _Sample(at, value, f"polynomial of degree {surface.degree}")


def _accepted(log_weights: FloatArray, log_uniform: FloatArray) -> list[int]:
    """Which proposal the chain is at after each step (independence Metropolis)."""
    states, now = [], int(np.argmax(np.isfinite(log_weights)))
    for step in range(len(log_weights)):
        if log_uniform[step] < log_weights[step] - log_weights[now]:
            now = step
        states.append(now)
    return states


# --- few customers: every step exact


def _from_chains(peak: _Peak, rng: np.random.Generator, draws: int, chains: int) -> _Sample:
    d = len(peak.moving)
    law = _Student(np.zeros(d), np.eye(d))
    walkers = [_Walker.at_some_point(peak, law, rng) for _ in range(chains)]
    archive = list(law.draw(rng, 10 * d))
    for step in range(_WARM_UP):
        for walker in walkers:
            walker.step(peak, rng, law, archive)
            if step % 3 == 0:
                archive.append(walker.at)
    seen = np.array(archive[10 * d :])[len(walkers) * _WARM_UP // 12 :]  # without where the chains came from
    law = _Student.around(seen, wider=1.3)
    past = list(seen)  # from here on nothing is learned any more, so that the draws are exact
    at, value = np.empty((chains, draws, d)), np.empty((chains, draws))
    for chain, walker in enumerate(walkers):
        for draw in range(draws):
            for _ in range(_STEPS):
                walker.step(peak, rng, law, past)
            at[chain, draw], value[chain, draw] = walker.at, walker.value
    return _Sample(at, value, "exact")


@dataclass(eq=False)
class _Walker:
    """One chain: where it is and how probable that is."""

    at: FloatArray
    value: float

    @classmethod
    def at_some_point(cls, peak: _Peak, law: _Student, rng: np.random.Generator) -> _Walker:
        for u in law.draw(rng, 20):
            value = peak(u)
            if np.isfinite(value):
                return cls(u, value)
        return cls(np.zeros(len(law.centre)), 0.0)

    def step(self, peak: _Peak, rng: np.random.Generator, law: _Student, past: list[FloatArray]) -> None:
        """One Metropolis step: an independent proposal as often as a difference of two earlier points."""
        if rng.random() < 0.5:
            proposal = law.draw(rng, 1)[0]
            ratio = float(law.log_density(self.at[None])[0] - law.log_density(proposal[None])[0])
        else:
            one, other = rng.choice(len(past), size=2, replace=False)
            length = 1.0 if rng.random() < 0.1 else 2.38 / np.sqrt(2 * len(self.at))
            proposal = self.at + length * (past[one] - past[other]) + 1e-3 * rng.normal(size=len(self.at))
            ratio = 0.0
        value = peak(proposal)
        if np.log(rng.random()) < value - self.value + ratio:
            self.at, self.value = proposal, value


@dataclass(frozen=True, eq=False)
class _Student:
    """A multivariate Student-t distribution: like a normal one, with tails that forgive a wrong guess."""

    centre: FloatArray
    axes: FloatArray

    @classmethod
    def around(cls, points: FloatArray, wider: float = 1.0) -> _Student:
        """With the mean and covariance of some points, or somewhat wider."""
        d = points.shape[1]
        spread = np.asarray(np.cov(points.T), dtype=np.float64).reshape(d, d) + 1e-6 * np.eye(d)
        return cls(points.mean(axis=0), np.asarray(wider * np.linalg.cholesky(spread), dtype=np.float64))

    def rounded(self, u: FloatArray) -> FloatArray:
        """The points in coordinates in which this distribution is round."""
        return np.asarray(np.linalg.solve(self.axes, (u - self.centre).T).T)

    def draw(self, rng: np.random.Generator, many: int) -> FloatArray:
        stretch = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, many))
        return np.asarray(self.centre + (rng.normal(size=(many, len(self.centre))) * stretch[:, None]) @ self.axes.T)

    def log_density(self, u: FloatArray) -> FloatArray:
        """Up to a constant."""
        distance = (self.rounded(u) ** 2).sum(axis=1)
        return np.asarray(-(_FREEDOM + len(self.centre)) / 2 * np.log1p(distance / _FREEDOM))


# --- are they any good


def split_r_hat(values: FloatArray) -> float:
    """How much the halves of the chains disagree: 1 if not at all, above 1.01 if they have not met yet.

    `values` has the shape (chains, draws). Source: Gelman et al. (2013), "Bayesian Data Analysis", equation (11.4).
    """
    halves = _halves(values)
    within = float(halves.var(axis=1, ddof=1).mean())
    if within <= 0:
        return 1.0
    between = float(halves.mean(axis=1).var(ddof=1))
    return float(np.sqrt((halves.shape[1] - 1) / halves.shape[1] + between / within))


def effective_sample_size(values: FloatArray) -> float:
    """How many independent draws these dependent ones are worth.

    `values` has the shape (chains, draws). Source: the same book, section 11.5, with Geyer's (1992) monotone sequence.
    """
    halves = _halves(values)
    many, n = halves.shape
    centred = halves - halves.mean(axis=1, keepdims=True)
    spectrum = np.abs(fft.rfft(centred, fft.next_fast_len(2 * n), axis=1)) ** 2
    covariance = fft.irfft(spectrum, fft.next_fast_len(2 * n), axis=1)[:, :n].mean(axis=0) / n
    pooled = covariance[0] + float(halves.mean(axis=1).var(ddof=1))
    if pooled <= 0:
        return float(values.size)
    correlation = 1 - (covariance[0] * n / (n - 1) - covariance * n / (n - 1)) / pooled
    pairs = correlation[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    ending = np.flatnonzero(pairs <= 0)
    pairs = np.minimum.accumulate(pairs[: ending[0]] if len(ending) else pairs)
    return float(min(many * n / max(2 * float(pairs.sum()) - 1, 1 / np.log10(many * n)), many * n * np.log10(many * n)))


def _halves(values: FloatArray) -> FloatArray:
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, values.shape[1] - half :]])


def _reported(peak: _Peak, kept: _Sample) -> PosteriorDraws:
    values, moves = peak.parameters(kept.at), peak.moves(kept.at)
    total = float(kept.value.size)
    r_hat, effective = dict.fromkeys(peak.fit.parameters, 1.0), dict.fromkeys(peak.fit.parameters, total)
    for i, name in enumerate(peak.moving):
        r_hat[name], effective[name] = split_r_hat(moves[:, :, i]), effective_sample_size(moves[:, :, i])
    return PosteriorDraws(
        fit=peak.fit,
        values=values,
        log_likelihood=kept.value + peak.height - peak.log_prior(kept.at),
        r_hat=r_hat,
        effective_sample_size=effective,
        evaluations=peak.evaluations,
        method=kept.method,
        diagnosis=tuple(_remarks(peak, moves, r_hat, effective, total)) or (SETTLED,),
    )


def _remarks(
    peak: _Peak, moves: FloatArray, r_hat: dict[str, float], effective: dict[str, float], total: float
) -> list[Diagnosis]:
    remarks = []
    worst, fewest = max(r_hat.values()), min(effective.values())
    if worst > 1.05 or fewest < min(100.0, total / 20):
        remarks.append(NOT_SETTLED.fill(r_hat=f"{worst:.2f}", draws=f"{fewest:.0f}"))
    elif worst > 1.02 or fewest < min(400.0, total / 5):
        remarks.append(HARDLY_SETTLED.fill(r_hat=f"{worst:.2f}", draws=f"{fewest:.0f}"))
    near = np.abs(moves) > peak.reach - _NEAR_THE_LIMIT
    open_ended = [name for i, name in enumerate(peak.moving) if near[:, :, i].mean() > 0.01]
    if open_ended:
        remarks.append(OPEN_ENDED.fill(names=", ".join(open_ended)))
    held = [name for name in peak.fit.parameters if name not in peak.moving]
    return [*remarks, HELD.fill(names=", ".join(held))] if held else remarks


SETTLED = Diagnosis(
    "posterior_settled",
    "ok",
    "The draws agree with one another; intervals made from them can be relied on.",
    "各链的抽样结果一致；由此得到的区间可以信赖。",
)
HARDLY_SETTLED = Diagnosis(
    "posterior_hardly_settled",
    "note",
    "The draws are a little uneven (R-hat {r_hat}, worth {draws} independent ones); take more for exact intervals.",
    "抽样略不均匀（R-hat {r_hat}，相当于 {draws} 个独立样本）；如需精确区间请增加抽样次数。",
)
NOT_SETTLED = Diagnosis(
    "posterior_not_settled",
    "warning",
    "The draws have not settled (R-hat {r_hat}, worth {draws} independent ones); intervals made from them are rough. "
    "Take more draws.",
    "抽样尚未稳定（R-hat {r_hat}，相当于 {draws} 个独立样本）；由此得到的区间只是粗略的，请增加抽样次数。",
)
OPEN_ENDED = Diagnosis(
    "posterior_open_ended",
    "note",
    "The data set no limit to {names}; the limit of a thousand times above or below the most likely value does.",
    "数据对 {names} 没有给出界限；目前由最可能值的一千倍上下这一限制决定。",
)
HELD = Diagnosis(
    "posterior_held",
    "note",
    "The model is at a limit, so {names} stays as it is in all draws.",
    "模型处于极限情形，因此所有抽样中 {names} 保持不变。",
)
