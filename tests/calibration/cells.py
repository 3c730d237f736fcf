"""Which estimators are put on which series, under which true ratio: one cell is one row of the record."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import estimator_class, make_estimator
from gvi_eval.hashing import canonical_json

from .simulate import DRIFT, Controls, Grid, Noise, Place, Setting

SEVENTEEN, OUTSIDE, PLACES, CONTROLLED = "seventeen settings", "outside the family", "published spans", "with controls"
DEFAULTS = ("latent_counts", "controlled")
NULL, POWER_RULE = 1.0, 0.5

POISSON = {"family": "poisson", "covariance": "model"}
NEWEY_WEST = {"family": "poisson", "covariance": "newey_west"}
NB2 = {"family": "nb2", "covariance": "model", "quantiles": "t"}
LABELS = {
    "segmented": {
        canonical_json({}): "`segmented`",
        canonical_json(POISSON): "Poisson",
        canonical_json(NEWEY_WEST): "Newey–West",
        canonical_json(NB2): "NB2, t",
    }
}
MOST, FEWER, FEWEST = 600, 300, 150  # data sets a cell of quick fits: without an effect, of NB2, with an effect
SETS = {"arima": 150, "structural": 60, "controlled": 100, "bayes_counts": 40}  # of dear fits
WITH_AN_EFFECT = {"controlled": 60}
DEAREST = 40  # of a model of several controls, or of spans with a control
DEAR = {"arima": 10, "structural": 5, "controlled": 1, "bayes_counts": 5}  # data sets that go to a worker at once


@dataclass(frozen=True)
class Cell:
    """An estimator with settings of its own on the series of a setting, under a true ratio."""

    setting: Setting
    effect: float
    estimator: str
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its own and those that the series asks for, as far as the estimator has them."""
        known = {each.name for each in dataclasses.fields(estimator_class(self.estimator))}
        return {name: value for name, value in self.setting.fit if name in known} | dict(self.own)

    @property
    def model(self) -> str:
        """The mean that is fitted."""
        estimator = make_estimator(self.estimator, self.settings)
        change = {"level+slope": "level + slope"}.get(getattr(estimator, "change", "level"), "level")
        return f"{change} + trend" if getattr(estimator, "trend", False) else change

    @property
    def key(self) -> tuple[str, str, str, float]:
        return self.estimator, canonical_json(self.settings), self.setting.name, self.effect

    @property
    def label(self) -> str:
        """The estimator as a column is headed."""
        own = canonical_json({name: value for name, value in self.own.items() if name != "trend"})
        return LABELS.get(self.estimator, {}).get(own, f"`{self.estimator}`")

    @property
    def sets(self) -> int:
        """Data sets of this cell: fewer where a fit is dear, and fewer of those with an effect."""
        if self.estimator == "controlled" and (self.setting.controls.number > 1 or self.setting.base.windows):
            return DEAREST
        if self.effect != NULL and self.estimator in WITH_AN_EFFECT:
            return WITH_AN_EFFECT[self.estimator]
        if self.own == NB2:
            return FEWER
        return SETS.get(self.estimator, MOST if self.effect == NULL else FEWEST)

    @property
    def batch(self) -> int:
        return DEAR.get(self.estimator, 20)

    @property
    def is_default(self) -> bool:
        """Of an estimator that stands for a headline, as it comes, with or without the trend."""
        return self.estimator in DEFAULTS and set(self.own) <= {"trend"}

    @property
    def in_family(self) -> bool:
        """Whether the mean that is fitted can be the true one and the noise is what the model says."""
        setting, has_trend = self.setting, self.model.endswith("trend")
        if self.estimator == "controlled" and setting.controls:
            return has_trend or setting.change == setting.controls.change
        return setting.in_family and (has_trend or setting.change == 0)

    def outcome(self, number: int) -> tuple[float, float, float] | None:
        """Log ratio and its limits on one data set; None for a refusal."""
        try:
            effect = make_estimator(self.estimator, self.settings).estimate(self.setting.drawn(self.effect, number))
        except EstimationError:
            return None
        return _logs(effect)


def outcome(inputs: tuple[Cell, int], seed: int) -> tuple[float, float, float] | None:
    """`Cell.outcome` for the executor; the seed is that of the data set, which every estimator shares."""
    cell, number = inputs
    return cell.outcome(number)


def _logs(effect: Effect) -> tuple[float, float, float] | None:
    if effect.point is None or not effect.intervals:
        return None
    interval = effect.intervals[0]
    with np.errstate(divide="ignore"):
        point, lower, upper = np.log([effect.point, interval.lower, interval.upper])
    return float(point), float(lower), float(upper)


# --- the series

AGGREGATED = {"M": "monthly", "Q": "quarterly", "Y": "yearly"}


