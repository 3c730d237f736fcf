"""The panels of the calibration record as a section of the page, written from their CSV file and from nothing else."""

from collections.abc import Callable, Iterable
from math import exp, log

from .danish_file import donors_of_file
from .panels import (
    ABOVE,
    BELOW,
    BY_WORLD,
    CELLS,
    CLASSIC,
    COMMON,
    EFFECT,
    NULL,
    POISSON,
    POSITIONS,
    QUARTERS,
    QUIETER,
    REASONS,
    SCATTER,
    SIZES,
    START,
    Cell,
    World,
)
from .panels_records import FEW, FEWEST_ADMITTED, HARDLY, PANELS, PANELS_COMMAND, key_of
from .records import FEWEST_FALSE_ALARMS, IN, LEAST_COVERAGE, MOST_FALSE_ALARMS, OPEN, OUT, SAMPLE, Row, read

Pair = tuple[Cell, Row]

VERDICTS = {
    IN: "is calibrated for",
    OPEN: "is outside its band by no more than the number of data sets leaves open for",
    OUT: "leaves its band for",
    HARDLY: "is hardly ever admitted for",
    FEW: "has too few admitted data sets for",
}
RULES = {
    "fit": "the donors do not follow",
    "hull": "outside the donors",
    "gap": "the mean gap is too large",
    "level": "a level added outside the donors",
    "logs": "logs of small counts",
}
BIASED = 0.05  # log ratio of no effect, from which a method is called biased here
MANY_REFUSED, MANY_ADMITTED = (
    0.2,
    0.8,
)  # shares refused, from which it is much for a good panel, up to which it is little for another
STATISTICS = ("scaled", "raw", "RMSPE")
P_VALUES = {"scaled": "scaled", "raw": "raw", "rmspe": "RMSPE ratio"}
OF = {"": "admitted", "all_": "all"}

OPENING = """
## Panels with donors

A treated unit beside {donors} donors: their mean counts of reported violence and their mean populations are those of the municipalities
in the Danish file outside Copenhagen Police District. {quarters} quarters, the start after {before} of them, and three treated units of 1, 5
and 20 times the population of the median donor: *inside* has the donors' median rate, *below* {below:g} times their lowest, *above* {above:g}
times their highest. This part is written by `{command}`.

**As in the file**: counts are negative binomial with alpha {alpha:g} about a level of each unit's own, an AR(1) with sigma {sigma:g} and
rho {rho:g} from quarter to quarter, and all share the file's season and an AR(1) with sigma {common:g} and rho {common_rho:g}. These numbers
were chosen so that the donors' residuals about a two-way table scatter as those of the file, single mass registrations left out. A random
walk would not do for what is shared: the steps of the file's national rate are negatively correlated. **Quieter**: Poisson counts about
levels with sigma {quiet_sigma:g} and rho {quiet_rho:g}, a third of the file's variance beyond Poisson. **Independent Poisson**: nothing else, and nothing shared.

A **false alarm** is a p-value of at most 5 % for the scaled log ratio where there is no effect; with {donors} donors that is one of the three
farthest of {units}, 4.5 %. *Admitted* are the results that the rules of admission do not refuse; *all* are taken as if nothing were refused,
which nobody may quote. A share of fewer than {fewest} results is left out. Treated units of one number share their
donors, so the cells of a method are not independent of each other. The bands: false alarms of at most {most} and at least {least_alarms} where there is
rho, coverage of at least {least}, judged by the 99 % Monte Carlo interval in brackets.

### In words

"""

