"""A planted slope is recovered, noise has none, and the fit solves its own equations."""

import numpy as np
import pytest
from planted_claims import claim, shots, year

from gvi_eval.claims.published import published
from gvi_eval.claims.slope import slope


def test_a_slope_is_recovered_and_noise_has_none(shelf_of):
    falling = published(claim(), shots(), shelf_of(*(year(2010 + each, round(1000 * 0.8**each)) for each in range(6))))
    middle, low, high = slope(list(falling.windows))
    assert middle == pytest.approx(-20, abs=0.5) and low < -20 < high < 0
    flat = published(
        claim(), shots(), shelf_of(*(year(2010 + each, value) for each, value in enumerate((60, 20, 55, 25, 58, 22))))
    )
    _, low, high = slope(list(flat.windows))
    assert low < 0 < high
    assert slope(list(flat.windows)[:2]) is None


def test_the_slope_solves_its_own_equations(shelf_of):
    """The slow reference: at the maximum of the likelihood no small step up or down is better."""
    values = (61, 65, 47, 34, 20, 21, 29)
    windows = list(
        published(claim(), shots(), shelf_of(*(year(2010 + each, value) for each, value in enumerate(values)))).windows
    )
    days = np.array([(window.end - window.start).days + 1 for window in windows])
    middle = np.array([(window.start.toordinal() + window.end.toordinal()) / 2 for window in windows]) / 365.25

    def loss(change):
        rate = np.exp(np.log1p(slope(windows)[0] / 100) * middle + change * middle)
        level = sum(values) / (days * rate).sum()  # the best level for any slope
        expected = level * days * rate
        return (expected - np.array(values) * np.log(expected)).sum()

    assert loss(0) < min(loss(-0.01), loss(0.01)) and abs(loss(1e-4) - loss(-1e-4)) < 1e-6
