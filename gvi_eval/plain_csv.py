"""Plain CSV: read whole or piece by piece, and what a file is where it is none.

A table file is UTF-8 without a byte order mark, with commas between the cells, double quotes where a cell
needs them, lines that end in LF or CRLF, one header line and at least one row. Anything else is named,
with the way to convert it, and never read by guess.
"""

import csv
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

from gvi_eval.privacy import LARGEST, safe_name
from gvi_eval.schema import Fault, TextTable, Violation
from gvi_eval.screening import glance

PIECE = 20_000  # rows of a table that are held at once while it is checked


def read_text(path: Path) -> TextTable | list[Violation]:
    """The table as text, or everything that keeps the file from being a table at all."""
    if faults := text_faults(path):
        return faults
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    held: dict[str, str] = {}  # a text that comes often is kept once, so that a million rows fit into memory
    try:
        for some, where in _rows(path):
            rows += [tuple([held.setdefault(cell, cell) for cell in cells]) for cells in some]
            lines += where
    except OpenQuote as fault:
        return [fault.violation]
    if len(rows) == 1:
        return [without_rows(path)]
    return TextTable(safe_name(path), rows[0], tuple(rows[1:]), tuple(lines[1:]))


class OpenQuote(Exception):
    """The quotes of a row do not match, so that nobody can say where it ends."""

    def __init__(self, file: str, line: int) -> None:
        self.violation = Violation(file, line, None, None, "the quotes in this row do not match", DOUBLE_QUOTES)


def _rows(path: Path) -> Iterator[tuple[list[list[str]], list[int]]]:
    """The header by itself, then pieces of rows, each row with the line it starts on; of a file without `text_faults`."""
    rows: list[list[str]] = []
    lines: list[int] = []
    line, most = 1, 1
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            for cells in reader:
                rows.append(cells)
                lines.append(line)
                line = reader.line_num + 1
                if len(rows) == most:
                    yield rows, lines
                    rows, lines, most = [], [], PIECE
        except csv.Error:
            raise OpenQuote(safe_name(path), line) from None
    if rows:
        yield rows, lines


