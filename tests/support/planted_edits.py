"""Single digits changed at random in reports, tables, manifests and origin records: how many does `verify` name?

python -m tests.support.planted_edits --edits 1000 [--study boston] prints what was named, kind by kind, and examples.
"""

import argparse
import io
import json
import re
import shutil
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gvi_eval.hashing import code_hash
from gvi_eval.publish import crate_of
from gvi_eval.report.write import REPORT, write_reports
from gvi_eval.resources import CHECKOUT
from gvi_eval.verify import CRATE, Verification, verify
from gvi_eval.writing import json_bytes

KINDS = (
    "html",
    "number in html",
    "csv",
    "figure data",
    "xlsx",
    "zip",
    "manifest",
    "crate",
    "record",
    "origin",
    "table",
    "study",
)
DIGIT = re.compile(rb"\d")
SPOKEN = re.compile(rb"<(?:data|td)[^>]*>([^<]*\d[^<]*)<")


@dataclass(frozen=True)
class Copy:
    """A copy of the results of a study and of all they were made from, as if today's code had made them."""

    folder: Path
    study_file: Path
    root: Path

    def verify(self, untouched: bool = False) -> Verification:
        return verify(self.folder, self.study_file, root=self.root, untouched=untouched)


def copied(study: str, place: Path, languages: tuple[str, ...], formats: tuple[str, ...]) -> Copy:
    """The committed results of a study, signed with the code as it is now, and their reports."""
    folder, root = place / "reports" / study, place / "checkout"
    shutil.copytree(CHECKOUT / "reports" / study, folder, ignore=shutil.ignore_patterns(REPORT))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["code_sha256"] = code_hash()
    (folder / "manifest.json").write_bytes(json_bytes(manifest))
    (folder / CRATE).write_bytes(json_bytes(crate_of(manifest)))
    for name in (manifest["study_file"]["path"], *(item["path"] for item in manifest["inputs"])):
        for file in (CHECKOUT / name, (CHECKOUT / name).with_name(f"{Path(name).stem}.origin.toml")):
            if file.is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, (root / name).parent)
        for beside in ("definitions.csv", "sources.csv"):  # what the cells of a table refer to, beside it or a folder above
            for file in ((CHECKOUT / name).parent / beside, (CHECKOUT / name).parent.parent / beside):
                if file.is_file():
                    kept = root / file.relative_to(CHECKOUT)
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, kept)
    copy = Copy(folder, root / manifest["study_file"]["path"], root)
    write_reports(folder, copy.study_file, languages, formats)
    return copy


def file_of(kind: str, copy: Copy, rng: np.random.Generator) -> Path:
    """A file in which a digit of this kind can be changed."""
    folder = copy.folder
    found = {
        "html": lambda: sorted((folder / REPORT).glob("*.html")),
        "number in html": lambda: sorted((folder / REPORT).glob("*.html")),
        "csv": lambda: sorted(folder.glob("*.csv")) + sorted(folder.glob("paths/*.csv")) + sorted(folder.glob("panels/*.csv")),
        "figure data": lambda: sorted(folder.glob("figures/*/data.csv")) + sorted(folder.glob("figures/*/about.json")),
        "xlsx": lambda: sorted((folder / REPORT).glob("*.xlsx")),
        "zip": lambda: sorted((folder / REPORT).glob("*.zip")),
        "manifest": lambda: [folder / "manifest.json"],
        "crate": lambda: [folder / CRATE],
        "record": lambda: [folder / REPORT / "report.json"],
        "origin": lambda: sorted(copy.root.rglob("*.origin.toml")),
        "table": lambda: sorted(path for path in copy.root.rglob("*.csv")),
        "study": lambda: [copy.study_file],
    }[kind]()
    found = [path for path in found if DIGIT.search(path.read_bytes())]
    return found[rng.integers(len(found))]


def edited(content: bytes, kind: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """The content with one digit changed, and what was done."""
    if kind in ("xlsx", "zip"):
        return _edited_archive(content, kind, rng)
    if kind == "number in html":
        spans = [match.span(1) for match in SPOKEN.finditer(content)]
        first, last = spans[rng.integers(len(spans))]
        return _digit(content, [first + match.start() for match in DIGIT.finditer(content[first:last])], rng)
    return _digit(content, [match.start() for match in DIGIT.finditer(content)], rng)


def _digit(content: bytes, places: list[int], rng: np.random.Generator) -> tuple[bytes, str]:
    place = places[rng.integers(len(places))]
    other = rng.choice([digit for digit in b"0123456789" if digit != content[place]])
    line = content[:place].count(b"\n") + 1
    return content[:place] + bytes([other]) + content[place + 1 :], f"line {line}: {chr(content[place])} became {chr(other)}"


def _edited_archive(content: bytes, kind: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """One digit of a number inside a member, which is then packed as before."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    inside = {"xlsx": r"xl/worksheets/sheet\d+\.xml", "zip": r".*\.csv"}[kind]
    number = {"xlsx": rb'<c r="[A-Z]+\d+"><v>([^<]*\d[^<]*)</v>', "zip": rb"([\d.]*\d[\d.]*)"}[kind]
    found = {info: list(re.finditer(number, held)) for info, held in members.items() if re.fullmatch(inside, info.filename)}
    choice = [info for info in found if found[info]]
    info = choice[rng.integers(len(choice))]
    places = [match.start(1) + digit.start() for match in found[info] for digit in DIGIT.finditer(match[1])]
    members[info], said = _digit(members[info], places, rng)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, bytes_held in members.items():
            archive.writestr(member, bytes_held)
    return target.getvalue(), f"{info.filename}, {said}"


@dataclass(frozen=True)
class Planted:
    """One edit, and what `verify` said to it."""

    kind: str
    file: str
    what: str
    named: bool
    said: tuple[str, ...]


def planted(copy: Copy, kind: str, rng: np.random.Generator) -> Planted:
    """Change one digit, verify, and put the digit back."""
    path = file_of(kind, copy, rng)
    before = path.read_bytes()
    after, what = edited(before, kind, rng)
    place = copy.folder if path.is_relative_to(copy.folder) else copy.root
    name = path.relative_to(place).as_posix()
    try:
        path.write_bytes(after)
        faults = copy.verify().faults
    finally:
        path.write_bytes(before)
    named = any(fault.file == name for fault in faults)
    return Planted(kind, name, what, named, tuple(str(fault) for fault in faults if fault.file == name or not named))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--edits", type=int, default=1000)
    asked.add_argument("--study", default="boston")
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        copy = copied(options.study, Path(scratch), ("en", "da", "sv"), ("html", "xlsx", "zip"))
        whole = copy.verify(untouched=True)
        print(f"untouched: {whole.files} files, {whole.numbers} numbers, {len(whole.faults)} differences", flush=True)
        done = [planted(copy, KINDS[n % len(KINDS)], rng) for n in range(options.edits)]
    tried, named = Counter(each.kind for each in done), Counter(each.kind for each in done if each.named)
    for kind in KINDS:
        print(f"{kind}: {named[kind]} of {tried[kind]} named")
    print(f"in all {sum(named.values())} of {len(done)} named")
    for each in [*(each for each in done if not each.named), *done[: len(KINDS)]][:20]:
        print(f"- {each.kind}, {each.file}, {each.what}\n    " + "\n    ".join(each.said[:2]))
    return 0 if all(each.named for each in done) and whole.holds else 1


if __name__ == "__main__":
    sys.exit(main())
