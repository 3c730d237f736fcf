"""Figures in words, in English, Danish and Swedish, for those who do not see them."""

import math
from collections.abc import Mapping
from datetime import date

import pandas as pd

from gvi_eval.figures.curve import CURVE_COLUMNS, in_order, kinds_of
from gvi_eval.figures.forest import FOREST_COLUMNS
from gvi_eval.figures.path import PATH_COLUMNS
from gvi_eval.figures.placebo import PLACEBO_COLUMNS, envelope
from gvi_eval.figures.theme import columns_of

LANGUAGES = ("en", "da", "sv")

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "path": "Line chart of {outcome}: {periods}, {first} to {last}.",
        "period": "1 period",
        "periods": "{n} periods",
        "proxy": "The outcome is a proxy, not {proxy_for}.",
        "observed": "{n} observed figures, from {low} to {high}.",
        "observed one": "1 observed figure, {low}.",
        "observed none": "No period has an observed figure of its own.",
        "spans": "{n} published counts for stretches of days are drawn as bars, at rates from {low} to {high} per period.",
        "span": "1 published count for a stretch of days is drawn as a bar, at a rate of {low} per period.",
        "missing": "{n} periods have no figure.",
        "missing one": "1 period has no figure.",
        "start": "Start: {start}.",
        "start between": "Start: between {start} and {latest}; the day was not published.",
        "events": "{n} other events are marked.",
        "event": "1 other event is marked.",
        "end": "In {period}, the last period with both, {observed} was observed and {expected} expected without the programme",
        "band": "{level} % band {lower} to {upper}",
        "below": "the observed figure lies below the band",
        "above": "the observed figure lies above the band",
        "inside": "the observed figure lies within the band",
        "lower": "the observed figure is lower",
        "higher": "the observed figure is higher",
        "equal": "the two are equal",
        "forest": "Forest plot of {outcome}: {rows}, ratios on a log axis, reference {reference}.",
        "row": "1 result",
        "rows": "{n} results",
        "headline": "Headline, {label}: {numbers}.",
        "only": "{label}: {numbers}.",
        "limits": "{level} % interval {lower} to {upper}, {kind}",
        "no limits": "no interval",
        "no point": "no point",
        "sides": "Of {n} points, {below} lie below {reference} and {above} above; {clear} of {m} intervals exclude {reference}.",
        "refused": "{n} results were refused and are listed with the reason.",
        "refused one": "1 result was refused and is listed with the reason.",
        "refused headline": "Headline, {label}: no estimate.",
        "refused only": "{label}: no estimate.",
        "placebo": "Scatter plot of {outcome}: the ratio of observed to expected of {unit} and of {donors} donors in its place, over their size.",
        "placebo rank": "{unit} has {ratio}, rank {rank} of {all} by distance from 1 for its size.",
        "placebo inside": "It lies within what {level} % of places of that size stay within.",
        "placebo outside": "It lies outside what {level} % of places of that size stay within.",
        "placebo far": "Farthest out of the donors is {donor} with {ratio}.",
        "curve": "Specification curve of {outcome}: {n} ratios in order of size, from {low} to {high}, with their intervals and the choices behind each.",
        "curve sides": "{below} lie below 1 and {above} above; {clear} of {m} intervals exclude 1.",
        "curve claimed": "The claimed specification has {ratio}, rank {rank} of {n} from the lowest.",
        "curve unclaimed": "The claimed specification gave no ratio.",
        "infinity": "infinity",
    },
    "da": {
        "path": "Kurvediagram over {outcome}: {periods}, {first} til {last}.",
        "period": "1 periode",
        "periods": "{n} perioder",
        "proxy": "Udfaldsmålet er en proxy, ikke {proxy_for}.",
        "observed": "{n} observerede tal, fra {low} til {high}.",
        "observed one": "1 observeret tal, {low}.",
        "observed none": "Ingen periode har sit eget observerede tal.",
        "spans": "{n} offentliggjorte tal for længere tidsrum er tegnet som streger, svarende til {low} til {high} pr. periode.",
        "span": "1 offentliggjort tal for et længere tidsrum er tegnet som en streg, svarende til {low} pr. periode.",
        "missing": "{n} perioder har intet tal.",
        "missing one": "1 periode har intet tal.",
        "start": "Start: {start}.",
        "start between": "Start: mellem {start} og {latest}; dagen er ikke offentliggjort.",
        "events": "{n} andre begivenheder er markeret.",
        "event": "1 anden begivenhed er markeret.",
        "end": "I {period}, den sidste periode med begge tal, blev {observed} observeret, mens {expected} var forventet uden indsatsen",
        "band": "{level} %-bånd {lower} til {upper}",
        "below": "det observerede tal ligger under båndet",
        "above": "det observerede tal ligger over båndet",
        "inside": "det observerede tal ligger inden for båndet",
        "lower": "det observerede tal er lavere",
        "higher": "det observerede tal er højere",
        "equal": "de to tal er ens",
        "forest": "Forest plot over {outcome}: {rows}, forholdstal på en logaritmisk akse, reference {reference}.",
        "row": "1 resultat",
        "rows": "{n} resultater",
        "headline": "Hovedresultat, {label}: {numbers}.",
        "only": "{label}: {numbers}.",
        "limits": "{level} %-interval {lower} til {upper}, {kind}",
        "no limits": "intet interval",
        "no point": "intet punktestimat",
        "sides": "Af {n} punkter ligger {below} under {reference} og {above} over; {clear} af {m} intervaller udelukker {reference}.",
        "refused": "{n} resultater blev afvist og står med begrundelsen.",
        "refused one": "1 resultat blev afvist og står med begrundelsen.",
        "refused headline": "Hovedresultat, {label}: intet estimat.",
        "refused only": "{label}: intet estimat.",
        "placebo": "Punktdiagram over {outcome}: forholdet mellem observeret og forventet for {unit} og for {donors} kontrolområder i dets sted, efter størrelse.",
        "placebo rank": "{unit} har {ratio}, nummer {rank} af {all} efter afstand fra 1 i forhold til størrelse.",
        "placebo inside": "Det ligger inden for det, som {level} % af steder af den størrelse holder sig inden for.",
        "placebo outside": "Det ligger uden for det, som {level} % af steder af den størrelse holder sig inden for.",
        "placebo far": "Længst ude af kontrolområderne er {donor} med {ratio}.",
        "curve": "Specifikationskurve over {outcome}: {n} forholdstal efter størrelse, fra {low} til {high}, med deres intervaller og valgene bag hvert.",
        "curve sides": "{below} ligger under 1 og {above} over; {clear} af {m} intervaller udelukker 1.",
        "curve claimed": "Den fremførte specifikation har {ratio}, nummer {rank} af {n} fra det laveste.",
        "curve unclaimed": "Den fremførte specifikation gav intet forholdstal.",
        "infinity": "uendelig",
    },
    "sv": {
        "path": "Linjediagram över {outcome}: {periods}, {first} till {last}.",
        "period": "1 period",
        "periods": "{n} perioder",
        "proxy": "Utfallsmåttet är en proxy, inte {proxy_for}.",
        "observed": "{n} observerade värden, från {low} till {high}.",
        "observed one": "1 observerat värde, {low}.",
        "observed none": "Ingen period har ett eget observerat värde.",
        "spans": "{n} publicerade antal för längre tidsrymder är ritade som streck, motsvarande {low} till {high} per period.",
        "span": "1 publicerat antal för en längre tidsrymd är ritat som ett streck, motsvarande {low} per period.",
        "missing": "{n} perioder saknar värde.",
        "missing one": "1 period saknar värde.",
        "start": "Start: {start}.",
        "start between": "Start: mellan {start} och {latest}; dagen har inte publicerats.",
        "events": "{n} andra händelser är markerade.",
        "event": "1 annan händelse är markerad.",
        "end": "Under {period}, den sista perioden med båda värdena, observerades {observed} medan {expected} förväntades utan insatsen",
        "band": "{level} %-band {lower} till {upper}",
        "below": "det observerade värdet ligger under bandet",
        "above": "det observerade värdet ligger över bandet",
        "inside": "det observerade värdet ligger inom bandet",
        "lower": "det observerade värdet är lägre",
        "higher": "det observerade värdet är högre",
        "equal": "de två värdena är lika",
        "forest": "Forest plot över {outcome}: {rows}, kvoter på en logaritmisk axel, referens {reference}.",
        "row": "1 resultat",
        "rows": "{n} resultat",
        "headline": "Huvudresultat, {label}: {numbers}.",
        "only": "{label}: {numbers}.",
        "limits": "{level} %-intervall {lower} till {upper}, {kind}",
        "no limits": "inget intervall",
        "no point": "ingen punktskattning",
        "sides": "Av {n} punkter ligger {below} under {reference} och {above} över; {clear} av {m} intervall utesluter {reference}.",
        "refused": "{n} resultat avvisades och står med skälet.",
        "refused one": "1 resultat avvisades och står med skälet.",
        "refused headline": "Huvudresultat, {label}: ingen skattning.",
        "refused only": "{label}: ingen skattning.",
        "placebo": "Punktdiagram över {outcome}: kvoten mellan observerat och förväntat för {unit} och för {donors} kontrollområden i dess ställe, efter storlek.",
        "placebo rank": "{unit} har {ratio}, nummer {rank} av {all} efter avstånd från 1 i förhållande till storlek.",
        "placebo inside": "Det ligger inom det som {level} % av platser av den storleken håller sig inom.",
        "placebo outside": "Det ligger utanför det som {level} % av platser av den storleken håller sig inom.",
        "placebo far": "Längst ut av kontrollområdena är {donor} med {ratio}.",
        "curve": "Specifikationskurva över {outcome}: {n} kvoter efter storlek, från {low} till {high}, med deras intervall och valen bakom var och en.",
        "curve sides": "{below} ligger under 1 och {above} över; {clear} av {m} intervall utesluter 1.",
        "curve claimed": "Den åberopade specifikationen har {ratio}, nummer {rank} av {n} från den lägsta.",
        "curve unclaimed": "Den åberopade specifikationen gav ingen kvot.",
        "infinity": "oändligheten",
    },
}
KINDS: Mapping[str, tuple[str, str, str]] = {
    "wald": ("Wald", "Wald", "Wald"),
    "exact": ("exact", "eksakt", "exakt"),
    "likelihood": ("likelihood", "likelihood", "likelihood"),
    "posterior": ("posterior", "posterior", "posterior"),
    "bootstrap": ("bootstrap", "bootstrap", "bootstrap"),
    "jackknife": ("jackknife", "jackknife", "jackknife"),
    "conformal": ("conformal", "konformt", "konformt"),
    "placebo": ("placebo", "placebo", "placebo"),
    "prediction": ("prediction", "prædiktion", "prediktion"),
    "bounds": ("bounds", "grænser", "gränser"),
}


