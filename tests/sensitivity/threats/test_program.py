"""What a threat's numbers go through counts, and nothing beside it: words, other threats, other functions of a module."""

import pytest

from gvi_eval.sensitivity.threats import program
from gvi_eval.sensitivity.threats.battery import THREATS

OWN = '''"""Words."""
from gvi_eval.sensitivity.near import reached
LIMIT = 0.5  # why
OTHER = 1
class Threat:
    """A threat."""
    def look(self): return reached(LIMIT)
class Another: pass
'''
NEAR = "FACTOR = 2\ndef reached(x): return x * FACTOR\ndef beside(x): return x\n"


@pytest.fixture
def hashed(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "COMMON", ())
    number = iter(range(100))

    def of(own=OWN, near=NEAR):
        root = tmp_path / str(next(number))
        (root / "gvi_eval" / "sensitivity").mkdir(parents=True)
        (root / "own.py").write_text(own)
        (root / "gvi_eval" / "sensitivity" / "near.py").write_text(near)
        return program.program_hash("own", "Threat", root)

    return of


@pytest.mark.parametrize(
    ("old", "new"), [("Words", "Other words"), ("# why", ""), ("OTHER = 1", "OTHER = 2"), ("class Another: pass", "")]
)
def test_what_cannot_move_a_number_does_not_count(hashed, old, new):
    assert hashed(OWN.replace(old, new)) == hashed()


def test_what_stands_beside_a_reached_function_does_not_count(hashed):
    assert hashed(near=NEAR.replace("return x\n", "return 2 * x\n")) == hashed()


@pytest.mark.parametrize(("old", "new"), [("0.5", "0.6"), ("reached(LIMIT)", "reached(LIMIT) + 1")])
def test_the_threat_itself_counts(hashed, old, new):
    assert hashed(OWN.replace(old, new)) != hashed()


@pytest.mark.parametrize(("old", "new"), [("FACTOR = 2", "FACTOR = 3"), ("x * FACTOR", "x + FACTOR")])
def test_what_it_reaches_counts(hashed, old, new):
    assert hashed(near=NEAR.replace(old, new)) != hashed()


def test_every_threat_reaches_its_case_and_its_planting():
    places = set()
    for threat in THREATS:
        places.add(program.program_hash(type(threat).__module__, type(threat).__name__))
    assert len(places) == len(THREATS)
