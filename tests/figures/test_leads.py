"""Leads and lags: before the start round, after it square, each with its interval."""

import numpy as np
import pytest
from drawn_tables import LEADS

from gvi_eval.figures.leads import leads_figure


def test_before_and_after_differ_in_their_marks_and_the_start_lies_between():
    axes = leads_figure(LEADS, title="t", caption="c").axes[-1]
    assert {"o", "s"} <= {line.get_marker() for line in axes.lines}
    assert [0.5, 0.5] in [list(line.get_xdata()) for line in axes.lines]


def test_intervals_reach_as_far_as_their_errors():
    axes = leads_figure(LEADS, title="t", caption="c").axes[-1]
    ends = np.concatenate([np.asarray(part)[:, 1] for each in axes.collections for part in each.get_segments()])
    assert sorted(ends) == pytest.approx(sorted([0.1 - 0.392, 0.1 + 0.392, -1.392, -0.608]))
