"""A tokenizer without merges is noticed; one with them, another script and too little text are not."""

from pathlib import Path

import pytest

from cotdistill.tasks import templates, tokenizer_check
from cotdistill.tasks.datasets import arith
from cotdistill.train import students

transformers = pytest.importorskip("transformers", reason="tokenizers need the extra `cpu`")
tokenizers = pytest.importorskip("tokenizers", reason="tokenizers need the extra `cpu`")

TEXTS = [question.text for question in arith.questions("test", 30)]


def letters(alphabet: str) -> object:
    """A byte-pair tokenizer whose merges are gone: it knows letters alone."""
    model = tokenizers.models.BPE(vocab={c: i for i, c in enumerate(sorted(set(alphabet)))}, merges=[])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(model))


def read(tokenizer: object, texts: list[str]) -> list[tuple[int, str]]:
    return [(len(templates.encode(tokenizer, text)), text) for text in texts]  # type: ignore[arg-type]


def test_lost_merges_are_named_with_their_ratio() -> None:
    tokenizer = letters("".join(TEXTS))
    found = tokenizer_check.warning(tokenizer, read(tokenizer, TEXTS))
    assert found is not None
    assert "1.00 tokens of a character" in found and "merges" in found and "Next:" in found


def test_a_sound_tokenizer_passes() -> None:
    path = students.locate(students.resolve_student("tiny"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(Path(path))
    ratio = tokenizer_check.tokens_per_character(read(tokenizer, TEXTS))
    assert ratio is not None and 0.1 < ratio < 0.5
    assert tokenizer_check.warning(tokenizer, read(tokenizer, TEXTS)) is None


def test_another_script_and_too_little_text_say_nothing() -> None:
    chinese = ["小明有四个苹果, 他又买了十六个, 现在他一共有多少个苹果? 请一步一步地想。"] * 5
    for alphabet, texts in (("".join(chinese), chinese), ("abc", ["abc"]), ("abc", [])):
        tokenizer = letters(alphabet)
        assert tokenizer_check.warning(tokenizer, read(tokenizer, texts)) is None