def alt_path(
    path: pd.DataFrame,
    *,
    outcome: Mapping[str, str],
    start: tuple[date, date],
    proxy_for: Mapping[str, str] | None = None,
    spans: pd.DataFrame | None = None,
    events: int = 0,
) -> dict[str, str]:
    """A path figure in words; `outcome` and `proxy_for` are given per language, `events` is how many are marked."""
    columns_of(path, PATH_COLUMNS, "the path")
    path = path.sort_values("period_start", ignore_index=True)
    return {
        language: " ".join(_path_sentences(language, path, outcome, start, proxy_for, spans, events)) for language in LANGUAGES
    }


def _path_sentences(
    language: str,
    path: pd.DataFrame,
    outcome: Mapping[str, str],
    start: tuple[date, date],
    proxy_for: Mapping[str, str] | None,
    spans: pd.DataFrame | None,
    events: int,
) -> list[str]:
    say = WORDS[language]

    def number(value: float) -> str:
        return _number(value, language)

    periods = say["period"] if len(path) == 1 else say["periods"].format(n=len(path))
    first, last = path["period"].iloc[0], path["period"].iloc[-1]
    sentences = [say["path"].format(outcome=outcome[language], periods=periods, first=first, last=last)]
    if proxy_for:
        sentences.append(say["proxy"].format(proxy_for=proxy_for[language]))
    seen = path["observed"].dropna().astype(float)
    if seen.empty:
        sentences.append(say["observed none"])
    else:
        form = "observed one" if len(seen) == 1 else "observed"
        sentences.append(say[form].format(n=len(seen), low=number(seen.min()), high=number(seen.max())))
    if spans is not None and not spans.empty:
        rates = spans["per_period"].astype(float)
        form = "span" if len(spans) == 1 else "spans"
        sentences.append(say[form].format(n=len(spans), low=number(rates.min()), high=number(rates.max())))
    elif missing := int(path["observed"].isna().sum()) if len(seen) else 0:
        sentences.append(say["missing one" if missing == 1 else "missing"].format(n=missing))
    form = "start" if start[0] == start[1] else "start between"
    sentences.append(say[form].format(start=start[0], latest=start[1]))
    if events:
        sentences.append(say["event" if events == 1 else "events"].format(n=events))
    both = path.dropna(subset=["observed", "expected"])
    if not both.empty:
        sentences.append(_end_sentence(language, both.iloc[-1]))
    return sentences


