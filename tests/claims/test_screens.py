"""Each screen: one planted case that it must flag, one that it must let pass, and one that it cannot look at."""

import math
from datetime import date

import pytest
from planted_claims import claim, days, shots, year

from gvi_eval.claims.declared import CLAIMS, LeftOut, load_claim
from gvi_eval.claims.recompute import recompute
from gvi_eval.claims.screens import FLAGGED, QUIET, UNSEEN, interval_is_symmetric, p_fits_interval, screens
from gvi_eval.claims.verdict import judge
from gvi_eval.study import Intervention, Moment

ROWS = (year(2014, 40), year(2015, 65), year(2016, 34))


def state(shelf_of, name, quantity, *rows):
    (done,) = recompute(claim(quantity), shelf_of(*(rows or ROWS)))
    return next(screen for screen in screens(done) if screen.name == name)


def test_part_of_a_year_against_a_full_year(shelf_of):
    name, half = "part of a year against a full year", ("2017-01-01", "2017-06-30", 4)
    part = shots(before=34, after=4, baseline=days("2016-01-01", "2016-12-31"), window=days("2017-01-01", "2017-06-30"))
    found = state(shelf_of, name, part, *ROWS, half)
    assert found.state == FLAGGED and "-88 % as bare counts is -76 % per day" in found.sentence
    assert state(shelf_of, name, shots(change_percent=-48)).state == QUIET  # a leap year
    assert state(shelf_of, name, shots(window=days(None, "2016-12-31"), tables=())).state == UNSEEN
    filled = shots(baseline=days(None, "2015-12-31"), change_percent=-35)
    assert "730 and 366 days" in state(shelf_of, name, filled).sentence
    several = shots(baseline=days("2014-01-01", "2015-12-31"), change_percent=-35)
    assert state(shelf_of, name, several).state == QUIET


def test_percentage_against_its_counts(shelf_of):
    name = "percentage against counts"
    assert state(shelf_of, name, shots(change_percent=-37, before=97, after=52)).state == FLAGGED
    assert state(shelf_of, name, shots(change_percent=-46, before=97, after=52)).state == QUIET
    assert state(shelf_of, name, shots(change_percent=-46)).state == UNSEEN


def test_definitions_mixed(shelf_of):
    name = "definitions mixed"
    rows = (year(2015, 65), year(2016, 90, "wide"))
    both = shots(change_percent=38, definitions=("confirmed", "wide"), chained_because="planted")
    assert state(shelf_of, name, both, *rows).state == FLAGGED
    assert state(shelf_of, name, shots(change_percent=-48)).state == QUIET
    assert state(shelf_of, name, shots(tables=())).state == UNSEEN


def test_a_change_of_what_is_recorded_is_flagged_only_between_the_counts(shelf_of):
    (done,) = recompute(claim(shots(change_percent=-48)), shelf_of(*ROWS))
    for day, expected in (("2016-03-01", FLAGGED), ("2015-01-01", QUIET), ("2017-03-01", QUIET)):
        moment = Moment(date.fromisoformat(day), date.fromisoformat(day))
        event = Intervention("recount", "recording change", moment, "paper")
        found = next(each for each in screens(done, [event]) if each.name == "definitions mixed")
        assert found.state == expected and (expected == QUIET or "recount (2016-03-01)" in found.sentence)


@pytest.mark.parametrize(("name", "expected"), [("SE01", FLAGGED), ("SE28", QUIET)])
def test_the_narrowing_of_november_2017_in_malmo(real, name, expected):
    found = next(
        each for each in judge(load_claim(CLAIMS / f"{name}.toml"), real).screens[0] if each.name == "definitions mixed"
    )
    assert found.state == expected and ("2017-11-01" in found.sentence) is (expected == FLAGGED)


def test_the_whole_of_the_year_stands_beside_its_part(real):
    found = judge(load_claim(CLAIMS / "SE01.toml"), real).screens[0][0]
    assert found.sentence.endswith("-55 % as bare counts is -44 % per day; the whole of 2018 (47) gives -28 %")


def test_conflicting_figures_of_these_days(shelf_of):
    out = (LeftOut("a compilation", source="blog"),)
    own = shots(change_percent=-48, left_out=out)
    found = state(shelf_of, "vintages mixed", own, *ROWS, year(2015, 58, "confirmed", "Town", "blog"))
    assert found.state == FLAGGED and "58 is not used" in found.sentence
    assert state(shelf_of, "vintages mixed", own, *ROWS, year(2013, 58, "confirmed", "Town", "blog")).state == QUIET


