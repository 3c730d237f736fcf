"""The structural forecast with donors: on paper, and against one plain conditional normal."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import design
from gvi_eval.estimators.structural import Structural
from gvi_eval.study import Estimand, Intervention, Moment, Window

PLAIN = {"trend": False, "season": "none"}


@pytest.fixture(scope="module")
def together(make_panel):
    """A town and three donors that share a level; the town falls by 0.6 at month 40 of 60."""
    random = np.random.default_rng(11)
    level = np.exp(np.cumsum(0.12 * random.standard_normal(60)))
    counts = {"Town": random.poisson(80 * level * np.where(np.arange(60) >= 40, 0.6, 1))}
    counts |= {f"Donor {place}": random.poisson(150 * level) for place in range(3)}
    return make_panel(counts, onset=40, exposure=np.outer(np.linspace(900, 1000, 60), [1, 2, 1, 3]) / 12)


def width(effect):
    return np.log(effect.intervals[0].upper / effect.intervals[0].lower)


# On paper.


def test_steady_counts_go_on_as_they_were(make_panel):
    # No noise beyond Poisson: the level is known but for ¼/12, before and after, and smearing gives the mean back.
    effect = Structural(**PLAIN).estimate(make_panel({"Town": [9] * 12 + [4] * 6, "Still": [5] * 18}, onset=12))
    assert effect.counterfactual.expected.to_numpy() == pytest.approx(np.full(18, 9.0), rel=1e-4)
    assert effect.point == pytest.approx(4 / 9, rel=1e-4)
    assert effect.details["coefficients"]["intercept"] == pytest.approx(9.25**0.5, rel=1e-5)
    assert any("Still does not vary" in note for note in effect.notes)


def test_twice_the_people_are_twice_the_counts(make_panel):
    people = np.array([[100.0]] * 12 + [[200.0]] * 6)
    effect = Structural(**PLAIN).estimate(make_panel({"Town": [9] * 12 + [18] * 6}, onset=12, exposure=people))
    assert effect.point == pytest.approx(1.0, rel=0.01)


def test_a_trend_is_carried_on(make_panel):
    effect = Structural(season="none").estimate(make_panel({"Town": (12 - 0.1 * np.arange(40)) ** 2}, onset=25))
    assert effect.point == pytest.approx(1.0, rel=0.01)


# Against a plain reference.


@pytest.mark.parametrize("holes", [(), (7, 20)])
def test_the_forecast_equals_a_plain_conditional_normal(together, holes):
    known = np.array([month not in holes for month in range(60)])
    values = together.values.copy()
    values.loc[~known, "Town"] = np.nan
    effect = Structural(season=1).estimate(together.with_(values=values))
    sds = effect.details["standard_deviations"]
    free = design(together, "Town", change="level", trend=True, season=1, ramp=0, adjust=()).expected[:, :-1]
    load = np.sqrt(together.exposure["Town"].to_numpy() / together.exposure["Town"].mean())
    rates = np.sqrt(together.values[together.donors].to_numpy() + 0.25)
    rates /= np.sqrt(together.exposure[together.donors].to_numpy() / together.exposure[together.donors].to_numpy().mean(axis=0))
    donors = (rates - rates[:40].mean(axis=0)) / rates[:40].std(axis=0)
    months = np.arange(60)
    walk = sds["level"] ** 2 * np.minimum.outer(months, months) + sds["donors"] ** 2 * donors @ donors.T
    signal = (walk + 1e4 * free @ free.T) * np.outer(load, load)
    used = known & (months < 40)
    seen = signal[np.ix_(used, used)] + (0.25 + sds["noise beyond Poisson"] ** 2) * np.eye(used.sum())
    gain = np.linalg.solve(seen, signal[used]).T
    mean = gain @ np.sqrt(together.values["Town"].to_numpy()[used] + 0.25)
    covariance = signal - gain @ signal[used]
    paths = effect.counterfactual.mixture
    assert paths.centre[0] == pytest.approx(mean, rel=1e-4)
    assert np.diag(paths.centre[1]) == pytest.approx(np.diag(covariance), rel=1e-3)
    assert paths.centre[1][40:, 40:] == pytest.approx(covariance[40:, 40:], rel=1e-2, abs=1e-5)
    means = mean**2 + np.diag(covariance)
    assert paths.expected == pytest.approx(means * together.values["Town"].to_numpy()[used].sum() / means[used].sum(), rel=1e-4)


def test_the_level_variance_is_estimated(make_panel):
    random = np.random.default_rng(12)
    walk = np.exp(np.cumsum(0.15 * random.standard_normal(80)))
    moving, still = (
        Structural(season="none").estimate(make_panel({"Town": random.poisson(mean)}, onset=60))
        for mean in (80 * walk, 80 + 0 * walk)
    )
    assert moving.details["standard_deviations"]["level"] > 0.4 > 0.1 > still.details["standard_deviations"]["level"]
    assert width(moving) > 2 * width(still)


# Donors.


def test_donors_that_move_with_the_town_sharpen_its_forecast(together):
    alone, with_donors = Structural(donors="none").estimate(together), Structural().estimate(together)
    assert with_donors.point == pytest.approx(0.6, rel=0.15)
    assert width(with_donors) < 0.6 * width(alone)
    assert list(with_donors.details["donors"]) == ["Donor 0", "Donor 1", "Donor 2"] and alone.details["donors"] == {}


def test_more_donors_than_the_baseline_bears_are_shrunk(make_panel):
    random = np.random.default_rng(13)
    counts = {"Town": random.poisson(50, 40)} | {f"Donor {place:02}": random.poisson(50, 40) for place in range(30)}
    effect = Structural(season="none").estimate(make_panel(counts, onset=24))
    assert effect.point == pytest.approx(1.0, abs=0.25) and not effect.intervals[0].excludes(1)
    assert max(map(abs, effect.details["donors"].values())) < 0.2
    fitted = effect.counterfactual.expected[:24]
    assert ((effect.counterfactual.observed[:24] - fitted) ** 2).mean() > 15  # not the perfect fit of 30 free coefficients


def test_the_choice_of_donors_is_kept(together):
    assert list(Structural(donors=("Donor 2", "Donor 0")).estimate(together).details["donors"]) == ["Donor 0", "Donor 2"]
    alone = together.without("Donor 0").without("Donor 1").without("Donor 2")
    assert Structural().estimate(alone).point == Structural(donors="none").estimate(together).point


def test_a_donor_with_a_missing_month_is_left_out_of_all_and_refused_by_name(together):
    values = together.values.copy()
    values.loc["2011-03", "Donor 1"] = np.nan
    gappy = together.with_(values=values)
    effect = Structural().estimate(gappy)
    assert any("donor Donor 1 is left out, because it has no figure for 2011-03" in note for note in effect.notes)
    assert list(effect.details["donors"]) == ["Donor 0", "Donor 2"]
    with pytest.raises(EstimationError, match="donor Donor 1 has no figure for 2011-03; leave it out"):
        Structural(donors=("Donor 0", "Donor 1")).estimate(gappy)


@pytest.mark.parametrize("donors", ["some", (), ("Donor 9",)])
def test_donors_that_do_not_exist_are_refused(together, donors):
    with pytest.raises(StudyError, match="donors of structural"):
        Structural(donors=donors).estimate(together)


# What it gives.


def test_the_observed_counts_are_compared_with_a_prediction(together):
    effect = Structural().estimate(together)
    paths = effect.counterfactual
    assert paths.factual is None and effect.intervals[0].kind == "prediction"
    assert effect.point == pytest.approx(together.values["Town"].iloc[40:].sum() / paths.expected.iloc[40:].sum())
    year = effect.over(Estimand("first year", window=Window(None, together.periods[51].end_time.date())))
    assert year.point == pytest.approx(together.values["Town"].iloc[40:52].sum() / paths.expected.iloc[40:52].sum())
    prevented = effect.over(Estimand("prevented", contrast="prevented", target="realised"))
    assert prevented.intervals[0].lower < prevented.point < prevented.intervals[0].upper


def test_logs_and_roots_agree_where_counts_are_large(make_panel):
    random = np.random.default_rng(14)
    panel = make_panel({"Town": random.poisson(np.where(np.arange(60) >= 40, 300, 500))}, onset=40)
    roots, logs = (Structural(scale=scale, season="none").estimate(panel) for scale in ("sqrt", "log"))
    assert roots.point == pytest.approx(logs.point, rel=0.03) and roots.point == pytest.approx(0.6, rel=0.1)


@given(st.lists(st.integers(0, 5), min_size=10, max_size=14), st.lists(st.integers(0, 5), min_size=4, max_size=8))
@settings(max_examples=8)
def test_no_path_is_ever_negative(make_panel, before, after):
    panel = make_panel({"Town": before + after, "Donor": (before + after)[::-1]}, onset=len(before))
    try:
        effect = Structural(season="none").estimate(panel)
    except EstimationError as fault:
        assert "Town" in str(fault)
        return
    frame = effect.counterfactual.frame()
    assert (frame[["expected", "expected_lower", "expected_upper"]] >= 0).all(axis=None)
    assert all(
        (part >= 0).all() for part in effect.counterfactual.mixture.totals(np.arange(len(before), len(panel.periods)), 200)
    )
    assert 0 < effect.intervals[0].lower <= effect.intervals[0].upper


# Refusals.


def test_a_short_baseline_is_refused_with_what_it_needs(make_panel):
    with pytest.raises(
        EstimationError, match="Town has 9 figures before the start 2010-10 for 6 coefficients.*structural needs 11"
    ):
        Structural().estimate(make_panel({"Town": [5, 6, 7] * 10}, onset=9))


def test_an_event_after_the_start_cannot_be_learned_before_it(make_panel):
    events = (Intervention("New form", "recording change", Moment(date(2012, 6, 1), date(2012, 6, 1)), "s"),)
    panel = make_panel({"Town": [5, 6, 7, 9] * 12}, onset=24, interventions=events)
    with pytest.raises(EstimationError, match="event: New form.*says nothing that the columns before it do not say for Town"):
        Structural(season="none", adjust=("New form",)).estimate(panel)


def test_logs_of_a_small_donor_are_refused_by_its_name(make_panel):
    counts = {"Town": [20, 30] * 20, "Hamlet": [1, 2] * 20}
    with pytest.raises(EstimationError, match="figures of Hamlet average 1.5"):
        Structural(scale="log", season="none").estimate(make_panel(counts, onset=24))


def test_a_covariate_belongs_to_the_forecast(make_panel):
    price = pd.DataFrame({"Town": np.tile([0.0, 1.0, 3.0, 2.0], 10)}, index=pd.period_range("2010-01", periods=40, freq="M"))
    counts = (9 - 2 * price["Town"].to_numpy()) ** 2
    panel = make_panel({"Town": counts}, onset=24, covariates=MappingProxyType({"price": price}))
    effect = Structural(**PLAIN, covariates=("price",)).estimate(panel)
    assert effect.counterfactual.expected[24:].to_numpy() == pytest.approx(counts[24:], rel=0.1)
    assert effect.details["coefficients"]["covariate: price"] == pytest.approx(-2, abs=0.05)
