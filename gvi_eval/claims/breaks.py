"""The day that parts before from after, where nobody published it: what each day would give, and which are possible."""

import math
from datetime import date, timedelta

from gvi_eval.claims.declared import Span
from gvi_eval.claims.published import Published


def break_for(percent: float, b: float, a: float, days: int) -> float:
    """Days before the break at which (a / after) / (b / before) is 1 + percent / 100."""
    share = (1 + percent / 100) * b / a
    return days * (share / (1 + share) if share < math.inf else 1.0)


def percent_with_break(day: date, first: date, days: int, b: float, a: float) -> float:
    """The change per day if the second window begins on a day."""
    before = (day - first).days
    return 100 * ((a / (days - before)) / (b / before) - 1)


def possible_breaks(series: Published, first: date, last: date, events: float) -> tuple[date | None, date | None]:
    """The first days of a second window between which the cumulative published count since ``first`` reaches ``events``."""
    points = [(day, series.over(Span(first, day))) for day in sorted({figure.end for figure in series.figures})]
    below = [day for day, count in points if count and first <= day <= last and count.events < events]
    reached = [day for day, count in points if count and first <= day <= last and count.events >= events]
    one = timedelta(days=1)
    return (max(below) + one if below else None), (min(reached) + one if reached else None)


def bracket(series: Published, first: date, last: date) -> tuple[int, int] | None:
    """The count from one day to another, between the last published point within and the first one beyond."""
    within = [
        each for each in (series.over(Span(first, figure.end)) for figure in series.figures if figure.end <= last) if each
    ]
    beyond = [
        each for each in (series.over(Span(first, figure.end)) for figure in series.figures if figure.end >= last) if each
    ]
    if not within or not beyond:
        return None
    return max(each.events for each in within), min(each.events for each in beyond)
