"""What an engine is: rendered prompts in, generated answers out, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..tasks.templates import StudentTemplate, Tokenizer
from .decoding import Decoder


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt, rendered, how it is to be answered, and by which adapter of the engine's base (None: the base)."""

    prompt: str
    decoder: Decoder
    adapter: Path | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer. `index`: of its prompt; tokens as the student's tokenizer counts, without the end mark;
    `finish_reason`: "stop" (it ended its answer), "length" (cut at max_new_tokens, or where the student's context
    ended) or "prompt_too_long" (the prompt alone fills the context: nothing was generated)."""

    index: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str


class Engine(Protocol):
    """One loaded model. `name` and `dtype` are part of a prediction's identity, `version` is recorded; `template` is
    what its prompts are rendered with, `tokenizer` what they are read with."""

    name: str
    dtype: str
    version: str
    template: StudentTemplate
    tokenizer: Tokenizer

    def generate(self, prompts: Sequence[str], decoder: Decoder) -> Iterator[list[Generated]]:
        """Answer rendered prompts. Batches come in any order; every prompt is answered once."""
        ...


class SharedEngine(Engine, Protocol):
    """A base loaded once that answers for itself and for its adapters, in one go."""

    def answer(self, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
        """Answer everything, of all models and data sets, in whatever order is fastest; every prompt once."""
        ...
