"""No published total gives a suppressed count back: by hand, and against a reader who tries every table there could be."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.disclosure import MARK, PROFILES, could_be, profile_named, protect, refuse_small
from gvi_eval.errors import DataError, DisclosureError, StudyError

DK = PROFILES["dk_micro"]
TABLES = st.integers(1, 3).flatmap(
    lambda columns: st.lists(st.lists(st.integers(0, 5), min_size=columns, max_size=columns), min_size=1, max_size=3)
)


def table(rows):
    return pd.DataFrame(
        rows, index=[f"r{row}" for row in range(len(rows))], columns=[f"c{place}" for place in range(len(rows[0]))]
    )


def consistent(shown: pd.DataFrame, most: int) -> dict[tuple[int, int], set[int]]:
    """Every value that each suppressed entry could have: all tables are tried whose totals agree with what is shown."""
    text = shown.to_numpy()
    rows, columns = text.shape[0] - 1, text.shape[1] - 1
    hidden = [place for place in product(range(rows), range(columns)) if text[place] == MARK]
    assert len(hidden) <= 6, "more cannot be tried one by one"
    known = np.array([[0 if cell == MARK else int(cell) for cell in line] for line in text])
    guesses = np.array(list(product(range(1, most + 1), repeat=len(hidden))), dtype=int).reshape(
        most ** len(hidden), len(hidden)
    )
    whole = np.tile(known, (max(len(guesses), 1), 1, 1))
    for number, (row, column) in enumerate(hidden):
        whole[:, row, column] = guesses[:, number]
    whole[:, -1, :-1] = whole[:, :-1, :-1].sum(axis=1)
    whole[:, :, -1] = whole[:, :, :-1].sum(axis=2)
    whole = whole[np.where(text == MARK, True, whole == known).all(axis=(1, 2))]
    places = [place for place in product(*map(range, text.shape)) if text[place] == MARK]
    return {place: set(whole[:, *place].tolist()) for place in places}


def test_by_hand():
    # 1 is too small; 4 beside it and 5 below it are the smallest that hide it, and 6 closes the square.
    made = protect(table([[1, 4, 20], [5, 6, 30], [9, 8, 40]]), DK)
    assert made.shown.to_numpy().tolist() == [
        ["..", "..", "20", "25"],
        ["..", "..", "30", "41"],
        ["9", "8", "40", "57"],
        ["15", "18", "90", "123"],
    ]
    assert (made.primary, made.secondary) == (1, 3)


def test_two_ones_in_a_row_are_not_safe_because_each_is_at_least_one():
    made = protect(table([[1, 1, 6], [4, 5, 7]]), DK)
    assert (made.shown.loc["r0"] == MARK).sum() > 2
    assert all(len(values) > 1 for values in consistent(made.shown, 9).values())


def test_zeros_are_shown_and_nothing_is_hidden_where_nothing_is_small():
    made = protect(table([[0, 4], [5, 0]]), DK)
    assert made.shown.to_numpy().tolist() == [["0", "4", "4"], ["5", "0", "5"], ["5", "4", "9"]] and made.secondary == 0


@settings(max_examples=20)
@given(TABLES)
def test_nobody_who_knows_all_that_is_published_can_work_a_suppressed_count_out(rows):
    try:
        made = protect(table(rows), DK)
    except DataError as fault:
        assert "nothing of this table can be published" in str(fault)
        return
    inner = made.shown.to_numpy()[:-1, :-1]
    for (row, column), text in np.ndenumerate(inner):
        assert text == MARK if 0 < rows[row][column] < 3 else text in (MARK, str(rows[row][column]))
        assert rows[row][column] or text == "0"
    if (inner == MARK).sum() <= 6:  # more cannot be tried one by one
        assert all(len(values) > 1 for values in consistent(made.shown, 9).values())


@settings(max_examples=20)
@given(TABLES, st.data())
def test_how_far_an_entry_could_be_is_what_trying_every_table_says(rows, data):
    frame = protect(table(rows), PROFILES["public_official"]).shown.astype(int)
    numbers = frame.to_numpy()
    places = [place for place in product(range(len(rows)), range(len(rows[0]))) if numbers[place] > 0]
    chosen = data.draw(st.lists(st.sampled_from(places), max_size=3, unique=True)) if places else []
    hidden = np.zeros(numbers.shape, dtype=bool)
    for place in chosen:
        hidden[place] = True
    shown = frame.astype(str).mask(pd.DataFrame(hidden, frame.index, frame.columns), MARK)
    spread = could_be(numbers, hidden)
    for place, values in consistent(shown, 15).items():
        assert spread[place] == pytest.approx(max(values) - min(values))


@settings(max_examples=20)
@given(TABLES)
def test_what_is_shown_is_rounded_and_never_a_small_count(rows):
    profile = PROFILES["uk_tre"]
    try:
        shown = protect(table(rows), profile).shown.to_numpy().ravel()
    except DataError:
        return
    assert all(text == MARK or (int(text) % 5 == 0 and (int(text) == 0 or int(text) >= 10)) for text in shown)


@pytest.mark.parametrize("values", [[[1.5]], [[-1]], [[np.nan]], [[]]])
def test_what_is_no_count_is_refused(values):
    with pytest.raises(DataError, match="whole numbers of 0 or more"):
        protect(pd.DataFrame(values), DK)


def test_profiles_by_name():
    assert profile_named("dk_micro").threshold == 3 and profile_named("se_restricted", 5).threshold == 5
    with pytest.raises(StudyError, match="there is no disclosure profile 'dk'"):
        profile_named("dk")
    with pytest.raises(StudyError, match="give the one you were granted"):
        profile_named("se_restricted")
    with pytest.raises(StudyError, match="only that of se_restricted"):
        profile_named("dk_micro", 5)


def test_an_output_with_a_small_count_is_blocked_without_repeating_it():
    with pytest.raises(DisclosureError, match=r"panel.csv would show 1 counts below 3, .*use longer periods"):
        refuse_small(pd.DataFrame([[0.0, 2.0], [np.nan, 3.0]]), DK, "panel.csv")
    refuse_small(pd.DataFrame([[0.0, 3.0]]), DK, "panel.csv")
    refuse_small(pd.DataFrame([[1.0]]), PROFILES["public_official"], "panel.csv")


def test_a_source_with_a_profile_blocks_the_report_and_leaves_the_old_one(write_study, tmp_path, plain_figures):
    from click.testing import CliRunner

    from gvi_eval.cli import main

    study = write_study(tmp_path / "town")
    out = tmp_path / "out"
    ask = ["run", str(study), "--out", str(out), "--quiet"]
    assert CliRunner().invoke(main, ask).exit_code == 0
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    record = next(study.parent.rglob("counts.origin.toml"))
    record.write_text(record.read_text(encoding="utf-8") + 'profile = "se_restricted"\nthreshold = 50\n', encoding="utf-8")
    done = CliRunner().invoke(main, ask)
    assert done.exit_code == 5 and "below 50" in done.stderr
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before


def test_the_verb_prints_a_protected_table(write_study, tmp_path):
    from click.testing import CliRunner

    from gvi_eval.cli import main

    study = write_study(tmp_path / "town")
    file = next(study.parent.rglob("counts.csv"))
    ask = ["protect", str(file), "--profile", "dk_micro", "--measure", "shootings"]
    done = CliRunner().invoke(main, ask)
    assert done.exit_code == 0, done.output
    header, east, west, total = done.stdout.splitlines()
    assert header.startswith("unit,2010-01-01,2010-04-01") and east.startswith("East,..") and west.startswith("West,..")
    assert total.startswith("total,19") and "suppressed as too small" in done.stderr
    assert CliRunner().invoke(main, ask[:-2]).exit_code == 3
