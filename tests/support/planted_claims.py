"""Planted counts and claims about them, for tests that can be followed on paper."""

from datetime import date

import pandas as pd

from gvi_eval.claims.declared import Claim, Quantity, Span

COLUMNS = ("unit", "period_start", "period_end", "measure", "value", "definition", "source")


def counts(*rows):
    """Rows of (start, end, value), with other columns as in a table that was read; lines start at 2."""
    full = []
    for row in rows:
        start, end, value, *more = row
        definition, unit, source = (*more, *("confirmed", "Town", "paper")[len(more) :])
        days = [None if day is None else pd.Timestamp(day) for day in (start, end)]
        full.append((unit, *days, "shots", value, definition, source))
    frame = pd.DataFrame(full, columns=COLUMNS, index=pd.RangeIndex(2, len(rows) + 2, name="line"))
    return frame.assign(period_start=pd.to_datetime(frame["period_start"]), period_end=pd.to_datetime(frame["period_end"]))


def year(number, value, *more):
    return (f"{number}-01-01", f"{number}-12-31", value, *more)


def years(first, last=None):
    return Span(date(first, 1, 1), date(last or first, 12, 31))


def days(start, end):
    return Span(date.fromisoformat(start) if start else None, date.fromisoformat(end) if end else None)


def shots(**more):
    """A claimed number about shots in Town, baseline 2015, window 2016."""
    given = {"measure": "shots", "tables": ("town.csv",), "definitions": ("confirmed",), "direction": "down"}
    given |= {"baseline": years(2015), "window": years(2016)}
    return Quantity(**(given | more))


def claim(*quantities, **more):
    given = {"id": "T1", "type": "relative_change", "paraphrase": "fewer shots", "source": "speech", "place": "Town"}
    given |= {"strength": "none", "design": "before and after"}
    return Claim(**(given | more), quantities=quantities)
