"""One step at one date in very many series at once: a Poisson regression whose points can be compared with each other."""

from dataclasses import dataclass

import numpy as np

from gvi_eval.estimators._design import Season, design, require_counts
from gvi_eval.estimators.latent_counts import COEFFICIENT_SD, INTERCEPT_SD
from gvi_eval.panel import Panel

ROUNDS = 40
SETTLED = 1e-8
LARGEST_STEP = 1.0
LARGEST_LOG = 50.0


@dataclass(frozen=True, eq=False)
class StepDesign:
    """Columns (period, column), the step last; offset (period,); and what each figure covers (figure, period)."""

    columns: np.ndarray
    offset: np.ndarray
    matrix: np.ndarray


def step_design(panel: Panel, trend: bool, season: Season = "default") -> StepDesign:
    """The design of the treated unit with a level step at the panel's start; over odd spans there is no season."""
    require_counts(panel, "a step")
    unit, _ = panel.sole_treated
    _, matrix = panel.observations(unit)
    season = "none" if panel.spans(unit) else season
    own = design(panel, unit, change="level", trend=trend, season=season, ramp=0, adjust=())
    return StepDesign(own.factual, own.log_exposure - own.log_exposure.mean(), matrix)


def step_log_ratios(counts: np.ndarray, of: StepDesign) -> np.ndarray:
    """The log ratio of the step in each series, shape (draw,), for counts (draw, figure).

    The mode of a Poisson regression E y = C exp(offset + Xβ) under the priors of `latent_counts` on β, by Fisher scoring:
    (J' diag(1/m) J + P) δ = J' (y − m)/m − P β with J = ∂m/∂β. It gives a point and no width; what it is for is the place of
    one series among others that were put through the same.
    """
    counts = np.atleast_2d(counts).astype(float)
    width = of.columns.shape[1]
    penalty = np.where(np.arange(width) == 0, INTERCEPT_SD, COEFFICIENT_SD) ** -2.0
    beta = np.zeros((len(counts), width))
    # The intercept stands at the log of the mean count, so that its prior is about nothing.
    exposure = (of.matrix @ np.exp(of.offset)).sum()
    centre = np.log((counts.sum(axis=1) + 0.5) / exposure)
    single = bool((of.matrix.max(axis=1) == 1).all() and (of.matrix.sum(axis=1) == 1).all())
    covered = of.matrix.argmax(axis=1)
    for _ in range(ROUNDS):
        logs = np.clip(of.offset + centre[:, None] + beta @ of.columns.T, -LARGEST_LOG, LARGEST_LOG)
        by_period = np.exp(logs)
        if single:
            means = by_period[:, covered]
            slopes = means[:, :, None] * of.columns[covered]
        else:
            means = by_period @ of.matrix.T
            slopes = (of.matrix * by_period[:, None, :]) @ of.columns
        scaled = slopes / means[:, :, None]
        information = np.swapaxes(scaled, 1, 2) @ slopes + np.diag(penalty)
        gradient = (np.swapaxes(scaled, 1, 2) @ (counts - means)[:, :, None])[:, :, 0] - penalty * beta
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        step /= np.maximum(np.abs(step).max(axis=1, keepdims=True) / LARGEST_STEP, 1.0)
        beta += step
        if np.abs(step).max() < SETTLED:
            break
    return beta[:, -1]
