"""What the plainer figures show, in words and three languages, from the same tables that they draw."""

from collections.abc import Mapping

import pandas as pd

from gvi_eval.figures.alt import LANGUAGES, _number

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "cumulative": "Line chart of events of {outcome} prevented since the start, {n} periods from {first} to {last}.",
        "total": "At the end the total is {total}.",
        "total limits": "At the end the total is {total}, with an interval from {lower} to {upper}.",
        "lowest": "On the way it runs from {low} to {high}.",
        "weights": "Bar chart of the weights of {n} donors in the comparison of {outcome}.",
        "heaviest": "The heaviest is {unit} with {weight}.",
        "start": "Bar chart of how probable the figures of {outcome} make each of {n} starts, {first} to {last}.",
        "likeliest": "The likeliest is {start} with {probability}; the declared start {declared} has {own}.",
        "credible": "The credible set holds {n} starts.",
        "predictive": "Points for {n} figures of {outcome}: where each fell in the distribution that the model gave it, sorted, beside what chance would give.",
        "outside": "{n} lie outside the band that holds 95 % of what chance gives.",
        "leads": "Points with intervals for {outcome}: {before} bins before the start and {after} after it, as log ratios to the donors.",
        "excludes": "{before} of the intervals before the start exclude 0, and {after} of those after it.",
        "heat": "Table of shades for {outcome}: the change for {rows} baselines and {columns} windows, {cells} cells from {low} to {high} per cent.",
        "claimed": "The claimed cell, {baseline} against {window}, is {percent} per cent, rank {rank} of {cells} from the largest fall.",
        "gaps": "Line chart of {outcome}: how far what was observed lies from what was expected, {first} to {last}, of {unit} and of {n} donors in its place.",
        "mean": "After the start the gap of {unit} is {mean} on average; of the donors {below} lie lower on average.",
        "aside": "{n} donors are set aside for a poor fit before the start.",
    },
    "da": {
        "cumulative": "Kurvediagram over forebyggede hændelser af {outcome} siden starten, {n} perioder fra {first} til {last}.",
        "total": "Til sidst er summen {total}.",
        "total limits": "Til sidst er summen {total} med et interval fra {lower} til {upper}.",
        "lowest": "Undervejs løber den fra {low} til {high}.",
        "weights": "Søjlediagram over {n} kontrolområders vægte i sammenligningen af {outcome}.",
        "heaviest": "Tungest er {unit} med {weight}.",
        "start": "Søjlediagram over, hvor sandsynlig tallene for {outcome} gør hver af {n} starter, {first} til {last}.",
        "likeliest": "Den mest sandsynlige er {start} med {probability}; den erklærede start {declared} har {own}.",
        "credible": "Troværdighedsmængden rummer {n} starter.",
        "predictive": "Punkter for {n} tal for {outcome}: hvor hvert faldt i den fordeling, som modellen gav det, ordnet, ved siden af hvad tilfældet ville give.",
        "outside": "{n} ligger uden for båndet, som rummer 95 % af det, tilfældet giver.",
        "leads": "Punkter med intervaller for {outcome}: {before} grupper før starten og {after} efter, som logaritmer af forhold til kontrolområderne.",
        "excludes": "{before} af intervallerne før starten udelukker 0, og {after} af dem efter.",
        "heat": "Tabel med farvetoner for {outcome}: ændringen for {rows} udgangspunkter og {columns} vinduer, {cells} celler fra {low} til {high} procent.",
        "claimed": "Den påståede celle, {baseline} mod {window}, er {percent} procent, nummer {rank} af {cells} regnet fra det største fald.",
        "gaps": "Kurvediagram over {outcome}: hvor langt det observerede ligger fra det forventede, {first} til {last}, for {unit} og for {n} kontrolområder i dets sted.",
        "mean": "Efter starten er afstanden for {unit} i gennemsnit {mean}; af kontrolområderne ligger {below} i gennemsnit lavere.",
        "aside": "{n} kontrolområder er lagt til side, fordi de passer dårligt før starten.",
    },
    "sv": {
        "cumulative": "Linjediagram över förhindrade händelser av {outcome} sedan starten, {n} perioder från {first} till {last}.",
        "total": "Till slut är summan {total}.",
        "total limits": "Till slut är summan {total} med ett intervall från {lower} till {upper}.",
        "lowest": "På vägen löper den från {low} till {high}.",
        "weights": "Stapeldiagram över {n} kontrollområdens vikter i jämförelsen av {outcome}.",
        "heaviest": "Tyngst är {unit} med {weight}.",
        "start": "Stapeldiagram över hur sannolik siffrorna för {outcome} gör var och en av {n} starter, {first} till {last}.",
        "likeliest": "Den mest sannolika är {start} med {probability}; den deklarerade starten {declared} har {own}.",
        "credible": "Trovärdighetsmängden rymmer {n} starter.",
        "predictive": "Punkter för {n} siffror för {outcome}: var var och en föll i den fördelning som modellen gav den, ordnade, bredvid vad slumpen skulle ge.",
        "outside": "{n} ligger utanför bandet som rymmer 95 % av det slumpen ger.",
        "leads": "Punkter med intervall för {outcome}: {before} grupper före starten och {after} efter, som logaritmer av kvoter till kontrollområdena.",
        "excludes": "{before} av intervallen före starten utesluter 0, och {after} av dem efter.",
        "heat": "Tabell med färgtoner för {outcome}: förändringen för {rows} utgångslägen och {columns} fönster, {cells} celler från {low} till {high} procent.",
        "claimed": "Den påstådda cellen, {baseline} mot {window}, är {percent} procent, nummer {rank} av {cells} räknat från den största minskningen.",
        "gaps": "Linjediagram över {outcome}: hur långt det observerade ligger från det förväntade, {first} till {last}, för {unit} och för {n} kontrollområden i dess ställe.",
        "mean": "Efter starten är avståndet för {unit} i genomsnitt {mean}; av kontrollområdena ligger {below} i genomsnitt lägre.",
        "aside": "{n} kontrollområden är lagda åt sidan för att de passar dåligt före starten.",
    },
}


