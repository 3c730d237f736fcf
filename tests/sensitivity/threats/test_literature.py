"""T21: the compiled literature, a literature with selection and one without."""

import numpy as np
import pytest

from gvi_eval.sensitivity.publication import FEWEST
from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats import literature as module
from gvi_eval.sensitivity.threats.case import surrounded
from gvi_eval.sensitivity.threats.literature import Selection, literature, usable
from tests.support import cases


def drawn(seed, kept, studies=60):
    """Studies published always where they found a fall, else so often."""
    random, effects, errors = np.random.default_rng(seed), [], []
    while len(effects) < studies:
        error = random.uniform(0.05, 0.5)
        effect = random.normal(-0.1, error)
        if effect / error < -1.96 or random.random() < kept:
            effects.append(effect)
            errors.append(error)
    return literature(effects, errors)


def looked(table):
    return Selection().look(surrounded(cases.case(), literature=table))


def test_the_compiled_literature_has_too_few_standard_errors():
    result = Selection().look(cases.case())
    assert result.state == FLAGGED and result.number < FEWEST
    assert f"{result.number:.0f} of {result.evidence['studies']} published studies" in result.sentence


def test_planted_selection_is_flagged():
    result = looked(drawn(1, kept=0.05))
    assert result.state == FLAGGED and min(result.evidence["p"].values()) < 0.05
    assert "times as readily" in result.sentence


def test_without_selection_it_is_not():
    assert looked(drawn(1, kept=1.0)).state == NOT_FLAGGED


def test_nine_are_too_few_whatever_they_say():
    assert looked(drawn(1, kept=1.0, studies=9)).state == FLAGGED
    assert "9 of 9 published studies" in looked(drawn(1, kept=1.0, studies=9)).sentence


def test_who_counts():
    table = literature([-0.1, -0.2, -0.3, -0.4, -0.5], [0.1] * 5)
    table.loc[0, "source_level"] = "own_calculation"
    table.loc[1, "poolable"] = "no"
    table.loc[2, "se_log_irr"] = np.nan
    table.loc[4, "study"] = table.loc[3, "study"]
    effects, errors, studies = usable(table)
    assert effects.tolist() == [-0.4] and errors.tolist() == [0.1] and studies == 3


def test_an_interval_gives_the_standard_error_where_none_is_printed():
    table = literature([np.log(0.8)], [np.nan])
    table[["ci_low", "ci_high"]] = 0.64, 1.0
    assert usable(table)[1][0] == pytest.approx(np.log(1 / 0.64) / (2 * 1.959964), rel=1e-6)


def test_planted_and_clean_have_as_many_studies_as_the_literature(monkeypatch):
    case = surrounded(cases.case(), literature=drawn(3, kept=1.0, studies=40))
    monkeypatch.setattr(module, "redrawn", lambda case, seed: case)
    planted = [Selection().look(Selection().planted(case, seed)).state for seed in range(4)]
    clean = [Selection().look(Selection().clean(case, seed)).state for seed in range(4)]
    assert planted.count(FLAGGED) >= 3 and clean.count(FLAGGED) <= 1
    assert len(Selection().planted(case, 1).literature) == 40


def test_without_a_checkout_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    assert Selection().look(cases.case()).state == COULD_NOT
