"""The page of a synthesis says whose each number is and how sure."""

from two_towns import compared, of, pooling, synthesis

from gvi_eval.synthesis.page import page
from gvi_eval.synthesis.result import run_synthesis


def test_a_pooled_place_says_whose_number_it_is_and_where_its_width_comes_from(towns):
    words = page(run_synthesis(synthesis(towns, pooling(of("Town"), of("Village", "<village>")))))
    rows = [line for line in words.splitlines() if line.startswith("| towns | ")]
    assert [row.split(" | ")[1] for row in rows[:2]] == ["Town", "Village"]
    assert all("estimated here, width by wald" in row for row in rows[:2])


def test_every_side_says_what_is_counted_and_that_it_stands_for_shootings(towns):
    words = page(run_synthesis(synthesis(towns, compared())))
    assert "reported shots" in words and "a proxy for shootings" in words and "The towns are made up." in words


def test_a_refusal_stands_on_the_page_with_its_reason(towns):
    words = page(run_synthesis(synthesis(towns, compared("exact ratio", "exact ratio"))))
    assert "no other contrast" in words
