"""What a count model foretells, before and after it has seen the counts, as numbers to be drawn or printed."""

from typing import Any

import numpy as np
from scipy import special

from gvi_eval.estimators._count_model import CountModel, Parameters, means_and_dispersions, prior_parameters, simulated_counts

REPLICATES = 2000  # data sets that are foretold
PRIOR_DRAWS = 2000
TOO_FAR = 100.0  # times the observed mean: a prior that often says more, or less than its inverse, has said nothing
DIGITS = 6


def rounded(value: float) -> float:
    """Six significant digits: what is stored of a check."""
    return float(f"{float(value):.{DIGITS}g}")


def information(model: CountModel, drawn: Parameters) -> list[float]:
    """Kullback–Leibler divergence in nats of each hyperparameter's posterior from its prior, about 0 where nothing was learnt.

    Taken as normal in the coordinate in which the prior is standard normal: (s² + m² − 1 − log s²) / 2.
    """
    sds = np.clip(2 * special.ndtr(-drawn.hyper[:, 1:] / model.prior_scale), 1e-300, 1 - 1e-15)
    points = np.column_stack([special.ndtri(np.clip(drawn.hyper[:, 0], 1e-300, 1 - 1e-15)), -special.ndtri(sds)])
    mean, variance = points.mean(axis=0), np.maximum(points.var(axis=0), 1e-300)
    return [rounded(nats) for nats in (variance + mean**2 - 1 - np.log(variance)) / 2]


def posterior_predictive(model: CountModel, drawn: Parameters, figures: list[dict[str, str]], seed: int) -> dict[str, Any]:
    """The treated unit's figures beside figures foretold for the same cells, and four summaries of both.

    ``pit`` is the share of foretold figures below the observed one, half of the equal ones counted: uniform where the model
    is right. ``p`` of a summary is the share of foretold data sets whose summary exceeds the observed one, counted so.
    """
    own = model.matrix[:, : model.periods].sum(axis=1) > 0
    chosen = np.linspace(0, len(drawn.level) - 1, min(REPLICATES, len(drawn.level))).astype(int)
    few = Parameters(drawn.coefficients[chosen], drawn.hyper[chosen], drawn.level[chosen])
    means, dispersions = means_and_dispersions(model, few)
    foretold = simulated_counts(means[:, own], dispersions[:, own], np.random.default_rng([seed, 2])).astype(float)
    observed = model.counts[own]
    limits = np.quantile(foretold, [0.05, 0.5, 0.95], axis=0)
    rows = [
        {**label, "observed": rounded(y), "p05": float(low), "p50": float(middle), "p95": float(high), "pit": rounded(u)}
        for label, y, low, middle, high, u in zip(figures, observed, *limits, _share_below(observed, foretold), strict=True)
    ]
    own_summaries, theirs = _summaries(observed[None, :]), _summaries(foretold)
    summaries = {
        name: {
            "observed": rounded(own_summaries[name][0]),
            "foretold_median": rounded(np.median(theirs[name])),
            "p": rounded(1 - _share_below(own_summaries[name][0], theirs[name])),
        }
        for name in theirs
    }
    return {"figures": rows, "summaries": summaries}


def _share_below(observed: np.ndarray, foretold: np.ndarray) -> np.ndarray:
    """The share of foretold values, along the first axis, below the observed one; half of the equal ones counted."""
    return (foretold < observed).mean(axis=0) + (foretold == observed).mean(axis=0) / 2


def _summaries(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Variance over mean, number of zeros, largest figure and lag-1 autocorrelation of data sets of shape (set, figure)."""
    centred = counts - counts.mean(axis=1, keepdims=True)
    square = np.maximum((centred**2).sum(axis=1), 1e-300)
    return {
        "dispersion": counts.var(axis=1) / np.maximum(counts.mean(axis=1), 1e-300),
        "zeros": (counts == 0).sum(axis=1).astype(float),
        "largest": counts.max(axis=1),
        "lag_1_autocorrelation": (centred[:, 1:] * centred[:, :-1]).sum(axis=1) / square,
    }


def prior_predictive(model: CountModel, seed: int) -> dict[str, Any]:
    """What the priors alone foretell for the treated unit: how often its mean count is absurd."""
    drawn = prior_parameters(model, PRIOR_DRAWS, seed)
    means, _ = means_and_dispersions(model, drawn)
    own = model.matrix[:, : model.periods].sum(axis=1) > 0
    times = means[:, own].mean(axis=1) / max(float(model.counts[own].mean()), 0.5)
    return {
        "draws": PRIOR_DRAWS,
        "share_above_100_times_observed": rounded((times > TOO_FAR).mean()),
        "share_below_a_100th_of_observed": rounded((times < 1 / TOO_FAR).mean()),
        "median_times_observed": rounded(np.median(times)),
    }
