"""How a student reads a question and writes its answer: one renderer for export, training and evaluation.

A template is three strings around two texts: before + question + after + completion + end. `prompt` is what evaluation
feeds and what training prefixes, byte for byte; few-shot exemplars are earlier exchanges of the same kind. Rendered
text holds its own beginning- and end-of-sequence marks, once each, so it is always tokenized without special tokens
added (`encode`), prompt and completion apart: the student meets at evaluation exactly the tokens it was trained behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import ConfigError

_QUESTION, _ANSWER = "{the question}", "{the answer}"
_ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n"
)


class Tokenizer(Protocol):
    """What is used of a transformers tokenizer."""

    bos_token: str | None
    eos_token: str | None
    bos_token_id: int | None
    eos_token_id: int | None
    chat_template: Any

    def __call__(self, text: str, *, add_special_tokens: bool) -> Any: ...

    def apply_chat_template(self, conversation: Any, *, tokenize: bool, add_generation_prompt: bool) -> Any: ...


@dataclass(frozen=True, slots=True)
class StudentTemplate:
    """The text around a question and its answer. `end` closes an answer and tells the student to stop; `between` stands
    between one exchange's answer and the next question: the end mark, and what opens a question that is not the
    first."""

    name: str
    before: str
    after: str
    end: str
    between: str = ""

    def prompt(self, question_text: str) -> str:
        """What the student reads; `question_text` is tasks.render.question_text."""
        return f"{self.before}{question_text.strip()}{self.after}"

    def few_shot(self, exemplars: Sequence[tuple[str, str]], question_text: str) -> str:
        """The prompt behind earlier exchanges: (question, answer) each, in order. Without any it is `prompt`."""
        turns = [f"{question.strip()}{self.after}{answer.strip()}" for question, answer in exemplars]
        return f"{self.before}{self.between.join([*turns, f'{question_text.strip()}{self.after}'])}"

    def completion(self, answer: str) -> str:
        """What the student is to write: the answer and the end mark, once."""
        text = answer.strip()
        while self.end.strip() and text.endswith(self.end.strip()):
            text = text[: -len(self.end.strip())].rstrip()
        return f"{text}{self.end}"


# name: before, after, end, between; {bos} and {eos} are the tokenizer's own marks. alpaca, gemma and llama3 are
# LLaMA-Factory's, which arXiv 2502.18001 trained with (appendix: BLOOM, Gemma, LLaMA).
_NAMED: dict[str, tuple[str, str, str, str]] = {
    "plain": ("{bos}", "\n", "{eos}", "{eos}\n"),
    "alpaca": ("{bos}" + _ALPACA, "\n\n### Response:\n", "{eos}", "{eos}\n\n" + _ALPACA),
    "gemma": (
        "{bos}<start_of_turn>user\n",
        "<end_of_turn>\n<start_of_turn>model\n",
        "<end_of_turn>",
        "<end_of_turn>\n<start_of_turn>user\n",
    ),
    "llama3": (
        "{bos}<|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
    ),
}
NAMES = ("auto", "chat", *_NAMED)


def resolve(name: str, tokenizer: Tokenizer | None = None) -> StudentTemplate:
    """The template called `name` with the marks of `tokenizer` (None: no marks).

    "chat" is the tokenizer's own chat template; "auto" is that where there is one, else alpaca. ConfigError: unknown
    name, "chat" without a chat template, or a template whose marks the tokenizer does not know as single tokens.
    """
    if name not in NAMES:
        raise ConfigError(f"unknown template {name!r}. Known: {', '.join(NAMES)}. Next: --template NAME")
    has_chat = tokenizer is not None and bool(tokenizer.chat_template)
    if name == "auto":
        name = "chat" if has_chat else "alpaca"
    if name == "chat":
        if tokenizer is None or not has_chat:
            raise ConfigError("this student's tokenizer has no chat template. Next: --template alpaca")
        return _from_chat(tokenizer)
    bos, eos = ("", "") if tokenizer is None else (_opening(tokenizer), tokenizer.eos_token or "")
    before, after, end, between = (part.replace("{bos}", bos).replace("{eos}", eos) for part in _NAMED[name])
    template = StudentTemplate(name, before, after, end, between)
    if tokenizer is not None and name in ("gemma", "llama3") and len(encode(tokenizer, end)) != 1:
        raise ConfigError(
            f"the student's tokenizer does not know {end!r}, which template {name} needs. Next: --template auto"
        )
    return template


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of rendered text: nothing is added, the text holds its own marks."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def encode_pair(
    tokenizer: Tokenizer, template: StudentTemplate, question_text: str, answer: str
) -> tuple[list[int], list[int]]:
    """(tokens of the prompt, tokens of the completion) of one supervised pair; training joins them."""
    return encode(tokenizer, template.prompt(question_text)), encode(tokenizer, template.completion(answer))


def stop_ids(tokenizer: Tokenizer, template: StudentTemplate) -> list[int]:
    """The tokens at which a student has finished: the template's end mark and the tokenizer's end of sequence."""
    marks = encode(tokenizer, template.end)
    found = {tokenizer.eos_token_id} | ({marks[0]} if len(marks) == 1 else set())
    return sorted(i for i in found if i is not None)


def _opening(tokenizer: Tokenizer) -> str:
    """The beginning-of-sequence mark, where the tokenizer itself would begin a text with it."""
    if tokenizer.bos_token is None or tokenizer.bos_token_id is None:
        return ""
    ids: Sequence[int] = tokenizer("a", add_special_tokens=True)["input_ids"]
    return tokenizer.bos_token if ids and ids[0] == tokenizer.bos_token_id else ""


def _from_chat(tokenizer: Tokenizer) -> StudentTemplate:
    """Render one exchange with the tokenizer's chat template and cut it at the question and the answer."""
    ask = {"role": "user", "content": _QUESTION}
    prompt: str = tokenizer.apply_chat_template([ask], tokenize=False, add_generation_prompt=True)
    whole: str = tokenizer.apply_chat_template(
        [ask, {"role": "assistant", "content": _ANSWER}], tokenize=False, add_generation_prompt=False
    )
    before, found, after = prompt.partition(_QUESTION)
    _, answered, end = whole.partition(_ANSWER)
    if not found or not answered:
        raise ConfigError(
            "this student's chat template does not show question and answer as given. Next: --template alpaca"
        )
    end = end.rstrip()
    if not end.strip():
        end = tokenizer.eos_token or ""
    return StudentTemplate("chat", before, after, end, _between(tokenizer, end))


def _between(tokenizer: Tokenizer, end: str) -> str:
    """What the chat template puts between an answer and the next question; the end mark where it refuses a second."""
    again = "{the next question}"
    turns = [("user", _QUESTION), ("assistant", _ANSWER), ("user", again)]
    try:
        whole: str = tokenizer.apply_chat_template(
            [{"role": role, "content": text} for role, text in turns], tokenize=False, add_generation_prompt=True
        )
    except Exception:  # a template may raise whatever it likes
        return f"{end}\n"
    _, _, rest = whole.partition(_ANSWER)
    between, found, _ = rest.partition(again)
    return between if found else f"{end}\n"
