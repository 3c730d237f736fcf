"""Alt text: three languages say the same, and follow the data."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from figure_data import START, path

from gvi_eval.figures import alt as alt_module
from gvi_eval.figures import alt_forest, alt_path
from gvi_eval.figures.alt import WORDS

OUTCOME = {"en": "shootings", "da": "skyderier", "sv": "skjutningar"}
PROXY = {"en": "killings", "da": "drab", "sv": "dödsfall"}


def test_alt_path_in_three_languages():
    told = alt_path(path(), outcome=OUTCOME, start=START, proxy_for=PROXY, events=1)
    assert told["en"] == (
        "Line chart of shootings: 8 periods, 2020Q1 to 2021Q4. The outcome is a proxy, not killings. "
        "7 observed figures, from 3 to 11. 1 period has no figure. Start: 2021-01-01. 1 other event is marked. "
        "In 2021Q4, the last period with both, 4 was observed and 10.3 expected without the programme "
        "(95 % band 6.5 to 14.2); the observed figure lies below the band."
    )
    assert told["da"] == (
        "Kurvediagram over skyderier: 8 perioder, 2020Q1 til 2021Q4. Udfaldsmålet er en proxy, ikke drab. "
        "7 observerede tal, fra 3 til 11. 1 periode har intet tal. Start: 2021-01-01. 1 anden begivenhed er markeret. "
        "I 2021Q4, den sidste periode med begge tal, blev 4 observeret, mens 10,3 var forventet uden indsatsen "
        "(95 %-bånd 6,5 til 14,2); det observerede tal ligger under båndet."
    )
    assert told["sv"] == (
        "Linjediagram över skjutningar: 8 perioder, 2020Q1 till 2021Q4. Utfallsmåttet är en proxy, inte dödsfall. "
        "7 observerade värden, från 3 till 11. 1 period saknar värde. Start: 2021-01-01. 1 annan händelse är markerad. "
        "Under 2021Q4, den sista perioden med båda värdena, observerades 4 medan 10,3 förväntades utan insatsen "
        "(95 %-band 6,5 till 14,2); det observerade värdet ligger under bandet."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observed": 20.0}, "lies above the band"),
        ({"observed": 9.0}, "lies within the band"),
        ({"observed": 9.0, "expected_lower": np.nan}, "the observed figure is lower"),
        ({"observed": np.nan}, "No period has an observed figure of its own."),
    ],
)
def test_alt_path_follows_the_data(changes, said):
    told = alt_path(path().assign(**changes), outcome=OUTCOME, start=(START[0], date(2021, 3, 31)))["en"]
    assert said in told
    assert "between 2021-01-01 and 2021-03-31; the day was not published" in told
    assert "proxy" not in told and "event" not in told


def test_alt_path_tells_of_spans():
    spans = pd.DataFrame({"per_period": [8.92, 12.0]})
    told = alt_path(path().assign(observed=np.nan), outcome=OUTCOME, start=START, spans=spans)
    assert "2 published counts for stretches of days are drawn as bars, at rates from 8.92 to 12 per period" in told["en"]
    assert "svarende til 8,92 til 12 pr. periode" in told["da"]
    assert "motsvarande 8,92 till 12 per period" in told["sv"]


def rows():
    blank = {"point": np.nan, "lower": np.nan, "upper": np.nan, "refusal": "too few donors"}
    row = {
        "label": "ITS", "group": "g", "point": 0.355, "lower": 0.244, "upper": 0.516, "level": 0.95,
        "kind": "prediction", "refusal": None, "headline": False,
    }  # fmt: skip
    return pd.DataFrame([row | {"headline": True}, row | {"point": 1.2, "upper": np.inf}, row | blank])


def test_alt_forest_in_three_languages():
    told = alt_forest(rows(), outcome=OUTCOME)
    assert told["en"] == (
        "Forest plot of shootings: 3 results, ratios on a log axis, reference 1. "
        "Headline, ITS: IRR 0.355 (95 % interval 0.244 to 0.516, prediction). "
        "Of 2 points, 1 lie below 1 and 1 above; 1 of 2 intervals exclude 1. "
        "1 result was refused and is listed with the reason."
    )
    assert "Hovedresultat, ITS: IRR 0,355 (95 %-interval 0,244 til 0,516, prædiktion)." in told["da"]
    assert "Huvudresultat, ITS: IRR 0,355 (95 %-intervall 0,244 till 0,516, prediktion)." in told["sv"]


def test_alt_forest_of_one_row():
    only = rows().head(1).drop(columns="headline")
    assert "ITS: IRR 0.355 (95 % interval" in alt_forest(only, outcome=OUTCOME)["en"]
    refused = rows().tail(1)
    assert "ITS: ingen skattning." in alt_forest(refused, outcome=OUTCOME)["sv"]
    open_end = rows().iloc[[1]]
    assert "0,244 til uendelig" in alt_forest(open_end, outcome=OUTCOME)["da"]


def test_every_language_has_every_sentence_with_the_same_blanks():
    def blanks(sentence):
        return sorted(re.findall(r"{(\w+)}", sentence))

    for language in ("da", "sv"):
        assert WORDS[language].keys() == WORDS["en"].keys()
        for key, sentence in WORDS[language].items():
            assert blanks(sentence) == blanks(WORDS["en"][key]), (language, key)


def test_every_kind_of_interval_has_its_word():
    from typing import get_args

    from gvi_eval.intervals import IntervalKind

    assert set(alt_module.KINDS) == set(get_args(IntervalKind))
