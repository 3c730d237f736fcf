"""Modules import only from the layers before their own."""

import ast
import shutil
import tomllib
from pathlib import Path

from gvi_eval.hashing import PACKAGE

LAYERS = (
    {"errors", "resources", "hashing", "writing", "executor", "threads", "cluster", "workbook", "screening"},
    {"intervals", "declared"},
    {"study"},
    {"choices", "schema", "judging", "plain_csv", "privacy", "disclosure", "tables", "windows", "sources"},
    {"indicators"},
    {"readings"},
    {"panel"},
    {"containment", "missing_series", "lock"},
    {"assembly"},
    {"effect"},
    {"estimators"},
    {"inference"},
    {"sensitivity"},
    {"diagnostics", "kernels"},
    {"pooling"},
    {"claims", "checklists"},
    {"figures"},
    {"results"},
    {"comparisons"},
    {"result_tables", "recompute"},
    {"report"},
    {"summary", "publish", "plan", "coverage", "run", "verify", "curve", "waiting", "scaffold", "environment", "citing"},
    {"monitoring"},
    {"synthesis"},
    {"verbs"},
    {"cli"},
    {"__main__"},
)
FORBIDDEN = {
    "figures": {"estimators", "inference"},
    "report": {"estimators", "inference"},
    "indicators": {"effect"},
    "readings": {"effect"},
    "monitoring": {"effect"},
}
PLACE = {name: place for place, layer in enumerate(LAYERS) for name in layer}


def imports(file: Path) -> set[str]:
    """The parts of gvi_eval that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" if node.module == "gvi_eval" else node.module for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = []
        found |= {name.split(".")[1] for name in names if name.startswith("gvi_eval.")}
    return found - {"__version__"}


def violations(package: Path) -> list[str]:
    """Sentences on every import that goes against the layers."""
    found = []
    for file in sorted(package.rglob("*.py")):
        own = file.relative_to(package).with_suffix("").parts[0]
        if own == "__init__":
            continue
        for other in sorted(imports(file) - {own}):
            where = f"{file.relative_to(package).as_posix()} imports {other}"
            if own not in PLACE or other not in PLACE:
                found.append(f"{where}, and {own if own not in PLACE else other} has no layer")
            elif PLACE[other] > PLACE[own] or other in FORBIDDEN.get(own, ()):
                found.append(where)
    return found


def relative_imports(package: Path) -> list[str]:
    return [
        file.name
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def planted(tmp_path: Path, file: str, line: str) -> list[str]:
    copy = tmp_path / "gvi_eval"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / file).write_text(f"{line}\n", encoding="utf-8")
    return [sentence for sentence in violations(copy) if sentence.startswith(f"{file} ")]


def test_no_module_imports_from_a_later_layer():
    assert violations(PACKAGE) == []


def test_imports_are_written_in_full():
    assert relative_imports(PACKAGE) == []


def test_an_import_from_a_later_layer_is_caught(tmp_path):
    assert planted(tmp_path, "panel.py", "from gvi_eval.effect import Effect") == ["panel.py imports effect"]


def test_a_figure_that_estimates_is_caught_even_inside_a_function(tmp_path):
    line = "def draw():\n    from gvi_eval.estimators.segmented import Segmented"
    assert planted(tmp_path, "figures/sneaky.py", line) == ["figures/sneaky.py imports estimators"]


def test_an_indicator_that_speaks_of_effects_is_caught(tmp_path):
    assert planted(tmp_path, "indicators.py", "from gvi_eval import effect") == ["indicators.py imports effect"]


def test_a_module_without_a_layer_is_caught(tmp_path):
    assert planted(tmp_path, "utils.py", "import gvi_eval.errors") == ["utils.py imports errors, and utils has no layer"]


def test_every_folder_of_the_package_goes_into_the_wheel():
    listed = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {file.parent.relative_to(PACKAGE.parent).as_posix().replace("/", ".") for file in PACKAGE.rglob("*.py")}
    assert folders <= set(listed)
