"""The report as one page that needs nothing else: no script, no network, readable on a phone, in the dark and on paper."""

import base64
from functools import cache
from typing import Any

from gvi_eval.report.document import (
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
from gvi_eval.report.numbers import shown
from gvi_eval.report.saved import Row
from gvi_eval.resources import resource


def html_bytes(document: Document, others: dict[str, str] | None = None) -> bytes:
    """The page as UTF-8. ``others`` are the same report in other languages, by language and file name.

    Every number is a <data> element that carries the value as saved, the row it came from, its column and how it is
    written; words that were not translated carry their language.
    """
    return page_of("report.html", document=document, labels=document.labels, others=others or {})


def page_of(template: str, **parts: Any) -> bytes:
    """A page of a template with the style that all share, as UTF-8."""
    return _environment().get_template(template).render(style=_style(), **parts).encode()


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = resource("report/templates")
    made = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {"inline": inline, "line": line, "kind": kind, "picture_url": picture_url, "cell": figure_cell}
    return made


@cache
def _style() -> str:
    return resource("report/templates/report.css").read_text(encoding="utf-8")


def kind(block: object) -> str:
    """The name under which the template knows a block."""
    return {Paragraph: "paragraph", Heading: "heading", Bullets: "bullets", Table: "table", Picture: "picture"}[type(block)]


def line(parts: Line, language: str) -> Any:
    from markupsafe import Markup

    return Markup("").join(inline(part, language) for part in parts)


def inline(part: Inline, language: str) -> Any:
    """A word, number, quotation or link as markup."""
    from markupsafe import Markup, escape

    match part:
        case Value():
            return Markup('<data value="{}" data-row="{}" data-column="{}" data-how="{}" title="{}">{}</data>').format(
                part.raw, part.place, part.column, part.how, part.place, part.shown(language)
            )
        case Quote():
            spoken = Markup(' lang="{}"').format(part.language) if part.language != language else ""
            return Markup('<q{} data-row="{}" data-column="{}">{}</q>').format(spoken, part.place, part.column, part.text)
        case Code():
            return Markup("<code>{}</code>").format(part.text)
        case Link():
            return Markup('<a href="{}">{}</a>').format(part.url, part.text) if part.is_safe else escape(part.text)
    return escape(part)


def figure_cell(row: Row, column: str, language: str) -> str:
    """A number under a figure; its row and column are those of the table around it."""
    return shown(row[column], "plain", language) if row[column] else ""


def picture_url(picture: Picture) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(picture.svg).decode()
