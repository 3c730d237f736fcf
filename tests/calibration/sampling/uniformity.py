"""Are ranks uniform? A chi-square over bins, and the band of their distribution function."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

SIMULTANEOUS = 0.99  # chance that even ranks stay within the bound in every test that is made
BINS = 20
BAND_SETS = 20_000  # of uniform ranks, behind the p-value of the band


@dataclass(frozen=True)
class Uniformity:
    """Ranks of 0 to ``draws``: their number, mean and the p-values of being uniform."""

    ranks: int
    mean_rank: float
    chi_square: float
    chi_square_p: float
    band_p: float

    @staticmethod
    def bound(tests: int) -> float:
        """The p-value that one of so many tests may not fall below, 1 - .99^(1/tests) (Šidák 1967)."""
        return 1 - SIMULTANEOUS ** (1 / tests)

    def is_even(self, tests: int) -> bool:
        return min(self.chi_square_p, self.band_p) >= self.bound(tests)


def uniformity(ranks: np.ndarray, draws: int) -> Uniformity:
    """How uniform ranks (n,) in 0 .. ``draws`` are.

    The band: at each z = k / (draws + 1) the number of ranks below k is Binomial(n, z); the statistic is the smallest
    two-sided tail probability over k, its p-value the share of simulated uniform rank sets with one as small.

    Säilynoja, Bürkner & Vehtari (2022) Graphical test for discrete uniformity and its applications in goodness-of-fit
    evaluation and multiple sample comparison, Statistics and Computing 32, doi:10.1007/s11222-022-10090-6.
    """
    ranks = np.asarray(ranks)
    counts = np.histogram(ranks, bins=BINS, range=(0, draws + 1))[0]
    found = stats.chisquare(counts)
    own = _smallest_tail(np.bincount(ranks, minlength=draws + 1)[None, :], len(ranks))[0]
    as_small = (_simulated_tails(len(ranks), draws) <= own).sum()
    band_p = (1 + as_small) / (1 + BAND_SETS)
    return Uniformity(len(ranks), float(ranks.mean()), float(found.statistic), float(found.pvalue), float(band_p))


@cache
def _simulated_tails(ranks: int, draws: int) -> np.ndarray:
    random = np.random.default_rng(1)
    return _smallest_tail(random.multinomial(ranks, np.full(draws + 1, 1 / (draws + 1)), BAND_SETS), ranks)


def _smallest_tail(counts: np.ndarray, ranks: int) -> np.ndarray:
    """The smallest two-sided binomial tail of the numbers below each k; counts (set, rank)."""
    below = np.cumsum(counts, axis=1)[:, :-1]
    k = np.arange(1, counts.shape[1])
    tails = _tails(ranks, counts.shape[1])
    return tails[k - 1, below].min(axis=1)


@cache
def _tails(ranks: int, values: int) -> np.ndarray:
    """Two-sided tail probabilities of Binomial(ranks, k / values), shape (k, number below)."""
    number = np.arange(ranks + 1)
    binomial = stats.binom(ranks, np.arange(1, values)[:, None] / values)
    return np.minimum(1.0, 2 * np.minimum(binomial.cdf(number), binomial.sf(number - 1)))
