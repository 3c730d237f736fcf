"""Importing: a file that somebody saved or was sent, kept as it came, and the table made from it."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from gvi_eval.errors import StudyError
from gvi_eval.privacy import safe_name
from gvi_eval.sources import mapping, police
from gvi_eval.sources.beside import ready
from gvi_eval.sources.cells import Cell, Cells
from gvi_eval.sources.fetch import Fetched
from gvi_eval.sources.grid import Grid, read_grid
from gvi_eval.sources.recipe import BY_HAND, Recipe
from gvi_eval.sources.store import Part, Snapshot, snapshot_of, store
from gvi_eval.sources.tabulate import Record, Rows, rows_of

POLICE = ("area", "year", "month", "measure", "note")


def import_files(
    recipe: Recipe,
    files: Iterable[Path],
    published: date | None = None,
    year: str | None = None,
    measure: str | None = None,
    now: Callable[[], datetime] | None = None,
) -> Fetched:
    """Keep the files and make the recipe's table from all of them together.

    ``published`` is the day of publication, the vintage of the figures; without it the day of the import stands there.
    ``year`` and ``measure`` say what a heading of a police table does not. Raises `DisclosureError` where somebody seems to
    be in a file, before it is read any further, and `DataError` for what is not read or does not add up.
    """
    if recipe.provider not in BY_HAND:
        raise StudyError(f"a server answers for {recipe.name}; bring it with '{recipe.command}'")
    moment = (now or (lambda: datetime.now(UTC)))()
    parts, read = [], []
    for file in files:
        grid = read_grid(file, recipe.file)
        body = file.read_bytes()
        read += records_in(recipe, grid, year, measure)
        kind = {".xlsx": "application/vnd.ms-excel", ".json": "application/json"}.get(file.suffix.lower(), "text/csv")
        parts.append(Part(safe_name(file.name), "", None, kind, body))
    query = {"published": published.isoformat() if published else "", "year": year or "", "measure": measure or ""}
    snapshot = snapshot_of(tuple(parts), recipe.snapshots, recipe.name, recipe.provider, recipe.table, query, moment)
    vintage = published or snapshot.retrieved.date()
    rows = rows_of(recipe, read, {}, vintage)
    return kept(recipe, snapshot, rows)


def kept(recipe: Recipe, snapshot: Snapshot, rows: Rows) -> Fetched:
    """The files stored and the table written, after everything was checked."""
    names = ", ".join(part.name for part in snapshot.parts)
    made_from = f"{names}, kept as the snapshot {snapshot.record.name}, sha256 {snapshot.sha256}"
    place = ready(recipe, rows, snapshot.retrieved.date(), (recipe.url,) if recipe.url else (), made_from)
    store(snapshot)
    return Fetched(recipe, snapshot, place.write())


def records_in(recipe: Recipe, grid: Grid, year: str | None = None, measure: str | None = None) -> list[Record]:
    """The figures of a saved file, as its recipe reads them."""
    if recipe.provider == "police":
        return list(police.records(grid, year, measure))
    return list(mapping.records(recipe, grid))


def cells(snapshot: Snapshot) -> Cells:
    """The figures of stored police files, for a comparison of two vintages."""
    found = []
    for part in snapshot.parts:
        grid = read_grid(Path(part.name), None, part.body)
        given = {key: str(snapshot.query.get(key) or "") or None for key in ("year", "measure")}
        for record in police.records(grid, **given):
            found.append(Cell(tuple(record.texts[name] for name in POLICE[:4]), record.value, record.status))
    return Cells(POLICE[:4], tuple(found))
