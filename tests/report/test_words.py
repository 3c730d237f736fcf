"""The sentences: the same in three languages, without a digit, and with every place filled by something looked up."""

import re
import tomllib

import pytest

from gvi_eval.errors import DataError
from gvi_eval.report.document import Value
from gvi_eval.report.numbers import LANGUAGES
from gvi_eval.report.words import PLACE, references, words_of
from gvi_eval.resources import resource

WORDS = {language: words_of(language).groups for language in LANGUAGES}
EVERY = [(group, key) for group, entries in WORDS["en"].items() for key in entries]
HASH = "sha256"  # the name of a hash is the only word with digits


def test_the_three_languages_have_the_same_sentences_with_the_same_places():
    for language in LANGUAGES:
        assert [(group, key) for group, entries in WORDS[language].items() for key in entries] != []
        assert {(group, key) for group, entries in WORDS[language].items() for key in entries} == set(EVERY), language
    for group, key in EVERY:
        places = {language: sorted(PLACE.findall(WORDS[language][group][key])) for language in LANGUAGES}
        assert places["da"] == places["en"] == places["sv"], f"{group}.{key}"


def test_prose_never_types_a_number():
    for language in LANGUAGES:
        for group, key in EVERY:
            text = PLACE.sub("", WORDS[language][group][key]).replace(HASH, "")
            assert not re.search(r"\d", text), f"{language} {group}.{key}: {text}"


def test_translations_are_translations():
    same = [name for name in EVERY if len(WORDS["en"][name[0]][name[1]].split()) > 4]
    for language in ("da", "sv"):
        copied = [name for name in same if WORDS[language][name[0]][name[1]] == WORDS["en"][name[0]][name[1]]]
        assert copied == [], language


def test_a_threat_is_never_passed_and_an_undecided_answer_never_no_effect():
    for language, words in (("en", ("passed",)), ("da", ("bestået",)), ("sv", ("godkänt",))):
        for name, text in WORDS[language]["summary"].items():
            assert not any(word in text for word in words), f"{language} {name}"


def test_a_place_is_filled_and_a_number_stays_the_value_it_is():
    number = Value("effects.csv", "town", "point", "0.5", "ratio")
    line = words_of("da").say("summary.detectable", detectable=number)
    assert number in line and "".join(part for part in line if isinstance(part, str)).startswith("En analyse")


def test_what_is_not_given_or_not_there_is_named():
    with pytest.raises(DataError, match="nothing was given for {detectable}"):
        words_of("en").say("summary.detectable")
    with pytest.raises(DataError, match="has no 'summary.nothing'"):
        words_of("en").say("summary.nothing")
    with pytest.raises(DataError, match="not in 'no'"):
        words_of("no")


def test_a_word_without_a_translation_stands_as_it_is():
    assert words_of("sv").term("states", "flagged") == "utslag" and words_of("sv").term("kinds", "new") == "new"


def test_every_work_has_a_doi_and_every_estimator_names_works_that_are_there():
    book = references()
    for work in book["works"].values():
        assert re.fullmatch(r"10\.\d{4,}/\S+", work["doi"]) and re.search(r"\(\d{4}\)", work["text"])
    assert {name for names in book["estimators"].values() for name in names} <= set(book["works"])


def test_every_file_is_toml_in_the_wheel_as_well():
    listed = tomllib.loads((resource("pyproject.toml")).read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert {"references.toml", "words/*.toml", "templates/*"} <= set(listed["gvi_eval.report"])
