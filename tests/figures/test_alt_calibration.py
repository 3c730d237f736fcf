"""False alarms and coverage in words: the ends of both columns, and how many leave the band."""

import numpy as np
from drawn_tables import CALIBRATION

from gvi_eval.figures.alt_calibration import WORDS, alt_calibration

BAND = {"most_alarms": 0.08, "least_coverage": 0.91}


def test_in_words_the_ends_and_how_many_leave_the_band():
    said = alt_calibration(CALIBRATION, **BAND)
    assert "3 ways" in said["en"] and "from 4 % (good) to 25 % (bad), beside 5 % nominal; 1 of 3" in said["en"]
    assert "simulated for 2 of them and runs from 80 % (bad) to 96 % (good); 1 lie wholly below 91 %" in said["en"]
    assert "1 af 3 ligger helt over 8 %" in said["da"] and "1 av 3 ligger helt över 8 %" in said["sv"]


def test_where_no_coverage_was_simulated_none_is_told():
    without = CALIBRATION.assign(coverage=np.nan, coverage_lower=np.nan, coverage_upper=np.nan)
    said = alt_calibration(without, **BAND)
    assert "Coverage" not in said["en"] and "Dækningen" not in said["da"] and "False alarms run" in said["en"]


def test_the_languages_have_the_same_words():
    assert WORDS["en"].keys() == WORDS["da"].keys() == WORDS["sv"].keys()
