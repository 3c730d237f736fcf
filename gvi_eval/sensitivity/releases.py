"""A series that could be released: the panel that a study would have with it."""

import dataclasses
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvi_eval.errors import StudyError
from gvi_eval.estimators import Estimator, make_estimator
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.power import Noise
from gvi_eval.windows import CountWindow

FREQUENCIES = {"monthly": "M", "quarterly": "Q", "yearly": "Y"}
FEWEST_PLACES = 19  # donors, below which no p-value falls below .05
SYNTAX = "monthly, quarterly, yearly, +24m, donors=20, rate=2.5 (events a month), or several with commas between"
# Settings that count models are calibrated under: alpha and sigma per month, rho from month to month.
OTHER_OUTCOME = (Noise("Poisson", 0.0, 0.0, 0.0), Noise("moderate", 0.1, 0.4, 0.6), Noise("heavy", 0.2, 0.4, 0.85))


@dataclass(frozen=True)
class Change:
    """What a release changes: the length of a period, months more at the end, donors, or another outcome of a known rate."""

    frequency: str | None = None
    months: int = 0
    donors: int = 0
    rate: float | None = None


@dataclass(frozen=True, eq=False)
class Design:
    """A panel whose figures are yet to be drawn, about ``expected`` (period,), its noise settings, and who analyses it."""

    estimator: Estimator
    panel: Panel
    expected: np.ndarray
    noise: tuple[Noise, ...]


def parse_change(text: str) -> Change:
    """The change that words such as ``monthly,+24m`` stand for; raises `StudyError` for others, with those that exist."""
    found: dict[str, object] = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        if part in FREQUENCIES:
            own = {"frequency": FREQUENCIES[part]}
        elif more := re.fullmatch(r"\+(\d+)m", part):
            own = {"months": int(more[1])}
        elif donors := re.fullmatch(r"donors=(\d+)", part):
            own = {"donors": int(donors[1])}
        elif rate := re.fullmatch(r"rate=(\d+(?:\.\d+)?)", part):
            own = {"rate": float(rate[1])}
        else:
            raise StudyError(f"a release cannot change '{part}'; write {SYNTAX}")
        if own.keys() & found.keys():
            raise StudyError(f"the release '{text}' says {next(iter(own))} twice; keep one")
        found |= own
    change = Change(**found)
    if change == Change():
        raise StudyError(f"the release '{text}' changes nothing; write {SYNTAX}")
    if 0 < change.donors < FEWEST_PLACES:
        raise StudyError(
            f"{change.donors} donors cannot give a p-value below .05, whatever they show; ask for {FEWEST_PLACES} or more"
        )
    if change.rate == 0:
        raise StudyError("a rate of 0 events a month can show nothing; write the rate that is known")
    return change


def released(estimator: Estimator, panel: Panel, expected: np.ndarray, noise: tuple[Noise, ...], change: Change) -> Design:
    """The design that the analysis would have with a release.

    A finer period has its share of what was expected; its noise has the same latent sd σ, ρ^(1/m) from one of m parts to the
    next, and m α, because independent noise of m parts has a mth of the variance in their sum. Months at the end repeat the
    last year of what was expected, in yearly totals where the figures are spans and nothing finer is asked for. Donors have the
    same expected path (see `simulate`) and are compared by synthetic difference-in-differences with placebos; they need a
    figure for every period, so spans become periods, and they are compared by quarters where months are asked for, because
    weights that follow the scatter of small counts are refused. Another outcome has a constant rate, the noise
    `OTHER_OUTCOME`, and no adjustment for events of this one.

    Raises `StudyError` where the periods asked for are longer than those there are.
    """
    if change.rate is not None:
        per_month = 12 / PER_YEAR[panel.frequency]
        expected = np.full(len(panel.periods), change.rate * per_month)
        noise = tuple(_coarser(each, int(per_month)) for each in OTHER_OUTCOME)
        estimator = dataclasses.replace(estimator, adjust=()) if getattr(estimator, "adjust", ()) else estimator
    unit, _ = panel.sole_treated
    panel = panel.without(*panel.donors) if panel.donors else panel
    if change.months:
        panel, expected = _longer(panel, unit, expected, change)
    if change.frequency is not None:
        panel, expected, noise = _finer(panel, unit, expected, noise, change.frequency)
    if change.rate is not None or change.donors:
        panel = _complete(panel, unit)
    if change.donors and panel.frequency == "M":
        panel, expected, noise = _quarters(panel, expected, noise)
    if change.donors:
        panel, estimator = _beside(panel, unit, change.donors), make_estimator("sdid", {})
    return Design(estimator, panel, expected, noise)


