"""Four answers, never one: each graded by its own rule, and the sentence and the remedies that follow."""

from dataclasses import replace

import pytest
from planted_claims import claim, shots, year, years
from planted_results import grid, results

from gvi_eval.claims.declared import Quantity
from gvi_eval.claims.verdict import DESIGNS, LEVELS, grade, judge

ROWS = (year(2013, 80), year(2014, 70), year(2015, 65), year(2016, 34))
CONTROLS = {"names": "villages", "state": "as published", "because": "planted"}


def verdict_on(shelf_of, quantity=None, saved=None, **more):
    return judge(claim(quantity or shots(change_percent=-48), **more), shelf_of(*ROWS, saved=saved))


@pytest.mark.parametrize(
    ("share", "level"),
    [(1, "B3"), (0.90, "B3"), (0.89, "B2"), (0.67, "B2"), (0.66, "B1"), (0.33, "B1"), (0.32, "B0"), (0, "B0")],
)
def test_the_cut_offs(share, level):
    assert grade(share) == level


def test_a_claim_of_a_change_is_graded_on_days_and_a_causal_one_on_specifications(shelf_of):
    saved = results({}, *grid(0.4, 0.4, 0.4, 0.95))
    plain = verdict_on(shelf_of, saved=saved, study="town")
    assert plain.robust.level == "B3" and "choices of baseline and window" in plain.robust.reason
    causal = verdict_on(shelf_of, saved=saved, study="town", strength="causal")
    assert causal.robust.level == "B2" and "3 of 4 specifications" in causal.robust.reason
    rival = verdict_on(shelf_of, strength="causal", type="rival_cause")
    assert rival.robust.level == "B3"  # the study estimates another event than the one that is credited


def test_one_specification_or_one_choice_is_nothing_to_call_robust(shelf_of):
    one = verdict_on(shelf_of, saved=results({}, *grid(0.4, None, None)), study="town", strength="causal").robust
    assert one.level == "BX" and "only 1 of 3 specifications" in one.reason
    few = judge(claim(shots(change_percent=-48)), shelf_of(year(2015, 65), year(2016, 34)))
    assert few.robust.level == "BX" and few.reproduced.level == "R3"


@pytest.mark.parametrize("kind", ["trend", "ranking", "series", "definition"])
def test_what_is_no_change_is_not_graded_on_baselines(shelf_of, kind):
    assert verdict_on(shelf_of, shots(years_in_scope=3, extreme="lowest"), type=kind).robust.level == "BX"


def test_causal_words_without_a_study_have_nothing_that_could_be_run(shelf_of):
    assert verdict_on(shelf_of, strength="causal").robust.level == "BX"


@pytest.mark.parametrize("design", DESIGNS)
def test_the_maryland_scale_grades_the_design_of_the_claim(shelf_of, design):
    level = DESIGNS[design][0]
    found = verdict_on(shelf_of, design=design, controls=CONTROLS).design
    assert found.level == ("none" if level is None else str(level))


@pytest.mark.parametrize("state", ["not shown to match", "refused", "contaminated", "unbalanced"])
def test_a_control_that_is_none_earns_nothing(shelf_of, state):
    found = verdict_on(shelf_of, design="with controls", controls=CONTROLS | {"state": state}).design
    assert found.level == "2" and "earns nothing: planted" in found.reason


def test_a_comparison_that_is_refused_earns_nothing(shelf_of):
    saved = results({"point": None, "lower": None, "upper": None, "refusal": "the donors do not follow"})
    found = verdict_on(shelf_of, saved=saved, study="town", design="with controls", controls=CONTROLS).design
    assert found.level == "2" and "refused" in found.reason


def test_a_design_that_is_not_said_and_controls_that_are_not_named(shelf_of):
    assert verdict_on(shelf_of, design=None).design.level == "none"
    assert verdict_on(shelf_of, design="synthetic control").design.level == "2"


def test_numbers_that_cannot_be_checked_stand_beside_the_worst_that_can(shelf_of):
    own = claim(shots(change_percent=-48), shots(outcome="fires", tables=(), word="fewer"))
    verdict = judge(own, shelf_of(*ROWS))
    assert verdict.reproduced.level == "R3" and "fires (RX): not checkable" in verdict.reproduced.reason
    assert "shots: the published figures" in verdict.sentence and "beside it fires, not checkable" in verdict.sentence
    both = judge(replace(own, quantities=(*own.quantities, shots(change_percent=-5, rounding=1))), shelf_of(*ROWS))
    assert both.reproduced.level in ("R0", "R1b")


def test_not_checkable_never_prints_as_failed(shelf_of):
    for quantity in (Quantity(), shots(window=None), shots(place="Village")):
        verdict = verdict_on(shelf_of, quantity)
        text = " ".join((verdict.sentence, verdict.reproduced.reason, verdict.wording.reason))
        assert verdict.sentence.startswith("Not checkable: ") and "fail" not in text and "not reproduced" not in text.lower()


