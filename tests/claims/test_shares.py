"""Two shares of a survey, on paper."""

import numpy as np
import pytest

from gvi_eval.claims.shares import respondents_needed, two_shares


def test_two_shares_by_hand():
    z, p = two_shares(0.5, 0.4, 300, effect=1.0)
    assert z == pytest.approx(-0.1 / np.sqrt((0.25 + 0.24) / 300)) and p == pytest.approx(0.0135, abs=5e-4)
    wide, _ = two_shares(0.5, 0.4, 300, effect=4.0)
    assert wide == pytest.approx(z / 2)


def test_as_many_respondents_as_needed_tell_the_shares_apart_and_one_in_ten_fewer_do_not():
    needed = respondents_needed(0.735, 0.718)
    assert two_shares(0.735, 0.718, needed)[1] <= 0.05 < two_shares(0.735, 0.718, round(needed * 0.9))[1]
