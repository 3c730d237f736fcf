"""What stands beside the placebos: each kind in its order, refusals as sentences, and only where it is asked for."""

import numpy as np
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.estimators import make_estimator
from gvi_eval.inference.beside import beside, drift_bounds
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.inference.placebo import PlaceboInference
from gvi_eval.study import Estimand


@pytest.fixture
def panel(make_panel):
    random = np.random.default_rng(11)
    counts = {"Town": random.poisson([40] * 24 + [24] * 12).tolist()}
    counts |= {f"Donor {n:02}": random.poisson(40, 36).tolist() for n in range(20)}
    return make_panel(counts, 24)


def evaluated(panel, *also: str, estimator: str = "synthetic", **settings):
    made = make_estimator(estimator, {"intercept": True, **settings} if estimator == "synthetic" else settings)
    return evaluate(made, panel, PlaceboInference(also=also))


def test_without_being_asked_nothing_stands_beside(panel):
    effect = evaluated(panel).effect(panel.estimand)
    assert [each.kind for each in effect.intervals] == ["placebo"]


def test_each_kind_stands_behind_the_placebos_in_the_order_asked(panel):
    effect = evaluated(panel, "jackknife+", "conformal").effect(panel.estimand)
    assert [each.kind for each in effect.intervals] == ["placebo", "jackknife", "conformal"]
    assert [test.kind for test in effect.tests][-1] == "conformal"
    assert effect.tests[-1].floor == pytest.approx(1 / 36)
    assert all(interval.lower < 0.8 for interval in effect.intervals)
    assert any("would be found at 5%" in note for note in effect.notes)


def test_what_cannot_be_had_is_a_sentence(panel):
    late = panel.starting("2011-03")  # fourteen months before, twenty-two after
    effect = evaluated(late, "conformal").effect(late.estimand)
    assert [each.kind for each in effect.intervals] == ["placebo"]
    assert any(note.startswith("no conformal interval: ") and "refused above 50%" in note for note in effect.notes)


def test_a_difference_has_no_conformal_set(panel):
    estimand = Estimand("a month", "difference")
    made = evaluated(panel)
    intervals, tests, words = beside(("conformal",), made.estimator, panel, made.base.over(estimand))
    assert intervals == () and tests == () and words == ()


def test_bounds_are_those_of_an_event_study_of_counts_and_widen_with_the_drift(panel):
    effect = evaluated(panel, "bounds", estimator="event_study", model="poisson", bin=6).effect(panel.estimand)
    plain, half, whole = effect.intervals
    assert (half.kind, whole.kind) == ("bounds", "bounds") and whole.lower < half.lower and half.upper < whole.upper
    assert any("the drift that would undo the answer" in note for note in effect.notes)
    refused = evaluated(panel, "bounds").effect(panel.estimand)
    assert any("synthetic has no leads and lags" in note for note in refused.notes)
    study = evaluated(panel, estimator="event_study", model="poisson", bin=6)
    assert drift_bounds(study.estimator, panel, study.base.over(Estimand("saved", "prevented"))) == ([], [])


def test_an_unknown_kind_is_refused():
    with pytest.raises(StudyError, match="'bootstrap'; choose conformal, prediction, jackknife"):
        PlaceboInference(also=("bootstrap",))
