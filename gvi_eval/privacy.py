"""No person may come in with a table: looks for identity numbers and columns about individuals.

What counts as an identity number: ten digits (Danish or Swedish) or twelve (Swedish, with the century)
that hold an existing birthday and a right check digit, whether or not a hyphen or space stands before the
last four. Danish numbers without a right check digit exist for people born on 1 January, so those count
without it, unless a space divides them.

What does not: digits that touch a letter or another digit, and the decimals of a number. Inside a web
address a bare run of digits is an article number or a time of day, so only the hyphenated form with its
check digit counts there.

Nine digits alone in a cell count as a Danish number whose first zero a spreadsheet dropped, if the check digit is right.

About one bare ten-digit figure in a hundred passes by accident, and so does a mobile number at times;
such a table stops, and the way out is to publish the figure in thousands or the text without the number.
"""

import codecs
import csv
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from gvi_eval.errors import DataError
from gvi_eval.screening import glance
from gvi_eval.workbook import is_workbook, parts, sheets

CPR = "Danish CPR number"
PERSONAL = "Swedish personal number"
COORDINATION = "Swedish coordination number"
WITHHELD = "[withheld]"
LARGEST = 400_000_000  # bytes of a table; a million rows have about a fourth of it

# The plain hyphen stays last: elsewhere in a character class it would mean a range.
HYPHENS = "\u2010\u2011\u2012\u2013\u2212-"
SPACES = " \u00a0"
CANDIDATE = re.compile(
    # An underscore may touch the number, as in a file name; a letter or a digit may not.
    rf"(?<![^\W_])(?P<century>[0-9]{{2}})?(?P<six>[0-9]{{6}})(?P<mark>[{SPACES}+{HYPHENS}]?)(?P<four>[0-9]{{4}})(?![^\W_])"
)
WITHOUT_ZERO = re.compile(r"(?<![^\W_])[1-9][0-9]{8}(?![^\W_])")
BESIDE_SHEETS = re.compile(r"comment|docProps/|drawing[0-9]*\.xml$|customXml/", re.IGNORECASE)
ADDRESS = re.compile(r"""(?:[a-z][a-z0-9+.-]*://|www\.)[^\s"'<>,;|]+""", re.IGNORECASE)
DAMAGED = (BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, OSError, ValueError, LookupError)
CLOSED = "is damaged, has a password or is packed in an unusual way; open it and save it as .xlsx without one, or as CSV"
CPR_WEIGHTS = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)

COLUMNS = {
    "identity numbers": (
        "cpr cprnr cprnummer cprnumber personnr personnummer persnr personalnumber personid pnr "
        "samordningsnummer samordningsnr ssn"
    ),
    "case file numbers": "diarienr diarienummer dnr journalnr journalnummer sagsnr sagsnummer",
    "names of persons": (
        "name namn navn fullname firstname lastname surname förnamn fornamn efternamn fornavn efternavn personnamn personnavn"
    ),
    "exact places": (
        "lat lon lng latitude longitude latitud longitud breddegrad længdegrad xcoord ycoord xkoord ykoord "
        "xcoordinate ycoordinate coordinates koordinater easting northing address adress adresse"
    ),
}
FLAGGED = {name: kind for kind, names in COLUMNS.items() for name in names.split()}


@dataclass(frozen=True)
class Disclosure:
    """Where something about a person seems to stand, and of what kind; never the value itself."""

    file: str
    line: int | None
    column: str | None
    kind: str

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        column = "" if self.column is None else f", column '{self.column}'"
        return f"{self.file}{line}{column}: {self.kind}; take it out, only aggregate tables may come in"


