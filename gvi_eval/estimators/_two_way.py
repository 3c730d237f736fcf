"""Two-way tables of counts: what each unit and each period contributes, by Poisson pseudo-likelihood."""

from typing import NamedTuple

import numpy as np

from gvi_eval.errors import EstimationError

STEPS, SETTLED = 2000, 1e-13
PATIENCE, NEWTON = 200, 50  # sweeps before, and most steps of, the iteration that a unit larger than all others needs


class TwoWay(NamedTuple):
    """E[y_it] = exposure_it * unit_i * period_t * ratio^treated_it: units (unit,), periods (period,), and the ratio."""

    units: np.ndarray
    periods: np.ndarray
    ratio: float

    def untreated(self, exposure: np.ndarray) -> np.ndarray:
        """Expected counts without the treatment, (period, unit), for exposure (period, unit)."""
        return exposure * self.periods[:, None] * self.units


def two_way_poisson(counts: np.ndarray, exposure: np.ndarray, treated: np.ndarray | None = None) -> TwoWay:
    """The Poisson pseudo-likelihood of log E[y_it] = log exposure_it + a_i + b_t + tau treated_it by proportional fitting.

    counts (period, unit), NaN where no figure; exposure alike; treated (period, unit) booleans or None for no treatment.
    Each sweep solves the score of one set of parameters exactly, sum(y - mu) = 0 over a unit, a period and the treated
    cells, which climbs the likelihood of a concave problem to its only maximum. Raises `EstimationError` for figures below
    zero, for a unit or period without any figure or event, and where it does not settle.

    Deming & Stephan (1940) On a least squares adjustment of a sampled frequency table, Ann. Math. Statist. 11(4) 427-444,
    doi:10.1214/aoms/1177731829. Santos Silva & Tenreyro (2006) The log of gravity, Rev. Econ. Stat. 88(4) 641-658,
    doi:10.1162/rest.88.4.641.
    """
    known = ~np.isnan(counts)
    y, room = np.where(known, counts, 0.0), np.where(known, exposure, 0.0)
    if (y < 0).any():
        raise EstimationError(f"a figure of {y.min():g} is below zero and has no Poisson mean; use scale = 'rate' without gaps")
    for axis, what in ((0, "unit"), (1, "period")):
        if (y.sum(axis=axis) == 0).any():
            place = int(np.flatnonzero(y.sum(axis=axis) == 0)[0])
            raise EstimationError(f"{what} {place} of the table has no events, so its share is not defined; leave it out")
    on = np.zeros_like(known) if treated is None else treated & known
    if on.any() and not (y[on.any(axis=1)] * ~on[on.any(axis=1)]).any():
        raise EstimationError(
            "no unit but the treated has events while it is treated, so what would have been is not defined; admit more "
            "donors or use model = 'linear'"
        )
    units, periods, ratio, tau = y.sum(axis=0) / room.sum(axis=0), np.ones(len(y)), 1.0, np.where(on, 1.0, 0.0)
    of_units, of_periods, of_treated = y.sum(axis=0), y.sum(axis=1), y[on].sum()
    for sweep in range(STEPS):
        if sweep == PATIENCE and of_treated > 0:
            return _by_newton(y, room, known, on, TwoWay(units, periods, float(ratio)))
        before = periods
        lifted = room * (1.0 + (ratio - 1.0) * tau)
        periods = of_periods / (lifted @ units)
        units = of_units / (periods @ lifted)
        if on.any():
            ratio = of_treated / (room * periods[:, None] * units)[on].sum()
        if np.abs(periods / before - 1.0).max() <= SETTLED:
            return TwoWay(units, periods, float(ratio))
    raise EstimationError(
        "the shares of units and periods do not settle: gaps cut the table into parts without a common period"
    )


def _by_newton(y: np.ndarray, room: np.ndarray, known: np.ndarray, on: np.ndarray, start: TwoWay) -> TwoWay:
    """The same maximum by Newton's steps, each a weighted least squares, from a start near it."""
    logs = np.log(start.periods[:, None] * start.units) + np.log(start.ratio) * on
    for _ in range(NEWTON):
        means = np.where(known, room * np.exp(logs), 1.0)
        fit = two_way_linear(np.where(known, logs + (y - means) / means, np.nan), on, means)
        before, logs = logs, fit.units + fit.periods[:, None] + fit.effect * on
        if np.abs(logs - before)[known].max() <= 1e-10:
            return TwoWay(np.exp(fit.units), np.exp(fit.periods), float(np.exp(fit.effect)))
    raise EstimationError("the shares of units and periods do not settle; leave out units with very few events")


class TwoWayLinear(NamedTuple):
    """figure_it = unit_i + period_t + effect * treated_it + error: units (unit,), periods (period,), and the effect."""

    units: np.ndarray
    periods: np.ndarray
    effect: float


def two_way_linear(figures: np.ndarray, treated: np.ndarray | None = None, weights: np.ndarray | None = None) -> TwoWayLinear:
    """Weighted least squares of figures (period, unit), NaN where none, on unit and period effects and the treatment.

    treated (period, unit) booleans, or None for no treatment and an effect of 0; weights (period, unit) > 0, by default
    alike. The first period's effect is 0. Raises `EstimationError` where the
    treatment is not told apart from the effects of units and periods.
    """
    known = ~np.isnan(figures)
    w = np.where(known, 1.0 if weights is None else weights / weights[known].mean(), 0.0)
    y, on = np.where(known, figures, 0.0), (np.zeros(known.shape) if treated is None else (treated & known).astype(float))
    periods, units = figures.shape
    # Unit effects are swept out: period effects and the treatment solve a system of their own.
    share = w / w.sum(axis=0)
    design = np.zeros((periods + 1, periods + 1))
    target = np.empty(periods + 1)
    within_y = w * (y - (share * y).sum(axis=0))
    within_on = w * (on - (share * on).sum(axis=0))
    design[:periods, :periods] = np.diag(w.sum(axis=1)) - w @ share.T
    design[:periods, periods] = design[periods, :periods] = within_on.sum(axis=1)
    design[periods, periods] = (on * within_on).sum()
    target[:periods], target[periods] = within_y.sum(axis=1), (on * within_y).sum()
    keep = np.arange(1, periods if treated is None else periods + 1)
    system = design[np.ix_(keep, keep)]
    if np.linalg.matrix_rank(system, hermitian=True) < len(keep):
        raise EstimationError(
            "the treatment is not told apart from the effects of units and periods: no donor has figures on both sides of "
            "the start"
        )
    solution = np.linalg.solve(system, target[keep])
    of_periods, effect = np.append(0.0, solution[: periods - 1]), 0.0 if treated is None else float(solution[-1])
    of_units = (share * (y - of_periods[:, None] * known - effect * on)).sum(axis=0)
    return TwoWayLinear(of_units, of_periods, effect)
