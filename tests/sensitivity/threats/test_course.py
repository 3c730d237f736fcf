"""T18 and T19: a pandemic that carries the answer and an effect that ends are flagged; figures without either are not."""

from datetime import date

import numpy as np

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.course import Fading, Pandemic
from gvi_eval.study import Intervention
from tests.support import cases
from tests.support.planted import states

T18, T19 = Pandemic(), Fading()
MONTHS = cases.counts(1).periods
QUIET = np.where((MONTHS >= "2020-03") & (MONTHS <= "2021-12"), 0.3, 1.0)


def shock(name="Pandemic", start=date(2020, 3, 1), end=date(2021, 6, 30)):
    return Intervention(name, "shock", cases.day(start), "made up", end=end)


def test_a_fall_of_the_pandemic_is_flagged_and_goes_without_its_months():
    result = look(T18, cases.case(cases.counts(1, mean=60, factor=QUIET), settings={"trend": False}))
    assert result.state == FLAGGED
    assert result.number > 0.2
    assert result.evidence["by"] == "left out"
    assert result.evidence["mean"] == "the headline"


def test_an_effect_that_does_not_hang_on_it_is_not():
    result = look(T18, cases.case(cases.counts(1, mean=60, factor=np.repeat([1.0, 0.5], [60, 36]))))
    assert result.state == NOT_FLAGGED
    assert abs(result.number) < 0.2


def test_a_headline_with_a_trend_is_asked_without_it_too():
    result = look(T18, cases.case(cases.counts(1, mean=60, factor=QUIET)))
    assert result.state == FLAGGED
    assert result.evidence["mean"] == "without a trend"


def test_the_days_are_those_of_the_study_where_it_has_them():
    result = look(T18, cases.case(cases.counts(1, mean=60), events=(shock(),)))
    assert "2020-03-01 to 2021-06-30" in result.sentence
    assert "given a level of its own" in result.sentence


def test_figures_that_end_before_it_could_not_have_been_flagged():
    result = look(T18, cases.case(cases.counts(1, after=12)))
    assert result.state == COULD_NOT
    assert "do not reach into the pandemic" in result.sentence


def test_an_effect_that_ends_is_flagged_and_one_that_lasts_is_not():
    ends, lasts = (
        look(
            T19, cases.case(cases.counts(1, mean=60, factor=np.concatenate([np.ones(60), np.full(18, 0.5), np.full(18, late)])))
        )
        for late in (1.0, 0.5)
    )
    assert (ends.state, lasts.state) == (FLAGGED, NOT_FLAGGED)
    assert ends.number < 0.5 < lasts.number


def test_one_half_year_cannot_fade():
    assert look(T19, cases.case(cases.counts(1, after=6))).state == COULD_NOT


def test_on_the_reference_design_planted_is_flagged_more_often_than_clean():
    for threat in (T18, T19):
        found = states(threat, 5)
        assert found["planted"].count(FLAGGED) > found["clean"].count(FLAGGED)
