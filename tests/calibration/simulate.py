"""Made-up series whose true effect is known, and what an estimator says about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import pandas as pd

from gvi_eval.assembly import build_panel
from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import make_estimator
from gvi_eval.hashing import canonical_json
from gvi_eval.panel import Panel
from gvi_eval.plan import find_study, read_tables
from gvi_eval.sensitivity.power import Noise, simulate
from gvi_eval.study import load_study

MONTHS, MONTHS_AFTER = 96, 36
SEASON = 0.2  # amplitude of the one yearly wave, on the log
DRIFT = -0.05  # a year, in the monthly settings, so that the trend that is fitted is there


@dataclass(frozen=True)
class Setting:
    """How the series of a cell come about: a design, the mean before the start, its steady change a year, and the noise.

    ``mean`` is the average a month before the start; None takes the one that was published.
    """

    name: str
    design: Literal["monthly"] | int  # or the last year of Malmö's spans
    mean: float | None
    change: float
    noise: Noise

    @property
    def wave(self) -> float:
        return SEASON if self.design == "monthly" else 0.0

    @property
    def panel(self) -> Panel:
        return monthly() if self.design == "monthly" else malmo(self.design)

    @property
    def path(self) -> np.ndarray:
        """Expected counts without the programme, shape (period,)."""
        unit, onset = self.panel.sole_treated
        since = np.array([(period - onset).n for period in self.panel.periods])
        month = np.asarray(self.panel.periods.month) - 1
        shape = (1 + self.change) ** (since / 12) * np.exp(self.wave * np.cos(2 * np.pi * month / 12))
        mean = published_mean(self.panel) if self.mean is None else self.mean
        return mean * shape / shape[since < 0].mean()

    def drawn(self, effect: float, number: int) -> Panel:
        """Data set ``number`` under a true ratio: the same for every estimator."""
        return _drawn(self, effect, number)


@dataclass(frozen=True)
class Cell:
    """One row of the record: an estimator with its settings on the series of a setting, under a true ratio."""

    setting: Setting
    effect: float
    estimator: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The mean that is fitted."""
        has_trend = getattr(make_estimator(self.estimator, self.settings), "trend", False)
        return "level + trend" if has_trend else "level"

    @property
    def key(self) -> tuple[str, str, str, float]:
        return self.estimator, canonical_json(self.settings), self.setting.name, self.effect

    @property
    def is_default(self) -> bool:
        """Of the estimator that stands for a single series, as it comes, with or without the trend."""
        return self.estimator == "latent_counts" and set(self.settings) <= {"trend"}

    @property
    def in_family(self) -> bool:
        """Whether the mean that is fitted can be the true one."""
        return self.model == "level + trend" or self.setting.change == 0

    def outcome(self, number: int) -> tuple[float, float, float] | None:
        """Log ratio and its limits on one data set; None for a refusal."""
        try:
            effect = make_estimator(self.estimator, self.settings).estimate(self.setting.drawn(self.effect, number))
        except EstimationError:
            return None
        return _logs(effect)


def _logs(effect: Effect) -> tuple[float, float, float] | None:
    if effect.point is None or not effect.intervals:
        return None
    interval = effect.intervals[0]
    point, lower, upper = np.log([effect.point, interval.lower, interval.upper])
    return float(point), float(lower), float(upper)


@lru_cache(maxsize=1000)  # the estimators of a setting come one after the other
def _drawn(setting: Setting, effect: float, number: int) -> Panel:
    seed = int.from_bytes(sha256(f"{setting.name}, effect {effect:g}".encode()).digest()[:4])
    return simulate(setting.panel, setting.path, effect, setting.noise, [seed, number])


@cache
def monthly() -> Panel:
    """An empty monthly series."""
    periods = pd.period_range("2010-01", periods=MONTHS, freq="M")
    cells = pd.DataFrame({"Town": np.zeros(MONTHS)}, index=periods)
    return Panel(cells, cells + 1.0, {"Town": periods[MONTHS - MONTHS_AFTER]})


@cache
def malmo(year: int) -> Panel:
    """Malmö's published spans up to the end of a year."""
    return study_panel("malmo", "shootings").until(date(year, 12, 31))


@cache
def study_panel(name: str, outcome: str) -> Panel:
    """An outcome of an embedded study, over its whole baseline."""
    file = find_study(name)
    study = load_study(file)
    return build_panel(study, read_tables(study, file.parent), outcome)


@cache
def published_mean(panel: Panel) -> float:
    """Events a month that were published for the time before the start."""
    unit, onset = panel.sole_treated
    counts, matrix = panel.observations(unit)
    before = matrix[:, np.asarray(panel.periods < onset)].sum(axis=1) > matrix.sum(axis=1) / 2
    return float(counts[before].sum() / matrix[before].sum())


def _monthly_setting(mean: float, alpha: float, sigma: float, rho: float) -> Setting:
    name = f"monthly, mean {mean:g}, alpha {alpha:g}, sigma {sigma:g}, rho {rho:g}"
    return Setting(name, "monthly", mean, DRIFT, Noise("", alpha, sigma, rho))


def _malmo_setting(year: int, change: float, rho: float) -> Setting:
    words = f"falling {-change:.0%} a year".replace("%", " %") if change else "flat"
    return Setting(f"Malmö spans to {year}, {words}, rho {rho:g}", year, None, change, Noise("", 0.1, 0.4, rho))


MONTHLY = [_monthly_setting(*numbers) for numbers in ((5, 0.1, 0.4, 0.6), (1.5, 0.2, 0.4, 0.5), (5, 0, 0, 0))]
SPANS = {year: [_malmo_setting(year, *how) for how in ((0, 0.6), (-0.1, 0.6), (-0.2, 0.6), (0, 0.85))] for year in (2022, 2023)}
POISSON = {"family": "poisson", "covariance": "model"}

CELLS = (
    *(
        Cell(setting, effect, estimator, settings)
        for setting in MONTHLY
        for effect in (1.0, 0.6)
        for estimator, settings in (("latent_counts", {}), ("segmented", {}), ("segmented", POISSON))
    ),
    *(
        Cell(setting, 1.0, estimator, settings)
        for year in SPANS
        for setting in SPANS[year]
        for estimator, settings in (("latent_counts", {}), ("latent_counts", {"trend": False}), ("exact_ratio", {}))
    ),
    *(Cell(SPANS[2022][0], effect, "latent_counts", settings) for effect in (0.75, 0.5) for settings in ({}, {"trend": False})),
)
