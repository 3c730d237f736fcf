"""Event studies: on paper, against the regressions that define them, and their covariance against the donors one by one."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from three_starts import three_starts

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.event_study import EventStudy, bins_around, shrunk_correlations, size_scales
from gvi_eval.inference.placebo import size_scale
from gvi_eval.study import Estimand

GAP = Estimand("gap", "difference", target="realised")
MODELS = pytest.mark.parametrize("model", ["linear", "poisson"])


def counts_of(seed: int, units: int = 9, periods: int = 18, mean: float = 25) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    common = random.uniform(0.6, 1.5, periods)
    names = ["Town", *(f"Donor {j}" for j in range(units - 1))]
    return {name: random.poisson(mean * (1 + j / 3) * common).astype(float) for j, name in enumerate(names)}


FLAT = {"Town": [12, 12, 10, 10, 5, 5], "A": [4] * 6, "B": [8] * 6, "C": [9] * 6}


def test_by_hand(make_panel):
    # Donors stay as they are. The town had 24, 20 and 10 in bins of two years: 22 by all before, 20 by the last bin.
    panel = make_panel(FLAT, 4, start="2000")
    linear, poisson = EventStudy(bin=2), EventStudy(bin=2, model="poisson")
    assert linear.estimate(panel).point == pytest.approx(10 / 22)
    assert EventStudy(bin=2, reference="last bin").estimate(panel).point == pytest.approx(10 / 20)
    assert EventStudy(bin=2, model="poisson", reference="last bin").estimate(panel).point == pytest.approx(10 / 20)
    found = linear.leads_and_lags(panel)
    assert (found.bins, found.spans, found.reference) == ((-2, 0), (("2000", "2001"), ("2004", "2005")), ("2002", "2003"))
    assert found.values == pytest.approx([2, -5]) and found.leads == 1
    assert poisson.leads_and_lags(panel).values == pytest.approx(np.log([24.5 / 20.5, 10.5 / 20.5]))


def test_bins_are_counted_from_the_start_and_a_small_rest_joins_its_neighbour():
    def numbers(before: int, after: int, width: int) -> list[int]:
        return bins_around(np.arange(before + after) < before, width).tolist()

    assert numbers(4, 3, 2) == [-2, -2, -1, -1, 0, 0, 1]  # a rest of half a bin stands alone
    assert numbers(5, 4, 4) == [-1] * 5 + [0] * 4
    assert numbers(7, 9, 4) == [-2] * 3 + [-1] * 4 + [0] * 4 + [1] * 5
    assert numbers(1, 1, 4) == [-1, 0]


@MODELS
def test_the_details_hold_every_lead_and_lag_with_its_months(make_panel, model):
    counts = counts_of(1, periods=60)
    details = EventStudy(model=model).estimate(make_panel(counts, 36)).details
    rows = details["coefficients"]
    assert [row["bin"] for row in rows] == [-3, -2, 0, 1]
    assert rows[0]["first"] == "2010-01" and rows[0]["last"] == "2010-12" and rows[-1]["last"] == "2014-12"
    assert details["reference_bin"] == {"bin": -1, "first": "2012-01", "last": "2012-12"}
    assert [row["error"] ** 2 for row in rows] == pytest.approx(np.diag(details["covariance"]))
    assert details["covariance_donors"] == 8
    finer = EventStudy(model=model, bin=6).estimate(make_panel(counts, 36))
    assert finer.notes == ("the covariance of 9 leads and lags rests on 8 donors and is rough",)


@MODELS
@pytest.mark.parametrize("seed", range(3))
def test_by_all_before_it_is_difference_in_differences(make_panel, model, seed):
    panel = make_panel(counts_of(seed), 10)
    panel = panel.with_(exposure=panel.exposure * np.random.default_rng(seed).uniform(1, 3, panel.exposure.shape))
    study, did = EventStudy(model=model), Did(model=model)
    assert study.estimate(panel).point == did.estimate(panel).point
    assert np.array_equal(study.family(panel).expected, did.family(panel).expected)


def regression(panel, numbers: np.ndarray, model: str) -> np.ndarray:
    """Coefficients of the treated unit's bins but the reference, with effects of units and periods."""
    y, people = panel.values.to_numpy(), panel.exposure.to_numpy()
    period, unit = (each.ravel() for each in np.indices(y.shape))
    bins = [number for number in np.unique(numbers) if number != -1]
    columns = [(unit == 0) & (numbers[period] == number) for number in bins]
    columns += [unit == j for j in range(y.shape[1])] + [period == t for t in range(1, len(y))]
    design = np.column_stack(columns).astype(float)
    if model == "linear":
        return sm.OLS((y / people).ravel(), design).fit().params[: len(bins)]
    glm = sm.GLM(y.ravel(), design, sm.families.Poisson(), offset=np.log(people.ravel()))
    return glm.fit(tol=1e-13).params[: len(bins)]


