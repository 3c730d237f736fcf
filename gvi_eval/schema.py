"""What a table must look like, column by column and between the cells of a row.

A schema is a Table Schema file with one property of our own, `gvi:rules`, for what must hold between the
cells of a row. `judging` finds the places where a table does not keep it.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from gvi_eval.errors import DataError
from gvi_eval.privacy import masked
from gvi_eval.resources import resource

# A table of keys by the name that foreign keys call it: column name -> the texts in that column.
References = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Violation:
    """One place where a file breaks its schema, and what to do about it.

    `line` is the line in the file, `column` the column's name; either is None where the whole file or the
    whole row is meant. An identity number is never repeated, whatever the caller passed in.
    """

    file: str
    line: int | None
    column: str | None
    value: str | None
    rule: str
    remedy: str

    def __post_init__(self) -> None:
        for field in fields(self):
            text = getattr(self, field.name)
            if isinstance(text, str):
                object.__setattr__(self, field.name, masked(text))

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        column = "" if self.column is None else f", column '{self.column}'"
        subject = "" if self.value is None else f" {_quoted(self.value)}"
        return f"{self.file}{line}{column}:{subject} {self.rule}; {self.remedy}"


class Fault(NamedTuple):
    """What is wrong, before it is known where: the rule broken, in words, and the remedy."""

    rule: str
    remedy: str


@dataclass(frozen=True)
class TextTable:
    """A table as it stands in its file: text only, nothing dropped, each row with the line it starts on."""

    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Field:
    """What one column may hold. Bounds and enumerated values are of the column's own type."""

    name: str
    type: str
    description: str = ""
    required: bool = False
    unique: bool = False
    bounds: tuple[tuple[str, Any], ...] = ()
    enum: tuple[Any, ...] = ()
    pattern: str | None = None

    def cast(self, text: str) -> Any:
        """The value of a cell's text, or None where it is blank or not of this type."""
        return CASTS[self.type](text) if text else None

    def faults(self, text: str) -> list[Fault]:
        """Everything this cell breaks on its own, regardless of its row."""
        if not text:
            return [BLANK] if self.required else []
        value = self.cast(text)
        if value is None:
            return [Fault(f"is not {TYPES[self.type]}", _way_to_cast(self.type, text, self.required))]
        return list(self._broken_constraints(text, value))

    def _broken_constraints(self, text: str, value: Any) -> Iterator[Fault]:
        for bound, limit in self.bounds:
            keeps, words = BOUNDS[bound]
            if not keeps(value, limit):
                yield Fault(f"is {words} {limit}", "check the figure against its source")
        if self.enum and value not in self.enum:
            known = [str(item) for item in self.enum]
            yield Fault(f"is not one of {', '.join(known)}", closest(text, known) or "choose one of these")
        if self.pattern and not re.fullmatch(self.pattern, text):
            yield Fault(f"does not have the form {self.pattern}", "write it in that form")


@dataclass(frozen=True)
class ForeignKey:
    """Columns whose values must occur in another table; an empty resource means the same table."""

    fields: tuple[str, ...]
    resource: str
    reference_fields: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """A rule `left sign right` between two columns, for rows in which both hold a value."""

    left: str
    sign: str
    right: str

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.left, self.right)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@dataclass(frozen=True)
class AnyFilled:
    """A rule `any(a, b, ...)`: in each row at least one of these columns holds something."""

    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"any({', '.join(self.fields)})"


Rule = Comparison | AnyFilled


@dataclass(frozen=True)
class Schema:
    """The columns of a table in their order, its keys, and the rules within a row."""

    name: str
    fields: tuple[Field, ...]
    title: str = ""
    description: str = ""
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


def load_schema(name_or_path: str | Path) -> Schema:
    """The schema of a name such as 'counts', found among the packaged ones, or of a path to a JSON file.

    What the file asks for and this package would not check is a `DataError`, as is a rule that does not parse.
    """
    path = Path(name_or_path)
    if path.suffix != ".json":
        path = _packaged_schema(str(name_or_path))
    if not path.exists():
        raise DataError(f"there is no schema file {path.as_posix()}; give a path that exists or the name of a packaged schema")
    try:
        descriptor = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path.name} is not JSON ({error}); correct it there") from error
    if not isinstance(descriptor, dict):
        raise DataError(f"{path.name} holds a {type(descriptor).__name__}; a schema is a JSON object with 'fields'")
    return schema_from(descriptor, path.name)


