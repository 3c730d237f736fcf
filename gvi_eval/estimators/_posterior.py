"""Posteriors that are sampled once: how, what they are kept as, and how they are found again by what they are of."""

import ast
import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from gvi_eval.errors import DataError, EstimationError
from gvi_eval.estimators._count_model import CountModel, Parameters, log_likelihood, sample_model
from gvi_eval.estimators._mcmc import Diagnostics, Sampling, Variable, diagnose, leave_one_out, netcdf_bytes, read_netcdf
from gvi_eval.estimators._posterior_checks import information, posterior_predictive, prior_predictive, rounded
from gvi_eval.hashing import canonical_json, settings_hash

FOLDER = Path(__file__).resolve().parent
PROGRAM = ("_count_model.py", "_count_density.py", "_mcmc.py", "_posterior.py", "_posterior_checks.py")
LARGEST_STORE = 240_000  # bytes of draws in a file
LEVEL_STEP = 2.0**-11  # of the log of a mean count: what a stored level is rounded to
SAME_COLUMN = 9  # decimals beyond which a cosine may differ between machines
SECOND_ACCEPT = 0.99  # of the one further attempt, where the first diverged
MORE_DRAWS, MORE_TUNING = 4, 2  # times as many in it


@dataclass(frozen=True, eq=False)
class Posterior:
    """A sampled posterior in the form in which it is stored; every effect is computed from this form.

    Shapes: coefficients (chain, draw, coefficient) and hyper (chain, draw, hyperparameter) as float32; level
    (chain, draw, period) of the treated unit in whole steps of `LEVEL_STEP`. ``report`` is what was found when it was
    sampled: diagnostics, leave-one-out, predictive checks.
    """

    key: str
    coefficients: np.ndarray
    hyper: np.ndarray
    level: np.ndarray
    report: Mapping[str, Any]

    def flat(self) -> Parameters:
        """The draws of all chains one after the other, in double precision."""
        parts = (part.reshape(-1, part.shape[-1]).astype(float) for part in (self.coefficients, self.hyper, self.level))
        coefficients, hyper, level = parts
        return Parameters(coefficients, hyper, level * LEVEL_STEP)


