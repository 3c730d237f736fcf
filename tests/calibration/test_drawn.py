"""The figures of the record: shares are counted together, intervals are binomial, and the committed ones are of these records."""

import pandas as pd
import pytest
from scipy import stats

from gvi_eval.figures.calibration import ALL
from gvi_eval.writing import csv_bytes, json_bytes

from . import drawn
from .cells import NULL
from .panels_records import PANELS
from .records import SINGLE_SERIES, read, share


def test_intervals_by_hand_and_by_another_route():
    # None of 3: the upper end p has (1 - p)^3 = .025. All of 3 mirrors it.
    assert drawn.interval(0, 3) == (0.0, pytest.approx(1 - 0.025 ** (1 / 3)))
    assert drawn.interval(3, 3) == (pytest.approx(0.025 ** (1 / 3)), 1.0)
    for hits, of in ((1, 20), (30, 600), (7, 8)):
        exact = stats.binomtest(hits, of).proportion_ci(0.95, "exact")
        assert drawn.interval(hits, of) == pytest.approx((exact.low, exact.high))
        assert share(hits, of).lower < drawn.interval(hits, of)[0]  # that of the record has 99 %


def test_settings_are_counted_together_and_not_averaged():
    told = [("g", "l", "small", "alarms", 5, 10), ("g", "l", "large", "alarms", 5, 90), ("g", "l", "large", "coverage", 9, 10)]
    rows = drawn.calibration_rows(told).set_index("setting")
    assert rows["alarms"].to_dict() == pytest.approx({ALL: 0.1, "small": 0.5, "large": 5 / 90})
    assert rows.loc[ALL, "alarms_sets"] == 100 and rows.loc[ALL, "coverage"] == 0.9
    assert pd.isna(rows.loc["small", "coverage"]) and rows.loc["small", "coverage_sets"] == 0


def test_what_was_told_of_no_data_set_has_no_row():
    assert drawn.calibration_rows([("g", "l", "none", "alarms", 0, 0), ("g", "l", "some", "alarms", 0, 4)])[
        "setting"
    ].tolist() == [
        ALL,
        "some",
    ]


def test_every_false_alarm_of_the_default_in_the_record_is_in_the_figure():
    mine = [row for row in read(SINGLE_SERIES) if row["estimator"] == "latent_counts" and "trend" in row["model"]]
    counted = sum(
        round(float(row["false_alarms"]) * (int(row["data_sets"]) - int(row["refused"])))
        for row in mine
        if float(row["effect"]) == NULL
    )
    told = [each for each in drawn.series_told() if each[1] == "latent_counts" and each[3] == "alarms"]
    assert counted == sum(each[4] for each in told) and len(told) == sum(float(row["effect"]) == NULL for row in mine)


def test_refused_comparisons_are_not_counted():
    told = drawn.panels_told()
    kept = sum(
        int(row["data_sets"]) - int(row["refused"]) for row in read(PANELS) if row["world"] == drawn.WORLD and row["scaled"]
    )
    assert sum(each[5] for each in told if each[0].endswith("by size")) == kept
    assert not [each for each in told if each[3] == "coverage" and each[0].endswith(("raw", "RMSPE ratio"))]


@pytest.mark.parametrize("name", drawn.FIGURES)
def test_the_figures_are_of_these_records(name):
    import json

    table = drawn.calibration_rows(drawn.FIGURES[name][0]())
    folder = drawn.FOLDER / name
    assert (folder / "data.csv").read_bytes() == csv_bytes(table), "run `python -m tests.calibration.drawn`"
    kept, now = json.loads((folder / "about.json").read_text(encoding="utf-8")), drawn.about(name, table)
    assert kept["run"] == now.run and json_bytes(kept["alt"]) == json_bytes(dict(now.alt)) and kept["caption"] == now.caption
