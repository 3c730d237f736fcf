"""Tipping points and power curves in words, in English, Danish and Swedish."""

from collections.abc import Mapping

import pandas as pd

from gvi_eval.figures.alt import LANGUAGES, _number
from gvi_eval.figures.power_curve import CURVE_COLUMNS
from gvi_eval.figures.theme import columns_of
from gvi_eval.figures.tipping import tipping_shares

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "tipping": "Dot plot of what would have to be true for the ratio of {outcome} to be 1: {rows} threats, each from nothing to what would be the whole effect.",
        "compared": "An observed value stands beside {known} of them; {beyond} of these reach what would be the whole effect.",
        "nearest": "Nearest to it, or farthest beyond, is {row}: {share} % of what would do.",
        "undone": "For {none} of them nothing of that kind would do.",
        "power": "Line chart of {outcome}: the probability that a true ratio is found, for {noise} settings of the noise.",
        "at": "At a ratio of {benchmark} it is {shares}.",
        "one": "{share} % with {noise} noise",
    },
    "da": {
        "tipping": "Prikdiagram over, hvad der skulle være sandt, for at forholdet for {outcome} var 1: {rows} trusler, hver fra ingenting til det, der ville være hele effekten.",
        "compared": "Ved {known} af dem står en observeret værdi; {beyond} af dem når det, der ville være hele effekten.",
        "nearest": "Nærmest ved eller længst forbi er {row}: {share} % af det, der skulle til.",
        "undone": "For {none} af dem ville intet af den slags være nok.",
        "power": "Kurvediagram over {outcome}: sandsynligheden for, at et sandt forhold bliver fundet, for {noise} antagelser om støjen.",
        "at": "Ved et forhold på {benchmark} er den {shares}.",
        "one": "{share} % med støj af typen {noise}",
    },
    "sv": {
        "tipping": "Punktdiagram över vad som skulle behöva vara sant för att kvoten för {outcome} skulle vara 1: {rows} hot, vart och ett från ingenting till det som vore hela effekten.",
        "compared": "Vid {known} av dem står ett observerat värde; {beyond} av dessa når det som vore hela effekten.",
        "nearest": "Närmast, eller längst förbi, är {row}: {share} % av det som skulle krävas.",
        "undone": "För {none} av dem skulle ingenting av det slaget räcka.",
        "power": "Linjediagram över {outcome}: sannolikheten att en sann kvot upptäcks, för {noise} antaganden om bruset.",
        "at": "Vid en kvot på {benchmark} är den {shares}.",
        "one": "{share} % med brus av typen {noise}",
    },
}

KINDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "trend": "the trend",
        "co-event": "{detail}",
        "capture": "the change in capture",
        "rebound": "the return to an earlier mean",
        "placebo place": "the placebo in {detail}",
        "placebo date": "the placebo date {detail}",
        "donor": "the donor {detail}",
    },
    "da": {
        "trend": "trenden",
        "co-event": "{detail}",
        "capture": "ændringen i, hvor meget der registreres",
        "rebound": "tilbagevenden til et tidligere gennemsnit",
        "placebo place": "placebo i {detail}",
        "placebo date": "placebodatoen {detail}",
        "donor": "kontrolområdet {detail}",
    },
    "sv": {
        "trend": "trenden",
        "co-event": "{detail}",
        "capture": "ändringen i hur mycket som registreras",
        "rebound": "återgången till ett tidigare medelvärde",
        "placebo place": "placebo i {detail}",
        "placebo date": "placebodatumet {detail}",
        "donor": "kontrollområdet {detail}",
    },
}
NOISE: Mapping[str, Mapping[str, str]] = {
    "en": {"Poisson": "Poisson", "moderate": "moderate", "heavy": "heavy"},
    "da": {"Poisson": "Poisson", "moderate": "moderat", "heavy": "kraftig"},
    "sv": {"Poisson": "Poisson", "moderate": "måttlig", "heavy": "kraftig"},
}


def alt_tipping(rows: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    """The tipping points in words: how many, how many were reached, and the one that comes nearest."""
    table = tipping_shares(rows)
    known = table[table["observed_share"].notna()]
    none = int(table["point_at"].isna().sum())
    texts = {}
    for language in LANGUAGES:
        say = WORDS[language]
        beyond = int((known["observed_share"] >= 1).sum())
        parts = [say["tipping"].format(outcome=outcome[language], rows=len(table))]
        parts.append(say["compared"].format(known=len(known), beyond=beyond))
        if len(known):
            nearest = known.loc[known["observed_share"].idxmax()]
            share = _percent(nearest["observed_share"], language)
            parts.append(say["nearest"].format(row=_row(nearest, language), share=share))
        if none:
            parts.append(say["undone"].format(none=none))
        texts[language] = " ".join(parts)
    return texts


def alt_power(rows: pd.DataFrame, *, outcome: Mapping[str, str]) -> dict[str, str]:
    """A power curve in words: the power at the expected effect under each noise setting."""
    columns_of(rows, CURVE_COLUMNS, "the table of power")
    benchmark = float(rows["benchmark"].iloc[0])
    near = rows.loc[(rows["ratio"] - benchmark).abs().groupby(rows["noise"], sort=False).idxmin()]
    texts = {}
    for language in LANGUAGES:
        say = WORDS[language]
        shares = [
            say["one"].format(share=_percent(row.power, language), noise=NOISE[language].get(row.noise, row.noise))
            for row in near.itertuples()
        ]
        at = say["at"].format(benchmark=_number(benchmark, language), shares=", ".join(shares))
        texts[language] = f"{say['power'].format(outcome=outcome[language], noise=len(near))} {at}"
    return texts


def _row(row: pd.Series, language: str) -> str:
    """A threat in words, with the name or date that its row carries after a colon."""
    return KINDS[language][row["kind"]].format(detail=str(row["row"]).split(": ", 1)[-1])


def _percent(share: float, language: str) -> str:
    return _number(float(round(100 * share)), language)
