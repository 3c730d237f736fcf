"""The columns of an interrupted time series, written out by hand."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import design, few_points, require_both_sides, require_full_rank, require_series
from gvi_eval.panel import Panel
from gvi_eval.study import Intervention, Moment
from gvi_eval.windows import CountWindow


def event(name, start, end=None, role="shock"):
    return Intervention(name, role, Moment(start, start), "s", end=end)


@pytest.fixture(scope="module")
def year(make_panel):
    """Twelve months of 2010; the start is September."""
    events = (event("storm", date(2010, 3, 15), date(2010, 5, 1)), event("form", date(2010, 6, 1), role="recording change"))
    return make_panel({"Town": range(1, 13)}, onset=8, exposure=2.0, interventions=events)


def columns(panel, **settings):
    defaults = {"change": "level", "trend": False, "season": "none", "ramp": 0, "adjust": ()}
    return design(panel, "Town", **defaults | settings)


def column(panel, name, **settings):
    made = columns(panel, **settings)
    return made.factual[:, made.names.index(name)].tolist()


def test_a_level_is_off_before_the_start_and_on_from_it(year):
    assert column(year, "level") == [0] * 8 + [1] * 4


def test_without_the_programme_only_its_columns_are_off(year):
    made = columns(year, trend=True, adjust=("form",))
    assert made.names == ("intercept", "trend", "event: form", "level")
    assert np.array_equal(made.expected[:, :3], made.factual[:, :3]) and not made.expected[:, 3].any()
    assert np.allclose(made.log_exposure, np.log(2))


def test_the_trend_is_zero_at_the_start_and_a_step_of_one_over_n(year):
    assert column(year, "trend", trend=True) == pytest.approx([month / 12 for month in range(-8, 4)])


def test_the_slope_is_the_trend_after_the_start(make_panel):
    panel = make_panel({"Town": range(16)}, onset=8)
    assert column(panel, "slope", change="level+slope") == pytest.approx([0] * 8 + [month / 16 for month in range(8)])
    assert columns(panel, change="level+slope").expected[:, 1:].sum() == 0


def test_a_slope_needs_eight_periods_after_the_start(make_panel):
    with pytest.raises(
        EstimationError, match="a change of slope needs 8 periods after the start, Town has 7; use change = 'level'"
    ):
        columns(make_panel({"Town": range(15)}, onset=8), change="level+slope")


@pytest.mark.parametrize(
    ("ramp", "risen"), [(1, [1, 1, 1, 1]), (2, [0.5, 1, 1, 1]), (4, [0.25, 0.5, 0.75, 1]), (8, [1 / 8, 2 / 8, 3 / 8, 4 / 8])]
)
def test_a_ramp_rises_in_equal_steps_to_one(year, ramp, risen):
    assert column(year, "level", change="ramp", ramp=ramp) == pytest.approx([0] * 8 + risen)


def test_a_pulse_lasts_its_periods(year):
    assert column(year, "level", change="pulse", ramp=2) == [0] * 8 + [1, 1, 0, 0]


@pytest.mark.parametrize("change", ["ramp", "pulse"])
def test_a_ramp_and_a_pulse_need_their_length(year, change):
    with pytest.raises(StudyError, match=f"change = '{change}' needs the number of its periods, ramp is 0"):
        columns(year, change=change)


def test_an_unknown_change_names_those_that_exist(year):
    with pytest.raises(StudyError, match="change is 'jump'; choose level, level\\+slope, ramp, pulse or steps"):
        columns(year, change="jump")


def test_an_event_with_an_end_is_a_pulse_over_the_months_it_touches(year):
    assert column(year, "event: storm", adjust=("storm",)) == [0, 0, 1, 1, 1] + [0] * 7


def test_an_event_without_an_end_is_a_step(year):
    assert column(year, "event: form", adjust=("form",)) == [0] * 5 + [1] * 7


def test_an_event_that_is_not_in_the_study_names_those_that_are(year):
    with pytest.raises(
        StudyError, match="adjust names 'strike', which is not an event of the study; its events are storm, form"
    ):
        columns(year, adjust=("strike",))


@pytest.mark.parametrize(("start", "state"), [(date(2009, 1, 1), "on"), (date(2011, 1, 1), "off")])
def test_an_event_that_never_changes_is_refused(make_panel, start, state):
    panel = make_panel({"Town": range(12)}, onset=8, interventions=(event("form", start),))
    with pytest.raises(EstimationError, match=f"'form' is {state} in every period, so it has no effect to adjust for; drop it"):
        columns(panel, adjust=("form",))


def test_months_have_two_harmonics_quarters_one_and_years_none(make_panel):
    series = {"Town": range(12)}

    def seasonal(start):
        names = columns(make_panel(series, 6, start=start), season="default").names
        return [name for name in names if name not in ("intercept", "level")]

    assert seasonal("2010-01") == ["cos 1", "sin 1", "cos 2", "sin 2"]
    assert seasonal("2010Q1") == ["cos 1", "sin 1"]
    assert seasonal("2010") == []


def test_the_first_harmonic_of_quarters_goes_round_in_a_year(make_panel):
    panel = make_panel({"Town": range(8)}, onset=4, start="2010Q1")
    assert column(panel, "cos 1", season=1) == pytest.approx([1, 0, -1, 0] * 2)
    assert column(panel, "sin 1", season=1) == pytest.approx([0, 1, 0, -1] * 2)


def test_the_last_harmonic_has_no_sine_because_it_would_be_zero(make_panel):
    panel = make_panel({"Town": range(8)}, onset=4, start="2010Q1")
    assert columns(panel, season=2).names == ("intercept", "cos 1", "sin 1", "cos 2", "level")


def test_all_harmonics_span_what_the_dummies_span(make_panel):
    panel = make_panel({"Town": range(24)}, onset=12)
    waves, dummies = columns(panel, season=6).factual, columns(panel, season="dummies").factual
    assert waves.shape == dummies.shape and np.linalg.matrix_rank(np.hstack([waves, dummies])) == dummies.shape[1]


def test_dummies_leave_out_the_first_season(make_panel):
    panel = make_panel({"Town": range(8)}, onset=4, start="2010Q2")
    made = columns(panel, season="dummies")
    assert made.names == ("intercept", "season 2", "season 3", "season 4", "level")
    assert made.factual[:, 1:4].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]] * 2


@pytest.mark.parametrize("season", [7, -1, "summer"])
def test_a_season_that_does_not_exist_is_refused(year, season):
    with pytest.raises(StudyError, match="choose 'default', 'dummies', 'none' or a number of harmonics up to 6"):
        columns(year, season=season)


def test_a_covariate_enters_as_it_is_in_both_paths(year):
    price = year.exposure * 0 + np.arange(12.0)[:, None]
    made = columns(year.with_(covariates=MappingProxyType({"price": price})), covariates=("price",))
    assert made.names == ("intercept", "covariate: price", "level")
    assert made.factual[:, 1].tolist() == made.expected[:, 1].tolist() == list(range(12))


def test_a_covariate_that_is_not_there_names_those_that_are(year):
    with pytest.raises(StudyError, match="covariates names 'price', which the panel does not hold; it holds none"):
        columns(year, covariates=("price",))


def test_a_covariate_with_a_hole_names_the_period(year):
    price = (year.exposure * 1.0).mask(np.arange(12)[:, None] == 4)
    with pytest.raises(EstimationError, match="the covariate 'price' of Town has no value for 2010-05; complete or drop it"):
        columns(year.with_(covariates=MappingProxyType({"price": price})), covariates=("price",))


def test_spans_are_refused_with_the_methods_that_take_them(make_panel):
    span = CountWindow("Town", ((date(2010, 1, 1), date(2010, 2, 28)),), 9, ())
    panel = make_panel({"Town": [np.nan, np.nan, 4, 5]}, onset=3, windows=(span,))
    with pytest.raises(
        EstimationError,
        match="segmented needs one figure per period, but Town has the span of 9 in Town.*use latent_counts or exact_ratio",
    ):
        require_series(panel, "Town", "segmented")


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([np.nan] * 4 + [3] * 4, "Town has no figure before the start 2010-05; widen the baseline"),
        ([3] * 4 + [np.nan] * 4, "Town has no figure after the start 2010-05; widen the baseline or move the start"),
        ([0] * 4 + [3] * 4, "Town recorded no events before the start 2010-05, so its ratio is undefined; widen the baseline"),
        (
            [3] * 4 + [0] * 4,
            "Town recorded no events after the start 2010-05, so its ratio is zero with no upper limit here; use exact_ratio",
        ),
    ],
)
def test_both_sides_of_the_start_need_figures_and_events(make_panel, counts, sentence):
    panel = make_panel({"Town": counts}, onset=4)
    with pytest.raises(EstimationError, match=sentence):
        require_both_sides(panel, "Town", panel.values["Town"].notna().to_numpy())


@pytest.mark.parametrize(("before", "after", "notes"), [(10, 10, 0), (9, 3, 0), (2, 10, 1), (10, 2, 1), (3, 3, 1), (2, 2, 2)])
def test_few_points_are_noted(before, after, notes):
    found = few_points(before, after, "Town")
    assert len(found) == notes and all("Town has" in note for note in found)


def test_more_coefficients_than_figures_are_refused_by_name(make_panel):
    panel = make_panel({"Town": range(13)}, onset=6)
    with pytest.raises(EstimationError, match=r"Town has 13 figures for 13 coefficients \(intercept, season 2, .*, level\)"):
        require_full_rank(columns(panel, season="dummies"), np.ones(13, dtype=bool), "Town")


def test_a_column_that_repeats_another_is_named(make_panel):
    panel = make_panel({"Town": range(12)}, onset=6, interventions=(event("form", date(2010, 7, 1)),))
    with pytest.raises(EstimationError, match="the column 'level' says nothing that the columns before it do not say for Town"):
        require_full_rank(columns(panel, adjust=("form",)), np.ones(12, dtype=bool), "Town")


@pytest.mark.parametrize(("after", "sizes"), [(12, [6, 6]), (14, [6, 8]), (15, [6, 6, 3]), (2, [2]), (6, [6])])
def test_steps_are_levels_of_their_own_and_a_short_last_one_joins_the_one_before(after, sizes):
    panel = Panel(
        *[pd.DataFrame({"Town": np.ones(24 + after)}, pd.period_range("2010-01", periods=24 + after, freq="M"))] * 2,
        {"Town": pd.Period("2012-01", "M")},
    )
    made = design(panel, "Town", change="steps", trend=False, season="none", ramp=6, adjust=())
    assert made.names == ("intercept", *(f"step {k + 1}" for k in range(len(sizes))))
    assert made.factual[:, 1:].sum(axis=0).tolist() == sizes
    assert (made.factual[:, 1:].sum(axis=1) == (np.arange(24 + after) >= 24)).all() and not made.expected[:, 1:].any()


def test_anticipation_is_a_level_of_its_own_before_the_start_in_both_paths():
    panel = Panel(
        *[pd.DataFrame({"Town": np.ones(36)}, pd.period_range("2010-01", periods=36, freq="M"))] * 2,
        {"Town": pd.Period("2012-01", "M")},
    )
    made = design(panel, "Town", change="level", trend=False, season="none", ramp=0, adjust=(), anticipation=3)
    assert made.names == ("intercept", "anticipation", "level")
    assert np.flatnonzero(made.factual[:, 1]).tolist() == [21, 22, 23] == np.flatnonzero(made.expected[:, 1]).tolist()
    with pytest.raises(StudyError, match="24 lie before the start"):
        design(panel, "Town", change="level", trend=False, season="none", ramp=0, adjust=(), anticipation=24)
