"""The records that the simulations leave: their columns, their bands, and how they are written."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
from scipy import stats

from gvi_eval.executor import result_hash
from gvi_eval.hashing import canonical_json

from .cells import NULL, POWER_RULE, Cell
from .fingerprint import estimator_hash, figures_hash
from .simulate import Setting

RECORDS = Path(__file__).resolve().parent / "records"
SINGLE_SERIES = RECORDS / "single_series.csv"
NUTS = RECORDS / "nuts_latent_counts.csv"
PEERS = RECORDS / "peers_its.csv"
COMMAND = "make calibration"
NUTS_COMMAND = "make calibration-nuts"
PEERS_COMMAND = "make peers-its"

MOST_FALSE_ALARMS, FEWEST_FALSE_ALARMS, LEAST_COVERAGE = 0.08, 0.01, 0.91  # METHODS section 6
LEAST_OF_BEST_POWER = 0.9
MONTE_CARLO = 0.99
SAMPLE = 20  # data sets by which new code is compared with the code that made a row

IN, OPEN, OUT, NO_BAND = "in band", "open", "out of band", "outside the family: no band"
HOLDS, FAILS = "holds", "fails"

Row = Mapping[str, str]
Outcome = list[float] | None


@dataclass(frozen=True)
class Share:
    """A share of the data sets with its 99 % Clopper–Pearson Monte Carlo interval."""

    value: float
    lower: float
    upper: float


def share(hits: int, of: int) -> Share:
    tail = (1 - MONTE_CARLO) / 2
    lower = stats.beta.ppf(tail, hits, of - hits + 1) if hits else 0.0
    upper = stats.beta.ppf(1 - tail, hits + 1, of - hits) if hits < of else 1.0
    return Share(hits / of, float(lower), float(upper))


def key_of(row: Row) -> tuple[str, str, str, float]:
    return row["estimator"], row["settings"], row["setting"], float(row["effect"])


def summarised(cell: Cell, outcomes: list[Outcome], day: date, code: str) -> dict[str, str]:
    """The row of a cell: logs of ratio and limits on each data set become shares, bias and width.

    Raises `ValueError` where the estimator refuses nearly all data sets, because such a cell says nothing.
    """
    told = np.array([outcome for outcome in outcomes if outcome is not None])
    if len(told) < 2:
        raise ValueError(f"{cell.key}: {len(told)} of {len(outcomes)} data sets were estimated; take the cell out of CELLS")
    point, lower, upper = told.T
    truth = np.log(cell.effect)
    excludes = share(int(((lower > 0) | (upper < 0)).sum()), len(told))
    covers = share(int(((lower <= truth) & (truth <= upper)).sum()), len(told))
    numbers = {
        "false_alarms": excludes.value if cell.effect == NULL else None,
        "power": None if cell.effect == NULL else excludes.value,
        "mc_lower": excludes.lower,
        "mc_upper": excludes.upper,
        "coverage": covers.value,
        "coverage_mc_lower": covers.lower,
        "coverage_mc_upper": covers.upper,
        "bias": (point - truth).mean(),
        "bias_se": point.std(ddof=1) / np.sqrt(len(told)),
        "mean_ratio": np.exp(point.mean()),
        "median_width": np.median(upper - lower),
    }
    return {
        "estimator": cell.estimator,
        "settings": canonical_json(cell.settings),
        "setting": cell.setting.name,
        "model": cell.model,
        "effect": f"{cell.effect:g}",
        "data_sets": str(len(outcomes)),
        "refused": str(len(outcomes) - len(told)),
        **{name: "" if value is None else f"{value + 0.0:.6g}" for name, value in numbers.items()},
        "band": "",
        "power_rule": "",
        "date": day.isoformat(),
        "confirmed": "",
        "code": code,
        "figures": figures_of(cell),
        "sample": sample_hash(outcomes),
    }


def sample_hash(outcomes: list[Outcome]) -> str:
    """One hash over what was said about the first data sets, with ten digits."""
    return result_hash({str(number): outcome for number, outcome in enumerate(outcomes[:SAMPLE])})


def figures_of(cell: Cell) -> str:
    """The fingerprint of the first data set of a cell, which moves with the design, the simulation and the study's figures."""
    return _figures(cell.setting, cell.effect)