ALARMS = """
### False alarms of panels

No effect. Three p-values: of the log ratio scaled by size, of the raw log ratio, and of the RMSPE ratio. **Bold**: the whole Monte Carlo
interval lies above {most}.
"""
REFUSED = """
### What admission refuses

The share of the data sets without an effect that is refused, and by which rules: {rules}.
"""
COVERAGE = """
### Coverage of panels

The share of 95 % placebo intervals that hold the true ratio {effect:g}; with no effect it is what the false alarms of the scaled p-value leave
of 100 %. **Bold**: the whole Monte Carlo interval lies below {least}.
"""
CLASSIC_BIAS = """
### Bias of the classic synthetic control outside its donors

No effect. A mixture of donors cannot lie outside them, so a unit at {below:g} times the lowest reads about log {below:g} = {log_below:.2f} and one at
{above:g} times the highest log {above:g} = {log_above:+.2f}, whatever the programme does. The share refused stands beside it.

"""
BIAS = """
### Bias of panels

The geometric mean of the estimates, admitted and all, with its Monte Carlo standard error in per cent.
"""
POWER = """
### Power of panels

The share of scaled p-values of at most 5 % at a true ratio of {effect:g}. In brackets where the same statistic gives more than {most} false alarms
among the same results.
"""


def section() -> list[str]:
    """The section, from the record as it is; nothing where there is none."""
    rows = {key_of(row): row for row in read(PANELS)}
    pairs = [(cell, rows[cell.key]) for cell in CELLS if cell.key in rows]
    if not pairs:
        return []
    null = [pair for pair in pairs if pair[0].effect == NULL]
    effect = [pair for pair in pairs if pair[0].effect != NULL]
    most, least = _percent(MOST_FALSE_ALARMS, 0), _percent(LEAST_COVERAGE, 0)
    return [
        _opening(most, least),
        *(f"- {sentence}\n" for sentence in sentences(null)),
        ALARMS.format(most=most),
        *_tables(null, STATISTICS, _alarms(""), ", admitted"),
        *_tables(null, STATISTICS, _alarms("all_"), ", all"),
        REFUSED.format(rules="; ".join(f"*{name}*, {words}" for name, words in RULES.items())),
        *_tables(null, ("",), _refused),
        CLASSIC_BIAS.format(below=BELOW, above=ABOVE, log_below=log(BELOW), log_above=log(ABOVE)),
        _table(
            [
                "counts",
                "position",
                "size",
                "refused",
                "median log ratio, all",
                "mean (standard error), all",
                "median, admitted",
            ],
            [_classic(cell, row) for cell, row in null if cell.method is CLASSIC],
        ),
        BIAS,
        *_tables(null, tuple(OF.values()), _bias, ", true ratio 1"),
        *_tables(effect, tuple(OF.values()), _bias, f", true ratio {EFFECT:g}"),
        COVERAGE.format(least=least, effect=EFFECT),
        *_tables(effect, tuple(OF.values()), _coverage),
        POWER.format(effect=EFFECT, most=most),
        *_tables(effect, tuple(OF.values()), lambda cell, row: _power(row, rows[(*cell.key[:-1], NULL)])),
        _confirmed(pairs),
    ]


def _opening(most: str, least: str) -> str:
    donors = len(donors_of_file())
    return OPENING.format(
        donors=donors,
        units=donors + 1,
        quarters=len(QUARTERS),
        before=(START - QUARTERS[0]).n,
        below=BELOW,
        above=ABOVE,
        command=PANELS_COMMAND,
        alpha=SCATTER.alpha,
        sigma=SCATTER.sigma,
        rho=SCATTER.rho,
        common=COMMON.sigma,
        common_rho=COMMON.rho,
        quiet_sigma=QUIETER.own.sigma,
        quiet_rho=QUIETER.own.rho,
        fewest=FEWEST_ADMITTED,
        most=most,
        least=least,
        least_alarms=_percent(FEWEST_FALSE_ALARMS, 0),
    )


# --- in words


