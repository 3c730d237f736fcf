"""The page of a synthesis in Markdown: what is set beside what, what comes of it, and what it cannot say."""

from collections.abc import Iterator, Sequence

import pandas as pd

from gvi_eval.inference.joint import INDEPENDENT
from gvi_eval.synthesis.result import SideBySide, SynthesisResult, finite, joint_table, pooled_table, ratios_table, sides_table
from gvi_eval.writing import slug


def page(result: SynthesisResult) -> str:
    """The page, in the order in which a reader asks. Every number is looked up in the tables beside it."""
    declared = result.synthesis
    parts = [f"# {declared.title}", "", declared.question, ""]
    if result.comparisons:
        parts += ["## The answer in short", "", *_bullets(comparison_sentences(result)), ""]
        parts += ["## Each place by itself", "", *_sides(result), ""]
        parts += ["## One beside the other", "", *_ratios(result), ""]
    if result.poolings:
        parts += ["## The answer in short", "", *_bullets(pooling_sentences(result)), ""]
        parts += ["## The places", "", *_places(result), ""]
        parts += ["## Taken together", "", *_taken_together(result), ""]
    if result.joint:
        parts += ["## Ranked together among their donors", "", *_joint(result), ""]
    parts += ["## What this cannot say", "", *_bullets(declared.limits), ""]
    return "\n".join(parts).rstrip() + "\n"


def figure_place(name: str) -> str:
    """Where the figure of a comparison or a pooling lies, beside the page."""
    return f"figures/{slug(name)}"


def _picture(name: str) -> str:
    return f"![{name}; the numbers of the figure are in data.csv beside it]({figure_place(name)}/figure.svg)"


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def comparison_sentences(result: SynthesisResult) -> list[str]:
    """What each comparison says, the main one first."""
    ordered = sorted(result.comparisons, key=lambda side: not side.comparison.main)
    return [sentence for side in ordered for sentence in _said(side)]


def _said(side: SideBySide) -> Iterator[str]:
    one, other = side.comparison.one.place, side.comparison.other.place
    each = f"{one} {_range_of(side.one)}; {other} {_range_of(side.other)}"
    given = side.given
    if not given:
        yield f"{side.comparison.name}: {each}. No ratio: {side.ratios[0][3]}."
        return
    ratios = [ratio.ratio for ratio in given]
    apart = sum(ratio.interval.excludes(1.0) for ratio in given)
    low, high = min(ratio.interval.lower for ratio in given), max(ratio.interval.upper for ratio in given)
    verdict = (
        "no interval leaves out 1, so the figures do not tell the effects apart: anything from "
        f"{low:.2f} to {high:.2f} is left open"
        if apart == 0
        else f"{apart} of {len(given)} intervals leave out 1"
    )
    yield f"{side.comparison.name}: {each}. The ratio of {one} to {other} is {_span(ratios)}; {verdict}."


def _range_of(gathered: Sequence) -> str:
    points = [each.effect.point for each in gathered if each.effect.point is not None]
    if not points:
        return f"refused ({gathered[0].effect.refusal})"
    starts = f" over {len(points)} possible starts" if len(gathered) > 1 else ""
    return f"{_span(points)}{starts}"


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def _sides(result: SynthesisResult) -> Iterator[str]:
    table = sides_table(result)
    drawn = set()
    for (name, place), rows in table.groupby(["comparison", "place"], sort=False):
        if name not in drawn:
            drawn.add(name)
            yield _picture(name)
            yield ""
        first = rows.iloc[0]
        proxy = f", a proxy for {first['proxy_for']}" if pd.notna(first["proxy_for"]) else ""
        beside = f"beside {first['controls']}" if first["controls"] else "without controls"
        yield f"**{name}: {place}.** {first['outcome'].split(' (proxy')[0]}{proxy}; {first['estimator']}, {beside}."
        if rows["used_whole"].notna().any():
            yield f"The published figure {first['used_whole']} reaches across the end of the horizon and is used whole."
        yield ""
        yield "| start | periods | ratio | interval | |"
        yield "|---|---|---|---|---|"
        for row in rows.to_dict("records"):
            if pd.notna(row["refusal"]):
                yield f"| {row['onset']} | | no estimate | | {row['refusal']} |"
            else:
                yield f"| {row['onset']} | {row['first']} to {row['last']} | {row['point']:.2f} | {_interval(row)} | |"
        yield ""