@cache
def _figures(setting: Setting, effect: float) -> str:
    return figures_hash(setting.drawn(effect, 0))


def is_current(row: Row, cell: Cell) -> bool:
    """Whether a row was made by this code on these figures."""
    return row["code"] == estimator_hash(cell.estimator) and row["figures"] == figures_of(cell)


def outside_band(row: Row, rho: float) -> list[str]:
    """Sentences on the bands that a row leaves, beyond what the number of data sets can explain."""
    found = []
    where = f"{row['estimator']} {row['settings']}, {row['model']}, on '{row['setting']}', effect {row['effect']}"
    if row["false_alarms"]:
        if float(row["mc_lower"]) > MOST_FALSE_ALARMS:
            found.append(f"{where}: {float(row['false_alarms']):.1%} false alarms, more than {MOST_FALSE_ALARMS:.0%}")
        if rho > 0 and float(row["mc_upper"]) < FEWEST_FALSE_ALARMS:
            found.append(f"{where}: {float(row['false_alarms']):.1%} false alarms, fewer than {FEWEST_FALSE_ALARMS:.0%}")
    if float(row["coverage_mc_upper"]) < LEAST_COVERAGE:
        found.append(f"{where}: coverage {float(row['coverage']):.1%}, less than {LEAST_COVERAGE:.0%}")
    return found


def point_outside_band(row: Row, rho: float) -> bool:
    """Whether the shares themselves lie outside the bands, whatever the number of data sets leaves open."""
    point = {"mc_lower": row["false_alarms"], "mc_upper": row["false_alarms"], "coverage_mc_upper": row["coverage"]}
    return bool(outside_band({**row, **point}, rho))


def band_of(row: Row, cell: Cell) -> str:
    """In its band, out of it, open (outside by no more than the number of data sets leaves open), or without one."""
    if not cell.in_family:
        return NO_BAND
    rho = cell.setting.noise.rho
    if outside_band(row, rho):
        return OUT
    return OPEN if point_outside_band(row, rho) else IN


def power_rule(cell: Cell, rows: Mapping[tuple, Row], cells: Iterable[Cell]) -> tuple[str, Row | None]:
    """Whether a default has 90 % of the best power among estimators of adequate size, and the row of that best one.

    Compared are all that were put on the same series with the same mean model and give at most 8 % false alarms there;
    open where the Monte Carlo interval of its own power still reaches the 90 %.
    """
    if cell.effect != POWER_RULE or not cell.is_default or not cell.in_family or cell.key not in rows:
        return "", None
    rivals = []
    for other in cells:
        if (other.setting.name, other.effect, other.model) != (cell.setting.name, cell.effect, cell.model):
            continue
        null = rows.get((*other.key[:3], NULL))
        if other.key in rows and null and float(null["false_alarms"]) <= MOST_FALSE_ALARMS:
            rivals.append(rows[other.key])
    if not rivals:
        return "", None
    best = max(rivals, key=lambda row: float(row["power"]))
    wanted = LEAST_OF_BEST_POWER * float(best["power"])
    own = rows[cell.key]
    if float(own["power"]) >= wanted:
        return HOLDS, best
    return (OPEN if float(own["mc_upper"]) >= wanted else FAILS), best


def judged(rows: Mapping[tuple, Row], cells: Iterable[Cell]) -> list[dict[str, str]]:
    """The rows with their verdicts."""
    by_key = {cell.key: cell for cell in cells}
    return [
        {**row, "band": band_of(row, by_key[key]), "power_rule": power_rule(by_key[key], rows, by_key.values())[0]}
        for key, row in rows.items()
    ]


def read(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write(file: Path, rows: Iterable[Row]) -> None:
    """Sorted rows as UTF-8 CSV with LF, so that a rerun gives the same bytes; the file is replaced in one move."""
    rows = sorted(rows, key=lambda row: tuple(row.values())[:5])
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text.getvalue(), encoding="utf-8", newline="")
    fresh.replace(file)
