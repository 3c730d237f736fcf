"""The part of the calibration page that is about the sampled model, from its records and from nothing else."""

from collections.abc import Callable
from math import exp

from ..records import Row, read
from .laws import ESTIMATOR, FEWEST_EXCLUDING, LARGEST_BIAS, LAWS, MONTE_CARLO_ERRORS, MOST_EXCLUDING, NULL, law
from .sbc import COEFFICIENT_SD, DRAWS, EVERY, MONTHLY_MEAN, UNIFORMITY
from .uniformity import SIMULTANEOUS

COMMAND = "make calibration-sampling"
RANK_COLUMNS = "design, quantity, replications, mean rank, chi-square p, band p, bound, even, date".split(", ")
LAW_COLUMNS = "true ratio, panels, refused, exclude 1, allowed, mean reading, log bias, allowed, holds, date".split(", ")

OPENING = """
## The sampled model

`bayes_counts` is the model of `latent_counts` without its approximation: its posterior is drawn from. `{command}` simulates two
things about it.

### Are the draws those of the posterior?

Simulation-based calibration: parameters are drawn from the prior, counts from the parameters, and the model is fitted to the
counts with the same prior. Among {draws} draws from the right posterior, one in {every} of a fit, the rank of the true value is
uniform, {middle:g} on average. The priors give counts: intercept N(log mean, {sd:g}²), the mean being {mean:g} a month, or the published
one on the spans; the other coefficients N(0, {sd:g}²); rho, sigma and alpha as the estimator has them. Level, trend and a change of
slope are fitted, months have two yearly waves, and the log ratio is that of the sums after the start. Evenness is tested twice, by
a chi-square over bins and by the band of the ranks' distribution function. The bound is the p-value below which no test in the
table may fall; if all ranks are uniform, none does with a chance of {simultaneous:.0f} %.

"""
DIVERGED = "\nTrajectories diverged in {words}; none was left out.\n"
LAWS_OPENING = """
### Twenty null panels and twenty halvings

Panels of the contract suite, Poisson counts of mean 40 over 60 months. {chains} short chains of {draws} draws each: the diagnostics
of the estimator ask for more and are not enforced here. The largest R-hat of a fit is {r_hat:.2f}, the smallest bulk ESS {ess}, and
{divergences} trajectories diverged.

"""


def section(table: Callable[[list[str], list[list[str]]], str]) -> str:
    """Ranks and laws with their verdicts; ``table`` turns columns and cells into Markdown. Empty where nothing is recorded."""
    evenness, panels = read(UNIFORMITY), read(LAWS)
    if not evenness or not panels:
        return ""
    opening = OPENING.format(
        command=COMMAND,
        draws=DRAWS,
        every=EVERY,
        middle=DRAWS / 2,
        mean=MONTHLY_MEAN,
        sd=COEFFICIENT_SD,
        simultaneous=100 * SIMULTANEOUS,
    )
    ratios = sorted({float(row["true_ratio"]) for row in panels}, reverse=True)
    return "".join(
        (
            opening,
            table(RANK_COLUMNS, [_rank_cells(row) for row in evenness]),
            DIVERGED.format(words=_diverged(evenness)),
            LAWS_OPENING.format(chains=ESTIMATOR.chains, draws=ESTIMATOR.draws, **_worst(panels)),
            table(LAW_COLUMNS, [_law_cells(panels, ratio) for ratio in ratios]),
        )
    )


def _rank_cells(row: Row) -> list[str]:
    p_values = (f"{float(row[name]):.3f}" for name in ("chi_square_p", "band_p"))
    even = row["even"] if row["even"] == "yes" else f"**{row['even']}**"
    mean, bound = f"{float(row['mean_rank']):.1f}", f"{float(row['bound']):.5f}"
    return [row["design"], row["quantity"], row["replications"], mean, *p_values, bound, even, row["date"]]


def _diverged(evenness: list[Row]) -> str:
    """In how many replications of each design a trajectory diverged."""
    designs = {row["design"]: row for row in evenness}
    return " and ".join(f"{row['diverged']} of {row['replications']} replications of '{name}'" for name, row in designs.items())


def _worst(panels: list[Row]) -> dict[str, float]:
    """The diagnostics of the fits at their worst."""
    told = [row for row in panels if not row["refusal"]]
    return {
        "r_hat": max(float(row["r_hat"]) for row in told),
        "ess": min(int(row["bulk_ess"]) for row in told),
        "divergences": sum(int(row["divergences"]) for row in told),
    }


def _law_cells(panels: list[Row], ratio: float) -> list[str]:
    found = law(panels, ratio)
    is_null = ratio == NULL
    excluding = f"at most {MOST_EXCLUDING}" if is_null else f"at least {FEWEST_EXCLUDING}"
    bias = f"{MONTE_CARLO_ERRORS * found.standard_error:.4f}" if is_null else f"{LARGEST_BIAS:g}"
    return [
        *(f"{ratio:g}", str(found.panels), str(found.refused), str(found.excluding), excluding),
        *(f"{exp(found.mean_log):.3f}", f"{found.bias:+.4f}", bias, "yes" if found.holds else "**no**"),
        max(row["date"] for row in panels),
    ]
