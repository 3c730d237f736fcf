"""Level | level + trend: two answers are one only where they agree."""

import dataclasses

import pytest

from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.sensitivity.level_trend import FACTOR, has_trend, level_and_trend

METHOD = Segmented(family="poisson", covariance="model", season="none")


@pytest.fixture(scope="module")
def steady(make_panel):
    """A series that falls by 3 % a month throughout, with no programme at all."""
    return make_panel({"Town": [round(200 * 0.97**t) for t in range(48)]}, onset=24)


@pytest.fixture(scope="module")
def effect(make_panel):
    fit = METHOD.estimate(make_panel({"Town": [20.0, 22.0] * 12 + [10.0, 11.0] * 12}, onset=24))
    return lambda point: dataclasses.replace(fit, point=point)


def test_a_steady_fall_is_read_as_a_step_without_the_trend_and_not_with_it(steady):
    level = dataclasses.replace(METHOD, trend=False).estimate(steady)
    trend = METHOD.estimate(steady)
    assert level.intervals[0].upper < 0.6 and trend.point == pytest.approx(1, abs=0.05)
    pair = level_and_trend(level, trend)
    assert pair.separated is False
    assert pair.sentence.startswith("the design does not separate a step from the trend before it: level 0.")


@pytest.mark.parametrize(
    ("level", "trend", "apart"),
    [
        (0.5, 0.5 * FACTOR * 0.999, True),
        (0.5, 0.5 * FACTOR * 1.001, False),
        (0.95, 1.05, False),
        (1.0, 1.1, True),
        (2.0, 1.7, True),
    ],
)
def test_the_rule_on_paper(effect, level, trend, apart):
    assert level_and_trend(effect(level), effect(trend)).separated is apart
    assert level_and_trend(effect(trend), effect(level)).separated is apart


def test_a_refused_twin_leaves_nothing_to_compare(effect):
    refused = dataclasses.replace(effect(0.5), point=None, intervals=(), refusal="too few points")
    pair = level_and_trend(effect(0.5), refused)
    assert (
        pair.separated is None
        and pair.sentence.startswith("there is no estimate with a trend")
        and "too few points" in pair.sentence
    )


def test_only_estimators_that_choose_have_a_trend():
    assert has_trend(Segmented()) and not has_trend(ExactRatio())
