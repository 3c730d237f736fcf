"""Effects of several places: published meta-analyses, cases worked by hand, and what may not be pooled."""

import numpy as np
import pytest
from scipy import integrate, stats

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.intervals import Interval
from gvi_eval.pooling import (
    MEAN_PRIORS,
    Contribution,
    contribution,
    from_limits,
    hierarchical,
    pooled,
    ratio_of,
    restricted_tau_squared,
    sampled,
)
from gvi_eval.study import Estimand

# Colditz et al. (1994) Efficacy of BCG vaccine, JAMA 271(9), doi:10.1001/jama.1994.03510330076038: cases and non-cases among
# the vaccinated and among the controls of 13 trials.
BCG = (
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
)
EIGHT_SCHOOLS = ((28, 15), (8, 10), (-3, 16), (7, 11), (-1, 9), (1, 11), (18, 10), (12, 18))


def place(name: str, ratio: float, error: float = 0.2, outcome: str = "homicides") -> Contribution:
    return Contribution(name, float(np.log(ratio)), error, outcome, "estimated", "row 1")


@pytest.fixture(scope="module")
def bcg() -> list[Contribution]:
    found = []
    for number, (a, b, c, d) in enumerate(BCG):
        error = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
        found.append(
            Contribution(f"trial {number}", np.log(a / (a + b) * (c + d) / c), error, "tuberculosis", "published", "JAMA")
        )
    return found


def test_the_published_analysis_of_thirteen_trials_comes_out(bcg):
    # Viechtbauer (2010) Conducting meta-analyses in R with the metafor package, doi:10.18637/jss.v036.i03: tau² 0.3132 by
    # REML, −0.7145; with the adjustment of Knapp and Hartung −1.1084 to −0.3206, p 0.0019; I² here by Q, 92.1 %.
    found = pooled(bcg)
    assert found.tau**2 == pytest.approx(0.3132, abs=5e-5)
    assert np.log(found.ratio) == pytest.approx(-0.7145, abs=5e-5)
    assert np.log([found.interval.lower, found.interval.upper]) == pytest.approx([-1.1084, -0.3206], abs=5e-5)
    assert found.test.p_value == pytest.approx(0.0019, abs=5e-5)
    assert found.i_squared == pytest.approx(0.921, abs=5e-4)
    assert found.prediction.kind == "prediction" and found.prediction.lower < found.interval.lower


def test_eight_schools_do_not_differ_beyond_their_errors():
    # Gelman et al., Bayesian Data Analysis, section 5.5: the pooled mean is 7.7 with a standard error of 4.1.
    schools = [Contribution(str(n), y / 10, s / 10, "scores", "published", "BDA") for n, (y, s) in enumerate(EIGHT_SCHOOLS)]
    found = pooled(schools)
    assert found.tau == 0 and 10 * np.log(found.ratio) == pytest.approx(7.7, abs=0.05)
    reach = np.log(found.interval.upper / found.ratio)
    assert 10 * reach / stats.t.ppf(0.975, 7) == pytest.approx(4.1, abs=0.05)
    assert found.inflation == 1  # never below: three places that agree by chance do not prove that all do


def test_three_effects_of_one_size_by_hand():
    # Equal errors s: mu is the mean, q s² the sample variance here, se = sd / sqrt(3), t with two degrees of freedom.
    logs = np.array([-0.9, -0.3, 0.0])
    found = pooled([place(name, np.exp(y), 0.1) for name, y in zip("abc", logs, strict=True)])
    error = logs.std(ddof=1) / np.sqrt(3)
    assert np.log(found.ratio) == pytest.approx(-0.4)
    assert np.log(found.interval.upper) == pytest.approx(-0.4 + 4.30265 * error, abs=1e-4)
    assert found.tau**2 == pytest.approx(logs.var(ddof=1) - 0.01, rel=1e-5)
    assert found.prediction is None and "it needs 5" in found.notes[0]


def test_tau_is_where_the_restricted_likelihood_is_flat(bcg):
    y, s = np.array([each.log_ratio for each in bcg]), np.array([each.standard_error for each in bcg])
    tau_squared = restricted_tau_squared(y, s)
    w = 1 / (s**2 + tau_squared)
    mean = w @ y / w.sum()
    # Viechtbauer (2005): the fixed point of REML.
    assert tau_squared == pytest.approx(w**2 @ ((y - mean) ** 2 - s**2) / (w**2).sum() + 1 / w.sum(), rel=1e-5)


def test_two_effects_are_set_side_by_side_and_not_pooled():
    one, other = place("Malmö", 0.5, 0.3), place("Copenhagen", 1.0, 0.4)
    found = ratio_of(one, other)
    assert found.ratio == pytest.approx(0.5)  # 0.3, 0.4, 0.5: a right triangle
    assert np.log(found.interval.lower) == pytest.approx(np.log(0.5) - 1.959964 * 0.5, abs=1e-6)
    assert found.test.p_value == pytest.approx(2 * stats.norm.sf(np.log(2) / 0.5))
    with pytest.raises(EstimationError, match=r"2 effects \(Malmö and Copenhagen\) are not pooled.*hierarchical posterior"):
        pooled([one, other])


