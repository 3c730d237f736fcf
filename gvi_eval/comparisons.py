"""Methods with donors side by side: effects, placebos, fit, and what it takes away to leave donors or dates out."""

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import uses_donors
from gvi_eval.inference.placebo import Placebos
from gvi_eval.results import Analysis, StudyResult, path_name, placebo_p
from gvi_eval.sensitivity.exclusion import exclusion_by_placebos
from gvi_eval.study import Study

HEAVIEST = 5  # donors that a table names
SIGNIFICANT = 0.05


def comparisons_table(result: StudyResult) -> pd.DataFrame:
    """One row per analysis with donors and start: the effect, its placebo p-values and their floor, and the fit."""
    rows = []
    for analysis in result.analyses:
        if not uses_donors(analysis.estimator) or analysis.is_range:
            continue
        effect, interval = analysis.fit, analysis.fit.intervals[0] if analysis.fit.intervals else None
        row: dict[str, object] = {
            "outcome": result.study.outcome(analysis.specification.outcome).title,
            "role": result.study.outcome(analysis.specification.outcome).role,
            "specification": analysis.specification.name,
            "estimator": analysis.estimator.name,
            "unit": effect.unit,
            "onset": analysis.onset,
            "point": effect.point,
            "lower": interval.lower if interval else None,
            "upper": interval.upper if interval else None,
            "level": interval.level if interval else None,
            "p_scaled": placebo_p(effect, "placebo"),
            "p_raw": placebo_p(effect, "placebo, raw"),
            "p_rmspe_ratio": placebo_p(effect, "placebo, RMSPE ratio"),
        }
        if analysis.evaluation is not None:
            row |= _fit_columns(result.study, analysis, effect)
        rows.append(row | {"refusal": effect.refusal})
    return pd.DataFrame(rows)


def _fit_columns(study: Study, analysis: Analysis, effect: Effect) -> dict[str, object]:
    """What the placebos and the fit of an analysis say, whether it was admitted or not."""
    evaluation = analysis.evaluation
    placebos, fit = placebos_of(analysis), evaluation.fit
    if placebos is None:
        return {}
    weights = sorted(effect.details["weights"].items(), key=lambda pair: (-abs(pair[1]), pair[0]))[:HEAVIEST]
    excluded = exclusion_by_placebos(effect, placebos, study.smallest_effect)
    return {
        "ratio_unadmitted": float(placebos.observed[0] / placebos.expected[0])
        if effect.refusal and placebos.expected[0] > 0
        else None,
        "floor": placebos.floor,
        "donors": placebos.donors,
        "rank_scaled": placebos.rank(np.abs(placebos.scaled)),
        "rank_raw": placebos.rank(np.abs(placebos.log_ratio)),
        "rmspe_share": fit.share,
        "rmspe_over_noise": fit.ratio,
        "mean_gap": fit.mean_gap,
        "beyond_donors": fit.beyond,
        "inside_hull": fit.inside_hull,
        "hold_out": fit.hold_out,
        "detectable": placebos.detectable(analysis.estimator.level),
        **_spans_of(analysis),
        "heaviest": "; ".join(f"{name} {weight:.2f}" for name, weight in weights),
        "excludes": excluded.sentence if excluded else None,
    }


def placebos_of(analysis: Analysis) -> Placebos | None:
    """The placebos of the headline contrast; None without a fit, and where the window holds no figure, as the refusal says."""
    try:
        return analysis.evaluation and analysis.evaluation.placebos(analysis.fit.estimand)
    except EstimationError:
        return None


def _spans_of(analysis: Analysis) -> dict[str, float | None]:
    """The lowest and highest ratio without one or two donors, and at placebo dates; none where nothing was tried."""
    found: dict[str, float | None] = {}
    for name, points in (
        ("left_out", [each.point for each in analysis.left_out if each.point is not None]),
        ("placebo_date", [each.point for each in analysis.placebo_dates if each.point is not None]),
    ):
        found |= {f"{name}_lowest": min(points, default=None), f"{name}_highest": max(points, default=None)}
    return found


def leave_out_table(result: StudyResult) -> pd.DataFrame:
    """One row per analysis with donors and set of donors left out."""
    return pd.DataFrame(
        [
            {
                "specification": analysis.specification.name,
                "onset": analysis.onset,
                "left_out": " and ".join(each.donors),
                "point": each.point,
                "refusal": each.refusal,
            }
            for analysis in result.analyses
            for each in analysis.left_out
        ],
        columns=["specification", "onset", "left_out", "point", "refusal"],
    )


