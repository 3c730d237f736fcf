"""The calibration record is of the code at hand, and the defaults are in their bands. Reads what the simulations left."""

import pytest

from . import report
from .fingerprint import estimator_files, estimator_hash
from .nuts import CASES, laplace
from .records import (
    COMMAND,
    MOST_FALSE_ALARMS,
    NUTS,
    NUTS_COMMAND,
    SINGLE_SERIES,
    is_current,
    key_of,
    outside_band,
    read,
    share,
)
from .simulate import CELLS, SPANS

ROWS = {key_of(row): row for row in read(SINGLE_SERIES)}
SAMPLED = {(row["study"], row["model"]): row for row in read(NUTS) if row["parameter"] == "level"}
IN_FAMILY = [cell for cell in CELLS if cell.is_default and cell.in_family]
FALLING = [cell for cell in CELLS if cell.setting.change < 0 and cell.setting.design != "monthly" and cell.is_default]


def bias(cell) -> tuple[float, float]:
    """Bias of the log ratio and its Monte Carlo standard error."""
    row = ROWS[cell.key]
    return float(row["bias"]), float(row["bias_se"])


def test_every_cell_is_recorded_and_nothing_else():
    assert set(ROWS) == {cell.key for cell in CELLS}, f"the record and the cells differ; run `{COMMAND}`"


def test_the_record_is_of_this_code_and_of_these_figures():
    stale = [cell.key for cell in CELLS if not is_current(ROWS[cell.key], cell)]
    assert not stale, f"{len(stale)} cells were made by other code or on other figures; run `{COMMAND}` (first: {stale[:3]})"


def test_cells_have_enough_data_sets_and_the_default_answers_all_of_them():
    assert all(int(row["data_sets"]) >= 300 for row in ROWS.values())
    assert all(ROWS[cell.key]["refused"] == "0" for cell in CELLS if cell.is_default)


@pytest.mark.parametrize("cell", IN_FAMILY, ids=lambda cell: f"{cell.setting.name}, {cell.model}, effect {cell.effect:g}")
def test_the_default_stays_in_its_band(cell):
    assert outside_band(ROWS[cell.key], cell.setting.noise.rho) == []


@pytest.mark.parametrize("cell", [cell for cell in FALLING if cell.model == "level"], ids=lambda cell: cell.setting.name)
def test_level_alone_takes_a_falling_trend_for_an_effect(cell):
    # The reason why level and level + trend are a pair.
    found, error = bias(cell)
    assert found + 3 * error < -0.1
    with_trend = next(other for other in FALLING if other.setting == cell.setting and other.model == "level + trend")
    assert abs(bias(with_trend)[0]) < abs(found) / 2


def test_a_steeper_fall_fools_level_alone_more_often():
    for settings in SPANS.values():
        flat, ten, twenty = (ROWS["latent_counts", '{"trend":false}', setting.name, 1.0] for setting in settings[:3])
        assert float(flat["false_alarms"]) < float(ten["false_alarms"]) < float(twenty["false_alarms"])


def test_plain_poisson_rejects_a_true_null_far_too_often_where_counts_are_autocorrelated():
    for cell in CELLS:
        if "poisson" in cell.key[1] and cell.effect == 1 and cell.setting.noise.rho > 0:
            assert float(ROWS[cell.key]["mc_lower"]) > MOST_FALSE_ALARMS


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.key))
def test_the_approximation_agrees_with_sampling_and_is_still_the_one_that_was_compared(case):
    row = SAMPLED.get(case.key)
    assert row, f"{case.key} was never sampled; run `{NUTS_COMMAND}`"
    assert abs(float(row["difference"])) <= case.tolerance
    assert float(row["r_hat"]) <= 1.01 and float(row["min_ess"]) >= 400
    mean, sd = laplace(case)["level"]
    again = f"the fit has moved since it was compared; run `{NUTS_COMMAND}`"
    assert (mean, sd) == pytest.approx((float(row["laplace_mean"]), float(row["laplace_sd"])), abs=1e-6), again


def test_the_page_says_what_the_records_say():
    assert report.PAGE.read_text(encoding="utf-8") == report.text(), f"the page is of other records; run `{COMMAND}`"


def test_monte_carlo_intervals_by_hand():
    # None of 3: the upper end p has (1 - p)^3 = .005. All of 3 mirrors it.
    assert share(0, 3).upper == pytest.approx(1 - 0.005 ** (1 / 3))
    assert (share(0, 3).lower, share(3, 3).lower, share(3, 3).upper) == pytest.approx((0, 0.005 ** (1 / 3), 1))


def test_a_share_leaves_its_band_only_when_its_whole_interval_does():
    row = {"estimator": "e", "settings": "{}", "model": "level", "setting": "s", "effect": "1", "coverage": "0.9"}
    row |= {"false_alarms": "0.1", "mc_lower": "0.06", "mc_upper": "0.15", "coverage_mc_upper": "0.94"}
    assert outside_band(row, 0.5) == []
    assert len(outside_band(row | {"mc_lower": "0.081", "coverage_mc_upper": "0.909"}, 0.5)) == 2
    assert len(outside_band(row | {"mc_lower": "0", "mc_upper": "0.009"}, 0.5)) == 1
    assert outside_band(row | {"mc_lower": "0", "mc_upper": "0.009"}, 0.0) == []


@pytest.fixture
def package(tmp_path):
    """A package with one estimator that imports another module inside a function."""
    folder = tmp_path / "gvi_eval" / "estimators"
    folder.mkdir(parents=True)
    for name in ("effect.py", "panel.py", "study.py"):
        (folder.parent / name).write_text("A = 1\n")
    (folder / "one.py").write_text(
        "from gvi_eval.estimators import _two\n\n\ndef f():\n    from gvi_eval.estimators._three import g\n"
    )
    for name in ("_two", "_three", "four"):
        (folder / f"{name}.py").write_text("B = 2\n")
    return folder.parent


def test_the_fingerprint_follows_imports_and_ignores_words(package):
    assert {file.name for file in estimator_files("one", package)} == {"one.py", "_two.py", "_three.py"}
    before = estimator_hash.__wrapped__("one", package)

    def after(name: str, text: str) -> str:
        (package / name).write_text(text)
        return estimator_hash.__wrapped__("one", package)

    assert after("estimators/four.py", "B = 3\n") == before
    assert after("study.py", "A = 2\n") == before
    assert after("estimators/_two.py", '"""More words."""\nB  =  2  # two\n') == before
    assert after("estimators/_three.py", "B = 3\n") != before
    assert after("estimators/_three.py", "B = 2\n") == before
    assert after("panel.py", "A = 2\n") != before
