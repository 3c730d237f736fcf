"""A study on one screen: its question, its estimates, what speaks against them, and where the files are."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gvi_eval.assembly import NOT_USED
from gvi_eval.comparisons import comparison_sentences, comparisons_table
from gvi_eval.diagnostics import diagnostics_sentences
from gvi_eval.effect import Effect
from gvi_eval.estimators import uses_donors
from gvi_eval.lock import NOT_LOCKED, planned
from gvi_eval.results import Analysis, Pair, StudyResult, agreement_table
from gvi_eval.sensitivity.curve_record import curve_sentences
from gvi_eval.sensitivity.exclusion import exclusion, exclusion_by_placebos
from gvi_eval.sensitivity.level_trend import LevelTrend
from gvi_eval.sensitivity.power import detectable_of, power_sentence
from gvi_eval.sensitivity.settle import settle_sentences
from gvi_eval.sensitivity.threats import STATES, ThreatResult
from gvi_eval.study import EVERY, Outcome
from gvi_eval.writing import slug

LEGEND = (
    "\nIntervals are 95 % unless said. finds: the ratio that a standard error like this analysis' own detects with 80 % power. "
    "prevented: with the trend. apart: whether a step can be told from the trend before it."
)
A_DONOR = "the donor "  # begins the sentence about a donor that is left out
MANY = 3  # names that fit into a sentence


def summary(result: StudyResult, folder: Path) -> RenderableType:
    """What `run` prints: the headline in words, one line per analysis, refusals, notes, threats and limits."""
    study = result.study
    parts: list[RenderableType] = [Text(""), Text(study.title, style="bold"), Text(study.question), Text("")]
    parts += _sentences("Headline", headline(result))
    if any(not uses_donors(analysis.estimator) for analysis in result.analyses):
        parts += [Text(""), _table(result), Text(LEGEND, style="dim")]
    parts += _beside_donors(result)
    parts += _sentences("Estimators that say otherwise than the default", _disagreements(result))
    parts += _sentences("Looked into", list(diagnostics_sentences(result.diagnostics)))
    parts += _sentences("Beside these numbers", _notes(result))
    if result.curve is not None:
        parts += _sentences("Specification curve", curve_sentences(result.curve))
    parts += _sentences("Threats to validity", _threats(result))
    parts += _sentences("What would have to be true for there to be no effect", _tipping(result))
    parts += _sentences("What would settle it", settle_sentences(result.settle) if len(result.settle) else _unsettled(result))
    parts += _sentences("Figures not used", _unused(result))
    parts += _sentences("No estimate for want of figures", _missing(result))
    parts += _sentences("Limits", list(study.limits))
    if (when := planned(result.file)) != NOT_LOCKED:
        parts += _sentences("The plan", [when])
    parts.append(Text(f"\n{folder / 'effects.csv'} and, beside it, paths, panels, figures and manifest.json", style="dim"))
    return Group(*parts)


def headline(result: StudyResult) -> list[str]:
    """The headline in sentences: what the pair says, the interval, what it excludes, and what the design could have told."""
    analysis = result.headline
    effect, outcome = analysis.fit, result.study.outcome(analysis.specification.outcome).title
    sentences = [
        f"{pair.verdict.sentence} ({pair.trend.onset})" for pair in result.pairs if analysis in (pair.level, pair.trend)
    ]
    if effect.refusal:
        return [*sentences, f"{outcome}, {analysis.specification.name}: refused, {effect.refusal}"]
    name = f"{outcome}, {analysis.specification.name}, {analysis.onset}"
    said = f", {effect.intervals[0].level:.0%} {effect.intervals[0].kind}" if effect.intervals else ", without an interval"
    sentences.append(f"{name}: {_ratio(effect)}{said}")
    if analysis.evaluation is None:
        excluded = exclusion(effect, result.study.smallest_effect)
    else:
        placebos = analysis.evaluation.placebos(effect.estimand)
        excluded = exclusion_by_placebos(effect, placebos, result.study.smallest_effect)
        sentences.append(
            f"rank {placebos.rank(np.abs(placebos.scaled))} of {placebos.donors + 1} among its placebos: p "
            f"{effect.tests[0].p_value:.3f}, which cannot fall below {placebos.floor:.3f} here"
        )
    if excluded:
        sentences.append(excluded.sentence)
    return sentences + [power_sentence(row) for row in result.power]


def _beside_donors(result: StudyResult) -> list[RenderableType]:
    """The comparisons with donors, one line an analysis; over an interval of starts, the lowest and highest of each number."""
    table = comparisons_table(result)
    if table.empty:
        return []
    shown = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    shown.add_column("beside donors", overflow="fold", min_width=38)
    for name in ("starts", "ratio", "p", "raw p", "floor", "gap before", "of chance", "finds"):
        shown.add_column(name, overflow="fold", no_wrap=name == "p")
    for (unit, outcome), rows in table.groupby(["unit", "outcome"], sort=False):
        shown.add_row(Text(f"{unit}: {outcome}", style="italic underline"))
        for name, own in rows.groupby("specification", sort=False):
            starts = own["onset"].iloc[0] if len(own) == 1 else f"{own['onset'].iloc[0]}–{own['onset'].iloc[-1]}"
            refused = int(own["refusal"].notna().sum())
            ratio = _ratio_of(own.iloc[0]) if len(own) == 1 else _between(own["point"], ".3f")
            if refused:
                ratio = "refused" if refused == len(own) else f"{ratio}, refused at {refused}"
            numbers = (
                ("p_scaled", ".3f"),
                ("p_raw", ".3f"),
                ("floor", ".3f"),
                ("rmspe_share", ".0%"),
                ("rmspe_over_noise", ".1f"),
            )
            cells = [_between(own[column], how) for column, how in (*numbers, ("detectable", ".2f")) if column in own]
            shown.add_row(*(Text(cell) for cell in (f"  {name}", starts, ratio, *cells)))
    legend = (
        "\np: rank among the donors' placebos, scaled by size; raw: not scaled; floor: the smallest p so many donors can "
        "give. gap before: root mean squared gap before the start over the mean, and of chance: over what Poisson scatter "
        "would give. finds: the ratio found with 80 % power."
    )
    return [Text(""), shown, Text(legend, style="dim"), *_sentences("Beside donors", comparison_sentences(result))]


def _ratio_of(row: pd.Series) -> str:
    if pd.isna(row["point"]):
        return "refused"
    return f"{row['point']:.3f}" + ("" if pd.isna(row["lower"]) else f" ({row['lower']:.3f}–{row['upper']:.3f})")


def _between(numbers: pd.Series, how: str) -> str:
    """One number, or the lowest and the highest."""
    low, high = (format(number, how) for number in (numbers.min(), numbers.max()))
    return "" if numbers.isna().all() else low if low == high else f"{low}–{high}"


def _is_headline(result: StudyResult, pair: Pair) -> bool:
    """The pair of the headline; where the start is an interval, its pair at each start and over them all."""
    own = result.headline.specification
    return any(each.specification is own and not each.variant for each in (pair.level, pair.trend))


def _table(result: StudyResult) -> Table:
    """Level | level + trend for each analysis that has both, one ratio for each that has not; one section per outcome.

    Intervals are 95 % unless said; ``apart`` says whether a step can be told from the trend.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("analysis", overflow="fold", min_width=26)
    for name in ("start", "level", "level + trend", "interval", "finds", "prevented", "apart"):
        table.add_column(name, overflow="fold", no_wrap=name in ("level", "level + trend"))
    for outcome in result.study.outcomes:
        lines = list(_lines(result, outcome))
        if lines:
            table.add_row(Text(outcome.title, style="italic underline"))
        for line, is_headline in lines:
            table.add_row(*line, style="bold" if is_headline else None)
    return table


