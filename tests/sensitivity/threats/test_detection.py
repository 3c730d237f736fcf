"""The record of what threats would notice is read as it was written, and one that is not whole is said to be."""

import pytest

from gvi_eval.errors import DataError
from gvi_eval.sensitivity.threats.detection import RECORD, Detection, keep_detections, read_detections

ROWS = (Detection("T1", 0.88, 0.28, 100, "a" * 64), Detection("T20", 1.0, 0.0, 100, "b" * 64))


def test_a_record_is_read_as_it_was_written(tmp_path):
    keep_detections(tmp_path, ROWS)
    assert read_detections(tmp_path) == ROWS
    assert (tmp_path / RECORD).read_text().startswith("threat,detected,false_flags,n,key\n")
    assert [file.name for file in tmp_path.iterdir()] == [RECORD]


def test_without_a_record_there_is_none(tmp_path):
    assert read_detections(tmp_path) == ()


@pytest.mark.parametrize("text", ["threat,detected\nT1,0.5\n", "threat,detected,false_flags,n,key\nT1,much,0,100,a\n"])
def test_a_record_that_is_not_whole_names_the_way_out(tmp_path, text):
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(DataError, match="delete it"):
        read_detections(tmp_path)
