"""The figures of a study, from its saved tables: what was declared is drawn, refusals included."""

import json

import pandas as pd
import pytest

from gvi_eval.publish import publish
from gvi_eval.resources import CHECKOUT
from gvi_eval.run import run_study


@pytest.fixture(scope="module")
def folder(study_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "copenhagen"
    publish(run_study(study_file), path)
    return path


@pytest.fixture(scope="module")
def study_file(tmp_path_factory):
    """Copenhagen's study with two analyses at two starts, one of which is refused."""
    text = (CHECKOUT / "analyses" / "copenhagen" / "study.toml").read_text(encoding="utf-8")
    head = text[: text.index("[[specifications]]")].replace("power_draws = 60", "power_draws = 0")
    head = head.replace("threat_draws = 100", "threat_draws = 0")
    head = head.replace("candidate_starts = { start = 2020-01-01, end = 2024-06-30 }\n", "")
    head = head.replace("earliest = 2022-01-01, latest = 2023-03-31", "earliest = 2022-01-01, latest = 2022-06-30")
    specifications = """
[[specifications]]
name = "counts of the donors"
estimator = "did"
outcome = "violence"
settings = { model = "poisson" }
headline = true

[[specifications]]
name = "classic"
estimator = "synthetic"
outcome = "violence"
"""
    place = tmp_path_factory.mktemp("study") / "copenhagen"
    place.mkdir()
    (place / "study.toml").write_text(head + specifications, encoding="utf-8")
    return place / "study.toml"


def test_a_range_that_is_refused_is_drawn_with_its_reason(folder):
    drawn = pd.read_csv(folder / "figures" / "estimates" / "data.csv")
    assert drawn["label"].tolist() == ["counts of the donors", "classic"]
    effects = pd.read_csv(folder / "effects.csv")
    ranges = effects[(effects["inference"] == "range over starts") & (effects["contrast"] == "ratio")].set_index(
        "specification"
    )
    assert drawn.set_index("label")["point"].dropna().to_dict() == pytest.approx(ranges["point"].dropna().to_dict())
    assert drawn["refusal"].notna().tolist() == [False, True] and "Aarhus" in drawn["refusal"].iloc[1]


def test_each_start_stands_in_a_figure_of_its_own(folder):
    drawn = pd.read_csv(folder / "figures" / "starts" / "data.csv")
    assert [label.rpartition(" ")[2] for label in drawn["label"]] == ["2022Q1", "2022Q2", "2022Q1", "2022Q2"]


def test_the_placebos_of_the_first_admitted_comparison_are_drawn(folder):
    about = (folder / "figures" / "placebos-violence" / "about.json").read_text(encoding="utf-8")
    assert "counts of the donors" in about and "58 donors" in about and "proxy" in about
    assert len(pd.read_csv(folder / "figures" / "placebos-violence" / "data.csv")) == 59


def test_the_gaps_of_the_same_comparison_are_drawn_and_who_is_not_is_named(folder):
    caption = json.loads((folder / "figures" / "gap-violence" / "about.json").read_text(encoding="utf-8"))["caption"]
    drawn = pd.read_csv(folder / "figures" / "gap-violence" / "data.csv")
    poor = drawn.loc[drawn["set_aside"], "unit"]
    assert "counts of the donors" in caption and "20 times that of Copenhagen Police District" in caption
    assert drawn["unit"].is_unique and len(drawn) == 59 and drawn["treated"].tolist() == [True] + [False] * 58
    assert 0 < len(poor) < 58 and all(name in caption for name in poor)
    saved = next((folder / "placebos").glob("counts-of-the-donors-2022q1.csv"))
    missed = pd.read_csv(saved).set_index("unit")["rmspe_before"]
    fit = drawn.set_index("unit")["fit"]
    assert fit.to_numpy() == pytest.approx(
        (missed / missed["Copenhagen Police District"]).pow(2)[fit.index].to_numpy(), rel=1e-6
    )