def _lines(result: StudyResult, outcome: Outcome) -> Iterator[tuple[list[Text], bool]]:
    """The rows of an outcome: analysis, start, both ratios, events prevented, and whether they can be told apart."""
    paired = {id(analysis) for pair in result.pairs for analysis in (pair.level, pair.trend)}
    rows: list[tuple[Analysis, Analysis | None, LevelTrend | None]] = [
        (pair.level, pair.trend, pair.verdict) for pair in result.pairs
    ]
    rows += [
        (analysis, None, None)
        for analysis in result.analyses
        if id(analysis) not in paired and not uses_donors(analysis.estimator)
    ]
    order = {id(analysis): place for place, analysis in enumerate(result.analyses)}
    for level, trend, verdict in sorted(rows, key=lambda row: min(order[id(each)] for each in row[:2] if each is not None)):
        first = min((each for each in (level, trend) if each is not None), key=lambda each: order[id(each)])
        if first.specification.outcome != outcome.name or not _shown(result, first):
            continue
        chosen = result.headline in (level, trend)
        main = trend or level
        name = first.specification.name.removesuffix(f", start {first.specification.start}")
        name = "  " + (f"  {', '.join(first.variant)}" if first.variant else name)
        both = [_ratio(level.fit), _ratio(trend.fit) if trend else ""]
        cells = [name, first.onset, *both, _kind(main.fit), _finds(main.fit), _prevented(main), _told(verdict)]
        yield [Text(cell) for cell in cells], chosen


