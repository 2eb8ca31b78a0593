"""Two supervisions, several training runs each, the same questions: a difference that holds for new questions and new
runs.

Runs and questions are crossed random effects. The variance of the difference of means is put together from three mean
squares: of questions, of runs and of their interaction (which both of the others contain, so it is taken off once),
with Satterthwaite's degrees of freedom. Testing over questions alone calls the luck of a seed an effect: with runs
that differ by a fifth on the logit scale it was wrong in 25 % of 1,500 simulated nulls (300 questions, 3 runs each),
this test in 4 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .statistics import Interval

Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Crossed:
    """Mean of the first less mean of the second, its 95 % interval and p value, standard error, degrees of freedom."""

    difference: float
    interval: Interval
    p: float
    standard_error: float
    df: float


def crossed(first: Matrix, second: Matrix) -> Crossed:
    """Compare two matrices of answers, runs x questions, questions in the same order, at least two.

    A matrix of one row is taken as fixed (an untouched base has no seed): its training adds no variance. ValueError if
    both have one row: nothing is known about runs then.
    """
    if len(first) < 2 and len(second) < 2:
        raise ValueError("crossed needs at least two runs on one side")
    n = len(first[0])
    means = [_column_means(first), _column_means(second)]
    gaps = [a - b for a, b in zip(*means, strict=True)]
    difference = math.fsum(gaps) / n
    by_question = _variance(gaps) / n
    runs = [_run_parts(m, c) for m, c in zip((first, second), means, strict=True) if len(m) > 1]
    by_run = sum(r[0] for r in runs)
    both = sum(r[1] for r in runs)
    variance = both + max(0.0, by_question - both) + max(0.0, by_run - both)
    if variance <= 0.0:
        same = difference == 0.0
        return Crossed(difference, Interval(difference, difference), 1.0 if same else 0.0, 0.0, math.inf)
    uncertainty = by_question**2 / (n - 1)
    if by_run > both:
        uncertainty += sum(part**2 / df for part, _, df in runs)
    df = variance**2 / uncertainty if uncertainty > 0 else math.inf
    error = math.sqrt(variance)
    half = t_quantile(0.975, df) * error
    return Crossed(
        difference, Interval(difference - half, difference + half), t_two_sided(difference / error, df), error, df
    )


def _column_means(rows: Matrix) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)


def _run_parts(rows: Matrix, columns: Sequence[float]) -> tuple[float, float, int]:
    """What runs, and the interaction of runs with questions, add to the variance of the mean; runs' degrees of
    freedom."""
    r, q = len(rows), len(columns)
    means = [math.fsum(row) / q for row in rows]
    grand = math.fsum(means) / r
    rest = math.fsum(
        (x - mean - column + grand) ** 2
        for row, mean in zip(rows, means, strict=True)
        for x, column in zip(row, columns, strict=True)
    )
    return _variance(means) / r, rest / ((r - 1) * (q - 1)) / (r * q), r - 1


def t_two_sided(t: float, df: float) -> float:
    """Two-sided p value of Student's t."""
    if math.isinf(df) or df > 1e7:
        return math.erfc(abs(t) / math.sqrt(2))
    return _beta_share(df / 2, 0.5, df / (df + t * t))


def t_quantile(share: float, df: float) -> float:
    """The quantile of Student's t for a `share` above one half, by bisection on t_two_sided."""
    low, high = 0.0, 2.0
    while t_two_sided(high, df) > 2 * (1 - share):
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_two_sided(middle, df) > 2 * (1 - share) else (low, middle)
    return (low + high) / 2


def _beta_share(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function by its continued fraction (Numerical Recipes 6.4)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta_share(b, a, 1 - x)
    tiny, c, d = 1e-300, 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    total = d
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + step * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + step / c
            c = c if abs(c) > tiny else tiny
            total *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return math.exp(log_front) * total / a
