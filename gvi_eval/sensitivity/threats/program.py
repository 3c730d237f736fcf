"""Which program a threat's numbers go through, narrowly: what it names, what that names, and nothing beside it."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from gvi_eval.hashing import PACKAGE

HERE = "gvi_eval.sensitivity"
COMMON = ((f"{HERE}.threats.planting", "with_nulls"), (f"{HERE}.threats.planting", "redrawn"))


@cache
def program_hash(module: str, name: str, root: Path = PACKAGE.parent) -> str:
    """The sha256 of a class and of every function, class and constant that it reaches by name in the sensitivity package.

    Names decide: too much may count, and nothing that is called by its name is left out. Comments, docstrings and layout do
    not count, because they cannot move a number. Estimators and inference are held to records of their own.
    """
    waiting, reached = [(module, name), *COMMON], {}
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached[place], names = _defined(*place, root)
            waiting += names
    listing = "".join(f"{digest}  {'.'.join(place)}\n" for place, digest in sorted(reached.items()) if digest)
    return sha256(listing.encode()).hexdigest()


@cache
def _defined(module: str, name: str, root: Path) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The sha256 of what a module says of a name, empty where it says nothing, and the places of the names that this names."""
    nodes = [node for node in _tree(module, root).body if name in _bound(node)]
    imported = _imported(module, root)
    named = {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}
    digest = sha256(repr([_program(node) for node in nodes]).encode()).hexdigest() if nodes else ""
    return digest, tuple(imported.get(own, (module, own)) for own in sorted(named))


@cache
def _tree(module: str, root: Path) -> ast.Module:
    path = root.joinpath(*module.split("."))
    file = path.with_suffix(".py")
    return ast.parse((file if file.is_file() else path / "__init__.py").read_text(encoding="utf-8"))


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


@cache
def _imported(module: str, root: Path) -> dict[str, tuple[str, str]]:
    """Where names of this package's sensitivity part come from, by the name they have here."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(_tree(module, root))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(HERE)
        for alias in node.names
    }


def _program(part: object) -> object:
    """A syntax tree as nested tuples that are the same on every Python: no docstrings, no empty fields."""
    if isinstance(part, ast.AST):
        fields = ((name, _program(value)) for name, value in ast.iter_fields(part) if value is not None and value != [])
        return (type(part).__name__, *fields)
    if isinstance(part, list):
        return tuple(_program(item) for item in part if not _is_text_alone(item))
    return repr(part)


def _is_text_alone(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
