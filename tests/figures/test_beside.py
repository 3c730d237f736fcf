"""The plainer figures: what they draw adds up to what was saved, and says the same in three languages."""

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import DataError
from gvi_eval.figures.alt_more import alt_cumulative, alt_heat_map, alt_leads, alt_predictive, alt_start, alt_weights
from gvi_eval.figures.bars import start_figure, weights_figure
from gvi_eval.figures.beside import draw_cumulative, draw_start_posterior
from gvi_eval.figures.cumulative import cumulative_figure, cumulative_table
from gvi_eval.figures.heat_map import heat_map_figure
from gvi_eval.figures.leads import leads_figure
from gvi_eval.figures.predictive import predictive_figure, predictive_table
from gvi_eval.figures.theme import EXPECTED, FACTUAL, contrast
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import load_study

OUTCOME = {"en": "shots", "da": "skud", "sv": "skott"}
PATH = pd.DataFrame(
    {
        "period": ["2012", "2013", "2014"],
        "observed": [9.0, 7.0, 12.0],
        "factual": [9.0, 8.0, 8.0],
        "expected": [9.0, 10.0, 10.0],
    }
)
CELLS = pd.DataFrame(
    {
        "baseline": ["last year", "last year", "peak"],
        "window": ["to 2019", "to 2020", "to 2019"],
        "percent": [-20.0, 10.0, -50.0],
        "claimed": [False, False, True],
    }
)
STARTS = pd.DataFrame(
    {
        "start": ["2017-01", "2017-02", "2017-03"],
        "declared": [False, True, False],
        "probability": [0.5, 0.3, 0.2],
        "in_credible_set": [True, True, False],
    }
)
LEADS = pd.DataFrame(
    {"bin": [-2, 0], "first": ["2012", "2014"], "last": ["2012", "2014"], "value": [0.1, -1.0], "error": [0.2, 0.2]}
)
WEIGHTS = pd.DataFrame({"unit": ["A", "B"], "weight": [0.75, -0.25]})


def test_events_prevented_by_hand():
    # 10 expected and 7 seen prevents 3; then 10 and 12 takes 2 back.
    table = cumulative_table(PATH, "2013", "2014", "realised")
    assert table["prevented"].tolist() == [3, -2] and table["total"].tolist() == [3, 1]
    assert cumulative_table(PATH, "2013", "2014", "model")["total"].tolist() == [2, 4]


def test_what_lacks_a_figure_is_not_added_up():
    with pytest.raises(DataError, match="lacks observed"):
        cumulative_table(PATH.assign(observed=[9, np.nan, 12]), "2013", "2014", "realised")


@pytest.mark.parametrize("name", ["malmo", "boston", "us_cities"])
def test_what_is_drawn_ends_at_the_number_that_was_saved(name, tmp_path, monkeypatch):
    folder = CHECKOUT / "reports" / name
    kept = {}
    monkeypatch.setattr("gvi_eval.figures.beside._saved", lambda *args: kept.setdefault("table", args[3]) is None or args[1])
    study = load_study(CHECKOUT / "analyses" / name / "study.toml")
    (drawn,) = draw_cumulative(folder, study, pd.DataFrame(), "source", "run")
    effects = pd.read_csv(folder / "effects.csv")
    saved = effects[effects["headline"] & (effects["contrast"] == "prevented")]["point"].dropna().iloc[0]
    assert drawn.startswith("cumulative-") and kept["table"]["total"].iloc[-1] == pytest.approx(saved, rel=1e-6)


def test_the_mixture_over_the_starts_is_no_start(monkeypatch):
    kept = {}
    monkeypatch.setattr("gvi_eval.figures.beside._saved", lambda *args: kept.setdefault("table", args[3]) is None or args[1])
    study = load_study(CHECKOUT / "analyses" / "malmo" / "study.toml")
    assert list(draw_start_posterior(CHECKOUT / "reports" / "malmo", study, pd.DataFrame(), "source", "run"))
    assert kept["table"]["probability"].sum() == pytest.approx(1) and "all" not in set(kept["table"]["start"])


def hatched(figure) -> int:
    return sum(bool(patch.get_hatch()) for axes in figure.axes for patch in axes.patches)


def test_colour_is_never_the_only_sign():
    assert hatched(weights_figure(WEIGHTS, title="t", caption="c")) == 1  # the negative one
    assert hatched(start_figure(STARTS, title="t", caption="c")) == 1  # the declared one
    assert hatched(heat_map_figure(CELLS, title="t", caption="c")) == 1  # the rise
    marks = {line.get_marker() for line in leads_figure(LEADS, title="t", caption="c").axes[-1].lines}
    assert {"o", "s"} <= marks
    assert min(contrast(EXPECTED), contrast(FACTUAL)) >= 3


def test_every_cell_of_a_heat_map_is_written_and_the_claimed_one_framed():
    axes = heat_map_figure(CELLS, title="t", caption="c").axes[-1]
    assert [text.get_text() for text in axes.texts] == ["−20", "+10", "−50"]
    assert sum(patch.get_linewidth() > 2 for patch in axes.patches) == 1


def test_words_give_the_same_numbers_in_three_languages():
    assert "total is 1.5, with an interval from -2 to 3" in alt_cumulative(
        pd.DataFrame({"period": ["2013"], "prevented": [1.5], "total": [1.5]}), outcome=OUTCOME, limits=(-2, 3)
    )["en"]  # fmt: skip
    assert "summen 1,5 med" in alt_cumulative(
        pd.DataFrame({"period": ["2013"], "prevented": [1.5], "total": [1.5]}), outcome=OUTCOME, limits=(-2, 3)
    )["da"]  # fmt: skip
    heat = alt_heat_map(CELLS, outcome=OUTCOME)
    assert "rank 1 of 3" in heat["en"] and "nummer 1 af 3" in heat["da"] and "nummer 1 av 3" in heat["sv"]
    start = alt_start(STARTS, outcome=OUTCOME)
    assert "2017-01 with 0.5" in start["en"] and "deklarerade starten 2017-02 har 0,3" in start["sv"]
    assert "0 of the intervals before the start exclude 0, and 1" in alt_leads(LEADS, outcome=OUTCOME)["en"]
    assert "A med 0,75" in alt_weights(WEIGHTS, outcome=OUTCOME)["da"]


def test_places_of_chance_by_hand():
    # Of one uniform place the mean is 1/2 and 95 % lie between 0.025 and 0.975; a place of 0.99 is outside.
    table = predictive_table(pd.DataFrame({"pit": [0.99]}))
    assert table.iloc[0].tolist() == pytest.approx([0.5, 0.99, 0.025, 0.975])
    assert "1 lie outside" in alt_predictive(table, outcome=OUTCOME)["en"]
    inside = predictive_table(pd.DataFrame({"pit": np.arange(1, 20) / 20}))
    assert "0 ligger uden for" in alt_predictive(inside, outcome=OUTCOME)["da"]
    axes = predictive_figure(table, title="t", caption="c").axes[-1]
    assert {line.get_marker(): len(line.get_xdata()) for line in axes.lines if line.get_marker() in "so"} == {"o": 0, "s": 1}


def test_a_running_total_is_drawn_with_the_interval_of_the_whole():
    table = cumulative_table(PATH, "2013", "2014", "realised")
    axes = cumulative_figure(table, title="t", caption="c", limits=(-4, 6), level=0.9).axes[-1]
    lines = [[float(y) for y in line.get_ydata()] for line in axes.lines if len(line.get_ydata()) == 2]
    assert [3, 1] in lines and [-4, 6] in lines
