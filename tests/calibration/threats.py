"""How often every threat is flagged on a reference design, planted and not: `python -m tests.calibration.threats`.

The design: 60 months before the start and 36 after it, six events a month with moderate noise, the decision half a year before
the start, a population, another definition, a second source and a negative control; threats that need more, such as donors, have designs of
their own in `threats_designs`. Rows whose program is of today are kept;
`--anew` simulates them all. The record is `records/threats.csv`.
"""

import argparse
import csv
import io
from datetime import date

import numpy as np

from gvi_eval.executor import Executor, Processes, Serial
from gvi_eval.sensitivity.power import Noise
from gvi_eval.sensitivity.threats import Threat
from gvi_eval.sensitivity.threats.battery import SIMULATIONS, THREATS, rates
from gvi_eval.sensitivity.threats.case import Case, Null
from gvi_eval.sensitivity.threats.program import program_hash
from gvi_eval.writing import csv_bytes
from tests.support import cases

from .records import RECORDS, share
from .threats_designs import DESIGNS

RECORD = RECORDS / "threats.csv"
COMMAND = "make calibration-threats"
COLUMNS = "threat,title,violation,detected,detected_lower,detected_upper,false_flags,false_lower,false_upper,n,before,after,mean,program,date"
NOISE = Noise("reference", 0.05, 0.15, 0.5)
PEOPLE = 100_000 / 12  # person-years a month
OTHERS = {"broad": "alternative definition", "second": "second source", "control": "negative control"}


def reference() -> Case:
    """The case on which every threat is planted."""
    panels = {name: (role, cases.counts(10 + place)) for place, (name, role) in enumerate(OTHERS.items())}
    own = cases.counts(1)
    own = own.with_(exposure=own.exposure * PEOPLE)
    case = cases.case(own, panels)
    null = Null(np.full(cases.BEFORE + cases.AFTER, cases.MEAN), NOISE)
    return case.with_(nulls=dict.fromkeys(("events", *OTHERS), null))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=SIMULATIONS, help="data sets with the violation, and as many without")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; 1 stays in this one")
    parser.add_argument("--only", nargs="+", help="threats by their id, such as T1 T5")
    parser.add_argument("--anew", action="store_true", help="simulate rows of today's program too")
    options = parser.parse_args()
    rows = {row["threat"]: row for row in read()}
    wanted = [threat for threat in THREATS if not options.only or threat.id in options.only]
    wanted = [each for each in wanted if options.anew or not is_current(rows.get(each.id), each, options.sets)]
    print(f"{len(wanted)} of {len(THREATS)} threats to do", flush=True)
    executor = Processes(options.jobs) if options.jobs > 1 else Serial()
    for threat in wanted:
        rows[threat.id] = row = simulated(threat, options.sets, executor)
        write(rows)
        print(f"{threat.id} {threat.title}: {row['detected']} planted, {row['false_flags']} not", flush=True)


def simulated(threat: Threat, sets: int, executor: Executor | None = None) -> dict[str, str]:
    """A row of the record."""
    case = DESIGNS.get(threat.id, reference)()
    before = int((case.whole.periods < case.onset).sum())
    detected, false = rates(case, [threat], executor, sets)[threat.id]
    found = {}
    for name, rate in (("detected", detected), ("false", false)):
        interval = share(round(rate * sets), sets)
        found |= {f"{name}_lower": f"{interval.lower:.4f}", f"{name}_upper": f"{interval.upper:.4f}"}
    return {
        "threat": threat.id,
        "title": threat.title,
        "violation": threat.violation,
        "detected": f"{detected:g}",
        "false_flags": f"{false:g}",
        **found,
        "n": str(sets),
        "before": str(before),
        "after": str(len(case.whole.periods) - before),
        "mean": f"{case.nulls[case.outcome].expected.mean():g}",
        "program": program_of(threat),
        "date": date.today().isoformat(),
    }


def program_of(threat: Threat) -> str:
    return program_hash(type(threat).__module__, type(threat).__name__)


def is_current(row: dict[str, str] | None, threat: Threat, sets: int = 0) -> bool:
    return row is not None and row["program"] == program_of(threat) and int(row["n"]) >= sets


def read() -> list[dict[str, str]]:
    if not RECORD.is_file():
        return []
    return list(csv.DictReader(io.StringIO(RECORD.read_text(encoding="utf-8"))))


def write(rows: dict[str, dict[str, str]]) -> None:
    import pandas as pd

    known = [threat.id for threat in THREATS if threat.id in rows]
    RECORD.write_bytes(csv_bytes(pd.DataFrame([rows[name] for name in known], columns=COLUMNS.split(","))))


if __name__ == "__main__":
    main()
