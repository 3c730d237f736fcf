"""Two treated cities over the product of their donor sets, by hand, by force, and where it may not be asked."""

import itertools

import numpy as np
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.inference.joint import joint_permutation
from gvi_eval.inference.placebo import PlaceboInference, Placebos


def placebos(city: str, logs: list[float], prefix: str = "") -> Placebos:
    """A city and its donors with these log ratios, all of one size and spread 1."""
    size = len(logs)
    ones = np.ones(size)
    return Placebos(
        units=(city, *(f"{prefix or city} donor {n}" for n in range(size - 1))),
        observed=ones,
        expected=ones,
        periods=1,
        added=0.5,
        log_ratio=np.array(logs),
        mean_count=ones,
        size=(1.0, 0.0),
        rmspe_before=ones,
        rmspe_after=ones,
        rate_gap=ones,
        inference=PlaceboInference(),
    )


def test_by_hand():
    # Sums: -3 with (-2, -1); -2 + 3, -2 + 1, 0 + ..., of the six only the treated pair is as low; ±3 occurs once more.
    found = joint_permutation([placebos("A", [-2.0, 0.0]), placebos("B", [-1.0, 3.0, 1.0])])
    assert found.statistic == -3 and found.combinations == 6
    assert found.fall.p_value == pytest.approx(1 / 6) == found.fall.floor
    assert found.either.p_value == pytest.approx(2 / 6)  # 0 + 3 as well
    assert "independent" in found.words


def test_every_combination_counts():
    random = np.random.default_rng(4)
    logs = [list(random.normal(size=size)) for size in (7, 5, 4)]
    found = joint_permutation([placebos(city, values) for city, values in zip("ABC", logs, strict=True)])
    sums = [sum(each) for each in itertools.product(*logs)]
    own = sum(values[0] for values in logs)
    assert found.fall.p_value == pytest.approx(np.mean([total <= own + 1e-9 for total in sums]))
    assert found.either.p_value == pytest.approx(np.mean([abs(total) >= abs(own) - 1e-9 for total in sums]))
    assert found.fall.floor == pytest.approx(1 / (7 * 5 * 4))


def test_two_cities_reach_what_neither_can_alone():
    # Nine donors each: alone no p is below .1, together .01.
    logs = [-3.0, *np.linspace(-1, 1, 9)]
    assert placebos("A", logs).floor == pytest.approx(0.1)
    assert joint_permutation([placebos("A", logs), placebos("B", logs)]).fall.p_value == pytest.approx(0.01)


def test_a_place_of_which_nothing_was_expected_counts_against_the_treated():
    found = joint_permutation([placebos("A", [-2.0, np.inf, 0.0]), placebos("B", [-1.0, 0.5, 0.2])])
    assert found.fall.p_value == pytest.approx((1 + 3) / 9)
    assert found.either.p_value == pytest.approx((1 + 3) / 9)


def test_of_nothing_true_it_finds_little():
    # All units of both sets alike: each of the combinations is the treated one equally often, so p is uniform on its steps.
    random, found = np.random.default_rng(7), []
    for _ in range(400):
        pair = [placebos(city, list(random.normal(size=20))) for city in "AB"]
        found.append(joint_permutation(pair).either.p_value)
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.028)


def test_one_city_or_one_twice_is_refused():
    one = placebos("A", [-2.0, 0.0])
    with pytest.raises(StudyError, match="here 1 is given"):
        joint_permutation([one])
    with pytest.raises(StudyError, match="A, A: a city comes twice"):
        joint_permutation([one, one])
    both = joint_permutation([placebos("A", [-2.0, 0.0], "same"), placebos("B", [-2.0, 0.0], "same")])
    assert "1 donors serve more than one" in both.fall.null
