"""A figure on disk: the same bytes every time, everything or nothing, and words in three languages."""

import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import DataError
from gvi_eval.figures import FigureAbout, Marker, alt_forest, alt_path, path_figure, save_figure
from gvi_eval.figures import folder as folder_module
from gvi_eval.figures.folder import FILES, WORDS, csv_bytes

ALT = {"en": "A line.", "da": "En linje.", "sv": "En linje."}
START = (date(2021, 1, 1), date(2021, 1, 1))
OUTCOME = {"en": "shootings", "da": "skyderier", "sv": "skjutningar"}
PROXY = {"en": "killings", "da": "drab", "sv": "dödsfall"}


def path():
    periods = pd.period_range("2020Q1", periods=8, freq="Q")
    return pd.DataFrame(
        {
            "period": [str(period) for period in periods],
            "period_start": [period.start_time.date() for period in periods],
            "period_end": [period.end_time.date() for period in periods],
            "observed": [9.0, 11.0, np.nan, 10.0, 4.0, 5.0, 3.0, 4.0],
            "factual": 9.0,
            "expected": 10 / 3 * 3.1,
            "expected_lower": 6.5,
            "expected_upper": 14.25,
            "level": 0.95,
        }
    )


def about(**changes):
    fields = {"name": "path", "title": "Ærø & Åmål", "caption": "c", "alt": ALT, "source": "StatBank STRAF11", "run": "a1"}
    return FigureAbout(**fields | changes)


def save(folder):
    events = [Marker("Pandemic", date(2020, 3, 12), date(2021, 6, 1), "shock")]
    figure = path_figure(path(), title="Ærø", y_label="shootings", start=START, caption="c", events=events)
    return save_figure(figure, folder, path(), about())


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures") / "path"
    before = matplotlib.rcParams.copy()
    assert save(folder) == [folder / name for name in FILES]
    assert matplotlib.rcParams.copy() == before
    return folder


def test_the_same_figure_gives_the_same_bytes(saved, tmp_path):
    save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(saved)


def test_one_figure_saved_twice_gives_the_same_bytes(tmp_path):
    figure = path_figure(path(), title="T", y_label="shootings", start=START, caption="c")
    save_figure(figure, tmp_path / "one", path(), about())
    save_figure(figure, tmp_path / "two", path(), about())
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    "surroundings",
    [
        {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {"TZ": "America/New_York", "PYTHONHASHSEED": "4242", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "86400"},
        {"MPLBACKEND": "svg", "MATPLOTLIBRC": "odd"},
    ],
    ids=lambda surroundings: " ".join(surroundings.values()),
)
def test_the_same_bytes_elsewhere(saved, tmp_path, surroundings):
    rc = tmp_path / "matplotlibrc"
    rc.write_text("font.size: 30\nsvg.hashsalt: other\nlines.linewidth: 9\nsavefig.dpi: 31\n")
    if "MATPLOTLIBRC" in surroundings:
        surroundings = surroundings | {"MATPLOTLIBRC": str(rc)}
    script = (
        "import importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('here', sys.argv[1])\n"
        "here = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(here)\n"
        "here.save(pathlib.Path(sys.argv[2]))\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, __file__, str(tmp_path / "path")], check=True, env=os.environ | surroundings
    )
    assert contents(tmp_path / "path") == contents(saved)


def test_pictures_hold_no_time_and_no_version(saved):
    svg, png = (saved / "figure.svg").read_text(encoding="utf-8"), (saved / "figure.png").read_bytes()
    assert "dc:date" not in svg and "Matplotlib v" not in svg
    assert "<title>Ærø &amp; Åmål</title>" in svg
    chunks = re.findall(rb"tEXt|iTXt|tIME", png)
    assert chunks == []


def test_the_svg_keeps_its_text_as_text(saved):
    svg = (saved / "figure.svg").read_text(encoding="utf-8")
    assert ">start: 2021-01-01</text>" in svg and ">Pandemic (shock, 2020-03-12 to 2021-06-01)</text>" in svg


