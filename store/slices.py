"""Slices of the keys' range: what is asked of a million rows is never sorted or joined at once.

Keys are hashes, so equal parts of their range are equal parts of the rows, and a query over one slice after the other
needs the memory of one.
"""

from collections.abc import Iterator

# Rows of one slice: what a query over keys and texts holds at a time, some 15 MB.
SLICE = 20_000
FIRST, AFTER_LAST = "", "~"  # no key is below the one, none above the other
_PREFIXES = 16**8


def key_slices(n_rows: int, size: int = SLICE) -> Iterator[tuple[str, str]]:
    """The slices [low, high) of the range of keys for `n_rows` rows, in order, of some `size` rows each."""
    n_slices = max(1, -(-n_rows // size))
    edges = [f"{i * _PREFIXES // n_slices:08x}" for i in range(1, n_slices)]
    return zip([FIRST, *edges], [*edges, AFTER_LAST], strict=True)
