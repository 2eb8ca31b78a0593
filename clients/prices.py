"""What calls cost, in US dollars, by a provider's list prices."""

from dataclasses import dataclass
from datetime import date

from ..tasks.values import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, as listed on `listed_on`. `cached_input` None: billed as input. `batch_discount`: the
    share a batch saves, 0.5 for half; None: not known."""

    input: float
    output: float
    listed_on: date
    cached_input: float | None = None
    batch_discount: float | None = None

    def batch(self) -> "Price | None":
        """The price in a batch; None where the discount is not known.

        Cached tokens cost as others there: providers differ in whether they grant both, and this never understates.
        """
        if self.batch_discount is None:
            return None
        paid = 1.0 - self.batch_discount
        return Price(self.input * paid, self.output * paid, self.listed_on)

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
