"""How to cite: the software from CITATION.cff, and every publisher whose figures a study reads from its origin records."""

import re
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.resources import CHECKOUT
from gvi_eval.tables import Origin, read_origin

FIELD = re.compile(r"^(?P<key>[a-z-]+):\s*\"?(?P<value>[^\"\n>]+?)\"?\s*$", re.MULTILINE)
ESCAPED = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}  # other marks take a backslash
AUTHOR = re.compile(r"^\s+-\s+name:\s*\"?(?P<name>[^\"\n]+?)\"?\s*$", re.MULTILINE)


def software_citation(file: Path | None = None) -> str:
    """One line for the software: authors, title, version, licence."""
    file = file or CHECKOUT / "CITATION.cff"
    if not file.is_file():
        raise DataError("CITATION.cff is not here; it lies in the checkout of gvi_eval")
    text = file.read_text(encoding="utf-8")
    fields = {found["key"]: found["value"] for found in FIELD.finditer(text)}
    authors = ", ".join(found["name"] for found in AUTHOR.finditer(text.partition("authors:")[2].partition("\nkeywords")[0]))
    missing = [key for key in ("title", "version", "license") if key not in fields]
    if missing or not authors:
        raise DataError(f"CITATION.cff lacks {', '.join(missing or ['authors'])}; restore it from the history")
    return f"{authors}. {fields['title']}. Version {fields['version']}, {fields['license']}."


def data_citation(origin: Origin) -> str:
    """One line for a table: publisher, title, day of retrieval, address, licence."""
    day = f", retrieved on {origin.retrieved}" if origin.retrieved else ""
    address = f" {origin.urls[0]}" if origin.urls else ""
    return f"{origin.publisher}. {origin.title}{day}.{address} ({origin.licence})"


def citations_of(study: Path) -> list[str]:
    """The lines for the tables that a study reads, in the order in which it names them; each once."""
    from gvi_eval.plan import locate_table, tables_of
    from gvi_eval.study import load_study

    files = [locate_table(name, study.parent) for name in tables_of(load_study(study))]
    return list(dict.fromkeys(data_citation(read_origin(file)) for file in files))


def bibtex(text: str, key: str) -> str:
    """A line as an entry that LaTeX reads; marks that it would take for commands are escaped."""
    escaped = re.sub(r"[\\{}$&#%_^~]", lambda mark: ESCAPED.get(mark[0], f"\\{mark[0]}"), text)
    return f"@misc{{{key},\n  note = {{{escaped}}}\n}}"
