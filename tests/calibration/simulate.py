"""Made-up series whose true effect is known: the designs, the noise, and how a data set is drawn."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from gvi_eval.assembly import build_panel
from gvi_eval.executor import task_seed
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.plan import find_study, read_tables
from gvi_eval.study import Window, load_study
from gvi_eval.windows import coverage

SEED = 20181001
SEASON = 0.2  # amplitude of the one yearly wave, on the log
DRIFT = -0.05  # a year, in the settings of no place, so that the trend that is fitted is there
AMPLITUDE, CYCLE = 0.5, 96  # of the smooth cycle: on the log, and in periods
INGARCH = (0.4, 0.3, 0.3)  # mu = .4 mean + .3 y of the month before + .3 mu of the month before
WORST = 12  # months of the year after whose worst run of counts a start is placed
FEWEST_BEFORE, FEWEST_AFTER = 24, 24  # months that such a start leaves before the worst year and after itself

Hidden = Literal["AR(1)", "random walk", "cycle", "INGARCH"]
Start = Literal["given", "after the worst year", "after the worst year, donut"]


@dataclass(frozen=True)
class Noise:
    """How counts scatter: NB2 dispersion alpha a period, hidden level of sd sigma and correlation rho between periods.

    For a random walk sigma is the sd of a step; a cycle and an INGARCH process have alpha alone.
    """

    alpha: float
    sigma: float = 0.0
    rho: float = 0.0
    hidden: Hidden = "AR(1)"


@dataclass(frozen=True)
class Grid:
    """A town of no name with one figure a period: frequency, periods in all, periods from the start on."""

    frequency: Literal["M", "Q", "Y"]
    periods: int
    after: int

    @property
    def panel(self) -> Panel:
        return _grid(self.frequency, self.periods, self.after)


@dataclass(frozen=True)
class Place:
    """The figures of an embedded study as they are published, up to the end of a year where one is given."""

    study: str
    outcome: str
    until: int | None = None

    @property
    def panel(self) -> Panel:
        return _place(self)


@dataclass(frozen=True)
class Controls:
    """Untreated units beside the treated one: their mean, what all share, and what sets them apart.

    ``shared`` is an AR(1) on the log that the treated unit has as well; every unit has its own besides. ``shock`` multiplies
    all means from the start on. ``change`` is the controls' own steady change a year.
    """

    number: int
    mean: float
    shared: Noise
    shock: float = 1.0
    change: float = DRIFT


@dataclass(frozen=True)
class Setting:
    """How the series of a cell come about: a design, the mean a period before the start, its change a year, the noise.

    ``mean`` None takes the one that was published. ``fit`` are the settings that every estimator gets here, as the study
    itself or the list of settings asks for them. ``subject`` is the part of the report.
    """

    name: str
    subject: str
    design: Grid | Place
    noise: Noise
    mean: float | None = None
    change: float = DRIFT
    start: Start = "given"
    controls: Controls | None = None
    fit: tuple[tuple[str, Any], ...] = ()

    @property
    def base(self) -> Panel:
        """The design without figures of its own."""
        panel = self.design.panel
        return _with_controls(panel, self.controls.number) if self.controls else panel

    @property
    def wave(self) -> float:
        """Amplitude of the season; spans cannot tell one, and years have none."""
        panel = self.design.panel
        return 0.0 if panel.windows or PER_YEAR[panel.frequency] == 1 else SEASON

    @property
    def path(self) -> np.ndarray:
        """Expected counts of the treated unit without the programme, shape (period,)."""
        mean = published_mean(self.design.panel) if self.mean is None else self.mean
        return _path(self.design.panel, mean, self.change, self.wave)

    @property
    def in_family(self) -> bool:
        """Whether the series is one of those for which a single-series model with this mean is the true one."""
        return self.noise.hidden == "AR(1)" and self.start == "given" and (not self.controls or self.controls.shock == 1)

    def drawn(self, effect: float, number: int) -> Panel:
        """Data set ``number`` under a true ratio: the same for every estimator."""
        random = np.random.default_rng(task_seed(SEED, f"{self.name}, effect {effect:g}, data set {number}"))
        panel = self.base
        unit, onset = panel.sole_treated
        after = np.asarray(panel.periods >= onset)
        mean = self.path * np.where(after, effect, 1.0)
        if self.controls:
            return _drawn_with_controls(self, panel, mean, after, random)
        panel = _with_counts(panel, unit, mean, self.noise, random)
        return panel if self.start == "given" else _after_the_worst_year(panel, unit, donut=self.start.endswith("donut"))


def hidden_level(noise: Noise, periods: int, random: np.random.Generator) -> np.ndarray:
    """What the log mean does on its own, shape (period,), with exp of it 1 on average."""
    if noise.hidden == "cycle":
        return AMPLITUDE * np.sin(2 * np.pi * (np.arange(periods) / CYCLE + random.random()))
    shocks = random.standard_normal(periods)
    if noise.hidden == "random walk":
        steps = np.arange(periods)
        return noise.sigma * (np.cumsum(shocks) - shocks[0]) - noise.sigma**2 * steps / 2
    level = np.empty(periods)
    level[0] = shocks[0]
    for t in range(1, periods):
        level[t] = noise.rho * level[t - 1] + np.sqrt(1 - noise.rho**2) * shocks[t]
    return noise.sigma * level - noise.sigma**2 / 2


def _with_counts(panel: Panel, unit: str, mean: np.ndarray, noise: Noise, random: np.random.Generator) -> Panel:
    """The panel with a unit's figures drawn about ``mean`` (period,): Poisson about mean × hidden level × gamma noise."""
    periods = len(mean)
    if noise.hidden == "INGARCH":
        counts = _ingarch(mean, noise.alpha, random)
        return panel.with_(values=panel.values.assign(**{unit: counts}))
    level = hidden_level(noise, periods, random)
    extra = random.gamma(1 / noise.alpha, noise.alpha, periods) if noise.alpha > 0 else np.ones(periods)
    mean = mean * np.exp(level) * extra
    values = panel.values.copy()
    known = values[unit].notna().to_numpy()
    values.loc[known, unit] = random.poisson(mean[known]).astype(float)
    windows = tuple(
        replace(window, count=int(random.poisson(coverage(window, panel.periods) @ mean))) if window.unit == unit else window
        for window in panel.windows
    )
    return panel.with_(values=values, windows=windows)


