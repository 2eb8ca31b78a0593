"""Two supervisions, several training runs each, the same questions: a difference that holds for new questions and new
runs.

Runs and questions are crossed random effects. The variance of the difference of means is put together from three mean
squares: of questions, of runs and of their interaction (which both of the others contain, so it is taken off once).
What is known least well is how much seeds vary, so the difference is held against Student's t with seeds - 1 degrees of
freedom from each side (Welch's, where both sides were trained). Why not more: docs/design/12-statistics.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .statistics import Interval
from .student_t import t_quantile, t_two_sided

Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Crossed:
    """Mean of the first less mean of the second, its 95 % interval and p value, standard error, degrees of freedom.

    `by_question` and `by_run` are the parts of the squared standard error that more questions, and more seeds, make
    smaller.
    """

    difference: float
    interval: Interval
    p: float
    standard_error: float
    df: float
    by_question: float
    by_run: float


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
    runs = [_run_parts(m, c) for m, c in zip((first, second), means, strict=True) if len(m) > 1]
    by_run, both = sum(r[0] for r in runs), sum(r[1] for r in runs)
    of_questions = max(0.0, _variance(gaps) / n - both)
    of_runs = max(by_run, both)
    df = welch([(part, df) for part, _, df in runs])
    variance = of_questions + of_runs
    if variance <= 0.0:
        same = difference == 0.0
        return Crossed(difference, Interval(difference, difference), 1.0 if same else 0.0, 0.0, df, 0.0, 0.0)
    error = math.sqrt(variance)
    half = t_quantile(0.975, df) * error
    p = t_two_sided(difference / error, df)
    return Crossed(difference, Interval(difference - half, difference + half), p, error, df, of_questions, of_runs)


def welch(parts: Sequence[tuple[float, int]]) -> float:
    """Degrees of freedom of a sum of variances, each with its own (Welch 1947): from the least of them to their sum."""
    known = math.fsum(part**2 / df for part, df in parts)
    if known == 0.0:
        return float(min(df for _, df in parts))
    return math.fsum(part for part, _ in parts) ** 2 / known


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
