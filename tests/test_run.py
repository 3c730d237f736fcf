"""A study becomes results: checked before anything is estimated, refusals as rows, whole or not at all, the same every time."""

import os
import subprocess
import sys
from datetime import date

import pytest

from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.plan import embedded_studies, find_study, locate_table, prepare
from gvi_eval.publish import publish
from gvi_eval.results import effects_table
from gvi_eval.run import run_study


def contents(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture
def written(document, write_study, tmp_path):
    """Writes the document as it now stands and returns the study file."""
    return lambda: write_study(tmp_path / "town", document)


def test_the_town_by_hand(written):
    # 22 a quarter before and 12 after over the eight quarters: 6/11, and 80 fewer than 22 × 8.
    level = next(one for one in run_study(written()).analyses if one.specification.name == "level")
    assert level.effects[0].point == pytest.approx(12 / 22) and level.effects[1].point == pytest.approx(80)
    assert (level.onset, level.inference) == ("2013Q1", "wald")


def test_every_analysis_is_told_of_as_it_is_done(written):
    told = []
    run_study(written(), told.append)
    assert told == [
        "level + trend",
        "level",
        "exact ratio",
        "burglary, level",
        "burglary, level + trend",
        "residuals",
        "tipping points",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"estimator": "segmentd"}, r"specification 'level': there is no estimator 'segmentd' \(did you mean 'segmented'\?\)"),
        ({"estimator": "oracle"}, r"specification 'level': there is no estimator 'oracle'; known are"),
        ({"settings": {"trnd": False}}, r"specification 'level': segmented has no setting 'trnd' \(did you mean 'trend'\?\)"),
        ({"settings": {"family": "normal"}}, "specification 'level': family of segmented is 'normal'"),
        ({"transforms": [{"without": "Elsewhere"}]}, "Elsewhere is not in the panel, which holds Town"),
        ({"start": date(2030, 1, 1)}, "the start 2030Q1 of Town lies outside its figures"),
    ],
)
def test_a_fault_of_a_specification_stops_before_anything_is_estimated(document, written, monkeypatch, change, sentence):
    monkeypatch.setattr(Segmented, "estimate", lambda self, panel: pytest.fail("estimated"))
    document["specifications"][1] |= change
    with pytest.raises(StudyError, match=sentence):
        run_study(written())


def test_an_event_that_is_not_declared_is_found_before_anything_is_estimated(document, written):
    document["specifications"][0]["settings"]["adjust"] = ["Old form"]
    with pytest.raises(StudyError, match="Old form"):
        prepare(written())


def test_a_table_that_does_not_exist_is_named(document, written):
    document["outcomes"][0]["table"] = "cuonts.csv"
    with pytest.raises(StudyError, match="the table 'cuonts.csv' is neither beside the study file nor in analyses/data"):
        run_study(written())


def test_a_table_beside_the_study_is_found_before_the_embedded_one(written):
    file = written()
    assert locate_table("counts.csv", file.parent) == file.parent / "counts.csv"
    assert locate_table("definitions.csv", file.parent / "nowhere").parent.name == "data"


def test_a_table_that_breaks_its_contract_stops_the_run(written, counts, write_study, tmp_path):
    with pytest.raises(DataError, match="counts.csv"):
        run_study(write_study(tmp_path / "town", counts=counts.assign(value=-1)))


def test_a_refusal_becomes_a_row_with_its_reason_and_the_run_goes_on(written, monkeypatch):
    estimate = Segmented.estimate

    def refuse(self, panel):
        if not self.trend:
            raise EstimationError("Town is not to be estimated; take another")
        return estimate(self, panel)

    monkeypatch.setattr(Segmented, "estimate", refuse)
    rows = effects_table(run_study(written())).set_index(["specification", "estimand"])
    assert rows.loc["level", "refusal"].tolist() == ["Town is not to be estimated; take another"] * 2
    assert rows.loc["level", "point"].isna().all() and rows.loc["level + trend", "point"].notna().all()


@pytest.fixture
def with_interval(document, written):
    document["interventions"][0]["start"] = {"earliest": date(2012, 11, 1), "latest": date(2013, 5, 1)}
    return run_study(written())


def test_a_start_that_is_an_interval_is_run_at_every_quarter_and_ends_in_its_range(with_interval):
    own = [analysis for analysis in with_interval.analyses if analysis.specification.name == "level"]
    assert [analysis.onset for analysis in own] == ["2012Q4", "2013Q1", "2013Q2", "2012Q4 to 2013Q2"]
    assert with_interval.headline.is_range and own[-1].fit.intervals[0].kind == "bounds"
    assert own[-1].fit.intervals[0].lower == min(analysis.fit.intervals[0].lower for analysis in own[:-1])


