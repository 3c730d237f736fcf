"""A file that somebody saved, as rows of text: Excel, CSV of any make, or what was pasted from a page."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from gvi_eval.errors import DataError, DisclosureError
from gvi_eval.privacy import disclosures, safe_name
from gvi_eval.sources.recipe import Layout
from gvi_eval.workbook import is_workbook, sheets

LARGEST = 200_000_000  # bytes
SEVERAL_SPACES = re.compile(r"\t| {2,}|\u00a0{2,}")
# A no-break space, thin or not, between the groups of a number.
BETWEEN_THOUSANDS = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")


@dataclass(frozen=True)
class Grid:
    """The rows of a file, each with the line it stands on; ``name`` is what messages call it."""

    name: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_grid(path: Path, layout: Layout | None = None, data: bytes | None = None) -> Grid:
    """The file as rows of text, trimmed, after it was looked through for persons.

    Raises `DisclosureError` where somebody seems to be in it, and `DataError` for a file that is too large, empty, a web page,
    or not in the encoding that the recipe names.
    """
    name, layout = safe_name(path.name), layout or Layout()
    if data is None:
        if not path.is_file():
            raise DataError(f"there is no file {safe_name(path)}; correct the path")
        if path.stat().st_size > LARGEST:
            raise DataError(f"{name} has {path.stat().st_size:,} bytes, more than {LARGEST:,}; save the part that is needed")
        data = path.read_bytes()
    if found := disclosures(path, data):
        lines = "\n".join(f"  {one}" for one in found[:10])
        raise DisclosureError(f"{name} seems to hold data about persons; nothing further was read:\n{lines}")
    rows = _of_workbook(data, name, layout) if is_workbook(data) else _of_text(data, name, layout)
    if not any(any(cells) for _, cells in rows):
        raise DataError(f"{name} is empty; save it again")
    return Grid(name, tuple(rows))


def number(text: str, decimal: str = ".") -> float | None:
    """The number in a cell as people write them: thousands parted by spaces, or by the mark that is not the decimal one.

    None for any other text, so that a word is never a figure.
    """
    plain = BETWEEN_THOUSANDS.sub("", text.strip().replace("\u2212", "-"))
    other = "." if decimal == "," else ","
    if re.fullmatch(rf"-?[0-9]{{1,3}}(\{other}[0-9]{{3}})+(\{decimal}[0-9]+)?", plain):
        plain = plain.replace(other, "")
    return float(plain.replace(decimal, ".")) if re.fullmatch(rf"-?[0-9]{{1,15}}(\{decimal}[0-9]{{1,15}})?", plain) else None


def _of_workbook(data: bytes, name: str, layout: Layout) -> list[tuple[int, tuple[str, ...]]]:
    held = []
    for title, rows in sheets(data, name):
        held.append(title)
        if layout.sheet in (None, title):
            found = [(line, tuple(cell.strip() for cell in cells)) for line, cells in rows]
            if layout.sheet or any(cells for _, cells in found):
                return found
    raise DataError(f"{name} has the sheets {', '.join(held)}, and not '{layout.sheet}' with a table; name the right sheet")


def _of_text(data: bytes, name: str, layout: Layout) -> list[tuple[int, tuple[str, ...]]]:
    text = _decoded(data, name, layout.encoding)
    if re.match(r"\s*<(!doctype|html|head|body|\?xml|!--)", text, re.IGNORECASE):
        raise DataError(f"{name} is a web page; copy the table out of it, or save the file that it links to")
    if "\0" in text:
        raise DataError(f"{name} holds NUL bytes; it is damaged or not text: save it again")
    delimiter = layout.delimiter or _delimiter(text)
    if delimiter is None:
        lines = [SEVERAL_SPACES.split(line.strip(" \r")) for line in text.splitlines()]
        return [(line, tuple(cell.strip() for cell in cells)) for line, cells in enumerate(lines, start=1)]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, line = [], 1
    try:
        for cells in reader:
            rows.append((line, tuple(cell.strip() for cell in cells)))
            line = reader.line_num + 1
    except csv.Error as fault:
        raise DataError(f"{name}:{line}: the row cannot be read ({fault}); look at its quotes") from None
    return rows


def _decoded(data: bytes, name: str, encoding: str | None) -> str:
    """UTF-8 or UTF-16 by its mark, else UTF-8, else the encoding of Windows in western Europe, unless the recipe names one."""
    if encoding is None and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        return data.decode(encoding or "utf-8-sig").removeprefix("\ufeff")
    except UnicodeDecodeError:
        if encoding is not None:
            raise DataError(f"{name} is not in the encoding {encoding}; correct the recipe's [file] encoding") from None
    return data.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str | None:
    """The mark that parts the cells: that which most lines hold equally often; None for columns parted by spaces alone."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best, most = None, 0
    for mark in ("\t", ";", "|", ","):
        counts = [line.count(mark) for line in lines if line.count(mark)]
        alike = max((counts.count(count) for count in set(counts)), default=0)
        if alike > most and alike * 2 > len(lines):
            best, most = mark, alike
    return best
