"""Claims judged one by one, and their verdicts written to a folder."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from gvi_eval.claims.declared import load_claim
from gvi_eval.claims.page import document, page, verdicts_table
from gvi_eval.claims.published import Shelf
from gvi_eval.claims.verdict import Verdict, judge
from gvi_eval.writing import csv_bytes, json_bytes, whole_folder


def audit(files: Iterable[Path], shelf: Shelf, each: Callable[[str], None] = lambda name: None) -> list[Verdict]:
    """The verdict on every claim file, in the order given; a claim that is odd is a finding, never a crash."""
    verdicts = []
    for file in files:
        each(file.stem)
        verdicts.append(judge(load_claim(file), shelf))
    return verdicts


def write_audit(verdicts: Sequence[Verdict], folder: Path, shelf: Shelf) -> None:
    """``verdicts.csv``, and a page (.md) and a document (.json) for each claim; the folder is replaced as a whole."""
    with whole_folder(folder) as fresh:
        (fresh / "verdicts.csv").write_bytes(csv_bytes(verdicts_table(verdicts)))
        for verdict in verdicts:
            text = page(verdict, source_words(verdict.claim.source, shelf))
            (fresh / f"{verdict.claim.id}.md").write_bytes(text.encode())
            (fresh / f"{verdict.claim.id}.json").write_bytes(json_bytes(document(verdict)))


def source_words(source: str, shelf: Shelf) -> str:
    """A source as it is cited: title, publisher, date and address where they are recorded."""
    sources = shelf.table("sources.csv", "sources").set_index("id")
    if source not in sources.index:
        return f"{source} (not in sources.csv)"
    own = sources.loc[source]
    parts = [str(own[name]) for name in ("title", "publisher", "date", "url") if isinstance(own[name], str) and own[name]]
    return ", ".join(parts) + f" [{source}]"
