"""What an engine is: rendered prompts in, generated answers out, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .decoding import Decoder


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer. `index`: of its prompt; tokens as the student's tokenizer counts, without the end mark;
    `finish_reason`: "stop" (it ended its answer) or "length" (it was cut at max_new_tokens)."""

    index: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str


class Engine(Protocol):
    """One loaded model. `name` and `dtype` are part of a prediction's identity, `version` is recorded."""

    name: str
    dtype: str
    version: str

    def generate(self, prompts: Sequence[str], decoder: Decoder) -> Iterator[list[Generated]]:
        """Answer rendered prompts. Batches come in any order; every prompt is answered once."""
        ...
