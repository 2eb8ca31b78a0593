"""What calls cost, in US dollars, by a provider's list prices."""

from dataclasses import dataclass
from datetime import date

from ..tasks.values import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, as listed on `listed_on`. A prompt's token is billed once: as read from the cache
    (`cached_input`), as written to it (`cache_write`; OpenAI, since GPT-5.6) or as plain `input`. None: as input.

    `batch_discount`: the share a batch saves, 0.5 for half; None: not known. `batch_cached_input`: what a token read
    from the cache costs in a batch; None: as much as any other there, which never understates.
    """

    input: float
    output: float
    listed_on: date
    cached_input: float | None = None
    cache_write: float | None = None
    batch_discount: float | None = None
    batch_cached_input: float | None = None

    def batch(self) -> "Price | None":
        """The price in a batch; None where the discount is not known."""
        if self.batch_discount is None:
            return None
        paid = 1.0 - self.batch_discount
        write = None if self.cache_write is None else self.cache_write * paid
        return Price(self.input * paid, self.output * paid, self.listed_on, self.batch_cached_input, write)

    def usd(self, usage: Usage) -> float | None:
        """The cost of one call; None when the provider did not say what was used.

        Reasoning is part of the completion tokens, reads and writes of the cache are part of the prompt's. A provider
        that says more of them than the prompt has is not believed: what is left over is not billed twice.
        """
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        read = min(usage.cached_tokens or 0, usage.prompt_tokens)
        written = min(usage.cache_write_tokens or 0, usage.prompt_tokens - read)
        plain = usage.prompt_tokens - read - written
        read_price = self.input if self.cached_input is None else self.cached_input
        write_price = self.input if self.cache_write is None else self.cache_write
        prompt = plain * self.input + read * read_price + written * write_price
        return (prompt + usage.completion_tokens * self.output) / 1e6

    def estimate(self, prompt_tokens: float, completion_tokens: float) -> float:
        """The cost of so many tokens, none of them in a cache."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6

    def at_most(self, prompt_tokens: float, completion_tokens: float) -> float:
        """The most that so many tokens can cost: every one of the prompt's at the dearest of its prices."""
        dearest = max(self.input, self.cached_input or 0.0, self.cache_write or 0.0)
        return (prompt_tokens * dearest + completion_tokens * self.output) / 1e6
