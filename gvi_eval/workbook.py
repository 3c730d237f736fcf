"""Excel workbooks (.xlsx), opened with care: how much is inside is looked at before anything is unpacked."""

import io
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from gvi_eval.errors import DataError

PACKED = b"PK\x03\x04"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
MOST_BYTES = 300_000_000  # unpacked, of all parts together
MOST_PARTS = 2_000
MOST_TIMES = 400  # unpacked over packed: figures pack some 5 to 30 times, a bomb a thousand times
MOST_ROWS, MOST_COLUMNS = 1_200_000, 20_000


def is_workbook(data: bytes) -> bool:
    """Whether bytes are an Excel file, old or new, whatever their name says."""
    return data.startswith((PACKED, OLD_EXCEL))


@contextmanager
def parts(data: bytes, name: str) -> Iterator[zipfile.ZipFile]:
    """The packed parts of a workbook, after their sizes were looked at. Raises `DataError` for a bomb and for what is none."""
    if data.startswith(OLD_EXCEL):
        raise DataError(f"{name} is an Excel workbook of the old kind (.xls); open it and save it as .xlsx or as CSV")
    try:
        packed = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as fault:
        raise DataError(f"{name} is no Excel workbook or is damaged ({_said(fault)}); fetch or save it again") from None
    with packed:
        listed = packed.infolist()
        size = sum(part.file_size for part in listed)
        if len(listed) > MOST_PARTS:
            raise DataError(f"{name} is packed of {len(listed):,} parts, more than {MOST_PARTS:,}; save the sheet as CSV")
        if size > MOST_BYTES:
            raise DataError(f"{name} unpacks to {size:,} bytes, more than {MOST_BYTES:,}; save the sheet that is needed as CSV")
        if size > MOST_TIMES * max(len(data), 10_000):
            raise DataError(f"{name} unpacks to {size // max(len(data), 1):,} times its size, as no table does; save it as CSV")
        yield packed


def sheets(data: bytes, name: str) -> Iterator[tuple[str, Iterator[tuple[int, list[str]]]]]:
    """Each sheet by name with its rows as text, hidden ones included; a row that is empty has no cells.

    Numbers are written as a CSV would hold them, days as 2022-03-31, a formula as the value that was saved with it.
    """
    with parts(data, name):
        pass
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl speaks of styles it does not keep
        try:
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file says of its own size may be untrue
                yield sheet.title, _rows(sheet, name)
            book.close()
        except DataError:
            raise
        except Exception as fault:  # a damaged file fails in as many ways as there are parts
            raise DataError(f"{name} cannot be read as an Excel workbook ({_said(fault)}); save it again, or as CSV") from None


def _rows(sheet: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if line > MOST_ROWS or len(cells) > MOST_COLUMNS:
            raise DataError(f"{name} has a sheet of more than {MOST_ROWS:,} rows or {MOST_COLUMNS:,} columns; save it as CSV")
        texts = [_text(value) for value in cells]
        while texts and not texts[-1]:
            texts.pop()
        yield line, texts


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _said(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:80] or type(fault).__name__
