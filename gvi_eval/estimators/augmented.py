"""Augmented synthetic control: weights on donors, and a ridge regression for what they leave unlike before the start."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import helmert

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import (
    Comparison,
    Family,
    Scale,
    comparison,
    expected_paths,
    family_effect,
    placebo_members,
    usable_periods,
)
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators._predictors import OUTCOME, predictor_table
from gvi_eval.estimators._simplex import FamilyFit, Problems, solve_family
from gvi_eval.panel import Panel

STEPS, SMALLEST = 20, 1e-8  # of the grid of penalties: from the largest eigenvalue down to this share of it
NONE = 1e-12  # an eigenvalue below this share of the largest is none
FEWEST = 3  # periods before the start, so that one can be left out and two tell units apart


@dataclass(frozen=True)
class Augmented:
    """Ridge-augmented synthetic control, for counts, continuous figures and shares.

    On the scale, with the treated unit's figures y and the donors' Z (period, donor) before the start, X the donors' figures
    less their mean in each period, and w the weights of `Synthetic`:

        weights = w + X'(XX' + λI)⁻¹ (y − Zw)

    They sum to 1 and may be negative: what no mean of donors reproduces is taken from how donors differ among themselves.
    λ → ∞ is `Synthetic`; λ → 0 fits every period before the start where donors outnumber periods, noise included. With
    ``intercept`` the level of every unit before the start is taken out first.

    ``ridge`` is λ in squared units of the scale; None leaves every period before the start out in turn, fits w without it and
    takes, from a geometric grid below the largest eigenvalue of XX', the largest λ whose mean squared error is within one
    standard error of the least. The errors of a few dozen neighbouring periods tell similar λ not apart, and among λ that
    predict alike the largest extrapolates least. Nothing after the start has a say.

    ``predictors`` are covariates of the panel, written as in `Synthetic`; not the outcome, of which every period is fitted as
    it is. They are standardised to the scatter of the donors' figures and join the fit as rows. With ``residualised`` the
    figures are regressed on them over the donors first, and the weights then reproduce the predictors exactly.

    A negative weight extrapolates, and still admission binds as it does for `Synthetic`. Without intercept a unit outside the
    range of its donors is refused, and one whose mean gap the ridge leaves open, which is carried on. With intercept the
    level may differ: on rates only inside that range, on logs anywhere. For outside it, on rates, what the ridge shrinks is
    missing from the level of the unit, by as much as an effect, and no placebo among the donors shows how far such a
    control would scatter, so its gap cannot be ranked with theirs.

    ``scale`` as in `Synthetic`. There is no interval here: see `gvi_eval.inference.placebo` and
    `gvi_eval.inference.jackknife_plus`.

    Raises `EstimationError` as `comparison` does, with too few periods to leave one out, and for predictors that donors do
    not differ in or too many of them; `StudyError` for a setting that is not allowed.

    Source: Ben-Michael, Feller & Rothstein (2021) The augmented synthetic control method, J. Am. Stat. Assoc. 116(536),
    doi:10.1080/01621459.2021.1929245.
    """

    name: ClassVar[str] = "augmented"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True

    scale: Scale = "rate"
    intercept: bool = False
    ridge: float | None = None
    predictors: tuple[str, ...] = ()
    residualised: bool = False
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if self.ridge is not None and not 0 <= self.ridge < np.inf:
            raise StudyError(f"ridge of {self.name} is {self.ridge}; set 0 or more, or leave it out to have it chosen")
        if self.residualised and not self.predictors:
            raise StudyError(f"residualised of {self.name} belongs to predictors, of which there are none; name them")
        for predictor in self.predictors:
            if predictor.partition(" ")[0] == OUTCOME:
                raise StudyError(
                    f"predictors of {self.name} names '{predictor}', but every period of the outcome is fitted as it is; "
                    "leave it out"
                )

    @property
    def shifts(self) -> bool:
        """Whether the level of the treated unit may differ from that of its likeness."""
        return self.intercept

    @property
    def adds_level(self) -> bool:
        """Whether that difference is added to rates, instead of multiplied."""
        return self.shifts and self.scale == "rate"

    def estimate(self, panel: Panel) -> Effect:
        family, ridges, simplex = self._fitted(panel, False, False)
        side, notes = family.comparison, family.comparison.notes
        below = family.expected[0] < 0
        if side.kind != "continuous" and below.any():
            notes += (
                f"fewer than none are expected of {side.units[0]} in {', '.join(map(str, side.periods[below][:3]))}"
                f"{', …' if below.sum() > 3 else ''}: its negative weights reach too far; compare logs or use synthetic",
            )
        details: dict[str, Any] = {
            "ridge": float(ridges[0]),
            "negative_weight": float(-np.minimum(family.weights[0], 0.0).sum()),
            "simplex_weights": {side.units[j]: float(simplex[0, j]) for j in np.argsort(-simplex[0]) if simplex[0, j] > 0},
        }
        return family_effect(family, panel, self.name, self.level, details, notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._fitted(panel, placebos, treated_stays)[0]

    def _fitted(self, panel: Panel, placebos: bool, treated_stays: bool) -> tuple[Family, np.ndarray, np.ndarray]:
        """The family, λ (problem,) and the weights on the simplex (problem, unit)."""
        side = comparison(panel, self.scale, self.name)
        chosen, donors = placebo_members(side, placebos, treated_stays)
        covariates = predictor_table(panel, side, self.predictors) if self.predictors else np.empty((0, len(side.units)))
        weights, simplex, gaps = np.zeros(donors.shape), np.zeros(donors.shape), np.zeros(len(chosen))
        intercepts, ridges = np.zeros(len(chosen)), np.zeros(len(chosen))
        for members, usable in _batches(side, chosen, donors, alone=bool(self.predictors)):
            figures, own = np.nan_to_num(side.figures[usable]), chosen[members]
            if self.ridge is None and len(figures) < FEWEST + self.intercept:
                raise EstimationError(
                    f"{side.units[own[0]]} has {len(figures)} periods before the start {side.onset} with figures, and "
                    f"{self.name} needs {FEWEST + self.intercept}, so that its ridge can be chosen by leaving each out; "
                    "set ridge"
                )
            table = _Table(figures, len(figures), own, donors[members], self.intercept)
            fit, ridges[members], weights[members] = self._weighed(table, covariates)
            simplex[members], gaps[members] = fit.weights, fit.gaps
            if self.intercept:
                intercepts[members] = figures.mean(axis=0)[own] - weights[members] @ figures.mean(axis=0)
        expected = expected_paths(side, chosen, weights, intercepts)
        return Family(side, chosen, expected, weights, intercepts, gaps), ridges, simplex

    def _weighed(self, table: "_Table", covariates: np.ndarray) -> tuple[FamilyFit, np.ndarray, np.ndarray]:
        """The weights on the simplex, λ (problem,) and the augmented weights (problem, unit), which have covariates
        (covariate, unit) only where the table holds one problem.
        """
        own, among = table.own, table.donors
        if self.predictors:
            traits = _standardised(covariates, among[0], self.predictors)
            table = table.residualised(traits) if self.residualised else table.beside(traits)
        fit = solve_family(table.lines(), Problems(own, among))
        ridge = table.chosen_ridge(fit.weights) if self.ridge is None else np.full(len(own), float(self.ridge))
        weights = table.augmented(fit.weights, ridge)
        if self.residualised:
            weights[0] += (traits[:, own[0]] - traits @ weights[0]) @ _projector(traits, among[0])
        return fit, ridge, weights


def _batches(side: Comparison, chosen: np.ndarray, donors: np.ndarray, alone: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Problems that share their periods, each alone where asked for, and which periods these are (period,)."""
    usable = usable_periods(side, chosen, donors)
    if alone:
        yield from ((np.array([p]), rows) for p, rows in enumerate(usable))
        return
    patterns, group_of = np.unique(usable, axis=0, return_inverse=True)
    for group, rows in enumerate(patterns):
        yield np.flatnonzero(group_of.ravel() == group), rows


