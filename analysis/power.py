"""What a comparison could have told: the smallest difference it finds four times in five, and what it would take to
tell the one that was seen."""

import bisect
import math
from dataclasses import dataclass

from .student_t import detectable_shift

POWER = 0.8
MOST_SEEDS = 50


@dataclass(frozen=True, slots=True)
class Precision:
    """How exactly a difference is known: the parts of its squared standard error that more questions and more seeds
    make smaller, the degrees of freedom (inf where runs are not counted), questions, and seeds on the side that has
    fewer (None: the comparison is about the runs there are). `step`: by how much the smallest possible change moves the
    difference, where the test is exact and so a little stricter than its level."""

    by_question: float
    by_run: float
    df: float
    n_questions: int
    seeds: int | None
    step: float = 0.0

    def smallest(self, alpha: float) -> float:
        """The minimum detectable difference: a true difference this large is told with a chance of POWER by a two-sided
        test at `alpha`."""
        return _factor(self.df, alpha) * math.sqrt(self.by_question + self.by_run) + self.step

    def _tells(self, seeds: int, difference: float, alpha: float) -> bool:
        """Would so many seeds tell `difference`?"""
        now = self.seeds or 1
        df = self.df * (seeds - 1) / max(1, now - 1)
        return _factor(df, alpha) * math.sqrt(self.by_question + self.by_run * now / seeds) <= difference

    def would_take(self, difference: float, alpha: float) -> str:
        """`9 seeds`, `2,300 questions`, or `-` where nothing was seen: what tells `difference`, if it is the true one,
        with a chance of POWER. Seeds first; questions where seeds alone do not do."""
        if difference == 0.0:
            return "-"
        if self.seeds is not None:
            more = range(self.seeds + 1, MOST_SEEDS + 1)
            enough = bisect.bisect_left(more, True, key=lambda seeds: self._tells(seeds, abs(difference), alpha))
            if enough < len(more):
                return f"{more[enough]} seeds"
        room = (difference / _factor(self.df, alpha)) ** 2 - (self.by_run if self.seeds is not None else 0.0)
        if room <= 0.0:
            return f"over {MOST_SEEDS} seeds"
        return f"{_rounded_up(self.n_questions * self.by_question / room):,} questions"


def _factor(df: float, alpha: float) -> float:
    return detectable_shift(alpha, POWER, df)


def _rounded_up(n: float) -> int:
    """To two digits: the estimate carries no more."""
    step: int = 10 ** max(0, math.floor(math.log10(max(n, 1.0))) - 1)
    return math.ceil(n / step) * step
