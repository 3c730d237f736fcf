"""Do the words fit? Every level planted; and no causal wording passes on a before-and-after count."""

from dataclasses import replace

import pandas as pd
import pytest
from planted_claims import claim, days, shots, year, years
from planted_results import grid, results, threats

from gvi_eval.claims.attribution import COULD_NOT
from gvi_eval.claims.declared import CLAIMS, Quantity, load_claim
from gvi_eval.claims.kinds import KINDS
from gvi_eval.claims.verdict import judge
from gvi_eval.claims.wording import CAVEATS, CONTRADICTED, NOT_ASSESSABLE, OVERSTATED, SUPPORTED

ROWS = (year(2013, 80), year(2014, 70), year(2015, 65), year(2016, 34))
CONTROLS = {"names": "villages", "state": "as published", "because": "planted"}
TOLD = {"point": 0.5, "lower": 0.3, "upper": 0.8, "p": 0.01, "detectable": 0.8}


def words_of(shelf_of, quantity=None, saved=None, rows=ROWS, **more):
    return judge(claim(quantity or shots(change_percent=-48), **more), shelf_of(*rows, saved=saved)).wording


def causal(shelf_of, saved, **more):
    return words_of(
        shelf_of,
        saved=saved,
        **({"strength": "causal", "study": "town", "design": "with controls", "controls": CONTROLS} | more),
    )


def test_a_plain_number_that_the_figures_give_is_supported(shelf_of):
    assert words_of(shelf_of).level == SUPPORTED


def test_half_of_a_claim_is_no_whole_one(real, shelf_of):
    """Malmö's two thirds are published; that Göteborg was halved is not, and the verdict must not read as if it were."""
    found = judge(load_claim(CLAIMS / "SE22.toml"), real)
    assert "shootings in Göteborg, not checkable" in found.sentence
    assert found.wording.level == CAVEATS and "not every number could be checked: shootings in Göteborg" in found.wording.reason
    assert "not every number" not in words_of(shelf_of).reason


def test_a_tie_in_time_is_a_caveat(shelf_of):
    assert words_of(shelf_of, strength="temporal").level == CAVEATS


def test_a_peak_and_a_part_of_a_year_are_caveats(shelf_of):
    peak = words_of(shelf_of, rows=(year(2013, 30), year(2014, 40), *ROWS[2:]))
    assert peak.level == CAVEATS and "peak as baseline" in peak.reason
    half = shots(before=34, after=4, baseline=years(2016), window=days("2017-01-01", "2017-06-30"))
    part = words_of(shelf_of, half, rows=(*ROWS, ("2017-01-01", "2017-06-30", 4)))
    assert part.level == CAVEATS and part.in_brief.startswith("part of a year against a full year")


@pytest.mark.parametrize(("percent", "level"), [(-80, OVERSTATED), (-20, CONTRADICTED), (30, CONTRADICTED)])
def test_a_number_that_is_not_there(shelf_of, percent, level):
    assert words_of(shelf_of, shots(change_percent=percent, rounding=1)).level == level


def test_not_checkable_is_not_assessable_and_never_a_failure(shelf_of):
    said = words_of(shelf_of, shots(change_percent=-48, window=None))
    assert said.level == NOT_ASSESSABLE and "fail" not in said.reason
    assert words_of(shelf_of, strength=None).level == NOT_ASSESSABLE


@pytest.mark.parametrize("strength", ["likely", "causal"])
@pytest.mark.parametrize("design", ["before and after", "cross-section", "activity", "none"])
def test_no_causal_wording_passes_on_a_count(shelf_of, strength, design):
    """Whatever the number and whatever the study found: the best estimate there is cannot lift a bare count."""
    saved = results(TOLD, *grid(0.5, 0.5))
    for quantity in (shots(change_percent=-48), shots(change_percent=-80), shots(word="halved"), Quantity()):
        said = words_of(shelf_of, quantity, saved, strength=strength, design=design, study="town")
        assert said.level == OVERSTATED


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("target", "evidence_label", "comparison", "generalisation")]
)
def test_nor_under_another_kind_of_claim(shelf_of, kind):
    assert words_of(shelf_of, saved=results(TOLD), strength="causal", type=kind, study="town").level == OVERSTATED


@pytest.mark.parametrize("state", ["not shown to match", "refused", "contaminated", "unbalanced"])
def test_a_control_that_earns_nothing_leaves_a_count(shelf_of, state):
    assert causal(shelf_of, results(TOLD), controls=CONTROLS | {"state": state}).level == OVERSTATED


def test_with_controls_an_estimate_that_tells_supports_with_caveats(shelf_of):
    assert causal(shelf_of, results(TOLD)).level == CAVEATS
    assert causal(shelf_of, results(TOLD, threats=threats(T1="not flagged"))).level == CAVEATS


