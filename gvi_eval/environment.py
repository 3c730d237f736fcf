"""The environment against the lock: which packages are installed, which should be, and what to do about it."""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.resources import CHECKOUT

PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(?:;(?P<marker>[^\\]*))?")
PYTHONS = ((3, 11), (3, 13))  # first and last


@dataclass(frozen=True)
class Difference:
    """A package that is not as the lock says; ``installed`` is None where it is missing."""

    package: str
    locked: str
    installed: str | None

    def __str__(self) -> str:
        if self.installed is None:
            return f"{self.package} {self.locked} is in the lock and not installed"
        return f"{self.package} is {self.installed}; the lock says {self.locked}"


@dataclass(frozen=True)
class Diagnosis:
    """What was compared, and every difference."""

    python: str
    python_fits: bool
    compared: int
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        return self.python_fits and not self.differences

    @property
    def advice(self) -> str:
        if not self.python_fits:
            return "install Python 3.11 to 3.13 and name it with 'make PYTHON=python3.11 reproduce'"
        return "'make clean reproduce' makes the environment anew from requirements.lock; results of another are not comparable"


def diagnose_environment(lock: Path | None = None, environment: Mapping[str, str] | None = None) -> Diagnosis:
    """Compare what is installed with the lock; ``environment`` takes the place of the running one's markers.

    Packages whose marker does not fit this Python or system are not asked for. Raises `DataError` where there is no lock.
    """
    from packaging.markers import InvalidMarker, Marker

    lock = lock or CHECKOUT / "requirements.lock"
    if not lock.is_file():
        raise DataError(f"{lock.name} is not here; 'doctor' compares a checkout with its lock: run it in one")
    differences, compared = [], 0
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.startswith((" ", "#")) or not (found := PINNED.match(line)):
            continue
        try:
            wanted = not (found["marker"] or "").strip() or Marker(found["marker"].strip()).evaluate(dict(environment or {}))
        except InvalidMarker:
            marker = found["marker"].strip()
            raise DataError(f"{lock.name} has the marker {marker!r}, which is not read; 'make lock' writes it") from None
        if not wanted:
            continue
        compared += 1
        installed = _installed(found["name"])
        if installed != found["version"]:
            differences.append(Difference(found["name"], found["version"], installed))
    if not compared:
        raise DataError(f"{lock.name} names no package; 'make lock' writes it anew")
    numbers = tuple(int(part) for part in platform.python_version_tuple()[:2])
    return Diagnosis(platform.python_version(), PYTHONS[0] <= numbers <= PYTHONS[1], compared, tuple(differences))


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
