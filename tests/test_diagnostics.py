"""What is looked into beside a headline: each part there, or its reason."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.diagnostics import diagnose, diagnostics_sentences, diagnostics_tables
from gvi_eval.estimators import make_estimator
from gvi_eval.panel import Panel
from gvi_eval.run import run_study
from gvi_eval.study import Window


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Sixty months about 20, halved from the 36th on."""
    random = np.random.default_rng(8)
    index = pd.period_range("2010-01", periods=60, freq="M")
    values = pd.DataFrame({"Town": random.poisson(np.where(np.arange(60) >= 36, 10, 20)).astype(float)}, index=index)
    return Panel(values, values * 0 + 1.0, {"Town": index[36]})


@pytest.fixture
def declared(document, write_study, tmp_path):
    """The town's study with candidate starts, its headline by the latent count model."""
    document["candidate_starts"] = {"start": date(2012, 1, 1), "end": date(2013, 9, 30)}
    document["specifications"][0]["estimator"] = "latent_counts"
    return lambda: run_study(write_study(tmp_path / "town", document))


def looked_into(panel, estimator, study):
    return diagnose(study, estimator, panel, estimator.estimate(panel))


def test_every_part_is_there_for_the_latent_count_model(declared, panel):
    study = declared().study.with_(frequency="M", candidate_starts=Window(date(2012, 10, 1), date(2013, 3, 31)))
    found = looked_into(panel, make_estimator("latent_counts", {"season": "none"}), study)
    assert set(diagnostics_tables(found)) == {
        f"{name}.csv"
        for name in ("start_posterior sup_f phase_in anticipation half_years horizons residuals residual_summary".split())
    }
    assert str(found.start_posterior.best.start) == "2013-01"
    said = "\n".join(diagnostics_sentences(found))
    assert "the figures would favour 2013-01" in said and "A diagnostic" in said and "floor 0.005" in said
    assert "residuals about the mean with the latent level" in said and "residuals about the mean without" in said


def test_another_estimator_has_residuals_only(declared, panel):
    found = looked_into(panel, make_estimator("segmented", {"season": "none"}), declared().study)
    assert set(diagnostics_tables(found)) == {"residuals.csv", "residual_summary.csv"}


def test_what_cannot_be_had_has_its_reason(declared, panel):
    study = declared().study.with_(frequency="M", candidate_starts=Window(date(2030, 1, 1), date(2030, 3, 31)))
    found = looked_into(panel, make_estimator("latent_counts", {"season": "none"}), study)
    assert [what for what, _ in found.refused] == ["start posterior", "sup-F"] and found.start_posterior is None
    assert any(sentence.startswith("no start posterior: ") for sentence in diagnostics_sentences(found))
    assert diagnostics_tables(found)["refused.csv"]["reason"].str.len().gt(20).all()


def test_a_study_publishes_what_it_looked_into(declared):
    result = declared()
    assert len(result.diagnostics.start_posterior.rows) == 7
    assert [threat.id for threat in result.threats if threat.id == "T19"] == ["T19"]
