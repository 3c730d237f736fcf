"""Bayesian synthetic control for counts: weights on the simplex with a prior, counts about the weighted rate of the donors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.effect import (
    DRAWS,
    SEED,
    Counterfactual,
    Effect,
    component_counts,
    contrast_rows,
    effect_from_paths,
    noisy_counts,
)
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import NO_WEIGHT, Comparison, Family, comparison, expected_paths
from gvi_eval.estimators._count_density import POISSON_BELOW, log_likelihoods
from gvi_eval.estimators._design import require_counts, require_level
from gvi_eval.estimators._mcmc import Diagnostics, Sampling, diagnose, leave_one_out, pymc_module, sample
from gvi_eval.estimators._posterior import Posterior, current_store, save_posterior
from gvi_eval.hashing import file_hash, settings_hash
from gvi_eval.intervals import IntervalKind, Test
from gvi_eval.panel import Panel

DISPERSION_SCALE = 0.5  # of the half-normal prior on alpha, as in `bayes_counts`
INTERCEPT_SD = 1.0  # of the log of the factor between the treated unit and its likeness
LEVEL_STEP = 2.0**-11  # of the log of a mean count: what a stored path is rounded to
KEPT = 1000  # draws that are stored
NO_PART = ("level", "allow_failed_diagnostics")  # settings that change no draw
NOTHING = 0.5  # stands for a sum of no count in a log
SECOND_ACCEPT, MORE_DRAWS, MORE_TUNING = 0.99, 2, 2  # of the one further attempt


@dataclass(frozen=True)
class BayesSynthetic:
    """Synthetic control with a count likelihood, sampled with PyMC and nutpie (NUTS).

        y_t ~ NB2(P_t exp(b) Σ_j w_j r_jt, α)    t before the start    w ~ Dirichlet(c, ..., c)    α ~ HalfNormal(0.5)

    y_t and P_t are count and exposure of the treated unit, r_jt the rate of donor j. b = 0, or ~ N(0, 1) with ``intercept``, a
    factor between the unit and its likeness. ``concentration`` is c: 1 is flat on the simplex and, with many donors, near
    equal weights; below 1 few donors are favoured.

    The effect is Σ observed / Σ expected; its interval is of predicted counts, so it holds what weights and dispersion leave
    open and the scatter of counts. It takes periods as independent given the donors and the donors' rates as they are: where
    gaps last, or donors are small, it is too narrow, and the calibration record says by how much. A prior on the weights is
    no admission: what `gvi_eval.inference.admission` refuses stays refused.

    The test asks how far out the observed sum lies among predicted ones. R-hat above 1.01, an effective sample size below 400
    or any divergence, twice, is an `EstimationError`; ``allow_failed_diagnostics`` prints a note instead. An outcome that
    is no count is an `EstimationError` too, and so is what `comparison` refuses.

    Sources: Kim, Lee & Gupta (2020) Bayesian synthetic control methods, J. Mark. Res. 57(5), doi:10.1177/0022243720936230.
    Abadie, Diamond & Hainmueller (2010) J. Am. Stat. Assoc. 105(490), doi:10.1198/jasa.2009.ap08746.
    """

    name: ClassVar[str] = "bayes_synthetic"
    cost: ClassVar[str] = "sampling"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True
    adds_level: ClassVar[bool] = False

    intercept: bool = False
    concentration: float = 1.0
    draws: int = 1000
    tuning: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    seed: int = SEED
    allow_failed_diagnostics: bool = False
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        require_level(self.target_accept, f"target_accept of {self.name}")
        if not self.concentration > 0:
            raise StudyError(f"concentration of {self.name} is {self.concentration}; set it above 0")
        for setting, least in (("draws", 4), ("tuning", 1), ("chains", 2)):
            if getattr(self, setting) < least:
                raise StudyError(f"{setting} of {self.name} is {getattr(self, setting)}; set {least} or more")

    @property
    def shifts(self) -> bool:
        """Whether the level of the treated unit may differ from that of its likeness."""
        return self.intercept

    def estimate(self, panel: Panel) -> Effect:
        require_counts(panel, self.name)
        side = comparison(panel, "rate", self.name)
        posterior = self._posterior(side)
        usable = ~np.isnan(side.figures[:, 1:]).any(axis=1)
        observed = np.where(usable, side.counts[:, 0], np.nan)
        paths = SimplexPaths.of(posterior, observed)
        mean = posterior.coefficients.reshape(-1, posterior.coefficients.shape[-1]).mean(axis=0, dtype=float)
        expected = np.where(usable, paths.expected, np.nan)
        order = np.argsort(-mean, kind="stable")
        alpha, factor = (paths.hyper[:, place] for place in (0, 1))
        faults = posterior.report["diagnostics"][-1]["faults"]
        noted = (f"not sampled well, and printed all the same: {'; '.join(faults)}",) if faults else ()
        effect = effect_from_paths(
            Counterfactual(
                pd.Series(observed, side.periods, name=side.units[0]),
                pd.Series(expected, side.periods, name=side.units[0]),
                mixture=paths,
            ),
            panel.estimand,
            method=self.name,
            unit=side.units[0],
            onset=side.onset,
            notes=(*noted, *side.notes),
            details={
                "donors": len(side.units) - 1,
                "weights": {side.units[1 + j]: float(mean[j]) for j in order if mean[j] > NO_WEIGHT},
                "alpha": {"mean": float(alpha.mean()), "sd": float(alpha.std(ddof=1))},
                "factor": {"mean": float(factor.mean()), "sd": float(factor.std(ddof=1))},
                "posterior": posterior.key,
                **posterior.report,
            },
            level=self.level,
        )
        rows = contrast_rows(effect.counterfactual, effect.estimand, effect.onset)
        return replace(effect, tests=(paths.test(rows[~np.isnan(observed[rows])]),))

    def family(self, panel: Panel, *, placebos: bool = False, treated_stays: bool = False) -> Family:
        """The treated unit with the posterior mean of its weights, which is what admission asks of.

        Raises `StudyError` where placebos are asked for: every one of them would have to be sampled.
        """
        if placebos:
            raise StudyError(f"{self.name} samples, and a sample for every donor takes minutes; rank placebos of synthetic")
        side = comparison(panel, "rate", self.name)
        posterior = self._posterior(side)
        weights = np.zeros((1, len(side.units)))
        weights[0, 1:] = posterior.coefficients.reshape(-1, len(side.units) - 1).mean(axis=0, dtype=float)
        factor = posterior.hyper[:, :, 1].mean(dtype=float)
        treated = np.zeros(1, dtype=int)
        expected = expected_paths(side, treated, weights, np.zeros(1)) * factor
        return Family(side, treated, expected, weights, np.zeros(1), np.zeros(1))

    def _posterior(self, side: Comparison) -> Posterior:
        """The posterior from the store, if one is open and has it; else sampled, and put there."""
        figures = Figures.of(side)
        key = self._key(side, figures)
        store = current_store()
        found = store.find(key) if store else None
        if found is None:
            found = self._sampled(key, side, figures)
            if store:
                save_posterior(found, store.path(key))
        return found

    def _key(self, side: Comparison, figures: "Figures") -> str:
        """One sha256 over figures, settings and program; what a machine rounds differently does not count."""
        arrays = {name: np.round(part, 12).tolist() for name, part in figures.data.items()}
        settings = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("level", "allow_failed_diagnostics")
        }
        periods = [*map(str, side.periods), str(side.onset)]
        return settings_hash({**arrays, **settings, "units": side.units, "periods": periods, "program": _program()})

    def _sampled(self, key: str, side: Comparison, figures: "Figures") -> Posterior:
        """Sample, and once more and longer where the diagnostics find fault."""
        how = Sampling(self.draws, self.tuning, self.chains, self.target_accept, self.seed)
        tried: list[dict[str, object]] = []
        while len(tried) < (1 if self.allow_failed_diagnostics else 2):
            drawn = sample(
                ("simplex counts", figures.shape, self.intercept, self.concentration),
                lambda: in_pymc(figures, self.intercept, self.concentration),
                figures.data,
                how,
            )
            shape = (how.chains, how.draws)
            weights, alpha = drawn.draws["weights"], drawn.draws["alpha"].reshape(shape)
            b = drawn.draws["b"].reshape(shape) if self.intercept else np.zeros(shape)
            named = {unit: weights[:, :, j] for j, unit in enumerate(side.units[1:])} | {"alpha": alpha}
            found = diagnose(named | ({"b": b} if self.intercept else {}), drawn.divergences)
            tried.append(_row(how, found))
            if not found.faults or self.allow_failed_diagnostics:
                checks = figures.checks(side, weights, alpha, b, how.seed)
                return figures.kept(key, weights, alpha, b, {"diagnostics": tried, **checks})
            how = Sampling(MORE_DRAWS * how.draws, MORE_TUNING * how.tuning, how.chains, SECOND_ACCEPT, how.seed + 1)
        raise EstimationError(
            f"the posterior of {side.units[0]} was not sampled well: {'; '.join(found.faults)}, after {len(tried)} attempts. "
            "Set more draws or tuning, admit fewer donors, or use synthetic"
        )


@cache
def _program() -> str:
    return file_hash(Path(__file__))


def _row(how: Sampling, found: Diagnostics) -> dict[str, object]:
    return {
        "target_accept": how.target_accept,
        "draws": how.draws,
        "chains": how.chains,
        "divergences": found.divergences,
        "r_hat": {"largest": float(f"{found.r_hat.value:.6g}"), "of": found.r_hat.name},
        "bulk_ess": {"smallest": float(f"{found.bulk_ess.value:.6g}"), "of": found.bulk_ess.name},
        "tail_ess": {"smallest": float(f"{found.tail_ess.value:.6g}"), "of": found.tail_ess.name},
        "faults": list(found.faults),
    }


@dataclass(frozen=True, eq=False)
class Figures:
    """What is fitted and what is carried on, with rates over the treated unit's own mean rate before the start.

    ``data``: counts (fitted,), exposure (fitted,) times that mean rate, rates (fitted, donor). ``every`` (period, donor) and
    ``exposure`` (period,) are the same of all periods.
    """

    data: Mapping[str, np.ndarray]
    every: np.ndarray
    exposure: np.ndarray

    @classmethod
    def of(cls, side: Comparison) -> "Figures":
        rows = side.before & ~np.isnan(side.figures).any(axis=1)
        if not rows.any():
            raise EstimationError(f"no period before the start {side.onset} has figures of {side.units[0]} and its donors")
        own = side.counts[rows, 0].sum() / side.exposure[rows, 0].sum()
        every, exposure = side.figures[:, 1:] / own, side.exposure[:, 0] * own
        data = {"counts": side.counts[rows, 0], "exposure": exposure[rows], "rates": every[rows]}
        return cls(data, every, exposure)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data["rates"].shape

    def checks(self, side: Comparison, weights: np.ndarray, alpha: np.ndarray, b: np.ndarray, seed: int) -> dict[str, object]:
        """LOO over the fitted figures, and for each where its count lies among predicted ones."""
        counts = self.data["counts"]
        means = weights @ self.data["rates"].T * self.data["exposure"] * np.exp(b)[:, :, None]
        flat = np.maximum(means.reshape(-1, len(counts)), 1e-12)
        dispersion = np.maximum(alpha.reshape(-1, 1), POISSON_BELOW) * np.ones(len(counts))
        likelihood = log_likelihoods(counts, flat, dispersion) - special.gammaln(counts + 1)
        loo = leave_one_out(likelihood.reshape(means.shape))
        drawn = noisy_counts(flat, "nb2", dispersion[:, 0], np.random.default_rng(seed))
        below, at = (drawn < counts).mean(axis=0), (drawn == counts).mean(axis=0)
        lower, upper = np.quantile(drawn, [0.05, 0.95], axis=0)
        periods = side.periods[side.before & ~np.isnan(side.figures).any(axis=1)].astype(str)
        rows = [
            {"period": name, "observed": float(y), "lower": float(low), "upper": float(high), "share_below": float(f"{p:.4g}")}
            for name, y, low, high, p in zip(periods, counts, lower, upper, below + at / 2, strict=True)
        ]
        told = {name: value if isinstance(value, int) else float(f"{value:.6g}") for name, value in asdict(loo).items()}
        return {"loo": told, "posterior_predictive": {"level": 0.9, "figures": rows}}

    def kept(self, key: str, weights: np.ndarray, alpha: np.ndarray, b: np.ndarray, report: Mapping[str, object]) -> Posterior:
        """Every k-th draw as it is stored: weights, (alpha, exp b), and the log of the expected count of each period."""
        every = max(alpha.size // KEPT, 1)
        weights, alpha, b = (part[:, ::every] for part in (weights, alpha, b))
        likeness = weights @ np.nan_to_num(self.every).T
        logs = np.log(np.maximum(likeness * self.exposure, 1e-6)) + b[:, :, None]
        return Posterior(
            key,
            weights.astype(np.float32),
            np.stack([alpha, np.exp(b)], axis=2).astype(np.float32),
            np.clip(np.rint(logs / LEVEL_STEP), -32767, 32767).astype(np.int16),
            dict(report),
        )


def in_pymc(figures: Figures, intercept: bool, concentration: float) -> Any:
    """The model in PyMC; counts, exposure and rates are data, so that one compiled sampler serves all panels of a shape."""
    pymc = pymc_module()
    import pytensor.tensor as tensor

    with pymc.Model(check_bounds=False) as made:
        counts, exposure, rates = (pymc.Data(name, part) for name, part in figures.data.items())
        weights = pymc.Dirichlet("weights", np.full(figures.shape[1], concentration))
        alpha = pymc.HalfNormal("alpha", DISPERSION_SCALE)
        likeness = exposure * (rates @ weights)
        mean = likeness * pymc.math.exp(pymc.Normal("b", 0.0, INTERCEPT_SD)) if intercept else likeness
        size = 1 / pymc.math.maximum(alpha, 1e-6)
        # log NB2 but for constants; the data stay floats, which a distribution of counts would refuse
        value = pymc.math.sum(
            tensor.gammaln(counts + size)
            - tensor.gammaln(size)
            + counts * pymc.math.log(pymc.math.maximum(mean, 1e-12))
            - (counts + size) * pymc.math.log(size + mean)
            + size * pymc.math.log(size)
        )
        pymc.Potential("log_likelihood", value)
    return made


@dataclass(frozen=True, eq=False)
class SimplexPaths:
    """The expected path under every draw: logs (draw, period), hyper (draw, 2) = alpha and the factor exp b.

    ``observed`` (period,) stands for the factual path, of which there is none: the ratio compares it with predicted counts.
    """

    logs: np.ndarray
    hyper: np.ndarray
    observed: np.ndarray
    dof: float = np.inf

    @classmethod
    def of(cls, posterior: Posterior, observed: np.ndarray) -> "SimplexPaths":
        logs = posterior.level.reshape(-1, posterior.level.shape[-1]) * LEVEL_STEP
        return cls(logs, posterior.hyper.reshape(-1, posterior.hyper.shape[-1]).astype(float), observed)

    @property
    def kind(self) -> IntervalKind:
        return "prediction"

    @property
    def weights(self) -> np.ndarray:
        return np.full(DRAWS, 1 / DRAWS)

    @property
    def expected(self) -> np.ndarray:
        """The posterior mean of the expected count, shape (period,)."""
        return np.exp(self.logs).mean(axis=0)

    def log_ratio(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log(Σ observed / Σ predicted) of each draw, without a spread of its own."""
        reached, _, without = self.totals(rows[~np.isnan(self.observed[rows])])
        return np.log(np.maximum(reached, NOTHING) / np.maximum(without, NOTHING)), np.zeros(len(without))

    def test(self, rows: np.ndarray) -> Test:
        """How far out the sum of what was observed lies among the predicted sums."""
        reached, _, without = self.totals(rows)
        below, above = (without <= reached).mean(), (without >= reached).mean()
        null = "the observed sum is one of those that the donors predict (no effect)"
        p_value = min(1.0, 2 * max(min(below, above), 1 / len(without)))
        return Test("posterior predictive", null, float(reached[0]), float(p_value), 2 / len(without))

    def expected_limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limit of the expected mean, each of shape (period,)."""
        lower, upper = np.exp(np.quantile(self.logs, [(1 - level) / 2, (1 + level) / 2], axis=0))
        return lower, upper

    def totals(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of Σ observed, Σ expected, and the sum of predicted counts, each of shape (draw,)."""
        random = np.random.default_rng(seed)
        draw = np.repeat(np.arange(len(self.logs)), component_counts(np.full(len(self.logs), 1 / len(self.logs)), count))
        expected = np.exp(self.logs[:, rows])
        without = noisy_counts(expected[draw], "nb2", self.hyper[draw, 0], random)
        reached = np.full(count, self.observed[rows].sum())
        return reached, expected.sum(axis=1)[draw], without.sum(axis=1)