def test_with_controls_the_rest_does_not(shelf_of):
    assert "T17" in causal(shelf_of, results(TOLD, threats=threats(T17="flagged"))).reason
    assert causal(shelf_of, results(TOLD, threats=threats(T17="flagged"))).level == OVERSTATED
    assert causal(shelf_of, results(TOLD | {"upper": 1.2})).level == OVERSTATED
    assert causal(shelf_of, results(TOLD | {"point": 1.5, "lower": 1.2, "upper": 1.9})).level == CONTRADICTED
    assert causal(shelf_of, results({"detectable": 0.3})).in_brief.endswith(COULD_NOT)
    assert causal(shelf_of, results({}), study=None).level == NOT_ASSESSABLE


def test_doubt_is_supported_where_the_design_could_not_have_told(shelf_of):
    doubt = {"asserts": "doubt", "study": "town"}
    assert words_of(shelf_of, saved=results({}), **doubt).level == SUPPORTED
    assert words_of(shelf_of, saved=results({"detectable": 0.9}), **doubt).level == SUPPORTED
    assert words_of(shelf_of, saved=results(TOLD), **doubt).level == OVERSTATED
    assert words_of(shelf_of, asserts="doubt").level == NOT_ASSESSABLE
    wrong = words_of(shelf_of, shots(change_percent=-5, rounding=1), results({}), **doubt)
    assert wrong.level == CAVEATS and "not reproduced" in wrong.reason


def test_a_target_that_is_long_due_is_not_said_to_lie_ahead(real):
    for name in ("tx-s001a", "tx-s003i"):  # due at the end of 2021 and of 2019
        found = judge(load_claim(CLAIMS / f"{name}.toml"), real)
        assert "yet" not in found.wording.reason and "without a number" in found.wording.reason
        assert not any("areas" in each for each in found.would_change)


def test_a_review_and_a_target_are_not_assessed_as_if_they_were_estimates(shelf_of):
    assert words_of(shelf_of, strength="causal", design="review").level == NOT_ASSESSABLE
    assert words_of(shelf_of, Quantity(), strength="causal", type="target").level == NOT_ASSESSABLE
    assert words_of(shelf_of, Quantity(), strength="causal", type="evidence_label", design="none").level == NOT_ASSESSABLE


@pytest.mark.parametrize(("upper", "level"), [(1.2, OVERSTATED), (0.9, CAVEATS)])
def test_a_generalisation_is_held_against_the_pooled_effect(shelf_of, upper, level):
    row = {"main": True, "ratio": 0.6, "lower": 0.4, "upper": upper, "places": 5, "names": "A; B", "summary": "pooled"}
    shelf = shelf_of(
        *ROWS, saved={("pooled", "pooled.csv"): pd.DataFrame([row | {"prediction_lower": None, "prediction_upper": None}])}
    )
    shelf._tables["compiled_literature/effects_focused_deterrence.csv"] = pd.DataFrame(
        columns=["effect_metric", "city", "effect"]
    )
    own = replace(claim(Quantity(), type="generalisation", strength="causal"), design="none")
    assert judge(own, shelf).wording.level == level


def test_words_that_credit_another_cause_are_not_held_against_the_programme(shelf_of):
    """What the study could have told of the programme says nothing of what another event did."""
    said = words_of(shelf_of, saved=results({}), strength="causal", study="town", type="rival_cause", rival="raids")
    assert said.level == OVERSTATED and "credit another cause" in said.reason and COULD_NOT not in said.reason
    own = words_of(shelf_of, saved=results({}), strength="causal", study="town")
    assert own.level == OVERSTATED and COULD_NOT in own.reason


def test_how_strong_words_were_judged_is_never_put_between_quotation_marks(shelf_of):
    said = words_of(shelf_of, strength="likely", as_recorded="stronger than the evaluators")
    assert "(recorded as: stronger than the evaluators)" in said.reason and "'stronger" not in said.reason


@pytest.mark.parametrize("name", ["SE01", "SE04", "SE07", "SE08", "tx-se10", "tx-s003g"])
def test_credit_to_the_police_is_causal_wording_as_credit_to_the_programme_is(real, name):
    found = judge(load_claim(CLAIMS / f"{name}.toml"), real)
    assert found.claim.type == "rival_cause" and found.wording.level == OVERSTATED


def test_may_and_can_are_judged_alike(real):
    both = [load_claim(CLAIMS / f"{name}.toml") for name in ("SE16", "SE26")]
    assert [each.as_recorded for each in both] == ["can contribute", "may have"] and {each.strength for each in both} == {
        "associated"
    }


def test_the_pooled_effect_says_of_what_it_is_with_level_and_kind(real):
    said = judge(load_claim(CLAIMS / "tx-s002a.toml"), real)
    assert "95 % wald) over 3 places, of homicides, a proxy for the shootings" in said.wording.reason
    assert any("every place where it was tried" in each for each in said.would_change)
