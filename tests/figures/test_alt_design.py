"""Tipping points and power curves in words: the same counts and shares in three languages, and nothing that was not compared."""

import pytest
from drawn_tables import OUTCOME, POWER, TIPPING

from gvi_eval.errors import DataError
from gvi_eval.figures.alt_design import KINDS, NOISE, WORDS, alt_power, alt_tipping


def test_words_say_how_many_and_which_is_nearest():
    said = alt_tipping(TIPPING, outcome=OUTCOME)
    assert "6 threats" in said["en"] and "beside 4 of them; 1 of these reach" in said["en"]
    assert "the placebo in Elsewhere: 332 %" in said["en"] and "For 1 of them nothing" in said["en"]
    assert "placebo i Elsewhere" in said["da"] and "skott" in said["sv"]


def test_what_nothing_of_its_kind_would_undo_is_said_only_where_there_is_some():
    said = alt_tipping(TIPPING[TIPPING["point_at"].notna()], outcome=OUTCOME)
    assert "5 threats" in said["en"] and "nothing of that kind" not in said["en"] and "ingenting av det" not in said["sv"]


def test_where_nothing_was_observed_no_threat_is_nearest():
    said = alt_tipping(TIPPING.assign(observed=None), outcome=OUTCOME)
    assert "beside 0 of them; 0 of these reach" in said["en"] and "Nearest" not in said["en"] and "Nærmest" not in said["da"]


def test_a_share_far_below_nothing_is_not_taken_for_the_nearest():
    # The rebound lies at −200 % and the trend at 67 %: without the placebo the trend is nearest.
    said = alt_tipping(TIPPING[TIPPING["kind"].isin(["trend", "rebound"])], outcome=OUTCOME)
    assert "the trend: 67 %" in said["en"] and "trenden: 67 %" in said["da"] and "trenden: 67 %" in said["sv"]


def test_the_power_at_the_benchmark_in_words():
    said = alt_power(POWER, outcome=OUTCOME)
    assert "At a ratio of 0.75 it is 50 % with Poisson noise, 25 % with moderate noise, 10 % with heavy noise." in said["en"]
    assert "Ved et forhold på 0,75" in said["da"] and "måttlig" in said["sv"]


def test_between_two_ratios_the_nearer_one_is_told():
    said = alt_power(POWER[POWER["ratio"].isin([0.5, POWER["ratio"].iloc[0]])].assign(benchmark=0.45), outcome=OUTCOME)
    assert "At a ratio of 0.45 it is 100 % with Poisson noise" in said["en"]  # that of 0.5, 2 · 0.5
    assert "50 % with moderate noise, 20 % with heavy noise" in said["en"]


def test_the_languages_have_the_same_words():
    for words in (WORDS, KINDS, NOISE):
        assert words["en"].keys() == words["da"].keys() == words["sv"].keys()


def test_a_table_that_lacks_a_column_says_which():
    with pytest.raises(DataError, match="lacks the columns .'benchmark'."):
        alt_power(POWER.drop(columns="benchmark"), outcome=OUTCOME)
