"""Changes recomputed: each level planted, bad input as findings, and the days that a missing break leaves possible."""

from dataclasses import replace
from datetime import date

import pytest
from planted_claims import claim, days, shots, year, years

from gvi_eval.claims.breaks import possible_breaks
from gvi_eval.claims.changes import log_change
from gvi_eval.claims.declared import CLAIMS, Reading, Span, load_claim
from gvi_eval.claims.recompute import recompute

ROWS = (year(2014, 40), year(2015, 65), year(2016, 34), year(2017, 20))


def level_of(shelf_of, quantity, *rows, **more):
    (done,) = recompute(claim(quantity, **more), shelf_of(*(rows or ROWS)))
    return done


@pytest.mark.parametrize(
    ("given", "level", "said"),
    [
        ({"change_percent": -48}, "R3", "65 to 34"),
        ({"word": "almost halved"}, "R2", "-47.7 %"),
        ({"before": 65, "after": 34}, "R3", "the published counts are 65 and 34, as claimed"),
        ({"before": 66, "after": 33, "word": "about"}, "R2", "65 and 34"),
        ({"before": 13, "after": 2}, "R0", "not 13 to 2"),
        ({"change_percent": -69}, "R1b", "a search finds it with 2015 against 2017"),
        ({"change_percent": -99}, "R0", "not -99 %"),
        ({"direction": "down", "word": "fewer"}, "R2", "-47.7 %"),
        ({"word": "more"}, "R0", "not what is claimed"),
    ],
)
def test_each_level_is_planted(shelf_of, given, level, said):
    done = level_of(shelf_of, shots(**given))
    assert done.level == level and said in done.sentence


def test_only_by_search_prints_how_much_a_search_can_hit(shelf_of):
    done = level_of(shelf_of, shots(change_percent=-69))
    hit, every = len(done.table.hits(done.table.own_range)), len(done.table.own_range)
    assert f"{hit} of {every} whole percentages in the table's range can be hit this way" in done.sentence


def test_a_search_reads_words_as_widely_as_the_claim_does(shelf_of):
    assert level_of(shelf_of, shots(change_percent=-66, word="about")).level == "R1b"  # -69.2 is within five points
    assert level_of(shelf_of, shots(change_percent=-66)).level == "R0"


def test_a_reading_that_the_source_names_comes_before_any_search(shelf_of):
    reading = Reading("the notice says so", baseline=years(2014), window=years(2017))
    done = level_of(shelf_of, shots(change_percent=-50, rounding=1, readings=(reading,)))
    assert done.level == "R1a" and done.sentence.endswith("the notice says so")
    assert any("also read as 2014 against 2017" in line for line in done.workings)


def test_a_bound_that_is_not_given_is_filled_in_and_capped(shelf_of):
    done = level_of(shelf_of, shots(change_percent=-35, baseline=days(None, "2015-12-31"), word="about"))
    assert done.level == "R1a" and done.change.before.events == 105
    assert "every published year is used, from 2014" in done.findings[0]


def test_an_inner_bound_is_the_day_beside_the_other_side(shelf_of):
    """Never the first or last day published: 2015 against what follows it, and what precedes 2016 against 2016."""
    after = level_of(shelf_of, shots(change_percent=-59, window=days(None, "2017-12-31")))  # 54 in two years against 65
    assert (after.change.after.events, after.level) == (54, "R1a") and "the day after the baseline is used" in after.findings[0]
    before = level_of(shelf_of, shots(change_percent=-35, word="about", baseline=days("2014-01-01", None)))
    assert (before.change.before.events, before.level) == (105, "R1a") and "day before the window" in before.findings[0]


def test_full_years_of_another_number_are_never_compared_as_bare_counts(shelf_of):
    done = level_of(shelf_of, shots(change_percent=-59, window=years(2016, 2017)))
    assert done.level == "R3" and done.sentence == "the published figures (65 in 1 year to 54 in 2 years) give -58.5 % per day"


def test_what_is_published_beside_a_figure_is_in_the_workings(real):
    (done,) = recompute(load_claim(CLAIMS / "SE01.toml"), real)
    assert any(
        line.startswith("beside it stands 'preliminary; ") and "counts_part_period.csv:26" in line for line in done.workings
    )


