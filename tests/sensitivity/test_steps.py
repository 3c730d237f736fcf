"""Many steps at once agree with one at a time by a plain optimiser, and with the ratio of means where nothing else is fitted."""

import numpy as np
import pytest
from scipy import optimize

from gvi_eval.sensitivity.steps import step_design, step_log_ratios
from gvi_eval.windows import CountWindow
from tests.support import cases


def plainly(counts, of):
    """The same mode by a general optimiser, with the priors written out."""
    centre = np.log((counts.sum() + 0.5) / (of.matrix @ np.exp(of.offset)).sum())
    sd = np.where(np.arange(of.columns.shape[1]) == 0, 10.0, 2.5)

    def minus_log_posterior(beta):
        means = of.matrix @ np.exp(of.offset + centre + of.columns @ beta)
        return means.sum() - counts @ np.log(means) + (beta**2 / sd**2).sum() / 2

    return optimize.minimize(minus_log_posterior, np.zeros(len(sd)), method="BFGS", options={"gtol": 1e-8}).x[-1]


@pytest.mark.parametrize("trend", [False, True])
def test_many_series_at_once_give_what_each_gives_alone(trend):
    panels = [cases.counts(seed, mean=4) for seed in range(3)]
    of = step_design(panels[0], trend)
    counts = np.array([panel.observations("Place")[0] for panel in panels])
    assert step_log_ratios(counts, of) == pytest.approx([plainly(row, of) for row in counts], abs=1e-5)


def test_without_a_trend_or_a_season_the_step_is_the_ratio_of_means():
    panel = cases.counts(1, mean=400, factor=np.repeat([1.0, 0.5], [60, 36]))
    values = panel.values["Place"].to_numpy()
    found = step_log_ratios(values, step_design(panel, trend=False, season="none"))[0]
    assert found == pytest.approx(np.log(values[60:].mean() / values[:60].mean()), abs=1e-3)


def test_a_span_over_months_counts_as_their_sum():
    panel = cases.counts(1, mean=30)
    values = panel.values.copy()
    joined = [(f"{year}-01", f"{year}-12") for year in (2015, 2020)]
    windows = []
    for first, last in joined:
        own = values.loc[first:last, "Place"]
        days = ((own.index[0].start_time.date(), own.index[-1].end_time.date()),)
        windows.append(CountWindow("Place", days, int(own.sum()), ("made up",)))
        values.loc[first:last, "Place"] = np.nan
    spans = panel.with_(values=values, windows=tuple(windows))
    months, sums = (
        step_log_ratios(own.observations("Place")[0], step_design(own, trend=False, season="none"))[0] for own in (panel, spans)
    )
    assert sums == pytest.approx(months, abs=0.05)
    assert sums == pytest.approx(plainly(spans.observations("Place")[0], step_design(spans, trend=False)), abs=1e-5)
