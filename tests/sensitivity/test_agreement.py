"""Estimators beside the reference: what counts as saying something else."""

import pandas as pd
import pytest

from gvi_eval.effect import Effect
from gvi_eval.intervals import Interval
from gvi_eval.sensitivity.agreement import agreement
from gvi_eval.study import Estimand


def effect(point, lower=None, upper=None, refusal=None):
    intervals = () if lower is None else (Interval(lower, upper, 0.95, "posterior"),)
    return Effect("m", "Town", Estimand("ratio"), point, pd.Period("2020-01", "M"), intervals=intervals, refusal=refusal)


REFERENCE = effect(0.8, 0.6, 1.0667)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (effect(0.82, 0.6, 1.12), ()),
        (effect(1.01, 0.76, 1.34), ("the points lie on different sides of 1", "the points differ by a factor 1.26")),
        (effect(0.8, 0.65, 0.985), ("it alone excludes 1",)),
        (effect(0.8, 0.4, 1.6), ("the interval is 2.41 times as wide",)),
        (effect(None, refusal="no"), ("only one answers: no",)),
    ],
)
def test_what_differs_is_said(other, said):
    assert agreement(REFERENCE, other).disagreements == said


def test_the_same_effect_agrees_with_itself():
    same = agreement(REFERENCE, REFERENCE)
    assert (same.point_factor, same.width_factor, same.disagreements) == (1, 1, ())


def test_an_interval_that_reaches_zero_or_infinity_has_no_width_on_the_log():
    assert agreement(REFERENCE, effect(0.8, 0.0, 1.2)).width_factor is None
    assert agreement(REFERENCE, effect(0.8, 0.6, float("inf"))).width_factor is None
    assert agreement(effect(None, refusal="a"), effect(None, refusal="b")).disagreements == ("both refuse: a",)
