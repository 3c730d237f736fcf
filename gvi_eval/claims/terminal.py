"""Verdicts on a terminal: one line per claim where there are many, the whole of it where there is one."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gvi_eval.claims.page import claimed_words, table_sentence
from gvi_eval.claims.verdict import LEVELS, Verdict

NARROW = 110
COLOURS = {"supported": "green", "supported with caveats": "yellow", "overstated": "red", "contradicted": "red"}
LEGEND = (
    "reproduced: R3 exactly, R2 within rounding or word, R1a by another reading that is named, R1b only by search, R0 no, RX "
    "not checkable. robust: share of choices that hold the sign and half the size, B3 from 90 %, B2 67 %, B1 33 % (cut-offs of "
    "this project), BX not run. design: Maryland scale of the design used for the claim."
)


def overview(verdicts: Sequence[Verdict], width: int) -> RenderableType:
    """The table of verdicts, and how many fall on each level; in full where there is a single one."""
    if len(verdicts) == 1:
        return in_full(verdicts[0])
    return Group(_table(verdicts, width), Text(f"\n{LEGEND}", style="dim"), Text(f"\n{counted(verdicts)}"))


def _table(verdicts: Sequence[Verdict], width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), width=width, show_edge=False)
    for name in ("claim", "R", "B", "SMS"):
        table.add_column(name, no_wrap=True)
    table.add_column("wording", no_wrap=width > NARROW)
    table.add_column("what was said" if width <= NARROW else "what was said, and what comes of it", ratio=1)
    for verdict in verdicts:
        said = Text(verdict.claim.paraphrase)
        if width > NARROW:
            said.append(f"\n{verdict.reproduced.reason}", style="dim")
        table.add_row(
            verdict.claim.id,
            verdict.reproduced.level,
            verdict.robust.level,
            verdict.design.level,
            Text(verdict.wording.level, style=COLOURS.get(verdict.wording.level, "")),
            said,
        )
    return table


def in_full(verdict: Verdict) -> RenderableType:
    """One claim with its axes, workings and what would change it."""
    claim = verdict.claim
    parts: list[RenderableType] = [
        Text(f"{claim.id}: {claim.paraphrase}", style="bold"),
        Text(""),
        Text(verdict.sentence),
        Text(""),
    ]
    axes = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    axes.add_column(no_wrap=True)
    axes.add_column(no_wrap=True)
    axes.add_column(ratio=1)
    for name in ("reproduced", "robust", "design", "wording"):
        answer = getattr(verdict, name)
        axes.add_row(name, answer.level, Text(answer.reason))
    parts.append(axes)
    for done, screened in zip(verdict.recomputed, verdict.screens, strict=True):
        flagged = [f"{screen.name}: {screen.sentence}" for screen in screened if screen.state == "flagged"]
        lines = [f"Claimed: {claimed_words(done.quantity)} ({LEVELS[done.level]})", *done.workings]
        if done.table is not None and done.table.cells:
            lines.append(table_sentence(done.table))
        parts += _section("The number", lines)
        parts += _section("Screens flagged", flagged)
    if verdict.evidence is not None:
        parts += _section("Cause", [str(row) for row in verdict.evidence.effects[:4]] + list(verdict.evidence.trend[:2]))
    parts += _section("Findings", list(verdict.findings))
    parts += _section("What would change this verdict", list(verdict.would_change))
    return Group(*parts)


def counted(verdicts: Sequence[Verdict]) -> str:
    """How many claims fall on each level of each axis; a count, not a score."""
    lines = []
    for name in ("reproduced", "robust", "design", "wording"):
        levels = [getattr(each, name).level for each in verdicts]
        lines.append(f"{name}: " + ", ".join(f"{level} {levels.count(level)}" for level in sorted(set(levels))))
    return "\n".join(lines)


def _section(title: str, sentences: Sequence[str]) -> list[RenderableType]:
    if not sentences:
        return []
    return [Text(f"\n{title}", style="bold"), *(Padding(Text(f"- {each}"), (0, 0, 0, 1)) for each in sentences)]
