"""The calibration record as a page for readers, written from the CSV files and from nothing else."""

from collections.abc import Callable, Iterable
from math import exp
from pathlib import Path

from gvi_eval.resources import CHECKOUT

from . import drawn
from .cells import CELLS, CONTROLLED, NULL, OUTSIDE, PLACES, POWER_RULE, SETTINGS, SEVENTEEN, Cell
from .inferences_report import section as ways_to_be_sure
from .panels_report import section as panels_with_donors
from .records import (
    COMMAND,
    FAILS,
    FEWEST_FALSE_ALARMS,
    HOLDS,
    IN,
    LEAST_COVERAGE,
    LEAST_OF_BEST_POWER,
    MONTE_CARLO,
    MOST_FALSE_ALARMS,
    NO_BAND,
    NUTS,
    NUTS_COMMAND,
    OPEN,
    OUT,
    PEERS,
    PEERS_COMMAND,
    SAMPLE,
    SINGLE_SERIES,
    Row,
    key_of,
    power_rule,
    read,
)
from .sampling import page as sampled_model
from .simulate import AMPLITUDE, CYCLE, DRIFT, FEWEST_AFTER, FEWEST_BEFORE, INGARCH, SEASON, WORST

PAGE = CHECKOUT / "reports" / "calibration" / "README.md"
COLUMNS = (
    "`latent_counts`",
    "`bayes_counts`",
    "`controlled`",
    "`segmented`",
    "`arima`",
    "`structural`",
    "NB2, t",
    "Newey–West",
    "Poisson",
    "`exact_ratio`",
)
SUBJECTS = {
    SEVENTEEN: "The seventeen settings",
    PLACES: "The published figures of the studies",
    OUTSIDE: "Outside the family",
    CONTROLLED: "With controls",
}
NUTS_COLUMNS = (
    "study, model, parameter, Laplace mean, sd, NUTS mean, sd, difference in sds, Monte Carlo error in sds, R-hat, "
    "smallest ESS, divergences, seconds, date"
).split(", ")

VERDICTS = {
    IN: "is calibrated for",
    OPEN: "is outside its band by no more than the number of data sets leaves open on",
    OUT: "leaves its band on",
    NO_BAND: "is not calibrated for, because the series is not one that its model describes,",
}

Pair = tuple[Cell, Row]

OPENING = """# What the interrupted time series are calibrated for

Series whose true effect is known were simulated and put through the estimators as they ship. A **false alarm** is a 95 % interval
that excludes no effect where there is none; **coverage** is the share of intervals that hold the true ratio; **power** is the share
that exclude no effect where there is one. In brackets stands the {monte_carlo} Monte Carlo interval, in per cent: what the number of
data sets leaves open.

The page is written by `{command}`, `{nuts_command}` and `{peers_command}` from `tests/calibration/records/`. Those files hold the same
figures with the fingerprint of the code and of the simulated figures behind each row, and the test suite fails when either has
changed without a new run, when a default leaves its band, or when this page says something else.

Contents: [in words](#in-words) · [at a glance](#at-a-glance) · [what was simulated](#what-was-simulated) · [false alarms](#false-alarms) ·
[coverage](#coverage) · [bias](#bias) · [width](#width) · [power](#power) · [bands](#bands-of-the-defaults) ·
[sampling](#the-approximation-against-sampling) ·
[the sampled model](#the-sampled-model) · [another package](#another-package-on-the-same-series) ·
[panels with donors](#panels-with-donors) ·
[not recorded](#not-recorded)

## In words

"""

