"""Controlled interrupted time series: a treated unit and its controls in one model of counts, odd spans on either side."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths, list_gaps
from gvi_eval.estimators._design import Change, Season, require_counts, require_level
from gvi_eval.estimators._joint import JointDesign, controls_of, joint_design
from gvi_eval.estimators._latent_paths import LatentPaths
from gvi_eval.estimators.latent_counts import NOT_IDENTIFIED, require_both_sides_of_spans
from gvi_eval.panel import Panel

if TYPE_CHECKING:
    from gvi_eval.estimators._laplace_joint import JointFit


@dataclass(frozen=True)
class Controlled:
    """Treated and control counts jointly, with a shared latent time effect and an own AR(1) each, by nested Laplace.

    y_i ~ NB2(m_i, α_k r_i), m = C exp(η), η_kt = log exposure_kt + a_k + x_t' γ + [k treated] w_t' β + v_t + u_kt.

    Shared by all: the trend, the season, declared events, a change at the start (``common_change``), and v, a stationary
    AR(1). Own to each unit: its intercept and u_k, an AR(1) with the same correlation. Own to the treated unit: what the
    programme changed and, with ``trend``, a trend that departs from the common one. So what happened everywhere at the
    start, suddenly or gradually, is not taken for an effect. ``controls`` names some of the panel's donors; none means all.

    Priors: ρ ~ U(0, 1); the sds of v, of the treated unit's u and of the controls' u, and the dispersions of treated and
    controls ~ HalfNormal(``prior_scale``); coefficients N(0, 2.5²), intercepts N(0, 10²). Counts over several periods as in
    `LatentCounts`. The season comes from the units that are published period by period, in practice the controls.

    Assumes that without the programme the treated unit had moved with its controls, but for its own trend and its own
    noise; a control that the programme reaches hides the effect. The interval is the posterior of
    log(Σ factual / Σ expected). Deterministic: reruns give the same bytes.

    Raises `EstimationError` for a control without figures for more than a third of the treated unit's periods on a side of
    the start, without events before it, and where there is no control.

    Sources: Lopez Bernal, Cummins & Gasparrini (2018) The use of controls in interrupted time series studies of public
    health interventions, Int. J. Epidemiol. 47(6), doi:10.1093/ije/dyy135. Rue, Martino & Chopin (2009) J. R. Stat. Soc. B
    71(2), doi:10.1111/j.1467-9868.2008.00700.x.
    """

    name: ClassVar[str] = "controlled"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    controls: tuple[str, ...] = ()
    change: Change = "level"
    trend: bool = True
    common_change: bool = True
    season: Season = "default"
    ramp: int = 0
    anticipation: int = 0
    adjust: tuple[str, ...] = ()
    prior_scale: float = 0.5
    one_alpha: bool = False
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)

    def estimate(self, panel: Panel) -> Effect:
        from gvi_eval.estimators._laplace_joint import fit

        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        counts, matrix = panel.observations(unit)
        notes = require_both_sides_of_spans(panel, unit, counts, matrix)
        controls = controls_of(panel, self.controls)
        joint = joint_design(
            panel,
            unit,
            controls,
            change=self.change,
            trend=self.trend,
            season=self.season,
            ramp=self.ramp,
            anticipation=self.anticipation,
            adjust=self.adjust,
            common_change=self.common_change,
        )
        posterior = fit(joint, self.prior_scale, self.one_alpha)
        own = joint.treated
        paths = LatentPaths(posterior, own, own.log_exposure)
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
            notes=(*weak, *notes, *_gaps(panel, joint)),
            details=_details(joint, posterior),
            level=self.level,
        )
        return replace(effect, rests_on_prior=bool(weak))


def _gaps(panel: Panel, joint: JointDesign) -> tuple[str, ...]:
    """Gaps of the treated unit and of each control, and what the panel left out, each once."""
    return tuple(dict.fromkeys(note for unit in joint.units for note in list_gaps(panel, unit)))


def _rests_on_prior(posterior: "JointFit") -> tuple[str, ...]:
    from gvi_eval.estimators._laplace_joint import HYPERPARAMETERS

    nats = dict(zip(HYPERPARAMETERS, posterior.divergence, strict=True))
    weak = [name for name in ("sigma_treated", "alpha_treated") if nats[name] < NOT_IDENTIFIED]
    if not weak:
        return ()
    return (
        f"the width rests on the prior: the figures say next to nothing about {' and '.join(weak)} "
        f"(less than {NOT_IDENTIFIED:g} nats); see the rows with halved and doubled prior scales",
    )


def _details(joint: JointDesign, posterior: "JointFit") -> dict[str, object]:
    from gvi_eval.estimators._laplace_joint import HYPERPARAMETERS

    mean, sd = posterior.mean_and_sd()
    named = zip(HYPERPARAMETERS, posterior.hyper_mean, posterior.hyper_sd, posterior.divergence, strict=True)
    return {
        "controls": list(joint.units[1:]),
        "coefficients": dict(zip(joint.names, mean.tolist(), strict=True)),
        "standard_deviations": dict(zip(joint.names, sd.tolist(), strict=True)),
        "hyperparameters": {
            name: {"mean": float(m), "sd": float(s), "nats_from_prior": float(nats)} for name, m, s, nats in named
        },
        "log_marginal_likelihood": posterior.log_marginal_likelihood,
        "components": len(posterior.weights),
        "certificate": {
            "largest_slope": posterior.slope,
            "effective_points": posterior.effective,
            "half_gap": posterior.half_gap,
        },
        "figures": len(joint.counts),
    }
