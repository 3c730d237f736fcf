"""Flags above a plot: in order, apart, and as near to their days as they can be."""

import pytest

from gvi_eval.errors import DataError
from gvi_eval.figures.events import placed


def test_flags_stay_in_order_apart_and_as_near_as_they_can():
    # Two labels 1 wide that both want to be at 5 share the way: 4.5 and 5.5. One at 9.9 is kept inside 10.
    assert placed([5, 5], [1, 1], 10) == [4.5, 5.5]
    assert placed([2, 9.9], [1, 1], 10) == [2, 9.5]
    assert placed([], [], 10) == []
    with pytest.raises(DataError, match="show fewer events"):
        placed([1, 2, 3], [4, 4, 4], 10)
