"""The fifteen kinds of claim: what each needs to be checked, what is recomputed, and how such claims usually fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of claim, as a row of the table of fifteen.

    ``needs`` names fields of a `Quantity` or of the claim without which nothing can be recomputed; a missing one is
    named in the verdict and the claim is not checkable, which is another thing than wrong.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    recomputes: str
    usual_failure: str


_ALL = (
    Kind(
        "relative_change",
        "relative change",
        ("measure", "definition", "baseline", "window", "size"),
        "the rate ratio with days as exposure, and its interval",
        "a peak as baseline; windows of unequal length; part of a year against a full year",
    ),
    Kind(
        "absolute_change",
        "absolute change",
        ("measure", "definition", "baseline", "window", "size"),
        "the difference per month",
        "the days that each count covers are missing",
    ),
    Kind("series", "level or series", ("measure", "definition", "level"), "equality with a published vintage", "revised since"),
    Kind(
        "attribution",
        "attribution to the programme",
        ("strength", "design"),
        "the effect that an interrupted time series or a synthetic control gives, and the threats it met",
        "a headline stronger than its source",
    ),
    Kind(
        "counterfactual_count",
        "events prevented",
        ("value", "window", "study"),
        "the gap between what was seen and what was expected, with its interval",
        "a point without an interval",
    ),
    Kind(
        "trend",
        "trend",
        ("measure", "definition", "direction", "window"),
        "the slope before and after the start",
        "the trend before the start is ignored",
    ),
    Kind(
        "comparison",
        "comparison of places or methods",
        ("comparator", "measure", "definition", "baseline", "window"),
        "sign and size for each place that it is compared with",
        "places added up hide how much they differ",
    ),
    Kind(
        "ranking",
        "ranking or record",
        ("measure", "definition", "years_in_scope", "window"),
        "the rank within the scope",
        "the definition breaks inside the scope",
    ),
    Kind(
        "generalisation",
        "generalisation over places",
        ("sites",),
        "the pooled effect and its prediction interval",
        "only successes were selected",
    ),
    Kind("evidence_label", "label of evidence", ("literature",), "the review it cites, with its grade", "no grade given"),
    Kind(
        "safety_perception",
        "perceived safety",
        ("before", "after", "respondents", "question"),
        "two shares tested with a design effect",
        "noise; several causes",
    ),
    Kind("target", "target or forecast", ("value", "due"), "nothing until it is due", "no number"),
    Kind("activity", "activity", ("value",), "nothing: an activity is not an outcome", "offered as an outcome"),
    Kind(
        "definition",
        "definition or coverage",
        ("measure", "before", "after"),
        "the ratio of one definition to the other",
        "it changes over time",
    ),
    Kind(
        "rival_cause", "rival cause", ("rival", "strength"), "the other event beside the start (T4)", "a story with one cause"
    ),
)
KINDS = {kind.name: kind for kind in _ALL}
