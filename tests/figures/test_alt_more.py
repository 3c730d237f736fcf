"""Words for those who do not see the figures beside the paths: the same numbers in three languages."""

import pandas as pd
from drawn_tables import CELLS, GAPS, LEADS, OUTCOME, STARTS, WEIGHTS

from gvi_eval.figures.alt_more import alt_cumulative, alt_gaps, alt_heat_map, alt_leads, alt_start, alt_weights
from gvi_eval.figures.gaps import gaps_of


def test_words_give_the_same_numbers_in_three_languages():
    assert "total is 1.5, with an interval from -2 to 3" in alt_cumulative(
        pd.DataFrame({"period": ["2013"], "prevented": [1.5], "total": [1.5]}), outcome=OUTCOME, limits=(-2, 3)
    )["en"]  # fmt: skip
    assert "summen 1,5 med" in alt_cumulative(
        pd.DataFrame({"period": ["2013"], "prevented": [1.5], "total": [1.5]}), outcome=OUTCOME, limits=(-2, 3)
    )["da"]  # fmt: skip
    heat = alt_heat_map(CELLS, outcome=OUTCOME)
    assert "rank 1 of 3" in heat["en"] and "nummer 1 af 3" in heat["da"] and "nummer 1 av 3" in heat["sv"]
    start = alt_start(STARTS, outcome=OUTCOME)
    assert "2017-01 with 0.5" in start["en"] and "deklarerade starten 2017-02 har 0,3" in start["sv"]
    assert "0 of the intervals before the start exclude 0, and 1" in alt_leads(LEADS, outcome=OUTCOME)["en"]
    assert "A med 0,75" in alt_weights(WEIGHTS, outcome=OUTCOME)["da"]


def test_in_words_the_mean_after_the_start_and_who_lies_lower():
    # Town averages −10 after the start, Near 0 and Far −16.
    said = alt_gaps(gaps_of(GAPS), outcome=OUTCOME)
    assert "Town and of 2 donors" in said["en"] and "2011 to 2014" in said["en"]
    assert "gap of Town is -10 on average; of the donors 1 lie lower" in said["en"]
    assert "1 donors are set aside" in said["en"] and "lagt til side" in said["da"] and "lagda åt sidan" in said["sv"]
    assert "set aside" not in alt_gaps(gaps_of(GAPS, 50), outcome=OUTCOME)["en"]