def _shown(result: StudyResult, analysis: Analysis) -> bool:
    """Each start of the headline, and of the other analyses with several starts only the range."""
    own = [other for other in result.analyses if other.specification is analysis.specification]
    several = any(other.is_range for other in own)
    return not several or analysis.is_range or analysis.specification.headline


def _told(verdict: LevelTrend | None) -> str:
    if verdict is None:
        return ""
    return {True: "yes", False: "no", None: ""}[verdict.separated]


def _finds(effect: Effect) -> str:
    detectable = detectable_of(effect)
    return "" if detectable is None else f"{detectable:.2f}"


def _prevented(analysis: Analysis) -> str:
    """Events prevented over the first such estimand, with its interval."""
    for effect in analysis.effects:
        if effect.estimand.contrast == "prevented" and effect.point is not None:
            limits = (
                [round(limit) for limit in (effect.intervals[0].lower, effect.intervals[0].upper)] if effect.intervals else []
            )
            return f"{round(effect.point)}" + (f" ({limits[0]} to {limits[1]})" if limits else "")
    return ""


def _ratio(effect: Effect) -> str:
    """The ratio with its interval."""
    if effect.refusal:
        return "refused"
    if not effect.intervals:
        return f"{effect.point:.3f}"
    return f"{effect.point:.3f} ({effect.intervals[0].lower:.3f}–{effect.intervals[0].upper:.3f})"


def _kind(effect: Effect) -> str:
    """The kind of the interval, with its level where that is not 95 %."""
    if not effect.intervals:
        return ""
    interval = effect.intervals[0]
    return interval.kind if interval.level == 0.95 else f"{interval.level:.0%} {interval.kind}"


def _disagreements(result: StudyResult) -> list[str]:
    """How many analyses ask what the default was asked, and one line for each that answers otherwise, starts together."""
    table = agreement_table(result)
    others = table[~table["reference"]]
    if others.empty:
        return []
    lines = [
        f"{int(others['agrees'].sum())} of {len(others)} analyses agree with the default for the same figures, start and mean; "
        "agreement.csv has all"
    ]
    for name, rows in others[~others["agrees"]].groupby("specification", sort=False):
        starts = f" at {len(rows)} starts" if len(rows) > 1 else ""
        lines.append(f"{name} ({rows['estimator'].iloc[0]}){starts}: {'; or '.join(dict.fromkeys(rows['disagreements']))}")
    return lines


def _notes(result: StudyResult) -> list[str]:
    """The notes and refusals of all analyses, each once, with the analyses it belongs to."""
    owners: dict[str, list[str]] = {}
    for analysis in result.analyses:
        for note in (*analysis.fit.notes, *filter(None, [analysis.fit.refusal])):
            if note.startswith(A_DONOR):
                continue
            names = owners.setdefault(note, [])
            if not note.startswith(NOT_USED) and analysis.specification.name not in names:
                names.append(analysis.specification.name)
    every = len({analysis.specification.name for analysis in result.analyses})
    left_out = {note for analysis in result.analyses for note in analysis.fit.notes if note.startswith(A_DONOR)}
    donors = (
        [f"donors left out of some comparison for want of figures, {len(left_out)} notes in effects.csv"] if left_out else []
    )
    return [f"{_owners(names, every)}: {note}" for note, names in owners.items() if names] + donors


