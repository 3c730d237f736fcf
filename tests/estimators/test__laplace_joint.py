"""The joint kernel against a dense textbook form, against its own other form, and against what must be the same."""

import numpy as np
import pandas as pd
import pytest
from plain_laplace import derivatives, log_likelihood

from gvi_eval.estimators import _joint_modes, _laplace_joint
from gvi_eval.estimators._joint import joint_design
from gvi_eval.panel import Panel
from gvi_eval.windows import CountWindow

HYPER = np.array([0.6, 0.3, 0.25, 0.15, 0.1, 0.05])


def panel(controls: int = 1, periods: int = 24) -> Panel:
    random = np.random.default_rng(5)
    index = pd.period_range("2012-01", periods=periods, freq="M")
    means = {"Town": 4.0, **{f"Land {k}": 15.0 + k for k in range(controls)}}
    values = pd.DataFrame({name: random.poisson(mean, periods).astype(float) for name, mean in means.items()}, index)
    return Panel(values, values * 0 + 1.0, {"Town": index[periods - 8]})


def joint_of(panel: Panel, **changes):
    settings = {"change": "level", "trend": True, "season": 1} | changes
    return joint_design(panel, "Town", tuple(panel.donors), **settings)


def plain(joint, hyper):
    """Log marginal likelihood to the next order, mean and covariance of beta: coefficients in the covariance of eta."""
    rho, shared, treated, control, alpha_treated, alpha_control = hyper
    unit, period = joint.unit_of_cell[joint.matrix.argmax(axis=1)], joint.period_of_cell[joint.matrix.argmax(axis=1)]
    X, offset = joint.factual[joint.matrix.argmax(axis=1)], joint.offset[joint.matrix.argmax(axis=1)]
    own = np.where(unit == 0, treated, control) ** 2 * (unit[:, None] == unit)
    S = np.diag(joint.prior_sd**2)
    K = X @ S @ X.T + rho ** np.abs(period[:, None] - period) * (shared**2 + own)
    alpha = np.where(unit == 0, alpha_treated, alpha_control)
    y, eta = joint.counts, np.log(joint.counts + 0.5)
    for _ in range(200):
        first, second, _, _ = derivatives(y, eta, alpha)
        root = np.sqrt(-second)
        B = np.eye(len(y)) + root[:, None] * K * root
        b = -second * (eta - offset) + first
        pull = b - root * np.linalg.solve(B, root * (K @ b))
        eta = offset + K @ pull
    _, second, third, fourth = derivatives(y, eta, alpha)
    root = np.sqrt(-second)
    B = np.eye(len(y)) + root[:, None] * K * root
    inner = root[:, None] * np.linalg.inv(B) * root
    V = K - K @ inner @ K
    pulled = third * np.diag(V)
    gain = (fourth * np.diag(V) ** 2).sum() / 8 + pulled @ V @ pulled / 8 + third @ V**3 @ third / 12
    value = sum(log_likelihood(y[k : k + 1], eta[k : k + 1], alpha[k]) for k in range(len(y)))
    marginal = value - 0.5 * pull @ (eta - offset) - 0.5 * np.linalg.slogdet(B)[1] + gain
    cross = S @ X.T - S @ X.T @ inner @ K
    return marginal, S @ X.T @ pull + cross @ pulled / 2, S - S @ X.T @ inner @ X @ S


@pytest.mark.parametrize("form", ["dense", "blocks"])
@pytest.mark.parametrize("hyper", [HYPER, [0.95, 0.01, 0.6, 0.3, 0.4, 0.01], [0.1, 0.5, 1e-3, 1e-3, 0.02, 0.2]])
def test_both_forms_give_what_a_dense_textbook_form_gives(form, hyper):
    joint = joint_of(panel(2))
    problem = _joint_modes.SpanProblem(joint, False) if form == "dense" else _joint_modes.MonthlyProblem(joint)
    start = problem.settled(HYPER)
    mode = problem.mode(np.array(hyper), start.beta, start.weight)
    marginal, mean, cov = plain(joint, hyper)
    assert mode.log_marginal == pytest.approx(marginal, abs=1e-7)
    assert np.allclose(mode.beta + mode.beta_shift, mean, atol=1e-6)
    assert np.allclose(mode.beta_cov, cov, atol=1e-6)


def test_the_two_forms_agree_about_the_treated_level_and_about_gaps():
    gappy = panel(3)
    values = gappy.values.copy()
    values.iloc[3, 0] = values.iloc[10, 1] = np.nan
    joint = joint_of(gappy.with_(values=values))
    dense, blocks = _joint_modes.SpanProblem(joint, False), _joint_modes.MonthlyProblem(joint)
    found = [problem.treated_moments(HYPER, problem.settled(HYPER)) for problem in (dense, blocks)]
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other, atol=1e-7)


