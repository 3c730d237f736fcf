"""Where observed counts lie in what was foretold of them."""

import numpy as np
import pandas as pd
import pytest
from drawn_tables import OUTCOME

from gvi_eval.figures.alt_more import alt_predictive
from gvi_eval.figures.predictive import predictive_figure, predictive_table


def test_places_of_chance_by_hand():
    # Of one uniform place the mean is 1/2 and 95 % lie between 0.025 and 0.975; a place of 0.99 is outside.
    table = predictive_table(pd.DataFrame({"pit": [0.99]}))
    assert table.iloc[0].tolist() == pytest.approx([0.5, 0.99, 0.025, 0.975])
    assert "1 lie outside" in alt_predictive(table, outcome=OUTCOME)["en"]
    inside = predictive_table(pd.DataFrame({"pit": np.arange(1, 20) / 20}))
    assert "0 ligger uden for" in alt_predictive(inside, outcome=OUTCOME)["da"]
    axes = predictive_figure(table, title="t", caption="c").axes[-1]
    assert {line.get_marker(): len(line.get_xdata()) for line in axes.lines if line.get_marker() in "so"} == {"o": 0, "s": 1}
