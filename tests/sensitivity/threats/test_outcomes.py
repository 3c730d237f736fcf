"""T15, T16 and T23: declared outcomes, judged counts and other means, each planted and absent."""

from dataclasses import replace

import numpy as np
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.case import surrounded
from gvi_eval.sensitivity.threats.outcomes import Classified, ManyOutcomes, Substitution
from gvi_eval.sensitivity.threats.planting import with_nulls
from tests.support import cases


def series(ratio=1.0, mean=40.0, seed=1):
    factor = np.where(np.arange(96) < cases.BEFORE, 1.0, ratio)
    return cases.counts(seed, mean=mean, factor=factor)


def case(ratio=1.0, mean=40.0, others=None, measures=None, scopes=None):
    """A case with further outcomes: name -> (role, ratio, mean); ``measures`` renames what outcomes count."""
    panels = {name: (role, series(its, m, seed)) for seed, (name, (role, its, m)) in enumerate((others or {}).items(), 2)}
    made = cases.with_segmented(cases.case(series(ratio, mean), others=panels))
    outcomes = tuple(replace(each, measure=(measures or {}).get(each.name, each.measure)) for each in made.study.outcomes)
    return surrounded(made.with_(study=made.study.with_(outcomes=outcomes)), scopes or {})


# T15


def test_a_headline_on_another_outcome_than_the_declared_one_is_flagged():
    made = case(others={"arrests": ("companion", 1.0, 40.0)})
    shown = made.with_(specification=replace(made.specification, outcome="arrests"), whole=made.others["arrests"])
    result = ManyOutcomes().look(shown)
    assert result.state == FLAGGED and "the headline is on arrests, and events was declared primary" in result.sentence


def test_the_primary_shown_from_a_second_source_is_still_the_primary():
    made = case(others={"other figures": ("second source", 0.5, 40.0)})
    shown = made.with_(specification=replace(made.specification, outcome="other figures"), whole=made.others["other figures"])
    assert ManyOutcomes().look(shown).state == NOT_FLAGGED


def test_one_outcome_pays_nothing():
    result = ManyOutcomes().look(case(0.5))
    assert result.state == NOT_FLAGGED and "over 1 declared outcome (Holm)" in result.sentence
    assert result.number == result.evidence["p"]["events"]


def test_a_result_that_does_not_outlive_the_other_outcomes_is_flagged(monkeypatch):
    others = {name: ("companion", 1.0, 40.0) for name in ("injured", "killed")}
    made = case(others=others | {"burglary": ("negative control", 1.0, 40.0)})
    given = {"events": 0.03, "injured": 0.4, "killed": 0.5, "burglary": 0.001}
    monkeypatch.setattr("gvi_eval.sensitivity.threats.outcomes._p_value", lambda case, name: given[name])
    result = ManyOutcomes().look(made)
    assert result.state == FLAGGED and result.number == pytest.approx(0.09)  # 3 x 0.03: the control is no chance to claim
    given["events"] = 0.01
    assert ManyOutcomes().look(made).state == NOT_FLAGGED
    given["events"] = 0.2
    assert ManyOutcomes().look(made).state == NOT_FLAGGED  # nothing was found to begin with


def test_t15_planted_and_clean():
    ready = with_nulls(case())
    assert look(ManyOutcomes(), ManyOutcomes().planted(ready, 1)).state == FLAGGED
    assert look(ManyOutcomes(), ManyOutcomes().clean(ready, 1)).state == NOT_FLAGGED


# T16

JUDGED = {"events": ("gang_related",), "all events": ("all_unlawful",)}


def judged(own, total, share=0.5, scopes=JUDGED):
    others = {"all events": ("alternative definition", total, 40.0 / share)}
    return Classified().look(case(own, others=others, scopes=scopes))


def test_a_fall_in_the_judged_series_only_is_flagged():
    result = judged(own=0.5, total=1.0)
    assert result.state == FLAGGED and result.number < 0.5


def test_a_total_that_falls_as_much_as_the_judged_part_implies_is_not_flagged():
    # the judged half of all events halves, so all events fall to 0.75
    result = judged(own=0.5, total=0.75)
    assert result.state == NOT_FLAGGED and result.number == pytest.approx(1.0, abs=0.25)
    assert "0.75 is implied" in result.sentence or "0.74 is implied" in result.sentence


