"""Made-up quarters of Danish municipalities beside a treated unit, and what each method with donors says of them.

The donors are those of the file: 66 municipalities with their mean counts of reported violence and their mean population,
2016Q1 to 2025Q4, start 2022Q3. With unit j, quarter t and exp of every hidden level 1 on average,

    y_jt ~ NB2(mu_jt, alpha),   log mu_jt = log population_j + log rate_j + season_t + common_t + u_jt,

common an AR(1) that all share and u_j one of the unit's own. All treated units of a data set stand beside the same donors and the same
path, so what a method makes of the donors among themselves is worked out once (`joined`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError
from gvi_eval.estimators import augmented, did, factor, make_estimator, penalized, sdid, synthetic
from gvi_eval.estimators._comparison import Comparative, Comparison, Family, comparison
from gvi_eval.executor import task_seed
from gvi_eval.hashing import canonical_json
from gvi_eval.inference import placebo
from gvi_eval.inference.admission import fit_of, refusals
from gvi_eval.panel import Panel

from .danish_file import donors_of_file
from .simulate import SEED, Noise, hidden_level

QUARTERS, START = pd.period_range("2016Q1", "2025Q4", freq="Q"), pd.Period("2022Q3", freq="Q")
TOWN = "Town"
SIZES = (1, 5, 20)  # times the population of the median donor
BELOW, ABOVE = 0.6, 1.5  # times the lowest and the highest rate of a donor
POSITIONS = ("inside", "below", "above")
NULL, EFFECT = 1.0, 0.6

# As in the file (`danish_file`): log rate of all donors by quarter of the year, and what is left of it as an AR(1).
SEASON = (-0.108, 0.054, 0.032, 0.022)
COMMON = Noise(0.0, 0.087, 0.57)
# So that the donors' residuals about their two-way table have the variance beyond Poisson and the autocovariance of the file.
SCATTER = Noise(0.012, 0.14, 0.8)

AT_ONCE = 20  # data sets that go to a worker at once
MOST, FEWER, FEWEST = 600, 300, 150  # data sets: quick methods as in the file; others; quieter, or with an effect
SLOW = 60  # of methods that cross-validate or factorise for every placebo
REASONS = {
    "fit": "do not follow",
    "hull": "lies outside its donors",
    "gap": "more than half the effect",
    "level": "adds a level of its own",
    "logs": "the log of the donor",
}

Told = list[Any] | None


@dataclass(frozen=True)
class World:
    """How the counts scatter: about the level of a unit, in what all share, and over the year."""

    name: str
    own: Noise
    common: Noise = Noise(0.0)
    season: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    effects: tuple[float, ...] = (NULL,)


@dataclass(frozen=True, eq=False)
class Method:
    """A method with donors and its settings, as a column is headed."""

    label: str
    estimator: str
    own: Mapping[str, Any] = field(default_factory=dict)
    is_quick: bool = False
    is_slow: bool = False

    @property
    def made(self) -> Comparative:
        return make_estimator(self.estimator, self.own)


@dataclass(frozen=True)
class Cell:
    """A method on a treated unit of a size and a position among the donors, under a true ratio."""

    world: World
    method: Method
    position: str
    size: int
    effect: float

    @property
    def key(self) -> tuple[str, str, str, str, int, float]:
        return (self.method.estimator, canonical_json(self.method.own), self.world.name, self.position, self.size, self.effect)

    @property
    def place(self) -> str:
        return place(self.position, self.size, self.effect)

    @property
    def sets(self) -> int:
        of = data_sets(self.world, self.method)
        return min(FEWEST, of) if self.effect != NULL else of

    def drawn(self, number: int) -> Panel:
        return drawn(self.world, self.position, self.size, self.effect, number)


def place(position: str, size: int, effect: float) -> str:
    return f"{position}, {size}x, effect {effect:g}"


def data_sets(world: World, method: Method) -> int:
    if method.is_slow:
        return SLOW
    if world is QUIETER:
        return FEWEST
    return MOST if method.is_quick and world is AS_IN_FILE else FEWER


AS_IN_FILE = World("as in the file", SCATTER, COMMON, SEASON, (NULL, EFFECT))
QUIETER = World("quieter", Noise(0.0, 0.10, 0.6), COMMON, SEASON)
POISSON = World("independent Poisson", Noise(0.0))
CLASSIC = Method("`synthetic`", "synthetic", is_quick=True)
WITH_INTERCEPT = Method("`synthetic`, intercept", "synthetic", {"intercept": True}, is_quick=True)
METHODS = (
    CLASSIC,
    WITH_INTERCEPT,
    Method("`synthetic`, log, intercept", "synthetic", {"intercept": True, "scale": "log"}),
    Method("`sdid`", "sdid"),
    Method("`sdid`, log", "sdid", {"scale": "log"}),
    Method("`did`, linear", "did"),
    Method("`did`, Poisson", "did", {"model": "poisson"}),
    Method("`augmented`, log, intercept", "augmented", {"intercept": True, "scale": "log"}, is_slow=True),
    Method("`penalized`", "penalized", is_slow=True),
    Method("`factor`, interactive, log", "factor", {"scale": "log"}, is_slow=True),
    Method("`factor`, completion, log", "factor", {"scale": "log", "variant": "completion"}, is_slow=True),
    Method("`event_study`, Poisson, last bin", "event_study", {"model": "poisson", "reference": "last bin"}, is_slow=True),
)
CORE = tuple(method for method in METHODS if not method.is_slow)
BY_WORLD = {AS_IN_FILE: METHODS, POISSON: METHODS[:2], QUIETER: CORE}
CELLS = tuple(
    Cell(world, method, position, size, effect)
    for world, methods in BY_WORLD.items()
    for method in methods
    for effect in world.effects
    for position in POSITIONS
    for size in SIZES
)


# --- the figures


@cache
def town(position: str, size: int) -> tuple[float, float]:
    """Population and events a quarter and person of the treated unit."""
    donors = donors_of_file()
    rates = donors["count"] / donors["population"]
    rate = {"inside": rates.median(), "below": BELOW * rates.min(), "above": ABOVE * rates.max()}[position]
    return size * donors["population"].median(), float(rate)


@lru_cache(maxsize=AT_ONCE * 2 * len(POSITIONS) * len(SIZES))
def drawn(world: World, position: str, size: int, effect: float, number: int) -> Panel:
    """Data set ``number`` under a true ratio: the same for every method, and with the same donors for every treated unit."""
    shared, donors = _donors(world, number)
    random = np.random.default_rng(task_seed(SEED, f"{world.name}, {place(position, size, effect)}, data set {number}"))
    population, rate = town(position, size)
    mean = population * rate * shared * np.where(QUARTERS >= START, effect, 1.0)
    own = counts_about(mean, world.own, random)
    people = np.append(population, donors_of_file()["population"])
    values = pd.DataFrame(np.column_stack([own, donors]), QUARTERS, [TOWN, *donors_of_file().index])
    exposure = pd.DataFrame(np.tile(people, (len(QUARTERS), 1)), QUARTERS, values.columns)
    return Panel(values, exposure, {TOWN: START})


@lru_cache(maxsize=2)
def _donors(world: World, number: int) -> tuple[np.ndarray, np.ndarray]:
    """What all units share, relative to their mean, (period,), and the donors' counts, (period, donor)."""
    random = np.random.default_rng(task_seed(SEED, f"{world.name}, donors of data set {number}"))
    season = np.exp(np.array(world.season)[QUARTERS.quarter - 1])
    shared = np.exp(hidden_level(world.common, len(QUARTERS), random)) * season / season.mean()
    means = donors_of_file()["count"]
    return shared, np.column_stack([counts_about(mean * shared, world.own, random) for mean in means])


