"""The choices of a curve: every combination, no more, and names that are used are declared."""

from datetime import date

import pytest

from gvi_eval.choices import SINGLE, Choice, load_choices
from gvi_eval.errors import StudyError
from gvi_eval.study import OutlierRule, Window

NO_DONORS = {"level + trend": False, "level": False, "exact ratio": False}


def test_every_combination_once(write_study, with_curve, tmp_path):
    choices = load_choices(write_study(tmp_path / "town", with_curve))
    every = list(choices.combinations(NO_DONORS))
    # 2 windows x 2 starts x (nothing or 2011 left out) for two methods, and nothing left out for `level`
    assert len(every) == len({tuple(each.columns.values()) for each in every}) == 2 * 2 * 2 + 2 * 2 + 2 * 2 * 2
    assert {each.leave_out.name for each in every if each.method.name == "level"} == {"nothing left out"}
    assert {each.donors.name for each in every} == {SINGLE}
    assert every[0].columns == {
        "figures": "all shots",
        "baselines": "from 2010-01-01",
        "windows": "to 2014-12-31",
        "starts": "start 2013-01-01",
        "leave_out": "nothing left out",
        "donors": SINGLE,
        "method": "level + trend",
    }
    assert choices.leave_out[1] == Choice("without 2011", "a strike", Window(date(2011, 1, 1), date(2011, 12, 31)))


def test_donors_are_a_choice_of_methods_that_have_them(write_study, with_curve, tmp_path):
    rule = {"without_outliers": {"factor": 2.0, "around": 3}}
    with_curve["curve"]["donors"] = [
        {"name": "quiet", "transforms": [rule, {"without": "West"}], "reason": "r"},
        {"name": "every", "reason": "r"},
    ]
    choices = load_choices(write_study(tmp_path / "town", with_curve))
    assert choices.donors[0].value == (("without_outliers", OutlierRule(2.0, 3)), ("without", "West"))
    every = list(choices.combinations({**NO_DONORS, "exact ratio": True}))
    assert [each.donors.name for each in every if each.method.name == "exact ratio"].count("quiet") == 8
    assert {each.donors.name for each in every if each.method.name != "exact ratio"} == {SINGLE}


def test_a_study_without_a_curve(write_study, tmp_path):
    assert load_choices(write_study(tmp_path / "town")) is None


def test_only_names_what_is_declared(write_study, with_curve, tmp_path):
    with_curve["curve"]["methods"][1]["only"] = {"windows": ["to 2015-12-31"]}
    with pytest.raises(StudyError, match=r"only of 'level' names 'to 2015-12-31'.* known are to 2014-12-31, to 2013-06-30"):
        load_choices(write_study(tmp_path / "town", with_curve))


def test_a_choice_twice(write_study, with_curve, tmp_path):
    with_curve["curve"]["starts"] *= 2
    with pytest.raises(StudyError, match="starts has 'start 2012-07-01' twice"):
        load_choices(write_study(tmp_path / "town", with_curve))


def test_a_choice_without_a_reason(write_study, with_curve, tmp_path):
    del with_curve["curve"]["windows"][0]["reason"]
    with pytest.raises(StudyError, match=r"curve.windows\[0\] lacks 'reason'"):
        load_choices(write_study(tmp_path / "town", with_curve))