def _end_sentence(language: str, row: pd.Series) -> str:
    say = WORDS[language]
    observed, expected = float(row["observed"]), float(row["expected"])
    lower, upper = float(row["expected_lower"]), float(row["expected_upper"])
    numbers = {"observed": _number(observed, language), "expected": _number(expected, language)}
    sentence = say["end"].format(period=row["period"], **numbers)
    if math.isnan(lower) or math.isnan(upper):
        side = "lower" if observed < expected else "higher" if observed > expected else "equal"
    else:
        side = "below" if observed < lower else "above" if observed > upper else "inside"
        limits = {"lower": _number(lower, language), "upper": _number(upper, language)}
        sentence += f" ({say['band'].format(level=_number(100 * float(row['level']), language), **limits)})"
    return f"{sentence}; {say[side]}."


def alt_forest(
    rows: pd.DataFrame, *, outcome: Mapping[str, str], reference: float = 1.0, measure: str = "IRR"
) -> dict[str, str]:
    """A forest figure in words: the headline's numbers, on which side the points lie, how many were refused."""
    columns_of(rows, FOREST_COLUMNS, "the table of estimates")
    return {language: " ".join(_forest_sentences(language, rows, outcome, reference, measure)) for language in LANGUAGES}


def _forest_sentences(
    language: str, rows: pd.DataFrame, outcome: Mapping[str, str], reference: float, measure: str
) -> list[str]:
    say = WORDS[language]
    at = _number(reference, language)
    count = say["row"] if len(rows) == 1 else say["rows"].format(n=len(rows))
    sentences = [say["forest"].format(outcome=outcome[language], rows=count, reference=at)]
    marked = rows["headline"].fillna(False).astype(bool) if "headline" in rows else pd.Series(False, index=rows.index)
    for _, row in rows[marked].iterrows():
        sentences.append(_row_sentence(language, row, "headline", measure))
    if len(rows) == 1 and not marked.any():
        sentences.append(_row_sentence(language, rows.iloc[0], "only", measure))
    shown = rows[rows["refusal"].isna()]
    points = shown["point"].dropna().astype(float)
    if len(rows) > 1 and len(points):
        bounded = shown.dropna(subset=["lower", "upper"])
        clear = (bounded["lower"].astype(float) > reference) | (bounded["upper"].astype(float) < reference)
        sides = {"below": int((points < reference).sum()), "above": int((points > reference).sum())}
        sentences.append(say["sides"].format(n=len(points), **sides, clear=int(clear.sum()), m=len(bounded), reference=at))
    if refused := len(rows) - len(shown):
        sentences.append(say["refused one" if refused == 1 else "refused"].format(n=refused))
    return sentences


