"""What a supervision that was not tried would bring, guessed from those that were: main effects of teacher, format and
level (a parabola), fitted by ridge regression."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .answers import Row

FEWEST = 3
_RIDGE = 0.5


@dataclass(frozen=True, slots=True)
class Guess:
    """Expected accuracy with its standard error, a share each."""

    accuracy: float
    error: float

    def chance_above(self, accuracy: float) -> float:
        """The chance that it is above `accuracy`, by the normal distribution."""
        return 0.5 * math.erfc((accuracy - self.accuracy) / (self.error * math.sqrt(2)))


def guess(tried: Sequence[Row], untried: Sequence[Row]) -> list[Guess] | None:
    """Of each untried row (teacher, level, format) what the tried ones (with accuracy and n_questions) let expect. None
    with fewer than FEWEST tried."""
    import numpy as np

    if len(tried) < FEWEST:
        return None
    names = [sorted({str(r[k]) for r in (*tried, *untried)}) for k in ("teacher", "format")]
    x, y = np.array([_features(r, names) for r in tried]), np.array([r["accuracy"] for r in tried])
    mean = y.mean()
    inverse = np.linalg.inv(x.T @ x + _RIDGE * np.eye(x.shape[1]))
    weights = inverse @ x.T @ (y - mean)
    noise = max(float(((y - mean - x @ weights) ** 2).sum()) / max(1, len(y) - 2), _sampling(tried))
    out = []
    for row in untried:
        features = np.array(_features(row, names))
        error = math.sqrt(noise * (1 + float(features @ inverse @ features)))
        out.append(Guess(min(1.0, max(0.0, float(mean + features @ weights))), error))
    return out


def _features(row: Row, names: Sequence[Sequence[str]]) -> list[float]:
    one_hot = [
        float(str(row[k]) == name) for k, known in zip(("teacher", "format"), names, strict=True) for name in known
    ]
    level = (row["level"] - 3.5) / 2.5 if row["level"] is not None else 0.0
    return [*one_hot, level, level * level]


def _sampling(tried: Sequence[Row]) -> float:
    """The variance that an accuracy has from its questions alone; never nothing."""
    spread: list[Any] = [max(r["accuracy"] * (1 - r["accuracy"]), 0.01) / r["n_questions"] for r in tried]
    return float(sum(spread) / len(spread))
