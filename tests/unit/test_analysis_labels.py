"""Words and numbers for people."""

import json

import pytest

from cotdistill.analysis import labels


def test_no_minus_zero_and_always_a_sign() -> None:
    assert [labels.points(d) for d in (0.12, -0.033, -0.0001, 0.0)] == ["+12.0", "-3.3", "+0.0", "+0.0"]
    assert labels.p_value(0.0004) == "<0.001" and labels.p_value(0.0116) == "0.012"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((5, "original", "no"), "level 5"),
        ((3, "rephrase-and-respond", "no"), "level 3 rephrase"),
        ((None, "answer-only", "no"), "answer-only"),
        ((None, None, "yes"), "no level +gold"),
    ],
)
def test_recipes(row: tuple[int | None, str | None, str], words: str) -> None:
    assert labels.recipe(*row) == words


def test_the_untouched_base_has_no_cell() -> None:
    cell = {
        "teacher": None,
        "level": None,
        "format": None,
        "gold_visible": None,
        "trained_on": None,
        "dataset": "arith",
    }
    assert labels.recipe_of(cell) == labels.UNTOUCHED
    hidden = {"teacher": "t", "level": None, "format": None, "gold_visible": "no", "prompt_version": "paper-0-shot"}
    assert labels.recipe_of({**hidden, "dataset": "openbookqa"}) == "no level -gold"


def test_a_decoder_in_words() -> None:
    assert labels.decoder(json.dumps({"mode": "greedy", "max_new_tokens": 64})) == "greedy, max_new_tokens 64"
    assert labels.decoder("as is") == "as is"


def test_an_engines_settings_in_words() -> None:
    card = {"device": "cuda", "batch_rows": 256, "batch_tokens": 8192, "prefix_caching": True, "adapters": 7}
    assert labels.batches(json.dumps(card)) == (
        "cuda, batches of at most 256 rows and 8,192 tokens, prefix caching True, adapters 7"
    )
    server = {"concurrency": 32, "base_urls": ["http://127.0.0.1:9/v1"]}
    assert labels.batches(json.dumps(server)) == "at most 32 calls at once"
