"""Whatever stands in a claim file, an audit ends in a verdict, or in an error that names the file, the place and the way out."""

import io
import json
import tomllib
from pathlib import Path

import pytest
from damaged_files import damaged, toml_text
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from planted_claims import claim, days, shots, year
from rich.console import Console

from gvi_eval.claims.audit import audit, write_audit
from gvi_eval.claims.declared import CLAIMS, load_claim
from gvi_eval.claims.recompute import recompute
from gvi_eval.claims.terminal import overview
from gvi_eval.claims.verdict import LEVELS, judge
from gvi_eval.errors import StudyError
from gvi_eval.resources import resource

SCHEMA = json.loads(resource("data_schemas/claim.schema.json").read_text(encoding="utf-8"))
FILES = sorted(CLAIMS.glob("*.toml"))
DOCUMENTS = [tomllib.loads(file.read_text(encoding="utf-8")) for file in FILES]
BY_ID = {document["id"]: document for document in DOCUMENTS}
THOROUGH = settings.default.max_examples >= 400
# A claim is judged in some 20 ms, so that the thorough profile may try ten times as many as it does elsewhere.
MANY = settings(
    max_examples=4000 if THOROUGH else settings.default.max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def judged(file: Path, shelf, out: Path) -> str | None:
    """The level of the claim in a file, every page written and every line printed; None where the file was refused by name."""
    try:
        [verdict] = audit([file], shelf)
    except StudyError as fault:
        assert str(fault).startswith(file.name) and len(str(fault)) > len(file.name) + 10
        return None
    write_audit([verdict], out, shelf)
    Console(file=io.StringIO(), width=90).print(overview([verdict], 90))
    assert verdict.reproduced.level in LEVELS and verdict.sentence and verdict.findings
    assert (out / f"{verdict.claim.id}.md").read_text(encoding="utf-8").startswith(f"# {verdict.claim.id}: ")
    return verdict.reproduced.level


@MANY
@given(damaged(DOCUMENTS, SCHEMA))
@example(BY_ID["SE01"] | {"paraphrase": "closed [/] twice", "claimant": "[bold]"})
def test_a_damaged_claim_is_judged_or_named(tmp_path, real, document):
    name = document.get("id")
    known = isinstance(name, str) and name.isascii() and name.replace("-", "").isalnum() and len(name) < 100
    file = tmp_path / f"{name if known else 'claim'}.toml"
    file.write_text(toml_text(document), encoding="utf-8")
    judged(file, real, tmp_path / "out")


@MANY
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 20), st.binary(max_size=5)), min_size=1, max_size=3),
)
def test_a_claim_file_with_broken_bytes_is_judged_or_named(tmp_path, real, source, splices):
    content = source.read_bytes()
    for place, length, piece in splices:
        place %= len(content) + 1
        content = content[:place] + piece + content[place + length :]
    file = tmp_path / source.name
    file.write_bytes(content)
    judged(file, real, tmp_path / "out")


def test_the_damage_leaves_claims_of_every_level_and_refuses_others(tmp_path, real):
    """What is tried above is neither always refused nor always judged."""
    seen = set()

    @settings(max_examples=60, database=None, derandomize=True, deadline=None)
    @given(damaged(DOCUMENTS, SCHEMA, most=1))
    def tried(document):
        file = tmp_path / f"{document.get('id')}.toml" if document.get("id") in BY_ID else tmp_path / "claim.toml"
        file.write_text(toml_text(document), encoding="utf-8")
        try:
            seen.add(judge(load_claim(file), real).reproduced.level)
        except StudyError:
            seen.add("refused")

    tried()
    assert {"refused", "RX", "R3"} <= seen


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"before": float("nan")}, r"quantities\[0\].before is nan; write a number that was published"),
        ({"change_percent": float("-inf")}, r"quantities\[0\].change_percent is -inf"),
        ({"value": 10**400}, r"quantities\[0\].value is a whole number of more than 63 bits"),
        ({"by_year": {"2017-1": 3}}, r"quantities\[0\].by_year is \"2017-1\"; expected: a year from 1800 to 2099"),
        ({"years_in_scope": 10**15}, "how many years, 2 to 200"),
        ({"tables": ["../../../etc/passwd"]}, "a table in analyses/data"),
        ({"baseline": {"start": "0001-01-01"}}, "a day from 1800 to 2099"),
    ],
)
def test_what_no_claim_may_hold_is_refused_with_its_place(tmp_path, changes, said):
    document = {"id": "X1", "type": "ranking", "paraphrase": "a record", "source": "paper", "quantities": [changes]}
    file = tmp_path / "X1.toml"
    file.write_text(toml_text(document), encoding="utf-8")
    with pytest.raises(StudyError, match=said):
        load_claim(file)


ROWS = (year(2015, 65), ("2016-01-01", "2016-06-30", 10), year(2016, 40))
SURVEY = {"measure": None, "tables": (), "respondents": 500, "question": "Are you safe?"}
OPEN = {"baseline": days("2015-01-01", None), "window": days(None, "2016-12-31"), "change_percent": -37.0}


@pytest.mark.parametrize(
    ("kind", "given_", "level", "said"),
    [
        ("safety_perception", SURVEY | {"before": 448, "after": 308}, "R0", "none is above 100 %"),
        ("safety_perception", SURVEY | {"before": 5, "after": 5}, "R3", "nothing is there to tell apart"),
        ("relative_change", OPEN | {"before": 0, "after": 3}, "RX", "0 to 3 give no ratio per day"),
        ("relative_change", OPEN | {"before": 60, "after": 0}, "RX", "60 to 0 give no ratio per day"),
        ("relative_change", OPEN | {"before": 60, "after": 20, "change_percent": 1e308}, "RX", "the day that parts before"),
        ("relative_change", OPEN | {"before": 60, "after": 20, "rounding": 500}, "RX", "the day that parts before"),
    ],
)
def test_numbers_that_nothing_can_be_worked_out_from_are_findings(shelf_of, kind, given_, level, said):
    [done] = recompute(claim(shots(**given_), type=kind), shelf_of(*ROWS))
    assert done.level == level and said in done.sentence


def test_an_outcome_that_the_study_does_not_have_is_a_finding(real):
    asked = shots(study_outcome="fires")
    [done] = recompute(claim(asked, study="malmo"), real)
    assert done.level == "RX" and "the study 'malmo' has no outcome 'fires'; it has shootings" in done.sentence


def test_a_definition_without_an_event_leaves_nothing_to_divide_by(shelf_of):
    asked = shots(definitions=("wide", "narrow"), window=days("2016-01-01", "2016-12-31"))
    [done] = recompute(claim(asked, type="definition"), shelf_of(year(2016, 0, "wide"), year(2016, 0, "narrow")))
    assert done.level == "RX" and "none is published under wide" in done.sentence