def _owners(names: list[str], every: int) -> str:
    if len(names) == every:
        return "all"
    return "; ".join(names) if len(names) <= MANY else f"{len(names)} of {every} analyses"


def _unused(result: StudyResult) -> list[str]:
    """Published figures that no analysis of the primary outcome uses, and why."""
    primary = [each for each in result.analyses if each.specification.outcome == result.study.primary.name]
    notes = dict.fromkeys(note for analysis in primary for note in analysis.fit.notes if note.startswith(NOT_USED))
    return [note.removeprefix(NOT_USED) for note in notes]


def _missing(result: StudyResult) -> list[str]:
    return [
        f"{each.declared.title}: {each.reasons[0]} Missing: {each.declared.series} "
        f"missing/{slug(each.declared.name)}.md has every figure"
        for each in result.missing
    ]


def _threats(result: StudyResult) -> list[str]:
    """How many threats put to the headline are in each state, then one line per threat, flagged ones first.

    Where a start is an interval, one line counts the states of another analysis over the starts. Where every threat is put to
    the headline, those of other analyses are counted in one line a threat.
    """
    own = result.headline.specification.name if result.study.threat_draws else None
    groups: dict[tuple[object, ...], list[ThreatResult]] = {}
    beside: dict[str, Counter[str]] = {}
    for threat in sorted(result.threats, key=lambda threat: STATES.index(threat.state)):
        if own is not None and not _is_of(threat, own):
            beside.setdefault(threat.id, Counter())[threat.state] += 1
            continue
        groups.setdefault((threat.id, threat.evidence.get("specification"), threat.evidence.get("control")), []).append(threat)
    lines = _counted(result)
    for (identity, primary, control), threats in groups.items():
        if len(threats) == 1:
            lines.append(f"{identity} {threats[0].state}: {threats[0].sentence}")
            continue
        states = Counter(threat.state for threat in threats)
        numbers = [threat.number for threat in threats if threat.number is not None]
        between = f"; ratio of ratios {min(numbers):.2f} to {max(numbers):.2f}" if numbers else ""
        counts = ", ".join(f"{state} at {count} of {len(threats)} starts" for state, count in states.items())
        lines.append(f"{identity} {counts}: {control} beside {primary}{between}; threats.csv has each")
    for identity, states in sorted(beside.items(), key=lambda pair: int(pair[0].removeprefix("T"))):
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        lines.append(f"{identity} of other analyses: {counts}; threats.csv has each")
    return lines


def _counted(result: StudyResult) -> list[str]:
    """The three states counted apart, of the threats put to the headline; nothing where the study asks for none."""
    if not result.study.threat_draws and result.study.headline.unit != EVERY:
        return []
    own = result.headline.specification.name
    states = Counter({each.id: each.state for each in reversed(result.threats) if _is_of(each, own)}.values())
    return [f"of {states.total()} threats {', '.join(f'{states[state]} {state}' for state in STATES)}"]


def _is_of(threat: ThreatResult, specification: str) -> bool:
    return threat.evidence.get("specification") == specification


def _tipping(result: StudyResult) -> list[str]:
    """One line a threat of the headline's tipping-point table."""
    return [f"{row.row}: {row.sentence}" for row in result.tipping.itertuples()]


def _unsettled(result: StudyResult) -> list[str]:
    return [result.not_simulated] if result.not_simulated else []


def _sentences(title: str, sentences: list[str]) -> list[RenderableType]:
    if not sentences:
        return []
    return [Text(f"\n{title}", style="bold"), *(Padding(Text(f"· {sentence}"), (0, 0, 0, 1)) for sentence in sentences)]
