"""The harvest: ask a teacher everything a plan is missing, with bounded concurrency, into the spool.

A reply is received when its line is in the spool; a flusher moves closed segments into the store while calls go on.
Killing the process repeats at most the calls that were open, and loses nothing received.
"""

import asyncio
import contextlib
import random
import signal
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

import tenacity

from ..clients.base import Client
from ..clients.budget import Budget, Cost, cost_of, most
from ..clients.limits import Gate, Limits
from ..clients.retry import TRANSIENT, policy
from ..errors import BadRequest, BudgetReached, ConfigError, Error, RateLimited, StoreError, TeacherError, Unavailable
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store
from ..tasks.realised import count_tokens
from ..tasks.values import Completion, Sampling, Usage
from .flusher import flush, flush_until, quick_switches
from .plan import Call
from .rows import Asked, attempt_row, reply_row, reply_status, seeded
from .tally import Tally
from .teachers import Teacher

# So many questions in a row that failed after all their retries, and none that worked: nobody is there.
GIVE_UP_AFTER = 20
# What a completion is expected to take of a tokens-per-minute limit before the first ones have come.
FIRST_GUESS_TOKENS = 200.0
# The most a completion is reserved at where no --max-tokens was given.
DEFAULT_MAX_TOKENS = 4096


async def harvest(
    store: Store,
    client: Client,
    teacher: Teacher,
    calls: Iterable[Call],
    sampling: Sampling,
    tally: Tally,
    *,
    concurrency: int = 32,
    attempts: int = 6,
    limits: Limits | None = None,
    budget: Budget | None = None,
    gate: Gate | None = None,
    on_progress: Callable[[Tally], None] = lambda tally: None,
    on_drain: Callable[[int], None] = lambda n_open: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Tally:
    """Make every call, `concurrency` at a time. Returns the tally; a bad item is a row with a status.

    ConfigError: no call can succeed (key, rights, model, credit). TeacherError: nobody answers at the teacher's
    address. BudgetReached: the next call might exceed the cap. In these three cases calls that were open were waited
    for: they are paid for. StoreError: the spool cannot be written. In every case what was received is in the spool.

    Ctrl-C once drains: nothing new is asked, `on_drain` is told how many calls are open, and these are waited for.
    Twice: KeyboardInterrupt at once; the calls cut off are attempts that may have been billed.
    """
    gate = gate or Gate(limits or Limits(concurrency=concurrency), sleep=sleep)
    retrying = policy(attempts=attempts, sleep=sleep, jitter=random.Random())
    queue = iter(calls)
    with SpoolWriter(store.spool_dir, "harvest") as spool:
        work = _Harvest(teacher, sampling, tally, retrying, gate, budget or Budget(None), spool, on_progress)
        work.on_drain = on_drain
        with _drain_on_interrupt(work), quick_switches():
            try:
                async with asyncio.TaskGroup() as group:
                    over = asyncio.Event()
                    group.create_task(flush_until(over, store, spool, tally, work.stop))
                    work.askers = {group.create_task(work.ask_all(client, queue)) for _ in range(max(1, concurrency))}
                    await asyncio.wait(work.askers)
                    over.set()
            except asyncio.CancelledError:
                if work.cut:
                    raise KeyboardInterrupt from None
                raise
            except BaseExceptionGroup as group_of:
                # A raise inside `except*` would be wrapped in a group again: the one error is taken out by hand.
                ours, others = group_of.split(Error)
                if ours is None or others is not None:
                    raise
                raise _first(ours) from group_of
    if not isinstance(work.stopped, StoreError):
        await asyncio.to_thread(flush, store, tally)
    on_progress(tally)
    if work.stopped is not None:
        raise work.stopped
    return tally


class _Harvest:
    """The state that all askers of one harvest share."""

    def __init__(
        self,
        teacher: Teacher,
        sampling: Sampling,
        tally: Tally,
        retrying: tenacity.AsyncRetrying,
        gate: Gate,
        budget: Budget,
        spool: SpoolWriter,
        on_progress: Callable[[Tally], None],
    ) -> None:
        self.teacher = teacher
        self.price = teacher.price
        self.free = teacher.provider == "builtin"
        self.sampling = sampling
        self.tally = tally
        self.retrying = retrying
        self.gate = gate
        self.budget = budget
        self.spool = spool
        self.on_progress = on_progress
        self.askers: set[asyncio.Task[None]] = set()
        self.at_teacher: set[asyncio.Task[None] | None] = set()
        self.on_drain: Callable[[int], None] = lambda n_open: None
        self.draining = False
        self.cut = False
        self.stopped: Error | None = None
        self.failed_in_a_row = 0
        self.mean_completion = FIRST_GUESS_TOKENS
        self.harvest_id = uuid.uuid4().hex[:20]
        self.n_attempts = 0

    async def ask_all(self, client: Client, queue: Iterator[Call]) -> None:
        for call in queue:
            if self.draining:
                return
            try:
                await self.ask(client, call)
            except BudgetReached as error:
                self.stopped, self.draining = self.stopped or error, True
                return
            except (ConfigError, TeacherError) as error:
                self.stop(error)
                return
            except asyncio.CancelledError:
                if self.draining and not self.cut:
                    return
                raise
            self.on_progress(self.tally)

    def stop(self, error: Error) -> None:
        """Nothing more can be had or brought home: drain, and tell why at the end."""
        self.stopped = self.stopped or error
        if not self.draining:
            self.drain()

    def drain(self) -> None:
        """Ask nothing new: who waits for a place, a limit or another attempt goes; calls that are open stay."""
        self.draining = True
        for asker in self.askers - self.at_teacher - {asyncio.current_task()}:
            asker.cancel()
        self.on_drain(len(self.at_teacher))

    async def ask(self, client: Client, call: Call) -> None:
        """One reply: retried while the error is transient; received, or counted as failed and left for next time."""
        sampling = seeded(self.sampling, call.sample_index)
        try:
            await self._attempt_until_done(client, call, sampling)
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

    async def _attempt_until_done(self, client: Client, call: Call, sampling: Sampling) -> None:
        """Attempt by the retry policy. It is only asked when the first attempt failed: it costs as much as a call."""
        failed: TeacherError | None = None
        try:
            await self._attempt(client, call, sampling)
        except TRANSIENT as error:
            failed = error
        else:
            return
        if self.draining:
            raise failed
        async for attempt in self.retrying.copy():
            with attempt:
                if failed is not None:
                    first, failed = failed, None
                    raise first
                await self._attempt(client, call, sampling)

    async def _attempt(self, client: Client, call: Call, sampling: Sampling) -> None:
        asked = Asked(self._attempt_key(), call.reply_key, call.question_key, call.sample_index, call.redo)
        reserved = 0.0
        if self.price is not None and not self.free:
            reserved = most(self.price, call.messages, sampling.max_tokens or DEFAULT_MAX_TOKENS)
        await self.budget.reserve(reserved)
        usd: float | None = 0.0
        try:
            async with self.gate.passing(self._expected_tokens(call)) as passed:
                started = utc_now()
                if self.budget.cap is not None:
                    self.spool.append("reservation", self._reservation(asked, reserved))
                usd = None  # from here on it may be billed
                try:
                    completion = await self._complete(client, call, sampling)
                except asyncio.CancelledError:
                    cut = Unavailable("cut off: the harvest was stopped")
                    self.spool.append("attempt", self._entry(asked, started, cut, self._cost(reserved)))
                    raise
                except ConfigError as error:  # turned away, as every other call would be
                    usd = 0.0
                    self.spool.append("attempt", self._turned_away(asked, started, error))
                    raise
                except BadRequest as error:
                    cost = self._cost(reserved, error=error)
                    usd = cost.usd
                    self._receive(asked, sampling, self._entry(asked, started, error, cost), None)
                except TeacherError as error:
                    if isinstance(error, RateLimited) or error.http_status == 503:
                        passed.overloaded(error.retry_after_s)
                    cost = self._cost(reserved, error=error)
                    usd = cost.usd
                    self.tally.n_retried += 1
                    self.spool.append("attempt", self._entry(asked, started, error, cost))
                    raise
                else:
                    cost = self._cost(reserved, completion.usage)
                    usd = cost.usd
                    self._receive(asked, sampling, self._entry(asked, started, completion, cost), completion)
                    used = completion.usage
                    if used.prompt_tokens is not None and used.completion_tokens is not None:
                        passed.used(used.prompt_tokens + used.completion_tokens)
                        self.mean_completion += 0.05 * (used.completion_tokens - self.mean_completion)
                    else:
                        passed.used(None)
        finally:
            await self.budget.settle(reserved, usd)

    async def _complete(self, client: Client, call: Call, sampling: Sampling) -> Completion:
        task = asyncio.current_task()
        self.at_teacher.add(task)
        try:
            return await client.complete(call.messages, sampling)
        finally:
            self.at_teacher.discard(task)

    def _attempt_key(self) -> str:
        """A name that no other attempt of any harvest has: 80 random bits of this harvest, and a counter."""
        self.n_attempts += 1
        return f"{self.harvest_id}{self.n_attempts:012x}"

    def _expected_tokens(self, call: Call) -> float:
        """What the call will take of a tokens-per-minute limit; only counted where there is one."""
        if not self.gate.counts_tokens:
            return 0.0
        return sum(count_tokens(m.content) for m in call.messages) + self.mean_completion

    def _cost(self, reserved: float, usage: Usage | None = None, error: TeacherError | None = None) -> Cost:
        return cost_of(self.price, reserved, free=self.free, usage=usage, error=error)

    def _receive(self, asked: Asked, sampling: Sampling, entry: Mapping[str, Any], got: Completion | None) -> None:
        status = entry["status"]
        reply = reply_row(asked, self.teacher, status, sampling, entry["finished_at"], got)
        self.spool.append_all([("reply", reply), ("attempt", entry)])
        self.tally.n_done += 1
        self.tally.n_unusable += status != "ok"

    def _entry(self, asked: Asked, started: str, came: Completion | TeacherError, cost: Cost) -> dict[str, Any]:
        """The attempt's row, counted in the tally."""
        if cost.usd is None:
            self.tally.unpriced += 1
        else:
            self.tally.usd += cost.usd
        if isinstance(came, TeacherError):
            code, said = came.http_status, str(came)
            return attempt_row(asked, self.teacher, came.status, started, cost, http_status=code, error=said)
        return attempt_row(asked, self.teacher, reply_status(came), started, cost, http_status=200, got=came)

    def _turned_away(self, asked: Asked, started: str, error: ConfigError) -> dict[str, Any]:
        return attempt_row(asked, self.teacher, "failed", started, Cost(0.0, "free"), error=str(error))

    def _reservation(self, asked: Asked, usd: float) -> dict[str, Any]:
        return {
            "attempt_key": asked.attempt_key,
            "reply_key": asked.reply_key,
            "teacher": self.teacher.name,
            "usd": usd,
            "reserved_at": utc_now(),
        }


@contextlib.contextmanager
def _drain_on_interrupt(work: _Harvest) -> Iterator[None]:
    """First Ctrl-C: ask nothing new, wait for what is open. Second: stop at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if not work.draining:
            work.drain()
        elif task is not None:
            work.cut = True
            task.cancel()

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
