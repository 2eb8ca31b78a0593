"""The bar of a harvest: what a person likes to know while watching it for an hour."""

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..store.status import duration
from .common import Bar, usd

if TYPE_CHECKING:
    from ..gen.tally import Tally

WINDOW_S = 60.0
REDRAW_S = 0.1


class Pace:
    """Replies a second over the last minute (from the start, while it is younger), and how long the rest takes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def saw(self, n_done: int) -> float:
        """So many are done by now; returns replies a second."""
        now = self._clock()
        self._seen.append((now, n_done))
        while len(self._seen) > 2 and self._seen[1][0] < now - WINDOW_S:
            self._seen.popleft()
        first, n_first = self._seen[0]
        return (n_done - n_first) / max(1e-9, now - first)


class Ahead:
    """How long a set of jobs still takes, from what all of them have done since the first sign of life of each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._first: dict[int, float] = {}
        self._share: dict[int, float] = {}

    def saw(self, job: int, share: float) -> None:
        """That share of a job is done; what was done before it was seen first (a resumed run) is no measure of
        speed."""
        self._first.setdefault(job, 0.0 if share == 1.0 else share)
        self._share[job] = share

    @property
    def done(self) -> float:
        """Jobs done, in parts."""
        return sum(self._share.values())

    def left_s(self, n_jobs: int) -> float | None:
        """Seconds to the end of all; None: nothing to tell it from yet."""
        made = sum(share - self._first[job] for job, share in self._share.items())
        elapsed = self._clock() - self._started
        return (n_jobs - self.done) * elapsed / made if made > 0 else None


class HarvestBar(Bar):
    """Dollars, rate and time left, then what else there is to say; drawn at most ten times a second."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self._pace = Pace()
        self._drawn = 0.0

    def show(self, now: "Tally") -> None:
        """The harvest's state; may be called for every reply."""
        if now.n_left > 0 and time.monotonic() - self._drawn < REDRAW_S:
            return
        self._drawn = time.monotonic()
        self.update(now.n_cached + now.n_done, now.n_wanted, words_of(now, self._pace.saw(now.n_done)))

    def _columns(self) -> list[Any]:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.table import Column

        text = TextColumn("{task.fields[text]}", table_column=Column(no_wrap=False))  # a narrow terminal: two lines
        return [TextColumn(self.label), BarColumn(bar_width=12), MofNCompleteColumn(), text]


def words_of(now: "Tally", rate: float) -> str:
    """`8 min to go, 48/s, $1.23, 1,896 left, 1,200 cached, 12 failed`; what is zero at the end is left out."""
    said = []
    if now.n_left > 0:
        said.append(f"{duration(now.n_left / rate)} to go" if rate > 0 else "no reply yet")
    said.append(f"{rate:,.0f}/s" if rate >= 10 else f"{60 * rate:,.0f}/min")
    said.append(usd(now.usd if now.usd or not now.unpriced else None))
    said += [f"{now.n_left:,} left", f"{now.n_cached:,} cached", f"{now.n_failed:,} failed"]
    if now.n_unusable:
        said.append(f"{now.n_unusable:,} unusable")
    return ", ".join(said) + (" (store busy)" if now.store_busy else "")