def _said(outcome: Mapping[str, str], *sentences: tuple[str, Mapping[str, object]]) -> dict[str, str]:
    """The sentences in each language; a float is written with that language's decimal sign."""
    return {
        language: " ".join(
            WORDS[language][name].format(
                outcome=outcome[language],
                **{key: _number(item, language) if isinstance(item, float) else item for key, item in parts.items()},
            )
            for name, parts in sentences
        )
        for language in LANGUAGES
    }


def alt_cumulative(
    table: pd.DataFrame, *, outcome: Mapping[str, str], limits: tuple[float, float] | None = None
) -> dict[str, str]:
    total = table["total"].astype(float)
    end: dict[str, object] = {"total": float(total.iloc[-1])}
    if limits:
        end |= {"lower": float(limits[0]), "upper": float(limits[1])}
    return _said(
        outcome,
        ("cumulative", {"n": len(table), "first": table["period"].iloc[0], "last": table["period"].iloc[-1]}),
        ("lowest", {"low": float(total.min()), "high": float(total.max())}),
        ("total limits" if limits else "total", end),
    )


def alt_weights(rows: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    heaviest = rows.loc[rows["weight"].astype(float).idxmax()]
    named = {"unit": heaviest["unit"], "weight": float(heaviest["weight"])}
    return _said(outcome, ("weights", {"n": len(rows)}), ("heaviest", named))


def alt_start(rows: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    likeliest = rows.loc[rows["probability"].astype(float).idxmax()]
    declared = rows[rows["declared"].astype(bool)]
    own = {"declared": "–", "own": "–"}
    if not declared.empty:
        own = {"declared": declared["start"].iloc[0], "own": float(declared["probability"].iloc[0])}
    return _said(
        outcome,
        ("start", {"n": len(rows), "first": rows["start"].iloc[0], "last": rows["start"].iloc[-1]}),
        ("likeliest", {"start": likeliest["start"], "probability": float(likeliest["probability"])} | own),
        ("credible", {"n": int(rows["in_credible_set"].astype(bool).sum())}),
    )


def alt_gaps(table: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    drawn = table[~table["set_aside"].astype(bool)]
    own = drawn[drawn["treated"].astype(bool)]
    unit, after = str(own["unit"].iloc[0]), drawn[~drawn["before"].astype(bool)]
    means = after.groupby("unit", sort=False)["gap"].mean()
    donors = means.drop(unit)
    ends = {"first": own["period"].iloc[0], "last": own["period"].iloc[-1]}
    sentences = [
        ("gaps", {"unit": unit, "n": len(donors)} | ends),
        ("mean", {"unit": unit, "mean": float(means[unit]), "below": int((donors < means[unit]).sum())}),
    ]
    poor = table.loc[table["set_aside"].astype(bool), "unit"].nunique()
    return _said(outcome, *sentences, *([("aside", {"n": poor})] if poor else []))


def alt_leads(rows: pd.DataFrame, *, outcome: Mapping[str, str], reach: float = 1.96) -> dict[str, str]:
    after = rows["bin"].astype(int) >= 0
    clear = rows["value"].astype(float).abs() > reach * rows["error"].astype(float)
    counts = {"before": int((~after).sum()), "after": int(after.sum())}
    excluded = {"before": int((clear & ~after).sum()), "after": int((clear & after).sum())}
    return _said(outcome, ("leads", counts), ("excludes", excluded))


def alt_heat_map(cells: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    percent = cells["percent"].astype(float)
    about = {"rows": cells["baseline"].nunique(), "columns": cells["window"].nunique(), "cells": len(cells)}
    sentences = [("heat", about | {"low": float(percent.min()), "high": float(percent.max())})]
    for cell in cells[cells["claimed"].astype(bool)].itertuples():
        rank = 1 + int((percent < cell.percent - 1e-9).sum())
        named = {"baseline": cell.baseline, "window": cell.window, "percent": float(cell.percent)}
        sentences.append(("claimed", named | {"rank": rank, "cells": len(cells)}))
    return _said(outcome, *sentences)


def alt_predictive(table: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    outside = (table["pit"] < table["lower"]) | (table["pit"] > table["upper"])
    return _said(outcome, ("predictive", {"n": len(table)}), ("outside", {"n": int(outside.sum())}))
