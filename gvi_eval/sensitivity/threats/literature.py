"""T21: which results reach print? The published effects of such programmes, and what their standard errors let be asked."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.publication import FEWEST, funnel, selection_model
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case, surrounded
from gvi_eval.sensitivity.threats.planting import redrawn
from gvi_eval.tables import read_table

PUBLISHED = "compiled_literature/effects_focused_deterrence.csv"
OWN = "own_calculation"  # quick checks on open data, which are no publications
LEVEL = 0.05
Z = 1.959963984540054  # of a published 95 % interval


@dataclass(frozen=True)
class Selection:
    """T21: the effect that reviews expect rests on published studies, and a study that found nothing is published less.

    Counted are the studies whose row may be pooled, each once, with a log ratio and a standard error or an interval. With
    fewer than ``fewest`` of them the threat is flagged: nobody can tell. With as many, Egger's test and the step-function
    model of Vevea & Hedges are run, and it is flagged where either rejects at ``level``; the effect by PET-PEESE stands beside.
    """

    fewest: int = FEWEST
    level: float = LEVEL
    id: ClassVar[str] = "T21"
    title: ClassVar[str] = "selection in the literature"
    measure: ClassVar[str] = "published effects with a standard error"
    violation: ClassVar[str] = "of as many studies as have a standard error, one in ten without a found fall is published"

    def look(self, case: Case) -> ThreatResult:
        table = _table(case)
        if table is None:
            return could_not(self.id, f"{PUBLISHED} is not at hand, so nothing is known of what was published")
        effects, errors, studies = usable(table)
        known = len(effects)
        if known < self.fewest:
            sentence = (
                f"{known} of {studies} published studies with an effect give a standard error, and a funnel or a selection "
                f"model needs {self.fewest}: whether studies without a fall stayed unpublished cannot be told, so the effect "
                "that reviews expect may be too large"
            )
            return verdict(self.id, True, float(known), sentence, studies=studies)
        shape = funnel(effects, errors)
        sentence = (
            f"{known} of {studies} published studies give a standard error; funnel asymmetry p {shape.egger.p_value:.2f}, "
            f"{shape.model} corrects the ratio to {np.exp(shape.corrected):.2f}"
        )
        p_values = {"egger": shape.egger.p_value}
        try:
            model = selection_model(effects, errors)
            p_values["selection model"] = model.test.p_value
            sentence += (
                f"; studies that found no fall are published {model.weight:.2f} times as readily (p {model.test.p_value:.2f}), "
                f"and the mean of all is {np.exp(model.mean):.2f} instead of {np.exp(model.unadjusted):.2f}"
            )
        except EstimationError as fault:
            sentence += f"; {fault}"
        flagged = min(p_values.values()) < self.level
        return verdict(self.id, flagged, float(known), sentence, studies=studies, p=p_values)

    def planted(self, case: Case, seed: int) -> Case:
        return _drawn(case, seed, kept=0.1)

    def clean(self, case: Case, seed: int) -> Case:
        return _drawn(case, seed, kept=1.0)

    def rests_on(self, case: Case) -> Any:
        """How many studies give a standard error: as many are drawn."""
        table = _table(case)
        return None if table is None else len(usable(table)[0])


def usable(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Log ratios and standard errors (study,) of the studies that may be pooled, and how many studies give an effect at all."""
    rows = table[(table["source_level"] != OWN) & table["log_irr"].notna() & table["irr"].notna()]
    lower, upper = pd.to_numeric(rows["ci_low"]), pd.to_numeric(rows["ci_high"])
    limits = (np.log(upper.where(upper > 0)) - np.log(lower.where(lower > 0))) / (2 * Z)
    errors = pd.to_numeric(rows["se_log_irr"]).fillna(limits)
    poolable = rows[(rows["poolable"] == "yes") & (errors > 0)].drop_duplicates("study")
    return poolable["log_irr"].to_numpy(dtype=float), errors[poolable.index].to_numpy(), int(rows["study"].nunique())


def _table(case: Case) -> pd.DataFrame | None:
    file = CHECKOUT / "analyses" / "data" / PUBLISHED
    own = getattr(case, "literature", None)
    if own is not None or not file.is_file():
        return own
    return case.recalled(PUBLISHED, lambda: read_table(file, "literature_effects"))


def _drawn(case: Case, seed: int, kept: float) -> Case:
    """A literature of as many studies as give a standard error, in which a study that found no fall is printed so often."""
    random, number = np.random.default_rng(seed % 2**63), len(usable(_table(case))[0])
    effects, errors = [], []
    while len(effects) < number:
        error = random.uniform(0.05, 0.5)
        effect = random.normal(np.log(0.9), np.hypot(0.1, error))
        if effect / error < -Z or random.random() < kept:
            effects.append(effect)
            errors.append(error)
    table = literature(effects, errors)
    return surrounded(redrawn(case, seed), literature=table)


def literature(effects: list[float], errors: list[float]) -> pd.DataFrame:
    """A made-up table of published effects, one study each."""
    return pd.DataFrame(
        {
            "study": [f"study {number}" for number in range(len(effects))],
            "source_level": "made up",
            "poolable": "yes",
            "irr": np.exp(effects),
            "log_irr": effects,
            "se_log_irr": errors,
            "ci_low": np.nan,
            "ci_high": np.nan,
        }
    )
