"""The columns of an interrupted time series: trend, season, what the programme changed, and what else happened."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.study import Intervention

Change = Literal["level", "level+slope", "ramp", "pulse", "steps"]
Season = Literal["default", "dummies", "none"] | int

DEFAULT_HARMONICS = {"M": 2, "Q": 1, "Y": 0}
FEWEST_FOR_SLOPE = 8  # points after the start, below which a change of slope is not told from noise
EPOC_POINTS = 3  # points on each side that a review of the EPOC group asks for
FEW_POINTS = 12


@dataclass(frozen=True, eq=False)
class Design:
    """Columns with the programme (factual) and without it (expected), each of shape (period, column)."""

    names: tuple[str, ...]
    factual: np.ndarray
    expected: np.ndarray
    log_exposure: np.ndarray


def design(
    panel: Panel,
    unit: str,
    *,
    change: Change,
    trend: bool,
    season: Season,
    ramp: int,
    adjust: tuple[str, ...],
    covariates: tuple[str, ...] = (),
    anticipation: int = 0,
) -> Design:
    """The design of one unit.

    Time is (t − T0) / n, zero at the onset T0, so that the level change is the change at the start; the slope change is
    that time after the onset. ``ramp`` periods of phase-in rise linearly to one. A pulse lasts ``ramp`` periods. Steps are
    levels of their own for every ``ramp`` periods after the start; a last one of less than half that joins the one before.
    ``anticipation`` periods before the start have a level of their own, on in both paths.
    ``adjust`` names events of the study that get a column of their own, on in both paths: an event with an end is a pulse
    over its days, one without is a step. ``covariates`` names series of the panel that enter as they are, in both paths.
    """
    onset = panel.onsets.get(unit) or panel.sole_treated[1]
    periods = panel.periods
    since = np.array([(period - onset).n for period in periods], dtype=float)
    scaled = since / len(periods)
    columns: dict[str, np.ndarray] = {"intercept": np.ones(len(periods))}
    if trend:
        columns["trend"] = scaled
    columns |= _season(periods, panel.frequency, season)
    columns |= {f"event: {name}": _event(panel, name) for name in adjust}
    columns |= {f"covariate: {name}": _covariate(panel, unit, name) for name in covariates}
    columns |= _anticipation(since, anticipation)
    programme = _programme(since, scaled, change, ramp)
    if "slope" in programme and (since >= 0).sum() < FEWEST_FOR_SLOPE:
        raise EstimationError(
            f"a change of slope needs {FEWEST_FOR_SLOPE} periods after the start, {unit} has {int((since >= 0).sum())}; "
            "use change = 'level'"
        )
    factual = np.column_stack([*columns.values(), *programme.values()])
    expected = factual.copy()
    expected[:, len(columns) :] = 0.0
    return Design((*columns, *programme), factual, expected, np.log(panel.exposure[unit].to_numpy(dtype=float)))


def _programme(since: np.ndarray, scaled: np.ndarray, change: Change, ramp: int) -> dict[str, np.ndarray]:
    after = (since >= 0).astype(float)
    if change == "level":
        return {"level": after}
    if change == "level+slope":
        return {"level": after, "slope": scaled * after}
    if change not in ("ramp", "pulse", "steps"):
        raise StudyError(f"change is {change!r}; choose level, level+slope, ramp, pulse or steps")
    if ramp < 1:
        raise StudyError(f"change = '{change}' needs the number of its periods, ramp is {ramp}; set ramp to 1 or more")
    if change == "ramp":
        return {"level": np.clip((since + 1) / ramp, 0, 1)}
    if change == "steps":
        length = int(after.sum())
        step = np.minimum(since // ramp, max((length + ramp // 2) // ramp, 1) - 1)
        return {f"step {int(k) + 1}": (step == k).astype(float) for k in np.unique(step[since >= 0])}
    return {"level": after * (since < ramp)}


def _anticipation(since: np.ndarray, periods: int) -> dict[str, np.ndarray]:
    if not periods:
        return {}
    if not 0 < periods < (since < 0).sum():
        raise StudyError(
            f"anticipation is {periods} periods, but {int((since < 0).sum())} lie before the start; choose fewer, or 0 for none"
        )
    return {"anticipation": ((since < 0) & (since >= -periods)).astype(float)}


def _season(periods: pd.PeriodIndex, frequency: str, season: Season) -> dict[str, np.ndarray]:
    """Harmonics of the year, or a dummy for each month or quarter but the first."""
    cycle = PER_YEAR[frequency]
    place = {"M": periods.month, "Q": periods.quarter, "Y": np.ones(len(periods))}[frequency]
    place = np.asarray(place, dtype=float) - 1
    if season == "none" or cycle == 1:
        return {}
    if season == "dummies":
        return {f"season {k + 1}": (place == k).astype(float) for k in range(1, cycle)}
    harmonics = DEFAULT_HARMONICS[frequency] if season == "default" else season
    if not isinstance(harmonics, int) or not 0 <= harmonics <= cycle // 2:
        raise StudyError(
            f"season is {season!r}; choose 'default', 'dummies', 'none' or a number of harmonics up to {cycle // 2}"
        )
    angle = 2 * np.pi * place / cycle
    columns: dict[str, np.ndarray] = {}
    for k in range(1, harmonics + 1):
        columns[f"cos {k}"] = np.cos(k * angle)
        if 2 * k < cycle:
            columns[f"sin {k}"] = np.sin(k * angle)
    return columns


def _event(panel: Panel, name: str) -> np.ndarray:
    event = _find(panel.interventions, name)
    on = np.asarray(panel.periods.end_time >= pd.Timestamp(event.start.earliest))
    if event.end:
        on &= np.asarray(panel.periods.start_time <= pd.Timestamp(event.end))
    if on.all() or not on.any():
        raise EstimationError(
            f"'{name}' is {'on' if on.all() else 'off'} in every period, so it has no effect to adjust for; drop it"
        )
    return on.astype(float)


def _covariate(panel: Panel, unit: str, name: str) -> np.ndarray:
    """A covariate of the unit, shape (period,); the expected path needs it in every period."""
    if name not in panel.covariates:
        raise StudyError(
            f"covariates names '{name}', which the panel does not hold; it holds {', '.join(panel.covariates) or 'none'}"
        )
    series = panel.covariates[name][unit].reindex(panel.periods)
    if series.isna().any():
        raise EstimationError(
            f"the covariate '{name}' of {unit} has no value for {series.index[series.isna()][0]}; complete or drop it"
        )
    return series.to_numpy(dtype=float)


def _find(interventions: tuple[Intervention, ...], name: str) -> Intervention:
    for event in interventions:
        if event.name == name:
            return event
    known = ", ".join(event.name for event in interventions if event.role != "treatment") or "none"
    raise StudyError(f"adjust names '{name}', which is not an event of the study; its events are {known}")


def require_level(level: float, method: str) -> None:
    if not 0 < level < 1:
        raise StudyError(f"level of {method} is {level}; choose a share between 0 and 1, such as 0.95")


def require_counts(panel: Panel, method: str) -> None:
    if panel.kind != "count":
        raise EstimationError(f"{method} takes counts, but the outcome is of kind {panel.kind}; use a method for such figures")


def require_series(panel: Panel, unit: str, method: str) -> np.ndarray:
    """Which periods have a figure, shape (period,); raises where the unit is published for odd spans."""
    spans = panel.spans(unit)
    if spans:
        raise EstimationError(
            f"{method} needs one figure per period, but {unit} has the span of {spans[0]}; use latent_counts or exact_ratio"
        )
    return panel.values[unit].notna().to_numpy()


def require_both_sides(panel: Panel, unit: str, known: np.ndarray) -> tuple[str, ...]:
    """Figures and events before and after the start, or an error; few points give a note."""
    onset = panel.onsets[unit]
    after = np.asarray(panel.periods >= onset)
    counts = panel.values[unit].to_numpy()
    for side, word in ((~after, "before"), (after, "after")):
        if not (known & side).any():
            raise EstimationError(f"{unit} has no figure {word} the start {onset}; widen the baseline or move the start")
        if counts[known & side].sum() == 0:
            raise EstimationError(
                f"{unit} recorded no events {word} the start {onset}, so its ratio is "
                f"{'undefined' if word == 'before' else 'zero with no upper limit here'}; "
                + ("widen the baseline" if word == "before" else "use exact_ratio, which gives a limit")
            )
    return few_points(int((known & ~after).sum()), int((known & after).sum()), unit)


def few_points(before: int, after: int, unit: str) -> tuple[str, ...]:
    notes = []
    if min(before, after) < EPOC_POINTS:
        notes.append(
            f"{unit} has {before} points before and {after} after the start: fewer than the {EPOC_POINTS} on each side that "
            "the EPOC criteria ask of an interrupted time series"
        )
    if before + after < FEW_POINTS:
        notes.append(f"{unit} has {before + after} points in all, too few to tell trend, season and noise apart")
    return tuple(notes)


def require_full_rank(design_: Design, known: np.ndarray, unit: str) -> None:
    """Every column must add something to the others, or its coefficient means nothing."""
    columns = design_.factual[known]
    if len(columns) <= columns.shape[1]:
        raise EstimationError(
            f"{unit} has {len(columns)} figures for {columns.shape[1]} coefficients ({', '.join(design_.names)}); "
            "leave out season or trend, or use finer figures"
        )
    for last in range(1, columns.shape[1] + 1):
        if np.linalg.matrix_rank(columns[:, :last]) < last:
            raise EstimationError(
                f"the column '{design_.names[last - 1]}' says nothing that the columns before it do not say for {unit}; "
                "drop the event, the trend or the season that repeats it"
            )
