"""The figures of a study, drawn from its saved tables: what is drawn is what was saved."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from gvi_eval.figures.alt import alt_curve, alt_forest, alt_path, alt_placebo
from gvi_eval.figures.alt_design import alt_power, alt_tipping
from gvi_eval.figures.beside import BESIDE, admitted
from gvi_eval.figures.curve import curve_figure
from gvi_eval.figures.events import Marker
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.figures.forest import forest_figure
from gvi_eval.figures.path import path_figure
from gvi_eval.figures.placebo import placebo_figure
from gvi_eval.figures.power_curve import power_figure
from gvi_eval.figures.tipping import tipping_figure
from gvi_eval.study import Outcome, Study
from gvi_eval.writing import slug

RANGE = "range over starts"  # the inference of a row that stands for several starts
# the name of a figure of the headline's design -> its table, what it answers, words on the specification, picture and words
DESIGN: Mapping[str, tuple[str, str, str, Callable[..., Figure], Callable[..., dict[str, str]]]] = {
    "tipping": (
        "tipping.csv",
        "what would have to be true for there to be no effect",
        ", start {start}. 100 % is what would be the whole effect if it acted alone; to the left of 0 % lies what would hide "
        "one.",
        tipping_figure,
        alt_tipping,
    ),
    "power": (
        "power_curve.csv",
        "what the design could have found",
        ": the probability that its interval lies below 1, simulated about what was expected without the programme.",
        power_figure,
        alt_power,
    ),
}


def draw_study(
    folder: Path,
    study: Study,
    *,
    source: str,
    run: str,
    done: Callable[[str], None] = lambda what: None,
    only: str | None = None,
) -> list[str]:
    """Draw the figures of the results in ``folder`` into its figures/: paths per outcome, estimates, starts, and what
    stands beside them; with ``only`` those whose names begin so.

    Nothing is estimated. Returns the names of the figures.
    """
    effects = pd.read_csv(folder / "effects.csv", keep_default_na=False, na_values=[""])
    ratios = effects[(effects["contrast"] == "ratio") & (effects["estimand"] == study.estimands[0].name)]
    plain = ratios[ratios["part"].isin(["declared", "twin", "prior"])]
    several = plain[(plain["inference"] != RANGE) & plain.duplicated("specification", keep=False)]
    kinds: dict[str, Callable[[], Iterator[str]]] = {
        "path": lambda: _draw_paths(folder, study, plain, source, run),
        "estimates": lambda: iter([_draw_estimates(folder, study, plain, source, run)]),
        "grid": lambda: _draw_grid(folder, study, ratios[ratios["part"] == "grid"], source, run),
        "starts": lambda: iter(() if several.empty else [_draw_starts(folder, study, several, source, run)]),
        "curve": lambda: iter([_draw_curve(folder, study, source, run)] if (folder / "curve.csv").is_file() else ()),
        "placebos": lambda: _draw_placebos(folder, study, plain, source, run),
        **{kind: partial(_draw_design, kind, folder, study, source, run) for kind in DESIGN},
        **{kind: partial(draw, folder, study, plain, source, run) for kind, draw in BESIDE.items()},
    }
    names = []
    for kind, draw in kinds.items():
        if only is None or only.startswith(kind) or kind.startswith(only):
            for name in draw():
                if only is None or name.startswith(only):
                    names.append(name)
                done(name)
    return names


def _draw_paths(folder: Path, study: Study, plain: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    for outcome in study.outcomes:
        for unit in study.treated_units:
            row = _shown(plain[plain["unit"] == unit.name], outcome)
            if row is not None:
                yield _draw_path(folder, study, outcome, row, source, run)


def _draw_design(kind: str, folder: Path, study: Study, source: str, run: str) -> Iterator[str]:
    """What would undo the headline, or what its design could have told, where the table is."""
    file, question, words, figure, in_words = DESIGN[kind]
    if not (folder / file).is_file():
        return
    outcome, table = study.outcome(study.headline.outcome), pd.read_csv(folder / file)
    title = f"{study.title}: {question}"
    about_start = words.format(start=table["onset"].iloc[0] if "onset" in table else "")
    caption = f"Specification “{study.headline.name}”{about_start} Outcome: {outcome.title}. {source}."
    alt = in_words(table, outcome=_in_languages(outcome.title, outcome.label_in))
    about = FigureAbout(kind, title, caption, alt, source, run)
    save_figure(figure(table, title=title, caption=caption), folder / "figures" / kind, table, about)
    yield kind


def _shown(ratios: pd.DataFrame, outcome: Outcome) -> pd.Series | None:
    """The row of a unit whose path is drawn for an outcome: the headline, else the first declared that has a path."""
    own = ratios[(ratios["outcome"] == outcome.title) & ratios["path"].notna() & ratios["point"].notna()]
    if own.empty:
        return None
    headline = own[own["headline"]]
    return (headline if not headline.empty else own).iloc[0]


def _draw_path(folder: Path, study: Study, outcome: Outcome, row: pd.Series, source: str, run: str) -> str:
    path = pd.read_csv(folder / row["path"], parse_dates=["period_start", "period_end"])
    path["period_start"], path["period_end"] = path["period_start"].dt.date, path["period_end"].dt.date
    treatment = study.treatment_of(row["unit"])
    place = f", {row['unit']}" if len(study.treated_units) > 1 else ""
    name = f"path-{slug(outcome.name + place)}"
    start = (treatment.start.earliest, treatment.start.latest)
    markers = _markers(study, row["unit"], path)
    spans = _spans(folder / row["panel"], row["unit"], path)
    word = {"M": "month", "Q": "quarter", "Y": "year"}[study.frequency]
    caption = (
        f"{row['unit']}, specification “{row['specification']}” ({row['estimator']}), start {row['onset']}: "
        f"ratio {_numbers(row)}. Dashed: expected without {treatment.name}. {source}."
    )
    figure = path_figure(
        path,
        title=f"{study.title}{place}: {outcome.label}",
        y_label=f"{outcome.label} per {word}",
        start=start,
        events=markers,
        dropped=_stretches(path, spans),
        spans=spans,
        proxy_for=outcome.proxy_for,
        caption=caption,
    )
    alt = alt_path(
        path,
        outcome=_in_languages(outcome.label, outcome.label_in),
        start=start,
        proxy_for=_in_languages(outcome.proxy_for, outcome.proxy_for_in) if outcome.proxy_for else None,
        spans=spans,
        events=len(markers),
    )
    about = FigureAbout(name, f"{study.title}{place}: {outcome.title}", caption, alt, source, run)
    save_figure(figure, folder / "figures" / name, path, about)
    return name


def _draw_estimates(folder: Path, study: Study, ratios: pd.DataFrame, source: str, run: str) -> str:
    """All specifications; where the start is an interval, their range over it."""
    rows = ratios[(ratios["inference"] == RANGE) | ~ratios.duplicated("specification", keep=False)]
    several = (rows["inference"] == RANGE).any()
    over = (
        " Where the start is an interval: flat average and range over all starts, refused where any start is."
        if several
        else ""
    )
    caption = f"Every declared analysis; 1 means no change.{over} Outcomes: {'; '.join(rows['outcome'].unique())}. {source}."
    return _draw_forest(
        folder, study, rows, rows["specification"], "estimates", f"{study.title}: every declared analysis", caption, source, run
    )


def _draw_grid(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """Every combination of donut and start, with and without the trend: one figure for each window."""
    grid = study.grid
    if rows.empty:
        return
    outcome = study.outcome(grid.outcome)
    for window in grid.windows:
        prefix = f"to {window.end}, "
        own = rows[rows["specification"].str.startswith(prefix)]
        groups = own["specification"].str.endswith(", without trend").map({True: "level", False: "level + trend"})
        labels = own["specification"].str.removeprefix(prefix).str.removesuffix(", without trend")
        title = f"{study.title}, to {window.end}: every combination"
        caption = (
            f"Every combination of the study's donuts and starts, on the figures to {window.end} ({grid.estimator}); 1 means "
            "no change. A combination that is declared by name stands among the declared analyses. "
            f"Outcome: {outcome.title}. {source}."
        )
        name = f"grid-to-{window.end}"
        yield _draw_forest(folder, study, own, labels, name, title, caption, source, run, groups=groups)


def _draw_starts(folder: Path, study: Study, several: pd.DataFrame, source: str, run: str) -> str:
    """The headline and its companions on the primary outcome at each start of the interval, of one unit."""
    primary = several[several["outcome"] == study.primary.title]
    primary = primary[primary["unit"] == primary["unit"].iloc[0]]
    treatment = study.treatment_of(primary["unit"].iloc[0])
    chosen = primary[primary["specification"].isin(primary["specification"].unique()[:2])]
    labels = chosen["specification"] + ", start " + chosen["onset"]
    caption = (
        f"The start of {treatment.name} is published only as an interval; each start in it gives its own ratio. "
        f"Outcome: {study.primary.title}. {source}."
    )
    return _draw_forest(folder, study, chosen, labels, "starts", f"{study.title}: each possible start", caption, source, run)


def _draw_forest(
    folder: Path,
    study: Study,
    rows: pd.DataFrame,
    labels: pd.Series,
    name: str,
    title: str,
    caption: str,
    source: str,
    run: str,
    groups: pd.Series | None = None,
) -> str:
    table = rows.assign(label=labels, group=rows["outcome"] if groups is None else groups)
    table = table[["label", "group", "point", "lower", "upper", "level", "kind", "refusal", "headline"]].reset_index(drop=True)
    figure = forest_figure(table, title=title, x_label="ratio of what was counted to what was expected", caption=caption)
    outcome = _in_languages(study.primary.title, study.primary.label_in)
    about = FigureAbout(name, title, caption, alt_forest(table, outcome=outcome), source, run)
    save_figure(figure, folder / "figures" / name, table, about)
    return name


def _draw_placebos(folder: Path, study: Study, rows: pd.DataFrame, source: str, run: str) -> Iterator[str]:
    """For each unit and outcome the first declared comparison with donors that is admitted, at its first start."""
    if not (folder / "comparisons.csv").is_file():
        return
    word = {"M": "month", "Q": "quarter", "Y": "year"}[study.frequency]
    for outcome, unit, own, about in admitted(study, rows):
        row, name = own.iloc[0], f"placebos-{about}"
        table = pd.read_csv(folder / row["path"].replace("paths/", "placebos/", 1))
        table["log_ratio"], table["scaled"] = table["log_ratio"].astype(float), table["scaled"].astype(float)
        title = f"{study.title}: {outcome.label} of {unit} among its placebos"
        proxy = f" {outcome.label.capitalize()} is a proxy for {outcome.proxy_for}." if outcome.proxy_for else ""
        caption = (
            f"Specification “{row['specification']}” ({row['estimator']}), start {row['onset']}: ratio {_numbers(row)}, p "
            f"{row['p']:.3f} (floor {row['floor']:.3f}), raw p {row['p_raw']:.3f}.{proxy} {source}."
        )
        figure = placebo_figure(table, title=title, unit_word=word, caption=caption, level=row["level"])
        alt = alt_placebo(table, outcome=_in_languages(outcome.title, outcome.label_in), level=row["level"])
        save_figure(figure, folder / "figures" / name, table, FigureAbout(name, title, caption, alt, source, run))
        yield name


def _draw_curve(folder: Path, study: Study, source: str, run: str) -> str:
    """The specification curve, and in its caption what its joint test says."""
    rows = pd.read_csv(folder / "curve.csv", keep_default_na=False, na_values=[""])
    tests = pd.read_csv(folder / "curve_test.csv")
    title = f"{study.title}: specification curve"
    refused = int(rows["point"].isna().sum())
    proxy = f" {study.primary.label.capitalize()} is a proxy for {study.primary.proxy_for}." if study.primary.proxy_for else ""
    told = "; ".join(f"{row.statistic}: p {row.p:.3f} (floor {row.floor:.3f})" for row in tests.itertuples())
    caption = (
        f"Every admissible combination of the study's choices; 1 means no change, and the curve is no average. {refused} "
        f"specifications gave no ratio.{proxy} {f'Beside {tests.how[0]}: {told}. ' if told else ''}{source}."
    )
    alt = alt_curve(rows, outcome=_in_languages(study.primary.title, study.primary.label_in))
    about = FigureAbout("curve", title, caption, alt, source, run)
    save_figure(curve_figure(rows, title=title, caption=caption), folder / "figures" / "curve", rows, about)
    return "curve"


def _markers(study: Study, unit: str, path: pd.DataFrame) -> list[Marker]:
    """Decision, phases and other events of a unit that fall into the days of its path; not what happened to a donor."""
    first, last = path["period_start"].min(), path["period_end"].max()
    markers = []
    for event in study.events_of(unit):
        if event.role != "treatment":
            end = event.end or (None if event.start.is_known else event.start.latest)
            markers.append(Marker(event.name, event.start.earliest, end, event.role))
            continue
        decided = event.decided
        markers.append(
            Marker(f"decision on {event.name}", decided.earliest, None if decided.is_known else decided.latest, "decision")
        )
        markers += [Marker(phase.name, phase.start.earliest, phase.end.latest, "phase") for phase in event.phases]
    return [marker for marker in markers if marker.start <= last and (marker.end or marker.start) >= first]


def _spans(file: Path, unit: str, path: pd.DataFrame) -> pd.DataFrame | None:
    """The published counts for odd spans, one row per range, at their rate per period; none for a complete grid."""
    panel = pd.read_csv(file, keep_default_na=False, na_values=[""])
    panel = panel[(panel["unit"] == unit) & panel["person_years"].isna()]
    rows = []
    for span in panel.itertuples():
        ranges = [tuple(map(date.fromisoformat, part.split(".."))) for part in span.period.split(" and ")]
        length = sum(_periods_between(path, first, last) for first, last in ranges)
        rows += [(first, last, int(span.value), span.value / length) for first, last in ranges]
    return pd.DataFrame(rows, columns=["range_start", "range_end", "count", "per_period"]) if rows else None


def _periods_between(path: pd.DataFrame, first: date, last: date) -> float:
    """How many periods these days are, a part of a period as its share of days."""
    shares = 0.0
    for start, end in zip(path["period_start"], path["period_end"], strict=True):
        days = (min(end, last) - max(start, first)).days + 1
        shares += max(days, 0) / ((end - start).days + 1)
    return shares


def _stretches(path: pd.DataFrame, spans: pd.DataFrame | None) -> list[tuple[date, date]]:
    """First and last day of each run of periods without a figure, whole or in a span."""
    missing = path["observed"].isna()
    if spans is not None:
        for first, last in zip(spans["range_start"], spans["range_end"], strict=True):
            missing &= (path["period_end"] < first) | (path["period_start"] > last)
    runs = (missing != missing.shift()).cumsum()[missing]
    return [(path.loc[run.index[0], "period_start"], path.loc[run.index[-1], "period_end"]) for _, run in runs.groupby(runs)]


def _in_languages(words: str, others: object) -> dict[str, str]:
    return {"en": words, "da": others.get("da", words), "sv": others.get("sv", words)}


def _numbers(row: pd.Series) -> str:
    if pd.isna(row["lower"]):
        return f"{row['point']:.3f} (no interval)"
    return f"{row['point']:.3f} ({row['lower']:.3f}–{row['upper']:.3f}, {row['level']:.0%} {row['kind']})"