def test_a_conflicting_figure_that_is_published_is_no_falsehood(shelf_of):
    from gvi_eval.claims.declared import LeftOut

    out = (LeftOut("a compilation", source="blog"),)
    rows = (*ROWS, year(2015, 58, "confirmed", "Town", "blog"))
    done = level_of(shelf_of, shots(before=58, after=34, left_out=out), *rows)
    assert done.level == "R1a" and "58 for 2015 is published too (town.csv:6, blog), where 65 is used" in done.sentence
    assert level_of(shelf_of, shots(before=57, after=34, left_out=out), *rows).level == "R0"


def test_bare_counts_that_fit_are_named_with_their_days(shelf_of):
    rows = (*ROWS, ("2018-01-01", "2018-06-30", 4))
    done = level_of(
        shelf_of, shots(change_percent=-80, rounding=1, baseline=years(2017), window=days("2018-01-01", "2018-06-30")), *rows
    )
    assert done.level == "R3" and "over 365 and 181 days: per day it is -59.7 %" in done.sentence


def test_the_workings_cite_table_line_and_source(shelf_of):
    lines = level_of(shelf_of, shots(change_percent=-48)).workings
    assert "before: 65 in 365 days (2015): town.csv:3, paper" in lines
    assert "bare counts: 34 / 65 = 0.523, that is -47.7 %" in lines


@pytest.mark.parametrize(
    ("given", "level", "said"),
    [
        ({"change_percent": -130}, "R0", "a fall of 130 % is claimed"),
        ({"change_percent": -48, "baseline": years(2016), "window": years(2015)}, "RX", "does not end before the window"),
        ({"change_percent": -48, "baseline": Span(date(2015, 12, 31), date(2015, 1, 1))}, "RX", "before it starts"),
        ({"change_percent": -48, "window": None}, "RX", "missing: a window"),
        ({"change_percent": -48, "baseline": Span(words="before")}, "RX", "missing: the days of the baseline ('before')"),
        ({"change_percent": -48, "place": "Village"}, "RX", "hold no place 'Village'"),
        ({"change_percent": -48, "definitions": ("confirmed", "wide")}, "RX", "mixes 2 definitions"),
        ({"change_percent": -48, "tables": ()}, "RX", "missing: a published count"),
        ({"direction": None}, "RX", "missing: a size or direction"),
        ({"change_percent": -48, "window": years(2018)}, "RX", "no published figure of shots in Town covers 2018"),
    ],
)
def test_bad_input_is_a_finding_and_no_crash(shelf_of, given, level, said):
    done = level_of(shelf_of, shots(**given))
    assert done.level == level and said in done.sentence
    assert done.findings or done.missing


@pytest.mark.parametrize(("direction", "level"), [("down", "R2"), ("up", "R0")])
def test_a_direction_without_a_size_is_a_claim_of_its_own(shelf_of, direction, level):
    assert level_of(shelf_of, shots(direction=direction)).level == level


def test_a_claim_that_contradicts_itself_says_so(shelf_of):
    against = level_of(shelf_of, shots(direction="up", change_percent=-48))
    assert against.level == "R3" and "the direction is said to be up, and the number that is given is -48 %" in against.findings
    nothing = level_of(shelf_of, shots(before=0, after=5))
    assert nothing.level == "R0" and nothing.sentence.endswith("not 0 to 5") and "a baseline of zero" in nothing.findings[0]
    assert level_of(shelf_of, shots(change_percent=-48)).findings == ()


def test_an_outcome_that_the_study_has_not_is_named_with_those_it_has(real):
    own = load_claim(CLAIMS / "SE04.toml")
    other = replace(own, quantities=(replace(own.quantities[0], study_outcome="stabbings"),))
    (done,) = recompute(other, real)
    assert done.level == "RX" and "'malmo' has no outcome 'stabbings'; it has shootings, " in done.sentence


def test_the_wide_count_of_malmo_is_never_chained_with_the_confirmed_one(real):
    """123 and 57 for the same ten months of 2017: two definitions in one claim are refused, by name."""
    own = load_claim(CLAIMS / "tx-se20.toml")
    mixed = replace(own.quantities[0], baseline=years(2016), window=years(2017), change_percent=-45.0)
    (done,) = recompute(replace(own, type="relative_change", quantities=(mixed,)), real)
    assert done.level == "RX" and "mixes 2 definitions (wide-shooting, confirmed-shooting)" in done.sentence


def test_nothing_before_cannot_be_divided_by(shelf_of):
    done = level_of(shelf_of, shots(change_percent=-48), year(2015, 0), year(2016, 3))
    assert done.level == "RX" and "nothing to divide by" in done.sentence