class Pieces:
    """A table read anew each time it is called, a piece at a time, and what was seen of it on the way."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.periods: tuple[str, str] | None = None

    @cached_property
    def header(self) -> tuple[str, ...]:
        return tuple(next(_rows(self.path))[0][0])

    def __call__(self) -> Iterator[TextTable]:
        self.rows, self.periods = 0, None
        for rows, lines in islice(_rows(self.path), 1, None):
            piece = TextTable(safe_name(self.path), self.header, tuple(map(tuple, rows)), tuple(lines))
            self.rows += len(rows)
            self.periods = _joined(self.periods, _periods(piece))
            yield piece


def _joined(one: tuple[str, str] | None, other: tuple[str, str] | None) -> tuple[str, str] | None:
    return (min(one[0], other[0]), max(one[1], other[1])) if one and other else one or other


def text_faults(path: Path) -> list[Violation]:
    """Everything that keeps the file from being a table; a sound one is looked through without being held."""
    file, size = safe_name(path), path.stat().st_size
    if size > LARGEST:
        rule = f"the file has {size:,} bytes, more than {LARGEST:,}"
        return [Violation(file, None, None, None, rule, "divide it, for example by year")]
    seen = glance(path)
    if seen.is_plain and not seen.has_lone_return and not _file_faults(seen.head):
        return []
    return [Violation(file, None, None, None, *fault) for fault in _file_faults(path.read_bytes())]


def without_rows(path: Path) -> Violation:
    return Violation(
        safe_name(path), None, None, None, "the file holds a header and no rows", "add the rows, or leave the file out"
    )


def _periods(table: TextTable) -> tuple[str, str] | None:
    """The first and last period in the columns that say when, as they are written."""
    places = [place for place, name in enumerate(table.header) if WHEN.match(name)]
    every = {row[place] for row in table.rows for place in places if place < len(row)}
    texts = [text for text in every if PERIOD.fullmatch(text)]
    return (min(texts), max(texts)) if texts else None


def _file_faults(data: bytes) -> list[Fault]:
    """What keeps bytes from being a table: one fault that hides all else, or every fault there is."""
    if fault := _empty(data) or _workbook(data) or _utf16(data):
        return [fault]
    # Older Excel writes two faults at once, a Windows encoding and semicolons, so the text is read on.
    text = data.decode("cp1252", errors="replace") if _not_utf8(data) else data.decode("utf-8-sig")
    by_bytes = [recognise(data) for recognise in (_byte_order_mark, _nul, _not_utf8)]
    by_text = [recognise(text) for recognise in (_web_page, _old_line_ends, _other_delimiter)]
    return [fault for fault in by_bytes + by_text if fault]


def _empty(data: bytes) -> Fault | None:
    return None if data.strip() else Fault("the file is empty", "fetch it again, or leave it out")


def _workbook(data: bytes) -> Fault | None:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return Fault("the file is an Excel workbook, whatever its name says", f"open it and {SAVE_AS}")
    return None


def _utf16(data: bytes) -> Fault | None:
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    # Unmarked UTF-16 of Latin letters holds a NUL beside nearly every letter.
    if marked or data[:200].count(0) > len(data[:200]) // 4:
        return Fault("the file is encoded as UTF-16", "convert it with 'iconv -f utf-16 -t utf-8 OLD > NEW'")
    return None


def _byte_order_mark(data: bytes) -> Fault | None:
    if data.startswith(b"\xef\xbb\xbf"):
        return Fault("the file starts with a byte order mark", "take it out with \"sed '1s/^\\xEF\\xBB\\xBF//' OLD > NEW\"")
    return None


def _nul(data: bytes) -> Fault | None:
    place = data.find(0)
    if place < 0:
        return None
    return Fault(f"the file holds a NUL byte, in line {_line_at(data, place)}", "it is damaged or not text; fetch it again")


def _not_utf8(data: bytes) -> Fault | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line_at(data, error.start)
        rule = f"the file is not UTF-8, in line {line}, but seems to be cp1252 or latin-1, as older Excel writes"
        return Fault(rule, "convert it with 'iconv -f cp1252 -t utf-8 OLD > NEW' and look at its å, ä and ø")
    return None


def _web_page(text: str) -> Fault | None:
    if re.match(r"\s*<(!doctype|html|head|body|\?xml|!--)", text, re.IGNORECASE):
        return Fault("the file is a web page", "it may be an error or a log-in page; fetch the table itself")
    return None


def _other_delimiter(text: str) -> Fault | None:
    header, _, body = text.partition("\n")
    mark = max(DELIMITERS, key=header.count)
    if header.count(mark) <= header.count(","):
        return None
    decimals = ", with decimal commas" if re.search(r"(?<![^;\t|\n])-?[0-9]+,[0-9]+(?![^;\t|\r\n])", body) else ""
    return Fault(f"the cells are divided by {DELIMITERS[mark]}s{decimals}", f"open it and {SAVE_AS} and decimal points")


def _old_line_ends(text: str) -> Fault | None:
    lone = re.search(r"\r(?!\n)", text)
    if lone is None:
        return None
    return Fault("the file holds a lone carriage return as a line end", "convert it with \"tr '\\r' '\\n' < OLD > NEW\"")


def _line_at(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


SAVE_AS = "save it as CSV in UTF-8 with commas between the cells"
DOUBLE_QUOTES = "put double quotes around the whole cell and write a quote within it twice"
DELIMITERS = {";": "semicolon", "\t": "tab", "|": "vertical bar"}
WHEN = re.compile(r"(period|date|month|quarter|year|start|end)(_|$)")
PERIOD = re.compile(r"[0-9]{4}(-?Q[1-4]|-[0-9]{2}(-[0-9]{2})?)?")
