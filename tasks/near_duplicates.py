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
    signatures: Sequence[bytes | None] | None = None,
) -> list[Repeat | None]:
    """For each text the earlier text it nearly repeats (similarity >= `threshold`), or None for one to keep.

    Only texts of the same group are compared (None: all with all). The earlier text is one that is kept itself, so
    dropping what has a Repeat leaves one of every family. Texts of fewer than `min_shingles` sequences repeat nothing.
    The same input gives the same result. `signatures` spares computing them again (signatures_of). Memory: some 400
    bytes a text beside the texts; time linear in their length.
    """
    signed = signatures_of(texts, min_shingles) if signatures is None else signatures
    partners = _candidates(signed, groups)
    cache: dict[int, set[str]] = {}
    found: list[Repeat | None] = [None] * len(texts)
    for i in sorted(partners):
        mine = shingles(texts[i])
        best: Repeat | None = None
        tried: set[int] = set()
        for j in sorted(partners[i]):
            earlier = found[j]
            root = earlier.of if earlier else j
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


def signatures_of(texts: Sequence[str], min_shingles: int = MIN_SHINGLES) -> list[bytes | None]:
    """What texts are found by: 16 hashes of 8 bytes, one for each band; None for a text too short to be compared."""
    from rensa import RMinHash

    signed: list[bytes | None] = []
    for start in range(0, len(texts), _CHUNK):
        sets = [list(shingles(text)) for text in texts[start : start + _CHUNK]]
        long = [found for found in sets if len(found) >= max(1, min_shingles)]
        digests = iter(RMinHash.digests_from_token_sets(long, _BANDS * _ROWS, _SEED))
        for found in sets:
            if len(found) < max(1, min_shingles):
                signed.append(None)
                continue
            digest = next(digests)
            bands = (hash(tuple(digest[at : at + _ROWS])) for at in range(0, _BANDS * _ROWS, _ROWS))
            signed.append(array("q", bands).tobytes())
    return signed


def _jaccard(a: set[str], b: set[str]) -> float:
    common = len(a & b)
    return common / (len(a) + len(b) - common) if common else 0.0


def _candidates(signed: Sequence[bytes | None], groups: Sequence[Hashable] | None) -> dict[int, set[int]]:
    """For each text that shares a bucket with an earlier one: the bucket's first text and the one before it."""
    partners: dict[int, set[int]] = {}
    for at in range(0, 8 * _BANDS, 8):
        first: dict[Hashable, int] = {}
        before: dict[Hashable, int] = {}
        for i, signature in enumerate(signed):
            if signature is None:
                continue
            value = signature[at : at + 8]
            key: Hashable = value if groups is None else (groups[i], value)
            head = first.setdefault(key, i)
            if head != i:
                partners.setdefault(i, set()).update((head, before.get(key, head)))
                before[key] = i
    return partners
