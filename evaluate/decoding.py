"""How a student is decoded: part of every prediction's identity, and shown beside every score."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class Decoder:
    """Greedy decoding, one answer per question, at most `max_new_tokens` of the student's own tokens (the paper's
    limits: 1024 for mathematics, 640 for commonsense)."""

    mode: Literal["greedy"] = "greedy"
    max_new_tokens: int = 256

    def __post_init__(self) -> None:
        if self.mode != "greedy":
            raise ConfigError(f"unknown decoding mode {self.mode!r}. Known: greedy")
        if self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens is {self.max_new_tokens}. Next: --max-new-tokens 256")

    def as_json(self) -> dict[str, Any]:
        """As it goes into keys and the store."""
        return asdict(self)
