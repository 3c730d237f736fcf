"""Is what is sampled the posterior? Simulation-based calibration of `bayes_counts`.

Parameters are drawn from the prior, counts from the parameters, and the same model with the same prior is fitted to the counts.
Among independent draws from the posterior the rank of the true value is then uniform, whatever the quantity:

    theta ~ p(theta)    y ~ p(y | theta)    theta_1 .. theta_L ~ p(theta | y)    #{theta_l < theta} ~ U{0, ..., L}

The priors give counts: intercept N(log mean, .5²), the other coefficients N(0, .5²); rho, sigma and alpha as the estimator has
them. The log likelihood is ranked too, because it finds faults that no parameter alone shows (Modrák et al. 2025).

Talts, Betancourt, Simpson, Vehtari & Gelman (2018) Validating Bayesian inference algorithms with simulation-based calibration,
arXiv:1804.06788. Modrák, Moon, Kim, Bürkner, Huurre, Faltejsková, Gelman & Vehtari (2025) Simulation-based calibration checking
for Bayesian computation, Bayesian Analysis 20(2), doi:10.1214/23-BA1404.
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from scipy import special

from gvi_eval.estimators._count_model import (
    CountModel,
    Parameters,
    log_likelihood,
    means_and_dispersions,
    prior_parameters,
    sample_model,
    simulated_counts,
)
from gvi_eval.estimators._design import Design
from gvi_eval.estimators._mcmc import Sampling
from gvi_eval.estimators._posterior import model_key
from gvi_eval.estimators.bayes_counts import BayesCounts
from gvi_eval.executor import task_seed

from ..fingerprint import estimator_hash
from ..records import RECORDS, Row, read, write
from ..simulate import SEED, Grid, Place, published_mean
from .uniformity import Uniformity, uniformity

RANKS = RECORDS / "bayes_counts_ranks.csv"
UNIFORMITY = RECORDS / "bayes_counts_uniformity.csv"

QUANTITIES = ("step", "log ratio", "sigma", "rho", "alpha", "log likelihood")
MONTHLY, SPANS = "48 months, 24 after the start", "Malmö's published spans to 2022"
MONTHLY_MEAN = 5.0
COEFFICIENT_SD = 0.5
EVERY, DRAWS = 20, 99  # one draw in twenty is ranked against, so that the 99 are as good as independent
HOW = Sampling(draws=EVERY * DRAWS // 2, tuning=1000, chains=2, target_accept=0.9, seed=0)
SETS, BATCH = 400, 10


@dataclass(frozen=True)
class Simulated:
    """A design with priors that give counts: the model without counts, its columns, and which periods are after the start."""

    name: str
    model: CountModel
    columns: Design
    after: np.ndarray
    periods: tuple[str, ...]
    onset: str

    @property
    def figures(self) -> str:
        """The sha256 of columns, spans, priors and how it is sampled."""
        return model_key(self.model, HOW, self.periods, self.onset)


@cache
def designs() -> dict[str, Simulated]:
    """A monthly series with two harmonics and the spans of a study; level, trend and change of slope in both.

    With a change of slope the ratio of sums is another quantity than the step.
    """
    malmo = Place("malmo", "shootings", 2022)
    cases = (
        (MONTHLY, Grid("M", 48, 24), MONTHLY_MEAN, BayesCounts(change="level+slope")),
        (SPANS, malmo, published_mean(malmo.panel), BayesCounts(change="level+slope", season="none")),
    )
    return {name: _simulated(name, design, mean, estimator) for name, design, mean, estimator in cases}


def _simulated(name: str, design: Grid | Place, mean: float, estimator: BayesCounts) -> Simulated:
    panel = design.panel
    _, onset = panel.sole_treated
    model, columns = estimator._model(panel)
    centre = np.where(np.arange(len(model.names)) == 0, np.log(mean), 0.0)
    model = dataclasses.replace(
        model,
        counts=np.zeros(len(model.counts)),
        prior_mean=centre,
        prior_sd=np.full(len(model.names), COEFFICIENT_SD),
    )
    return Simulated(name, model, columns, np.asarray(panel.periods >= onset), tuple(map(str, panel.periods)), str(onset))


def replication(design: Simulated, number: int) -> dict[str, str]:
    """Draw parameters and counts, fit, and rank the truth among the draws."""
    seed = task_seed(SEED, f"simulation-based calibration, {design.name}, {number}")
    of_prior, of_counts, of_sampler = (int(part) for part in np.random.SeedSequence(seed).generate_state(3))
    truth = prior_parameters(design.model, 1, of_prior)
    counts = simulated_counts(*means_and_dispersions(design.model, truth), np.random.default_rng(of_counts))[0]
    model = dataclasses.replace(design.model, counts=counts.astype(float))
    drawn, sampled = sample_model(model, dataclasses.replace(HOW, seed=of_sampler))
    true, found = (quantities(design, model, part) for part in (truth, drawn))
    return {
        "design": design.name,
        "number": str(number),
        **{f"rank of {name}": str(int((found[name][::EVERY] < true[name]).sum())) for name in QUANTITIES},
        "draws": str(DRAWS),
        "divergences": str(sampled.divergences),
        "date": date.today().isoformat(),
        "code": estimator_hash("bayes_counts"),
        "figures": design.figures,
    }


def quantities(design: Simulated, model: CountModel, drawn: Parameters) -> dict[str, np.ndarray]:
    """What is ranked, shape (draw,) each: parameters, log(Σ factual / Σ expected) after the start, log likelihood."""
    hyper = dict(zip(model.hyper_names, drawn.hyper.T, strict=True))
    sums = [
        special.logsumexp((model.offset + drawn.coefficients @ columns.T + drawn.level)[:, design.after], axis=1)
        for columns in (design.columns.factual, design.columns.expected)
    ]
    values = {
        "step": drawn.coefficients[:, model.names.index("level")],
        "log ratio": sums[0] - sums[1],
        "log likelihood": log_likelihood(model, drawn).sum(axis=1),
        **hyper,
    }
    return {name: values[name] for name in QUANTITIES}


# --- the records


def current(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows that are of this code and of these designs."""
    figures = {name: design.figures for name, design in designs().items()}
    return [
        row for row in rows if row["code"] == estimator_hash("bayes_counts") and row["figures"] == figures.get(row["design"])
    ]


