"""Contrasts: two supervisions on the questions that both were asked, each pair tested once.

Which test, and what it is about:
- one run each: McNemar's exact test, about these two runs;
- fewer than three runs on a side: each question's mean over the runs, sign-flip test over questions, about these runs;
- three runs or more (the untouched base has none and needs none): runs and questions crossed, t with seeds - 1
  degrees of freedom, about the supervisions.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .answers import Row
from .crossed import crossed
from .power import Precision
from .statistics import Interval, bootstrap_interval, holm, mcnemar, sign_flip

ALPHA = 0.05
FEW_RUNS = 3


@dataclass(frozen=True, slots=True)
class Arm:
    """One supervision with its runs. `name` is its recipe; `scores` has a mapping question -> share right for each run;
    `fixed` says that it was not trained (the untouched base)."""

    name: str
    level: int | None
    teacher: str | None
    corpus_hash: str | None
    seeds: tuple[int, ...]
    n_rows: int | None
    fixed: bool
    scores: tuple[Mapping[str, float], ...]

    @property
    def accuracy(self) -> float:
        """Mean over all answers of all runs."""
        n = sum(len(s) for s in self.scores)
        return math.fsum(v for s in self.scores for v in s.values()) / n if n else 0.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """`first` less `second`, paired on `n` questions. `p_holm` is corrected for all pairs of the family; `alpha` is
    what the strictest of them is held to."""

    first: Arm
    second: Arm
    difference: float
    interval: Interval
    n: int
    test: str
    scope: str
    p: float
    p_holm: float
    precision: Precision
    alpha: float = ALPHA

    @property
    def smallest(self) -> float:
        """The minimum detectable difference: what this comparison would tell four times in five."""
        return self.precision.smallest(self.alpha)

    @property
    def would_take(self) -> str:
        """Where it cannot tell: how many seeds or questions would, if the difference is the one seen; else ``-``."""
        return self.precision.would_take(self.difference, self.alpha) if self.verdict == "cannot tell" else "-"

    @property
    def verdict(self) -> str:
        """better, worse or cannot tell, at 5 % after Holm."""
        if self.p_holm >= ALPHA:
            return "cannot tell"
        return "better" if self.difference > 0 else "worse"

    def reversed(self) -> "Contrast":
        """The same pair seen from the other side."""
        turned = Interval(-self.interval.high, -self.interval.low)
        return replace(self, first=self.second, second=self.first, difference=-self.difference, interval=turned)


def compare(first: Arm, second: Arm) -> Contrast | None:
    """One pair, uncorrected (p_holm = p). None where the two share fewer than two questions."""
    shared = sorted(set.intersection(*(set(s) for s in (*first.scores, *second.scores))))
    n = len(shared)
    if n < 2:
        return None
    a, b = ([[score[q] for q in shared] for score in arm.scores] for arm in (first, second))
    gaps = [sum(x) / len(a) - sum(y) / len(b) for x, y in zip(zip(*a, strict=True), zip(*b, strict=True), strict=True)]
    enough = [arm.fixed or len(arm.scores) >= FEW_RUNS for arm in (first, second)]
    if all(enough) and not (first.fixed and second.fixed):
        found = crossed(a, b)
        seeds = min(len(arm.scores) for arm in (first, second) if not arm.fixed)
        known = Precision(found.by_question, found.by_run, found.df, n, seeds)
        test = "crossed runs x questions, t of seeds - 1"
        return Contrast(
            first, second, found.difference, found.interval, n, test, "supervisions", found.p, found.p, known
        )
    difference, interval = math.fsum(gaps) / n, bootstrap_interval(gaps)
    spread = math.fsum((g - difference) ** 2 for g in gaps) / (n - 1) / n
    known = Precision(spread, 0.0, math.inf, n, None, 1 / n / _units(gaps))
    if len(a) == len(b) == 1 and set(gaps) <= {-1.0, 0.0, 1.0}:
        test, p = "McNemar, exact", mcnemar(gaps.count(1.0), gaps.count(-1.0))
    else:
        test, p = "sign flips of question means, exact", sign_flip(gaps, _units(gaps))
    return Contrast(first, second, difference, interval, n, test, "these runs", p, p, known)


def p_of_these_runs(c: Contrast) -> float:
    """The exact p value over questions alone: whether these runs differ, whatever other seeds would do."""
    means = [{q: sum(s[q] for s in a.scores) / len(a.scores) for q in a.scores[0]} for a in (c.first, c.second)]
    gaps = [means[0][q] - means[1][q] for q in means[0] if q in means[1]]
    return sign_flip(gaps, _units(gaps))


def correct(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The same contrasts with Holm's p values over all of them."""
    corrected = zip(contrasts, holm([c.p for c in contrasts]), strict=True)
    return [replace(c, p_holm=p, alpha=ALPHA / len(contrasts)) for c, p in corrected]


def arm(name: str, rows: Sequence[Row]) -> Arm:
    """An arm of the rows of levels.sql that belong to it, one a run."""
    first = rows[0]
    return Arm(
        name=name,
        level=first["level"],
        teacher=first["teacher"],
        corpus_hash=first["corpus_hash"],
        seeds=tuple(r["seed"] for r in rows if r["seed"] is not None),
        n_rows=first["n_rows"],
        fixed=first["run_key"] is None,
        scores=tuple(dict(zip(r["question_keys"], r["shares"], strict=True)) for r in rows),
    )


def _units(gaps: Iterable[float]) -> int:
    """The smallest number that makes every gap a whole number."""
    return math.lcm(*(Fraction(g).limit_denominator(1000).denominator for g in set(gaps)))
