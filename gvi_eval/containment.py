"""Totals that hold another unit of the study: found, and reduced by it before anything is compared."""

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError, StudyError
from gvi_eval.study import Unit
from gvi_eval.windows import CountWindow, coverage

WIDER = (("country", 3), ("nation", 3), ("region", 2), ("county", 2))  # in the type of an area; anything else is a place
WHOLE = 1 - 1e-9  # of a period's days


def require_containment(units: list[Unit], rows: pd.DataFrame) -> None:
    """A control that is wider than the treated place must say whether it holds it.

    ``rows`` are published figures with the columns unit and unit_type. Raises `StudyError` for a wider unit that says
    nothing in ``contains``, and for units that share an area.
    """
    types = rows.drop_duplicates("unit").set_index("unit")["unit_type"] if "unit_type" in rows else pd.Series(dtype=object)
    treated = next(unit for unit in units if unit.role == "treated")
    own = max(_width(types.get(area)) for area in treated.areas)
    for unit in units:
        if unit is treated:
            continue
        shared = sorted(set(unit.areas) & set(treated.areas))
        if shared:
            raise StudyError(
                f"the control {unit.name} contains the treated unit: both count {', '.join(shared)}; take it out of its members"
            )
        wider = [area for area in unit.areas if _width(types.get(area)) > own]
        if wider and unit.contains is None:
            raise StudyError(
                f"the control {unit.name} counts {wider[0]}, a {types[wider[0]]}, which may contain {treated.name}; say "
                f"contains = ['{treated.name}'] to subtract it, or contains = [] where it lies elsewhere"
            )


def _width(kind: object) -> int:
    return next((width for word, width in WIDER if isinstance(kind, str) and word in kind.lower()), 1)


def without_contained(
    units: list[Unit], values: pd.DataFrame, exposure: pd.DataFrame, spans: tuple[CountWindow, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[tuple[str, str], ...]]:
    """Values and exposure (period, unit) with each total less the units it contains, and of each a sentence on how.

    A part that is published for several periods at once is spread evenly over its days and rounded so that whole counts
    stay whole and each span's sum stays exact. Where the part has no figure the total has none either. Raises `DataError`
    where a part exceeds its total or a total is itself published for odd spans.
    """
    values, exposure, notes = values.copy(), exposure.copy(), []
    for unit in units:
        for name in unit.contains or ():
            part = next((other for other in units if other.name == name), None)
            if part is None:
                raise StudyError(
                    f"{unit.name} contains {name}, which has no figures of this outcome to subtract; leave {unit.name} out"
                )
            if any(span.unit in unit.areas for span in spans):
                raise DataError(
                    f"{unit.name} is published for odd spans and contains {name}, and can only be reduced period by period; "
                    "leave it out"
                )
            own = tuple(span for span in spans if span.unit in part.areas)
            spread = spread_evenly(values[name], own)
            rest = values[unit.name] - spread
            if (rest < 0).any():
                period = rest.index[rest < 0][0]
                raise DataError(
                    f"a part exceeds its whole: {name} has {spread[period]:g} in {period}, {unit.name} "
                    f"{values[unit.name][period]:g}; correct the figures or leave the control out"
                )
            values[unit.name] = rest
            if not (exposure[[unit.name, name]] == 1).all(axis=None):
                exposure[unit.name] = exposure[unit.name] - exposure[name]
            how = "; the figures of several periods at once were spread evenly over their days" if own else ""
            notes.append((unit.name, f"{unit.name} is {' and '.join(unit.areas)} less {name}{how}"))
    return values, exposure, tuple(notes)


def spread_evenly(values: pd.Series, spans: tuple[CountWindow, ...]) -> pd.Series:
    """Whole counts per period: those published, and each span's shared out by days; NaN where a day has no figure.

    Counts are the steps of the rounded running total, so that any run of periods between two edges of spans adds up.
    """
    shares = np.array([coverage(span, values.index) for span in spans]).reshape(len(spans), len(values))
    covered = shares.sum(axis=0)
    split = np.array([span.count for span in spans]) @ (shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300))
    both = np.where(values.isna(), split, values)
    known = values.notna().to_numpy() | (covered > WHOLE)
    running = np.rint(np.cumsum(np.where(known, both, 0.0)) + 1e-9)
    return pd.Series(np.diff(running, prepend=0.0), index=values.index).where(known)
