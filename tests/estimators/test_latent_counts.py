"""The default estimator for one series: spans, gaps, priors, and the sentences it gives instead of numbers."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import plain_laplace
import pytest

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.latent_counts import COEFFICIENT_SD, INTERCEPT_SD, LatentCounts
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.study import Estimand, Window
from gvi_eval.windows import CountWindow

PLAIN = LatentCounts(season="none", trend=False)


def drawn(mean, ratio=1.0, periods=96, after=36, seed=1):
    rng = np.random.default_rng(seed)
    return rng.poisson(np.where(np.arange(periods) >= periods - after, mean * ratio, mean)).astype(float)


def by_year(panel):
    """The same counts published as yearly totals: every cell a gap, every year a span."""
    unit = panel.treated[0]
    years = panel.values[unit].groupby(panel.periods.year).sum()
    windows = tuple(CountWindow(unit, ((date(y, 1, 1), date(y, 12, 31)),), int(n), ("t.csv:2",)) for y, n in years.items())
    return panel.with_(values=panel.values * np.nan, windows=windows)


@pytest.fixture(scope="module")
def monthly(make_panel):
    return make_panel({"Town": drawn(20, 0.6)}, onset=60, start="2010-01")


def test_many_events_and_no_noise_come_near_the_ratio_of_the_means(make_panel):
    # 400 a month, then 200: the posterior is all likelihood, and its point the ratio of the means
    effect = PLAIN.estimate(make_panel({"Town": [390.0, 400.0, 410.0] * 20 + [195.0, 200.0, 205.0] * 12}, onset=60))
    assert effect.point == pytest.approx(0.5, abs=0.003) and effect.intervals[0].kind == "posterior"
    assert not effect.rests_on_prior


def test_a_complete_series_equals_the_plain_model_to_the_last_printed_digit(make_panel):
    panel = make_panel({"Town": drawn(4, periods=40, after=16)}, onset=24)
    fit = PLAIN.estimate(panel).counterfactual.mixture.posterior
    X = np.column_stack([np.ones(40), np.arange(40) >= 24]).astype(float)
    heaviest = np.argsort(fit.weights)[-5:]
    for k in heaviest:
        plain = plain_laplace.node(
            panel.values["Town"].to_numpy(), X, np.zeros(40), np.array([INTERCEPT_SD, COEFFICIENT_SD]), *fit.hyper[k]
        )
        # both end their Newton steps at slopes of about 1e-7, and results are printed to three decimals
        assert np.abs(fit.beta_mean[k] - plain.beta_mean).max() < 1e-9
        assert np.allclose(fit.beta_cov[k], plain.beta_cov, rtol=1e-8)


def test_spans_of_one_month_each_are_the_monthly_series(monthly):
    unit = monthly.treated[0]
    spans = tuple(
        CountWindow(unit, ((p.start_time.date(), p.end_time.date()),), int(n), ()) for p, n in monthly.values[unit].items()
    )
    same = PLAIN.estimate(monthly.with_(values=monthly.values * np.nan, windows=spans))
    whole = PLAIN.estimate(monthly)
    assert f"{same.point:.10g}" == f"{whole.point:.10g}"
    assert [f"{v:.8g}" for v in dataclasses.astuple(same.intervals[0])[:2]] == [
        f"{v:.8g}" for v in dataclasses.astuple(whole.intervals[0])[:2]
    ]


def test_yearly_sums_say_the_same_with_less_certainty(monthly):
    months, years = PLAIN.estimate(monthly), PLAIN.estimate(by_year(monthly))
    width = [np.log(e.intervals[0].upper / e.intervals[0].lower) for e in (months, years)]
    assert years.point == pytest.approx(months.point, rel=0.1) and width[1] > width[0]


def test_a_few_totals_rest_on_the_prior_and_say_so(make_panel):
    months = make_panel({"Town": drawn(4, periods=60, after=24)}, onset=36, start="2010-01")
    years = PLAIN.estimate(by_year(months))
    assert years.rests_on_prior and not PLAIN.estimate(months).rests_on_prior
    assert years.notes[0].startswith("the width rests on the prior: the figures say next to nothing about ")


def test_one_alpha_for_every_span_is_wider(monthly):
    spans = by_year(monthly)
    own, one = (dataclasses.replace(PLAIN, one_alpha=flag).estimate(spans).intervals[0] for flag in (False, True))
    assert one.upper / one.lower > own.upper / own.lower


def test_a_wider_prior_is_a_wider_interval_where_the_figures_say_little(monthly):
    spans = by_year(monthly)
    widths = []
    for scale in (0.25, 0.5, 1.0):
        interval = dataclasses.replace(PLAIN, prior_scale=scale).estimate(spans).intervals[0]
        widths.append(interval.upper / interval.lower)
    assert widths == sorted(widths)


def test_a_multiple_of_the_exposure_changes_nothing(monthly):
    scaled = monthly.with_(exposure=monthly.exposure * 350_000)
    assert PLAIN.estimate(scaled).point == pytest.approx(PLAIN.estimate(monthly).point, rel=1e-9)


def test_the_point_is_the_contrast_of_the_path_and_windows_need_no_refit(monthly):
    effect = dataclasses.replace(PLAIN, change="level+slope", trend=True).estimate(monthly)
    path = effect.counterfactual
    first, last = (
        effect.over(Estimand("part", window=w)) for w in (Window(None, date(2015, 12, 31)), Window(date(2017, 1, 1)))
    )
    for part in (effect, first, last):
        inside = slice(*(str(p) for p in part.window))
        assert part.point == pytest.approx(path.factual[inside].sum() / path.expected[inside].sum())
        assert part.intervals[0].lower < part.point < part.intervals[0].upper
    assert first.point != pytest.approx(last.point, rel=1e-3)


def test_prevented_events_and_the_ratio_agree_on_what_is_excluded(monthly):
    effect = PLAIN.estimate(monthly)
    prevented = effect.over(Estimand("prevented", "prevented"))
    assert effect.intervals[0].upper < 1 and prevented.intervals[0].lower > 0
    realised = effect.over(Estimand("realised", "prevented", "realised"))
    assert realised.intervals[0].kind == "prediction"
    assert realised.intervals[0].lower < realised.point < realised.intervals[0].upper


def test_boston_agrees_with_the_companion_on_the_point(make_panel):
    panel = make_panel({"Town": drawn(5, 0.5, seed=4)}, onset=60)
    assert PLAIN.estimate(panel).point == pytest.approx(Segmented(season="none", trend=False).estimate(panel).point, rel=0.03)


def test_an_event_that_is_adjusted_for_is_in_both_paths(make_panel):
    from gvi_eval.study import Intervention, Moment

    counts = np.concatenate([np.full(24, 20.0), np.full(24, 40.0), np.full(24, 20.0)])
    panel = make_panel({"Town": counts}, onset=48, start="2010-01")
    first = panel.periods[24].start_time.date()
    event = Intervention("New form", "recording change", Moment(first, first), "source")
    effect = dataclasses.replace(PLAIN, adjust=("New form",)).estimate(panel.with_(interventions=(event,)))
    assert effect.point == pytest.approx(0.5, rel=0.02)


# each kind of bad input gets its sentence


def test_zeros_before_the_start(make_panel):
    with pytest.raises(EstimationError, match="Town recorded no events before the start 2012-01, so its ratio is undefined"):
        PLAIN.estimate(make_panel({"Town": [0.0] * 24 + [3.0] * 12}, onset=24, start="2010-01"))


def test_two_points_after_give_a_note(make_panel):
    effect = PLAIN.estimate(make_panel({"Town": drawn(5, periods=26, after=2)}, onset=24))
    assert any("24 points before and 2 after the start" in note for note in effect.notes)


def test_an_onset_outside_the_data(make_panel):
    panel = make_panel({"Town": drawn(5, periods=24, after=6)}, onset=12, start="2010-01")
    with pytest.raises(StudyError, match="the start 2030-01 of Town lies outside its figures, 2010-01 to 2011-12"):
        PLAIN.estimate(panel.starting("2030-01"))


def test_a_season_on_spans(monthly):
    with pytest.raises(
        EstimationError, match="published for odd spans, which cannot tell a season from a change; set season to 'none'"
    ):
        LatentCounts(season=2).estimate(by_year(monthly))


def test_a_slope_without_enough_periods(make_panel):
    with pytest.raises(EstimationError, match="a change of slope needs 8 periods after the start, Town has 6"):
        LatentCounts(change="level+slope").estimate(make_panel({"Town": drawn(5, periods=60, after=6)}, onset=54))


def test_a_span_cut_by_a_transform_is_listed_and_left_out(monthly):
    panel = by_year(monthly).donut(Window(date(2014, 6, 1), date(2014, 8, 31)))
    effect = PLAIN.estimate(panel)
    cut = [note for note in effect.notes if "left out, because the days" in note]
    assert len(cut) == 1 and "2014-01-01 to 2014-12-31" in cut[0] and len(panel.windows) == 7


@pytest.mark.parametrize("seed", range(12))
def test_a_posterior_far_sharper_than_its_prior_is_found(make_panel, seed):
    # counts of a thousand a quarter without extra noise once sent the quadrature astray
    panel = make_panel({"Town": drawn(1200, periods=40, after=14, seed=seed)}, onset=26, start="2010Q1")
    effect = LatentCounts(trend=bool(seed % 2)).estimate(panel)
    assert effect.intervals[0].lower < 1.05 and effect.intervals[0].upper > 0.95
    assert effect.details["certificate"]["lattice_gap"] < 0.2


def test_reruns_give_the_same_bytes(monthly):
    one, other = (PLAIN.estimate(monthly) for _ in range(2))
    assert one.intervals == other.intervals and one.counterfactual.frame().equals(other.counterfactual.frame())
    assert isinstance(one.counterfactual.factual, pd.Series)
