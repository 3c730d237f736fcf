"""California's Proposition 99 by augmented and penalised synthetic control, against peers and against formulas as they stand.

The authors of neither method print these figures. Recomputed with mlsynth 1.0.0: `ridge_augment_weights(y, Y0, lambda_=...,
Z0=..., z1=..., residualize=...)` of mlsynth.utils.bilevel.ridge_augment and `penalized_weights(y, Y0, lam)` of
mlsynth.utils.bilevel.penalized, on sales of 1970-88 and the means of covariates over these years; pysyncon's `AugSynth`
gives the same to the four digits of its solver. The sum of squares before 1989 and the mean gap of 1989-2000 are compared.
"""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.estimators.augmented import Augmented
from gvi_eval.estimators.penalized import Penalized
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.inference.jackknife_plus import jackknife_plus, jackknife_plus_path
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

TRAITS = ("lnincome", "retprice", "beer")
GAP = Estimand("gap", "difference", target="realised")


@pytest.fixture(scope="module")
def california(reference) -> Panel:
    table = pd.read_csv(reference("sc_smoking.csv")).pivot(index="year", columns="state")
    years = pd.PeriodIndex(table.index.astype(str), freq="Y")
    sales = table["cigsale"].set_axis(years)
    return Panel(
        sales,
        sales * 0 + 1.0,
        MappingProxyType({"California": pd.Period("1989", freq="Y")}),
        estimand=GAP,
        kind="continuous",
        covariates={name: table[name].set_axis(years) for name in TRAITS},
    )


def gaps_of(effect) -> np.ndarray:
    return (effect.counterfactual.observed - effect.counterfactual.expected).to_numpy()


@pytest.mark.parametrize(
    ("estimator", "gap", "squares"),
    [
        (Augmented(ridge=100.0), -14.343340981978, 2.620908403701),
        (Augmented(ridge=100.0, predictors=TRAITS), -13.619350039462, 6.761109345319),
        (Augmented(ridge=100.0, predictors=TRAITS, residualised=True), -11.042473681663, 4.720648329032),
        (Augmented(), -15.952566568099, 10.226957490319),  # λ by leaving years out, the same 429.83758279
    ],
    ids=["outcomes", "beside covariates", "residualised", "chosen"],
)
def test_peers_give_the_same_for_augmented(california, estimator, gap, squares):
    effect = estimator.estimate(california)
    assert effect.point == pytest.approx(gap, abs=1e-8)
    assert (gaps_of(effect)[:19] ** 2).sum() == pytest.approx(squares, abs=1e-8)
    if estimator.ridge is None:
        assert effect.details["ridge"] == pytest.approx(429.83758279252)


@pytest.mark.parametrize(("penalty", "gap"), [(0.001, -20.15338), (0.1, -23.47837), (1.0, -25.3583326), (10.0, -25.3583326)])
def test_a_peer_gives_the_same_for_penalised(california, penalty, gap):
    effect = Penalized(penalty=penalty).estimate(california)
    assert effect.point == pytest.approx(gap, abs=5e-5)
    assert effect.details["dual_gap"] < 1e-12
    if penalty >= 1:
        assert effect.details["weights"] == {"Montana": 1.0}


def test_exact_penalised_weights_fit_no_worse_than_those_of_a_solver_that_stops(california):
    # Objectives of mlsynth's weights, which say themselves that they may not be the best.
    sales = california.values[["California", *california.donors]].to_numpy()[:19]
    squares = ((sales[:, 1:] - sales[:, :1]) ** 2).sum(axis=0)
    for penalty, objective in ((0.001, 84.24883394056), (0.1, 352.12245351796)):
        weights = Penalized(penalty=penalty).estimate(california).details["weights"]
        w = np.array([weights.get(state, 0.0) for state in california.donors])
        own = ((sales[:, 0] - sales[:, 1:] @ w) ** 2).sum() + penalty * w @ squares
        assert own <= objective + 1e-9
        assert own == pytest.approx(objective, rel=1e-7)


def test_the_augmentation_lies_between_synthetic_control_and_an_exact_fit(california):
    plain = Synthetic().estimate(california)
    assert Augmented(ridge=1e13).estimate(california).point == pytest.approx(plain.point, abs=1e-6)
    assert Penalized(penalty=0).estimate(california).point == pytest.approx(plain.point, abs=1e-4)
    exact = Augmented(ridge=0.0).estimate(california)
    assert (gaps_of(exact)[:19] ** 2).sum() < 1e-18
    assert exact.point == pytest.approx(-12.37436, abs=1e-5)


def test_the_formula_as_it_stands(california):
    effect = Augmented(ridge=429.83758279252).estimate(california)
    sales = california.values[["California", *california.donors]].to_numpy()
    w = Synthetic().estimate(california).details["weights"]
    w = np.array([w.get(state, 0.0) for state in california.donors])
    y, Z = sales[:19, 0], sales[:19, 1:]
    X = Z - Z.mean(axis=1, keepdims=True)
    w = w + X.T @ np.linalg.inv(X @ X.T + 429.83758279252 * np.eye(19)) @ (y - Z @ w)
    assert gaps_of(effect) == pytest.approx(sales[:, 0] - sales[:, 1:] @ w)
    assert {state: weight for state, weight in effect.details["weights"].items() if abs(weight) > 0.05} == pytest.approx(
        {state: weight for state, weight in zip(california.donors, w, strict=True) if abs(weight) > 0.05}
    )


def test_all_placebos_and_the_jackknife(california):
    evaluation = evaluate(Augmented(), california)
    placebos = evaluation.placebos(GAP)
    assert placebos.donors == 38 and np.isfinite(placebos.log_ratio).all()
    assert placebos.rank(np.abs(placebos.log_ratio)) <= 5
    # 19 years before the start are just enough for 95 %; of single years the last ones lie outside, of the first not.
    path = jackknife_plus_path(Augmented(), california)
    assert ((path["expected_lower"] <= path["expected"]) & (path["expected"] <= path["expected_upper"])).all()
    assert path["observed"]["2000"] < path["expected_lower"]["2000"]
    interval = jackknife_plus(Augmented(), california, GAP)
    assert interval.lower < -15.95 < interval.upper < 0
