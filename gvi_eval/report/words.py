"""The sentences of a report in three languages: templates without a digit, filled with what was looked up."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gvi_eval.errors import DataError
from gvi_eval.report.document import Inline, Line
from gvi_eval.report.numbers import LANGUAGES
from gvi_eval.resources import resource

PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, eq=False)
class Words:
    """The templates of one language, by group and name."""

    language: str
    groups: Mapping[str, Mapping[str, str]]

    def template(self, name: str) -> str:
        """A template by group.name; raises `DataError` for one that the language lacks."""
        group, _, key = name.partition(".")
        try:
            return self.groups[group][key]
        except KeyError:
            raise DataError(f"words/{self.language}.toml has no '{name}'; add it in {', '.join(LANGUAGES)}") from None

    def say(self, template: str, /, **parts: Inline | Line) -> Line:
        """A template with every {place} filled; what fills it stays the value it is, with the row it came from."""
        pieces = PLACE.split(self.template(template))
        line: list[Inline] = []
        for number, piece in enumerate(pieces):
            if number % 2 == 0:
                line += [piece] if piece else []
                continue
            if piece not in parts:
                raise DataError(f"words/{self.language}.toml, '{template}': nothing was given for {{{piece}}}")
            part = parts[piece]
            line += part if isinstance(part, tuple) else (part,)
        return tuple(line)

    def text(self, template: str, /, **parts: str) -> str:
        """The same as plain text, for headings and captions."""
        return "".join(map(str, self.say(template, **parts)))

    def term(self, group: str, key: str) -> str:
        """A word of the programme, such as the state of a threat; as it stands where it has no translation."""
        return self.groups.get(group, {}).get(key, key)


@cache
def words_of(language: str) -> Words:
    if language not in LANGUAGES:
        raise DataError(f"reports are written in {', '.join(LANGUAGES)}, not in '{language}'")
    text = resource(f"report/words/{language}.toml").read_text(encoding="utf-8")
    return Words(language, tomllib.loads(text))


@cache
def references() -> Mapping[str, Any]:
    """The works that methods are cited by, by a short name."""
    return tomllib.loads(resource("report/references.toml").read_text(encoding="utf-8"))
