"""Which start the figures themselves would choose: a diagnostic, because it lets the outcome pick the date."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.effect import Effect, contrast_rows, distribution, mixture_moments, quantile
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

OWN_POST_PERIOD = Estimand("ratio from each start to the end")
CREDIBLE = 0.95
DIAGNOSTIC = (
    "a diagnostic and no estimate: candidate starts are weighed by how well they fit, which lets the outcome choose the date; "
    "at each start the ratio is that of its own post-period"
)


@dataclass(frozen=True)
class CandidateStart:
    """One candidate start: how well it fits, its probability given that one of the candidates is right, and its ratio.

    A start that cannot be fitted has a ``refusal`` and nothing else.
    """

    start: pd.Period
    log_marginal_likelihood: float | None = None
    probability: float | None = None
    point: float | None = None
    interval: Interval | None = None
    refusal: str | None = None


@dataclass(frozen=True, eq=False)
class StartPosterior:
    """The posterior over candidate starts, and the effect averaged over it.

    ``declared`` is the start of the panel. ``effect`` is the mixture over starts, never the best date with its own interval,
    and belongs beside an analysis, not in its place.
    """

    rows: tuple[CandidateStart, ...]
    declared: pd.Period
    effect: Effect

    @property
    def best(self) -> CandidateStart:
        """The candidate with the largest probability; the earliest of those that are level."""
        return max((row for row in self.rows if row.probability is not None), key=lambda row: row.probability)

    @property
    def credible(self) -> tuple[pd.Period, ...]:
        """The fewest starts that hold 95 % of the probability, in order of time."""
        fitted = sorted((row for row in self.rows if row.probability is not None), key=lambda row: -row.probability)
        reached = np.cumsum([row.probability for row in fitted])
        count = int(np.searchsorted(reached, CREDIBLE * (1 - 1e-12))) + 1
        return tuple(sorted(row.start for row in fitted[:count]))

    def probability(self, starts: Iterable[pd.Period]) -> float:
        """The probability that the start is one of these; 0 for one that was no candidate or could not be fitted."""
        wanted = set(starts)
        return float(sum(row.probability for row in self.rows if row.start in wanted and row.probability is not None))


def start_posterior(estimator: LatentCounts, panel: Panel, starts: Sequence[pd.Period] | pd.PeriodIndex) -> StartPosterior:
    """Fit `latent_counts` at every candidate start and weigh the starts by their marginal likelihoods.

    P(s | y) = p(y | s) / Σ_s' p(y | s'), with equal prior probability for every candidate that can be fitted. The effect is
    the mixture Σ_s P(s | y) p(log ratio_s | y, s), where ratio_s is Σ factual / Σ expected from s to the last period: each
    start has a post-period of its own, so the candidates do not share one window. Its point is exp of the mean of the log.

    The marginal likelihoods are comparable because every start is fitted to the same figures under the same priors with the
    same number of coefficients. Time is divided by the number of periods whatever the start, so the trend column has one
    scale; it is centred at the start, so the intercept is the level there, and its N(0, 10²) prior is passed on to another
    centre with the variance 10² + (2.5 d)², d the distance as a share of the series. That moves the log marginal likelihood
    by less than 0.05 between starts half a series apart, and its sum over the hyperparameters is good to about 0.002.

    Assumes that the start is one of the candidates and that nothing else broke the series: a shock near a candidate attracts
    the posterior as a programme does. Raises `EstimationError` where no candidate can be fitted, for candidates whose models
    differ in their coefficients (``change = "steps"``), and for no or repeated candidates.

    Source: Carlin, Gelfand & Smith (1992) Hierarchical Bayesian analysis of changepoint problems, J. R. Stat. Soc. C 41(2),
    doi:10.2307/2347570.
    """
    starts = _candidates(starts)
    fits = {start: _fit(estimator, panel, start) for start in starts}
    effects = {start: fit for start, fit in fits.items() if isinstance(fit, Effect)}
    if not effects:
        raise EstimationError(
            f"none of the candidate starts {starts[0]} to {starts[-1]} can be fitted: at {starts[0]}, {fits[starts[0]]}; "
            "choose starts with figures on both sides"
        )
    _require_one_model(effects)
    likelihoods = [effect.details["log_marginal_likelihood"] for effect in effects.values()]
    probabilities = dict(zip(effects, posterior_of(likelihoods), strict=True))
    rows = tuple(_row(start, fits[start], probabilities.get(start)) for start in starts)
    mixed = mixture_over_starts(list(effects.values()), list(probabilities.values()))
    return StartPosterior(rows, panel.sole_treated[1], mixed)


def posterior_of(log_likelihoods: Sequence[float]) -> np.ndarray:
    """Probabilities of candidates that are equally likely beforehand, shape (candidate,)."""
    return special.softmax(np.asarray(log_likelihoods, dtype=float))


def mixture_over_starts(effects: Sequence[Effect], probabilities: Sequence[float]) -> Effect:
    """One effect out of the effects at several starts: the mixture of their log ratios with these probabilities (start,).

    Point: exp of the mean of log ratios. Interval: equal tails of the mixture, of kind posterior, which is as wide as the
    doubt about the start makes it and may hold two humps. Each effect must have a distribution of its ratio.
    """
    components = [_log_ratios(effect) for effect in effects]
    weights = np.concatenate(
        [share * own for share, (own, _, _) in zip(np.asarray(probabilities, dtype=float), components, strict=True)]
    )
    weights = weights / weights.sum()
    means, sds = (np.concatenate([component[part] for component in components]) for part in (1, 2))
    first = effects[0]
    tail = (1 - first.level) / 2
    lower, upper = (float(np.exp(quantile(p, weights, means, sds))) for p in (tail, 1 - tail))
    mean, sd = mixture_moments(weights, means, sds)
    below = distribution(0.0, weights, means, sds)
    point = np.exp(sum(share * np.log(effect.point) for share, effect in zip(probabilities, effects, strict=True)))
    return Effect(
        method=first.method,
        unit=first.unit,
        estimand=OWN_POST_PERIOD,
        point=float(point),
        onset=min(effect.onset for effect in effects),
        intervals=(Interval(lower, upper, first.level, "posterior"),),
        tests=(
            Test(
                kind="posterior",
                null="the intervention left the expected count unchanged (ratio 1), whichever start is right",
                statistic=mean / sd if sd > 0 else np.inf,
                p_value=float(2 * min(below, 1 - below)),
                floor=0.0,
            ),
        ),
        notes=(DIAGNOSTIC, *dict.fromkeys(note for effect in effects for note in effect.notes)),
        details={"starts": {str(e.onset): float(share) for e, share in zip(effects, probabilities, strict=True)}},
        level=first.level,
        rests_on_prior=any(effect.rests_on_prior for effect in effects),
    )


def start_posterior_table(found: StartPosterior) -> pd.DataFrame:
    """One row per candidate start, and a last one, 'all', for the mixture over them."""
    mixed = found.effect
    rows = [_cells(str(row.start), row, row.start == found.declared, row.start in found.credible) for row in found.rows]
    together = CandidateStart(found.declared, None, 1.0, mixed.point, mixed.intervals[0])
    return pd.DataFrame([*rows, _cells("all", together, False, False)])


def _cells(name: str, row: CandidateStart, declared: bool, credible: bool) -> dict[str, object]:
    return {
        "start": name,
        "declared": declared,
        "log_marginal_likelihood": row.log_marginal_likelihood,
        "probability": row.probability,
        "in_credible_set": credible,
        "point": row.point,
        "lower": row.interval.lower if row.interval else None,
        "upper": row.interval.upper if row.interval else None,
        "level": row.interval.level if row.interval else None,
        "kind": row.interval.kind if row.interval else None,
        "refusal": row.refusal,
    }


def _candidates(starts: Sequence[pd.Period] | pd.PeriodIndex) -> list[pd.Period]:
    starts = sorted(starts)
    if not starts:
        raise EstimationError("no candidate start was given, so none can be weighed; give a range of periods")
    if len(set(starts)) < len(starts):
        twice = next(start for start, following in zip(starts, starts[1:], strict=False) if start == following)
        raise EstimationError(f"the candidate start {twice} stands twice, which would double its weight; give each start once")
    return starts


def _fit(estimator: LatentCounts, panel: Panel, start: pd.Period) -> Effect | str:
    """The ratio over the start's own post-period, or the reason why there is none."""
    try:
        return estimator.estimate(panel.starting(start).with_(estimand=OWN_POST_PERIOD))
    except (EstimationError, StudyError) as fault:
        return str(fault)


def _require_one_model(effects: dict[pd.Period, Effect]) -> None:
    first, *others = ((start, effect.counterfactual.mixture.columns.names) for start, effect in effects.items())
    for start, names in others:
        if names != first[1]:
            raise EstimationError(
                f"the start {first[0]} has {len(first[1])} coefficients and the start {start} has {len(names)} or others, so "
                "their marginal likelihoods weigh different priors; use change = 'level'"
            )


def _log_ratios(effect: Effect) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and standard deviations of the components of an effect's log ratio."""
    mixture = effect.counterfactual.mixture
    means, sds = mixture.log_ratio(contrast_rows(effect.counterfactual, effect.estimand, effect.onset))
    return mixture.weights, means, sds


def _row(start: pd.Period, fit: Effect | str, probability: float | None) -> CandidateStart:
    if isinstance(fit, str):
        return CandidateStart(start, refusal=fit)
    likelihood = float(fit.details["log_marginal_likelihood"])
    return CandidateStart(start, likelihood, float(probability), fit.point, fit.intervals[0])
