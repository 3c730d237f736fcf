"""The calibration record as a page for readers, written from the CSV files and from nothing else."""

import json
from pathlib import Path

from gvi_eval.resources import CHECKOUT

from .records import (
    COMMAND,
    FEWEST_FALSE_ALARMS,
    LEAST_COVERAGE,
    MONTE_CARLO,
    MOST_FALSE_ALARMS,
    NUTS,
    NUTS_COMMAND,
    SINGLE_SERIES,
    Row,
    key_of,
    outside_band,
    point_outside_band,
    read,
)
from .simulate import CELLS, DRIFT, SEASON, Cell

PAGE = CHECKOUT / "reports" / "calibration" / "README.md"
CELL_OF = {cell.key: cell for cell in CELLS}

REST = "coverage, mean ratio, bias of the log, width on the log, date"
NULL_COLUMNS = f"estimator, model, setting, data sets, refused, false alarms, {REST}".split(", ")
EFFECT_COLUMNS = f"estimator, model, setting, true ratio, data sets, refused, power, {REST}".split(", ")
NUTS_COLUMNS = (
    "study, model, parameter, Laplace mean, sd, NUTS mean, sd, difference in sds, Monte Carlo error in sds, R-hat, "
    "smallest ESS, divergences, seconds, date"
).split(", ")

OPENING = """# What the estimators of a single series are calibrated for

Series whose true effect is known were simulated and put through the estimators as they ship. A false alarm is a 95 % interval
that excludes the truth, no effect; coverage is the share of intervals that hold the true ratio; power the share that exclude no
effect when there is one. In brackets stands the {monte_carlo} Monte Carlo interval, which is what the number of data sets leaves open.

This page is written by `{command}` and `{nuts_command}` from `tests/calibration/records/`, which holds the same figures with the
fingerprint of the code and of the simulated figures behind each row; the test suite fails when either has changed without a new run.

## In words
"""

DESIGN = """
Every setting has a negative binomial count with dispersion alpha about a mean with a hidden AR(1) level of standard deviation
sigma and correlation rho a month. The monthly settings fall by {drift} a year and have one yearly wave of amplitude {season} on the log;
the fitted model has the trend and the default season. The mean is that of the months before the start. The settings on Malmö's spans
have no season and start from the monthly average that was published; nothing in them is an effect of the programme unless a true
ratio is given.

The band of a default, in settings where its mean model can be the true one: false alarms of at most {most}, and at least
{fewest} where rho is above 0; coverage of at least {least}. It is left when the whole Monte Carlo interval lies outside.
"""

MISSING = """
## Not recorded yet

Quarterly and yearly counts, longer and shorter monthly series, level + slope, and the worst autocorrelation by month; the settings
outside the family (a random walk, INGARCH, a smooth cycle, a start after the worst year); Malmö under a random walk; panels.
Nothing here may be quoted for those.
"""


def write_report(page: Path = PAGE) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text(), encoding="utf-8", newline="")


def text() -> str:
    """The page, from the records as they are."""
    rows = [row for row in read(SINGLE_SERIES) if key_of(row) in CELL_OF]
    rows.sort(key=lambda row: list(CELL_OF).index(key_of(row)))
    null, other = ([row for row in rows if (row["effect"] == "1") is is_null] for is_null in (True, False))
    parts = [
        OPENING.format(monte_carlo=_percent(MONTE_CARLO), command=COMMAND, nuts_command=NUTS_COMMAND),
        *(f"- {sentence}\n" for sentence in _sentences(rows)),
        DESIGN.format(
            drift=_percent(-DRIFT),
            season=f"{SEASON:g}",
            most=_percent(MOST_FALSE_ALARMS),
            fewest=_percent(FEWEST_FALSE_ALARMS),
            least=_percent(LEAST_COVERAGE),
        ),
        "\n## No effect\n\n",
        _table(NULL_COLUMNS, [_null_cells(row) for row in null]),
        "\n## An effect\n\n",
        _table(EFFECT_COLUMNS, [_effect_cells(row) for row in other]),
        "\n## The approximation against sampling\n\n"
        "The default is an approximation of a posterior; here the same model is sampled without one. The difference is that of the\n"
        "means, in standard deviations of the sampled posterior.\n\n",
        _table(NUTS_COLUMNS, [_nuts_cells(row) for row in read(NUTS)]),
        MISSING,
    ]
    return "".join(parts)


