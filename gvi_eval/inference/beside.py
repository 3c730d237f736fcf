"""What stands beside the placebos where a study asks for it: a conformal test, a prediction interval, a jackknife+."""

from collections.abc import Sequence

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._comparison import Comparative
from gvi_eval.inference.conformal import conformal
from gvi_eval.inference.jackknife_plus import jackknife_plus
from gvi_eval.inference.prediction import prediction_interval
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel


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
            elif effect.estimand.contrast == "ratio":
                found = conformal(estimator, panel, effect.estimand)
                tests.append(found.test())
                words += found.words()
                if (interval := found.interval()) is not None:
                    intervals.append(interval)
        except EstimationError as fault:
            words.append(f"no {name} interval: {fault}")
    return tuple(intervals), tuple(tests), tuple(words)
