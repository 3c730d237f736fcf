"""What the tables of a study hold of each treated place: figures, periods without one, names that may be misspelt."""

import difflib
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import groupby

import pandas as pd

from gvi_eval.assembly import build_panel
from gvi_eval.panel import Panel
from gvi_eval.study import Outcome, Study

ALIKE = 0.9  # of two names, 2 * letters in common / letters of both, from which one may be meant for the other
MOST = 6  # stretches without a figure that are listed
WORDS = {"M": "month", "Q": "quarter", "Y": "year"}


def coverage_sentences(study: Study, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """One sentence per outcome and treated place with its figures and gaps, and one per name that may be misspelt.

    None of them is a violation: a gap is not a zero, and a table may hold places that a study does not ask for.
    """
    said = []
    for outcome in study.outcomes:
        for unit in study.treated_units:
            if not unit.outcomes or outcome.name in unit.outcomes:
                said.append(_figures(build_panel(study, tables, outcome.name, unit.name, None), unit.name, outcome))
    return [*said, *_misspelt(study, tables)]


def _figures(panel: Panel, unit: str, outcome: Outcome) -> str:
    own = panel.values[unit].notna()
    spans, bare = panel.spans(unit), panel.gaps(unit)
    words = f"{unit}, {outcome.label}: {int(own.sum())} of {len(own)} {WORDS[panel.frequency]}s have a figure of their own"
    if spans:
        words += f", {len(spans)} {'figure covers' if len(spans) == 1 else 'figures cover'} other days"
    if not bare:
        return f"{words}; no {WORDS[panel.frequency]} is without"
    stretches = list(_stretches(bare))
    more = f" and {len(stretches) - MOST} more" if len(stretches) > MOST else ""
    return f"{words}; without any, which is a gap and not a zero: {', '.join(stretches[:MOST])}{more}"


def _stretches(periods: tuple[pd.Period, ...]) -> Iterator[str]:
    """Neighbouring periods in one: 2018-03 to 2018-05."""
    for _, run in groupby(enumerate(periods), key=lambda place: place[1].ordinal - place[0]):
        members = [period for _, period in run]
        yield str(members[0]) if len(members) == 1 else f"{members[0]} to {members[-1]}"


def _misspelt(study: Study, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Places of the tables that the study does not name, and whose name is nearly that of one it does."""
    known = {name for unit in study.units for name in (unit.name, *unit.areas)}
    for name in dict.fromkeys(table for outcome in study.outcomes for table in outcome.tables):
        measures = {outcome.measure for outcome in study.outcomes if name in outcome.tables}
        rows = tables[name][tables[name]["measure"].isin(measures)]
        for other, count in rows["unit"].value_counts(sort=False).sort_index().items():
            meant = next((own for own in sorted(known) if other not in known and _alike(other, own)), None)
            if meant is not None:
                held = f"{count} row{'' if count == 1 else 's'}"
                yield f"{name} holds {held} of '{other}', which the study does not name; '{meant}' may be meant"


def _alike(one: str, other: str) -> bool:
    """The same letters but for case, accents and spaces, or all but a few of them in the same order."""
    left, right = _bare(one), _bare(other)
    return left == right or difflib.SequenceMatcher(None, left, right, autojunk=False).ratio() >= ALIKE


def _bare(name: str) -> str:
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(sign for sign in parts if sign.isalnum() and not unicodedata.combining(sign))
