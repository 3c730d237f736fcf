"""What raters answered, each in a file of their own: kept apart, compared, and never merged."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from gvi_eval.checklists.items import checklists, item_of
from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError
from gvi_eval.hashing import file_hash

FOLDER = "appraisal"
NOT_YET = "not yet answered"


@dataclass(frozen=True)
class Given:
    """One rater's answer to one item, with the reason."""

    answer: str
    because: str


@dataclass(frozen=True)
class Rater:
    """A rater and the file that holds the answers, with its hash."""

    name: str
    answers: Mapping[str, Given]
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Agreement:
    """How far two raters agree on the items that both answered; ``kappa`` is None where chance alone would agree always."""

    checklist: str
    raters: tuple[str, str]
    items: int
    same: int
    kappa: float | None
    differ: tuple[str, ...]
    note: str | None = None


def read_raters(study_folder: Path) -> tuple[Rater, ...]:
    """The raters of a study, by name; none where its folder holds no appraisal/*.toml.

    Raises `StudyError` for an item that no checklist has, an answer that the item does not take, and two files of one rater.
    """
    raters = [read_rater(file) for file in sorted((study_folder / FOLDER).glob("*.toml"))]
    names = [rater.name for rater in raters]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(f"two files in {FOLDER}/ are of the rater '{twice[0]}'; each rater has one file")
    return tuple(sorted(raters, key=lambda rater: rater.name))


def read_rater(file: Path) -> Rater:
    """One file of answers; an empty answer is none."""
    document = read_declared(file, "appraisal")
    known = [item.id for each in checklists() for item in each.items]
    answers = {}
    for identity, given in document.get("answers", {}).items():
        item = item_of(identity)
        if item is None:
            close = difflib.get_close_matches(identity, known, 1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise StudyError(f"{file.name} answers '{identity}', which no checklist has{hint}")
        if not given["answer"]:
            continue
        if given["answer"] not in item.options:
            raise StudyError(
                f"{file.name}: {identity} is '{given['answer']}'; choose one of {', '.join(item.options)}, or leave it empty"
            )
        answers[identity] = Given(given["answer"], given.get("because", ""))
    return Rater(document["rater"], answers, f"{FOLDER}/{file.name}", file_hash(file))


def blank(asked: Iterable[str] | None = None) -> str:
    """An empty file of answers as TOML: every item that is asked, with its text and the answers it takes."""
    wanted = None if asked is None else set(asked)
    lines = ["# Write one answer a question between the quotes; an empty one is not yet answered.", "", 'rater = ""', ""]
    for each in checklists():
        items = [item for item in each.items if wanted is None or item.id in wanted]
        if items:
            lines += [f"# {each.title}. {each.about}", f"# {each.source}", ""]
        for item in items:
            lines += [
                f"# {item.text}",
                f"# {' | '.join(item.options)}",
                f'[answers."{item.id}"]',
                'answer = ""',
                'because = ""',
                "",
            ]
    return "\n".join(lines)


def agreements(raters: Sequence[Rater]) -> list[Agreement]:
    """Every pair of raters on every checklist of which both answered something."""
    found = []
    for one, other in combinations(raters, 2):
        for each in checklists():
            both = [item.id for item in each.items if item.id in one.answers and item.id in other.answers]
            if both:
                pairs = [(one.answers[item].answer, other.answers[item].answer) for item in both]
                differ = tuple(item for item, (mine, theirs) in zip(both, pairs, strict=True) if mine != theirs)
                kappa = cohens_kappa(pairs)
                note = (
                    None if kappa is not None else "both gave one and the same answer throughout, so chance would agree as well"
                )
                names = one.name, other.name
                found.append(Agreement(each.id, names, len(both), len(both) - len(differ), kappa, differ, note))
    return found


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement beyond chance, (p_o − p_e) / (1 − p_e), unweighted; None where p_e is 1.

    p_o is the share of items with the same answer, p_e = Σ p₁(a) p₂(a) over answers a. With few items it says little, so its
    n stands beside it. Cohen 1960, A coefficient of agreement for nominal scales, 10.1177/001316446002000104.
    """
    if not pairs:
        return None
    n = len(pairs)
    same = sum(one == other for one, other in pairs) / n
    answers = {answer for pair in pairs for answer in pair}
    chance = sum(
        sum(one == answer for one, _ in pairs) * sum(other == answer for _, other in pairs) / n**2 for answer in answers
    )
    return None if chance >= 1 else (same - chance) / (1 - chance)
