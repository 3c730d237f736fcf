"""What would settle it: each release that could be had, what the study could find with it, and the request for it."""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import Estimator, settings_of
from gvi_eval.executor import Executor
from gvi_eval.hashing import PACKAGE, settings_hash
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.power import BENCHMARK, POWER, Noise, expected_of, noise_settings, power_row, scatter_of
from gvi_eval.sensitivity.releases import Design, parse_change, released
from gvi_eval.study import Release, Study, Window
from gvi_eval.writing import csv_bytes

PUBLISHED, MODERATE = "as published", "moderate"
FOLDER = "settle"  # beside the study file: what was simulated, each file named after everything it depends on
DRAWS = 60
PROGRAM = (
    "effect.py",
    "intervals.py",
    "panel.py",
    "windows.py",
    "estimators/*.py",
    "inference/admission.py",
    "inference/evaluation.py",
    "inference/placebo.py",
    "sensitivity/power.py",
    "sensitivity/releases.py",
)
COLUMNS = (
    "release",
    "changes",
    "noise",
    "alpha",
    "sigma",
    "rho",
    "estimator",
    "figures",
    "detectable",
    "power_at_benchmark",
    "decisive",
    "decisive_if_none",
    "reading_if_significant",
    "refused",
    "refusal",
    "request",
)


def settle(
    estimator: Estimator,
    panel: Panel,
    releases: Sequence[Release],
    smallest: tuple[float, float],
    seed: int,
    draws: int = DRAWS,
    executor: Executor | None = None,
    done: Callable[[str], None] = lambda what: None,
) -> pd.DataFrame:
    """One row per release and noise setting, the figures as published first; columns `COLUMNS`.

    ``detectable``: the ratio found with 80 % power. ``power_at_benchmark``: the probability that the interval lies below 1
    where the truth is 0.75. ``decisive``: there, the probability that the interval excludes 1, or every effect beyond
    ``smallest``. ``decisive_if_none``: without an effect, the probability of the latter; excluding 1 would then be a false
    alarm.
    ``request``: what to ask whom for. A release with which the analysis cannot be made has a ``refusal`` and no numbers.

    Every draw is simulated about what `latent_counts` expected without the programme, under the noise settings of
    `noise_settings`; see `released` for what a release is taken to change. Raises `StudyError` for a change that makes no
    sense.
    """
    expected, noise = expected_of(panel), noise_settings(panel)
    designs = [(PUBLISHED, None, None, Design(estimator, panel, expected, noise))]
    for each in releases:
        designs.append(
            (each.name, each.changes, request(each), released(estimator, panel, expected, noise, parse_change(each.changes)))
        )
    rows = []
    for name, changes, asked, design in designs:
        for setting in design.noise:
            told = _row(design, setting, smallest, seed, draws, executor)
            rows.append({"release": name, "changes": changes, "request": asked} | told)
            done(f"{name}, {setting.name}")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def declared_or_tried(study: Study, changes: Sequence[str]) -> tuple[Release, ...]:
    """The releases that a study declares, or those tried by their changes alone; a declared one that changes the same is it."""
    if not changes:
        if not study.releases:
            raise StudyError(f"the study {study.name} declares no releases; try one with --if monthly, or declare [[releases]]")
        return study.releases
    declared = {parse_change(each.changes): each for each in study.releases}
    tried = (declared.get(parse_change(text)) or _tried(study, text) for text in changes)
    return tuple(tried)


def _tried(study: Study, text: str) -> Release:
    """A release that nobody declared: the primary outcome, from whoever publishes it."""
    months = parse_change(text).months
    end = study.headline.window.end or study.baseline.end
    if months:
        end = (pd.Timestamp(end) + pd.DateOffset(months=months)).date()
    start = study.headline.window.start or study.baseline.start
    outcome = study.outcome(study.headline.outcome)
    return Release(text, f"{outcome.label} ({text})", "whoever holds the register", Window(start, end), text)


def request(release: Release) -> str:
    """The data request of a release in one sentence."""
    return f"Ask {release.holder} for: {release.series}, {release.months.start} to {release.months.end}."


def _row(
    design: Design, noise: Noise, smallest: tuple[float, float], seed: int, draws: int, executor: Executor | None
) -> dict[str, object]:
    unit, _ = design.panel.sole_treated
    row: dict[str, object] = {
        "noise": noise.name,
        "alpha": noise.alpha,
        "sigma": noise.sigma,
        "rho": noise.rho,
        "estimator": design.estimator.name,
        "figures": len(design.panel.observations(unit)[0]),
    }
    try:
        scatter = scatter_of(design.estimator, design.panel, design.expected, noise, seed, draws, executor)
    except EstimationError as fault:
        return row | {"refusal": str(fault)}
    told = power_row(noise, scatter)
    return row | {
        "detectable": told.detectable,
        "power_at_benchmark": told.power_at_benchmark,
        "decisive": scatter.decisive(BENCHMARK, smallest),
        "decisive_if_none": scatter.clears(smallest),
        "reading_if_significant": told.reading,
        "refused": told.refused,
    }