def test_an_independent_count_that_is_smaller_should_fall_alike():
    assert judged(own=0.5, total=0.5, share=2.0).number == pytest.approx(1.0, abs=0.25)


def test_a_series_that_nobody_judged_is_not_asked():
    result = Classified().look(case(0.5, scopes={"events": ("all_unlawful",)}))
    assert result.state == COULD_NOT and "(all unlawful) is not sorted by whether groups were involved" in result.sentence


def test_a_judged_series_alone_says_what_is_needed():
    result = Classified().look(case(0.5, scopes={"events": ("gang_related",)}))
    assert result.state == COULD_NOT and "needed is the total of all of them" in result.sentence


def test_a_companion_and_another_judged_series_are_no_total():
    others = {"harm": ("companion", 1.0, 40.0), "wider": ("second source", 1.0, 80.0)}
    scopes = {"events": ("gang_related",), "wider": ("gang_conflict",)}
    assert Classified().look(case(0.5, others=others, scopes=scopes)).state == COULD_NOT


def test_without_a_fall_no_judgement_can_have_made_it():
    assert judged(own=1.3, total=1.0).state == COULD_NOT


def test_t16_planted_and_clean():
    ready = with_nulls(case(others={"all events": ("second source", 1.0, 80.0)}, scopes=JUDGED))
    planted = [look(Classified(), Classified().planted(ready.with_(), seed)).state for seed in range(6)]
    assert planted.count(FLAGGED) >= 5
    assert Classified().rests_on(ready) == {"events": ["gang_related"], "all events": ["all_unlawful"]}


def test_t16_is_silent_on_two_series_that_fall_together():
    both = {"all events": ("second source", 0.5, 40.0)}
    assert Classified().look(case(0.5, others=both, scopes=JUDGED)).state == NOT_FLAGGED


# T23

SHOT = {"events": "shootings", "bombs": "explosions", "dead": "killed"}


def means(own, bombs, mean=40.0, **more):
    return Substitution().look(case(own, others={"bombs": ("companion", bombs, mean), **more}, measures=SHOT))


def test_explosions_that_rise_by_what_shootings_fell_are_flagged():
    result = means(own=0.5, bombs=1.5)
    assert result.state == FLAGGED and abs(result.number) < 0.3


def test_explosions_that_stay_are_not():
    result = means(own=0.5, bombs=1.0)
    assert result.state == NOT_FLAGGED and result.number == pytest.approx(1.0, abs=0.25)


def test_explosions_that_fall_as_well_add_to_what_was_prevented():
    assert means(own=0.5, bombs=0.5).number == pytest.approx(2.0, abs=0.3)


def test_the_share_is_in_events_so_that_many_explosions_do_not_drown_it():
    assert means(own=0.5, bombs=1.0, mean=160.0).number == pytest.approx(1.0, abs=0.9)
    assert means(own=0.5, bombs=1.125, mean=160.0).number < 0.6


def test_killed_per_shooting_stands_beside():
    result = means(own=0.5, bombs=1.0, dead=("companion", 1.0, 20.0))
    assert result.evidence["killed"]["dead"] == pytest.approx(2.0, abs=0.4)
    assert "dead per event has a ratio of" in result.sentence


def test_without_a_fall_nothing_was_substituted():
    result = means(own=1.3, bombs=1.5)
    assert result.state == COULD_NOT and "did not fall" in result.sentence


@pytest.mark.parametrize(
    "measures", [{"events": "homicides", "bombs": "explosions"}, {"events": "shootings", "bombs": "thefts"}]
)
def test_without_another_means_it_says_what_is_needed(measures):
    result = Substitution().look(case(0.5, others={"bombs": ("companion", 1.0, 40.0)}, measures=measures))
    assert result.state == COULD_NOT and "needed are explosions, stabbings or other attacks" in result.sentence


def test_t23_planted_and_clean():
    ready = with_nulls(case(others={"bombs": ("companion", 1.0, 40.0)}, measures=SHOT))
    planted = [look(Substitution(), Substitution().planted(ready.with_(), seed)).state for seed in range(6)]
    assert planted.count(FLAGGED) >= 5
