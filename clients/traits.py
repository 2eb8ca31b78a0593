"""What one model takes and refuses, as its registry entry says; checked before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ConfigError
from ..tasks.values import Sampling


@dataclass(frozen=True, slots=True)
class Traits:
    """`refuses` names fields of Sampling that the model rejects or ignores: they are never sent, and asking for
    one is an error, so that the store never claims a setting that did not act. `efforts`: the reasoning efforts it
    knows, empty for not said. `include_thoughts`: ask for the reasoning trace (Gemini's thoughts, OpenAI's summary).
    `thinking_budget`: tokens, for Gemini models that take a budget and no level; -1 is the model's choice, 0 is off.
    """

    refuses: frozenset[str] = frozenset()
    efforts: tuple[str, ...] = ()
    include_thoughts: bool = False
    thinking_budget: int | None = None

    def check(self, model: str, sampling: Sampling) -> None:
        """ConfigError: the sampling asks for what the model does not take."""
        for name in sorted(self.refuses):
            value = getattr(sampling, name)
            if value is not None:
                refuse(model, name, value)
        effort = sampling.reasoning_effort
        if effort is not None and self.efforts and effort not in self.efforts:
            raise ConfigError(
                f"model {model} has no reasoning effort {effort!r}. Next: --reasoning-effort {_one_of(self.efforts)}"
            )


NO_TRAITS = Traits()


def refuse(model: str, name: str, value: object) -> None:
    """ConfigError: this model does not take this sampling parameter."""
    flag = "--" + name.replace("_", "-")
    raise ConfigError(f"model {model} does not take {name} (given: {value}). Next: the same command without {flag}")


def _one_of(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" or {words[-1]}" if len(words) > 1 else words[0]
