"""The record of the panels with donors: what stands in a row, and which code and figures it is of."""

import json
from datetime import date
from functools import cache

import numpy as np

from gvi_eval.hashing import canonical_json

from .fingerprint import estimator_hash, figures_hash
from .panels import CELLS, NULL, REASONS, Cell, Method, Told, World, drawn
from .records import FEWEST_FALSE_ALARMS, IN, LEAST_COVERAGE, MOST_FALSE_ALARMS, OPEN, OUT, RECORDS, Row, sample_hash, share

PANELS = RECORDS / "panels.csv"
PANELS_COMMAND = "make calibration-panels"
INFERENCE = ("inference/placebo.py", "inference/admission.py")  # of the program beside the estimator
FEWEST_ADMITTED = 50  # results, below which an admitted share says nothing
LEVEL = 0.05
HARDLY, FEW = "hardly ever admitted", "too few admitted to say"
STATISTICS = ("scaled", "raw", "rmspe")

Key = tuple[str, str, str, str, int, float]


def key_of(row: Row) -> Key:
    return row["estimator"], row["settings"], row["world"], row["position"], int(row["size"]), float(row["effect"])


def cells_of(world: World, method: Method) -> list[Cell]:
    return [cell for cell in CELLS if cell.world is world and cell.method is method]


def is_current(row: Row, cell: Cell) -> bool:
    """Whether a row was made by this code on these figures."""
    return row["code"] == code_of(cell.method) and row["figures"] == figures_of(cell)


def code_of(method: Method) -> str:
    """The fingerprint of the estimator, the placebos and admission."""
    return estimator_hash(method.estimator, more=INFERENCE)


def figures_of(cell: Cell) -> str:
    """The fingerprint of the first data set of a cell, which moves with the simulation and with the file behind it."""
    return _figures(cell.world, cell.position, cell.size, cell.effect)


@cache
def _figures(*of: object) -> str:
    return figures_hash(drawn(*of, 0))


def summarised(cell: Cell, outcomes: list[Told], day: date, code: str) -> dict[str, str]:
    """The row of a cell: shares, coverage and bias of what is admitted, and of all as if nothing were refused."""
    told = [outcome for outcome in outcomes if outcome is not None]
    admitted = [outcome for outcome in told if not outcome[-1]]
    row = {
        "estimator": cell.method.estimator,
        "settings": canonical_json(cell.method.own),
        "world": cell.world.name,
        "position": cell.position,
        "size": str(cell.size),
        "effect": f"{cell.effect:g}",
        "data_sets": str(len(outcomes)),
        "refused": str(len(outcomes) - len(admitted)),
        **{f"refused_{name}": str(sum(name in outcome[-1].split() for outcome in told)) for name in REASONS},
        **_summary(admitted, cell.effect, ""),
        **_summary(told, cell.effect, "all_"),
    }
    return row | {
        "band": band_of(row, cell),
        "date": day.isoformat(),
        "confirmed": "",
        "code": code,
        "figures": figures_of(cell),
        "sample": sample_hash(outcomes),
        "first": first_of(outcomes[0]),
    }


def _summary(told: list[list], effect: float, prefix: str) -> dict[str, str]:
    """How often each statistic rejects, how often the interval holds the truth, and where the log ratio lies about it."""
    names = [f"{name}{end}" for name in (*STATISTICS, "coverage") for end in ("", "_mc_lower", "_mc_upper")]
    names += ["median", "mean", "mean_se", "sd", "half_width"]
    if len(told) < FEWEST_ADMITTED:
        return {f"{prefix}{name}": "" for name in names}
    numbers = np.array([outcome[:6] for outcome in told], dtype=float)
    log, lower, upper = numbers[:, :3].T
    truth = np.log(effect)
    hits = [*(numbers[:, 3:] <= LEVEL).T, (lower <= truth) & (truth <= upper)]
    found = [
        part
        for hit in hits
        for share_ in [share(int(hit.sum()), len(hit))]
        for part in (share_.value, share_.lower, share_.upper)
    ]
    sd = log.std(ddof=1)
    found += [np.median(log), log.mean(), sd / np.sqrt(len(log)), sd, np.median(upper - lower) / 2]
    return {f"{prefix}{name}": f"{value + 0.0:.6g}" for name, value in zip(names, found, strict=True)}


def band_of(row: Row, cell: Cell) -> str:
    """Whether admitted results keep the bands of a default where there is no effect, by the 99 % Monte Carlo interval."""
    if cell.effect != NULL:
        return ""
    if not row["scaled"]:
        return HARDLY if 2 * int(row["refused"]) > int(row["data_sets"]) else FEW
    if _leaves(row, "_mc_lower", "_mc_upper", cell):
        return OUT
    return OPEN if _leaves(row, "", "", cell) else IN


def _leaves(row: Row, lower: str, upper: str, cell: Cell) -> bool:
    few = cell.world.own.rho > 0 and float(row[f"scaled{upper}"]) < FEWEST_FALSE_ALARMS
    return few or float(row[f"scaled{lower}"]) > MOST_FALSE_ALARMS or float(row[f"coverage{upper}"]) < LEAST_COVERAGE


def first_of(told: Told) -> str:
    """What was said about the first data set, with six digits."""
    return "" if told is None else json.dumps([part if isinstance(part, str) else float(f"{part:.6g}") for part in told])
