"""Synthetic control: the weighted mean of donors that is most like the treated unit before the start."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

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
)
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators._predictors import periods_inside, predictor_table
from gvi_eval.estimators._simplex import NestedFit, Problems, nested_v, solve, solve_family, solve_weighted
from gvi_eval.panel import Panel

DISAGREEMENT = 0.01  # of the searches for V, above which the effect says so


@dataclass(frozen=True)
class Synthetic:
    """Synthetic control with weights on the simplex, found exactly; for counts, continuous figures and shares.

    Outcome only (no ``predictors``): w = argmin Σ_{t < T0} (y_t − b − z_t'w)² with w ≥ 0 and 1'w = 1, b = 0, or free with
    ``intercept`` (Doudchenko & Imbens 2016; Ferman & Pinto 2021). ``ridge`` adds ridge · T0 · |w|².

    With ``predictors``: w(V) = argmin Σ_i v_i (x_i − X_i'w)² over standardised predictors, and V such that w(V) fits the
    outcome best (Abadie, Diamond & Hainmueller 2010). A predictor is a covariate of the panel or 'outcome', averaged over
    the periods before the start or over those that are named: 'beer 1984..1988', 'outcome 1975'. ``judged`` are the
    periods over which V is judged, by default all before the start. ``training`` are as many predictors that take the
    place of ``predictors`` while V is sought, for cross-validation (Abadie, Diamond & Hainmueller 2015).

    ``scale`` is that on which units are compared: rates per exposure, log of (count + ½) per exposure, or square root of
    the rate. The effect is always Σ observed / Σ expected in counts. There is no interval here: it comes from
    `gvi_eval.inference.placebo`, and whether the comparison may be used at all from `gvi_eval.inference.admission`.

    Raises `EstimationError` as `comparison` does, and for a predictor without figures; `StudyError` for one that the panel
    does not hold.

    Sources: Abadie, Diamond & Hainmueller (2010) Synthetic control methods for comparative case studies, J. Am. Stat.
    Assoc. 105(490), doi:10.1198/jasa.2009.ap08746; (2015) Comparative politics and the synthetic control method, Am. J.
    Polit. Sci. 59(2), doi:10.1111/ajps.12116. Doudchenko & Imbens (2016) Balancing, regression, difference-in-differences
    and synthetic control methods, NBER 22791, doi:10.3386/w22791. Ferman & Pinto (2021) Synthetic controls with imperfect
    pretreatment fit, Quant. Econ. 12(4), doi:10.3982/QE1596.
    """

    name: ClassVar[str] = "synthetic"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True

    scale: Scale = "rate"
    intercept: bool = False
    ridge: float = 0.0
    predictors: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    judged: str = ""
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if not self.ridge >= 0:
            raise StudyError(f"ridge of {self.name} is {self.ridge}; set 0 or more")
        if self.predictors and (self.intercept or self.ridge):
            raise StudyError(
                f"{self.name} with predictors has neither intercept nor ridge; leave them out or drop the predictors"
            )
        if (self.training or self.judged) and not self.predictors:
            raise StudyError(f"training and judged of {self.name} belong to predictors, of which there are none; name them")
        if self.training and len(self.training) != len(self.predictors):
            raise StudyError(
                f"{len(self.training)} training predictors for {len(self.predictors)} predictors; give one for each"
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
        family, nested = self._fitted(panel, False, False)
        details: dict[str, Any] = {}
        notes = family.comparison.notes
        if nested:
            fit = nested[0]
            details = {
                "v": dict(zip(self.predictors, map(float, fit.v), strict=True)),
                "mspe": fit.mspe,
                "mspe_lower_bound": fit.bound,
                "attained_by_start": dict(fit.attained),
                "predictors_matched_exactly": fit.exact,
            }
            if (apart := _apart(fit)) > DISAGREEMENT:
                best = min(fit.attained.values())  # of the training predictors, where V is sought with these
                least = "" if self.training else f", and no weights go below {fit.bound:.4g}"
                notes += (
                    f"the searches for V from different starts ended up to {apart:.0%} apart in their mean squared gap; "
                    f"the best, {best:.4g}, is used{least}",
                )
        return family_effect(family, panel, self.name, self.level, details, notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._fitted(panel, placebos, treated_stays)[0]

    def _fitted(self, panel: Panel, placebos: bool, treated_stays: bool) -> tuple[Family, list[NestedFit] | None]:
        side = comparison(panel, self.scale, self.name)
        chosen, donors = placebo_members(side, placebos, treated_stays)
        if self.predictors:
            nested = [self._nested(panel, side, own, among) for own, among in zip(chosen, donors, strict=True)]
            weights = np.zeros(donors.shape)
            for row, fit, among in zip(weights, nested, donors, strict=True):
                row[among] = fit.weights
            intercepts, gaps = np.zeros(len(chosen)), np.array([fit.gap for fit in nested])
        else:
            nested = None
            fit = solve_family(side.figures[side.before], Problems(chosen, donors), ridge=self.ridge, intercept=self.intercept)
            weights, intercepts, gaps = fit.weights, fit.intercepts, fit.gaps
        return Family(side, chosen, expected_paths(side, chosen, weights, intercepts), weights, intercepts, gaps), nested

    def _nested(self, panel: Panel, side: Comparison, own: int, donors: np.ndarray) -> NestedFit:
        judged = side.before if not self.judged else side.before & periods_inside(side.periods, self.judged)
        known = judged & ~np.isnan(side.figures[:, own]) & ~np.isnan(side.figures[:, donors]).any(axis=1)
        if not known.any():
            raise EstimationError(
                f"no period in judged = '{self.judged}' before the start has figures of {side.units[own]} and its donors; "
                "name others"
            )
        table = partial(predictor_table, panel, side)
        sought = table(self.training or self.predictors)
        fit = nested_v(sought[:, donors], sought[:, own], side.figures[np.ix_(known, donors)], side.figures[known, own])
        if not self.training:
            return fit
        main = table(self.predictors)
        sd = main[:, np.append(own, np.flatnonzero(donors))].std(axis=1, ddof=1)
        if not (sd > 0).all():
            name = self.predictors[int(np.flatnonzero(~(sd > 0))[0])]
            raise EstimationError(f"the predictor '{name}' is the same in every unit and tells them not apart; leave it out")
        again = solve_weighted(main[:, donors] / sd[:, None], main[:, own] / sd, fit.v)
        rows = side.before & ~np.isnan(side.figures[:, own]) & ~np.isnan(side.figures[:, donors]).any(axis=1)
        y, Z = side.figures[rows, own], side.figures[np.ix_(rows, donors)]
        mspe, bound = float(((y - Z @ again.weights) ** 2).mean()), solve(y, Z).objective / len(y)
        return NestedFit(again.weights, fit.v, mspe, bound, fit.attained, False, again.gap)


def _apart(fit: NestedFit) -> float:
    """How much worse the worst search for V ended than the best, as a share of the best."""
    best, worst = min(fit.attained.values()), max(fit.attained.values())
    return worst / best - 1 if best > 0 else 0.0