def thinned(key: str, model: CountModel, drawn: Parameters, chains: int, report: Mapping[str, Any]) -> Posterior:
    """Every k-th draw of each chain, with k the smallest that keeps a file small, rounded to what is stored."""
    periods = model.periods
    parts = {
        "coefficients": drawn.coefficients.astype(np.float32),
        "hyper": drawn.hyper.astype(np.float32),
        "level": np.clip(np.rint(drawn.level[:, :periods] / LEVEL_STEP), -32767, 32767).astype(np.int16),
    }
    every = -(-sum(part.nbytes for part in parts.values()) // LARGEST_STORE)
    kept = {name: part.reshape(chains, -1, part.shape[1])[:, ::every].copy() for name, part in parts.items()}
    return Posterior(key=key, report=json.loads(canonical_json(report)), **kept)


def save_posterior(posterior: Posterior, path: Path) -> None:
    """Write a posterior as netCDF; the same posterior gives the same bytes. The file is replaced in one move."""
    dimensions = ("chain", "draw")
    variables = {
        "coefficients": Variable((*dimensions, "coefficient"), posterior.coefficients),
        "hyper": Variable((*dimensions, "hyperparameter"), posterior.hyper),
        "level": Variable((*dimensions, "period"), posterior.level, LEVEL_STEP),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(netcdf_bytes(variables, {"key": posterior.key, "report": canonical_json(posterior.report)}))
    fresh.replace(path)


def load_posterior(path: Path) -> Posterior:
    """A posterior that `save_posterior` wrote. Raises `DataError` for anything else."""
    variables, texts = read_netcdf(path)
    try:
        kept = {name: variables[name].values for name in ("coefficients", "hyper", "level")}
        return Posterior(key=texts["key"], report=json.loads(texts["report"]), **kept)
    except (KeyError, ValueError) as fault:
        raise DataError(f"{path.name} is not a stored posterior ({fault}); delete it and sample again") from fault


# --- sampling


def sample_posterior(
    key: str, model: CountModel, how: Sampling, unit: str, figures: list[dict[str, str]], despite_faults: bool
) -> Posterior:
    """Sample, and sample once more and longer where the diagnostics find fault.

    Raises `EstimationError` where they still do, unless ``despite_faults``; the first sample is then taken as it is.
    """
    tried: list[dict[str, Any]] = []
    while len(tried) < (1 if despite_faults else 2):
        try:
            drawn, sampled = sample_model(model, how)
        except RuntimeError as fault:
            raise EstimationError(
                f"sampling {unit} could not start ({fault}); look for a count or an exposure of the wrong magnitude, or use "
                "latent_counts"
            ) from fault
        found = diagnose(_named(model, drawn, how), sampled.divergences)
        tried.append(_diagnostics_row(how, found))
        if not found.faults or despite_faults:
            return thinned(key, model, drawn, how.chains, _report(model, drawn, how, tried, figures))
        how = _again(how, found)
    raise EstimationError(
        f"the posterior of {unit} was not sampled well: {'; '.join(found.faults)}, after {len(tried)} attempts. Set more draws "
        "or tuning, leave out a column that the figures say nothing about, use latent_counts or controlled, or set "
        "allow_failed_diagnostics = true to print it with a warning"
    )


def _again(how: Sampling, found: Diagnostics) -> Sampling:
    """More steps from another seed, and smaller ones where some diverged."""
    return Sampling(
        draws=MORE_DRAWS * how.draws,
        tuning=MORE_TUNING * how.tuning,
        chains=how.chains,
        target_accept=max(SECOND_ACCEPT, how.target_accept) if found.divergences else how.target_accept,
        seed=int(np.random.SeedSequence([how.seed, 1]).generate_state(1)[0]),
    )


def _named(model: CountModel, drawn: Parameters, how: Sampling) -> dict[str, np.ndarray]:
    """Coefficients, hyperparameters and the treated unit's level as (chain, draw) by name."""
    own = {f"level in period {t + 1}": drawn.level[:, t] for t in range(model.periods)}
    columns = dict(zip(model.names, drawn.coefficients.T, strict=True)) | dict(
        zip(model.hyper_names, drawn.hyper.T, strict=True)
    )
    return {name: values.reshape(how.chains, how.draws) for name, values in (columns | own).items()}


def _diagnostics_row(how: Sampling, found: Diagnostics) -> dict[str, Any]:
    return {
        "target_accept": how.target_accept,
        "tuning": how.tuning,
        "draws": how.draws,
        "chains": how.chains,
        "seed": how.seed,
        "divergences": found.divergences,
        "r_hat": {"largest": rounded(found.r_hat.value), "of": found.r_hat.name},
        "bulk_ess": {"smallest": rounded(found.bulk_ess.value), "of": found.bulk_ess.name},
        "tail_ess": {"smallest": rounded(found.tail_ess.value), "of": found.tail_ess.name},
        "faults": list(found.faults),
    }


def _report(
    model: CountModel,
    drawn: Parameters,
    how: Sampling,
    tried: list[dict[str, Any]],
    figures: list[dict[str, str]],
) -> dict[str, Any]:
    likelihood = log_likelihood(model, drawn)
    loo = leave_one_out(likelihood.reshape(how.chains, how.draws, -1))
    return {
        "diagnostics": tried,
        "nats_from_prior": dict(zip(model.hyper_names, information(model, drawn), strict=True)),
        "loo": {name: value if isinstance(value, int) else rounded(value) for name, value in dataclasses.asdict(loo).items()},
        "posterior_predictive": posterior_predictive(model, drawn, figures, how.seed),
        "prior_predictive": prior_predictive(model, how.seed),
    }


# --- where they are kept


@dataclass(frozen=True)
class Store:
    """A folder of posteriors by their key; with ``refresh`` they are sampled anew and written over."""

    folder: Path
    refresh: bool = False

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.nc"

    def find(self, key: str) -> Posterior | None:
        """The posterior of this key, or None. Raises `DataError` where a file holds another one than its name says."""
        path = self.path(key)
        if self.refresh or not path.exists():
            return None
        found = load_posterior(path)
        if found.key != key:
            raise DataError(f"{path.name} holds the posterior {found.key}; delete it and sample again")
        return found


_STORE: ContextVar[Store | None] = ContextVar("posteriors", default=None)


@contextmanager
def posterior_store(folder: Path, refresh: bool = False) -> Iterator[Store]:
    """Inside the block, posteriors are read from this folder, and written there once they are sampled."""
    token = _STORE.set(Store(Path(folder), refresh))
    try:
        yield _STORE.get()
    finally:
        _STORE.reset(token)


def current_store() -> Store | None:
    return _STORE.get()


# --- what they are of


def model_key(model: CountModel, how: Sampling, period_names: tuple[str, ...], onset: str) -> str:
    """One sha256 over the figures, the columns, the priors, how it is sampled, and the program that samples.

    Neither the machine nor the versions of libraries go in: a posterior that was sampled elsewhere is still this one.
    """
    arrays = {
        name: _array_hash(getattr(model, name))
        for name in ("counts", "matrix", "columns", "offset", "prior_mean", "prior_sd", "is_control")
    }
    settings = {
        "names": model.names,
        "hyper": model.hyper_names,
        "prior_scale": float(model.prior_scale),
        "one_alpha": model.one_alpha,
        "units": model.units,
        "periods": period_names,
        "onset": onset,
        "sampling": how,
        "program": program_hash(),
    }
    return settings_hash({**arrays, **settings})


@cache
def program_hash(folder: Path = FOLDER) -> str:
    """The sha256 of the program behind the draws; comments, docstrings and layout do not count."""
    listing = "".join(f"{_file_program(folder / name)}  {name}\n" for name in PROGRAM)
    return sha256(listing.encode()).hexdigest()


def _file_program(file: Path) -> str:
    return sha256(repr(_program(ast.parse(file.read_text(encoding="utf-8")))).encode()).hexdigest()


def _program(part: object) -> object:
    """A syntax tree as nested tuples that are the same on every Python: no docstrings, no empty fields."""
    if isinstance(part, ast.AST):
        fields = ((name, _program(value)) for name, value in ast.iter_fields(part) if value is not None and value != [])
        return (type(part).__name__, *fields)
    if isinstance(part, list):
        return tuple(_program(item) for item in part if not _is_text_alone(item))
    return repr(part)


def _is_text_alone(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _array_hash(values: np.ndarray) -> str:
    rounded = np.round(np.asarray(values, dtype=float), SAME_COLUMN) + 0.0
    return sha256(f"{rounded.shape} ".encode() + rounded.astype("<f8").tobytes()).hexdigest()
