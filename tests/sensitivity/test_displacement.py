"""Displacement: published examples, sums on paper, and the two forms beside each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.displacement import (
    by_ring,
    displacement_in_proportion,
    displacement_quotient,
    weighted_displacement_difference,
)

counts = st.tuples(st.integers(1, 500), st.integers(1, 500))


def test_by_hand():
    # The treated place fell by 10 beside a control that rose by 2; its buffer rose by 5 beside one that stayed.
    found = weighted_displacement_difference((30, 20), (24, 26), (12, 17), (9, 9))
    assert (found.local.point, found.around.point, found.total.point) == (-12, 5, -7)
    assert found.total.standard_error**2 == pytest.approx(30 + 20 + 24 + 26 + 12 + 17 + 9 + 9)
    assert found.local.standard_error**2 == pytest.approx(100) and found.around.standard_error**2 == pytest.approx(47)
    assert found.offset == pytest.approx(5 / 12)


def test_the_example_of_wheeler_and_ratcliffe():
    # doi:10.1186/s40163-018-0085-5: WDD -118, variance 1568, z -2.98, 95 % interval -196 to -40
    found = weighted_displacement_difference((207, 110), (308, 318), (178, 157), (150, 140)).total
    assert found.point == -118 and found.standard_error**2 == pytest.approx(1568)
    assert round(found.z, 2) == -2.98
    interval = found.interval()
    assert (round(interval.lower), round(interval.upper), interval.kind) == (-196, -40, "wald")


def test_periods_of_unequal_length_are_compared_per_unit_of_time():
    # Two years with 80 and 100, then one with 20 and 50: 20 - 40 - (50 - 50) = -20; 20 + 80/4 + 50 + 100/4 = 115
    found = weighted_displacement_difference((80, 20), (100, 50), lengths=(2, 1))
    assert found.total.point == -20 and found.total.standard_error**2 == pytest.approx(115)


def test_areas_of_unequal_size_are_compared_per_unit_of_size():
    # the published worked example with areas: estimate -99.69444444, standard error 35.4280755
    found = weighted_displacement_difference((207, 110), (308, 318), (178, 157), (150, 140), sizes=(1.2, 0.9, 1.5, 1.6)).total
    assert found.point == pytest.approx(-99.69444444, abs=1e-8)
    assert found.standard_error == pytest.approx(35.4280755, abs=1e-7)


def test_in_proportion_by_hand():
    # The control doubled, so 10 should have become 20 and 6 should have become 12; 14 and 15 were seen.
    found = displacement_in_proportion((10, 14), (6, 15), (50, 100))
    assert (found.local.point, found.around.point, found.total.point) == (-6, 3, -3)
    assert found.offset == pytest.approx(0.5)
    assert found.local.standard_error**2 == pytest.approx(14 + 4 * 10 + (20**2) * (1 / 50 + 1 / 100))
    assert found.total.standard_error**2 == pytest.approx(29 + 4 * 16 + (32**2) * (1 / 50 + 1 / 100))


@given(counts, counts, counts)
def test_in_proportion_is_the_weighted_difference_with_controls_of_the_same_size(treated, around, control):
    found = displacement_in_proportion(treated, around, control)
    sizes = (1, control[0] / treated[0], 1, control[0] / around[0])
    plain = weighted_displacement_difference(treated, control, around, control, sizes=sizes)
    assert found.total.point == pytest.approx(plain.total.point, abs=1e-6)
    assert found.local.point == pytest.approx(plain.local.point, abs=1e-6)


def test_the_standard_error_in_proportion_is_the_scatter_of_poisson_counts():
    random = np.random.default_rng(1)
    draws = [
        displacement_in_proportion(*(tuple(random.poisson(pair)) for pair in ((200, 150), (90, 120), (800, 700)))).total.point
        for _ in range(4000)
    ]
    told = displacement_in_proportion((200, 150), (90, 120), (800, 700)).total.standard_error
    assert np.std(draws) == pytest.approx(told, rel=0.04)


def test_the_quotient_by_hand():
    # Shares of the control: treated .50 to .40, buffer .20 to .25, so half of the fall came back next door.
    assert displacement_quotient((50, 40), (20, 25), (100, 100)) == pytest.approx(-0.5)
    assert displacement_quotient((50, 40), (20, 15), (100, 100)) == pytest.approx(0.5)  # the benefit spread
    assert displacement_quotient((50, 40), (20, 32), (100, 100)) == pytest.approx(-1.2)  # more than all of it came back


@given(counts, counts, counts)
def test_the_offset_is_the_quotient_with_its_sign_turned(treated, around, control):
    offset = displacement_in_proportion(treated, around, control).offset
    if offset is None or treated[1] / control[1] - treated[0] / control[0] > -1e-9:
        return
    assert offset == pytest.approx(-displacement_quotient(treated, around, control), rel=1e-6, abs=1e-6)


def test_a_place_that_did_not_fall_has_nothing_to_displace():
    assert displacement_in_proportion((10, 12), (5, 3), (100, 100)).offset is None
    with pytest.raises(EstimationError, match="it did not fall, so there is nothing to displace"):
        displacement_quotient((10, 12), (5, 3), (100, 100))


def test_rings_one_by_one():
    found = by_ring((10, 4), {"near": (10, 13), "far": (10, 10)}, (100, 100))
    assert list(found) == ["near", "far"]
    assert [each.offset for each in found.values()] == pytest.approx([0.5, 0.0])


@pytest.mark.parametrize("control", [(0, 10), (10, 0)])
def test_a_control_without_events_is_an_error(control):
    with pytest.raises(EstimationError, match="control areas recorded"):
        displacement_in_proportion((10, 4), (5, 5), control)
    with pytest.raises(EstimationError, match="control areas recorded"):
        displacement_quotient((10, 4), (5, 5), control)


def test_a_negative_count_or_a_length_of_nothing_is_an_error():
    with pytest.raises(EstimationError, match="counts are 0 or more"):
        weighted_displacement_difference((-1, 4), (5, 5))
    with pytest.raises(EstimationError, match="above 0"):
        weighted_displacement_difference((1, 4), (5, 5), lengths=(0, 1))
