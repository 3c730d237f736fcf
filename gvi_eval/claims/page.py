"""A verdict as a page in Markdown, as one line of a table, and as a document for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from gvi_eval.claims.attribution import NOT_RUN, Evidence
from gvi_eval.claims.changes import Recomputed
from gvi_eval.claims.declared import Quantity
from gvi_eval.claims.screens import Screen
from gvi_eval.claims.verdict import LEVELS, Verdict, days_of
from gvi_eval.claims.windows import LOOKED_FOR, Cell, WindowTable

CUT_OFFS = "B3 from 90 %, B2 from 67 %, B1 from 33 % of the cells or specifications: these cut-offs are this project's own."
SHOWN = 12  # companions on a page


def page(verdict: Verdict, source: str) -> str:
    """The page of a claim, in the order in which an auditor asks."""
    claim = verdict.claim
    parts = [f"# {claim.id}: {claim.paraphrase}", "", f"**{verdict.sentence}**", "", *_axes(verdict), ""]
    parts += ["## The claim", "", *_bullets(_said(verdict, source)), ""]
    for number, (done, screened) in enumerate(zip(verdict.recomputed, verdict.screens, strict=True), start=1):
        name = done.quantity.outcome or done.quantity.measure or "the number"
        parts += [
            f"## {'The number' if len(verdict.recomputed) == 1 else f'Number {number}: {name}'}",
            "",
            *_number(done, screened),
            "",
        ]
    parts += ["## Cause", "", *_cause(verdict.evidence), ""]
    parts += ["## What would change this verdict", "", *_bullets(verdict.would_change), ""]
    return "\n".join(parts).rstrip() + "\n"


def _axes(verdict: Verdict) -> list[str]:
    rows = (
        ("reproduced", verdict.reproduced),
        ("robust", verdict.robust),
        ("design (Maryland scale, of the design used for the claim)", verdict.design),
        ("wording", verdict.wording),
    )
    lines = ["| question | level | why |", "|---|---|---|"]
    lines += [f"| {name} | {answer.level} | {_cell(answer.reason)} |" for name, answer in rows]
    return [*lines, "", f"{LEVELS[verdict.reproduced.level].capitalize()}. {CUT_OFFS}"]


def _said(verdict: Verdict, source: str) -> Iterator[str]:
    claim = verdict.claim
    yield f"type: {claim.kind.title}; usual failure: {claim.kind.usual_failure}"
    role = f" ({claim.role})" if claim.role else ""
    yield f"said by: {claim.claimant or 'not given'}{role}, {claim.said or 'date not given'}"
    yield f"source: {source}{f', page {claim.page}' if claim.page else ''}"
    recorded = f" (recorded as: {claim.as_recorded})" if claim.as_recorded else ""
    yield f"causal strength: {claim.strength or 'not recorded'}{recorded}"
    for finding in verdict.findings:
        yield f"finding: {finding}"


def _number(done: Recomputed, screened: Sequence[Screen]) -> Iterator[str]:
    quantity = done.quantity
    yield f"Claimed: {claimed_words(quantity)}. Baseline: {days_of(quantity.baseline)}. Window: {days_of(quantity.window)}."
    yield ""
    yield f"{done.level}: {done.sentence}."
    if quantity.note:
        yield f"\n{quantity.note}"
    if done.workings:
        yield "\nWorkings:\n"
        yield from _bullets(done.workings)
    if done.table is not None:
        yield from ("", *_window_table(done.table))
    yield "\nScreens:\n"
    yield "| screen | state | what |"
    yield "|---|---|---|"
    for screen in screened:
        yield f"| {screen.name} | {screen.state} | {_cell(screen.sentence)} |"


def _window_table(table: WindowTable) -> Iterator[str]:
    if not table.cells:
        yield "No baseline-and-window table: no two published figures lie on either side."
        return
    baselines = list(dict.fromkeys(cell.baseline for cell in table.cells if cell.defensible))
    by_place = {(cell.baseline, cell.window): cell for cell in table.cells}
    yield "Change per day in percent for each window (rows) and baseline (columns), the claimed cell in bold:\n"
    yield f"| window | {' | '.join(baselines)} |"
    yield f"|---|{'---:|' * len(baselines)}"
    for window in dict.fromkeys(cell.window for cell in table.cells if cell.defensible):
        cells = [by_place.get((baseline, window)) for baseline in baselines]
        yield f"| {window} | {' | '.join(map(_percent, cells))} |"
    yield ""
    yield table_sentence(table)
    if table.without_figures:
        yield f"\nNo figure for: {'; '.join(table.without_figures)}."


def table_sentence(table: WindowTable) -> str:
    """The rank of the claimed cell, and how many whole percentages a search in the table could have found."""
    own, cells = table.claimed, len(table.defensible)
    if own is None:
        rank = f"The claimed cell cannot be placed among the {cells}"
    else:
        rank = f"The claimed cell ({own.percent:+.0f} %) is number {table.rank} of {cells} by the size of the fall"
    every = table.own_range
    more = f", with {len(table.cells) - cells} more where a search would look" if len(table.cells) > cells else ""
    hit = f"{len(table.hits(every))} of {len(every)} whole percentages in the table's range can be hit within a point"
    return f"{rank}{more}: {hit}, and {len(table.hits(LOOKED_FOR))} of {len(LOOKED_FOR)} from -20 to -70."


def _percent(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return f"**{cell.percent:+.0f}**" if cell.claimed else f"{cell.percent:+.0f}"


def claimed_words(quantity: Quantity) -> str:
    """What is claimed, in the digits and words that it is claimed in."""
    parts = [quantity.outcome or quantity.measure or "no outcome is named"]
    sized = quantity.change_percent is not None and quantity.word in ("about", "over", "up to")
    if quantity.word and not sized:
        parts.append(quantity.word)
    if quantity.change_percent is not None:
        parts.append(f"{quantity.word} {quantity.change_percent:+g} %" if sized else f"{quantity.change_percent:+g} %")
    if quantity.extreme:
        parts.append(f"{quantity.extreme} in {quantity.years_in_scope or 'an unnamed number of'} years")
    if len(parts) == 1 and not quantity.is_pair and quantity.value is None and quantity.direction:
        parts.append(f"{quantity.direction}, no size")
    if quantity.is_pair:
        parts.append(f"{quantity.before:g} to {quantity.after:g} {quantity.value_unit or ''}".strip())
    if quantity.value is not None:
        parts.append(f"{quantity.value:g} {quantity.value_unit or ''}".strip())
    if quantity.by_year:
        parts.append(", ".join(f"{year}: {value:g}" for year, value in quantity.by_year.items()))
    return ", ".join(parts)


def _cause(found: Evidence | None) -> Iterator[str]:
    if found is None:
        yield "The claim points to no study, so nothing here speaks about cause."
        return
    of = f" of {found.outcome}" if found.outcome else ""
    yield f"Judged against the study `{found.study}`, specification '{found.specification}'{of}.\n"
    yield from _bullets([str(row) for row in found.effects] + [f"with and without the trend: {each}" for each in found.trend])
    if found.rival:
        yield f"- {found.rival}"
    if found.detectable is not None:
        yield f"- found with 80 % power: a ratio of {found.detectable:.2f} or further from 1; reviews expect 0.75"
    if found.companions:
        yield "\nOther declared analyses of the same outcome:\n"
        yield from _bullets([str(row) for row in found.companions[:SHOWN]])
        if len(found.companions) > SHOWN:
            yield f"- and {len(found.companions) - SHOWN} more in effects.csv"
    yield "\nThreats:\n"
    yield from _bullets([f"{row['id']}, {row['state']}: {row['sentence']}" for row in found.threats] or [NOT_RUN])
    if found.checklists:
        yield "\nAppraisal of the study, beside the Maryland scale:\n"
        yield from _bullets(found.checklists)
    yield "\nTipping points:\n"
    yield from _bullets(found.tipping or [NOT_RUN])
    yield "\nSpecification curve:\n"
    curve = found.curve
    if curve is None:
        yield f"- {NOT_RUN}"
    else:
        held = f"{curve.holding} of {curve.given} ({curve.source}) hold the claimed sign and half its size"
        yield f"- {held}; joint test: {curve.test}"
    if found.not_run:
        yield f"\n{NOT_RUN.capitalize()}: {', '.join(found.not_run)}."


def _bullets(sentences: Sequence[str] | Iterator[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def verdicts_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row per claim: the four levels and the sentence."""
    return pd.DataFrame([row(each) for each in verdicts])


