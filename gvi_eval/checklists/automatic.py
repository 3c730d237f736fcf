"""Answers that the saved results give by themselves: only what can be read off a row, and against the study where in doubt.

A function returns what it found, with an answer where that settles the item and without one where raters must judge.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from gvi_eval.checklists.items import Item
from gvi_eval.checklists.reporting import ANSWERS as REPORTING
from gvi_eval.checklists.saved import Found, Saved, declared, written
from gvi_eval.checklists.synthetic import ANSWERS as SYNTHETIC
from gvi_eval.errors import DataError
from gvi_eval.lock import NOT_LOCKED
from gvi_eval.study import Intervention, Specification

ENTRY = 3  # points that an interrupted time series needs on each side
FEW = 12  # figures on a side below which the points are called few
NEAR = timedelta(days=365)  # before the start, within which another event counts as of the same time
BESIDE = (
    "controlled",
    "synthetic",
    "sdid",
    "did",
    "event_study",
    "augmented",
    "penalized",
    "factor",
    "bayes_synthetic",
    "staggered",
)


def automatic(item: Item, saved: Saved) -> Found | None:
    """What the results say of an item: an answer, or facts for those who are asked.

    Raises `DataError` where an answer is not among those that the item takes.
    """
    found = None if item.automatic is None else ANSWERS[item.automatic](saved)
    if found is None or found.answer is None:
        return _with_facts(item, saved, found)
    if found.answer not in item.options:
        raise DataError(
            f"{item.id} takes {', '.join(item.options)}, not '{found.answer}'; correct data_schemas/checklists.json"
        )
    return found


def _with_facts(item: Item, saved: Saved, found: Found | None) -> Found | None:
    """The sentences of the threats that bear on an asked item, as they stand in threats.csv; they answer nothing."""
    told, links = ([], []) if found is None else ([found.sentence], list(found.evidence))
    for identity in item.facts:
        rows = saved.threat(identity)
        if len(rows):
            told.append(f"{identity} {rows['state'].iloc[0]}: {rows['sentence'].iloc[0]}")
            links += saved.row("threats.csv", rows, 1)
    return Found(None, "; ".join(told), tuple(links)) if told else None


def _events(saved: Saved) -> list[Intervention]:
    """Co-interventions and shocks from a year before the start to the end of the headline's window."""
    start = saved.study.treatment.start.earliest
    return [
        event
        for event in saved.study.events_of(saved.study.headline.unit)
        if event.role in ("co-intervention", "shock")
        and start - NEAR <= event.start.latest
        and event.start.earliest <= saved.window_end
    ]


def entry(saved: Saved) -> Found:
    start = saved.study.treatment.start
    before, after, across = saved.sides
    told = f"start {start}; {before} figures before it, {after} after it" + (f", {across} across it" if across else "")
    links = (*declared("interventions, role treatment"), *written(saved.headline.iloc[0]["panel"]))
    if not start.is_known:
        return Found("no", f"{told}: the start is published as an interval, not as a point", links)
    return Found("yes" if min(before, after) >= ENTRY else "no", told, links)


def independent_of_other_changes(saved: Saved) -> Found | None:
    events = _events(saved)
    if not events:
        return None
    told = "; ".join(f"{event.name} ({event.start})" for event in events)
    return Found(
        "high risk", f"declared beside the programme: {told}", declared("interventions, roles co-intervention and shock")
    )


def shape_fixed_beforehand(saved: Saved) -> Found:
    links = (*declared("specifications, headline"), *written("manifest.json", "planned"))
    if saved.planned == NOT_LOCKED:
        return Found("unclear", f"the shape is declared in study.toml, but the plan was {NOT_LOCKED}", links)
    if "changed since" in saved.planned and "not changed" not in saved.planned:
        return Found(None, saved.planned, links)
    return Found("low risk", saved.planned, links)


def recording_unchanged(saved: Saved) -> Found | None:
    flagged = saved.threat("T2")
    flagged = flagged[flagged["state"] == "flagged"] if len(flagged) else flagged
    if len(flagged):
        return Found("high risk", str(flagged["sentence"].iloc[0]), saved.row("threats.csv", flagged, 1))
    events = [event for event in saved.study.interventions if event.role == "recording change"]
    told = "; ".join(f"{event.name} ({event.start})" for event in events)
    return Found(
        None, f"changes of recording that are declared: {told or 'none'}", declared("interventions, role recording change")
    )


def incomplete_data(saved: Saved) -> Found:
    periods, own, spans = saved.gaps
    links = written(saved.headline.iloc[0]["panel"])
    if own == periods:
        return Found("low risk", f"all {periods} periods have a figure", links)
    return Found(None, f"{own} of {periods} periods have a figure of their own; {spans} figures span several periods", links)


