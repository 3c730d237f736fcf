"""Penalised synthetic control: a weighted mean of donors like the treated unit, made of donors that are like it themselves."""

from dataclasses import dataclass
from typing import ClassVar

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
    usable_periods,
)
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators._simplex import Problems, solve_family
from gvi_eval.panel import Panel

LIMIT = 1e-8  # the penalty that stands for one that vanishes
PENALTIES = (LIMIT, *(float(f"{10 ** (step / 2):.6g}") for step in range(-8, 3)))  # 1e-4 to 10, two to a power of ten
ROUNDING = 1e-9
FEWEST = 3  # periods before the start, so that one can be left out and two tell units apart


@dataclass(frozen=True)
class Penalized:
    """Penalised synthetic control, found exactly, for counts, continuous figures and shares.

    On the scale, over the periods before the start, with figures y of the treated unit and z_j of the donors:

        w = argmin |y − Σ_j w_j z_j|² + λ Σ_j w_j |y − z_j|²,    w ≥ 0, 1'w = 1

    The first term is that of `Synthetic`; the second is what is lost by averaging over donors that are unlike the treated unit
    one by one, which bends a relation that is not a line. With λ > 0 no more donors than periods + 1 have weight, and they are
    the only such weights unless donors lie just so. λ → ∞ is the nearest neighbour; λ → 0 is, of all weights that fit best,
    those of the nearest donors, and a ``penalty`` of 0 is that limit, taken at λ = 1e-8.

    ``penalty`` is λ, which has no unit; None leaves every period before the start out in turn, fits w without it and takes,
    from a geometric grid between the limit and 10, the λ with the least mean squared error: the least and not the largest
    within a standard error, because neither end of the grid is the plainer one (few donors scatter more, many are less
    alike). The authors also choose λ by what it makes of the donors after the start. That is left out: figures after the
    start would then choose the method by which they are judged.

    ``scale`` as in `Synthetic`; there is no interval here: see `gvi_eval.inference.placebo`. The weights are a mean of donors,
    so admission is that of `Synthetic` without intercept.

    Raises `EstimationError` as `comparison` does, and with too few periods to leave one out; `StudyError` for a penalty that
    is negative or infinite.

    Source: Abadie & L'Hour (2021) A penalized synthetic control estimator for disaggregated data, J. Am. Stat. Assoc. 116(536),
    doi:10.1080/01621459.2021.1971535.
    """

    name: ClassVar[str] = "penalized"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True
    shifts: ClassVar[bool] = False  # a mean of donors has their level
    adds_level: ClassVar[bool] = False

    penalty: float | None = None
    scale: Scale = "rate"
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if self.penalty is not None and not 0 <= self.penalty < np.inf:
            raise StudyError(f"penalty of {self.name} is {self.penalty}; set 0 or more, or leave it out to have it chosen")

    def estimate(self, panel: Panel) -> Effect:
        family, penalties = self._fitted(panel, False, False)
        details = {"penalty": float(penalties[0])}
        return family_effect(family, panel, self.name, self.level, details, family.comparison.notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._fitted(panel, placebos, treated_stays)[0]

    def _fitted(self, panel: Panel, placebos: bool, treated_stays: bool) -> tuple[Family, np.ndarray]:
        """The family and λ (problem,)."""
        side = comparison(panel, self.scale, self.name)
        chosen, donors = placebo_members(side, placebos, treated_stays)
        problems = Problems(chosen, donors)
        usable = usable_periods(side, chosen, donors)[:, side.before]
        if self.penalty is None:
            penalties = self._chosen(side, problems, usable)
        else:
            penalties = np.full(len(chosen), max(self.penalty, LIMIT))
        fit = solve_family(side.figures[side.before], problems, nearness=penalties)
        expected = expected_paths(side, chosen, fit.weights, fit.intercepts)
        return Family(side, chosen, expected, fit.weights, fit.intercepts, fit.gaps), penalties

    def _chosen(self, side: Comparison, problems: Problems, usable: np.ndarray) -> np.ndarray:
        """λ (problem,) by leaving out each of the usable periods, (problem, period before the start)."""
        for p in np.flatnonzero(usable.sum(axis=1) < FEWEST)[:1]:
            raise EstimationError(
                f"{side.units[problems.treated[p]]} has {usable[p].sum()} periods before the start {side.onset} with figures, "
                f"and {self.name} needs {FEWEST}, so that its penalty can be chosen by leaving each out; set penalty"
            )
        figures, steps = side.figures[side.before], len(PENALTIES)
        each = Problems(np.repeat(problems.treated, steps), np.repeat(problems.donors, steps, axis=0))
        grid = np.tile(PENALTIES, len(problems.treated))
        loss = np.zeros((len(problems.treated), steps))
        for period in np.flatnonzero(usable.any(axis=0)):
            kept = np.arange(len(figures)) != period
            fit = solve_family(figures, each, row_mask=kept, nearness=grid)
            known = np.nan_to_num(figures[period])
            gaps = (known[each.treated] - fit.weights @ known).reshape(loss.shape)
            loss += np.where(usable[:, period, None], gaps**2, 0.0)
        least = loss <= loss.min(axis=1, keepdims=True) * (1 + ROUNDING)  # the smallest of those that give the same weights
        return np.array(PENALTIES)[least.argmax(axis=1)]