DESIGN = """
## What was simulated

**The seventeen settings.** Counts are negative binomial with dispersion alpha about a mean with a hidden AR(1) level of standard
deviation sigma and correlation rho from one period to the next. Means fall by {drift} a year; months and quarters have one yearly wave
of amplitude {season} on the log, years have none. The fitted model has the trend, the default season and a step, so its mean can be the
true one. 96 months have 36 after the start where nothing else is said. The mean given is that before the start. In the setting
"level + slope" a change of slope is fitted as well, and the contrast is the ratio of sums.

**The published figures of the studies.** The same spans, months or quarters as in the study, with the published mean before the start
and the settings that the study itself uses (month dummies for Boston, the step of 2017 for Copenhagen). Months have alpha 0.1 and
sigma 0.4; Copenhagen's quarters alpha 0.004 and sigma 0.07, because reports in the hundreds scatter less. The random walk has steps
of 0.06 a month, 0.02 a quarter in Copenhagen. Malmö's spans have no season. Nothing here is an effect of a programme unless a
true ratio is given.

**Outside the family.** 96 months of mean 5 and alpha 0.1 with the same fall and season. INGARCH: the mean of a month is
{own} of the path plus {of_count} of the last count and {of_mean} of the last mean. A random walk on the log. A sine of {cycle} months and
amplitude {amplitude} on the log with a random phase. And an ordinary series (alpha 0.1, sigma 0.4, rho 0.6) whose start is placed right
after its worst {worst} months, among the months that leave {before} before those and {after} after the start; once more with those
{worst} months left out.

**With controls.** Treated unit and controls share a hidden AR(1) (sigma 0.3, rho 0.6) and each has its own (sigma 0.25, rho 0.6),
alpha 0.1.

**The bands** hold for a default, `latent_counts` and `controlled` as they come, where its mean model can be the true one: false alarms
of at most {most}, and at least {fewest} where rho is above 0; coverage of at least {least}. A row is *{out}* when its whole Monte Carlo
interval lies outside, *{open}* when only the share itself does, else *{in_}*. **The power rule**: at a true ratio of {ratio:g} a default
has at least {best} of the best power among the estimators that were put on the same series with the same mean model and give at most
{most} false alarms there; *{open}* when its Monte Carlo interval still reaches that.
"""

ALARMS = """
## False alarms

No effect was simulated. **Bold**: the whole Monte Carlo interval lies above {most}. For estimators that are no default this is
for information. Poisson, Newey–West and NB2 are settings of `segmented`; as it comes it is quasi-Poisson with an AR(1) working
covariance.
"""

COVERAGE = """
## Coverage

With no effect, coverage is what the false alarms leave of 100 %. Here a true ratio was simulated. **Bold**: the whole
Monte Carlo interval lies below {least}.
"""

BIAS = """
## Bias

The geometric mean of the estimates, beside the true ratio. Its Monte Carlo standard error is in the file; the largest in a
table is given above it.
"""

WIDTH = """
## Width

The median over the data sets of upper limit divided by lower limit, with no effect: a 95 % interval from 0.5 to 2 has 4.
"""

POWER = """
## Power

The share of intervals that exclude no effect. In brackets where the estimator gives more than {most} false alarms on the
same series, because such power is not to be had honestly.
"""

BANDS = """
## Bands of the defaults

Every row of a default. The best rival is the estimator with the most power among those that the power rule compares.
"""

SAMPLING = """
## The approximation against sampling

The default is an approximation of a posterior; here the same model is sampled without one. The difference is that of the
means, in standard deviations of the sampled posterior.

"""

PEER = """
## Another package on the same series

False alarms of [CausalPy](https://causalpy.readthedocs.io) beside ours, on the same series. Its model is that of its own example of the
design, `y ~ 1 + t + C(month)`, fitted to the months before the start; the interval is the one that its `effect_summary` reports for
the average impact. It runs in its own environment, `{command}`.

"""

MISSING = """
## Not recorded

`latent_counts` without a trend on the seventeen settings, all of which fall: on a falling series it is not calibrated, as the rows
of the studies show. An effect on the figures of the studies; with an effect, estimators other than the default and `segmented`;
`structural` on most settings; `bayes_counts` on more than one. Nothing on this page may be quoted for series unlike those above.
"""


def write_report(page: Path = PAGE) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    drawn.draw(page.parent / "figures")
    page.write_text(text(), encoding="utf-8", newline="")


