"""Twenty seeds of the contract for `bayes_counts`.

The panels and the short chains are those of the contract suite, which runs one null and one halving; here are twenty of each.
Short chains do not meet the diagnostics of the estimator, so that these are recorded and not enforced.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.bayes_counts import BayesCounts
from gvi_eval.writing import significant

from ...contract.test_contract_sampling import simulated
from ..fingerprint import estimator_hash, figures_hash
from ..records import RECORDS, Row, read, write

LAWS = RECORDS / "bayes_counts_laws.csv"
SEEDS = 20
NULL, HALVING = 1.0, 0.5
MOST_EXCLUDING, FEWEST_EXCLUDING = 4, 16  # intervals that exclude 1 under the null, and under the halving
MONTE_CARLO_ERRORS, LARGEST_BIAS = 2.0, 0.1  # of the mean log ratio, in its standard errors and on the log
ESTIMATOR = BayesCounts(draws=500, tuning=500, chains=2, allow_failed_diagnostics=True)


def outcome(ratio: float, seed: int) -> dict[str, str]:
    """The estimate and its interval on one panel; empty where the estimator refuses it."""
    panel = simulated(seed, ratio)
    row = {"true_ratio": f"{ratio:g}", "seed": f"{seed:02d}", "point": "", "lower": "", "upper": ""}
    row |= {"divergences": "", "r_hat": "", "bulk_ess": "", "tail_ess": "", "refusal": ""}
    try:
        effect = ESTIMATOR.estimate(panel)
    except EstimationError as refusal:
        row["refusal"] = str(refusal)
    else:
        sampled, interval = effect.details["diagnostics"][-1], effect.intervals[0]
        numbers = {"point": effect.point, "lower": interval.lower, "upper": interval.upper}
        row |= {name: significant(value) for name, value in numbers.items()}
        row |= {"divergences": str(sampled["divergences"]), "r_hat": f"{sampled['r_hat']['largest']:.4f}"}
        row |= {name: f"{sampled[name]['smallest']:.0f}" for name in ("bulk_ess", "tail_ess")}
    return row | {
        "date": date.today().isoformat(),
        "code": estimator_hash("bayes_counts"),
        "figures": figures_hash(panel),
    }


def is_current(row: Row) -> bool:
    panel = simulated(int(row["seed"]), float(row["true_ratio"]))
    return row["code"] == estimator_hash("bayes_counts") and row["figures"] == figures_hash(panel)


@dataclass(frozen=True)
class Law:
    """What twenty panels with one true ratio say: how many intervals exclude 1, the mean log ratio and its standard error."""

    true_ratio: float
    panels: int
    refused: int
    excluding: int
    mean_log: float
    standard_error: float

    @property
    def bias(self) -> float:
        return self.mean_log - float(np.log(self.true_ratio))

    @property
    def holds(self) -> bool:
        """METHODS section 6, for a null and for a halving."""
        if self.refused:
            return False
        if self.true_ratio == NULL:
            return self.excluding <= MOST_EXCLUDING and abs(self.bias) <= MONTE_CARLO_ERRORS * self.standard_error
        return self.excluding >= FEWEST_EXCLUDING and abs(self.bias) <= LARGEST_BIAS


def law(rows: Iterable[Row], ratio: float) -> Law:
    own = [row for row in rows if float(row["true_ratio"]) == ratio]
    told = [row for row in own if not row["refusal"]]
    logs = np.log([float(row["point"]) for row in told])
    excluding = sum(not float(row["lower"]) <= 1 <= float(row["upper"]) for row in told)
    error = logs.std(ddof=1) / np.sqrt(len(logs))
    return Law(ratio, len(own), len(own) - len(told), excluding, float(logs.mean()), float(error))


def simulate(until: float) -> None:
    """Add the panels that are missing, till the clock `time.monotonic` says ``until``."""
    rows = [row for row in read(LAWS) if is_current(row)]
    done = {(float(row["true_ratio"]), int(row["seed"])) for row in rows}
    for ratio in (NULL, HALVING):
        for seed in range(SEEDS):
            if (ratio, seed) not in done and time.monotonic() < until:
                rows.append(outcome(ratio, seed))
                write(LAWS, rows)
        if sum(float(row["true_ratio"]) == ratio for row in rows) > 1:
            print(law(rows, ratio), flush=True)
