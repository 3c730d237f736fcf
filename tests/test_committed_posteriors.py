"""The sampled posteriors beside the studies are those of these figures, settings and program: `make reproduce` reads them."""

import pytest

from gvi_eval.estimators import estimator_class
from gvi_eval.estimators._comparison import comparison
from gvi_eval.estimators._posterior import load_posterior
from gvi_eval.estimators.bayes_counts import BayesCounts, posterior_key
from gvi_eval.estimators.bayes_synthetic import BayesSynthetic, Figures
from gvi_eval.panel import Panel
from gvi_eval.plan import embedded_studies, find_study, prepare
from gvi_eval.study import load_study

LARGEST = 500_000  # bytes


def asked(name: str) -> dict[str, str]:
    """The key of every sampled analysis of a study, with its name."""
    declared = load_study(find_study(name)).declared
    if not any(estimator_class(each.estimator).cost == "sampling" for each in declared):
        return {}
    plan = prepare(find_study(name))
    return {
        key_of(each.panel.starting(start), each.estimator): each.specification.name
        for each in plan.analyses
        if each.estimator.cost == "sampling"
        for start in each.starts
    }


def key_of(panel: Panel, estimator: BayesCounts | BayesSynthetic) -> str:
    if isinstance(estimator, BayesCounts):
        return posterior_key(panel, estimator)
    side = comparison(panel, "rate", estimator.name)
    return estimator._key(side, Figures.of(side))


@pytest.mark.parametrize("name", embedded_studies())
def test_every_sampled_analysis_has_its_posterior_and_no_other_is_kept(name):
    folder = find_study(name).parent / "posteriors"
    kept = {file.stem: file for file in folder.glob("*.nc")}
    wanted = asked(name)
    missing = {what for key, what in wanted.items() if key not in kept}
    assert not missing, f"run `gvi-eval run {name}` and commit analyses/{name}/posteriors: {sorted(missing)} are not sampled"
    assert not set(kept) - set(wanted), "posteriors of other figures, settings or programs are left over; delete them"
    for file in kept.values():
        assert file.stat().st_size < LARGEST


@pytest.mark.parametrize("name", embedded_studies())
def test_a_kept_posterior_passed_its_diagnostics(name):
    for file in sorted((find_study(name).parent / "posteriors").glob("*.nc")):
        last = load_posterior(file).report["diagnostics"][-1]
        assert not last["faults"] and last["divergences"] == 0
