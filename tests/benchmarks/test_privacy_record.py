"""What is on record about the scan for persons holds, and a small sample of it comes out the same."""

import csv

import pytest

from tests.benchmarks.privacy_scan import EACH, MADE, RECORD, measured


@pytest.fixture(scope="module")
def record():
    with RECORD.open(encoding="utf-8", newline="") as stream:
        return {row["kind"]: row for row in csv.DictReader(stream)}


def test_the_record_is_of_these_kinds_and_a_million_numbers(record):
    assert set(record) == set(MADE) and sum(int(row["tried"]) for row in record.values()) >= 1_000_000
    assert all(int(row["tried"]) == EACH for row in record.values())


def test_every_valid_number_is_found_and_no_figure_of_a_public_table(record):
    for kind, row in record.items():
        if row["should_be_found"] == "True":
            assert row["found"] == row["tried"], kind
        else:
            assert float(row["share"]) < 0.013, kind
    assert record["counts and populations, 1 to 8 digits"]["found"] == record["rates, decimals"]["found"] == "0"


def test_a_sample_comes_out_as_on_record(record):
    for kind, should, tried, found, _ in measured(each=400):
        share = float(record[kind]["share"])
        assert found == tried if should else found <= tried * share + 6 * max(tried * share, 1) ** 0.5, kind
