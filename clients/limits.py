"""Limits of one account: requests and tokens per minute, how many calls may be open, and pauses the provider asks for.

All tasks that use an account share one Gate. Time is passed in, so that tests run in simulated time.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


MAX_PAUSE_S = 120.0


class Bucket:
    """A token bucket kept as one number, the time at which it will be full again (GCRA, ITU-T I.371).

    In any window of w seconds at most `rate * w + burst` is granted, for amounts up to `burst`; a larger amount waits
    until it would have been granted in parts. `burst` defaults to one second of rate.
    """

    def __init__(self, rate: float, clock: Clock, burst: float | None = None) -> None:
        if rate <= 0:
            raise ValueError(f"a rate of {rate} per second grants nothing")
        self.rate = rate
        self.burst = burst if burst is not None else rate
        self._clock = clock
        self._full_at = clock()

    def reserve(self, amount: float) -> float:
        """Take `amount` and return how many seconds to wait before using it. Amounts are granted in order of asking."""
        now = self._clock()
        start = max(self._full_at, now)
        self._full_at = start + amount / self.rate
        return max(0.0, self._full_at - now - self.burst / self.rate)

    def correct(self, amount: float) -> None:
        """Charge what an estimate missed, or give back (negative) what it took too much."""
        self._full_at = max(self._full_at + amount / self.rate, self._clock())


@dataclass(slots=True)
class Limits:
    """What an account allows. None: not limited, or not known."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int = 32


class Gate:
    """What a call passes before it starts: `async with gate.passing(tokens) as passed:`.

    The number of open calls adapts: it starts at `ramp_from` and doubles with every round of successes until the first
    sign of overload; from then on each round adds one, and each overload (429, 503) halves it, once per round
    (additive increase, multiplicative decrease). It never exceeds `limits.concurrency`. A Retry-After stops everybody.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        ramp_from: int = 8,
    ) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._sleep = sleep
        self.limits = limits
        per_second = 1 / 60
        self._requests = (
            Bucket(
                limits.requests_per_minute * per_second, self._clock, max(1.0, limits.requests_per_minute * per_second)
            )
            if limits.requests_per_minute
            else None
        )
        self._tokens = Bucket(limits.tokens_per_minute * per_second, self._clock) if limits.tokens_per_minute else None
        self.allowed = float(min(ramp_from, limits.concurrency))
        self.open = 0
        self._ramping = True
        self._resume_at = 0.0
        self._successes = 0
        self._cut_at_serial = 0
        self._serial = 0
        self._waiting: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    @property
    def counts_tokens(self) -> bool:
        """Whether there is a tokens-per-minute limit, so that a call's tokens matter."""
        return self._tokens is not None

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the account's limits from a response's headers (`x-ratelimit-limit-requests`, `-tokens`, a minute's),
        where none are configured, and wait for the reset of one that is used up (`x-ratelimit-remaining-*`)."""
        for what, attribute in (("requests", "_requests"), ("tokens", "_tokens")):
            limit = _number(headers.get(f"x-ratelimit-limit-{what}"))
            if limit and getattr(self, attribute) is None:
                burst = max(1.0, limit / 60)
                setattr(self, attribute, Bucket(limit / 60, self._clock, burst))
            if _number(headers.get(f"x-ratelimit-remaining-{what}")) == 0:
                reset = _duration(headers.get(f"x-ratelimit-reset-{what}"))
                self._resume_at = max(self._resume_at, self._clock() + min(reset, MAX_PAUSE_S))

    def passing(self, tokens: float) -> "Passing":
        """A call that will use about `tokens` tokens, prompt and completion together."""
        return Passing(self, tokens)

    async def enter(self, tokens: float) -> int:
        """Wait for a place, for both buckets and for the end of a pause; returns the call's serial number."""
        while self.open >= int(self.allowed):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.put_nowait(turn)
            await turn
        self.open += 1
        try:
            waits = [b.reserve(n) for b, n in ((self._requests, 1.0), (self._tokens, tokens)) if b is not None]
            wait = max([*waits, 0.0])
            if wait > 0:
                await self._sleep(wait)
            while (pause := self._resume_at - self._clock()) > 0:
                await self._sleep(pause)
        except BaseException:
            self.leave()
            raise
        self._serial += 1
        return self._serial

    def leave(self) -> None:
        """The call is over, however it ended: the next may come."""
        self.open -= 1
        while not self._waiting.empty() and self.open < int(self.allowed):
            turn = self._waiting.get_nowait()
            if not turn.done():
                turn.set_result(None)
                break

    def correct(self, tokens: float) -> None:
        """The call used so many tokens more (or fewer) than it was charged for."""
        if self._tokens is not None:
            self._tokens.correct(tokens)

    def succeeded(self) -> None:
        """A reply came: allow more calls."""
        self._successes += 1
        if self._successes >= int(self.allowed):
            self._successes = 0
            grown = self.allowed * 2 if self._ramping else self.allowed + 1
            self.allowed = min(float(self.limits.concurrency), grown)
            for _ in range(int(self.allowed) - self.open):
                if self._waiting.empty():
                    break
                turn = self._waiting.get_nowait()
                if not turn.done():
                    turn.set_result(None)

    def overloaded(self, serial: int, retry_after_s: float | None) -> None:
        """The provider said it is too much: halve, once for all calls that were open together; obey Retry-After."""
        self._ramping = False
        if retry_after_s:
            self._resume_at = max(self._resume_at, self._clock() + retry_after_s)
        if serial > self._cut_at_serial:
            self.allowed = max(1.0, self.allowed / 2)
            self._cut_at_serial = self._serial
            self._successes = 0


class Passing:
    """One call's way through the gate."""

    def __init__(self, gate: Gate, tokens: float) -> None:
        self.gate = gate
        self.tokens = tokens
        self.serial = 0

    async def __aenter__(self) -> Self:
        self.serial = await self.gate.enter(self.tokens)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.leave()

    def used(self, tokens: float | None) -> None:
        """The reply came and used `tokens` (None: unknown, the estimate stands)."""
        if tokens is not None:
            self.gate.correct(tokens - self.tokens)
        self.gate.succeeded()

    def overloaded(self, retry_after_s: float | None) -> None:
        """The provider turned the call away."""
        self.gate.overloaded(self.serial, retry_after_s)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _duration(text: str | None) -> float:
    """Seconds in "1.5", "12ms", "6m0s" or "1h2m3.5s"; 0 where it cannot be read."""
    if text is None:
        return 0.0
    if (plain := _number(text)) is not None:
        return max(0.0, plain)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    return sum(float(n) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[unit] for n, unit in parts)