def selective_reporting(saved: Saved) -> Found:
    declared_ones = saved.study.declared
    told = set(saved.effects["specification"])
    shown = {_question(saved, each) for each in declared_ones if each.name in told}
    missing = [each.name for each in declared_ones if each.name not in told and _question(saved, each) not in shown]
    links = (*declared("specifications and grid"), *written("effects.csv", "specification"))
    if missing:
        return Found(
            "high risk", f"{len(missing)} of {len(declared_ones)} declared analyses are not reported: {missing[0]}", links
        )
    refused = int(saved.effects.drop_duplicates("specification")["refusal"].notna().sum())
    every = f"all {len(declared_ones)} declared analyses are reported, {refused or 'none'} of all that were run refused"
    if saved.planned == NOT_LOCKED:
        return Found("unclear", f"{every}; the plan was {NOT_LOCKED}, so what was declared could have been picked", links)
    return Found("low risk", every, links)


def _question(saved: Saved, own: Specification) -> tuple[object, ...]:
    """What two analyses share that are one: a point of the grid that is declared by name as well is run once."""
    start = own.start or saved.study.treatment_of(own.unit).start.earliest
    trend = own.settings.get("trend", True)
    return own.estimator, own.outcome, own.unit, own.window, own.transforms, start, trend


def other_risks(saved: Saved) -> Found:
    before, after, _ = saved.sides
    told, links = f"{before} figures before the start and {after} after it", written(saved.headline.iloc[0]["panel"])
    residuals = saved.table("diagnostics/residual_summary.csv")
    left = False
    if not residuals.empty:
        p = float(residuals["ljung_box_p"].iloc[0])
        left = p < 0.05
        told += f"; autocorrelation of the residuals: p {p:.3f} (Ljung–Box)"
        links = (*links, *saved.row("diagnostics/residual_summary.csv", residuals, 1))
    return Found("high risk" if left or min(before, after) < FEW else None, told, links)


def maryland(saved: Saved) -> Found:
    """A control that is refused, contaminated (T11) or does not fit (T12) earns nothing."""
    row = saved.headline.iloc[0]
    name = f"the headline, {row['specification']} ({row['estimator']})"
    if row["estimator"] not in BESIDE:
        return Found("2", f"{name}: before and after in one place", saved.of_headline())
    if saved.headline["refusal"].notna().any():
        return Found("2", f"{name}: its control is refused", saved.of_headline())
    for identity in ("T11", "T12"):
        rows = saved.threat(identity)
        flagged = rows[rows["state"] == "flagged"] if len(rows) else rows
        if len(flagged):
            links = (*saved.of_headline(), *saved.row("threats.csv", flagged, 1))
            return Found("2", f"{name}: {flagged['sentence'].iloc[0]}", links)
    return Found("3", f"{name}: compares with a control that is neither refused nor flagged", saved.of_headline())


def effect_covered(saved: Saved) -> Found:
    rows = saved.headline
    whole = rows["refusal"].isna().all() and rows["lower"].notna().all()
    told = "point and interval are reported" if whole else "the headline is refused or has no interval at some start"
    return Found("covered" if whole else "partly", told, saved.of_headline())


def grade_start(saved: Saved) -> Found:
    return Found("low", "the programme was not allocated by lot", declared("interventions, role treatment"))


def inconsistency(saved: Saved) -> Found:
    return Found("cannot be judged", "one study; syntheses set studies side by side", saved.of_headline())


def indirectness(saved: Saved) -> Found | None:
    primary = saved.study.primary
    if primary.proxy_for is None:
        return None
    return Found(
        "serious", f"{primary.label} is a proxy for {primary.proxy_for}", declared(f"outcomes, {primary.name}, proxy_for")
    )


def imprecision(saved: Saved) -> Found:
    low, high = saved.study.smallest_effect
    rows = saved.headline
    if rows["lower"].isna().any() or rows["upper"].isna().any():
        return Found("cannot be judged", "the headline has no interval at some start", saved.of_headline())
    wide = [(row.lower < low) + (row.upper > high) for row in rows.itertuples() if row.lower < 1 < row.upper]
    limits = f"interval {rows['lower'].min():.3f}–{rows['upper'].max():.3f}"
    told = f"{limits} beside {low:g} and {high:g}, over {len(rows)} start{'s' * (len(rows) > 1)}"
    answer = ("no concern", "serious", "very serious")[max(wide, default=0)]
    return Found(answer, told, saved.of_headline(3))


OWN: Mapping[str, Callable[[Saved], Found | None]] = {
    each.__name__: each
    for each in (
        entry,
        independent_of_other_changes,
        shape_fixed_beforehand,
        recording_unchanged,
        incomplete_data,
        selective_reporting,
        other_risks,
        maryland,
        effect_covered,
        grade_start,
        inconsistency,
        indirectness,
        imprecision,
    )
}
ANSWERS: Mapping[str, Callable[[Saved], Found | None]] = {**OWN, **REPORTING, **SYNTHETIC}