def sentences(null: list[Pair]) -> list[str]:
    """What each method is calibrated for where there is no effect, what admission refuses for nothing and what it lets through."""
    found = []
    for world, methods in BY_WORLD.items():
        for method in methods:
            own = [pair for pair in null if pair[0].world is world and pair[0].method is method]
            verdicts = []
            for verdict, words in VERDICTS.items():
                these = [pair for pair in own if pair[1]["band"] == verdict]
                if these:
                    verdicts.append(f"{words} {_places(these, own)} ({_ranges(these)})")
            if verdicts:
                found.append(f"{method.label}, counts {_world(world)}, {_sets(own)} data sets each, {'; '.join(verdicts)}.")
        found += [_sizes(pairs) for pairs in [[pair for pair in null if pair[0].world is world]] if pairs]
    good = [(cell, row) for cell, row in null if cell.position == "inside" and refused(row) > MANY_REFUSED]
    if good:
        found.append(
            f"**Refused for nothing**: more than {_percent(MANY_REFUSED, 0)} of the panels whose unit lies inside its donors and "
            f"differs from them by chance alone: {_each(good)}."
        )
    through = [
        (cell, row)
        for cell, row in null
        if row["mean"] and abs(float(row["mean"])) > max(BIASED, 3 * float(row["mean_se"])) and refused(row) < MANY_ADMITTED
    ]
    found.append(
        f"**Let through with a bias**: admitted results whose mean log ratio of no effect lies beyond ±{BIASED:g}: {_each(through, with_mean=True)}."
        if through
        else f"**No bias is let through**: no admitted results have a mean log ratio of no effect beyond ±{BIASED:g}."
    )
    return found


def _sizes(pairs: list[Pair]) -> str:
    """The three p-values side by side by size, over the methods that are admitted inside the donors."""
    words = []
    for size in SIZES:
        rows = [row for cell, row in pairs if (cell.position, cell.size) == ("inside", size) and row["scaled"]]
        spans = [f"{what} {_span([float(row[name]) for row in rows])}" for name, what in P_VALUES.items()] if rows else []
        words += [f"{size}× {', '.join(spans)}"] * bool(rows)
    return (
        f"**Scaled beside raw**, counts {_world(pairs[0][0].world)}, inside the donors, over the methods: {'; '.join(words)}."
    )


def refused(row: Row) -> float:
    return int(row["refused"]) / int(row["data_sets"])


def _world(world: World) -> str:
    return f"of {world.name}" if world is POISSON else world.name


def _places(pairs: list[Pair], among: list[Pair]) -> str:
    if len(pairs) == len(among):
        return "every position and size"
    sizes = {
        position: ", ".join(f"{cell.size}×" for cell, _ in pairs if cell.position == position)
        for position in POSITIONS
        if any(cell.position == position for cell, _ in pairs)
    }
    return "; ".join(f"{position} {words}" for position, words in sizes.items())


def _ranges(pairs: list[Pair]) -> str:
    """False alarms and coverage of admitted results, and what was refused."""
    words = []
    for name, column in (("false alarms", "scaled"), ("coverage", "coverage")):
        shares = [float(row[column]) for _, row in pairs if row[column]]
        if shares:
            words.append(f"{name} {_span(shares)}")
    words.append(f"refused {_span([refused(row) for _, row in pairs])}")
    return ", ".join(words)


def _each(pairs: list[Pair], with_mean: bool = False) -> str:
    return "; ".join(
        f"{cell.method.label}, {_world(cell.world)}, {cell.position} {cell.size}× ({_percent(refused(row), 0)} refused"
        + (f", mean {float(row['mean']):+.2f})" if with_mean else ")")
        for cell, row in pairs
    )


def _span(shares: list[float]) -> str:
    low, high = _percent(min(shares)), _percent(max(shares))
    return low if low == high else f"{low} to {high}"


def _sets(pairs: list[Pair]) -> str:
    sets = sorted({int(row["data_sets"]) for _, row in pairs})
    return f"{sets[0]}" if len(sets) == 1 else f"{sets[0]} to {sets[-1]}"


# --- tables: methods and positions down, sizes across


