"""Which results reach print? Funnel asymmetry and a selection model for published effects with standard errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from gvi_eval.errors import EstimationError
from gvi_eval.intervals import Interval, Test

FEWEST = 10  # standard errors, below which a funnel shows nothing but noise
CUT = 0.025  # one-sided p of a fall, at which a result counts as found
LIMITS = {"mean": (-5.0, 5.0), "tau": (1e-4, 3.0), "weight": (1e-3, 50.0)}
PET_LEVEL = 0.10  # two-sided, that is 5 % one-sided
HALF_LOG_2_PI = 0.5 * float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Funnel:
    """Whether small studies say something else than large ones, and what a study without sampling error would say.

    ``egger``: the test of no asymmetry. ``corrected``: the log effect by PET-PEESE; ``model`` is 'PET' or 'PEESE'.
    """

    egger: Test
    slope: float
    corrected: float
    corrected_error: float
    model: str
    studies: int

    def interval(self, level: float = 0.95) -> Interval:
        reach = stats.t.ppf((1 + level) / 2, self.studies - 2) * self.corrected_error
        return Interval(float(self.corrected - reach), float(self.corrected + reach), level, "wald")


@dataclass(frozen=True)
class SelectionModel:
    """A normal mean with heterogeneity and a weight for results that did not find a fall, by maximum likelihood.

    ``weight``: how likely such a result is to be published beside one that found a fall (1: alike). ``mean`` and ``tau`` are
    those of all studies, published or not; ``unadjusted`` is the mean if all were published. ``test``: likelihood ratio of a
    weight of 1. ``found`` studies of ``studies`` lie on the found side.
    """

    mean: float
    tau: float
    weight: float
    unadjusted: float
    test: Test
    studies: int
    found: int


def funnel(effects: Sequence[float], errors: Sequence[float]) -> Funnel:
    """Egger's regression and PET-PEESE of log effects (study,) with standard errors s (study,).

    PET: effect = b0 + b1 s, weighted by 1/s²; b1 is Egger's test, with t and k − 2 degrees of freedom, and b0 the effect of a
    study without error. PEESE: effect = b0 + b1 s², taken where PET's b0 differs from 0 at 5 % one-sided.

    Sources: Egger, Davey Smith, Schneider & Minder (1997) Bias in meta-analysis detected by a simple, graphical test,
    BMJ 315:629, doi:10.1136/bmj.315.7109.629. Stanley & Doucouliagos (2014) Meta-regression approximations to reduce
    publication selection bias, Research Synthesis Methods 5:60–78, doi:10.1002/jrsm.1095.
    Raises `EstimationError` with fewer than `FEWEST` studies and where all errors are the same.
    """
    effects, errors = _checked(effects, errors)
    (own, slope), (own_error, slope_error) = _weighted_line(effects, errors, errors)
    freedom = len(effects) - 2
    statistic = float(slope / slope_error)
    egger = Test(
        "wald", "small studies say the same as large ones", statistic, float(2 * stats.t.sf(abs(statistic), freedom)), 0.0
    )
    if 2 * stats.t.sf(abs(own / own_error), freedom) < PET_LEVEL:
        (own, _), (own_error, _) = _weighted_line(effects, errors**2, errors)
        return Funnel(egger, float(slope), float(own), float(own_error), "PEESE", len(effects))
    return Funnel(egger, float(slope), float(own), float(own_error), "PET", len(effects))


def selection_model(effects: Sequence[float], errors: Sequence[float], cut: float = CUT) -> SelectionModel:
    """The step-function selection model with one step, for log effects (study,) in which a fall is below 0.

    A study is found where its one-sided p = Φ(effect / s) is below ``cut``. With η² = τ² + s² and ω(p) = 1 where found and
    the weight elsewhere, the density of a published effect is

        ω(p) φ((effect − mean) / η) / η  /  (Φ((c − mean) / η) + weight · (1 − Φ((c − mean) / η))),   c = s Φ⁻¹(cut)

    The test compares twice the log likelihood ratio with χ²(1). A weight at the edge of its range is a sign that one of the two
    sides holds next to no study.

    Source: Vevea & Hedges (1995) A general linear model for estimating effect size in the presence of publication bias,
    Psychometrika 60(3):419–435, doi:10.1007/BF02294384.
    Raises `EstimationError` with fewer than `FEWEST` studies, and where all of them or none are found: nothing is then known of
    the other side.
    """
    effects, errors = _checked(effects, errors, spread=False)
    found = int((special.ndtr(effects / errors) < cut).sum())
    if not 0 < found < len(effects):
        raise EstimationError(
            f"{found} of {len(effects)} published effects found a fall at a one-sided {cut:g}: a selection model needs some on "
            "either side; read the funnel instead"
        )
    (mean, log_tau, log_weight), free = _maximum(effects, errors, cut, with_weight=True)
    (plain, _), fixed = _maximum(effects, errors, cut, with_weight=False)
    statistic = max(2 * (free - fixed), 0.0)
    test = Test(
        "likelihood", "results that found no fall are published like others", statistic, float(stats.chi2.sf(statistic, 1)), 0.0
    )
    return SelectionModel(mean, float(np.exp(log_tau)), float(np.exp(log_weight)), plain, test, len(effects), found)


def log_likelihood(effects: np.ndarray, errors: np.ndarray, mean: float, tau: float, weight: float, cut: float = CUT) -> float:
    """The log likelihood of published effects (study,) under the step-function model."""
    spread = np.hypot(tau, errors)
    found = special.ndtr(effects / errors) < cut
    share = special.ndtr((errors * special.ndtri(cut) - mean) / spread)
    normal = -(((effects - mean) / spread) ** 2) / 2 - np.log(spread) - HALF_LOG_2_PI
    return float((np.where(found, 0.0, np.log(weight)) + normal - np.log(share + weight * (1 - share))).sum())


def _maximum(effects: np.ndarray, errors: np.ndarray, cut: float, with_weight: bool) -> tuple[list[float], float]:
    """The best mean, log tau and, where asked for, log weight, and the log likelihood there; from several starts."""
    start = float(np.average(effects, weights=1 / errors**2))
    bounds = [LIMITS["mean"], tuple(np.log(LIMITS["tau"])), tuple(np.log(LIMITS["weight"]))][: 3 if with_weight else 2]

    def loss(values: np.ndarray) -> float:
        weight = np.exp(values[2]) if with_weight else 1.0
        return -log_likelihood(effects, errors, values[0], float(np.exp(values[1])), float(weight), cut)

    tries = [
        optimize.minimize(loss, [mean, np.log(tau), np.log(weight)][: len(bounds)], method="L-BFGS-B", bounds=bounds)
        for tau in (0.05, max(float(effects.std()), 0.06))
        for mean, weight in (((start, 1.0), (start / 2, 0.2)) if with_weight else ((start, 1.0),))
    ]
    best = min(tries, key=lambda each: each.fun)
    return [float(value) for value in best.x], -float(best.fun)


def _weighted_line(effects: np.ndarray, regressor: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope by least squares weighted with 1/s², and their standard errors."""
    columns = np.column_stack([np.ones_like(regressor), regressor]) / errors[:, None]
    scaled = effects / errors
    inverse = np.linalg.inv(columns.T @ columns)
    line = inverse @ columns.T @ scaled
    scale = ((scaled - columns @ line) ** 2).sum() / (len(effects) - 2)
    return line, np.sqrt(scale * np.diag(inverse))


def _checked(effects: Sequence[float], errors: Sequence[float], spread: bool = True) -> tuple[np.ndarray, np.ndarray]:
    effects, errors = np.asarray(effects, dtype=float), np.asarray(errors, dtype=float)
    if len(effects) < FEWEST:
        raise EstimationError(
            f"{len(effects)} published effects have a standard error, and a funnel or a selection model needs {FEWEST}; say in "
            "words what is known of the others"
        )
    if not (np.isfinite(effects).all() and (errors > 0).all() and np.isfinite(errors).all()):
        raise EstimationError("a published effect is not a number or has a standard error of 0 or less; correct the row")
    if spread and np.ptp(errors) <= 1e-9 * errors.mean():
        raise EstimationError("all published effects have the same standard error, so there is no funnel to look at")
    return effects, errors
