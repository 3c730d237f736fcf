"""A figure on disk: the same bytes every time, everything or nothing, and words in three languages."""

import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from figure_data import START, path

from gvi_eval.errors import DataError
from gvi_eval.figures import FigureAbout, Marker, path_figure, save_figure
from gvi_eval.figures.folder import FILES
from gvi_eval.figures.theme import blank, theme
from gvi_eval.writing import csv_bytes

ALT = {"en": "A line.", "da": "En linje.", "sv": "En linje."}


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
    support = {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    command = [sys.executable, "-c", script, __file__, str(tmp_path / "path")]
    subprocess.run(command, check=True, env=os.environ | support | surroundings)
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


@pytest.mark.parametrize("place", ["/home/ann/data.csv", "read from /var/data/x.csv", "C:\\Users\\ann"])
def test_a_path_of_this_machine_is_refused(place):
    with pytest.raises(DataError, match="source.*path of this machine"):
        about(source=place)
    assert about(source="killed/injured, https://api.statbank.dk/v1/data").source


SVG_TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.mark.parametrize(
    "words",
    [
        "$x_{$ and \\\\frac{1",
        "$x^2$",
        "<script>alert(1)</script>",
        "a & b \"q\" 'r'",
        "]]> <!-- -->",
        "*b* `c` #d ]",
        "\u202eabc",
    ],
)
def test_signs_that_mean_something_elsewhere_are_words_in_a_picture(tmp_path, words):
    """Neither mathematics nor markup: another program reads back from the SVG what was written."""
    with theme():
        figure, sheet = blank(1.0)
        sheet.text(1, 0.3, words)
        sheet.set_xlabel(words)
        folder = tmp_path / "f"
        save_figure(figure, folder, pd.DataFrame({"label": [words]}), FigureAbout("f", words, words, ALT, "s", "r"))
    root = ElementTree.fromstring((folder / "figure.svg").read_bytes())
    assert "".join(next(root.iter(SVG_TEXT)).itertext()) == words
    assert json.loads((folder / "about.json").read_text(encoding="utf-8"))["title"] == words


def test_a_picture_is_xml_whatever_its_words(tmp_path):
    with theme(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the font has no picture of them either
        figure, sheet = blank(1.0)
        sheet.text(1, 0.3, "a\x01b\x1f\ufffec")
        save_figure(figure, tmp_path / "f", pd.DataFrame({"n": [1]}), FigureAbout("f", "t", "c", ALT, "s", "r"))
    root = ElementTree.fromstring((tmp_path / "f" / "figure.svg").read_bytes())
    assert "".join(next(root.iter(SVG_TEXT)).itertext()) == "a\ufffdb\ufffd\ufffdc"
