"""T20 and T22: few figures leave everything open, and a denominator that grew carries a ratio."""

import numpy as np
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.reading import Denominators, NullRead
from tests.support import cases
from tests.support.planted import states

T20, T22 = NullRead(), Denominators()


def test_few_events_exclude_nothing_and_many_do():
    few, many = (look(T20, cases.case(cases.counts(1, mean=mean))) for mean in (2, 4000))
    assert few.state == FLAGGED and "inconclusive" in few.sentence
    assert many.state == NOT_FLAGGED
    assert few.number > many.number > 1


def test_a_clear_fall_excludes_a_rise():
    result = look(T20, cases.case(cases.counts(1, mean=20, factor=np.repeat([1.0, 0.3], [60, 36]))))
    assert result.state == NOT_FLAGGED
    assert result.evidence["upper"] < 1.11


def grown(by):
    panel = cases.counts(1, mean=60)
    exposure = panel.exposure * 1000.0
    exposure.loc["2019-01":] *= by
    return cases.case(panel.with_(exposure=exposure), settings={"trend": False})


@pytest.mark.parametrize(("by", "state"), [(1.0, NOT_FLAGGED), (1.02, NOT_FLAGGED), (1.1, FLAGGED), (0.9, FLAGGED)])
def test_the_number_is_the_log_of_the_growth(by, state):
    result = look(T22, grown(by))
    assert result.state == state
    assert result.number == pytest.approx(np.log(by), abs=2e-3)


def test_without_a_denominator_there_is_none_to_leave_out():
    assert look(T22, cases.case()).state == COULD_NOT


def test_on_the_reference_design_planted_is_flagged_and_clean_is_not():
    for threat in (T20, T22):
        found = states(threat, 3)
        assert found == {"planted": [FLAGGED] * 3, "clean": [NOT_FLAGGED] * 3}
