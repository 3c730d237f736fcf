"""What the simulations of the sampled model left is of the code at hand, and says that the draws are those of the posterior."""

import dataclasses

import numpy as np
import pytest
from scipy import special, stats

from gvi_eval.estimators._count_model import Parameters, prior_parameters
from gvi_eval.estimators._mcmc import Sampled

from ...contract.test_contract_sampling import simulated
from ..fingerprint import estimator_hash
from ..records import read
from . import laws, page, sbc
from .laws import HALVING, NULL, Law
from .uniformity import Uniformity, uniformity

RANKS, EVENNESS, LAWS = read(sbc.RANKS), read(sbc.UNIFORMITY), read(laws.LAWS)
DESIGNS = (sbc.MONTHLY, sbc.SPANS)
FEWEST_REPLICATIONS = 200
# Of the draws of a first attempt, over replications whose counts come from wide priors. What a span leaves open within itself is
# not normal, and the coordinates are laid for what is: on spans a fifth of the replications have a divergent draw or two. A fit that
# is printed has none: the estimator samples again, with smaller steps, and refuses what still diverges.
MOST_DIVERGED = {sbc.MONTHLY: 0.0001, sbc.SPANS: 0.002}
TESTS = 2 * len(DESIGNS) * len(sbc.QUANTITIES)


def test_the_records_are_of_this_code_and_these_designs():
    again = f"the sampled model has changed since it was simulated; run `{page.COMMAND}`"
    assert RANKS and sbc.current(RANKS) == RANKS, again
    assert {row["code"] for row in EVENNESS} == {estimator_hash("bayes_counts")}, again
    assert LAWS and all(laws.is_current(row) for row in LAWS), again


@pytest.mark.parametrize("design", DESIGNS)
def test_there_are_enough_replications_and_none_is_left_out(design):
    numbers = sorted(int(row["number"]) for row in RANKS if row["design"] == design)
    assert len(numbers) >= FEWEST_REPLICATIONS and numbers == list(range(len(numbers)))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("quantity", sbc.QUANTITIES)
def test_the_truth_ranks_evenly_among_the_draws(design, quantity):
    found = uniformity(sbc.ranks_of(RANKS, design, quantity), sbc.DRAWS)
    assert found.is_even(TESTS), found


def test_the_verdicts_are_those_of_the_ranks():
    assert {(row["design"], row["quantity"]) for row in EVENNESS} == {(d, q) for d in DESIGNS for q in sbc.QUANTITIES}
    assert sorted(map(tuple, map(dict.values, sbc.summarised(RANKS)))) == sorted(map(tuple, map(dict.values, EVENNESS)))


@pytest.mark.parametrize("design", DESIGNS)
def test_next_to_no_draw_diverged(design):
    own = [int(row["divergences"]) for row in RANKS if row["design"] == design]
    assert np.mean(own) <= MOST_DIVERGED[design] * sbc.HOW.draws * sbc.HOW.chains


@pytest.mark.parametrize("ratio", [NULL, HALVING])
def test_the_law_holds_over_twenty_seeds(ratio):
    seeds = [int(row["seed"]) for row in LAWS if float(row["true_ratio"]) == ratio]
    assert sorted(seeds) == list(range(laws.SEEDS)), f"run `{page.COMMAND}`"
    found = laws.law(LAWS, ratio)
    assert found.holds, found


# --- that the tests would find something


def test_the_verdict_on_a_law_by_hand():
    null = Law(NULL, panels=20, refused=0, excluding=4, mean_log=0.019, standard_error=0.01)
    assert null.holds
    assert not dataclasses.replace(null, excluding=5).holds
    assert not dataclasses.replace(null, mean_log=-0.021).holds
    assert not dataclasses.replace(null, refused=1).holds
    halving = Law(HALVING, panels=20, refused=0, excluding=16, mean_log=np.log(0.5) - 0.09, standard_error=0.01)
    assert halving.holds
    assert not dataclasses.replace(halving, excluding=15).holds
    assert not dataclasses.replace(halving, mean_log=np.log(0.5) + 0.11).holds


def test_a_law_counts_refusals_and_intervals():
    row = {"true_ratio": "1", "refusal": "", "point": "1", "lower": "0.9", "upper": "1.1"}
    rows = [row, row | {"point": "0.5", "lower": "0.4", "upper": "0.6"}, row | {"refusal": "no", "point": ""}]
    found = laws.law(rows, NULL)
    assert (found.panels, found.refused, found.excluding) == (3, 1, 1)
    # Mean of 0 and log .5, and the standard error of two values: half their difference.
    assert (found.mean_log, found.standard_error) == pytest.approx((np.log(0.5) / 2, -np.log(0.5) / 2))


