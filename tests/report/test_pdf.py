"""The report on paper: tagged, in a language, with a title and alt texts, by another program's reading of it."""

import io

import pytest

from gvi_eval.report.document import Document, Paragraph, Picture, Section, Table
from gvi_eval.report.pdf import pdf_bytes
from gvi_eval.report.study_report import study_report
from gvi_eval.report.words import words_of
from gvi_eval.resources import CHECKOUT

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="20pt" height="10pt" viewBox="0 0 20 10"><rect width="9" height="9"/></svg>'
)


@pytest.fixture(scope="module")
def report():
    return study_report(CHECKOUT / "reports/sweden_rollout", CHECKOUT / "analyses/sweden_rollout/study.toml", "sv")


@pytest.fixture(scope="module")
def pdf(report):
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf_bytes(report))) as opened:
        yield opened


def tags(node, found=None) -> list[tuple[str, str | None]]:
    """(name, alt text) of every structure element."""
    import pikepdf

    found = [] if found is None else found
    kids = node.get("/K")
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            found.append((str(kid["/S"]), str(kid["/Alt"]) if "/Alt" in kid else None))
            tags(kid, found)
    return found


def test_it_says_its_language_its_title_and_its_standards(pdf, report):
    assert str(pdf.Root["/Lang"]) == "sv" and bool(pdf.Root["/MarkInfo"]["/Marked"])
    with pdf.open_metadata() as about:
        assert about["dc:title"].startswith(report.title)
        assert (str(about["pdfuaid:part"]), str(about["pdfaid:part"]), str(about["pdfaid:conformance"])) == ("1", "2", "A")


def test_every_figure_has_its_alt_text_and_tables_have_heads(pdf, report):
    found = tags(pdf.Root["/StructTreeRoot"])
    pictures = [block for section in report.sections for block in section.blocks if isinstance(block, Picture)]
    assert pictures and {alt for name, alt in found if alt} == {picture.alt for picture in pictures}
    names = [name for name, _ in found]
    tables = sum(isinstance(block, Table) for section in report.sections for block in section.blocks)
    assert names.count("/Table") == tables > 3 and "/TH" in names and names.count("/H1") >= len(report.sections)


def small(alt: str) -> Document:
    picture = Picture("p", ("Title",), ("Caption",), alt, SVG, (), ())
    section = Section("s", "Head", (Paragraph(('#strong[no] *markup* "quotes" \\ $x$',)), picture))
    return Document("en", "T", "K", (section,), words_of("en").groups["page"])


def test_a_figure_without_an_alt_text_is_refused():
    with pytest.raises(Exception, match="alt"):
        pdf_bytes(small(""))


def test_words_are_no_markup():
    import subprocess

    content = pdf_bytes(small("a picture"))
    assert content == pdf_bytes(small("a picture"))
    if (reader := __import__("shutil").which("pdftotext")) is None:
        pytest.skip("pdftotext is not installed, so the words cannot be read back")
    text = subprocess.run([reader, "-", "-"], input=content, capture_output=True, check=True).stdout.decode()
    assert '#strong[no] *markup* "quotes" \\ $x$' in text