def _row_sentence(language: str, row: pd.Series, form: str, measure: str) -> str:
    say = WORDS[language]
    if not pd.isna(row["refusal"]):
        return say[f"refused {form}"].format(label=row["label"])
    point, lower, upper = (float(row[name]) for name in ("point", "lower", "upper"))
    written = f"{measure} {say['no point'] if math.isnan(point) else _number(point, language)}"
    if math.isnan(lower) or math.isnan(upper):
        return say[form].format(label=row["label"], numbers=f"{written}, {say['no limits']}")
    kind = KINDS.get(row["kind"], (row["kind"],) * 3)[LANGUAGES.index(language)]
    limits = {"lower": _number(lower, language), "upper": _number(upper, language)}
    interval = say["limits"].format(level=_number(100 * float(row["level"]), language), kind=kind, **limits)
    return say[form].format(label=row["label"], numbers=f"{written} ({interval})")


def alt_placebo(rows: pd.DataFrame, *, outcome: Mapping[str, str], level: float = 0.95) -> dict[str, str]:
    """A placebo figure in words: the treated unit's ratio, its rank, and the donor farthest out."""
    columns_of(rows, PLACEBO_COLUMNS, "the table of placebos")
    far = rows["scaled"].abs()
    own = rows[rows["treated"].astype(bool)].iloc[0]
    donors = rows[~rows["treated"].astype(bool)]
    distance, reached = envelope(rows.assign(treated=rows["treated"].astype(bool)), level)
    rank = 1 + int((far[donors.index] >= abs(own["scaled"]) * (1 - 1e-12)).sum())
    outermost = donors.loc[far[donors.index][donors["log_ratio"] < math.inf].idxmax()]
    texts = {}
    for language in LANGUAGES:
        say = WORDS[language]

        def ratio(row: pd.Series, language: str = language) -> str:
            return _number(math.exp(row["log_ratio"]), language)

        side = "outside" if abs(own["scaled"]) > distance else "inside"
        texts[language] = " ".join(
            (
                say["placebo"].format(outcome=outcome[language], unit=own["unit"], donors=len(donors)),
                say["placebo rank"].format(unit=own["unit"], ratio=ratio(own), rank=rank, all=len(rows)),
                say[f"placebo {side}"].format(level=_number(100 * reached, language)),
                say["placebo far"].format(donor=outermost["unit"], ratio=ratio(outermost)),
            )
        )
    return texts