@pytest.mark.parametrize(
    ("quantity", "declared", "broken"),
    [
        (shots(change_percent=-48), True, False),
        (shots(change_percent=-99), True, True),
        (shots(change_percent=-99), False, False),
        (Quantity(), True, False),
    ],
)
def test_only_a_declared_number_that_is_not_there_breaks_its_word(shelf_of, quantity, declared, broken):
    assert verdict_on(shelf_of, quantity, declared_reproduced=declared).breaks_its_word is broken


def test_one_sentence_holds_the_number_the_choices_and_the_words(shelf_of):
    sentence = verdict_on(shelf_of).sentence
    assert sentence.startswith("Reproduced exactly: the published figures (65 to 34) give -47.7 %; ")
    assert sentence.endswith("(B3); the words are supported: the words say no more than the published figures.")
    assert set(LEVELS) == {"R3", "R2", "R1a", "R1b", "R0", "RX"}


def test_what_would_change_it_follows_from_what_is_missing(shelf_of):
    saved = results({"detectable": 0.3})
    causal = verdict_on(shelf_of, shots(change_percent=-99), saved, study="town", strength="causal")
    text = " | ".join(causal.would_change)
    assert "naming the days and the figures" in text and "left alone" in text and "monthly figures" in text
    assert "giving: a window" in " | ".join(verdict_on(shelf_of, shots(window=None, change_percent=-3)).would_change)
    done = verdict_on(shelf_of, entered_by="A", read_second_by="B")
    assert "a second reader of the source" not in done.would_change


def test_what_the_publication_leaves_out_is_a_finding(shelf_of):
    found = verdict_on(shelf_of).findings
    assert "not given: a page, a date, who said it" in found
    full = verdict_on(shelf_of, page="3", said="2020", claimant="A. B.").findings
    assert not any(finding.startswith("not given") for finding in full)


def test_a_verdict_is_the_same_twice(real):
    from gvi_eval.claims.declared import CLAIMS, load_claim
    from gvi_eval.claims.page import document
    from gvi_eval.writing import json_bytes

    own = load_claim(CLAIMS / "SE01.toml")
    assert json_bytes(document(judge(own, real))) == json_bytes(document(judge(own, real)))


def test_the_years_are_closed_spans():
    assert years(2015).days == 365 and years(2016).days == 366


def test_specifications_are_held_against_the_size_of_the_outcome_that_they_estimate(real):
    """58 to 8 are explosions; what the study estimates are shootings, and of these 65 to 28 are claimed."""
    import math

    from gvi_eval.claims.declared import CLAIMS, load_claim

    both = load_claim(CLAIMS / "SE23.toml")
    points = real.saved("malmo", "curve.csv")["point"].dropna()
    holding = sum(math.log(point) <= 0.5 * math.log(28 / 65) for point in points)
    curve = judge(both, real).evidence.curve
    assert (curve.holding, curve.given) == (holding, len(points))
    swapped = replace(both, quantities=both.quantities[::-1])
    assert judge(swapped, real).evidence.curve == curve


def test_a_specification_that_the_study_has_not_run_is_a_finding(shelf_of):
    named = verdict_on(shelf_of, saved=results({}), study="town", specification="no such")
    assert any("no results of the specification 'no such'" in finding for finding in named.findings)
    run = verdict_on(shelf_of, saved=results({}), study="town", specification="main")
    assert not any("no results of" in finding for finding in run.findings)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tx-dk03", "specifications of homicides of victims aged 24 and under, a proxy for shootings, hold"),
        ("SE11", "specifications of confirmed shootings, a proxy for violence, hold"),
        ("SE06", "specifications hold"),
        ("tx-us07", "specifications hold"),
    ],
)
def test_what_the_specifications_estimate_is_named_where_the_claim_is_about_something_else(real, name, said):
    from gvi_eval.claims.declared import CLAIMS, load_claim

    assert said in judge(load_claim(CLAIMS / f"{name}.toml"), real).sentence


@pytest.mark.parametrize(
    ("said", "odd"), [("2016-06-01", True), ("2017-01-01", False), ("2016", False), ("2016-06; 2017", False)]
)
def test_days_that_lay_ahead_when_it_was_said_are_a_finding(shelf_of, said, odd):
    found = verdict_on(shelf_of, said=said).findings
    assert any("the window ends on 2016-12-31, after it was said" in each for each in found) is odd


def test_two_claims_in_the_tree_speak_of_a_year_that_was_not_over(real):
    from gvi_eval.claims.declared import find_claims, load_claim

    odd = set()
    for file in find_claims("all"):
        own = load_claim(file)
        odd |= {own.id} if any("after it was said" in each for each in judge(own, real).findings) else set()
    # Crime in 2019, said on 3 December 2019; two counts of ten months of 2017, for what was said in February of that year.
    assert odd == {"tx-se18", "tx-se20"}


def test_what_is_for_a_person_is_asked_once_and_another_source_where_there_is_none(real):
    from gvi_eval.claims.declared import CLAIMS, load_claim

    asked = judge(load_claim(CLAIMS / "tx-se15.toml"), real).would_change
    assert sum("which review" in each for each in asked) == 1
    alone = judge(load_claim(CLAIMS / "tx-dk02.toml"), real).would_change
    assert "the figures from another publication than the claim's own" in alone
    assert not any("another publication" in each for each in asked)
