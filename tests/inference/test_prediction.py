"""Prediction intervals: the bound by hand, what counts allow, laws, and coverage with and without autocorrelation."""

import math
from datetime import date

import numpy as np
import pytest
from scipy import stats

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.factor import Factor
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.prediction import PredictionInference, _along, _scattered, predict, prediction_interval
from gvi_eval.study import Estimand, Window

RATIO, GAP = Estimand("r", "ratio"), Estimand("d", "difference")
QUICK, DRAWN = PredictionInference(refits=50), PredictionInference(refits=50, scatter="drawn")
METHODS = [Synthetic(), Synthetic(scale="log", intercept=True), Sdid(), Did(model="poisson"), Factor()]
every_method = pytest.mark.parametrize("estimator", METHODS, ids=["sc", "log", "sdid", "poisson", "factor"])


def drawn(seed: int, *, donors: int = 10, mean: float = 20, periods: int = 40, onset: int = 30, rho=0.0, sd=0.0, ratio=1.0):
    """Counts of units alike: Poisson about a mean whose log is an autoregression of standard deviation ``sd``."""
    random = np.random.default_rng(seed)
    logs = sd * _along(random.standard_normal((donors + 1, periods)), np.full(donors + 1, rho)).T
    means = mean * np.exp(logs - sd**2 / 2)
    means[onset:, 0] *= ratio
    names = ["Town", *(f"D{j:02}" for j in range(donors))]
    return dict(zip(names, random.poisson(means).astype(float).T, strict=True))


def test_the_bound_by_hand(make_panel):
    # Nothing ever scatters, so counts are Poisson: 10 a month, a variance of 20 over two months, and √(2 · 20 · ln 80) = 13.24.
    panel = make_panel({unit: [10] * 12 for unit in ("Town", "A", "B", "C")}, 10)
    found = predict(Did(), panel, RATIO, QUICK)
    assert (found.dispersion, found.autocorrelation) == (1.0, 0.0)
    assert found.covariance == pytest.approx(10 * np.eye(2))
    reach = math.sqrt(40 * math.log(80))
    assert reach == pytest.approx(13.24, abs=0.005)
    sums = found.means.sum(axis=1)
    assert found.limits(0.95) == pytest.approx((np.quantile(sums, 0.0125) - reach, np.quantile(sums, 0.9875) + reach))
    # The level rests on ten months: its standard error is 1 a month, 2 over both.
    assert sums.std() == pytest.approx(2, rel=0.25)
    assert sums.mean() == pytest.approx(20, abs=1)


def test_counts_that_are_drawn_are_counts_with_the_variance_that_is_meant():
    random = np.random.default_rng(1)
    means = np.full((4000, 1), 6.0)
    plain = _scattered(random, means, np.sqrt(means[0]), 1.0, 0.0, 10**6, True)
    assert plain.var() / plain.mean() == pytest.approx(1, abs=0.05) and (plain == np.round(plain)).all()
    wide = _scattered(random, means, np.sqrt(means[0]), 3.0, 0.0, 10**6, True)
    assert wide.mean() == pytest.approx(6, abs=0.1)
    assert wide.var() / wide.mean() == pytest.approx(3, rel=0.05) and wide.min() == 0
    few = _scattered(random, means * 0.01, np.sqrt(means[0]), 3.0, 0.5, 40, True)
    assert few.min() == 0 and few.mean() == pytest.approx(0.06, abs=0.01)
    rates = _scattered(random, means, np.full(1, 2.0), 4.0, 0.0, 10**6, False)
    assert rates.std() == pytest.approx(4, rel=0.02)  # √4 · an exposure of 2
    assert stats.skew(wide.ravel()) > stats.skew(rates.ravel()) + 0.3


def test_paths_have_the_autocorrelation_that_is_asked_for():
    paths = _along(np.random.default_rng(2).standard_normal((3000, 12)), np.full(3000, 0.7))
    assert paths.var(axis=0) == pytest.approx(np.ones(12), abs=0.1)
    assert (paths[:, 1:] * paths[:, :-1]).mean() == pytest.approx(0.7, abs=0.03)


@every_method
def test_the_three_contrasts_tell_one_story(make_panel, estimator):
    panel = make_panel(drawn(3, ratio=0.4), 30)
    found = predict(estimator, panel, RATIO, QUICK)
    lower, upper = found.limits(0.95)
    seen = found.observed.sum()
    ratio, prevented, gap = (found.interval(contrast, 0.95) for contrast in ("ratio", "prevented", "difference"))
    assert 0 <= lower < found.expected.sum() < upper
    assert (ratio.lower, ratio.upper) == pytest.approx((seen / upper, seen / lower))
    assert (prevented.lower, prevented.upper) == pytest.approx((lower - seen, upper - seen))
    assert (gap.lower, gap.upper) == pytest.approx(((seen - upper) / 10, (seen - lower) / 10))
    assert (ratio.kind, ratio.level) == ("prediction", 0.95)
    assert ratio.upper < 1 and prevented.lower > 0
    assert prediction_interval(estimator, panel, RATIO, inference=QUICK) == ratio  # the method's level, the same draws