@MODELS
@pytest.mark.parametrize("seed", range(3))
def test_the_coefficients_are_those_of_the_regression(make_panel, model, seed):
    panel = make_panel(counts_of(seed), 10, kind="continuous")  # nothing is added to figures that are no counts
    panel = panel.with_(exposure=panel.exposure * np.linspace(2, 7, 9))
    found = EventStudy(model=model, bin=3).leads_and_lags(panel)
    numbers = bins_around(np.arange(18) < 10, 3)
    assert found.bins == (-3, -2, 0, 1, 2)
    assert found.values == pytest.approx(regression(panel, numbers, model), rel=1e-7)


def test_where_exposure_changes_the_poisson_regression_is_met_up_to_a_shift_of_all_lags(make_panel):
    # With bins of one period the donors alone say how periods move in the regression too; the level of the lags is that of Did.
    panel = make_panel(counts_of(4), 10, kind="continuous")
    panel = panel.with_(exposure=panel.exposure * np.random.default_rng(4).uniform(1, 3, panel.exposure.shape))
    found = EventStudy(model="poisson", bin=1).leads_and_lags(panel)
    apart = found.values - regression(panel, np.arange(18) - 10, "poisson")
    assert apart[:9] == pytest.approx(np.zeros(9), abs=1e-8) and apart[9:] == pytest.approx(np.full(8, apart[9]), abs=1e-8)
    assert abs(apart[9]) < 0.005


def test_the_coefficients_are_those_of_diff_diff(make_panel):
    # diff-diff 3.13.0, MultiPeriodDiD().fit(U00 and the never treated, post_periods=2008..2019, reference_period=2007,
    # unit="unit", absorb=["unit"]).period_effects[year].effect
    figures = {unit: own for unit, own in three_starts().items() if unit not in ("U01", "U02")}
    found = EventStudy(bin=1).leads_and_lags(make_panel(figures, 8, start="2000", kind="continuous", estimand=GAP))
    theirs = {-8: -2.2066666666666657, -5: 1.25, -2: -3.266666666666678, 0: 0.19444444444443, 6: -10.17777777777779}
    ours = dict(zip(found.bins, found.values, strict=True))
    assert {number: ours[number] for number in theirs} == pytest.approx(theirs, rel=1e-9)


@MODELS
def test_the_covariance_is_that_of_the_donors_one_by_one(make_panel, model):
    panel = make_panel(counts_of(5), 10)
    study = EventStudy(model=model, bin=4)
    found = study.leads_and_lags(panel)
    gaps = np.array([study.leads_and_lags(panel.reassigned_to(donor)).values for donor in panel.donors])
    counts, before = panel.values[panel.donors].iloc[:10].mean(), panel.values.iloc[:10].mean()
    levels = before if model == "linear" else before * 0 + 1  # differences of rates are shares of the own rate
    gaps /= levels[panel.donors].to_numpy()[:, None]
    own = min(before["Town"], np.quantile(counts, 0.9))
    a, b = size_scales(gaps, counts.to_numpy())
    spread = levels["Town"] * np.sqrt(a + b / own)
    correlations, share = shrunk_correlations(gaps / np.sqrt(a + b / counts.to_numpy()[:, None]))
    assert found.covariance == pytest.approx(correlations * np.outer(spread, spread), rel=1e-6)
    assert (found.donors, found.shrinkage) == (8, pytest.approx(share))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.02, 0.5]))
@settings(max_examples=25)
def test_the_scatter_by_size_is_that_of_the_placebos(seed, fixed):
    random = np.random.default_rng(seed)
    counts = np.exp(random.normal(2.5, 1, 40))
    gaps = random.normal(size=(40, 3)) * np.sqrt(fixed + 1 / counts[:, None])
    a, b = size_scales(gaps, counts)

    def loss(one, two, gap):
        variance = one + two / counts
        return (np.log(variance) + gap**2 / variance).sum()

    for column in range(3):
        slow = loss(*size_scale(gaps[:, column], counts), gaps[:, column])
        assert loss(a[column], b[column], gaps[:, column]) <= slow + 1e-6


def test_correlations_are_positive_definite_with_fewer_donors_than_coefficients():
    random = np.random.default_rng(6)
    for donors in (1, 2, 3, 6):
        correlations, share = shrunk_correlations(random.normal(size=(donors, 8)) + random.normal(size=(donors, 1)))
        assert np.linalg.eigvalsh(correlations).min() > 1e-4 and 0.01 <= share <= 1
        assert np.diag(correlations) == pytest.approx(1)
    # One donor says one number: all alike, as far as the bound of .99 goes.
    assert shrunk_correlations(np.ones((1, 3)))[0][0] == pytest.approx([1, 0.99, 0.99])


