"""Difference-in-differences: the change of the treated unit beside the common change of its donors."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparison, Family, comparison, family_effect, placebo_members
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators._two_way import two_way_linear, two_way_poisson
from gvi_eval.panel import Panel

Model = Literal["linear", "poisson"]
FEWEST_CLUSTERS = 5  # treated clusters, below which a cluster-robust p is no p


@dataclass(frozen=True)
class Did:
    """Two-way fixed effects with one treated unit, for counts, continuous figures and shares.

    ``model`` 'linear': y_it / exposure_it = a_i + b_t + τ D_it, by least squares through linearmodels' `PanelOLS`, with
    ``weights`` 'none' or 'exposure'. 'poisson': log E[y_it] = log exposure_it + a_i + b_t + τ D_it, by Poisson
    pseudo-likelihood, which asks only that the mean is right. D is 1 for the treated unit from the start on. The path without
    the programme is exposure times a + b, or exp of it.

    ``covariance`` 'placebo' leaves the interval to `gvi_eval.inference.placebo`. 'clustered' is refused with fewer than five
    treated units, here always: with one treated of 57, cluster-robust p reject 81 % of true nulls.

    Missing figures are no obstacle. Raises `EstimationError` as `comparison` does; `StudyError` for an unknown setting.

    Sources: Ferman & Pinto (2019) Inference in differences-in-differences with few treated groups and heteroskedasticity,
    Rev. Econ. Stat. 101(3), doi:10.1162/rest_a_00759. Santos Silva & Tenreyro (2006) The log of gravity, Rev. Econ. Stat.
    88(4), doi:10.1162/rest.88.4.641.
    """

    name: ClassVar[str] = "did"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = True
    shifts: ClassVar[bool] = True  # the level of the treated unit may differ from that of its donors

    model: Model = "linear"
    weights: Literal["none", "exposure"] = "none"
    covariance: Literal["placebo", "clustered"] = "placebo"
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        for setting, known in (
            ("model", ("linear", "poisson")),
            ("weights", ("none", "exposure")),
            ("covariance", ("placebo", "clustered")),
        ):
            if getattr(self, setting) not in known:
                raise StudyError(f"{setting} of {self.name} is {getattr(self, setting)!r}; choose {', '.join(known)}")
        if self.model == "poisson" and self.weights != "none":
            raise StudyError(
                f"the poisson model of {self.name} weighs by exposure as it is; leave weights = '{self.weights}' out"
            )

    @property
    def adds_level(self) -> bool:
        """Whether that difference is added to rates, instead of multiplied."""
        return self.model == "linear"

    def estimate(self, panel: Panel) -> Effect:
        if self.covariance == "clustered":
            raise EstimationError(
                f"a cluster-robust p for {panel.sole_treated[0]}, the 1 treated of {len(panel.values.columns)} units, would "
                f"reject true nulls most of the time; it needs {FEWEST_CLUSTERS} treated units: use covariance = 'placebo'"
            )
        side = self._side(panel)
        family, ratios = self._fitted(side, False, False)
        details: dict[str, Any] = {"model": self.model}
        if self.model == "linear":
            details |= _panel_ols(side, self.weights == "exposure")
        else:
            details["ratio"] = float(ratios[0])
        return family_effect(family, panel, self.name, self.level, details, side.notes)

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family:
        """The expected paths of the treated unit and of each donor in its place; see `Family`."""
        return self._fitted(self._side(panel), placebos, treated_stays)[0]

    def _side(self, panel: Panel) -> Comparison:
        """The comparison with gaps as they are, because two-way effects need no complete table."""
        side = comparison(panel, "rate", self.name)
        return replace(side, figures=side.counts / side.exposure, notes=tuple(n for n in side.notes if "filled with" not in n))

    def _fitted(self, side: Comparison, placebos: bool, treated_stays: bool) -> tuple[Family, np.ndarray]:
        chosen, donors = placebo_members(side, placebos, treated_stays)
        expected, contrasts = np.full((len(chosen), len(side.periods)), np.nan), np.full(len(chosen), np.nan)
        weights, intercepts = np.zeros(donors.shape), np.zeros(len(chosen))
        for row, (own, among) in enumerate(zip(chosen, donors, strict=True)):
            columns = np.append(own, np.flatnonzero(among))
            counts, exposure = side.counts[:, columns], side.exposure[:, columns]
            rows = ~np.isnan(counts[:, 1:]).all(axis=1)
            treated = np.zeros(counts.shape, dtype=bool)
            treated[~side.before, 0] = True
            if self.model == "poisson":
                silent = rows & (np.nansum(counts, axis=1) == 0)  # nothing anywhere: nothing is expected either
                rows &= ~silent
                try:
                    fit = two_way_poisson(counts[rows], exposure[rows], treated[rows])
                except EstimationError as fault:
                    if row == 0:
                        raise EstimationError(f"{side.units[own]}: {fault}") from None
                    continue  # a placebo without a path counts as infinitely far out
                expected[row, rows], expected[row, silent] = fit.untreated(exposure[rows])[:, 0], 0.0
                contrasts[row] = fit.ratio
                shares = np.where(among, np.nansum(side.exposure[side.before], axis=0), 0.0)
            else:
                linear = two_way_linear(
                    side.figures[np.ix_(rows, columns)], treated[rows], exposure[rows] if self.weights == "exposure" else None
                )
                expected[row, rows] = exposure[rows, 0] * (linear.units[0] + linear.periods)
                contrasts[row] = linear.effect
                shares = np.where(
                    among, np.nansum(side.exposure[side.before], axis=0) if self.weights == "exposure" else 1.0, 0.0
                )
                intercepts[row] = linear.units[0] - np.average(linear.units[1:], weights=shares[columns[1:]])
            weights[row] = shares / shares.sum()
        return Family(side, chosen, expected, weights, intercepts, np.zeros(len(chosen))), contrasts


def _panel_ols(side: Comparison, weighted: bool) -> dict[str, float]:
    """The same regression by linearmodels: the coefficient and how much of the variation within units it accounts for."""
    from linearmodels.panel import PanelOLS

    frame = pd.DataFrame(
        {
            "rate": side.figures.T.ravel(),
            "treated": np.where(np.arange(len(side.units))[:, None] == 0, ~side.before, False).astype(float).ravel(),
            "exposure": side.exposure.T.ravel(),
        },
        index=pd.MultiIndex.from_product([side.units, side.periods.start_time]),
    ).dropna()
    size = frame["rate"].abs().mean()  # rates per person are tiny numbers
    fit = PanelOLS(
        frame["rate"] / size,
        frame[["treated"]],
        entity_effects=True,
        time_effects=True,
        weights=frame["exposure"] / frame["exposure"].mean() if weighted else None,
    ).fit()
    return {"rate_difference": float(fit.params["treated"] * size), "observations": int(fit.nobs)}