def test_a_refusal_is_recorded_as_one(monkeypatch):
    monkeypatch.setattr(laws, "simulated", lambda seed, ratio: simulated(seed, ratio).with_(kind="share"))
    row = laws.outcome(NULL, 0)
    assert "share" in row["refusal"] and row["point"] == ""


def test_the_bound_holds_for_all_tests_together():
    bound = Uniformity.bound(TESTS)
    assert (1 - bound) ** TESTS == pytest.approx(0.99)
    even = Uniformity(200, 49.5, 19.0, chi_square_p=bound, band_p=bound)
    assert even.is_even(TESTS) and not even.is_even(TESTS - 1)


def test_the_band_of_one_rank_by_hand():
    # One rank among 0 and 1: below k = 1 lie none or one, each with a chance of 1/2, so that nothing is ever surprising.
    assert uniformity(np.array([0]), 1).band_p == 1.0


def test_p_values_of_uniform_ranks_are_uniform():
    random = np.random.default_rng(2)
    found = [uniformity(random.integers(0, sbc.DRAWS + 1, 200), sbc.DRAWS) for _ in range(400)]
    for name in ("chi_square_p", "band_p"):
        assert stats.kstest([getattr(one, name) for one in found], "uniform").pvalue > 0.001


@pytest.mark.parametrize("fault", ["a third too narrow", "a third too wide", "off by 0.4 sd"])
def test_a_wrong_posterior_is_found_with_as_many_replications_as_are_asked_for(fault):
    spread, shift = {"a third too narrow": (1.5, 0), "a third too wide": (1 / 1.5, 0), "off by 0.4 sd": (1, 0.4)}[fault]
    random = np.random.default_rng(3)
    found = []
    for _ in range(40):
        place = special.ndtr(spread * random.standard_normal(FEWEST_REPLICATIONS) + shift)
        found.append(not uniformity((place * (sbc.DRAWS + 1)).astype(int), sbc.DRAWS).is_even(TESTS))
    assert np.mean(found) > 0.5


def of_a_sampler(monkeypatch, draw, replications: int) -> list[dict[str, str]]:
    """Replications on the monthly design with another function in place of the sampler."""
    draws = sbc.HOW.draws * sbc.HOW.chains

    def sample_model(model, how):
        return draw(model, draws, how.seed), Sampled({}, 0, 0.0, 0.0)

    monkeypatch.setattr(sbc, "sample_model", sample_model)
    design = sbc.designs()[sbc.MONTHLY]
    return [sbc.replication(design, number) for number in range(replications)]


def test_a_sampler_that_ignores_the_counts_is_found_by_the_log_likelihood_alone(monkeypatch):
    rows = of_a_sampler(monkeypatch, prior_parameters, 60)
    even = {q: uniformity(sbc.ranks_of(rows, sbc.MONTHLY, q), sbc.DRAWS).is_even(TESTS) for q in sbc.QUANTITIES}
    assert even == {q: q != "log likelihood" for q in sbc.QUANTITIES}


def test_every_quantity_is_ranked_where_it_stands(monkeypatch):
    def far_up(model, draws, seed):
        drawn = prior_parameters(model, draws, seed)
        return Parameters(drawn.coefficients + 10 * (np.array(model.names) == "level"), drawn.hyper + 10, drawn.level)

    rows = of_a_sampler(monkeypatch, far_up, 5)
    for quantity in ("step", "log ratio", "sigma", "rho", "alpha"):
        assert set(sbc.ranks_of(rows, sbc.MONTHLY, quantity)) == {0}


def test_the_log_ratio_is_that_of_the_sums_after_the_start():
    # exp(η) of two months after the start: 1 and e with the programme, 1 and 1 without.
    design = sbc.designs()[sbc.MONTHLY]
    slope = design.model.names.index("slope")
    drawn = prior_parameters(design.model, 3, 1)
    drawn.coefficients[:] = 0.0
    drawn.level[:] = 0.0
    drawn.coefficients[1, slope], drawn.coefficients[2, design.model.names.index("level")] = 48.0, np.log(0.5)
    found = sbc.quantities(design, design.model, drawn)
    growing = np.exp(np.arange(24)).mean()
    np.testing.assert_allclose(found["log ratio"], [0.0, np.log(growing), np.log(0.5)], atol=1e-12)
    np.testing.assert_allclose(found["step"], [0.0, 0.0, np.log(0.5)])


def test_the_page_holds_every_verdict():
    text = page.section(lambda columns, rows: "".join(f"{' '.join(row)}\n" for row in rows))
    assert all(f"{row['design']} {row['quantity']} {row['replications']}" in text for row in EVENNESS)
    assert "**no**" not in text and text.count(" yes ") == len(EVENNESS) + 2
