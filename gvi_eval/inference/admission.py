"""May this comparison be used? The rules for every method with donors, once: fit, hull, contamination, logs of small counts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import NO_WEIGHT, Comparative, Family
from gvi_eval.panel import PER_YEAR, Panel

WORST_SHARE, WORST_NOISE = 0.20, 1.5  # RMSPE over the mean, and over the expected noise: refused where both are exceeded
OVERFIT = 0.7  # RMSPE over the expected noise, below which noise was fitted
MOST_BEYOND = 0.10  # share of the periods before the start that may lie beyond the donors
CHANCE_ERRORS = 2.0  # standard errors of that share where units are alike
HULL_ERRORS = 2.0  # standard errors of the mean gap
ROUNDING = 1e-9  # a mean gap, of the mean, that is only what arithmetic leaves of none
LARGE_COUNT = 30.0  # a mean count a period, from which a gap before the start is told from noise
HEAVY = 0.1  # weight of a donor that may be contaminated no more
LOG_COUNT, LOG_ZEROS = 5.0, 0.05  # mean count and share of zeros of a donor whose log is taken
CONTAMINATING = ("treatment", "co-intervention", "shock")


@dataclass(frozen=True)
class Fit:
    """How like the treated unit its donors are before the start; rates, except for counts as said.

    rmspe; share, of the mean; noise, the RMSPE that Poisson scatter of unit and donors alone would give,
    noise² = mean over t of (y_t / P_t² + Σ_j w_j² y_jt / P_jt²); ratio = rmspe / noise, NaN for figures that are no counts;
    mean_gap, of the mean; gap_error, its standard error; beyond, the share of periods in which the unit lies beyond the
    donors' lowest and highest; most_beyond, the largest such share of a unit inside: `MOST_BEYOND`, or what one of units that
    are all alike may reach by chance, which is the highest or lowest of J + 1 in 2 / (J + 1) of the periods; hold_out, the
    RMSPE of the last year before the start when it is not fitted, over that of the fit.
    """

    rmspe: float
    share: float
    noise: float
    ratio: float
    mean_gap: float
    gap_error: float
    beyond: float
    mean_count: float
    most_beyond: float = MOST_BEYOND
    hold_out: float | None = None

    @property
    def inside_hull(self) -> bool:
        """Whether donors surround the unit: rarely beyond them, and no gap on average."""
        return self.beyond <= self.most_beyond and abs(self.mean_gap) <= HULL_ERRORS * self.gap_error + ROUNDING

    @property
    def log_gap(self) -> float:
        """The log of what was observed before the start over what was expected."""
        return -float(np.log1p(-self.mean_gap)) if self.mean_gap < 1 else np.inf

    @property
    def is_overfit(self) -> bool:
        return self.ratio < OVERFIT


def fit_of(family: Family, shifts: bool) -> Fit:
    """The fit of the first member of a family. A method that ``shifts`` the level is judged by its gaps about their mean."""
    side, own, weights = family.comparison, family.members[0], family.weights[0]
    expected = family.expected[0]
    rows = side.before & ~np.isnan(side.counts[:, own]) & ~np.isnan(expected)
    if not rows.any():
        raise EstimationError(f"no period before the start {side.onset} has figures of {side.units[own]} and its donors")
    counts, exposure = side.counts[rows], side.exposure[rows]
    rates, gaps = counts / exposure, (counts[:, own] - expected[rows]) / exposure[:, own]
    mean = rates[:, own].mean()
    centred = gaps - gaps.mean() if shifts else gaps
    others = np.arange(len(side.units)) != own
    low, high = np.nanmin(rates[:, others], axis=1), np.nanmax(rates[:, others], axis=1)
    alike = 2 / (others.sum() + 1)
    rmspe = float(np.sqrt((centred**2).mean()))
    noise = np.nan
    if side.kind == "count":
        variance = counts[:, own] / exposure[:, own] ** 2 + (np.nan_to_num(counts / exposure**2) * weights**2).sum(axis=1)
        noise = float(np.sqrt(variance.mean()))
    scatter = max(float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0, noise if np.isfinite(noise) else 0.0)
    return Fit(
        rmspe=rmspe,
        share=rmspe / abs(mean) if mean else np.inf,
        noise=noise,
        ratio=rmspe / noise if noise > 0 else np.nan,
        mean_gap=float(gaps.mean() / mean) if mean else np.inf,
        gap_error=scatter / np.sqrt(len(gaps)) / abs(mean) if mean else np.inf,
        beyond=float(((rates[:, own] < low) | (rates[:, own] > high)).mean()),
        mean_count=float(counts[:, own].mean()),
        most_beyond=max(MOST_BEYOND, alike + CHANCE_ERRORS * float(np.sqrt(alike * (1 - alike) / len(gaps)))),
    )


def refusals(estimator: Comparative, panel: Panel, family: Family, fit: Fit, detectable: float | None) -> list[str]:
    """Why the result of this comparison is not used, in sentences; empty where it is admitted."""
    unit = family.comparison.units[family.members[0]]
    method = getattr(estimator, "variant", "") or estimator.name
    found = []
    large = fit.mean_count >= LARGE_COUNT and detectable is not None
    noisy = not fit.ratio <= WORST_NOISE  # NaN: figures that are no counts have no expected noise
    if fit.share > WORST_SHARE and noisy:
        found.append(
            f"the donors do not follow {unit} before the start: the root mean squared gap is {fit.share:.0%} of its mean"
            + (f" and {fit.ratio:.1f} times what chance alone would give" if np.isfinite(fit.ratio) else "")
            + f" (refused above {WORST_SHARE:.0%} and {WORST_NOISE:g})"
        )
    if not estimator.shifts and not fit.inside_hull:
        found.append(
            f"{unit} lies outside its donors before the start: beyond all of them in {fit.beyond:.0%} of the periods, "
            f"{fit.mean_gap:+.1%} on average (standard error {fit.gap_error:.1%}), and {method} without an intercept carries "
            "that gap on; compare logs with an intercept, or use did with model = 'poisson'"
        )
    elif not estimator.shifts and large and abs(fit.log_gap) > -np.log(detectable) / 2:
        found.append(
            f"the mean gap of {unit} before the start is {fit.mean_gap:+.1%}, more than half the effect that this design "
            f"detects (a ratio of {detectable:.2f})"
        )
    if estimator.adds_level and family.comparison.kind == "count" and fit.beyond > fit.most_beyond:
        found.append(
            f"{unit} lies beyond all its donors in {fit.beyond:.0%} of the periods before the start, and {method} adds a level "
            "of its own to their rates, while what moves counts moves them in proportion; compare logs, or use did with "
            "model = 'poisson'"
        )
    found += _contaminated(panel, family)
    if family.comparison.scale == "log":
        found += _unlogged(family)
    return found


def _contaminated(panel: Panel, family: Family) -> list[str]:
    """Donors with weight in which something of their own begins, or goes on, while they are compared."""
    side, weights = family.comparison, family.weights[0]
    last = side.periods[-1].end_time
    found = []
    for event in panel.interventions:
        if event.role not in CONTAMINATING or event.unit not in side.units[1:]:
            continue
        begins = pd.Timestamp(event.start.earliest)
        over = event.end is not None and pd.Timestamp(event.end) < side.periods[0].start_time
        weight = float(weights[side.units.index(event.unit)])
        if begins <= last and not over and abs(weight) > HEAVY:
            found.append(
                f"the donor {event.unit}, with a weight of {weight:.2f}, is contaminated by '{event.name}' from {event.start}; "
                "leave it out with a reason"
            )
    return found


def _unlogged(family: Family) -> list[str]:
    side, weights = family.comparison, family.weights[0]
    for place in np.flatnonzero(np.abs(weights) > NO_WEIGHT):
        counts = side.counts[~np.isnan(side.counts[:, place]), place]
        zeros = (counts == 0).mean()
        if side.kind == "count" and (counts.mean() < LOG_COUNT or zeros > LOG_ZEROS):
            return [
                f"the log of the donor {side.units[place]} is noise: it counts {counts.mean():.1f} a period on average, "
                f"{zeros:.0%} of them 0; use coarser periods or scale = 'rate'"
            ]
    return []


def hold_out_error(estimator: Comparative, panel: Panel) -> float | None:
    """The RMSPE of the rates over the last year before the start, fitted without it; None where nothing is left to fit."""
    _, onset = panel.sole_treated
    year = PER_YEAR[panel.frequency]
    earlier = onset - year
    if (earlier - panel.periods[0]).n < max(year, 3):
        return None
    try:
        family = estimator.family(panel.before(onset).starting(earlier), placebos=False)
    except (EstimationError, StudyError):  # too little is left, or predictors name the last year itself
        return None
    side = family.comparison
    gaps = ((side.counts[:, 0] - family.expected[0]) / side.exposure[:, 0])[~side.before]
    gaps = gaps[~np.isnan(gaps)]
    return float(np.sqrt((gaps**2).mean())) if len(gaps) else None
