"""The record of the panels with donors is of the code at hand, says what the page says, and its panels are what they claim to be."""

import json
from datetime import date

import numpy as np
import pytest

from gvi_eval.executor import Serial

from . import panels_report, panels_run, report
from .danish_file import donors_of_file, file_figures, national_of, scatter_of
from .fingerprint import reached_program
from .panels import (
    ABOVE,
    AS_IN_FILE,
    BELOW,
    BY_WORLD,
    CELLS,
    CLASSIC,
    COMMON,
    CORE,
    EFFECT,
    METHODS,
    NULL,
    POISSON,
    QUIETER,
    REASONS,
    SEASON,
    SIZES,
    START,
    TOWN,
    Cell,
    drawn,
    named,
    place,
    told,
    town,
    verdict,
)
from .panels_records import (
    FEW,
    FEWEST_ADMITTED,
    HARDLY,
    INFERENCE,
    PANELS,
    PANELS_COMMAND,
    band_of,
    code_of,
    first_of,
    is_current,
    key_of,
    summarised,
)
from .records import IN, OPEN, OUT, SAMPLE, read, share

ROWS = {key_of(row): row for row in read(PANELS)}
OUTSIDE = [cell for cell in CELLS if cell.method is CLASSIC and cell.position != "inside" and cell.effect == NULL]
# Placebos of a matrix completion take the penalty of the treated unit, so they are not shared between data sets of one number.
ALONE = [method for method in METHODS if method.own.get("variant") != "completion"]
SOME = [Cell(AS_IN_FILE, method, *where) for method in ALONE for where in (("inside", 20, NULL), ("below", 1, EFFECT))]


def by_name(cell: Cell) -> str:
    return f"{cell.method.label}, {cell.world.name}, {cell.place}"


# --- the record


def test_every_cell_is_recorded_and_nothing_else():
    assert len({cell.key for cell in CELLS}) == len(CELLS) == 9 * (2 * len(METHODS) + 2 + len(CORE))
    assert set(ROWS) == {cell.key for cell in CELLS}, f"the record and the cells differ; run `{PANELS_COMMAND}`"


def test_the_record_is_of_this_code_and_of_these_figures():
    stale = [cell.key for cell in CELLS if not is_current(ROWS[cell.key], cell)]
    assert not stale, (
        f"{len(stale)} cells were made by other code or on other figures; run `{PANELS_COMMAND}` (first: {stale[:3]})"
    )


def test_cells_have_enough_data_sets():
    assert all(int(ROWS[cell.key]["data_sets"]) >= cell.sets for cell in CELLS)


def test_the_verdicts_are_those_of_the_figures():
    assert all(ROWS[cell.key]["band"] == band_of(ROWS[cell.key], cell) for cell in CELLS)


@pytest.mark.parametrize("cell", SOME, ids=by_name)
def test_the_first_data_set_says_what_is_recorded_also_without_what_is_shared(cell):
    panel, estimator = cell.drawn(0), cell.method.made
    alone = verdict(estimator, panel, estimator.family(panel))
    recorded = json.loads(ROWS[cell.key]["first"])
    assert alone[:6] == pytest.approx(recorded[:6], rel=1e-4, abs=1e-5) and alone[6] == recorded[6]


def test_the_page_says_what_the_record_says():
    section = "".join(panels_report.section())
    assert section and section in report.PAGE.read_text(encoding="utf-8"), f"run `{PANELS_COMMAND}`"


def test_the_fingerprint_holds_placebos_and_admission():
    places = set(reached_program("did", more=INFERENCE))
    assert {"inference/placebo.py", "inference/admission.py", "estimators/did.py", "estimators/_comparison.py"} <= places
    assert "estimators/sdid.py" not in places
    assert len({code_of(method) for method in METHODS}) == len({method.estimator for method in METHODS})


# --- what the record shows


def test_what_is_admitted_leaves_no_band():
    assert not [cell.key for cell in CELLS if ROWS[cell.key]["band"] == OUT]


def test_most_of_what_is_admitted_inside_the_donors_is_in_band():
    cells = [cell for cell in CELLS if cell.effect == NULL and cell.position == "inside"]
    inside = [ROWS[cell.key]["band"] for cell in cells]
    assert OUT not in inside and inside.count(IN) > inside.count(OPEN)
    # The reference of a single year is so noisy in a small place that r, which expects Poisson noise, refuses half of them.
    assert {cell.method.estimator for cell in cells if ROWS[cell.key]["band"] == HARDLY} <= {"event_study"}


