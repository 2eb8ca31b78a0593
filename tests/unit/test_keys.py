"""Content keys: stable across versions, different where identity differs, equal where it does not."""

import pytest

from cotdistill.tasks import keys
from cotdistill.tasks.values import Question

MESSAGES = [{"role": "user", "content": "Two and two?"}]


def test_known_keys_never_change() -> None:
    """A changed key would buy everything again: these are written down."""
    assert keys.question_key("svamp", "two and two", []) == "9dc1df53ccfa41d725ce3218e1efba38"
    assert keys.reply_key("q", MESSAGES, "gpt-4o", "gpt-4o") == "751bbe8790876cbb30d9a013e70f0d57"
    assert keys.imported_reply_key("paper", "a.json", 3) == "f0451f6e79c5d1db1b73b9395d3db031"
    assert keys.cell_key("svamp", "gpt-4o", 3, "original", "no", "1") == "3487b6b25ac5cda2933e9de2283bfdcc"


def test_case_punctuation_and_space_make_no_other_question_but_operators_and_decimals_do() -> None:
    def key(text: str, *choices: str) -> str:
        return Question("d", "train", text, "number", "1", choices).key

    assert key("How many are 3 + 4?") == key("how many ARE  3 + 4")
    assert key("What is 3+2?") != key("What is 3-2?")
    assert key("Half of 1.5?") != key("Half of 15?")
    assert key("Where?", "a bank", "a mall") == key("where", "A bank.", "a mall")
    assert key("Where?", "a bank", "a mall") != key("Where?", "a mall", "a bank")


def test_gold_and_split_are_not_identity_but_the_data_set_is() -> None:
    first = Question("d", "train", "Two and two?", "number", "4")
    assert first.key == Question("d", "test", "Two and two?", "number", "5").key
    other = Question("e", "train", "Two and two?", "number", "4")
    assert first.key != other.key
    assert first.text_key == other.text_key


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.7},
        {"top_p": 0.9},
        {"seed": 1},
        {"reasoning_effort": "low"},
        {"sample_index": 1},
        {"redo": 1},
    ],
)
def test_every_sampling_choice_is_another_reply(change: dict[str, object]) -> None:
    plain = keys.reply_key("q", MESSAGES, "t", "m")
    assert keys.reply_key("q", MESSAGES, "t", "m", **change) != plain  # type: ignore[arg-type]


def test_teacher_model_question_and_wording_are_another_reply() -> None:
    made = {
        keys.reply_key("q", MESSAGES, "t", "m"),
        keys.reply_key("p", MESSAGES, "t", "m"),
        keys.reply_key("q", [{"role": "user", "content": "Two and two ?"}], "t", "m"),
        keys.reply_key("q", MESSAGES, "u", "m"),
        keys.reply_key("q", MESSAGES, "t", "n"),
    }
    assert len(made) == 5


def test_parts_cannot_run_into_each_other() -> None:
    assert keys.digest("x", "ab", "c") != keys.digest("x", "a", "bc")
    assert keys.digest("x", ["a"], "b") != keys.digest("x", ["a", "b"])
