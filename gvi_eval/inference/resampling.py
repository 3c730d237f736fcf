"""How sure are we with several treated units: leave each out, draw them anew, or give their starts to others."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.effect import Effect, contrast_rows
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.did import FEWEST_CLUSTERS
from gvi_eval.inference.placebo import HALF, size_scale
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

Among = Literal["all units", "never treated"]
AMONG = ("all units", "never treated")
DRAWS = 999
FEW_DRAWS = 99  # where a study runs it: the floor is then .01
MOST_FAILED = 0.05  # share of the bootstrap draws that may have no effect


class OverUnits(Protocol):
    """An estimator that takes panels with several treated units, such as `Staggered`."""

    name: str
    level: float

    def estimate(self, panel: Panel) -> Effect: ...


@dataclass(frozen=True, eq=False)
class Jackknife:
    """ratios (left out,): the ratio of all without each unit; left_out, their names; the standard error of the log ratio."""

    left_out: tuple[str, ...]
    ratios: np.ndarray
    log_ratio: float
    standard_error: float
    interval: Interval
    note: str


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """ratios (draw,) of all in each draw that has one; the standard error of the log ratio; how many draws have none."""

    ratios: np.ndarray
    log_ratio: float
    standard_error: float
    interval: Interval
    failed: int
    note: str


@dataclass(frozen=True, eq=False)
class PermutedStarts:
    """What the ratio of all is when the starts are given to other units: the actual assignment first.

    log_ratio (assignment,), with half an event added to counts; spread (assignment,): sqrt(a + b / count) for the count that
    is usual over the treated cells; assignments, of ``possible`` ones, and whether they are all of them.
    """

    units: tuple[tuple[str, ...], ...]
    log_ratio: np.ndarray
    spread: np.ndarray
    possible: int
    enumerated: bool
    test: Test
    note: str


def resampled(estimator: OverUnits, panel: Panel, effect: Effect) -> Effect:
    """The effect over all treated units with its jackknife interval and its test by permuted starts; only ratios have them.

    What cannot be resampled, such as a single treated unit, is a note with its reason.
    """
    if effect.estimand.contrast != "ratio":
        return replace(effect, notes=(*effect.notes, "the interval and the test are those of the ratio"))
    intervals, tests, notes = [], [], list(effect.notes)
    try:
        found = jackknife(estimator, panel, effect.estimand)
        intervals.append(found.interval)
        notes.append(found.note)
    except EstimationError as fault:
        notes.append(f"no interval: {fault}")
    try:
        starts = permuted_starts(estimator, panel, effect.estimand, draws=FEW_DRAWS)
        tests.append(starts.test)
        notes.append(starts.note)
    except EstimationError as fault:
        notes.append(f"no test: {fault}")
    return replace(effect, intervals=tuple(intervals), tests=tuple(tests), notes=tuple(notes))


def jackknife(estimator: OverUnits, panel: Panel, estimand: Estimand | None = None) -> Jackknife:
    """Every treated unit is left out in turn; θ_(j) is the log ratio of all without unit j, of J.

        standard error² = (J − 1) / J · Σ_j (θ_(j) − mean of θ_(·))²,     interval: θ ± t_{J−1} · standard error

    It says how much the answer rests on which units were treated. Donors are the same in all of it, so their own scatter,
    which is common to the treated units, is not in it; `permuted_starts` sees both. With two units the interval is
    the width of a t with one degree of freedom. Raises `EstimationError` with fewer than two treated units, for a unit without
    which there is no effect, and for contrasts other than the ratio.

    Source: Efron & Stein (1981) The jackknife estimate of variance, Ann. Stat. 9(3) 586-596, doi:10.1214/aos/1176345462.
    Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021) Synthetic difference-in-differences, Am. Econ. Rev. 111(12),
    doi:10.1257/aer.20190159, algorithm 3, leaves out donors as well.
    """
    treated = panel.treated
    if len(treated) < 2:
        raise EstimationError(
            f"a jackknife over treated units leaves none of the {len(treated)} treated unit ({', '.join(treated) or 'none'}); "
            "use placebos"
        )
    whole = _log_ratio(estimator, panel, estimand)
    logs = np.array([_log_ratio(estimator, panel.without(unit), estimand, unit) for unit in treated])
    count = len(treated)
    error = math.sqrt((count - 1) / count * float(((logs - logs.mean()) ** 2).sum()))
    reach = float(special.stdtrit(count - 1, (1 + estimator.level) / 2)) * error
    note = (
        f"each of the {count} treated units is left out in turn; the scatter of the donors, common to all of them, is not in it"
    )
    return Jackknife(treated, np.exp(logs), whole, error, _interval(whole, reach, estimator.level, "jackknife"), note)


def bootstrap(
    estimator: OverUnits, panel: Panel, estimand: Estimand | None = None, *, draws: int = DRAWS, seed: int = 1
) -> Bootstrap:
    """Treated units and donors are drawn anew with replacement, each among their own kind, and all is estimated again.

    The interval holds the middle ``level`` of the ratios. A draw without an effect (no event where one is needed) is left
    out and counted. Raises `EstimationError` with fewer than five treated units, since few clusters drawn with replacement
    scatter less than they should, and where more than 5 % of the draws have no effect.

    Source: Cameron, Gelbach & Miller (2008) Bootstrap-based improvements for inference with clustered errors, Rev. Econ.
    Stat. 90(3) 414-427, doi:10.1162/rest.90.3.414.
    """
    treated, donors = list(panel.treated), sorted(panel.donors)
    if len(treated) < FEWEST_CLUSTERS:
        raise EstimationError(
            f"a bootstrap over {len(treated)} treated units ({', '.join(treated)}) would be too certain; it needs "
            f"{FEWEST_CLUSTERS}: use permuted_starts or a jackknife"
        )
    _require_spanless(panel, "bootstrap")
    whole, random, logs = _log_ratio(estimator, panel, estimand), np.random.default_rng(seed), []
    for _ in range(draws):
        drawn = [*random.choice(treated, len(treated)), *random.choice(donors, len(donors))]
        try:
            logs.append(_log_ratio(estimator, _redrawn(panel, [str(unit) for unit in drawn]), estimand))
        except EstimationError:
            continue
    failed = draws - len(logs)
    if failed > MOST_FAILED * draws:
        raise EstimationError(
            f"{failed} of {draws} draws of the {len(treated)} treated units and {len(donors)} donors have no effect; use "
            "coarser periods or permuted_starts"
        )
    lower, upper = np.quantile(logs, [(1 - estimator.level) / 2, (1 + estimator.level) / 2])
    note = f"{draws} draws of {len(treated)} treated units and {len(donors)} donors"
    note += f", {failed} without an effect" if failed else ""
    interval = Interval(float(np.exp(lower)), float(np.exp(upper)), estimator.level, "bootstrap")
    return Bootstrap(np.exp(logs), whole, float(np.std(logs, ddof=1)), interval, failed, note)


def permuted_starts(
    estimator: OverUnits,
    panel: Panel,
    estimand: Estimand | None = None,
    *,
    among: Among = "all units",
    draws: int = DRAWS,
    seed: int = 1,
) -> PermutedStarts:
    """The same starts given to other units, all of them where there are no more than ``draws`` ways, else a seeded sample.

    The statistic is |log ratio of all| over sqrt(a + b / m), m the count that is usual over the treated cells (mean count
    before the start times treated periods, summed), a, b ≥ 0 fitted on all assignments alike, so that an assignment to small
    places is not far out by chance alone. p = the share of the assignments, the actual one included, that lie as far
    out; 1 over their number is its floor.

    ``among`` 'all units': any unit may get any start. If starts were given at random, and nothing has an effect, the p is
    exact, whatever the figures. 'never treated': the treated units leave and their starts go to donors, so that a
    real effect is in no placebo; the p is then that of a rank among donors and too small when these are few, since the
    scatter of the treated units themselves is not in the reference (two or three treated units and 8 to 20 alike donors:
    a nominal 5 % rejects 6 to 8 % of true nulls). An assignment without an effect counts as
    infinitely far out, which can only raise p. Raises `EstimationError` where there is nobody to give the starts to, and as
    the estimator does.

    Source: Athey & Imbens (2022) Design-based analysis in difference-in-differences settings with staggered adoption, J.
    Econom. 226(1) 62-79, doi:10.1016/j.jeconom.2020.10.012.
    """
    if among not in AMONG:
        raise StudyError(f"permuted starts go among {among!r}; choose {', '.join(AMONG)}")
    _require_spanless(panel, "a permutation of starts")
    treated = tuple(panel.treated)
    pool = sorted(panel.values.columns) if among == "all units" else sorted(panel.donors)
    starts = tuple(panel.onsets.values())
    possible = _ways(len(pool), starts)
    if possible < 2:
        raise EstimationError(
            f"{len(pool)} units ({', '.join(pool)}) can take the {len(starts)} starts of {', '.join(treated)} in {possible} "
            "ways, which is no comparison; admit more donors"
        )
    enumerated = possible - (among == "all units") <= draws
    others = _every(pool, starts) if enumerated else _sampled(pool, starts, draws, np.random.default_rng(seed))
    own = _key(treated, starts)
    named = [treated, *(units for units in others if not (enumerated and _key(units, starts) == own))]
    rest = panel if among == "all units" else panel.without(*treated)
    logs, counts = np.empty(len(named)), np.empty(len(named))
    for row, units in enumerate(named):
        base = panel if row == 0 else rest
        logs[row], counts[row] = _far(estimator, base.with_(onsets=dict(zip(units, starts, strict=True))), estimand, row == 0)
    finite = np.isfinite(logs) & (counts > 0)
    a, b = size_scale(logs[finite], counts[finite]) if panel.kind == "count" else (1.0, 0.0)
    spread = np.sqrt(a + b / np.where(counts > 0, counts, np.inf))
    far = np.abs(logs) / np.where(spread > 0, spread, 1.0)
    beyond = int((far[1:] >= far[0] * (1 - 1e-12)).sum())
    what = f"all {len(named)}" if enumerated else f"{len(named)} of {possible:,}"
    null = f"the starts of {', '.join(treated)} might as well have been those of other units (no effect anywhere)"
    test = Test("permuted starts", null, float(far[0]), (1 + beyond) / len(named), 1 / len(named))
    note = f"p from {what} ways to give the {len(starts)} starts to {'units' if among == 'all units' else 'donors'}"
    note += "" if enumerated else f", drawn with seed {seed}"
    return PermutedStarts(tuple(named), logs, spread, possible, enumerated, test, note)


def _log_ratio(estimator: OverUnits, panel: Panel, estimand: Estimand | None, left_out: str = "") -> float:
    effect = _effect(estimator, panel, estimand)
    if not effect.point > 0:
        without = f" without {left_out}" if left_out else ""
        raise EstimationError(f"the ratio of {', '.join(panel.treated)}{without} is 0 and has no log; widen the window")
    return math.log(effect.point)


def _effect(estimator: OverUnits, panel: Panel, estimand: Estimand | None) -> Effect:
    estimand = estimand or panel.estimand
    if estimand.contrast != "ratio":
        raise EstimationError(
            f"units are resampled for the contrast ratio, and that of '{estimand.name}' is {estimand.contrast}; take the ratio"
        )
    effect = estimator.estimate(panel if estimand == panel.estimand else panel.with_(estimand=estimand))
    if effect.refusal:
        raise EstimationError(effect.refusal)
    return effect


def _interval(centre: float, reach: float, level: float, kind: Literal["jackknife"]) -> Interval:
    return Interval(math.exp(centre - reach), math.exp(centre + reach), level, kind)


def _require_spanless(panel: Panel, what: str) -> None:
    if panel.windows:
        raise EstimationError(
            f"{what} needs one figure per period, but the panel has the span of {panel.windows[0]}; leave it out"
        )


def _redrawn(panel: Panel, units: list[str]) -> Panel:
    """The panel of units that may stand in it several times, each under a name of its own."""
    copies: Counter[str] = Counter()
    names = []
    for unit in units:
        copies[unit] += 1
        names.append(unit if copies[unit] == 1 else f"{unit} ({copies[unit]})")

    def taken(table: pd.DataFrame) -> pd.DataFrame:
        return table[units].set_axis(names, axis="columns")

    return panel.with_(
        values=taken(panel.values),
        exposure=taken(panel.exposure),
        onsets={name: panel.onsets[unit] for name, unit in zip(names, units, strict=True) if unit in panel.onsets},
        covariates={},
        interventions=(),
        sources=None,
    )


def _key(units: tuple[str, ...], starts: tuple[pd.Period, ...]) -> tuple[tuple[pd.Period, str], ...]:
    """An assignment without the order of units that share a start."""
    return tuple(sorted(zip(starts, units, strict=True)))


def _ways(size: int, starts: tuple[pd.Period, ...]) -> int:
    """In how many ways so many units can take these starts."""
    return math.perm(size, len(starts)) // math.prod(math.factorial(many) for many in Counter(starts).values())


def _every(pool: list[str], starts: tuple[pd.Period, ...]) -> Iterator[tuple[str, ...]]:
    """Each way once: units that share a start stand in the order of the pool."""
    order = {unit: place for place, unit in enumerate(pool)}
    before = [max((i for i in range(k) if starts[i] == starts[k]), default=-1) for k in range(len(starts))]
    for units in itertools.permutations(pool, len(starts)):
        if all(i < 0 or order[units[i]] < order[units[k]] for k, i in enumerate(before)):
            yield units


def _sampled(
    pool: list[str], starts: tuple[pd.Period, ...], draws: int, random: np.random.Generator
) -> Iterator[tuple[str, ...]]:
    for _ in range(draws):
        yield tuple(str(unit) for unit in random.choice(pool, len(starts), replace=False))


def _far(estimator: OverUnits, panel: Panel, estimand: Estimand | None, actual: bool) -> tuple[float, float]:
    """The log ratio of all, and the count that is usual over its treated cells; infinite and 0 where it has none."""
    try:
        effect = _effect(estimator, panel, estimand)
    except EstimationError:
        if actual:
            raise
        return math.inf, 0.0
    paths, rows = effect.counterfactual, contrast_rows(effect.counterfactual, effect.estimand, effect.onset)
    rows = rows[paths.observed.notna().to_numpy()[rows]]
    added = HALF if panel.kind == "count" else 0.0
    reached, expected = (float(path.to_numpy()[rows].sum()) + added for path in (paths.observed, paths.expected))
    usual = 0.0
    for unit, onset in panel.onsets.items():
        earlier = panel.values[unit].to_numpy()[panel.periods < onset]
        usual += float(np.nanmean(earlier)) * int((panel.periods[rows] >= onset).sum())
    return (math.log(reached / expected) if reached > 0 < expected else math.inf), usual
