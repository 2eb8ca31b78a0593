"""What a harvest has done so far, for its bar, its result and its flusher."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What a harvest has done so far. `n_cached` were in the store before it began."""

    n_wanted: int
    n_cached: int
    n_done: int = 0
    n_failed: int = 0
    n_retried: int = 0
    n_unusable: int = 0
    usd: float = 0.0
    unpriced: int = 0
    store_busy: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def n_left(self) -> int:
        return self.n_wanted - self.n_cached - self.n_done

    @property
    def rate(self) -> float:
        """Replies per second so far."""
        return self.n_done / max(1e-9, time.monotonic() - self.started)