def _interval(row: dict) -> str:
    if pd.isna(row["lower"]):
        return "none"
    return f"{row['lower']:.2f}–{row['upper']:.2f} ({100 * row['level']:.4g} % {row['kind']})"


def _ratios(result: SynthesisResult) -> Iterator[str]:
    table = ratios_table(result)
    yield "| comparison | ratio of | start | ratio | interval | p |"
    yield "|---|---|---|---|---|---|"
    for row in table.to_dict("records"):
        of = f"{row['of']} to {row['to']}"
        starts = f"{row['onset_of']} and {row['onset_to']}"
        if pd.notna(row["refusal"]):
            yield f"| {row['comparison']} | {of} | {starts} | none | {row['refusal']} | |"
        else:
            yield f"| {row['comparison']} | {of} | {starts} | {row['ratio']:.2f} | {_interval(row)} | {row['p']:.2f} |"


def pooling_sentences(result: SynthesisResult) -> list[str]:
    """What each pooling says, the main one first."""
    table = pooled_table(result)
    found = []
    for each in sorted(result.poolings, key=lambda one: not one.pooling.main):
        rows = table[table["pooling"] == each.pooling.name] if len(table) else table
        count = len(each.contributions)
        words = f"{each.pooling.name}: {count} {'place' if count == 1 else 'places'}"
        if each.pooled is not None:
            mean = rows.iloc[0]
            away = "leaves out 1" if mean["lower"] > 1 or mean["upper"] < 1 else "holds 1"
            words += f", mean ratio {mean['ratio']:.2f} ({mean['lower']:.2f}–{mean['upper']:.2f}, Hartung–Knapp), which {away}"
        elif each.ratio is not None:
            words += (
                f", which are not pooled; their ratio is {each.ratio.ratio:.2f} "
                f"({each.ratio.interval.lower:.2f}–{each.ratio.interval.upper:.2f})"
            )
        if each.posteriors:
            driven = rows[rows["kind"] == "posterior"]
            label = " (prior-driven)" if driven["summary"].str.startswith("prior-driven").all() else ""
            words += f"; under the hierarchical priors{label} the mean lies at {_span(finite(driven, 'ratio'))}"
            words += (
                f", a further place between {driven['prediction_lower'].min():.2f} and {driven['prediction_upper'].max():.2f}"
            )
        found.append(words + ".")
        found += [f"Not in '{each.pooling.name}': {reason}." for reason in each.left_out]
    return found


def _places(result: SynthesisResult) -> Iterator[str]:
    yield "| pooling | place | ratio | 95 % interval, normal | whose | source |"
    yield "|---|---|---|---|---|---|"
    for each in result.poolings:
        for one in each.contributions:
            interval = one.interval()
            whose = f"estimated here, width by {one.width_from}" if one.kind == "estimated" else "published"
            yield (
                f"| {each.pooling.name} | {one.name} | {one.ratio:.2f} | {interval.lower:.2f}–{interval.upper:.2f} | {whose} | "
                f"{one.source} |"
            )


def _taken_together(result: SynthesisResult) -> Iterator[str]:
    for each in result.poolings:
        if each.contributions:
            yield _picture(each.pooling.name)
            yield ""
    yield "| pooling | summary | mean ratio | interval | tau | a further place |"
    yield "|---|---|---|---|---|---|"
    for row in pooled_table(result).to_dict("records"):
        ahead = (
            "not given" if pd.isna(row["prediction_lower"]) else f"{row['prediction_lower']:.2f}–{row['prediction_upper']:.2f}"
        )
        yield f"| {row['pooling']} | {row['summary']} | {row['ratio']:.2f} | {_interval(row)} | {row['tau']:.2f} | {ahead} |"
    for each in result.poolings:
        if each.pooled is not None and each.pooled.notes:
            yield ""
            yield f"{each.pooling.name}: {'; '.join(each.pooled.notes)}."


def _joint(result: SynthesisResult) -> Iterator[str]:
    for row in joint_table(result).to_dict("records"):
        if pd.notna(row["refusal"]):
            yield f"- {row['joint']}: not ranked. {row['refusal']}"
        else:
            yield (
                f"- {row['joint']}: the sum of the size-scaled log gaps of {row['cities'].replace('; ', ' and ')} is "
                f"{row['statistic']:.2f}; of {row['combinations']:.0f} combinations a share of {row['p_fall']:.4f} is as low, "
                f"and {row['p_either']:.4f} as far from 0 (floor {row['floor']:.5f}). "
                f"{INDEPENDENT[0].upper()}{INDEPENDENT[1:]}."
            )
