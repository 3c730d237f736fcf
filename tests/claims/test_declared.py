"""Claim files: read against their schema, found by id, file, folder or all, and nothing filled in."""

import json

import pandas as pd
import pytest

from gvi_eval.claims.declared import CLAIMS, Claim, Quantity, Span, find_claims, load_claim, words
from gvi_eval.claims.kinds import KINDS
from gvi_eval.errors import StudyError
from gvi_eval.resources import CHECKOUT, resource

GOOD = 'id = "X1"\ntype = "ranking"\nparaphrase = "a record"\nsource = "paper"\n'


def written(tmp_path, text, name="X1.toml"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_not_given_stays_absent(tmp_path):
    claim = load_claim(written(tmp_path, GOOD + '[[quantities]]\nbaseline = { words = "before" }\n'))
    quantity = claim.quantities[0]
    assert (claim.strength, claim.page, claim.place, quantity.word, quantity.change_percent) == (None,) * 5
    assert quantity.baseline == Span(None, None, "before")


def test_an_unknown_key_and_a_wrong_type_are_both_named(tmp_path):
    with pytest.raises(StudyError, match="unknown key 'strenght'.*did you mean 'strength'") as fault:
        load_claim(written(tmp_path, GOOD.replace("ranking", "rank") + 'strenght = "none"\n'))
    assert "type is 'rank'" in str(fault.value)


def test_a_file_is_named_after_its_claim(tmp_path):
    with pytest.raises(StudyError, match="name the file X1.toml"):
        load_claim(written(tmp_path, GOOD, "other.toml"))


def test_a_claim_is_found_by_id_file_folder_and_all(tmp_path):
    file = written(tmp_path, GOOD)
    assert find_claims(str(file)) == find_claims(str(tmp_path)) == [file]
    assert find_claims("SE01") == [CLAIMS / "SE01.toml"]
    assert len(find_claims("all")) == len(list(CLAIMS.glob("*.toml")))
    with pytest.raises(StudyError, match="no claim 'SE99'; known are SE01"):
        find_claims("SE99")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="no claim in"):
        find_claims(str(tmp_path / "empty"))


def test_every_row_of_the_table_of_claims_is_a_file_that_says_the_same():
    rows = pd.read_csv(CHECKOUT / "analyses/data/compiled_claims/claims.csv", dtype=str, keep_default_na=False)
    claims = {claim.id: claim for claim in map(load_claim, find_claims("all"))}
    assert set(claims) == set(rows["id"])
    for row in rows.to_dict("records"):
        own = claims[row["id"]]
        assert (own.paraphrase, own.source, own.claimant or "") == (row["paraphrase"], row["source"], row["claimant"])


def test_every_source_of_a_claim_is_recorded():
    sources = set(pd.read_csv(CHECKOUT / "analyses/data/sources.csv")["id"])
    assert [claim.id for claim in map(load_claim, find_claims("all")) if claim.source not in sources] == []


def test_the_table_of_fifteen_is_the_list_in_the_schema():
    schema = json.loads(resource("data_schemas/claim.schema.json").read_text(encoding="utf-8"))
    assert list(KINDS) == schema["properties"]["type"]["enum"] and len(KINDS) == 15
    fields = {*Quantity.__dataclass_fields__, *Claim.__dataclass_fields__, "definition", "size", "level"}
    assert {need for kind in KINDS.values() for need in kind.needs} <= fields


def test_the_ranges_of_words_are_those_that_were_fixed():
    assert (words()["halved"]["low"], words()["halved"]["high"]) == (-55, -45)
    assert (words()["almost halved"]["low"], words()["almost halved"]["high"]) == (-50, -40)
    assert words()["about"]["points"] == 5 and words()["over"]["one_sided"]


@pytest.mark.parametrize(
    ("given", "percent"),
    [
        ({"change_percent": -45}, -45),
        ({"before": 40, "after": 8}, -80),
        ({"word": "halved"}, -50),
        ({"word": "fewer"}, None),
        ({"before": 0, "after": 8}, None),
        ({}, None),
    ],
)
def test_the_claimed_change_in_percent(given, percent):
    assert Quantity(**given).claimed_percent == percent


def test_readers():
    base = {"id": "X", "type": "trend", "paraphrase": "p", "source": "s"}
    assert "no reader is named" in Claim(**base).read_by
    assert Claim(**base, entered_by="A").read_by == "read by one person (A)"
    assert "A, read second by B" in Claim(**base, entered_by="A", read_second_by="B").read_by


@pytest.mark.parametrize("text", ["-45 %", "-45,5"])
def test_a_percentage_in_quotation_marks_is_told_how_to_write_it(tmp_path, text):
    file = tmp_path / "T1.toml"
    head = 'id = "T1"\ntype = "relative_change"\nparaphrase = "p"\nsource = "s"\n'
    file.write_text(f'{head}[[quantities]]\nchange_percent = "{text}"\n', encoding="utf-8")
    with pytest.raises(StudyError, match="without quotation marks, % or decimal comma"):
        load_claim(file)
