"""What a report is made of before it is a page: sections of sentences, tables and figures whose numbers were looked up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gvi_eval.report.numbers import shown
from gvi_eval.report.saved import Row, Saved


@dataclass(frozen=True)
class Value:
    """A number, day or period that was looked up: where it is saved, as it is saved, and how it is written."""

    file: str
    row: str
    column: str
    raw: str
    how: str

    def shown(self, language: str) -> str:
        return shown(self.raw, self.how, language)

    @property
    def place(self) -> str:
        """The row it came from."""
        return f"{self.file}#{self.row}"


@dataclass(frozen=True)
class Quote:
    """Words of the study file or of a saved table, as they stand there."""

    text: str
    file: str
    row: str
    column: str
    language: str = "en"

    @property
    def place(self) -> str:
        return f"{self.file}#{self.row}"


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Link:
    text: str
    url: str

    @property
    def is_safe(self) -> bool:
        """Whether the address leads to a page or a file; any other, such as a script, is shown and not linked."""
        scheme, colon, _ = "".join(sign for sign in self.url if sign.isprintable() and sign != " ").partition(":")
        return not colon or "/" in scheme or scheme.lower() in ("http", "https", "mailto")


Inline = str | Value | Quote | Code | Link
Line = tuple[Inline, ...]


@dataclass(frozen=True)
class Paragraph:
    """role: plain, lead (the sentence to be remembered), absent (what was not run), note."""

    parts: Line
    role: str = "plain"


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Bullets:
    items: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """Rows of lines under one heading each; ``source`` is the saved file that holds the whole of it."""

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    source: str
    marked: frozenset[int] = frozenset()  # rows that are set in bold
    widths: tuple[float, ...] = ()  # of the columns on paper, in shares


@dataclass(frozen=True)
class Picture:
    """A figure of the results, with the numbers that it draws."""

    name: str
    title: Line
    caption: Line
    alt: str
    svg: bytes
    head: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def source(self) -> str:
        return f"figures/{self.name}/data.csv"


Block = Paragraph | Heading | Bullets | Table | Picture


@dataclass(frozen=True)
class Section:
    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report in one language; ``labels`` are the words of the page around it."""

    language: str
    title: str
    kicker: str
    sections: tuple[Section, ...]
    labels: Mapping[str, str]
    about: tuple[Line, ...] = field(default=())  # the lines at the foot

    def lines(self) -> Iterator[Line]:
        """Every line of words and numbers, in the order of reading."""
        for section in self.sections:
            for block in section.blocks:
                match block:
                    case Paragraph(parts):
                        yield parts
                    case Bullets(items):
                        yield from items
                    case Table():
                        for row in block.rows:
                            yield from row
                    case Picture():
                        yield block.title
                        yield block.caption
        yield from self.about

    def values(self) -> Iterator[Value]:
        for line in self.lines():
            yield from (part for part in line if isinstance(part, Value))

    def quotes(self) -> Iterator[Quote]:
        for line in self.lines():
            yield from (part for part in line if isinstance(part, Quote))


def value(row: Row, column: str, how: str) -> Value:
    """The cell of a row, to be written in a way."""
    return Value(row.file, row.key, column, row[column], how)


def found(saved: Saved, file: str, row: str, column: str = "", how: str = "plain") -> Value:
    """A value by its place."""
    return Value(file, row, column, saved.lookup(file, row, column), how)


def quoted(row: Row, column: str) -> Quote:
    return Quote(row[column], row.file, row.key, column)
