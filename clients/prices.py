"""What calls cost, in US dollars, by a provider's list prices."""

from dataclasses import dataclass
from datetime import date

from ..tasks.values import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, as listed on `listed_on`. `cached_input` None: billed as input."""

    input: float
    output: float
    listed_on: date
    cached_input: float | None = None

    def usd(self, usage: Usage) -> float | None:
        """The cost of one call; None when the provider did not say what was used."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        cached = usage.cached_tokens or 0
        fresh = max(0, usage.prompt_tokens - cached)
        cached_price = self.input if self.cached_input is None else self.cached_input
        return (fresh * self.input + cached * cached_price + usage.completion_tokens * self.output) / 1e6

    def estimate(self, prompt_tokens: float, completion_tokens: float) -> float:
        """The cost of so many tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6