def test_a_specification_with_its_own_start_has_only_that_one(document, written):
    document["interventions"][0]["start"] = {"earliest": date(2012, 11, 1), "latest": date(2013, 5, 1)}
    document["specifications"][1]["start"] = date(2013, 1, 1)
    own = [analysis for analysis in run_study(written()).analyses if analysis.specification.name == "level"]
    assert [analysis.onset for analysis in own] == ["2013Q1"]


def test_transforms_are_applied_in_order_and_listed(document, written):
    document["specifications"][1] |= {
        "transforms": [{"dropping": {"start": date(2011, 1, 1), "end": date(2011, 3, 31)}}, {"until": date(2014, 6, 30)}],
        "window": {"start": date(2010, 4, 1)},
    }
    panel = next(one.panel for one in run_study(written()).analyses if one.specification.name == "level")
    assert (str(panel.periods[0]), str(panel.periods[-1])) == ("2010Q2", "2014Q2")
    assert [str(period) for period in panel.gaps("Town")] == ["2011Q1"]


def test_a_study_is_found_by_name_by_folder_and_by_file(written):
    file = written()
    assert find_study(str(file)) == file and find_study(str(file.parent)) == file
    assert all(find_study(name).parent.name == name for name in embedded_studies())
    with pytest.raises(StudyError, match="there is no study 'atlantis'; known are .*boston"):
        find_study("atlantis")


def test_nothing_half_written_is_left_when_a_figure_fails(written, tmp_path, monkeypatch, plain_figures):
    result, out = run_study(written()), tmp_path / "out" / "town"
    publish(result, out)
    before = contents(tmp_path / "out")

    def fail(*parts, **more):
        raise RuntimeError("no ink")

    monkeypatch.setattr("gvi_eval.figures.study.draw_study", fail)
    for folder in (out, tmp_path / "out" / "new"):
        with pytest.raises(RuntimeError, match="no ink"):
            publish(result, folder)
    assert contents(tmp_path / "out") == before and [path.name for path in (tmp_path / "out").iterdir()] == ["town"]


def test_a_second_run_elsewhere_gives_the_same_bytes_for_every_file(document, written, tmp_path):
    document["outcomes"], document["specifications"] = document["outcomes"][:1], document["specifications"][:3]
    file = written()
    publish(run_study(file), tmp_path / "one")
    code = "import sys; from pathlib import Path; from gvi_eval.publish import publish; from gvi_eval.run import run_study; "
    code += "publish(run_study(Path(sys.argv[1])), Path(sys.argv[2]))"
    elsewhere = os.environ | {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "42", "LC_ALL": "C", "MPLBACKEND": "agg"}
    subprocess.run([sys.executable, "-W", "error", "-c", code, file, tmp_path / "two"], env=elsewhere, check=True, cwd=tmp_path)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert list(one) == list(two) and "manifest.json" in one and any(name.endswith(".png") for name in one)
    assert [name for name in one if one[name] != two[name]] == []


def test_two_treated_units_are_run_and_published_side_by_side(two_sites, four_areas, write_study, tmp_path):
    # Burglary stays at 50 in East and 5 in West; only the shootings of East fall.
    two_sites["interventions"] += [
        {"name": "Conflict in North", "role": "shock", "unit": "North", "start": date(2012, 1, 1), "source": "s"}
    ]
    result = run_study(write_study(tmp_path / "town", two_sites, four_areas))
    rows = effects_table(result)
    own = rows[(rows["estimand"] == "ratio") & (rows["part"] == "declared")].set_index("unit")
    assert own["onset"].to_dict() == {"East": "2013Q1", "West": "2012Q1"}
    assert own["point"].tolist() == pytest.approx([1.0, 1.0])
    assert [(pair.level.fit.unit, pair.trend.fit.unit) for pair in result.pairs] == [("East", "East"), ("West", "West")]
    publish(result, tmp_path / "out")
    figures = sorted(folder.name for folder in (tmp_path / "out" / "figures").iterdir())
    paths = ["path-burglary-east", "path-burglary-west"]
    assert figures == ["cumulative-burglary", "estimates", *paths, "predictive", "tipping"]
    drawn = (tmp_path / "out" / "figures" / "path-burglary-west" / "figure.svg").read_text(encoding="utf-8")
    assert "Programme in West" in drawn and "New form" in drawn and "Conflict" not in drawn  # North is only a donor
