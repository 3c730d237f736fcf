"""What would settle it: more figures settle more, the record is found again by what it depends on, requests name the holder."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.sensitivity import settle as settling
from gvi_eval.sensitivity.settle import PUBLISHED, declared_or_tried, keep, kept, settle, settle_key, settle_sentences, settled
from gvi_eval.study import Release, Window, load_study
from gvi_eval.writing import csv_bytes

METHOD = Segmented(family="poisson", covariance="model", season="none", trend=False)
YEARS = Window(date(2010, 1, 1), date(2019, 12, 31))
LONGER = Release("longer", "shots per month", "the police", YEARS, "+96m")
SMALLEST = (0.9, 1.11)


@pytest.fixture(scope="module")
def short(make_panel):
    return make_panel({"Town": [12.0, 9.0, 10.0] * 8}, onset=12)


@pytest.fixture(scope="module")
def table(short):
    return settle(METHOD, short, [LONGER], SMALLEST, seed=1, draws=20)


def test_a_longer_series_finds_more(table):
    poisson = table[table["noise"] == "Poisson"].set_index("release")
    assert poisson["figures"].to_dict() == {PUBLISHED: 24, "longer": 120}
    assert poisson.loc["longer", "detectable"] > poisson.loc[PUBLISHED, "detectable"]
    assert poisson.loc["longer", "decisive"] > poisson.loc[PUBLISHED, "decisive"] + 0.1
    assert table["detectable"].notna().all() and table["refusal"].isna().all()


def test_the_request_names_series_holder_and_months(table):
    [published, longer, verdict] = settle_sentences(table)
    assert longer.endswith("Ask the police for: shots per month, 2010-01-01 to 2019-12-31.")
    assert (
        published.startswith("as published (24 figures of the place, segmented): finds a ratio of ") and "Ask" not in published
    )

    assert "most often decides 'longer', with " in verdict


def test_the_last_line_says_whether_any_settles_it(table):
    weak, strong = table.assign(decisive=0.3), table.assign(decisive=0.3)
    strong.loc[(strong["release"] == "longer") & (strong["noise"] == "moderate"), "decisive"] = 0.9
    assert "none of 1 would decide with 80%, so none of them settles it alone" in settle_sentences(weak)[-1]
    assert "1 of 1 would decide with 80% or more; most often decides 'longer', with 90%" in settle_sentences(strong)[-1]
    weak.loc[weak["noise"] == "heavy", "decisive"] = np.nan
    assert all("No analysis with heavy noise." in line for line in settle_sentences(weak)[:2])


def test_a_release_that_cannot_be_analysed_is_a_refusal(short, monkeypatch):
    def never(*inputs):
        raise settling.EstimationError("too few")

    monkeypatch.setattr(settling, "scatter_of", never)
    told = settle(METHOD, short, [], SMALLEST, seed=1, draws=2)
    assert (told["refusal"] == "too few").all() and told["decisive"].isna().all()
    assert settle_sentences(told) == ["as published: no analysis, too few"]


def test_a_record_is_found_by_all_that_it_depends_on(short, table, tmp_path):
    how = dict(estimator=METHOD, panel=short, releases=(LONGER,), smallest=SMALLEST, seed=1, draws=20)
    key = settle_key(**how)
    keep(tmp_path, key, table)
    read = kept(tmp_path, key)
    assert csv_bytes(read) == csv_bytes(table)
    others = [
        {"estimator": dataclasses.replace(METHOD, trend=True)},
        {"panel": short.with_(values=short.values + 1)},
        {"panel": short.starting("2011-02")},
        {"releases": (dataclasses.replace(LONGER, changes="+24m"),)},
        {"smallest": (0.8, 1.25)},
        {"seed": 2},
        {"draws": 21},
    ]
    keys = {settle_key(**how | other) for other in others}
    assert len(keys) == len(others) and key not in keys and all(kept(tmp_path, other) is None for other in keys)
    keep(tmp_path, min(keys), table)
    assert kept(tmp_path, key) is None and len(list((tmp_path / "settle").iterdir())) == 1


@pytest.fixture
def town(document, write_study, tmp_path):
    document["releases"] = [
        {
            "name": "months",
            "series": "reported shots per month",
            "holder": "the police",
            "months": {"start": date(2010, 1, 1), "end": date(2014, 12, 31)},
            "changes": "monthly",
        }
    ]
    return write_study(tmp_path / "town", document)


def test_a_run_reads_and_simulates_only_when_told(town, short, monkeypatch):
    study = load_study(town)
    assert settled(study, town, METHOD, short, simulate=False) is None
    made = pd.DataFrame([{"release": "months", "decisive": 0.5}])
    monkeypatch.setattr(settling, "settle", lambda *how, **more: made)
    assert settled(study, town, METHOD, short, simulate=True)["decisive"].tolist() == [0.5]
    monkeypatch.setattr(settling, "settle", lambda *how, **more: pytest.fail("simulated"))
    assert settled(study, town, METHOD, short, simulate=False)["decisive"].tolist() == [0.5]


def test_a_release_that_is_tried_by_its_changes_is_the_declared_one(town):
    study = load_study(town)
    [declared, tried] = declared_or_tried(study, ("monthly", "+24m"))
    assert declared is study.releases[0]
    assert (tried.changes, tried.months) == ("+24m", Window(date(2010, 1, 1), date(2016, 12, 31)))
    assert declared_or_tried(study, ()) == study.releases
    with pytest.raises(StudyError, match="declares no releases; try one with --if monthly"):
        declared_or_tried(study.with_(releases=()), ())


def test_a_change_that_is_no_change_does_not_load(document, write_study, tmp_path, town):
    document["releases"][0]["changes"] = "weekly"
    with pytest.raises(StudyError, match="changes"):
        load_study(write_study(tmp_path / "other", document))


def test_one_hash_whatever_the_seed_of_python():
    assert settling.program_hash() == settling.program_hash.__wrapped__()
    assert np.char.isalnum(settling.program_hash())
