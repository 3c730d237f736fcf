"""What stands beside the paths and estimates of a study: how the effect adds up, gaps, weights, starts, leads and lags."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from gvi_eval.figures.alt_more import alt_cumulative, alt_gaps, alt_leads, alt_predictive, alt_start, alt_weights
from gvi_eval.figures.bars import start_figure, weights_figure
from gvi_eval.figures.cumulative import cumulative_figure, cumulative_table
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.figures.gaps import POOREST, aside, gaps_figure, gaps_of, side_by_side
from gvi_eval.figures.leads import leads_figure
from gvi_eval.figures.predictive import predictive_figure, predictive_table
from gvi_eval.study import Outcome, Study
from gvi_eval.writing import slug

HEAVIEST = 15  # donors that are shown
ALL_STARTS = "all"  # the row of the mixture over the starts
LIGHTEST = 0.005  # a weight below this is drawn as nothing


def _words(outcome: Outcome) -> dict[str, str]:
    return {language: outcome.label_in.get(language, outcome.title) for language in ("en", "da", "sv")}


def admitted(study: Study, rows: pd.DataFrame) -> Iterator[tuple[Outcome, str, pd.DataFrame, str]]:
    """Each outcome and unit with its comparisons that are admitted and have a path, in order, and a name for what is drawn."""
    rows = rows[(rows["kind"] == "placebo") & rows["point"].notna() & rows["path"].notna()]
    several = rows["unit"].nunique() > 1
    for outcome in study.outcomes:
        for unit, own in rows[rows["outcome"] == outcome.title].groupby("unit", sort=False):
            yield outcome, str(unit), own, slug(outcome.name) + (f"-{slug(str(unit))}" if several else "")


def draw_cumulative(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """The headline's events prevented, added up; over an interval of starts, from the first of them."""
    effects = pd.read_csv(folder / "effects.csv", keep_default_na=False, na_values=[""])
    own = effects[
        effects["headline"] & (effects["contrast"] == "prevented") & effects["point"].notna() & effects["path"].notna()
    ]
    if own.empty:
        return
    row = own.iloc[0]
    path = pd.read_csv(folder / row["path"])
    if path["unit"].nunique() != 1 or path["period"].duplicated().any():
        return
    needed = path[(path["period"] >= row["window_start"]) & (path["period"] <= row["window_end"])]
    if needed[["expected", "factual" if row["target"] == "model" else "observed"]].isna().any().any():
        return
    table = cumulative_table(path, row["window_start"], row["window_end"], row["target"])
    limits = None if pd.isna(row["lower"]) else (float(row["lower"]), float(row["upper"]))
    outcome = next(each for each in study.outcomes if each.title == row["outcome"])
    summed = "expected less fitted" if row["target"] == "model" else "expected less observed"
    between = f" ({limits[0]:.0f} to {limits[1]:.0f})".replace("-", "−") if limits else ""
    caption = (
        f"{row['unit']}, specification “{row['specification']}” ({row['estimator']}), start {row['onset']}: {summed}, added up "
        f"to {row['point']:.0f} {row['estimand']}{between}. {source}."
    )
    title = f"{study.title}: {outcome.title}, as the effect adds up"
    figure = cumulative_figure(table, title=title, caption=caption, limits=limits, level=row["level"] if limits else None)
    alt = alt_cumulative(table, outcome=_words(outcome), limits=limits)
    yield _saved(folder, f"cumulative-{slug(outcome.name)}", figure, table, title, caption, alt, source, run)


