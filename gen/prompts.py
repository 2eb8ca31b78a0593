"""What a teacher is asked: one pure function from a question and a recipe to chat messages.

The wording lives in gen/templates/: one file per level, per format and per answer kind. A change of wording is a new
PROMPT_VERSION, because it makes another recipe. After arXiv 2502.18001, section 3 (levels and formats); its own prompts
are unpublished, these are ours.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..errors import ConfigError
from ..tasks.render import question_text
from ..tasks.values import GoldVisible, Message, Question, Recipe

PROMPT_VERSION = "1"
FOLDER = Path(__file__).parent / "templates"
LEVELS = (1, 2, 3, 4, 5, 6)
ANSWER_ONLY = "answer-only"
FORMATS = ("original", "least-to-most", "rephrase-and-respond", "symbolic", ANSWER_ONLY)


def recipes(levels: Sequence[int], formats: Sequence[str], gold_visible: GoldVisible) -> list[Recipe]:
    """Every level with every format; answer-only once, without a level. ConfigError on an unknown level or format."""
    for level in levels:
        if level not in LEVELS:
            raise ConfigError(f"unknown level {level}. Levels are 1 (coarsest) to 6 (finest); e.g. --level 1-6")
    for format in formats:
        if format not in FORMATS:
            raise ConfigError(f"unknown format {format!r}. Known: {', '.join(FORMATS)}")
    made = []
    for format in formats:
        grains: Sequence[int | None] = (None,) if format == ANSWER_ONLY else levels
        made += [Recipe(level, format, gold_visible, PROMPT_VERSION) for level in grains]
    return made


def build(question: Question, recipe: Recipe) -> tuple[Message, ...]:
    """The messages for one question: a system message (level, format, how to announce the answer) and the question.

    ConfigError when the recipe shows the gold answer and the question has none.
    """
    answer_rule = _read(f"answers/{question.kind}.txt")
    if recipe.format == ANSWER_ONLY:
        system = _read("answer-only.txt").format(answer_rule=answer_rule)
    else:
        system = _read("system.txt").format(
            granularity=f"Granularity: level {recipe.level} of 6. {_read(f'levels/{recipe.level}.txt')}\n",
            format=recipe.format,
            format_rule=_read(f"formats/{recipe.format}.txt"),
            answer_rule=answer_rule,
        )
    if recipe.gold_visible == "yes":
        if question.gold is None:
            raise ConfigError(
                f"question {question.key} of {question.dataset} ({question.source}) has no gold answer to show. "
                f"Next: the same command without --gold-visible"
            )
        user = _read("question-with-gold.txt").format(question=question_text(question), gold=question.gold)
    else:
        user = _read("question.txt").format(question=question_text(question))
    return Message("system", system), Message("user", user)


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()
