"""Weights and starts as bars, told apart by more than colour."""

import numpy as np
import pytest
from drawn_tables import STARTS, WEIGHTS, hatched

from gvi_eval.errors import DataError
from gvi_eval.figures.bars import start_figure, weights_figure
from gvi_eval.figures.theme import EXPECTED, FACTUAL, contrast


def test_a_negative_weight_and_the_declared_start_are_hatched():
    assert hatched(weights_figure(WEIGHTS, title="t", caption="c")) == 1
    assert hatched(start_figure(STARTS, title="t", caption="c")) == 1
    assert min(contrast(EXPECTED), contrast(FACTUAL)) >= 3


def test_every_weight_is_written_beside_its_bar():
    axes = weights_figure(WEIGHTS, title="t", caption="c").axes[-1]
    assert [text.get_text() for text in axes.texts] == ["0.75", "-0.25"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]


def test_starts_without_a_probability_are_not_drawn():
    with pytest.raises(DataError, match="no start has a probability"):
        start_figure(STARTS.assign(probability=np.nan), title="t", caption="c")
