"""What is seen of a file block by block is what holds of the whole of it."""

import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gvi_eval import screening
from gvi_eval.privacy import CANDIDATE, WITHOUT_ZERO
from gvi_eval.screening import blocks, glance

PIECES = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b",",
        "å".encode(),
        b"\xe5",
        b"010162",
        b"0000",
        b"-",
        "\u2010".encode(),
        b" ",
        b"7",
        b"123456789",
    ]
)
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FILES
@given(st.lists(PIECES, max_size=12).map(b"".join), st.integers(1, 9))
@example(b"a\r\nb\rc\n", 2)
@example(b"010162\xe2\x80\x900000\n", 4)
def test_by_block_and_as_a_whole(tmp_path, monkeypatch, data, size):
    file = tmp_path / "a.csv"
    file.write_bytes(data)
    monkeypatch.setattr(screening, "BLOCK", size)
    assert b"".join(blocks(file)) == data and all(block.endswith(b"\n") for block in list(blocks(file))[:-1])
    seen = glance(file)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    assert seen.is_plain is (text is not None and b"\0" not in data)
    if seen.is_plain:
        assert seen.has_lone_return is bool(re.search("\r(?!\n)", text))
        assert seen.has_digits or not (CANDIDATE.search(text) or WITHOUT_ZERO.search(text))


def test_figures_and_days_are_no_reason_to_look_further(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("unit,day,people\nMalmö,2017-01-01,328494\nLund,2017-12-31,12345\n", encoding="utf-8")
    assert glance(file).has_digits is False
    file.write_text("unit,phone\nMalmö,0401234567\n", encoding="utf-8")
    assert glance(file).has_digits is True
