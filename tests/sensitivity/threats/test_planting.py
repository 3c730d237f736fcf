"""Figures drawn anew: only the treated place's, by a factor where one is planted, the same for the same seed."""

import numpy as np
import pandas as pd

from gvi_eval.sensitivity.power import Noise
from gvi_eval.sensitivity.threats.case import Null
from gvi_eval.sensitivity.threats.planting import after, redrawn, years_from_start
from tests.support import donor_cases


def beside_donors():
    case = donor_cases.beside_donors(donors=3)
    null = Null(np.full(len(case.whole.periods), donor_cases.MEAN), Noise("Poisson", 0.0, 0.0, 0.0))
    return case.with_(nulls={"events": null})


def test_donors_keep_their_figures_and_the_place_has_new_ones():
    case = beside_donors()
    drawn = redrawn(case, 5, after(case, 0.5)).whole
    unit = case.whole.treated[0]
    pd.testing.assert_frame_equal(drawn.values[case.whole.donors], case.whole.values[case.whole.donors])
    fallen = drawn.values[unit][donor_cases.BEFORE :].mean() / drawn.values[unit][: donor_cases.BEFORE].mean()
    assert (drawn.values[unit] != case.whole.values[unit]).any() and 0.4 < fallen < 0.6


def test_a_place_is_drawn_as_if_it_stood_alone():
    case = beside_donors()
    alone = case.with_(whole=case.whole.without(*case.whole.donors))
    unit = case.whole.treated[0]
    pd.testing.assert_series_equal(redrawn(case, 9).whole.values[unit], redrawn(alone, 9).whole.values[unit])


def test_the_same_seed_draws_the_same_and_another_does_not():
    case = beside_donors()
    first, again, other = (redrawn(case.with_(), seed).whole.values for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_years_are_counted_from_the_start():
    years = years_from_start(beside_donors())
    assert years[donor_cases.BEFORE] == 0 and years[0] == -donor_cases.BEFORE / 4
