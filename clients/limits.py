"""Limits of one account: requests and tokens per minute, how many calls may be open, and pauses the provider asks for.

All tasks that use an account share one Gate. Clock and sleep are passed in, so that tests run in simulated time.
"""

import asyncio
import math
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

# The longest that a header may stop the account for; then one call asks again, which costs nothing.
MAX_PAUSE_S = 3600.0
# So many calls turned away with no reply in between are about the account, not about one call.
STOP_ALL_AFTER = 3
# A clock cannot tell shorter waits from none.
INSTANT_S = 1e-6


class Bucket:
    """A token bucket: `level` grows by `rate` a second up to `burst` (default: one second of rate).

    In any window of w seconds that ends with something taken, what was taken in it and every correction in it
    are together at most `rate * w + burst` (tests/property/test_limits.py). A single amount over `burst` is taken
    from a full bucket and leaves a debt; as the last of a window it stands for `burst`.
    """

    def __init__(self, rate: float, clock: Clock, burst: float | None = None) -> None:
        if not (rate > 0 and math.isfinite(rate)):
            raise ValueError(f"a rate of {rate} per second is no limit")
        self.rate = rate
        self.burst = burst if burst is not None else rate
        self._clock = clock
        self._level = self.burst
        self._at = clock()

    @property
    def level(self) -> float:
        """What can be taken now; negative: a debt."""
        now = self._clock()
        self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
        return self._level

    def ready_in(self, amount: float) -> float:
        """Seconds until `amount` may be taken; 0: now."""
        wait = (min(amount, self.burst) - self.level) / self.rate
        return wait if wait > INSTANT_S else 0.0

    def take(self, amount: float) -> None:
        """Take it, when `ready_in` says 0."""
        self._level = self.level - amount

    def correct(self, amount: float) -> None:
        """Charge what an estimate missed, or give back (negative) what it took too much."""
        self._level = min(self.burst, self.level - amount)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account allows. None: not limited, or not known. `burst_s`: what may come at once, in seconds of rate;
    of requests at least one."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int = 32
    burst_s: float = 1.0