def test_a_start_that_is_not_the_published_one_is_a_finding(shelf_of):
    assert "start from 66, and 65 is published" in level_of(shelf_of, shots(change_percent=-48, before=66)).findings[0]
    assert level_of(shelf_of, shots(change_percent=-48, before=65)).findings == ()


def test_counts_that_only_the_publication_gives_check_its_percentage(shelf_of):
    own = {"tables": (), "before": 710, "after": 340}
    assert level_of(shelf_of, shots(change_percent=-52.1, rounding=0.1, **own)).level == "R3"
    done = level_of(shelf_of, shots(change_percent=-37, rounding=1, **own))
    assert done.level == "R0" and "give -52.1 %" in done.sentence


def test_a_break_that_is_not_published_by_hand(shelf_of):
    """65 in 2015, 10 to 30 June 2016, 40 in 2016: the count since 2015 reaches 80 between July and the end of 2016."""
    rows = (year(2015, 65), ("2016-01-01", "2016-06-30", 10), year(2016, 40), year(2017, 20))
    quantity = shots(
        before=80, after=45, change_percent=-37, rounding=1, baseline=days("2015-01-01", None), window=days(None, "2017-12-31")
    )
    done = level_of(shelf_of, quantity, *rows)
    assert done.level == "RX" and done.missing == ("the day that parts before from after",)
    assert possible_breaks(done.series, date(2015, 1, 1), date(2017, 12, 31), 80) == (date(2016, 7, 1), date(2017, 1, 1))
    # Days before the break: 547 and 731 of 1096.
    low, high = (100 * ((45 / (1096 - each)) / (80 / each) - 1) for each in (547, 731))
    assert f"would give {low:+.0f} % to {high:+.0f} %" in done.sentence
    assert any("police counts from 2015-01-01 to 2017-12-31 lie between 125 and 125" in line for line in done.workings)


def test_two_counts_with_an_open_bound_are_found_as_they_were_published(shelf_of):
    rows = (*ROWS, ("2015-01-01", None, 97, "study"), (None, "2017-12-31", 52, "study"))
    quantity = shots(before=97, after=52, baseline=days("2015-01-01", None), window=days(None, "2017-12-31"))
    assert level_of(shelf_of, quantity, *rows).level == "R3"
    assert level_of(shelf_of, quantity, *ROWS).level == "RX"


@pytest.mark.parametrize(
    ("name", "level", "per_day", "bare"),
    [
        ("SE01", "R2", -43.8, -55.4),  # 29 to 17 October 2018 against 65
        ("SE04", "R0", -27.7, -27.7),  # 47 against 65
        ("SE24", "R1a", -52.0, 19.8),  # 151 in 2018-2022 against 126 in 2016-2017
        ("SE28", "R3", -55.5, -80.0),  # 8 to 12 June 2024 against 40
    ],
)
def test_the_claims_about_malmo_by_hand(real, name, level, per_day, bare):
    (done,) = recompute(load_claim(CLAIMS / f"{name}.toml"), real)
    assert done.level == level
    assert 100 * (done.change.rate_ratio - 1) == pytest.approx(per_day, abs=0.15)
    assert done.change.percent_of_counts == pytest.approx(bare, abs=0.05)


def test_eighty_per_cent_and_thirteen_deaths(real):
    shootings, deaths = recompute(load_claim(CLAIMS / "SE14.toml"), real)
    assert (shootings.level, deaths.level) == ("R1b", "R0")
    assert "a search finds it with 2017 against 2020-01-01 to 2020-05-12" in shootings.sentence
    assert "-69.2 %" in shootings.sentence and "not 13 to 2" in deaths.sentence
    assert (deaths.change.before.events, deaths.change.after.events) == (7, 3)


def test_thirty_seven_per_cent_needs_a_break_that_the_counts_do_not_allow(real):
    (done,) = recompute(load_claim(CLAIMS / "tx-se01.toml"), real)
    assert done.level == "RX"
    text = " ".join(done.workings)
    assert "if the second window began 2018-09-15 to 2018-09-19" in text
    assert "reach 97 after 2018-10-17 and by 2018-12-31: a break in those days gives -30 % to -8 %" in text
    assert "lie between 146 and 150; claimed 149" in text


def test_the_claimed_log_change():
    import math

    assert log_change(shots(change_percent=-50)) == pytest.approx(math.log(0.5))
    assert log_change(shots(change_percent=-100)) == -math.inf and log_change(shots()) is None
