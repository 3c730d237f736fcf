"""A folder of claims judged and written: odd claims are findings, and the same claims give the same bytes."""

import pandas as pd
import pytest

from gvi_eval.claims.audit import audit, source_words, write_audit
from gvi_eval.claims.declared import find_claims

HEAD = 'id = "{id}"\ntype = "relative_change"\nparaphrase = "odd"\nsource = "paper"\nplace = "{place}"\nstrength = "none"\n'
SHOTS = '[[quantities]]\noutcome = "shootings"\nmeasure = "shootings"\ntables = ["compiled_sweden/counts_annual.csv"]\n'
YEARS = "baseline = { start = 2017-01-01, end = 2017-12-31 }\nwindow = { start = 2018-01-01, end = 2018-12-31 }\n"
ONE = 'definitions = ["confirmed-shooting"]\nchange_percent = -45\n'
ODD = {
    "no-window": ("Malmö", ONE + "baseline = { start = 2017-01-01, end = 2017-12-31 }\n", "RX", "missing: a window"),
    "above-100": ("Malmö", ONE.replace("-45", "-145") + YEARS, "R0", "a fall of 145 % is claimed"),
    "upside-down": (
        "Malmö",
        ONE + "baseline = { start = 2019-01-01, end = 2019-12-31 }\nwindow = { start = 2018-01-01, end = 2018-12-31 }\n",
        "RX",
        "does not end before the window",
    ),
    "no-such-place": ("Atlantis", ONE + YEARS, "RX", "hold no place 'Atlantis'"),
    "two-definitions": (
        "Malmö",
        ONE.replace('"confirmed-shooting"', '"confirmed-shooting", "shootings-as-cited"') + YEARS,
        "RX",
        "mixes 2 definitions",
    ),
}


@pytest.fixture
def odd(tmp_path):
    folder = tmp_path / "claims"
    folder.mkdir()
    for name, (place, rest, _, _) in ODD.items():
        (folder / f"{name}.toml").write_text(HEAD.format(id=name, place=place) + SHOTS + rest, encoding="utf-8")
    return folder


def test_bad_input_is_found_and_nothing_crashes(odd, real):
    verdicts = {verdict.claim.id: verdict for verdict in audit(find_claims(str(odd)), real)}
    for name, (_, _, level, said) in ODD.items():
        assert verdicts[name].reproduced.level == level and said in verdicts[name].reproduced.reason
        assert verdicts[name].findings and verdicts[name].wording.level in ("not assessable", "contradicted")


def test_the_same_claims_give_the_same_bytes_and_a_page_each(odd, real, tmp_path):
    verdicts = audit(find_claims(str(odd)), real)
    for name in ("one", "two"):
        write_audit(verdicts, tmp_path / name, real)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert files == sorted(["verdicts.csv", *(f"{each}.{kind}" for each in ODD for kind in ("md", "json"))])
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)
    table = pd.read_csv(tmp_path / "one" / "verdicts.csv")
    assert table["reproduced"].tolist() == [ODD[name][2] for name in sorted(ODD)]


def test_a_source_is_cited_with_its_address(real):
    said = source_words("sydsvenskan-darfor-minskar-skjutningarna-i-2018-10-21", real)
    assert "Sydsvenskan, 2018-10-21, https://www.sydsvenskan.se/" in said
    assert source_words("nowhere", real) == "nowhere (not in sources.csv)"
