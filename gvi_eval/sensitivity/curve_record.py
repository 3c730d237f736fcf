"""The committed record of a specification curve: what it was computed of names the file, so that a stale one is not read."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from gvi_eval.choices import Choices
from gvi_eval.errors import DataError
from gvi_eval.hashing import PACKAGE, settings_hash
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.joint_test import JointTest, Summary, joint_tests
from gvi_eval.sensitivity.specification import content_of
from gvi_eval.study import Intervention, Study
from gvi_eval.writing import csv_bytes, json_bytes

FOLDER = "curve"
PROGRAM = ("effect.py", "panel.py", "windows.py", "sensitivity/specification.py", "sensitivity/null_series.py")
METHODS = ("estimators", "inference")
HEADLINE = ("estimator", "outcome", "settings", "start", "window", "transforms")
EVENT = ("name", "role", "unit", "start", "end")


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve as it was computed: a row per admitted specification, and in ``test`` its summary and those of other series."""

    key: str
    table: pd.DataFrame
    test: Mapping[str, Any]

    @property
    def summary(self) -> Summary:
        return Summary(**self.test["summary"])

    @property
    def tests(self) -> tuple[JointTest, ...]:
        """The joint tests; none before any other series was computed."""
        others = [Summary(**each) for each in self.test["others"]]
        return joint_tests(self.summary, others) if others else ()


def curve_key(study: Study, choices: Choices, panels: Mapping[str, Panel], series: int) -> str:
    """One sha256 over the choices, the headline, the figures, the events, the seed, the number of series and the program."""
    return settings_hash(
        {
            "choices": _without_reasons(choices),
            "headline": [getattr(study.headline, name) for name in HEADLINE],
            "baseline": study.baseline,
            "events": [[getattr(event, name) for name in EVENT] for event in _events(study, choices, panels)],
            "figures": {name: sha256(repr(content_of(panel)).encode()).hexdigest() for name, panel in panels.items()},
            "seed": study.seed,
            "series": series,
            "program": program_hash(),
        }
    )


def _without_reasons(choices: Choices) -> dict[str, list[Any]]:
    """The choices by question; another wording of a reason changes no answer."""
    return {
        question.name: [replace(choice, reason="") for choice in getattr(choices, question.name)]
        for question in fields(choices)
    }


def _events(study: Study, choices: Choices, panels: Mapping[str, Panel]) -> list[Intervention]:
    """The events that can change an answer: those that a method adjusts for, and those that happened in a donor."""
    adjusted = {name for method in choices.methods for name in method.settings.get("adjust", ())}
    donors = {donor for panel in panels.values() for donor in panel.donors}
    return [event for event in study.interventions if event.name in adjusted or event.unit in donors]


@cache
def program_hash() -> str:
    """The sha256 of the program behind an answer; as with posteriors, comments, docstrings and layout do not count."""
    from gvi_eval.estimators._posterior import _file_program

    files = [PACKAGE / name for name in PROGRAM] + [file for name in METHODS for file in (PACKAGE / name).glob("*.py")]
    listing = "".join(f"{_file_program(file)}  {file.relative_to(PACKAGE).as_posix()}\n" for file in sorted(files))
    return sha256(listing.encode()).hexdigest()


def keep_curve(curve: Curve, folder: Path) -> Path:
    """Write the record in place of any other: ``<key>.csv`` and ``<key>.json``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for former in (*folder.glob("*.csv"), *folder.glob("*.json")):
        former.unlink()
    (folder / f"{curve.key}.csv").write_bytes(csv_bytes(curve.table))
    (folder / f"{curve.key}.json").write_bytes(json_bytes({"key": curve.key, **curve.test}))
    return folder / f"{curve.key}.csv"


def read_curve(folder: Path, key: str) -> Curve | None:
    """The record of this key, None where there is none. Raises `DataError` where a file holds another than its name says."""
    table, test = Path(folder) / f"{key}.csv", Path(folder) / f"{key}.json"
    if not table.is_file() or not test.is_file():
        return None
    told = json.loads(test.read_text(encoding="utf-8"))
    if told.pop("key", None) != key:
        raise DataError(f"{test.name} holds another curve than its name says; delete it and compute the curve again")
    frame = pd.read_csv(io.BytesIO(table.read_bytes()), keep_default_na=False, na_values=[""], dtype={"refusal": "object"})
    return Curve(key, frame, told)


def curve_test_table(curve: Curve) -> pd.DataFrame:
    """One row per statistic of the joint test, with what is said of the curve as a whole beside each."""
    summary = curve.summary
    beside = {
        "specifications": summary.specifications,
        "refused": summary.refused,
        "not_admitted": sum(curve.test["not_admitted"].values()),
        "same_sign": summary.same_sign,
        "excluding": summary.excluding,
        "rank": summary.rank,
        "how": curve.test["how"],
        "silent": len(curve.test["silent"]),
    }
    columns = [part.name for part in fields(JointTest)] + list(beside)
    return pd.DataFrame([{**asdict(each), **beside} for each in curve.tests], columns=columns)


def curve_sentences(curve: Curve | str) -> list[str]:
    """The curve in words, for the page of a study, or that it has not been computed; never an average of its estimates."""
    if isinstance(curve, str):
        return [curve]
    summary = curve.summary
    told = summary.specifications - summary.refused
    claimed = curve.table[curve.table["claimed"]].iloc[0]
    sentences = [
        f"{summary.specifications} admissible specifications, {told} with a ratio and {summary.refused} refused; "
        f"{sum(curve.test['not_admitted'].values())} further combinations were not admitted",
    ]
    if pd.isna(claimed["point"]):
        sentences.append(f"the claimed specification is refused: {claimed['refusal']}")
    else:
        sentences.append(
            f"the claimed specification has {claimed['point']:.2f}, rank {summary.rank} of {told} from the lowest; "
            f"{summary.same_sign:.0%} lie on its side of 1, and {summary.excluding:.0%} of the intervals exclude 1"
        )
    free = curve.table[~curve.table["bound"].astype(bool) & curve.table["point"].notna()]
    if 0 < len(free) < told:
        clear = int(((free["lower"] > 1) | (free["upper"] < 1)).sum())
        sentences.append(
            f"{told - len(free)} of them are bounds, which let no trend before the start be one; of the other {len(free)}, "
            f"{clear} exclude 1"
        )
    for each in curve.tests:
        sentences.append(
            f"{each.statistic}: {each.observed:.3f}, p {each.p:.3f} beside {each.series} {curve.test['how']} "
            f"(floor {each.floor:.3f})"
        )
    if silent := len(curve.test["silent"]):
        sentences.append(f"{silent} of these series gave a ratio for fewer than half of the specifications and are left out")
    return sentences
