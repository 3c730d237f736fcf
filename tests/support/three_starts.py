"""A made-up table with three starts, on which other packages were run; figures round to two digits, so they are the same anywhere."""

import numpy as np

STARTS = {"U00": 8, "U01": 11, "U02": 14}


def three_starts() -> dict[str, np.ndarray]:
    """Figures of twelve units over 20 years; U00, U01 and U02 begin in years 8, 11 and 14, with effects that grow by the year."""
    random = np.random.default_rng(11)
    common = np.cumsum(random.normal(size=(20, 2)), axis=0) @ random.normal(size=(2, 12))
    figures = 30 + common + 4 * random.normal(size=12) + random.normal(size=(20, 12))
    for unit, start in enumerate(STARTS.values()):
        figures[start:, unit] -= (unit + 1) * (np.arange(20 - start) + 1) / 2
    return {f"U{unit:02}": own for unit, own in enumerate(np.round(figures, 2).T)}
