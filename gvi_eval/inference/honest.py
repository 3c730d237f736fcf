"""How far may the treated unit have been drifting away from its donors before no effect is a possible answer?

Bounds for leads and lags after Rambachan & Roth. β̂ are coefficients relative to the last bin before the start, T of them
before (leads) and L after (lags), with a known covariance Σ. What was expected of them without the programme, the drift δ, is
all there is before the start and one part of the lags: E β̂ = δ before, E β̂ = τ + δ after, and δ = 0 in the reference bin. Of
interest is θ = Σ_l w_l τ_l. Nothing is learnt about δ after the start but by a rule that ties it to δ before:

    relative magnitudes ΔRM(M):  |δ_{t+1} − δ_t| after the start ≤ M · the largest |δ_{s+1} − δ_s| before it
    smoothness ΔSD(M):           |(δ_{t+1} − δ_t) − (δ_t − δ_{t−1})| ≤ M everywhere

Both read neighbouring coefficients as one step apart. Σ is taken as known and β̂ as normal.

Rambachan & Roth (2023) A more credible approach to parallel trends, Rev. Econ. Stud. 90(5) 2555-2591,
doi:10.1093/restud/rdad018. Armstrong & Kolesár (2018) Optimal inference in a class of regression models, Econometrica 86(2)
655-683, doi:10.3982/ECTA14434.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._simplex import solve
from gvi_eval.intervals import Interval

Rule = Literal["relative magnitudes", "smoothness"]
RULES = ("relative magnitudes", "smoothness")
LATTICE = (1e-3, 1e4, 71)  # least and greatest bound, in units of its scale, and points of the search for a breakdown
TOLERANCE = 1e-10  # of roots, relative to the scale of a bound


@dataclass(frozen=True)
class Honest:
    """What one rule with one bound leaves of a combination of the lags.

    point: Σ_l w_l β̂_l; identified: the values of θ that a drift within the rule leaves when β̂ is taken for its mean, None
    where no such drift goes through the leads themselves (smoothness only, and common with noisy leads); interval: covers θ
    with at least its level whenever the drift keeps to the rule.
    """

    rule: Rule
    bound: float
    point: float
    identified: tuple[float, float] | None
    interval: Interval

    def excludes(self, value: float = 0.0) -> bool:
        return self.interval.excludes(value)

    @property
    def sentence(self) -> str:
        drift = {
            "relative magnitudes": f"a drift whose steps after the start are up to {self.bound:g} times the largest before it",
            "smoothness": f"a drift whose slope changes by up to {self.bound:.3g} from one bin to the next",
        }[self.rule]
        level = f"{self.interval.level:.0%}"
        verdict = "no effect is excluded" if self.excludes() else "no effect is possible"
        return f"with {drift}, {self.interval.lower:.3f} to {self.interval.upper:.3f} ({level}): {verdict}"


@dataclass(frozen=True)
class Breakdown:
    """The largest bound at which no effect is excluded: by the interval, and by the identified set at the point itself.

    Infinite where no bound up to ten thousand times its scale makes no effect possible; 0 where no effect is possible without
    any drift at all, which ``excluded_without`` tells from a breakdown at 0.
    """

    rule: Rule
    bound: float
    of_point: float
    level: float
    excluded_without: bool

    @property
    def sentence(self) -> str:
        if not self.excluded_without:
            without = {"relative magnitudes": "even without any drift", "smoothness": "even if the drift goes straight on"}
            return f"no effect is possible {without[self.rule]} ({self.level:.0%})"
        if not math.isfinite(self.bound):
            return f"no effect is excluded whatever the drift within the rule of {self.rule} ({self.level:.0%})"
        most = {
            "relative magnitudes": f"its steps after the start are at most {self.bound:.2f} times the largest before it",
            "smoothness": f"its slope changes by at most {self.bound:.3g} from one bin to the next",
        }[self.rule]
        return f"no effect is excluded as long as a drift is such that {most} ({self.level:.0%})"


def relative_magnitudes(
    values: np.ndarray,
    covariance: np.ndarray,
    leads: int,
    bound: float,
    *,
    weights: np.ndarray | None = None,
    level: float = 0.95,
) -> Honest:
    """θ when steps of the drift after the start are at most ``bound`` times the largest step before it, ΔRM.

    values (coefficient,) in order of time without the reference, of which the first ``leads`` lie before the start;
    covariance (coefficient, coefficient); weights (lag,), by default alike.

    With c = Σ_r |Σ_{l ≥ r} w_l| the identified set is w'β_after ± bound · c · max_s |d_s|, where the d_s are the steps
    between neighbouring leads and from the last one to 0. The interval: let the largest step of the true drift be the one
    at s with sign g. Then θ lies between A = w'β − bound·c·g·d_s and B = w'β + bound·c·g·d_s at their means, both
    linear in β̂ and so normal with known errors; [Â − zσ_A, B̂ + zσ_B] with z of level (1 + level) / 2 misses θ on
    either side with probability (1 − level) / 2 at most. Which step it is, and its sign, is not known, so the interval runs
    from the least of the lower to the greatest of the upper limits over all 2T of them, and the one that is true
    is among them: it covers with at least ``level`` for every drift in ΔRM. It is conservative, the more so the more leads
    there are of about one size. It also includes the plain interval without drift, which belongs to every bound: that makes
    it grow with the bound.

    Raises `EstimationError` without leads or lags; `StudyError` for a bound below 0 or shapes that do not go together.
    """
    parts = _parts(values, covariance, leads, weights, bound, level)
    lower, upper = _magnitude_limits(parts, bound)
    reach = bound * parts.reach_of_steps * parts.largest_step
    interval = Interval(lower, upper, level, "bounds")
    return Honest("relative magnitudes", bound, parts.point, (parts.point - reach, parts.point + reach), interval)


def smoothness(
    values: np.ndarray,
    covariance: np.ndarray,
    leads: int,
    bound: float,
    *,
    weights: np.ndarray | None = None,
    level: float = 0.95,
) -> Honest:
    """θ when the slope of the drift changes by at most ``bound`` from one bin to the next, ΔSD; arguments as above.

    Carried on with its last slope −β_T, the drift takes Σ w_l l (−β_T) off; every later change of slope e_r adds
    e_r Σ_{l ≥ r} w_l (l − r), so the identified set is w'β_after + β_T Σ w_l l ± bound · Σ_r |Σ_{l > r} w_l (l − r)|.

    The interval is v'β̂ ± σ(v) cv(b(v) / σ(v)): v equals w on the lags, is 0 on every straight line, b(v) is its largest bias
    over ΔSD and cv(t) the quantile of |N(t, 1)|. A v that does not look at β̂ makes it cover with exactly ``level``
    where the bias is largest and with more elsewhere; v is the one that makes it shortest. With the coefficients u_s
    of the changes of slope before the start, b = bound · (Σ|u_s| + a constant), so that for each budget Σ|u_s| ≤ B the
    least σ is a nearest point on a simplex, found exactly; the length is convex in B and is searched over.

    Raises as `relative_magnitudes`.
    """
    parts = _parts(values, covariance, leads, weights, bound, level)
    lower, upper = _smooth_limits(parts, bound)
    centre = parts.carried_on
    changes = np.diff(np.append(parts.values[:leads], 0.0), n=2)
    agrees = bool((np.abs(changes) <= bound * (1 + TOLERANCE)).all())
    reach = bound * parts.reach_of_changes
    identified = (centre - reach, centre + reach) if agrees else None
    return Honest("smoothness", bound, parts.point, identified, Interval(lower, upper, level, "bounds"))


def breakdown(
    values: np.ndarray,
    covariance: np.ndarray,
    leads: int,
    rule: Rule = "relative magnitudes",
    *,
    weights: np.ndarray | None = None,
    level: float = 0.95,
    value: float = 0.0,
) -> Breakdown:
    """The largest bound up to which no effect (``value``) is excluded; arguments as above, raises as they do.

    Of relative magnitudes the intervals grow with the bound and there is one such bound. Of smoothness they nearly do, and
    it is the first bound at which no effect is possible on a fine lattice, made exact by bisection.
    """
    if rule not in RULES:
        raise StudyError(f"the rule on the drift is {rule!r}; choose {', '.join(RULES)}")
    parts = _parts(values, covariance, leads, weights, 0.0, level)
    if rule == "relative magnitudes":
        away = abs(parts.point - value)
        reach, scale = parts.reach_of_steps * parts.largest_step, 1.0
    else:
        away = abs(parts.carried_on - value)
        reach, scale = parts.reach_of_changes, math.sqrt(float(parts.covariance.diagonal().max())) or 1.0
    of_point = away / reach if reach > 0 else (math.inf if away > 0 else 0.0)

    def inside(bound: float) -> float:
        """How far inside the interval no effect lies; below 0 where it is excluded."""
        lower, upper = _magnitude_limits(parts, bound) if rule == "relative magnitudes" else _smooth_limits(parts, bound)
        return min(value - lower, upper - value)

    if inside(0.0) >= 0:
        return Breakdown(rule, 0.0, of_point, level, False)
    return Breakdown(rule, _first_inside(inside, scale), of_point, level, True)


def _first_inside(inside: Callable[[float], float], scale: float) -> float:
    """The first bound on a lattice at which ``inside`` is 0 or more, made exact; infinite where there is none."""
    below = 0.0
    for bound in scale * np.geomspace(*LATTICE):
        if inside(bound) >= 0:
            return float(optimize.brentq(inside, below, bound, xtol=TOLERANCE * scale, rtol=TOLERANCE))
        below = bound
    return math.inf


@dataclass(frozen=True, eq=False)
class _Parts:
    """Coefficients and what the rules need of them: values (coefficient,), covariance, weights (lag,), steps (lead,
    coefficient), each a step between neighbours before the start, times (lag,) in bins since the reference.
    """

    values: np.ndarray
    covariance: np.ndarray
    leads: int
    weights: np.ndarray
    steps: np.ndarray
    times: np.ndarray
    level: float

    @property
    def combination(self) -> np.ndarray:
        """The weights of all coefficients, those of the leads 0."""
        return np.append(np.zeros(self.leads), self.weights)

    @property
    def point(self) -> float:
        return float(self.combination @ self.values)

    @property
    def carried_on(self) -> float:
        """θ when the drift goes straight on from the last lead through the reference."""
        return self.point + float(self.times @ self.weights) * float(self.values[self.leads - 1])

    @property
    def largest_step(self) -> float:
        return float(np.abs(self.steps @ self.values).max())

    @property
    def reach_of_steps(self) -> float:
        """How far steps of at most 1 after the start may move the combination."""
        return float(np.abs(np.cumsum(self.weights[::-1])).sum())

    @property
    def reach_of_changes(self) -> float:
        """How far changes of slope of at most 1, from the reference on, may move the combination."""
        later = np.maximum(self.times[:, None] - np.arange(len(self.times)), 0)
        return float(np.abs(self.weights @ later).sum())


def _parts(
    values: np.ndarray, covariance: np.ndarray, leads: int, weights: np.ndarray | None, bound: float, level: float
) -> _Parts:
    values, covariance = np.asarray(values, dtype=float), np.asarray(covariance, dtype=float)
    lags = len(values) - leads
    if leads < 1 or lags < 1:
        raise EstimationError(
            f"there are {max(leads, 0)} leads and {max(lags, 0)} lags, and a drift after the start is judged by one before it; "
            "use smaller bins or a longer baseline"
        )
    weights = np.full(lags, 1 / lags) if weights is None else np.asarray(weights, dtype=float)
    if covariance.shape != (len(values), len(values)) or weights.shape != (lags,):
        raise StudyError(
            f"{len(values)} coefficients with {leads} leads have a covariance of shape {covariance.shape} and weights of shape "
            f"{weights.shape}; give {(len(values), len(values))} and {(lags,)}"
        )
    if not bound >= 0:
        raise StudyError(f"the bound on the drift is {bound}; set 0 or more")
    if not 0 < level < 1:
        raise StudyError(f"level of the bounds is {level}; set a number between 0 and 1, such as 0.95")
    steps = np.eye(leads, len(values), 1) - np.eye(leads, len(values))
    steps[:, leads:] = 0.0  # after the last lead comes the reference, which is 0
    return _Parts(values, covariance, leads, weights, steps, np.arange(1, lags + 1), level)


def _magnitude_limits(parts: _Parts, bound: float) -> tuple[float, float]:
    moved = bound * parts.reach_of_steps * parts.steps
    lines = parts.combination + np.vstack([np.zeros(len(parts.values)), moved, -moved])  # (line, coefficient)
    centres = lines @ parts.values
    errors = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", lines, parts.covariance, lines), 0.0))
    reach = float(special.ndtri((1 + parts.level) / 2)) * errors
    return float((centres - reach).min()), float((centres + reach).max())


def _smooth_limits(parts: _Parts, bound: float) -> tuple[float, float]:
    line, bias = shortest_line(parts.covariance, parts.leads, parts.weights, bound, parts.level)
    centre = float(line @ parts.values)
    reach = _half_length(bias, math.sqrt(max(float(line @ parts.covariance @ line), 0.0)), parts.level)
    return centre - reach, centre + reach


def shortest_line(
    covariance: np.ndarray, leads: int, weights: np.ndarray, bound: float, level: float
) -> tuple[np.ndarray, float]:
    """The v of the shortest interval v'β̂ ± σ cv(b / σ) over ΔSD(bound), shape (coefficient,), and its largest bias b.

    v on the leads is given by its coefficient on the slope, which that on the lags fixes, and by those on the changes of
    slope before the start, u: δ at t bins before the reference is −t · slope + Σ_s (t − s) e_s.
    """
    lags = np.arange(1, len(weights) + 1)
    back = np.arange(leads, 0, -1)  # bins before the reference, in order of time
    shape = np.vstack([back, np.maximum(back - np.arange(1, leads)[:, None], 0)])  # (slope and changes, lead)
    inverse = np.linalg.inv(shape.astype(float))
    fixed = np.append(inverse[:, 0] * float(lags @ weights), weights)
    free = np.vstack([inverse[:, 1:], np.zeros((len(weights), leads - 1))])  # (coefficient, change)
    least = float(np.abs(weights @ np.maximum(lags[:, None] - np.arange(len(lags)), 0)).sum())
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    y, columns = -root @ fixed, root @ free
    unbounded = np.linalg.lstsq(columns, y, rcond=None)[0] if leads > 1 else np.zeros(0)
    most = float(np.abs(unbounded).sum())

    def changes(budget: float) -> np.ndarray:
        """u with Σ|u| up to the budget and the least σ: the nearest point on a simplex with vertices 0 and ± budget."""
        corners = budget * np.hstack([np.zeros((len(y), 1)), columns, -columns])
        shares = solve(y, corners).weights[1:]
        return budget * (shares[: leads - 1] - shares[leads - 1 :])

    def length(budget: float) -> float:
        return _half_length(bound * (budget + least), float(np.linalg.norm(y - columns @ changes(budget))), level)

    chosen = unbounded
    if bound > 0 and most > 0:
        found = optimize.minimize_scalar(length, bounds=(0.0, most), method="bounded", options={"xatol": 1e-7 * most})
        ends = [(0.0, length(0.0)), (most, length(most)), (float(found.x), float(found.fun))]
        chosen = changes(min(ends, key=lambda end: end[1])[0])
    return fixed + free @ chosen, bound * (float(np.abs(chosen).sum()) + least)


def _half_length(bias: float, error: float, level: float) -> float:
    """σ cv(b / σ), with cv(t) the quantile of |N(t, 1)|: half an interval that is right for any bias up to b."""
    if error <= bias * 1e-12:
        return bias
    t = bias / error

    def beyond(limit: float) -> float:
        return float(special.ndtr(limit - t) - special.ndtr(-limit - t)) - level

    highest = t + float(special.ndtri((1 + level) / 2))
    return error * (highest if beyond(highest) <= 0 else float(optimize.brentq(beyond, 0.0, highest, xtol=1e-12)))
