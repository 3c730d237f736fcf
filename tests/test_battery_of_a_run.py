"""A run puts every threat to its headline where the study asks for it, keeps what was simulated, and never says passed."""

import pandas as pd
import pytest

from gvi_eval import run as module
from gvi_eval.publish import publish
from gvi_eval.results import THREAT_COLUMNS, threats_table
from gvi_eval.run import run_study
from gvi_eval.sensitivity.threats import COULD_NOT, STATES
from gvi_eval.sensitivity.threats.battery import THREATS, battery, not_asked
from gvi_eval.sensitivity.threats.reading import Denominators, NullRead
from gvi_eval.sensitivity.threats.recording import RecordingChange

FEW = (RecordingChange(), NullRead(), Denominators())


@pytest.fixture
def file(document, write_study, tmp_path, monkeypatch):
    """A study that asks for threats, of which three are put to it here."""

    def few(case, known, **settings):
        return battery(case, known, threats=FEW, **settings)

    monkeypatch.setattr(module, "battery", few)
    document["threat_draws"] = 3
    return write_study(tmp_path / "town", document)


def test_every_threat_has_one_row_of_the_headline_and_the_states_are_counted_apart(file, tmp_path):
    from tests.test_summary import printed

    result = run_study(file)
    table = threats_table(result)
    assert list(table.columns) == THREAT_COLUMNS
    own = table[table["specification"] == result.headline.specification.name].head(len(FEW))
    assert own["id"].tolist() == [threat.id for threat in FEW]
    assert own["title"].tolist() == [threat.title for threat in FEW]
    assert set(table["state"]) <= set(STATES)
    counted = own["state"].value_counts()
    text = printed(result)
    said = ", ".join(f"{counted.get(state, 0)} {state}" for state in STATES)
    assert f"of {table[table['specification'] == result.headline.specification.name]['id'].nunique()} threats" in text
    assert said.split(", ")[2] in text
    assert "passed" not in text


def test_what_was_simulated_is_kept_beside_the_study_and_published(file, tmp_path, monkeypatch):
    first = run_study(file)
    record = file.parent / "detection.csv"
    kept = record.read_bytes()
    assert first.detections and {each.n for each in first.detections} == {3}

    def unasked(*_, **__):
        raise AssertionError("a detection that is known was simulated again")

    monkeypatch.setattr("gvi_eval.sensitivity.threats.battery.rates", unasked)
    again = run_study(file)
    assert again.detections == first.detections and again.threats == first.threats
    publish(again, tmp_path / "out" / "town")
    assert record.read_bytes() == kept == (tmp_path / "out" / "town" / "detection.csv").read_bytes()
    published = pd.read_csv(tmp_path / "out" / "town" / "threats.csv")
    assert published["id"].tolist()[: len(FEW)] == [threat.id for threat in FEW]


def test_a_study_that_does_not_ask_has_no_battery(document, write_study, tmp_path):
    result = run_study(write_study(tmp_path / "town", document))
    assert result.detections == ()
    assert {threat.id for threat in result.threats} <= {"T17", "T19"}
    assert not (tmp_path / "town" / "detection.csv").exists()


def test_a_headline_of_every_unit_is_asked_nothing_and_says_why():
    rows = not_asked("the headline takes several treated units at once")
    assert [row.id for row in rows] == [threat.id for threat in THREATS]
    assert {row.state for row in rows} == {COULD_NOT}
