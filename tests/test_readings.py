"""Readings: one a period, with limits only where chance can be told, and a start that is held against its neighbours."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitored import COUNTS, NAMED, PLAN, SURVEY, UNSAFE, count, embedded, named, reading, write_plan
from scipy.stats import binom, poisson

from gvi_eval.errors import DataError
from gvi_eval.indicators import load_plan
from gvi_eval.readings import SCREEN, follow, poisson_limits, wilson


@pytest.fixture
def followed(tmp_path):
    """The town's indicators by name; ``unsafe`` and ``shots`` change the series of these."""

    def follow_town(unsafe=(), shots=(), plan=(), **tables):
        first, second, third = PLAN["indicators"]
        first = first | {"series": first["series"] | dict(unsafe)}
        second = second | {"series": second["series"] | dict(shots)}
        file = write_plan(tmp_path, PLAN | {"indicators": [first, second, third]} | dict(plan), **tables)
        monitoring = follow(load_plan(file))
        return {each.indicator.name: each for each in monitoring.followed} | {"": monitoring}

    return follow_town


def values(each) -> list[tuple[str, float]]:
    return [(reading.when, reading.value) for reading in each.readings]


def test_the_last_reading_is_held_against_the_baseline(followed):
    unsafe = followed()["unsafe"]
    assert values(unsafe) == [("2016", 14), ("2017", 8), ("2018", 23), ("2019", 17)]
    assert (unsafe.origin, unsafe.stated, unsafe.last.value, unsafe.far(unsafe.last)) == (8, True, 17, 9)
    assert unsafe.movement(unsafe.last) == "up, against what is wanted"


def test_without_a_baseline_the_last_figure_before_the_plan_is_the_start(followed):
    shots = followed()["shots"]
    assert (shots.origin, shots.origin_when, shots.stated) == (40, "2016", False)
    assert (shots.last.value, shots.far(shots.last), shots.movement(shots.last)) == (20, -20, "down, as wanted")


def test_a_reading_after_the_end_of_the_plan_is_no_reading_within_it(followed):
    unsafe = followed(survey=(*SURVEY[:2], reading(2021, 7)))["unsafe"]
    assert unsafe.last is None and unsafe.movement(unsafe.last) == "no figure published"
    assert unsafe.later.value == 7 and unsafe.far(unsafe.later) == -1


def test_without_readings_nothing_is_filled_in(followed):
    meetings = followed()["meetings"]
    assert (meetings.readings, meetings.origin, meetings.last, meetings.check, meetings.warnings) == ((), None, None, None, ())


def test_a_part_of_a_year_is_not_set_against_years(followed):
    part = count(2019, 3, period_end=date(2019, 6, 30))
    assert values(followed(counts=(*COUNTS, part))["shots"])[-1] == ("2018", 20)


def test_two_figures_of_one_period_must_be_decided_on(followed):
    both = (*COUNTS, count(2018, 23, source="newspaper"))
    with pytest.raises(
        DataError, match=r"indicator 'shots': 2 different figures of East from 2018-01-01 to 2018-12-31: 20 .*; 23"
    ):
        followed(counts=both)
    out = [{"source": "newspaper", "period_start": date(2018, 1, 1), "reason": "a rumour"}]
    shots = followed(counts=both, shots={"excluded": out})["shots"]
    assert values(shots)[-1] == ("2018", 20) and shots.set_aside == ("23 (2018, newspaper): a rumour",)


def test_the_same_figure_from_two_sources_is_one_reading(followed):
    shots = followed(counts=(*COUNTS, count(2018, 20, source="newspaper")))["shots"]
    assert values(shots)[-1] == ("2018", 20) and shots.readings[-1].sources == ("yearbook", "newspaper")


def test_an_exclusion_of_what_is_not_published_is_refused(followed):
    with pytest.raises(DataError, match="excludes a figure of newspaper from 2018-01-01"):
        followed(shots={"excluded": [{"source": "newspaper", "period_start": date(2018, 1, 1), "reason": "a rumour"}]})


# The baseline beside its neighbours


def test_eight_between_fourteen_and_twenty_three_is_an_outlier(followed):
    # z² (.08 · .92 + .14 · .86) / .06² = 3.8415 · .194 / .0036 = 207.01, so 208 answers in each survey
    check = followed()["unsafe"].check
    assert check.standing == "outlier" and "208 in each survey" in check.sentence and SCREEN >= 208