@pytest.mark.parametrize("cell", OUTSIDE, ids=by_name)
def test_the_classic_reads_its_distance_to_the_donors_as_an_effect_and_is_refused(cell):
    # A mixture of donors ends where they end: log 0.6 below the lowest, log 1.5 above the highest.
    row = ROWS[cell.key]
    assert float(row["all_median"]) == pytest.approx(np.log({"below": BELOW, "above": ABOVE}[cell.position]), abs=0.05)
    assert int(row["refused"]) >= 0.98 * int(row["data_sets"]) and row["band"] == HARDLY
    assert float(row["all_scaled_mc_lower"]) > 0.5


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.position == "inside" and cell.effect == NULL], ids=by_name)
def test_inside_the_donors_no_method_is_biased(cell):
    row = ROWS[cell.key]
    assert abs(float(row["all_mean"])) < 0.01 + 3 * float(row["all_mean_se"])


def test_an_intercept_on_rates_below_the_donors_rejects_too_often_and_is_refused_and_on_logs_neither():
    # What all share multiplies; an intercept adds. A unit below its donors takes on their larger movements.
    for world in (AS_IN_FILE, QUIETER):
        for size in SIZES:
            rates, logs = (ROWS[Cell(world, METHODS[place], "below", size, NULL).key] for place in (1, 2))
            assert float(rates["all_scaled"]) > float(logs["all_scaled"])
            assert int(rates["refused_level"]) >= 0.98 * int(rates["data_sets"]) and int(logs["refused_level"]) == 0
    assert float(ROWS[Cell(AS_IN_FILE, METHODS[1], "below", 20, NULL).key]["all_scaled_mc_lower"]) > 0.08


def test_the_raw_p_takes_a_small_place_for_an_outlier_and_the_scaled_p_less():
    for method in METHODS[2], METHODS[4], METHODS[6]:
        row = ROWS[Cell(QUIETER, method, "below", 1, NULL).key]
        assert float(row["raw_mc_lower"]) > 0.05 and float(row["scaled"]) < float(row["raw"])


def test_the_rmspe_ratio_is_confounded_with_size():
    small, large = (ROWS[Cell(POISSON, CLASSIC, "inside", size, NULL).key] for size in (1, 20))
    assert float(small["rmspe_mc_lower"]) < 0.05 and float(large["rmspe_mc_lower"]) > 0.5


def test_the_page_names_what_is_refused_for_nothing_and_let_through_with_a_bias():
    good, biased = Cell(AS_IN_FILE, METHODS[6], "inside", 1, NULL), Cell(QUIETER, METHODS[1], "below", 20, NULL)
    row = ROWS[good.key] | {"data_sets": "100", "refused": "40", "mean": "0.001", "mean_se": "0.01"}
    said = panels_report.sentences(
        [(good, row), (biased, ROWS[biased.key] | {"mean": "-0.09", "mean_se": "0.01", "refused": "0"})]
    )
    assert "inside 1× (40 % refused)" in said[-2] and said[-2].startswith("**Refused for nothing**")
    assert "below 20× (0 % refused, mean -0.09)" in said[-1] and said[-1].startswith("**Let through with a bias**")
    said = panels_report.sentences([(good, row | {"refused": "10"})])
    assert said[-1].startswith("**No bias is let through**") and not any("for nothing" in each for each in said)


# --- the simulation


def test_the_donors_are_those_of_the_file():
    donors = donors_of_file()
    assert len(donors) == 66 and not {"Denmark", "København", "Frederiksberg", "Tårnby", "Dragør"} & set(donors.index)
    assert donors.loc["Aabenraa", "count"] == file_figures()[0]["Aabenraa"].mean()
    panel = drawn(AS_IN_FILE, "inside", 5, NULL, 0)
    assert panel.values.shape == (40, 67) and panel.sole_treated == (TOWN, START) and (panel.periods < START).sum() == 26
    assert panel.exposure.iloc[0][TOWN] == 5 * donors["population"].median()
    assert panel.exposure.iloc[0]["Odense"] == pytest.approx(donors.loc["Odense", "population"])


def test_the_three_positions_by_rate():
    rates = donors_of_file()["count"] / donors_of_file()["population"]
    assert town("below", 1)[1] == BELOW * rates.min() and town("above", 1)[1] == ABOVE * rates.max()
    assert (rates < town("inside", 1)[1]).sum() == 33
    assert [town("inside", size)[0] / town("inside", 1)[0] for size in SIZES] == pytest.approx([1, 5, 20])


