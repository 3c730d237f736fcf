"""The table of fifteen kinds: complete, and asked for by nothing that a claim cannot say."""

from collections import Counter

from gvi_eval.claims.declared import find_claims, load_claim
from gvi_eval.claims.kinds import KINDS


def test_there_are_fifteen_kinds_and_each_says_what_it_needs_recomputes_and_how_it_fails():
    assert len(KINDS) == 15 and all(name == kind.name for name, kind in KINDS.items())
    assert all(kind.needs and kind.recomputes and kind.usual_failure for kind in KINDS.values())
    assert max(Counter(kind.title for kind in KINDS.values()).values()) == 1


def test_every_embedded_claim_is_of_a_kind():
    assert {load_claim(file).kind.name for file in find_claims("all")} <= set(KINDS)
