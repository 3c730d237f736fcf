"""A study file is read whole or refused with sentences that name the place, the value found and the way out."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import StudyError
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import Moment, OutlierRule, Window, load_study

DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))


@pytest.fixture
def load(document, write_study, tmp_path):
    """Loads the document as it now stands."""
    return lambda: load_study(write_study(tmp_path, document))


@pytest.fixture
def refusal(load):
    """The lines of the error that the document as it now stands raises."""

    def lines():
        with pytest.raises(StudyError) as caught:
            load()
        return str(caught.value).splitlines()

    return lines


def test_every_part_of_the_file_arrives(load):
    study = load()
    assert (study.name, study.frequency, study.limits) == ("town", "Q", ("The town is made up.",))
    assert study.baseline == Window(date(2010, 1, 1), date(2014, 12, 31))
    assert study.primary.title == "reported shots (proxy for shootings)"
    assert study.outcome("burglary").title == "reported burglary"
    assert study.treated.areas == ("East", "West")
    assert study.treatment.decided == Moment(date(2012, 6, 1), date(2012, 6, 1))
    assert study.headline.name == "level + trend" and dict(study.headline.settings) == {"season": "none"}
    assert [(e.contrast, e.target) for e in study.estimands] == [("ratio", "model"), ("prevented", "realised")]
    assert study.smallest_effect == (0.90, 1.11)


def test_what_is_optional_arrives_too(document, load):
    document["smallest_effect"] = [0.8, 1.25]
    document["outcomes"][0] |= {
        "definitions": ["a", "b"],
        "vintage": "2015",
        "label_in": {"da": "anmeldte skud"},
        "excluded": [{"reason": "counted twice", "source": "newspaper", "period": {"end": date(2011, 1, 1)}}],
    }
    document["interventions"][0] |= {
        "start": {"earliest": date(2013, 1, 1), "latest": date(2013, 6, 30)},
        "phases": [{"name": "planning", "start": date(2012, 7, 1), "end": date(2012, 12, 31)}],
        "rivals": [{"date": date(2012, 10, 1), "reason": "first call-in"}],
    }
    document["specifications"][1] |= {
        "settings": {"adjust": ["New form"]},
        "transforms": [{"donut": {"start": date(2012, 10, 1), "end": date(2012, 12, 31)}}, {"resampled": "Y"}],
        "start": date(2012, 1, 1),
    }
    study = load()
    outcome, treatment, level = study.primary, study.treatment, study.specifications[1]
    assert study.smallest_effect == (0.8, 1.25)
    assert outcome.definitions == ("a", "b") and outcome.label_in["da"] == "anmeldte skud"
    assert outcome.excluded[0].period == Window(None, date(2011, 1, 1)) and outcome.excluded[0].source == "newspaper"
    assert not treatment.start.is_known and str(treatment.start) == "between 2013-01-01 and 2013-06-30"
    assert treatment.phases[0].end.is_known and treatment.rivals[0].reason == "first call-in"
    assert level.start == date(2012, 1, 1) and level.settings["adjust"] == ("New form",)
    assert level.transforms == (("donut", Window(date(2012, 10, 1), date(2012, 12, 31))), ("resampled", "Y"))


def test_reading_twice_gives_equal_studies(load):
    assert load() == load()


@given(DAYS, DAYS)
def test_an_interval_of_dates_round_trips_and_a_reversed_one_is_refused(one, other):
    if other < one:
        with pytest.raises(StudyError, match="exchange the two"):
            Moment(one, other)
        with pytest.raises(StudyError, match="exchange the two"):
            Window(one, other)
    else:
        assert Moment(one, other).is_known == (one == other)
        assert str(Window(one, other)) == f"{one} to {other}"


def test_an_open_window_says_so():
    assert str(Window()) == "the beginning to the end"
    assert str(Window(date(2020, 1, 1))) == "2020-01-01 to the end"


def test_an_unknown_key_is_named_with_the_nearest_known_one(document, refusal):
    document["specifications"][0]["outcom"] = document["specifications"][0].pop("outcome")
    lines = refusal()
    assert any("specifications[0] has the unknown key 'outcom' (did you mean 'outcome'?); known are" in line for line in lines)
    assert any("specifications[0] lacks 'outcome'; add it" in line for line in lines)
    assert all(line.startswith("study.toml: ") for line in lines)


def test_an_unknown_key_like_nothing_known_gets_no_suggestion(document, refusal):
    document["zzz"] = 1
    (line,) = refusal()
    assert line.startswith("study.toml: the top level has the unknown key 'zzz'; known are baseline, ")


@pytest.mark.parametrize("key", ["name", "title", "question", "frequency", "baseline", "outcomes", "units"])
def test_a_missing_key_is_named(document, refusal, key):
    del document[key]
    assert refusal() == [f"study.toml: the top level lacks '{key}'; add it"]


@pytest.mark.parametrize(
    ("place", "key", "value", "sentence"),
    [
        ((), "frequency", "W", "frequency is 'W'; choose one of 'M', 'Q', 'Y'"),
        (("outcomes", 0), "role", "main", "outcomes[0].role is 'main'; choose one of 'primary', 'negative control'"),
        (("units", 0), "role", "control", "units[0].role is 'control'; choose one of 'treated', 'donor', 'neighbour'"),
        (
            ("estimands", 0),
            "contrast",
            "odds",
            "estimands[0].contrast is 'odds'; choose one of 'ratio', 'difference', 'prevented'",
        ),
        (("estimands", 0), "target", "truth", "estimands[0].target is 'truth'; choose one of 'model', 'realised'"),
        (("outcomes", 0), "table", "counts.xlsx", 'outcomes[0].table is "counts.xlsx"; expected: a CSV file'),
        (("outcomes", 0), "label", "", 'outcomes[0].label is ""; expected: text that is not empty'),
        (
            ("interventions", 0),
            "start",
            "last spring",
            'interventions[0].start is "last spring"; expected: a date, or an interval',
        ),
        (
            ("interventions", 0),
            "end",
            "2013-02-30",
            'interventions[0].end is "2013-02-30"; expected: a date written as 2018-10-01',
        ),
        ((), "smallest_effect", [0.9], "smallest_effect is [0.9]; expected: two ratios"),
        ((), "specifications", [], "specifications is []; expected: at least one specification"),
        ((), "name", "Town Hall", 'name is "Town Hall"; expected: lower-case letters'),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(document, refusal, place, key, value, sentence):
    part = document
    for step in place:
        part = part[step]
    part[key] = value
    lines = refusal()
    assert any(sentence in line for line in lines), lines


def test_an_unknown_transform_is_named_with_those_that_exist(document, refusal):
    document["specifications"][0]["transforms"] = [{"withot": "East"}]
    assert any(
        "specifications[0].transforms[0] has the unknown key 'withot' (did you mean 'without'?)" in line for line in refusal()
    )


def test_a_window_that_ends_before_it_starts_names_both_days(document, refusal):
    document["baseline"] = {"start": date(2014, 1, 1), "end": date(2010, 1, 1)}
    assert any("2010-01-01" in line and "2014-01-01" in line and "exchange the two" in line for line in refusal())


def test_an_interval_that_ends_before_it_starts_names_both_days(document, refusal):
    document["interventions"][0]["start"] = {"earliest": date(2013, 6, 30), "latest": date(2013, 1, 1)}
    assert any("latest day 2013-01-01 before its earliest 2013-06-30" in line for line in refusal())


def test_a_headline_is_asked_for(document, refusal):
    del document["specifications"][0]["headline"]
    assert refusal() == ["study.toml: 0 specifications are marked headline (none); mark exactly one"]


def test_two_headlines_are_named(document, refusal):
    document["specifications"][1]["headline"] = True
    assert refusal() == ["study.toml: 2 specifications are marked headline (level + trend, level); mark exactly one"]


def test_two_primary_outcomes_are_named(document, refusal):
    document["outcomes"][1]["role"] = "primary"
    assert refusal() == ["study.toml: 2 outcomes have the role primary (shots, burglary); give it to exactly one"]


def test_an_undeclared_outcome_is_named_with_those_declared(document, refusal):
    document["specifications"][1]["outcome"] = "arson"
    assert refusal() == [
        "study.toml: specification 'level' uses the outcome 'arson', which is not declared; declared are shots, burglary"
    ]


def test_a_study_without_a_treated_place_is_refused(document, refusal):
    document["units"][0]["role"] = "donor"
    assert any("0 units have the role treated (none)" in line for line in refusal())


def test_a_study_of_several_treated_units_knows_the_programme_of_each(two_sites, load):
    study = load()
    assert [unit.name for unit in study.treated_units] == ["East", "West"]
    assert study.treatment_of("West").start == Moment(date(2012, 1, 1), date(2012, 1, 1))
    assert [each.unit for each in study.specifications] == ["East", "West"]
    assert (study.treated.name, study.treatment.name) == ("East", "Programme")  # the headline's
    assert [event.name for event in study.events_of("West")] == ["Programme in West", "New form"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, r"the study town has 2 treated units \(East, West\); name one of them as the unit"),
        ("North", "'North' is not a treated unit of the study town; its treated units are East, West"),
    ],
)
def test_a_treated_unit_is_asked_for_by_its_name(two_sites, load, name, sentence):
    study = load()
    with pytest.raises(StudyError, match=sentence):
        study.treated_unit(name)


@pytest.mark.parametrize(
    ("part", "place", "changes", "sentence"),
    [
        ("specifications", 1, {"unit": None}, "specification 'West, level' names no unit, and 2 units are treated; add unit = one of East, West"),
        ("specifications", 1, {"unit": "North"}, "specification 'West, level' names the unit 'North', which is not treated; treated are East, West"),
        ("interventions", 2, {"unit": "Nroth"}, "the intervention 'New form' names the unit 'Nroth', which is not declared; declared are East, West, North, South"),
        ("interventions", 1, {"unit": None}, "the treatment 'Programme in West' names no unit, and 2 units are treated; add unit = one of East, West"),
        ("interventions", 1, {"role": "shock"}, "the treated unit 'West' has no treatment; add an intervention of role treatment with unit = 'West'"),
        ("units", 1, {"role": "donor"}, "the treatment 'Programme in West' names the unit 'West', which is not treated; give the unit the role treated, or the event the role co-intervention"),
        ("interventions", 2, {"role": "treatment", "unit": "East", "decided": date(2010, 1, 1)}, "the unit 'East' has 2 treatments (Programme, New form); keep the one that is evaluated and give the others the role co-intervention"),
        ("outcomes", 0, {"excluded": [{"reason": "r", "unit": "Nroth"}]}, "excluded of the outcome 'shots' names the unit 'Nroth', which is not declared; declared are East, West, North, South"),
    ],
)  # fmt: skip
def test_a_unit_that_is_missing_or_wrong_is_named(two_sites, refusal, part, place, changes, sentence):
    item = two_sites[part][place] | changes
    two_sites[part][place] = {key: value for key, value in item.items() if value is not None}
    assert f"study.toml: {sentence}" in refusal()


def test_a_grid_of_a_study_with_several_treated_units_names_its_unit(two_sites, load, refusal):
    grid = {"estimator": "segmented", "outcome": "burglary", "windows": [{"end": date(2014, 12, 31)}], "donuts": [{}]}
    two_sites["grid"] = grid | {"starts": [date(2012, 1, 1)]}
    assert refusal() == ["study.toml: the grid names no unit, and 2 units are treated; add unit = one of East, West"]
    two_sites["grid"]["unit"] = "West"
    assert [each.unit for each in load().grid.specifications()] == ["West"]


def test_a_rule_for_outliers_arrives_with_its_defaults(document, load):
    document["specifications"][1]["transforms"] = [{"without_outliers": {"factor": 2}}, {"complete_donors": True}]
    assert load().specifications[1].transforms == (("without_outliers", OutlierRule(2, 4, 1e-6)), ("complete_donors", True))
    assert str(OutlierRule()) == "above 1.6 times the median of 4 periods either side, chance below 1e-06"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"factor": 0.9}, "factor of without_outliers is 0.9; choose 1 or more"),
        ({"around": 0}, "around of without_outliers is 0; choose 1 period or more"),
        ({"chance": 1.0}, "chance of without_outliers is 1.0; choose one between 0 and 1"),
    ],
)
def test_a_rule_for_outliers_that_means_nothing_is_refused(document, refusal, rule, sentence):
    with pytest.raises(StudyError, match=sentence):
        OutlierRule(**rule)
    document["specifications"][1]["transforms"] = [{"without_outliers": rule}]
    (line,) = refusal()
    assert f"specifications[1].transforms[0].without_outliers.{next(iter(rule))} is" in line and "expected: a" in line


def test_a_study_without_a_treatment_is_refused(document, refusal):
    document["interventions"][0]["role"] = "shock"
    assert any("no intervention has the role treatment" in line for line in refusal())


def test_a_treatment_without_the_day_of_the_decision_is_refused(document, refusal):
    del document["interventions"][0]["decided"]
    (line,) = refusal()
    assert "the treatment 'Programme' lacks 'decided'" in line and "regression to the mean" in line


@pytest.mark.parametrize("what", ["outcomes", "units", "interventions", "estimands", "specifications"])
def test_a_name_used_twice_is_named(document, refusal, what):
    document[what].append(dict(document[what][-1]) | ({"headline": False} if what == "specifications" else {}))
    assert any(f"{what} has '{document[what][-1]['name']}' twice; give each its own name" in line for line in refusal())


def test_all_faults_of_the_schema_come_at_once(document, refusal):
    document["frequency"] = "W"
    del document["title"]
    document["outcomes"][0]["role"] = "main"
    assert len(refusal()) == 3


def test_all_faults_of_names_come_at_once(document, refusal):
    del document["specifications"][0]["headline"]
    document["specifications"][1]["outcome"] = "arson"
    del document["interventions"][0]["decided"]
    assert len(refusal()) == 3


def test_a_time_of_day_is_refused_in_words(document, refusal):
    document["interventions"][0]["start"] = time(7, 30)
    assert any(line.startswith("study.toml: interventions[0].start is ") for line in refusal())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"name = ", "is not valid TOML"), (b'name = "\xe5"', r"is not UTF-8 \(byte 8\); save it as UTF-8")],
)
def test_a_file_that_is_no_toml_says_how_to_mend_it(tmp_path, content, sentence):
    (tmp_path / "study.toml").write_bytes(content)
    with pytest.raises(StudyError, match=sentence):
        load_study(tmp_path / "study.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StudyError, match="there is no study file"):
        load_study(tmp_path / "none.toml")


@pytest.mark.parametrize("file", sorted((CHECKOUT / "analyses").glob("*/study.toml")), ids=lambda file: file.parent.name)
def test_every_embedded_study_is_read_and_lies_in_the_folder_of_its_name(file):
    assert load_study(file).name == file.parent.name
