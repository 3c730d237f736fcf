"""What is admitted to a curve and what is not, what each specification says, and which one is claimed."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.choices import Choice, Choices, Method
from gvi_eval.errors import StudyError
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.specification import (
    Answer,
    Prepared,
    admit,
    answer,
    answers,
    claimed_of,
    content_of,
    estimator_of,
    figures_on_each_side,
    is_bound,
)
from gvi_eval.study import Specification, Window
from gvi_eval.windows import CountWindow

YEARS = pd.period_range("2010Q1", "2014Q4", freq="Q")
BASELINE = Window(date(2010, 1, 1), date(2014, 12, 31))


def town(donors: int = 0, windows: tuple[CountWindow, ...] = ()) -> Panel:
    """20 a quarter, then 10 from 2013; donors at 30, 40 and so on, throughout."""
    values = {"Town": [19.0, 21.0] * 6 + [9.0, 11.0] * 4}
    values |= {f"Donor {n}": [28.0 + 10 * n, 30.0 + 10 * n, 32.0 + 10 * n, 30.0 + 10 * n] * 5 for n in range(donors)}
    frame = pd.DataFrame(values, index=YEARS)
    return Panel(frame, frame * 0 + 1000.0, onsets={"Town": pd.Period("2013Q1")}, windows=windows)


def choices(**changes) -> Choices:
    plain = Choices(
        figures=(Choice("all", "r", "shots"),),
        baselines=(Choice("from 2010", "r", date(2010, 1, 1)),),
        windows=(Choice("to 2014", "r", date(2014, 12, 31)),),
        starts=(Choice("2013", "r", date(2013, 1, 1)),),
        leave_out=(Choice("nothing left out", "r"),),
        donors=(Choice("all donors", "r"),),
        methods=(Method("exact", "r", "exact_ratio"),),
    )
    return replace(plain, **changes)


def reasons(asked: Choices, panel: Panel) -> dict[str, int]:
    return admit(asked, {"shots": panel}).reasons


def test_few_figures_on_a_side_are_not_admitted():
    late = choices(starts=(Choice("2013", "r", date(2013, 1, 1)), Choice("2014Q3", "r", date(2014, 7, 1))))
    assert reasons(late, town()) == {"fewer than 3 figures after the start": 1}
    early = choices(starts=(Choice("2010Q3", "r", date(2010, 7, 1)), Choice("2010Q4", "r", date(2010, 10, 1))))
    assert reasons(early, town()) == {"fewer than 3 figures before the start": 1}


def test_a_change_of_slope_needs_eight_figures_after():
    slope = Method("slope", "r", "segmented", {"change": "level+slope", "season": "none"})
    asked = choices(methods=(slope,), windows=tuple(Choice(str(d), "r", d) for d in (date(2014, 12, 31), date(2014, 9, 30))))
    assert reasons(asked, town()) == {"a change of slope with fewer than 8 figures after the start": 1}


def test_days_left_out_must_hold_a_figure_and_leave_some():
    outside = Choice("2016", "r", Window(date(2016, 1, 1), date(2016, 12, 31)))
    after = Choice("after", "r", Window(date(2013, 1, 1), date(2014, 12, 31)))
    asked = choices(leave_out=(Choice("nothing left out", "r"), outside, after))
    assert reasons(asked, town()) == {
        "fewer than 3 figures after the start": 1,
        "the days left out hold no figure in use": 1,
    }


def test_a_start_outside_the_figures():
    asked = choices(starts=(Choice("2009", "r", date(2009, 1, 1)),))
    assert reasons(asked, town()) == {"the start or the days left out leave nothing to compare": 1}


def test_the_same_figures_are_one_specification():
    same = Choice("of the other source", "r", "the other source")
    asked = choices(figures=(Choice("all", "r", "shots"), same))
    both = {"shots": town(), "the other source": town()}
    assert admit(asked, both).reasons == {"the same figures, start and method as another combination": 1}
    other = town().with_(values=town().values + 1)
    assert admit(asked, both | {"the other source": other}).reasons == {}


def test_a_span_counts_on_the_side_of_most_of_its_days():
    values = town().values.copy()
    values.loc[YEARS[8:14], "Town"] = np.nan  # 2012Q1 to 2013Q2
    window = CountWindow("Town", ((date(2012, 1, 1), date(2013, 6, 30)),), 100, ("t:1",))
    spans = Panel(values, town().exposure, onsets=town().onsets, windows=(window,))
    assert figures_on_each_side(spans) == (9, 6)  # 366 of its 547 days lie before 2013


def test_what_a_specification_says_by_hand():
    told = answer(estimator_of(next(choices().combinations({"exact": False}))), town())
    assert told.point == pytest.approx(0.5) and told.kind == "exact" and told.level == 0.95
    assert told.excludes and told.told and told.refusal is None
    assert told.scaled == pytest.approx(2 * np.log(0.5) / np.log(told.upper / told.lower))


def test_excluding_scaling_and_refusals():
    assert not Answer(0.9, 0.7, 1.2).excludes and Answer(1.2, 1.1, 1.3).excludes and Answer(0.5, 0.4, 0.9).excludes
    # log 0.5 over half of log(1 / 0.25) = log 2 is -1
    assert Answer(0.5, 0.25, 1.0).scaled == pytest.approx(-1)
    assert Answer(0.5, 0.0, 1.0).scaled is None and Answer(0.5).scaled is None and not Answer(0.0, 0.0, 0.3).told
    silent = town().with_(values=town().values * np.where(np.asarray(YEARS < pd.Period("2013Q1")), 0, 1)[:, None])
    refused = answer(estimator_of(next(choices().combinations({"exact": False}))), silent)
    assert refused.point is None and "no events before" in refused.refusal


def test_the_same_figures_are_estimated_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "gvi_eval.sensitivity.specification.answer", lambda estimator, panel: calls.append(1) or Answer(len(calls) + 0.5)
    )
    asked = choices(starts=(Choice("2013", "r", date(2013, 1, 1)), Choice("2013Q2", "r", date(2013, 4, 1))))
    combinations = [*asked.combinations({"exact": False})] * 2
    told = list(answers(combinations, Prepared({"shots": town()}).of))
    assert [each.point for each in told] == [1.5, 2.5, 1.5, 2.5]


def test_a_single_series_sees_no_donors_and_a_comparison_does():
    did = Method("did", "r", "did", {"model": "poisson"})
    asked = choices(methods=(Method("exact", "r", "exact_ratio"), did))
    admission = admit(asked, {"shots": town(donors=6)})
    alone, beside = (admission.prepared.of(each) for each in admission.admitted)
    assert alone.donors == [] and len(beside.donors) == 6
    told = list(answers(admission.admitted, admission.prepared.of))
    assert told[0].point == pytest.approx(0.5) and told[0].kind == "exact"
    assert told[1].point == pytest.approx(0.5, rel=0.02) and told[1].kind == "placebo"


def test_a_donor_in_the_treated_place_is_not_left_out():
    quiet = (Choice("quiet", "r", (("without", "Donor 0"), ("without", "Donor 1"))),)
    asked = choices(donors=quiet, methods=(Method("did", "r", "did", {"model": "poisson"}),))
    chosen = next(asked.combinations({"did": True}))
    swapped = Prepared({"shots": town(donors=6).reassigned_to("Donor 0")}).of(chosen)
    assert swapped.treated == ("Donor 0",) and swapped.donors == [f"Donor {n}" for n in range(2, 6)]


def test_bounds_are_marked():
    methods = (
        Method("exact", "r", "exact_ratio"),
        Method("level", "r", "segmented", {"trend": False}),
        Method("trend", "r", "segmented"),
    )
    every = choices(methods=methods).combinations(dict.fromkeys(("exact", "level", "trend"), False))
    assert [is_bound(each) for each in every] == [True, True, False]


def test_exactly_one_specification_is_claimed():
    trend = Method("trend", "r", "segmented", {"season": "none"})
    asked = choices(
        methods=(trend, Method("level", "r", "segmented", {"season": "none", "trend": False})),
        starts=(Choice("2013", "r", date(2013, 1, 1)), Choice("2013Q2", "r", date(2013, 4, 1))),
    )
    admitted = admit(asked, {"shots": town()}).admitted
    headline = Specification("h", "segmented", "shots", settings={"season": "none", "trend": True})
    assert claimed_of(admitted, headline, BASELINE, date(2013, 1, 1)) == admitted[0]
    later = replace(headline, start=date(2013, 4, 1))
    assert claimed_of(admitted, later, BASELINE, date(2013, 1, 1)) == admitted[1]
    with pytest.raises(StudyError, match="0 combinations of the curve are the headline 'h'"):
        claimed_of(admitted, replace(headline, outcome="burglary"), BASELINE, date(2013, 1, 1))
    with pytest.raises(StudyError, match="2 combinations of the curve are the headline 'h'"):
        claimed_of([*admitted, replace(admitted[0], method=replace(trend, name="again"))], headline, BASELINE, date(2013, 1, 1))


def test_what_is_seen_of_a_panel():
    one = town()
    assert content_of(one) == content_of(town().with_(dropped=("a note",), outcome="another name"))
    assert content_of(one) != content_of(one.starting("2013Q2"))
    assert content_of(one) != content_of(one.with_(exposure=one.exposure * 2))
