"""The contract for estimators that sample: one shape of panel, so that each model is compiled once, and short chains.

Whether twenty null panels are found to be null is simulated on demand, `tests/calibration/sampling`.
"""

import subprocess
import sys
import warnings
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.effect import contrast_rows
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import ESTIMATORS, estimator_class, make_estimator
from gvi_eval.estimators._posterior import posterior_store
from gvi_eval.panel import Panel
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import Estimand
from gvi_eval.writing import json_bytes

SAMPLING = [name for name in ESTIMATORS if estimator_class(name).cost == "sampling"]
SHORT = {"draws": 300, "tuning": 300, "chains": 2, "allow_failed_diagnostics": True}
UNITS = ["Town", "Donor 1", "Donor 2", "Donor 3"]
pytestmark = pytest.mark.filterwarnings("error")


def simulated(seed: int, ratio: float = 1.0, *, mean: float = 40.0, periods: int = 60, onset: int = 36) -> Panel:
    """Poisson counts of a treated town and three donors, with one mean; the town times ``ratio`` from the onset on."""
    random = np.random.default_rng([seed, periods, onset])
    index = pd.period_range("2010-01", periods=periods, freq="M")
    means = np.full((periods, len(UNITS)), float(mean))
    means[onset:, 0] *= ratio
    values = pd.DataFrame(random.poisson(means).astype(float), index=index, columns=UNITS)
    people = pd.DataFrame(10_000 / 12, index=index, columns=values.columns)
    return Panel(values, people, MappingProxyType({"Town": index[onset]}))


def short(name: str, **settings):
    return make_estimator(name, SHORT | settings)


@pytest.fixture(scope="module")
def halved():
    return {name: short(name).estimate(simulated(1, 0.5)) for name in SAMPLING}


@pytest.mark.parametrize("name", SAMPLING)
def test_a_halving_is_found_to_be_a_halving(name, halved):
    effect = halved[name]
    assert np.log(effect.point) == pytest.approx(np.log(0.5), abs=0.35) and effect.intervals[0].excludes(1.0)
    assert effect.intervals[0].lower < effect.point < effect.intervals[0].upper
    assert effect.intervals[0].kind == ("prediction" if effect.counterfactual.factual is None else "posterior")
    assert effect.tests[0].p_value < 0.05


@pytest.mark.parametrize("name", SAMPLING)
def test_nothing_happened_is_found_to_be_nothing_and_the_panel_is_unchanged(name):
    panel = simulated(2)
    values, exposure = panel.values.copy(deep=True), panel.exposure.copy(deep=True)
    effect = short(name).estimate(panel)
    assert not effect.intervals[0].excludes(1.0) and abs(np.log(effect.point)) < 0.35
    pd.testing.assert_frame_equal(panel.values, values)
    pd.testing.assert_frame_equal(panel.exposure, exposure)


@pytest.mark.parametrize("name", SAMPLING)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_sample(name, halved):
    again = short(name).estimate(simulated(1, 0.5))
    assert (again.point, again.intervals, again.tests) == (halved[name].point, halved[name].intervals, halved[name].tests)
    assert json_bytes(dict(again.details)) == json_bytes(dict(halved[name].details))
    pd.testing.assert_frame_equal(again.counterfactual.frame(), halved[name].counterfactual.frame(), check_exact=True)
    other = short(name, seed=1).estimate(simulated(1, 0.5))
    assert other.point != again.point and other.point == pytest.approx(again.point, rel=0.1)


@pytest.mark.parametrize("name", SAMPLING)
def test_the_order_of_the_units_and_the_unit_of_exposure_do_not_matter(name, halved):
    panel = simulated(1, 0.5)
    turned = panel.with_(values=panel.values[UNITS[::-1]], exposure=panel.exposure[UNITS[::-1]] * 12)
    again = short(name).estimate(turned)
    assert again.point == pytest.approx(halved[name].point, rel=1e-2)


@pytest.mark.parametrize("name", SAMPLING)
def test_the_point_is_the_contrast_of_its_own_path(name, halved):
    effect = halved[name]
    paths, rows = effect.counterfactual, contrast_rows(effect.counterfactual, effect.estimand, effect.onset)
    reached = paths.observed if paths.factual is None else paths.factual
    assert effect.point == pytest.approx(reached.iloc[rows].sum() / paths.expected.iloc[rows].sum(), rel=1e-6)
    assert (paths.expected > 0).all() and len(paths.expected) == 60


