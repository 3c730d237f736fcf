"""Files that declare what is done: read as they are, held to their schema, refused with place, value and way out."""

import pytest

from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError


def read(tmp_path, text: str | bytes, kind: str = "synthesis"):
    file = tmp_path / "declared.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_declared(file, kind)


WHOLE = 'name = "a"\ntitle = "b"\nquestion = "c"\nlimits = ["d"]\n'


def test_dates_become_text_wherever_they_stand(tmp_path, document, write_study):
    file = write_study(tmp_path / "town", document)
    read_back = read_declared(file, "study")
    assert read_back["name"] == document["name"]
    assert read_back["baseline"]["start"] == str(document["baseline"]["start"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'name = "\xff"', "not UTF-8 .byte 8.; save it as UTF-8"),
        ("name = ", "not valid TOML: .* correct that line"),
        ('title = "b"\nquestion = "c"\nlimits = ["d"]', "the top level lacks 'name'; add it"),
        (WHOLE.replace("title =", "titel ="), r"unknown key 'titel' \(did you mean 'title'\?\)"),
        (WHOLE.replace('"c"', "3"), "question is 3; expected: "),
        (WHOLE.replace('"c"', "nan"), "question is nan; write a number that was published"),
        (WHOLE.replace('"c"', "9" * 5000), "declared.toml is not valid TOML: .*digits"),
        (WHOLE.replace('"c"', "9223372036854775808"), "question is a whole number of more than 63 bits"),
        (WHOLE.replace('"d"', r'"d\u0007"'), r"limits\[0\] holds the control character U\+0007"),
        (WHOLE.replace('"c"', '" "'), "question is blank"),
        ("a = " + "[" * 60 + "]" * 60, "nests lists or tables too deeply"),
        ("a = " + "[" * 20000 + "]" * 20000, "nests lists or tables too deeply"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_the_way_out(tmp_path, text, words):
    with pytest.raises(StudyError, match=words):
        read(tmp_path, text)


def test_every_fault_is_said_at_once(tmp_path):
    with pytest.raises(StudyError) as fault:
        read(tmp_path, 'name = 1\ntitle = 2\nquestion = "c"\nlimits = ["d"]')
    assert str(fault.value).count("declared.toml: ") == 2


def test_a_file_that_is_not_there_is_no_traceback(tmp_path):
    with pytest.raises(StudyError, match="there is no synthesis file"):
        read_declared(tmp_path / "nothing.toml", "synthesis")


def test_a_decimal_comma_is_named_with_its_line_and_the_number_as_it_should_be(tmp_path):
    with pytest.raises(StudyError, match=r"line 5 writes -45,5, and TOML takes a decimal point: -45\.5"):
        read(tmp_path, WHOLE + "share = -45,5  # from the press note\n")
    with pytest.raises(StudyError) as said:
        read(tmp_path, WHOLE + 'words = "45,5"\nlist = [1,2]\nname = = 3\n')
    assert "decimal point" not in str(said.value)
