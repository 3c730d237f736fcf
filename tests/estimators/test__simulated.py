"""Counts on an even scale: on paper, against integrals, and never below nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._simulated import (
    Scale,
    SimulatedPaths,
    autocovariances,
    find_top,
    note_small,
    orthogonal,
    require_scale,
    scale_of,
    weigh,
)

EVEN = np.ones(4)


def paths(scale="sqrt", *, mean=(2.0, -0.5), covariance=0.04, shocks=None, **parts):
    """Two periods before and two after, with a level and a step, known as one normal."""
    factual = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    expected = factual * [1, 0]
    known = np.array(mean), covariance * np.eye(2)
    made = {
        "scale": Scale(scale, EVEN),
        "smear": 1.0,
        "shares": np.ones(1),
        "means": known[0][None, :],
        "covariances": known[1][None, :, :],
        "factual_map": factual,
        "expected_map": expected,
        "base": np.zeros(4),
        "excess": np.zeros(1),
        "centre": known,
        "shocks": shocks,
    }
    return SimulatedPaths(**made | parts)


@pytest.mark.parametrize("mean", [1.5, 3, 5, 20, 400])
def test_the_squared_mean_root_is_the_mean_of_poisson_counts(mean):
    counts = np.arange(int(mean + 20 * np.sqrt(mean) + 20))
    chances = stats.poisson.pmf(counts, mean)
    roots = Scale("sqrt", np.ones(len(counts))).of(counts)
    assert (chances @ roots) ** 2 == pytest.approx(mean, rel=0.01)
    assert chances @ roots**2 - (chances @ roots) ** 2 == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("mean", [5, 20, 400])
def test_the_exponent_of_the_mean_log_is_the_mean_of_poisson_counts(mean):
    counts = np.arange(int(mean + 20 * np.sqrt(mean) + 20))
    chances = stats.poisson.pmf(counts, mean)
    logs = Scale("log", np.full(len(counts), 2.0)).of(counts)
    assert 2 * np.exp(chances @ logs) == pytest.approx(mean, rel=0.01)
    variance = chances @ logs**2 - (chances @ logs) ** 2
    assert variance == pytest.approx(Scale("log", EVEN).poisson_noise(np.array([mean]))[0], rel=0.15)


@pytest.mark.parametrize(("mean", "sd"), [(2.0, 0.3), (0.2, 0.5), (-0.3, 0.4)])
def test_the_path_of_roots_is_the_mean_of_squares_above_nothing(mean, sd):
    counts, slope = Scale("sqrt", EVEN).path(np.array([mean]), np.array([sd**2]), np.arange(1))
    by_integral = integrate.quad(lambda s: s**2 * stats.norm.pdf(s, mean, sd), 0, mean + 12 * sd)[0]
    assert counts[0] == pytest.approx(by_integral, rel=1e-7)
    near = [Scale("sqrt", EVEN).path(np.array([mean + h]), np.array([sd**2]), np.arange(1))[0][0] for h in (-1e-5, 1e-5)]
    assert slope[0] == pytest.approx((near[1] - near[0]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("name", ["sqrt", "log"])
def test_smearing_gives_the_observed_sum_back(name):
    scale, rows = Scale(name, np.array([0.5, 1.0, 1.5, 1.0])), np.arange(4)
    counts, signal = np.array([8.0, 12, 30, 10]), np.array([2.0, 3, 3, 3])
    factor = scale.smear(counts, signal, np.zeros(4), rows)
    assert (factor * scale.path(signal, np.zeros(4), rows)[0]).sum() == pytest.approx(60)


def test_exposure_is_measured_by_its_mean():
    assert scale_of("sqrt", np.array([1e-6, 3e-6]), "arima").exposure == pytest.approx([0.5, 1.5])
    assert scale_of("sqrt", np.array([1e-6, 3e-6]), "arima").loading == pytest.approx(np.sqrt([0.5, 1.5]))
    with pytest.raises(StudyError, match="scale of arima is 'root'; choose sqrt or log"):
        scale_of("root", EVEN, "arima")


@pytest.mark.parametrize("counts", [[4.0] * 20, [30.0] * 18 + [0.0] * 2])
def test_logs_of_small_counts_are_refused_with_the_unit(counts):
    with pytest.raises(EstimationError, match="figures of Town average .* too low for logs.*take scale = 'sqrt'"):
        require_scale("log", np.array(counts), "Town")
    require_scale("sqrt", np.array(counts), "Town")


def test_counts_that_no_scale_evens_are_noted():
    assert "Town average 0.5 " in note_small(np.array([0.0, 1.0]), "Town")[0] and not note_small(np.array([1.0, 3]), "Town")


def test_orthogonal_columns_go_back():
    columns = np.column_stack([np.ones(9), np.arange(9.0), np.arange(9.0) ** 2])
    known = np.arange(9) != 4
    turned, back = orthogonal(columns, known)
    assert turned[known].T @ turned[known] == pytest.approx(8 * np.eye(3), abs=1e-9)
    assert turned == pytest.approx(columns @ back)


# What the noise may be.


def test_a_normal_is_found_and_weighed():
    centre, covariance = np.array([0.4, 3.0]), np.array([[0.5, 0.1], [0.1, 0.2]])
    inverse = np.linalg.inv(covariance)

    def log_density(place):
        return -0.5 * (place - centre) @ inverse @ (place - centre)

    top = find_top(log_density, [np.array([-2.0, 0.5])], "Town", sds=(1,))
    assert top.place == pytest.approx(centre, abs=1e-6) and top.curvature == pytest.approx(inverse, rel=1e-4)
    shares = weigh(log_density, top, "Town", sds=(1,), points=512)
    gaps = shares.points - centre
    assert shares.shares @ shares.points == pytest.approx(centre, abs=0.02)
    assert (gaps * shares.shares[:, None]).T @ gaps == pytest.approx(covariance, abs=0.02)


def test_the_sign_of_a_standard_deviation_is_folded_away():
    top = find_top(lambda place: -0.5 * float(place @ place), [np.array([-0.7])], "Town", sds=(0,))
    shares = weigh(lambda place: -0.5 * float(place @ place), top, "Town", sds=(0,), points=512)
    assert (shares.points >= 0).all()
    assert shares.shares @ shares.points[:, 0] == pytest.approx(np.sqrt(2 / np.pi), abs=0.01)


def test_a_search_that_never_comes_to_rest_is_an_error_with_the_unit():
    with pytest.raises(EstimationError, match="the likelihood of Town has no top that 2 starts lead to"):
        find_top(lambda place: float(place.sum()), [np.zeros(2), np.ones(2)], "Town", sds=())


def test_a_failed_start_is_followed_by_the_next():
    def log_density(place):  # a slope without end on the left, a hill on the right
        return -float(place[0]) if place[0] < 0 else -float((place[0] - 3) ** 2)

    assert find_top(log_density, [np.array([-20.0]), np.array([2.0])], "Town", sds=()).place == pytest.approx([3.0])


def test_noise_that_cannot_be_told_is_an_error_with_the_unit():
    spike = np.array([4.0, 4.0])
    top = find_top(lambda place: -0.5 * float(place @ place), [np.zeros(2)], "Town", sds=())
    with pytest.raises(EstimationError, match="the noise of Town cannot be told"):
        weigh(lambda place: -1e9 * float((place - spike) @ (place - spike)), top, "Town", sds=())


def test_autocovariances_of_an_arma_on_paper():
    # u_t = 0.6 u_{t-1} + e_t + 0.5 e_{t-1}, variance 2: γ₀ = 2 (1 + 2·0.6·0.5 + 0.25)/(1 − 0.36), γ₁ = 0.6 γ₀ + 2·0.5.
    found = autocovariances(np.array([[0.6, 1], [0, 0]]), np.array([1, 0.5]), 2.0, 3)
    first = 2 * 1.85 / 0.64
    assert found == pytest.approx([first, 0.6 * first + 1, 0.36 * first + 0.6])
    assert autocovariances(np.array([[0.5]]), np.ones(1), 3.0, 3) == pytest.approx([4, 2, 1])


# Paths.


def test_the_log_ratio_of_a_step_is_on_paper():
    made = paths()
    means, sds = made.log_ratio(np.array([2, 3]))
    # Roots 1.5 ± √0.08 with the programme, 2 ± 0.2 without; E s² = m² + v. Gradient of the log: 2m/E on each coefficient.
    factual, expected = 1.5**2 + 0.08, 2**2 + 0.04
    on_level, on_step = 3 / factual - 4 / expected, 3 / factual
    assert means[0] == pytest.approx(np.log(factual / expected), rel=1e-6)
    assert sds[0] == pytest.approx(0.2 * np.hypot(on_level, on_step), rel=1e-6)
    assert made.factual == pytest.approx([4.04, 4.04, factual, factual], rel=1e-6) and made.kind == "wald"


def test_the_limits_are_those_of_the_root():
    lower, upper = paths().expected_limits(0.95)
    assert (lower[3], upper[3]) == (pytest.approx((2 - 1.959964 * 0.2) ** 2), pytest.approx((2 + 1.959964 * 0.2) ** 2))
    assert paths(mean=(0.1, 0.0)).expected_limits(0.95)[0] == pytest.approx(np.zeros(4))


def test_draws_have_the_moments_of_their_path():
    made = paths(excess=np.array([0.5]), smear=1.1)
    factual, expected, without = made.draws(np.array([2, 3]), count=40_000)
    assert factual.mean(axis=0) == pytest.approx(made.factual[2:], rel=0.01)
    assert expected.mean(axis=0) == pytest.approx(made.expected[2:], rel=0.01)
    assert without.mean(axis=0) == pytest.approx(made.expected[2:], rel=0.02)
    assert np.corrcoef(expected.T)[0, 1] == pytest.approx(1.0)  # one level for both periods
    # Poisson variance times (1 + 0.5/0.25), beside the variance of the mean.
    assert without.var(axis=0) == pytest.approx(3 * made.expected[2:] + expected.var(axis=0), rel=0.1)


@pytest.mark.parametrize("scale", ["sqrt", "log"])
def test_shocks_widen_and_do_not_shift(scale):
    shocks = np.array([[0.1, 0.06, 0.03, 0.01]])
    calm, hit = paths(scale), paths(scale, shocks=shocks)
    rows = np.array([2, 3])
    assert hit.totals(rows)[2].mean() == pytest.approx(calm.totals(rows)[2].mean(), rel=0.03)
    assert hit.totals(rows)[2].std() > 1.1 * calm.totals(rows)[2].std()


def test_draws_come_from_one_seed():
    one, other = (paths().totals(np.array([2, 3])) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0], paths().totals(np.array([2, 3]), seed=1)[0])


def test_without_a_factual_path_the_observed_counts_are_compared_draw_by_draw():
    made = paths(factual_map=None, observed=np.array([4.0, 4, 2, np.nan]))
    means, sds = made.log_ratio(np.array([2, 3]))
    assert made.kind == "prediction" and len(means) == len(made.weights) and (sds == 0).all()
    without = made.totals(np.array([2]))[2]
    assert means == pytest.approx(np.log(2 / without))


@given(
    st.sampled_from(["sqrt", "log"]),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.floats(0, 4),
    st.floats(0, 4),
    st.floats(0.1, 3),
)
@settings(max_examples=60)
def test_nothing_is_ever_negative(scale, level, step, variance, excess, shock):
    made = paths(
        scale, mean=(level, step), covariance=variance, excess=np.array([excess]), shocks=shock * 0.5 ** np.arange(4.0)[None, :]
    )
    for part in (*made.draws(np.array([1, 2, 3]), count=200), made.expected, made.factual, *made.expected_limits(0.9)):
        assert (part >= 0).all() and np.isfinite(part).all()
    lower, upper = made.expected_limits(0.9)
    assert (lower <= upper).all() and np.isfinite(made.log_ratio(np.array([2, 3]))).all()