def test_a_baseline_between_its_neighbours_is_none(followed):
    check = followed(survey=(reading(2016, 4), reading(2017, 8), reading(2018, 23)))["unsafe"].check
    assert (check.standing, "lies between 4 (2016) and 23 (2018)" in check.sentence) == ("not an outlier", True)


def test_where_many_answers_would_be_needed_it_cannot_be_judged(followed):
    check = followed(survey=(reading(2016, 10), reading(2017, 8), reading(2018, 9)))["unsafe"].check
    assert check.standing == "cannot be judged" and "is not published" in check.sentence


@pytest.mark.parametrize(("answers", "standing"), [(200, "not an outlier"), (220, "outlier"), (330, "outlier")])
def test_with_answers_the_test_of_two_proportions_decides(followed, answers, standing):
    survey = {"answers": {"2016": answers, "2017": answers, "2018": answers}, "design_effect": 1.0}
    assert followed(unsafe=survey)["unsafe"].check.standing == standing


def test_the_design_effect_widens(followed):
    survey = {"answers": {"2016": 330, "2017": 330, "2018": 330}, "design_effect": 2.0}
    assert followed(unsafe=survey)["unsafe"].check.standing == "not an outlier"


@pytest.mark.parametrize(("peak", "standing"), [(40, "not an outlier"), (48, "not an outlier"), (80, "outlier")])
def test_a_count_is_held_against_poisson_scatter(followed, peak, standing):
    counts = (count(2015, 30), count(2016, peak), count(2017, 31), count(2018, 20))
    check = followed(counts=counts)["shots"].check
    # exact conditional test by hand: of peak + 31 shots in 366 + 365 days, as improbable as peak or more so
    n, share = peak + 31, 366 / 731
    chances = binom.pmf(np.arange(n + 1), n, share)
    p = chances[chances <= chances[peak] * (1 + 1e-7)].sum()
    assert check.standing == standing and f"exact p {p:.3f}" in check.sentence


def test_the_first_reading_cannot_be_judged(followed):
    check = followed(survey=SURVEY[1:])["unsafe"].check
    assert check.standing == "cannot be judged" and "no reading before it" in check.sentence


# What to beware of


def test_a_register_kept_by_a_partner_is_said(followed, tmp_path):
    members = [
        reading(2016, 300, counter="police", definition="register"),
        reading(2018, 250, counter="police", definition="register"),
    ]
    first = UNSAFE | {"kind": "stock", "series": UNSAFE["series"] | {"definitions": ["register"]}}
    plan = PLAN | {"indicators": [first, *PLAN["indicators"][1:]]}
    (unsafe, *_) = follow(load_plan(write_plan(tmp_path, plan, survey=members))).followed
    assert any("kept by the programme itself: the police put persons on it" in each for each in unsafe.warnings)
    (unsafe, *_) = follow(load_plan(write_plan(tmp_path, plan | {"partners": ["city"]}, survey=members))).followed
    assert not any("register" in each for each in unsafe.warnings)


def test_a_count_of_a_partner_is_said_and_a_survey_is_not(followed):
    town = followed()
    assert any("come from a partner of the programme, the police" in each for each in town["shots"].warnings)
    assert not any("partner" in each for each in town["unsafe"].warnings)


def test_a_start_at_the_peak_is_said(followed):
    assert any("the start of 40 is the highest of all 4 readings" in each for each in followed()["shots"].warnings)
    lower = (count(2014, 41), *COUNTS)
    assert not any("highest" in each for each in followed(counts=lower)["shots"].warnings)


@pytest.mark.parametrize(("year", "told"), [(2014, True), (2015, False)])
def test_a_start_from_long_before_the_plan_is_said(followed, year, told):
    warnings = followed(counts=(count(year, 30), count(2018, 20)))["shots"].warnings
    assert any(f"the start is of {year}, {2017 - year} years before the plan" in each for each in warnings) is told


def test_a_baseline_that_differs_from_the_published_figure_is_said(followed):
    names = (named("Share feeling unsafe", baseline_value=9, baseline_period="2017"), *NAMED[1:])
    assert "the plan's baseline of 9 is not the 8 published for 2017" in followed(names=names)["unsafe"].warnings


