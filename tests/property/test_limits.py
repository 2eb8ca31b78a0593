"""Limits under simulated time: in any window w, granted <= rate x w + burst, whatever is asked and however it ends."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import simulate

from cotdistill.clients.limits import Bucket, Gate, Limits

CLOSE = 1e-6


@dataclass(frozen=True)
class Asked:
    """A call: when it comes, what it is thought to take, what it takes, for how long it is open, how it ends."""

    at_s: float
    estimate: int
    used: int
    open_s: float
    turned_away: bool
    given_up_after_s: float | None


calls = st.lists(
    st.builds(
        Asked,
        at_s=st.floats(0, 30, allow_subnormal=False).map(lambda t: round(t, 3)),
        estimate=st.integers(0, 400),
        used=st.integers(0, 400),
        open_s=st.floats(0, 5, allow_subnormal=False).map(lambda t: round(t, 3)),
        turned_away=st.booleans(),
        given_up_after_s=st.one_of(st.none(), st.floats(0, 20, allow_subnormal=False).map(lambda t: round(t, 3))),
    ),
    min_size=1,
    max_size=40,
)
per_minute = st.sampled_from([6.0, 60.0, 90.0, 600.0, 6000.0])
bursts = st.sampled_from([0.5, 1.0, 2.0, 10.0])


@dataclass
class Event:
    """Something at the gate: `tokens` granted to a call (a grant), or charged later or given back (a correction)."""

    at_s: float
    tokens: float
    grant: bool


class Watched:
    """Runs calls through a gate and writes down what is granted, and when."""

    def __init__(self, limits: Limits, asked: Sequence[Asked], retry_after_s: float | None = None) -> None:
        self.limits, self.asked, self.retry_after_s = limits, asked, retry_after_s
        self.events: list[Event] = []
        self.most_open = 0
        self.early: list[float] = []

    async def run(self) -> Gate:
        gate = Gate(self.limits, ramp_from=4)
        tasks = [asyncio.create_task(self._call(gate, one)) for one in self.asked]
        await asyncio.gather(*tasks, return_exceptions=False)
        return gate

    async def _call(self, gate: Gate, one: Asked) -> None:
        await asyncio.sleep(one.at_s)
        try:
            async with asyncio.timeout(one.given_up_after_s):
                await self._through(gate, one)
        except TimeoutError:
            pass

    async def _through(self, gate: Gate, one: Asked) -> None:
        now = asyncio.get_running_loop().time
        async with gate.passing(one.estimate) as passed:
            if gate.paused_s > CLOSE:
                self.early.append(now())
            self.events.append(Event(now(), one.estimate, True))
            self.most_open = max(self.most_open, gate.open)
            await asyncio.sleep(one.open_s)
            if one.turned_away:
                passed.overloaded(self.retry_after_s)
            else:
                self.events.append(Event(now(), one.used - one.estimate, False))
                passed.used(one.used)


def worst(events: Sequence[Event], rate: float, burst: float, per_call: bool) -> float:
    """By how much the worst window that begins and ends with a grant exceeds rate x w + burst (negative: it does not).

    Corrections count when they come. A single grant over `burst` stands for `burst`.
    """
    excess = -burst
    for i, first in enumerate(events):
        total = 0.0
        for event in events[i:] if first.grant else ():
            amount = 1.0 if per_call else event.tokens
            if event.grant:
                total += min(amount, burst)
                excess = max(excess, total - rate * (event.at_s - first.at_s) - burst)
                total += max(0.0, amount - burst)
            elif not per_call:
                total += amount
    return excess


@settings(max_examples=300, deadline=None)
@given(calls, per_minute, bursts)
def test_requests_never_exceed_their_rate(asked: list[Asked], rpm: float, burst_s: float) -> None:
    seen = Watched(Limits(requests_per_minute=rpm, concurrency=20, burst_s=burst_s), asked)
    gate = simulate(seen.run())
    rate = rpm / 60
    assert worst(seen.events, rate, max(1.0, rate * burst_s), per_call=True) <= CLOSE
    assert seen.most_open <= 20
    assert gate.open == 0, "a call that was given up kept its place"


@settings(max_examples=300, deadline=None)
@given(calls, per_minute, bursts)
def test_tokens_never_exceed_their_rate_with_corrections_at_their_time(
    asked: list[Asked], tpm: float, burst_s: float
) -> None:
    seen = Watched(Limits(tokens_per_minute=tpm, concurrency=20, burst_s=burst_s), asked)
    gate = simulate(seen.run())
    assert worst(seen.events, tpm / 60, tpm / 60 * burst_s, per_call=False) <= CLOSE * (1 + tpm)
    assert gate.open == 0


@settings(max_examples=100, deadline=None)
@given(calls, per_minute, st.floats(0.1, 30, allow_subnormal=False))
def test_nobody_starts_in_a_pause(asked: list[Asked], rpm: float, retry_after_s: float) -> None:
    seen = Watched(Limits(requests_per_minute=rpm, concurrency=8), asked, retry_after_s)
    simulate(seen.run())
    assert seen.early == []
    assert seen.most_open <= 8


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), per_minute)
def test_a_steady_stream_gets_its_whole_rate(n: int, rpm: float) -> None:
    """The limit is kept, and it is also used: n calls of no duration are through in (n - burst) / rate seconds."""

    async def stream() -> float:
        gate = Gate(Limits(requests_per_minute=rpm, concurrency=20))

        async def call() -> None:
            async with gate.passing(0) as passed:
                passed.used(None)

        await asyncio.gather(*(call() for _ in range(n)))
        return asyncio.get_running_loop().time()

    rate = rpm / 60
    ideal = max(0.0, (n - max(1.0, rate)) / rate)
    took = simulate(stream())
    assert ideal - CLOSE <= took <= ideal + 1 / rate + CLOSE * n


def test_the_default_burst_is_one_second_of_rate_and_a_debt_is_paid_first() -> None:
    now = [0.0]
    bucket = Bucket(10.0, lambda: now[0])
    assert bucket.burst == 10.0
    bucket.take(10.0)
    assert bucket.ready_in(1.0) == 0.1
    bucket.correct(5.0)  # the reply was longer than thought
    assert bucket.ready_in(1.0) == 0.6
    now[0] = 0.6
    assert bucket.ready_in(1.0) == 0.0
    bucket.correct(-100.0)  # what was not used comes back, but never more than a burst
    assert bucket.level == 10.0


def test_a_call_larger_than_the_burst_waits_for_a_full_bucket_and_leaves_a_debt() -> None:
    now = [0.0]
    bucket = Bucket(10.0, lambda: now[0])
    bucket.take(25.0)
    assert bucket.level == -15.0
    assert bucket.ready_in(25.0) == 2.5
    now[0] = 2.5
    assert bucket.ready_in(25.0) == 0.0


def test_the_number_of_open_calls_settles_near_what_the_server_takes() -> None:
    """A server that turns away what exceeds 10 open calls: nearly all of its capacity is used, few calls are lost."""
    capacity, n, call_s = 10, 2_000, 1.0
    answered, turned_away = 0, 0

    async def harvest() -> float:
        nonlocal answered, turned_away
        gate, at_server = Gate(Limits(concurrency=100)), 0

        async def ask() -> None:
            nonlocal answered, turned_away, at_server
            while answered + at_server < n:
                async with gate.passing(0) as passed:
                    if at_server >= capacity:
                        await asyncio.sleep(0.05)
                        turned_away += 1
                        passed.overloaded(None)
                        continue
                    at_server += 1
                    await asyncio.sleep(call_s)
                    at_server -= 1
                    answered += 1
                    passed.used(None)

        await asyncio.gather(*(ask() for _ in range(100)))
        return asyncio.get_running_loop().time()

    took = simulate(harvest())
    assert answered >= n
    assert took <= 1.15 * n * call_s / capacity
    assert turned_away <= 0.3 * n


def test_a_call_cancelled_in_the_moment_it_gets_its_place_hands_it_on() -> None:
    async def scene() -> tuple[int, bool]:
        gate, through = Gate(Limits(concurrency=1), ramp_from=1), False

        async def wait() -> None:
            nonlocal through
            async with gate.passing(0):
                through = True

        async with gate.passing(0):
            second, third = asyncio.create_task(wait()), asyncio.create_task(wait())
            await asyncio.sleep(0)
        second.cancel()  # its place is handed to it, and it has not run since
        await asyncio.gather(second, third, return_exceptions=True)
        return gate.open, through

    assert simulate(scene()) == (0, True)
