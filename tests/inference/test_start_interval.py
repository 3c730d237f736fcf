"""A start that is published only as an interval: no date is picked, and the range is not narrower than any of its starts."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.inference.start_interval import candidate_starts, range_over_starts
from gvi_eval.intervals import Interval
from gvi_eval.study import Estimand, Moment

STARTS = pd.period_range("2020-01", periods=4, freq="M")


def effects(points, limits=None, contrast="ratio"):
    limits = limits or [(point - 0.1, point + 0.1) for point in points]
    return [
        Effect(
            "m",
            "Town",
            Estimand("e", contrast),
            point,
            start,
            intervals=(Interval(*pair, 0.95, "wald"),),
            notes=(f"note {start}",),
        )
        for point, pair, start in zip(points, limits, STARTS, strict=False)
    ]


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [("M", ["2021-11", "2021-12", "2022-01", "2022-02"]), ("Q", ["2021Q4", "2022Q1"]), ("Y", ["2021", "2022"])],
)
def test_every_period_that_holds_a_day_of_the_interval_is_a_candidate(frequency, expected):
    assert list(candidate_starts(Moment(date(2021, 11, 30), date(2022, 2, 1)), frequency).astype(str)) == expected


def test_a_known_day_has_one_candidate():
    assert len(candidate_starts(Moment(date(2021, 5, 5), date(2021, 5, 5)), "Q")) == 1


def test_a_ratio_is_averaged_on_the_log_and_the_range_runs_from_the_lowest_to_the_highest_limit():
    effect = range_over_starts(effects([0.5, 2.0], [(0.4, 0.7), (1.5, 2.5)]))
    assert effect.point == pytest.approx(1.0)
    assert (effect.intervals[0].lower, effect.intervals[0].upper, effect.intervals[0].kind) == (0.4, 2.5, "bounds")
    assert effect.tests == () and effect.counterfactual is None
    assert dict(effect.details["starts"]) == {"2020-01": 0.5, "2020-02": 2.0}


@pytest.mark.parametrize("contrast", ["difference", "prevented"])
def test_events_are_averaged_as_they_are(contrast):
    assert range_over_starts(effects([-3.0, 5.0], contrast=contrast)).point == 1.0


@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=4), st.randoms())
def test_neither_the_order_nor_the_likelihood_of_the_starts_matters(points, random):
    shuffled = effects(points)
    random.shuffle(shuffled)
    one, other = range_over_starts(effects(points)), range_over_starts(shuffled)
    assert one.point == pytest.approx(other.point) and one.intervals == other.intervals
    assert min(points) * (1 - 1e-9) <= one.point <= max(points) * (1 + 1e-9)


def test_the_note_says_that_the_date_is_not_known_and_the_notes_of_every_start_stay():
    notes = range_over_starts(effects([0.5, 0.6])).notes
    assert "flat average over 2 starts (2020-01 to 2020-02)" in notes[0]
    assert {"note 2020-01", "note 2020-02"} <= set(notes)


def test_one_refused_start_refuses_the_range_and_is_named():
    refused = Effect("m", "Town", Estimand("ratio"), None, STARTS[1], refusal="no events")
    effect = range_over_starts([*effects([0.5]), refused])
    assert (effect.point, effect.intervals, effect.refusal) == (None, (), "start 2020-02: no events")


def test_no_start_is_an_error():
    with pytest.raises(EstimationError, match="no candidate start was given"):
        range_over_starts([])


def test_a_start_without_an_interval_leaves_the_range_without_one():
    bare = Effect("m", "Town", Estimand("ratio"), 0.5, STARTS[0])
    effect = range_over_starts([bare, effects([0.5, 0.5])[1]])
    assert effect.point == pytest.approx(0.5) and effect.intervals == ()


def test_a_ratio_of_zero_at_every_start_is_zero_without_a_warning(make_panel):
    panel = make_panel({"Town": [10, 10, 10, 0, 0, 0]}, onset=3)
    found = [ExactRatio().estimate(panel.starting(start)) for start in panel.periods[3:5]]
    effect = range_over_starts(found)
    assert effect.point == 0.0 and effect.intervals[0].lower == 0.0 and np.isfinite(effect.intervals[0].upper)


def test_the_range_has_no_more_level_than_its_starts():
    found = [dataclasses.replace(each, intervals=(Interval(0.5, 1.2, 0.9, "placebo"),)) for each in effects([0.7, 0.8])]
    assert range_over_starts(found).intervals == (Interval(0.5, 1.2, 0.9, "bounds"),)
