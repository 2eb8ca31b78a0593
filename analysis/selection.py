"""Maxima that were found by looking: the best of several levels, or an inner level that beats both ends.

Whoever picks the highest of k levels and tests it as if it had been named before is wrong far too often. So each pair's
statistic is held against the largest statistic of all pairs (max-T, Westfall and Young 1993) when levels do not matter:
level labels are permuted within each question, and, where every level has three runs, runs among levels as well; the
joint draw is divided by the root of a chi-square with seeds - 1 degrees of freedom, as the statistic is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

from .crossed import Matrix, crossed

if TYPE_CHECKING:
    import numpy as np

DRAWS = 2000
_PER_BATCH = 2_000_000  # questions x draws held at once
FEW_RUNS = 3
_MOST_ORDERED, _ORDERS = 6, 720  # all orders of so many levels; of more, that many drawn ones


@dataclass(frozen=True, slots=True)
class Best:
    """The level with the highest mean, and how sure that is.

    `p`: the least certain of its comparisons with the other levels, corrected for having looked at all of them.
    `inner`: the place of the inner level that beats both ends by most, with its `p_inner`; None with fewer than
    three levels. `scope`: supervisions, or these runs.
    """

    place: int
    p: float
    inner: int | None
    p_inner: float
    means: tuple[float, ...]
    n_questions: int
    scope: str


def best(levels: Sequence[Matrix], *, seed: int = 0, draws: int = DRAWS) -> Best:
    """The best of at least two levels, coarse to fine; each a matrix runs x questions over the same questions."""
    means = tuple(math.fsum(math.fsum(run) for run in m) / (len(m) * len(m[0])) for m in levels)
    p, counted = max_t(levels, seed=seed, draws=draws)
    place = max(range(len(levels)), key=lambda i: means[i])
    p_best = max(p[min(place, j), max(place, j)] for j in range(len(levels)) if j != place)
    last, inner, p_inner = len(levels) - 1, None, 1.0
    for i in range(1, last):
        higher = means[i] > means[0] and means[i] > means[last]
        mine = max(p[0, i], p[i, last]) if higher else 1.0
        if inner is None or mine < p_inner or (mine == p_inner and means[i] > means[inner]):
            inner, p_inner = i, mine
    scope = "supervisions" if counted else "these runs"
    return Best(place, p_best, inner, p_inner, means, len(levels[0][0]), scope)


def max_t(levels: Sequence[Matrix], *, seed: int = 0, draws: int = DRAWS) -> tuple[dict[tuple[int, int], float], bool]:
    """The corrected p value of every pair of levels, two-sided; and whether the luck of seeds is counted in it
    (three runs of every level)."""
    import numpy as np

    rng = np.random.default_rng(seed)
    answers = [np.asarray(m, dtype=float) for m in levels]
    counted = all(len(m) >= FEW_RUNS for m in levels)
    pairs = list(combinations(range(len(levels)), 2))
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    by_question = np.array([m.mean(axis=0) for m in answers])
    moved = _within_questions(by_question, rng, draws)
    gaps = moved[:, first] - moved[:, second]
    differences = by_question.mean(axis=1)[first] - by_question.mean(axis=1)[second]
    scale = gaps.std(axis=0)
    spread = _over(gaps, scale)
    if counted:
        found = [crossed(levels[a], levels[b]) for a, b in pairs]
        scale = np.array([f.standard_error for f in found])
        shares = np.array([f.by_question / s**2 if (s := f.standard_error) else 1.0 for f in found])
        spread = np.sqrt(shares) * spread + np.sqrt(1 - shares) * _luck(answers, rng, draws, first, second)
        df = min(f.df for f in found)
        spread /= np.sqrt(rng.chisquare(df, (draws, 1)) / df)
    statistic = np.where(differences == 0.0, 0.0, np.inf)
    np.divide(np.abs(differences), scale, out=statistic, where=scale > 0)
    largest = np.abs(spread).max(axis=1)
    p = [(1 + int((largest >= t - 1e-9).sum())) / (1 + draws) for t in statistic]
    return dict(zip(pairs, p, strict=True)), counted


def _luck(
    answers: "Sequence[np.ndarray[Any, Any]]", rng: "np.random.Generator", draws: int, first: Any, second: Any
) -> "np.ndarray[Any, Any]":
    """Each pair's difference when runs, less their level's mean, are dealt among the levels anew; in its own spread."""
    import numpy as np

    runs = np.concatenate([m.mean(axis=1) - m.mean() for m in answers])
    starts = np.cumsum([0, *(len(m) for m in answers[:-1])])
    dealt = np.add.reduceat(rng.permuted(np.tile(runs, (draws, 1)), axis=1), starts, axis=1)
    per_level = dealt / np.array([len(m) for m in answers])
    gaps = per_level[:, first] - per_level[:, second]
    return _over(gaps, gaps.std(axis=0))


def _within_questions(
    by_question: "np.ndarray[Any, Any]", rng: "np.random.Generator", draws: int
) -> "np.ndarray[Any, Any]":
    """Level means after the levels of each question were permuted; draws x levels."""
    import numpy as np

    k, n = by_question.shape
    few = k <= _MOST_ORDERED
    orders = (
        np.array(list(permutations(range(k)))) if few else rng.permuted(np.tile(np.arange(k), (_ORDERS, 1)), axis=1)
    )
    table = by_question.T[:, orders]  # question x order x level
    rows, out = np.arange(n), []
    for start in range(0, draws, max(1, _PER_BATCH // n)):
        size = min(max(1, _PER_BATCH // n), draws - start)
        chosen = rng.integers(len(orders), size=(size, n))
        out.append(np.stack([table[rows, one].mean(axis=0) for one in chosen]))
    return np.concatenate(out)


def _over(values: "np.ndarray[Any, Any]", scale: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    import numpy as np

    out: np.ndarray[Any, Any] = np.divide(values, scale, out=np.zeros_like(values), where=scale > 0)
    return out
