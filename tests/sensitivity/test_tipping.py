"""Tipping points: by hand where paper has an answer, and the refit at a tipping value is no effect."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.sensitivity.leave_out import leave_out
from gvi_eval.sensitivity.placebo_dates import placebo_dates
from gvi_eval.sensitivity.tipping import HOLDS_ONE, reaches_one, rivals, tipping_frame, tipping_points
from gvi_eval.study import Estimand, Intervention, Moment

EXACT = ExactRatio()
LEVEL = Segmented(family="poisson", covariance="model", season="none", trend=False)


def event(name, day, role="co-intervention", unit=None):
    return Intervention(name, role, Moment(day, day), "s", unit=unit)


def points(estimator, panel, **more):
    return {row.kind: row for row in tipping_points(estimator, panel, estimator.estimate(panel), **more)}


@pytest.fixture(scope="module")
def halved(make_panel):
    """20 a year for three years, then 10 for two, and an operation from the second year after the start on."""
    return make_panel({"Town": [20, 30, 10, 10, 10]}, onset=3, start="2010", interventions=(event("Raid", date(2014, 1, 1)),))


def test_a_trend_by_hand(make_panel):
    # 20 in the year before and 10 in the year after: halving every year is all there is.
    row = points(EXACT, make_panel({"Town": [200, 100]}, onset=1, start="2010"))["trend"]
    assert row.point_at == pytest.approx(-0.5) and -0.5 < row.interval_at < row.neutral == 0
    assert "-50.0% a year all along would be the whole effect" in row.sentence


def test_a_co_event_by_hand(halved):
    # 20 were expected in each of two years and 10 came: from 1 + k over 2 = 1/2 follows that the second year had none.
    row = points(EXACT, halved)["co-event"]
    assert row.point_at is None and "not even no events at all from then on" in row.sentence
    earlier = points(EXACT, halved.with_(interventions=(event("Raid", date(2013, 5, 1)),)))["co-event"]
    assert earlier.point_at == pytest.approx(0.5) and earlier.row == "Raid, 2013"
    later = points(EXACT, halved.with_(values=halved.values.replace({"Town": {10: 15}}).assign(Town=[20, 30, 10, 15, 15])))
    assert later["co-event"].point_at == pytest.approx(0.5)  # 3/4 = (1 + k) / 2


def test_capture_is_the_ratio_itself(halved):
    effect = EXACT.estimate(halved)
    row = points(EXACT, halved)["capture"]
    assert (row.point_at, row.interval_at) == (pytest.approx(0.5), effect.intervals[0].upper)
    assert row.observed is None and "no second source" in row.sentence


def test_capture_beside_a_second_source_by_hand(halved):
    # The other source went from 20 to 20 a year, so this one lost half of what it counted.
    other = halved.with_(values=halved.values.assign(Town=[20, 20, 20, 20, 20]))
    row = points(EXACT, halved, sources=[("hospital", other), ("the same again", halved)])["capture"]
    assert row.observed == pytest.approx(0.5) and "beside hospital" in row.sentence


def test_a_source_for_other_days_says_nothing(halved):
    shorter = halved.with_(values=halved.values.assign(Town=[np.nan, 20, 20, 20, 20]))
    assert points(EXACT, halved, sources=[("hospital", shorter)])["capture"].observed is None


def test_a_return_to_the_mean_before_the_peak_by_hand(halved):
    # 2010 had 20, the peak of 2011 30; a year of 20 expected, 10 reached: the mean before the peak takes nothing away.
    row = points(EXACT, halved)["rebound"]
    assert row.observed == pytest.approx(0) and "the peak year before the start is 2011" in row.sentence
    # 10 and then 26 a year make 18 on average, 9 came: from 18 to 10 is 8 of the fall of 9.
    row = points(EXACT, halved.with_(values=halved.values.assign(Town=[10, 34, 10, 9, 9])))["rebound"]
    assert row.observed == pytest.approx(8 / 9) and row.point_at == 1


def test_a_rise_is_judged_by_its_trough(make_panel):
    panel = make_panel({"Town": [60, 30, 60, 100, 100]}, onset=3, start="2010")
    row = points(EXACT, panel)["rebound"]
    assert row.observed == pytest.approx((60 - 50) / (100 - 50)) and "trough year before the start is 2011" in row.sentence


def test_without_a_year_before_the_peak_nothing_is_known_of_it(make_panel):
    row = points(EXACT, make_panel({"Town": [40, 20, 10, 10]}, onset=2, start="2010"))["rebound"]
    assert row.observed is None and "no year of figures before the peak year 2010" in row.sentence


def test_an_interval_that_holds_one_has_nothing_to_reach(make_panel):
    rows = points(EXACT, make_panel({"Town": [8, 9, 7, 6]}, onset=2, start="2010"))
    assert all(row.interval_at is None and HOLDS_ONE in row.sentence for row in rows.values())
    assert rows["capture"].point_at < 1


SERIES = np.random.default_rng(3).poisson(np.where(np.arange(60) < 30, 14.0, 8.0)).astype(float)
MONTHS = np.arange(32)


@pytest.mark.parametrize("estimator", [LatentCounts(season="none"), Segmented(season="none"), LEVEL, EXACT], ids=str)
def test_at_the_tipping_value_the_refit_is_no_effect(make_panel, estimator):
    panel = make_panel({"Town": SERIES[14:46]}, onset=16, interventions=(event("Law", date(2011, 4, 1)),))
    rows = points(estimator, panel)
    years = (MONTHS - 16 + 0.5) / 12
    imposed = estimator if not getattr(estimator, "trend", False) else type(estimator)(season="none", trend=False)
    tilts = {
        "trend": (imposed, lambda v: (1 + v) ** years),
        "co-event": (estimator, lambda v: np.where(MONTHS >= 15, v, 1.0)),
        "capture": (estimator, lambda v: np.where(MONTHS >= 16, v, 1.0)),
    }
    if estimator.name == "latent_counts":
        del tilts["capture"]  # the identity of the capture row is exact without a prior that pulls the ratio towards 1
    for kind, (method, tilt) in tilts.items():
        row = rows[kind]
        told = method.estimate(panel.with_(exposure=panel.exposure.mul(tilt(row.point_at), axis=0)))
        assert told.point == pytest.approx(1, abs=1e-5)
        if row.interval_at is not None:
            told = method.estimate(panel.with_(exposure=panel.exposure.mul(tilt(row.interval_at), axis=0)))
            assert told.intervals[0].upper == pytest.approx(1, abs=1e-4)


@settings(max_examples=15)
@given(st.integers(30, 70), st.integers(5, 25))
def test_a_larger_fall_needs_more_of_every_rival(make_panel, before, fewer):
    small, large = (
        points(EXACT, make_panel({"Town": [before, before, before - k, before - k]}, onset=2, start="2010"))
        for k in (fewer - 3, fewer)
    )
    for kind in ("trend", "capture"):
        assert large[kind].point_at < small[kind].point_at < large[kind].neutral


@pytest.mark.parametrize("kind", ["trend", "capture"])
def test_the_interval_is_reached_before_the_point(halved, kind):
    row = points(EXACT, halved)[kind]
    assert row.point_at < row.interval_at < row.neutral


def test_only_rivals_of_the_place_near_or_after_the_start_have_rows(make_panel):
    events = (
        event("Long before", date(2010, 1, 1)),
        event("Elsewhere", date(2012, 6, 1), unit="Village"),
        event("Form", date(2012, 6, 1), role="recording change"),
        event("Programme", date(2012, 6, 1), role="treatment"),
        event("After the end", date(2030, 1, 1)),
        event("Half a year before", date(2012, 1, 1)),
        event("Shock", date(2013, 1, 1), role="shock", unit="Town"),
    )
    panel = make_panel({"Town": SERIES, "Village": SERIES}, onset=30, interventions=events)
    assert [each.name for each in rivals(panel)] == ["Half a year before", "Shock"]


def test_placebo_dates_of_one_series_are_run(make_panel):
    # 30 quiet months and 30 with half as much: at no date before has the ratio of a series without a change gone as low.
    row = points(LEVEL, make_panel({"Town": [14.0, 15.0, 13.0] * 10 + [7.0, 8.0, 6.0] * 10}, onset=30))["placebo date"]
    assert (
        row.observed == pytest.approx(1, abs=0.06) and row.point_at == pytest.approx(0.5) and "0 have as much" in row.sentence
    )
    falling = np.round(40 * 0.95 ** np.arange(60))
    row = points(LEVEL, make_panel({"Town": falling}, onset=30))["placebo date"]
    assert row.observed < 0.9


@pytest.fixture(scope="module")
def beside_donors(make_panel):
    random = np.random.default_rng(5)
    counts = {"Town": random.poisson(np.where(np.arange(40) < 28, 100, 60))}
    counts |= {f"Donor {k}": random.poisson(100, 40) for k in range(24)}
    panel = make_panel(counts, onset=28, start="2000Q1", interventions=(event("Raid", date(2008, 1, 1)),))
    evaluation = evaluate(Synthetic(), panel)
    effect = evaluation.effect(Estimand("ratio"))
    found = tipping_points(
        Synthetic(),
        panel,
        effect,
        evaluation=evaluation,
        left_out=leave_out(evaluation, Estimand("ratio")),
        dates=placebo_dates(Synthetic(), panel),
    )
    return effect, {row.kind: row for row in found}, evaluation


def test_a_comparison_is_tipped_along_its_own_path(beside_donors):
    effect, rows, _ = beside_donors
    path, years = effect.counterfactual, (np.arange(12) + 0.5) / 4
    for at, value in ((rows["trend"].point_at, 1.0), (rows["trend"].interval_at, effect.point / effect.intervals[0].upper)):
        tilted = path.expected.to_numpy()[28:] * (1 + at) ** years
        assert path.observed.to_numpy()[28:].sum() / tilted.sum() == pytest.approx(value, rel=1e-6)
    raided = np.where(np.arange(28, 40) >= 32, rows["co-event"].point_at, 1.0) * path.expected.to_numpy()[28:]
    assert raided.sum() == pytest.approx(path.observed.to_numpy()[28:].sum())
    assert rows["capture"].interval_at == effect.intervals[0].upper < 1


def test_the_worst_placebo_and_the_worst_donor(beside_donors):
    effect, rows, evaluation = beside_donors
    placebos = evaluation.placebos(Estimand("ratio"))
    assert rows["placebo place"].observed == pytest.approx(math.exp(placebos.scaled[1:].min() * placebos.spread[0]))
    assert rows["placebo place"].observed > effect.point and "and 0 have as much or more" in rows["placebo place"].sentence
    assert rows["donor"].point_at == pytest.approx(1 / effect.point) and 0.9 < rows["donor"].observed < 1.2
    assert rows["placebo date"].observed == pytest.approx(1, abs=0.15)


def test_a_refused_effect_has_no_tipping_points(halved):
    from dataclasses import replace

    effect = EXACT.estimate(halved)
    assert tipping_points(EXACT, halved, replace(effect, point=None, refusal="no")) == ()
    assert tipping_points(EXACT, halved, replace(effect, intervals=())) == ()


def test_a_root_that_is_not_there_is_none():
    assert reaches_one(lambda v: -1.0, -0.3) is None
    assert reaches_one(lambda v: -1.0 - v, -0.3) == pytest.approx(-1)

    def fails(v):
        raise EstimationError("no")

    assert reaches_one(fails, 1.0) is None


def test_the_table_has_the_columns_that_are_published(halved):
    table = tipping_frame(tipping_points(EXACT, halved, EXACT.estimate(halved)), "exact", "2013")
    assert {"specification", "onset", "row", "unit_of_row", "observed", "point_at", "interval_at", "sentence"} <= set(table)
    assert (table["specification"] == "exact").all() and isinstance(table, pd.DataFrame)
