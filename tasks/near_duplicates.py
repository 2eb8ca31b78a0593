"""Near duplicates: which texts nearly repeat an earlier one. Found by MinHash, decided by counting.

Texts are compared as sets of three words in a row (numbers and operators are words: "4 + 16" is not "4 + 17"). MinHash
signatures (rensa) put texts that share much into the same bucket in at least one of 16 bands with a probability of
0.95 at a similarity of 0.8 and above 0.99 from 0.85 (Leskovec et al., Mining of Massive Datasets, section 3.4: 1 -
(1 - s^8)^16). Within a bucket a text is compared with the first and with the one before it, so that work stays linear
however many texts share a template; what is reported is the exact similarity, not the estimate.
"""

import re
from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

THRESHOLD = 0.8
MIN_SHINGLES = 8  # "12 - 4 = 8. The answer is 8" is what any two questions with these numbers come to
_BANDS, _ROWS, _SEED = 16, 8, 42
_CHUNK = 2_000
_CACHE = 4_096
# Words of letters, numbers, one ideograph, one operator. Punctuation and layout make no other text.
_ALONE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_ALONE}]|[^\W\d_{_ALONE}]+|\d+(?:[.,]\d+)*|[-+*/=<>^%]")


@dataclass(frozen=True, slots=True)
class Repeat:
    """`of` is the place of the earlier text, `similarity` the share of three-word sequences in common (Jaccard)."""

    of: int
    similarity: float


def shingles(text: str) -> set[str]:
    """The sequences of three words of `text`; all its words as one where it has fewer than three."""
    words = _WORD.findall(text.lower())
    if len(words) < 3:
        return {" ".join(words)} if words else set()
    return set(map(" ".join, zip(words, words[1:], words[2:], strict=False)))


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of the shingles of two texts, 0 to 1; 0 where either has none."""
    return _jaccard(shingles(a), shingles(b))


def near_duplicates(
    texts: Sequence[str],
    groups: Sequence[Hashable] | None = None,
    *,
    threshold: float = THRESHOLD,
    min_shingles: int = MIN_SHINGLES,
) -> list[Repeat | None]:
    """For each text the earlier text it nearly repeats (similarity >= `threshold`), or None for one to keep.

    Only texts of the same group are compared (None: all with all). The earlier text is one that is kept itself, so
    dropping what has a Repeat leaves one of every family. Texts of fewer than `min_shingles` sequences repeat nothing.
    The same input gives the same result. Memory: some 200 bytes a text beside the texts; time linear in their length.
    """
    buckets = _band_hashes(texts, min_shingles)
    partners = _candidates(buckets, groups, len(texts))
    cache: dict[int, set[str]] = {}
    found: list[Repeat | None] = [None] * len(texts)
    for i in sorted(partners):
        mine = shingles(texts[i])
        best: Repeat | None = None
        tried: set[int] = set()
        for j in sorted(partners[i]):
            root = found[j].of if found[j] else j  # type: ignore[union-attr]
            if root in tried:
                continue
            tried.add(root)
            if root not in cache:
                if len(cache) >= _CACHE:
                    cache.pop(next(iter(cache)))
                cache[root] = shingles(texts[root])
            share = _jaccard(mine, cache[root])
            if share >= threshold and (best is None or share > best.similarity):
                best = Repeat(root, share)
        found[i] = best
    return found


def _jaccard(a: set[str], b: set[str]) -> float:
    common = len(a & b)
    return common / (len(a) + len(b) - common) if common else 0.0


def _band_hashes(texts: Sequence[str], min_shingles: int) -> list["array[int]"]:
    """One array per band with a 64-bit hash for each text; 0 where the text is too short to be compared."""
    from rensa import RMinHash

    bands = [array("q", bytes(8 * len(texts))) for _ in range(_BANDS)]
    for start in range(0, len(texts), _CHUNK):
        chunk = [(i, shingles(texts[i])) for i in range(start, min(start + _CHUNK, len(texts)))]
        long = [(i, found) for i, found in chunk if len(found) >= max(1, min_shingles)]
        digests = RMinHash.digests_from_token_sets([list(found) for _, found in long], _BANDS * _ROWS, _SEED)
        for (i, _), digest in zip(long, digests, strict=True):
            for b in range(_BANDS):
                bands[b][i] = hash(tuple(digest[b * _ROWS : (b + 1) * _ROWS])) or 1
    return bands


def _candidates(bands: list["array[int]"], groups: Sequence[Hashable] | None, n: int) -> dict[int, set[int]]:
    """For each text that shares a bucket with an earlier one: the bucket's first text and the one before it."""
    partners: dict[int, set[int]] = {}
    for band in bands:
        first: dict[Hashable, int] = {}
        before: dict[Hashable, int] = {}
        for i in range(n):
            value = band[i]
            if not value:
                continue
            key: Hashable = value if groups is None else (groups[i], value)
            head = first.setdefault(key, i)
            if head != i:
                partners.setdefault(i, set()).update((head, before.get(key, head)))
                before[key] = i
    return partners
