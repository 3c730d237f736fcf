"""Admission: every refusal with a case that must be refused and one that must not, and what overfitting says."""

import dataclasses
from datetime import date

import numpy as np
import pytest

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.admission import Fit, fit_of, hold_out_error, refusals
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.study import Intervention, Moment


def drawn(seed: int, *, town: float = 20.0, donors=None, periods: int = 48, onset: int = 36) -> dict[str, np.ndarray]:
    """Poisson counts of a town and twelve donors about it."""
    random = np.random.default_rng(seed)
    means = np.linspace(12, 30, 12) if donors is None else donors
    return {"Town": random.poisson(town, periods), **{f"Donor {j:02}": random.poisson(m, periods) for j, m in enumerate(means)}}


def told(estimator, panel, detectable=None) -> str:
    family = estimator.family(panel, placebos=False)
    return "; ".join(refusals(estimator, panel, family, fit_of(family, estimator.shifts), detectable))


def event(unit: str, role: str = "treatment", start: str = "2012-01-01", end: date | None = None) -> Intervention:
    day = date.fromisoformat(start)
    return Intervention("Ceasefire", role, Moment(day, day), "x", unit=unit, end=end)


def test_the_fit_by_hand(make_panel):
    # Gaps of 1 and −1 of a mean of 4. Chance: a variance of 4 of its own and 4 / 3 of three donors.
    counts = {"Town": [5, 3, 4], "A": [4, 4, 4], "B": [4, 4, 4], "C": [4, 4, 4]}
    family = Did().family(make_panel(counts, 2), placebos=False)
    fit = fit_of(family, True)
    assert fit.rmspe == pytest.approx(1)
    assert fit.share == pytest.approx(1 / 4)
    assert fit.noise == pytest.approx(np.sqrt(4 + 4 / 3))
    assert fit.ratio == pytest.approx(1 / np.sqrt(4 + 4 / 3))
    assert (fit.mean_gap, fit.mean_count) == (pytest.approx(0), 4)
    assert fit.beyond == 1.0  # above all three, then below all three
    assert fit.is_overfit


def test_a_method_that_shifts_is_judged_about_its_mean_gap(make_panel):
    family = Sdid(variant="difp").family(make_panel(drawn(1, town=90), 36), placebos=False)
    assert fit_of(family, True).rmspe < fit_of(family, False).rmspe + 1e-12
    outside = Synthetic().family(make_panel(drawn(1, town=90), 36), placebos=False)
    assert fit_of(outside, True).share < 0.2 < fit_of(outside, False).share


def test_counts_of_one_rate_are_admitted(make_panel):
    for estimator in (Synthetic(), Synthetic(intercept=True), Sdid(), Did(), Did(model="poisson"), Synthetic(scale="log")):
        assert told(estimator, make_panel(drawn(2), 36)) == ""


def test_a_poor_fit_is_refused_where_chance_does_not_make_it(make_panel):
    counts = drawn(3, town=200)
    counts["Town"] = np.round(counts["Town"] * (1 + 0.6 * np.sin(np.arange(48) / 3)))
    found = told(Synthetic(intercept=True), make_panel(counts, 36))
    assert "the donors do not follow Town before the start: the root mean squared gap is" in found
    assert "times what chance alone would give (refused above 20% and 1.5)" in found
    few = drawn(4, town=1.0, donors=[1.0] * 12)  # a gap of 100 % that chance makes
    fit = fit_of(Synthetic(intercept=True).family(make_panel(few, 36), placebos=False), True)
    assert fit.share > 0.5 and told(Synthetic(intercept=True), make_panel(few, 36)) == ""


def test_figures_that_are_no_counts_have_no_chance_to_excuse_a_poor_fit(make_panel):
    counts = drawn(3)
    counts["Town"] = counts["Town"] * (1 + 0.9 * np.sin(np.arange(48) / 3))
    found = told(Synthetic(intercept=True), make_panel(counts, 36, kind="continuous"))
    assert "root mean squared gap" in found and "chance alone" not in found


