"""Figures drawn anew on the design of a case, with nothing in them or with one violation of a stated size."""

from collections.abc import Mapping

import numpy as np

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.power import noise_settings, simulate
from gvi_eval.sensitivity.regression_to_mean import marginal_mean
from gvi_eval.sensitivity.threats.case import Case, Null

Factor = np.ndarray | float  # of a mean, shape (period,) of the whole panel


def null_of(panel: Panel) -> Null:
    """The mean and the noise of a treated unit's figures if there were neither programme nor trend.

    The mean is that of `latent_counts` without a trend and without its latent level, season and exposure included, so that
    the humps of the figures at hand are not in it; ρ, σ and α are the posterior medians of the default model. A trend is
    left out because it is itself one of the violations.
    Raises `EstimationError` where the figures are no counts or cannot be fitted.
    """
    fit = LatentCounts(trend=False).estimate(panel)
    return Null(marginal_mean(fit), noise_settings(panel)[1])


def with_nulls(case: Case) -> Case:
    """The case with the null of every outcome that has one; what figures are drawn about.

    Raises `EstimationError` where the headline's outcome itself has none.
    """
    nulls = {case.outcome: null_of(case.whole)}
    for name, panel in case.others.items():
        try:
            nulls[name] = null_of(panel)
        except EstimationError:
            continue
    return case.with_(nulls=nulls)


def redrawn(case: Case, seed: int, factor: Factor = 1.0, others: Mapping[str, Factor] = {}, noise: float = 1.0) -> Case:
    """A case with the treated unit's figures of every outcome drawn about their nulls, times a factor.

    ``factor`` belongs to the headline's outcome, ``others`` to outcomes by name. An outcome without a null is left out, and
    donors keep their figures. ``noise`` multiplies α and σ². The same seed gives the same figures, and the same case where
    it was asked for before, so that threats share its fits.
    """
    asked = ("redrawn", seed, _bytes(factor), tuple((name, _bytes(times)) for name, times in sorted(others.items())), noise)
    return case.recalled(asked, lambda: _redrawn(case, seed, factor, others, noise))


def _bytes(factor: Factor) -> bytes:
    return np.asarray(factor, dtype=float).tobytes()


def _redrawn(case: Case, seed: int, factor: Factor, others: Mapping[str, Factor], noise: float) -> Case:

    def drawn(name: str, panel: Panel, times: Factor, stream: int) -> Panel:
        null = case.nulls[name]
        mean = null.expected * times
        own = null.noise
        if noise != 1:
            own = type(own)(own.name, own.alpha * noise, own.sigma * noise**0.5, own.rho)
        return _beside_its_donors(panel, simulate(panel.without(*panel.donors), mean, 1.0, own, [seed % 2**63, stream]))

    names = [name for name in case.others if name in case.nulls]
    return case.with_(
        whole=drawn(case.outcome, case.whole, factor, 0),
        others={name: drawn(name, case.others[name], others.get(name, 1.0), 1 + place) for place, name in enumerate(names)},
        anew=True,
        tables={},
        effects={},
    )


def _beside_its_donors(panel: Panel, alone: Panel) -> Panel:
    """The treated unit's figures as they were drawn alone, beside the donors' own: what is planted is in one place only."""
    unit, _ = panel.sole_treated
    theirs = tuple(window for window in panel.windows if window.unit != unit)
    return panel.with_(values=panel.values.assign(**{unit: alone.values[unit]}), windows=(*alone.windows, *theirs))


def after(case: Case, ratio: float) -> np.ndarray:
    """A factor: 1 before the start, a ratio from then on."""
    return np.where(np.asarray(case.whole.periods >= case.whole.sole_treated[1]), ratio, 1.0)


def years_from_start(case: Case) -> np.ndarray:
    """Time in years with 0 at the start, shape (period,) of the whole panel."""
    periods = case.whole.periods
    place = periods.get_indexer([case.whole.sole_treated[1]])[0]
    return (np.arange(len(periods)) - place) / PER_YEAR[case.whole.frequency]
