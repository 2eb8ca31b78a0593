"""The values that travel between modules: frozen, slotted, and named by the words of the README's glossary."""

from dataclasses import dataclass
from typing import Literal

from . import keys
from .normalise import normalise

AnswerKind = Literal["number", "latex", "choice", "boolean", "text"]
VerdictStatus = Literal["correct", "wrong", "unparsed", "ungradable"]
GoldVisible = Literal["yes", "no", "unknown"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Question:
    """One item of a data set.

    `text` is the stem without its choices; `choices` the choices' texts without letters, in order; `gold` the answer
    (for a choice its letter, for a boolean "True" or "False"), None where there is none. `source` is "file:row".
    """

    dataset: str
    split: str
    text: str
    kind: AnswerKind
    gold: str | None
    choices: tuple[str, ...] = ()
    subject: str | None = None
    difficulty: str | None = None
    source: str = ""

    @property
    def key(self) -> str:
        """Identity: data set, normalised text, normalised choices (keys.question_key)."""
        return keys.question_key(self.dataset, normalise(self.text), [normalise(c) for c in self.choices])

    @property
    def text_key(self) -> str:
        """The words alone, for the leak guard (keys.text_key)."""
        return keys.text_key(normalise(self.text))


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an answer was judged. `answer` is what was extracted, None when nothing was found; `rule` names the
    extraction rule that decided ("answer-is", "boxed", ..., "none"); `rule_version` the grader's version."""

    status: VerdictStatus
    answer: str | None
    rule: str
    rule_version: str


@dataclass(frozen=True, slots=True)
class Realised:
    """Realised granularity of one rationale: counts by the versioned rules of tasks/realised.py."""

    steps: int
    sentences: int
    tokens: int
    equations: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a teacher is asked for. `level` 1 (coarsest) to 6 (finest), None for answer-only or unknown; `format` None
    where unknown (imports)."""

    level: int | None
    format: str | None
    gold_visible: GoldVisible
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a teacher samples. `max_tokens` is not part of a reply's identity."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them; None where it does not say. Those read from its cache (`cached_tokens`) and
    written to it are part of the prompt's, reasoning is part of the completion's."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """One raw answer of a model. `text` is the visible answer, `reasoning` the trace where the model gives one apart,
    `finish_reason` as the provider names it ("stop", "length", "content_filter", ...)."""

    text: str
    reasoning: str | None
    finish_reason: str | None
    served_model: str | None
    usage: Usage
