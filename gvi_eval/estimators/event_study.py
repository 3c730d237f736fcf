"""Event study: how far the treated unit is from its donors in every year before and after the start."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparison, Family, family_effect
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators.did import Did, Model
from gvi_eval.panel import PER_YEAR, Panel

Reference = Literal["all before", "last bin"]

HALF = 0.5  # an event added to both sums of counts, so that a bin without events has a log ratio
REFERENCE = -1  # the number of the bin just before the start
LARGE = 0.9  # quantile of the donors' counts, above which the scatter is taken to shrink no further
LEAST_SHRUNK, MOST_ALIKE = 0.01, 0.99  # of a correlation matrix towards equal correlations, and these
ZOOMS, LATTICE = 6, 21  # rounds and points of the search for the share of the scatter that shrinks with size


@dataclass(frozen=True, eq=False)
class LeadsAndLags:
    """What the treated unit differs by from its donors in each bin, beyond what it did in the bin just before the start.

    bins (coefficient,): leads −2, −3, … backwards from the reference −1 and lags 0, 1, … from the start, in order of time;
    spans (coefficient,) and ``reference``: first and last period of each; values (coefficient,), log ratios (poisson) or
    differences of rates (linear); covariance (coefficient, coefficient); shares (lag,): what each lag weighs in the contrast
    of the whole time after the start, by expected counts (poisson) or exposure (linear); donors: the number of placebo
    event studies behind the covariance; shrinkage: of their correlations.
    """

    model: Model
    bins: tuple[int, ...]
    spans: tuple[tuple[str, str], ...]
    reference: tuple[str, str]
    values: np.ndarray
    covariance: np.ndarray
    shares: np.ndarray
    donors: int
    shrinkage: float

    @property
    def leads(self) -> int:
        """How many of the coefficients lie before the start."""
        return sum(number < 0 for number in self.bins)

    def as_details(self) -> dict[str, Any]:
        errors = np.sqrt(np.diag(self.covariance))
        rows = zip(self.bins, self.spans, self.values, errors, strict=True)
        return {
            "coefficients": [
                {"bin": number, "first": first, "last": last, "value": float(value), "error": float(error)}
                for number, (first, last), value, error in rows
            ],
            "reference_bin": {"bin": REFERENCE, "first": self.reference[0], "last": self.reference[1]},
            "covariance": self.covariance.tolist(),
            "covariance_donors": self.donors,
            "covariance_shrinkage": self.shrinkage,
        }


@dataclass(frozen=True)
class EventStudy:
    """Leads and lags of the treated unit against its donors, for counts, continuous figures and shares.

    Periods are binned backwards and forwards from the start, ``bin`` periods each, by default a year's worth; what is left
    over at either end is a bin of its own, or joins its neighbour when it is less than half a bin. With O_k, E_k and P_k the
    observed counts, those expected by `Did` and the exposure of bin k, and r the bin just before the start:

        'poisson':  β_k = log (O_k / E_k) − log (O_r / E_r), half an event added to each sum of counts
        'linear':   β_k = (O_k − E_k) / P_k − (O_r − E_r) / P_r

    These are the coefficients of the two-way regression with an indicator of the treated unit for every bin but r: to the
    digit where the table is balanced and, in the Poisson model, exposure does not change; otherwise the donors alone say how
    periods move, where the regression lets the treated unit have a say.

    The effect is Σ observed / Σ expected. ``reference`` 'all before' sets the level of the expected path by all periods
    before the start and is `Did`: without a drift before the start nothing is as precise. 'last bin' sets it by the bin just
    before the start: it asks for no parallel course earlier on and pays with the noise of one bin, and with a bin that was
    picked for being high it takes the return to normal for an effect.

    The covariance comes from the donors, each in the treated unit's place: β_jk / sqrt(a_k + b_k / m_j), m_j the donor's mean
    count before the start, have about one spread; for rates β_jk is a share of the donor's rate. a_k, b_k ≥ 0 as in
    `gvi_eval.inference.placebo`, taken at the treated unit's own count. The correlations of these are shrunk towards one
    common correlation, their mean, by the share λ that costs least squared error, at least 0.01; bins that share a
    reference are correlated by about a half, so shrinking towards none would call their mean too certain. It is positive
    definite for any number of donors and is taken as known afterwards: with a dozen donors it is rough.

    Raises `EstimationError` as `comparison` does, and where the bin just before the start has no figure or, as reference of
    the effect, no event; `StudyError` for an unknown setting.

    Sources: Schäfer & Strimmer (2005) A shrinkage approach to large-scale covariance matrix estimation, Stat. Appl. Genet.
    Mol. Biol. 4(1), doi:10.2202/1544-6115.1175. Ledoit & Wolf (2004) Honey, I shrunk the sample covariance matrix, J.
    Portf. Manag. 30(4), doi:10.3905/jpm.2004.110. Ferman & Pinto (2019) Inference in differences-in-differences with few
    treated groups and heteroskedasticity, Rev. Econ. Stat. 101(3), doi:10.1162/rest_a_00759.
    """

    name: ClassVar[str] = "event_study"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True
    shifts: ClassVar[bool] = True  # the level of the treated unit may differ from that of its donors

    model: Model = "linear"
    bin: int | None = None
    reference: Reference = "all before"
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        for setting, known in (("model", ("linear", "poisson")), ("reference", ("all before", "last bin"))):
            if getattr(self, setting) not in known:
                raise StudyError(f"{setting} of {self.name} is {getattr(self, setting)!r}; choose {', '.join(known)}")
        if self.bin is not None and not (isinstance(self.bin, int) and self.bin >= 1):
            raise StudyError(f"bin of {self.name} is {self.bin!r}; set a whole number of periods, 1 or more")

    @property
    def adds_level(self) -> bool:
        """Whether that difference is added to rates, instead of multiplied."""
        return self.model == "linear"

    def estimate(self, panel: Panel) -> Effect:
        family = self._did.family(panel)
        found = self._found(panel, family)
        details = {"model": self.model, "reference": self.reference, **found.as_details()}
        notes = family.comparison.notes
        if found.donors <= len(found.values):
            notes += (f"the covariance of {len(found.values)} leads and lags rests on {found.donors} donors and is rough",)
        return family_effect(self._anchored(panel, family), panel, self.name, self.level, details, notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._anchored(panel, self._did.family(panel, placebos=placebos, treated_stays=treated_stays))

    def leads_and_lags(self, panel: Panel) -> LeadsAndLags:
        """The coefficients with their covariance, for `gvi_eval.inference.honest`."""
        return self._found(panel, self._did.family(panel))

    @property
    def _did(self) -> Did:
        return Did(model=self.model, level=self.level)

    def _bins(self, panel: Panel, side: Comparison) -> np.ndarray:
        return bins_around(side.before, self.bin or PER_YEAR[panel.frequency])

    def _anchored(self, panel: Panel, family: Family) -> Family:
        """The family with paths at the level of the reference."""
        if self.reference == "all before":
            return family
        side = family.comparison
        counts, people = side.counts[:, family.members].T, side.exposure[:, family.members].T
        known = (self._bins(panel, side) == REFERENCE) & ~np.isnan(counts) & ~np.isnan(family.expected)
        observed, expected, exposed = (
            np.where(known, each, 0.0).sum(axis=1, keepdims=True) for each in (counts, family.expected, people)
        )
        if self.model == "poisson" and not observed[0] > 0:
            raise EstimationError(
                f"{side.units[0]} has no event in the bin just before the start {side.onset}, so that bin sets no level; use "
                "reference = 'all before' or a larger bin"
            )
        with np.errstate(divide="ignore", invalid="ignore"):  # a placebo without a figure there has no path
            if self.model == "poisson":
                return replace(family, expected=np.where(observed > 0, family.expected * (observed / expected), np.nan))
            lift = (observed - expected) / exposed
        return replace(family, expected=family.expected + people * lift, intercepts=family.intercepts + lift[:, 0])

    def _found(self, panel: Panel, family: Family) -> LeadsAndLags:
        """Leads and lags of the treated unit, from a family with placebos."""
        side, numbers = family.comparison, self._bins(panel, family.comparison)
        every = np.unique(numbers)
        inside = (numbers[:, None] == every).astype(float)  # (period, bin)
        counts, people = side.counts[:, family.members].T, side.exposure[:, family.members].T
        known = ~np.isnan(counts) & ~np.isnan(family.expected)
        observed, expected, exposed, figures = (
            np.where(known, each, 0.0) @ inside for each in (counts, family.expected, people, np.ones(counts.shape))
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.model == "poisson":
                added = HALF if side.kind == "count" else 0.0
                away = np.where(figures > 0, np.log((observed + added) / (expected + added)), np.nan)
            else:
                away = (observed - expected) / exposed
            values = away - away[:, every == REFERENCE]
        own = np.isfinite(values[0])
        if not own[every == REFERENCE].all():
            raise EstimationError(
                f"{side.units[0]} has no figure in the bin just before the start {side.onset}, with which all others are "
                "compared; use a larger bin"
            )
        kept = own & (every != REFERENCE)
        covariance, donors, shrinkage = _covariance(side, values[:, kept], relative=self.model == "linear")
        lags = every[kept] >= 0
        heavy = (expected if self.model == "poisson" else exposed)[0, kept][lags]
        spans = {number: side.periods[numbers == number] for number in every}
        return LeadsAndLags(
            model=self.model,
            bins=tuple(int(number) for number in every[kept]),
            spans=tuple((str(spans[number][0]), str(spans[number][-1])) for number in every[kept]),
            reference=(str(spans[REFERENCE][0]), str(spans[REFERENCE][-1])),
            values=values[0, kept],
            covariance=covariance,
            shares=heavy / heavy.sum(),
            donors=donors,
            shrinkage=shrinkage,
        )


def bins_around(before: np.ndarray, width: int) -> np.ndarray:
    """Number of each period's bin, (period,): −1, −2, … backwards and 0, 1, … forwards from the start, ``width`` periods each.

    What is left over at an end joins its neighbour when it is less than half a bin.
    """
    start = int(before.sum())
    numbers = np.floor_divide(np.arange(len(before)) - start, width)
    for length, last, step in ((start, numbers[0], 1), (len(before) - start, numbers[-1], -1)):
        if length > width and 2 * (length % width) < width and length % width:
            numbers[numbers == last] = last + step
    return numbers


def _covariance(side: Comparison, values: np.ndarray, relative: bool) -> tuple[np.ndarray, int, float]:
    """Covariance (coefficient, coefficient) of the treated unit's coefficients from those of its donors.

    values (unit, coefficient), the treated unit first, NaN where a donor has none. Also: donors used, and the shrinkage.
    """
    counted = side.before[:, None] & ~np.isnan(side.counts)
    sums = np.where(counted, side.counts, 0.0).sum(axis=0)
    mean_count = sums / np.maximum(counted.sum(axis=0), 1)
    is_count = side.kind == "count"
    level = sums / np.where(counted, side.exposure, 0.0).sum(axis=0) if relative and is_count else np.ones(len(values))
    donors = np.flatnonzero(np.isfinite(values[1:]).all(axis=1)) + 1
    if not len(donors):
        raise EstimationError(
            f"no donor of {side.units[0]} has a figure in every bin, so the scatter of leads and lags is not known; use a "
            "larger bin"
        )
    gaps = values[donors] / level[donors, None]
    a, b = size_scales(gaps, mean_count[donors]) if is_count else ((gaps**2).mean(axis=0), np.zeros(gaps.shape[1]))
    own_count = min(mean_count[0], np.quantile(mean_count[donors], LARGE)) if is_count else 1.0
    spread = level[0] * np.sqrt(a + b / own_count)
    scales = np.sqrt(a + b / mean_count[donors, None]) if is_count else np.sqrt(a)
    correlations, shrinkage = shrunk_correlations(gaps / np.where(scales > 0, scales, 1.0))
    return correlations * spread * spread[:, None], len(donors), shrinkage


def size_scales(gaps: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a, b ≥ 0, each (coefficient,), of the variance a + b / count of gaps (donor, coefficient), counts (donor,).

    The likelihood of `gvi_eval.inference.placebo.size_scale` for many columns at once: given the share of b in the
    variance of a donor of harmonic mean count, the total has a closed form, which leaves one number to look for, on a
    lattice of shares from 0 to 1 that closes in on the best. No scatter at all gives 0 and 0.
    """
    inverse = 1 / counts
    typical = float(inverse.mean())
    square = np.maximum(gaps**2, 1e-300)

    def loss(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus twice the log likelihood, and the total, (share, coefficient), at shares of that shape."""
        shape = 1 - share[:, None, :] + share[:, None, :] * (inverse / typical)[:, None]
        total = (square / shape).mean(axis=1)
        return len(counts) * np.log(total) + np.log(shape).sum(axis=1), total

    columns = np.arange(gaps.shape[1])
    low, high = np.zeros(len(columns)), np.ones(len(columns))
    for _ in range(ZOOMS):
        shares = np.linspace(low, high, LATTICE)
        best = np.argmin(loss(shares)[0], axis=0)
        low, high = shares[np.maximum(best - 1, 0), columns], shares[np.minimum(best + 1, LATTICE - 1), columns]
    share = shares[best, columns]
    total = np.where((gaps == 0).all(axis=0), 0.0, loss(share[None])[1][0])
    return total * (1 - share), total * share / typical


def shrunk_correlations(scaled: np.ndarray) -> tuple[np.ndarray, float]:
    """Correlations (coefficient, coefficient) of gaps with mean 0, scaled (donor, coefficient), and how far they are shrunk.

    (1 − λ) r_kl + λ r̄ off the diagonal, r̄ the mean correlation between 0 and 0.99,
    λ = Σ var(r_kl) / Σ (r_kl − r̄)² between 0.01 and 1, and 1 for a single donor.
    """
    donors, size = scaled.shape
    if size == 1:
        return np.ones((1, 1)), 0.0
    length = np.sqrt((scaled**2).mean(axis=0))
    unit = scaled / np.where(length > 0, length, 1.0)
    products = unit[:, :, None] * unit[:, None, :]
    found, apart = products.mean(axis=0), ~np.eye(size, dtype=bool)
    mean = float(np.clip(found[apart].mean(), 0.0, MOST_ALIKE))
    share = 1.0
    if donors > 1:
        noise = float(products.var(axis=0, ddof=1)[apart].sum()) / donors
        spread = float(((found[apart] - mean) ** 2).sum())
        share = min(max(noise / spread, LEAST_SHRUNK), 1.0) if spread > 0 and math.isfinite(noise) else 1.0
    correlations = np.where(apart, (1 - share) * found + share * mean, 1.0)
    return correlations, share
