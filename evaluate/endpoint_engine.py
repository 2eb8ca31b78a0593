"""The engine `endpoint`: any server that speaks OpenAI's protocol (or a teacher's own), asked through clients/.

The server renders its chat template and has its own sampling; what is sent are messages. Answers are received as they
come. A transient failure is asked again by the one retry policy, and by the next `evaluate` where that does not help; a
prompt that the server rejects is an answer with a status, not a gap and not a silent zero.
"""

import asyncio
import json
import os
import queue
import random
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from ..clients.base import Client
from ..clients.budget import Budget, Cost, cost_of, most
from ..clients.gemini import GeminiAdapter
from ..clients.limits import Gate, Limits
from ..clients.openai_chat import ChatAdapter
from ..clients.openai_responses import ResponsesAdapter
from ..clients.pool import PoolClient
from ..clients.prices import Price
from ..clients.retry import TRANSIENT, policy
from ..clients.traits import Traits
from ..clients.wire import WireClient
from ..errors import (
    BadRequest,
    BudgetReached,
    ConfigError,
    Error,
    EvaluationError,
    RateLimited,
    TeacherError,
    Unavailable,
)
from ..store.spool import utc_now
from ..tasks.values import Completion, Message, Sampling
from .decoding import Decoder
from .engine import Asked, Generated
from .models import Endpoint

NAME = "endpoint"
DTYPE = "served"
ATTEMPTS = 6
GIVE_UP_AFTER = 20  # questions in a row that failed after all their attempts

Spend = Callable[[str, int, Mapping[str, Any]], None]


