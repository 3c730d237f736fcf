"""Which code and which made-up figures a record was made with, narrowly: what cannot change a number does not count."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from gvi_eval.hashing import PACKAGE
from gvi_eval.panel import Panel

NAMESPACE = "gvi_eval.estimators"
SHARED = ("effect", "intervals", "panel", "windows")  # of which only what an estimator reaches counts


@cache
def estimator_hash(name: str, package: Path = PACKAGE, more: tuple[str, ...] = ()) -> str:
    """The sha256 of the program that an estimator can reach, and with it that of ``more`` files of the package.

    That is its module and every module of `gvi_eval.estimators` imported from there, whole; and of the modules `SHARED`
    the functions, classes and constants that these name, and those that they name in turn. A class counts with its fields
    and special methods, and with the methods whose name occurs as an attribute anywhere in the program. Names decide, so
    too much may count and nothing that is called by its name is left out. Comments, docstrings and layout do not count,
    because they cannot move a number.
    """
    reached = reached_program(name, package, more)
    listing = "".join(f"{sha256(repr(part).encode()).hexdigest()}  {place}\n" for place, part in sorted(reached.items()))
    return sha256(listing.encode()).hexdigest()


def reached_program(name: str, package: Path = PACKAGE, more: tuple[str, ...] = ()) -> dict[str, object]:
    """What an estimator and ``more`` files can reach, by place such as `panel.Panel.observations`, as nested tuples."""
    whole = {file: _tree(file) for file in estimator_files(name, package, more)}
    program = _Program({module: _Module(_tree(package / f"{module}.py")) for module in SHARED})
    for tree in whole.values():
        program.use(tree, None)
    program.settle()
    found = {file.relative_to(package).as_posix(): _program(tree) for file, tree in whole.items()}
    return found | {place: _program(node) for place, node in program.reached.items()}


def estimator_files(name: str, package: Path = PACKAGE, more: tuple[str, ...] = ()) -> set[Path]:
    """The module of an estimator, ``more`` files, and every module of `gvi_eval.estimators` that is imported anywhere in them."""
    folder = package / "estimators"
    found, waiting = set(), {folder / f"{name}.py", *(package / file for file in more)}
    while waiting:
        file = waiting.pop()
        found.add(file)
        imported = {folder / f"{module}.py" for module in _imports(_tree(file), NAMESPACE)}
        waiting |= {other for other in imported if other.is_file()} - found
    return found


def figures_hash(panel: Panel) -> str:
    """The sha256 of what an estimator is given: of each unit the figures, the periods that each covers and exposure; start."""
    _, onset = panel.sole_treated
    arrays = b""
    for unit in panel.values.columns:
        counts, matrix = panel.observations(unit)
        exposure = panel.exposure[unit].to_numpy(dtype=float)
        arrays += b"".join((np.round(part, 9) + 0.0).astype("<f8").tobytes() for part in (counts, matrix, exposure))
    return sha256(f"{panel.periods[0]} {panel.periods[-1]} {onset} ".encode() + arrays).hexdigest()


class _Module:
    """What a module defines at its top: nodes by name, what each import stands for, and what runs whoever asks."""

    def __init__(self, tree: ast.Module) -> None:
        self.defined: dict[str, list[ast.stmt]] = {}
        self.always: list[ast.stmt] = []
        for node in _statements(tree):
            names = list(_bound(node))
            for name in names:
                self.defined.setdefault(name, []).append(node)
            if not names and not _is_text_alone(node):
                self.always.append(node)


@dataclass
class _Program:
    """The reached parts of the shared modules, by place, and every attribute that the program names."""

    modules: dict[str, _Module]
    reached: dict[str, ast.AST] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)

    def use(self, node: ast.AST, module: str | None) -> None:
        """Follow everything that a node names; ``module`` is the shared module it stands in, if it is in one."""
        names, attributes = _named(node)
        self.attributes |= attributes
        for other, name in _shared_imports(node):
            self.reach(other, name)
        if module:
            for name in names:
                self.reach(module, name)

    def reach(self, module: str, name: str | None) -> None:
        """A name of a shared module, or all of them where the module itself was imported."""
        own = self.modules[module]
        for each in own.defined if name is None else (name,):
            for number, node in enumerate(own.defined.get(each, ())):
                self._add(f"{module}.{each} {number}", node, module)
        for number, node in enumerate(own.always):
            self._add(f"{module} {number}", node, module)

    def settle(self) -> None:
        """Methods are reached by attributes and name more of them, until nothing is new."""
        size = -1
        while size != len(self.reached):
            size = len(self.reached)
            for place, node in list(self.classes.items()):
                for method in _methods(node):
                    if method.name in self.attributes:
                        self._add(f"{place}.{method.name}", method, place.split(".")[0])

    def _add(self, place: str, node: ast.AST, module: str) -> None:
        if place in self.reached:
            return
        if isinstance(node, ast.ClassDef):
            self.classes[place] = node
            node = _without_methods(node)
        self.reached[place] = node
        self.use(node, module)


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """The methods that only a call by name can reach; special ones belong to the class."""
    functions = (part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef))
    return (part for part in functions if not (part.name.startswith("__") and part.name.endswith("__")))


def _without_methods(node: ast.ClassDef) -> ast.ClassDef:
    left_out = set(map(id, _methods(node)))
    body = [part for part in node.body if id(part) not in left_out]
    return ast.ClassDef(node.name, node.bases, node.keywords, body, node.decorator_list)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements at the top of a module, an import of several names as several imports."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (ast.ImportFrom(node.module, [alias], node.level) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (ast.Import([alias]) for alias in node.names)
        else:
            yield node


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top of a module gives a meaning."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
    elif hasattr(node, "body"):  # if and try at the top
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _bound(inner)


def _named(node: ast.AST) -> tuple[set[str], set[str]]:
    """Names and attributes anywhere in a node, those inside quoted annotations and in `getattr` by text included."""
    names, attributes = set(), set()
    for part in _walk(node):
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Attribute):
            attributes.add(part.attr)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) < 100:
            quoted = _expression(part.value)
            for inner in ast.walk(quoted) if quoted else ():
                if isinstance(inner, ast.Name):
                    names.add(inner.id)
                    attributes.add(inner.id)
                elif isinstance(inner, ast.Attribute):
                    attributes.add(inner.attr)
    return names, attributes


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """The node and everything in it but docstrings, whose words are not names."""
    yield node
    for part in ast.iter_child_nodes(node):
        if not _is_text_alone(part):
            yield from _walk(part)


def _expression(text: str) -> ast.AST | None:
    try:
        return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return None


def _shared_imports(node: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Modules of `SHARED` and the names that are imported from them; None for the module itself."""
    for part in ast.walk(node):
        if isinstance(part, ast.ImportFrom) and part.module == "gvi_eval":
            yield from ((alias.name, None) for alias in part.names if alias.name in SHARED)
        elif isinstance(part, ast.ImportFrom) and (part.module or "").removeprefix("gvi_eval.") in SHARED:
            module = part.module.removeprefix("gvi_eval.")
            yield from ((module, None if alias.name == "*" else alias.name) for alias in part.names)
        elif isinstance(part, ast.Import):
            modules = (alias.name.removeprefix("gvi_eval.") for alias in part.names if alias.name.startswith("gvi_eval."))
            yield from ((module, None) for module in modules if module in SHARED)


def _imports(tree: ast.Module, namespace: str) -> set[str]:
    """The modules of a namespace named in imports, those inside functions included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == namespace:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{namespace}."):
            found.add(node.module.removeprefix(f"{namespace}."))
        elif isinstance(node, ast.Import):
            own = (alias.name for alias in node.names if alias.name.startswith(f"{namespace}."))
            found |= {module.removeprefix(f"{namespace}.") for module in own}
    return found


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _program(part: object) -> object:
    """A syntax tree as nested tuples that are the same on every Python: no docstrings, no empty fields."""
    if isinstance(part, ast.AST):
        fields = ((name, _program(value)) for name, value in ast.iter_fields(part) if value is not None and value != [])
        return (type(part).__name__, *fields)
    if isinstance(part, Iterable) and not isinstance(part, str | bytes):
        return tuple(_program(item) for item in part if not _is_text_alone(item))
    return repr(part)


def _is_text_alone(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