def test_without_a_shared_level_or_shared_columns_the_units_are_fitted_apart():
    # rho of both, the shared sd at zero: the evidence is the product of each unit's own.
    both = panel(1)
    joint = joint_of(both, season="none", trend=True, common_change=False)
    hyper = np.array([0.6, 0.0, 0.25, 0.15, 0.1, 0.05])
    blocks = _joint_modes.MonthlyProblem(joint)
    # The common trend is the only column that both use; take it away and the coefficients no longer meet.
    keep = [k for k, name in enumerate(joint.names) if name != "common trend"]
    apart = type(joint)(
        **{
            **vars(joint),
            "factual": joint.factual[:, keep],
            "expected": joint.expected[:, keep],
            "names": tuple(joint.names[k] for k in keep),
            "prior_sd": joint.prior_sd[keep],
        }
    )
    blocks = _joint_modes.MonthlyProblem(apart)
    cov = blocks.settled(hyper).beta_cov
    land = apart.names.index("intercept: Land 0")
    assert np.abs(np.delete(cov[land], land)).max() < 1e-12


def test_spans_of_one_month_each_are_months():
    monthly = panel(1)
    index = monthly.periods
    spans = tuple(
        CountWindow("Town", ((month.start_time.date(), month.end_time.date()),), int(monthly.values["Town"][month]), ("t:1",))
        for month in index
    )
    values = monthly.values.copy()
    values["Town"] = np.nan
    as_spans = joint_of(monthly.with_(values=values, windows=spans))
    one, other = (_joint_modes.problem_of(joint, False) for joint in (joint_of(monthly), as_spans))
    assert one.settled(HYPER).log_marginal == pytest.approx(other.settled(HYPER).log_marginal, abs=1e-8)


def test_a_year_in_one_figure_says_about_what_its_months_say():
    monthly = panel(1, periods=72)
    values, spans = monthly.values.copy(), []
    for year in range(2012, 2018):
        months = values.index.year == year
        first, last = values.index[months][0], values.index[months][-1]
        spans.append(
            CountWindow("Town", ((first.start_time.date(), last.end_time.date()),), int(values["Town"][months].sum()), ("t:1",))
        )
    values["Town"] = np.nan
    monthly = monthly.with_(onsets={"Town": values.index[36]})
    coarse = monthly.with_(values=values, windows=tuple(spans))
    months, years = (_laplace_joint.fit(joint_of(each, trend=False)) for each in (monthly, coarse))
    (fine, fine_sd), (rough, rough_sd) = (fitted.mean_and_sd() for fitted in (months, years))
    assert abs(fine[-1] - rough[-1]) < 0.5 * rough_sd[-1] and rough_sd[-1] > fine_sd[-1]


def test_the_fit_is_deterministic_and_carries_its_certificates():
    joint = joint_of(panel(1))
    one, other = _laplace_joint.fit(joint), _laplace_joint.fit(joint)
    assert np.array_equal(one.weights, other.weights) and np.array_equal(one.beta_mean, other.beta_mean)
    assert one.effective >= _laplace_joint.FEWEST_EFFECTIVE and one.slope < 1e-3 and one.half_gap < 0.3
    assert one.weights.sum() == pytest.approx(1) and (one.divergence > -0.05).all()


def test_more_points_move_the_posterior_by_little(monkeypatch):
    joint = joint_of(panel(1))
    usual = _laplace_joint.fit(joint)
    monkeypatch.setattr(_laplace_joint, "POINTS", 1024)
    more = _laplace_joint.fit(joint)
    mean, sd = more.mean_and_sd()
    assert np.abs((usual.mean_and_sd()[0] - mean) / sd).max() < 0.06
    assert usual.log_marginal_likelihood == pytest.approx(more.log_marginal_likelihood, abs=0.25)


def test_moments_that_do_not_fit_together_lose_their_negative_part():
    # Eigenvalues 1 +- 1.2: no covariance; without the negative part 2.2 (1, 1)(1, 1)' / 2 is left.
    assert np.allclose(_joint_modes.positive(np.array([[1.0, 1.2], [1.2, 1.0]])), 1.1)
    fine = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert _joint_modes.positive(fine) is fine


def test_a_large_sd_over_long_spans_has_a_mode():
    monthly = panel(1, periods=36)
    values, days = monthly.values.copy(), monthly.periods
    ends = [(0, 17), (18, 23), (24, 24), (25, 35)]
    spans = tuple(
        CountWindow("Town", ((days[a].start_time.date(), days[b].end_time.date()),), 5 * (b - a + 1), ("t:1",)) for a, b in ends
    )
    values["Town"] = np.nan
    problem = _joint_modes.problem_of(joint_of(monthly.with_(values=values, windows=spans), trend=False), False)
    start = problem.settled(HYPER)
    for sd in (0.3, 1.0, 2.5, 4.0):
        for rho in (0.01, 0.5, 0.99):
            mode = problem.mode(np.array([rho, 0.1, sd, 0.2, 0.1, 0.05]), start.beta, start.weight)
            assert np.isfinite(mode.log_marginal) and (np.diag(mode.beta_cov) > 0).all()