def _numbers(noise: Noise) -> str:
    return f"alpha {noise.alpha:g}, sigma {noise.sigma:g}, rho {noise.rho:g}"


def _grid(frequency: str, periods: int, after: int, mean: float, *noise: float, slope: bool = False) -> Setting:
    size = "" if (frequency, periods) == ("M", 96) else f" {periods} with {after} after,"
    level = " level + slope," if slope else ""
    name = f"{AGGREGATED[frequency]},{size}{level} mean {mean:g}, {_numbers(Noise(*noise))}"
    fit = (("change", "level+slope"),) if slope else ()
    return Setting(name, SEVENTEEN, Grid(frequency, periods, after), Noise(*noise), mean, fit=fit)


MONTHLY = [
    _grid("M", 96, 36, *numbers)
    for numbers in (
        (1.5, 0, 0, 0),
        (1.5, 0.3, 0, 0),
        (1.5, 0.2, 0.4, 0.5),
        (1.5, 0.2, 0.4, 0.85),
        (5, 0, 0, 0),
        (5, 0.3, 0, 0),
        (5, 0.1, 0.4, 0.3),
        (5, 0.1, 0.4, 0.6),
        (5, 0.1, 0.4, 0.85),
        (20, 0.05, 0.3, 0.6),
    )
]
OTHER_GRIDS = [
    _grid("M", 144, 60, 5, 0.1, 0.4, 0.6),
    _grid("M", 96, 36, 5, 0.1, 0.4, 0.6, slope=True),
    _grid("M", 48, 24, 3, 0.2, 0.4, 0.5),
    _grid("Q", 40, 16, 12, 0.05, 0.3, 0.5),
    _grid("Y", 20, 6, 40, 0, 0.2, 0),
    _grid("Y", 20, 6, 40, 0, 0.2, 0.5),
    _grid("Y", 12, 5, 40, 0, 0.2, 0.3),
]
SETTINGS = [*MONTHLY, *OTHER_GRIDS]

MONTHS = Grid("M", 96, 36)
ORDINARY = Noise(0.1, 0.4, 0.6)
STRANGE = [
    Setting("INGARCH(1, 1)", OUTSIDE, MONTHS, Noise(0.1, hidden="INGARCH"), 5),
    Setting("random walk, sd 0.06 a month", OUTSIDE, MONTHS, Noise(0.1, 0.06, hidden="random walk"), 5),
    Setting("smooth cycle of 96 months", OUTSIDE, MONTHS, Noise(0.1, hidden="cycle"), 5),
    Setting("start after the worst year", OUTSIDE, MONTHS, ORDINARY, 5, start="after the worst year"),
    Setting(
        "start after the worst year, that year left out", OUTSIDE, MONTHS, ORDINARY, 5, start="after the worst year, donut"
    ),
]


def _place(words: str, design: Place, noise: Noise, walk: float, **fit: Any) -> list[Setting]:
    """The conditions under which the figures of a place are simulated; ``walk`` is the sd of a step of a random walk."""
    stiff = dataclasses.replace(noise, rho=0.85)
    wandering = Noise(noise.alpha, walk, hidden="random walk")
    conditions = (
        (f"flat, rho {noise.rho:g}", noise, 0.0),
        (f"falling 10 % a year, rho {noise.rho:g}", noise, -0.1),
        (f"falling 20 % a year, rho {noise.rho:g}", noise, -0.2),
        ("flat, rho 0.85", stiff, 0.0),
        ("flat, random walk", wandering, 0.0),
    )
    return [
        Setting(f"{words}, {how}", PLACES, design, own, None, change, fit=tuple(fit.items())) for how, own, change in conditions
    ]


COPENHAGEN = Noise(0.004, 0.07, 0.6)  # near the posterior means of the study itself: its counts are in the hundreds
SPANS = {
    "Malmö to 2022": _place("Malmö spans to 2022", Place("malmo", "shootings", 2022), ORDINARY, 0.06),
    "Malmö to 2023": _place("Malmö spans to 2023", Place("malmo", "shootings"), ORDINARY, 0.06),
    "Boston": _place("Boston's months", Place("boston", "youth"), ORDINARY, 0.06, season="dummies"),
    "Copenhagen": _place(
        "Copenhagen's quarters",
        Place("copenhagen", "violence"),
        COPENHAGEN,
        0.02,
        adjust=("Reporting of violence 2017Q2",),
    ),
}

SHARED, OWN = Noise(0.0, 0.3, 0.6), Noise(0.1, 0.25, 0.6)


def _with_controls(words: str, design: Grid | Place, mean: float | None, change: float, controls: Controls) -> Setting:
    return Setting(words, CONTROLLED, design, OWN, mean, change, controls=controls)


