"""The posterior over starts: weights worked by hand, the two dates that Boston's figures nearly tie on, and what it refuses."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gvi_eval.assembly import build_panel
from gvi_eval.effect import Counterfactual, Mixture, effect_from_paths
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import _laplace
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.inference.start_posterior import (
    OWN_POST_PERIOD,
    mixture_over_starts,
    posterior_of,
    start_posterior,
    start_posterior_table,
)
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import load_study

PLAIN = LatentCounts(season="none", trend=False)
MONTHS = pd.period_range("2020-01", periods=6, freq="M")


def effect_at(start, ratio, sd, level=0.95):
    """An effect whose log ratio is normal with this sd about the log of this ratio."""
    one = np.ones((len(MONTHS), 1))
    paths = Mixture(
        weights=np.ones(1),
        means=np.array([[np.log(ratio)]]),
        covariances=np.array([[[sd**2]]]),
        factual_map=one,
        expected_map=one * 0,
        offset=np.zeros(len(MONTHS)),
        noise="poisson",
        dispersion=np.zeros(1),
    )
    path = pd.Series(1.0, MONTHS)
    both = Counterfactual(observed=path, expected=path, factual=path * ratio, mixture=paths)
    start = pd.Period(start, "M")
    notes = (f"note {start}",)
    return effect_from_paths(both, OWN_POST_PERIOD, method="m", unit="Town", onset=start, notes=notes, level=level)


@pytest.fixture(scope="module")
def boston():
    """Youth homicides of Boston, and the posterior over a year of starts with month dummies and a trend."""
    file = CHECKOUT / "analyses" / "boston" / "study.toml"
    study = load_study(file)
    panel = build_panel(study, read_tables(study, file.parent), "youth")
    starts = pd.period_range("1996-01", "1996-12", freq="M")
    return panel, start_posterior(LatentCounts(season="dummies"), panel, starts)


def test_two_starts_with_three_to_one_odds_on_paper():
    assert posterior_of([np.log(3.0) - 900, -900.0]) == pytest.approx([0.75, 0.25])
    effects = [effect_at("2020-02", 0.5, 0.1), effect_at("2020-04", 0.8, 0.2)]
    mixed = mixture_over_starts(effects, [0.75, 0.25])
    assert mixed.point == pytest.approx(0.5**0.75 * 0.8**0.25)
    [interval] = mixed.intervals
    for limit, share in ((interval.lower, 0.025), (interval.upper, 0.975)):
        z = [(np.log(limit) - np.log(r)) / sd for r, sd in ((0.5, 0.1), (0.8, 0.2))]
        assert 0.75 * stats.norm.cdf(z[0]) + 0.25 * stats.norm.cdf(z[1]) == pytest.approx(share, abs=1e-9)
    above = 0.75 * stats.norm.sf(np.log(2) / 0.1) + 0.25 * stats.norm.sf(np.log(1.25) / 0.2)
    assert mixed.tests[0].p_value == pytest.approx(2 * above)
    assert interval.kind == mixed.tests[0].kind == "posterior"


def test_doubt_about_the_start_is_wider_than_the_best_date_with_its_own_interval():
    effects = [effect_at("2020-02", 0.5, 0.1), effect_at("2020-04", 0.8, 0.1)]
    mixed, best = mixture_over_starts(effects, [0.6, 0.4]).intervals[0], effects[0].intervals[0]
    assert mixed.upper / mixed.lower > 1.4 * (best.upper / best.lower)


def test_the_mixture_says_that_it_is_a_diagnostic_and_keeps_every_note():
    mixed = mixture_over_starts([effect_at("2020-02", 0.5, 0.1), effect_at("2020-04", 0.8, 0.2)], [0.5, 0.5])
    assert mixed.notes[0].startswith("a diagnostic and no estimate") and "own post-period" in mixed.notes[0]
    assert mixed.notes[1:] == ("note 2020-02", "note 2020-04")
    assert mixed.counterfactual is None and mixed.details["starts"] == {"2020-02": 0.5, "2020-04": 0.5}


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=30), st.floats(-1e4, 1e4))
def test_the_posterior_sums_to_one_and_only_differences_count(likelihoods, shift):
    posterior = posterior_of(likelihoods)
    assert posterior.sum() == pytest.approx(1) and (posterior >= 0).all()
    assert posterior_of(np.array(likelihoods) + shift) == pytest.approx(posterior, abs=1e-6)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0.1, 5), st.floats(0.02, 1), st.floats(0.01, 1)), min_size=2, max_size=5), st.randoms())
def test_the_order_of_the_starts_does_not_matter_and_the_mixture_lies_among_them(drawn, random):
    effects = [effect_at(MONTHS[1], ratio, sd) for ratio, sd, _ in drawn]
    shares = np.array([share for *_, share in drawn])
    order = list(range(len(drawn)))
    random.shuffle(order)
    one = mixture_over_starts(effects, shares / shares.sum())
    other = mixture_over_starts([effects[i] for i in order], (shares / shares.sum())[order])
    limits = [(mixed.point, mixed.intervals[0].lower, mixed.intervals[0].upper) for mixed in (one, other)]
    assert limits[0] == pytest.approx(limits[1], rel=1e-8)
    assert min(e.intervals[0].lower for e in effects) <= one.intervals[0].lower * (1 + 1e-9)
    assert max(e.intervals[0].upper for e in effects) >= one.intervals[0].upper * (1 - 1e-9)


def test_boston_nearly_ties_june_and_august_1996(boston):
    panel, found = boston
    first, second, *others = sorted(found.rows, key=lambda row: -row.probability)
    assert (str(first.start), str(second.start)) == ("1996-08", "1996-06")
    assert abs(first.log_marginal_likelihood - second.log_marginal_likelihood) < 0.3
    assert second.probability > 1.5 * others[0].probability
    assert found.declared == panel.onsets["Boston"] == second.start
    assert sum(row.probability for row in found.rows) == pytest.approx(1)


def test_boston_averaged_over_starts_is_weaker_and_less_certain_than_at_its_best_date(boston):
    _, found = boston
    best, mixed = found.best.interval, found.effect.intervals[0]
    assert str(found.best.start) == "1996-08"
    assert mixed.upper / mixed.lower > 1.05 * (best.upper / best.lower)
    assert found.best.point < found.effect.point < 0.5 and mixed.upper < 1


def test_the_credible_set_holds_95_per_cent_and_no_start_too_many(boston):
    _, found = boston
    inside = found.probability(found.credible)
    smallest = min(row.probability for row in found.rows if row.start in found.credible)
    assert inside >= 0.95 > inside - smallest
    assert found.probability([pd.Period("1980-01", "M")]) == 0.0


def test_the_table_has_every_start_and_their_mixture(boston):
    _, found = boston
    table = start_posterior_table(found)
    assert list(table["start"]) == [*pd.period_range("1996-01", "1996-12", freq="M").astype(str), "all"]
    assert table.loc[table["declared"], "start"].tolist() == ["1996-06"]
    assert table["probability"].iloc[:-1].sum() == pytest.approx(1)
    assert table["point"].iloc[-1] == found.effect.point


def test_where_time_is_centred_hardly_moves_the_marginal_likelihood():
    # The only thing that differs between starts beside the step: the trend is zero at another month.
    months = np.arange(96)
    counts = np.random.default_rng(1).poisson(40 * np.exp(-months / 96)).astype(float)
    fits = [
        _laplace.fit(counts, np.column_stack([np.ones(96), (months - zero) / 96]), np.zeros(96), [10, 2.5])
        for zero in (24, 48, 72)
    ]
    assert np.ptp([fit.log_marginal_likelihood for fit in fits]) < 0.05


@pytest.fixture(scope="module")
def town(make_panel):
    return make_panel({"Town": [40.0, 38.0, 42.0, 41.0] * 4 + [20.0, 21.0, 19.0, 22.0] * 4}, onset=16, start="2010Q1")


def test_a_clear_break_is_found_wherever_it_was_declared_and_in_whatever_order(town):
    starts = town.periods[[12, 16, 20]]
    one = start_posterior(PLAIN, town, starts)
    other = start_posterior(PLAIN, town.starting(town.periods[12]), starts[::-1])
    assert one.rows == other.rows and one.best.start == town.periods[16] and one.best.probability > 0.99
    assert one.credible == (town.periods[16],) and one.effect.point == pytest.approx(0.51, abs=0.02)


def test_a_start_without_figures_after_it_is_a_row_with_its_reason_and_no_weight(town):
    found = start_posterior(PLAIN, town, [town.periods[16], town.periods[-1] + 1, town.periods[-1] + 9])
    kept, beyond, outside = found.rows
    assert kept.probability == 1.0 and beyond.probability is None and beyond.point is None
    assert "no figure after the start" in beyond.refusal and "lies outside its figures" in outside.refusal
    assert found.effect.point == pytest.approx(kept.point)


def test_no_candidate_with_figures_on_both_sides_is_an_error(town):
    with pytest.raises(EstimationError, match="none of the candidate starts .* no figure after the start 2018Q1"):
        start_posterior(PLAIN, town, [town.periods[-1] + 1])


def test_no_candidate_and_one_given_twice_are_errors(town):
    with pytest.raises(EstimationError, match="no candidate start was given"):
        start_posterior(PLAIN, town, [])
    with pytest.raises(EstimationError, match="2014Q1 stands twice"):
        start_posterior(PLAIN, town, [town.periods[16], town.periods[16]])


def test_models_of_different_size_are_not_weighed_against_each_other(town):
    steps = dataclasses.replace(PLAIN, change="steps", ramp=4)
    with pytest.raises(EstimationError, match="their marginal likelihoods weigh different priors"):
        start_posterior(steps, town, town.periods[[12, 20]])


def test_spans_have_a_posterior_too():
    file = CHECKOUT / "analyses" / "malmo" / "study.toml"
    study = load_study(file)
    panel = build_panel(study, read_tables(study, file.parent), study.primary.name)
    found = start_posterior(LatentCounts(), panel, pd.period_range("2018-07", "2019-01", freq="2M").asfreq("M"))
    assert sum(row.probability for row in found.rows) == pytest.approx(1) and found.effect.rests_on_prior
    # The figures of 2018 are one span to 17 October, so no month before it stands out.
    assert max(row.probability for row in found.rows[:2]) < 0.9