def counts_about(mean: np.ndarray, noise: Noise, random: np.random.Generator) -> np.ndarray:
    """Poisson counts about mean (period,) × hidden level × gamma noise with variance alpha."""
    mean = mean * np.exp(hidden_level(noise, len(mean), random))
    if noise.alpha > 0:
        mean = mean * random.gamma(1 / noise.alpha, noise.alpha, len(mean))
    return random.poisson(mean).astype(float)


# --- what a method says


def outcomes(inputs: tuple[str, str, int], seed: int) -> dict[str, Told]:
    """What a method says of every treated unit of a data set, by place; for the executor, given names and a number."""
    world, label, number = inputs
    return told(*_named(world, label), number)


def _named(world: str, label: str) -> tuple[World, Method]:
    return next((each, method) for each in BY_WORLD if each.name == world for method in METHODS if method.label == label)


def told(world: World, method: Method, number: int) -> dict[str, Told]:
    estimator, shared, found = method.made, None, {}
    with _nothing_twice():
        for position, size, effect in _treated(world, number):
            panel = drawn(world, position, size, effect, number)
            try:
                family = estimator.family(panel, placebos=shared is None)
            except EstimationError:
                found[place(position, size, effect)] = None
                continue
            shared = shared or family
            found[place(position, size, effect)] = verdict(estimator, panel, joined(family, shared))
    return found


