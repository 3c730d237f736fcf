"""Counts with a hidden autocorrelated level, sampled: the model of `latent_counts`, with controls that of `controlled`."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.effect import (
    DRAWS,
    LARGEST_LOG,
    SEED,
    Counterfactual,
    Effect,
    component_counts,
    effect_from_paths,
    list_gaps,
    noisy_counts,
)
from gvi_eval.errors import StudyError
from gvi_eval.estimators._count_model import CountModel
from gvi_eval.estimators._design import Change, Design, Season, design, require_counts, require_full_rank, require_level
from gvi_eval.estimators._joint import COEFFICIENT_SD, INTERCEPT_SD, controls_of, joint_design
from gvi_eval.estimators._mcmc import Sampling
from gvi_eval.estimators._posterior import Posterior, current_store, model_key, sample_posterior, save_posterior
from gvi_eval.estimators.latent_counts import NOT_IDENTIFIED, _season_of, require_both_sides_of_spans
from gvi_eval.intervals import IntervalKind
from gvi_eval.panel import Panel

Prior = Literal["flat", "sceptical", "literature"]

HALF_WIDTH = float(special.ndtri(0.975))
# Mean and sd of the log ratio. Sceptical: half as many events has 2.5 % below it. Literature: 0.75, and 95 % from 0.5.
LEVEL_PRIORS = {
    "flat": (0.0, COEFFICIENT_SD),
    "sceptical": (0.0, np.log(2) / HALF_WIDTH),
    "literature": (np.log(0.75), np.log(0.75 / 0.5) / HALF_WIDTH),
}
KERNEL_SHARE = 0.05  # of the variance of the log ratio, spread around each draw


@dataclass(frozen=True)
class BayesCounts:
    """Negative binomial counts with a latent AR(1), sampled with PyMC and nutpie (NUTS).

    y_i ~ NB2(m_i, α q_i), m = C exp(η), η_t = log exposure_t + x_t' β + u_t, u a stationary AR(1) with sd σ and
    correlation ρ, non-centred; a span's dispersion is α Σ(cμ)²/(Σcμ)², with ``one_alpha`` it is α. The same model as
    `LatentCounts`, without its approximation; with ``controls`` the same as `Controlled`: η_kt gains a level v_t that all
    units share, and treated and controls have their own σ and α.

    Priors: ρ ~ U(0, 1); σ, α ~ HalfNormal(``prior_scale``); coefficients N(0, 2.5²), intercepts N(0, 10²) on the log of the
    mean count. ``prior`` is that of the log ratio, the coefficients 'level' or 'step k': 'flat' N(0, 2.5²), which is that of
    the other estimators; 'sceptical', centred at a ratio of 1 with 0.5 in its 2.5 % tail; 'literature', centred at 0.75 with
    95 % from 0.5 to 1.125, so that it covers 0.5 to 1 (SBU 2023). Report all three together.

    The interval is the posterior of log(Σ factual / Σ expected) over the draws. R-hat above 1.01, an effective sample size
    below 400 or any divergence, twice, is an `EstimationError`; ``allow_failed_diagnostics`` prints a note instead. The same
    settings and seed give the same draws on a machine; between machines the last digits differ, which is why
    `posterior_store` keeps posteriors. An effect comes from the form that is stored, whether it was or not.

    Sources: Hoffman & Gelman (2014) The No-U-Turn Sampler, JMLR 15, 1593-1623. Vehtari, Gelman, Simpson, Carpenter & Bürkner
    (2021) Rank-normalization, folding, and localization, Bayesian Analysis 16(2), doi:10.1214/20-BA1221. SBU (2023) is the
    Swedish Agency for Health Technology Assessment's review of focused deterrence.
    """

    name: ClassVar[str] = "bayes_counts"
    cost: ClassVar[str] = "sampling"
    accepts_gaps: ClassVar[bool] = True

    change: Change = "level"
    trend: bool = True
    season: Season = "default"
    ramp: int = 0
    anticipation: int = 0
    adjust: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    common_change: bool = True
    prior: Prior = "flat"
    prior_scale: float = 0.5
    one_alpha: bool = False
    draws: int = 1000
    tuning: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    seed: int = SEED
    allow_failed_diagnostics: bool = False
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        require_level(self.target_accept, f"target_accept of {self.name}")
        if self.prior not in LEVEL_PRIORS:
            raise StudyError(f"prior is {self.prior!r}; choose {', '.join(LEVEL_PRIORS)}")
        for setting, least in (("draws", 4), ("tuning", 1), ("chains", 2)):
            if getattr(self, setting) < least:
                raise StudyError(f"{setting} of {self.name} is {getattr(self, setting)}; set {least} or more")

    def estimate(self, panel: Panel) -> Effect:
        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        notes = require_both_sides_of_spans(panel, unit, *panel.observations(unit))
        model, columns = self._model(panel)
        posterior = self._posterior(panel, model)
        drawn = posterior.flat()
        alpha = drawn.hyper[:, 1 + len(model.sigma_names)]
        paths = SampledPaths(drawn.coefficients, drawn.level, alpha, columns, columns.log_exposure)
        weak, faults = _rests_on_prior(posterior), _faults(posterior)
        gaps = dict.fromkeys(note for name in (unit, *self.controls) for note in list_gaps(panel, name))
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
            notes=(*faults, *weak, *notes, *gaps),
            details=_details(model, posterior, self),
            level=self.level,
        )
        return replace(effect, rests_on_prior=bool(weak))

    def _posterior(self, panel: Panel, model: CountModel) -> Posterior:
        """The posterior from the store, if one is open and has it; else sampled, and put there."""
        store, key = current_store(), _key(panel, model, self)
        found = store.find(key) if store else None
        if found is None or (_faults(found) and not self.allow_failed_diagnostics):
            unit, _ = panel.sole_treated
            found = sample_posterior(key, model, self._sampling, unit, _figures(panel), self.allow_failed_diagnostics)
            if store:
                save_posterior(found, store.path(key))
        return found

    @property
    def _sampling(self) -> Sampling:
        return Sampling(self.draws, self.tuning, self.chains, self.target_accept, self.seed)

    def _model(self, panel: Panel) -> tuple[CountModel, Design]:
        """The model of the counts, and the columns of the treated unit with its log exposure about the mean."""
        how = {"change": self.change, "trend": self.trend, "ramp": self.ramp, "adjust": self.adjust}
        how["anticipation"] = self.anticipation
        return self._joint(panel, how) if self.controls else self._single(panel, how)

    def _single(self, panel: Panel, how: dict[str, Any]) -> tuple[CountModel, Design]:
        unit, _ = panel.sole_treated
        counts, matrix = panel.observations(unit)
        own = design(panel, unit, season=_season_of(self.season, bool(panel.spans(unit)), unit), **how)
        require_full_rank(own, matrix.sum(axis=0) > 0, unit)
        # The intercept is then the log of a mean count, whatever the unit of exposure.
        own = replace(own, log_exposure=own.log_exposure - own.log_exposure.mean())
        sds = np.where(np.arange(len(own.names)) == 0, INTERCEPT_SD, COEFFICIENT_SD)
        model = CountModel(
            names=own.names,
            counts=counts,
            matrix=matrix,
            columns=own.factual,
            offset=own.log_exposure,
            prior_mean=self._prior_mean(own.names),
            prior_sd=self._prior_sd(own.names, sds),
            prior_scale=self.prior_scale,
            one_alpha=self.one_alpha,
            units=1,
            is_control=np.zeros(len(counts), dtype=bool),
        )
        return model, own

    def _joint(self, panel: Panel, how: dict[str, Any]) -> tuple[CountModel, Design]:
        unit, _ = panel.sole_treated
        controls = controls_of(panel, self.controls)
        joint = joint_design(panel, unit, controls, season=self.season, common_change=self.common_change, **how)
        model = CountModel(
            names=joint.names,
            counts=joint.counts,
            matrix=joint.matrix,
            columns=joint.factual,
            offset=joint.offset,
            prior_mean=self._prior_mean(joint.names),
            prior_sd=self._prior_sd(joint.names, joint.prior_sd),
            prior_scale=self.prior_scale,
            one_alpha=self.one_alpha,
            units=len(joint.units),
            is_control=joint.unit_of_count > 0,
        )
        return model, joint.treated

    def _prior_mean(self, names: tuple[str, ...]) -> np.ndarray:
        return np.array([LEVEL_PRIORS[self.prior][0] if _is_effect(name) else 0.0 for name in names])

    def _prior_sd(self, names: tuple[str, ...], sds: np.ndarray) -> np.ndarray:
        return np.array([LEVEL_PRIORS[self.prior][1] if _is_effect(name) else sd for name, sd in zip(names, sds, strict=True)])


def posterior_key(panel: Panel, estimator: BayesCounts) -> str:
    """What the posterior of a panel is stored under: one sha256 over figures, columns, priors, sampling and program."""
    return _key(panel, estimator._model(panel)[0], estimator)


def _key(panel: Panel, model: CountModel, estimator: BayesCounts) -> str:
    _, onset = panel.sole_treated
    return model_key(model, estimator._sampling, tuple(map(str, panel.periods)), str(onset))


@dataclass(frozen=True, eq=False)
class SampledPaths:
    """Both paths under every draw: log factual = offset + X β + u, log expected = offset + X₀ β + u.

    For the log ratio each draw is a narrow normal, pulled towards the mean so that mean and variance stay (West 1993,
    doi:10.1111/j.2517-6161.1993.tb01911.x): a tail without draws then still has a probability.
    Shapes: coefficients (draw, coefficient), level (draw, period), alpha (draw,) the dispersion of the treated unit.
    """

    coefficients: np.ndarray
    level: np.ndarray
    alpha: np.ndarray
    columns: Design
    offset: np.ndarray
    dof: float = np.inf

    @property
    def kind(self) -> IntervalKind:
        return "posterior"

    @property
    def weights(self) -> np.ndarray:
        return np.full(len(self.alpha), 1 / len(self.alpha))

    @property
    def factual(self) -> np.ndarray:
        """exp of the posterior mean of log factual, shape (period,)."""
        return np.exp(self._logs(self.columns.factual).mean(axis=0))

    @property
    def expected(self) -> np.ndarray:
        return np.exp(self._logs(self.columns.expected).mean(axis=0))

    def log_ratio(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of log(Σ factual / Σ expected) in each draw."""
        factual, expected = (
            special.logsumexp(self._logs(columns, rows), axis=1) for columns in (self.columns.factual, self.columns.expected)
        )
        ratio = factual - expected
        means = ratio.mean() + np.sqrt(1 - KERNEL_SHARE) * (ratio - ratio.mean())
        return means, np.full(len(ratio), np.sqrt(KERNEL_SHARE) * ratio.std())

    def expected_limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limit of the expected mean, each of shape (period,)."""
        lower, upper = np.exp(np.quantile(self._logs(self.columns.expected), [(1 - level) / 2, (1 + level) / 2], axis=0))
        return lower, upper

    def totals(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of Σ factual, Σ expected, and the sum of counts without the intervention, each of shape (draw,)."""
        random = np.random.default_rng(seed)
        draw = np.repeat(np.arange(len(self.alpha)), component_counts(self.weights, count))
        factual, expected = (
            np.exp(np.minimum(self._logs(columns, rows), LARGEST_LOG))
            for columns in (self.columns.factual, self.columns.expected)
        )
        without = noisy_counts(expected[draw], "nb2", self.alpha[draw], random)
        return factual.sum(axis=1)[draw], expected.sum(axis=1)[draw], without.sum(axis=1)

    def _logs(self, columns: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """offset + X β + u, shape (draw, row)."""
        return self.offset[rows] + self.coefficients @ columns[rows].T + self.level[:, rows]


def _is_effect(name: str) -> bool:
    """Whether a column's coefficient is a log ratio of the programme."""
    return name == "level" or name.startswith("step ")


def _figures(panel: Panel) -> list[dict[str, str]]:
    """First and last period of each figure of the treated unit."""
    _, matrix = panel.observations(panel.sole_treated[0])
    periods = panel.periods.astype(str)
    covered = [np.flatnonzero(row) for row in matrix]
    return [{"first": periods[cells[0]], "last": periods[cells[-1]]} for cells in covered]


def _faults(posterior: Posterior) -> tuple[str, ...]:
    faults = posterior.report["diagnostics"][-1]["faults"]
    return (f"not sampled well, and printed all the same: {'; '.join(faults)}",) if faults else ()


def _rests_on_prior(posterior: Posterior) -> tuple[str, ...]:
    nats = posterior.report["nats_from_prior"]
    weak = [name for name in ("sigma", "alpha", "sigma_treated", "alpha_treated") if nats.get(name, 1.0) < NOT_IDENTIFIED]
    if not weak:
        return ()
    return (
        f"the width rests on the prior: the figures say next to nothing about {' and '.join(weak)} "
        f"(less than {NOT_IDENTIFIED:g} nats); see the rows with halved and doubled prior scales",
    )


def _details(model: CountModel, posterior: Posterior, estimator: BayesCounts) -> dict[str, object]:
    drawn = posterior.flat()
    mean, sd = drawn.coefficients.mean(axis=0), drawn.coefficients.std(axis=0, ddof=1)
    named = zip(model.hyper_names, drawn.hyper.mean(axis=0), drawn.hyper.std(axis=0, ddof=1), strict=True)
    nats = posterior.report["nats_from_prior"]
    location, spread = LEVEL_PRIORS[estimator.prior]
    return {
        "controls": list(estimator.controls),
        "coefficients": dict(zip(model.names, mean.tolist(), strict=True)),
        "standard_deviations": dict(zip(model.names, sd.tolist(), strict=True)),
        "hyperparameters": {name: {"mean": float(m), "sd": float(s), "nats_from_prior": nats[name]} for name, m, s in named},
        "prior_of_log_ratio": {"name": estimator.prior, "mean": float(location), "sd": float(spread)},
        "posterior": posterior.key,
        "draws_kept": len(drawn.level),
        "figures": len(model.counts),
        **{name: part for name, part in posterior.report.items() if name != "nats_from_prior"},
    }
