"""CausalPy on the data sets of the record: `python -m tests.calibration.peers.its --python .venv-peers/bin/python`.

The data sets are those on which the estimators of this package were simulated, without an effect, so that false alarms can
be read side by side. The peer runs in its own environment, because it would pull ours to other versions.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.resources import CHECKOUT

from ..cells import MONTHLY, NULL
from ..fingerprint import figures_hash
from ..records import PEERS, PEERS_COMMAND, read, share, write
from ..report import write_report
from ..simulate import Setting

HERE = Path(__file__).resolve().parent
FOLDER = CHECKOUT / "build" / "peers-its"
SETTINGS = [
    setting for setting in MONTHLY if setting.mean in (5, 20) and setting.noise.alpha != 0.3 and setting.noise.rho != 0.3
]
KINDS = {
    "ols": ("CausalPy, LinearRegression of scikit-learn", "95 % confidence interval of the average impact"),
    "pymc": ("CausalPy, LinearRegression of PyMC", "95 % HDI of the average impact"),
}
SETS = {"ols": 200, "pymc": 20}


def export(folder: Path, sets: int) -> None:
    """The first data sets of each setting as CSV, with a list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for place, setting in enumerate(SETTINGS):
        for number in range(sets):
            file = f"{place}-{number}.csv"
            listed.append(
                {"setting": setting.name, "number": number, "file": file, "start": _write(setting, number, folder / file)}
            )
    (folder / "series.json").write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")


def _write(setting: Setting, number: int, file: Path) -> str:
    panel = setting.drawn(NULL, number)
    unit, onset = panel.sole_treated
    columns = {
        "date": panel.periods.start_time.strftime("%Y-%m-%d"),
        "t": np.arange(len(panel.periods)),
        "month": panel.periods.month,
    }
    pd.DataFrame(columns | {"y": panel.values[unit].to_numpy()}).to_csv(file, index=False, lineterminator="\n")
    return f"{onset.start_time:%Y-%m-%d}"


def rows(folder: Path, kind: str) -> Iterator[dict[str, str]]:
    """One row a setting: how often the peer excludes no effect where there is none."""
    told = [json.loads(line) for line in (folder / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]
    for setting in SETTINGS:
        own = [line for line in told if line["setting"] == setting.name]
        if not own:
            continue
        alarms = share(sum(line["lower"] > 0 or line["upper"] < 0 for line in own), len(own))
        yield {
            "peer": KINDS[kind][0],
            "setting": setting.name,
            "interval": KINDS[kind][1],
            "version": own[-1]["version"],
            "data_sets": str(len(own)),
            "false_alarms": f"{alarms.value:.6g}",
            "mc_lower": f"{alarms.lower:.6g}",
            "mc_upper": f"{alarms.upper:.6g}",
            "mean_impact": f"{np.mean([line['mean'] for line in own]):.6g}",
            "median_width": f"{np.median([line['upper'] - line['lower'] for line in own]):.6g}",
            "date": date.today().isoformat(),
            "figures": figures_hash(setting.drawn(NULL, 0)),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python", required=True, help=f"the interpreter of the peer's environment; `{PEERS_COMMAND}` makes it"
    )
    parser.add_argument("--only", choices=list(KINDS), help="one of the two models")
    parser.add_argument("--sets", type=int, default=0, help="data sets a setting; by default 200 of ols and 20 of pymc")
    options = parser.parse_args()
    kinds = [options.only] if options.only else list(KINDS)
    export(FOLDER, max(options.sets or SETS[kind] for kind in kinds))
    others = [row for row in read(PEERS) if row["peer"] not in {KINDS[kind][0] for kind in kinds}]
    for kind in kinds:
        sets = str(options.sets or SETS[kind])
        subprocess.run([options.python, HERE / "causalpy_its.py", FOLDER, kind, sets], check=True)
        others += rows(FOLDER, kind)
        write(PEERS, others)
    write_report()


if __name__ == "__main__":
    main()
