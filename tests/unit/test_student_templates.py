"""One renderer: what a student is trained behind is what it is asked with, byte for byte and token for token."""

from pathlib import Path
from typing import Any

import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks import templates

QUESTION = "Tom has 4 apples. Tom finds 16 more apples. How many apples does Tom have now?"
ANSWER = "4 + 16 = 20. The answer is 20."
TINY = Path(templates.__file__).parents[1] / "train" / "tiny"


@pytest.fixture(scope="module")
def tiny() -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(TINY)


class Words:
    """A tokenizer of marks and letters, enough to render with."""

    bos_token, eos_token, bos_token_id, eos_token_id = "<s>", "</s>", 1, 2
    marks = ("<s>", "</s>", "<|eot_id|>", "<|im_start|>", "<|im_end|>")
    chat_template: Any = None

    def __init__(self, adds_bos: bool = True) -> None:
        self.adds_bos = adds_bos

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        ids: list[int] = [1] if add_special_tokens and self.adds_bos else []
        while text:
            mark = next((m for m in self.marks if text.startswith(m)), text[0])
            ids.append(self.marks.index(mark) + 1 if mark in self.marks else 1000 + ord(mark))
            text = text[len(mark) :]
        return {"input_ids": ids}

    def apply_chat_template(self, conversation: Any, *, tokenize: bool, add_generation_prompt: bool) -> str:
        turns = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in conversation]
        return "<s>" + "".join(turns) + ("<|im_start|>assistant\n" if add_generation_prompt else "")


@pytest.mark.parametrize("name", ["plain", "alpaca", "llama3"])
def test_marks_stand_once(name: str) -> None:
    tokenizer = Words()
    template = templates.resolve(name, tokenizer)
    prompt, completion = templates.encode_pair(tokenizer, template, QUESTION, ANSWER)
    assert prompt[0] == 1 and (prompt + completion).count(1) == 1
    assert completion[-1] in templates.stop_ids(tokenizer, template)
    assert completion.count(completion[-1]) == 1


def test_a_tokenizer_that_begins_without_bos_gets_none() -> None:
    assert templates.resolve("alpaca", Words(adds_bos=False)).before.startswith("Below is")


def test_an_answer_that_already_ends_gets_no_second_end() -> None:
    template = templates.resolve("plain", Words())
    assert template.completion(ANSWER + "</s>") == template.completion(ANSWER) == ANSWER + "</s>"


def test_auto_is_the_chat_template_where_there_is_one() -> None:
    tokenizer = Words()
    assert templates.resolve("auto", tokenizer).name == "alpaca"
    tokenizer.chat_template = "chat"
    template = templates.resolve("auto", tokenizer)
    assert template.name == "chat"
    assert template.prompt("Why?") == "<s><|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert template.completion("So.") == "So.<|im_end|>"
    assert templates.stop_ids(tokenizer, template) == [2, 5]


def test_template_of_the_paper_is_alpaca_byte_for_byte() -> None:
    assert templates.resolve("alpaca").prompt("Q?") == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nQ?\n\n### Response:\n"
    )


def test_errors_name_the_next_command() -> None:
    with pytest.raises(ConfigError, match="unknown template 'vicuna'"):
        templates.resolve("vicuna")
    with pytest.raises(ConfigError, match="--template alpaca"):
        templates.resolve("chat", Words())
    with pytest.raises(ConfigError, match="--template auto"):
        templates.resolve("gemma", Words())


def test_training_prefix_is_the_evaluation_prompt_with_the_real_tokenizer(tiny: Any) -> None:
    template = templates.resolve("plain", tiny)
    trained = template.prompt(QUESTION) + template.completion(ANSWER)
    asked = template.prompt(QUESTION)
    assert trained.encode()[: len(asked.encode())] == asked.encode()
    prompt, completion = templates.encode_pair(tiny, template, QUESTION, ANSWER)
    assert templates.encode(tiny, asked) == prompt
    assert templates.encode(tiny, trained) == prompt + completion
    assert (prompt + completion).count(tiny.bos_token_id) == 1
    assert (prompt + completion).count(tiny.eos_token_id) == 1
    assert tiny.decode(completion, skip_special_tokens=True) == ANSWER


def test_tiny_reads_digits_one_by_one(tiny: Any) -> None:
    assert tiny.tokenize(" 4 + 16 = 20") == ["Ġ4", "Ġ+", "Ġ1", "6", "Ġ=", "Ġ2", "0"]
