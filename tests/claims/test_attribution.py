"""What claims read from saved results: shares by hand, three states, and what has not been run."""

import json
import math

import pandas as pd
import pytest
from planted_claims import claim
from planted_results import effects, grid, results, threats

from gvi_eval.claims.attribution import NOT_RUN, evidence

HALVED = math.log(0.5)


def found_in(shelf_of, saved, log=HALVED, **more):
    return evidence(claim(study="town", strength="causal", **more), log, shelf_of(saved=saved))


def test_a_claim_without_a_study_has_no_evidence(shelf_of):
    assert evidence(claim(), HALVED, shelf_of()) is None


def test_what_was_not_run_is_named(shelf_of):
    found = found_in(shelf_of, results())
    assert found.not_run == ("threats.csv", "tipping.csv", "curve.csv", "settle.csv")
    none = found_in(shelf_of, {("town", "effects.csv"): None})
    assert none.not_run == ("effects.csv",) and none.effects == () and none.detectable is None


def test_the_share_of_specifications_by_hand(shelf_of):
    """Half the log of 0.5 is 0.707: of 0.4, 0.7, 0.75, 1.2 two hold; a refused one is counted apart."""
    found = found_in(shelf_of, results({}, *grid(0.4, 0.7, 0.75, 1.2, None)))
    curve = found.curve
    assert (curve.given, curve.refused, curve.holding, curve.share) == (4, 1, 2, 0.5)
    assert curve.source == "the grid in effects.csv"
    rise = found_in(shelf_of, results({}, *grid(0.4, 0.7, 0.75, 1.2)), log=math.log(1.2))
    assert rise.curve.holding == 1


def test_a_specification_curve_goes_before_the_grid(shelf_of):
    curve = effects({"point": 0.3}, {"point": 0.95})
    joint = pd.DataFrame([{"statistic": "median", "p": 0.12, "floor": 0.01}])
    found = found_in(shelf_of, results({}, *grid(1.0), curve=curve, curve_test=joint))
    assert (found.curve.source, found.curve.given, found.curve.holding) == ("curve.csv", 2, 1)
    assert found.curve.test == "median: p 0.120, which cannot fall below 0.010"


def test_overlap_is_counted_beside_and_moves_no_grade(shelf_of):
    far = [{**row, "lower": 3.0, "upper": 4.0, "point": 0.4} for row in grid(0.4)]
    near = found_in(shelf_of, results({}, *grid(0.4)))
    apart = found_in(shelf_of, results({}, *far))
    assert (near.curve.overlapping, apart.curve.overlapping) == (1, 0) and near.curve.share == apart.curve.share


def test_the_detectable_effect_and_whether_the_design_could_have_told(shelf_of):
    assert found_in(shelf_of, results({"detectable": 0.3})).could_have_told is False
    assert found_in(shelf_of, results({"detectable": 0.8})).could_have_told is True
    assert found_in(shelf_of, results({"detectable": None})).could_have_told is None
    large = {"detectable": 0.4, "point": 0.33, "lower": 0.18, "upper": 0.62}
    assert found_in(shelf_of, results(large)).could_have_told is True
    two = found_in(shelf_of, results({"detectable": 0.8}, {"detectable": 0.5, "onset": "2017"}))
    assert two.detectable == 0.5


def test_threats_keep_their_three_states(shelf_of):
    table = threats(T1="flagged", T2="not flagged", T3="could not have flagged")
    found = found_in(shelf_of, results(threats=table))
    assert [row["state"] for row in found.threats] == ["flagged", "not flagged", "could not have flagged"]
    assert [row["id"] for row in found.flagged] == ["T1"]


def test_threats_and_curves_of_another_specification_are_not_borrowed(shelf_of):
    other = threats(T1="flagged").assign(specification="other")
    curve = effects({"point": 0.3})
    rows = [
        {"headline": True, "specification": "main", "unit": "City"},
        {"headline": False, "specification": "small", "point": 0.95},
    ]
    found = found_in(shelf_of, results(*rows, threats=other, curve=curve), specification="small")
    assert found.threats == () and "threats of this specification" in found.not_run
    assert (found.curve.source, found.curve.given, found.companions) == ("effects.csv", 1, ())


def test_a_direction_without_a_size_asks_for_the_sign_alone(shelf_of):
    saved = results({}, *grid(0.99, 1.2))
    assert found_in(shelf_of, saved, log=-1e-9).curve.holding == found_in(shelf_of, saved, log=1e-9).curve.holding == 1


def test_appraisal_items_are_counted_by_state(shelf_of, tmp_path):
    counts = {"items": 7, "automatic": 5, "raters": 0, "not yet answered": 2}
    lists = [{"id": "epoc_its", "title": "EPOC", "counts": counts}, {"id": "grade", "title": "GRADE", "counts": counts}]
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "checklists.json").write_text(json.dumps({"checklists": lists}))
    assert found_in(shelf_of, results()).checklists == ("EPOC: 7 items, automatic 5, not yet answered 2",)


def test_threats_of_the_older_layout_are_read(shelf_of):
    table = threats(T17="flagged").rename(columns={"specification": "primary"})
    assert len(found_in(shelf_of, results(threats=table)).threats) == 1


def test_a_refused_specification_has_no_point_and_a_reason(shelf_of):
    found = found_in(shelf_of, results({"point": None, "lower": None, "upper": None, "refusal": "the donors do not follow"}))
    assert found.refused and str(found.effects[0]) == "main (2016): refused, the donors do not follow"


def test_a_p_is_printed_with_its_floor(shelf_of):
    row = found_in(shelf_of, results({"p": 0.04, "floor": 0.022})).effects[0]
    assert str(row) == "main (2016): 0.90 (0.40 to 2.00, 95 % posterior), p 0.040, which cannot fall below 0.022"
    assert "p below 0.001" in str(found_in(shelf_of, results({"p": 1e-9, "floor": 0.0})).effects[0])


def test_the_request_for_figures_that_would_settle_it(shelf_of):
    rows = [("moderate", 0.2, "ask A"), ("moderate", 0.6, "ask B"), ("Poisson", 0.9, "ask C"), ("moderate", None, "ask D")]
    settle = pd.DataFrame(rows, columns=["noise", "decisive", "request"])
    said = found_in(shelf_of, results(settle=settle)).request
    assert said == "ask B (it would decide in 60 % of cases if the true ratio is 0.75, under moderate noise)"
    assert found_in(shelf_of, results(settle=settle.iloc[3:])).request is None


def test_tipping_points_and_the_trend_are_sentences_of_the_specification(shelf_of):
    tipping = pd.DataFrame([{"specification": "main", "sentence": "at 12"}, {"specification": "other", "sentence": "at 3"}])
    pairs = pd.DataFrame([{"specification": "main", "inference": "posterior", "onset": "2016", "sentence": "much the same"}])
    found = found_in(shelf_of, results(tipping=tipping, pairs=pairs))
    assert found.tipping == ("at 12",) and found.trend == ("much the same (2016)",)


@pytest.mark.parametrize(
    ("rival", "said"), [("Operation Rimfrost", "2019-11-10 to 2020-06-12"), ("arrests", "declares no such event")]
)
def test_a_rival_stands_with_its_days(real, rival, said):
    found = evidence(claim(type="rival_cause", study="malmo", rival=rival), HALVED, real)
    assert said in found.rival


def test_nothing_run_is_not_run(shelf_of):
    assert found_in(shelf_of, results({}, *grid(0.4))).curve.test == NOT_RUN
