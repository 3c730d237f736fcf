"""Does the nested Laplace fit agree with sampling the exact model? `python -m tests.calibration.nuts`, some ten minutes."""

import argparse
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np

from gvi_eval.estimators._design import Design, design
from gvi_eval.estimators.latent_counts import COEFFICIENT_SD, HYPERPARAMETERS, INTERCEPT_SD, LatentCounts
from gvi_eval.panel import Panel
from gvi_eval.writing import significant

from .fingerprint import estimator_hash
from .records import NUTS, read, write
from .report import write_report
from .simulate import malmo, study_panel

CHAINS, TUNED, DRAWS, TARGET_ACCEPT, SEED = 4, 1500, 3000, 0.95, 20181001


@dataclass(frozen=True)
class Case:
    """A series and the model that is fitted to it in both ways, with the largest difference of the step in posterior sds."""

    study: str
    outcome: str
    settings: Mapping[str, Any]
    tolerance: float

    @property
    def panel(self) -> Panel:
        return malmo(2022) if self.study == "malmo" else study_panel(self.study, self.outcome)

    @property
    def estimator(self) -> LatentCounts:
        return LatentCounts(**self.settings)

    @property
    def model(self) -> str:
        trend = "level + trend" if self.estimator.trend else "level"
        return f"{trend}, month dummies" if self.estimator.season == "dummies" else trend

    @property
    def key(self) -> tuple[str, str]:
        return self.study, self.model

    @property
    def design(self) -> Design:
        unit, _ = self.panel.sole_treated
        own = self.estimator
        return design(self.panel, unit, change=own.change, trend=own.trend, season=own.season, ramp=own.ramp, adjust=own.adjust)


def _case(study: str, outcome: str, season: str, trend: bool, tolerance: float) -> Case:
    return Case(study, outcome, MappingProxyType({"season": season, "trend": trend}), tolerance)


CASES = (
    _case("boston", "youth", "dummies", False, 0.10),
    _case("boston", "youth", "dummies", True, 0.10),
    _case("malmo", "shootings", "none", False, 0.15),
    _case("malmo", "shootings", "none", True, 0.15),
)


def laplace(case: Case) -> dict[str, tuple[float, float]]:
    """Posterior mean and sd of every coefficient and hyperparameter, by the estimator itself."""
    details = case.estimator.estimate(case.panel).details
    found = {name: (mean, details["standard_deviations"][name]) for name, mean in details["coefficients"].items()}
    return found | {name: (own["mean"], own["sd"]) for name, own in details["hyperparameters"].items()}


def compare(case: Case) -> list[dict[str, str]]:
    """One row for each parameter but the season's."""
    began = time.perf_counter()
    trace = _sample(case)
    seconds = time.perf_counter() - began
    divergences = int(trace.sample_stats["diverging"].values.sum())
    columns = case.design.names
    draws = {name: trace.posterior["beta"].values[:, :, place] for place, name in enumerate(columns)}
    draws |= {name: trace.posterior[name].values for name in HYPERPARAMETERS}
    rows = []
    for name, (mean, sd) in laplace(case).items():
        if name.startswith("season"):
            continue
        sampled_mean, sampled_sd = draws[name].mean(), draws[name].std(ddof=1)
        numbers = {
            "laplace_mean": mean,
            "laplace_sd": sd,
            "nuts_mean": sampled_mean,
            "nuts_sd": sampled_sd,
            "difference": (mean - sampled_mean) / sampled_sd,
            **_quality(draws[name]),
        }
        rows.append(
            {
                "study": case.study,
                "model": case.model,
                "parameter": name,
                **{label: significant(float(value)) for label, value in numbers.items()},
                "divergences": str(divergences),
                "draws": str(CHAINS * DRAWS),
                "seconds": f"{seconds:.0f}",
                "date": date.today().isoformat(),
                "code": estimator_hash("latent_counts"),
            }
        )
        print(" ".join(list(rows[-1].values())[:-2]), flush=True)
    return rows


def _quality(draws: np.ndarray) -> dict[str, float]:
    """Monte Carlo standard error of the mean in posterior sds, R-hat, and the smaller of bulk and tail ESS."""
    import arviz

    ess = [np.squeeze(arviz.ess(draws, method=method)).item() for method in ("bulk", "tail")]
    error, r_hat = (np.squeeze(check(draws)).item() for check in (arviz.mcse, arviz.rhat))
    return {"mcse": error / draws.std(ddof=1), "r_hat": r_hat, "min_ess": min(ess)}


def _sample(case: Case):
    import nutpie

    compiled = nutpie.compile_pymc_model(_exact_model(case), backend="numba")
    return nutpie.sample(
        compiled, draws=DRAWS, tune=TUNED, chains=CHAINS, cores=1, target_accept=TARGET_ACCEPT, seed=SEED, progress_bar=False
    )


def _exact_model(case: Case):
    """The model of `LatentCounts` without an approximation: AR(1) non-centred, a span's dispersion at the current mean."""
    # No C compiler is assumed; both are read once, when pytensor is first imported.
    os.environ["PYTENSOR_FLAGS"] = "cxx=,mode=NUMBA"
    import pymc
    import pytensor.tensor as tensor

    panel, columns, scale = case.panel, case.design, case.estimator.prior_scale
    counts, matrix = panel.observations(panel.sole_treated[0])
    offset = columns.log_exposure - columns.log_exposure.mean()
    prior = np.where(np.arange(len(columns.names)) == 0, INTERCEPT_SD, COEFFICIENT_SD)
    periods = len(panel.periods)
    lag = np.subtract.outer(np.arange(periods), np.arange(periods))
    with pymc.Model() as model:
        rho = pymc.Uniform("rho", 0, 1)
        sigma, alpha = pymc.HalfNormal("sigma", scale), pymc.HalfNormal("alpha", scale)
        beta = pymc.Deterministic("beta", pymc.Normal("scaled", 0, 1, shape=len(prior)) * prior)
        shocks = pymc.Normal("shocks", 0, 1, shape=periods)
        size = tensor.concatenate([tensor.ones(1), tensor.ones(periods - 1) * tensor.sqrt(1 - rho**2)])
        level = sigma * tensor.dot(tensor.switch(lag >= 0, rho ** np.maximum(lag, 0), 0.0), shocks * size)
        means = tensor.exp(offset + tensor.dot(columns.factual, beta) + level)
        total = tensor.dot(matrix, means)
        own_share = tensor.dot(matrix**2, means**2) / total**2
        pymc.NegativeBinomial("y", mu=total, alpha=1 / (alpha * own_share), observed=counts)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose study or model holds this text")
    options = parser.parse_args()
    known = {case.key for case in CASES}
    rows = [row for row in read(NUTS) if (row["study"], row["model"]) in known]
    for case in CASES:
        if options.only not in f"{case.study} {case.model}":
            continue
        rows = [row for row in rows if (row["study"], row["model"]) != case.key] + compare(case)
        write(NUTS, rows)
    write_report()


if __name__ == "__main__":
    main()
