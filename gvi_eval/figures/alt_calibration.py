"""False alarms and coverage in words, in English, Danish and Swedish."""

from collections.abc import Mapping

import pandas as pd

from gvi_eval.figures.alt import LANGUAGES, _number
from gvi_eval.figures.calibration import ALL, CALIBRATION_COLUMNS, NOMINAL, beyond
from gvi_eval.figures.theme import columns_of

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "what": "Dot plot of {rows} ways to be sure: the share of false alarms where there is no effect, and the share of intervals that hold a true effect.",
        "alarms": "False alarms run from {low} % ({lowest}) to {high} % ({highest}), beside {nominal} % nominal; {bad} of {known} lie wholly above {limit} %.",
        "coverage": "Coverage was simulated for {known} of them and runs from {low} % ({lowest}) to {high} % ({highest}); {bad} lie wholly below {limit} %.",
    },
    "da": {
        "what": "Prikdiagram over {rows} måder at være sikker på: andelen af falske alarmer, hvor der ingen effekt er, og andelen af intervaller, der rummer en sand effekt.",
        "alarms": "Falske alarmer løber fra {low} % ({lowest}) til {high} % ({highest}) ved siden af nominelt {nominal} %; {bad} af {known} ligger helt over {limit} %.",
        "coverage": "Dækningen er simuleret for {known} af dem og løber fra {low} % ({lowest}) til {high} % ({highest}); {bad} ligger helt under {limit} %.",
    },
    "sv": {
        "what": "Punktdiagram över {rows} sätt att vara säker: andelen falska larm där det inte finns någon effekt, och andelen intervall som rymmer en sann effekt.",
        "alarms": "Falska larm löper från {low} % ({lowest}) till {high} % ({highest}) bredvid nominellt {nominal} %; {bad} av {known} ligger helt över {limit} %.",
        "coverage": "Täckningen är simulerad för {known} av dem och löper från {low} % ({lowest}) till {high} % ({highest}); {bad} ligger helt under {limit} %.",
    },
}


def alt_calibration(rows: pd.DataFrame, *, most_alarms: float, least_coverage: float) -> dict[str, str]:
    """What the figure shows: how many ways, the lowest and highest share of each column, and how many leave the band."""
    columns_of(rows, CALIBRATION_COLUMNS, "the table of calibration")
    together = rows[rows["setting"] == ALL]
    texts = {}
    for language in LANGUAGES:
        say = WORDS[language]
        parts = [say["what"].format(rows=len(together))]
        for name, limit in (("alarms", most_alarms), ("coverage", least_coverage)):
            known = together[together[name].notna()]
            if known.empty:
                continue
            low, high = known.loc[known[name].idxmin()], known.loc[known[name].idxmax()]
            numbers = {"low": low[name], "high": high[name], "limit": limit, "nominal": NOMINAL}
            parts.append(
                say[name].format(
                    **{key: _number(round(100 * float(share), 1), language) for key, share in numbers.items()},
                    lowest=low["label"],
                    highest=high["label"],
                    known=len(known),
                    bad=sum(beyond(row, name, limit) for _, row in known.iterrows()),
                )
            )
        texts[language] = " ".join(parts)
    return texts
