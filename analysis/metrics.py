"""Diversity across texts. Pure functions; each is None where there is nothing to measure.

Longer texts look less diverse by every one of these (arXiv 2507.15092), so compare samples of about equal words:
`within_budget`. Which three suffice to describe a set of texts: compression ratio, repetition of long n-grams,
self-BLEU (arXiv 2403.00553).
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import numpy as np

_WORD = r"[^\W\d_]+|\d+|[^\w\s]|_"
_TOKEN = re.compile(_WORD)
_BLEU_ORDER = 4
_LONG = 4
_MULTIPLIER = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as numbers of words: `ids` of all texts one after the other, `lengths` of each."""

    ids: "np.ndarray[Any, Any]"
    lengths: "np.ndarray[Any, Any]"


def words(text: str) -> list[str]:
    """Lower-case words, numbers and single marks."""
    return _TOKEN.findall(text.lower())


def encode(texts: Sequence[str]) -> Encoded:
    """The words of texts as numbers, the same number for the same word."""
    import numpy as np

    listed = pl.Series("t", list(texts), dtype=pl.String).str.to_lowercase().str.extract_all(_WORD)
    ids = listed.explode().drop_nulls().cast(pl.Categorical).to_physical().to_numpy().astype(np.uint64)
    return Encoded(ids, listed.list.len().to_numpy().astype(np.int64))


def within_budget(lengths: Sequence[int], n_words: int) -> int:
    """How many of the first texts together have at least `n_words` words; all of them where they have fewer."""
    total = 0
    for i, length in enumerate(lengths):
        if total >= n_words:
            return i
        total += length
    return len(lengths)


def distinct(texts: Encoded, n: int) -> float | None:
    """Distinct n-grams over all n-grams, none across two texts (Li et al. 2016). In (0, 1]; higher is more diverse."""
    grams, _ = _grams(texts, n)
    return pl.Series(grams).n_unique() / len(grams) if len(grams) else None


def self_repetition(texts: Encoded, n: int = _LONG) -> float | None:
    """Mean over texts of ln(1 + how often other texts have its n-grams), an n-gram once a text (Salkar et al. 2022)."""
    if not len(texts.lengths):
        return None
    grams, owner = _grams(texts, n)
    once = pl.DataFrame({"gram": grams, "text": owner}).unique()
    elsewhere = once.with_columns((pl.len().over("gram") - 1).alias("n")).group_by("text").agg(pl.col("n").sum())
    return math.fsum(math.log1p(x) for x in elsewhere["n"]) / len(texts.lengths)


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Bytes over zlib-compressed bytes of the texts, a line each. Higher is more repetitive."""
    data = "\n".join(texts).encode()
    return len(data) / len(zlib.compress(data, 9)) if data else None


def self_bleu(texts: Sequence[str]) -> float | None:
    """Mean BLEU-4 of each text with all the others as references (Zhu et al. 2018), 0 to 1; higher repeats more.

    As sacrebleu's sentence_bleu with effective order and exponential smoothing, on the words of `words`.
    """
    tokens = [words(t) for t in texts]
    if len(tokens) < 2:
        return None
    counts = [[_counted(t, n) for t in tokens] for n in range(1, _BLEU_ORDER + 1)]
    highest = [_two_highest(of_order) for of_order in counts]
    lengths = sorted(len(t) for t in tokens)
    scores = []
    for i, text in enumerate(tokens):
        matched = [
            sum(min(c, _highest_but(top[gram], i)) for gram, c in of_order[i].items())
            for of_order, top in zip(counts, highest, strict=True)
        ]
        scores.append(_bleu(matched, len(text), _closest_but_one(lengths, len(text))))
    return math.fsum(scores) / len(scores)


def vendi(texts: Sequence[str]) -> float | None:
    """The Vendi score (Friedman and Dieng 2023) by the cosine of TF-IDF vectors of words: how many different texts the
    texts are worth, from 1 to their number."""
    import numpy as np

    if not texts:
        return None
    similarity = tf_idf_similarity(texts)
    roots = np.linalg.eigvalsh(similarity / len(texts))
    roots = roots[roots > 0]
    return float(np.exp(-(roots * np.log(roots)).sum()))


def tf_idf_similarity(texts: Sequence[str]) -> "np.ndarray[Any, Any]":
    """Cosines of TF-IDF vectors, idf = ln((1 + n) / (1 + df)) + 1. A text without a word is only like itself."""
    import numpy as np

    counts = [Counter(words(t)) for t in texts]
    frequency = Counter(w for c in counts for w in c)
    place = {w: i for i, w in enumerate(frequency)}
    matrix = np.zeros((len(texts), max(1, len(place))))
    for row, c in zip(matrix, counts, strict=True):
        for word, n in c.items():
            row[place[word]] = n * (math.log((1 + len(texts)) / (1 + frequency[word])) + 1)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
    similarity: np.ndarray[Any, Any] = matrix @ matrix.T
    np.fill_diagonal(similarity, 1.0)
    return similarity


def pair_distance(first: Sequence[str], second: Sequence[str]) -> float:
    """1 - shared over all distinct word pairs of two texts (Jaccard), words where a text has no pair; 0 to 1."""
    a, b = (set(pairwise(t)) or {(word, "") for word in t} for t in (first, second))
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def agreement(answers: Sequence[str]) -> float | None:
    """The share of pairs of answers that are equal; None for fewer than two."""
    n = len(answers)
    return sum(c * (c - 1) for c in Counter(answers).values()) / (n * (n - 1)) if n > 1 else None


def _grams(texts: Encoded, n: int) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """A 64-bit hash of every n-gram within a text, and the text it is of."""
    import numpy as np

    owner = np.repeat(np.arange(len(texts.lengths), dtype=np.int64), texts.lengths)
    size = max(0, len(texts.ids) - n + 1)
    grams = np.zeros(size, np.uint64)
    for i in range(n):
        mixed = (texts.ids[i : size + i] + np.uint64(1)) * np.uint64(_MULTIPLIER)
        grams = (grams ^ mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        grams ^= grams >> np.uint64(32)
    inside = owner[:size] == owner[n - 1 : n - 1 + size]
    return grams[inside], owner[:size][inside]


def _counted(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def _two_highest(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """Of each n-gram its highest count, the text that has it, and the highest count of another text."""
    top: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for i, counter in enumerate(counts):
        for gram, c in counter.items():
            most, who, next_most = top.get(gram, (0, -1, 0))
            top[gram] = (c, i, most) if c > most else (most, who, max(next_most, c))
    return top


def _highest_but(top: tuple[int, int, int], i: int) -> int:
    return top[2] if top[1] == i else top[0]


def _closest_but_one(ordered: Sequence[int], length: int) -> int:
    """The length nearest to `length` among all others; the shorter of two as near."""
    others = list(ordered)
    others.remove(length)
    return min(others, key=lambda x: (abs(x - length), x))


def _bleu(matched: Sequence[int], length: int, reference: int) -> float:
    smooth, logs = 1.0, []
    for n, hits in enumerate(matched, 1):
        total = length - n + 1
        if total <= 0:
            break
        if hits == 0:
            smooth *= 2
            logs.append(math.log(1 / (smooth * total)))
        else:
            logs.append(math.log(hits / total))
    if not logs or not matched[0]:
        return 0.0
    brevity = 1.0 if length >= reference else math.exp(1 - reference / length)
    return brevity * math.exp(math.fsum(logs) / len(logs))
