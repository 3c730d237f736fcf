"""Releases: what they change of a panel and of its noise, by hand."""

import dataclasses
from datetime import date

import numpy as np
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.sensitivity.power import Noise, simulate
from gvi_eval.sensitivity.releases import OTHER_OUTCOME, Change, finer, parse_change, released
from gvi_eval.windows import CountWindow

METHOD = Segmented(season="none")
NOISE = (Noise("moderate", 0.1, 0.3, 0.64),)


@pytest.fixture
def quarters(make_panel):
    return make_panel({"Town": [float(n) for n in range(12, 28)]}, onset=8, start="2010Q1", exposure=90.0)


@pytest.fixture
def spans(make_panel):
    """Months of which two years before the start are known as their totals only, and the others not at all."""
    panel = make_panel({"Town": [np.nan] * 48}, onset=24)
    totals = [CountWindow("Town", ((date(2010 + k, 1, 1), date(2010 + k, 12, 31)),), 24, ()) for k in range(4)]
    return panel.with_(windows=tuple(totals))


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("monthly", Change("M")),
        ("+24m", Change(months=24)),
        ("donors=20", Change(donors=20)),
        ("monthly, rate=2.5,+12m", Change("M", 12, 0, 2.5)),
    ],
)
def test_words_of_a_change(text, change):
    assert parse_change(text) == change


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("weekly", "cannot change 'weekly'; write monthly, quarterly"),
        ("", "changes nothing"),
        ("monthly,yearly", "says frequency twice"),
        ("donors=11", "11 donors cannot give a p-value below .05"),
        ("rate=0", "a rate of 0 events"),
    ],
)
def test_words_that_mean_nothing_say_what_would(text, sentence):
    with pytest.raises(StudyError, match=sentence):
        parse_change(text)


def test_months_of_a_quarter_share_what_was_expected_of_it(quarters):
    design = released(METHOD, quarters, np.full(16, 9.0), NOISE, parse_change("monthly"))
    assert design.panel.frequency == "M" and len(design.panel.periods) == 48
    assert (design.expected == 3).all() and (design.panel.exposure["Town"] == 30).all()
    assert str(design.panel.sole_treated[1]) == "2012-01" and not design.panel.gaps("Town")


def test_noise_of_months_adds_up_to_that_of_quarters():
    # Three months of mean 40 with NB dispersion 3 α have the variance of a quarter of mean 120 with α.
    month = finer(NOISE[0], 3)
    assert 3 * (40 + month.alpha * 40**2) == pytest.approx(120 + NOISE[0].alpha * 120**2)
    assert month.rho**3 == pytest.approx(0.64) and month.sigma == 0.3
    assert finer(Noise("Poisson", 0.0, 0.0, 0.0), 3) == Noise("Poisson", 0.0, 0.0, 0.0)


def test_months_more_repeat_the_last_year(quarters):
    expected = np.arange(16.0)
    design = released(METHOD, quarters, expected, NOISE, parse_change("+24m"))
    assert str(design.panel.periods[-1]) == "2015Q4" and design.expected[16:].tolist() == [12, 13, 14, 15] * 2
    assert design.panel.values["Town"][:16].equals(quarters.values["Town"])
    assert not design.panel.gaps("Town") and design.noise == NOISE


def test_years_more_of_yearly_totals_are_yearly_totals(spans):
    design = released(LatentCounts(), spans, np.full(48, 2.0), NOISE, parse_change("+24m"))
    assert len(design.panel.windows) == 6 and design.panel.windows[-1].ranges == ((date(2015, 1, 1), date(2015, 12, 31)),)
    assert not design.panel.gaps("Town")
    finest = released(LatentCounts(), spans, np.full(48, 2.0), NOISE, parse_change("monthly,+24m"))
    assert not finest.panel.windows and len(finest.panel.observations("Town")[0]) == 72


def test_donors_are_as_many_as_asked_and_by_quarters(spans):
    design = released(LatentCounts(), spans, np.full(48, 2.0), NOISE, parse_change("monthly,donors=20"))
    assert (len(design.panel.donors), design.estimator.name, design.panel.frequency) == (20, "sdid", "Q")
    assert (design.expected == 6).all() and design.noise[0].alpha == pytest.approx(0.1 / 3)
    drawn = simulate(design.panel, np.full(16, 400.0), 0.5, Noise("Poisson", 0.0, 0.0, 0.0), [1, 1]).values
    assert drawn.iloc[8:, 0].mean() == pytest.approx(200, rel=0.05) and drawn.iloc[:, 1:].mean().mean() == pytest.approx(
        400, rel=0.01
    )


def test_donors_share_half_of_the_slow_noise(spans):
    design = released(LatentCounts(), spans, np.full(48, 2.0), NOISE, parse_change("donors=20"))
    slow = Noise("slow", 0.0, 0.2, 0.0)
    drawn = [np.log(simulate(design.panel, np.full(16, 1e6), 1.0, slow, [2, k]).values) for k in range(150)]
    own = np.concatenate([each["Town"] for each in drawn])
    for other in ("place 1", "place 7"):
        beside = np.concatenate([each[other] for each in drawn])
        assert own.std() == pytest.approx(0.2, rel=0.05) and np.corrcoef(own, beside)[0, 1] == pytest.approx(0.5, abs=0.06)


def test_another_outcome_has_its_own_rate_and_no_adjustment(quarters):
    method = dataclasses.replace(METHOD, adjust=("New form",))
    design = released(method, quarters, np.full(16, 500.0), NOISE, parse_change("monthly,rate=2.5"))
    assert design.expected == pytest.approx(np.full(48, 2.5)) and design.estimator.adjust == ()
    for own, known in zip(design.noise, OTHER_OUTCOME, strict=True):
        assert (own.alpha, own.sigma, own.rho) == pytest.approx((known.alpha, known.sigma, known.rho))


def test_what_is_finer_already_is_not_made_coarser(quarters):
    with pytest.raises(StudyError, match="of frequency Q already, which is finer than Y"):
        released(METHOD, quarters, np.full(16, 9.0), NOISE, parse_change("yearly"))
