"""Fetching: a recipe's question put to its publisher, the answer stored, and the table made from what is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from gvi_eval.errors import DataError, SourceError, StudyError
from gvi_eval.privacy import safe_name
from gvi_eval.sources.beside import Placed, ready
from gvi_eval.sources.cells import Cells
from gvi_eval.sources.http import Client
from gvi_eval.sources.recipe import BY_HAND, RECIPE, RECIPES, Recipe, load_recipe, recipes_of
from gvi_eval.sources.store import Keeper, Snapshot, read_snapshot, snapshots, store
from gvi_eval.sources.tabulate import Rows, records_of, rows_of

# who published -> the module that reads what was stored
READERS = {"statbank": "statbank", "pxweb": "pxweb", "kolada": "kolada", "eurostat": "eurostat", "police": "importing"}


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought: the snapshot, new or the same as before, and the table made from it."""

    recipe: Recipe
    snapshot: Snapshot
    placed: Placed
    taken_up: int = 0  # answers that an earlier, broken fetch had brought


def fetch(
    recipe: Recipe, base: str | None = None, client: Client | None = None, now: Callable[[], datetime] | None = None
) -> Fetched:
    """Ask the publisher, store the answer and make the table.

    ``base`` is the address of the publisher's interface where it is not the usual one. The same answer as the last one
    changes nothing. After any fault the tables and snapshots are those from before, and a second run takes up the answers
    that came whole. Raises `SourceError`, `DataError` and `DisclosureError`.
    """
    if recipe.provider in BY_HAND:
        raise StudyError(f"no server answers for {recipe.name}: {recipe.how or 'save the file'}, then '{recipe.command}'")
    module = import_module(f"gvi_eval.sources.{recipe.provider}")
    base = (base or module.BASE).rstrip("/")
    keeper = Keeper(recipe.snapshots, recipe.question | {"base": base}, client or Client(), now)
    module.ask(recipe, keeper, base)
    snapshot = keeper.snapshot(recipe.snapshots, recipe.name, recipe.provider, recipe.table, dict(recipe.query))
    try:
        rows = rows_in(recipe, snapshot)
    except SourceError:
        keeper.forget()  # the answers are no table together, so none of them is of use
        raise
    place = ready(recipe, rows, snapshot.retrieved.date(), _urls(recipe, snapshot), _made_from(snapshot))
    store(snapshot)
    placed = place.write()
    keeper.forget()
    return Fetched(recipe, snapshot, placed, keeper.taken_up)


def from_store(recipe: Recipe) -> Fetched:
    """The table made anew from the newest stored answer, without asking anybody; for a recipe whose words were changed."""
    snapshot = latest(recipe)
    if snapshot is None:
        raise DataError(f"nothing is stored for {recipe.name}; '{recipe.command}' brings it")
    rows = rows_in(recipe, snapshot)
    place = ready(recipe, rows, snapshot.retrieved.date(), _urls(recipe, snapshot), _made_from(snapshot))
    return Fetched(recipe, snapshot, place.write())


def rows_in(recipe: Recipe, snapshot: Snapshot) -> Rows:
    """The rows of the recipe's table in a snapshot."""
    cells = cells_of(snapshot)
    vintage = _day(cells.updated) or snapshot.retrieved.date().isoformat()
    return rows_of(recipe, records_of(cells), cells.labels, vintage, cells.absent)


def _urls(recipe: Recipe, snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(dict.fromkeys(([recipe.url] if recipe.url else []) + [_address(part.url) for part in snapshot.parts]))


def _made_from(snapshot: Snapshot) -> str:
    return f"the snapshot {snapshot.record.name}, sha256 {snapshot.sha256}"


def cells_of(snapshot: Snapshot) -> Cells:
    """The figures of a stored answer, read as its publisher writes them."""
    if snapshot.provider not in READERS:
        raise DataError(
            f"{safe_name(snapshot.record)} is of '{snapshot.provider}', which is not read by cell; compare the tables instead"
        )
    return import_module(f"gvi_eval.sources.{READERS[snapshot.provider]}").cells(snapshot)


def latest(recipe: Recipe) -> Snapshot | None:
    """The newest stored answer of a recipe."""
    records = snapshots(recipe.snapshots)
    return read_snapshot(records[-1]) if records else None


def find_recipes(name: str, analyses: Path) -> list[Recipe]:
    """The recipes that a name means: a file, STUDY/NAME, or all of a study; STUDY is a name in ``analyses`` or a folder."""
    path = Path(name)
    if path.is_file():
        return [load_recipe(path)]
    for folder in (path, analyses / name):
        if found := recipes_of(folder):
            return found
    for folder in (path.parent, analyses / path.parent):
        file = folder / RECIPES / f"{path.name}{RECIPE}"
        if path.name and file.is_file():
            return [load_recipe(file)]
    known = sorted(f"{file.parent.parent.name}/{file.stem}" for file in analyses.glob(f"*/{RECIPES}/*{RECIPE}"))
    raise StudyError(f"there is no recipe '{name}'; known are {', '.join(known) or 'none'}, or give the path of a recipe")


def _day(text: str | None) -> str | None:
    """The day of a publisher's time stamp."""
    try:
        return datetime.fromisoformat((text or "").replace("Z", "+00:00")).astimezone(UTC).date().isoformat()
    except ValueError:
        return None


def _address(url: str) -> str:
    return url.partition("?")[0]
