"""Small counts about people: which must not be shown, which must go with them, and what may then be published.

A profile belongs to a source. A count below its threshold is suppressed (primary), and so are as many others (secondary) that
nobody can work a suppressed count out again from the totals. Everything suppressed carries one mark, so that a reader does not
see which was the small one. Zeros are shown: nobody is in them.

Source: Hundepool, A. et al. (2012) Statistical Disclosure Control, Wiley, doi:10.1002/9781118348239, chapters 4 and 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError, DisclosureError, StudyError

MARK = ".."
TOTAL = "total"


@dataclass(frozen=True)
class Profile:
    """What a source allows: counts of 1 to ``threshold`` − 1 are suppressed, others rounded to ``base`` where it is not 1."""

    name: str
    threshold: int
    base: int = 1
    why: str = ""

    @property
    def suppresses(self) -> bool:
        return self.threshold > 1 or self.base > 1


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("public_official", 1, why="published by an authority: nothing is suppressed"),
        Profile("dk_micro", 3, why="Statistics Denmark's microdata: at least 3 persons in a cell"),
        Profile("se_restricted", 0, why="confidential under Swedish law: the threshold is set by whoever released the data"),
        Profile("uk_tre", 8, 5, why="trusted research environments of the United Kingdom: 7 and fewer suppressed, others to 5"),
    )
}


@dataclass(frozen=True, eq=False)
class Protected:
    """A table that may be published: text, with a mark where a count is suppressed; rows and columns end with their totals."""

    shown: pd.DataFrame
    primary: int
    secondary: int

    @property
    def sentence(self) -> str:
        return f"{self.primary} counts suppressed as too small, {self.secondary} more so that no total gives them back"


def profile_named(name: str, threshold: int | None = None) -> Profile:
    """The profile of a name; ``threshold`` for the one whose threshold the user sets. Raises `StudyError`."""
    if name not in PROFILES:
        raise StudyError(f"there is no disclosure profile '{name}'; choose one of {', '.join(PROFILES)}")
    found = PROFILES[name]
    if name == "se_restricted":
        if threshold is None or threshold < 1:
            raise StudyError(
                "the profile se_restricted has no threshold of its own; give the one you were granted the data with"
            )
        return replace(found, threshold=threshold)
    if threshold not in (None, found.threshold):
        raise StudyError(
            f"the profile {name} has the threshold {found.threshold}; only that of se_restricted is set by the user"
        )
    return found


def protect(counts: pd.DataFrame, profile: Profile) -> Protected:
    """A table of counts (rows × columns, whole numbers, no gap) with its totals, made safe to publish.

    Primary: 0 < count < threshold. Secondary: the smallest other counts, until every suppressed count could take two values or
    more for a reader who knows all that is published, and that a suppressed count is at least 1. Totals that would be
    suppressed themselves, or without which nothing helps, carry the mark too. With a rounding base everything shown is
    rounded to it, totals too, so that what is shown need not add up. Raises `DataError` for what are no counts.
    """
    values = _whole(counts)
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1), dtype=np.int64)
    table[:-1, :-1] = values
    table[-1, :-1], table[:-1, -1], table[-1, -1] = values.sum(axis=0), values.sum(axis=1), values.sum()
    hidden = (table > 0) & (table < profile.threshold)
    primary = int(hidden.sum())
    if profile.threshold > 1:
        _suppress_more(table, hidden)
    rounded = np.where(table > 0, np.maximum(profile.base, profile.base * np.floor(table / profile.base + 0.5)), 0).astype(int)
    shown = np.where(hidden, MARK, rounded.astype(str))
    frame = pd.DataFrame(shown, index=[*counts.index, TOTAL], columns=[*counts.columns, TOTAL])
    return Protected(frame, primary, int(hidden.sum()) - primary)


def refuse_small(counts: pd.DataFrame, profile: Profile, what: str) -> None:
    """Raise `DisclosureError` where a count that would be published is one the profile suppresses; it is not repeated."""
    small = (counts > 0) & (counts < profile.threshold)
    number = int(small.to_numpy().sum())
    if number:
        raise DisclosureError(
            f"{what} would show {number} counts below {profile.threshold}, which the profile {profile.name} suppresses "
            f"({profile.why}); use longer periods or larger areas, for example with the transform resampled"
        )


def could_be(table: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """How many more than one value each suppressed entry could have, at most: its largest minus its smallest.

    ``table`` has the totals as its last row and column. An entry is at least 1; rows and columns add up to their totals, shown
    or not. The bounds of such a table are whole numbers, because its equations are those of a network.
    """
    from scipy.optimize import linprog

    rows, columns = table.shape
    places = np.argwhere(hidden)
    number = {tuple(place): position for position, place in enumerate(places)}
    equations, right = [], []
    for line in _lines(rows, columns):
        signs = [(1 if place != line[-1] else -1, place) for place in line]
        unknown = [(sign, number[place]) for sign, place in signs if place in number]
        if unknown:
            equation = np.zeros(len(places))
            for sign, position in unknown:
                equation[position] += sign
            equations.append(equation)
            right.append(-sum(sign * table[place] for sign, place in signs if place not in number))
    spread = np.zeros(table.shape)
    for place, position in number.items():
        aim = np.zeros(len(places))
        aim[position] = 1
        ends = []
        for sign in (1, -1):
            found = linprog(sign * aim, A_eq=np.array(equations), b_eq=np.array(right), bounds=(1, None), method="highs")
            ends.append(np.inf if found.status == 3 else sign * found.fun)
        spread[place] = ends[1] - ends[0]
    return spread


def _lines(rows: int, columns: int) -> Iterator[list[tuple[int, int]]]:
    """Each row and each column, its total last; those of totals add up to the grand total."""
    for row in range(rows):
        yield [(row, column) for column in range(columns)]
    for column in range(columns):
        yield [(row, column) for row in range(rows)]


def _suppress_more(table: np.ndarray, hidden: np.ndarray) -> None:
    """Hide further entries until no hidden one can be worked out. First by lines, which is fast, then by all equations."""
    while hidden.any():
        while lonely := next(_lonely(table, hidden), None):
            hidden[lonely] = True
        fixed = np.argwhere(hidden & (could_be(table, hidden) < 1))
        if not len(fixed):
            return
        hidden[_next(table, hidden, tuple(fixed[0]))] = True


def _lonely(table: np.ndarray, hidden: np.ndarray) -> Iterator[tuple[int, int]]:
    """For a line with one hidden entry, the entry that goes with it."""
    for line in _lines(*table.shape):
        if sum(hidden[place] for place in line) == 1:
            others = [place for place in line if not hidden[place] and table[place] > 0]
            if others:  # a count that is alone in its line is its total, and hidden with it
                yield min(others, key=lambda place: (place == line[-1], table[place], place))


def _next(table: np.ndarray, hidden: np.ndarray, fixed: tuple[int, int]) -> tuple[int, int]:
    """The smallest count that is not hidden: in the row or column of one that can be worked out, else anywhere."""
    every = [tuple(place) for place in np.argwhere(~hidden & (table > 0))]
    if not every:
        raise DataError("nothing of this table can be published under the profile; use larger areas or longer periods")
    near = [place for place in every if place[0] == fixed[0] or place[1] == fixed[1]]
    edge = (table.shape[0] - 1, table.shape[1] - 1)
    return min(near or every, key=lambda place: (place[0] == edge[0] or place[1] == edge[1], table[place], place))


def _whole(counts: pd.DataFrame) -> np.ndarray:
    values = counts.to_numpy(dtype=float)
    if values.size == 0 or np.isnan(values).any() or (values < 0).any() or (values != np.floor(values)).any():
        raise DataError(
            "a table to protect holds counts: whole numbers of 0 or more in every cell; fill or drop the gaps first"
        )
    return values.astype(np.int64)