class EndpointEngine:
    """One served model. `spend(table, index of what was asked, row without its reply)` is told what every call that may
    be billed can cost at most before it is made (a reservation), and what it did cost after it (an attempt)."""

    name, dtype = NAME, DTYPE

    def __init__(self, endpoint: Endpoint, spend: Spend | None = None) -> None:
        """ConfigError: its key is not in the environment, or it has no address."""
        self.endpoint, self.spend = endpoint, spend
        self.version = f"{endpoint.provider} {endpoint.api}"
        self.clients = [
            WireClient(_adapter(endpoint, url), deadline_s=endpoint.deadline_s) for url in endpoint.base_urls
        ]
        if not self.clients:
            raise ConfigError(f"model {endpoint.model} has no address. Next: --endpoint URL")
        self.price: Price | None = None
        if endpoint.usd_input is not None and endpoint.usd_output is not None:
            self.price = Price(endpoint.usd_input, endpoint.usd_output, date.today())
        self.budget = Budget(endpoint.max_usd, endpoint.spent_usd)

    @property
    def settings(self) -> Mapping[str, Any]:
        """How many calls are open at once, and where; never a key."""
        return {"concurrency": self.endpoint.concurrency, "base_urls": list(self.endpoint.base_urls)}

    def render(self, question_text: str, exemplars: Sequence[tuple[str, str]] = ()) -> str:
        """The messages as JSON: exemplars are earlier exchanges, the server's template does the rest."""
        turns = [turn for q, a in exemplars for turn in (("user", q.strip()), ("assistant", a.strip()))]
        said = [{"role": role, "content": text} for role, text in [*turns, ("user", question_text.strip())]]
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"))

    def answer(self, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
        """Ask everything, `concurrency` at a time. EvaluationError, after everything else was answered: some questions
        were not; or at once: nobody is there. ConfigError: no call can succeed."""
        inbox: queue.SimpleQueue[Generated | BaseException | None] = queue.SimpleQueue()
        thread = threading.Thread(target=self._work, args=(asked, inbox.put), daemon=True, name="endpoint")
        thread.start()
        while (got := inbox.get()) is not None:
            if isinstance(got, BaseException):
                raise got
            yield [got]
        thread.join()

    def _work(self, asked: Sequence[Asked], put: Callable[[Generated | BaseException | None], None]) -> None:
        try:
            asyncio.run(self._ask_all(asked, put))
        except BaseException as error:
            put(error)
        else:
            put(None)

    async def _ask_all(self, asked: Sequence[Asked], put: Callable[[Generated | BaseException | None], None]) -> None:
        gate = Gate(Limits(concurrency=self.endpoint.concurrency))
        waiting = iter(range(len(asked)))
        failed: list[TeacherError] = []
        ends: list[Error] = []  # nothing new is asked then; what is open is waited for, because it is paid for
        in_a_row = 0

        async def work(client: Client) -> None:
            nonlocal in_a_row
            for index in waiting:
                if ends:
                    return
                try:
                    put(await self._ask(client, gate, index, asked[index]))
                    in_a_row = 0
                except TRANSIENT as error:
                    failed.append(error)
                    in_a_row += 1
                    if in_a_row >= GIVE_UP_AFTER:
                        ends.append(
                            EvaluationError(
                                f"{self.endpoint.model} at {client.base_url} has not answered {in_a_row} questions in "
                                f"a row; the last error: {error}. Next: check the address, then the same command again"
                            )
                        )
                except (BudgetReached, ConfigError) as error:
                    ends.append(error)

        async with self.clients[0] if len(self.clients) == 1 else PoolClient(self.clients) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.endpoint.concurrency):
                        group.create_task(work(client))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from errors
        if ends:
            raise ends[0]
        if failed:
            raise EvaluationError(
                f"{len(failed)} of {len(asked)} questions were not answered; the last error: {failed[-1]}. "
                f"Next: the same command again"
            )

    async def _ask(self, client: Client, gate: Gate, index: int, one: Asked) -> Generated:
        messages = [Message(turn["role"], turn["content"]) for turn in json.loads(one.prompt)]
        sampling = _sampling(one.decoder, one)
        async for attempt in policy(attempts=ATTEMPTS, sleep=asyncio.sleep, jitter=random.Random()):
            with attempt:
                async with gate.passing(0.0) as passed, self._paid(index, messages, sampling) as bill:
                    try:
                        got = await client.complete(messages, sampling)
                    except ConfigError as error:
                        bill.turned_away(error)
                        raise
                    except BadRequest as error:
                        bill.ended(error, None)
                        return Generated(index, "", None, None, "bad_request")
                    except TeacherError as error:
                        if isinstance(error, RateLimited) or error.http_status == 503:
                            passed.overloaded(error.retry_after_s)
                        bill.ended(error, None)
                        raise
                    passed.used(None)
                    bill.ended(None, got)
                    text, stopped = one.decoder.cut(got.text)
                    usage, reason = got.usage, "stop" if stopped else got.finish_reason or "stop"
                    return Generated(index, text, usage.prompt_tokens, usage.completion_tokens, reason)
        raise AssertionError("the retry policy returns or raises")

    @asynccontextmanager
    async def _paid(self, index: int, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator["_Bill"]:
        """Reserve the most a call can cost, and settle what it did cost. BudgetReached: the cap does not allow it."""
        reserved = most(self.price, messages, sampling.max_tokens or 0) if self.price is not None else 0.0
        await self.budget.reserve(reserved)
        bill = _Bill(self.endpoint, self.price, reserved)
        told = self.spend if self.endpoint.record_as is not None else None
        if told is not None and self.budget.cap is not None:
            told("reservation", index, bill.reservation())
        try:
            yield bill
        finally:
            await self.budget.settle(reserved, bill.cost.usd)
            if told is not None:
                told("attempt", index, bill.attempt())


class _Bill:
    """One call and what it cost. Until it has ended it counts as cut off, for it may be billed."""

    def __init__(self, endpoint: Endpoint, price: Price | None, reserved: float) -> None:
        self.endpoint, self.price, self.reserved = endpoint, price, reserved
        self.key, self.started = uuid.uuid4().hex, utc_now()
        self.ended(Unavailable("cut off: the evaluation was stopped"), None)

    def ended(self, error: TeacherError | None, got: Completion | None) -> None:
        """With an answer, or with an error."""
        self.error, self.got = error, got
        usage = got.usage if got is not None else None
        self.cost = cost_of(self.price, self.reserved, free=self.endpoint.free, usage=usage, error=error)

    def turned_away(self, error: ConfigError) -> None:
        """For a reason that is every call's: key, rights, model, credit."""
        self.error, self.got, self.cost = TeacherError(str(error)), None, Cost(0.0, "free")

    def reservation(self) -> dict[str, Any]:
        """The row of the table `reservation`, without the reply."""
        return {
            "attempt_key": self.key,
            "teacher": self.endpoint.record_as,
            "usd": self.reserved,
            "reserved_at": self.started,
        }

    def attempt(self) -> dict[str, Any]:
        """The row of the table `attempt`, without the reply."""
        usage = self.got.usage if self.got is not None else None
        counted = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens")
        return {
            "attempt_key": self.key,
            "teacher": self.endpoint.record_as,
            "provider": self.endpoint.provider,
            "model": (self.got.served_model if self.got else None) or self.endpoint.model,
            "started_at": self.started,
            "finished_at": utc_now(),
            "status": self.error.status if self.error is not None else "ok",
            "http_status": self.error.http_status if self.error is not None else 200,
            "usd": self.cost.usd,
            "usd_basis": self.cost.basis,
            "error": None if self.error is None else str(self.error),
        } | {name: getattr(usage, name, None) for name in counted}


def _adapter(endpoint: Endpoint, url: str) -> ChatAdapter | ResponsesAdapter | GeminiAdapter:
    key = "none"
    if endpoint.key_env is not None:
        key = os.environ.get(endpoint.key_env, "").strip()
        if not key:
            raise ConfigError(
                f"model {endpoint.model} needs a key in the environment variable {endpoint.key_env}, which is not set. "
                f"Next: export {endpoint.key_env}=..."
            )
    traits = Traits(refuses=frozenset(endpoint.refuses))
    if endpoint.provider == "gemini":
        return GeminiAdapter(url, key, endpoint.model, traits=traits)
    if endpoint.api == "responses":
        return ResponsesAdapter(url, key, endpoint.model, traits=traits)
    return ChatAdapter(url, key, endpoint.model, official=endpoint.provider == "openai", traits=traits)


def _sampling(decoder: Decoder, one: Asked) -> Sampling:
    """What the server is told. Seeds are 31 bits there. ConfigError: a decoder that no server has a common word for."""
    if decoder.mode == "beam":
        raise ConfigError("an endpoint has no common word for beam search. Next: --decode greedy, or sample")
    if decoder.mode == "served":
        return Sampling(max_tokens=decoder.max_new_tokens)
    if decoder.mode == "greedy":
        return Sampling(temperature=0.0, max_tokens=decoder.max_new_tokens)
    seed = decoder.seed_of(one.prompt, one.sample_index) >> 32
    return Sampling(decoder.temperature, decoder.top_p, seed, max_tokens=decoder.max_new_tokens)
