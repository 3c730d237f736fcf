"""Records: ranks by hand, years without figures or months, and a number beside them."""

from dataclasses import replace

from planted_claims import claim, shots, year, years

from gvi_eval.claims.declared import CLAIMS, load_claim
from gvi_eval.claims.recompute import recompute

ROWS = (year(2014, 40), year(2015, 65), year(2016, 34), year(2017, 20))


def of(shelf, quantity, kind, **more):
    (done,) = recompute(claim(quantity, type=kind, **more), shelf)
    return done


def test_a_record_counts_only_years_that_are_published(shelf_of):
    lowest = shots(window=years(2017), years_in_scope=4, extreme="lowest")
    assert of(shelf_of(*ROWS), lowest, "ranking").level == "R3"
    done = of(shelf_of(*ROWS), replace(lowest, years_in_scope=10), "ranking")
    assert done.level == "RX" and "6 of the 10 claimed are not" in done.sentence
    assert of(shelf_of(*ROWS, year(2013, 12)), replace(lowest, years_in_scope=5), "ranking").level == "R0"
    assert of(shelf_of(*ROWS), replace(lowest, extreme="highest"), "ranking").level == "R0"
    assert of(shelf_of(*ROWS), replace(lowest, window=years(2020)), "ranking").level == "RX"


def test_the_largest_fall_by_hand(shelf_of):
    """Falls on the year before: +62.5, -47.7, -41.2."""
    fall = shots(window=years(2016), years_in_scope=3, extreme="largest fall")
    rows = (year(2013, 40), *ROWS)
    assert of(shelf_of(*rows), fall, "ranking").level == "R3"
    done = of(shelf_of(*rows), replace(fall, window=years(2017)), "ranking")
    assert done.level == "R0" and "2016 (-47.7)" in done.sentence


def test_a_record_is_not_beaten_by_a_year_whose_months_were_not_reported(shelf_of):
    """33 in 2015 would beat 34 in 2016, but the table says that none of its months were reported."""
    shelf = shelf_of(year(2014, 40), year(2015, 33), year(2016, 34))
    lowest = shots(window=years(2016), years_in_scope=3, extreme="lowest")
    assert of(shelf, lowest, "ranking").level == "R0"
    shelf._tables["town.csv"] = shelf._tables["town.csv"].assign(months_reported=[12, 0, 12])
    done = of(shelf, lowest, "ranking")
    assert done.level == "RX" and "2015 (33)" in done.sentence and done.missing == ("the months that were counted for 2015",)
    assert "town.csv:3, paper: fewer than twelve months were reported" in done.findings[0]
    shelf._tables["town.csv"] = shelf._tables["town.csv"].assign(value=[33, 33, 34])
    both = of(shelf, lowest, "ranking")  # 2014 beats it too, with all its months
    assert both.level == "R0"


def test_oakland_1996_is_no_larger_fall_for_certain(real):
    """138 homicides in 1995 carry '0 months'; the fall of 2013 itself is 29 %, not 20 %."""
    (done,) = recompute(load_claim(CLAIMS / "tx-us07.toml"), real)
    assert done.level == "R1b" and "give -29.1 %, not -20 %" in done.sentence
    assert "1996 (-32.6)" in done.sentence and "fewer than twelve months" in done.sentence
    assert done.change.before.events == 127


def test_a_number_beside_a_record_is_screened_and_can_fail_it(shelf_of, real):
    (peak,) = recompute(load_claim(CLAIMS / "SE10.toml"), real)
    assert peak.level == "RX" and (peak.change.before.events, peak.change.after.events) == (65, 9)
    lowest = shots(window=years(2017), baseline=years(2016), years_in_scope=4, extreme="lowest")
    assert of(shelf_of(*ROWS), replace(lowest, change_percent=-41), "ranking").level == "R3"
    wrong = of(shelf_of(*ROWS), replace(lowest, change_percent=-99), "ranking")
    assert wrong.level == "R0" and wrong.sentence.endswith("the record: 2017 is the lowest of 4 years (20)")


def test_a_record_within_a_claim_about_cause_is_ranked_too(real):
    shootings, record = recompute(load_claim(CLAIMS / "SE17.toml"), real)
    assert shootings.level == "RX" and "5 of the 10 claimed are not" in record.sentence