def text() -> str:
    """The page, from the records as they are."""
    rows = {key_of(row): row for row in read(SINGLE_SERIES)}
    pairs = [(cell, rows[cell.key]) for cell in CELLS if cell.key in rows]
    bounds = {"most": _percent(MOST_FALSE_ALARMS), "fewest": _percent(FEWEST_FALSE_ALARMS), "least": _percent(LEAST_COVERAGE)}
    own, of_count, of_mean = INGARCH
    parts = [
        OPENING.format(
            monte_carlo=_percent(MONTE_CARLO), command=COMMAND, nuts_command=NUTS_COMMAND, peers_command=PEERS_COMMAND
        ),
        *(f"- {sentence}\n" for sentence in _sentences(pairs)),
        drawn.section(),
        DESIGN.format(
            **bounds,
            drift=_percent(-DRIFT),
            season=f"{SEASON:g}",
            own=f"{own:g}",
            of_count=f"{of_count:g}",
            of_mean=f"{of_mean:g}",
            cycle=CYCLE,
            amplitude=AMPLITUDE,
            worst=WORST,
            before=FEWEST_BEFORE,
            after=FEWEST_AFTER,
            out=OUT,
            open=OPEN,
            in_=IN,
            ratio=POWER_RULE,
            best=_percent(LEAST_OF_BEST_POWER),
        ),
        ALARMS.format(**bounds),
        *_tables(pairs, [NULL], _alarms),
        COVERAGE.format(**bounds),
        *_tables(pairs, _effects(pairs), _coverage),
        BIAS,
        *_tables(pairs, [NULL, *_effects(pairs)], _reading, above=_largest_error),
        WIDTH,
        *_tables(pairs, [NULL], _width),
        POWER.format(**bounds),
        *_tables(pairs, _effects(pairs), lambda row: _power(row, rows)),
        BANDS,
        *_bands(pairs),
        SAMPLING,
        _table(NUTS_COLUMNS, [_nuts_cells(row) for row in read(NUTS)]),
        sampled_model.section(_table),
        *_peers(pairs),
        _confirmed(pairs),
        *panels_with_donors(),
        *ways_to_be_sure(),
        MISSING,
    ]
    return "".join(parts)


# --- in words


def _sentences(pairs: list[Pair]) -> list[str]:
    """What each default is calibrated for and what not."""
    found = []
    mine = [pair for pair in pairs if pair[0].is_default]
    groups = dict.fromkeys(
        (cell.estimator, cell.model.removeprefix("level + slope + ").removeprefix("level + ")) for cell, _ in mine
    )
    for estimator, kind in groups:
        own = [pair for pair in mine if pair[0].estimator == estimator and pair[0].model.endswith(kind)]
        who = f"`{estimator}`, {'level + trend' if kind == 'trend' else kind},"
        for subject in SUBJECTS:
            here = [pair for pair in own if pair[0].setting.subject == subject]
            worst = _worst(here)
            for verdict, words in VERDICTS.items():
                these = [pair for pair in here if worst[pair[0].setting.name] == verdict]
                if these:
                    found.append(f"{who} {words} {_named(these, here)}: {_ranges(these)}.{_why(these, verdict)}")
        rule = [row["power_rule"] for _, row in own if row["power_rule"]]
        if rule:
            found.append(
                f"{who} keeps the power rule in {rule.count(HOLDS)} of {len(rule)} settings, leaves it open in {rule.count(OPEN)} "
                f"and fails it in {rule.count(FAILS)}."
            )
    return found


def _why(pairs: list[Pair], verdict: str) -> str:
    falling = any(cell.setting.subject == PLACES and cell.setting.change < 0 and cell.model == "level" for cell, _ in pairs)
    return " That is why level and level + trend are shown as a pair." if verdict == NO_BAND and falling else ""


def _worst(pairs: list[Pair]) -> dict[str, str]:
    """The worst verdict of each setting over its true ratios."""
    order = list(VERDICTS)
    found: dict[str, str] = {}
    for cell, row in pairs:
        name = cell.setting.name
        found[name] = max(found.get(name, IN), row["band"], key=order.index)
    return found


