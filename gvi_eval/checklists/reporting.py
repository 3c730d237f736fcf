"""Answers on the reporting of an interrupted time series: is the item in the published results, and where?"""

import re
from collections.abc import Callable, Mapping

from gvi_eval.checklists.saved import Found, Saved, declared, written
from gvi_eval.lock import NOT_LOCKED


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
    before, after, across = saved.sides
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
    periods, own, spans = saved.gaps
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
}