def disclosures(path: Path | str, content: bytes | None = None) -> tuple[Disclosure, ...]:
    """Everything in a table's name, header and cells that seems to be about a person.

    ``content`` is what would stand in the file where it is not written yet. Reads any encoding and delimiter as well as it
    can, because a table is scanned before it is known to be well formed; of a workbook every sheet, hidden ones too, and the
    comments and properties packed with it; of JSON every text, number and name. A plain text is read a line at a time, in
    the memory of a block. Raises `DataError` for a workbook that cannot be looked into: what nobody looked at is not known to
    be free of persons.
    """
    path = Path(path)
    file = safe_name(path)
    if content is None and (size := path.stat().st_size) > LARGEST:
        raise DataError(f"{file} has {size:,} bytes, more than {LARGEST:,}; divide it, for example by year")
    found = [Disclosure(file, None, None, f"{kind} in the file name") for kind in identity_numbers(path.name)]
    if content is None and (plain := _in_plain_file(file, path)) is not None:
        return (*found, *plain)
    data = path.read_bytes() if content is None else content
    if is_workbook(data):
        return tuple(_in_workbook(file, data, found))
    text = _text(data)
    if text.lstrip()[:1] in ("{", "[") and path.suffix.lower() != ".csv":
        return (*found, *_in_json(file, text))
    return (*found, *_in_text(file, text))


def _in_plain_file(file: str, path: Path) -> list[Disclosure] | None:
    """What a file of plain text holds, read a line at a time; None where the file must be read as a whole to tell."""
    seen = glance(path)
    begin = seen.head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if not seen.is_plain or not begin or is_workbook(seen.head) or (begin in b"{[" and path.suffix.lower() != ".csv"):
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(_in_rows(file, _cells(stream, _delimiter(seen.head.decode("utf-8-sig"))), seen.has_digits))
    except csv.Error:
        return None


def _in_text(file: str, text: str) -> Iterator[Disclosure]:
    has_digits = bool(CANDIDATE.search(text) or WITHOUT_ZERO.search(text))
    yield from _in_rows(file, _rows(text), has_digits)


def _in_rows(file: str, rows: Iterator[tuple[int, list[str]]], has_digits: bool) -> Iterator[Disclosure]:
    first = next(rows, (1, []))
    yield from _in_header(file, *first)
    if has_digits:
        yield from _in_cells(file, [masked(column) for column in first[1]], chain([first], rows))


def _in_header(file: str, line: int, header: list[str]) -> Iterator[Disclosure]:
    for column in header:
        if _plain(column) in FLAGGED:
            yield Disclosure(file, line, masked(column), f"column of {FLAGGED[_plain(column)]}")


def _in_workbook(file: str, data: bytes, found: list[Disclosure]) -> list[Disclosure]:
    """``found`` and what a workbook holds; one that cannot be opened is refused, unless what was found already does so."""
    found = list(found)
    try:
        for one in _in_sheets(file, data):
            found.append(one)
    except (DataError, *DAMAGED) as fault:
        if found:
            return found
        said = str(fault).removeprefix(f"{file} ") if isinstance(fault, DataError) else CLOSED
        raise DataError(f"{file} cannot be looked through for persons, so it may not come in: it {said}") from None
    return found


def _in_sheets(file: str, data: bytes) -> Iterator[Disclosure]:
    for title, rows in sheets(data, file):
        where = f"{file}[{masked(title)}]"
        yield from (Disclosure(file, None, None, f"{kind} in the name of a sheet") for kind in identity_numbers(title))
        header: list[str] | None = None
        for line, cells in rows:
            if header is None and sum(map(bool, cells)) > 1:  # a title may stand above the header
                header = [masked(column) for column in cells]
                yield from _in_header(where, line, cells)
            yield from _in_cells(where, header or [], [(line, cells)])
    with parts(data, file) as packed:
        beside = [name for name in packed.namelist() if BESIDE_SHEETS.search(name)]
        kinds = {kind: None for name in beside for kind in identity_numbers(_markup(packed.read(name)))}
    yield from (Disclosure(file, None, None, f"{kind} in a comment or property") for kind in kinds)


def _markup(data: bytes) -> str:
    return re.sub(r"<[^>]*>", " ", data.decode("utf-8", errors="replace"))


