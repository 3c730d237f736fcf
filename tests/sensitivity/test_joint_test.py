"""The curve as a whole: shares and rank by hand, p-values that are valid where nothing happened and small where something did."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.joint_test import Summary, joint_tests, summarise
from gvi_eval.sensitivity.specification import Answer


def summary(median: float, excluding: float = 0.0) -> Summary:
    return Summary(10, 0, median, median, excluding)


def test_a_curve_in_numbers_by_hand():
    claimed = Answer(0.8, 0.6, 1.1)
    told = [Answer(0.5, 0.25, 1.0), claimed, Answer(0.9, 0.85, 0.95), Answer(1.25, 1.0, 1.5), Answer(refusal="no")]
    found = summarise(told, claimed)
    assert (found.specifications, found.refused, found.rank) == (5, 1, 2)
    assert found.median == pytest.approx((np.log(0.8) + np.log(0.9)) / 2)
    assert found.excluding == 0.25 and found.same_sign == 0.75


def test_a_refused_claim_has_no_rank():
    found = summarise([Answer(0.5), Answer(refusal="no")], Answer(refusal="no"))
    assert found.rank is None and found.same_sign is None and np.isnan(found.scaled)
    with pytest.raises(EstimationError, match="none of 2 specifications gave a ratio"):
        summarise([Answer(refusal="no")] * 2)


def test_p_by_hand():
    # Middle of all five: 0. Distances 1, .5, .2, 0, 1.5: one other at least as far as the observed.
    either, _, fall, share = joint_tests(
        summary(-1.0, 0.4), [summary(0.5, 0.4), summary(0.2, 0.1), summary(0.0, 0.0), summary(1.5, 0.3)]
    )
    assert either.p == pytest.approx((1 + 1) / 5) and either.floor == 0.2 and either.series == 4
    assert fall.p == pytest.approx(1 / 5)  # the lowest of all
    assert share.p == pytest.approx(2 / 5)  # a tie counts against it


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=40), st.floats(-3, 3))
def test_p_lies_between_its_floor_and_one(others, observed):
    for each in joint_tests(summary(observed), [summary(value) for value in others]):
        assert each.floor == 1 / (1 + len(others))
        assert each.floor <= each.p <= 1 + 1e-12


@settings(max_examples=30)
@given(st.lists(st.floats(-3, 3), min_size=20, max_size=20, unique=True), st.sampled_from([0.1, 0.25, 0.5]))
def test_among_alike_curves_p_is_small_no_more_often_than_it_says(medians, level):
    """Each of twenty curves taken as the observed one in turn: a rank test is valid by counting."""
    small = [0, 0]
    for place in range(20):
        others = [summary(value) for value in medians[:place] + medians[place + 1 :]]
        either, _, fall, _ = joint_tests(summary(medians[place]), others)
        small[0] += either.p <= level
        small[1] += fall.p <= level
    assert max(small) <= 20 * level


def test_a_planted_effect_reaches_the_floor():
    random = np.random.default_rng(3)
    others = [
        summary(value, share) for value, share in zip(random.normal(0, 0.1, 199), random.uniform(0, 0.2, 199), strict=True)
    ]
    tests = joint_tests(summary(-1.0, 0.9), others)
    assert [each.p for each in tests] == [pytest.approx(1 / 200)] * 4