def _coarser(noise: Noise, parts: int) -> Noise:
    """Noise of a period from that of its parts; the inverse of `finer`."""
    return Noise(noise.name, noise.alpha / parts, noise.sigma, noise.rho**parts)


def finer(noise: Noise, parts: int) -> Noise:
    """Noise of a part of a period."""
    return Noise(noise.name, noise.alpha * parts, noise.sigma, noise.rho ** (1 / parts) if noise.rho else 0.0)


def _longer(panel: Panel, unit: str, expected: np.ndarray, change: Change) -> tuple[Panel, np.ndarray]:
    year = PER_YEAR[panel.frequency]
    more = change.months * year // 12
    if more * 12 != change.months * year:
        raise StudyError(f"{change.months} months are not whole periods of a {panel.frequency} panel; ask for whole ones")
    last = panel.periods[-1]
    periods = panel.periods.append(pd.period_range(last + 1, periods=more, freq=panel.frequency))
    again = np.resize(np.arange(len(panel.periods) - year, len(panel.periods)), more)
    rows = np.concatenate([np.arange(len(panel.periods)), again])
    exposure = panel.exposure.iloc[rows].set_axis(periods)
    values = panel.values.astype(float).reindex(periods)
    windows = panel.windows
    if panel.spans(unit) and change.frequency is None and not change.donors:
        windows += tuple(_year(unit, periods[place : place + year]) for place in range(len(panel.periods), len(periods), year))
    else:
        values.iloc[len(panel.periods) :] = 1.0
    return panel.with_(values=values, exposure=exposure, windows=windows, sources=None, covariates={}), expected[rows]


def _year(unit: str, periods: pd.PeriodIndex) -> CountWindow:
    return CountWindow(unit, ((periods[0].start_time.date(), periods[-1].end_time.date()),), 1, ())


def _finer(
    panel: Panel, unit: str, expected: np.ndarray, noise: tuple[Noise, ...], frequency: str
) -> tuple[Panel, np.ndarray, tuple[Noise, ...]]:
    parts = PER_YEAR[frequency] // PER_YEAR[panel.frequency]
    if parts < 1:
        raise StudyError(
            f"the figures are of frequency {panel.frequency} already, which is finer than {frequency}; ask for more"
        )
    first, last = panel.periods[0].start_time, panel.periods[-1].end_time
    periods = pd.period_range(first, last, freq=frequency)
    _, onset = panel.sole_treated
    exposure = pd.DataFrame(
        np.repeat(panel.exposure.to_numpy(dtype=float) / parts, parts, axis=0), periods, panel.exposure.columns
    )
    values = pd.DataFrame(1.0, periods, panel.values.columns)
    fine = panel.with_(
        values=values,
        exposure=exposure,
        windows=(),
        onsets={unit: pd.Period(onset.start_time, freq=frequency)},
        sources=None,
        covariates={},
    )
    return fine, np.repeat(expected / parts, parts), tuple(finer(each, parts) for each in noise)


def _complete(panel: Panel, unit: str) -> Panel:
    return panel.with_(
        values=pd.DataFrame(1.0, panel.periods, [unit]), exposure=panel.exposure[[unit]], windows=(), sources=None
    )


def _quarters(panel: Panel, expected: np.ndarray, noise: tuple[Noise, ...]) -> tuple[Panel, np.ndarray, tuple[Noise, ...]]:
    """The same by whole quarters."""
    coarse = panel.resampled("Q")
    sums = pd.Series(expected, panel.periods).groupby(panel.periods.asfreq("Q")).sum()
    return coarse, sums.loc[coarse.periods].to_numpy(), tuple(_coarser(each, 3) for each in noise)


def _beside(panel: Panel, unit: str, donors: int) -> Panel:
    names = [unit, *(f"place {number + 1}" for number in range(donors))]
    exposure = pd.DataFrame({name: panel.exposure[unit] for name in names})
    return panel.with_(values=pd.DataFrame(1.0, panel.periods, names), exposure=exposure)