def _sentences(rows: list[Row]) -> list[str]:
    """What a default is calibrated for and what not, and what the others do."""
    found = []
    for model in ("level + trend", "level"):
        mine = [(CELL_OF[key_of(row)], row) for row in rows if row["model"] == model and CELL_OF[key_of(row)].is_default]
        family = [(cell, row) for cell, row in mine if cell.in_family]
        bad = [(cell, row) for cell, row in family if outside_band(row, cell.setting.noise.rho)]
        open_ = [
            (cell, row) for cell, row in family if (cell, row) not in bad and point_outside_band(row, cell.setting.noise.rho)
        ]
        good = [pair for pair in family if pair not in bad and pair not in open_]
        if good:
            found.append(f"`latent_counts`, {model}, is calibrated for {_named(good)}: {_ranges(good)}.")
        if open_:
            found.append(
                f"`latent_counts`, {model}, is outside its band by no more than the number of data sets leaves open on "
                f"{_named(open_)}: {_ranges(open_)}."
            )
        if bad:
            found.append(f"`latent_counts`, {model}, leaves its band on {_named(bad)}: {_ranges(bad)}.")
        for cell, row in mine:
            if not cell.in_family:
                found.append(
                    f"`latent_counts`, {model}, is not calibrated for {cell.setting.name}: with no effect it reads "
                    f"{float(row['mean_ratio']):.2f} on average, with {_share(row, 'false_alarms')} false alarms. That is why level and "
                    "level + trend are shown as a pair."
                )
    return found


def _named(pairs: list[tuple[Cell, Row]]) -> str:
    return "; ".join(dict.fromkeys(cell.setting.name for cell, _ in pairs))


def _ranges(pairs: list[tuple[Cell, Row]]) -> str:
    alarms = [float(row["false_alarms"]) for _, row in pairs if row["false_alarms"]]
    covers = [float(row["coverage"]) for _, row in pairs]
    words = [f"coverage {_span(covers)}"]
    return ", ".join([f"false alarms {_span(alarms)}"] * bool(alarms) + words) + f", {_sets(pairs)} data sets each"


def _sets(pairs: list[tuple[Cell, Row]]) -> str:
    sets = sorted({int(row["data_sets"]) for _, row in pairs})
    return f"{sets[0]}" if len(sets) == 1 else f"{sets[0]} to {sets[-1]}"


def _span(shares: list[float]) -> str:
    low, high = min(shares), max(shares)
    return _percent(low, 1) if low == high else f"{_percent(low, 1)} to {_percent(high, 1)}"


def _null_cells(row: Row) -> list[str]:
    start = [_estimator(row), row["model"], row["setting"], row["data_sets"], row["refused"]]
    return [*start, _share(row, "false_alarms"), *_rest(row)]


def _effect_cells(row: Row) -> list[str]:
    start = [_estimator(row), row["model"], row["setting"], row["effect"], row["data_sets"], row["refused"]]
    return [*start, _share(row, "power"), *_rest(row)]


def _rest(row: Row) -> list[str]:
    return [
        _share(row, "coverage", "coverage_"),
        f"{float(row['mean_ratio']):.3f}",
        f"{float(row['bias']):+.3f} ± {float(row['bias_se']):.3f}",
        f"{float(row['median_width']):.2f}",
        row["date"],
    ]


def _nuts_cells(row: Row) -> list[str]:
    digits = {"laplace_mean": ".4f", "laplace_sd": ".4f", "nuts_mean": ".4f", "nuts_sd": ".4f", "difference": "+.3f"}
    digits |= {"mcse": ".3f", "r_hat": ".4f", "min_ess": ".0f"}
    numbers = [format(float(row[name]), how) for name, how in digits.items()]
    return [row["study"], row["model"], row["parameter"], *numbers, row["divergences"], row["seconds"], row["date"]]


def _estimator(row: Row) -> str:
    settings = {name: value for name, value in json.loads(row["settings"]).items() if name != "trend"}
    return ", ".join([f"`{row['estimator']}`", *(f"{name} {value}" for name, value in settings.items())])


def _share(row: Row, name: str, prefix: str = "") -> str:
    lower, upper = (float(row[f"{prefix}mc_{end}"]) for end in ("lower", "upper"))
    return f"{_percent(float(row[name]), 1)} ({_percent(lower, 1)}–{_percent(upper, 1)})"


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
