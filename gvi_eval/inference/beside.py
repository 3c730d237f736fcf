"""What stands beside the placebos where a study asks for it: conformal test, prediction, jackknife+, bounds on a drift."""

import math
from collections.abc import Sequence

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._comparison import Comparative
from gvi_eval.estimators.event_study import EventStudy
from gvi_eval.inference.conformal import conformal
from gvi_eval.inference.honest import breakdown, relative_magnitudes
from gvi_eval.inference.jackknife_plus import jackknife_plus
from gvi_eval.inference.prediction import prediction_interval
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel

DRIFTS = (0.5, 1.0)  # times the largest step of the drift before the start


def beside(
    names: Sequence[str], estimator: Comparative, panel: Panel, effect: Effect
) -> tuple[tuple[Interval, ...], tuple[Test, ...], tuple[str, ...]]:
    """Intervals, tests and sentences of the named kinds, in their order; one that is refused leaves its reason.

    The conformal set is of the ratio and of no other contrast.
    """
    intervals: list[Interval] = []
    tests: list[Test] = []
    words: list[str] = []
    for name in names:
        try:
            if name == "prediction":
                intervals.append(prediction_interval(estimator, panel, effect.estimand))
            elif name == "jackknife+":
                intervals.append(jackknife_plus(estimator, panel, effect.estimand, estimator.level))
            elif name == "bounds":
                limits, told = drift_bounds(estimator, panel, effect)
                intervals += limits
                words += told
            elif effect.estimand.contrast == "ratio":
                found = conformal(estimator, panel, effect.estimand)
                tests.append(found.test())
                words += found.words()
                if (interval := found.interval()) is not None:
                    intervals.append(interval)
        except EstimationError as fault:
            words.append(f"no {name} interval: {fault}")
    return tuple(intervals), tuple(tests), tuple(words)


def drift_bounds(estimator: Comparative, panel: Panel, effect: Effect) -> tuple[list[Interval], list[str]]:
    """Ratios that a drift before the start leaves open, for drifts up to `DRIFTS` times the largest step before it.

    Of an event study of counts, whose lags are log ratios. Raises `EstimationError` for any other method; other contrasts
    than the ratio have none.
    """
    if not isinstance(estimator, EventStudy) or estimator.model != "poisson":
        raise EstimationError(f"{estimator.name} has no leads and lags of log ratios; use event_study with model = 'poisson'")
    if effect.estimand.contrast != "ratio":
        return [], []
    study = estimator.leads_and_lags(panel)
    given = (study.values, study.covariance, study.leads)
    limits, words = [], []
    for bound in DRIFTS:
        found = relative_magnitudes(*given, bound, weights=study.shares, level=estimator.level)
        lower, upper = math.exp(found.interval.lower), math.exp(found.interval.upper)
        limits.append(Interval(lower, upper, estimator.level, "bounds"))
        words.append(
            f"were a drift after the start to move by up to {bound:g} times its largest step before it, ratios from "
            f"{lower:.2f} to {upper:.2f} are left open"
        )
    words.append(
        f"the drift that would undo the answer: {breakdown(*given, weights=study.shares, level=estimator.level).sentence}"
    )
    return limits, words
