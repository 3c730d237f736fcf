"""The file of a synthesis: what it must say, and what the embedded ones say."""

import pytest
from two_towns import compared, of, pooling, synthesis

from gvi_eval.errors import StudyError
from gvi_eval.plan import embedded_syntheses, find_study
from gvi_eval.synthesis.declared import load_synthesis


def test_a_file_that_does_not_hold_is_refused_in_words(towns):
    for text, words in (
        ("", "nothing is compared and nothing pooled"),
        (compared().replace("horizon_months = 12", ""), "say horizon_months = 36"),
        (pooling('{ place = "Town" }', of("Village")), "the effect of Town is named by nothing; name a study"),
        (compared().replace("main = true", "mian = true"), r"unknown key 'mian' \(did you mean 'main'\?\)"),
        (compared(months=0), "expected: a whole number of months"),
    ):
        with pytest.raises(StudyError, match=words):
            load_synthesis(synthesis(towns, text))


def test_the_embedded_syntheses_hold_and_name_what_links_the_cities():
    assert embedded_syntheses() == ["pooled", "two_cities"]
    cities = load_synthesis(find_study("two_cities"))
    assert cities.poolings == () and any("The cities are linked" in limit for limit in cities.limits)
    assert all(each.outcome == "homicides" for each in load_synthesis(find_study("pooled")).poolings)