def ranks_of(rows: list[Row], design: str, quantity: str) -> np.ndarray:
    return np.array([int(row[f"rank of {quantity}"]) for row in rows if row["design"] == design])


def summarised(rows: list[Row]) -> list[dict[str, str]]:
    """A row for each design and quantity: how even its ranks are, beside the bound that holds for all rows together."""
    names = list(dict.fromkeys(row["design"] for row in rows))
    tests = 2 * len(names) * len(QUANTITIES)
    return [_summary(rows, name, quantity, tests) for name in names for quantity in QUANTITIES]


def _summary(rows: list[Row], design: str, quantity: str, tests: int) -> dict[str, str]:
    own = [row for row in rows if row["design"] == design]
    found: Uniformity = uniformity(ranks_of(rows, design, quantity), DRAWS)
    numbers: Mapping[str, float] = {
        "chi_square": found.chi_square,
        "chi_square_p": found.chi_square_p,
        "band_p": found.band_p,
        "bound": found.bound(tests),
    }
    return {
        "design": design,
        "quantity": quantity,
        "replications": str(len(own)),
        "mean_rank": f"{found.mean_rank:.4g}",
        **{name: f"{value:.6g}" for name, value in numbers.items()},
        "even": "yes" if found.is_even(tests) else "no",
        "diverged": str(sum(row["divergences"] != "0" for row in own)),
        "date": max(row["date"] for row in own),
        "code": own[0]["code"],
    }


def simulate(sets: int, until: float) -> None:
    """Add what is missing of the first ``sets`` replications of each design, till the clock `time.monotonic` says ``until``."""
    rows = current(read(RANKS))
    done = {(row["design"], int(row["number"])) for row in rows}
    for first in range(0, sets, BATCH):
        for name, design in designs().items():
            missing = [number for number in range(first, min(first + BATCH, sets)) if (name, number) not in done]
            if not missing or time.monotonic() > until:
                continue
            rows += [replication(design, number) for number in missing]
            write(RANKS, rows)
            print(f"{name}: {sum(row['design'] == name for row in rows)} replications", flush=True)
    if rows:
        write(UNIFORMITY, summarised(read(RANKS)))
