"""A synthesis carried out: every effect gathered, every ratio taken, everything pooled that may be, every refusal kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.inference.joint import JointPermutation, joint_permutation
from gvi_eval.pooling import (
    FEWEST_POOLED,
    MEAN_PRIORS,
    TAU_SCALES,
    Contribution,
    Hierarchical,
    Pooled,
    RatioOfTwo,
    hierarchical,
    one_outcome,
    pooled,
    ratio_of,
    ratio_of_effects,
)
from gvi_eval.results import panel_id
from gvi_eval.synthesis.declared import Comparison, Joint, Pooling, Synthesis, load_synthesis
from gvi_eval.synthesis.gather import Gathered, Sources, contributed, gather, require_same_method, sources


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Two places by the same estimator over the same horizon: their effects, and the ratio of the two at each start."""

    comparison: Comparison
    one: tuple[Gathered, ...]
    other: tuple[Gathered, ...]
    ratios: tuple[tuple[Gathered, Gathered, RatioOfTwo | None, str | None], ...]

    @property
    def given(self) -> list[RatioOfTwo]:
        return [ratio for _, _, ratio, _ in self.ratios if ratio is not None]


@dataclass(frozen=True, eq=False)
class PooledPlaces:
    """What several places say together: the random-effects mean from three on, for two their ratio, and every hierarchical
    posterior; ``left_out`` says of each place that could not enter why."""

    pooling: Pooling
    contributions: tuple[Contribution, ...]
    left_out: tuple[str, ...]
    pooled: Pooled | None
    ratio: RatioOfTwo | None
    posteriors: tuple[Hierarchical, ...]


@dataclass(frozen=True, eq=False)
class JointRank:
    """Cities ranked together, or why they are not."""

    joint: Joint
    permutation: JointPermutation | None
    refusal: str | None


@dataclass(frozen=True, eq=False)
class SynthesisResult:
    """Everything a synthesis gave."""

    synthesis: Synthesis
    file: Path
    sources: Sources
    comparisons: tuple[SideBySide, ...]
    poolings: tuple[PooledPlaces, ...]
    joint: tuple[JointRank, ...]

    @property
    def gathered(self) -> list[Gathered]:
        """Every effect of a study that stands side by side with another, each once."""
        return list(dict.fromkeys(each for side in self.comparisons for each in (*side.one, *side.other)))


def run_synthesis(path: Path, done: Callable[[str], None] = lambda what: None) -> SynthesisResult:
    """Carry out a synthesis file.

    Raises `StudyError` and `DataError` for a file, a study or a table that does not hold; what cannot be estimated is a
    refusal among the results.
    """
    synthesis = load_synthesis(path)
    found = sources(synthesis.studies)
    comparisons = []
    for comparison in synthesis.comparisons:
        comparisons.append(_side_by_side(found, comparison, synthesis.horizon_months))
        done(comparison.name)
    poolings = []
    for pooling in synthesis.poolings:
        poolings.append(_pooled(found, pooling, synthesis.horizon_months))
        done(pooling.name)
    joint = tuple(_joint(found, each, synthesis.horizon_months) for each in synthesis.joint)
    return SynthesisResult(synthesis, path, found, tuple(comparisons), tuple(poolings), joint)


def _side_by_side(found: Sources, comparison: Comparison, months: int | None) -> SideBySide:
    require_same_method(comparison.name, found.planned(comparison.one)[1], found.planned(comparison.other)[1])
    one, other = (tuple(gather(found, place, months)) for place in (comparison.one, comparison.other))
    names = comparison.one.place, comparison.other.place
    ratios = []
    for own in one:
        for its in other:
            try:
                ratios.append((own, its, ratio_of_effects(names, own.effect, its.effect), None))
            except EstimationError as fault:
                ratios.append((own, its, None, str(fault)))
    return SideBySide(comparison, one, other, tuple(ratios))


def _pooled(found: Sources, pooling: Pooling, months: int | None) -> PooledPlaces:
    contributions, left_out = [], []
    for place in pooling.places:
        try:
            contributions.append(contributed(found, place, pooling.outcome, months))
        except EstimationError as fault:
            left_out.append(str(fault))
    one_outcome(contributions)
    enough = len(contributions) >= 2
    return PooledPlaces(
        pooling,
        tuple(contributions),
        tuple(left_out),
        pooled(contributions) if len(contributions) >= FEWEST_POOLED else None,
        ratio_of(*contributions) if len(contributions) == 2 else None,
        tuple(hierarchical(contributions, tau, prior) for tau in TAU_SCALES for prior in MEAN_PRIORS) if enough else (),
    )


def _joint(found: Sources, joint: Joint, months: int | None) -> JointRank:
    """A city of which the comparison is refused is in no permutation."""
    placebos = []
    for place in joint.places:
        (own,) = gather(found, place, months)
        if own.evaluation is None:
            raise StudyError(f"'{joint.name}': {place.place} is compared with no donors, so it has no placebos to permute")
        if own.effect.refusal:
            return JointRank(joint, None, f"{place.place} is refused: {own.effect.refusal}")
        placebos.append(own.evaluation.placebos(own.effect.estimand))
    return JointRank(joint, joint_permutation(placebos), None)


# --- the tables


def sides_table(result: SynthesisResult) -> pd.DataFrame:
    """One row per comparison, place and start."""
    return pd.DataFrame(
        [
            {"comparison": side.comparison.name, "main": side.comparison.main, **_effect_row(each)}
            for side in result.comparisons
            for each in (*side.one, *side.other)
        ]
    )