def test_about_tells_what_is_beside_it(saved):
    text = (saved / "about.json").read_text(encoding="utf-8")
    told = json.loads(text)
    assert list(told) == sorted(told)
    for name, key in (("data.csv", "data_sha256"), ("figure.svg", "svg_sha256"), ("figure.png", "png_sha256")):
        assert told[key] == hashlib.sha256((saved / name).read_bytes()).hexdigest()
    assert told["alt"] == ALT and told["title"] == "Ærø & Åmål" and told["run"] == "a1"
    assert str(saved.parent) not in text


def test_csv_by_hand():
    table = pd.DataFrame(
        {
            "day": [date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)],
            "stamp": pd.to_datetime(["2020-01-01", None, "2020-03-01"]),
            "value": [1 / 3, np.nan, -0.0],
            "mixed": [1e12 + 0.4, "text, with comma", None],
            "whole": [1, 2, 3],
            "open": [np.inf, 1e-12, 2.0],
        }
    )
    assert csv_bytes(table).decode() == (
        "day,stamp,value,mixed,whole,open\n"
        "2020-01-01,2020-01-01,0.3333333333,1e+12,1,inf\n"
        '2020-02-01,,,"text, with comma",2,1e-12\n'
        "2020-03-01,2020-03-01,0,,3,2\n"
    )


def test_a_second_run_replaces_the_first(tmp_path):
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "data.csv").write_text("old")
    save(folder)
    assert (folder / "data.csv").read_bytes() == csv_bytes(path())
    assert [entry.name for entry in tmp_path.iterdir()] == ["path"]


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "effects.csv").write_text("precious")
    with pytest.raises(DataError, match=r"effects\.csv.*a folder of its own"):
        save(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["effects.csv"]


@pytest.mark.parametrize("broken", ["write", "move"])
def test_a_failure_leaves_the_former_figure_whole(saved, tmp_path, monkeypatch, broken):
    folder = tmp_path / "path"
    save(folder)
    former = contents(folder)

    def full(self, data):
        if self.name == "figure.png":
            raise OSError("no space left")
        return original_write(self, data)

    def stuck(self, target):
        if self.name == "fresh":
            raise OSError("no space left")
        return original_rename(self, target)

    original_write, original_rename = Path.write_bytes, Path.rename
    if broken == "write":
        monkeypatch.setattr(Path, "write_bytes", full)
    else:
        monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(OSError, match="no space left"):
        save(folder)
    monkeypatch.undo()
    assert contents(folder) == former
    assert [entry.name for entry in tmp_path.iterdir()] == ["path"]


def test_a_figure_without_words_is_refused():
    with pytest.raises(DataError, match=r"no alt text in \['da', 'sv'\]"):
        about(alt={"en": "A line.", "da": " "})


@pytest.mark.parametrize("place", ["/home/ann/data.csv", "read from /work/main/x.csv", "C:\\Users\\ann"])
def test_a_path_of_this_machine_is_refused(place):
    with pytest.raises(DataError, match="source.*path of this machine"):
        about(source=place)
    assert about(source="killed/injured, https://api.statbank.dk/v1/data").source


def test_alt_path_in_three_languages():
    told = alt_path(path(), outcome=OUTCOME, start=START, proxy_for=PROXY, events=1)
    assert told["en"] == (
        "Line chart of shootings: 8 periods, 2020Q1 to 2021Q4. The outcome is a proxy, not killings. "
        "7 observed figures, from 3 to 11. 1 period has no figure. Start: 2021-01-01. 1 other event is marked. "
        "In 2021Q4, the last period with both, 4 was observed and 10.3 expected without the programme "
        "(95 % band 6.5 to 14.2); the observed figure lies below the band."
    )
    assert told["da"] == (
        "Kurvediagram over skyderier: 8 perioder, 2020Q1 til 2021Q4. Udfaldsmålet er en proxy, ikke drab. "
        "7 observerede tal, fra 3 til 11. 1 periode har intet tal. Start: 2021-01-01. 1 anden begivenhed er markeret. "
        "I 2021Q4, den sidste periode med begge tal, blev 4 observeret, mens 10,3 var forventet uden indsatsen "
        "(95 %-bånd 6,5 til 14,2); det observerede tal ligger under båndet."
    )
    assert told["sv"] == (
        "Linjediagram över skjutningar: 8 perioder, 2020Q1 till 2021Q4. Utfallsmåttet är en proxy, inte dödsfall. "
        "7 observerade värden, från 3 till 11. 1 period saknar värde. Start: 2021-01-01. 1 annan händelse är markerad. "
        "Under 2021Q4, den sista perioden med båda värdena, observerades 4 medan 10,3 förväntades utan insatsen "
        "(95 %-band 6,5 till 14,2); det observerade värdet ligger under bandet."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observed": 20.0}, "lies above the band"),
        ({"observed": 9.0}, "lies within the band"),
        ({"observed": 9.0, "expected_lower": np.nan}, "the observed figure is lower"),
        ({"observed": np.nan}, "No period has an observed figure of its own."),
    ],
)
def test_alt_path_follows_the_data(changes, said):
    told = alt_path(path().assign(**changes), outcome=OUTCOME, start=(START[0], date(2021, 3, 31)))["en"]
    assert said in told
    assert "between 2021-01-01 and 2021-03-31; the day was not published" in told
    assert "proxy" not in told and "event" not in told


