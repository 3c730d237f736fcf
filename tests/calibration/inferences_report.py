"""The ways to be sure, as a section of the calibration page, written from their CSV file and from nothing else."""

from .inferences import COMMAND, DONORS, EFFECT, INFERENCES, MEAN, NOMINAL, NULL, PERMUTED, SHIFT
from .records import Row, read

NO_EFFECT = (f"{NULL:g}", "shift of 0 sd")
OPENING = """
## Conformal tests, prediction intervals, jackknives and the Bayesian synthetic control

A town beside {donors} donors, {mean:g} events a month, with nothing but Poisson scatter (*independent*) or levels of each unit's own with sigma
0.15 and rho 0.6 (*autocorrelated*); the staggered starts have five towns that begin one after the other, and {permuted} permutations. False alarms
are at a true ratio of 1, power at {effect:g}; a bold share leaves its band beyond what the number of data sets explains. This part is written by
`{command}`.

| way | asked of | design | data sets | false alarms | power | coverage, no effect | coverage, effect | verdict |
|---|---|---|---|---|---|---|---|---|
"""
RESIDUALS = """
### Conformal residuals by themselves

Normal residuals less their mean, shifted by {shift:g} standard deviations after the start for power; nominal {nominal:.0%}. The mean of the absolute
residuals is what the literature offers first: against a shift that a fit to all periods halves it has next to no power when both sides are
as long as each other. Cyclic shifts keep their size only as far as residuals are not autocorrelated.

| statistic | periods | rho | size | power |
|---|---|---|---|---|
"""


def section() -> list[str]:
    """The section, from the record as it is; nothing where there is none."""
    rows = read(INFERENCES)
    of_methods = [row for row in rows if row["estimator"] != "residuals alone"]
    alone = [row for row in rows if row["estimator"] == "residuals alone"]
    if not of_methods:
        return []
    lines = [OPENING.format(donors=DONORS, mean=MEAN, permuted=PERMUTED, effect=EFFECT, command=COMMAND)]
    for null, effect in _pairs(of_methods):
        settings = f" ({null['settings']})" if null["settings"] else ""
        out = [row["verdict"] for row in (null, effect)]
        worst = next(word for word in ("out of band", "open", "in band") if word in out)
        cells = (
            null["inference"],
            f"`{null['estimator']}`{settings}",
            null["design"],
            null["data_sets"],
            _share(null, "rejected", null["verdict"] == "out of band"),
            _share(effect, "rejected", False),
            _share(null, "coverage", False),
            _share(effect, "coverage", effect["verdict"] == "out of band"),
            worst,
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append(RESIDUALS.format(shift=SHIFT, nominal=NOMINAL))
    for null, effect in _pairs(alone):
        cells = (
            null["inference"].removeprefix("conformal, "),
            null["design"],
            null["settings"].removeprefix("rho = "),
            _share(null, "rejected", False),
            _share(effect, "rejected", False),
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    return lines


def _pairs(rows: list[Row]) -> list[tuple[Row, Row]]:
    """The rows of one design without and with an effect."""
    by_design: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        by_design.setdefault((row["inference"], row["estimator"], row["settings"], row["design"]), []).append(row)
    null_first = (sorted(pair, key=lambda row: row["effect"] not in NO_EFFECT) for pair in by_design.values())
    return [(pair[0], pair[1]) for pair in null_first if len(pair) == 2]


def _share(row: Row, name: str, bold: bool) -> str:
    if not row[name]:
        return ""
    text = f"{float(row[name]):.1%} ({float(row[f'{name}_mc_lower']):.0%}–{float(row[f'{name}_mc_upper']):.0%})"
    return f"**{text}**" if bold else text
