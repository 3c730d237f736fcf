"""Jackknife+ over time: order statistics on paper, contrasts that agree, coverage of figures without memory, and refusals."""

import math
from datetime import date

import numpy as np
import pytest

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.augmented import Augmented
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.jackknife_plus import jackknife_plus, jackknife_plus_path, leave_out_blocks
from gvi_eval.study import Estimand, Window

RATIO, PREVENTED, GAP = Estimand("r", "ratio"), Estimand("p", "prevented"), Estimand("d", "difference")


def still(make_panel, own: list, onset: int, kind: str = "count"):
    """Donors that never move, so that what is expected of the town is its own mean before the start."""
    return make_panel({"Town": own, **{name: [4] * len(own) for name in "ABC"}}, onset, kind=kind)


def noise(make_panel, seed: int, before: int, after: int, donors: int = 6, memory: float = 0.0):
    """Independent places without an effect, whose normal figures remember a share of the month before."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(before + after + 20, donors + 1))
    for t in range(1, len(steps)):
        steps[t] = memory * steps[t - 1] + math.sqrt(1 - memory**2) * steps[t]
    names = ["Town", *(f"Donor {j}" for j in range(donors))]
    return make_panel(dict(zip(names, 100 + 10 * steps[20:].T, strict=True)), before, kind="continuous")


def test_one_period_by_hand(make_panel):
    # Without each of 3, 6, 9 in turn the others' mean is 7.5, 6, 4.5, which misses by 4.5, 0, 4.5. At 75 % of three it is the
    # outermost that count: 7.5 + 4.5 above and 4.5 − 4.5 below. 6 were seen.
    panel = still(make_panel, [3, 6, 9, 6], 3)
    left_out = leave_out_blocks(Did(), panel, 1, Did().family(panel, placebos=False))
    assert left_out.misses == pytest.approx([-4.5, 0, 4.5])
    assert left_out.expected[:, 3] == pytest.approx([7.5, 6, 4.5])
    prevented = jackknife_plus(Did(), panel, PREVENTED, 0.75)
    assert (prevented.lower, prevented.upper) == (pytest.approx(-6), pytest.approx(6))
    assert (prevented.level, prevented.kind) == (0.75, "jackknife")
    path = jackknife_plus_path(Did(), panel, 0.75)
    assert path.loc["2010-04"].tolist() == pytest.approx([6, 6, 0, 12])


def test_a_window_of_three_periods_by_hand(make_panel):
    # Three times as much is expected, 22.5, 18, 13.5, whose variance is 13.5; one miss stands for three independent ones.
    panel = still(make_panel, [3, 6, 9, 6, 6, 6], 3)
    far, near = math.sqrt(3 * 4.5**2 + 1.150349**2 * 2 * 13.5), 1.150349 * math.sqrt(2 * 13.5)
    interval = jackknife_plus(Did(), panel, PREVENTED, 0.75)
    assert interval.upper == pytest.approx(max(22.5 + far, 18 + near) - 18, rel=1e-6)
    assert interval.lower == pytest.approx(min(13.5 - far, 18 - near) - 18, rel=1e-6)


def test_blocks_are_as_long_as_the_window_where_they_are_enough(make_panel):
    # Of seven periods the last six make three blocks of two: 2 + 4, 5 + 7 and 6 + 6; the first is never left out.
    panel = still(make_panel, [8, 2, 4, 5, 7, 6, 6, 5, 5], 7)
    left_out = leave_out_blocks(Did(), panel, 2, Did().family(panel, placebos=False))
    means = np.array([8 + 5 + 7 + 6 + 6, 8 + 2 + 4 + 6 + 6, 8 + 2 + 4 + 5 + 7]) / 5
    misses = np.array([6, 12, 12]) - 2 * means
    assert left_out.misses == pytest.approx(misses)
    interval = jackknife_plus(Did(), panel, PREVENTED, 0.75)
    assert interval.upper == pytest.approx((2 * means + abs(misses)).max() - 10)
    assert interval.lower == pytest.approx((2 * means - abs(misses)).min() - 10)


def test_at_a_lower_level_inner_ones_count(make_panel):
    # Six single periods, at 1/2: the 4th of 7 from below and from above.
    own = [3.0, 5, 6, 7, 9, 12]
    panel = still(make_panel, [*own, 7], 6)
    means = (sum(own) - np.array(own)) / 5
    reach = np.abs(np.array(own) - means)
    interval = jackknife_plus(Did(), panel, PREVENTED, 0.5)
    assert interval.upper == pytest.approx(np.sort(means + reach)[3] - 7)
    assert interval.lower == pytest.approx(np.sort(means - reach)[2] - 7)


@pytest.mark.parametrize("estimator", [Augmented(), Augmented(intercept=True, scale="log"), Synthetic(), Sdid(), Did()])
def test_the_contrasts_tell_one_story(make_panel, estimator):
    random = np.random.default_rng(3)
    counts = {"Town": random.poisson(20, 30), **{f"Donor {j}": random.poisson(20, 30) for j in range(8)}}
    panel = make_panel(counts, 24)
    one, two, three = (jackknife_plus(estimator, panel, each, 0.9) for each in (RATIO, PREVENTED, GAP))
    seen = counts["Town"][24:].sum()
    assert (seen / one.upper, seen / one.lower) == pytest.approx((seen + two.lower, seen + two.upper))
    assert (-6 * three.upper, -6 * three.lower) == pytest.approx((two.lower, two.upper))
    for contrast, interval in ((RATIO, one), (PREVENTED, two), (GAP, three)):
        assert interval.lower <= estimator.estimate(panel).over(contrast).point <= interval.upper
    assert jackknife_plus(estimator, panel, RATIO, 0.9) == one


def test_only_periods_with_figures_count(make_panel):
    panel = still(make_panel, [3, 6, 9, 6, 6], 3)
    holed = panel.values.copy()
    holed.iloc[4, 0] = np.nan
    short = panel.with_(values=holed)
    assert jackknife_plus(Did(), short, PREVENTED, 0.75) == jackknife_plus(
        Did(), panel.until(date(2010, 4, 30)), PREVENTED, 0.75
    )
    holed = holed.copy()
    holed.iloc[1, 0] = np.nan
    with pytest.raises(EstimationError, match="Town has 2 periods before the start 2010-04 with figures"):
        jackknife_plus(Did(), panel.with_(values=holed), PREVENTED, 0.75)
    april = Estimand("p", "prevented", window=Window(date(2010, 4, 1), date(2010, 4, 30)))
    assert jackknife_plus(Did(), panel, april, 0.75) == jackknife_plus(Did(), short, PREVENTED, 0.75)


def coverage(make_panel, estimator, before: int, after: int, runs: int, memory: float = 0.0, level: float = 0.8) -> float:
    hits = 0
    for seed in range(runs):
        interval = jackknife_plus(estimator, noise(make_panel, seed, before, after, memory=memory), PREVENTED, level)
        hits += not interval.excludes(0)
    return hits / runs


@pytest.mark.parametrize(
    ("before", "after"), [(12, 1), (12, 3), (12, 12)], ids=["one period", "as long as a block", "as long as the past"]
)
def test_figures_without_memory_are_covered(make_panel, before, after):
    # Of 100 runs at 80 %, fewer than 69 happen three times in a thousand.
    assert coverage(make_panel, Augmented(ridge=1e3), before, after, 100) >= 0.69


def test_the_error_of_the_fit_goes_with_the_whole_sum(make_panel):
    # The mean of 8 months stands for 24 later ones, and its error is 24 times itself in their sum: 8.5 times a month's scatter
    # beside 4.9 times that the months have of their own, which is all that the root of their number would give.
    panels = [noise(make_panel, seed, 8, 24, donors=3) for seed in range(80)]
    hits, narrow = 0, 0
    for panel in panels:
        family = Did().family(panel, placebos=False)
        interval = jackknife_plus(Did(), panel, PREVENTED, 0.8)
        hits += not interval.excludes(0)
        left_out = leave_out_blocks(Did(), panel, 1, family)
        reach = math.sqrt(24) * np.sort(np.abs(left_out.misses))[math.ceil(0.8 * 9) - 1]
        narrow += abs(family.expected[0, 8:].sum() - panel.values["Town"].iloc[8:].sum()) <= reach
    assert hits / 80 >= 0.69 > narrow / 80


def test_what_is_refused(make_panel):
    panel = noise(make_panel, 1, 12, 3)
    with pytest.raises(
        EstimationError,
        match="Town has 12 periods before the start 2011-01 with figures, and jackknife_plus at a level of 95% needs 19; "
        "widen the baseline or ask for a level of 0.92 at most",
    ):
        jackknife_plus(Augmented(), panel, RATIO, 0.95)
    with pytest.raises(EstimationError, match="needs 19"):
        jackknife_plus_path(Augmented(), panel)
    assert jackknife_plus(Augmented(), panel, RATIO, 0.92).level == 0.92
    with pytest.raises(StudyError, match="level of jackknife_plus is 1; choose a share"):
        jackknife_plus(Augmented(), panel, RATIO, 1)
    empty = Estimand("r", "ratio", window=Window(date(2009, 1, 1), date(2009, 12, 31)))
    with pytest.raises(EstimationError, match="holds no whole period from the start 2011-01"):
        jackknife_plus(Augmented(), panel, empty, 0.9)


def test_a_ratio_has_no_upper_limit_where_nothing_may_have_been_expected(make_panel):
    panel = still(make_panel, [3, 6, 9, 6], 3)
    ratio = jackknife_plus(Did(), panel, RATIO, 0.75)
    assert (ratio.lower, ratio.upper) == (pytest.approx(0.5), math.inf)
    continuous = jackknife_plus(Did(), still(make_panel, [1, 6, 14, 6], 3, "continuous"), PREVENTED, 0.75)
    assert continuous.lower < -6  # figures that are no counts may fall below none
