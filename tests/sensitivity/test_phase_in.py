"""Phase-in and anticipation: a ramp of one is a step, a planted ramp is read back, and a change too early is seen."""

import dataclasses

import numpy as np
import pytest

from gvi_eval.assembly import build_panel
from gvi_eval.errors import StudyError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.phase_in import leads, leads_table, ramps, ramps_table
from gvi_eval.study import Estimand, load_study

PLAIN = LatentCounts(season="none", trend=False)


def wave(length):
    """Half per cent up and down, so that the figures scatter a little and sum to what they should."""
    return 1 + 0.005 * (-1.0) ** np.arange(length)


@pytest.fixture(scope="module")
def phased(make_panel):
    """400 a quarter, from the start falling over four quarters to 200, and 200 from then on."""
    ramp = np.clip((np.arange(40) - 20 + 1) / 4, 0, 1)
    return make_panel({"Town": np.round(400 * 0.5**ramp * wave(40))}, onset=20, start="2010Q1")


@pytest.fixture(scope="module")
def early(make_panel):
    """400 a quarter, 300 in the two quarters before the start, 200 from the start."""
    counts = np.array([400.0] * 18 + [300.0] * 2 + [200.0] * 12)
    return make_panel({"Town": np.round(counts * wave(32))}, onset=20, start="2010Q1")


def test_a_ramp_of_one_period_is_a_step(phased):
    [ramp] = ramps(PLAIN, phased, [1])
    step = PLAIN.estimate(phased)
    assert ramp.whole == pytest.approx(step.point) and ramp.full == pytest.approx(step.point)
    assert ramp.whole_interval.lower == pytest.approx(step.intervals[0].lower)
    assert ramp.full_interval.upper == pytest.approx(step.intervals[0].upper, rel=1e-6)
    assert ramp.log_marginal_likelihood == step.details["log_marginal_likelihood"]


def test_the_length_that_was_planted_fits_best_and_gives_both_ratios(phased):
    found = {ramp.length: ramp for ramp in ramps(PLAIN, phased, [1, 2, 4, 8])}
    assert max(found.values(), key=lambda ramp: ramp.log_marginal_likelihood).length == 4
    planted = (400 * 0.5 ** np.clip(np.arange(1, 21) / 4, 0, 1)).mean() / 400
    assert found[4].full == pytest.approx(0.5, abs=0.01) and found[4].whole == pytest.approx(planted, abs=0.01)
    assert found[4].whole > found[4].full


def test_a_ramp_that_outlasts_the_figures_has_no_full_effect(phased):
    short = phased.until(phased.periods[25].end_time.date())
    within, beyond = ramps(PLAIN, short, [6, 7])
    assert within.full is not None and within.reason is None
    assert beyond.full is None and beyond.whole is not None
    assert beyond.reason.startswith("the figures end 6 periods after the start, before a phase-in of 7 is complete")


def test_a_length_of_nothing_is_an_error(phased):
    with pytest.raises(StudyError, match="a phase-in of 0 periods"):
        ramps(PLAIN, phased, [0])


def test_an_analysis_that_cannot_be_run_is_a_row_with_its_reason(make_panel):
    empty = make_panel({"Town": [0.0] * 8 + [5.0] * 8}, onset=8, start="2010Q1")
    [ramp], [lead] = ramps(PLAIN, empty, [2]), leads(PLAIN, empty, [2])
    assert ramp.whole is None and "no events before the start" in ramp.reason
    assert lead.shown is None and "no events before the start" in lead.sentence
    assert ramps_table([ramp])["whole"].isna().all() and leads_table([lead])["shown"].isna().all()


def test_a_change_before_the_start_is_seen_and_the_effect_is_judged_from_before_it(early):
    found = {lead.periods: lead for lead in leads(PLAIN, early, [2, 6])}
    assert found[2].shown is True and found[2].ratio == pytest.approx(0.75, abs=0.02)
    assert found[2].effect == pytest.approx(0.5, abs=0.02) and PLAIN.estimate(early).point > found[2].effect
    assert "show a change before the start: ratio 0.7" in found[2].sentence and "2014Q3 to 2014Q4" in found[2].sentence
    assert found[6].ratio > found[2].ratio
    assert found[2].log_marginal_likelihood > found[6].log_marginal_likelihood


def test_a_quiet_lead_is_not_read_as_a_change(phased):
    [lead] = leads(PLAIN, phased, [1])
    assert lead.shown is False and "do not show a change before the start" in lead.sentence and " in 2014Q4, " in lead.sentence


def test_a_lead_that_reaches_the_beginning_has_a_reason_and_one_of_nothing_is_an_error(phased):
    [lead] = leads(PLAIN, phased, [20])
    assert lead.ratio is None and lead.sentence.startswith("20 periods lie before the start 2015Q1, so 20 of them")
    with pytest.raises(StudyError, match="-1 periods before the start are none"):
        leads(PLAIN, phased, [-1])


def test_the_tables_hold_both_intervals(phased, early):
    table = ramps_table(ramps(PLAIN, phased, [2, 30]))
    assert table["ramp"].tolist() == [2, 30] and table["fully_phased"].notna().tolist() == [True, False]
    assert (table["whole_lower"] < table["whole"]).all() and (table["whole"] < table["whole_upper"]).all()
    table = leads_table(leads(PLAIN, early, [2]))
    assert (table["ratio_before_upper"] < 1).all() and table["shown"].tolist() == [True]


def test_another_estimand_of_the_panel_changes_nothing(phased):
    prevented = phased.with_(estimand=Estimand("prevented", "prevented"))
    assert ramps(PLAIN, prevented, [3]) == ramps(PLAIN, phased, [3])


def test_spans_can_be_swept_too():
    file = CHECKOUT / "analyses" / "malmo" / "study.toml"
    study = load_study(file)
    panel = build_panel(study, read_tables(study, file.parent), study.primary.name)
    slow, fast = ramps(LatentCounts(), panel, [12, 1])
    [lead] = leads(dataclasses.replace(LatentCounts(), trend=False), panel, [3])
    assert slow.whole_interval.lower < slow.whole < slow.whole_interval.upper
    assert slow.log_marginal_likelihood != fast.log_marginal_likelihood
    # No figure ends within the three months before the start, so their level rests on the prior.
    assert lead.shown is False and lead.interval.upper / lead.interval.lower > 20
