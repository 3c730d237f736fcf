"""The calibration record as figures: false alarms and coverage of each estimator and inference, written from the CSV files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from gvi_eval.figures.alt_calibration import alt_calibration
from gvi_eval.figures.calibration import ALL, CALIBRATION_COLUMNS, calibration_figure
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.hashing import canonical_json, file_hash, settings_hash
from gvi_eval.resources import CHECKOUT

from .cells import CELLS, CONTROLLED, NULL, OUTSIDE, PLACES, SEVENTEEN
from .inferences import INFERENCES
from .panels import METHODS
from .panels_records import PANELS
from .records import LEAST_COVERAGE, MOST_FALSE_ALARMS, SINGLE_SERIES, Row, key_of, read

FOLDER = CHECKOUT / "reports" / "calibration" / "figures"
LEVEL = 0.95
SERIES, DONORS = "calibration-series", "calibration-panels"
GROUPS = {
    SEVENTEEN: "One series, the seventeen settings",
    PLACES: "One series, the published figures of the studies",
    OUTSIDE: "One series, outside the family of the default",
    CONTROLLED: "One series and its controls",
}
STATISTICS = {"scaled": "placebos by size", "raw": "placebos, raw", "rmspe": "placebos, RMSPE ratio"}
WORLD = "as in the file"
BESIDE = "Beside the placebos, or without them"
SOURCE = "Simulated series and panels; tests/calibration/records"
TITLES = {
    SERIES: "Calibration of the interrupted time series",
    DONORS: "Calibration of the comparisons with donors",
}
WHAT = (
    "Simulated figures whose true effect is known. A false alarm is a 95 % interval that excludes no effect, or a p-value of at most "
    "5 %, where there is no effect; coverage is of a true ratio of {ratios}. The mark takes the settings together, and its 95 % "
    "interval (Clopper–Pearson) is what the number of data sets leaves open; the band is that of the record; a dash: not simulated. {more}"
)
MORE = {
    SERIES: "The mean that is fitted has a trend, except that of exact_ratio, which has none and so reads a trend as an effect.",
    DONORS: "Counts of the panel as in the file; refused comparisons are left out. A rank by the raw ratio or the RMSPE has no interval.",
}


def interval(hits: int, of: int) -> tuple[float, float]:
    """The Clopper–Pearson interval of a share, at `LEVEL`."""
    tail = (1 - LEVEL) / 2
    lower = float(stats.beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    return lower, float(stats.beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0


Told = tuple[str, str, str, str, int, int]  # group, label, setting, which share, hits, data sets that were told


def calibration_rows(told: Iterable[Told]) -> pd.DataFrame:
    """One row for each group, label and setting, and one that takes the settings together; empty where nothing was simulated."""
    counts = pd.DataFrame(told, columns=["group", "label", "setting", "share", "hits", "sets"])
    counts = counts[counts["sets"] > 0]
    found = []
    for (group, label), own in counts.groupby(["group", "label"], sort=False):
        for setting in [ALL, *own["setting"].unique()]:
            here = own if setting == ALL else own[own["setting"] == setting]
            found.append({"group": group, "label": label, "setting": setting} | _shares(here))
    columns = [*CALIBRATION_COLUMNS[:3], "alarms_sets", *CALIBRATION_COLUMNS[3:6], "coverage_sets", *CALIBRATION_COLUMNS[6:]]
    return pd.DataFrame(found)[columns]


def _shares(rows: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in ("alarms", "coverage"):
        hits, sets = (int(rows.loc[rows["share"] == name, column].sum()) for column in ("hits", "sets"))
        lower, upper = interval(hits, sets) if sets else (np.nan, np.nan)
        found |= {f"{name}_sets": sets, name: hits / sets if sets else np.nan, f"{name}_lower": lower, f"{name}_upper": upper}
    return found


def _hits(row: Row, column: str) -> tuple[int, int]:
    """How many data sets a share of a record counts, and out of how many that were not refused."""
    sets = int(row["data_sets"]) - int(row["refused"])
    return (round(float(row[column]) * sets), sets) if row[column] else (0, 0)


def series_told() -> list[Told]:
    """False alarms where there is no effect, and coverage where there is one, of every estimator of single series."""
    rows = {key_of(row): row for row in read(SINGLE_SERIES)}
    found = []
    for subject, group in GROUPS.items():
        for cell in CELLS:
            if (
                cell.setting.subject != subject
                or cell.key not in rows
                or (cell.model == "level" and cell.estimator != "exact_ratio")
            ):
                continue
            share, column = ("alarms", "false_alarms") if cell.effect == NULL else ("coverage", "coverage")
            found.append((group, cell.label.strip("`"), cell.setting.name, share, *_hits(rows[cell.key], column)))
    return _in_order(found)


def panels_told() -> list[Told]:
    """The same of every method with donors and statistic of its placebos, and of what stands beside the placebos."""
    labels = {(method.estimator, canonical_json(method.own)): method.label.replace("`", "") for method in METHODS}
    found = []
    for statistic, words in STATISTICS.items():
        for row in read(PANELS):
            if row["world"] != WORLD:
                continue
            group = f"With donors, {words}"
            where = (group, labels[row["estimator"], row["settings"]], f"{row['position']}, {row['size']} times the size")
            if float(row["effect"]) == NULL:
                found.append((*where, "alarms", *_hits(row, statistic)))
            elif statistic == "scaled":
                found.append((*where, "coverage", *_hits(row, "coverage")))
    for row in read(INFERENCES):
        if row["estimator"] != "residuals alone" and float(row["level"]) == LEVEL:
            label = f"{row['inference']} of {row['estimator']}"
            share, column = ("alarms", "rejected") if float(row["effect"]) == NULL else ("coverage", "coverage")
            found.append((BESIDE, label, row["design"], share, *_hits(row, column)))
    return found


def _in_order(told: list[Told]) -> list[Told]:
    """Defaults first within a group, as the record's columns have them; groups as they came."""
    from .report import COLUMNS

    order = [label.strip("`") for label in COLUMNS]
    groups = list(dict.fromkeys(each[0] for each in told))
    return sorted(told, key=lambda each: (groups.index(each[0]), order.index(each[1])))


BAND = {"most_alarms": MOST_FALSE_ALARMS, "least_coverage": LEAST_COVERAGE}
FIGURES = {SERIES: (series_told, "0.5"), DONORS: (panels_told, "0.6, or 0.7 beside the placebos")}


def about(name: str, table: pd.DataFrame) -> FigureAbout:
    """What a figure of the record is, and which records it is of."""
    caption = f"{WHAT.format(ratios=FIGURES[name][1], more=MORE[name])} {SOURCE}."
    run = settings_hash({path.name: file_hash(path) for path in (SINGLE_SERIES, PANELS, INFERENCES)})[:12]
    return FigureAbout(name, TITLES[name], caption, alt_calibration(table, **BAND), SOURCE, run)


def draw(folder: Path = FOLDER) -> None:
    """Write the figures of the record; the same record gives the same bytes."""
    for name, (told, _) in FIGURES.items():
        table = calibration_rows(told())
        words = about(name, table)
        save_figure(calibration_figure(table, title=words.title, caption=words.caption, **BAND), folder / name, table, words)


def section() -> str:
    """The figures as they stand in the page, each with what it shows in words."""
    words = [about(name, calibration_rows(told())) for name, (told, _) in FIGURES.items()]
    pictures = (f"![{each.alt['en']}](figures/{each.name}/figure.svg)\n\n{each.caption}\n" for each in words)
    return "\n## At a glance\n\n" + "\n".join(pictures)


if __name__ == "__main__":
    draw()
