"""How often does each way to be sure say what it should? Conformal, prediction, jackknife+, resampling over treated units, and the
Bayesian synthetic control, on made-up panels: `python -m tests.calibration.inferences`.

A town beside alike donors, months of counts with mean 40 about a level of each unit's own (an AR(1) of the log), and for the
staggered starts five towns that begin one after the other. Conformal residuals are asked by themselves too, where the method that made
them does not matter: power and size at so many periods before and after, under autocorrelation.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import make_estimator
from gvi_eval.executor import Serial, map_tasks, task_seed
from gvi_eval.inference.conformal import conformal, cyclic_p
from gvi_eval.inference.jackknife_plus import jackknife_plus
from gvi_eval.inference.prediction import prediction_interval
from gvi_eval.inference.resampling import jackknife, permuted_starts
from gvi_eval.panel import Panel
from gvi_eval.resources import CHECKOUT

from .fingerprint import estimator_hash
from .records import LEAST_COVERAGE, MOST_FALSE_ALARMS, RECORDS, Row, read, share, write
from .simulate import SEED, Noise, hidden_level

INFERENCES = RECORDS / "inferences.csv"
COMMAND = "make calibration-inferences"
KEPT = CHECKOUT / "build" / "calibration-inferences"
MEAN, DONORS = 40.0, 20
MONTHS = pd.period_range("2016-01", periods=48, freq="M")
START = 36
STARTS = (24, 28, 32, 36, 40)  # of the towns that begin one after the other
NULL, EFFECT = 1.0, 0.7
LEVEL = 0.95
WORLDS = {"independent": Noise(0.0), "autocorrelated": Noise(0.0, 0.15, 0.6)}
RESIDUAL_SETS, PERMUTED = 4000, 99
NOMINAL, SHIFT = 0.10, 2.0  # of the residuals by themselves: level, and shift in standard deviations


@dataclass(frozen=True)
class Way:
    """A way to be sure, the estimator that it is asked of, and how many data sets there are."""

    name: str
    estimator: str
    settings: tuple[tuple[str, object], ...]
    sets: int
    file: str = ""  # of the inference, beside the estimator's program

    @property
    def code(self) -> str:
        return estimator_hash(self.estimator, more=(self.file,) if self.file else ())


WITH_INTERCEPT = (("intercept", True),)
WAYS = (
    Way("conformal", "synthetic", WITH_INTERCEPT, 60, "inference/conformal.py"),
    Way("prediction", "synthetic", WITH_INTERCEPT, 60, "inference/prediction.py"),
    Way("jackknife+", "augmented", WITH_INTERCEPT, 60, "inference/jackknife_plus.py"),
    Way("jackknife over treated", "staggered", (), 150, "inference/resampling.py"),
    Way("permuted starts", "staggered", (), 60, "inference/resampling.py"),
    Way("posterior", "bayes_synthetic", (), 40),
)


def panel_of(way: Way, world: str, effect: float, number: int) -> Panel:
    """Data set ``number``: the treated first, donors after them, all with one mean and an exposure of 1."""
    random = np.random.default_rng(task_seed(SEED, f"inferences, {way.estimator}, {world}, {effect:g}, {number}"))
    starts = STARTS if way.estimator == "staggered" else (START,)
    names = [*(f"Town {n}" for n in range(len(starts))), *(f"Donor {n:02}" for n in range(DONORS))]
    means = np.full((len(MONTHS), len(names)), MEAN)
    for unit in range(len(names)):
        means[:, unit] *= np.exp(hidden_level(WORLDS[world], len(MONTHS), random))
    for unit, start in enumerate(starts):
        means[start:, unit] *= effect
    values = pd.DataFrame(random.poisson(means).astype(float), MONTHS, names)
    return Panel(values, values * 0 + 1.0, {names[unit]: MONTHS[start] for unit, start in enumerate(starts)})


def told(inputs: tuple[str, str, float, int], seed: int) -> list[float] | None:
    """Whether no effect is rejected, and whether the truth is held, as 0 or 1 (NaN where there is no interval), and log width."""
    name, world, effect, number = inputs
    way = next(each for each in WAYS if each.name == name)
    panel, estimator = panel_of(way, world, effect, number), make_estimator(way.estimator, dict(way.settings))
    try:
        interval, p_value = _asked(way, estimator, panel)
    except EstimationError:
        return None
    rejected = p_value <= 1 - LEVEL if p_value is not None else interval.excludes(1.0)
    if interval is None:
        return [float(rejected), np.nan, np.nan]
    width = np.log(interval.upper / max(interval.lower, 1e-9)) if np.isfinite(interval.upper) else np.inf
    return [float(rejected), float(not interval.excludes(effect)), float(width)]


def _asked(way: Way, estimator, panel: Panel):
    """The interval and the p-value, None where there is none."""
    if way.name == "conformal":
        found = conformal(estimator, panel)
        return found.interval(), found.test().p_value
    if way.name == "prediction":
        return prediction_interval(estimator, panel, panel.estimand), None
    if way.name == "jackknife+":
        return jackknife_plus(estimator, panel, panel.estimand, LEVEL), None
    if way.name == "jackknife over treated":
        return jackknife(estimator, panel).interval, None
    if way.name == "permuted starts":
        return None, permuted_starts(estimator, panel, draws=PERMUTED).test.p_value
    effect: Effect = estimator.estimate(panel)
    return effect.intervals[0], None


def row_of(way: Way, world: str, effect: float, outcomes: list[list[float] | None]) -> dict[str, str]:
    """Shares with their Monte Carlo limits, and the median width."""
    given = np.array([outcome for outcome in outcomes if outcome is not None])
    rejected = share(int(given[:, 0].sum()), len(given))
    held = given[:, 1][~np.isnan(given[:, 1])]
    covers = share(int(held.sum()), len(held)) if len(held) else None
    numbers = {
        "rejected": rejected.value,
        "rejected_mc_lower": rejected.lower,
        "rejected_mc_upper": rejected.upper,
        "coverage": covers and covers.value,
        "coverage_mc_lower": covers and covers.lower,
        "coverage_mc_upper": covers and covers.upper,
        "median_log_width": float(np.nanmedian(given[:, 2])) if len(held) else None,
    }
    return {
        "inference": way.name,
        "estimator": way.estimator,
        "settings": ", ".join(f"{name} = {value}" for name, value in way.settings),
        "design": f"{START} + {len(MONTHS) - START} months, {world}"
        if way.estimator != "staggered"
        else f"five starts, {world}",
        "effect": f"{effect:g}",
        "data_sets": str(len(outcomes)),
        "refused": str(len(outcomes) - len(given)),
        **{name: "" if value is None else f"{value:.6g}" for name, value in numbers.items()},
        "level": f"{LEVEL:g}",
        "verdict": verdict(effect, rejected, covers),
        "date": date.today().isoformat(),
        "code": way.code,
    }


def verdict(effect: float, rejected, covers) -> str:
    """Whether false alarms, and coverage where there is an interval, keep the bands of a default, as far as chance lets tell."""
    low = covers is not None and covers.upper < LEAST_COVERAGE
    if (effect == NULL and rejected.lower > MOST_FALSE_ALARMS) or low:
        return "out of band"
    open_ = (effect == NULL and rejected.value > MOST_FALSE_ALARMS) or (covers is not None and covers.value < LEAST_COVERAGE)
    return "open" if open_ else "in band"


def residual_rows() -> Iterator[dict[str, str]]:
    """Conformal power and size of residuals that need no method: unit variance, an AR(1), a shift after the start."""
    for before, after in ((12, 12), (22, 13)):
        for rho in (0.0, 0.6, 0.85):
            for shift in (0.0, SHIFT):
                for statistic in ("sum", "mean absolute"):
                    random = np.random.default_rng(
                        task_seed(SEED, f"conformal residuals, {before} + {after}, {rho:g}, {shift:g}")
                    )
                    hits = 0
                    for _ in range(RESIDUAL_SETS):
                        residuals = _ar(before + after, rho, random)
                        residuals[before:] -= shift
                        residuals -= residuals.mean()  # what a fit to all periods leaves
                        hits += int(cyclic_p(residuals, after, statistic) <= NOMINAL + 1e-12)
                    found = share(hits, RESIDUAL_SETS)
                    yield {
                        "inference": f"conformal, {statistic}",
                        "estimator": "residuals alone",
                        "settings": f"rho = {rho:g}",
                        "design": f"{before} + {after} periods",
                        "effect": f"shift of {shift:g} sd",
                        "data_sets": str(RESIDUAL_SETS),
                        "refused": "0",
                        "rejected": f"{found.value:.6g}",
                        "rejected_mc_lower": f"{found.lower:.6g}",
                        "rejected_mc_upper": f"{found.upper:.6g}",
                        **dict.fromkeys(("coverage", "coverage_mc_lower", "coverage_mc_upper", "median_log_width"), ""),
                        "level": f"{1 - NOMINAL:g}",
                        "verdict": "",
                        "date": date.today().isoformat(),
                        "code": WAYS[0].code,
                    }


def _ar(length: int, rho: float, random: np.random.Generator) -> np.ndarray:
    values = random.normal(size=length)
    for t in range(1, length):
        values[t] = rho * values[t - 1] + np.sqrt(1 - rho**2) * values[t]
    return values


def key_of(row: Row) -> tuple[str, ...]:
    return row["inference"], row["estimator"], row["settings"], row["design"], row["effect"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="inferences whose name holds one of these texts")
    parser.add_argument("--sets", type=int, default=10_000, help="data sets, where the inference does not ask for fewer")
    options = parser.parse_args()
    from .report import write_report

    rows = {key_of(row): row for row in read(INFERENCES)}
    began = time.monotonic()
    if any(text in "conformal" for text in options.only):
        rows |= {key_of(row): row for row in residual_rows()}
    for way in WAYS:
        if not any(text in way.name for text in options.only):
            continue
        for world in WORLDS:
            for effect in (NULL, EFFECT):
                sets = min(way.sets, options.sets)
                tasks = {str(number): (way.name, world, effect, number) for number in range(sets)}
                folder = KEPT / way.name.replace(" ", "-") / f"{world}-{effect:g}"
                found = map_tasks(told, tasks, executor=Serial(), batch=20, folder=folder, code=way.code)
                row = row_of(way, world, effect, list(found.values()))
                rows[key_of(row)] = row
                write(INFERENCES, rows.values())
                print(
                    f"{way.name}, {world}, {effect:g}: {row['rejected']} after {(time.monotonic() - began) / 60:.1f} minutes",
                    flush=True,
                )
    write(INFERENCES, rows.values())
    write_report()


if __name__ == "__main__":
    main()
