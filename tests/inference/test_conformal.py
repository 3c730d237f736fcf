"""Conformal inference: the shifts by hand and by force, its size and power, and what it refuses and says."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.factor import Factor
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.conformal import ConformalInference, autocorrelation_of, conformal, cyclic_p
from gvi_eval.study import Estimand, Window

METHODS = [Synthetic(), Synthetic(intercept=True), Synthetic(scale="log"), Sdid(), Did(), Did(model="poisson")]
every_method = pytest.mark.parametrize("estimator", METHODS, ids=["sc", "intercept", "log", "sdid", "did", "poisson"])


def by_force(residuals, post, statistic) -> float:
    """The share of shifts, each made and summed; slow and obviously right."""
    residuals = np.asarray(residuals, dtype=float)

    def of(series) -> float:
        later = series[len(series) - post :]
        return abs(later.sum()) if statistic == "sum" else np.abs(later).mean()

    observed, slack = of(residuals), 1e-10 * np.abs(residuals).sum()
    return float(np.mean([of(np.roll(residuals, k)) >= observed - slack for k in range(len(residuals))]))


def drawn(seed: int, ratio: float = 1.0, *, donors: int = 12, mean: float = 40, periods: int = 40, onset: int = 28):
    random = np.random.default_rng(seed)
    town = random.poisson(mean, periods).astype(float)
    town[onset:] = random.poisson(mean * ratio, periods - onset)
    return {"Town": town, **{f"D{j:02}": random.poisson(mean, periods).astype(float) for j in range(donors)}}


def scattered(count: int, pre: int, post: int, *, shift: float = 0.0, rho: float = 0.0, seed: int = 1) -> np.ndarray:
    """Normal residuals (series, period) about their mean, as a fit with a level to all periods leaves them."""
    random = np.random.default_rng([seed, pre, post])
    series = random.standard_normal((count, pre + post))
    for t in range(1, pre + post):
        series[:, t] = rho * series[:, t - 1] + math.sqrt(1 - rho**2) * series[:, t]
    series[:, pre:] += shift
    return series - series.mean(axis=1, keepdims=True)


def rejected(p) -> float:
    return float((p <= 0.1 + 1e-12).mean())


def test_the_shifts_by_hand():
    # Neighbouring pairs around the cycle sum to 1, 0, −4, 3 and 4 (2 and 2); the last pair, 3, is reached by −4, 3 and 4.
    residuals = np.array([2.0, -1.0, 1.0, 1.0, 2.0])
    assert [abs(residuals[k] + residuals[(k + 1) % 5]) for k in range(5)] == [1, 0, 2, 3, 4]
    assert cyclic_p(residuals, 2) == pytest.approx(2 / 5)
    assert cyclic_p(residuals, 2, "mean absolute") == pytest.approx(3 / 5)  # means 1.5, 1, 1, 1.5 and 2
    assert cyclic_p(residuals, 1) == pytest.approx(2 / 5)  # both twos


@given(st.lists(st.integers(-5, 5), min_size=3, max_size=25), st.integers(1, 20), st.sampled_from(["sum", "mean absolute"]))
def test_the_kernel_does_what_making_every_shift_does(residuals, post, statistic):
    post = min(post, len(residuals) - 1)
    assert cyclic_p(np.array(residuals, dtype=float), post, statistic) == pytest.approx(by_force(residuals, post, statistic))


@given(st.integers(0, 10**6), st.floats(1e-9, 1e9))
def test_size_sign_and_direction_of_residuals_do_not_matter(seed, size):
    residuals = np.random.default_rng(seed).standard_normal(17)
    p = cyclic_p(residuals, 5)
    assert 1 / 17 <= p <= 1
    assert p == cyclic_p(-residuals, 5) == cyclic_p(size * residuals, 5)
    turned = np.concatenate([residuals[:12][::-1], residuals[12:][::-1]])
    assert p == cyclic_p(turned, 5)


def test_many_series_at_once():
    series = scattered(6, 9, 4)
    assert cyclic_p(series.reshape(2, 3, 13), 4).ravel() == pytest.approx([by_force(each, 4, "sum") for each in series])
    with pytest.raises(EstimationError, match="13 of 13 periods lie after the start"):
        cyclic_p(series, 13)


@pytest.mark.parametrize(("pre", "post", "by_sum", "by_mean"), [(12, 12, 0.83, 0.015), (22, 13, 0.98, 0.37)])
def test_a_shift_of_two_standard_deviations_is_found_by_the_sum_and_not_by_the_mean(pre, post, by_sum, by_mean):
    series = scattered(4000, pre, post, shift=2.0)
    assert rejected(cyclic_p(series, post)) == pytest.approx(by_sum, abs=0.015)
    assert rejected(cyclic_p(series, post, "mean absolute")) == pytest.approx(by_mean, abs=0.02)


@pytest.mark.parametrize(("pre", "post"), [(12, 12), (22, 13), (36, 12)])
def test_the_size_is_near_the_nominal_without_autocorrelation(pre, post):
    assert 0.06 < rejected(cyclic_p(scattered(4000, pre, post), post)) < 0.11


def test_autocorrelation_raises_the_size_and_free_permutations_raise_it_further():
    assert 0.11 < rejected(cyclic_p(scattered(4000, 12, 12, rho=0.6), 12)) < 0.15
    # 23 and 25 periods have no tie of halves; permuted freely, residuals with ρ = .85 pass for independent.
    random = np.random.default_rng(2)
    series = scattered(300, 36, 12, rho=0.85)
    free = []
    for own in series:
        shuffled = random.permuted(np.tile(own, (399, 1)), axis=1)
        sums = np.append(np.abs(shuffled[:, 36:].sum(axis=1)), abs(own[36:].sum()))
        free.append((sums >= sums[-1]).mean())
    cyclic = rejected(cyclic_p(series, 12))
    assert rejected(np.array(free)) > 0.4
    assert cyclic < 0.2


def test_the_autocorrelation_of_a_short_series_is_not_too_low():
    found = [autocorrelation_of(own) for own in scattered(2000, 20, 10, rho=0.6)]
    assert np.mean(found) == pytest.approx(0.6, abs=0.05)
    assert autocorrelation_of(np.array([1.0, -1.0, 1.0, -1.0])) < -0.5
    assert autocorrelation_of(np.full(9, 3.0)) == 0.0


def test_a_panel_by_hand(make_panel):
    # Donors are flat at 10, so the fit is their mean; a town at 10 and then at 6 leaves 0, 0, 0, 0 and −4, −4 about 10.
    counts = {"Town": [10, 10, 10, 10, 6, 6], "A": [10] * 6, "B": [10] * 6, "C": [10] * 6}
    found = conformal(Synthetic(level=0.8), make_panel(counts, 4))
    assert found.residuals == pytest.approx([0, 0, 0, 0, -4, -4])
    assert (found.statistic, found.p_value, found.floor) == (pytest.approx(8), pytest.approx(1 / 6), pytest.approx(1 / 6))
    test = found.test()
    assert (test.kind, test.p_value) == ("conformal", found.p_value)
    assert test.null == "Town would have counted what it did in each of the 2 periods, with no effect in any of them"
    interval = found.interval()
    assert (interval.lower, interval.upper) == (pytest.approx(0.6, abs=1e-3), pytest.approx(0.6, abs=1e-3))
    assert (interval.level, interval.kind) == (0.8, "conformal")


@every_method
def test_an_effect_is_found_and_its_ratio_lies_in_the_set(make_panel, estimator):
    found = conformal(estimator, make_panel(drawn(3, 0.6), 28))
    assert found.p_value == found.floor == pytest.approx(1 / 40)
    interval = found.interval()
    assert interval.lower < 0.6 < interval.upper < 0.9 and len(found.pieces) == 1
    assert found.power > 0.5 and abs(found.autocorrelation) < 0.4
    assert found.unevenness < (0.05 if estimator.name == "sdid" else 1e-6)


@pytest.mark.parametrize("estimator", [Factor(rank=1), Factor(), Factor(variant="completion", penalty=0.4)])
def test_factor_models_are_symmetric_in_time_too(make_panel, estimator):
    found = conformal(estimator, make_panel(drawn(3, 0.6, donors=8), 28))
    assert found.unevenness < 1e-5 and found.p_value == found.floor and found.interval().upper < 1


@every_method
def test_the_set_holds_the_ratios_whose_own_test_does_not_reject(make_panel, estimator):
    panel = make_panel(drawn(4, 0.8), 28)
    found = conformal(estimator, panel)
    for lower, upper in found.pieces:
        for ratio, held in ((lower * 1.001, True), (upper * 1.002, False)):
            assert (conformal(estimator, panel.adjusted(ratio)).p_value > 0.05) == held
    assert found.interval().excludes(1.0) == (found.p_value <= 0.05)


@every_method
def test_units_of_exposure_and_order_do_not_matter(make_panel, estimator):
    counts = drawn(5, 0.7)
    one = conformal(estimator, make_panel(counts, 28))
    backwards = {"Town": counts.pop("Town"), **dict(reversed(counts.items()))}
    for other in (
        conformal(estimator, make_panel(backwards, 28)),
        conformal(estimator, make_panel(backwards, 28, exposure=1e5)),
    ):
        assert (other.p_value, other.power) == (one.p_value, one.power)
        assert np.array(other.pieces) == pytest.approx(np.array(one.pieces), rel=3e-4)


@pytest.mark.parametrize("estimator", [Synthetic(intercept=True), Did()], ids=["intercept", "did"])
def test_where_residuals_add_up_to_nothing_half_the_cycle_mirrors_the_other(make_panel, estimator):
    found = conformal(estimator, make_panel(drawn(6, 0.3, periods=24, onset=12), 12))
    assert found.floor == found.p_value == pytest.approx(2 / 24)
    assert found.pieces == ((0.0, math.inf),) and found.interval() is None and found.power == 0.0
    assert "with 24 periods no conformal p-value falls below 0.083, so no ratio is rejected at 5%" in found.words()[0]
    assert conformal(Synthetic(level=0.9, intercept=True), make_panel(drawn(6, 0.3, periods=24, onset=12), 12)).interval()


def test_nothing_observed_has_no_lower_limit_and_little_data_no_upper(make_panel):
    counts = drawn(7, 0.0, mean=9)
    found = conformal(Synthetic(intercept=True), make_panel(counts, 28))
    assert found.pieces == () or found.pieces[0][0] == 0
    few = drawn(8, 1.0, mean=0.15, donors=6)
    few["Town"][:5] = 1
    found = conformal(Synthetic(intercept=True), make_panel(few, 28))
    assert found.interval() is None
    assert any("have no upper limit, so there is no conformal interval" in word for word in found.words())


def test_power_and_size_are_said(make_panel):
    strong = conformal(Did(), make_panel(drawn(9, mean=200), 28))
    weak = conformal(Did(), make_panel(drawn(9, mean=2), 28))
    assert strong.power == 1.0 and weak.power < 0.4
    words = " ".join(weak.words())
    assert f"a ratio of 0.75 would be found at 5% with a power of {weak.power:.0%} (40 periods, 12 of them after" in words
    assert "where it is 0.6 the conformal test rejects 13% to 14% of true nulls at a nominal 10%" in words
    half = conformal(Did(), make_panel(drawn(9, mean=2), 28), inference=ConformalInference(benchmark=0.25))
    assert half.power > weak.power


def test_power_is_about_what_simulation_gives(make_panel):
    power = np.mean([conformal(Did(), make_panel(drawn(seed, mean=30), 28)).power for seed in range(2)])
    found = np.mean([conformal(Did(), make_panel(drawn(seed, 0.75, mean=30), 28)).p_value <= 0.05 for seed in range(20, 28)])
    assert power == pytest.approx(found, abs=0.25)


def test_a_window_leaves_the_other_periods_out_of_the_cycle(make_panel):
    panel = make_panel(drawn(10, 0.6), 28)
    year = Estimand("first half", window=Window(date(2012, 5, 1), date(2012, 10, 31)))
    found = conformal(Synthetic(), panel, year)
    assert (found.after, len(found.residuals)) == (6, 34)
    values = panel.values.copy()
    values.loc["2011-03", "Town"] = np.nan
    assert len(conformal(Synthetic(), panel.with_(values=values)).residuals) == 39


def test_errors(make_panel):
    with pytest.raises(StudyError, match="statistic of the conformal test is 'max'; choose sum, mean absolute"):
        ConformalInference(statistic="max")
    with pytest.raises(StudyError, match="benchmark of the conformal test is 1; choose a ratio above 0 other than 1"):
        ConformalInference(benchmark=1)
    with pytest.raises(EstimationError, match="21 of 40 periods of Town lie after the start 2011-08, and a conformal test"):
        conformal(Did(), make_panel(drawn(1), 19))
    named = Synthetic(predictors=("outcome 2010-01", "outcome 2010-07", "outcome 2011"))
    with pytest.raises(EstimationError, match="synthetic does not treat all periods of Town alike"):
        conformal(named, make_panel(drawn(1), 28))
    late = Estimand("late", window=Window(date(2013, 5, 1), None))
    with pytest.raises(EstimationError, match="the window 2013-05-01"):
        conformal(Did(), make_panel(drawn(1), 28), late)