def _effect_row(each: Gathered) -> dict[str, object]:
    effect, interval = each.effect, each.effect.intervals[0] if each.effect.intervals else None
    first, last = effect.window if effect.counterfactual is not None else (None, None)
    return {
        "id": f"{each.reference.study}/{each.reference.specification}/{each.onset}/{effect.estimand.name}",
        "place": each.reference.place,
        "study": each.reference.study,
        "specification": each.reference.specification,
        "outcome": each.outcome.title,
        "proxy_for": each.outcome.proxy_for,
        "estimator": effect.method,
        "onset": each.onset,
        "estimand": effect.estimand.name,
        "first": first and str(first),
        "last": last and str(last),
        "controls": "; ".join(each.panel.donors),
        "point": effect.point,
        "lower": interval and interval.lower,
        "upper": interval and interval.upper,
        "level": interval and interval.level,
        "kind": interval and interval.kind,
        "p": effect.tests[0].p_value if effect.tests else None,
        "refusal": effect.refusal,
        "used_whole": each.kept_beyond,
        "panel": panel_name(each),
    }


def panel_name(each: Gathered) -> str:
    """Where the panel of an effect is saved, named after its content."""
    return f"panels/{panel_id(each.panel)}.csv"


def ratios_table(result: SynthesisResult) -> pd.DataFrame:
    """One row per comparison and pair of starts."""
    return pd.DataFrame([row for side in result.comparisons for row in _ratio_rows(side)])


def _ratio_rows(side: SideBySide) -> Iterator[dict[str, object]]:
    for own, its, ratio, refusal in side.ratios:
        yield {
            "comparison": side.comparison.name,
            "main": side.comparison.main,
            "of": own.reference.place,
            "to": its.reference.place,
            "onset_of": own.onset,
            "onset_to": its.onset,
            "ratio": ratio and ratio.ratio,
            "lower": ratio and ratio.interval.lower,
            "upper": ratio and ratio.interval.upper,
            "level": ratio and ratio.interval.level,
            "kind": ratio and ratio.interval.kind,
            "p": ratio and ratio.test.p_value,
            "floor": ratio and ratio.test.floor,
            "refusal": refusal,
        }


def contributions_table(result: SynthesisResult) -> pd.DataFrame:
    """One row per pooling and place that entered."""
    rows = []
    for each in result.poolings:
        for one in each.contributions:
            interval = one.interval()
            rows.append(
                {
                    "pooling": each.pooling.name,
                    "place": one.name,
                    "outcome": one.outcome,
                    "kind": one.kind,
                    "ratio": one.ratio,
                    "lower": interval.lower,
                    "upper": interval.upper,
                    "log_ratio": one.log_ratio,
                    "standard_error": one.standard_error,
                    "width_from": "published" if one.kind == "published" else one.width_from,
                    "source": one.source,
                }
            )
    return pd.DataFrame(rows)


def pooled_table(result: SynthesisResult) -> pd.DataFrame:
    """One row per pooling and summary: the random-effects mean, and each hierarchical posterior with its prior in words."""
    return pd.DataFrame([row for each in result.poolings for row in _summaries(each)])


def _summaries(each: PooledPlaces) -> Iterator[dict[str, object]]:
    shared = {"pooling": each.pooling.name, "main": each.pooling.main, "outcome": each.pooling.outcome}
    shared |= {"places": len(each.contributions), "names": "; ".join(one.name for one in each.contributions)}
    if each.pooled is not None:
        mean, ahead = each.pooled, each.pooled.prediction
        yield shared | {
            "summary": "random effects, Hartung-Knapp",
            "ratio": mean.ratio,
            "lower": mean.interval.lower,
            "upper": mean.interval.upper,
            "level": mean.interval.level,
            "kind": mean.interval.kind,
            "p": mean.test.p_value,
            "tau": mean.tau,
            "i_squared": mean.i_squared,
            "prediction_lower": ahead and ahead.lower,
            "prediction_upper": ahead and ahead.upper,
            "note": "; ".join(mean.notes),
        }
    for posterior in each.posteriors:
        interval, ahead = posterior.interval(), posterior.prediction()
        yield shared | {
            "summary": posterior.label,
            "ratio": posterior.ratio,
            "lower": interval.lower,
            "upper": interval.upper,
            "level": interval.level,
            "kind": interval.kind,
            "p": None,
            "tau": posterior.tau_median,
            "i_squared": None,
            "prediction_lower": ahead.lower,
            "prediction_upper": ahead.upper,
            "note": "",
        }


def joint_table(result: SynthesisResult) -> pd.DataFrame:
    """One row per set of cities that are ranked together."""
    rows = []
    for each in result.joint:
        found = each.permutation
        rows.append(
            {
                "joint": each.joint.name,
                "cities": "; ".join(place.place for place in each.joint.places),
                "statistic": found and found.statistic,
                "p_fall": found and found.fall.p_value,
                "p_either": found and found.either.p_value,
                "floor": found and found.fall.floor,
                "combinations": found and found.combinations,
                "refusal": each.refusal,
            }
        )
    return pd.DataFrame(rows)


def finite(table: pd.DataFrame, column: str) -> np.ndarray:
    """The numbers of a column that are there."""
    return table[column].dropna().to_numpy(dtype=float)
