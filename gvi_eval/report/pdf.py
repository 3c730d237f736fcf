"""The report on paper: tagged PDF/UA-1 and PDF/A-2a by typst, the same bytes each time."""

import re
import tempfile
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.report.document import (
    Block,
    Bullets,
    Code,
    Document,
    Heading,
    Inline,
    Line,
    Link,
    Paragraph,
    Picture,
    Quote,
    Table,
    Value,
)

STANDARDS = ("a-2a", "ua-1")
DATED = datetime(2000, 1, 1, tzinfo=UTC)  # PDF/A asks for a date; one that is always the same keeps the bytes the same
TEXT_WIDTH, HIGHEST = 174, 225  # mm
UNSEEN = ("Cc", "Cn", "Co", "Cs")  # controls, what is no character, private use, halves of pairs
WIDE = 5  # a table with more columns is set in smaller type

PAGE = """
#set page(paper: "a4", margin: (x: 18mm, top: 18mm, bottom: 20mm), numbering: "1")
#set text(font: "DejaVu Sans", size: 9.5pt, hyphenate: true)
#set par(leading: 0.62em, spacing: 0.95em)
#set list(spacing: 0.7em)
#show raw: set text(font: "DejaVu Sans Mono", size: 0.92em)
#show link: set text(fill: rgb("#004f8a"))
#show heading.where(level: 1): set text(size: 13pt)
#show heading.where(level: 2): set text(size: 10.5pt)
#show heading: set block(above: 1.5em, below: 0.8em)
#show figure.where(kind: table): set block(breakable: true)
#show figure.where(kind: table): set figure.caption(position: top)
#show figure.caption: set text(size: 8pt)
#show figure.caption: set align(left)
#show table.cell: set align(left)
#show table.cell: set par(leading: 0.5em)
#set table(inset: (x: 3pt, y: 3pt), stroke: (x, y) => (bottom: if y == 0 { 0.8pt } else { 0.3pt + luma(180) }))
"""


def pdf_bytes(document: Document) -> bytes:
    """The report as a tagged PDF; a figure without alt text stops it."""
    import matplotlib
    import typst

    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for section in document.sections:
            for block in section.blocks:
                if isinstance(block, Picture):
                    (root / f"{block.name}.svg").write_bytes(block.svg)
        (root / "report.typ").write_text("\n".join(_source(document)), encoding="utf-8")
        try:
            return typst.compile(
                str(root / "report.typ"),
                root=str(root),
                font_paths=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
                ignore_system_fonts=True,
                pdf_standards=list(STANDARDS),
                timestamp=DATED,
            )
        except typst.TypstError as fault:
            said = f"'{document.title}' cannot be set on paper in {document.language} ({fault})"
            raise DataError(f"{said}; write what is named there with letters that DejaVu Sans has") from None


def _source(document: Document) -> Iterator[str]:
    author, title = _text("gvi_eval"), _text(f"{document.title} – {document.kicker}")
    yield f"#set document(title: {title}, author: {author}, date: datetime(year: 2000, month: 1, day: 1))"
    yield PAGE
    yield f"#set text(lang: {_text(document.language)})"
    yield f"#text(size: 9pt, fill: luma(80))[{_words(document.kicker)}]"
    yield f'#block(below: 1.2em)[#text(size: 18pt, weight: "bold")[#title({_text(document.title)})]]'
    for number, section in enumerate(document.sections):
        if number == 1:  # the first section is a page of its own
            yield f"#outline(title: {_text(document.labels['contents'])}, depth: 1)\n#pagebreak()"
        yield f"#heading(level: 1)[{_words(section.title)}]"
        for block in section.blocks:
            yield _block(block, document)
    yield "#v(1.5em)\n#line(length: 100%, stroke: 0.4pt)"
    for line in document.about:
        yield f"#text(size: 8pt)[{_line(line, document.language)}]\n"


def _block(block: Block, document: Document) -> str:
    language = document.language
    match block:
        case Paragraph(parts, role):
            said = _line(parts, language)
            styles = {"lead": f'#text(size: 11pt, weight: "bold")[{said}]', "absent": f"#emph[{said}]"}
            return f"#par[{styles.get(role, said)}]"
        case Heading(text):
            return f"#heading(level: 2)[{_words(text)}]"
        case Bullets(items):
            return "\n".join(f"- {_line(item, language)}" for item in items) + "\n"
        case Table():
            return _table(block, document)
        case Picture():
            caption = f"{_line(block.title, language)}."  # the longer one stands in the picture
            image = f"image({_text(f'{block.name}.svg')}, {_size(block)}, alt: {_text(block.alt)})"
            supplement = _text(document.labels["figure"])
            return f"#figure({image}, kind: image, supplement: {supplement}, caption: [{caption}])"


def _size(picture: Picture) -> str:
    """The width of the page, or the height of it where the picture would be higher."""
    sides = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', picture.svg)
    width, height = (float(side) for side in sides.groups()) if sides else (1.0, 1.0)
    return "width: 100%" if height / width * TEXT_WIDTH <= HIGHEST else f"height: {HIGHEST}mm"


def _table(table: Table, document: Document) -> str:
    language = document.language
    widths = table.widths or (1,) * len(table.head)
    columns = ", ".join(f"{width}fr" for width in widths)
    head = ", ".join(f"[*{_words(name)}*]" for name in table.head)
    rows = []
    for number, row in enumerate(table.rows):
        cells = (_line(cell, language) for cell in row)
        rows.append(", ".join(f"[*{cell}*]" if number in table.marked and cell else f"[{cell}]" for cell in cells))
    size = "7pt" if len(table.head) <= WIDE else "6pt"
    caption = f"{_words(table.caption)}. {_words(document.labels['source'])} {_inline(Code(table.source), language)}"
    body = f"table(columns: ({columns},), table.header({head}), {', '.join(rows)})"
    supplement = _text(document.labels["table"])
    figure = f"figure({body}, kind: table, supplement: {supplement}, caption: [{caption}])"
    return f"#[#set text(size: {size})\n#{figure}]"


def _line(parts: Line, language: str) -> str:
    return "".join(_inline(part, language) for part in parts)


def _inline(part: Inline, language: str) -> str:
    match part:
        case Value():
            return _words(part.shown(language), breakable=part.how == "text")
        case Quote():
            said = _words(part.text)
            return said if part.language == language else f"#text(lang: {_text(part.language)})[{said}]"
        case Code():
            return f"#raw({_text(_soft(part.text))})"
        case Link():
            said = _words(part.text, breakable=True)
            return f"#link({_text(part.url)})[{said}]" if part.is_safe else said
    return _words(part)


def _words(text: str, breakable: bool = False) -> str:
    """Any text as typst content: a string has no markup in it."""
    return f"#({_text(_soft(text) if breakable else text)})" if text else ""


def _soft(text: str) -> str:
    """Long names, addresses and hashes may break: after marks, and within a hash."""
    broken = "".join(f"{sign}\u200b" if sign in "/_." else sign for sign in text)
    return "\u200b".join(text[n : n + 8] for n in range(0, len(text), 8)) if len(text) == 64 else broken


def _text(text: str) -> str:
    """A typst string literal, in which a quote and a backslash are escaped and every other character stands for itself.

    What PDF/A-2a has no picture for, such as a control character or a byte order mark, is shown as U+FFFD.
    """
    shown = "".join("\ufffd" if _is_unseen(sign) else sign for sign in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def _is_unseen(sign: str) -> bool:
    return sign not in "\n\t" and (unicodedata.category(sign) in UNSEEN or sign == "\ufeff")
