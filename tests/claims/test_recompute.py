"""Every kind of claim is recomputed by something, and the worst of what can be checked counts."""

from planted_claims import claim, year

from gvi_eval.claims.declared import Quantity
from gvi_eval.claims.kinds import KINDS
from gvi_eval.claims.recompute import BY_KIND, ORDER, recompute, worst


def test_every_kind_is_recomputed_by_something(shelf_of):
    assert set(BY_KIND) | {"absolute_change"} == set(KINDS)
    for kind in KINDS:
        assert recompute(claim(Quantity(), type=kind), shelf_of(year(2015, 65)))[0].level == "RX"


def test_the_worst_of_what_can_be_checked():
    assert worst(["R3", "RX", "R1a"]) == "R1a" and worst(["RX"]) == "RX"
    assert [worst([level, "R3"]) for level in ORDER] == list(ORDER)