def event_study_table(result: StudyResult) -> pd.DataFrame:
    """One row per event study, start and coefficient: its bin, the periods in it, log ratio or rate difference, and error."""
    rows = [
        {"specification": analysis.specification.name, "unit": analysis.fit.unit, "onset": analysis.onset, **row}
        for analysis in result.analyses
        if not analysis.is_range
        for row in analysis.fit.details.get("coefficients", ())
        if isinstance(row, dict) and "bin" in row
    ]
    return pd.DataFrame(rows)


def placebo_dates_table(result: StudyResult) -> pd.DataFrame:
    """One row per analysis with donors and start at which nothing happened."""
    return pd.DataFrame(
        [
            {
                "specification": analysis.specification.name,
                "onset": analysis.onset,
                "placebo_onset": str(each.onset),
                "periods": each.periods,
                "point": each.point,
                "refusal": each.refusal,
            }
            for analysis in result.analyses
            for each in analysis.placebo_dates
        ],
        columns=["specification", "onset", "placebo_onset", "periods", "point", "refusal"],
    )


def placebos_table(analysis: Analysis) -> pd.DataFrame:
    """One row per unit of an analysis with donors: its weight, and what the method says of it in the treated unit's place."""
    table = placebos_of(analysis).frame()
    table.insert(2, "weight", analysis.evaluation.family.weights[0])
    return table


def placebos_name(analysis: Analysis) -> str:
    """Where the placebos of an analysis are saved."""
    return path_name(analysis).replace("paths/", "placebos/", 1)


def shown_comparisons(result: StudyResult) -> list[Analysis]:
    """The analyses whose placebos are drawn: for each unit and outcome the first that is admitted with a placebo interval."""
    first: dict[tuple[str, str], Analysis] = {}
    for analysis in result.analyses:
        effect = analysis.fit
        if analysis.is_range or analysis.variant or effect.point is None or placebos_of(analysis) is None:
            continue
        if effect.intervals and effect.intervals[0].kind == "placebo":
            first.setdefault((effect.unit, analysis.specification.outcome), analysis)
    return list(first.values())


def gaps_table(analysis: Analysis) -> pd.DataFrame:
    """One row per unit and period of an analysis with donors: what was observed and what the method expects of the unit.

    Every unit stands in the treated unit's place, which itself comes first; person_years are ones where the outcome has no
    denominator; a cell is empty where no figure was published or the donors have none.
    """
    family = analysis.evaluation.family
    side = family.comparison
    parts = [
        pd.DataFrame(
            {
                "unit": side.units[own],
                "treated": own == 0,
                "period": side.periods.astype(str),
                "before": side.before,
                "observed": side.counts[:, own],
                "expected": expected,
                "person_years": side.exposure[:, own],
            }
        )
        for own, expected in zip(family.members, family.expected, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def gaps_name(analysis: Analysis) -> str:
    """Where the gaps of an analysis and of its placebos are saved."""
    return path_name(analysis).replace("paths/", "gaps/", 1)


def comparison_sentences(result: StudyResult) -> list[str]:
    """What the comparisons say of each outcome: how many are admitted, between which ratios, and how unusual."""
    table = comparisons_table(result)
    if table.empty:
        return []
    found = []
    for (unit, outcome), rows in table.groupby(["unit", "outcome"], sort=False):
        admitted = rows[rows["point"].notna()]
        words = f"{unit}, {outcome}: {len(admitted)} of {len(rows)} comparisons with donors are admitted"
        if admitted.empty:
            found.append(f"{words}, so there is no estimate")
            continue
        unusual = admitted[admitted["p_scaled"] <= SIGNIFICANT]
        words += f", with ratios from {admitted['point'].min():.2f} to {admitted['point'].max():.2f}"
        words += (
            f"; {len(unusual)} of them at p ≤ {SIGNIFICANT:g}"
            if len(unusual)
            else f"; none is unusual among its placebos (smallest p {admitted['p_scaled'].min():.2f}, "
            f"floor {admitted['floor'].min():.3f})"
        )
        if admitted["detectable"].notna().any():
            low, high = admitted["detectable"].min(), admitted["detectable"].max()
            words += f"; such designs find ratios below {low:.2f} to {high:.2f}"
        found.append(words)
    return found
