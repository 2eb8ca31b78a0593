"""Whether a property of corpora goes with accuracy: rank correlation within student x data set, by permutation.

Between data sets and students everything differs, so ranks are taken within a stratum and accuracies are permuted
within it: what is left is whether, for one student on one data set, the corpus with more of the property does better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .statistics import Z95, Interval

FEWEST = 10
DRAWS = 9999


@dataclass(frozen=True, slots=True)
class Association:
    """Spearman's rho within strata, its 95 % interval (Fisher's z with Fieller's variance), two-sided p value, cells
    and strata. `verdict`: more is better, more is worse, cannot tell; the last with fewer than FEWEST cells whatever
    p."""

    rho: float | None
    interval: Interval
    p: float
    n: int
    strata: int

    def verdict(self, p: float | None = None) -> str:
        """In words, at 5 % of `p` (corrected for a family), by default its own."""
        if self.rho is None or self.n < FEWEST or (self.p if p is None else p) >= 0.05:
            return "cannot tell"
        return "more is better" if self.rho > 0 else "more is worse"


def associate(strata: Sequence[Sequence[tuple[float, float]]], *, seed: int = 0, draws: int = DRAWS) -> Association:
    """`strata`: of each, the pairs (property, accuracy) of its cells. A stratum of one cell, or without any spread on a
    side, says nothing and is left out."""
    import numpy as np

    kept = [s for s in strata if len({x for x, _ in s}) > 1 and len({y for _, y in s}) > 1]
    n = sum(len(s) for s in kept)
    if not kept or n < 3:
        return Association(None, Interval(-1.0, 1.0), 1.0, n, len(kept))
    xs = [_centred([x for x, _ in s]) for s in kept]
    ys = [_centred([y for _, y in s]) for s in kept]
    scale = math.sqrt(math.fsum(v * v for x in xs for v in x) * math.fsum(v * v for y in ys for v in y))
    product = math.fsum(a * b for x, y in zip(xs, ys, strict=True) for a, b in zip(x, y, strict=True))
    rng = np.random.default_rng(seed)
    null = np.zeros(draws)
    for x, y in zip(xs, ys, strict=True):
        null += rng.permuted(np.tile(np.array(y), (draws, 1)), axis=1) @ np.array(x)
    p = (1 + int((np.abs(null) >= abs(product) - 1e-9 * scale).sum())) / (1 + draws)
    return Association(product / scale, _interval(product / scale, n - len(kept) - 2), p, n, len(kept))


def _interval(rho: float, df: int) -> Interval:
    if df < 1:
        return Interval(-1.0, 1.0)
    z, half = math.atanh(max(-0.999999, min(0.999999, rho))), Z95 * math.sqrt(1.06 / df)
    return Interval(math.tanh(z - half), math.tanh(z + half))


def _centred(values: Sequence[float]) -> list[float]:
    """Ranks (ties share their mean) less their mean."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for i in order[start : end + 1]:
            ranks[i] = (start + end) / 2
        start = end + 1
    middle = (len(values) - 1) / 2
    return [r - middle for r in ranks]
