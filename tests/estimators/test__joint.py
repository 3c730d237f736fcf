"""The columns of a treated unit and its controls, and the controls that are refused."""

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.estimators._joint import controls_of, joint_design
from gvi_eval.panel import Panel

PERIODS, ONSET = 24, 12


def panel(**columns) -> Panel:
    index = pd.period_range("2010-01", periods=PERIODS, freq="M")
    values = pd.DataFrame({"Town": np.full(PERIODS, 5.0)} | columns, index=index)
    return Panel(values, pd.DataFrame(2.0, index, values.columns), {"Town": index[ONSET]})


def made(panel, controls=("Land",), **changes):
    settings = {"change": "level", "trend": True, "season": 1} | changes
    return joint_design(panel, "Town", controls, **settings)


def test_the_columns_of_each_cell():
    joint = made(panel(Land=np.full(PERIODS, 20.0)))
    assert joint.names == (
        "intercept: Town",
        "intercept: Land",
        "common trend",
        "cos 1",
        "sin 1",
        "common change",
        "trend",
        "level",
    )
    town, land = (joint.factual[joint.unit_of_cell == k] for k in (0, 1))
    after = (np.arange(PERIODS) >= ONSET).astype(float)
    since = (np.arange(PERIODS) - ONSET) / PERIODS
    assert town[:, [0, 1]].tolist() == [[1, 0]] * PERIODS and land[:, [0, 1]].tolist() == [[0, 1]] * PERIODS
    for place, (own, its) in {2: (since, since), 5: (after, after), 6: (since, 0), 7: (after, 0)}.items():
        assert np.allclose(town[:, place], own) and np.allclose(land[:, place], its), joint.names[place]
    # Without the programme only its own column is off: the common change and the own trend go on.
    assert np.flatnonzero((joint.factual != joint.expected).any(axis=0)).tolist() == [7]
    assert joint.counts.shape == (48,) and np.array_equal(joint.matrix, np.eye(48)) and not joint.offset.any()
    assert joint.prior_sd.tolist() == [10, 10, *[2.5] * 6]
    assert joint.treated.factual.shape == (24, 8)


def test_without_a_trend_of_its_own_and_a_common_change():
    joint = made(panel(Land=np.full(PERIODS, 20.0)), trend=False, common_change=False, season="none")
    assert joint.names == ("intercept: Town", "intercept: Land", "common trend", "level")


def test_a_control_without_figures_for_half_the_baseline_is_refused():
    land = np.full(PERIODS, 20.0)
    land[3:9] = np.nan
    with pytest.raises(
        EstimationError,
        match=r"Land has no figure for 6 of the 12 periods before the start 2011-01 that Town has, 2010-04 to 2010-09",
    ):
        made(panel(Land=land))
    land[3:5] = 20.0
    assert len(made(panel(Land=land)).counts) == 44


def test_a_control_without_events_or_exposure_is_refused():
    with pytest.raises(EstimationError, match="the control Land recorded no events before the start"):
        made(panel(Land=np.r_[np.zeros(ONSET), np.full(PERIODS - ONSET, 9.0)]))
    good = panel(Land=np.full(PERIODS, 20.0))
    people = good.exposure.copy()
    people.loc["2010-05", "Land"] = 0.0
    with pytest.raises(DataError, match="the exposure of Land is not positive in every period"):
        good.with_(exposure=people)


def test_controls_are_named_or_all():
    both = panel(Land=np.full(PERIODS, 20.0), Isle=np.full(PERIODS, 2.0))
    assert controls_of(both, ()) == ("Isle", "Land") and controls_of(both, ("Land",)) == ("Land",)
    with pytest.raises(StudyError, match="'Lend' is not a control of this panel; its controls are Land, Isle"):
        controls_of(both, ("Lend",))
    with pytest.raises(EstimationError, match="Town has no control in this panel"):
        controls_of(panel(), ())
