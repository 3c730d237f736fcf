"""T8 and T9: too few events and a restless level are flagged; the standard error by least squares is that of two means."""

import numpy as np
import pytest

from gvi_eval.effect import log_contrast
from gvi_eval.sensitivity.power import Noise, detectable_ratio
from gvi_eval.sensitivity.steps import step_design
from gvi_eval.sensitivity.threats import FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.scatter import Autocorrelation, LowCounts, step_se
from tests.support import cases
from tests.support.planted import states

T8, T9 = LowCounts(), Autocorrelation()


def test_the_standard_error_of_two_means_by_hand():
    # 60 months of 4 and 36 of 4, Poisson: variance of the log ratio 1/240 + 1/144; α adds α/60 + α/36
    of = step_design(cases.counts(1), trend=False, season="none")
    mean = np.full(96, 4.0)
    assert step_se(of, mean, Noise("", 0, 0, 0)) == pytest.approx(np.sqrt(1 / 240 + 1 / 144))
    assert step_se(of, mean, Noise("", 0.5, 0, 0)) == pytest.approx(np.sqrt(0.75 / 60 + 0.75 / 36))


def test_a_restless_level_widens_it_the_more_the_longer_it_lasts():
    of = step_design(cases.counts(1), trend=False, season="none")
    none, short, long = (
        step_se(of, np.full(96, 4.0), Noise("", 0, sigma, rho)) for sigma, rho in ((0, 0), (0.3, 0.2), (0.3, 0.9))
    )
    assert none < short < long


def test_few_events_are_flagged_and_many_are_not():
    few, many = (look(T8, cases.case(cases.counts(1, mean=mean))) for mean in (2, 2000))
    assert (few.state, many.state) == (FLAGGED, NOT_FLAGGED)
    assert few.number < 0.75 < many.number
    assert few.evidence["detectable_heavy"] < few.evidence["detectable_moderate"] < few.evidence["detectable_Poisson"]


def test_the_number_is_that_of_the_effects_own_standard_error():
    case = cases.case()
    assert look(T8, case).number == pytest.approx(detectable_ratio(log_contrast(case.effect)[1]))


def test_widths_that_differ_and_an_exclusion_that_changes_are_flagged():
    level = np.exp(0.4 * np.sin(np.arange(96) / 15))
    result = look(T9, cases.case(cases.counts(1, mean=60, factor=level)))
    assert result.state == FLAGGED
    assert result.number > 1.5
    assert result.evidence["narrowest"] == "independent errors"


def test_even_counts_without_an_effect_are_not_flagged():
    result = look(T9, cases.case(cases.counts(4, mean=40)))
    assert result.state == NOT_FLAGGED
    assert 1 < result.number < 1.5
    assert not result.evidence["exclusion_changes"]


def test_on_the_reference_design_planted_is_flagged_more_often_than_clean():
    low, restless = states(T8, 3), states(T9, 4)
    assert low["planted"].count(FLAGGED) == 3 and low["clean"].count(FLAGGED) == 0
    assert restless["planted"].count(FLAGGED) > restless["clean"].count(FLAGGED)