class Gate:
    """What a call passes before it starts: `async with gate.passing(tokens) as passed:`.

    The number of calls that may be open, `allowed`, adapts (never above `limits.concurrency`). It starts at `ramp_from`
    and each reply adds one, so it doubles every round, until the first sign of overload (429, 503). From then on each
    reply adds 1/allowed, one a round, and each call turned away takes half a one: a round that is turned away whole is
    halved, and a rare 429 costs little. That is additive increase and multiplicative decrease in proportion to the
    share turned away (DCTCP, Alizadeh et al. 2010, with the cut of every mark taken when it comes); it settles a place
    or two above what the server takes.

    A call waits for its own Retry-After (clients/retry.py). When STOP_ALL_AFTER calls are turned away in a row it is
    the account that is over its limits, and everybody waits for it.
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
        self._requests = self._bucket(limits.requests_per_minute, at_least=1.0)
        self._tokens = self._bucket(limits.tokens_per_minute)
        self.allowed = float(min(ramp_from, limits.concurrency))
        self.open = 0
        self._ramping = True
        self._resume_at = -math.inf
        self._turned_away_in_a_row = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._turn = asyncio.Lock()

    def _bucket(self, per_minute: float | None, at_least: float = 0.0) -> Bucket | None:
        if not per_minute:
            return None
        return Bucket(per_minute / 60, self._clock, max(at_least, per_minute / 60 * self.limits.burst_s))

    @property
    def counts_tokens(self) -> bool:
        """Whether there is a tokens-per-minute limit, so that a call's tokens matter."""
        return self._tokens is not None

    @property
    def paused_s(self) -> float:
        """How long everybody still waits, because the provider said so."""
        return max(0.0, self._resume_at - self._clock())

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the account's limits from a response's headers (`x-ratelimit-limit-requests`, `-tokens`, a minute's),
        where none are configured, and wait for the reset of one that is used up (`x-ratelimit-remaining-*`)."""
        limit = _number(headers.get("x-ratelimit-limit-requests"))
        if limit and self.limits.requests_per_minute is None and _differs(self._requests, limit):
            self._requests = self._bucket(limit, at_least=1.0)
        limit = _number(headers.get("x-ratelimit-limit-tokens"))
        if limit and self.limits.tokens_per_minute is None and _differs(self._tokens, limit):
            self._tokens = self._bucket(limit)
        for what in ("requests", "tokens"):
            if _number(headers.get(f"x-ratelimit-remaining-{what}")) == 0:
                self._pause(_duration(headers.get(f"x-ratelimit-reset-{what}")))

    def passing(self, tokens: float) -> "Passing":
        """A call that will use about `tokens` tokens, prompt and completion together."""
        return Passing(self, tokens)

    async def enter(self, tokens: float) -> None:
        """Wait for a place, for both buckets and for the end of a pause. First come, first served."""
        if self._queue or self.open >= int(self.allowed):
            await self._wait_for_place()
        else:
            self.open += 1
        if self._turn.locked() or self._wait(tokens) > 0:
            try:
                # Only the first in line watches the buckets: what comes after a pause is no more than a burst.
                async with self._turn:
                    while (wait := self._wait(tokens)) > 0:
                        await self._sleep(wait)
                    self._take(tokens)
            except BaseException:
                self.leave()
                raise
        else:
            self._take(tokens)

    async def _wait_for_place(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was given its place just then
                self.leave()
            raise

    def _wait(self, tokens: float) -> float:
        pause = self._resume_at - self._clock()
        wait = pause if pause > INSTANT_S else 0.0
        if self._requests is not None:
            wait = max(wait, self._requests.ready_in(1.0))
        if self._tokens is not None:
            wait = max(wait, self._tokens.ready_in(tokens))
        return wait

    def _take(self, tokens: float) -> None:
        if self._requests is not None:
            self._requests.take(1.0)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def leave(self) -> None:
        """The call is over, however it ended: the next may come."""
        self.open -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._queue and self.open < int(self.allowed):
            place = self._queue.popleft()
            if not place.done():
                self.open += 1
                place.set_result(None)

    def correct(self, tokens: float) -> None:
        """The call used so many tokens more (or fewer) than it was charged for."""
        if self._tokens is not None:
            self._tokens.correct(tokens)

    def succeeded(self) -> None:
        """A reply came: allow more calls."""
        self._turned_away_in_a_row = 0
        if self.allowed < self.limits.concurrency:
            grown = self.allowed + (1.0 if self._ramping else 1.0 / self.allowed)
            self.allowed = min(float(self.limits.concurrency), grown)
            self._hand_out()

    def overloaded(self, retry_after_s: float | None) -> None:
        """The provider said that it is too much: allow fewer calls; stop everybody when it keeps saying so."""
        self._ramping = False
        self._turned_away_in_a_row += 1
        if retry_after_s and self._turned_away_in_a_row >= STOP_ALL_AFTER:
            self._pause(retry_after_s)
        self.allowed = max(1.0, self.allowed - 0.5)

    def _pause(self, seconds: float) -> None:
        self._resume_at = max(self._resume_at, self._clock() + min(seconds, MAX_PAUSE_S))


class Passing:
    """One call's way through the gate."""

    def __init__(self, gate: Gate, tokens: float) -> None:
        self.gate = gate
        self.tokens = tokens

    async def __aenter__(self) -> Self:
        counted = self.gate.counts_tokens
        await self.gate.enter(self.tokens)
        if not counted:  # the limit was learnt while it waited, or nothing was charged
            self.tokens = self.tokens if self.gate.counts_tokens else 0.0
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
        self.gate.overloaded(retry_after_s)


def _differs(bucket: Bucket | None, per_minute: float) -> bool:
    return bucket is None or not math.isclose(bucket.rate * 60, per_minute)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _duration(text: str | None) -> float:
    """Seconds in "1.5", "12ms", "6m0s" or "1h2m3.5s"; 0 where it cannot be read."""
    if text is None:
        return 0.0
    if (plain := _number(text)) is not None:
        return plain
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    return sum(float(n) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[unit] for n, unit in parts)