@pytest.mark.parametrize("name", SAMPLING)
def test_other_contrasts_need_no_other_fit(name, halved):
    prevented = halved[name].over(Estimand("prevented", contrast="prevented", target="realised"))
    assert prevented.intervals[0].kind == "prediction" and prevented.intervals[0].lower < prevented.point
    assert prevented.point == pytest.approx(24 * 20, rel=0.4)


@pytest.mark.parametrize("name", SAMPLING)
def test_the_effect_says_how_well_it_was_sampled(name, halved):
    details = halved[name].details
    json_bytes(dict(details))
    sampled = details["diagnostics"][-1]
    assert sampled["divergences"] == 0 and sampled["r_hat"]["largest"] < 1.05 and sampled["bulk_ess"]["smallest"] > 50
    assert {"elpd", "p_loo", "largest_pareto_k"} <= set(details["loo"])
    assert len(details["posterior_predictive"]["figures"]) == (36 if halved[name].counterfactual.factual is None else 60)
    assert bool(sampled["faults"]) == any("not sampled well" in note for note in halved[name].notes)


@pytest.mark.parametrize("name", SAMPLING)
def test_a_sample_that_is_too_short_is_an_error_that_names_what_is_wrong(name):
    with pytest.raises(EstimationError, match="(?s)Town.*(R-hat|ESS) of '.*(above|below).*2 attempts.*draws"):
        short(name, draws=20, tuning=50, allow_failed_diagnostics=False).estimate(simulated(3))


@pytest.mark.parametrize("name", SAMPLING)
def test_a_missing_cell_is_listed(name):
    panel = simulated(4)
    values = panel.values.copy()
    values.loc["2014-02", "Town"] = np.nan
    effect = short(name).estimate(panel.with_(values=values))
    assert any("2014-02" in note and "Town" in note for note in effect.notes)
    assert np.isfinite(effect.counterfactual.expected["2014-02"])


@pytest.mark.parametrize("name", SAMPLING)
@pytest.mark.parametrize("kind", ["quiet", "nothing after", "constant", "large"])
def test_no_warning_escapes_from_an_odd_panel(name, kind):
    made = {
        "quiet": lambda: simulated(5, mean=0.3),
        "nothing after": lambda: simulated(6, 0.0),
        "constant": lambda: simulated(7).with_(values=simulated(7).values * 0 + 7.0),
        "large": lambda: simulated(8, mean=200_000),
    }[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effect = short(name, draws=50, tuning=200).estimate(made)
    assert np.isfinite(effect.point) and effect.intervals[0].lower <= effect.intervals[0].upper


@pytest.mark.parametrize("name", SAMPLING)
def test_counts_are_asked_for(name):
    with pytest.raises(EstimationError, match="share"):
        short(name).estimate(simulated(1).with_(kind="share"))


READ = """
import sys
from tests.contract.test_contract_sampling import posterior_store, short, simulated
from gvi_eval.writing import json_bytes
with posterior_store(sys.argv[2]):
    effect = short(sys.argv[1]).estimate(simulated(1, 0.5))
assert "pymc" not in sys.modules
print((repr(effect.point) + repr(effect.intervals) + repr(effect.tests)).encode().hex(), json_bytes(dict(effect.details)).hex())
"""


@pytest.mark.parametrize("name", SAMPLING)
def test_an_effect_from_a_kept_posterior_has_the_same_bytes_in_another_process(name, halved, tmp_path):
    with posterior_store(tmp_path):
        first = short(name).estimate(simulated(1, 0.5))
    (file,) = tmp_path.iterdir()
    written = file.read_bytes()
    assert len(written) < 500_000 and file.stem == first.details["posterior"]
    done = subprocess.run([sys.executable, "-c", READ, name, str(tmp_path)], capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    said = f"{first.point!r}{first.intervals!r}{first.tests!r}".encode().hex()
    assert done.stdout.split() == [said, json_bytes(dict(first.details)).hex()]
    with posterior_store(tmp_path, refresh=True):
        short(name).estimate(simulated(1, 0.5))
    assert file.read_bytes() == written and first.point == halved[name].point
