"""What a synthesis leaves: tables, panels, figures and a page, the same bytes each time."""

import json

import pandas as pd
from two_towns import compared, synthesis

from gvi_eval.synthesis.publish import publish_synthesis
from gvi_eval.synthesis.result import run_synthesis


def test_what_is_written_can_be_traced_and_is_the_same_again(towns, tmp_path):
    result = run_synthesis(synthesis(towns, compared()))
    first = publish_synthesis(result, tmp_path / "first")
    second = publish_synthesis(run_synthesis(synthesis(towns, compared())), tmp_path / "second")
    assert first["outputs"] == second["outputs"]
    sides = pd.read_csv(tmp_path / "first" / "sides.csv")
    for panel in sides["panel"]:
        assert (tmp_path / "first" / panel).is_file()
    text = (tmp_path / "first" / "page.md").read_text(encoding="utf-8")
    assert f"{sides['point'][0]:.2f}" in text and "The towns are made up." in text and "a proxy for shootings" in text
    about = json.loads((tmp_path / "first" / "figures" / "shots" / "about.json").read_text(encoding="utf-8"))
    assert set(about["alt"]) == {"da", "en", "sv"}
    assert first["studies"][0]["sha256"] and {item["table"] for item in first["inputs"]} == {"counts.csv", "population.csv"}
