"""T14: the newest figures grow with every publication. Does the effect hang on them?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.reporting_delay import Completeness, completeness
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import redrawn
from gvi_eval.tables import read_table

MOVED = 0.05  # of the log ratio
MONTHS = 3  # newest months that are cut, one after the other
VINTAGES = "polismyndigheten/national_monthly_vintages_2021.csv"  # the one table that shows its own revisions
MEASURE = "shootings"
PLANTED = 0.5  # of the newest months' counts


@dataclass(frozen=True)
class ReportingDelay:
    """T14: the headline without its newest months, with them revised by a known pattern, and in each vintage that there is.

    Cut are the last 1, 2 and 3 months, or the last quarter; figures for longer periods or odd spans cannot be cut by months.
    The pattern is that of Sweden's monthly shootings in 2021, whose newest month stood at 92 % of its last count: the exposure
    of the newest periods is multiplied by that share, as if the study's figures had been drawn on the day after their last.
    Flagged where the log ratio moves by more than ``moved``, either way. A cut also takes away information, so that short
    series move by chance; how often they do is printed beside.
    """

    moved: float = MOVED
    id: ClassVar[str] = "T14"
    title: ClassVar[str] = "reporting delay"
    measure: ClassVar[str] = "largest move of the log ratio"
    violation: ClassVar[str] = f"the newest {MONTHS} months are counted by half"

    def look(self, case: Case) -> ThreatResult:
        own = case.log_ratio()
        moves, refused = {}, {}
        for name, panel in _versions(case):
            try:
                moves[name] = case.log_ratio(panel()) - own
            except (EstimationError, StudyError, DataError) as fault:
                refused[name] = str(fault)
        if not moves:
            return could_not(self.id, f"no figure can be cut or revised: {'; '.join(refused.values()) or 'none is newest'}")
        worst = max(moves, key=lambda name: abs(moves[name]))
        told = ", ".join(f"{move:+.3f} {name}" for name, move in moves.items())
        sentence = f"the log ratio of {own:+.3f} moves by {told}"
        if not any(name.startswith(CUT) for name in moves):
            sentence += "; the newest months stand in longer spans, so they cannot be cut"
        return verdict(self.id, abs(moves[worst]) > self.moved, moves[worst], sentence, moves=moves, refused=refused)

    def planted(self, case: Case, seed: int) -> Case:
        panel = case.panel
        months = 12 // PER_YEAR[panel.frequency]
        share = np.ones(len(case.whole.periods))
        newest = case.whole.periods.get_indexer(panel.periods[-max(MONTHS // months, 1) :])
        share[newest] = 1 - (1 - PLANTED) * min(MONTHS / months, 1.0)
        return redrawn(case, seed, share)

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


CUT = "without the last"


def _versions(case: Case) -> Iterator[tuple[str, Callable[[], Panel]]]:
    """The headline's figures without their newest, revised, and as published before."""
    panel = case.panel
    months = 12 // PER_YEAR[panel.frequency]
    known = panel.periods[panel.values[case.unit].notna()]
    if months <= MONTHS and not panel.spans(case.unit):
        for periods in range(1, MONTHS // months + 1):
            name = f"{CUT} {periods * months} months" if periods * months > 1 else f"{CUT} month"
            yield name, lambda k=periods: panel.before(known[-k])
    pattern = known_pattern()
    if pattern is not None:
        yield "revised by the known pattern", lambda: revised(panel, pattern)
    for vintage in _vintages(case):
        yield f"as published {vintage}", lambda v=vintage: _as_published(case, v)


@cache
def known_pattern() -> Completeness | None:
    """How complete the newest months of the one table with vintages were; None where the checkout is not at hand."""
    file = CHECKOUT / "analyses" / "data" / VINTAGES
    return completeness(read_table(file, "counts"), MEASURE) if file.is_file() else None


def revised(panel: Panel, pattern: Completeness) -> Panel:
    """The panel with the exposure of the treated unit's newest periods reduced to the share that had been reported."""
    unit, _ = panel.sole_treated
    months = 12 // PER_YEAR[panel.frequency]
    end = int(np.flatnonzero(panel.observations(unit)[1].sum(axis=0) > 0)[-1]) + 1  # after the last period with a figure
    newest = min(-(-(max(pattern.share) + 1) // months), end)
    exposure = panel.exposure.astype(float).copy()
    exposure.iloc[end - newest : end, exposure.columns.get_loc(unit)] *= pattern.per_period(months, newest)
    return panel.with_(exposure=exposure)


def _vintages(case: Case) -> list[str]:
    """The vintages that hold a series of the headline's outcome; none where there is one, or for a case drawn anew."""
    outcome = case.study.outcome(case.outcome)
    areas = next(unit.areas for unit in case.study.units if unit.name == case.unit)
    rows = [table[(table["measure"] == outcome.measure) & table["unit"].isin(areas)] for table in _tables(case)]
    if not rows:
        return []
    figures = pd.concat(rows).dropna(subset=["vintage"])
    held = figures.drop_duplicates(["vintage", "period_start", "period_end"]).groupby("vintage").size()
    enough = len(case.panel.observations(case.unit)[0]) - MONTHS
    return sorted(map(str, held.index[held >= enough])) if len(held) > 1 else []


def _tables(case: Case) -> list[pd.DataFrame]:
    return [case.tables[name] for name in case.study.outcome(case.outcome).tables if name in case.tables]


def _as_published(case: Case, vintage: str) -> Panel:
    """The panel of one vintage; `StudyError` where it is no whole series."""
    outcome = replace(case.study.outcome(case.outcome), vintage=vintage, excluded=())
    others = tuple(outcome if each.name == outcome.name else each for each in case.study.outcomes)
    panel = case.built(case.study.with_(outcomes=others))
    (own, _), (there, _) = case.panel.observations(case.unit), panel.observations(case.unit)
    if len(there) < len(own) - MONTHS:
        raise StudyError(f"the vintage {vintage} holds {len(there)} of {len(own)} figures, so it is no series of its own")
    return panel
