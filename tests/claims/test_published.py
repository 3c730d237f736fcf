"""Published counts over the days of a claim: added where they fill them, absent where they do not."""

from dataclasses import replace

import pytest
from planted_claims import claim, days, shots, year, years

from gvi_eval.claims.declared import CLAIMS, LeftOut, load_claim
from gvi_eval.claims.published import published
from gvi_eval.errors import DataError


def test_windows_that_fill_a_span_are_added_and_a_missing_day_is_not_zero(shelf_of):
    shelf = shelf_of(year(2015, 20), ("2016-01-01", "2016-06-30", 4), year(2016, 10))
    series = published(claim(), shots(), shelf)
    assert series.over(years(2015, 2016)).events == 30
    assert series.over(days("2016-07-01", "2016-12-31")).events == 6  # 10 less 4
    assert series.over(days("2016-01-01", "2016-07-01")) is None
    assert series.over(days("2015-01-01", None)) is None
    assert list(series.years) == [2015, 2016]
    assert [count.events for count in series.part_years()] == [4]


def test_a_count_cites_the_rows_it_rests_on(shelf_of):
    series = published(claim(), shots(), shelf_of(year(2015, 20), year(2015, 20), year(2016, 10)))
    assert series.over(years(2015)).sources == ("town.csv:2, paper", "town.csv:3, paper")


def test_conflicting_figures_need_a_choice_and_the_choice_is_said(shelf_of):
    shelf = shelf_of(year(2015, 20), year(2015, 23, "confirmed", "Town", "blog"))
    with pytest.raises(DataError, match="conflict"):
        published(claim(), shots(), shelf)
    series = published(claim(), shots(left_out=(LeftOut("a compilation", source="blog"),)), shelf)
    assert series.over(years(2015)).events == 20
    assert [(figure.count, reason) for figure, reason in series.left_out] == [(23, "a compilation")]
    assert "23 is not used (town.csv:3, blog): a compilation" in series.about(years(2015))
    assert "not used for other days: 1" in series.about(years(2016))


def test_two_definitions_are_not_chained_unasked(shelf_of):
    shelf = shelf_of(year(2015, 20), year(2016, 90, "wide"))
    with pytest.raises(DataError, match="mixes 2 definitions"):
        published(claim(), shots(definitions=("confirmed", "wide")), shelf)
    with pytest.raises(DataError, match="under 2 definitions"):
        published(claim(), shots(definitions=()), shelf)
    both = shots(definitions=("confirmed", "wide"), chained_because="the rule did not change")
    assert "the rule did not change" in published(claim(), both, shelf).choice


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"place": "Village"}, "hold no place 'Village'; they hold 1, such as Town"),
        ({"measure": "fires"}, "hold no 'fires' of Town; they hold shots"),
        ({"definitions": ("narrow",)}, "no 'shots' of Town is published under narrow; there is confirmed"),
        ({"tables": ()}, "names no place, no measure or no table"),
    ],
)
def test_what_the_tables_do_not_hold_is_a_sentence(shelf_of, more, said):
    with pytest.raises(DataError, match=said):
        published(claim(), shots(**more), shelf_of(year(2015, 20)))


def test_the_study_chooses_also_outside_its_own_days(real):
    from gvi_eval.claims.declared import CLAIMS, load_claim

    own = load_claim(CLAIMS / "SE28.toml")
    series = published(own, own.quantities[0], real)
    assert (series.over(years(2018)).events, series.over(days("2024-01-01", "2024-06-12")).events) == (47, 8)
    assert "as the study 'malmo' chose" in series.choice
    assert 49 in [figure.count for figure, _ in series.left_out]


def test_a_claim_that_names_its_own_definitions_is_held_to_them_beside_a_study(real):
    own = load_claim(CLAIMS / "SE24.toml")
    asked = own.quantities[0]
    assert asked.study_outcome and not asked.definitions
    with pytest.raises(DataError, match="mixes 2 definitions"):
        published(own, replace(asked, definitions=("confirmed-shooting", "wide-shooting")), real)
    with pytest.raises(DataError, match="counts under wide-shooting, and 'shootings' of the study 'malmo' under confirmed"):
        published(own, replace(asked, definitions=("wide-shooting",)), real)
    same = published(own, replace(asked, definitions=("confirmed-shooting",)), real)
    assert same.windows == published(own, asked, real).windows
