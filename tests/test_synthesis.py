"""Effects of two studies side by side and pooled: the same horizon, the same method, refusals kept, and what is not allowed."""

import copy
import json
from pathlib import Path

import pandas as pd
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.plan import embedded_syntheses, find_study
from gvi_eval.synthesis.declared import load_synthesis
from gvi_eval.synthesis.page import page
from gvi_eval.synthesis.publish import publish_synthesis
from gvi_eval.synthesis.result import pooled_table, ratios_table, run_synthesis, sides_table

HEAD = """
name = "both"
title = "Two towns"
question = "Did shots fall more in one than in the other?"
limits = ["The towns are made up."]
"""


@pytest.fixture
def towns(document, write_study, tmp_path) -> dict[str, Path]:
    """Two studies of the same figures; in the second nothing is declared but the level, and burglary is not asked."""
    first = tmp_path / "towns"
    other = copy.deepcopy(document)
    other["name"], other["title"] = "village", "The programme of the village"
    return {
        "town": write_study(first / "town", document).parent,
        "village": write_study(first / "village", other).parent,
        "folder": first,
    }


def synthesis(towns: dict[str, Path], text: str) -> Path:
    file = towns["folder"] / "synthesis.toml"
    for name in ("town", "village"):
        text = text.replace(f"<{name}>", str(towns[name]))
    file.write_text(HEAD + text, encoding="utf-8")
    return file


def compared(one: str = "level + trend", other: str = "level + trend", months: int = 12) -> str:
    return f"""
horizon_months = {months}

[[comparisons]]
name = "shots"
one = {{ place = "Town", study = "<town>", specification = "{one}" }}
other = {{ place = "Village", study = "<village>", specification = "{other}" }}
main = true
"""


def pooling(*places: str, outcome: str = "reported shots") -> str:
    return f"""
[[poolings]]
name = "towns"
outcome = "{outcome}"
places = [{", ".join(places)}]
"""


def of(place: str, study: str = "<town>", specification: str = "level") -> str:
    return f'{{ place = "{place}", study = "{study}", specification = "{specification}" }}'


def test_the_same_figures_give_the_ratio_of_one(towns):
    result = run_synthesis(synthesis(towns, compared()))
    sides, ratios = sides_table(result), ratios_table(result)
    assert list(sides["place"]) == ["Town", "Village"] and sides["point"].nunique() == 1
    assert ratios["ratio"].tolist() == [1.0] and ratios["lower"][0] < 1 < ratios["upper"][0]
    assert ratios["p"][0] == pytest.approx(1)
    # East falls from 20 to 10 while West stays at 2: (10 + 2) / (20 + 2).
    assert sides["point"][0] == pytest.approx(12 / 22, rel=0.1)


def test_no_figure_after_the_horizon_is_used(towns):
    year = sides_table(run_synthesis(synthesis(towns, compared(months=12)))).iloc[0]
    both = sides_table(run_synthesis(synthesis(towns, compared(months=24)))).iloc[0]
    assert (year["first"], year["last"], both["last"]) == ("2013Q1", "2013Q4", "2014Q4")
    assert year["panel"] != both["panel"] and year["upper"] - year["lower"] != both["upper"] - both["lower"]


def test_two_places_are_compared_by_the_same_method(towns):
    with pytest.raises(StudyError, match="'shots' sets segmented beside exact_ratio"):
        run_synthesis(synthesis(towns, compared(other="exact ratio")))
    with pytest.raises(StudyError, match="'shots' sets segmented with trend = True beside False"):
        run_synthesis(synthesis(towns, compared(other="level")))
    with pytest.raises(StudyError, match="has no specification 'slope'; it has level"):
        run_synthesis(synthesis(towns, compared(other="slope")))


def test_a_place_without_an_estimate_leaves_its_reason_and_no_ratio(towns):
    result = run_synthesis(synthesis(towns, compared("exact ratio", "exact ratio")))
    assert ratios_table(result)["ratio"].isna().all()
    assert "distribution of its paths" in ratios_table(result)["refusal"][0] or "no other contrast" in page(result)


def test_two_places_are_not_pooled_and_their_posterior_is_prior_driven(towns):
    result = run_synthesis(synthesis(towns, pooling(of("Town"), of("Village", "<village>"))))
    table = pooled_table(result)
    assert len(table) == 6 and table["summary"].str.startswith("prior-driven").all()
    words = page(result)
    assert "2 places, which are not pooled; their ratio is 1.00" in words and "prior-driven" in words


def test_other_outcomes_are_not_pooled(towns):
    with pytest.raises(StudyError, match="Village counts reported burglary and the pooling is of reported shots"):
        run_synthesis(synthesis(towns, pooling(of("Town"), of("Village", "<village>", "burglary, level"))))


def test_literature_without_an_interval_is_no_place(towns):
    published = '{ place = "Sweden and the United States", published = "sbu_fd_pooled", because = "shots" }'
    with pytest.raises(StudyError, match="'sbu_fd_pooled|sbu_fd_pooled is marked 'prior' for pooling"):
        run_synthesis(synthesis(towns, pooling(of("Town"), published)))
    with pytest.raises(StudyError, match="'nobody' is not the id of a published effect"):
        run_synthesis(synthesis(towns, pooling(of("Town"), '{ place = "X", published = "nobody", because = "y" }')))
    with pytest.raises(StudyError, match="say in because why it may stand among"):
        run_synthesis(synthesis(towns, pooling(of("Town"), '{ place = "Indianapolis", published = "indy_15_24" }')))


def test_a_file_that_does_not_hold_is_refused_in_words(towns):
    for text, words in (
        ("", "nothing is compared and nothing pooled"),
        (compared().replace("horizon_months = 12", ""), "say horizon_months = 36"),
        (pooling('{ place = "Town" }', of("Village")), "the effect of Town is named by nothing; name a study"),
        (compared().replace("main = true", "mian = true"), r"unknown key 'mian' \(did you mean 'main'\?\)"),
        (compared(months=0), "expected: a whole number of months"),
    ):
        with pytest.raises(StudyError, match=words):
            load_synthesis(synthesis(towns, text))


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


def test_the_embedded_syntheses_hold_and_name_what_links_the_cities():
    assert embedded_syntheses() == ["pooled", "two_cities"]
    cities = load_synthesis(find_study("two_cities"))
    assert cities.poolings == () and any("The cities are linked" in limit for limit in cities.limits)
    assert all(each.outcome == "homicides" for each in load_synthesis(find_study("pooled")).poolings)
