"""Decontamination beyond the exact guard: training questions that a held-out question nearly is.

Held out is every question of every loaded data set whose split is not train. Three rules, each a stage of its own with
its own threshold; the first that decides is reported with the held-out question it found:

ngram-overlap     of the runs of `n` words of the shorter question, at least `ngram_overlap` are in the other.
same-template     the same with every number read as "#": the same text with other numbers. Both must hold a number.
same-numbers      the same numbers (at least `numbers_min` of them, in any order) and word sets whose Jaccard
                  similarity is at least `numbers_words`: the same problem in other words.

Words are those of tasks/normalise.py, thousands separators taken out and number words up to twelve and the tens read as
digits. A question shorter than `n` words is one run. A held-out question is looked at more closely where it shares a
run with the training question that at most MOST_SHARED held-out questions have: a phrase of hundreds of questions
("how many does he have in all") points to none of them, and would make the search quadratic.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..tasks.normalise import normalise

DECONTAMINATION_VERSION = "1"
MOST_SHARED = 200

_SEPARATOR = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[-+]?\d+(?:[./]\d+)*%?")
_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred"]
_DIGITS = {word: str(i) for i, word in enumerate(_UNITS)} | {word: str(10 * i) for i, word in enumerate(_TENS, 2)}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How near is too near; shares from 0 to 1, where 0 turns a rule off."""

    n: int
    ngram_overlap: float
    template_overlap: float
    numbers_min: int
    numbers_words: float


@dataclass(frozen=True, slots=True)
class Contaminated:
    """One training question that is too near to one held-out question. Both are positions in what was compared."""

    train: int
    rule: str
    held_out: int
    similarity: float


def words_of(text: str) -> list[str]:
    """The words that are compared."""
    return [_DIGITS.get(word, word) for word in normalise(_SEPARATOR.sub("", text)).split()]


def contaminated(train: Iterable[str], held_out: Sequence[str], limits: Thresholds) -> Iterator[Contaminated]:
    """The training questions that are too near to a held-out one, each once, in order."""
    index = _Index(held_out, limits)
    for position, text in enumerate(train):
        found = index.nearest(text)
        if found is not None:
            rule, other, similarity = found
            yield Contaminated(position, rule, other, similarity)


class _Index:
    """The held-out questions, ready to be asked which of them a text is too near to."""

    def __init__(self, texts: Sequence[str], limits: Thresholds) -> None:
        self.limits = limits
        self.words = [words_of(text) for text in texts]
        plain = self.words if limits.ngram_overlap else []
        masked = [masked_words(w) for w in self.words] if limits.template_overlap else []
        self.plain = _Runs(plain, limits.n)
        self.masked = _Runs(masked, limits.n)
        self.by_numbers: dict[tuple[str, ...], list[int]] = defaultdict(list)
        if limits.numbers_words:
            for i, words in enumerate(self.words):
                numbers = numbers_of(words)
                if len(numbers) >= limits.numbers_min:
                    self.by_numbers[numbers].append(i)

    def nearest(self, text: str) -> tuple[str, int, float] | None:
        limits, words = self.limits, words_of(text)
        if limits.ngram_overlap:
            found = self.plain.nearest(words, limits.ngram_overlap)
            if found:
                return ("ngram-overlap", *found)
        if limits.template_overlap:
            masked = masked_words(words)
            found = self.masked.nearest(masked, limits.template_overlap) if "#" in masked else None
            if found:
                return ("same-template", *found)
        if limits.numbers_words:
            numbers = numbers_of(words)
            if len(numbers) >= limits.numbers_min and numbers in self.by_numbers:
                mine = set(words)
                scored = [(_jaccard(mine, set(self.words[i])), -i) for i in self.by_numbers[numbers]]
                similarity, place = max(scored)
                if similarity >= limits.numbers_words:
                    return "same-numbers", -place, similarity
        return None


class _Runs:
    """Held-out questions by their runs of n words."""

    def __init__(self, texts: Sequence[Sequence[str]], n: int) -> None:
        self.n = n
        self.runs = [runs_of(words, n) for words in texts]
        self.holders: dict[str, list[int]] = defaultdict(list)
        for i, runs in enumerate(self.runs):
            for run in runs:
                self.holders[run].append(i)

    def nearest(self, words: Sequence[str], threshold: float) -> tuple[int, float] | None:
        """(position, overlap) of the held-out question that shares most with `words`, the first of equals."""
        mine = runs_of(words, self.n)
        shared: Counter[int] = Counter()
        common: list[str] = []
        for run in mine:
            holders = self.holders.get(run)
            if holders is None:
                continue
            if len(holders) > MOST_SHARED:
                common.append(run)
            else:
                shared.update(holders)
        best: tuple[float, int] | None = None
        for i, count in shared.items():
            count += sum(run in self.runs[i] for run in common)
            overlap = count / min(len(mine), len(self.runs[i]))
            if overlap >= threshold and (best is None or (overlap, -i) > best):
                best = (overlap, -i)
        return (-best[1], best[0]) if best else None


def runs_of(words: Sequence[str], n: int) -> set[str]:
    """The runs of n words; of fewer words one run, of none none."""
    if not words:
        return set()
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


def masked_words(words: Sequence[str]) -> list[str]:
    """Every number read as "#"."""
    return ["#" if _NUMBER.fullmatch(word) else word for word in words]


def numbers_of(words: Sequence[str]) -> tuple[str, ...]:
    """The numbers, sorted."""
    return tuple(sorted(word for word in words if _NUMBER.fullmatch(word)))


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0
