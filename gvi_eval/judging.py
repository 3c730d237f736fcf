"""Every place where a table breaks its schema, found piece by piece, so that a table of any length is judged in little memory.

A table is judged as the text that stands in the file, each distinct text of a column once in a piece.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, compress
from typing import Any, Protocol

from gvi_eval.schema import (
    SIGNS,
    AnyFilled,
    Fault,
    Field,
    ForeignKey,
    References,
    Rule,
    Schema,
    TextTable,
    Violation,
    closest,
)

Read = Callable[[], Iterable[TextTable]]


def violations(table: TextTable, schema: Schema, references: References | None = None) -> list[Violation]:
    """Every place where the table breaks the schema, in the order of the file.

    `references` holds the tables that foreign keys point to. A foreign key whose table is not given is
    itself reported, because a key that could not be checked did not pass.
    """
    return violations_of(lambda: (table,), schema, references)


def violations_of(read: Read, schema: Schema, references: References | None = None) -> list[Violation]:
    """The same of a table that is read in pieces, each with the header; the pieces of one reading are never held together.

    `read` begins at the start each time it is called: once, and again where a key may be repeated or points into its own
    table. Of the rows that went by, nothing is kept but eight bytes for each key that may not be repeated.
    """
    header: tuple[str, ...] = ()
    judges: list[_Judge] = []
    found: list[list[Violation]] = []
    for columns in map(_Columns, read()):
        if not judges:
            header, judges = columns.table.header, _judges(schema, columns, references or {})
            found = [list(_header_faults(columns.table, schema)), *([] for _ in judges)]
        for own, judge in zip(found[1:], judges, strict=True):
            own += judge.see(columns)
    waiting = [(own, judge) for own, judge in zip(found[1:], judges, strict=True) if judge.is_open()]
    for columns in map(_Columns, read()) if waiting else ():
        for own, judge in waiting:
            own += judge.again(columns)
    places = {name: place for place, name in enumerate(header)}
    return sorted(chain(*found), key=lambda one: (one.line or 0, places.get((one.column or "").split(", ")[0], -1)))


class _Judge(Protocol):
    """One rule, shown the pieces of a table in order, and all of them again where it says so."""

    def see(self, columns: "_Columns") -> Iterable[Violation]: ...
    def is_open(self) -> bool: ...
    def again(self, columns: "_Columns") -> Iterable[Violation]: ...


def _judges(schema: Schema, columns: "_Columns", references: References) -> list[_Judge]:
    """What is asked of the columns that are there, in the order in which it is said of one cell."""
    there = set(columns.texts)
    present = [field for field in schema.fields if field.name in there]
    judges: list[_Judge] = [_AtOnce(_row_faults), *(_AtOnce(partial(_cell_faults, field=field)) for field in present)]
    if schema.primary_key and set(schema.primary_key) <= there:
        judges.append(_Repeated(schema.primary_key, "primary key"))
    judges += [
        _Repeated((field.name,), "unique column") for field in present if field.unique and (field.name,) != schema.primary_key
    ]
    judges += [_Dangling(key, columns, references) for key in schema.foreign_keys if set(key.fields) <= there]
    rules = [rule for rule in schema.rules if set(rule.fields) <= there]
    return [*judges, *(_AtOnce(partial(_broken_rule, schema=schema, rule=rule)) for rule in rules)]


class _AtOnce:
    """A rule within a row: each piece is judged when it is seen."""

    def __init__(self, judge: Callable[["_Columns"], Iterable[Violation]]) -> None:
        self.see = judge

    def is_open(self) -> bool:
        return False

    def again(self, columns: "_Columns") -> Iterable[Violation]:
        return ()


class _Repeated:
    """A key that no two rows may share: hashes are kept, and where two are alike the rows are read again and compared."""

    def __init__(self, key: tuple[str, ...], kind: str) -> None:
        self.key, self.kind = key, kind
        self.hashes = array("q")
        self.alike: set[int] = set()
        self.first: dict[tuple[str, ...], int] = {}

    def see(self, columns: "_Columns") -> Iterable[Violation]:
        self.hashes.extend(hash(values) for values in _tuples(columns.texts, self.key) if any(values))
        return ()

    def is_open(self) -> bool:
        import numpy as np

        kept = np.sort(np.frombuffer(self.hashes, dtype=np.int64)) if self.hashes else np.empty(0, dtype=np.int64)
        self.hashes = array("q")
        self.alike = set(kept[1:][kept[1:] == kept[:-1]].tolist())
        return bool(self.alike)

    def again(self, columns: "_Columns") -> Iterator[Violation]:
        for place, values in enumerate(_tuples(columns.texts, self.key)):
            if hash(values) not in self.alike or not any(values):
                continue
            line = self.first.setdefault(values, columns.lines[place])
            if line != columns.lines[place]:
                fault = Fault(f"repeats the {self.kind} of line {line}", "keep one of the two rows, or tell them apart")
                yield columns.violation(place, ", ".join(self.key), ", ".join(values), fault)


class _Dangling:
    """A key whose values must occur in another table, or in this one, which is then read a second time."""

    def __init__(self, key: ForeignKey, columns: "_Columns", references: References) -> None:
        self.key, self.other = key, key.resource or "the same table"
        self.is_own = key.resource == ""
        table = columns.texts if self.is_own else references.get(key.resource)
        self.is_given = table is not None and set(key.reference_fields) <= set(table)
        self.is_said = False
        self.known = set(_tuples(table, key.reference_fields)) if self.is_given and not self.is_own else set()
        self.ways: dict[tuple[str, ...], str] = {}

    def see(self, columns: "_Columns") -> Iterable[Violation]:
        if not self.is_given:
            return self._missing(columns)
        if self.is_own:
            self.known.update(_tuples(columns.texts, self.key.reference_fields))
            return ()
        return self.again(columns)

    def is_open(self) -> bool:
        return self.is_given and self.is_own

    def again(self, columns: "_Columns") -> Iterator[Violation]:
        for values in dict.fromkeys(_tuples(columns.texts, self.key.fields)):
            if all(values) and values not in self.known and values not in self.ways:
                self.ways[values] = _way_to_key(values, self.known, self.other)
        for place, values in enumerate(_tuples(columns.texts, self.key.fields)) if self.ways else ():
            if values in self.ways:
                rule = f"does not occur in column '{', '.join(self.key.reference_fields)}' of table '{self.other}'"
                fault = Fault(rule, self.ways[values])
                yield columns.violation(place, ", ".join(self.key.fields), ", ".join(values), fault)

    def _missing(self, columns: "_Columns") -> Iterator[Violation]:
        if not self.is_said:
            self.is_said = True
            asked = f"column '{', '.join(self.key.reference_fields)}' of table '{self.other}'"
            remedy = f"put {self.other}.csv with these columns beside the file, or list it in the data package"
            rule = f"the key could not be checked against {asked}"
            yield Violation(columns.file, None, ", ".join(self.key.fields), None, rule, remedy)


class _Columns:
    """The sound rows of a table by column: rows that are blank or of another width cannot be."""

    def __init__(self, table: TextTable) -> None:
        width = len(table.header)
        sound = [len(row) == width and any(row) for row in table.rows]
        rows = table.rows if all(sound) else list(compress(table.rows, sound))
        cells = list(zip(*rows, strict=True)) or [()] * width
        self.table, self.file = table, table.file
        self.lines = table.lines if all(sound) else list(compress(table.lines, sound))
        self.texts: dict[str, Sequence[str]] = {}
        for name, column in zip(table.header, cells, strict=True):
            self.texts.setdefault(name, column)

    def violation(self, place: int, column: str, value: str, fault: Fault) -> Violation:
        return Violation(self.file, self.lines[place], column, value, *fault)


def _header_faults(table: TextTable, schema: Schema) -> Iterator[Violation]:
    def fault(column: str | None, rule: str, remedy: str) -> Violation:
        return Violation(table.file, 1, column, None, rule, remedy)

    known = schema.names
    for column in known:
        if column not in table.header:
            yield fault(column, "the column is missing", f"add it, as schema '{schema.name}' asks")
    for place, column in enumerate(table.header, start=1):
        if not column:
            yield fault(None, f"column {place} has no name", "name it in the first line")
        elif column not in known:
            way = closest(column, known) or "take it out or name another schema"
            yield fault(column, f"schema '{schema.name}' has no such column", way)
    for column in dict.fromkeys(name for name in table.header if name and table.header.count(name) > 1):
        yield fault(column, "the column occurs more than once", "keep one of them")
    in_file = list(dict.fromkeys(name for name in table.header if name in known))
    in_schema = [name for name in known if name in table.header]
    if in_file != in_schema:
        yield fault(None, f"the columns are out of order: {', '.join(in_file)}", f"put them as {', '.join(in_schema)}")


def _row_faults(columns: _Columns) -> Iterator[Violation]:
    table, width = columns.table, len(columns.table.header)
    if len(columns.lines) == len(table.rows):
        return
    for line, row in zip(table.lines, table.rows, strict=True):
        if not any(row):
            yield Violation(table.file, line, None, None, "the row is blank", "take the line out")
        elif len(row) != width:
            rule = f"the row has {len(row)} cells where the header has {width}"
            remedy = (
                "put quotes around a cell that holds a comma, and write decimals with a point"
                if len(row) > width
                else "add the missing cells, blank where no figure was published"
            )
            yield Violation(table.file, line, None, None, rule, remedy)


def _cell_faults(columns: _Columns, field: Field) -> Iterator[Violation]:
    texts = columns.texts[field.name]
    judged = {text: faults for text in dict.fromkeys(texts) if (faults := field.faults(text))}
    if judged:
        for place, text in enumerate(texts):
            for fault in judged.get(text, ()):
                yield columns.violation(place, field.name, text, fault)


def _broken_rule(columns: _Columns, schema: Schema, rule: Rule) -> Iterator[Violation]:
    texts = [columns.texts[name] for name in rule.fields]
    if isinstance(rule, AnyFilled):
        for place, cells in enumerate(zip(*texts, strict=True)):
            if not any(cells):
                fault = Fault(f"breaks the rule '{rule}': all of them are blank", "fill at least one of them")
                yield columns.violation(place, rule.fields[0], "", fault)
        return
    keeps = SIGNS[rule.sign]
    left, right = (_values(schema, name, column) for name, column in zip(rule.fields, texts, strict=True))
    for place, (one, other) in enumerate(zip(left, right, strict=True)):
        if one is not None and other is not None and not keeps(one, other):
            fault = Fault(f"breaks the rule '{rule}' where {rule.right} is {texts[1][place]!r}", "correct one of the two")
            yield columns.violation(place, rule.left, texts[0][place], fault)


def _values(schema: Schema, name: str, column: Sequence[str]) -> list[Any]:
    field = schema.fields[schema.names.index(name)]
    cast = {text: field.cast(text) for text in set(column)}
    return [cast[text] for text in column]


def _tuples(table: Mapping[str, Sequence[str]], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(table[name] for name in names), strict=True)


def _way_to_key(values: tuple[str, ...], known: set[tuple[str, ...]], other: str) -> str:
    near = closest(", ".join(values), [", ".join(one) for one in sorted(known)])
    return near or f"correct it, or add it to {other}"
