"""Fading: half-years read back what was planted, horizons stop where the figures stop, and T19 follows its rule."""

import dataclasses
from datetime import date

import numpy as np
import pytest

from gvi_eval.assembly import build_panel
from gvi_eval.errors import StudyError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.intervals import Interval
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.fading import HalfYear, fading, half_years_table, horizons_table, reading
from gvi_eval.study import Window, load_study

PLAIN = LatentCounts(season="none", trend=False)


def series(make_panel, ratios, per_half=2, start="2010Q1", before=16, mean=900):
    """A steady mean, then half-years with these ratios, half a per cent up and down."""
    counts = np.array([mean] * before + [mean * ratio for ratio in ratios for _ in range(per_half)])
    return make_panel({"Town": np.round(counts * (1 + 0.005 * (-1.0) ** np.arange(len(counts))))}, before, start=start)


@pytest.fixture(scope="module")
def fades(make_panel):
    """Quarters: the counts halve, and the effect halves every half-year on the log: 0.5, 0.71, 0.84, 0.92."""
    panel = series(make_panel, [0.5, 0.5**0.5, 0.5**0.25, 0.5**0.125])
    return panel, fading(PLAIN, panel)


def test_every_half_year_has_its_own_ratio(fades):
    _, found = fades
    assert [row.point for row in found.half_years] == pytest.approx([0.5, 0.707, 0.841, 0.917], abs=0.01)
    assert [str(row.first) for row in found.half_years] == ["2014Q1", "2014Q3", "2015Q1", "2015Q3"]
    assert all(row.interval.lower < row.point < row.interval.upper and not row.rests_on_prior for row in found.half_years)


def test_a_horizon_is_the_ratio_of_sums_up_to_it(fades):
    _, found = fades
    planted = np.array([0.5, 0.5**0.5, 0.5**0.25, 0.5**0.125])
    six, twelve, two_years, three_years = found.horizons
    assert six.point == pytest.approx(found.half_years[0].point)
    assert twelve.point == pytest.approx(planted[:2].mean(), abs=0.01)
    assert two_years.point == pytest.approx(planted.mean(), abs=0.01) == found.average.point
    assert (str(six.last), str(twelve.last), str(two_years.last)) == ("2014Q2", "2014Q4", "2015Q4")
    assert three_years.point is None and three_years.interval is None
    assert three_years.reason == "the figures of Town end with 2015Q4, before 2016Q4"


def test_beside_each_half_year_stands_what_was_observed_against_a_constant_level(fades):
    panel, found = fades
    constant = PLAIN.estimate(panel).counterfactual
    for row in found.half_years:
        inside = slice(str(row.first), str(row.last))
        assert row.realised == pytest.approx(constant.observed[inside].sum() / constant.expected[inside].sum())
        assert row.prediction.kind == "prediction" and row.prediction.lower < row.realised < row.prediction.upper


def test_an_effect_that_halves_each_half_year_is_flagged(fades):
    _, found = fades
    state = found.reading
    assert (state.id, state.state) == ("T19", "flagged") and 0 < state.number < 0.5
    assert state.number == pytest.approx(np.log(found.half_years[-1].point) / np.log(found.average.point), rel=1e-3)
    assert "of the average effect on the log" in state.sentence and state.evidence["last_period"] == "2015Q4"


def test_an_effect_that_stays_is_not_flagged(make_panel):
    found = fading(PLAIN, series(make_panel, [0.6, 0.6, 0.6]))
    assert found.reading.state == "not flagged" and found.reading.number == pytest.approx(1, abs=0.05)


def test_an_effect_that_turns_is_flagged_as_the_other_side_of_one(make_panel):
    found = fading(PLAIN, series(make_panel, [0.5, 0.5, 1.2]))
    assert found.reading.state == "flagged" and found.reading.number < 0
    assert "other side of 1" in found.reading.sentence


def half_year(number, point, vague=False):
    interval = Interval(point * 0.8, point * 1.2, 0.95, "posterior")
    return HalfYear(number, None, None, point, interval, float(np.log(point)), vague, None, None, "")


@pytest.mark.parametrize(
    ("average", "latest", "vague", "state"),
    [
        (0.5, 0.5**0.49, False, "flagged"),
        (0.5, 0.5**0.51, False, "not flagged"),
        (0.5, 1.01, False, "flagged"),
        (2.0, 2.0**0.4, False, "flagged"),
        (2.0, 0.9, False, "flagged"),
        (2.0, 3.0, False, "not flagged"),
        (0.5, 1.5, True, "could not have flagged"),
    ],
)
def test_the_rule_on_paper(fades, average, latest, vague, state):
    effect = dataclasses.replace(fades[1].average, point=average)
    assert reading((half_year(1, 0.5), half_year(2, latest, vague)), effect).state == state


