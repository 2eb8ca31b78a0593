"""Has a tokenizer lost its merges?

Such a tokenizer loads, encodes and decodes without loss, and ruins every model: it gives one token a character, which
the model never met in training. Model directories converted from other formats have had it.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

MOST_TOKENS_PER_CHARACTER = 0.8  # English: about 0.25; `tiny` with 448 pieces on arithmetic: about 0.3
_SAMPLE = 20
_LEAST_CHARACTERS = 80
_ASCII = 0.9  # other scripts have real tokenizers with a token a character


def tokens_per_character(pairs: Iterable[tuple[int, str]]) -> float | None:
    """Over the first (number of tokens, text) whose text is mostly ASCII; None: too little of it to say."""
    n_tokens = n_characters = 0
    for n, text in islice(pairs, _SAMPLE):
        if text and sum(c < "\x80" for c in text) >= _ASCII * len(text):
            n_tokens += n
            n_characters += len(text)
    return n_tokens / n_characters if n_characters >= _LEAST_CHARACTERS else None


def warning(tokenizer: Any, pairs: Iterable[tuple[int, str]]) -> str | None:
    """What is wrong with the tokenizer that made these (number of tokens, text), in words; None: nothing that shows."""
    ratio = tokens_per_character(pairs)
    if ratio is None or ratio <= MOST_TOKENS_PER_CHARACTER:
        return None
    name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
    return (
        f"the tokenizer in {name} ({type(tokenizer).__name__}) makes {ratio:.2f} tokens of a character, where English "
        f"takes about 0.25: its merges are probably lost, and the student will read and write letter by letter. "
        f"Next: fetch its tokenizer files again"
    )
