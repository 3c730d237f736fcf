"""What each threat's test would notice on a study's own design: a record beside the study file, kept as long as it is true."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from gvi_eval.errors import DataError
from gvi_eval.writing import csv_bytes

RECORD = "detection.csv"


@dataclass(frozen=True)
class Detection:
    """How often a threat is flagged on a design: with its violation planted, and with nothing in the figures.

    ``key`` names the figures, the settings and the program of which this is true.
    """

    threat: str
    detected: float
    false_flags: float
    n: int
    key: str


COLUMNS = tuple(field.name for field in fields(Detection))


def detections_table(rows: Iterable[Detection]) -> pd.DataFrame:
    """One row per threat: detection rate where its violation is planted, false-flag rate where it is not, data sets, key."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS))


def read_detections(folder: Path) -> tuple[Detection, ...]:
    """The record beside a study file; none where there is no record. Raises `DataError` for one that is not whole."""
    file = Path(folder) / RECORD
    if not file.is_file():
        return ()
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
        return tuple(
            Detection(row["threat"], float(row["detected"]), float(row["false_flags"]), int(row["n"]), row["key"])
            for row in rows
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise DataError(f"{file} is no record of detections ({fault}); delete it, and the next run makes it anew") from None


def keep_detections(folder: Path, rows: Iterable[Detection]) -> None:
    """Write the record, whole or not at all."""
    file = Path(folder) / RECORD
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(csv_bytes(detections_table(rows)))
    fresh.replace(file)
