"""Importing the package and asking for help load nothing heavy."""

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import gvi_eval

HEAVY = {"pymc", "arviz", "matplotlib", "statsmodels", "seaborn", "linearmodels", "numba", "pandas", "scipy", "numpy"}


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after running the code."""
    ask = f"{code}\nimport sys; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import gvi_eval") == set()


def test_help_loads_nothing_heavy():
    asked = "from gvi_eval.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(asked) == set()


def test_a_study_is_loaded_without_drawing_or_sampling():
    assert loaded_by("import gvi_eval.run") <= {"numpy", "pandas", "scipy"}


def test_every_public_name_exists_and_is_not_a_module_in_disguise():
    for name in gvi_eval.__all__:
        assert not isinstance(getattr(gvi_eval, name), ModuleType), f"{name} is both a public name and a module"


def test_no_public_name_is_hidden_by_a_module_of_the_same_name():
    for name in gvi_eval._WHERE:
        try:
            import_module(f"gvi_eval.{name}")
        except ModuleNotFoundError:
            continue
        raise AssertionError(f"once gvi_eval.{name} is imported it hides the public name {name}")
