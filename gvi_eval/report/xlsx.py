"""The saved tables as a workbook: one table a sheet, its title in A1, its numbers as numbers, no merged cells."""

import io
import math
import re
from collections.abc import Iterable
from datetime import datetime

from gvi_eval.report.saved import Row

CREATED = datetime(2000, 1, 1)  # always the same, so that the bytes are
# A figure as tables are written, with up to 15 digits; a code such as 0180 and a hash of digits stay text.
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?(e[+-][0-9]{2,3})?")
FIRST_ROW = 3  # the header stands in row 3, below the title and an empty row
LONGEST = 31  # letters that Excel takes in the name of a sheet
WIDEST = 60
MOST, CUT = 32_767, " (cut; the whole is in the CSV)"  # letters that Excel takes in a cell


def xlsx_bytes(title: str, tables: Iterable[tuple[str, str, tuple[Row, ...]]]) -> bytes:
    """A workbook of tables, each a name, a title and its rows; the first sheet lists the others."""
    import xlsxwriter

    target = io.BytesIO()
    tables = list(tables)
    with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_numbers": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": title, "author": "gvi_eval", "created": CREATED})
        bold = book.add_format({"bold": True})
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        names = sheet_names([name for name, _, _ in tables])
        contents = book.add_worksheet("contents")
        _fill(contents, title, ("sheet", "table", "rows"), [(names[n], t, str(len(rows))) for n, t, rows in tables], bold, head)
        for name, heading, rows in tables:
            columns = tuple(rows[0]) if rows else ("no rows",)
            _fill(book.add_worksheet(names[name]), heading, columns, [tuple(row.values()) for row in rows], bold, head)
    return target.getvalue()


def _fill(sheet, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], bold, head) -> None:
    sheet.write_string(0, 0, title, bold)
    for place, column in enumerate(columns):
        sheet.write_string(FIRST_ROW - 1, place, column, head)
        longest = max((len(row[place]) for row in rows), default=0)
        sheet.set_column(place, place, min(max(longest, len(column), 8) + 1, WIDEST))
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            if NUMBER.fullmatch(cell) and math.isfinite(figure := float(cell)):
                sheet.write_number(FIRST_ROW + number, place, figure)
            elif cell:
                sheet.write_string(FIRST_ROW + number, place, cell if len(cell) <= MOST else cell[: MOST - len(CUT)] + CUT)
    sheet.freeze_panes(FIRST_ROW, 0)


def sheet_names(names: Iterable[str]) -> dict[str, str]:
    """A sheet name for each table, short enough and no two alike."""
    taken: set[str] = set()
    found = {}
    for name in names:
        short = re.sub(r"[^\w .-]", "-", name.removesuffix(".csv"))[:LONGEST]
        number = 1
        while short.lower() in taken or short.lower() == "history":
            number += 1
            short = f"{short[: LONGEST - len(str(number)) - 1]}-{number}"
        taken.add(short.lower())
        found[name] = short
    return found