BESIDE = [
    _with_controls("monthly, mean 5, one control of mean 5", MONTHS, 5, DRIFT, Controls(1, 5, SHARED)),
    _with_controls("monthly, mean 5, one control of mean 20", MONTHS, 5, DRIFT, Controls(1, 20, SHARED)),
    _with_controls("monthly, mean 5, three controls of mean 20", MONTHS, 5, DRIFT, Controls(3, 20, SHARED)),
    _with_controls(
        "monthly, mean 5, three controls of mean 20, all fall by 30 % at the start",
        MONTHS,
        5,
        DRIFT,
        Controls(3, 20, SHARED, 0.7),
    ),
    _with_controls(
        "monthly, mean 5, three controls of mean 20 that rise by 5 % a year",
        MONTHS,
        5,
        DRIFT,
        Controls(3, 20, SHARED, change=0.05),
    ),
    *(
        _with_controls(
            f"Malmö spans to 2023, one monthly control of mean 22{words}", Place("malmo", "shootings"), None, change, controls
        )
        for words, change, controls in (
            ("", 0.0, Controls(1, 22, SHARED, change=0.0)),
            (", both fall by 30 % at the start", 0.0, Controls(1, 22, SHARED, 0.7, 0.0)),
            (", Malmö falling 10 % a year, the control flat", -0.1, Controls(1, 22, SHARED, change=0.0)),
        )
    ),
]

# --- the cells, those worth most first


def _pair(setting: Setting, effect: float, *estimators: tuple[str, Mapping[str, Any]]) -> Iterator[Cell]:
    return (Cell(setting, effect, estimator, own) for estimator, own in estimators)


LATENT, LEVEL = ("latent_counts", {}), ("latent_counts", {"trend": False})
QUASI, QUASI_LEVEL = ("segmented", {}), ("segmented", {"trend": False})
EXACT = ("exact_ratio", {})
DEFAULT = (LATENT, QUASI)
OTHER_REGRESSIONS = (("segmented", POISSON), ("segmented", NEWEY_WEST), ("segmented", NB2))


JOINT, JOINT_LEVEL = ("controlled", {}), ("controlled", {"trend": False})
SAMPLED = ("bayes_counts", {})
MODERATE = 0.6


def _of_places(effect: float, settings: Callable[[list[Setting]], list[Setting]]) -> Iterator[Cell]:
    for place in SPANS.values():
        companions = () if place[0].design.panel.windows else (QUASI, QUASI_LEVEL)
        for setting in settings(place):
            yield from _pair(setting, effect, LATENT, LEVEL, *companions, EXACT)


# The default and its frequentist companion.
DEFAULT_CELLS = (
    *(cell for setting in SETTINGS for cell in _pair(setting, NULL, *DEFAULT)),
    *_of_places(NULL, lambda place: place),
    *(cell for setting in STRANGE for cell in _pair(setting, NULL, *DEFAULT)),
    *(cell for setting in STRANGE if setting.start != "given" for cell in _pair(setting, NULL, LEVEL, QUASI_LEVEL)),
)
REGRESSION_CELLS = (*(cell for setting in (*SETTINGS, *STRANGE) for cell in _pair(setting, NULL, *OTHER_REGRESSIONS)),)
CONTROLLED_CELLS = (
    *(cell for setting in (*BESIDE[:2], *BESIDE[5:], *BESIDE[2:5]) for cell in _pair(setting, NULL, JOINT)),
    *(cell for setting in (*BESIDE[:2], BESIDE[5]) for cell in _pair(setting, POWER_RULE, JOINT)),
    *(cell for setting in (*BESIDE[:2], BESIDE[5]) for cell in _pair(setting, NULL, JOINT_LEVEL)),
)
SAMPLED_CELLS = (Cell(MONTHLY[7], NULL, *SAMPLED),)
TIME_SERIES_CELLS = (
    *(cell for setting in (*SETTINGS, *STRANGE) for cell in _pair(setting, NULL, ("arima", {}))),
    *(
        cell
        for setting in (*MONTHLY[2:3], *MONTHLY[4:5], *MONTHLY[7:10], STRANGE[1])
        for cell in _pair(setting, NULL, ("structural", {}))
    ),
)
EFFECT_CELLS = (
    *(cell for setting in SETTINGS for cell in _pair(setting, POWER_RULE, *DEFAULT)),
    *(cell for setting in (MONTHLY[2], MONTHLY[4], MONTHLY[7]) for cell in _pair(setting, MODERATE, *DEFAULT)),
)
CELLS = (*DEFAULT_CELLS, *REGRESSION_CELLS, *CONTROLLED_CELLS, *SAMPLED_CELLS, *TIME_SERIES_CELLS, *EFFECT_CELLS)