# Status reports


def test_a_status_holds_the_newest_figure_that_was_known(followed):
    town = followed()
    held = {
        year: {name: getattr(town[""].status(town[name], year), "value", None) for name in ("unsafe", "shots")}
        for year in town[""].status_years
    }
    # the survey of 2018 was published in June 2019; the count of 2017 in February 2018
    assert held == {2017: {"unsafe": 8, "shots": 40}, 2018: {"unsafe": 8, "shots": 25}, 2019: {"unsafe": 17, "shots": 20}}


def test_a_figure_published_after_the_month_of_the_report_waits_a_year(followed):
    late = (*COUNTS[:3], count(2018, 20, vintage="2019-09"))
    town = followed(counts=late)
    assert town[""].status(town["shots"], 2019).value == 25


# Limits


def test_a_share_has_limits_only_with_answers_and_a_design_effect(followed):
    answers = {"2017": 400}
    assert followed()["unsafe"].readings[1].bare == "no interval: the number of answers is not published"
    assert (
        followed(unsafe={"answers": answers})["unsafe"].readings[1].bare
        == "no interval: no design factor (deff) is stated for the survey"
    )
    with_both = followed(unsafe={"answers": answers, "design_effect": 1.5})["unsafe"].readings
    assert with_both[0].lower is None and with_both[0].bare
    assert (with_both[1].lower, with_both[1].upper) == pytest.approx(tuple(100 * each for each in wilson(0.08, 400 / 1.5)))
    assert with_both[1].interval == "Wilson, 400 answers, deff 1.5"


def test_wilson_by_hand():
    # 10 of 100, z² = 3.8415: centre (.1 + .019207) / 1.038415 = .114797, reach 1.95996 √(.0009 + .000096) / 1.038415 = .059568
    assert wilson(0.1, 100) == pytest.approx((0.055229, 0.174366), abs=1e-6)


@given(st.floats(0, 1), st.floats(1, 5000))
def test_wilson_holds_the_share_and_solves_its_equation(share, answers):
    lower, upper = wilson(share, answers)
    assert 0 <= lower <= share + 1e-12 and share - 1e-12 <= upper <= 1
    for limit in (lower, upper):
        # (p − limit)² = z² limit (1 − limit) / n, except where the limit is cut at 0 or 1
        if 1e-9 < limit < 1 - 1e-9:
            assert (share - limit) ** 2 == pytest.approx(3.841458820694124 * limit * (1 - limit) / answers, abs=1e-9)


@pytest.mark.parametrize(("share", "answers"), [(1.2, 100), (-0.1, 100), (0.5, 0)])
def test_what_is_no_share_has_no_limits(share, answers):
    with pytest.raises(ValueError, match="a share lies between 0 and 1"):
        wilson(share, answers)


@given(st.integers(0, 300))
def test_poisson_limits_leave_a_fortieth_on_each_side(events):
    lower, upper = poisson_limits(events)
    assert poisson.cdf(events, upper) == pytest.approx(0.025)
    assert lower == 0 if events == 0 else poisson.sf(events - 1, lower) == pytest.approx(0.025)


def test_a_reading_of_a_count_carries_them(followed):
    first = followed()["shots"].readings[0]
    assert (first.lower, first.upper) == pytest.approx(poisson_limits(30)) and first.interval == "exact Poisson"


# The embedded plans


def test_ydre_norrebro_is_an_outlier_and_its_register_is_self_kept():
    found = {each.indicator.name: each for each in embedded("norrebro_2017_2019").followed}
    assert found["unsafe, Ydre Nørrebro"].check.standing == "outlier"
    assert any("kept by the programme itself" in each for each in found["registered members"].warnings)
    assert found["registered members"].last is None


def test_malmo_is_read_from_one_series_of_whole_years():
    found = {each.indicator.name: each for each in embedded("sluta_skjut").followed}
    assert [value for _, value in values(found["shootings"])] == [61, 65, 47, 34, 20, 21, 29, 40]
    assert all(found[name].movement(None) == "no figure published" for name in ("police resources", "health-care resources"))
    assert math.isclose(found["shootings"].far(found["shootings"].last), -25)