def _ingarch(mean: np.ndarray, alpha: float, random: np.random.Generator) -> np.ndarray:
    """Counts whose mean follows the count and the mean of the month before, each relative to the path, shape (period,)."""
    own, of_count, of_mean = INGARCH
    counts, relative = np.empty(len(mean)), 1.0
    for t in range(len(mean)):
        if t:
            relative = own + of_count * counts[t - 1] / mean[t - 1] + of_mean * relative
        extra = random.gamma(1 / alpha, alpha) if alpha > 0 else 1.0
        counts[t] = random.poisson(mean[t] * relative * extra)
    return counts


def _after_the_worst_year(panel: Panel, unit: str, donut: bool) -> Panel:
    """The start right after the twelve months with the most events, among those that leave enough before and after."""
    counts = panel.values[unit].to_numpy()
    starts = np.arange(FEWEST_BEFORE + WORST, len(counts) - FEWEST_AFTER + 1)
    trailing = [counts[start - WORST : start].sum() for start in starts]
    start = int(starts[np.argmax(trailing)])
    panel = panel.starting(panel.periods[start])
    if not donut:
        return panel
    year = panel.periods[start - WORST : start]
    return panel.donut(Window(year[0].start_time.date(), year[-1].end_time.date()))


def _drawn_with_controls(
    setting: Setting, panel: Panel, mean: np.ndarray, after: np.ndarray, random: np.random.Generator
) -> Panel:
    controls = setting.controls
    common = np.exp(hidden_level(controls.shared, len(mean), random)) * np.where(after, controls.shock, 1.0)
    panel = _with_counts(panel, panel.sole_treated[0], mean * common, setting.noise, random)
    for unit in panel.donors:
        path = _path(setting.design.panel, controls.mean, controls.change, setting.wave)
        panel = _with_counts(panel, unit, path * common, setting.noise, random)
    return panel


def _path(panel: Panel, mean: float, change: float, wave: float) -> np.ndarray:
    """Expected counts with a steady change a year and one yearly wave, in proportion to exposure, shape (period,)."""
    unit, onset = panel.sole_treated
    cycle = PER_YEAR[panel.frequency]
    since = np.array([(period - onset).n for period in panel.periods])
    place = np.arange(len(since)) + {"M": panel.periods[0].month, "Q": panel.periods[0].quarter, "Y": 1}[panel.frequency] - 1
    shape = (1 + change) ** (since / cycle) * np.exp(wave * np.cos(2 * np.pi * place / cycle))
    shape = shape * panel.exposure[unit].to_numpy(dtype=float)
    return mean * shape / shape[since < 0].mean()


@cache
def _grid(frequency: str, periods: int, after: int) -> Panel:
    first = {"M": "2010-01", "Q": "2010Q1", "Y": "2000"}[frequency]
    index = pd.period_range(first, periods=periods, freq=frequency)
    cells = pd.DataFrame({"Town": np.zeros(periods)}, index=index)
    return Panel(cells, cells + 1.0, {"Town": index[periods - after]})


@cache
def _place(place: Place) -> Panel:
    panel = study_panel(place.study, place.outcome)
    return panel.until(date(place.until, 12, 31)) if place.until else panel


def _with_controls(panel: Panel, number: int) -> Panel:
    """The panel with untreated units that have a figure every period."""
    names = [f"Control {place}" for place in range(1, number + 1)]
    zeros = pd.DataFrame(0.0, index=panel.periods, columns=names)
    exposure = panel.exposure.join(zeros + 1.0)
    return panel.with_(values=panel.values.join(zeros), exposure=exposure, covariates={}, sources=None)


@cache
def study_panel(name: str, outcome: str) -> Panel:
    """The treated unit of an embedded study without donors, over its whole baseline."""
    file = find_study(name)
    study = load_study(file)
    return build_panel(study, read_tables(study, file.parent), outcome, beside=())


def published_mean(panel: Panel) -> float:
    """Events a period that were published for the time before the start."""
    unit, onset = panel.sole_treated
    counts, matrix = panel.observations(unit)
    before = matrix[:, np.asarray(panel.periods < onset)].sum(axis=1) > matrix.sum(axis=1) / 2
    return float(counts[before].sum() / matrix[before].sum())