@pytest.mark.parametrize("world", BY_WORLD, ids=lambda world: world.name)
def test_units_have_the_mean_they_were_given(world):
    values = [drawn(world, "above", 5, NULL, number).values for number in range(60)]
    means = np.mean([each.mean() for each in values], axis=0)
    population, rate = town("above", 5)
    assert means[0] == pytest.approx(population * rate, rel=0.05)
    assert means[1:] / donors_of_file()["count"].to_numpy() == pytest.approx(np.ones(66), rel=0.12)
    assert (means[1:] / donors_of_file()["count"]).mean() == pytest.approx(1, rel=0.03)


def test_only_the_treated_unit_has_the_effect():
    panels = [drawn(POISSON, "inside", 20, EFFECT, number) for number in range(60)]
    after = panels[0].periods >= START
    counts = np.mean([panel.values.to_numpy() for panel in panels], axis=0)
    assert counts[after, 0].mean() / counts[~after, 0].mean() == pytest.approx(EFFECT, rel=0.02)
    assert counts[after, 1:].sum() / counts[~after, 1:].sum() == pytest.approx(14 / 26, rel=0.02)


def test_treated_units_of_a_data_set_stand_beside_the_same_donors_and_the_next_has_others():
    one, other = drawn(AS_IN_FILE, "inside", 1, NULL, 7), drawn(AS_IN_FILE, "above", 20, EFFECT, 7)
    assert one.values.drop(columns=TOWN).equals(other.values.drop(columns=TOWN))
    assert not one.values[TOWN].equals(other.values[TOWN])
    assert not one.values["Odense"].equals(drawn(AS_IN_FILE, "inside", 1, NULL, 8).values["Odense"])


def scatter_in(world) -> tuple[float, list[float]]:
    """Mean scatter of the donors over ten data sets."""
    _, population = file_figures()
    donors = [drawn(world, "inside", 1, NULL, number).values.drop(columns=TOWN).to_numpy() for number in range(10)]
    found = [scatter_of(counts, population.to_numpy()) for counts in donors]
    return np.mean([each.beyond_poisson for each in found]), np.mean([each.autocovariance for each in found], axis=0)


def test_donors_scatter_as_in_the_file():
    counts, population = file_figures()
    file = scatter_of(counts.to_numpy(), population.to_numpy())
    beyond, autocovariance = scatter_in(AS_IN_FILE)
    assert beyond == pytest.approx(file.beyond_poisson, rel=0.15)
    assert autocovariance == pytest.approx(file.autocovariance, rel=0.25)
    assert file.left_out == 9  # of 2,640
    assert scatter_in(QUIETER)[0] == pytest.approx(file.beyond_poisson / 3, rel=0.25)
    assert scatter_in(POISSON)[0] == pytest.approx(0, abs=0.002)


def test_all_donors_together_do_what_they_do_in_the_file():
    national = national_of(*file_figures())
    assert SEASON == pytest.approx(national.season, abs=0.001)
    assert (COMMON.sigma, COMMON.rho) == pytest.approx((national.sd, national.rho), abs=0.003)
    assert national.rho_of_steps < 0  # which a random walk would not have


# --- what a row says


def test_a_row_by_hand():
    # 100 data sets of no effect: 40 are refused by the fit, two of them by the hull as well, and 20 more cannot be estimated.
    # Of the 40 admitted 2 reject; too few to be told. Of all 80 told 8 reject by the scaled log ratio.
    cell = Cell(POISSON, CLASSIC, "inside", 1, NULL)
    found = [[0.1, -0.2, 0.4, 0.5, 0.04, 0.5, ""]] * 38 + [[0.5, 0.2, 0.8, 0.03, 0.5, 0.5, ""]] * 2
    refused = [[0.2, -0.1, 0.5, 0.5, 0.5, 0.01, "fit"]] * 34 + [[0.4, 0.1, 0.7, 0.05, 0.5, 0.5, "fit"]] * 4
    both = [[0.4, 0.1, 0.7, 0.05, 0.5, 0.5, "fit hull"]] * 2
    row = summarised(cell, [*found, *refused, *both, *[None] * 20], date(2026, 1, 2), "code")
    assert (row["data_sets"], row["refused"], row["refused_fit"], row["refused_hull"]) == ("100", "60", "40", "2")
    assert row["scaled"] == "" and row["band"] == HARDLY and 40 < FEWEST_ADMITTED
    assert [float(row[f"all_{name}"]) for name in ("scaled", "raw", "rmspe")] == pytest.approx([8 / 80, 38 / 80, 34 / 80])
    assert float(row["all_coverage"]) == pytest.approx(72 / 80)
    assert float(row["all_scaled_mc_upper"]) == pytest.approx(share(8, 80).upper, rel=1e-5)
    assert float(row["all_median"]) == pytest.approx(0.2)
    assert float(row["all_mean"]) == pytest.approx((38 * 0.1 + 2 * 0.5 + 34 * 0.2 + 6 * 0.4) / 80, rel=1e-5)
    assert row["first"] == first_of(found[0]) == '[0.1, -0.2, 0.4, 0.5, 0.04, 0.5, ""]'


