"""T14: newest months that were not all counted yet, planted, and a series that is complete."""

import numpy as np
import pytest

from gvi_eval.sensitivity.reporting_delay import Completeness
from gvi_eval.sensitivity.threats import FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.planting import with_nulls
from gvi_eval.sensitivity.threats.reporting_delay import ReportingDelay, known_pattern, revised
from tests.support import cases


def months(newest, mean=400.0, after=12):
    """A place whose newest months are counted to these shares."""
    factor = np.ones(cases.BEFORE + after)
    factor[len(factor) - len(newest) :] = newest
    return cases.with_segmented(cases.case(cases.counts(1, after=after, mean=mean, factor=factor)))


def test_newest_months_that_are_half_counted_are_flagged():
    result = ReportingDelay().look(months([0.7, 0.5, 0.3]))
    assert result.state == FLAGGED and result.number > 0.05
    assert "without the last 3 months" in result.evidence["moves"] and "without the last month" in result.evidence["moves"]


def test_complete_months_are_not():
    result = ReportingDelay().look(months([1, 1, 1]))
    assert result.state == NOT_FLAGGED and abs(result.number) <= 0.05


def test_a_revision_moves_the_ratio_as_it_would_on_paper():
    # one of twelve months stood at 92 %: what is expected of the twelve falls by 0.08 / 12
    case = months([1])
    moved = case.log_ratio(revised(case.panel, Completeness({0: 0.92}, {0: 100}))) - case.log_ratio()
    assert moved == pytest.approx(-np.log(1 - 0.08 / 12), abs=1e-6)


def test_the_exposure_of_the_newest_months_alone_is_reduced():
    panel = months([1]).panel
    found = revised(panel, Completeness({0: 0.9, 1: 0.95}, {}))
    assert (found.exposure / panel.exposure)["Place"].tolist()[-3:] == pytest.approx([1.0, 0.95, 0.9])
    assert found.values is panel.values


def test_months_after_the_last_figure_are_not_the_newest():
    panel = months([1]).panel
    values = panel.values.copy()
    values.iloc[-4:] = np.nan
    found = revised(panel.with_(values=values), Completeness({0: 0.9, 1: 0.95}, {}))
    assert (found.exposure / panel.exposure)["Place"].tolist()[-6:] == pytest.approx([0.95, 0.9, 1, 1, 1, 1])


def test_years_are_revised_and_not_cut():
    panel = cases.counts(1, mean=50.0)
    yearly = cases.with_segmented(cases.case(panel))
    yearly = yearly.with_(whole=yearly.whole.resampled("Y"), study=yearly.study.with_(frequency="Y"))
    result = ReportingDelay().look(yearly)
    assert list(result.evidence["moves"]) == ["revised by the known pattern"]
    assert "cannot be cut" in result.sentence


def test_the_known_pattern_is_that_of_swedish_months():
    assert 0.87 < known_pattern().at(0) < 0.95 and known_pattern().at(24) == 1.0


def test_planted_and_clean():
    threat, ready = ReportingDelay(), with_nulls(months([1, 1, 1]))
    planted = [look(threat, threat.planted(ready.with_(), seed)).state for seed in range(10)]
    clean = [look(threat, threat.clean(ready.with_(), seed)).state for seed in range(10)]
    assert planted.count(FLAGGED) >= 9 and clean.count(FLAGGED) <= 2
