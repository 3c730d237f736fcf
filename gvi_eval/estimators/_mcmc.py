"""Sampling with PyMC and nutpie: the only place that knows their versions, and those of pytensor, ArviZ and HDF5.

Everything heavy is imported inside functions. No C compiler is assumed: pytensor is told so before it is first imported.
"""

import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gvi_eval.errors import DataError

FLAGS = {"cxx": "", "mode": "NUMBA"}
MOST_R_HAT, FEWEST_ESS = 1.01, 400.0


@contextmanager
def own_noise_only() -> Iterator[None]:
    """What the libraries say of themselves is kept out of the caller's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def pymc_module() -> Any:
    """PyMC, with pytensor set to numba and to no C compiler, which is read once, at its first import."""
    if "pytensor" not in sys.modules:
        given = [flag for flag in os.environ.get("PYTENSOR_FLAGS", "").split(",") if flag and flag.split("=")[0] not in FLAGS]
        os.environ["PYTENSOR_FLAGS"] = ",".join([*given, *(f"{name}={value}" for name, value in FLAGS.items())])
    with own_noise_only():
        import pymc
        import pytensor

        for name, value in FLAGS.items():  # where something else had imported it before
            if getattr(pytensor.config, name) != value:
                setattr(pytensor.config, name, value)
    return pymc


def density_op(kernel: Callable, slopes: int, key: str) -> Any:
    """A compiled density as an operation of pytensor: value and slopes from one call.

    ``kernel`` is a numba function of arrays that returns the value and its slopes in the first ``slopes`` arguments; ``key``
    names its program for numba's cache on disk.
    """
    pymc_module()
    import pytensor.tensor as tensor
    from pytensor.gradient import disconnected_type
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key

    class Density(Op):
        __props__ = ("key",)

        def __init__(self, key: str) -> None:
            self.key = key

        def make_node(self, *inputs: Any) -> Apply:
            given = [tensor.as_tensor_variable(one) for one in inputs]
            return Apply(self, given, [tensor.dscalar(), *(one.type() for one in given[:slopes])])

        def perform(self, node: Apply, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
            for cell, found in zip(outputs, kernel(*inputs), strict=True):
                cell[0] = np.asarray(found)

        def connection_pattern(self, node: Apply) -> list[list[bool]]:
            return [[place < slopes, *[False] * slopes] for place in range(len(node.inputs))]

        def pullback(self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
            along = [cotangents[0] * slope for slope in outputs[1:]]
            return along + [disconnected_type() for _ in inputs[slopes:]]

    if not hasattr(Op, "pullback"):  # before pytensor 3
        Density.L_op = Density.pullback

    @register_funcify_and_cache_key(Density)
    def _(op: Any, node: Any = None, **kwargs: Any) -> tuple[Callable, str]:
        from pytensor.link.numba.dispatch.basic import numba_njit

        @numba_njit
        def density(*inputs):
            found = kernel(*inputs)
            return (np.asarray(found[0]), *found[1:])

        return density, f"density {op.key}"

    return Density(key)


@dataclass(frozen=True)
class Sampling:
    """How to sample: draws and tuning steps of each chain, the acceptance that the step is tuned for, and the seed."""

    draws: int
    tuning: int
    chains: int
    target_accept: float
    seed: int


@dataclass(frozen=True, eq=False)
class Sampled:
    """Draws by name, each of shape (chain, draw, ...); how many trajectories diverged; seconds of the processor."""

    draws: Mapping[str, np.ndarray]
    divergences: int
    compile_seconds: float
    sampling_seconds: float


_COMPILED: dict[Any, Any] = {}


def sample(kind: Any, build: Callable[[], Any], data: Mapping[str, Any], how: Sampling) -> Sampled:
    """Sample the PyMC model that ``build`` makes, on ``data`` for its data containers.

    Models of one ``kind`` are compiled once in a process: compiling takes longer than sampling. The same data and seed give
    the same draws on a machine. Raises `RuntimeError` where no chain can start.
    """
    pymc_module()
    began = time.process_time()
    with own_noise_only():
        import nutpie

        if kind not in _COMPILED:
            _COMPILED[kind] = nutpie.compile_pymc_model(build(), backend="numba")
        compiled = time.process_time()
        trace = nutpie.sample(
            _COMPILED[kind].with_data(**data),
            draws=how.draws,
            tune=how.tuning,
            chains=how.chains,
            cores=1,
            seed=how.seed,
            target_accept=how.target_accept,
            save_warmup=False,
            progress_bar=False,
        )
    draws = {str(name): np.asarray(values.values) for name, values in trace.posterior.data_vars.items()}
    divergences = int(trace.sample_stats["diverging"].values.sum())
    return Sampled(draws, divergences, compiled - began, time.process_time() - compiled)


@dataclass(frozen=True)
class Worst:
    """The parameter for which a diagnostic is worst, and its value there."""

    name: str
    value: float


@dataclass(frozen=True)
class Diagnostics:
    """Rank-normalised split R-hat, bulk and tail effective sample size (Vehtari et al. 2021, doi:10.1214/20-BA1221)."""

    r_hat: Worst
    bulk_ess: Worst
    tail_ess: Worst
    divergences: int
    draws: int

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the sample, in words; empty where nothing is."""
        found = []
        if not self.r_hat.value <= MOST_R_HAT:
            found.append(f"R-hat of '{self.r_hat.name}' is {self.r_hat.value:.3f}, above {MOST_R_HAT:g}")
        for worst, word in ((self.bulk_ess, "bulk"), (self.tail_ess, "tail")):
            if not worst.value >= FEWEST_ESS:
                found.append(f"the {word} ESS of '{worst.name}' is {worst.value:.0f}, below {FEWEST_ESS:.0f}")
        if self.divergences:
            found.append(f"{self.divergences} of {self.draws} draws diverged")
        return tuple(found)


