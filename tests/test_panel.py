"""Every question of robustness is another panel: what each transform keeps, what it leaves out, and what it says about it."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import DataError, StudyError
from gvi_eval.panel import Panel, period_of
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import OutlierRule, Window
from gvi_eval.tables import read_table
from gvi_eval.windows import CountWindow

COUNTS = st.lists(st.integers(0, 60), min_size=24, max_size=24)


@pytest.fixture(scope="module")
def year_and_a_half(make_panel):
    """Town and three donors over 18 months from January 2010; the start is January 2011."""
    counts = {name: [10 * place + month for month in range(18)] for place, name in enumerate(["Town", "A", "B", "C"], 1)}
    return make_panel(counts, onset=12)


@pytest.fixture(scope="module")
def with_span(make_panel):
    """Town with a span of 90 events over February to April 2010, the months of which have no figure of their own."""
    span = CountWindow("Town", ((date(2010, 2, 1), date(2010, 4, 30)),), 90, ("report:7",))
    town = [10.0, np.nan, np.nan, np.nan, *[20.0] * 8]
    return make_panel({"Town": town}, onset=6, windows=(span,))


def same(one: Panel, other: Panel) -> bool:
    return (
        one.values.equals(other.values)
        and one.exposure.equals(other.exposure)
        and dict(one.onsets) == dict(other.onsets)
        and one.windows == other.windows
        and one.dropped == other.dropped
    )


def total(panel: Panel, unit: str) -> float:
    return float(panel.values[unit].sum() + sum(span.count for span in panel.spans(unit)))


# What a panel is.


def test_a_day_lies_in_its_month_quarter_and_year():
    assert [str(period_of(date(2013, 5, 17), frequency)) for frequency in "MQY"] == ["2013-05", "2013Q2", "2013"]


def test_who_is_treated_and_who_is_a_donor(year_and_a_half):
    assert year_and_a_half.treated == ("Town",) and year_and_a_half.donors == ["A", "B", "C"]
    assert year_and_a_half.sole_treated == ("Town", pd.Period("2011-01", "M"))
    assert year_and_a_half.frequency == "M"


def test_rates_are_events_per_person_year(make_panel):
    panel = make_panel({"Town": [6, 3]}, onset=1, exposure=1500 / 12)
    assert panel.rates["Town"].tolist() == [6 / 125, 3 / 125]


def test_a_complete_series_has_the_identity_as_its_matrix(year_and_a_half):
    counts, matrix = year_and_a_half.observations("A")
    assert np.array_equal(matrix, np.eye(18)) and counts.tolist() == year_and_a_half.values["A"].tolist()


def test_a_span_is_one_row_that_covers_its_months(with_span):
    counts, matrix = with_span.observations("Town")
    assert counts.tolist() == [10, 90, *[20] * 8]
    assert matrix[1].tolist() == [0, 1, 1, 1, *[0] * 8]
    assert with_span.gaps("Town") == ()


def test_a_month_that_a_span_covers_in_part_counts_as_its_share_of_days(make_panel):
    span = CountWindow("Town", ((date(2010, 4, 16), date(2010, 5, 31)),), 9, ())
    panel = make_panel({"Town": [1, 1, 1, np.nan, np.nan, 1]}, onset=3, windows=(span,))
    assert panel.observations("Town")[1][3].tolist() == [0, 0, 0, 15 / 30, 1, 0]


def test_a_span_of_two_stretches_covers_both_and_nothing_between(make_panel):
    stretches = ((date(2010, 1, 1), date(2010, 1, 31)), (date(2010, 3, 1), date(2010, 3, 31)))
    panel = make_panel({"Town": [np.nan, 4, np.nan, 1]}, onset=3, windows=(CountWindow("Town", stretches, 9, ()),))
    counts, matrix = panel.observations("Town")
    assert dict(zip(counts, matrix.tolist(), strict=True))[9.0] == [1, 0, 1, 0]


@given(COUNTS, st.sets(st.integers(0, 23), max_size=10))
def test_figures_cover_the_exposure_of_the_months_that_have_one(make_panel, counts, holes):
    own = [np.nan if month in holes else value for month, value in enumerate(counts)]
    panel = make_panel({"Town": own}, onset=12, exposure=2.5)
    y, matrix = panel.observations("Town")
    assert (matrix @ panel.exposure["Town"].to_numpy()).sum() == pytest.approx(2.5 * (24 - len(holes)))
    assert y.sum() == np.nansum(own)
    assert [period.month + 12 * (period.year - 2010) - 1 for period in panel.gaps("Town")] == sorted(holes)


# The transforms.


def test_leaving_out_two_donors_in_either_order_is_the_same(year_and_a_half):
    assert same(year_and_a_half.without("A").without("B"), year_and_a_half.without("B").without("A"))
    assert year_and_a_half.without("A").donors == ["B", "C"]


def test_leaving_out_a_stranger_names_who_is_there(year_and_a_half):
    with pytest.raises(StudyError, match="Elsewhere is not in the panel, which holds Town, A, B, C"):
        year_and_a_half.without("Elsewhere")


def test_no_transform_changes_the_panel_it_starts_from(year_and_a_half):
    values, exposure = year_and_a_half.values.copy(), year_and_a_half.exposure.copy()
    window = Window(date(2010, 3, 1), date(2010, 4, 30))
    panel = year_and_a_half
    for other in (
        panel.dropping(window),
        panel.adjusted(0.5),
        panel.injected(0.5, 1),
        panel.resampled("Q"),
        panel.before("2010-08"),
    ):
        other.values.iloc[:] = -1.0
    pd.testing.assert_frame_equal(panel.values, values)
    pd.testing.assert_frame_equal(panel.exposure, exposure)
    assert dict(panel.onsets) == {"Town": pd.Period("2011-01", "M")}


def test_dropped_months_are_gaps_and_not_zero(year_and_a_half):
    panel = year_and_a_half.dropping(Window(date(2010, 3, 1), date(2010, 4, 30)))
    assert [str(period) for period in panel.gaps("Town")] == ["2010-03", "2010-04"]
    assert panel.values.loc["2010-03":"2010-04"].isna().all(axis=None)
    others = [period for period in panel.periods if period not in panel.gaps("Town")]
    assert panel.values.loc[others].equals(year_and_a_half.values.loc[others])


def test_a_month_that_is_touched_on_one_day_is_dropped_whole(year_and_a_half):
    panel = year_and_a_half.dropping(Window(date(2010, 3, 31), date(2010, 4, 1)))
    assert [str(period) for period in panel.gaps("A")] == ["2010-03", "2010-04"]


def test_a_donut_is_a_dropped_window(year_and_a_half):
    window = Window(date(2010, 11, 1), date(2011, 2, 28))
    assert same(year_and_a_half.donut(window), year_and_a_half.dropping(window))


def test_dropping_twice_is_dropping_once(year_and_a_half):
    window = Window(date(2010, 11, 1), date(2011, 2, 28))
    once = year_and_a_half.dropping(window)
    assert same(once.dropping(window), once)


def test_a_span_is_dropped_whole_and_listed_never_split(with_span):
    panel = with_span.dropping(Window(date(2010, 4, 1), date(2010, 4, 30)))
    assert panel.windows == () and [str(period) for period in panel.gaps("Town")] == ["2010-02", "2010-03", "2010-04"]
    (note,) = panel.dropped
    assert "the span of 90 in Town, 2010-02-01 to 2010-04-30 left out" in note


@pytest.mark.parametrize(
    "cut",
    [
        lambda panel: panel.until(date(2010, 12, 31)).since(date(2010, 4, 1)),
        lambda panel: panel.since(date(2010, 3, 2)).until(date(2010, 12, 31)),
    ],
)
def test_a_span_across_a_cut_is_left_out_and_listed(with_span, cut):
    panel = cut(with_span)
    assert panel.windows == () and len(panel.dropped) == 1
    assert "90 in Town, 2010-02-01 to 2010-04-30 left out" in panel.dropped[0]


def test_a_span_outside_a_cut_goes_without_a_word(with_span):
    panel = with_span.since(date(2010, 5, 1))
    assert panel.windows == () and panel.dropped == () and len(panel.periods) == 8


def test_a_cut_keeps_the_span_inside_it(with_span):
    assert with_span.since(date(2010, 2, 1)).windows == with_span.windows
    assert with_span.until(date(2010, 9, 30)).windows == with_span.windows


def test_a_placebo_start_before_the_programme_sees_no_treated_month(year_and_a_half):
    panel = year_and_a_half.before("2011-01")
    assert len(panel.periods) == 12 and not (panel.periods >= panel.onsets["Town"]).any()
    placebo = panel.starting("2010-07")
    assert placebo.sole_treated == ("Town", pd.Period("2010-07", "M"))
    assert placebo.values.equals(year_and_a_half.values.iloc[:12])


def test_shorter_follow_up_ends_on_the_day(year_and_a_half):
    assert str(year_and_a_half.until(date(2011, 2, 28)).periods[-1]) == "2011-02"
    assert str(year_and_a_half.until(date(2011, 2, 27)).periods[-1]) == "2011-01"
    assert str(year_and_a_half.since(date(2010, 2, 2)).periods[0]) == "2010-03"


@pytest.mark.parametrize("day", [date(2009, 12, 31), date(2010, 1, 15)])
def test_a_cut_that_leaves_nothing_says_so(year_and_a_half, day):
    with pytest.raises(StudyError, match="nothing is left of the panel, 2010-01 to 2011-06"):
        year_and_a_half.until(day)


def test_no_whole_year_in_the_panel_is_refused(make_panel):
    with pytest.raises(StudyError, match="no whole Y lies in the panel, 2010-01 to 2010-06"):
        make_panel({"Town": range(6)}, onset=3).resampled("Y")


def test_a_donor_takes_the_place_of_the_treated_unit_which_leaves(year_and_a_half):
    panel = year_and_a_half.reassigned_to("B")
    assert panel.treated == ("B",) and panel.donors == ["A", "C"] and "Town" not in panel.values
    assert panel.onsets["B"] == year_and_a_half.onsets["Town"]


@pytest.mark.parametrize("unit", ["Town", "Elsewhere"])
def test_only_a_donor_can_be_the_placebo(year_and_a_half, unit):
    with pytest.raises(StudyError, match=f"{unit} is not a donor of this panel; its donors are A, B, C"):
        year_and_a_half.reassigned_to(unit)


def test_two_treated_units_have_no_sole_one(year_and_a_half):
    onsets = MappingProxyType(dict(year_and_a_half.onsets) | {"A": pd.Period("2010-06", "M")})
    with pytest.raises(StudyError, match="takes one treated unit, the panel has 2"):
        _ = year_and_a_half.with_(onsets=onsets).sole_treated


def test_a_count_far_above_those_around_it_becomes_a_gap_and_is_listed(make_panel):
    # Around 60 lie 10, 12, 10, 12, 10, 12, 10, 12 with median 11: 60 is beyond 1.6 times that, and a Poisson of mean
    # 11 + ln 2 gives 60 or more with a chance below exp(-(60 ln(60/11.69) - 60 + 11.69)) = exp(-49.8).
    quiet = [10, 12] * 10
    donor = [*quiet[:8], 60, *quiet[8:19]]
    panel = make_panel({"Town": donor, "Donor": donor, "Calm": quiet}, onset=15)
    cleared = panel.without_outliers(OutlierRule())
    assert np.flatnonzero(cleared.values["Donor"].isna()).tolist() == [8]
    assert cleared.values[["Town", "Calm"]].equals(panel.values[["Town", "Calm"]])
    assert cleared.dropped == (
        "60 in Donor, 2010-09, left out: the median of the 8 counts around it is 11 "
        "(above 1.6 times the median of 4 periods either side, chance below 1e-06)",
    )


@pytest.mark.parametrize(
    ("count", "rule", "out"),
    [
        (17, OutlierRule(chance=0.99), False),  # 1.55 times the median
        (19, OutlierRule(chance=0.99), True),
        (30, OutlierRule(), False),  # exp(-9.97) = 4.7e-5
        (37, OutlierRule(), True),  # exp(-17.3) = 3e-8
        (37, OutlierRule(chance=1e-9), False),
        (37, OutlierRule(factor=3.4), False),
    ],
)
def test_a_rule_asks_for_factor_and_chance_both(make_panel, count, rule, out):
    donor = [11] * 8 + [count] + [11] * 11
    cleared = make_panel({"Town": [11] * 20, "Donor": donor}, onset=15).without_outliers(rule)
    assert cleared.values["Donor"].isna().any() == out


def test_a_small_count_is_never_an_outlier_for_being_small(make_panel):
    donor = [0, 0, 1, 0, 0, 2, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0]
    panel = make_panel({"Town": donor, "Donor": donor}, onset=15)
    assert panel.without_outliers(OutlierRule()).values.equals(panel.values)


def test_a_count_with_too_few_counts_around_it_is_not_judged(make_panel):
    donor = [60.0, 11, 11, 11, np.nan, 11, 11, 11, 11, 11, 11, 11]
    panel = make_panel({"Town": [11] * 12, "Donor": donor}, onset=6)
    assert panel.without_outliers(OutlierRule()).values["Donor"].iloc[0] == 60  # three counts within four months
    assert np.isnan(panel.without_outliers(OutlierRule(around=3)).values["Donor"].iloc[0])


def test_outliers_of_figures_that_are_no_counts_are_refused(make_panel):
    panel = make_panel({"Town": [1.0] * 12, "Donor": [1.0] * 12}, onset=6, kind="continuous", outcome="fear")
    with pytest.raises(StudyError, match="without_outliers judges counts, but fear is of kind continuous; drop the transform"):
        panel.without_outliers(OutlierRule())


def test_the_published_mass_registrations_are_found_by_the_rule():
    table = read_table(CHECKOUT / "analyses/data/statistics_denmark/straf11_quarterly.csv", "counts")
    own = table[table["measure"] == "violence"].assign(period=lambda rows: rows["period_start"].dt.to_period("Q"))
    values = own.pivot(index="period", columns="unit", values="value").astype(float)
    district = ["København", "Frederiksberg", "Tårnby", "Dragør"]
    donors = values.drop(columns=["Denmark", *district[1:]])
    panel = Panel(donors, donors * 0 + 1, {"København": pd.Period("2022Q1")})
    cleared = panel.without_outliers(OutlierRule())
    found = {(unit, str(period)) for unit in cleared.donors for period in cleared.gaps(unit)}
    published = {("Gladsaxe", "2022Q2"), ("Aalborg", "2022Q2"), ("Brøndby", "2022Q2"), ("Odense", "2019Q4")}
    assert published <= found and len(found) == len(cleared.dropped) == 19
    assert ("Middelfart", "2020Q3") in found  # 219 about a median of 44: not published, but no less strange
    assert cleared.gaps("København") == ()


def test_only_donors_with_every_figure_of_the_treated_unit_are_kept(make_panel):
    gap, full = [1.0, np.nan, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]
    panel = make_panel({"Town": gap, "Same gap": gap, "Full": full, "Other gap": [1.0, 2.0, np.nan, 4.0]}, onset=2)
    kept = panel.complete_donors()
    assert kept.donors == ["Same gap", "Full"] and kept.dropped == ("the donor Other gap left out: no figure for 2010-03",)
    assert kept.onsets == panel.onsets and kept.values["Town"].equals(panel.values["Town"])


def test_adjusting_divides_what_came_after_the_start_by_the_ratio(year_and_a_half):
    panel = year_and_a_half.adjusted(0.5)
    assert panel.values["Town"].tolist() == [*year_and_a_half.values["Town"][:12], *(2 * year_and_a_half.values["Town"][12:])]
    assert panel.values[["A", "B", "C"]].equals(year_and_a_half.values[["A", "B", "C"]])


def test_adjusting_and_back_is_the_same_panel(year_and_a_half):
    assert same(year_and_a_half.adjusted(0.5).adjusted(2.0), year_and_a_half)


def test_adjusting_takes_whole_numbers_too(year_and_a_half):
    panel = year_and_a_half.with_(values=year_and_a_half.values.astype(int)).adjusted(2.0)
    assert panel.values["Town"].iloc[-1] == 13.5


def test_spans_cannot_be_adjusted(with_span):
    with pytest.raises(StudyError, match="odd spans cannot be divided"):
        with_span.adjusted(0.5)


@given(COUNTS, st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_an_injected_fall_thins_only_what_came_after_the_start(make_panel, counts, ratio, seed):
    panel = make_panel({"Town": counts, "A": counts}, onset=12)
    thinned = panel.injected(ratio, seed)
    assert thinned.values["Town"][:12].equals(panel.values["Town"][:12]) and thinned.values["A"].equals(panel.values["A"])
    assert (thinned.values["Town"] <= panel.values["Town"]).all() and (thinned.values["Town"] >= 0).all()
    assert same(thinned, panel.injected(ratio, seed))


@given(COUNTS, st.floats(1.01, 4), st.integers(0, 2**32 - 1))
def test_an_injected_rise_only_adds(make_panel, counts, ratio, seed):
    panel = make_panel({"Town": counts}, onset=12)
    raised = panel.injected(ratio, seed)
    assert raised.values["Town"][:12].equals(panel.values["Town"][:12])
    assert (raised.values["Town"] >= panel.values["Town"]).all()


@pytest.mark.parametrize("ratio", [0.5, 1.5])
def test_an_injected_effect_has_the_mean_asked_for(make_panel, ratio):
    panel = make_panel({"Town": [100] * 400}, onset=200, start="1950-01")
    after = panel.injected(ratio, seed=1).values["Town"][200:]
    assert after.mean() == pytest.approx(100 * ratio, abs=3 * np.sqrt(50 / 200))


def test_another_seed_injects_another_draw(year_and_a_half):
    assert not year_and_a_half.injected(0.5, 1).values.equals(year_and_a_half.injected(0.5, 2).values)


def test_a_span_before_the_start_is_not_thinned(with_span):
    assert with_span.injected(0.01, seed=3).windows == with_span.windows


def test_injecting_leaves_a_gap_a_gap(year_and_a_half):
    panel = year_and_a_half.dropping(Window(date(2011, 3, 1), date(2011, 3, 31))).injected(0.5, 1)
    assert [str(period) for period in panel.gaps("Town")] == ["2011-03"]


@given(COUNTS, st.sampled_from("QY"))
def test_coarser_periods_keep_the_sum(make_panel, counts, frequency):
    panel = make_panel({"Town": counts}, onset=12, exposure=7.0)
    coarse = panel.resampled(frequency)
    assert len(coarse.periods) == {"Q": 8, "Y": 2}[frequency]
    assert coarse.values["Town"].sum() == sum(counts)
    assert coarse.exposure["Town"].sum() == pytest.approx(24 * 7)
    assert coarse.onsets["Town"].start_time == pd.Timestamp("2011-01-01")


def test_quarters_then_years_are_years(make_panel):
    panel = make_panel({"Town": range(24)}, onset=12)
    assert same(panel.resampled("Q").resampled("Y"), panel.resampled("Y"))


def test_a_coarse_cell_with_a_missing_month_is_a_gap(year_and_a_half):
    panel = year_and_a_half.dropping(Window(date(2010, 5, 1), date(2010, 5, 31))).resampled("Q")
    assert [str(period) for period in panel.gaps("Town")] == ["2010Q2"]


def test_a_half_year_at_the_end_is_left_out_and_listed(year_and_a_half):
    panel = year_and_a_half.with_(onsets=MappingProxyType({"Town": pd.Period("2010-06", "M")}))
    quarters = panel.resampled("Q")
    assert list(quarters.periods.astype(str)) == ["2010Q1", "2010Q2", "2010Q3", "2010Q4", "2011Q1", "2011Q2"]
    assert quarters.dropped == ("the start 2010-06 lies inside 2010Q2, which counts as treated",)
    uneven = panel.until(date(2011, 5, 31)).resampled("Q")
    assert (
        str(uneven.periods[-1]) == "2011Q1" and "2011Q2 left out, because only part of it lies in the panel" in uneven.dropped
    )


def test_spans_stay_what_they_are_on_a_coarser_grid(make_panel):
    span = CountWindow("Town", ((date(2010, 1, 1), date(2010, 6, 30)),), 90, ())
    panel = make_panel({"Town": [*[np.nan] * 6, *[5.0] * 18]}, onset=12, windows=(span,)).resampled("Q")
    assert panel.windows == (span,) and total(panel, "Town") == 90 + 18 * 5
    assert panel.observations("Town")[1][0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


def test_no_figure_is_lost_without_a_word_when_a_span_ends_inside_a_quarter(make_panel):
    span = CountWindow("Town", ((date(2010, 1, 1), date(2010, 4, 30)),), 90, ())
    panel = make_panel({"Town": [*[np.nan] * 4, *[5.0] * 20]}, onset=12, windows=(span,))
    coarse = panel.resampled("Q")
    assert total(coarse, "Town") == total(panel, "Town") or any("2010Q2" in note for note in coarse.dropped)


def test_a_span_in_a_quarter_that_is_left_out_goes_with_it_and_is_listed(make_panel):
    span = CountWindow("Town", ((date(2010, 3, 1), date(2010, 3, 31)),), 9, ())
    panel = make_panel(
        {"Town": [np.nan if month == 1 else 5.0 for month in range(23)]}, onset=12, start="2010-02", windows=(span,)
    )
    coarse = panel.resampled("Q")
    assert coarse.windows == () and any("9 in Town" in note for note in coarse.dropped)


@pytest.mark.parametrize("frequency", ["M", "Q"])
def test_years_cannot_be_made_finer(make_panel, frequency):
    panel = make_panel({"Town": [4, 5, 6, 7]}, onset=2, start="2010")
    with pytest.raises(StudyError, match="finer"):
        panel.resampled(frequency)


def test_the_rows_that_were_published_follow_their_cells(make_panel):
    panel = make_panel({"Town": range(6)}, onset=3)
    panel = panel.with_(sources=pd.DataFrame({"Town": [f"t.csv:{line}" for line in range(2, 8)]}, index=panel.periods))
    assert panel.resampled("Q").sources["Town"].tolist() == ["t.csv:2; t.csv:3; t.csv:4", "t.csv:5; t.csv:6; t.csv:7"]
    assert panel.since(date(2010, 3, 1)).sources["Town"].tolist() == [f"t.csv:{line}" for line in range(4, 8)]


def test_covariates_follow_their_counts(year_and_a_half):
    price = year_and_a_half.exposure * 3
    panel = year_and_a_half.with_(covariates=MappingProxyType({"price": price}))
    for cut in (panel.without("A"), panel.since(date(2010, 3, 1)), panel.reassigned_to("B"), panel.resampled("Q")):
        assert cut.covariates["price"].index.equals(cut.periods) and list(cut.covariates["price"]) == list(cut.values)


# What is no panel.


@pytest.fixture
def parts():
    periods = pd.period_range("2010-01", periods=6, freq="M")
    values = pd.DataFrame({"Town": [1.0] * 6, "A": [2.0] * 6}, index=periods)
    return {"values": values, "exposure": values * 0 + 1.0, "onsets": {"Town": periods[3]}}


def refused(parts, kind, sentence):
    with pytest.raises(kind, match=sentence):
        Panel(**parts)


def test_rows_that_are_no_periods_are_refused(parts):
    parts["values"] = parts["values"].reset_index(drop=True)
    refused(parts, DataError, "the rows of a panel are periods, not RangeIndex; use a PeriodIndex")


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]])
def test_periods_out_of_order_or_double_are_refused(parts, order):
    parts["values"] = parts["values"].iloc[order]
    refused(parts, DataError, "not in order or occur twice; sort them")


def test_a_period_left_out_is_refused(parts):
    parts["values"] = parts["values"].iloc[[0, 1, 3, 4, 5]]
    refused(parts, DataError, "leave some out; give every period a row, with NaN where no figure exists")


def test_an_empty_panel_is_refused(parts):
    parts["values"], parts["exposure"] = parts["values"].iloc[:0], parts["exposure"].iloc[:0]
    refused(parts, DataError, "no period")


def test_counts_and_exposure_for_other_cells_are_refused(parts):
    parts["exposure"] = parts["exposure"][["A", "Town"]]
    refused(parts, DataError, "counts and exposure of a panel differ in periods or units")


def test_a_unit_twice_is_refused(parts):
    twice = ["Town", "Town"]
    parts["values"], parts["exposure"] = parts["values"].set_axis(twice, axis=1), parts["exposure"].set_axis(twice, axis=1)
    refused(parts, DataError, "Town .*twice")


def test_a_negative_count_is_refused_with_its_unit_and_value(parts):
    parts["values"].loc["2010-02", "A"] = -3
    refused(parts, DataError, "the counts of A fall below zero, to -3; correct the table")


def test_a_negative_value_of_a_continuous_outcome_is_taken(parts):
    parts["values"].loc["2010-02", "A"] = -3
    assert Panel(**parts, kind="continuous").values["A"].min() == -3


@pytest.mark.parametrize("people", [0.0, -1.0, np.nan])
def test_exposure_that_is_not_positive_is_refused_with_its_unit(parts, people):
    parts["exposure"].loc["2010-02", "A"] = people
    refused(parts, DataError, "the exposure of A is not positive in every period")


def test_a_treated_unit_without_figures_is_refused(parts):
    parts["onsets"] = {"Elsewhere": pd.Period("2010-04", "M")}
    refused(parts, StudyError, "the treated unit Elsewhere has no figures; the panel holds Town, A")


@pytest.mark.parametrize("start", ["2009-12", "2010-01", "2010-08"])
def test_a_start_outside_the_figures_is_refused(parts, start):
    parts["onsets"] = {"Town": pd.Period(start, "M")}
    refused(parts, StudyError, f"the start {start} of Town lies outside its figures, 2010-01 to 2010-06")


def test_a_start_one_past_the_end_is_a_panel_cut_before_it(parts):
    parts["onsets"] = {"Town": pd.Period("2010-07", "M")}
    assert not (Panel(**parts).periods >= parts["onsets"]["Town"]).any()


def test_a_span_of_a_stranger_is_refused(parts):
    parts["windows"] = (CountWindow("Elsewhere", ((date(2010, 1, 1), date(2010, 2, 28)),), 3, ()),)
    refused(parts, DataError, "3 in Elsewhere, 2010-01-01 to 2010-02-28 belongs to no unit of the panel")


def test_a_span_beyond_the_panel_is_refused(parts):
    parts["windows"] = (CountWindow("Town", ((date(2010, 6, 1), date(2010, 7, 1)),), 3, ()),)
    refused(parts, DataError, "2010-06-01 to 2010-07-01 reaches beyond the panel, 2010-01-01 to 2010-06-30")
