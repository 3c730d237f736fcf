"""A finished report read back: each number, quotation and figure table looked up again by the row it names."""

import csv
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.report.numbers import shown
from gvi_eval.report.saved import Saved
from gvi_eval.report.xlsx import FIRST_ROW, sheet_names

REFERENCES = "references.toml"
SHEET = "contents"


@dataclass(frozen=True)
class Misread:
    """A place in a report that does not say what its row says."""

    where: str
    row: str
    found: str
    expected: str


class _Reader(HTMLParser):
    """Collects what a page says with the row it says it from: (tag, attributes, text, line)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[tuple[str, dict[str, str], str, int]] = []
        self.cells: list[tuple[str, str, str, str, int]] = []
        self._open: list[tuple[str, dict[str, str], list[str], int]] = []
        self._table: str | None = None
        self._head: list[str] = []
        self._row: str | None = None
        self._cell: list[str] | None = None
        self._place = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        if tag in ("data", "q") and "data-row" in named:
            self._open.append((tag, named, [], self.getpos()[0]))
        elif tag == "table" and "data-file" in named:
            self._table, self._head = named["data-file"], []
        elif self._table and tag == "tr":
            self._row, self._place = named.get("data-row"), 0
        elif self._table and tag in ("th", "td"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1][0]:
            name, named, text, line = self._open.pop()
            self.said.append((name, named, "".join(text), line))
        elif tag == "table":
            self._table = None
        elif self._table and tag in ("th", "td") and self._cell is not None:
            text = "".join(self._cell)
            if self._row is None:
                self._head.append(text)
            elif self._place < len(self._head):
                self.cells.append((self._table, self._row, self._head[self._place], text, self.getpos()[0]))
            else:
                self.cells.append((self._table, self._row, f"column {self._place}", text, self.getpos()[0]))
            self._place += 1
            self._cell = None

    def handle_data(self, data: str) -> None:
        for _, _, text, _ in self._open:
            text.append(data)
        if self._cell is not None:
            self._cell.append(data)


def misread_html(page: str, language: str, saved: Saved) -> tuple[int, list[Misread]]:
    """How many numbers and quotations of a page were looked up, and those that are not what their row says."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    faults: list[Misread] = []
    for tag, named, text, line in reader.said:
        file, _, row = named["data-row"].partition("#")
        if file == REFERENCES:
            continue
        where = f"line {line}"
        try:
            raw = saved.lookup(file, row, named.get("data-column", ""))
            expected = raw if tag == "q" else shown(raw, named.get("data-how", ""), language)
        except (DataError, ValueError) as fault:
            faults.append(Misread(where, named["data-row"], repr(text), f"nothing: {fault}"))
            continue
        if text != expected:
            faults.append(Misread(where, named["data-row"], repr(text), repr(expected)))
        elif tag == "data" and named.get("value") != raw:
            faults.append(Misread(f"{where}, its value", named["data-row"], repr(named.get("value")), repr(raw)))
    for file, row, column, text, line in reader.cells:
        try:
            raw = saved.lookup(file, row, column)
            expected = shown(raw, "plain", language) if raw else ""
        except (DataError, ValueError) as fault:
            faults.append(Misread(f"line {line}", f"{file}#{row}", repr(text), f"nothing: {fault}"))
            continue
        if text != expected:
            faults.append(Misread(f"line {line}, {column}", f"{file}#{row}", repr(text), repr(expected)))
    return len(reader.said) + len(reader.cells), faults


def misread_workbook(path: Path, saved: Saved) -> tuple[int, list[Misread]]:
    """The same of a workbook: each sheet beside the table whose name stands in A1."""
    from openpyxl import load_workbook

    looked = 0
    try:
        book = load_workbook(path, data_only=True)
    except Exception as fault:  # a workbook that was damaged can fail in many ways inside the reader
        return 0, [Misread("the workbook", path.name, "what cannot be read", f"a workbook ({type(fault).__name__})")]
    if faults := _contents(book[SHEET], saved):
        return 0, faults
    with_names = [book[sheet].cell(1, 1).value for sheet in book.sheetnames if sheet != SHEET]
    names = sheet_names([str(name) for name in with_names])
    for name, sheet in zip(with_names, (sheet for sheet in book.sheetnames if sheet != SHEET), strict=True):
        rows = saved.table(str(name))
        if rows is None or names[str(name)] != sheet:
            faults.append(Misread(f"sheet {sheet}", str(name), "a title in A1", "the name of a saved table"))
            continue
        head = tuple(rows[0]) if rows else ()
        for place, column in enumerate(head, start=1):
            looked += 1
            if book[sheet].cell(FIRST_ROW, place).value != column:
                faults.append(
                    Misread(f"sheet {sheet}, head {place}", str(name), str(book[sheet].cell(FIRST_ROW, place).value), column)
                )
            for number, row in enumerate(rows):
                cell = book[sheet].cell(FIRST_ROW + 1 + number, place)
                looked += 1
                if not _same(cell.value, row[column]):
                    faults.append(
                        Misread(f"sheet {sheet}, {cell.coordinate}", f"{name}#{row.key}", repr(cell.value), repr(row[column]))
                    )
        if book[sheet].max_row > FIRST_ROW + len(rows):
            faults.append(Misread(f"sheet {sheet}", str(name), f"{book[sheet].max_row - FIRST_ROW} rows", f"{len(rows)}"))
    return looked, faults


def _contents(sheet, saved: Saved) -> list[Misread]:
    """The first sheet says how many rows each table has."""
    faults = []
    for number in range(FIRST_ROW + 1, sheet.max_row + 1):
        name, rows = sheet.cell(number, 2).value, saved.table(str(sheet.cell(number, 2).value))
        if rows is None or not _same(sheet.cell(number, 3).value, str(len(rows))):
            said = "no table" if rows is None else f"{len(rows)} rows"
            faults.append(Misread(f"sheet {SHEET}, C{number}", f"{name}#", repr(sheet.cell(number, 3).value), said))
    return faults


def _same(cell: object, raw: str) -> bool:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        try:
            return float(raw) == cell
        except ValueError:
            return False
    return ("" if cell is None else str(cell)) == raw


def misread_zip(path: Path, saved: Saved, described: Callable[[dict[str, bytes]], bytes]) -> tuple[int, list[Misread]]:
    """The same of a zip: each table byte for byte, and the description that goes with them."""
    faults: list[Misread] = []
    try:
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError) as fault:
        return 0, [Misread("the archive", path.name, "what cannot be read", f"a zip ({fault})")]
    package = contents.pop("datapackage.json", b"")
    for name, content in contents.items():
        file = saved.folder / name
        if not file.is_file() or file.read_bytes() != content:
            faults.append(_first_cell(name, content, file.read_bytes() if file.is_file() else b""))
    if not faults and package != described(contents):
        faults.append(Misread("datapackage.json", "datapackage.json#", "another description", "that of the tables beside it"))
    return len(contents), faults


def _first_cell(name: str, inside: bytes, saved: bytes) -> Misread:
    """Where a table in the zip and the saved one first differ."""
    packed, kept = (list(csv.reader(io.StringIO(content.decode(errors="replace")))) for content in (inside, saved))
    for line, (one, other) in enumerate(zip(packed, kept, strict=False), start=1):
        for column, cell, was in zip(kept[0], one, other, strict=False):
            if cell != was:
                return Misread(f"{name}, line {line}, {column}", f"{name}#{line}", repr(cell), repr(was))
    return Misread(name, f"{name}#", f"{len(packed)} lines", f"{len(kept)} lines")
