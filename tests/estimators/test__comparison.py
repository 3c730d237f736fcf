"""A treated unit beside its donors: who may be one, what a gap is filled with, and the way back from logs to counts."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.estimators._comparison import comparison, expected_paths, placebo_members
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.windows import CountWindow

ALIKE = {"Town": [4, 6, 5, 5, 2, 3], "C": [3, 5, 4, 4, 4, 4], "A": [8, 12, 10, 10, 10, 10], "B": [2, 2, 2, 2, 2, 2]}
METHODS = [Synthetic(), Synthetic(intercept=True), Sdid(), Did(), Did(model="poisson")]
KEYS = ["synthetic", "intercept", "sdid", "did", "poisson"]
every_method = pytest.mark.parametrize("estimator", METHODS, ids=KEYS)


def changed(panel, unit, values):
    table = panel.values.copy()
    table[unit] = np.asarray(values, dtype=float)
    return panel.with_(values=table)


def test_the_treated_unit_first_and_donors_by_name(make_panel):
    side = comparison(make_panel(ALIKE, 4, exposure=2.0), "rate", "m")
    assert side.units == ("Town", "A", "B", "C")
    assert side.before.tolist() == [True] * 4 + [False] * 2
    assert side.figures[0].tolist() == [2, 4, 1, 1.5]
    assert side.notes == ()


def test_the_scales_by_hand(make_panel):
    panel = make_panel(ALIKE, 4, exposure=2.0)
    assert comparison(panel, "log", "m").figures[0] == pytest.approx(np.log([4.5 / 2, 8.5 / 2, 2.5 / 2, 3.5 / 2]))
    assert comparison(panel, "sqrt", "m").figures[0] == pytest.approx(np.sqrt([2, 4, 1, 1.5]))
    assert comparison(panel.with_(kind="continuous"), "log", "m").figures[0] == pytest.approx(np.log([2, 4, 1, 1.5]))


@pytest.mark.parametrize("scale", ["log", "sqrt"])
def test_off_the_rate_scale_expected_counts_before_the_start_add_up_to_those_observed(make_panel, scale):
    random = np.random.default_rng(1)
    panel = make_panel({f"Unit {j}": random.poisson(3 + j, 40) for j in range(8)}, 30, exposure=7.0)
    for estimator in (Synthetic(scale=scale), Synthetic(scale=scale, intercept=True), Sdid(scale=scale)):
        paths = estimator.estimate(panel).counterfactual
        assert paths.expected.iloc[:30].sum() == pytest.approx(paths.observed.iloc[:30].sum())
        family = estimator.family(panel)
        assert family.expected[:, :30].sum(axis=1) == pytest.approx(family.comparison.counts[:30].sum(axis=0))


@pytest.mark.parametrize("scale", ["log", "sqrt"])
def test_periods_without_any_donor_have_no_path_and_no_say_in_the_smearing(make_panel, scale):
    random = np.random.default_rng(2)
    panel = make_panel({f"Unit {j}": random.poisson(30, 40) for j in range(8)}, 30)
    table = panel.values.copy()
    table.iloc[5:7, 1:] = np.nan
    table.iloc[5:7, 0] = 900.0
    with_hole = panel.with_(values=table)
    # Two of thirty periods are what a donor may lack, and nobody has them: the treated unit's own figures there bear on nothing.
    effect, plain = (
        Synthetic(scale=scale).estimate(each) for each in (with_hole, panel.with_(values=table.mask(table == 900)))
    )
    assert effect.point == pytest.approx(plain.point, rel=1e-12)
    assert effect.counterfactual.expected.isna().sum() == 2


def test_a_donor_is_left_out_with_a_sentence(make_panel):
    panel = make_panel(ALIKE | {"Gap": [1, 1, 1, 1, np.nan, 1], "Quiet": [0, 0, 0, 0, 1, 1]}, 4)
    side = comparison(panel, "rate", "m")
    assert side.units == ("Town", "A", "B", "C")
    assert side.notes == (
        "the donor Gap is left out: it lacks 50% of the periods after the start 2010-05",
        "the donor Quiet is left out: it recorded no events before the start 2010-05",
    )


def test_a_donor_that_lacks_a_year_is_left_out(make_panel):
    random = np.random.default_rng(3)
    counts = {f"Unit {j}": random.poisson(20, 72).astype(float) for j in range(6)}
    counts["Unit 5"][12:24] = np.nan
    effect = Synthetic().estimate(make_panel(counts, 60))
    assert "the donor Unit 5 is left out: it lacks 20% of the periods before the start 2015-01" in effect.notes
    assert "Unit 5" not in effect.details["weights"] and effect.details["donors"] == 4


def test_a_donor_of_odd_spans_is_left_out_and_a_treated_unit_refused(make_panel):
    counts = ALIKE | {"D": [5, 5, 5, 5, 5, 5]}
    panel = make_panel(counts, 4)
    for unit in ("D", "Town"):
        table = panel.values.copy()
        table.loc[table.index[:2], unit] = np.nan
        span = CountWindow(unit, ((date(2010, 1, 1), date(2010, 2, 28)),), 9, ("x:1",))
        odd = panel.with_(values=table, windows=(span,))
        if unit == "D":
            (note,) = comparison(odd, "rate", "m").notes
            assert note.startswith("the donor D is left out: it is published for the odd span")
        else:
            with pytest.raises(EstimationError, match="m needs one figure per period, but Town has the span of"):
                comparison(odd, "rate", "m")


@every_method
def test_two_donors_are_too_few(make_panel, estimator):
    panel = make_panel({unit: ALIKE[unit] for unit in ("Town", "A", "B")}, 4)
    with pytest.raises(EstimationError, match=r"Town has 2 donors \(A, B\) with figures for its periods, and .* needs 3"):
        estimator.estimate(panel)


@every_method
def test_a_treated_unit_without_events_or_figures_is_refused(make_panel, estimator):
    panel = make_panel(ALIKE, 4)
    with pytest.raises(EstimationError, match="Town recorded no events before the start 2010-05"):
        estimator.estimate(changed(panel, "Town", [0, 0, 0, 0, 1, 1]))
    with pytest.raises(EstimationError, match="Town has no figure before the start 2010-05"):
        estimator.estimate(changed(panel, "Town", [np.nan] * 4 + [1, 1]))
    with pytest.raises(EstimationError, match="Town has no figure after the start 2010-05"):
        estimator.estimate(changed(panel, "Town", [1, 1, 1, 1, np.nan, np.nan]))
    with pytest.raises(EstimationError, match="Town has no figure after the start"):
        estimator.estimate(panel.before("2010-05"))


@every_method
def test_an_outcome_that_never_changes_has_a_ratio_of_one(make_panel, estimator):
    effect = estimator.estimate(make_panel({unit: [7] * 6 for unit in "ABCDE"}, 4))
    assert effect.point == pytest.approx(1)


@every_method
def test_a_treated_unit_needs_periods_of_its_own_before_the_start(make_panel, estimator):
    with pytest.raises(StudyError, match="the start 2010-01 of Town lies outside its figures"):
        estimator.estimate(make_panel(ALIKE, 0))


def test_doubled_units_and_exposure_of_zero_never_reach_a_method(make_panel):
    panel = make_panel(ALIKE, 4)
    with pytest.raises(DataError, match="the unit A stands twice"):
        panel.with_(values=panel.values[["Town", "A", "A"]], exposure=panel.exposure[["Town", "A", "A"]])
    with pytest.raises(DataError, match="the exposure of A is not positive"):
        panel.with_(exposure=panel.exposure.assign(A=0.0))


@pytest.mark.parametrize("kind", [Synthetic, Sdid])
def test_an_unknown_scale_names_those_that_exist(make_panel, kind):
    with pytest.raises(StudyError, match="is 'cube'; choose rate, log, sqrt"):
        kind(scale="cube").estimate(make_panel(ALIKE, 4))


def test_figures_without_a_log_are_refused(make_panel):
    panel = make_panel(ALIKE, 4).with_(kind="continuous")
    with pytest.raises(EstimationError, match="a figure of -1 is below zero and has no log"):
        comparison(changed(panel, "B", [-1, 2, 2, 2, 2, 2]), "log", "m")
    with pytest.raises(EstimationError, match="a figure of 0 that is no count has no log"):
        comparison(changed(panel, "B", [0, 2, 2, 2, 2, 2]), "log", "m")


def test_a_gap_is_filled_with_the_level_of_the_donor_and_of_the_period(make_panel):
    # Donors 1 : 2 : 3 and periods 10 20 10 20 ...: what is missing of the second in the fourth period is 40.
    periods = np.tile([10.0, 20.0], 10)
    counts = {"Town": periods, **{name: share * periods for name, share in zip("ABC", (1, 2, 3), strict=True)}}
    counts["B"][3] = np.nan
    side = comparison(make_panel(counts, 16), "rate", "m")
    assert side.figures[3].tolist() == pytest.approx([20, 20, 40, 60])
    assert np.isnan(side.counts[3, 2])
    assert side.notes == ("1 missing figure is filled with what the donors' own levels and those of the periods say: B",)


def test_the_gaps_of_the_treated_unit_stay_and_are_listed(make_panel):
    counts = {unit: np.tile(values[:4], 5).astype(float) for unit, values in ALIKE.items()}
    counts["Town"][2] = np.nan
    effect = Synthetic(intercept=True).estimate(make_panel(counts, 16))
    assert effect.notes == ("no figure of Town is used for 2010-03",)
    assert np.isnan(effect.counterfactual.observed["2010-03"]) and effect.counterfactual.expected["2010-03"] > 0


@pytest.mark.parametrize(
    ("estimator", "most"),
    [(Synthetic(), 0.005), (Synthetic(intercept=True), 0.005), (Sdid(), 0.05), (Did(), 0.005)],
    ids=KEYS[:4],
)
def test_missing_months_at_random_change_the_ratio_little(make_panel, estimator, most):
    # Five in a hundred cells of twenty donors, five times: ratios move by .0044 at most (.0491 for sdid, whose few periods with
    # weight are others then), while up to .30 of the weight goes to other donors that are as good.
    random = np.random.default_rng(5)
    season = 1 + 0.3 * np.sin(np.arange(84) / 6 * np.pi)
    full = {f"Unit {j:02}": random.poisson(random.uniform(20, 60) * season).astype(float) for j in range(21)}
    whole = estimator.estimate(make_panel(full, 60))
    moved, weights = [], []
    for _ in range(5):
        gappy = {unit: values.copy() for unit, values in full.items()}
        for unit in list(gappy)[1:]:
            gappy[unit][random.choice(84, 4, replace=False)] = np.nan
        effect = estimator.estimate(make_panel(gappy, 60))
        moved.append(abs(np.log(effect.point / whole.point)))
        names = set(effect.details["weights"]) | set(whole.details["weights"])
        weights.append(
            sum(abs(effect.details["weights"].get(name, 0) - whole.details["weights"].get(name, 0)) for name in names) / 2
        )
    assert max(moved) < most
    assert max(weights) < 0.31


def test_who_takes_the_place_of_whom(make_panel):
    side = comparison(make_panel(ALIKE, 4), "rate", "m")
    chosen, donors = placebo_members(side, True, False)
    assert chosen.tolist() == [0, 1, 2, 3]
    assert donors.astype(int).tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]]
    assert placebo_members(side, True, True)[1][1:, 0].all()
    assert placebo_members(side, False, False)[0].tolist() == [0]


def test_a_path_is_unknown_where_a_donor_with_weight_is(make_panel):
    side = comparison(make_panel(ALIKE, 4), "rate", "m")
    side.figures[2, 1] = np.nan
    paths = expected_paths(side, np.array([0, 0]), np.array([[0, 1.0, 0, 0], [0, 0, 0.5, 0.5]]), np.zeros(2))
    assert np.isnan(paths).tolist() == [[False, False, True, False, False, False], [False] * 6]
    assert paths[1] == pytest.approx(np.array([2.5, 3.5, 3, 3, 3, 3]))


def test_the_index_and_the_panel_are_left_alone(make_panel):
    panel = make_panel(ALIKE, 4)
    before = panel.values.copy()
    comparison(panel, "log", "m")
    pd.testing.assert_frame_equal(panel.values, before)