def test_one_half_year_cannot_be_seen_to_fade(make_panel):
    found = fading(PLAIN, series(make_panel, [0.5]))
    assert len(found.half_years) == 1 and found.reading.state == "could not have flagged"


def test_months_have_six_to_a_half_year_and_a_short_rest_joins_the_last(make_panel):
    panel = series(make_panel, [0.5, 0.7], per_half=6, start="2010-01", before=24, mean=300)
    found = fading(PLAIN, panel.until(panel.periods[-2].end_time.date()), [1, 9])
    assert [(str(row.first), str(row.last)) for row in found.half_years] == [("2012-01", "2012-06"), ("2012-07", "2012-11")]
    assert [row.last.month for row in found.horizons] == [1, 9]
    rest = fading(PLAIN, panel.until(panel.periods[-5].end_time.date()), [6])
    assert [(str(row.first), str(row.last)) for row in rest.half_years] == [("2012-01", "2012-08")]


def test_years_have_a_year_each_and_no_six_months(make_panel):
    panel = series(make_panel, [0.5, 0.6, 0.7], per_half=1, start="2000", before=10)
    found = fading(PLAIN, panel, [6, 24])
    assert [str(row.first) for row in found.half_years] == ["2010", "2011", "2012"]
    six, two_years = found.horizons
    assert six.point is None and "6 months are no whole number" in six.reason and str(two_years.last) == "2011"


def test_a_horizon_before_the_start_is_an_error(fades):
    with pytest.raises(StudyError, match="a horizon of -6 months does not lie after the start"):
        fading(PLAIN, fades[0], [-6])


def test_a_missing_quarter_leaves_its_half_year_without_a_realised_ratio(fades):
    panel = fades[0].dropping(Window(date(2014, 7, 1), date(2014, 9, 30)))
    second = fading(PLAIN, panel).half_years[1]
    assert second.realised is None and second.note.startswith("1 of its 2 periods have no figure of their own")
    assert second.point == pytest.approx(0.707, abs=0.02)


def test_a_half_year_without_any_figure_refuses_the_whole_and_says_why(fades):
    panel = fades[0].dropping(Window(date(2014, 7, 1), date(2014, 12, 31)))
    found = fading(PLAIN, panel)
    assert found.half_years == () and found.average is None and "'step 2' says nothing" in found.refusal
    assert found.reading.state == "could not have flagged" and {row.reason for row in found.horizons} == {found.refusal}
    assert half_years_table(found.half_years).empty and horizons_table(found.horizons)["point"].isna().all()


def test_half_years_stop_where_the_figures_stop(fades):
    panel = fades[0].dropping(Window(date(2015, 7, 1)))
    found = fading(PLAIN, panel)
    assert str(found.half_years[-1].last) == "2015Q2" and found.horizons[2].reason.startswith(
        "the figures of Town end with 2015Q2"
    )


def test_the_tables_keep_what_is_absent(fades):
    _, found = fades
    halves, horizons = half_years_table(found.half_years), horizons_table(found.horizons)
    assert halves["half_year"].tolist() == [1, 2, 3, 4] and halves["realised"].notna().all()
    assert horizons["months"].tolist() == [6, 12, 24, 36] and horizons["reason"].notna().tolist() == [False] * 3 + [True]


def test_malmos_spans_cannot_tell_late_half_years_apart_and_say_so():
    file = CHECKOUT / "analyses" / "malmo" / "study.toml"
    study = load_study(file)
    panel = build_panel(study, read_tables(study, file.parent), study.primary.name)
    found = fading(LatentCounts(), panel)
    vague = [row for row in found.half_years if row.rests_on_prior]
    # 2021 is one figure: April to September of that year is nowhere apart from the months around it.
    assert "2021-04" in [str(row.first) for row in vague] and len(vague) < len(found.half_years)
    assert all(row.interval.upper / row.interval.lower > 100 for row in vague)
    assert all("rests on the prior" in row.note for row in vague)
    assert all(row.realised is None and "no figure of their own" in row.note for row in found.half_years)
    assert found.reading.state == "could not have flagged" and found.horizons[0].point is not None
