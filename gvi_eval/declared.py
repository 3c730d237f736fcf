"""Files that declare what is to be done (TOML), read and held to their JSON Schema before anything is done."""

import difflib
import json
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

from gvi_eval.errors import StudyError
from gvi_eval.resources import resource

DEEPEST = 50  # lists and tables within one another
DECIMAL_COMMA = re.compile(r"^[^#\"'\n=]+=\s*([+-]?\d+,\d+)\s*(?:#.*)?$", re.MULTILINE)


def read_declared(path: Path, kind: str) -> dict[str, Any]:
    """The content of a TOML file, with dates as ISO text; ``kind`` names its schema, such as 'study'.

    Raises `StudyError` for a file that is not there, is not UTF-8 or not TOML, and one that lists every violation of
    ``data_schemas/<kind>.schema.json``; nothing is guessed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = _plain(tomllib.loads(text))
        if _depth(document) > DEEPEST:  # the interpreter's own limit is set by whatever else is loaded
            raise RecursionError
    except FileNotFoundError:
        raise StudyError(f"there is no {kind} file '{path}'; give the name of a folder in analyses/ or a path") from None
    except UnicodeDecodeError as fault:
        raise StudyError(f"{path.name} is not UTF-8 (byte {fault.start}); save it as UTF-8") from None
    except ValueError as fault:  # not TOML, or a whole number of thousands of digits
        raise StudyError(f"{path.name} is not valid TOML: {fault}; correct that line{_comma(text)}") from None
    except RecursionError:
        raise StudyError(
            f"{path.name} nests lists or tables too deeply to be read; write it flat, as the examples are"
        ) from None
    _refuse_odd_values(document, path.name)
    _check_schema(document, path.name, kind)
    return document


def _depth(document: Any) -> int:
    """How many lists and tables stand within one another, counted level by level."""
    depth, level = 0, [document]
    while level := [
        inner
        for each in level
        if isinstance(each, dict | list)
        for inner in (each.values() if isinstance(each, dict) else each)
    ]:
        depth += 1
    return depth


def _comma(text: str) -> str:
    """The usual slip of a Nordic keyboard, where the text has one: -45,5 for -45.5."""
    found = DECIMAL_COMMA.search(text)
    if found is None:
        return ""
    line = text.count("\n", 0, found.start(1)) + 1
    return f"; line {line} writes {found[1]}, and TOML takes a decimal point: {found[1].replace(',', '.')}"


def _plain(value: Any) -> Any:
    """TOML dates as ISO text, so that one JSON Schema can describe the file."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date | time) else value


def _refuse_odd_values(document: dict[str, Any], file: str) -> None:
    """No file may hold what is no number, a whole number that would not be kept exactly, or a text that cannot be seen."""
    odd = [f"{file}: {_place(steps)} {fault}" for steps, value in _leaves(document) if (fault := _oddness(value))]
    if odd:
        raise StudyError("\n".join(odd))


def _oddness(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}; write a number that was published, or leave the key out"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "is a whole number of more than 63 bits; write a number that was published, or leave the key out"
    if isinstance(value, str):
        unseen = [sign for sign in value if unicodedata.category(sign) == "Cc" and sign not in "\n\t\r"]
        if unseen:
            return f"holds the control character U+{ord(unseen[0]):04X}, which cannot be seen; take it out"
        if value and not value.strip():
            return "is blank; write it out, or leave the key out"
    return None


def _leaves(value: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict | list):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*steps, step))
    else:
        yield steps, value


def _place(steps: Iterable[str | int]) -> str:
    """Where in a file something stands, such as quantities[0].window."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _check_schema(document: dict[str, Any], file: str, schema: str) -> None:
    from jsonschema import Draft202012Validator, FormatChecker

    asked = json.loads(resource(f"data_schemas/{schema}.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(asked, format_checker=FormatChecker(["date"]))
    faults = sorted(validator.iter_errors(document), key=lambda fault: [str(step) for step in fault.absolute_path])
    if faults:
        raise StudyError("\n".join(f"{file}: {_sentence(fault)}" for fault in faults))


def _sentence(fault: Any) -> str:
    """One schema fault as place, value found and way out."""
    place = _place(fault.absolute_path) or "the top level"
    if fault.validator == "additionalProperties":
        known = sorted(fault.schema.get("properties", {}))
        unknown = sorted(set(fault.instance) - set(known))
        hints = [difflib.get_close_matches(key, known, 1) for key in unknown]
        guesses = [f" (did you mean '{hint[0]}'?)" if hint else "" for hint in hints]
        asks = [f"'{key}'{guess}" for key, guess in zip(unknown, guesses, strict=True)]
        return f"{place} has the unknown key {', '.join(asks)}; known are {', '.join(known)}"
    if fault.validator == "required":
        missing = [key for key in fault.validator_value if key not in fault.instance]
        return f"{place} lacks {', '.join(repr(key) for key in missing)}; add it"
    if fault.validator == "enum":
        return f"{place} is {fault.instance!r}; choose one of {', '.join(map(repr, fault.validator_value))}"
    expected = fault.schema.get("description", f"{fault.validator} {fault.validator_value}")
    return f"{place} is {json.dumps(fault.instance, ensure_ascii=False)[:80]}; expected: {expected}"