def alt_curve(rows: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    """A specification curve in words: its range, on which side of 1 it lies, and the claimed one's place in it."""
    columns_of(rows, CURVE_COLUMNS, "the table of the curve")
    shown = in_order(rows)
    kind = kinds_of(shown)
    points, own = shown["point"].astype(float), shown[shown["claimed"].astype(bool)]
    sides = {"below": int((points < 1).sum()), "above": int((points > 1).sum())}
    texts = {}
    for language in LANGUAGES:
        say = WORDS[language]
        low, high = (_number(end, language) for end in (points.min(), points.max()))
        sentences = [
            say["curve"].format(outcome=outcome[language], n=len(shown), low=low, high=high),
            say["curve sides"].format(**sides, clear=int((kind == 1).sum()), m=int((kind != 2).sum())),
        ]
        if own.empty:
            sentences.append(say["curve unclaimed"])
        else:
            ratio = float(own["point"].iloc[0])
            rank = int((points < ratio).sum()) + 1
            sentences.append(say["curve claimed"].format(ratio=_number(ratio, language), rank=rank, n=len(shown)))
        texts[language] = " ".join(sentences)
    return texts


def _number(value: float, language: str) -> str:
    """Three significant digits, whole numbers in full, with the decimal sign of the language."""
    if math.isinf(value):
        return WORDS[language]["infinity"]
    whole = abs(value - round(value)) < 1e-9 or abs(value) >= 1000
    text = f"{value:.0f}" if whole else f"{value:.3g}"
    return text if language == "en" else text.replace(".", ",")
