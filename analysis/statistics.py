"""Statistics of graded answers, in plain Python: intervals of a share, paired tests, correction for many tests.

Proportions are between 0 and 1. Tests are two-sided. Every function is deterministic; the bootstrap takes its seed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of 95 % unless its maker was told otherwise."""

    low: float
    high: float


def wilson(k: float, n: float, z: float = Z95) -> Interval:
    """Wilson's score interval of k successes in n trials (Wilson 1927). n = 0 gives [0, 1]: nothing is known.

    k and n may be fractions: an effective number of answers (effective_n).
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    share, zz = k / n, z * z
    centre = (share + zz / (2 * n)) / (1 + zz / n)
    half = z / (1 + zz / n) * math.sqrt(share * (1 - share) / n + zz / (4 * n * n))
    return Interval(max(0.0, centre - half) if k > 0 else 0.0, min(1.0, centre + half) if k < n else 1.0)


def effective_n(question_means: Sequence[float], n_answers: int) -> float:
    """How many independent answers the answers of several runs to the same questions are worth.

    `question_means` is each question's share of right answers over the runs. Runs agree more on an easy question than
    on two different ones, so pooled answers are no independent trials: the design effect (Kish 1965). Between the
    number of questions (runs agree entirely) and `n_answers` (not more than chance).
    """
    n = len(question_means)
    if n < 2 or n_answers <= n:
        return float(n_answers)
    mean = sum(question_means) / n
    variance = sum((m - mean) ** 2 for m in question_means) / (n - 1) / n
    if variance == 0.0:
        return float(n)
    return min(float(n_answers), max(float(n), mean * (1 - mean) / variance))


def mcnemar(only_first: int, only_second: int, *, mid_p: bool = False) -> float:
    """Exact p value of McNemar's test from the two counts of discordant pairs.

    `mid_p` counts the observed table by half (Fagerland, Lydersen and Laake 2013): less conservative.
    """
    n, low = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0
    whole: int = 2**n
    below = sum(math.comb(n, i) for i in range(low + 1))
    if not mid_p:
        return min(1.0, 2 * below / whole)
    if only_first == only_second:
        return 1.0 - math.comb(n, low) / (2 * whole)
    return (2 * below - math.comb(n, low)) / whole


def sign_flip(differences: Sequence[float], units: int = 1) -> float:
    """Exact p value of the sign-flip (permutation) test that paired differences are as often for as against.

    Differences are multiples of 1/`units`. With single answers (-1, 0, 1) it is McNemar's exact test. The distribution
    of the sum is computed, not sampled; what is rarer than 1e-20 is dropped.
    """
    whole = [round(d * units) for d in differences]
    observed = abs(sum(whole))
    sums: dict[int, float] = {0: 1.0}
    for size, count in sorted(Counter(abs(w) for w in whole if w).items()):
        flips = {size * (2 * k - count): p for k, p in enumerate(_halves(count)) if p > 1e-20}
        joined: dict[int, float] = {}
        for a, p in sums.items():
            for b, q in flips.items():
                joined[a + b] = joined.get(a + b, 0.0) + p * q
        sums = {s: p for s, p in joined.items() if p > 1e-20}
    return min(1.0, math.fsum(p for s, p in sums.items() if abs(s) >= observed))


def _halves(n: int) -> list[float]:
    """Probabilities of 0..n heads of n fair coins."""
    whole, ways, out = 2**n, 1, []
    for k in range(n + 1):
        out.append(ways / whole)
        ways = ways * (n - k) // (k + 1)
    return out


def bootstrap_interval(
    differences: Sequence[float], *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> Interval:
    """Percentile bootstrap interval of the mean paired difference, resampling questions.

    Where every difference is the same, resampling shows no spread; the interval then reaches as far as the share of
    questions with another difference that could have been missed (the exact "rule of three": 1 - (1 - level) ** (1 /
    n)).
    """
    n = len(differences)
    if n == 0:
        return Interval(-1.0, 1.0)
    if min(differences) == max(differences):
        missed = 1 - (1 - level) ** (1 / n)
        return Interval(max(-1.0, differences[0] - missed), min(1.0, differences[0] + missed))
    per_batch = max(1, 4_000_000 // n)
    series, means, done = pl.Series(differences, dtype=pl.Float64), [], 0
    while done < resamples:
        size = min(per_batch, resamples - done)
        drawn = series.sample(n * size, with_replacement=True, seed=seed + done)
        means += drawn.reshape((size, n)).arr.mean().to_list()
        done += size
    means.sort()
    tail = (1 - level) / 2
    return Interval(_quantile(means, tail), _quantile(means, 1 - tail))


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given: any of them under alpha holds family-wise at alpha (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted
