"""What is looked into beside the headline of a study: other starts, phase-in, fading and residuals, as data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import Estimator
from gvi_eval.inference.start_posterior import StartPosterior, start_posterior, start_posterior_table
from gvi_eval.inference.sup_f import SupF, sup_f, sup_f_table
from gvi_eval.panel import Panel, period_of
from gvi_eval.sensitivity.fading import Fading, fading, half_years_table, horizons_table
from gvi_eval.sensitivity.phase_in import Lead, Ramp, leads, leads_table, ramps, ramps_table
from gvi_eval.sensitivity.residuals import Residuals, residual_summary_table, residuals, residuals_table
from gvi_eval.study import Study

NAMED = 3  # candidate starts that a sentence names
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """The headline's analysis looked at from other sides; a part that cannot be had is absent and ``refused`` says why."""

    start_posterior: StartPosterior | None = None
    sup_f: SupF | None = None
    ramps: tuple[Ramp, ...] = ()
    leads: tuple[Lead, ...] = ()
    fading: Fading | None = None
    residuals: tuple[Residuals, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def diagnose(
    study: Study, estimator: Estimator, panel: Panel, effect: Effect, done: Callable[[str], None] = lambda what: None
) -> Diagnostics:
    """Look into one analysis. Candidate starts are those the study declares; without any their posterior is left out.

    Everything but the residuals asks the latent count model and is left out for another estimator.
    """
    refused: list[tuple[str, str]] = []

    def tried(what: str, make: Callable[[], Found], instead: Found) -> Found:
        done(what)
        try:
            return make()
        except EstimationError as fault:
            refused.append((what, str(fault)))
            return instead

    left = tried("residuals", lambda: residuals(effect, panel), ())
    if estimator.name != "latent_counts":
        return Diagnostics(residuals=left, refused=tuple(refused))
    window = study.candidate_starts
    posterior = search = None
    if window is not None:
        first, last = (period_of(day, study.frequency) for day in (window.start, window.end))
        starts = pd.period_range(first, last, freq=study.frequency)
        posterior = tried("start posterior", lambda: start_posterior(estimator, panel, starts), None)
        search = tried("sup-F", lambda: sup_f(estimator, panel, starts, seed=study.seed), None)
    return Diagnostics(
        start_posterior=posterior,
        sup_f=search,
        ramps=tried("phase-in", lambda: ramps(estimator, panel), ()),
        leads=tried("anticipation", lambda: leads(estimator, panel), ()),
        fading=tried("fading", lambda: fading(estimator, panel), None),
        residuals=left,
        refused=tuple(refused),
    )


def diagnostics_tables(found: Diagnostics) -> dict[str, pd.DataFrame]:
    """The tables in which diagnostics are published, by file name."""
    tables = {}
    if found.start_posterior:
        tables["start_posterior.csv"] = start_posterior_table(found.start_posterior)
    if found.sup_f:
        tables["sup_f.csv"] = sup_f_table(found.sup_f)
    if found.ramps:
        tables["phase_in.csv"] = ramps_table(found.ramps)
    if found.leads:
        tables["anticipation.csv"] = leads_table(found.leads)
    if found.fading:
        tables["half_years.csv"] = half_years_table(found.fading.half_years)
        tables["horizons.csv"] = horizons_table(found.fading.horizons)
    if found.residuals:
        tables["residuals.csv"] = residuals_table(found.residuals)
        tables["residual_summary.csv"] = residual_summary_table(found.residuals)
    if found.refused:
        tables["refused.csv"] = pd.DataFrame(found.refused, columns=["diagnostic", "reason"])
    return tables


def diagnostics_sentences(found: Diagnostics) -> Iterator[str]:
    """What the diagnostics say, one sentence each; none of them is an estimate."""
    if found.start_posterior:
        yield _starts(found.start_posterior)
    if found.sup_f:
        test = found.sup_f.test
        yield (
            f"the largest F over {len(found.sup_f.rows)} candidate starts lies at {found.sup_f.best.start}: p "
            f"{test.p_value:.3f} (floor {test.floor:.3f}) once the search and autocorrelation are paid for, "
            f"{_small(found.sup_f.naive_p)} if neither is"
        )
    shown = [lead for lead in found.leads if lead.shown]
    if shown:
        yield f"before the start: {shown[0].sentence}"
    for about in found.residuals:
        if about.ljung_box_p is not None:
            yield (
                f"residuals about {about.about}: dispersion {_number(about.dispersion)}, Ljung-Box p {about.ljung_box_p:.2f} "
                f"over {about.lags} lags, largest {about.largest.residual:+.1f} at {about.largest.figure}"
            )
    for what, reason in found.refused:
        yield f"no {what}: {reason}"


def _starts(found: StartPosterior) -> str:
    ranked = sorted((row for row in found.rows if row.probability is not None), key=lambda row: -row.probability)
    best = ", ".join(f"{row.start} {row.probability:.2f}" for row in ranked[:NAMED])
    own = found.probability([found.declared])
    return (
        f"if the start were one of {found.rows[0].start} to {found.rows[-1].start} and nothing else had happened, the figures "
        f"would favour {best}; the declared {found.declared} has {own:.2f}. A diagnostic: it lets the outcome choose the date"
    )


def _small(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "below 0.001"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