def _tables(
    pairs: list[Pair], parts: tuple[str, ...], show: Callable[[Cell, Row], list[str]], title: str = ""
) -> Iterable[str]:
    """One table a world; a row a method and position, and under each size the ``parts`` of what is shown."""
    for world in BY_WORLD:
        shown = {(cell.method.label, cell.position, cell.size): show(cell, row) for cell, row in pairs if cell.world is world}
        if shown:
            lines = [
                [label, position, *(words for size in SIZES for words in shown[label, position, size])]
                for label, position in dict.fromkeys(key[:2] for key in shown)
            ]
            yield f"\n#### Counts {_world(world)}{title}\n\n"
            yield _table(["method", "position", *(f"{size}× {part}".strip() for size in SIZES for part in parts)], lines)


def _alarms(prefix: str) -> Callable[[Cell, Row], list[str]]:
    """The scaled p-value with its Monte Carlo interval, the others without."""

    def show(cell: Cell, row: Row) -> list[str]:
        scaled = _share(row, f"{prefix}scaled", lambda lower, upper: lower > MOST_FALSE_ALARMS)
        others = (row[f"{prefix}{name}"] for name in ("raw", "rmspe"))
        return [scaled, *(_percent(float(other)) if other else "–" for other in others)]

    return show


def _coverage(cell: Cell, row: Row) -> list[str]:
    return [_share(row, f"{prefix}coverage", lambda lower, upper: upper < LEAST_COVERAGE) for prefix in OF]


def _refused(cell: Cell, row: Row) -> list[str]:
    told = {name: int(row[f"refused_{name}"]) / int(row["data_sets"]) for name in REASONS}
    rules = ", ".join(f"{name} {_percent(share, 0)}" for name, share in told.items() if share)
    return [_percent(refused(row), 0) + (f" ({rules})" if rules else "")]


def _classic(cell: Cell, row: Row) -> list[str]:
    admitted = f"{float(row['median']):+.2f}" if row["median"] else f"fewer than {FEWEST_ADMITTED}"
    return [
        *(cell.world.name, cell.position, f"{cell.size}×", _percent(refused(row), 0)),
        f"{float(row['all_median']):+.3f}",
        f"{float(row['all_mean']):+.3f} ({float(row['all_mean_se']):.3f})",
        admitted,
    ]


def _bias(cell: Cell, row: Row) -> list[str]:
    return [
        f"{exp(float(row[f'{prefix}mean'])):.3f} ± {100 * float(row[f'{prefix}mean_se']):.1f}" if row[f"{prefix}mean"] else "–"
        for prefix in OF
    ]


def _power(row: Row, null: Row) -> list[str]:
    shown = []
    for prefix in OF:
        words = _share(row, f"{prefix}scaled", lambda lower, upper: False)
        honest = not null[f"{prefix}scaled"] or float(null[f"{prefix}scaled"]) <= MOST_FALSE_ALARMS
        shown.append(words if honest or words == "–" else f"({words})")
    return shown


def _confirmed(pairs: list[Pair]) -> str:
    again = [row for _, row in pairs if row["confirmed"]]
    if not again:
        return ""
    return (
        f"\n{len(again)} of the {len(pairs)} rows were simulated by earlier code. The code of {max(row['confirmed'] for row in again)} "
        f"says the same, to ten digits, about the first {SAMPLE} data sets of each, so they stand; `{PANELS_COMMAND} ARGS=--anew` "
        "simulates them again.\n"
    )


def _share(row: Row, name: str, is_out: Callable[[float, float], bool]) -> str:
    if not row[name]:
        return "–"
    lower, upper = float(row[f"{name}_mc_lower"]), float(row[f"{name}_mc_upper"])
    words = f"{_percent(float(row[name]))} ({100 * lower:.1f}–{100 * upper:.1f})"
    return f"**{words}**" if is_out(lower, upper) else words


def _percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