@pytest.mark.parametrize(("town", "sign"), [(4.0, "-"), (60.0, "+")])
def test_a_town_below_or_above_its_donors_is_refused_without_an_intercept(make_panel, town, sign):
    panel = make_panel(drawn(5, town=town), 36)
    found = told(Synthetic(), panel)
    assert "Town lies outside its donors before the start: beyond all of them in" in found
    assert (
        f"periods, {sign}" in found
        and "synthetic without an intercept carries that gap on; compare logs with an intercept, or use did" in found
    )
    assert "sc without an intercept" in told(Sdid(variant="sc"), panel)
    for estimator in (Synthetic(intercept=True), Sdid(), Did(model="poisson")):
        assert "outside" not in told(estimator, panel)


@pytest.mark.parametrize("donors", [5, 10, 24])
def test_one_of_units_that_are_alike_is_seldom_called_outside(make_panel, donors):
    # Of six alike, one is the highest or lowest in a third of the periods: a share of 10 % would refuse everybody.
    outside = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        panel = make_panel({f"Unit {j:02}": random.poisson(20, 48) for j in range(donors + 1)}, 36)
        fit = fit_of(Synthetic().family(panel, placebos=False), False)
        assert fit.most_beyond >= max(0.1, 2 / (donors + 1))
        outside += fit.beyond > fit.most_beyond
    assert outside <= 4


def test_a_perfect_fit_is_inside_whatever_arithmetic_leaves(make_panel):
    donors = np.random.default_rng(6).uniform(1, 9, (30, 5))
    counts = {"Town": donors @ [0.5, 0.3, 0.2, 0, 0], **{f"Donor {j}": donors[:, j] for j in range(5)}}
    panel = make_panel(counts, 20, kind="continuous")
    assert told(Synthetic(), panel) == ""
    assert Fit(1e-16, 1e-16, np.nan, np.nan, 1e-16, 0.0, 0.0, 5.0).inside_hull
    assert not Fit(0.1, 0.1, np.nan, np.nan, 0.01, 0.001, 0.0, 5.0).inside_hull


def test_a_mean_gap_of_large_counts_is_held_against_what_can_be_found(make_panel):
    estimator = Synthetic()
    family = estimator.family(make_panel(drawn(7, town=100, donors=[100.0] * 12), 36), placebos=False)
    fit = dataclasses.replace(fit_of(family, False), mean_gap=-0.12, gap_error=0.1, beyond=0.0)
    panel = make_panel(drawn(7), 36)
    # Half of a ratio of .8 is .894 in logs: 1 / 1.12 = .893 lies just beyond, 1 / 1.11 = .901 does not.
    assert "the mean gap of Town before the start is -12.0%, more than half the effect that this design" in "; ".join(
        refusals(estimator, panel, family, fit, 0.8)
    )
    assert refusals(estimator, panel, family, dataclasses.replace(fit, mean_gap=-0.11), 0.8) == []
    assert refusals(estimator, panel, family, dataclasses.replace(fit, mean_count=29.0), 0.8) == []
    assert refusals(estimator, panel, family, fit, None) == []
    assert refusals(estimator, panel, family, dataclasses.replace(fit, mean_gap=1.4), 0.8) != []  # less than nothing expected
    assert refusals(estimator, panel, family, dataclasses.replace(fit, mean_gap=-1.4), 0.8) != []
    # A method whose level may differ carries no such gap on.
    assert refusals(Sdid(), panel, family, fit, 0.8) == []


@pytest.mark.parametrize(
    ("estimator", "refused"),
    [
        (Synthetic(intercept=True), True),
        (Sdid(), True),
        (Did(), True),
        (Synthetic(intercept=True, scale="log"), False),
        (Sdid(scale="log"), False),
        (Did(model="poisson"), False),
    ],
)
def test_beyond_the_donors_a_level_is_not_added_to_rates_of_counts(make_panel, estimator, refused):
    low, inside = (make_panel(drawn(8, town=town, donors=[100.0] * 12), 36) for town in (50, 100))
    assert ("adds a level of its own to their rates" in told(estimator, low)) == refused
    assert "adds a level" not in told(estimator, inside)
    assert "adds a level" not in told(estimator, low.with_(kind="continuous"))