def settle_key(
    estimator: Estimator, panel: Panel, releases: Sequence[Release], smallest: tuple[float, float], seed: int, draws: int
) -> str:
    """The sha256 of everything that the simulations depend on: figures, settings, releases and program."""
    unit, onset = panel.sole_treated
    counts, matrix = panel.observations(unit)
    arrays = (counts, matrix, panel.exposure[unit].to_numpy(dtype=float))
    return settings_hash(
        {
            "estimator": [estimator.name, settings_of(estimator)],
            "figures": [sha256((np.round(each, 9) + 0.0).astype("<f8").tobytes()).hexdigest() for each in arrays],
            "periods": [str(panel.periods[0]), str(panel.periods[-1]), str(onset)],
            "releases": list(releases),
            "smallest": list(smallest),
            "seed": seed,
            "draws": draws,
            "program": program_hash(),
        }
    )


@cache
def program_hash(package: Path = PACKAGE) -> str:
    """The sha256 of the program behind the simulations; comments, docstrings and layout do not count."""
    from gvi_eval.estimators._posterior import _file_program

    files = sorted(file for pattern in PROGRAM for file in package.glob(pattern))
    listing = "".join(f"{_file_program(file)}  {file.relative_to(package).as_posix()}\n" for file in files)
    return sha256(listing.encode()).hexdigest()


def settled(
    study: Study,
    file: Path,
    estimator: Estimator,
    panel: Panel,
    *,
    simulate: bool,
    executor: Executor | None = None,
    done: Callable[[str], None] = lambda what: None,
) -> pd.DataFrame | None:
    """What was kept beside the study file for its releases, or, with ``simulate``, simulated anew and kept there; else None."""
    how = (estimator, panel, study.releases, study.smallest_effect, study.seed, study.power_draws or DRAWS)
    key = settle_key(*how)
    if not simulate:
        return kept(file.parent, key)
    table = settle(*how, executor=executor, done=done)
    keep(file.parent, key, table)
    return kept(file.parent, key)


def kept(folder: Path, key: str) -> pd.DataFrame | None:
    """What was simulated before under this key; None where nothing was."""
    file = folder / FOLDER / f"{key}.csv"
    return pd.read_csv(file, keep_default_na=False, na_values=[""]) if file.is_file() else None


def keep(folder: Path, key: str, table: pd.DataFrame) -> Path:
    """Keep what was simulated in place of what was kept for an earlier state of the study; returns the file."""
    file = folder / FOLDER / f"{key}.csv"
    file.parent.mkdir(exist_ok=True)
    for former in file.parent.glob("*.csv"):
        former.unlink()
    file.write_bytes(csv_bytes(table))
    return file


def settle_sentences(table: pd.DataFrame) -> list[str]:
    """One line a release: what it finds over the noise settings, how often it decides, and what to ask whom for.

    The last line says which decides most often under moderate noise, and whether that settles it.
    """
    found = []
    for name, rows in table.groupby("release", sort=False):
        told = rows[rows["decisive"].notna()]
        if told.empty:
            found.append(f"{name}: no analysis, {rows['refusal'].iloc[0]}")
            continue
        asked = rows["request"].iloc[0]
        asked = "" if pd.isna(asked) or not asked else f" {asked}"
        refused = rows.loc[rows["decisive"].isna(), "noise"]
        asked = f" No analysis with {' and '.join(refused)} noise.{asked}" if len(refused) else asked
        found.append(
            f"{name} ({int(rows['figures'].iloc[0])} figures of the place, {rows['estimator'].iloc[0]}): finds a ratio of "
            f"{_between(told['detectable'], '.2f')} or below with {POWER:.0%} power; decisive with "
            f"{_between(told['decisive'], '.0%')} if the truth is {BENCHMARK:g}, and with "
            f"{_between(told['decisive_if_none'], '.0%')} if there is no effect.{asked}"
        )
    return [*found, *_verdict(table)]


def _verdict(table: pd.DataFrame) -> list[str]:
    """Which release decides most often, and whether often enough."""
    told = table[(table["noise"] == MODERATE) & table["decisive"].notna() & (table["release"] != PUBLISHED)]
    if told.empty:
        return []
    best = told.loc[told["decisive"].astype(float).idxmax()]
    enough = int((told["decisive"] >= POWER).sum())
    words = (
        f"{enough} of {len(told)} would decide with {POWER:.0%} or more"
        if enough
        else f"none of {len(told)} would decide with {POWER:.0%}, so none of them settles it alone"
    )
    most = f"most often decides '{best['release']}', with {best['decisive']:.0%}"
    return [f"under {MODERATE} noise, if the truth is {BENCHMARK:g}, {words}; {most}"]


def _between(numbers: pd.Series, how: str) -> str:
    known = numbers.dropna().astype(float)
    if known.empty:
        return "nothing"
    low, high = (format(number, how) for number in (known.min(), known.max()))
    return low if low == high else f"{low} to {high}"
