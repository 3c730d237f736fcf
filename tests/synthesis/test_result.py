"""Effects of two studies side by side and pooled: the same horizon, the same method, refusals kept."""

import pytest
from two_towns import compared, of, pooling, synthesis

from gvi_eval.synthesis.page import page
from gvi_eval.synthesis.result import pooled_table, ratios_table, run_synthesis, sides_table


def test_the_same_figures_give_the_ratio_of_one(towns):
    result = run_synthesis(synthesis(towns, compared()))
    sides, ratios = sides_table(result), ratios_table(result)
    assert list(sides["place"]) == ["Town", "Village"] and sides["point"].nunique() == 1
    assert ratios["ratio"].tolist() == [1.0] and ratios["lower"][0] < 1 < ratios["upper"][0]
    assert ratios["p"][0] == pytest.approx(1)
    # East falls from 20 to 10 while West stays at 2: (10 + 2) / (20 + 2).
    assert sides["point"][0] == pytest.approx(12 / 22, rel=0.1)


def test_no_figure_after_the_horizon_is_used(towns):
    year = sides_table(run_synthesis(synthesis(towns, compared(months=12)))).iloc[0]
    both = sides_table(run_synthesis(synthesis(towns, compared(months=24)))).iloc[0]
    assert (year["first"], year["last"], both["last"]) == ("2013Q1", "2013Q4", "2014Q4")
    assert year["panel"] != both["panel"] and year["upper"] - year["lower"] != both["upper"] - both["lower"]


def test_a_place_without_an_estimate_leaves_its_reason_and_no_ratio(towns):
    result = run_synthesis(synthesis(towns, compared("exact ratio", "exact ratio")))
    assert ratios_table(result)["ratio"].isna().all()
    assert "distribution of its paths" in ratios_table(result)["refusal"][0] or "no other contrast" in page(result)


def test_two_places_are_not_pooled_and_their_posterior_is_prior_driven(towns):
    result = run_synthesis(synthesis(towns, pooling(of("Town"), of("Village", "<village>"))))
    table = pooled_table(result)
    assert len(table) == 6 and table["summary"].str.startswith("prior-driven").all()
    words = page(result)
    assert "2 places, which are not pooled; their ratio is 1.00" in words and "prior-driven" in words
