"""What the prompts promise: the grain of the levels, formats that change the shape alone, gold shown when asked."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.gen import prompts
from cotdistill.tasks.grading import grade
from cotdistill.tasks.normalise import normalise
from cotdistill.tasks.realised import measure
from cotdistill.tasks.values import Question, Recipe

SHIPPED = prompts.shipped()
NAMES = sorted(SHIPPED.examples)
EXAMPLES = SHIPPED.examples
FORMATS = [name for name in prompts.FORMATS if name != prompts.ANSWER_ONLY]
# Words that carry no step: a coarser level's other words are all found in the finer one.
_BINDING = {"only", "that", "this", "with", "from", "without"}


def kind_of(name: str) -> str:
    return "choice" if name == "aqua" else name


def shown(question: Question, recipe: Recipe) -> str:
    return "\n".join(m.content for m in prompts.build(question, recipe))


def rationale(name: str, level: int, format: str) -> str:
    example = EXAMPLES[name]
    said = prompts.announcement(kind_of(name), example.gold)  # type: ignore[arg-type]
    return f"{prompts.worked(example, level, SHIPPED.formats[format])}\n{said}"


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def stems(text: str) -> set[str]:
    return {word[:5].casefold() for word in re.findall(r"[A-Za-z]{4,}", text)} - _BINDING


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_each_level_has_more_steps_than_the_one_before(name: str, format: str) -> None:
    steps = [measure(rationale(name, level, format)).steps for level in prompts.LEVELS]
    assert all(coarse < fine for coarse, fine in pairwise(steps)), steps
    per_step, more = {"least-to-most": (2, 0), "rephrase-and-respond": (1, 1)}.get(format, (1, 0))
    plain = [measure(rationale(name, level, "original")).steps for level in prompts.LEVELS]
    assert steps == [per_step * n + more for n in plain], "a format changes the shape of the steps, not their number"


@pytest.mark.parametrize("name", NAMES)
def test_each_level_contains_what_the_one_before_says(name: str) -> None:
    for format in ("original", "symbolic"):
        texts = [rationale(name, level, format) for level in prompts.LEVELS]
        for coarse, fine in pairwise(texts):
            assert numbers(coarse) <= numbers(fine)
            if format == "original":
                assert stems(coarse) <= stems(fine)


@pytest.mark.parametrize("name", NAMES)
def test_a_level_is_finer_and_not_only_longer(name: str) -> None:
    """From level 2 to 6 the steps grow at least fivefold, the tokens of a step by a third at most: no padding."""
    made = [measure(prompts.worked(EXAMPLES[name], n, SHIPPED.formats["original"])) for n in prompts.LEVELS[1:]]
    per_step = [counts.tokens / counts.steps for counts in made]
    assert made[-1].steps >= 5 * made[0].steps
    assert max(per_step) <= 1.36 * per_step[0], per_step


@pytest.mark.parametrize("name", NAMES)
def test_symbols_hold_the_results_of_the_sentences(name: str) -> None:
    """The symbolic example derives the same numbers as the plain one, but for numbers that only describe a split."""
    for step in EXAMPLES[name].steps:
        results = re.findall(r"= (-?\d+)(?![\d*/ ]*[=*/+])", step.fields["say"])
        assert set(results) <= numbers(step.fields["symbols"]), step


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_worked_examples_end_in_an_answer_that_is_graded_correct(name: str, format: str) -> None:
    example = EXAMPLES[name]
    question = Question("own", "train", example.question, kind_of(name), example.gold, example.choices)  # type: ignore[arg-type]
    for level in prompts.LEVELS:
        verdict = grade(rationale(name, level, format), question)
        assert verdict.status == "correct" and verdict.rule.startswith("answer-is"), (level, verdict)


@pytest.mark.parametrize("name", NAMES)
def test_restating_comes_first_and_solves_nothing(name: str) -> None:
    example = EXAMPLES[name]
    assert example.restated
    for level in prompts.LEVELS:
        assert rationale(name, level, "rephrase-and-respond").startswith(f"{example.restated}\n")
    assert numbers(example.restated) <= numbers(example.question)


def test_sub_questions_stand_above_their_answers() -> None:
    for name in NAMES:
        for level in prompts.LEVELS:
            lines = rationale(name, level, "least-to-most").splitlines()[:-1]
            assert all(line.endswith("?") for line in lines[::2])
            assert not any(line.endswith("?") for line in lines[1::2])


def test_answer_kinds_have_different_worked_examples() -> None:
    assert set(prompts.KINDS) <= set(NAMES)
    assert len({EXAMPLES[name].question for name in NAMES}) == len(EXAMPLES)
    assert SHIPPED.example_for("aqua", "choice") is EXAMPLES["aqua"]
    assert SHIPPED.example_for("commonsenseqa", "choice") is EXAMPLES["choice"]


def test_recipes_are_levels_by_formats_and_answer_only_once() -> None:
    made = prompts.recipes(prompts.LEVELS, prompts.FORMATS, "no")
    assert len(made) == len(set(made)) == 6 * 4 + 1
    assert [r for r in made if r.format == "answer-only"] == [Recipe(None, "answer-only", "no", prompts.PROMPT_VERSION)]
    assert {r.prompt_version for r in made} == {prompts.PROMPT_VERSION}
    with pytest.raises(ConfigError, match=r"unknown level 7. Levels are 1 \(result\), 2 \(stages\)"):
        prompts.recipes([1, 7], ["original"], "no")
    with pytest.raises(ConfigError, match="unknown format 'socratic'"):
        prompts.recipes([1], ["socratic"], "no")


def test_levels_by_number_span_or_name() -> None:
    assert SHIPPED.find_levels(["facts", "1-3", "2"]) == [4, 1, 2, 3]
    for wrong in ("0", "7", "5-9", "3-1", "fact", "", "-", "1-"):
        with pytest.raises(ConfigError, match="unknown level"):
            SHIPPED.find_levels([wrong])


def test_the_gold_answer_is_in_the_prompt_only_when_it_is_shown() -> None:
    question = Question("own", "train", "What is left?", "number", "987654")
    for recipe in prompts.recipes(prompts.LEVELS, prompts.FORMATS, "no"):
        assert "987654" not in shown(question, recipe)
    for recipe in prompts.recipes(prompts.LEVELS, prompts.FORMATS, "yes"):
        assert "The answer is 987654." in shown(question, recipe)
        assert ("do not mention that it was given" in shown(question, recipe)) == (recipe.format != "answer-only")


def test_gold_cannot_be_shown_where_there_is_none() -> None:
    question = Question("own", "train", "What is left?", "number", None)
    with pytest.raises(ConfigError, match="no gold answer to show"):
        prompts.build(question, Recipe(1, "original", "yes", "2"))


def test_braces_in_a_question_are_left_as_they_are() -> None:
    question = Question("own", "train", "What is {x} in \\frac{1}{2}?", "latex", "{1}")
    assert "{x} in \\frac{1}{2}?" in shown(question, Recipe(2, "symbolic", "no", "2"))
    assert "The answer is ${1}$." in shown(question, Recipe(2, "symbolic", "yes", "2"))


@pytest.mark.parametrize("recipe", [Recipe(7, "original", "no", "2"), Recipe(None, "original", "no", "2")])
def test_a_recipe_beyond_the_levels_is_refused(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match="unknown level"):
        prompts.build(Question("own", "train", "What is left?", "number", "1"), recipe)


def _runs(text: str) -> set[tuple[str, ...]]:
    """Runs of three words, numbers left out: what near duplicates share."""
    words = [w for w in normalise(text).split() if not w.isdigit()]
    return set(zip(words, words[1:], words[2:], strict=False))


def test_no_worked_example_is_a_question_of_a_benchmark(data: Path) -> None:
    """None equals a benchmark's question or shares a fifth of the runs of three words they have together."""
    from cotdistill.tasks.datasets.registry import DATASETS, load_questions

    own = {example.name: (normalise(example.question), _runs(example.question)) for example in EXAMPLES.values()}
    any_own = set().union(*(runs for _, runs in own.values()))
    n_compared, closest = 0, 0.0
    for name in set(DATASETS) - {"arith"}:
        try:
            questions = load_questions(name, source=data / "benchmarks").questions
        except ConfigError:
            continue  # its files are not in this copy
        n_compared += len(questions)
        for question in questions:
            assert normalise(question.text) not in {text for text, _ in own.values()}, question.source
            runs = _runs(question.text)
            for example, (_, own_runs) in own.items() if runs & any_own else ():
                shared = len(runs & own_runs) / len(runs | own_runs)
                closest = max(closest, shared)
                assert shared < 0.2, (example, question.source, shared)
    assert n_compared > 10_000 and closest > 0.0
