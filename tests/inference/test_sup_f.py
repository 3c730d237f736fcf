"""The largest F over starts: an F worked by hand, a p that pays for the search, and what cannot be tested."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.api import GLM, families

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.inference.sup_f import central_starts, null_series, sup_f, sup_f_table
from gvi_eval.study import Intervention, Moment
from gvi_eval.windows import CountWindow

PLAIN = LatentCounts(season="none", trend=False)


def constant(estimator, panel, draws, seed):
    """Null series that never change: their F is zero at every start."""
    return np.full((draws, len(panel.observations(panel.sole_treated[0])[0])), 7.0)


def as_observed(estimator, panel, draws, seed):
    return np.tile(panel.observations(panel.sole_treated[0])[0], (draws, 1))


def restless(seed, periods=60, rho=0.7, sigma=0.5):
    """Counts without any break that drift about a mean of 10."""
    random = np.random.default_rng([5, seed])
    level = np.empty(periods)
    level[0] = random.standard_normal()
    for t in range(1, periods):
        level[t] = rho * level[t - 1] + np.sqrt(1 - rho**2) * random.standard_normal()
    return random.poisson(10 * np.exp(sigma * level)).astype(float)


@pytest.fixture(scope="module")
def town(make_panel):
    return make_panel({"Town": [8.0, 12.0, 10.0] * 4 + [4.0, 6.0, 5.0] * 4}, onset=12)


def test_one_f_on_paper(town):
    # Means 10 and 5 about 7.5: the deviance falls by 2 (120 log(10/7.5) + 60 log(5/7.5)); scatter as a sum by hand.
    found = sup_f(PLAIN, town, [town.periods[12]], draws=19, simulate=constant)
    gain = 2 * (120 * np.log(10 / 7.5) + 60 * np.log(5 / 7.5))
    phi = (4 * (4 + 4 + 0) / 10 + 4 * (1 + 1 + 0) / 5) / (24 - 2)
    assert found.best.f == pytest.approx(gain / phi) and found.best.ratio == pytest.approx(0.5)
    assert found.naive_p == pytest.approx(stats.f.sf(gain / phi, 1, 22))


def test_the_p_counts_the_null_series_that_reach_as_far(town):
    never, always = (sup_f(PLAIN, town, town.periods[6:18], draws=19, simulate=null) for null in (constant, as_observed))
    assert never.test.p_value == never.test.floor == 1 / 20 and never.best.start == town.periods[12]
    assert always.test.p_value == 1.0
    assert never.test.kind == "sup_f" and never.test.statistic == max(row.f for row in never.rows)


def test_the_fast_fits_agree_with_statsmodels(make_panel):
    estimator = LatentCounts(season=1)
    panel = make_panel({"Town": restless(3)}, onset=30)
    starts = panel.periods[[12, 30, 44]]
    found = sup_f(estimator, panel, starts, draws=1, simulate=constant)
    months = np.arange(60)
    angle = 2 * np.pi * (months % 12) / 12
    base = np.column_stack([np.ones(60), (months - 30) / 60, np.cos(angle), np.sin(angle)])
    counts, family = panel.values["Town"].to_numpy(), families.Poisson()
    without = GLM(counts, base, family=family).fit(tol=1e-12)
    for row in found.rows:
        step = np.asarray(panel.periods >= row.start, dtype=float)
        fit = GLM(counts, np.column_stack([base, step]), family=family).fit(tol=1e-12)
        phi = fit.pearson_chi2 / (60 - 5)
        assert row.f == pytest.approx((without.deviance - fit.deviance) / phi, rel=1e-5)
        assert row.ratio == pytest.approx(np.exp(fit.params[-1]), rel=1e-5)


def test_figures_of_one_month_published_as_spans_give_the_same(town):
    spans = tuple(
        CountWindow("Town", ((p.start_time.date(), p.end_time.date()),), int(n), ()) for p, n in town.values["Town"].items()
    )
    dated = town.with_(values=town.values * np.nan, windows=spans)
    one, other = (sup_f(PLAIN, panel, town.periods[6:18], draws=5, simulate=constant) for panel in (town, dated))
    assert [row.f for row in one.rows] == pytest.approx([row.f for row in other.rows])


def test_a_span_over_a_start_still_has_an_f_and_null_series_of_its_own(make_panel):
    panel = make_panel({"Town": [np.nan] * 6 + [5.0, 4.0, 6.0] * 6}, onset=12)
    half = CountWindow("Town", ((panel.periods[0].start_time.date(), panel.periods[5].end_time.date()),), 60, ())
    panel = panel.with_(windows=(half,))
    found = sup_f(PLAIN, panel, panel.periods[[3, 6, 12]], draws=5, simulate=constant)
    # With 5 a month after it, 60 events in six months are 3 × 15 + 3 × 5 if the fall came half way, and 6 × 10 if at their end.
    half_way, at_the_end, _ = found.rows
    assert (half_way.ratio, at_the_end.ratio) == pytest.approx((1 / 3, 1 / 2)) and half_way.f == pytest.approx(at_the_end.f)
    drawn = null_series(PLAIN, panel, 400, 1)
    assert drawn.shape == (400, 19) and drawn[:, 0].mean() > 3 * drawn[:, 1:].mean()


def test_the_search_is_paid_for_on_series_that_drift_without_a_break(make_panel):
    corrected, naive = [], []
    for seed in range(12):
        panel = make_panel({"Town": restless(seed)}, onset=30)
        found = sup_f(LatentCounts(season="none"), panel, panel.periods[12:48:3], draws=39, seed=seed)
        corrected.append(found.test.p_value)
        naive.append(found.naive_p)
    assert sum(p <= 0.05 for p in naive) >= 6
    assert sum(p <= 0.05 for p in corrected) <= 2


def test_a_clear_break_is_found_where_it_is(make_panel):
    counts = np.random.default_rng(2).poisson(np.where(np.arange(60) < 33, 30.0, 12.0)).astype(float)
    panel = make_panel({"Town": counts}, onset=20)
    found = sup_f(dataclasses.replace(PLAIN, trend=True), panel, panel.periods[12:48:3], draws=99, seed=1)
    assert found.best.start == panel.periods[33] and found.test.p_value <= 0.05


def test_the_same_seed_gives_the_same_series_and_another_seed_others(town):
    one, again, other = (null_series(PLAIN, town, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other) and one.shape == (5, 24)


def test_null_series_keep_gaps_out_and_the_mean_of_the_figures(make_panel):
    panel = make_panel({"Town": [9.0, np.nan, 11.0, 10.0] * 8}, onset=16)
    drawn = null_series(PLAIN, panel, 300, 1)
    assert drawn.shape == (300, 24) and drawn.mean() == pytest.approx(10, rel=0.05)


def test_a_month_without_a_single_count_does_not_stop_the_search(make_panel):
    counts = restless(8, periods=48) * (np.arange(48) % 12 != 3)
    panel = make_panel({"Town": counts}, onset=24)
    found = sup_f(LatentCounts(season="dummies"), panel, panel.periods[20:28], draws=3, simulate=as_observed)
    # Months that are always zero say nothing about a step: F is that of the other months but for the degrees of freedom.
    months = np.arange(48)
    kept = months % 12 != 3
    dummies = [(months % 12 == k).astype(float) for k in range(12) if k != 3]
    columns = np.column_stack(
        [*dummies, (months - 24) / 48, months >= found.best.start.month - 1 + 12 * (found.best.start.year - 2010)]
    )
    fits = [GLM(counts[kept], part[kept], family=families.Poisson()).fit(tol=1e-12) for part in (columns[:, :-1], columns)]
    f = (fits[0].deviance - fits[1].deviance) / (fits[1].pearson_chi2 / (44 - 13))
    assert found.best.f / (48 - 14) == pytest.approx(f / (44 - 13), rel=1e-4) and found.test.p_value == 1.0


def test_a_series_that_fits_perfectly_has_no_f(make_panel):
    panel = make_panel({"Town": np.tile([6.0, 5, 4, 3, 5, 6, 7, 5, 4, 6, 5, 7], 4)}, onset=24)
    found = sup_f(LatentCounts(season="dummies"), panel, panel.periods[20:28], draws=3, simulate=as_observed)
    assert [row.f for row in found.rows] == [0.0] * 8 and found.test.p_value == 1.0


def test_a_candidate_that_cannot_be_tested_is_a_row_with_its_reason(town):
    event = Intervention("New form", "recording change", Moment(*[town.periods[15].start_time.date()] * 2), "s")
    panel = town.with_(interventions=(event,))
    estimator = dataclasses.replace(PLAIN, adjust=("New form",))
    found = sup_f(estimator, panel, [town.periods[0], town.periods[12], town.periods[15]], draws=3, simulate=constant)
    first, tested, repeated = found.rows
    assert "no figure before the start 2010-01" in first.refusal and first.f is None
    assert "cannot be told from trend, season and events" in repeated.refusal
    assert found.best == tested
    table = sup_f_table(found)
    assert table["best"].tolist() == [False, True, False] and table["corrected_p"].notna().sum() == 1


def test_no_candidate_with_figures_on_both_sides_is_an_error(town):
    with pytest.raises(EstimationError, match="no candidate start of Town can be tested: Town has no figure after the start"):
        sup_f(PLAIN, town, [town.periods[-1] + 1])
    with pytest.raises(EstimationError, match="none was given"):
        sup_f(PLAIN, town, [])


def test_central_starts_leave_a_share_of_the_figures_on_each_side(make_panel):
    panel = make_panel({"Town": [5.0] * 20}, onset=10)
    assert list(central_starts(panel, 0.15)) == list(panel.periods[3:18])
    gap = make_panel({"Town": [np.nan] * 10 + [5.0] * 10}, onset=15)
    assert central_starts(gap, 0.2)[0] == gap.periods[12]
    assert isinstance(central_starts(panel), pd.PeriodIndex)