def test_shootings_are_never_pooled_with_violence():
    mixed = [
        place("Malmö", 0.9, outcome="confirmed shootings"),
        place("Copenhagen", 1.0, outcome="reported violence"),
        place("C", 1),
    ]
    for refused in (lambda: pooled(mixed), lambda: hierarchical(mixed, 0.2)):
        with pytest.raises(StudyError, match="Malmö is on confirmed shootings and that of Copenhagen on reported violence"):
            refused()
    assert ratio_of(*mixed[:2]).ratio == pytest.approx(0.9)  # beside each other they may stand


def test_a_place_has_one_vote():
    with pytest.raises(StudyError, match="Boston comes 2 times"):
        pooled([place("Boston", 0.5), place("Boston", 0.6), place("Oakland", 0.7)])


def test_the_posterior_of_two_effects_is_labelled_prior_driven_and_moves_with_its_prior():
    two = [place("a", 0.5, 0.15), place("b", 0.9, 0.15)]
    narrow, wide = (hierarchical(two, scale) for scale in (0.2, 0.5))
    assert narrow.label == "prior-driven: tau ~ HalfNormal(0.2), flat prior of the mean"
    assert wide.interval().upper > narrow.interval().upper and wide.tau_median > narrow.tau_median
    assert "prior-driven" not in hierarchical([*two, place("c", 0.7)], 0.2).label
    literature = hierarchical(two, 0.5, "literature")
    assert np.log(literature.interval().upper / literature.interval().lower) < np.log(
        wide.interval().upper / wide.interval().lower
    )
    with pytest.raises(StudyError, match="'hopeful'; choose flat, sceptical, literature"):
        hierarchical(two, 0.5, "hopeful")
    with pytest.raises(EstimationError, match="1 effects"):
        hierarchical(two[:1], 0.5)


@pytest.mark.parametrize("prior", MEAN_PRIORS)
def test_the_quadrature_over_tau_is_that_of_a_fine_grid(prior):
    two, scale = [place("a", 0.5, 0.15), place("b", 0.9, 0.3)], 0.5
    centre, sd = MEAN_PRIORS[prior]
    means, taus = np.linspace(-5, 4, 3001)[:, None], np.linspace(0, 3, 2001)
    density = stats.norm.pdf(means, centre, sd) * stats.halfnorm.pdf(taus, scale=scale)
    for one in two:
        density = density * stats.norm.pdf(one.log_ratio, means, np.hypot(one.standard_error, taus))
    marginal = integrate.trapezoid(density, taus, axis=1)
    whole = integrate.trapezoid(marginal, means[:, 0])
    found = hierarchical(two, scale, prior)
    assert found.weights @ found.means == pytest.approx(
        integrate.trapezoid(means[:, 0] * marginal, means[:, 0]) / whole, abs=1e-5
    )
    below = integrate.cumulative_trapezoid(marginal, means[:, 0], initial=0) / whole
    for limit, share in ((found.interval().lower, 0.025), (found.ratio, 0.5), (found.interval().upper, 0.975)):
        assert np.interp(np.log(limit), means[:, 0], below) == pytest.approx(share, abs=1e-4)


def test_places_are_drawn_towards_each_other_and_a_further_one_lies_wider():
    found = hierarchical([place("a", 0.4, 0.2), place("b", 1.0, 0.2), place("c", 0.8, 0.2)], 0.2)
    low, high = found.of_place("a")[0], found.of_place("b")[0]
    assert 0.4 < low < found.ratio < high < 1.0
    assert found.prediction().lower < found.interval().lower


def test_the_sampled_model_is_the_same(bcg):
    two = bcg[:2]
    drawn, exact = sampled(two, 0.5, "sceptical", seed=3), hierarchical(two, 0.5, "sceptical")
    assert drawn["mu"].mean() == pytest.approx(exact.weights @ exact.means, abs=0.02)
    assert np.median(drawn["tau"]) == pytest.approx(exact.tau_median, abs=0.02)


def test_limits_become_an_error():
    # Indianapolis: 0.48 (0.29 to 0.78), whose log limits are 3.92 errors apart.
    found = from_limits("Indianapolis", 0.48, Interval(0.29, 0.78, 0.95, "wald"), "homicides", "published", "row 21")
    assert found.standard_error == pytest.approx(np.log(0.78 / 0.29) / 3.919928)
    assert found.interval().lower == pytest.approx(0.48 / np.sqrt(0.78 / 0.29))
    with pytest.raises(EstimationError, match="from 0 to 0.9"):
        from_limits("A", 0.5, Interval(0.0, 0.9, 0.95, "wald"), "homicides", "published", "row 1")


def test_what_has_no_interval_is_not_pooled():
    import pandas as pd

    def effect(**changes) -> Effect:
        given = {"method": "synthetic", "unit": "Town", "estimand": Estimand("ratio", "ratio"), "point": 0.5} | changes
        return Effect(onset=pd.Period("2018"), **given)

    with pytest.raises(EstimationError, match="has no interval"):
        contribution(effect(), "Town", "homicides", "row")
    with pytest.raises(EstimationError, match="is refused and cannot be pooled: outside"):
        contribution(effect(point=None, refusal="outside"), "Town", "homicides", "row")
    with pytest.raises(EstimationError, match="is a prevented"):
        contribution(effect(estimand=Estimand("saved", "prevented")), "Town", "homicides", "row")
    limits = (Interval(0.25, 1.0, 0.95, "placebo"),)
    assert contribution(effect(intervals=limits), "Town", "homicides", "row").standard_error == pytest.approx(
        np.log(4) / 3.919928
    )
    with pytest.raises(StudyError, match="only an effect with an interval"):
        place("Town", 0.5, np.inf)