def test_the_unit_of_exposure_and_the_order_of_the_units_do_not_matter(make_panel):
    counts = drawn(4)
    one = prediction_interval(Synthetic(), make_panel(counts, 30), RATIO, 0.9, QUICK)
    turned = {"Town": counts.pop("Town"), **dict(reversed(counts.items()))}
    other = prediction_interval(Synthetic(), make_panel(turned, 30, exposure=1e5), RATIO, 0.9, QUICK)
    assert (other.lower, other.upper) == pytest.approx((one.lower, one.upper), rel=1e-6)


def test_a_higher_level_is_wider_and_the_bound_wider_than_the_draws(make_panel):
    panel = make_panel(drawn(5), 30)
    bound, plain = predict(Did(), panel, RATIO, QUICK), predict(Did(), panel, RATIO, DRAWN)

    def width(found, level) -> float:
        lower, upper = found.limits(level)
        return upper - lower

    assert width(plain, 0.8) < width(plain, 0.95) < width(bound, 0.95) < width(bound, 0.99)


def test_a_period_alone_is_wider_for_its_size_and_few_counts_stop_at_nothing(make_panel):
    found = predict(Did(model="poisson"), make_panel(drawn(6, mean=1.5), 30), RATIO, DRAWN)
    frame = found.frame(0.9)
    assert list(frame.columns) == ["period", "observed", "expected", "lower", "upper", "level"]
    assert (frame["lower"] >= 0).all() and (frame["lower"] == 0).any() and (frame["upper"] > frame["expected"]).all()
    lower, upper = found.limits(0.9)
    assert frame["upper"].sum() - frame["lower"].sum() > upper - lower
    nothing = predict(Did(model="poisson"), make_panel(drawn(6, mean=0.1), 30), RATIO, QUICK)
    assert nothing.interval("ratio", 0.9).upper == math.inf and nothing.interval("prevented", 0.9).lower <= 0


def test_figures_that_are_no_counts_may_fall_below_nothing(make_panel):
    random = np.random.default_rng(7)
    figures = {unit: random.normal(0.5, 1, 30) for unit in ("Town", *"ABCDEF")}
    found = predict(Did(), make_panel(figures, 22, kind="continuous"), GAP, QUICK)
    assert found.limits(0.95)[0] < 0
    assert found.dispersion == pytest.approx(1, abs=0.6)


def test_what_a_fit_hides_of_the_scatter_is_put_back(make_panel):
    dispersions, autocorrelations, raw = [], [], []
    for seed in range(5):
        found = predict(Synthetic(), make_panel(drawn(seed, rho=0.6, sd=0.3), 30), RATIO, QUICK)
        path = Synthetic().estimate(make_panel(drawn(seed, rho=0.6, sd=0.3), 30)).counterfactual
        left = ((path.observed - path.expected) / np.sqrt(path.expected))[:30]
        dispersions.append(found.dispersion)
        autocorrelations.append(found.autocorrelation)
        raw.append((left**2).mean())
    # A variance of 1 + 20 (e^.09 − 1) = 2.9 over the mean; the fit leaves less of it.
    assert np.mean(raw) < np.mean(dispersions)
    assert np.mean(dispersions) == pytest.approx(2.9, abs=0.9)
    assert 0.2 < np.mean(autocorrelations) < 0.6


@pytest.mark.parametrize(("estimator", "rho", "sd"), [(Synthetic(), 0.0, 0.0), (Did(), 0.0, 0.0), (Synthetic(), 0.6, 0.3)])
def test_coverage(make_panel, estimator, rho, sd):
    # Of 14 intervals at 90 %, each right at least so often: 11 or fewer have a chance of 4 %.
    held = 0
    for seed in range(14):
        panel = make_panel(drawn(100 + seed, rho=rho, sd=sd), 30)
        held += not prediction_interval(estimator, panel, RATIO, 0.9, QUICK).excludes(1.0)
    assert held >= 11


def test_a_window_is_kept(make_panel):
    quarter = Estimand("first", "difference", window=Window(date(2012, 7, 1), date(2012, 9, 30)))
    found = predict(Did(), make_panel(drawn(8), 30), quarter, QUICK)
    assert [str(period) for period in found.periods] == ["2012-07", "2012-08", "2012-09"]
    assert len(found.observed) == found.counts.shape[1] == 3


def test_errors(make_panel):
    with pytest.raises(StudyError, match="scatter of the prediction is 'normal'; choose drawn, sub-gaussian"):
        PredictionInference(scatter="normal")
    with pytest.raises(StudyError, match="refits of the prediction are 10; take 50 or more"):
        PredictionInference(refits=10)
    with pytest.raises(EstimationError, match="Town has 6 periods before the start 2010-07 with figures, and a prediction"):
        predict(Did(), make_panel(drawn(1), 6), RATIO)