def _named(pairs: list[Pair], among: list[Pair]) -> str:
    """The settings by name, or all of a subject in words."""
    names = list(dict.fromkeys(cell.setting.name for cell, _ in pairs))
    subject = among[0][0].setting.subject
    if subject == SEVENTEEN and len(names) == len(SETTINGS):
        return "all of the seventeen settings"
    return "; ".join(names)


def _ranges(pairs: list[Pair]) -> str:
    alarms = [float(row["false_alarms"]) for _, row in pairs if row["false_alarms"]]
    covers = [float(row["coverage"]) for _, row in pairs]
    readings = [float(row["mean_ratio"]) for _, row in pairs if row["false_alarms"]]
    words = [f"false alarms {_span(alarms)}"] * bool(alarms) + [f"coverage {_span(covers)}"]
    if any(row["band"] == NO_BAND for _, row in pairs) and readings:
        words.append(f"mean reading of no effect {min(readings):.2f} to {max(readings):.2f}")
    return ", ".join(words) + f", {_sets(pairs)} data sets each"


def _sets(pairs: list[Pair]) -> str:
    sets = sorted({int(row["data_sets"]) for _, row in pairs})
    return f"{sets[0]}" if len(sets) == 1 else f"{sets[0]} to {sets[-1]}"


def _span(shares: list[float]) -> str:
    low, high = min(shares), max(shares)
    return _percent(low, 1) if low == high else f"{_percent(low, 1)} to {_percent(high, 1)}"


# --- tables: settings down, estimators across


def _tables(
    pairs: list[Pair],
    effects: Iterable[float],
    show: Callable[[Row], str],
    above: Callable[[list[Row]], str] = lambda rows: "",
) -> list[str]:
    """One table a subject and mean model; a row a setting, or a setting and ratio where there are several."""
    effects = list(effects)
    found = []
    for subject, title in SUBJECTS.items():
        here = [(cell, row) for cell, row in pairs if cell.setting.subject == subject and cell.effect in effects]
        for model in ("level + trend", "level"):
            these = [(cell, row) for cell, row in here if (cell.model == "level") == (model == "level")]
            if these:
                heading = f"\n### {title}, {model}\n\n"
                found += [heading, above([row for _, row in these]), _side_by_side(these, effects, show)]
    return found


def _side_by_side(pairs: list[Pair], effects: list[float], show: Callable[[Row], str]) -> str:
    columns = [label for label in COLUMNS if any(cell.label == label for cell, _ in pairs)]
    shown = {(cell.setting.name, cell.effect, cell.label): show(row) for cell, row in pairs}
    lines = []
    for name in dict.fromkeys(cell.setting.name for cell, _ in pairs):
        for effect in effects:
            own = [shown.get((name, effect, label), "–") for label in columns]
            if set(own) != {"–"}:
                lines.append([name, *([f"{effect:g}"] if len(effects) > 1 else []), *own])
    return _table(["setting", *(["true ratio"] if len(effects) > 1 else []), *columns], lines)


def _effects(pairs: list[Pair]) -> list[float]:
    return sorted({cell.effect for cell, _ in pairs} - {NULL}, reverse=True)


def _alarms(row: Row) -> str:
    return _bold(_share(row, "false_alarms"), float(row["mc_lower"]) > MOST_FALSE_ALARMS)


def _coverage(row: Row) -> str:
    return _bold(_share(row, "coverage", "coverage_"), float(row["coverage_mc_upper"]) < LEAST_COVERAGE)


def _reading(row: Row) -> str:
    return f"{float(row['mean_ratio']):.2f}"


def _largest_error(rows: list[Row]) -> str:
    return f"Standard error of at most {_percent(max(float(row['bias_se']) for row in rows), 1)} of the mean.\n\n"


def _width(row: Row) -> str:
    return f"{exp(float(row['median_width'])):.1f}"


def _power(row: Row, rows: dict[tuple, Row]) -> str:
    null = rows.get((*key_of(row)[:3], NULL))
    honest = null is not None and float(null["false_alarms"]) <= MOST_FALSE_ALARMS
    return _share(row, "power") if honest else f"({_percent(float(row['power']), 1)})"


