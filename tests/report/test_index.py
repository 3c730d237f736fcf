"""The index: every report is reached from it, with the sentence it begins with, and nothing that is not there."""

import re
import shutil

import pytest

from gvi_eval.report.index import write_index
from gvi_eval.report.saved import Saved
from gvi_eval.report.story import Story
from gvi_eval.report.summary_page import answer
from gvi_eval.report.words import words_of
from gvi_eval.resources import CHECKOUT
from gvi_eval.writing import json_bytes

REPORTS, ANALYSES = CHECKOUT / "reports", CHECKOUT / "analyses"
HEAVY = shutil.ignore_patterns("figures", "paths", "panels", "placebos", "gaps")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The committed reports without what is heavy, and the figures of one study."""
    place = tmp_path_factory.mktemp("out") / "reports"
    shutil.copytree(REPORTS, place, ignore=HEAVY)
    shutil.copytree(REPORTS / "boston" / "figures", place / "boston" / "figures")
    write_index(place)
    return place


@pytest.fixture(scope="module")
def page(reports) -> str:
    return (reports / "index.html").read_text(encoding="utf-8")


def card(page: str, title: str) -> str:
    """What stands of one folder of reports."""
    (found,) = [each for each in re.findall(r"<article>.*?</article>", page, re.S) if f"<h3>{title}</h3>" in each]
    return found


def links(page: str) -> list[str]:
    return re.findall(r'<a href="([^#"][^"]*)"', page)


def test_it_leads_to_what_is_there_and_nowhere_else(tmp_path):
    for name in ("town/report", "audit", "monitoring/plan", "calibration", "pooled"):
        (tmp_path / name).mkdir(parents=True)
    manifest = {"title": "The <town>", "question": "Did it?"}
    (tmp_path / "town" / "manifest.json").write_bytes(json_bytes(manifest))
    for name in (
        "town/effects.csv", "town/report/report.da.html", "town/report/report.sv.pdf", "town/report/data.zip",
        "monitoring/plan/page.md", "calibration/README.md", "pooled/page.md",
    ):  # fmt: skip
        (tmp_path / name).write_text("x")
    (tmp_path / "audit" / "verdicts.csv").write_text("id,reproduced\na,R3\nb,R0\n")
    first = write_index(tmp_path).read_bytes()
    page = first.decode()
    assert links(page) and all((tmp_path / link).is_file() for link in links(page))
    assert {"town/report/report.da.html", "audit/verdicts.csv", "monitoring/plan/page.md", "pooled/page.md"} <= set(links(page))
    assert "The &lt;town&gt;" in page and '<html lang="en">' in page
    town = card(page, "The &lt;town&gt;")
    assert "English" not in town and '<span lang="sv">Svenska</span> (<a href="town/report/report.sv.pdf"' in town
    assert write_index(tmp_path).read_bytes() == first


def test_every_embedded_study_is_on_it_with_the_sentence_its_report_begins_with(page):
    for name, title in (("malmo", "Sluta skjut, Malmö"), ("boston", "Operation Ceasefire, Boston 1996")):
        story = Story(Saved(REPORTS / name, ANALYSES / name / "study.toml"), words_of("en"))
        said = "".join(part if isinstance(part, str) else part.shown("en") for part in answer(story))
        own = next(
            each for each in re.findall(r"<article>.*?</article>", page, re.S) if f"{name}/report/report.en.html" in each
        )
        assert f"<h3>{title}</h3>" in own
        assert said in re.sub("<[^>]+>", "", own)
    assert "calibration/README.md" in page and "two_cities/page.md" in page


def test_every_link_of_the_committed_reports_leads_somewhere(reports, page):
    assert len(links(page)) > 80 and all((reports / link).is_file() for link in links(page))


def test_pages_in_three_languages_their_pdf_and_the_tables_stand_on_one_line(page):
    boston = card(page, "Operation Ceasefire, Boston 1996")
    (line,) = re.findall(r'<p class="links">.*?</p>', boston, re.S)
    names = [f"boston/report/report.{language}.{form}" for language in ("en", "da", "sv") for form in ("html", "pdf")]
    assert links(line) == [*names, "boston/report/tables.xlsx", "boston/report/data.zip"]


def test_figures_are_folded_and_named_without_the_study_above_them(reports, page):
    boston = card(page, "Operation Ceasefire, Boston 1996")
    folded = re.search(r"<details>.*</details>", boston, re.S)[0]
    drawn = sorted(path.name for path in (reports / "boston" / "figures").iterdir())
    assert [link.split("/")[2] for link in links(folded) if "/figures/" in link] == drawn
    assert f">{len(drawn)} figures, " in folded and ">Every declared analysis</a>" in folded
    assert "/figures/" not in boston.replace(folded, "")


def test_generated_figures_and_a_study_that_waits_are_called_so(page):
    rollout = next(each for each in re.findall(r"<article>.*?</article>", page, re.S) if "[generated figures]" in each)
    said = re.search(r'<p class="said">(.*?)</p>', rollout, re.S)[1]
    assert said.startswith("<q") and "generated" in said[: said.index("</q>")].lower()
    waiting = card(page, "Sluta skjut, Malmö, beside other municipalities")
    assert "Not run yet: it waits for Confirmed shootings per municipality and month" in waiting
    assert links(waiting)[0] == "malmo_panel/README.md"


def test_the_answer_of_a_study_of_several_places_names_the_one_it_is_of(page):
    cities = card(page, "Group Violence Intervention in Boston, Cincinnati, Oakland and New Orleans")
    said = re.sub("<[^>]+>", "", re.search(r'<p class="said">(.*?)</p>', cities, re.S)[1])
    assert said.startswith("Boston: There is a fall") and ">Boston: There" not in card(page, "Operation Ceasefire, Boston 1996")


def test_a_study_file_that_is_another_now_gives_no_answer(reports, tmp_path):
    shutil.copytree(reports / "boston", tmp_path / "reports" / "boston", ignore=HEAVY)
    shutil.copytree(ANALYSES / "boston", tmp_path / "analyses" / "boston")
    file = tmp_path / "analyses" / "boston" / "study.toml"
    assert "chance alone" in write_index(tmp_path / "reports", tmp_path).read_text(encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    page = write_index(tmp_path / "reports", tmp_path).read_text(encoding="utf-8")
    assert "chance alone" not in page and "has changed since it was run" in page
    file.unlink()
    assert "has changed" not in write_index(tmp_path / "reports", tmp_path).read_text(encoding="utf-8")
