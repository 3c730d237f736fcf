"""Synthetic difference-in-differences, with synthetic control and difference-in-differences as its special cases."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators._simplex import Problems, solve, solve_family
from gvi_eval.panel import Panel

Variant = Literal["sdid", "sc", "did", "difp"]
VARIANTS = ("sdid", "sc", "did", "difp")
SMALL = 1e-6  # times the noise: the ridge that only settles ties


@dataclass(frozen=True)
class Sdid:
    """Synthetic difference-in-differences: donors weighted by likeness before the start, periods by likeness to those after.

    For counts, continuous figures and shares. On the scale, with T0 periods before and T1 after the start and N donors:

        ω = argmin Σ_{t ≤ T0} (b + z_t'ω − y_t)² + ζ² T0 |ω|²,   ω ≥ 0, 1'ω = 1,   ζ = T1^(1/4) σ
        λ = argmin Σ_j (c + Z_j'λ − mean of z_jt after)² + (1e-6 σ)² N |λ|²,   λ ≥ 0, 1'λ = 1
        expected_t = z_t'ω + Σ_s λ_s (y_s − z_s'ω)

    σ is the standard deviation of the donors' first differences before the start; a placebo's donors have a σ of their own.
    ``variant``: 'sdid'; 'sc', λ = 0 and no b with ζ = 1e-6 σ; 'did', ω and λ uniform; 'difp', λ uniform and ζ = 1e-6 σ
    (Doudchenko & Imbens 2016). Weights are exact where the authors' program stops early and rounds.

    ``scale`` as in `Synthetic`. The effect is Σ observed / Σ expected in counts; its contrast 'difference' on figures without
    exposure is the authors' τ. There is no interval here: see `gvi_eval.inference.placebo`.

    Raises `EstimationError` as `comparison` does, and with fewer than 2 periods before the start; `StudyError` for an unknown
    variant.

    Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021) Synthetic difference-in-differences, Am. Econ. Rev. 111(12),
    doi:10.1257/aer.20190159.
    """

    name: ClassVar[str] = "sdid"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True

    variant: Variant = "sdid"
    scale: Scale = "rate"
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if self.variant not in VARIANTS:
            raise StudyError(f"variant of {self.name} is {self.variant!r}; choose {', '.join(VARIANTS)}")

    @property
    def shifts(self) -> bool:
        """Whether the level of the treated unit may differ from that of its likeness."""
        return self.variant != "sc"

    def estimate(self, panel: Panel) -> Effect:
        side = comparison(panel, self.scale, self.name)
        family, times = self._fitted(side, False, False)
        periods = side.periods[_usable(side)]
        details = {
            "time_weights": {str(t): float(w) for t, w in zip(periods, times[0], strict=True) if w > NO_WEIGHT and self.shifts},
            "zeta": float(self._zeta(side, _steps(side)[:, 1:].std(ddof=1))),
        }
        return family_effect(family, panel, self.name, self.level, details, side.notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._fitted(comparison(panel, self.scale, self.name), placebos, treated_stays)[0]

    def _fitted(self, side: Comparison, placebos: bool, treated_stays: bool) -> tuple[Family, np.ndarray]:
        chosen, donors = placebo_members(side, placebos, treated_stays)
        rows = _usable(side)
        figures = side.figures[rows]
        if len(figures) < 2:
            raise EstimationError(
                f"{side.units[0]} has {len(figures)} periods before the start {side.onset} with figures, and {self.name} needs "
                "2 to tell how much they scatter; widen the baseline"
            )
        steps = _steps(side)
        noise = np.array([steps[:, among].std(ddof=1) for among in donors])
        if self.variant == "did":
            weights = donors / donors.sum(axis=1, keepdims=True)
            gaps = np.zeros(len(chosen))
        else:
            zeta = self._zeta(side, noise)
            fit = solve_family(figures, Problems(chosen, donors), ridge=zeta**2, intercept=self.shifts)
            weights, gaps = fit.weights, fit.gaps
        times = self._times(side, figures, donors, noise)
        known = np.nan_to_num(figures)
        behind = known[:, chosen].T - weights @ known.T  # (problem, period)
        intercepts = (times * behind).sum(axis=1) if self.shifts else np.zeros(len(chosen))
        return Family(side, chosen, expected_paths(side, chosen, weights, intercepts), weights, intercepts, gaps), times

    def _zeta(self, side: Comparison, noise: Any) -> Any:
        after = (~side.before & ~np.isnan(side.figures[:, 1:]).any(axis=1)).sum()
        return noise * (after**0.25 if self.variant == "sdid" else SMALL)

    def _times(self, side: Comparison, figures: np.ndarray, donors: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Weights of the periods before the start, (problem, period)."""
        if self.variant != "sdid":
            return np.full((len(donors), len(figures)), 1 / len(figures))
        later = side.figures[~side.before]
        later = later[~np.isnan(later[:, 1:]).any(axis=1)].mean(axis=0)
        times, start = [], None
        for among, own in zip(donors, noise, strict=True):
            fit = solve(later[among], figures[:, among].T, ridge=(SMALL * own) ** 2, intercept=True, start=start)
            start = fit.weights
            times.append(fit.weights)
        return np.array(times)


def _usable(side: Comparison) -> np.ndarray:
    """The periods before the start with figures of the treated unit and all donors, (period,)."""
    return side.before & ~np.isnan(side.figures).any(axis=1)


def _steps(side: Comparison) -> np.ndarray:
    """First differences before the start, (step, unit), of which donors' standard deviation is the noise; none across a gap."""
    steps = np.diff(np.where(_usable(side)[:, None], side.figures, np.nan)[side.before], axis=0)
    steps = steps[~np.isnan(steps[:, 0])]
    if not len(steps):
        raise EstimationError(
            f"no two neighbouring periods before the start {side.onset} have figures of {side.units[0]} and its donors, and "
            "sdid needs them to tell how much figures scatter; widen the baseline"
        )
    return steps
