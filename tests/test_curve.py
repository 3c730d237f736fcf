"""A study's curve from its file to its results folder: computed in pieces, kept under its key, read by a run."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

import gvi_eval.curve
from gvi_eval.cli import main
from gvi_eval.curve import OBSERVED, compute, curve_of, declare, stored_curve
from gvi_eval.errors import DataError, StudyError
from gvi_eval.sensitivity.curve_record import curve_sentences, curve_test_table, keep_curve, read_curve


@pytest.fixture(autouse=True)
def few_series(monkeypatch):
    monkeypatch.setattr(gvi_eval.curve, "SERIES", 4)


@pytest.fixture
def town(write_study, with_curve, tmp_path):
    return write_study(tmp_path / "town", with_curve)


def test_what_is_run_and_what_is_claimed(town):
    declared = declare(town)
    # To mid-2013 two figures follow 2013 and four follow mid-2012.
    assert declared.admission.reasons == {"fewer than 3 figures after the start": 5}
    assert len(declared.admission.admitted) == 15
    assert declared.claimed.columns["method"] == "level + trend" and declared.claimed.columns["windows"] == "to 2014-12-31"
    assert declared.places == () and declared.others == tuple(f"simulated {n:03d}" for n in range(1, 5))


def test_a_curve_in_pieces(town, tmp_path):
    declared = declare(town)
    told, digest = compute(declared, folder=tmp_path / "parts")
    again, same = compute(declared, folder=tmp_path / "parts", done=lambda finished, of: finished == of or pytest.fail("anew"))
    assert digest == same and told == again
    assert list(told) == [OBSERVED, *declared.others] and {len(each) for each in told.values()} == {15}
    curve = curve_of(declared, told)
    exact = curve.table[(curve.table["method"] == "exact ratio") & (curve.table["starts"] == "start 2013-01-01")]
    assert exact["point"].iloc[0] == pytest.approx(12 / 22)
    assert curve.table["claimed"].sum() == 1 and curve.table["id"].iloc[0] == "town/curve/0001"
    assert list(curve.table.loc[curve.table["bound"], "method"].unique()) == ["level", "exact ratio"]
    assert [each.series for each in curve.tests] == [4] * 4 and curve.tests[0].floor == 0.2
    # p by counting: how many of the five middles are as low as the observed one, itself among them
    middles = [curve.summary.median, *(each["median"] for each in curve.test["others"])]
    assert curve.tests[2].p == sum(middle <= middles[0] for middle in middles) / 5


def test_the_record_is_read_under_its_key_alone(town, tmp_path):
    declared = declare(town)
    told, _ = compute(declared, series=declared.others[:1])
    curve = curve_of(declared, told)
    assert "gvi-eval curve town does" in stored_curve(town)
    keep_curve(curve, town.parent / "curve")
    found = stored_curve(town)
    assert found.key == declared.key and found.test["summary"] == pytest.approx(curve.test["summary"])
    pd.testing.assert_frame_equal(curve_test_table(found), curve_test_table(curve), rtol=1e-9)
    assert found.table["point"].to_numpy(dtype=float) == pytest.approx(curve.table["point"].to_numpy(dtype=float), nan_ok=True)
    town.write_text(town.read_text().replace("2012-07-01", "2012-04-01"))
    assert "has not been computed" in stored_curve(town)
    town.write_text(town.read_text().replace("2012-04-01", "2012-07-01").replace("rumours", "word had spread"))
    assert stored_curve(town).key == declared.key  # another wording of a reason
    record = next((town.parent / "curve").glob("*.json"))
    record.write_text(record.read_text().replace(declared.key, "0" * 64))
    with pytest.raises(DataError, match="holds another curve than its name says"):
        read_curve(town.parent / "curve", declared.key)


def test_donors_take_the_treated_place(write_study, with_curve, four_areas, tmp_path):
    units = [{"name": "East", "role": "treated"}, *({"name": name, "role": "donor"} for name in ("West", "North", "South"))]
    with_curve["units"] = units
    with_curve["outcomes"][0].pop("population")
    with_curve["curve"]["methods"].append(
        {
            "name": "did",
            "estimator": "did",
            "settings": {"model": "poisson"},
            "reason": "r",
            "only": {"windows": ["to 2014-12-31"]},
        }
    )
    declared = declare(write_study(tmp_path / "town", with_curve, four_areas))
    assert declared.others == ("West", "North", "South")
    told, _ = compute(declared)
    # North is a copy of East: what is seen of one series alone is the same
    alone = [place for place, each in enumerate(declared.admission.admitted) if each.method.name == "exact ratio"]
    assert [told["North"][place].point for place in alone] == [told[OBSERVED][place].point for place in alone]
    curve = curve_of(declared, told)
    assert curve.test["how"] == "donors in the treated place"
    assert all(each.floor == 1 / (1 + each.series) for each in curve.tests)


def test_a_study_without_a_curve_has_none(write_study, tmp_path):
    town = write_study(tmp_path / "town")
    assert declare(town) is None and stored_curve(town) is None
    done = CliRunner().invoke(main, ["curve", str(town)])
    assert done.exit_code == 3 and "declares no [curve]" in done.stderr


def test_an_outcome_that_is_not_declared(write_study, with_curve, tmp_path):
    with_curve["curve"]["figures"][0]["outcome"] = "stabbings"
    with pytest.raises(StudyError, match="name the outcome 'stabbings', which is not declared; declared are shots, burglary"):
        declare(write_study(tmp_path / "town", with_curve))


def test_check_holds_the_curve_to_its_figures(town):
    told = CliRunner().invoke(main, ["check", str(town), "--json"])
    assert json.loads(told.stdout)["specifications of the curve"] == 15
    town.write_text(
        town.read_text().replace('"season": "none"', '"season": "dummies"').replace('"season" = "none"', '"season" = 1', 1)
    )
    broken = CliRunner().invoke(main, ["check", str(town)])
    assert broken.exit_code == 3 and "0 combinations of the curve are the headline" in broken.stderr


def test_the_verb_keeps_the_record_and_a_run_publishes_it(town, tmp_path, plain_figures):
    trial = CliRunner().invoke(main, ["curve", str(town), "--jobs", "1", "--series", "0", "--json"])
    assert trial.exit_code == 0 and not (town.parent / "curve").exists()
    told = json.loads(trial.stdout)
    assert told["summary"]["specifications"] == 15 and told["others"] == [] and len(told["hash"]) == 64
    before = CliRunner().invoke(main, ["run", str(town), "--out", str(tmp_path / "out")])
    assert "has not been computed; gvi-eval curve town" in " ".join(before.stdout.split())
    assert not (tmp_path / "out" / "town" / "curve.csv").exists()
    done = CliRunner().invoke(main, ["curve", str(town), "--jobs", "1"])
    assert done.exit_code == 0 and "15 admissible specifications" in done.stdout and "hash " in done.stdout
    assert len(list((town.parent / "curve").iterdir())) == 2  # the table and the test; the parts are gone
    CliRunner().invoke(main, ["run", str(town), "--out", str(tmp_path / "out")])
    rows = pd.read_csv(tmp_path / "out" / "town" / "curve.csv")
    tests = pd.read_csv(tmp_path / "out" / "town" / "curve_test.csv")
    assert len(rows) == 15 and rows["claimed"].sum() == 1
    assert list(tests["floor"]) == [0.2] * 4 and set(tests["not_admitted"]) == {5} and set(tests["series"]) == {4}


def test_the_sentences_never_average(town):
    declared = declare(town)
    told, _ = compute(declared, series=())
    sentences = curve_sentences(curve_of(declared, told))
    assert (
        sentences[0] == "15 admissible specifications, 15 with a ratio and 0 refused; 5 further combinations were not admitted"
    )
    claimed = curve_of(declared, told).table.query("claimed")["point"].iloc[0]
    assert f"has {claimed:.2f}, rank " in sentences[1] and len(sentences) == 3
    assert sentences[2].startswith("9 of them are bounds") and "of the other 6, " in sentences[2]
