"""Counts with a hidden autocorrelated level: the calibrated default for one series, odd spans included."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths, list_gaps
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._design import Change, Design, Season, design, few_points, require_counts, require_full_rank
from gvi_eval.estimators._latent_paths import LatentPaths
from gvi_eval.panel import Panel

if TYPE_CHECKING:
    from gvi_eval.estimators._laplace import LatentFit

INTERCEPT_SD = 10.0
COEFFICIENT_SD = 2.5
NOT_IDENTIFIED = 0.1  # nats from prior to posterior, below which the figures have said next to nothing
HYPERPARAMETERS = ("rho", "sigma", "alpha")


@dataclass(frozen=True)
class LatentCounts:
    """Negative binomial counts with a latent AR(1), fitted by nested Laplace with adaptive quadrature.

    y_i ~ NB2(m_i, α_i), m = C exp(η), η_t = log exposure_t + x_t' β + u_t, u a stationary AR(1) with sd σ and
    correlation ρ; C says how much of each period figure i covers, C = I for a complete series. Extra variation is
    independent between periods, so a span's dispersion is α Σ(cμ)²/(Σcμ)²; with ``one_alpha`` it is α for every span.

    Priors: ρ ~ U(0, 1); σ, α ~ HalfNormal(``prior_scale``); coefficients N(0, 2.5²) with time zero at the start and
    divided by the number of periods; intercept N(0, 10²) on the log of the mean count, so that the unit of exposure does
    not matter. The default scale 0.5 must not be tightened: narrower priors reject true nulls too often.

    The interval is the posterior of log(Σ factual / Σ expected), a mixture of normals over the quadrature points, exact
    for a level change up to the Laplace approximation. Deterministic: reruns give the same bytes. No free season on
    spans: it would have to come from a monthly series that does not hold the unit. Where the figures do not identify σ and
    α, a note says that the width rests on the prior.

    Sources: Rue, Martino & Chopin (2009) Approximate Bayesian inference for latent Gaussian models by using integrated
    nested Laplace approximations, J. R. Stat. Soc. B 71(2), doi:10.1111/j.1467-9868.2008.00700.x. Thompson & Baker (1981)
    Composite link functions in generalized linear models, doi:10.2307/2346381. Eilers (2007) Ill-posed problems with
    counts, the composite link model and penalized likelihood, doi:10.1177/1471082X0700700302.
    """

    name: ClassVar[str] = "latent_counts"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    change: Change = "level"
    trend: bool = True
    season: Season = "default"
    ramp: int = 0
    anticipation: int = 0
    adjust: tuple[str, ...] = ()
    prior_scale: float = 0.5
    one_alpha: bool = False
    level: float = 0.95

    def estimate(self, panel: Panel) -> Effect:
        from gvi_eval.estimators._laplace import fit

        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        counts, matrix = panel.observations(unit)
        spans = bool(panel.spans(unit))
        notes = require_both_sides_of_spans(panel, unit, counts, matrix)
        columns = design(
            panel,
            unit,
            change=self.change,
            trend=self.trend,
            season=_season_of(self.season, spans, unit),
            ramp=self.ramp,
            adjust=self.adjust,
            anticipation=self.anticipation,
        )
        require_full_rank(columns, matrix.sum(axis=0) > 0, unit)
        # The intercept is then the log of a mean count, whatever the unit of exposure.
        offset = columns.log_exposure - columns.log_exposure.mean()
        prior = np.where(np.arange(len(columns.names)) == 0, INTERCEPT_SD, COEFFICIENT_SD)
        identity = np.array_equal(matrix, np.eye(matrix.shape[1]))
        posterior = fit(
            counts,
            columns.factual,
            offset,
            prior,
            C=None if identity else matrix,
            prior_scale=(self.prior_scale, self.prior_scale),
            one_alpha=self.one_alpha,
        )
        paths = LatentPaths(posterior, columns, offset)
        weak = _rests_on_prior(posterior)
        effect = effect_from_paths(
            Counterfactual(
                observed=panel.values[unit],
                factual=pd.Series(paths.factual, index=panel.periods),
                expected=pd.Series(paths.expected, index=panel.periods),
                mixture=paths,
            ),
            panel.estimand,
            method=self.name,
            unit=unit,
            onset=onset,
            notes=(*weak, *notes, *list_gaps(panel, unit)),
            details=_details(columns, posterior, len(counts)),
            level=self.level,
        )
        return replace(effect, rests_on_prior=bool(weak))


def _season_of(season: Season, spans: bool, unit: str) -> Season:
    """Spans cannot carry a free season: the default is then none, and one that was asked for is an error."""
    if not spans:
        return season
    if season not in ("default", "none"):
        raise EstimationError(
            f"{unit} is published for odd spans, which cannot tell a season from a change; set season to 'none', or take the "
            "season from a monthly series that does not hold the unit"
        )
    return "none"


def require_both_sides_of_spans(panel: Panel, unit: str, counts: np.ndarray, matrix: np.ndarray) -> tuple[str, ...]:
    """Figures on both sides and events before, or an error; few points give a note."""
    onset = panel.onsets[unit]
    is_after = np.asarray(panel.periods >= onset)
    share_after = matrix[:, is_after].sum(axis=1) / np.maximum(matrix.sum(axis=1), 1e-300)
    before, after = share_after < 1, share_after > 0
    for side, word in ((before, "before"), (after, "after")):
        if not side.any():
            raise EstimationError(f"{unit} has no figure {word} the start {onset}; widen the baseline or move the start")
    if counts[before].sum() == 0:
        raise EstimationError(
            f"{unit} recorded no events before the start {onset}, so its ratio is undefined; widen the baseline"
        )
    return few_points(int((share_after <= 0.5).sum()), int((share_after > 0.5).sum()), unit)


def _rests_on_prior(posterior: "LatentFit") -> tuple[str, ...]:
    weak = [name for name, nats in zip(HYPERPARAMETERS, posterior.divergence, strict=True) if nats < NOT_IDENTIFIED]
    if not {"sigma", "alpha"} & set(weak):
        return ()
    return (
        f"the width rests on the prior: the figures say next to nothing about {' and '.join(weak)} "
        f"(less than {NOT_IDENTIFIED:g} nats); see the rows with halved and doubled prior scales",
    )


def _details(columns: Design, posterior: "LatentFit", figures: int) -> dict[str, object]:
    mean, sd = posterior.mean_and_sd()
    named = zip(HYPERPARAMETERS, posterior.hyper_mean, posterior.hyper_sd, posterior.divergence, strict=True)
    return {
        "coefficients": dict(zip(columns.names, mean.tolist(), strict=True)),
        "standard_deviations": dict(zip(columns.names, sd.tolist(), strict=True)),
        "hyperparameters": {
            name: {"mean": float(m), "sd": float(s), "nats_from_prior": float(nats)} for name, m, s, nats in named
        },
        "log_marginal_likelihood": posterior.log_marginal_likelihood,
        "components": len(posterior.weights),
        "certificate": {"largest_slope": posterior.slope, "lattice_gap": posterior.lattice_gap},
        "figures": figures,
    }
