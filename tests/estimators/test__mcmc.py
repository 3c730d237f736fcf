"""Sampling without a compiler, what is said of a sample, and files with the same bytes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gvi_eval.errors import DataError
from gvi_eval.estimators._mcmc import Variable, diagnose, leave_one_out, netcdf_bytes, read_netcdf

TINY = """
import warnings
warnings.simplefilter("error")
import numpy as np
from gvi_eval.estimators._count_model import CountModel, sample_model
from gvi_eval.estimators._mcmc import Sampling

def model(counts):
    n = len(counts)
    return CountModel(("intercept",), np.array(counts, dtype=float), np.eye(n), np.ones((n, 1)), np.zeros(n), np.zeros(1),
                      np.ones(1), 0.5, False, 1, np.zeros(n, dtype=bool))

drawn, first = sample_model(model([3, 1, 4, 1]), Sampling(200, 200, 2, 0.9, 7))
other, second = sample_model(model([30, 10, 40, 10]), Sampling(200, 200, 2, 0.9, 7))
import pytensor
print(repr((pytensor.config.cxx, pytensor.config.mode)))
print(drawn.coefficients.mean(), other.coefficients.mean())
print(first.compile_seconds > 100 * second.compile_seconds)
"""

WRITE = """
import sys
import numpy as np
from gvi_eval.estimators._mcmc import Variable, netcdf_bytes
level = Variable(("chain", "draw", "period"), np.arange(24, dtype=np.int16).reshape(2, 3, 4), 0.5)
print(netcdf_bytes({"level": level}, {"report": "Malmö"}).hex())
"""


def run(code: str, **environment: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def written() -> bytes:
    level = Variable(("chain", "draw", "period"), np.arange(24, dtype=np.int16).reshape(2, 3, 4), 0.5)
    return netcdf_bytes({"level": level}, {"report": "Malmö"})


def test_a_model_is_sampled_where_there_is_no_compiler_and_reused_for_other_counts():
    flags, means, compiled_once = run(TINY, PATH="").splitlines()
    assert flags == "('', 'NUMBA')"
    low, high = map(float, means.split())
    # Few counts and priors N(0, 1) and HalfNormal(0.5) pull towards a mean of one; ten times the counts pull less.
    assert 0.3 < low < np.log(9 / 4) < 2 < high < np.log(90 / 4)
    assert compiled_once == "True"


def test_flags_that_are_set_already_are_kept():
    code = "from gvi_eval.estimators._mcmc import pymc_module; pymc_module(); import pytensor; print(pytensor.config.floatX)"
    assert run(f"{code}; print(repr(pytensor.config.cxx))", PYTENSOR_FLAGS="floatX=float32,cxx=g++").split() == [
        "float32",
        "''",
    ]


def test_the_estimator_is_known_without_loading_pymc():
    code = (
        "import gvi_eval.estimators.bayes_counts as one, sys; one.BayesCounts(); print({'pymc', 'arviz', 'nutpie', 'pytensor'}"
    )
    assert run(f"{code} & set(sys.modules))").strip() == "set()"


@pytest.fixture(scope="module")
def good():
    return np.random.default_rng(1).standard_normal((4, 1000))


def test_a_good_sample_has_no_fault(good):
    found = diagnose({"level": good, "sigma": np.abs(good[::-1])}, 0)
    assert found.faults == () and found.draws == 4000
    assert found.r_hat.value < 1.01 and 3000 < found.bulk_ess.value < 5000


def test_a_fault_names_the_parameter_and_the_value(good):
    shifted = good + 0.5 * np.arange(4)[:, None]
    found = diagnose({"level": good, "trend": shifted}, 0)
    assert found.r_hat.name == "trend" and found.r_hat.value > 1.05
    assert any("'trend'" in fault and f"{found.r_hat.value:.3f}" in fault for fault in found.faults)
    slow = np.repeat(np.random.default_rng(2).standard_normal((4, 50)), 20, axis=1)
    assert any("ESS of 'rho'" in fault for fault in diagnose({"level": good, "rho": slow}, 0).faults)
    assert diagnose({"level": good}, 3).faults == ("3 of 4000 draws diverged",)


def test_a_chain_that_never_moves_is_a_fault(good):
    assert diagnose({"level": good, "stuck": np.ones((4, 1000))}, 0).r_hat.value == np.inf


def test_leaving_one_out_agrees_with_the_exact_answer():
    # y ~ N(theta, 1) with a flat prior: without y_i theta is N(mean of the others, 1 / (n - 1)).
    random = np.random.default_rng(3)
    y = random.standard_normal(12)
    theta = y.mean() + random.standard_normal((4, 2000)) / np.sqrt(12)
    likelihood = -0.5 * (y - theta[:, :, None]) ** 2 - 0.5 * np.log(2 * np.pi)
    others, variance = (y.sum() - y) / 11, 1 + 1 / 11
    exact = (-0.5 * (y - others) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)).sum()
    found = leave_one_out(likelihood)
    assert found.elpd == pytest.approx(exact, abs=0.1)
    with_it = (-0.5 * (y - y.mean()) ** 2 / (13 / 12) - 0.5 * np.log(2 * np.pi * 13 / 12)).sum()
    assert found.p_loo == pytest.approx(with_it - exact, abs=0.1)
    assert found.above_limit == 0 and found.largest_pareto_k < found.limit


def test_the_same_content_gives_the_same_bytes_in_another_process_at_another_time():
    assert bytes.fromhex(run(WRITE, PYTHONHASHSEED="7", TZ="Asia/Tokyo").strip()) == written()


def test_a_file_names_no_library_and_no_time():
    assert b"h5netcdf" not in written() and b"NCProperties" not in written() and b"created" not in written()


def test_a_file_is_read_back_and_by_others_too(tmp_path):
    import xarray

    file = tmp_path / "posterior.nc"
    file.write_bytes(written())
    variables, texts = read_netcdf(file)
    assert texts == {"report": "Malmö"} and variables["level"].step == 0.5
    np.testing.assert_array_equal(variables["level"].values, np.arange(24).reshape(2, 3, 4))
    with xarray.open_dataset(file, group="posterior", engine="h5netcdf") as opened:
        np.testing.assert_array_equal(opened["level"].values, np.arange(24).reshape(2, 3, 4) / 2)


@pytest.mark.parametrize("content", [b"", b"not a file of that kind"])
def test_another_file_is_refused_by_name(tmp_path, content):
    file = tmp_path / "odd.nc"
    file.write_bytes(content)
    with pytest.raises(DataError, match="odd.nc.*sample again"):
        read_netcdf(file)
