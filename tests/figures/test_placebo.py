"""The treated unit among its placebos: what is drawn is what the table says."""

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import DataError
from gvi_eval.figures.alt import LANGUAGES, alt_placebo
from gvi_eval.figures.placebo import envelope, placebo_figure


def table(treated: float = 0.5, donors: int = 24, far: float = 0.3) -> pd.DataFrame:
    """A treated unit of 100 events a period and donors of 20 to 66, spread by sqrt(.01 + 1 / m)."""
    logs = np.append(np.log(treated), np.linspace(-0.2, 0.2, donors - 1))
    logs = np.append(logs, far)
    counts = np.append(100.0, np.linspace(20, 66, donors))
    spread = np.sqrt(0.01 + 1 / np.minimum(counts, 66))
    units = ["Town", *(f"Donor {j:02}" for j in range(donors))]
    return pd.DataFrame(
        {
            "unit": units,
            "treated": [True] + [False] * donors,
            "log_ratio": logs,
            "mean_count_before": counts,
            "spread": spread,
            "scaled": logs / spread,
        }
    )


def drawn(rows: pd.DataFrame, level: float = 0.95):
    figure = placebo_figure(rows, title="Town among its placebos", unit_word="quarter", caption="Made up.", level=level)
    return figure, next(axes for axes in figure.axes if axes.get_label() == "data")


def test_every_unit_stands_at_its_size_and_ratio():
    rows = table()
    _, axes = drawn(rows)
    donors, town = (line.get_xydata() for line in axes.lines if line.get_linestyle() == "None")
    assert donors == pytest.approx(np.column_stack([rows["mean_count_before"], np.exp(rows["log_ratio"])])[1:])
    assert town == pytest.approx(np.array([[100.0, 0.5]]))


def test_the_envelope_is_that_of_the_interval_and_flat_beyond_the_largest_donor():
    rows = table()
    distance, level = envelope(rows, 0.95)
    # 24 of 25: the largest distance of the donors has .96 at or below it
    assert level == 0.95 and distance == pytest.approx(rows["scaled"][1:].abs().max())
    _, axes = drawn(rows)
    upper = next(line for line in axes.lines if line.get_linestyle() == "--" and line.get_ydata()[0] > 1)

    def at(count: float) -> float:
        return float(np.interp(count, upper.get_xdata(), upper.get_ydata()))

    assert at(20) == pytest.approx(np.exp(distance * np.sqrt(0.01 + 1 / 20)), rel=1e-3)
    assert at(90) == at(100) == pytest.approx(np.exp(distance * np.sqrt(0.01 + 1 / 66)), rel=1e-3)


def test_with_few_donors_the_level_is_what_they_can_give_and_the_legend_says_so():
    figure, _ = drawn(table(donors=9))
    assert envelope(table(donors=9), 0.95)[1] == pytest.approx(0.9)
    assert "what 90 % of places of that size stay within" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_donor_of_which_nothing_was_expected_is_not_drawn():
    rows = table()
    rows.loc[3, ["log_ratio", "scaled"]] = np.inf
    figure, axes = drawn(rows)
    assert len(next(line for line in axes.lines if line.get_linestyle() == "None").get_xdata()) == 23
    assert "its 23 donors, each in its place" in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("town", ["Town", "Copenhagen Police District", "The united municipalities of the western islands"])
def test_nothing_is_cut_off_and_the_farthest_are_named(town):
    figure, axes = drawn(table().replace({"unit": {"Town": town}}))
    names = {text.get_text() for text in axes.texts}
    assert {town, "Donor 23"} <= names and len(names) == 4
    renderer = figure.canvas.get_renderer()
    page = figure.bbox
    for text in [*axes.texts, *figure.legends[0].get_texts()]:
        box = text.get_window_extent(renderer)
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(DataError, match="2 treated units; mark exactly one"):
        drawn(table().assign(treated=[True, True] + [False] * 23))
    with pytest.raises(DataError, match="Town has no ratio"):
        drawn(table().replace({"log_ratio": {np.log(0.5): np.inf}}))
    with pytest.raises(DataError, match="table of placebos lacks the columns \\['spread'\\]"):
        drawn(table().drop(columns="spread"))


def test_in_words_the_rank_and_the_side_are_those_of_the_table():
    far, near = (alt_placebo(table(ratio), outcome=dict.fromkeys(LANGUAGES, "shots")) for ratio in (0.5, 1.01))
    assert "24 donors" in far["en"] and "Town has 0.5, rank 1 of 25" in far["en"] and "lies outside" in far["en"]
    assert "rank 24 of 25" in near["en"] and "lies within" in near["en"]
    assert "Farthest out of the donors is Donor 23 with 1.35." in far["en"]
    assert "nummer 1 af 25" in far["da"] and "1,35" in far["da"] and "utanför" in far["sv"]


def test_names_of_neighbours_do_not_overprint_each_other():
    rows = table()
    rows.loc[rows.index[-3:], "log_ratio"] = [0.6, 0.61, 0.62]
    rows.loc[rows.index[-3:], "mean_count_before"] = [60.0, 60.5, 61.0]
    rows["scaled"] = rows["log_ratio"] / rows["spread"]
    figure, axes = drawn(rows)
    boxes = [text.get_window_extent(figure.canvas.get_renderer()) for text in axes.texts]
    assert len(boxes) == 4
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
