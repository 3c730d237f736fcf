"""A study appraised: every item with its automatic answer or those of the raters, and how far these agree."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gvi_eval.checklists.automatic import automatic
from gvi_eval.checklists.items import Checklist, Item, checklists
from gvi_eval.checklists.raters import NOT_YET, Agreement, Rater, agreements, read_raters
from gvi_eval.checklists.saved import Found, Saved

DONORS = "sc_reporting"
NOT_APPLICABLE = "not applicable"


def appraise(folder: Path, study_file: Path) -> dict[str, Any]:
    """The content of checklists.json: a pure function of the saved tables in ``folder``, the study file and its raters' files.

    An item is answered automatically with the rows that show it, or it is asked; an asked item is what each rater said, side
    by side, or not yet answered. Nothing is averaged and nothing is filled in.
    """
    saved = Saved(folder, study_file)
    raters = read_raters(study_file.parent)
    lists = [_checklist(each, saved, raters) for each in checklists()]
    return {
        "study": saved.study.name,
        "headline": saved.study.headline.name,
        "generated": saved.study.generated,
        "raters": [{"name": rater.name, "file": rater.file, "sha256": rater.sha256} for rater in raters],
        "checklists": lists,
        "agreement": [_agreed(each) for each in agreements(raters)],
    }


def _checklist(each: Checklist, saved: Saved, raters: tuple[Rater, ...]) -> dict[str, Any]:
    applies = each.id != DONORS or saved.holds("comparisons.csv")
    items = [_item(item, saved, raters, applies) for item in each.items]
    states = Counter(item["state"] for item in items)
    return {
        "id": each.id,
        "title": each.title,
        "about": each.about,
        "source": each.source,
        "counts": {"items": len(items), **{state: states[state] for state in ("automatic", NOT_APPLICABLE, "raters", NOT_YET)}},
        "items": items,
    }


def _item(item: Item, saved: Saved, raters: tuple[Rater, ...], applies: bool) -> dict[str, Any]:
    found = automatic(item, saved) if applies else Found(NOT_APPLICABLE, "the study compares with no donors", ())
    given = {rater.name: _given(rater, item.id) for rater in raters}
    if found and found.answer == NOT_APPLICABLE:
        state = NOT_APPLICABLE
    elif found and found.answer is not None:
        state = "automatic"
    else:
        state = "raters" if any(each["answer"] != NOT_YET for each in given.values()) else NOT_YET
    return {
        "id": item.id,
        "text": item.text,
        "options": list(item.options),
        "state": state,
        "automatic": found.answer if found else None,
        "sentence": found.sentence if found else None,
        "evidence": [{"file": link.file, "row": link.row} for link in found.evidence] if found else [],
        "raters": given,
    }


def _given(rater: Rater, identity: str) -> Mapping[str, str]:
    answer = rater.answers.get(identity)
    return {"answer": answer.answer, "because": answer.because} if answer else {"answer": NOT_YET, "because": ""}


def _agreed(each: Agreement) -> dict[str, Any]:
    return {
        "checklist": each.checklist,
        "raters": list(each.raters),
        "items": each.items,
        "same": each.same,
        "kappa": each.kappa,
        "differ": list(each.differ),
        "note": each.note,
    }


def asked_items(appraisal: Mapping[str, Any]) -> list[str]:
    """The items that the results do not answer, in order."""
    return [item["id"] for each in appraisal["checklists"] for item in each["items"] if item["automatic"] is None]
