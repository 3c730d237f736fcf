"""Whatever letters a name, title, wording or caption is made of, they reach the page as letters and never as markup."""

import io
import itertools
import re
import shutil
import subprocess
import unicodedata
from html.parser import HTMLParser

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gvi_eval.report.document import Bullets, Code, Document, Heading, Link, Paragraph, Picture, Quote, Section, Table, Value
from gvi_eval.report.html import html_bytes
from gvi_eval.report.pdf import _source, pdf_bytes
from gvi_eval.report.saved import Row
from gvi_eval.report.words import words_of
from gvi_eval.report.xlsx import FIRST_ROW, xlsx_bytes

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="20pt" height="10pt" viewBox="0 0 20 10"><rect width="9" height="9"/></svg>'
)
SIGNS = list("<>&\"'#$*_\\`[]{}()@~=+-/|;:%^") + [
    "\n",
    "\t",
    " ",
    "a",
    "å",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u200f",
    "\u2028",
    "漢",
    "😀",
]
NASTY = [
    "<script>alert(1)</script>", '" onload="x', "&lt;b&gt; & &#0;", "</style></title>", "#strong[no]", "$x^2$ and $", "*bold* _it_",
    "\\u{41} \\\"", "`raw` ```", "] #eval(\"1\") [", "= heading", "- item", "@ref <label>", "// gone", "/* gone", "two\nlines",
    "\u202eright to left\u202c", "\u2066isolated\u2069", "{{ 1 + 1 }} {% raw %}", "<!-- gone -->", "https://e.org/?a=1&b=\"<",
    "\x00\x01\x07\x1b\x7f\ufeff\ufffe\ue000",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(SIGNS), min_size=1, max_size=12).map("".join).filter(str.strip) | st.sampled_from(NASTY)
PLACES = 14
HOLDERS = [f"qq{number:02}qq" for number in range(PLACES)]


def report(words) -> Document:
    """A report in which every place that takes words of a user holds one of these."""
    (title, kicker, head, plain, heading, bullet, caption, column, cell, said, code, link, alt, figure) = words
    value = Value("effects.csv", plain, "unit", cell, "text")
    blocks = (
        Paragraph((plain, value)),
        Heading(heading),
        Bullets(((bullet,),)),
        Table(
            "t",
            caption,
            (column, "b"),
            (((cell,), (Quote(said, "f.csv", "1", "c", "da"),)), ((Code(code),), (Link(link, "x"),))),
            "t.csv",
        ),
        Picture("p", (figure,), (caption,), alt, SVG, ("unit",), (Row("data.csv", "1", {"unit": cell}),)),
    )
    return Document("en", title, kicker, (Section("s", head, blocks),), words_of("en").groups["page"], ((plain,),))


class Events(HTMLParser):
    """What a browser would build: elements with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.found.append(tag)

    def handle_comment(self, data):
        self.found.append(("comment", data))

    def handle_decl(self, decl):
        self.found.append(("declaration", decl))

    def handle_data(self, data):
        if self.found and isinstance(self.found[-1], list):
            self.found[-1][0] += data
        else:
            self.found.append([data])


def parsed(page: bytes) -> list:
    events = Events()
    events.feed(page.decode())
    events.close()
    return events.found


def filled(part, words):
    """The same with each place holder replaced by the words that stand there."""
    if isinstance(part, str):
        return re.sub(r"qq(\d\d)qq", lambda place: words[int(place[1])], part)
    if isinstance(part, dict):
        return {key: filled(item, words) for key, item in part.items()}
    return type(part)(filled(item, words) for item in part)


PLAIN_PAGE = parsed(html_bytes(report(HOLDERS)))


@given(st.lists(TEXTS, min_size=PLACES, max_size=PLACES))
def test_a_page_has_the_same_elements_whatever_the_words(words):
    assert parsed(html_bytes(report(words))) == filled(PLAIN_PAGE, words)


@pytest.mark.parametrize("text", NASTY)
def test_each_of_the_worst_words_everywhere_on_a_page(text):
    assert parsed(html_bytes(report([text] * PLACES))) == filled(PLAIN_PAGE, [text] * PLACES)


LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t", "r": "\r"}  # typst's own, but for \u{...}, which is never written


def literals(source: str) -> tuple[str, list[str]]:
    """A typst source with its string literals taken out, and what each says by the rules of typst's reference."""
    said = [
        re.sub(r"\\(.)", lambda escape: ESCAPES[escape[1]], literal, flags=re.DOTALL) for literal in LITERAL.findall(source)
    ]
    return LITERAL.sub('""', source), said


def on_paper(text: str) -> str:
    """What can be printed of a text: controls, what is no character and private signs become U+FFFD."""
    gone = ("Cc", "Cn", "Co")
    kept = (
        sign if sign in "\n\t" or (unicodedata.category(sign) not in gone and sign != "\ufeff") else "\ufffd" for sign in text
    )
    return "".join(kept)


def soft(text: str) -> str:
    return text.replace("\u200b", "")  # where a long name may break


