"""Raters: each file is kept apart, agreement is told with its n, and an empty answer is none."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitored import toml

from gvi_eval.checklists.items import checklists
from gvi_eval.checklists.raters import agreements, blank, cohens_kappa, read_raters
from gvi_eval.errors import StudyError


@pytest.fixture
def write(tmp_path):
    """Writes a rater's file and returns the folder of the study."""

    def rater(name: str, answers: dict[str, str], file: str | None = None):
        folder = tmp_path / "appraisal"
        folder.mkdir(exist_ok=True)
        given = {item: {"answer": answer, "because": "so"} for item, answer in answers.items()}
        (folder / f"{file or name}.toml").write_text(f"rater = {toml(name)}\nanswers = {toml(given)}\n")
        return tmp_path

    return rater


def test_two_raters_are_read_apart(write):
    write("A", {"ROBINS-1": "serious", "ROBINS-2": ""})
    one, other = read_raters(write("B", {"ROBINS-1": "critical"}))
    assert (one.name, other.name) == ("A", "B")
    assert one.answers["ROBINS-1"].answer == "serious" and other.answers["ROBINS-1"].answer == "critical"
    assert "ROBINS-2" not in one.answers and one.file == "appraisal/A.toml" and len(one.sha256) == 64


def test_without_a_file_there_is_no_rater(tmp_path):
    assert read_raters(tmp_path) == ()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"ROBINS-1": "yes"}, "ROBINS-1 is 'yes'; choose one of low, moderate, serious"),
        ({"ROBIN-1": "low"}, r"answers 'ROBIN-1', which no checklist has \(did you mean 'ROBINS-1'\?\)"),
    ],
)
def test_an_answer_that_no_item_takes_is_refused(write, answers, message):
    with pytest.raises(StudyError, match=message):
        read_raters(write("A", answers))


def test_one_rater_has_one_file(write):
    write("A", {})
    with pytest.raises(StudyError, match="two files in appraisal/ are of the rater 'A'"):
        read_raters(write("A", {}, file="again"))


def test_kappa_by_hand():
    # 20 of 25 + 15 of 25 as in any textbook: p_o = 35/50, p_e = .5 · .6 + .5 · .4 = .5, kappa = .2/.5
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([], None),
        ([("low", "low")] * 7, None),
        ([("low", "high"), ("high", "low")], -1.0),
        ([("a", "a"), ("b", "b"), ("c", "c")], 1.0),
    ],
)
def test_kappa_at_its_ends(pairs, kappa):
    assert cohens_kappa(pairs) == (kappa if kappa is None else pytest.approx(kappa))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=20))
def test_kappa_does_not_hang_on_order_names_or_which_rater_is_first(pairs):
    kappa = cohens_kappa(pairs)
    renamed = {"a": "x", "b": "a", "c": "b"}
    for other in (pairs[::-1], [(b, a) for a, b in pairs], [(renamed[a], renamed[b]) for a, b in pairs]):
        again = cohens_kappa(other)
        assert again is None if kappa is None else again == pytest.approx(kappa)
    assert kappa is None or -1 - 1e-9 <= kappa <= 1 + 1e-9


def test_agreement_is_told_per_list_with_its_n_and_where_it_ends(write):
    write("A", {"ROBINS-1": "serious", "ROBINS-2": "low", "ROBINS-3": "low", "EMMIE-M1": "covered"})
    (found,) = agreements(read_raters(write("B", {"ROBINS-1": "critical", "ROBINS-2": "low", "ROBINS-4": "low"})))
    assert (found.checklist, found.items, found.same, found.differ) == ("robins_i", 2, 1, ("ROBINS-1",))
    # p_o = 1/2; A: serious, low; B: critical, low; p_e = 1/4; kappa = 1/3
    assert found.kappa == pytest.approx(1 / 3) and found.note is None


def test_agreement_that_chance_would_give_as_well_is_no_number(write):
    write("A", {"ROBINS-1": "low", "ROBINS-2": "low"})
    (found,) = agreements(read_raters(write("B", {"ROBINS-1": "low", "ROBINS-2": "low"})))
    assert found.kappa is None and found.same == 2 and "chance" in found.note


def test_three_raters_make_three_pairs(write):
    for name in "ABC":
        folder = write(name, {"ROBINS-1": "low"})
    assert [each.raters for each in agreements(read_raters(folder))] == [("A", "B"), ("A", "C"), ("B", "C")]


def test_an_empty_file_names_every_item_and_answers_none(tmp_path):
    text = blank()
    document = tomllib.loads(text)
    every = [item.id for each in checklists() for item in each.items]
    assert list(document["answers"]) == every
    assert all(given == {"answer": "", "because": ""} for given in document["answers"].values())
    assert list(tomllib.loads(blank(["ROBINS-3"]))["answers"]) == ["ROBINS-3"]
    (tmp_path / "appraisal").mkdir()
    (tmp_path / "appraisal" / "a.toml").write_text(text.replace('rater = ""', 'rater = "A"'))
    assert read_raters(tmp_path)[0].answers == {}
