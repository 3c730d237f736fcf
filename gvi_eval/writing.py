"""Files as they are published: the same bytes for the same content, and never half a folder."""

import json
import math
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and the same at full width
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?( ?%)?")


def csv_bytes(data: pd.DataFrame) -> bytes:
    """The table as UTF-8 CSV: LF, floats with 10 significant digits, days as 2022-03-31, an empty cell for NaN.

    A text that a spreadsheet would take for a formula is written with an apostrophe before it.
    """
    written = data.copy()
    for position in range(written.shape[1]):
        column = written.iloc[:, position]
        texts = pd.api.types.is_string_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype)
        if texts or pd.api.types.is_float_dtype(column) or column.dtype == object:
            written.isetitem(position, pd.Series([_cell(value) for value in column], index=column.index, dtype=object))
        elif pd.api.types.is_datetime64_any_dtype(column):
            written.isetitem(position, column.dt.strftime("%Y-%m-%d").astype(object))
    written.columns = [inert(name) if isinstance(name, str) else name for name in written.columns]
    return written.to_csv(index=False, lineterminator="\n", encoding="utf-8").encode()


def json_bytes(content: Any) -> bytes:
    """The content as UTF-8 JSON with sorted keys and a line end; floats with 10 significant digits, no NaN."""
    return (json.dumps(_rounded(content), ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A fresh folder to write into, which takes the place of ``folder`` in one move when the block ends well.

    After an error the former folder stands as it was and nothing of the new one is left.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh, former = Path(scratch, "fresh"), Path(scratch, "former")
        fresh.mkdir()
        yield fresh
        replaced = folder.exists()
        if replaced:
            folder.rename(former)
        try:
            fresh.rename(folder)
        except OSError:
            if replaced:
                former.rename(folder)
            raise


def slug(name: str) -> str:
    """A name as a file name: lower case, plain letters, digits and hyphens; a plus sign is spelt out."""
    plain = unicodedata.normalize("NFKD", name.replace("+", " plus ")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def significant(value: float) -> str:
    """Ten significant digits, and no minus before a zero."""
    return f"{value + 0.0:.10g}"


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes before one that begins as a formula does.

    Those begin with =, +, - or @, after spaces or none, or with a tab or line end (OWASP, CSV injection). A plain number such
    as -1.5 or +3 is none and stays as it is.
    """
    begins = text[:1] in ("\t", "\r", "\n") or text.lstrip()[:1] in FORMULA
    return f"'{text}" if begins and not NUMBER.fullmatch(text) else text


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else significant(value)
    if isinstance(value, str):
        # A lone carriage return would not be quoted, and would end the row for a reader.
        return inert(value.replace("\r\n", "\n").replace("\r", "\n"))
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if math.isnan(value) else str(value)
        shorter = float(significant(value))
        return shorter if math.isfinite(shorter) else value  # the largest floats of all would round up to infinity
    return value
