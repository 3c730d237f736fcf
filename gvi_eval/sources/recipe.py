"""A recipe: whose table, which part of it, and what its codes mean here. It is a TOML file, written once and kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError
from gvi_eval.tables import RAW

Provider = Literal["statbank", "pxweb", "kolada", "eurostat", "police", "file"]
BY_HAND = ("police", "file")  # no server answers for these: somebody saves a file and imports it
RECIPES = "recipes"
RECIPE = ".toml"


@dataclass(frozen=True)
class Meaning:
    """What stands in a column of our table: a text, or what a column of theirs says, put into our words by ``names``.

    Without ``names`` the publisher's own words are taken. With them a code that they do not hold is an error, because a code
    list that was changed would otherwise be a series that ends.
    """

    text: str | None = None
    column: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    on: Literal["first", "last"] = "first"  # of a day that stands for a period


@dataclass(frozen=True)
class Layout:
    """How a file that somebody saved is laid out; what is None is recognised from the file itself."""

    delimiter: str | None = None
    decimal: Literal[",", "."] = "."
    encoding: str | None = None
    sheet: str | None = None
    header: int = 1  # the line that names the columns
    blank: tuple[str, ...] = ()  # what stands in a cell without a figure


@dataclass(frozen=True)
class Recipe:
    """One table of ours and where it comes from."""

    name: str
    title: str
    provider: Provider
    publisher: str
    licence: str
    into: str
    schema: Literal["counts", "population", "readings"]
    columns: Mapping[str, Meaning]
    source: Mapping[str, str]
    definitions: tuple[Mapping[str, str], ...]
    folder: Path
    table: str = ""
    language: str = "en"
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    file: Layout = Layout()
    url: str | None = None
    how: str | None = None  # what a person does to get a file that is imported

    @property
    def data(self) -> Path:
        """The folder of tables beside the study, or beside the recipe where it belongs to no study."""
        return (self.folder.parent if self.folder.name == RECIPES else self.folder) / "data"

    @property
    def target(self) -> Path:
        return self.data / self.into

    @property
    def snapshots(self) -> Path:
        return self.data / RAW / self.name

    @property
    def question(self) -> dict[str, Any]:
        """Everything that decides what a publisher is asked."""
        return {"provider": self.provider, "table": self.table, "language": self.language, "query": dict(self.query)}

    @property
    def command(self) -> str:
        """The command that brings this table."""
        place = self.folder.parent.name if self.folder.name == RECIPES else self.folder.as_posix()
        if self.provider in BY_HAND:
            return f"gvi-eval import {place}/{self.name} FILE"
        return f"gvi-eval fetch {place}/{self.name}"


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raises `StudyError` that lists what does not hold."""
    raw = read_declared(path, "recipe")
    if raw["name"] != path.stem:
        raise StudyError(f"{path.name} calls itself '{raw['name']}'; give the file and the recipe one name")
    _inside(raw["into"], path.name)
    columns = {name: _meaning(value) for name, value in raw["columns"].items()}
    lists = {key: {name: _codes(codes) for name, codes in raw.get(key, {}).items()} for key in ("query", "where")}
    layout = raw.get("file", {})
    recipe = Recipe(
        **{
            key: value for key, value in raw.items() if key not in ("columns", "query", "where", "definitions", "notes", "file")
        },
        **lists,
        columns=columns,
        definitions=tuple(raw["definitions"]),
        notes=tuple(raw.get("notes", ())),
        file=Layout(**{key: tuple(value) if isinstance(value, list) else value for key, value in layout.items()}),
        folder=path.resolve().parent,
    )
    _check_ids(recipe, path.name)
    return recipe


def recipes_of(folder: Path) -> list[Recipe]:
    """The recipes of a study, by name."""
    return [load_recipe(file) for file in sorted((folder / RECIPES).glob(f"*{RECIPE}"))]


def _meaning(value: str | Mapping[str, Any]) -> Meaning:
    if isinstance(value, str):
        return Meaning(text=value)
    return Meaning(column=value["from"], names=dict(value.get("names", {})), on=value.get("on", "first"))


def _codes(codes: str | list[str]) -> tuple[str, ...]:
    return (codes,) if isinstance(codes, str) else tuple(codes)


def _inside(into: str, file: str) -> None:
    """The table lies in the data folder: no way up, no way elsewhere."""
    path = PurePosixPath(into)
    if path.is_absolute() or ".." in path.parts or "\\" in into or path.suffix != ".csv":
        raise StudyError(
            f"{file}: into is '{into}'; name a .csv file in the data folder of the study, such as 'population.csv'"
        )


def _check_ids(recipe: Recipe, file: str) -> None:
    known = [item["id"] for item in recipe.definitions]
    meaning = recipe.columns["definition"]
    used = [meaning.text] if meaning.text else list(meaning.names.values())
    unknown = [name for name in used if name not in known]
    if unknown or not used:
        raise StudyError(
            f"{file}: the column definition uses {', '.join(unknown) or 'no names'}; the definitions are {', '.join(known)}"
        )
