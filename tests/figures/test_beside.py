"""What stands beside the paths of a study is drawn from the numbers that were saved."""

import pandas as pd
import pytest

from gvi_eval.figures.beside import draw_cumulative, draw_start_posterior
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import load_study


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