def schema_from(descriptor: Mapping[str, Any], file: str) -> Schema:
    """A schema from the content of a schema file; `file` is what messages call it."""
    _refuse_unknown(descriptor, SCHEMA_KEYS, file)
    if descriptor.get("missingValues", [""]) != [""]:
        raise DataError(
            f'{file} takes {descriptor["missingValues"]} as missing; only the blank cell is, so write "missingValues": [""]'
        )
    columns = tuple(_field(raw, file) for raw in descriptor.get("fields", []))
    known = [column.name for column in columns]
    if not known or len(set(known)) < len(known):
        raise DataError(f"{file} names the fields {known}; give it at least one, each with a name of its own")
    key = _as_names(descriptor.get("primaryKey", []))
    foreign = tuple(_foreign_key(raw, file) for raw in descriptor.get("foreignKeys", []))
    _refuse_unknown_fields(key, known, f"{file}, primaryKey,")
    for one in foreign:
        _refuse_unknown_fields(one.fields, known, f"{file}, foreignKeys,")
    return Schema(
        name=descriptor.get("name") or file.removesuffix(".json").removesuffix(".schema"),
        # In a key of several columns a blank may be a part of the key, such as an open period.
        fields=tuple(replace(column, required=True) if (column.name,) == key else column for column in columns),
        title=descriptor.get("title", ""),
        description=descriptor.get("description", ""),
        primary_key=key,
        foreign_keys=foreign,
        rules=tuple(parse_rule(text, columns, file) for text in descriptor.get("gvi:rules", [])),
    )


def parse_rule(text: Any, columns: Sequence[Field], file: str) -> Rule:
    """A rule of `gvi:rules`: `a <= b` (or <, >, >=, ==, !=) or `any(a, b, ...)`, over the columns given."""
    known = {column.name: column for column in columns}
    comparison = re.fullmatch(r"\s*(\w+)\s*(<=|<|>=|>|==|!=)\s*(\w+)\s*", str(text))
    filled = re.fullmatch(r"\s*any\(\s*(\w+(?:\s*,\s*\w+)*)\s*\)\s*", str(text))
    if comparison:
        rule = Comparison(*comparison.groups())
    elif filled:
        rule = AnyFilled(tuple(re.split(r"\s*,\s*", filled[1])))
    else:
        raise DataError(f"{file} has the rule {text!r}, which does not parse; write 'a <= b' or 'any(a, b)' with column names")
    _refuse_unknown_fields(rule.fields, list(known), f"{file}, rule {text!r},")
    if comparison and _order(known[rule.left]) != _order(known[rule.right]):
        left, right = known[rule.left].type, known[rule.right].type
        raise DataError(f"{file} has the rule {text!r}, which compares {left} with {right}; compare columns of one type")
    return rule


def _field(raw: Mapping[str, Any], file: str) -> Field:
    where = f"{file}, field '{raw.get('name', '?')}',"
    _refuse_unknown(raw, FIELD_KEYS, where)
    name, kind, constraints = raw.get("name"), raw.get("type", "string"), dict(raw.get("constraints", {}))
    if not name or kind not in TYPES or raw.get("format", "default") != "default":
        shown = {key: raw.get(key) for key in ("name", "type", "format")}
        raise DataError(f"{where} has {shown}; give it a name, a type of {', '.join(TYPES)} and no format")
    _refuse_unknown(constraints, CONSTRAINT_KEYS, where)
    plain = Field(name, kind)
    try:
        re.compile(constraints.get("pattern", ""))
    except re.error as error:
        raise DataError(
            f"{where} has the pattern {constraints['pattern']!r}, which is not one ({error}); correct it"
        ) from error
    return replace(
        plain,
        description=raw.get("description", ""),
        required=constraints.get("required", False),
        unique=constraints.get("unique", False),
        bounds=tuple((bound, _limit(plain, constraints[bound], where)) for bound in BOUNDS if bound in constraints),
        enum=tuple(_limit(plain, value, where) for value in constraints.get("enum", [])),
        pattern=constraints.get("pattern"),
    )


def _limit(field: Field, raw: Any, where: str) -> Any:
    text = str(raw).lower() if isinstance(raw, bool) else str(raw)
    value = field.cast(text)
    if value is None:
        raise DataError(f"{where} is constrained by {raw!r}, which is not {TYPES[field.type]}; correct the constraint")
    return value


def _foreign_key(raw: Mapping[str, Any], file: str) -> ForeignKey:
    reference = raw.get("reference", {})
    key = ForeignKey(_as_names(raw.get("fields", [])), reference.get("resource", ""), _as_names(reference.get("fields", [])))
    if not key.fields or len(key.fields) != len(key.reference_fields):
        raise DataError(f"{file} has the foreign key {dict(raw)}; give it as many fields as reference fields, at least one")
    return key


def _as_names(raw: str | Sequence[str]) -> tuple[str, ...]:
    return (raw,) if isinstance(raw, str) else tuple(raw)


