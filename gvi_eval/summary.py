"""A study on one screen: its question, its estimates, what speaks against them, and where the files are."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gvi_eval.effect import Effect
from gvi_eval.results import Analysis, StudyResult


def summary(result: StudyResult, folder: Path) -> RenderableType:
    """What `run` prints: one line per analysis, refusals in words, then notes, threats and limits."""
    study = result.study
    parts: list[RenderableType] = [Text(""), Text(study.title, style="bold"), Text(study.question), Text("")]
    parts.append(_table(result))
    parts += _sentences("Beside these numbers", _notes(result))
    states = [f"{threat.id} {threat.state}: {threat.sentence}" for threat in result.threats]
    parts += _sentences("Threats to validity", list(dict.fromkeys(states)))
    parts += _sentences("Limits", list(study.limits))
    parts.append(Text(f"\n{folder / 'effects.csv'} and, beside it, paths, panels, figures and manifest.json", style="dim"))
    return Group(*parts)


def _table(result: StudyResult) -> Table:
    """Ratios and events prevented, one section per outcome; a proxy is called one in its section's title."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("analysis", overflow="fold")
    table.add_column("start", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("interval", overflow="fold")
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("prevented", justify="right", overflow="fold")
    for outcome in result.study.outcomes:
        own = [a for a in result.analyses if a.specification.outcome == outcome.name and _shown(result, a)]
        if own:
            table.add_row(Text(outcome.title, style="italic underline"))
        for analysis in own:
            table.add_row(*_cells(result, analysis), style="bold" if analysis is result.headline else None)
    return table


def _shown(result: StudyResult, analysis: Analysis) -> bool:
    """Each start of the headline; of the other analyses with several starts only the range."""
    own = [other for other in result.analyses if other.specification is analysis.specification]
    return len(own) == 1 or analysis.is_range or analysis.specification.headline


def _cells(result: StudyResult, analysis: Analysis) -> list[str]:
    effect = analysis.fit
    name = "  " + analysis.specification.name + (" (headline)" if analysis is result.headline else "")
    if effect.refusal:
        return [name, analysis.onset, "refused", effect.refusal, "", ""]
    return [name, analysis.onset, f"{effect.point:.3f}", _interval(effect), _p(effect), _prevented(analysis)]


def _prevented(analysis: Analysis) -> str:
    """Events prevented over the first such estimand, with its interval."""
    for effect in analysis.effects:
        if effect.estimand.contrast == "prevented" and effect.point is not None:
            limits = f" ({effect.intervals[0].lower:.0f} to {effect.intervals[0].upper:.0f})" if effect.intervals else ""
            return f"{effect.point:.0f}{limits}"
    return ""


def _interval(effect: Effect) -> str:
    if not effect.intervals:
        return "none"
    interval = effect.intervals[0]
    return f"{interval.lower:.3f}–{interval.upper:.3f} ({interval.level:.0%} {interval.kind})"


def _p(effect: Effect) -> str:
    if not effect.tests:
        return ""
    test = effect.tests[0]
    floor = f" (floor {test.floor:.3f})" if test.floor >= 0.0005 else ""
    return ("<0.001" if test.p_value < 0.001 else f"{test.p_value:.3f}") + floor


def _notes(result: StudyResult) -> list[str]:
    """The notes of all analyses, each once, with the analyses it belongs to."""
    owners: dict[str, list[str]] = {}
    for analysis in result.analyses:
        for note in analysis.fit.notes:
            names = owners.setdefault(note, [])
            if analysis.specification.name not in names:
                names.append(analysis.specification.name)
    everywhere = len({analysis.specification.name for analysis in result.analyses})
    return [f"{'all' if len(names) == everywhere else ', '.join(names)}: {note}" for note, names in owners.items()]


def _sentences(title: str, sentences: list[str]) -> list[RenderableType]:
    if not sentences:
        return []
    return [Text(f"\n{title}", style="bold"), *(Padding(Text(f"· {sentence}"), (0, 0, 0, 1)) for sentence in sentences)]