def draw_gaps(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """For each unit and outcome the gaps of the first comparison that is admitted, where they were saved."""
    for outcome, unit, own, about in admitted(study, rows):
        row = own.iloc[0]
        file = folder / row["path"].replace("paths/", "gaps/", 1)
        if file.is_file():
            table = gaps_of(pd.read_csv(file))
            title = f"{study.title}: the gap of {unit} beside those of its placebos, {outcome.title}"
            proxy = f" {outcome.label.capitalize()} is a proxy for {outcome.proxy_for}." if outcome.proxy_for else ""
            words = f"Specification “{row['specification']}” ({row['estimator']}), start {row['onset']}."
            caption = f"{words} {_set_aside(table, unit)}{proxy} {source}."
            figure = gaps_figure(table, title=title, caption=caption)
            alt = alt_gaps(table, outcome=_words(outcome))
            yield _saved(folder, f"gap-{about}", figure, side_by_side(table), title, caption, alt, source, run)


def _set_aside(table: pd.DataFrame, unit: str) -> str:
    """Who is not drawn among the placebos, by name, and by which rule."""
    rule = f"mean squared gap before the start is over {POOREST:g} times that of {unit}"
    if poor := aside(table):
        return f"Not drawn: {'; '.join(poor)}, whose {rule}; no p-value leaves them out."
    if table["fit"].isna().all():
        return f"{unit} has no gap before the start by which the donors could be measured, so all are drawn."
    return f"All donors are drawn: of none the {rule}."


def draw_weights(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """For each unit and outcome the weights of the first comparison that is admitted and weighs donors unevenly."""
    for outcome, unit, own, about in admitted(study, rows):
        for row in own.to_dict("records"):
            table = pd.read_csv(folder / row["path"].replace("paths/", "placebos/", 1))
            table = table[~table["treated"].astype(bool) & (table["weight"].abs() >= LIGHTEST)]
            if table["weight"].nunique() > 1:
                break
        else:
            continue
        heavy = table.reindex(table["weight"].abs().sort_values(ascending=False).index)[["unit", "weight"]]
        rest = len(heavy) - HEAVIEST
        heavy = heavy.head(HEAVIEST).reset_index(drop=True)
        more = f" {rest} lighter donors are not shown." if rest > 0 else ""
        caption = f"Specification “{row['specification']}” ({row['estimator']}), start {row['onset']}.{more} {source}."
        title = f"{study.title}: what stands in for {unit}, {outcome.title}"
        figure = weights_figure(heavy, title=title, caption=caption)
        alt = alt_weights(heavy, outcome=_words(outcome))
        yield _saved(folder, f"weights-{about}", figure, heavy, title, caption, alt, source, run)


def draw_start_posterior(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """How probable the figures make each candidate start, where that was looked into."""
    file = folder / "diagnostics" / "start_posterior.csv"
    if not file.is_file():
        return
    table = pd.read_csv(file)
    table = table[table["start"] != ALL_STARTS].reset_index(drop=True)
    if not table["probability"].notna().any():
        return
    title = f"{study.title}: what the figures say about the start"
    caption = (
        "Probability of each start given the headline's model, flat beforehand: a diagnostic, never a choice of the start, "
        f"because a start that the outcome chose would find too much. {source}."
    )
    figure = start_figure(table, title=title, caption=caption)
    alt = alt_start(table, outcome=_words(study.primary))
    yield _saved(folder, "start-posterior", figure, table, title, caption, alt, source, run)


def draw_leads(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """The first event study of each unit, at its first start."""
    if not (folder / "event_study.csv").is_file():
        return
    table = pd.read_csv(folder / "event_study.csv")
    table = table[table["value"].notna() & table["error"].notna()]
    several = table["unit"].nunique() > 1
    for unit, own in table.groupby("unit", sort=False):
        first = own.iloc[0]
        same = own[(own["specification"] == first["specification"]) & (own["onset"] == first["onset"])].reset_index(drop=True)
        title = f"{study.title}: leads and lags, {unit}"
        caption = (
            f"Specification “{first['specification']}”, start {first['onset']}; intervals of 95 %; each mark stands at "
            f"its first period. {source}."
        )
        figure = leads_figure(same, title=title, caption=caption)
        alt = alt_leads(same, outcome=_words(study.primary))
        name = "event-study" + (f"-{slug(str(unit))}" if several else "")
        yield _saved(folder, name, figure, same, title, caption, alt, source, run)


def draw_predictive(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """The headline's figures in the distributions that its model gave them, the latent level left open."""
    file = folder / "diagnostics" / "residuals.csv"
    if not file.is_file():
        return
    residuals = pd.read_csv(file)
    if residuals.empty or residuals["pit"].isna().all():
        return
    about = residuals["about"].iloc[-1]
    table = predictive_table(residuals[residuals["about"] == about])
    title = f"{study.title}: predicted and seen"
    caption = (
        f"The headline's figures about {about}: the share of its predictive distribution that lies below each, sorted. Read "
        f"together, not one by one: with many figures some lie outside the band by chance. {source}."
    )
    figure = predictive_figure(table, title=title, caption=caption)
    alt = alt_predictive(table, outcome=_words(study.primary))
    yield _saved(folder, "predictive", figure, table, title, caption, alt, source, run)


def _saved(folder: Path, name: str, figure, table: pd.DataFrame, title: str, caption: str, alt, source: str, run: str) -> str:
    save_figure(figure, folder / "figures" / name, table, FigureAbout(name, title, caption, alt, source, run))
    return name


# the first word or words of a figure's name -> what draws the figures of that kind
BESIDE = {
    "cumulative": draw_cumulative,
    "gap": draw_gaps,
    "weights": draw_weights,
    "start-posterior": draw_start_posterior,
    "event-study": draw_leads,
    "predictive": draw_predictive,
}
