"""Several outcomes, several chances: p-values that have paid for all of them."""

from collections.abc import Mapping

import numpy as np

from gvi_eval.errors import EstimationError


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values by name, adjusted so that any false rejection among them has at most the level's chance, in the order given.

    With the m values sorted upwards, adjusted_(k) = max over j ≤ k of min(1, (m − j + 1) p_(j)). It asks nothing of how the
    outcomes go together.

    Source: Holm (1979) A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
    6(2):65–70. Raises `EstimationError` for a value that is no p-value.
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise EstimationError(f"the p-value of {name} is {p:g}; a p-value lies between 0 and 1")
    names = sorted(p_values, key=p_values.__getitem__)
    steps = [min(1.0, (len(names) - place) * p_values[name]) for place, name in enumerate(names)]
    adjusted = dict(zip(names, np.maximum.accumulate(steps).tolist() if steps else [], strict=True))
    return {name: adjusted[name] for name in p_values}
