"""The cap on what may be spent: reserved before a call, settled after it, so that it is never exceeded.

A call reserves the most it can cost: every byte of its prompt as a token (no byte-level tokenizer makes more), and
`max_tokens` of completion.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BadRequest, BudgetReached, TeacherError
from ..tasks.values import Message, Usage
from .prices import Price

# Chat formats add a few tokens around each message.
TOKENS_PER_MESSAGE = 16


def most(price: Price, messages: Sequence[Message], max_tokens: int) -> float:
    """The most that one call can cost, in dollars."""
    prompt = sum(len(m.content.encode()) + TOKENS_PER_MESSAGE for m in messages)
    return price.at_most(prompt, max_tokens)


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars and where the figure is from: usage, reserved (usage unknown), free, or unpriced (usd None)."""

    usd: float | None
    basis: str


def cost_of(
    price: Price | None, reserved: float, *, free: bool, usage: Usage | None = None, error: TeacherError | None = None
) -> Cost:
    """What a live call cost: nothing where it is free or was turned away, what its usage says, else at
    most what was `reserved` for it, for one that was cut off may be billed; unknown where the price is."""
    if free or isinstance(error, BadRequest) or (error is not None and error.http_status is not None):
        return Cost(0.0, "free")
    if price is None:
        return Cost(None, "unpriced")
    known = price.usd(usage) if usage is not None else None
    return Cost(reserved, "reserved") if known is None else Cost(known, "usage")


class Budget:
    """`cap` dollars for all that the store records, of which `already` are spent; cap None: no limit."""

    def __init__(self, cap: float | None, already: float = 0.0) -> None:
        self.cap = cap
        self.spent = already
        self.reserved = 0.0
        self._settled = asyncio.Condition()

    async def reserve(self, usd: float) -> None:
        """Set `usd` aside; waits while open calls may still give some back. BudgetReached when it cannot be had."""
        if self.cap is None:
            return
        async with self._settled:
            while self.spent + self.reserved + usd > self.cap:
                if self.reserved <= 1e-12:
                    raise BudgetReached(
                        f"--max-usd {self.cap:g}: ${self.spent:.4f} are spent, and the next call may cost ${usd:.4f}. "
                        f"What was received is kept. Next: the same command with a higher --max-usd"
                    )
                await self._settled.wait()
            self.reserved += usd

    async def settle(self, reserved: float, usd: float | None) -> None:
        """The call that had reserved `reserved` cost `usd` (None: unknown, the reservation stands)."""
        cost = reserved if usd is None else usd
        if self.cap is None:
            self.spent += cost
            return
        async with self._settled:
            self.reserved = max(0.0, self.reserved - reserved)
            self.spent += cost
            self._settled.notify_all()
