"""The record of conformal tests, prediction intervals, jackknives and the Bayesian synthetic control: its rows, its code, its words."""

import numpy as np
import pytest

from .inferences import EFFECT, INFERENCES, NULL, SHIFT, WAYS, WORLDS, key_of, panel_of, row_of, told, verdict
from .inferences_report import section
from .records import read, share

ROWS = {key_of(row): row for row in read(INFERENCES)}


def of(name: str) -> list[dict[str, str]]:
    return [row for row in ROWS.values() if row["inference"] == name and row["estimator"] != "residuals alone"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_way_has_its_rows_and_they_are_of_this_code(way):
    rows = of(way.name)
    assert len(rows) == 2 * len(WORLDS)
    for row in rows:
        assert row["code"] == way.code, f"{way.name}: the code has changed since; run 'make calibration-inferences'"
        assert int(row["data_sets"]) == way.sets


@pytest.mark.parametrize("way", [way for way in WAYS if way.name != "posterior"], ids=lambda way: way.name)
def test_one_data_set_says_today_what_it_said(way):
    again = told((way.name, "independent", NULL, 0), 0)
    assert again is None or set(again[:2]) <= {0.0, 1.0} or np.isnan(again[1])


def test_on_independent_counts_no_way_rejects_too_often():
    for way in WAYS:
        row = next(row for row in of(way.name) if row["design"].endswith("independent") and row["effect"] == f"{NULL:g}")
        if way.name == "jackknife over treated":  # the donors' own scatter is not in it, which the page says
            continue
        assert row["verdict"] != "out of band", row


def test_the_page_marks_what_leaves_its_band():
    text = "".join(section())
    for row in ROWS.values():
        if row["verdict"] == "out of band":
            assert "**" in text and "out of band" in text
    assert "calibrated" not in text.replace("calibration", "")


def residuals(statistic: str, design: str, rho: str, shift: float) -> float:
    key = (f"conformal, {statistic}", "residuals alone", f"rho = {rho}", design, f"shift of {shift:g} sd")
    return float(ROWS[key]["rejected"])


def test_the_sum_has_the_power_that_the_mean_of_absolute_residuals_lacks():
    # METHODS section 2: 83 % against 1.5 % at 12 + 12.
    assert residuals("sum", "12 + 12 periods", "0", SHIFT) == pytest.approx(0.83, abs=0.03)
    assert residuals("mean absolute", "12 + 12 periods", "0", SHIFT) < 0.05
    assert residuals("sum", "22 + 13 periods", "0", SHIFT) > 0.95


def test_autocorrelation_takes_the_size_away():
    assert residuals("sum", "12 + 12 periods", "0", 0.0) <= 0.1
    assert 0.12 <= residuals("sum", "12 + 12 periods", "0.6", 0.0) <= 0.15
    assert residuals("sum", "12 + 12 periods", "0.85", 0.0) > 0.2


def test_a_data_set_is_as_it_says():
    panel = panel_of(WAYS[0], "independent", EFFECT, 0)
    town, onset = panel.sole_treated
    after = panel.values.loc[panel.periods >= onset, town].mean()
    assert after / panel.values.loc[panel.periods < onset, town].mean() == pytest.approx(EFFECT, abs=0.1)
    several = panel_of(next(way for way in WAYS if way.estimator == "staggered"), "autocorrelated", NULL, 0)
    assert len(several.treated) == 5 and len(set(several.onsets.values())) == 5


def test_a_verdict_is_given_only_beyond_chance():
    assert verdict(NULL, share(30, 100), share(70, 100)) == "out of band"
    assert verdict(NULL, share(10, 100), share(90, 100)) == "open"
    assert verdict(NULL, share(5, 100), share(95, 100)) == "in band"
    assert verdict(EFFECT, share(90, 100), None) == "in band"


def test_refused_data_sets_are_counted_apart():
    row = row_of(WAYS[0], "independent", NULL, [[1.0, 0.0, 0.5], [0.0, 1.0, 0.3], None])
    assert row["refused"] == "1" and float(row["rejected"]) == 0.5 and float(row["coverage"]) == 0.5
    assert float(row["median_log_width"]) == pytest.approx(0.4)
