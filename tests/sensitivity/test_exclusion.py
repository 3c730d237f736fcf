"""A null is not no effect: what is excluded, and what is not."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.sensitivity.exclusion import exclusion

METHOD = Segmented(family="poisson", covariance="model", season="none", trend=False)
SMALLEST = (0.90, 1.11)


@pytest.fixture(scope="module")
def effect(make_panel):
    return lambda before, after: METHOD.estimate(make_panel({"Town": [before] * 12 + [after] * 12}, onset=12))


def test_the_limits_are_on_paper(effect):
    said = exclusion(effect(40.0, 20.0), SMALLEST)
    reach = stats.norm.ppf(0.95) * np.sqrt(1 / 480 + 1 / 240)
    assert (said.lower, said.upper) == pytest.approx((0.5 * np.exp(-reach), 0.5 * np.exp(reach)))
    assert said.sentence.startswith("excludes falls larger than 5") and "every rise, and falls smaller than 4" in said.sentence


@pytest.mark.parametrize(
    ("before", "after", "conclusive", "words"),
    [
        (3.0, 3.0, False, "inconclusive"),
        (4000.0, 4000.0, True, "any effect that matters"),
        (100.0, 105.0, True, "a fall that matters (below 0.9) is excluded"),
        (40.0, 20.0, True, "a rise that matters (above 1.11) is excluded"),
    ],
)
def test_what_is_excluded_decides(effect, before, after, conclusive, words):
    said = exclusion(effect(before, after), SMALLEST)
    assert said.conclusive is conclusive and words in said.sentence


def test_a_refusal_and_an_effect_without_a_distribution_exclude_nothing(effect, make_panel):
    assert exclusion(dataclasses.replace(effect(40.0, 20.0), point=None, refusal="no"), SMALLEST) is None
    assert exclusion(ExactRatio().estimate(make_panel({"Town": [4.0] * 24}, onset=12)), SMALLEST) is None