def _in_json(file: str, text: str) -> Iterator[Disclosure]:
    try:
        document = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        yield from _in_text(file, text)
        return
    waiting: list[tuple[str | None, Any]] = [(None, document)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                yield from (Disclosure(file, None, masked(key), f"{kind} as a name") for kind in identity_numbers(key))
                if FLAGGED.get(_plain(key)) == "identity numbers":
                    yield Disclosure(file, None, masked(key), "name of identity numbers")
                waiting.append((key, item))
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        elif isinstance(value, str):
            for kind in dict.fromkeys(kinds_in_cell(value)):
                yield Disclosure(file, None, None if name is None else masked(name), kind)


def identity_numbers(text: str) -> list[str]:
    """The kinds of identity number in a text, in order of appearance."""
    if len(text) < 10:
        return []
    addresses = [match.span() for match in ADDRESS.finditer(text)]
    return [kind for match in CANDIDATE.finditer(text) for kind in _kinds(match, addresses)]


def masked(text: str) -> str:
    """The text with every identity number replaced, fit for a message."""
    if len(text) < 10:
        return text
    addresses = [match.span() for match in ADDRESS.finditer(text)]
    return CANDIDATE.sub(lambda match: WITHHELD if _kinds(match, addresses) else match.group(), text)


def safe_name(path: Path | str) -> str:
    """A path as it may appear in a message."""
    return masked(Path(path).as_posix())


def _in_cells(file: str, header: list[str], rows: Iterable[tuple[int, list[str]]]) -> Iterator[Disclosure]:
    for line, cells in rows:
        for position, cell in enumerate(cells):
            if len(cell) < 9:
                continue
            for kind in dict.fromkeys(kinds_in_cell(cell)):
                column = header[position] if position < len(header) else None
                yield Disclosure(file, line, column, kind)


def kinds_in_cell(cell: str) -> list[str]:
    """The kinds in a cell; a spreadsheet drops the zero before a Danish number that it takes for a figure."""
    if len(cell) == 9 and WITHOUT_ZERO.fullmatch(cell) and _is_cpr(f"0{cell}", needs_check=True):
        return [CPR]
    return identity_numbers(cell)


def _kinds(match: re.Match, addresses: list[tuple[int, int]]) -> list[str]:
    mark = match["mark"]
    in_address = any(start <= match.start() < end for start, end in addresses)
    if not mark and (in_address or _is_part_of_decimal(match)):
        return []
    ten = match["six"] + match["four"]
    kinds = []
    if match["century"] is None and mark != "+":
        needs_check = in_address or mark in tuple(SPACES)
        if _is_cpr(ten, needs_check):
            kinds.append(CPR)
    swedish = _swedish_kind(match["century"], ten)
    return kinds + [swedish] if swedish else kinds


def _is_part_of_decimal(match: re.Match) -> bool:
    before, after = match.string[: match.start()][-2:], match.string[match.end() :][:2]
    return bool(re.fullmatch(r"[0-9]\.", before) or re.fullmatch(r"\.[0-9]", after))


def _is_cpr(ten: str, needs_check: bool) -> bool:
    day, month, year = int(ten[:2]), int(ten[2:4]), int(ten[4:6])
    # A serial number from 4 on may mean another century, which matters for 29 February of the year 00 alone.
    century = 1900 if int(ten[6]) <= 3 else 2000
    if not _exists(century + year, month, day):
        return False
    right_check = sum(weight * int(digit) for weight, digit in zip(CPR_WEIGHTS, ten, strict=True)) % 11 == 0
    return right_check or (not needs_check and (day, month) == (1, 1))


def _swedish_kind(century: str | None, ten: str) -> str | None:
    year, month, day = int(ten[:2]), int(ten[2:4]), int(ten[4:6])
    centuries = (19, 20) if century is None else (int(century),)
    if not set(centuries) <= {18, 19, 20} or not _passes_luhn(ten):
        return None
    for kind, birthday in ((PERSONAL, day), (COORDINATION, day - 60)):
        if any(_exists(100 * first + year, month, birthday) for first in centuries):
            return kind
    return None


def _passes_luhn(ten: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(ten)]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _plain(column: str) -> str:
    return re.sub(r"[\W_]", "", column.casefold())


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    # UTF-16 without its mark reads as text with a NUL beside every letter.
    return text.replace("\0", "")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        # A cell too long for the reader: from here on, each line counts as one cell.
        for number, rest in enumerate(text.splitlines()[line - 1 :], start=line):
            yield number, [rest]


def _cells(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it starts on."""
    reader = csv.reader(lines, delimiter=delimiter)
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    return max(",;\t|", key=text.partition("\n")[0].count)
