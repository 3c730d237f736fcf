"""What the headline's design could have told, kept beside the study file: simulated once for the same figures and program."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.estimators import Estimator
from gvi_eval.executor import Executor
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.power import Noise, PowerRow, Scatter, power_row, power_table
from gvi_eval.sensitivity.settle import settle_key

FOLDER = "power"


def kept_power(
    folder: Path,
    estimator: Estimator,
    panel: Panel,
    seed: int,
    simulated: int,
    *,
    anew: bool = False,
    executor: Executor | None = None,
    done: Callable[[str], None] = lambda what: None,
) -> tuple[PowerRow, ...]:
    """`power_table`, read from ``power/`` in the folder of the study where it was simulated for the same figures, settings
    and program, else (and always with ``anew``) simulated and kept there in place of what an earlier state left.

    Raises `DataError` for a record that is not whole.
    """
    key = settle_key(estimator, panel, (), (1.0, 1.0), seed, simulated)
    file = folder / FOLDER / f"{key}.json"
    if file.is_file() and not anew:
        return _read(file)
    rows = power_table(estimator, panel, seed=seed, simulated=simulated, executor=executor, done=done)
    file.parent.mkdir(exist_ok=True)
    for former in file.parent.glob("*.json"):
        former.unlink()
    scatters = [{"noise": asdict(row.noise), "scatter": asdict(row.scatter)} for row in rows]
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps(scatters, indent=1) + "\n", encoding="utf-8")
    fresh.replace(file)
    return _read(file)


def _read(file: Path) -> tuple[PowerRow, ...]:
    """The rows of a record: what was simulated is kept, what follows from it is worked out again."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return tuple(power_row(Noise(**row["noise"]), _scatter(row["scatter"])) for row in kept)
    except (KeyError, TypeError, ValueError) as fault:
        raise DataError(f"{file} is no record of power ({fault}); delete it, and the next run makes it anew") from None


def _scatter(row: dict) -> Scatter:
    return Scatter(tuple(row["sd"]), tuple(row["up"]), tuple(row["down"]), row["refused"])