@given(st.lists(TEXTS, min_size=PLACES, max_size=PLACES))
def test_a_page_on_paper_has_the_same_source_around_its_words(words):
    outside, inside = literals("\n".join(_source(report(words))))
    plain_outside, plain_inside = literals("\n".join(_source(report(HOLDERS))))
    assert outside == plain_outside and not any(sign in outside for sign in "\u202e漢😀")
    assert [soft(text) for text in inside] == [soft(on_paper(filled(text, words))) for text in plain_inside]


def test_the_worst_words_are_set_on_paper_and_read_back():
    """Compiled by typst; the title and the alternative text as another program reads them, and the words where one is there."""
    import pikepdf

    words = list(itertools.islice(itertools.cycle(NASTY), PLACES))
    for offset in (0, PLACES):
        words = [NASTY[(number + offset) % len(NASTY)] for number in range(PLACES)]
        content = pdf_bytes(report(words))
        with pikepdf.open(io.BytesIO(content)) as opened:
            with opened.open_metadata() as about:
                assert about["dc:title"] == on_paper(f"{words[0]} – {words[1]}")
            alts = [str(each["/Alt"]) for each in opened.objects if isinstance(each, pikepdf.Dictionary) and "/Alt" in each]
            assert alts == [on_paper(words[12])]
    if (reader := shutil.which("pdftotext")) is not None:
        whole = pdf_bytes(report(['#strong[no] *b* $x$ \\ <i> & "q" `r` ] @a'] * PLACES))
        text = subprocess.run([reader, "-", "-"], input=whole, capture_output=True, check=True).stdout.decode()
        assert "".join(text.split()).count("".join('#strong[no] *b* $x$ \\ <i> & "q" `r` ] @a'.split())) >= 9


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://example.org/a?b=1&c=2", True),
        ("HTTP://example.org", True),
        ("mailto:a@example.org", True),
        ("report.da.html", True),
        ("folder/a:b.csv", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        (" java\tscript:alert(1)", False),
        ("\x01javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
    ],
)
def test_an_address_that_is_a_program_is_shown_and_not_linked(url, is_safe):
    section = Section("s", "H", (Paragraph((Link("words", url),)),))
    document = Document("en", "T", "K", (section,), words_of("en").groups["page"])
    links = [event for event in parsed(html_bytes(document)) if isinstance(event, tuple) and event[0] == "a"]
    assert (("a", {"href": url}) in links) is is_safe and b"words" in html_bytes(document)
    assert ("#link(" in "\n".join(_source(document))) is is_safe


FORMULAS = [
    "=1+1",
    "+1+1",
    "-1-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "=cmd|' /C calc'!A0",
    "http://e.org",
    "mailto:a@b",
    "1e5",
    "0123",
]


@settings(max_examples=25)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=8) | st.sampled_from(FORMULAS),
        min_size=1,
        max_size=6,
    )
)
@example(FORMULAS)
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(texts):
    rows = tuple(Row("t.csv", str(number), {"=head": text, "b": "x"}) for number, text in enumerate(texts))
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes("=1+1", [("t.csv", "=title", rows)])))
    sheet = book["t"]
    assert (book["contents"]["A1"].data_type, sheet["A1"].value, sheet["A1"].data_type) == ("s", "=title", "s")
    assert (sheet.cell(FIRST_ROW, 1).value, sheet.cell(FIRST_ROW, 1).data_type) == ("=head", "s")
    for number, text in enumerate(texts):
        cell = sheet.cell(FIRST_ROW + 1 + number, 1)
        assert cell.hyperlink is None and cell.data_type in ("s", "n")
        if cell.data_type == "s":
            assert cell.value.replace("_x000D_", "\r") == text  # so workbooks write it, and openpyxl leaves it
        else:
            assert cell.value is None if text == "" else cell.value == float(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-1.5", -1.5),
        ("12", 12),
        ("1e-05", 1e-05),
        ("0", 0),
        ("0180", "0180"),
        ("12345678901234567890", "12345678901234567890"),
        ("123456e78901", "123456e78901"),
        ("1e+999", "1e+999"),
        ("\u0967", "\u0967"),
    ],
)
def test_figures_are_numbers_and_codes_stay_text(text, value):
    rows = (Row("t.csv", "1", {"a": text}),)
    cell = openpyxl.load_workbook(io.BytesIO(xlsx_bytes("T", [("t.csv", "t", rows)])))["t"].cell(FIRST_ROW + 1, 1)
    assert cell.value == value and isinstance(cell.value, str) is isinstance(value, str)


def test_a_text_longer_than_a_cell_may_be_is_cut_and_says_so():
    rows = (Row("t.csv", "1", {"a": "x" * 40_000}),)
    cell = openpyxl.load_workbook(io.BytesIO(xlsx_bytes("T", [("t.csv", "t", rows)])))["t"].cell(FIRST_ROW + 1, 1)
    assert len(cell.value) <= 32_767 and cell.value.endswith("(cut; the whole is in the CSV)")
