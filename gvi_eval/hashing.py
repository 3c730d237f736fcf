"""Fingerprints: of a file, of a set of settings, and of the code that made a result."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from gvi_eval.errors import DataError

PACKAGE = Path(__file__).resolve().parent


def file_hash(path: Path | str) -> str:
    """The sha256 of a file's bytes, as `sha256sum` prints it."""
    with open(path, "rb") as stream:
        digest = sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def settings_hash(settings: Any) -> str:
    """The sha256 of settings in canonical JSON, so that their order or container does not matter."""
    return sha256(canonical_json(settings).encode()).hexdigest()


def canonical_json(settings: Any) -> str:
    """One text for one meaning: sorted keys, no spaces, dates in ISO form, floats as `repr` writes them."""
    return json.dumps(_plain(settings, "settings"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def code_hash(package: Path = PACKAGE) -> str:
    """One sha256 over the package's Python files and, in a checkout, the lock.

    It is the hash of a listing as `sha256sum` writes it, one line a file, sorted by path relative to the
    folder that holds the package, so that anybody can recompute it in a shell.
    """
    root = package.parent
    sources = {path.relative_to(root).as_posix(): path for path in package.rglob("*.py")}
    lock = root / "requirements.lock"
    if lock.exists():
        sources[lock.name] = lock
    listing = "".join(f"{file_hash(sources[name])}  {name}\n" for name in sorted(sources))
    return sha256(listing.encode()).hexdigest()


def _plain(value: Any, place: str) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), f"{place}.{field.name}") for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{number}]") for number, item in enumerate(value)]
    raise DataError(
        f"{place} is {value!r} of type {type(value).__name__}, which has no canonical text; "
        "write it as text, a finite number, a date, a list or a mapping"
    )


def _key(key: Any, place: str) -> str:
    # JSON would write the keys 1 and "1" alike, and two different settings would share a hash.
    if isinstance(key, str):
        return key
    raise DataError(f"{place} has the key {key!r}, which is not text; write it in quotes")