def test_bins_that_share_a_reference_are_found_to_be_correlated_by_a_half():
    random = np.random.default_rng(7)
    correlations, _ = shrunk_correlations(random.normal(size=(3000, 5)) - random.normal(size=(3000, 1)))
    assert correlations[~np.eye(5, dtype=bool)] == pytest.approx(0.5, abs=0.05)


@MODELS
def test_the_errors_are_of_the_size_of_what_they_are_errors_of(make_panel, model):
    # No effect and Poisson counts: coefficients over their errors have a mean square of about 1. Places that differ in size
    # and move in proportion are no case for the linear model.
    squares = []
    for seed in range(40):
        random, slope = np.random.default_rng(seed), 0.0 if model == "linear" else 0.1
        means = 25 * np.outer(random.uniform(0.6, 1.5, 18), 1 + slope * np.arange(25))
        counts = dict(zip(["Town", *(f"Donor {j:02}" for j in range(24))], random.poisson(means).T.astype(float), strict=True))
        found = EventStudy(model=model, bin=6).leads_and_lags(make_panel(counts, 12))
        squares.append(found.values @ np.linalg.solve(found.covariance, found.values) / len(found.values))
    assert 0.6 < np.mean(squares) < 1.6


@MODELS
@pytest.mark.parametrize("unit", [1e-4, 7.0])
def test_the_unit_of_exposure_scales_rates_and_leaves_ratios(make_panel, model, unit):
    panel = make_panel(counts_of(8), 10)
    study, factor = EventStudy(model=model, bin=4), 1 / unit if model == "linear" else 1.0
    one, other = study.leads_and_lags(panel), study.leads_and_lags(panel.with_(exposure=panel.exposure * unit))
    assert other.values == pytest.approx(factor * one.values, rel=1e-7, abs=1e-12)
    assert other.covariance == pytest.approx(factor**2 * one.covariance, rel=1e-4)
    assert other.shares == pytest.approx(one.shares)


@pytest.mark.parametrize("seed", range(3))
def test_the_shares_put_the_lags_together_to_the_effect(make_panel, seed):
    panel = make_panel(counts_of(seed), 10, estimand=GAP)
    study = EventStudy(bin=3, reference="last bin")
    found = study.leads_and_lags(panel)
    assert found.shares @ found.values[found.leads :] == pytest.approx(study.estimate(panel).point)
    assert found.shares == pytest.approx([3 / 8, 3 / 8, 2 / 8])


@MODELS
def test_a_placebo_by_the_last_bin_is_the_donor_in_the_towns_place(make_panel, model):
    panel = make_panel(counts_of(9), 10)
    study = EventStudy(model=model, bin=3, reference="last bin")
    family = study.family(panel)
    for place, unit in enumerate(family.comparison.units[1:], start=1):
        alone = study.estimate(panel.reassigned_to(unit)).counterfactual
        assert family.expected[place] == pytest.approx(alone.expected.to_numpy(), rel=1e-8)
    start = slice(7, 10)
    assert family.expected[0][start].sum() == pytest.approx(panel.values["Town"].iloc[start].sum())


def test_figures_that_never_move_have_no_scatter(make_panel):
    found = EventStudy(bin=2).leads_and_lags(make_panel(FLAT, 4))
    assert found.covariance == pytest.approx(np.zeros((2, 2)))


def test_a_bin_without_a_figure_is_left_out_and_the_reference_cannot_be(make_panel):
    counts = counts_of(10)
    counts["Town"][[3, 4, 5]] = np.nan
    found = EventStudy(bin=3).leads_and_lags(make_panel(counts, 9))
    assert found.bins == (-3, 0, 1, 2)
    with pytest.raises(EstimationError, match="Town has no figure in the bin just before the start 2010-07"):
        EventStudy(bin=3).estimate(make_panel(counts, 6))


def test_what_it_does_not_do(make_panel):
    for settings_, message in (
        ({"model": "log"}, "model of event_study is 'log'; choose linear, poisson"),
        ({"reference": "first"}, "reference of event_study is 'first'; choose all before, last bin"),
        ({"bin": 0}, "bin of event_study is 0; set a whole number of periods, 1 or more"),
    ):
        with pytest.raises(StudyError, match=message):
            EventStudy(**settings_)
    quiet = FLAT | {"Town": [12, 12, 0, 0, 5, 5]}
    with pytest.raises(EstimationError, match="Town has no event in the bin just before the start 2010-05"):
        EventStudy(model="poisson", bin=2, reference="last bin").estimate(make_panel(quiet, 4))
