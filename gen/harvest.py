"""The harvest: ask a teacher everything a plan is missing, with bounded concurrency, into the spool.

A reply is received when its line is in the spool; a flusher moves closed segments into the store while calls go on.
Killing the process repeats at most the calls that were open, and loses nothing received.
"""

import asyncio
import contextlib
import random
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from ..clients.base import Client
from ..clients.retry import TRANSIENT, policy
from ..errors import BadRequest, Error, StoreError, TeacherError, Unavailable
from ..store.ingest import ingest
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store
from ..tasks.values import Completion, Sampling
from .plan import Call
from .teachers import Teacher

FLUSH_ROWS = 1_000
FLUSH_EVERY_S = 2.0
# So many questions in a row that failed after all their retries, and none that worked: nobody is there.
GIVE_UP_AFTER = 20


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


async def harvest(
    store: Store,
    client: Client,
    teacher: Teacher,
    calls: tuple[Call, ...],
    sampling: Sampling,
    tally: Tally,
    *,
    concurrency: int = 32,
    attempts: int = 6,
    on_progress: Callable[[Tally], None] = lambda tally: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Tally:
    """Make every call, `concurrency` at a time. Returns the tally; a bad item is a row with a status.

    ConfigError: no call can succeed (key, rights, model). TeacherError: nobody answers at the teacher's address.
    StoreError: the spool cannot be written. In every case what was received is in the spool.
    """
    work = _Harvest(
        teacher, sampling, tally, policy(attempts=attempts, sleep=sleep, jitter=random.Random()), on_progress
    )
    queue = iter(calls)
    with SpoolWriter(store.spool_dir, "harvest") as spool, _drain_on_interrupt(work):
        work.spool = spool
        try:
            async with asyncio.TaskGroup() as group:
                flusher = group.create_task(_flush_forever(store, spool, tally))
                askers = [group.create_task(work.ask_all(client, queue)) for _ in range(min(concurrency, len(calls)))]
                await asyncio.gather(*askers)
                flusher.cancel()
        except* Error as errors:
            raise _first(errors) from errors
    await asyncio.to_thread(_flush, store, tally)
    on_progress(tally)
    return tally


class _Harvest:
    """The state that all askers of one harvest share."""

    spool: SpoolWriter

    def __init__(
        self,
        teacher: Teacher,
        sampling: Sampling,
        tally: Tally,
        retrying: object,
        on_progress: Callable[[Tally], None],
    ) -> None:
        self.teacher = teacher
        self.sampling = sampling
        self.tally = tally
        self.retrying = retrying
        self.on_progress = on_progress
        self.draining = False
        self.failed_in_a_row = 0

    async def ask_all(self, client: Client, queue: Iterator[Call]) -> None:
        for call in queue:
            if self.draining:
                return
            await self.ask(client, call)
            self.on_progress(self.tally)

    async def ask(self, client: Client, call: Call) -> None:
        """One reply: retried while the error is transient; received, or counted as failed and left for next time."""
        sampling = self.sampling
        if sampling.seed is not None:
            sampling = replace(sampling, seed=sampling.seed + call.sample_index)
        try:
            async for attempt in self.retrying.copy():  # type: ignore[attr-defined]
                with attempt:
                    await self._attempt(client, call, sampling)
        except TRANSIENT as error:
            self.tally.n_failed += 1
            self.failed_in_a_row += 1
            if self.failed_in_a_row >= GIVE_UP_AFTER:
                raise TeacherError(
                    f"teacher {self.teacher.name} at {client.base_url} has not answered "
                    f"{self.failed_in_a_row} questions in a row; the last error: {error}. What was received is kept. "
                    f"Next: check the address, then the same command again"
                ) from error
        else:
            self.failed_in_a_row = 0

    async def _attempt(self, client: Client, call: Call, sampling: Sampling) -> None:
        started = utc_now()
        try:
            completion = await client.complete(call.messages, sampling)
        except BadRequest as error:
            self._receive(call, sampling, started, None, error)
        except TeacherError as error:
            self.tally.n_retried += 1
            self.spool.append("attempt", self._attempt_row(call, started, error.status, None, error))
            raise
        else:
            self._receive(call, sampling, started, completion, None)

    def _receive(
        self, call: Call, sampling: Sampling, started: str, got: Completion | None, error: BadRequest | None
    ) -> None:
        status = "bad_request" if got is None else reply_status(got)
        reply = {
            "reply_key": call.reply_key,
            "question_key": call.question_key,
            "teacher": self.teacher.name,
            "status": status,
            "text": got.text if got else "",
            "reasoning": got.reasoning if got else None,
            "finish_reason": got.finish_reason if got else None,
            "requested_model": self.teacher.model,
            "served_model": got.served_model if got else None,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "reasoning_effort": sampling.reasoning_effort,
            "max_tokens": sampling.max_tokens,
            "sample_index": call.sample_index,
            "redo": 0,
            "prompt_tokens": got.usage.prompt_tokens if got else None,
            "completion_tokens": got.usage.completion_tokens if got else None,
            "received_at": utc_now(),
        }
        self.spool.append_all([("reply", reply), ("attempt", self._attempt_row(call, started, status, got, error))])
        self.tally.n_done += 1
        self.tally.n_unusable += status != "ok"

    def _attempt_row(
        self, call: Call, started: str, status: str, got: Completion | None, error: TeacherError | None
    ) -> dict[str, object]:
        price = self.teacher.price
        usd = price.usd(got.usage) if price and got else None
        if self.teacher.provider == "builtin":
            usd, basis = 0.0, "free"
        elif got is None:
            # A request that was turned away with a status is not billed; one that was cut off may have been.
            usd, basis = (0.0, "free") if error is not None and error.http_status is not None else (None, "unknown")
        else:
            basis = "usage" if usd is not None else "unpriced" if price is None else "unknown"
        if usd is None:
            self.tally.unpriced += 1
        else:
            self.tally.usd += usd
        usage = got.usage if got else None
        return {
            "attempt_key": uuid.uuid4().hex,
            "reply_key": call.reply_key,
            "teacher": self.teacher.name,
            "provider": self.teacher.provider,
            "model": self.teacher.model,
            "started_at": started,
            "finished_at": utc_now(),
            "status": status,
            "http_status": 200 if got else (error.http_status if error else None),
            "prompt_tokens": usage.prompt_tokens if usage else None,
            "completion_tokens": usage.completion_tokens if usage else None,
            "reasoning_tokens": usage.reasoning_tokens if usage else None,
            "cached_tokens": usage.cached_tokens if usage else None,
            "usd": usd,
            "usd_basis": basis,
            "error": str(error)[:500] if error else None,
        }


def reply_status(completion: Completion) -> str:
    """ok, truncated, filtered, refused or empty, from the finish reason and the text."""
    match completion.finish_reason:
        case "length":
            return "truncated"
        case "content_filter":
            return "filtered"
        case "refusal":
            return "refused"
    return "ok" if completion.text.strip() else "empty"


async def _flush_forever(store: Store, spool: SpoolWriter, tally: Tally) -> None:
    flushed, last = 0, time.monotonic()
    while True:
        await asyncio.sleep(0.2)
        if spool.rows - flushed < FLUSH_ROWS and time.monotonic() - last < FLUSH_EVERY_S:
            continue
        spool.rotate()
        flushed, last = spool.rows, time.monotonic()
        await asyncio.to_thread(_flush, store, tally)


def _flush(store: Store, tally: Tally) -> None:
    """Move what is closed into the store; when somebody holds the store open, leave it in the spool for later."""
    try:
        ingest(Store(store.path, patience_s=1.0), store.spool_dir)
        tally.store_busy = False
    except StoreError:
        tally.store_busy = True


@contextlib.contextmanager
def _drain_on_interrupt(work: _Harvest) -> Iterator[None]:
    """First Ctrl-C: ask nothing new, wait for what is open. Second: stop at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if work.draining and task is not None:
            task.cancel()
        work.draining = True

    try:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread: no handler, the default stays
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _first(errors: BaseExceptionGroup[Error]) -> Error:
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    return Unavailable("no reason given")
