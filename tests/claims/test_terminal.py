"""Verdicts on a terminal, narrow and wide: every claim on it, no line too long, nothing cut off."""

import io

import pytest
from planted_claims import claim, shots, year
from rich.console import Console

from gvi_eval.claims.terminal import counted, overview
from gvi_eval.claims.verdict import judge

ROWS = (year(2013, 80), year(2014, 70), year(2015, 65), year(2016, 34))


@pytest.fixture
def verdicts(shelf_of):
    quantities = (shots(change_percent=-48), shots(change_percent=-99), shots(window=None))
    return [judge(claim(each, id=f"T{place}"), shelf_of(*ROWS)) for place, each in enumerate(quantities)]


def printed(verdicts, width):
    console = Console(file=io.StringIO(), width=width, no_color=True)
    console.print(overview(verdicts, width))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_every_claim_stands_there_with_its_levels(verdicts, width):
    text = printed(verdicts, width)
    assert max(map(len, text.splitlines())) <= width and "…" not in text
    rows = [line.split()[:4] for line in text.splitlines() if line.startswith("T")]
    assert rows == [[v.claim.id, v.reproduced.level, v.robust.level, v.design.level] for v in verdicts]
    assert ("give -47.7 %" in text) is (width == 140)


@pytest.mark.parametrize("width", [80, 140])
def test_a_single_claim_is_shown_in_full(verdicts, width):
    text = printed(verdicts[:1], width)
    flat = " ".join(text.split())
    assert "bare counts: 34 / 65 = 0.523" in flat and "What would change this verdict" in flat and "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_levels_are_counted_and_not_added_up(verdicts):
    assert counted(verdicts).splitlines()[0] == "reproduced: R0 1, R3 1, RX 1"
    assert len(counted(verdicts).splitlines()) == 4


def test_brackets_in_the_words_of_a_claim_are_words(shelf_of):
    from gvi_eval.claims.declared import Quantity

    odd = claim(Quantity(before=5.0, after=2.0, outcome="[/] [red]fell[/red]", measure="[/]"), place="[/bold]")
    text = printed([judge(odd, shelf_of(*ROWS))], 140)
    assert "[red]fell[/red]" in text