def diagnose(parameters: Mapping[str, np.ndarray], divergences: int) -> Diagnostics:
    """The worst of each diagnostic over parameters of shape (chain, draw). One that never moves has an R-hat of infinity."""
    pymc_module()
    with own_noise_only():
        import arviz

        rows = []
        for name, draws in parameters.items():
            r_hat, bulk, tail = (
                np.squeeze(found).item()
                for found in (
                    arviz.rhat(draws),
                    arviz.ess(draws, method="bulk"),
                    arviz.ess(draws, method="tail", prob=(0.05, 0.95)),
                )
            )
            rows.append((name, r_hat if np.isfinite(r_hat) else np.inf, *(x if np.isfinite(x) else 0.0 for x in (bulk, tail))))
    worst = [pick(rows, key=lambda row, place=place: row[place]) for pick, place in ((max, 1), (min, 2), (min, 3))]
    draws = next(iter(parameters.values())).size
    return Diagnostics(*(Worst(row[0], float(row[1 + place])) for place, row in enumerate(worst)), divergences, draws)


@dataclass(frozen=True)
class Loo:
    """Expected log predictive density of each figure left out, by Pareto-smoothed importance sampling.

    Vehtari, Gelman & Gabry (2017) Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC,
    doi:10.1007/s11222-016-9696-4. Where the largest Pareto k exceeds ``limit`` the estimate is not to be trusted.
    """

    elpd: float
    standard_error: float
    p_loo: float
    largest_pareto_k: float
    above_limit: int
    limit: float


def leave_one_out(log_likelihood: np.ndarray) -> Loo:
    """LOO from log likelihoods of shape (chain, draw, figure)."""
    pymc_module()
    with own_noise_only():
        import arviz

        groups = {"posterior": {"any": log_likelihood[:, :, 0]}, "log_likelihood": {"counts": log_likelihood}}
        if int(arviz.__version__.split(".")[0]) < 1:
            found = arviz.loo(arviz.from_dict(**groups), pointwise=True)
            elpd, effective = found["elpd_loo"], found["p_loo"]
        else:
            found = arviz.loo(arviz.from_dict(groups), pointwise=True)
            elpd, effective = found.elpd, found.p
        pareto = np.asarray(found.pareto_k).ravel()
        limit = float(found.good_k)
        return Loo(float(elpd), float(found.se), float(effective), float(pareto.max()), int((pareto > limit).sum()), limit)


@dataclass(frozen=True, eq=False)
class Variable:
    """An array with named dimensions; ``step`` is what a whole number stands for (the scale_factor of the CF conventions)."""

    dimensions: tuple[str, ...]
    values: np.ndarray
    step: float | None = None


def netcdf_bytes(variables: Mapping[str, Variable], attributes: Mapping[str, str]) -> bytes:
    """A netCDF file with the variables in the group "posterior", where ArviZ looks for them.

    The same content gives the same bytes: nothing is compressed, no time is kept, and no version of a library but that of the
    HDF5 format.
    """
    import h5netcdf
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False, libver=("v108", "v108")) as raw:
        with h5netcdf.File(raw, "w") as file:
            group = file.create_group("posterior")
            for name, variable in variables.items():
                for dimension, size in zip(variable.dimensions, variable.values.shape, strict=True):
                    if dimension not in group.dimensions:
                        group.dimensions[dimension] = size
                made = group.create_variable(name, variable.dimensions, variable.values.dtype, data=variable.values)
                if variable.step is not None:
                    made.attrs["scale_factor"] = np.float64(variable.step)
            for name, text in attributes.items():
                _write_text(file, name, text)
        if "_NCProperties" in raw.attrs:  # names the versions of the libraries
            del raw.attrs["_NCProperties"]
    return buffer.getvalue()


def _write_text(file: Any, name: str, text: str) -> None:
    """Text as a variable of bytes: an attribute of HDF5 may not exceed 64 kB."""
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    file.dimensions[f"{name}_bytes"] = len(data)
    file.create_variable(name, (f"{name}_bytes",), data.dtype, data=data)


def read_netcdf(path: Path) -> tuple[dict[str, Variable], dict[str, str]]:
    """What `netcdf_bytes` was given. Raises `DataError` for a file that is not one of those."""
    import h5netcdf

    try:
        with h5netcdf.File(path, "r") as file:
            texts = {name: bytes(np.asarray(made[...])).decode() for name, made in file.variables.items()}
            variables = {
                name: Variable(tuple(made.dimensions), np.asarray(made[...]), _step(made.attrs))
                for name, made in file.groups["posterior"].variables.items()
            }
    except (OSError, KeyError, UnicodeDecodeError) as fault:
        raise DataError(f"{path.name} is not a stored posterior ({fault}); delete it and sample again") from fault
    return variables, texts


def _step(attributes: Mapping[str, Any]) -> float | None:
    return float(np.asarray(attributes["scale_factor"]).item()) if "scale_factor" in attributes else None
