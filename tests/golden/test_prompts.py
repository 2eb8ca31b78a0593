"""Every prompt as sent: a change of wording is a diff that a reviewer reads.

One file for each answer kind and format with all levels' system messages, and one for each kind with its user messages.
A change here is another recipe: raise gen/prompts.py PROMPT_VERSION, then COTDISTILL_WRITE_GOLDEN=1 pytest this file.
A version's hash in versions.json is written once and never changed.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotdistill.gen import prompts
from cotdistill.gen.samples import SAMPLES
from cotdistill.tasks import keys
from cotdistill.tasks.values import Question, Recipe

FOLDER = Path(__file__).parent / "prompts"
WRITE = bool(os.environ.get("COTDISTILL_WRITE_GOLDEN"))
AQUA = Question("aqua", "train", "How much is half of 18?", "choice", "C", ("7", "8", "9", "10"))
QUESTIONS: dict[str, Question] = {**SAMPLES, "aqua": AQUA}
ALL = [
    (name, recipe)
    for name in QUESTIONS
    for gold_visible in ("no", "yes")
    for recipe in prompts.recipes(prompts.LEVELS, prompts.FORMATS, gold_visible)  # type: ignore[arg-type]
]


def golden_files() -> Iterator[tuple[str, str]]:
    """(file name, text) of every golden file, from the prompts as they are now."""
    for name, question in QUESTIONS.items():
        for format in prompts.FORMATS:
            parts = []
            for recipe in prompts.recipes(prompts.LEVELS, [format], "no"):
                title = f"level {recipe.level}" if recipe.level else format
                parts.append(f"=== {name}, {title}: system message\n{prompts.build(question, recipe)[0].content}\n")
            yield f"{name}_{format}.txt", "\n".join(parts)
        parts = []
        for format in ("original", prompts.ANSWER_ONLY):
            for gold_visible in ("no", "yes"):
                recipe = Recipe(1, format, gold_visible, prompts.PROMPT_VERSION)  # type: ignore[arg-type]
                shape = "answer-only" if format == prompts.ANSWER_ONLY else "every level and format"
                title = f"{name}, {shape}, gold shown: {gold_visible}: user message"
                parts.append(f"=== {title}\n{prompts.build(question, recipe)[1].content}\n")
        yield f"{name}_user.txt", "\n".join(parts)


@pytest.mark.parametrize("name", [name for name, _ in golden_files()])
def test_prompts_are_as_written_down(name: str) -> None:
    text, path = dict(golden_files())[name], FOLDER / name
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines(), f"{path}: see this file's docstring"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} - {"versions.json"} == {name for name, _ in golden_files()}


def test_the_golden_files_say_all_of_every_prompt() -> None:
    """The system message never depends on gold_visible, nor the user message on level and format."""
    for name, recipe in ALL:
        system, user = prompts.build(QUESTIONS[name], recipe)
        other = Recipe(recipe.level, recipe.format, "no", recipe.prompt_version)
        shape = recipe.format if recipe.format == prompts.ANSWER_ONLY else "original"
        assert system == prompts.build(QUESTIONS[name], other)[0]
        assert user == prompts.build(QUESTIONS[name], Recipe(1, shape, recipe.gold_visible, "2"))[1]


def test_another_wording_is_another_version() -> None:
    """The hash of all templates and of all prompts made of them belongs to one PROMPT_VERSION for good."""
    files = sorted(path for path in prompts.FOLDER.rglob("*") if path.is_file())
    templates = [(path.relative_to(prompts.FOLDER).as_posix(), path.read_text(encoding="utf-8")) for path in files]
    built = [[(m.role, m.content) for m in prompts.build(QUESTIONS[name], recipe)] for name, recipe in ALL]
    now = keys.digest("prompt version", templates, built)
    path = FOLDER / "versions.json"
    versions = json.loads(path.read_text()) if path.is_file() else {}
    if WRITE and prompts.PROMPT_VERSION not in versions:
        path.write_text(json.dumps(versions | {prompts.PROMPT_VERSION: now}, indent=2) + "\n")
        versions[prompts.PROMPT_VERSION] = now
    assert versions.get(prompts.PROMPT_VERSION) == now, (
        f"the prompts are no longer those of version {prompts.PROMPT_VERSION}: raise PROMPT_VERSION in gen/prompts.py, "
        f"then COTDISTILL_WRITE_GOLDEN=1 pytest {Path(__file__).name}"
    )
