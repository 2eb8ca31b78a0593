"""Every prompt as sent, one file per answer kind: a change of wording is a diff that a reviewer reads.

A change here is another recipe: raise gen/prompts.py PROMPT_VERSION, then COTDISTILL_WRITE_GOLDEN=1 pytest this file.
"""

import os
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.gen import prompts
from cotdistill.tasks.values import Question, Recipe

FOLDER = Path(__file__).parent / "prompts"
QUESTIONS = {
    "number": Question("own", "train", "A box holds 6 eggs. How many eggs do 4 boxes hold?", "number", "24"),
    "latex": Question("own", "train", "Simplify $\\frac{6}{8}$.", "latex", "\\frac{3}{4}"),
    "choice": Question("own", "train", "What do bees make?", "choice", "B", ("silk", "honey", "wool")),
    "boolean": Question("own", "train", "Could a snail win a race against a hare?", "boolean", "False"),
    "text": Question("own", "train", "Who wrote the play?", "text", "nobody knows"),
}


def shown(question: Question, recipe: Recipe) -> str:
    return "\n".join(f"[{m.role}]\n{m.content}" for m in prompts.build(question, recipe))


@pytest.mark.parametrize("kind", QUESTIONS)
def test_prompts_are_as_written_down(kind: str) -> None:
    parts = []
    for gold_visible in ("no", "yes"):
        for recipe in prompts.recipes(prompts.LEVELS, prompts.FORMATS, gold_visible):  # type: ignore[arg-type]
            level = f"level {recipe.level}, " if recipe.level else ""
            title = f"{level}{recipe.format}, gold shown: {gold_visible}, prompt version {recipe.prompt_version}"
            parts.append(f"=== {title}\n{shown(QUESTIONS[kind], recipe)}\n")
    text = "\n".join(parts)
    path = FOLDER / f"{kind}.txt"
    if os.environ.get("COTDISTILL_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_recipes_are_levels_by_formats_and_answer_only_once() -> None:
    made = prompts.recipes(prompts.LEVELS, prompts.FORMATS, "no")
    assert len(made) == len(set(made)) == 6 * 4 + 1
    assert [r for r in made if r.format == "answer-only"] == [Recipe(None, "answer-only", "no", prompts.PROMPT_VERSION)]


def test_the_gold_answer_is_in_the_prompt_only_when_it_is_shown() -> None:
    question = Question("own", "train", "What is left?", "number", "987654")
    for recipe in prompts.recipes(prompts.LEVELS, prompts.FORMATS, "no"):
        assert "987654" not in shown(question, recipe)
    for recipe in prompts.recipes(prompts.LEVELS, prompts.FORMATS, "yes"):
        assert "987654" in shown(question, recipe)


def test_gold_cannot_be_shown_where_there_is_none() -> None:
    question = Question("own", "train", "What is left?", "number", None)
    with pytest.raises(ConfigError, match="no gold answer to show"):
        prompts.build(question, Recipe(1, "original", "yes", "1"))


def test_braces_in_a_question_are_left_as_they_are() -> None:
    question = Question("own", "train", "What is {x} in \\frac{1}{2}?", "latex", "{1}")
    assert "{x} in \\frac{1}{2}?" in shown(question, Recipe(2, "symbolic", "no", "1"))


def test_levels_ask_for_different_things() -> None:
    texts = {shown(QUESTIONS["number"], Recipe(level, "original", "no", "1")) for level in prompts.LEVELS}
    assert len(texts) == 6
