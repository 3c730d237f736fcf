"""Which code and which made-up figures a record was made with, narrowly: what cannot change a number does not count."""

import ast
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from gvi_eval.hashing import PACKAGE
from gvi_eval.panel import Panel

SHARED = ("effect.py", "panel.py")
NAMESPACE = "gvi_eval.estimators"


@cache
def estimator_hash(name: str, package: Path = PACKAGE) -> str:
    """The sha256 of the program of an estimator: its file, what that imports in `gvi_eval.estimators`, effect.py, panel.py.

    Comments, docstrings and layout do not count, because they cannot move a number.
    """
    files = sorted([*estimator_files(name, package), *(package / shared for shared in SHARED)])
    listing = "".join(f"{_program_hash(file)}  {file.relative_to(package).as_posix()}\n" for file in files)
    return sha256(listing.encode()).hexdigest()


def estimator_files(name: str, package: Path = PACKAGE) -> set[Path]:
    """The module of an estimator and, through it, every module of `gvi_eval.estimators` that is imported anywhere in them."""
    folder = package / "estimators"
    found, waiting = set(), {folder / f"{name}.py"}
    while waiting:
        file = waiting.pop()
        found.add(file)
        imported = {folder / f"{module}.py" for module in _imports(ast.parse(file.read_text(encoding="utf-8")))}
        waiting |= {other for other in imported if other.is_file()} - found
    return found


def figures_hash(panel: Panel) -> str:
    """The sha256 of what an estimator is given: figures, the periods that each covers, exposure and start."""
    unit, onset = panel.sole_treated
    counts, matrix = panel.observations(unit)
    exposure = panel.exposure[unit].to_numpy(dtype=float)
    arrays = b"".join((np.round(part, 9) + 0.0).astype("<f8").tobytes() for part in (counts, matrix, exposure))
    return sha256(f"{panel.periods[0]} {panel.periods[-1]} {onset} ".encode() + arrays).hexdigest()


def _imports(tree: ast.Module) -> set[str]:
    """The modules of `gvi_eval.estimators` named in imports, those inside functions included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == NAMESPACE:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{NAMESPACE}."):
            found.add(node.module.removeprefix(f"{NAMESPACE}."))
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix(f"{NAMESPACE}.") for alias in node.names if alias.name.startswith(f"{NAMESPACE}.")
            }
    return found


def _program_hash(file: Path) -> str:
    return sha256(repr(_program(ast.parse(file.read_text(encoding="utf-8")))).encode()).hexdigest()


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