def test_a_contaminated_donor_with_weight_is_refused(make_panel):
    counts = drawn(8)
    counts["Donor 05"] = counts["Town"] + np.random.default_rng(8).integers(-1, 2, 48)
    panel = make_panel(counts, 36)
    found = told(Synthetic(), panel.with_(interventions=(event("Donor 05"),)))
    assert "the donor Donor 05, with a weight of 0." in found
    assert "is contaminated by 'Ceasefire' from 2012-01-01; leave it out with a reason" in found
    for harmless in (
        event("Donor 05", "recording change"),
        event("Town"),
        event("Elsewhere"),
        event("Donor 05", start="2030-01-01"),
        event("Donor 05", start="2001-01-01", end=date(2005, 1, 1)),
    ):
        assert told(Synthetic(), panel.with_(interventions=(harmless,))) == ""
    assert told(Did(), panel.with_(interventions=(event("Donor 05"),))) == ""  # one twelfth of the weight


def test_the_log_of_small_counts_is_refused(make_panel):
    panel = make_panel(drawn(9, town=3.0, donors=[3.0] * 12), 36)
    found = told(Synthetic(scale="log"), panel)
    assert "the log of the donor Donor" in found and "use coarser periods or scale = 'rate'" in found
    assert told(Synthetic(), panel) == told(Synthetic(scale="sqrt"), panel) == ""
    assert "the log of" not in told(Synthetic(scale="log"), panel.with_(kind="continuous", values=panel.values + 1))


def test_a_donor_without_weight_may_have_small_counts(make_panel):
    counts = drawn(10)
    counts["Tiny"] = np.random.default_rng(10).poisson(0.5, 48)
    counts["Town"] = counts["Donor 06"].copy()
    effect = Synthetic(scale="log").estimate(make_panel(counts, 36))
    assert "Tiny" not in effect.details["weights"]
    assert told(Synthetic(scale="log"), make_panel(counts, 36)) == ""


def test_an_overfit_is_said_with_the_error_of_the_year_held_out(make_panel):
    random = np.random.default_rng(11)
    counts = {f"Unit {j:02}": random.poisson(20, 22) for j in range(31)}
    evaluation = evaluate(Synthetic(intercept=True), make_panel(counts, 16, start="2010Q1"))
    assert evaluation.fit.is_overfit and evaluation.fit.hold_out > 1
    notes = evaluation.effect(evaluation.panel.estimand).notes
    assert any(note.startswith("overfitted (T13)") and "the last year, held out, is missed by" in note for note in notes)
    well = evaluate(Did(), make_panel(drawn(2), 36))
    assert not well.fit.is_overfit
    assert not any("overfitted" in note for note in well.effect(well.panel.estimand).notes)


def test_the_error_of_the_year_held_out_by_hand(make_panel):
    # Two years of quarters at 10, the third at 13, donors always alike: 3 is missed.
    counts = {"Town": [10] * 8 + [13] * 4 + [5] * 2, **{name: [10] * 14 for name in "ABC"}}
    panel = make_panel(counts, 12, start="2010Q1")
    assert hold_out_error(Did(), panel) == pytest.approx(3)
    assert hold_out_error(Did(), make_panel(counts, 7, start="2010Q1")) is None  # three quarters would be left
    last = Synthetic(predictors=("outcome 2012",))
    assert hold_out_error(last, make_panel(counts | {"A": list(range(14))}, 12, start="2010Q1")) is None


def test_a_treated_unit_and_donors_that_never_meet_are_refused(make_panel):
    panel = make_panel(drawn(12), 36)
    family = Synthetic().family(panel, placebos=False)
    nowhere = dataclasses.replace(family, expected=family.expected * np.nan)
    with pytest.raises(EstimationError, match="no period before the start 2013-01 has figures of Town and its donors"):
        fit_of(nowhere, False)