def _packaged_schema(name: str) -> Path:
    folder = resource("data_schemas")
    names = sorted(path.name.removesuffix(".schema.json") for path in folder.glob("*.schema.json"))
    if name not in names:
        way = closest(name, names) or f"the schemas are {', '.join(names)}"
        raise DataError(f"there is no schema '{name}'; {way}")
    return folder / f"{name}.schema.json"


def _refuse_unknown(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in given:
        if key not in known:
            way = closest(key, known) or f"known are {', '.join(known)}"
            raise DataError(f"{where} has the property {key!r}, which would not be checked; {way}")


def _refuse_unknown_fields(names: Sequence[str], known: Sequence[str], where: str) -> None:
    for name in names:
        if name not in known:
            raise DataError(f"{where} names the field '{name}'; {closest(name, known) or 'known are ' + ', '.join(known)}")


def closest(text: str, known: Sequence[str]) -> str | None:
    near = get_close_matches(text, known, n=1, cutoff=0.6)
    return f"'{near[0]}' may be meant" if near else None


def _way_to_cast(kind: str, text: str, required: bool) -> str:
    if text != text.strip():
        return "take out the space around it"
    if text.strip(".-\u2013\u2026").upper() in ("", "NA", "N/A", "NAN", "NONE", "NULL"):
        absent = "leave out the row" if required else "leave the cell blank"
        return f"{absent} where no figure was published; a gap is not a zero"
    if kind in ("integer", "number") and SUPPRESSED.fullmatch(text):
        absent = "leave out the row" if required else "leave the cell blank"
        return f"a figure that was held back is neither zero nor a number: {absent}, and say so in its origin record"
    if kind == "date":
        other = "; a recipe and 'gvi-eval import' read days, months and quarters as others write them"
        return f"write a day that exists as YYYY-MM-DD{'' if DAY.fullmatch(text) else other}"
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,3}([ ,.'\u00a0\u202f][0-9]{3})+", text):
        return "write it without thousands separators"
    if kind == "integer" and (whole := re.fullmatch(r"(-?[0-9]+)[.,]0+", text)):
        return f"write it without decimals, as {whole[1]}"
    if kind == "number" and re.fullmatch(r"-?[0-9]+,[0-9]+", text):
        return "write it with a decimal point and without thousands separators"
    if kind == "integer" and _cast_number(text.replace(",", ".")) is not None:
        return "a count has no decimals, so check it against its source"
    return "check it against its source"


def _quoted(value: str) -> str:
    if not value:
        return "a blank cell"
    return repr(value if len(value) <= 80 else value[:77] + "...")


def _order(field: Field) -> str:
    return "number" if field.type in ("integer", "number", "year") else field.type


def _cast_integer(text: str) -> int | None:
    value = int(text) if INTEGER.fullmatch(text) else None
    # Beyond this a column of whole numbers could not hold the figure exactly.
    return value if value is not None and -(2**63) <= value < 2**63 else None


def _cast_number(text: str) -> float | None:
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def _cast_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None


def _cast_year(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{4}", text) else None


# Leading zeros are refused: such a figure is a code, and a code is text.
INTEGER = re.compile(r"0|-?[1-9][0-9]*")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CASTS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _cast_integer,
    "number": _cast_number,
    "date": _cast_date,
    "boolean": {
        "true": True,
        "True": True,
        "TRUE": True,
        "1": True,
        "false": False,
        "False": False,
        "FALSE": False,
        "0": False,
    }.get,
    "year": _cast_year,
}
TYPES = {
    "string": "text",
    "integer": "a whole number in plain digits",
    "number": "a number in plain digits with a decimal point",
    "date": "a day of the calendar",
    "boolean": "true or false",
    "year": "a year of four digits",
}
BOUNDS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (operator.ge, "less than the minimum of"),
    "maximum": (operator.le, "more than the maximum of"),
    "exclusiveMinimum": (operator.gt, "not more than"),
    "exclusiveMaximum": (operator.lt, "not less than"),
}
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
BLANK = Fault("is not allowed here", "fill it in, or take the row out if no figure was published")
SCHEMA_KEYS = ("$schema", "name", "title", "description", "fields", "primaryKey", "foreignKeys", "missingValues", "gvi:rules")
FIELD_KEYS = ("name", "type", "format", "title", "description", "example", "constraints")
SUPPRESSED = re.compile(r"[<≤]\s*[0-9]+|[0-9]+\s*-\s*[0-9]+|[*:#xX]|\.\.+")  # as offices mark a small count that is held back
CONSTRAINT_KEYS = ("required", "unique", *BOUNDS, "enum", "pattern")
