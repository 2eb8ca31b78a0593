"""What an engine is: rendered prompts in, generated answers out, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .decoding import Decoder


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer to write: a rendered prompt, the decoder, the adapter of the engine's base (None: the base), and which
    of several samples it is."""

    prompt: str
    decoder: Decoder
    adapter: Path | None = None
    sample_index: int = 0


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer. `index`: of its prompt; tokens as the student's tokenizer (or the server) counts, without the end
    mark, None where a server does not say. `finish_reason`: "stop" (it ended its answer), "length" (cut at
    max_new_tokens, or where the student's context ended), "prompt_too_long" (the prompt alone fills the context:
    nothing was generated), or an endpoint's own word ("content_filter", "refusal", "bad_request")."""

    index: int
    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    finish_reason: str


class Engine(Protocol):
    """One loaded base that answers for itself and for the adapters it was loaded with.

    `name` and `dtype` are part of a prediction's identity; `version` and `settings` (batches, device) are recorded.
    """

    name: str
    dtype: str
    version: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """How it batches and where it runs: recorded, not part of any identity."""
        ...

    def render(self, question_text: str, exemplars: Sequence[tuple[str, str]]) -> str:
        """The prompt as the model reads it."""
        ...

    def answer(self, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
        """Answer everything, of all models and data sets, in whatever order is fastest; each once."""
        ...
