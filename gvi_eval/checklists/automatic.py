"""Answers that the saved results give by themselves: only what can be read off a row, and against the study where in doubt.

A function returns what it found, with an answer where that settles the item and without one where raters must judge.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import pandas as pd

from gvi_eval.checklists.items import Item
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


def _sides(saved: Saved) -> tuple[int, int, int]:
    """Figures of the headline that end before the earliest start, that begin on or after the latest, and that lie across."""
    start = saved.study.treatment.start
    figures = saved.panel.dropna(subset=["value"])
    first, last = (pd.to_datetime(figures[name]).dt.date for name in ("period_start", "period_end"))
    inside = first <= saved.window_end
    before, after = int((last < start.earliest).sum()), int(((first >= start.earliest) & inside).sum())
    return before, after, int(inside.sum()) - before - after


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
    before, after, across = _sides(saved)
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


def _gaps(saved: Saved) -> tuple[int, int, int]:
    """Periods of the headline's window, those with a figure of their own, and the figures that span several periods."""
    rows = saved.panel[pd.to_datetime(saved.panel["period_start"]).dt.date <= saved.window_end]
    spans = rows["period"].astype(str).str.contains(r"\.\.", regex=True)
    cells = rows[~spans]
    return len(cells), int(cells["value"].notna().sum()), int(spans.sum())


def incomplete_data(saved: Saved) -> Found:
    periods, own, spans = _gaps(saved)
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
    before, after, _ = _sides(saved)
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
    row = saved.headline.iloc[0]
    refused = saved.headline["refusal"].notna().any()
    if row["estimator"] in BESIDE and not refused:
        return Found(
            "3",
            f"the headline, {row['specification']} ({row['estimator']}), compares with a control that holds",
            saved.of_headline(),
        )
    why = "its control is refused" if row["estimator"] in BESIDE else "before and after in one place"
    return Found("2", f"the headline, {row['specification']} ({row['estimator']}): {why}", saved.of_headline())


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


def its_intervention(saved: Saved) -> Found:
    treatment = saved.study.treatment
    told = f"{treatment.name}, start {treatment.start}; its dose is no part of the study"
    return Found("partly", told, declared("interventions, role treatment"))


def its_impact_model(saved: Saved) -> Found:
    own = saved.study.headline
    told = f"{own.estimator}, {f'settings {dict(own.settings)}' if own.settings else 'default settings'}; {saved.planned}"
    links = (*declared("specifications, headline"), *written("manifest.json", "analyses, settings"))
    return Found("partly" if saved.planned == NOT_LOCKED else "reported", told, links)


def its_outcome_constant(saved: Saved) -> Found:
    primary = saved.study.primary
    links = declared(f"outcomes, {primary.name}")
    changed = [event.name for event in saved.study.interventions if event.role == "recording change"]
    if len(primary.definitions) < 2 and not changed:
        return Found("reported", "one definition throughout, named in every figure's table", links)
    why = primary.chained_because or f"changes of recording: {', '.join(changed)}"
    return Found("partly", f"{max(len(primary.definitions), 1)} definitions; {why}", links)


def its_points(saved: Saved) -> Found:
    before, after, across = _sides(saved)
    told = f"unit of time {saved.study.frequency}; {before} figures before, {after} after, {across} across the start"
    return Found("reported", told, written(saved.headline.iloc[0]["panel"]))


def its_model(saved: Saved) -> Found:
    told = (
        f"{saved.study.headline.estimator} with every setting; its formula stands with the estimator in the code that is named"
    )
    return Found("reported", told, (*saved.of_headline(), *written("manifest.json", "analyses, settings; code_sha256")))


def its_autocorrelation(saved: Saved) -> Found:
    rows = saved.table("diagnostics/residual_summary.csv")
    if rows.empty:
        return Found("not reported", "no residuals of the headline are kept", saved.of_headline())
    p = float(rows["ljung_box_p"].iloc[0])
    return Found(
        "reported", f"Ljung–Box p {p:.3f}, autocorrelations to lag 12", saved.row("diagnostics/residual_summary.csv", rows, 1)
    )


def its_season(saved: Saved) -> Found:
    from gvi_eval.estimators import make_estimator

    own = saved.study.headline
    season = getattr(make_estimator(own.estimator, own.settings), "season", None)
    links = written("manifest.json", "analyses, settings, season")
    if season is None:
        return Found(
            "not applicable" if saved.study.frequency == "Y" else "not reported", f"{own.estimator} has no season", links
        )
    return Found("reported", f"setting season: {season}", links)


def its_dispersion(saved: Saved) -> Found:
    rows = saved.table("diagnostics/residual_summary.csv")
    figures = saved.panel["value"].dropna()
    zero = f"{int((figures == 0).sum())} of {len(figures)} figures are zero"
    if rows.empty:
        return Found("not reported", f"no dispersion is kept; {zero}", written(saved.headline.iloc[0]["panel"]))
    told = f"dispersion of the residuals {float(rows['dispersion'].iloc[0]):.2f}; {zero}"
    return Found("reported", told, saved.row("diagnostics/residual_summary.csv", rows, 1))