def test_alt_path_tells_of_spans():
    spans = pd.DataFrame({"per_period": [8.92, 12.0]})
    told = alt_path(path().assign(observed=np.nan), outcome=OUTCOME, start=START, spans=spans)
    assert "2 published counts for stretches of days are drawn as bars, at rates from 8.92 to 12 per period" in told["en"]
    assert "svarende til 8,92 til 12 pr. periode" in told["da"]
    assert "motsvarande 8,92 till 12 per period" in told["sv"]


def rows():
    blank = {"point": np.nan, "lower": np.nan, "upper": np.nan, "refusal": "too few donors"}
    row = {
        "label": "ITS", "group": "g", "point": 0.355, "lower": 0.244, "upper": 0.516, "level": 0.95,
        "kind": "prediction", "refusal": None, "headline": False,
    }  # fmt: skip
    return pd.DataFrame([row | {"headline": True}, row | {"point": 1.2, "upper": np.inf}, row | blank])


def test_alt_forest_in_three_languages():
    told = alt_forest(rows(), outcome=OUTCOME)
    assert told["en"] == (
        "Forest plot of shootings: 3 results, ratios on a log axis, reference 1. "
        "Headline, ITS: IRR 0.355 (95 % interval 0.244 to 0.516, prediction). "
        "Of 2 points, 1 lie below 1 and 1 above; 1 of 2 intervals exclude 1. "
        "1 result was refused and is listed with the reason."
    )
    assert "Hovedresultat, ITS: IRR 0,355 (95 %-interval 0,244 til 0,516, prædiktion)." in told["da"]
    assert "Huvudresultat, ITS: IRR 0,355 (95 %-intervall 0,244 till 0,516, prediktion)." in told["sv"]


def test_alt_forest_of_one_row():
    only = rows().head(1).drop(columns="headline")
    assert "ITS: IRR 0.355 (95 % interval" in alt_forest(only, outcome=OUTCOME)["en"]
    refused = rows().tail(1)
    assert "ITS: ingen skattning." in alt_forest(refused, outcome=OUTCOME)["sv"]
    open_end = rows().iloc[[1]]
    assert "0,244 til uendelig" in alt_forest(open_end, outcome=OUTCOME)["da"]


def test_every_language_has_every_sentence_with_the_same_blanks():
    def blanks(sentence):
        return sorted(re.findall(r"{(\w+)}", sentence))

    for language in ("da", "sv"):
        assert WORDS[language].keys() == WORDS["en"].keys()
        for key, sentence in WORDS[language].items():
            assert blanks(sentence) == blanks(WORDS["en"][key]), (language, key)


def test_every_kind_of_interval_has_its_word():
    from typing import get_args

    from gvi_eval.intervals import IntervalKind

    assert set(folder_module.KINDS) == set(get_args(IntervalKind))
