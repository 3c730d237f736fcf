"""What is compiled while the environment is made is what estimates call: other figures of the same kind compile nothing more."""

import pytest

from gvi_eval.estimators import _laplace_months, _laplace_spans, _laplace_units
from gvi_eval.kernels import KINDS, estimates_of, months, spans


def compiled() -> dict[str, int]:
    """How many signatures each kernel of the latent count models has."""
    found = {}
    for module in (_laplace_months, _laplace_spans, _laplace_units):
        for name, kernel in vars(module).items():
            if hasattr(kernel, "signatures"):
                found[f"{module.__name__}.{name}"] = len(kernel.signatures)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_other_figures_of_the_same_kind_compile_nothing_more(kind):
    pairs = list(estimates_of(kind))
    for method, panel in pairs:
        method.estimate(panel)
    before = compiled()
    for method, panel in pairs:
        shorter = panel.until((panel.periods[-4]).end_time.date())
        assert method.estimate(shorter).point > 0
    assert compiled() == before


def test_the_figures_are_of_the_kind_they_stand_for():
    assert not spans().values.notna().any(axis=None) and len(spans().windows) == 16
    assert months(units=2).values.notna().all(axis=None) and months(units=2).treated == ("Place 0",)
