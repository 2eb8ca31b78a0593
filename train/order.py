"""The order in which a training sees its rows: a function of seed and epoch alone.

An epoch's order must not depend on what else drew random numbers, or a training that goes on from a checkpoint would
see other batches than one that was never stopped.
"""

import random
from collections.abc import Iterator, Sequence

_POOL_BATCHES = 50  # rows of like length are sought among so many batches


class EpochOrder:
    """A sampler for a data loader: all row numbers once per epoch, shuffled.

    With `lengths` (tokens per row), batches of `batch` rows of like length are formed within pools of 50 batches, which
    saves padding; the batch with the longest row comes first, so that memory that does not suffice shows at once, and
    an incomplete batch comes last.
    """

    def __init__(self, n: int, *, seed: int, batch: int, lengths: Sequence[int] | None = None) -> None:
        self.n, self.seed, self.batch, self.lengths = n, seed, batch, lengths
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self.seed}:{self.epoch}")
        rows = list(range(self.n))
        rng.shuffle(rows)
        lengths = self.lengths
        if lengths is None:
            return iter(rows)
        pool = self.batch * _POOL_BATCHES
        pools = [sorted(rows[i : i + pool], key=lengths.__getitem__, reverse=True) for i in range(0, self.n, pool)]
        batches = [p[i : i + self.batch] for p in pools for i in range(0, len(p), self.batch)]
        last = batches.pop() if batches and len(batches[-1]) < self.batch else []
        rng.shuffle(batches)
        if batches:
            longest = max(range(len(batches)), key=lambda i: lengths[batches[i][0]])
            batches.insert(0, batches.pop(longest))
        return iter([row for one in [*batches, last] for row in one])
