"""The synthesis file: which effects stand side by side, which are pooled, and what must be said beside them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError


@dataclass(frozen=True)
class Reference:
    """One effect: a specification of a study, or a row of the table of published effects, under the name of its place."""

    place: str
    study: str | None = None
    specification: str | None = None
    published: str | None = None
    because: str | None = None  # why a published row counts the same outcome


@dataclass(frozen=True)
class Comparison:
    """Two effects by the same estimator over the same horizon; their ratio is taken and nothing is pooled."""

    name: str
    one: Reference
    other: Reference
    main: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Pooling:
    """Effects on one outcome that are pooled as METHODS allows for their number."""

    name: str
    outcome: str
    places: tuple[Reference, ...]
    main: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Joint:
    """Cities with donors of their own, ranked together over the product of their sets."""

    name: str
    places: tuple[Reference, ...]


@dataclass(frozen=True)
class Synthesis:
    """What is declared; ``horizon_months`` is the follow-up that effects side by side share."""

    name: str
    title: str
    question: str
    limits: tuple[str, ...]
    horizon_months: int | None = None
    comparisons: tuple[Comparison, ...] = ()
    poolings: tuple[Pooling, ...] = ()
    joint: tuple[Joint, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every effect that is asked for, each once."""
        found = [place for each in self.comparisons for place in (each.one, each.other)]
        found += [place for each in (*self.poolings, *self.joint) for place in each.places]
        return tuple(dict.fromkeys(found))

    @property
    def studies(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.study for each in self.references if each.study))


def load_synthesis(path: Path) -> Synthesis:
    """Read and check a synthesis file.

    Raises `StudyError` for every violation of ``data_schemas/synthesis.schema.json``, for effects side by side without a
    horizon, and for a place that is neither of a study nor published.
    """
    document = read_declared(Path(path), "synthesis")
    found = Synthesis(
        name=document["name"],
        title=document["title"],
        question=document["question"],
        limits=tuple(document["limits"]),
        horizon_months=document.get("horizon_months"),
        comparisons=tuple(
            Comparison(**{**item, "one": _reference(item["one"]), "other": _reference(item["other"])})
            for item in document.get("comparisons", ())
        ),
        poolings=tuple(
            Pooling(**{**item, "places": tuple(map(_reference, item["places"]))}) for item in document.get("poolings", ())
        ),
        joint=tuple(Joint(item["name"], tuple(map(_reference, item["places"]))) for item in document.get("joint", ())),
    )
    if found.comparisons and found.horizon_months is None:
        raise StudyError(
            f"{path.name}: effects side by side share a follow-up; say horizon_months = 36, or as many as both have"
        )
    if not (found.comparisons or found.poolings):
        raise StudyError(f"{path.name}: nothing is compared and nothing pooled; declare comparisons or poolings")
    return found


def _reference(item: dict[str, Any]) -> Reference:
    of_study = "study" in item and "specification" in item
    if of_study == ("published" in item):
        raise StudyError(
            f"the effect of {item['place']} is named by {', '.join(sorted(set(item) - {'place'})) or 'nothing'}; name a study "
            "and one of its specifications, or the id of a published row"
        )
    return Reference(**item)