@dataclass(frozen=True, eq=False)
class _Table:
    """What units are likened in: rows (row, unit), the first `periods` of them periods and the rest covariates.

    own (problem,), donors (problem, unit); level_out: units are compared about their own mean over the periods.
    """

    rows: np.ndarray
    periods: int
    own: np.ndarray
    donors: np.ndarray
    level_out: bool

    def lines(self, left_out: int | None = None) -> np.ndarray:
        """The rows (line, unit) whose squared gaps add up to those about the level, with one period left out."""
        return self._turn(left_out) @ self.rows

    def _turn(self, left_out: int | None = None) -> np.ndarray:
        """The matrix (line, row) that leaves a period out, and the level."""
        kept = np.delete(np.eye(len(self.rows)), [] if left_out is None else [left_out], axis=0)
        if not self.level_out:
            return kept
        count = self.periods - (left_out is not None)
        whole = np.eye(len(kept))[1:]
        whole[: count - 1, :count] = helmert(count)  # an orthonormal basis of what numbers are about their mean
        return whole @ kept

    @cached_property
    def about_mean(self) -> np.ndarray:
        """The donors' figures less their mean in each row (problem, row, unit), 0 for who is no donor."""
        means = self.donors @ self.rows.T / self.donors.sum(axis=1, keepdims=True)
        return (self.rows - means[:, :, None]) * self.donors[:, None, :]

    @cached_property
    def directions(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (problem, line) of XX' without the level, and its eigenvectors (problem, row, line)."""
        turned = self._turn() @ self.about_mean
        values, vectors = np.linalg.eigh(turned @ turned.transpose(0, 2, 1))
        return np.maximum(values, 0.0), self._turn().T @ vectors

    def augmented(self, weights: np.ndarray, ridge: np.ndarray) -> np.ndarray:
        """Weights (problem, unit) on the simplex, with the ridge (problem,) regression for what they leave."""
        values, vectors = self.directions
        real = values > NONE * values[:, -1:]
        shrunk = np.divide(1.0, values + ridge[:, None], out=np.zeros_like(values), where=real)
        gaps = self.rows[:, self.own].T - weights @ self.rows.T
        along = np.einsum("prk,pr->pk", vectors, gaps) * shrunk
        return weights + np.einsum("pru,prk,pk->pu", self.about_mean, vectors, along, optimize=True)

    def chosen_ridge(self, weights: np.ndarray) -> np.ndarray:
        """λ (problem,) by leaving out each period, from the weights (problem, unit) of all of them.

        With A = (XX' + λI)⁻¹ over all rows, the gap of a period t that is left out is [A r]_t / A_tt, where r are the gaps of
        the weights w that are fitted without it: the inverse of a part by that of the whole. Where the level is taken out A
        is the inverse across it, which gives the gap about the level of the other periods.
        """
        values, vectors = self.directions
        top = np.where(values[:, -1] > 0, values[:, -1], 1.0)
        ridges = top[:, None] * SMALLEST ** (np.arange(STEPS + 1) / STEPS)
        shrunk = 1 / (values[:, :, None] + ridges[:, None, :])
        seen = vectors[:, : self.periods]
        gaps = np.array([self._gaps_without(period, weights) for period in range(self.periods)])
        along = seen * (gaps.transpose(1, 0, 2) @ vectors)
        errors = ((along @ shrunk) / (seen**2 @ shrunk)) ** 2
        mean, error = errors.mean(axis=1), errors.std(axis=1, ddof=1) / np.sqrt(self.periods)
        least, each = mean.argmin(axis=1), np.arange(len(mean))
        near = mean <= (mean[each, least] + error[each, least])[:, None]
        return ridges[each, near.argmax(axis=1)]

    def _gaps_without(self, period: int, weights: np.ndarray) -> np.ndarray:
        """Gaps (problem, row) of the weights on the simplex that are fitted without a period."""
        fit = solve_family(self.lines(period), Problems(self.own, self.donors), start=weights)
        return self.rows[:, self.own].T - fit.weights @ self.rows.T

    def beside(self, traits: np.ndarray) -> "_Table":
        """With standardised covariates (covariate, unit) as rows of their own, scaled to the scatter of the donors' figures."""
        scatter = (self._turn() @ self.about_mean)[0][:, self.donors[0]].std(ddof=1)
        return replace(self, rows=np.vstack([self.rows, scatter * traits]))

    def residualised(self, traits: np.ndarray) -> "_Table":
        """What a regression of the figures on standardised covariates (covariate, unit) over the donors leaves of them."""
        slopes = self.about_mean[0] @ _projector(traits, self.donors[0]).T
        return replace(self, rows=self.rows - slopes @ traits)


def _standardised(covariates: np.ndarray, donors: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Covariates (covariate, unit) less the donors' mean, over the donors' standard deviation."""
    theirs = covariates[:, donors]
    spread = theirs.std(axis=1, ddof=1)
    if not (spread > NONE * np.abs(theirs).max(axis=1)).all():
        name = names[int(np.flatnonzero(~(spread > NONE * np.abs(theirs).max(axis=1)))[0])]
        raise EstimationError(f"the predictor '{name}' is the same in every donor and tells them not apart; leave it out")
    return (covariates - theirs.mean(axis=1, keepdims=True)) / spread[:, None]


def _projector(traits: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """(CC')⁻¹C over the donors, (covariate, unit), 0 for who is none, of standardised covariates C (covariate, unit)."""
    theirs = traits * donors
    if np.linalg.matrix_rank(theirs, tol=1e-9 * np.sqrt(donors.sum())) < len(theirs) or len(theirs) >= donors.sum() - 1:
        raise EstimationError(
            f"{len(theirs)} predictors of {donors.sum()} donors say the same twice or leave nothing to compare; name fewer"
        )
    return np.linalg.solve(theirs @ theirs.T, theirs)