def _treated(world: World, number: int) -> Iterator[tuple[str, int, float]]:
    for effect in world.effects:
        if effect == NULL or number < FEWEST:
            yield from ((position, size, effect) for position in POSITIONS for size in SIZES)


def joined(own: Family, shared: Family) -> Family:
    """A treated unit beside placebos of another family with the same donors, of which no treated unit is a part."""
    first, rest = slice(0, 1), slice(1, None)

    def both(what: str) -> np.ndarray:
        return np.concatenate([getattr(own, what)[first], getattr(shared, what)[rest]])

    return Family(own.comparison, shared.members, both("expected"), both("weights"), both("intercepts"), both("gaps"))


def verdict(estimator: Comparative, panel: Panel, family: Family) -> list[Any]:
    """Log ratio and its limits; p of the scaled and of the raw log ratio and of the RMSPE ratio; why it is refused, in names."""
    placebos = placebo.placebo_in_space(family, panel.estimand)
    lower, upper, _ = placebos.log_interval(estimator.level)
    fit = fit_of(family, estimator.shifts)
    reasons = refusals(estimator, panel, family, fit, placebos.detectable(estimator.level))
    p_values = {test.kind: test.p_value for test in placebos.tests()}
    return [
        *map(float, (placebos.log_ratio[0], lower, upper)),
        *(p_values[kind] for kind in ("placebo", "placebo, raw", "placebo, RMSPE ratio")),
        " ".join(map(named, reasons)),
    ]


def named(reason: str) -> str:
    """The name of the rule behind a sentence of admission."""
    found = [name for name, words in REASONS.items() if words in reason]
    if len(found) != 1:
        raise ValueError(f"admission says '{reason}', which REASONS does not name; add it there")
    return found[0]


@contextmanager
def _nothing_twice() -> Iterator[None]:
    """What depends on the donors alone, or on the figures and no method, is worked out once: it is most of the time."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(placebo, "size_scale", _remembered(placebo.size_scale)))
        for module in (synthetic, sdid, did, augmented, penalized, factor):
            stack.enter_context(mock.patch.object(module, "comparison", _compared))
        yield


def _remembered(scale: Callable[[np.ndarray, np.ndarray], tuple[float, float]]) -> Callable[..., tuple[float, float]]:
    """The same function, asked once for the same donors."""
    known: dict[bytes, tuple[float, float]] = {}

    def asked(gaps: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
        key = gaps.tobytes() + counts.tobytes()
        if key not in known:
            known[key] = scale(gaps, counts)
        return known[key]

    return asked


def _compared(panel: Panel, scale: str, method: str) -> Comparison:
    """`comparison`, in which the name of the method stands in errors alone."""
    return _kept(panel, scale)


@lru_cache(maxsize=2 * AT_ONCE * 2 * len(POSITIONS) * len(SIZES))
def _kept(panel: Panel, scale: str) -> Comparison:
    return comparison(panel, scale, "a method with donors")