def its_controls(saved: Saved) -> Found:
    donors = [unit.name for unit in saved.study.units if unit.role == "donor" and unit.excluded is None]
    controls = [outcome.label for outcome in saved.study.outcomes if outcome.role == "negative control"]
    if not donors and not controls:
        return Found(
            "not reported",
            "the study declares neither a control area nor a negative-control outcome",
            declared("units, outcomes"),
        )
    told = f"control areas: {len(donors)}; negative-control outcomes, each with its reason: {', '.join(controls) or 'none'}"
    links = declared("units, role donor; outcomes, role negative control")
    return (
        Found("reported", told, links)
        if controls
        else Found("partly", f"{told}; why these areas is no field of the study", links)
    )


def its_co_interventions(saved: Saved) -> Found | None:
    events = [event.name for event in saved.study.interventions if event.role != "treatment"]
    if not events:
        return None
    return Found("reported", f"{len(events)} other events with their sources: {', '.join(events)}", declared("interventions"))


def its_estimates(saved: Saved) -> Found:
    rows = saved.effects[saved.effects["headline"]]
    prevented = rows[(rows["contrast"] == "prevented") & rows["point"].notna()]
    pairs = saved.table("pairs.csv")
    paired = not pairs.empty and saved.study.headline.name in set(pairs["specification"])
    told = f"level beside level with trend: {'yes' if paired else 'no'}; events prevented: {'yes' if len(prevented) else 'no'}"
    links = (*saved.of_headline(), *saved.row("effects.csv", prevented, 1))
    return Found("reported" if paired and len(prevented) else "partly", told, links)


def its_missing(saved: Saved) -> Found:
    periods, own, spans = _gaps(saved)
    notes = [note for note in str(saved.headline.iloc[0]["notes"]).split(" | ") if note.startswith("not used")]
    told = (
        f"{periods - own} of {periods} periods without their own figure, {spans} spans, {len(notes)} figures not used by name"
    )
    rows = saved.table("diagnostics/residual_summary.csv")
    links = (*written(saved.headline.iloc[0]["panel"]), *saved.of_headline())
    if rows.empty:
        return Found("partly", f"{told}; no residuals are kept", links)
    largest = f"largest residual {float(rows['largest_residual'].iloc[0]):.1f} at {rows['largest_at'].iloc[0]}"
    return Found("reported", f"{told}; {largest}", (*links, *saved.row("diagnostics/residual_summary.csv", rows, 1)))


def its_power(saved: Saved) -> Found:
    rows = saved.table("power.csv")
    if rows.empty:
        return Found("not reported", "the study asks for no power (power_draws)", declared("power_draws"))
    told = "; ".join(f"{row.noise}: finds {row.detectable:.2f}" for row in rows.dropna(subset=["detectable"]).itertuples())
    return Found("reported", told or "nothing could be detected", saved.row("power.csv", rows))


def its_sensitivity(saved: Saved) -> Found:
    names = saved.effects["specification"].nunique()
    curve = saved.table("curve.csv")
    more = f"; {len(curve)} specifications in the curve" if len(curve) else ""
    return Found(
        "reported" if names > 1 else "not reported",
        f"{names} analyses, refusals included{more}",
        written("effects.csv", "specification"),
    )


def its_plot(saved: Saved) -> Found:
    drawn = sorted(file.relative_to(saved.folder).as_posix() for file in saved.folder.glob("figures/path-*/figure.svg"))
    if not drawn:
        return Found("not reported", "no path is drawn", written("figures"))
    return Found("reported", f"{len(drawn)} figures of points and what was expected", written(drawn[0]))


def data_and_code(saved: Saved) -> Found:
    tables = sorted(set(re.findall(r"[\w/.-]+\.csv", " ".join(saved.panel["figures"].dropna().astype(str)))))
    told = f"{', '.join(tables) or 'the tables'}, with the line of every figure; code and tables by their hash"
    return Found(
        "reported",
        told,
        (*written(saved.headline.iloc[0]["panel"], "figures"), *written("manifest.json", "inputs, code_sha256")),
    )


def its_deviations(saved: Saved) -> Found:
    links = written("manifest.json", "planned")
    if saved.planned == NOT_LOCKED:
        return Found("not reported", f"no plan was locked, so there is none to deviate from: {NOT_LOCKED}", links)
    return Found("reported", saved.planned, links)


ANSWERS: Mapping[str, Callable[[Saved], Found | None]] = {
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
        its_intervention,
        its_impact_model,
        its_outcome_constant,
        its_points,
        its_model,
        its_autocorrelation,
        its_season,
        its_dispersion,
        its_controls,
        its_co_interventions,
        its_estimates,
        its_missing,
        its_power,
        its_sensitivity,
        its_plot,
        data_and_code,
        its_deviations,
    )
} | SYNTHETIC
