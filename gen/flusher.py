"""The flusher of a harvest: closed segments go into the store, and are judged there, while calls go on."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from ..errors import StoreError
from ..store.ingest import ingest
from ..store.judge import judge
from ..store.spool import SpoolWriter
from ..store.store import Store, StoreLocked
from .tally import Tally

FLUSH_ROWS = 2_000
FLUSH_EVERY_S = 2.0
SWITCH_S = 0.0005
# Judging goes on beside the harvest, in the time that waiting leaves, and at most a third of it.
JUDGE_EVERY_S = 3.0
JUDGE_REST = 2.0


async def flush_until(
    over: asyncio.Event, store: Store, spool: SpoolWriter, tally: Tally, on_trouble: Callable[[StoreError], None]
) -> None:
    """Flush and judge now and then. It ends between two flushes, never in one: two threads at the store would turn
    each other away. A store that cannot be written (a full disk) is told to `on_trouble` and ends it."""
    flushed, last = 0, time.monotonic()
    judged, rest = last, JUDGE_EVERY_S
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 0.2)
        if spool.rows - flushed < FLUSH_ROWS and time.monotonic() - last < FLUSH_EVERY_S:
            continue
        spool.rotate()
        flushed, last = spool.rows, time.monotonic()
        try:
            await asyncio.to_thread(flush, store, tally)
        except StoreError as error:
            on_trouble(error)
            return
        started = time.monotonic()
        if started - judged > rest and not tally.store_busy:
            await asyncio.to_thread(_judge, store)
            judged = time.monotonic()
            rest = max(JUDGE_EVERY_S, JUDGE_REST * (judged - started))


def flush(store: Store, tally: Tally) -> None:
    """Move what is closed into the store; when somebody holds the store open, leave it in the spool for later."""
    try:
        ingest(Store(store.path, patience_s=1.0, threads=1), store.spool_dir)
        tally.store_busy = False
    except StoreLocked:
        tally.store_busy = True


def _judge(store: Store) -> None:
    """Parse and grade what has come, while the teacher writes the rest; when the store is busy, another time."""
    with contextlib.suppress(StoreError):
        judge(Store(store.path, patience_s=1.0, threads=1))


@contextlib.contextmanager
def quick_switches() -> Iterator[None]:
    """While the block runs, a thread that computes gives way to one that waits after 0.5 ms instead of 5.

    Every read and write of a socket lets go of the interpreter, and has to wait for the flusher's thread then.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
