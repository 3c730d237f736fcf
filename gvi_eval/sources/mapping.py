"""Any table that somebody saved, with a recipe that says what its columns are: one figure a row.

Semicolons, decimal commas, encodings of Windows, thousands parted by spaces or points, months by their Danish, Swedish or
English names. A cell without a figure has no row; a cell with a word that is no number stops the import and is named.
"""

from collections.abc import Iterator

from gvi_eval.errors import DataError
from gvi_eval.sources.grid import Grid, number
from gvi_eval.sources.recipe import Recipe
from gvi_eval.sources.tabulate import Record

SHOWN = 10
BLANKS = ("", "..", "...", "…", ":", "-", "–", "—", "x", "X", "n/a", "NA")


def records(recipe: Recipe, grid: Grid) -> Iterator[Record]:
    """One record a row below the header. Raises `DataError` for columns that are not there and cells that are no numbers."""
    layout = recipe.file
    if len(grid.rows) <= layout.header:
        raise DataError(f"{grid.name} has no rows below its header in line {layout.header}; correct the recipe's [file] header")
    header = [name for name in grid.rows[layout.header - 1][1]]
    column = recipe.columns.get("value")
    if column is None or column.column is None:
        raise DataError(f'the recipe {recipe.name} does not say which column holds the figures; add value = {{ from = "..." }}')
    asked = [meaning.column for meaning in recipe.columns.values() if meaning.column] + list(recipe.where)
    missing = [name for name in dict.fromkeys(asked) if name not in header]
    if missing:
        raise DataError(f"{grid.name} has no column {', '.join(missing)}; its columns are {', '.join(header)[:200]}")
    repeated = [name for name in dict.fromkeys(asked) if header.count(name) > 1]
    if repeated:
        raise DataError(f"{grid.name} has the column {', '.join(repeated)} more than once; give each a name of its own")
    faults = []
    found = []
    for line, cells in grid.rows[layout.header :]:
        if not any(cells):
            continue
        texts = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False))
        text = texts[column.column]
        place = f"{grid.name}:{line}"
        if text in (layout.blank or BLANKS):
            found.append(Record(texts, None, text, place))
        elif (value := number(text, layout.decimal)) is None:
            faults.append(f"  {place}, column '{column.column}': '{text[:40]}' is no number")
        else:
            found.append(Record(texts, value, None, place))
    if faults:
        more = [f"  ... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        way = "correct the cells, name what stands for 'no figure' in [file] blank, or set decimal to ',' or '.'"
        raise DataError("\n".join([f"{grid.name} holds figures that are not read; {way}:", *faults[:SHOWN], *more]))
    yield from found
