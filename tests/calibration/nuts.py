"""Does the nested Laplace fit agree with sampling the exact model? `python -m tests.calibration.nuts`, some three minutes."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np

from gvi_eval.estimators import Estimator, make_estimator
from gvi_eval.estimators._count_model import sample_model
from gvi_eval.estimators._mcmc import Sampling, diagnose
from gvi_eval.estimators.bayes_counts import BayesCounts
from gvi_eval.panel import Panel
from gvi_eval.writing import significant

from .fingerprint import estimator_hash
from .records import NUTS, read, write
from .report import write_report
from .simulate import Place

HOW = Sampling(draws=3000, tuning=1500, chains=4, target_accept=0.9, seed=20181001)


@dataclass(frozen=True)
class Case:
    """A series and the model that is fitted to it in both ways, with the largest difference of the step in posterior sds."""

    study: str
    outcome: str
    settings: Mapping[str, Any]
    tolerance: float
    start: str = ""
    until: int | None = None

    @property
    def panel(self) -> Panel:
        panel = Place(self.study, self.outcome, self.until).panel
        return panel.starting(self.start) if self.start else panel

    @property
    def estimator(self) -> Estimator:
        """The one that approximates."""
        return make_estimator("latent_counts", self.settings)

    @property
    def sampled(self) -> BayesCounts:
        """The same model, sampled."""
        return BayesCounts(**self.settings)

    @property
    def model(self) -> str:
        words = "level + trend" if self.settings.get("trend", True) else "level"
        words += ", month dummies" if self.settings.get("season") == "dummies" else ""
        return words + (f", start {self.start}" if self.start else "")

    @property
    def key(self) -> tuple[str, str]:
        return self.study, self.model


def _pair(study: str, outcome: str, tolerance: float, start: str = "", until: int | None = None, **settings: Any) -> list[Case]:
    """Level alone and level + trend."""
    return [
        Case(study, outcome, MappingProxyType({**settings, "trend": trend}), tolerance, start, until) for trend in (False, True)
    ]


CASES = (
    *_pair("boston", "youth", 0.10, season="dummies"),
    *_pair("malmo", "shootings", 0.15, until=2022, season="none"),
    *_pair("copenhagen", "violence", 0.10, start="2022Q3", adjust=("Reporting of violence 2017Q2",)),
)


def laplace(case: Case) -> dict[str, tuple[float, float]]:
    """Posterior mean and sd of every coefficient and hyperparameter, by the estimator itself."""
    details = case.estimator.estimate(case.panel).details
    found = {name: (mean, details["standard_deviations"][name]) for name, mean in details["coefficients"].items()}
    return found | {name: (own["mean"], own["sd"]) for name, own in details["hyperparameters"].items()}


def compare(case: Case) -> list[dict[str, str]]:
    """One row for each parameter but the season's."""
    model, _ = case.sampled._model(case.panel)
    drawn, sampled = sample_model(model, HOW)
    values = np.column_stack([drawn.coefficients, drawn.hyper])
    draws = dict(zip((*model.names, *model.hyper_names), values.T.reshape(-1, HOW.chains, HOW.draws), strict=True))
    rows = []
    for name, (mean, sd) in laplace(case).items():
        if name.startswith(("season", "cos", "sin")):
            continue
        sampled_mean, sampled_sd = draws[name].mean(), draws[name].std(ddof=1)
        quality = diagnose({name: draws[name]}, sampled.divergences)
        numbers = {
            "laplace_mean": mean,
            "laplace_sd": sd,
            "nuts_mean": sampled_mean,
            "nuts_sd": sampled_sd,
            "difference": (mean - sampled_mean) / sampled_sd,
            "mcse": quality.bulk_ess.value**-0.5,  # of the mean, in posterior sds
            "r_hat": quality.r_hat.value,
            "min_ess": min(quality.bulk_ess.value, quality.tail_ess.value),
        }
        rows.append(
            {
                "study": case.study,
                "model": case.model,
                "parameter": name,
                **{label: significant(float(value)) for label, value in numbers.items()},
                "divergences": str(sampled.divergences),
                "draws": str(HOW.chains * HOW.draws),
                "seconds": f"{sampled.compile_seconds + sampled.sampling_seconds:.0f}",
                "date": date.today().isoformat(),
                "code": estimator_hash("latent_counts"),
            }
        )
        print(" ".join(list(rows[-1].values())[:-2]), flush=True)
    return rows


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
