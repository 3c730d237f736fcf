"""Holm's adjustment on paper and against its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.multiplicity import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_by_hand():
    # 3 x .01 = .03, 2 x .04 = .08, 1 x .03 comes second: 2 x .03 = .06, then max(.06, 1 x .04) = .06
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})


def test_one_outcome_pays_nothing_and_the_order_is_kept():
    assert holm({"a": 0.04}) == {"a": 0.04}
    assert list(holm({"z": 0.9, "a": 0.1})) == ["z", "a"]
    assert holm({}) == {}


@given(p_values)
def test_it_rejects_what_the_step_down_procedure_rejects(values):
    adjusted, level = holm({str(k): p for k, p in enumerate(values)}), 0.05
    rejected, left = set(), dict(enumerate(values))
    while left:
        smallest = min(left, key=left.__getitem__)
        if left[smallest] * len(left) > level:
            break
        rejected.add(str(smallest))
        del left[smallest]
    assert {name for name, p in adjusted.items() if p <= level} == rejected


@given(p_values)
def test_it_lies_between_the_value_itself_and_bonferroni(values):
    for p, adjusted in zip(values, holm({str(k): p for k, p in enumerate(values)}).values(), strict=True):
        assert p <= adjusted <= min(1, len(values) * max(values)) + 1e-12


def test_what_is_no_p_value_is_an_error():
    with pytest.raises(EstimationError, match="the p-value of a is 1.2"):
        holm({"a": 1.2})