def test_digits_that_one_event_would_change(shelf_of):
    assert state(shelf_of, "rounding", shots(change_percent=-48)).state == FLAGGED  # one of 65 is 1.5 points
    many = (year(2015, 650), year(2016, 340))
    assert state(shelf_of, "rounding", shots(change_percent=-48), *many).state == QUIET
    assert state(shelf_of, "rounding", shots()).state == UNSEEN


def test_a_preliminary_figure_is_flagged(real, shelf_of):
    """The count to mid-October 2018 was preliminary; the trap of the mixed year 2018."""
    found = next(each for each in judge(load_claim(CLAIMS / "SE01.toml"), real).screens[0] if each.name == "vintages mixed")
    assert found.state == FLAGGED
    shelf = shelf_of(*ROWS)
    shelf._tables["town.csv"] = shelf._tables["town.csv"].assign(note=[None, "preliminary; to autumn", None])
    (done,) = recompute(claim(shots(change_percent=-48)), shelf)
    early = next(each for each in screens(done) if each.name == "vintages mixed")
    assert early.state == FLAGGED and "'preliminary; to autumn': town.csv:3, paper" in early.sentence
    assert state(shelf_of, "vintages mixed", shots(change_percent=-48)).state == QUIET


def test_a_baseline_that_the_claim_calls_a_peak_is_one_without_any_table(real):
    for name, expected in (("tx-us02", FLAGGED), ("tx-us10", FLAGGED), ("tx-us06", UNSEEN)):
        found = judge(load_claim(CLAIMS / f"{name}.toml"), real).screens[0]
        assert next(each.state for each in found if each.name == "peak as baseline") == expected


def test_a_peak_as_baseline(shelf_of):
    assert state(shelf_of, "peak as baseline", shots(change_percent=-48)).state == FLAGGED
    low = (year(2014, 80), year(2015, 65), year(2016, 34))
    assert state(shelf_of, "peak as baseline", shots(change_percent=-48), *low).state == QUIET
    assert state(shelf_of, "peak as baseline", shots(change_percent=-48), *ROWS[1:]).state == UNSEEN


def test_a_rate_without_its_denominator(shelf_of):
    assert state(shelf_of, "denominator", shots(value_unit="reports per 1,000 residents")).state == FLAGGED
    assert state(shelf_of, "denominator", shots(value_unit="percent")).state == UNSEEN


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((-70, 0), QUIET), ((-60, -40), QUIET), ((-90, -48), FLAGGED)],
)
def test_an_interval_beside_its_point(shelf_of, limits, expected):
    """-50 %: even as logs would be -75 to 0, as it stands -60 to -40."""
    low, high = limits
    if expected == QUIET and high == 0:
        low = -75
    found = state(shelf_of, "interval about its point", shots(change_percent=-50, lower=low, upper=high))
    assert found.state == expected


def test_symmetry_and_p_by_hand():
    assert interval_is_symmetric(0.5, 0.25, 1.0, "log") and not interval_is_symmetric(0.5, 0.25, 1.0, "plain")
    # log 0.5 = -0.693 with limits 0.25 and 1: error 0.3537, z 1.96, p 0.05
    assert p_fits_interval(0.5, 0.25, 0.99, 0.047)
    assert not p_fits_interval(0.5, 0.25, 1.3, 0.01)
    assert not p_fits_interval(0.5, 0.4, 0.625, 0.4)
    error = math.log(2) / 1.959964
    assert error == pytest.approx(0.3537, abs=1e-4)


def test_a_p_that_cannot_be_so(shelf_of):
    own = {"change_percent": -50, "lower": -75, "upper": 30}
    assert state(shelf_of, "p against interval", shots(**own, p=0.01)).state == FLAGGED
    assert state(shelf_of, "p against interval", shots(change_percent=-50, lower=-70, upper=-16.7, p=0.008)).state == QUIET
    assert state(shelf_of, "p against interval", shots(**own)).state == UNSEEN


def test_the_narrowing_of_what_is_a_shooting_is_not_one_of_explosions(real):
    shootings, explosions = judge(load_claim(CLAIMS / "SE18.toml"), real).screens
    states = [next(each.state for each in own if each.name == "definitions mixed") for own in (shootings, explosions)]
    assert states == [FLAGGED, QUIET]


def test_a_p_beside_an_interval_without_width_is_flagged(shelf_of):
    found = state(shelf_of, "p against interval", shots(change_percent=-35.0, lower=-35.0, upper=-35.0, p=0.01))
    assert found.state == FLAGGED and "has no width" in found.sentence