def _bold(words: str, is_bold: bool) -> str:
    return f"**{words}**" if is_bold else words


# --- bands


def _bands(pairs: list[Pair]) -> list[str]:
    columns = (
        "setting, estimator, model, true ratio, data sets, refused, false alarms, coverage, band, power, power rule, best rival, date"
    ).split(", ")
    rows = {key_of(row): row for _, row in pairs}
    labels = {cell.key: cell.label for cell, _ in pairs}
    found = []
    for subject, title in SUBJECTS.items():
        lines = []
        for cell, row in pairs:
            if cell.setting.subject != subject or not cell.is_default:
                continue
            _, best = power_rule(cell, rows, CELLS)
            rival = "" if best is None or best is row else f"{labels[key_of(best)]}, {_percent(float(best['power']), 1)}"
            lines.append(
                [
                    *(cell.setting.name, cell.label, cell.model, row["effect"], row["data_sets"], row["refused"]),
                    _share(row, "false_alarms") if row["false_alarms"] else "",
                    _share(row, "coverage", "coverage_"),
                    _bold(row["band"], row["band"] == OUT),
                    _share(row, "power") if row["power"] else "",
                    _bold(row["power_rule"], row["power_rule"] == FAILS),
                    rival or ("none" if row["power_rule"] else ""),
                    row["date"],
                ]
            )
        if lines:
            found += [f"\n### {title}\n\n", _table(columns, lines)]
    return found


def _confirmed(pairs: list[Pair]) -> str:
    again = [row for _, row in pairs if row["confirmed"]]
    if not again:
        return ""
    return (
        f"\n## Rows that were confirmed\n\n{len(again)} of the {len(pairs)} rows were simulated by earlier code. The code of "
        f"{max(row['confirmed'] for row in again)} says the same, to ten digits, about the first {SAMPLE} data sets of each, so they "
        f"stand; `{COMMAND} ARGS=--anew` simulates them again.\n"
    )


# --- other records


def _peers(pairs: list[Pair]) -> list[str]:
    peers = read(PEERS)
    if not peers:
        return []
    ours = {
        (cell.setting.name, cell.label): row for cell, row in pairs if cell.effect == NULL and cell.model == "level + trend"
    }
    names = list(dict.fromkeys(row["peer"] for row in peers))
    lines = []
    for setting in dict.fromkeys(row["setting"] for row in peers):
        own = [
            _alarms(ours[setting, label]) if (setting, label) in ours else "–" for label in ("`latent_counts`", "`segmented`")
        ]
        theirs = [[row for row in peers if (row["setting"], row["peer"]) == (setting, name)] for name in names]
        lines.append(
            [setting, *own, *(f"{_alarms(rows[0])}, {rows[0]['data_sets']} data sets" if rows else "–" for rows in theirs)]
        )
    about = dict.fromkeys(f"{row['peer']} {row['version']}: {row['interval']}, {row['date']}." for row in peers)
    columns = ["setting", "`latent_counts`", "`segmented`", *names]
    return [PEER.format(command=PEERS_COMMAND), _table(columns, lines), "\n", " ".join(about), "\n"]


def _nuts_cells(row: Row) -> list[str]:
    digits = {"laplace_mean": ".4f", "laplace_sd": ".4f", "nuts_mean": ".4f", "nuts_sd": ".4f", "difference": "+.3f"}
    digits |= {"mcse": ".3f", "r_hat": ".4f", "min_ess": ".0f"}
    numbers = [format(float(row[name]), how) for name, how in digits.items()]
    return [row["study"], row["model"], row["parameter"], *numbers, row["divergences"], row["seconds"], row["date"]]


def _share(row: Row, name: str, prefix: str = "") -> str:
    lower, upper = (100 * float(row[f"{prefix}mc_{end}"]) for end in ("lower", "upper"))
    return f"{_percent(float(row[name]), 1)} ({lower:.1f}–{upper:.1f})"


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
