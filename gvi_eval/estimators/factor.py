"""Factor models: common movements that units share to different degrees, learned from donors or from the whole table."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import (
    NO_WEIGHT,
    Comparison,
    Family,
    Scale,
    comparison,
    expected_paths,
    family_effect,
    placebo_members,
)
from gvi_eval.estimators._completion import Completion, chosen_penalty, complete, largest_penalty
from gvi_eval.estimators._design import require_level
from gvi_eval.panel import Panel

Variant = Literal["interactive", "completion"]
VARIANTS = ("interactive", "completion")
NO_FACTOR = 1e-12  # of the donors' variation: a factor with less is rounding
SPENT = 1e-9  # of a period's leverage left: it is fitted whatever it is, and cannot be held out


@dataclass(frozen=True)
class Factor:
    """Two-way effects and factors, for counts, continuous figures and shares. On the scale, ``variant``

    'interactive' (Xu 2017): y_jt = a_j + b_t + f_t'l_j + error for donors, by least squares; with f and b from the donors
    alone, a and l of the treated unit are fitted to its periods before the start. ``rank``, the number of factors, is that
    of 0 to ``most`` with the least squared error when each period before the start is held out in turn; or as set. Rank 0
    is difference-in-differences.

    'completion' (Athey et al. 2021): min ½ Σ_known (y_it − L_it − a_i − b_t)² + τ ‖L‖_* over all units, in which the treated
    unit's periods from the start on are not known. ``penalty`` is τ over the smallest that leaves L = 0: 1 is
    difference-in-differences, less lets L do more. By default it is cross-validated, with known figures dealt into five
    hands in a fixed pattern. Placebos take the treated unit's τ: it says how noisy the table is, and theirs differs in a row.

    Either path is linear in the donors' figures once factors are given: expected_t = c + Σ_j w_j y_jt with Σ w = 1, in which a
    weight may be below 0. For 'interactive' this is the model itself; for 'completion' it is the model from the start on,
    and before it what the model says of the treated unit without its own figure of that period, since L otherwise bends
    towards it and flatters the fit. `Family` holds these weights.

    Assumes that the treated unit shares in movements that donors show, and that these go on. 'interactive' reaches beyond the
    donors without limit, and holding periods out lets in a factor too many more readily than one too few, in noise as well;
    it needs rank + 2 periods before the start, and in fact many more. Placebos of 'completion' are slow, 10 to 50 ms each.
    There is no interval here: see `gvi_eval.inference.placebo`.

    Raises `EstimationError` as `comparison` does, with too few periods before the start for the rank, and where
    the certificate of 'completion' is not reached; `StudyError` for an unknown setting.

    Sources: Xu (2017) Generalized synthetic control method, Polit. Anal. 25(1) 57-76, doi:10.1017/pan.2016.2. Athey, Bayati,
    Doudchenko, Imbens & Khosravi (2021) Matrix completion methods for causal panel data models, J. Am. Stat. Assoc. 116(536)
    1716-1730, doi:10.1080/01621459.2021.1891924.
    """

    name: ClassVar[str] = "factor"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True
    shifts: ClassVar[bool] = True  # the level of the treated unit may differ from that of its donors

    variant: Variant = "interactive"
    rank: int | None = None
    most: int = 5
    penalty: float | None = None
    scale: Scale = "rate"
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if self.variant not in VARIANTS:
            raise StudyError(f"variant of {self.name} is {self.variant!r}; choose {', '.join(VARIANTS)}")
        for setting, least in (("rank", 0), ("most", 0)):
            value = getattr(self, setting)
            if value is not None and not (isinstance(value, int) and value >= least):
                raise StudyError(f"{setting} of {self.name} is {value!r}; set a whole number, {least} or more")
        if self.penalty is not None and not self.penalty > 0:
            raise StudyError(f"penalty of {self.name} is {self.penalty}; set a share above 0, where 1 leaves no factor")
        if self.variant == "interactive" and self.penalty is not None:
            raise StudyError(f"penalty of {self.name} belongs to variant = 'completion'; leave {self.penalty} out")
        if self.variant == "completion" and self.rank is not None:
            raise StudyError(f"rank of {self.name} belongs to variant = 'interactive'; leave {self.rank} out")

    @property
    def adds_level(self) -> bool:
        """Whether the treated unit's own level is added to rates, instead of multiplied."""
        return self.scale == "rate"

    def estimate(self, panel: Panel) -> Effect:
        family, details = self._fitted(panel, False, False)
        units, weights = family.comparison.units, family.weights[0]
        order = np.argsort(-np.abs(weights), kind="stable")
        details["variant"] = self.variant
        details["weights"] = {units[j]: float(weights[j]) for j in order if abs(weights[j]) > NO_WEIGHT}
        return family_effect(family, panel, self.name, self.level, details, family.comparison.notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._fitted(panel, placebos, treated_stays)[0]

    def _fitted(self, panel: Panel, placebos: bool, treated_stays: bool) -> tuple[Family, dict[str, Any]]:
        side = comparison(panel, self.scale, self.name)
        chosen, donors = placebo_members(side, placebos, treated_stays)
        if self.variant == "interactive":
            weights, intercepts, gaps, details = self._interactive(side, chosen, donors)
        else:
            weights, intercepts, gaps, details = self._completion(side, chosen, donors)
        return Family(side, chosen, expected_paths(side, chosen, weights, intercepts), weights, intercepts, gaps), details

    def _interactive(self, side: Comparison, chosen: np.ndarray, donors: np.ndarray) -> tuple[Any, ...]:
        weights, intercepts = np.zeros(donors.shape), np.zeros(len(chosen))
        details: dict[str, Any] = {}
        for row, (own, among) in enumerate(zip(chosen, donors, strict=True)):
            figures, known = _table(side, own, among)
            most = self._highest(side, own, int(known[:, 0].sum()))
            fit = _loaded(figures[:, 1:], figures[:, 0], known[:, 0], most, self.rank)
            weights[row, among], intercepts[row] = fit.weights, fit.intercept
            if row == 0:
                details = {"rank": fit.rank, "held_out_error": fit.errors, "loadings": fit.loadings}
        return weights, intercepts, np.zeros(len(chosen)), details

    def _highest(self, side: Comparison, own: int, periods: int) -> int:
        """The most factors that so many periods before the start allow. Raises `EstimationError` below the rank that is set."""
        most = periods - 2
        if most < (self.rank or 0):
            raise EstimationError(
                f"{side.units[own]} has {periods} periods before the start {side.onset} with figures, and {self.name} needs "
                f"{(self.rank or 0) + 2} for {self.rank or 0} factors; widen the baseline or lower the rank"
            )
        return min(most, self.most if self.rank is None else self.rank)

    def _completion(self, side: Comparison, chosen: np.ndarray, donors: np.ndarray) -> tuple[Any, ...]:
        weights, intercepts, gaps = np.zeros(donors.shape), np.zeros(len(chosen)), np.zeros(len(chosen))
        figures, known = _table(side, chosen[0], donors[0])
        largest = largest_penalty(figures, known)
        penalty, errors = self._penalty(figures, known, largest)
        details: dict[str, Any] = {}
        for row, (own, among) in enumerate(zip(chosen, donors, strict=True)):
            fit = complete(*_table(side, own, among), penalty)
            weights[row, among], intercepts[row] = _as_weights(fit, penalty)
            gaps[row] = fit.gap
            if row == 0:
                details = {
                    "rank": len(fit.sizes),
                    "penalty": penalty / largest if largest > 0 else 1.0,
                    "lambda": 2 * penalty / int(known.sum()),
                    "held_out_error": errors,
                }
        return weights, intercepts, gaps, details

    def _penalty(self, figures: np.ndarray, known: np.ndarray, largest: float) -> tuple[float, float | None]:
        """τ, and the mean squared error of held-out figures where it was sought."""
        if self.penalty is not None or not largest > 0:
            return largest * (self.penalty or 1.0), None
        penalty, errors = chosen_penalty(figures, known)
        return min(penalty, largest), errors[penalty]


def _table(side: Comparison, own: int, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Figures (period, 1 + donor) of a unit, in column 0, and its donors, and which of them the model may learn from.

    Only periods in which all donors have a figure; a figure that is missing, or the unit's own from the start on, is 0.
    """
    columns = np.append(own, np.flatnonzero(among))
    rows = ~np.isnan(side.figures[:, columns[1:]]).any(axis=1)
    figures = side.figures[np.ix_(rows, columns)]
    known = ~np.isnan(figures)
    known[:, 0] &= side.before[rows]
    return np.where(known, figures, 0.0), known


class Loaded(NamedTuple):
    """A treated unit on donors' factors: weights (donor,), intercept, rank, held-out errors by rank, loadings (rank,)."""

    weights: np.ndarray
    intercept: float
    rank: int
    errors: dict[str, float]
    loadings: list[float]


def _loaded(donors: np.ndarray, own: np.ndarray, known: np.ndarray, most: int, rank: int | None) -> Loaded:
    """Loadings of ``own`` (period,) over the ``known`` periods (period,) on factors of the donors (period, donor).

    Factors have mean square 1 over all periods. A period s is held out of a least squares without another fit: its error is
    that of the fit over 1 − h_s, with h the leverage.
    """
    levels = donors.mean(axis=0)
    common = (donors - levels).mean(axis=1)
    rest = donors - levels - common[:, None]
    factors, squares = _factors(rest, most, float(((donors - levels) ** 2).sum()))
    basis, triangle = np.linalg.qr(np.column_stack([np.ones(known.sum()), factors[known]]))
    gaps = (own - common)[known]
    along = basis.T @ gaps
    left = gaps[:, None] - np.cumsum(basis * along, axis=1)
    free = 1 - np.cumsum(basis**2, axis=1)
    held = (free > SPENT).all(axis=0)
    errors = np.where(held, ((left / np.where(free > SPENT, free, 1.0)) ** 2).mean(axis=0), np.inf)
    chosen = int(errors.argmin()) if rank is None else len(squares)
    level, *loadings = np.linalg.lstsq(triangle[: chosen + 1, : chosen + 1], along[: chosen + 1], rcond=None)[0]
    weights = 1 / len(levels) + rest.T @ (factors[:, :chosen] @ (np.array(loadings) / squares[:chosen]))
    return Loaded(
        weights,
        float(level - weights @ levels),
        chosen,
        {str(number): float(error) for number, error in enumerate(errors) if np.isfinite(error)},
        [abs(float(loading)) for loading in loadings],  # the sign of a factor is nobody's
    )


def _factors(rest: np.ndarray, most: int, size: float) -> tuple[np.ndarray, np.ndarray]:
    """The first factors (period, factor), mean square 1, of donors about two-way means (period, donor), and their squared
    singular values; no more than ``most``, and none that is nothing of the donors' variation, ``size``.
    """
    wide = rest.shape[0] <= rest.shape[1]
    squares, vectors = np.linalg.eigh(rest @ rest.T if wide else rest.T @ rest)
    most = min(most, int((squares > NO_FACTOR * size).sum()))
    squares, vectors = squares[::-1][:most], vectors[:, ::-1][:, :most]
    scores = vectors if wide else rest @ vectors / np.sqrt(squares)
    return scores * np.sqrt(len(rest)), squares


def _as_weights(fit: Completion, penalty: float) -> tuple[np.ndarray, float]:
    """A completed table as weights (donor,) and a constant for the first unit where it has no figure.

    With H = V diag(s / (s + τ)) V' from the right singular vectors and values of L, L = X H for the table X of figures about
    their effects, in which a missing figure is its own L. So L_1 = Σ_j g_j X_j with g_j = H_1j / (1 − H_11), and b, the mean of
    what the donors' figures are above a_j + L_j, solves one equation in the same figures.
    """
    shrink = fit.sizes / (fit.sizes + penalty)
    H = (fit.factors * shrink) @ fit.factors.T
    donors = len(H) - 1
    pull = H[0, 1:] / (1 - H[0, 0])
    of_donors = H[1:, 1:] + np.outer(H[1:, 0], pull)  # L_j as a matrix on X_j, symmetric
    # b = mean_j (y_j − a_j − Σ_k of_donors_jk (y_k − a_k − b)), so b (1 − mean column sum of it) = …
    share = (1 - of_donors.sum(axis=0)) / donors
    level = share / share.sum()
    weights = level + pull - pull.sum() * level
    return weights, float(fit.units[0] - weights @ fit.units[1:])