def row(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "id": claim.id,
        "type": claim.type,
        "strength": claim.strength,
        "reproduced": verdict.reproduced.level,
        "robust": verdict.robust.level,
        "design": verdict.design.level,
        "wording": verdict.wording.level,
        "sentence": verdict.sentence,
        "study": claim.study,
        "specification": verdict.evidence.specification if verdict.evidence else None,
        "declared_reproduced": claim.declared_reproduced,
        "source": claim.source,
    }


def document(verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs: the row, each axis with its reason, every cell of the table, screens and evidence."""
    found = verdict.evidence
    answers = {name: getattr(verdict, name) for name in ("reproduced", "robust", "design", "wording")}
    axes = {name: {"level": answer.level, "reason": answer.reason} for name, answer in answers.items()}
    return {
        **row(verdict),
        "paraphrase": verdict.claim.paraphrase,
        "axes": axes,
        "findings": list(verdict.findings),
        "would_change": list(verdict.would_change),
        "quantities": [_quantity(*each) for each in zip(verdict.recomputed, verdict.screens, strict=True)],
        "evidence": None if found is None else asdict(found) | {"detectable": found.detectable},
    }


def _quantity(done: Recomputed, screened: Sequence[Screen]) -> dict[str, Any]:
    said = done.change
    return {
        "claimed": claimed_words(done.quantity),
        "level": done.level,
        "sentence": done.sentence,
        "missing": list(done.missing),
        "workings": list(done.workings),
        "percent_per_day": None if said is None else 100 * (said.rate_ratio - 1),
        "percent_of_counts": None if said is None else said.percent_of_counts,
        "exact": None if said is None or said.exact is None else asdict(said.exact),
        "adjusted": None if said is None or said.adjusted is None else asdict(said.adjusted),
        "cells": []
        if done.table is None
        else [
            {
                "baseline": cell.baseline,
                "window": cell.window,
                "percent": cell.percent,
                "claimed": cell.claimed,
                "defensible": cell.defensible,
            }
            for cell in done.table.cells
        ],
        "rank": None if done.table is None else done.table.rank,
        "screens": [asdict(screen) for screen in screened],
    }
