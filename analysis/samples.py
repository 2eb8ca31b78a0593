"""What several answers to one question say: pass@k, maj@k, and how far the answers agree with each other.

All three are unbiased estimates from n >= k samples of a question, exact over every choice of k of the n: no sample is
dropped and nothing is drawn again. An unparsed answer is a wrong sample that votes for nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any

from .statistics import bootstrap_interval


@dataclass(frozen=True, slots=True)
class Votes:
    """The samples of one question: `right` that are correct, `wrong` the number of samples of each wrong answer,
    `silent` those without an answer."""

    right: int
    wrong: tuple[int, ...] = ()
    silent: int = 0

    def __post_init__(self) -> None:
        if self.right < 0 or self.silent < 0 or any(n < 1 for n in self.wrong):
            raise ValueError(f"counts of samples below what can be: {self}")

    @property
    def n(self) -> int:
        """How many samples there are."""
        return self.right + sum(self.wrong) + self.silent


@dataclass(frozen=True, slots=True)
class Share:
    """A mean over questions with its 95 % interval (bootstrap over questions). `n`: questions; none: nothing is
    known."""

    value: float | None
    low: float
    high: float
    n: int


def pass_at_k(votes: Votes, k: int) -> float:
    """The probability that at least one of k samples is correct: 1 - C(n - c, k) / C(n, k), c of n correct (Chen et al.
    2021, arXiv 2107.03374). ValueError unless 1 <= k <= n."""
    _check(votes, k)
    return 1.0 - comb(votes.n - votes.right, k) / comb(votes.n, k)


def maj_at_k(votes: Votes, k: int) -> float:
    """The probability that the commonest answer of k samples is correct (self-consistency, Wang et al. 2022, arXiv
    2203.11171); answers that are as common share it evenly. ValueError unless 1 <= k <= n.

    Counted: for j right samples among the k, every way to draw the rest in which no wrong answer has more than j votes.
    """
    _check(votes, k)
    won = Fraction(0)
    for j in range(1, min(k, votes.right) + 1):
        ways = {(0, 0): 1}  # (drawn so far, wrong answers with j votes too) -> in how many ways
        for count in votes.wrong:
            grown: dict[tuple[int, int], int] = {}
            for (drawn, tied), so_many in ways.items():
                for taken in range(min(count, j, k - j - drawn) + 1):
                    state = (drawn + taken, tied + (taken == j))
                    grown[state] = grown.get(state, 0) + so_many * comb(count, taken)
            ways = grown
        for (drawn, tied), so_many in ways.items():
            rest = comb(votes.silent, k - j - drawn)
            won += Fraction(comb(votes.right, j) * so_many * rest, tied + 1)
    return float(won / comb(votes.n, k))


def agreement(votes: Votes) -> float:
    """The probability that two samples give the same answer; right ones are the same, silent ones agree with nobody.
    ValueError with fewer than two samples."""
    if votes.n < 2:
        raise ValueError(f"agreement needs two samples, not {votes.n}")
    return sum(m * (m - 1) for m in (votes.right, *votes.wrong)) / (votes.n * (votes.n - 1))


def mean(values: Sequence[float]) -> Share:
    """The mean over questions and its interval."""
    if not values:
        return Share(None, 0.0, 1.0, 0)
    found = bootstrap_interval(values)
    return Share(sum(values) / len(values), max(0.0, found.low), min(1.0, found.high), len(values))


def summary(questions: Sequence[Votes], ks: Sequence[int]) -> list[Mapping[str, Any]]:
    """A row for every k: pass@k and maj@k over the questions that have k samples, `n` of them, and how many have
    not."""
    rows: list[Mapping[str, Any]] = []
    for k in ks:
        enough = [votes for votes in questions if votes.n >= k]
        passed, majority = mean([pass_at_k(v, k) for v in enough]), mean([maj_at_k(v, k) for v in enough])
        row: dict[str, Any] = {"k": k, "n": len(enough), "n_too_few": len(questions) - len(enough)}
        for name, share in (("pass", passed), ("maj", majority)):
            row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
        rows.append(row)
    return rows


def powers(most: int) -> list[int]:
    """1, 2, 4 ... and `most` itself: the k that are shown."""
    return sorted({2**i for i in range(most.bit_length()) if 2**i <= most} | ({most} if most else set()))


def _check(votes: Votes, k: int) -> None:
    if not 1 <= k <= votes.n:
        raise ValueError(f"k is {k}, and the question has {votes.n} samples")
