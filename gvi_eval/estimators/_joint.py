"""A treated unit and its controls as one set of counts: whose cells they cover, and the columns of the joint model."""

from dataclasses import dataclass

import numpy as np

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import Change, Design, Season, design, require_full_rank
from gvi_eval.panel import Panel

INTERCEPT_SD = 10.0
COEFFICIENT_SD = 2.5
MOST_MISSING = 1 / 3  # of the treated unit's periods on a side, beyond which a control cannot stand for what went on


@dataclass(frozen=True, eq=False)
class JointDesign:
    """Counts of several units and the columns behind their means.

    A cell is one unit in one period; the cells of the treated unit come first, one per period, then those of each control.
    Shapes: counts (count,), matrix (count, cell) the share of each cell that a count covers, factual and expected
    (cell, column), offset (cell,) log exposure about its mean within the unit, prior_sd (column,).
    """

    units: tuple[str, ...]
    names: tuple[str, ...]
    counts: np.ndarray
    matrix: np.ndarray
    factual: np.ndarray
    expected: np.ndarray
    offset: np.ndarray
    prior_sd: np.ndarray
    unit_of_cell: np.ndarray
    period_of_cell: np.ndarray
    unit_of_count: np.ndarray

    @property
    def periods(self) -> int:
        return len(self.offset) // len(self.units)

    @property
    def treated(self) -> Design:
        """The columns of the treated unit alone, shape (period, column) each."""
        own = self.unit_of_cell == 0
        return Design(self.names, self.factual[own], self.expected[own], self.offset[own])


def controls_of(panel: Panel, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The controls that are asked for, in the order of their names; all donors of the panel where none is named.

    Raises `StudyError` for a name that is not a donor, and `EstimationError` where there is none.
    """
    for name in wanted:
        if name not in panel.donors:
            raise StudyError(f"'{name}' is not a control of this panel; its controls are {', '.join(panel.donors) or 'none'}")
    chosen = tuple(sorted(set(wanted) or panel.donors))
    if not chosen:
        raise EstimationError(
            f"{panel.sole_treated[0]} has no control in this panel; add a unit of role donor to the study, or use latent_counts"
        )
    return chosen


def joint_design(
    panel: Panel,
    unit: str,
    controls: tuple[str, ...],
    *,
    change: Change,
    trend: bool,
    season: Season,
    ramp: int = 0,
    anticipation: int = 0,
    adjust: tuple[str, ...] = (),
    common_change: bool = True,
) -> JointDesign:
    """The joint columns of a treated unit and its controls.

    Every unit has its own intercept. All share a trend, the season, the events of ``adjust`` and, with ``common_change``, a
    level of their own from the start on, so that what happened everywhere at the start is not taken for an effect. The
    treated unit alone has what the programme changed, its anticipation, and with ``trend`` a trend of its own, zero at the
    start. The season is that of the units published period by period; there must be one.

    Raises `EstimationError` for a control that lacks figures or events, and for columns that repeat each other.
    """
    units = (unit, *controls)
    observed = [panel.observations(name) for name in units]
    for name in controls:
        _require_figures(panel, unit, name)
    if season not in ("default", "none") and all(panel.spans(name) for name in units):
        raise EstimationError(
            f"{', '.join(units)} are all published for odd spans, which carry no season; set season to 'none'"
        )
    if all(panel.spans(name) for name in units):
        season = "none"
    own = design(panel, unit, change=change, trend=True, season=season, ramp=ramp, adjust=adjust, anticipation=anticipation)
    periods = len(panel.periods)
    after = np.asarray(panel.periods >= panel.onsets[unit], dtype=float)
    shared = [name for name in own.names[1:] if name not in own_names(own)]
    columns: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    zero = np.zeros(periods)

    def stacked(treated: np.ndarray, control: np.ndarray) -> np.ndarray:
        return np.concatenate([treated, *[control] * len(controls)])

    for place, name in enumerate(units):
        indicator = np.zeros((len(units), periods))
        indicator[place] = 1.0
        columns[f"intercept: {name}"] = (indicator.ravel(), indicator.ravel())
    for name in shared:
        column = own.factual[:, own.names.index(name)]
        columns["common trend" if name == "trend" else name] = (stacked(column, column),) * 2
    if common_change:
        columns["common change"] = (stacked(after, after),) * 2
    if trend:
        column = own.factual[:, own.names.index("trend")]
        columns["trend"] = (stacked(column, zero),) * 2
    for name in own_names(own):
        place = own.names.index(name)
        columns[name] = (stacked(own.factual[:, place], zero), stacked(own.expected[:, place], zero))
    factual, expected = (np.column_stack([pair[side] for pair in columns.values()]) for side in (0, 1))
    offsets = [np.log(panel.exposure[name].to_numpy(dtype=float)) for name in units]
    joint = JointDesign(
        units=units,
        names=tuple(columns),
        counts=np.concatenate([counts for counts, _ in observed]),
        matrix=_block_diagonal([matrix for _, matrix in observed]),
        factual=factual,
        expected=expected,
        offset=np.concatenate([offset - offset.mean() for offset in offsets]),
        prior_sd=np.where(np.arange(len(columns)) < len(units), INTERCEPT_SD, COEFFICIENT_SD),
        unit_of_cell=np.repeat(np.arange(len(units)), periods),
        period_of_cell=np.tile(np.arange(periods), len(units)),
        unit_of_count=np.repeat(np.arange(len(units)), [len(counts) for counts, _ in observed]),
    )
    rows = Design(joint.names, factual, expected, joint.offset)
    require_full_rank(rows, joint.matrix.sum(axis=0) > 0, " and ".join(units))
    return joint


def own_names(own: Design) -> tuple[str, ...]:
    """The columns that only the treated unit has: what the programme changed, and what was anticipated."""
    changed = (own.factual != own.expected).any(axis=0)
    return tuple(name for name, is_changed in zip(own.names, changed, strict=True) if is_changed or name == "anticipation")


def _require_figures(panel: Panel, unit: str, control: str) -> None:
    """A control has events, and figures for most of the treated unit's periods on both sides of the start."""
    onset = panel.onsets[unit]
    gaps, mine = set(panel.gaps(control)), set(panel.gaps(unit))
    for side, word in ((panel.periods < onset, "before"), (panel.periods >= onset, "from")):
        known = [period for period in panel.periods[side] if period not in mine]
        missing = [period for period in known if period in gaps]
        if len(missing) > MOST_MISSING * len(known):
            raise EstimationError(
                f"the control {control} has no figure for {len(missing)} of the {len(known)} periods {word} the start {onset} "
                f"that {unit} has, {missing[0]} to {missing[-1]}; more than a third missing cannot show what went on there: "
                "choose another control or a window that it covers"
            )
    counts, matrix = panel.observations(control)
    early = matrix[:, np.asarray(panel.periods < onset)].sum(axis=1) > 0
    if not counts[early].sum():
        raise EstimationError(f"the control {control} recorded no events before the start {onset}; choose another control")


def _block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    rows, columns = sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks)
    out, row, column = np.zeros((rows, columns)), 0, 0
    for block in blocks:
        out[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return out
