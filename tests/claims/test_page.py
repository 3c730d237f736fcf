"""The page of a claim, its row and its document: everything that a verdict must carry, and nothing twice."""

import json

import pytest
from planted_claims import claim, shots, year
from planted_results import grid, results, threats

from gvi_eval.claims.declared import Quantity
from gvi_eval.claims.page import claimed_words, document, page, row, table_sentence
from gvi_eval.claims.verdict import judge
from gvi_eval.writing import json_bytes

ROWS = (year(2013, 80), year(2014, 70), year(2015, 65), year(2016, 34))


@pytest.fixture
def verdict(shelf_of):
    saved = results({}, *grid(0.4, 0.9), threats=threats(T17="not flagged", T19="could not have flagged"))
    own = claim(shots(change_percent=-48), study="town", strength="causal", page="7")
    return judge(own, shelf_of(*ROWS, saved=saved))


def test_a_page_carries_what_a_verdict_must_carry(verdict):
    text = page(verdict, "A paper, 2020")
    for part in (
        "# T1: fewer shots",
        verdict.sentence,
        "| reproduced | R3 |",
        "these cut-offs are this project's own",
        "- source: A paper, 2020, page 7",
        "before: 65 in 365 days (2015): town.csv:4, paper",
        "| window | 2015 (as claimed) |",
        "**-48**",
        "| peak as baseline | not flagged |",
        "main (2016): 0.90 (0.40 to 2.00, 95 % posterior), p 0.500",
        "a ratio of 0.30 or further from 1; reviews expect 0.75",
        "T19, could not have flagged",
        "1 of 2 (the grid in effects.csv)",
        "Not run: tipping.csv, curve.csv, settle.csv.",
        "## What would change this verdict",
    ):
        assert part in text


def test_the_table_sentence_counts_by_hand(verdict):
    table = verdict.recomputed[0].table
    sentence = table_sentence(table)
    assert f"number {table.rank} of {len(table.defensible)}" in sentence
    assert f"{len(table.hits(range(-70, -19)))} of 51 from -20 to -70" in sentence


def test_a_claim_without_a_study_says_that_nothing_speaks_about_cause(shelf_of):
    text = page(judge(claim(shots(change_percent=-48)), shelf_of(*ROWS)), "paper")
    assert "nothing here speaks about cause" in text


def test_a_row_and_a_document_say_the_same(verdict):
    own, full = row(verdict), document(verdict)
    assert own["id"] == "T1" and {key: full[key] for key in own} == own
    written = json.loads(json_bytes(full))
    assert written["axes"]["design"]["level"] == written["design"] == "2"
    assert [cell["claimed"] for cell in written["quantities"][0]["cells"]].count(True) == 1
    assert written["quantities"][0]["exact"]["kind"] == "exact" and written["evidence"]["curve"]["given"] == 2


def test_what_is_claimed_is_said_in_its_own_digits():
    assert claimed_words(Quantity(outcome="deaths", before=13, after=2)) == "deaths, 13 to 2"
    assert claimed_words(Quantity(measure="shots", word="about", change_percent=-52.1)) == "shots, about -52.1 %"
    assert (
        claimed_words(Quantity(value=4.6, value_unit="per month", by_year={"2016": 61}))
        == "no outcome is named, 4.6 per month, 2016: 61"
    )
