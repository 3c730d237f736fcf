"""What a design could have told is simulated once: read for the same figures, simulated anew for others."""

import pytest

from gvi_eval.errors import DataError
from gvi_eval.estimators import make_estimator
from gvi_eval.sensitivity import power_record
from gvi_eval.sensitivity.power import power_table
from gvi_eval.sensitivity.power_record import kept_power

PLAIN = make_estimator("segmented", {"family": "poisson", "covariance": "model", "season": "none", "trend": False})


@pytest.fixture
def panel(make_panel):
    return make_panel({"Town": [9, 7, 8, 10, 6, 9, 8, 7, 11, 9, 5, 8, 7, 6, 8, 5]}, 10)


def test_what_is_read_is_what_was_simulated(panel, tmp_path, monkeypatch):
    simulated = power_table(PLAIN, panel, seed=3, simulated=6)
    assert kept_power(tmp_path, PLAIN, panel, 3, 6) == simulated
    monkeypatch.setattr(power_record, "power_table", None)  # a call would fail
    assert kept_power(tmp_path, PLAIN, panel, 3, 6) == simulated


def test_other_figures_and_another_seed_are_simulated_and_take_the_place_of_the_former(panel, tmp_path):
    first = kept_power(tmp_path, PLAIN, panel, 3, 6)
    file = next((tmp_path / "power").iterdir())
    assert kept_power(tmp_path, PLAIN, panel, 4, 6) != first
    (other,) = (tmp_path / "power").iterdir()
    assert other.name != file.name
    fewer = panel.until(panel.periods[-2].end_time.date())
    kept_power(tmp_path, PLAIN, fewer, 4, 6)
    assert [each.name for each in (tmp_path / "power").iterdir()] != [other.name]


def test_anew_simulates_although_a_record_is_there(panel, tmp_path):
    rows = kept_power(tmp_path, PLAIN, panel, 3, 6)
    (file,) = (tmp_path / "power").iterdir()
    file.write_text(file.read_text(encoding="utf-8").replace('"refused": 0', '"refused": 1'), encoding="utf-8")
    assert kept_power(tmp_path, PLAIN, panel, 3, 6) != rows
    assert kept_power(tmp_path, PLAIN, panel, 3, 6, anew=True) == rows


def test_a_damaged_record_is_named(panel, tmp_path):
    kept_power(tmp_path, PLAIN, panel, 3, 6)
    (file,) = (tmp_path / "power").iterdir()
    file.write_text('[{"noise": {}}]', encoding="utf-8")
    with pytest.raises(DataError, match="is no record of power .*delete it, and the next run makes it anew"):
        kept_power(tmp_path, PLAIN, panel, 3, 6)