def test_verdicts_by_hand():
    cell, calm = Cell(AS_IN_FILE, CLASSIC, "inside", 1, NULL), Cell(POISSON, CLASSIC, "inside", 1, NULL)
    row = {
        "scaled": "0.05",
        "scaled_mc_lower": "0.03",
        "scaled_mc_upper": "0.08",
        "coverage": "0.95",
        "coverage_mc_upper": "0.97",
    }
    row["coverage_mc_lower"] = "0.92"
    assert band_of(row, cell) == IN
    assert band_of(row | {"scaled": "0.09"}, cell) == OPEN
    assert band_of(row | {"scaled": "0.12", "scaled_mc_lower": "0.081"}, cell) == OUT
    assert band_of(row | {"coverage": "0.85", "coverage_mc_upper": "0.9"}, cell) == OUT
    assert band_of(row | {"scaled": "0", "scaled_mc_upper": "0.009"}, cell) == OUT
    assert band_of(row | {"scaled": "0", "scaled_mc_upper": "0.009"}, calm) == IN
    assert band_of(row | {"scaled": "", "refused": "60", "data_sets": "100"}, cell) == HARDLY
    assert band_of(row | {"scaled": "", "refused": "20", "data_sets": "60"}, cell) == FEW
    assert band_of(row, Cell(AS_IN_FILE, CLASSIC, "inside", 1, EFFECT)) == ""


def test_every_rule_of_admission_has_a_name():
    assert [named(f"Town: {words} and so on") for words in REASONS.values()] == list(REASONS)
    with pytest.raises(ValueError, match="REASONS does not name"):
        named("a rule that nobody knew")


def test_what_is_shared_changes_nothing():
    method = METHODS[1]
    found = told(POISSON, method, 3)
    for cell in (Cell(POISSON, method, "above", 5, NULL), Cell(POISSON, method, "inside", 20, NULL)):
        panel = cell.drawn(3)
        alone = verdict(method.made, panel, method.made.family(panel))
        assert found[cell.place][:6] == pytest.approx(alone[:6], rel=1e-9, abs=1e-12) and found[cell.place][6] == alone[6]


# --- the run


ASKED: list[int] = []


def made_up(inputs: tuple[str, str, int], seed: int) -> dict[str, list]:
    """A method that says the number of the data set."""
    world, _, number = inputs
    ASKED.append(number)
    own = next(each for each in BY_WORLD if each.name == world)
    return {
        place(position, size, effect): [number / 1000, -1.0, 1.0, 0.5, 0.5, 0.5, ""]
        for effect in own.effects
        for position in ("inside", "below", "above")
        for size in SIZES
    }


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(panels_run, "KEPT", tmp_path)
    monkeypatch.setattr(panels_run, "outcomes", made_up)
    return tmp_path


def test_a_run_goes_on_where_it_was(kept):
    few = panels_run.told_of(POISSON, CLASSIC, 20, Serial(), "code")
    ASKED.clear()
    more = panels_run.told_of(POISSON, CLASSIC, 30, Serial(), "code")
    assert ASKED == list(range(20, 30))
    assert {where: found[:20] for where, found in more.items()} == few
    assert more["inside, 5x, effect 1"][29][0] == 0.029


def test_new_code_that_says_the_same_confirms_rows_and_other_code_does_not(kept):
    rows = panels_run.simulated(POISSON, CLASSIC, 30, Serial())
    assert len(rows) == 9 and all(is_current(rows[cell.key], cell) for cell in CELLS if cell.key in rows)
    assert panels_run.confirmed(rows, POISSON, CLASSIC, Serial()) == {}  # nothing to confirm
    earlier = {key: {**row, "code": "earlier"} for key, row in rows.items()}
    again = panels_run.confirmed(earlier, POISSON, CLASSIC, Serial())
    assert set(again) == set(rows) and all(row["confirmed"] and row["data_sets"] == "30" for row in again.values())
    assert {key: {**row, "confirmed": ""} for key, row in again.items()} == rows
    one = next(iter(earlier))
    for change in ({"sample": "another"}, {"figures": "of another design"}, {"data_sets": str(SAMPLE - 1)}):
        assert panels_run.confirmed(earlier | {one: {**earlier[one], **change}}, POISSON, CLASSIC, Serial()) == {}
