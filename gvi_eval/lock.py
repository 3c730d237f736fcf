"""A plan that is locked before the figures are known, and field by field what was changed since."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gvi_eval.declared import read_declared
from gvi_eval.errors import DataError, StudyError
from gvi_eval.study import load_study
from gvi_eval.writing import json_bytes

LOCK = "plan.lock.json"
NOT_LOCKED = "written with the outcome known"
LEFT = "left out"


@dataclass(frozen=True)
class Deviation:
    """A field of the study file that is not as it was when the plan was locked; None where there is none."""

    field: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.field}: {_shown(self.before)} when locked, {_shown(self.now)} now"


def lock_study(file: Path, day: date) -> Path:
    """Write what the study file says into ``plan.lock.json`` beside it, with the day.

    Raises `StudyError` for a file that does not hold, and for a plan that is locked already and has been changed since: a
    second lock would hide that.
    """
    load_study(file)
    lock = file.parent / LOCK
    if lock.exists():
        changed = deviations(file)
        if not changed:
            return lock
        raise StudyError(
            f"{file.parent.name} was locked on {locked_on(file)} and {len(changed)} fields have changed since, the first "
            f"{changed[0]}; the lock stays, and runs list the changes. To plan anew, give the study another name"
        )
    lock.write_bytes(json_bytes({"locked": day.isoformat(), "study": read_declared(file, "study")}))
    return lock


def locked_on(file: Path) -> date | None:
    """The day on which the plan was locked, or None."""
    lock = file.parent / LOCK
    return date.fromisoformat(_read(lock)["locked"]) if lock.exists() else None


def deviations(file: Path) -> list[Deviation]:
    """What the study file says otherwise than when it was locked, in the order of the file; empty where there is no lock."""
    lock = file.parent / LOCK
    if not lock.exists():
        return []
    return list(_compared("", _read(lock)["study"], json.loads(json_bytes(read_declared(file, "study")))))


def planned(file: Path) -> str:
    """When the plan was made, in the sentence that stands in the manifest."""
    day = locked_on(file)
    if day is None:
        return NOT_LOCKED
    changed = deviations(file)
    if not changed:
        return f"locked on {day}, and not changed since"
    return f"locked on {day}; changed since: {'; '.join(map(str, changed))}"


def _read(lock: Path) -> dict[str, Any]:
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
        date.fromisoformat(found["locked"])
        return {"locked": found["locked"], "study": dict(found["study"])}
    except (ValueError, KeyError, TypeError) as fault:
        raise DataError(f"{lock.name} of {lock.parent.name} is not a lock ({fault}); restore it from the history") from None


def _compared(field: str, before: Any, now: Any) -> Iterator[Deviation]:
    """Differences of two documents; entries of a list that have a name are matched by it, others by their place."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            yield from _compared(f"{field}.{key}" if field else key, before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list):
        one, other = _named(before), _named(now)
        for key in dict.fromkeys((*one, *other)):
            yield from _compared(f"{field}[{key}]", one.get(key), other.get(key))
    elif before != now:
        yield Deviation(field, before, now)


def _named(items: list[Any]) -> dict[Any, Any]:
    if items and all(isinstance(item, Mapping) and "name" in item for item in items):
        return {f"'{item['name']}'": item for item in items}
    return dict(enumerate(items))


def _shown(value: Any) -> str:
    if value is None:
        return LEFT
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
