"""The built-in teacher without its server: it solves what it reads, and its rationales have the grain asked for."""

import re
from itertools import pairwise

import pytest

from cotdistill.errors import ConfigError
from cotdistill.gen.builtin.solver import CannotSolve, solve
from cotdistill.gen.builtin.writer import FORMATS, seed_for, write
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.realised import count_tokens, measure

LEVELS = range(1, 7)
REASONED = [f for f in FORMATS if f != "answer-only"]
_SUM = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
_OPERATION = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


@pytest.fixture(scope="module")
def questions() -> list:
    return arith.questions("train", 2_000)


def _write(question, level: int, format: str, style: str, sample: int = 0, **options: float) -> str:
    rng = seed_for(0, style, question.text, level, format, sample)
    return write(solve(question.text), level, format, style, rng, **options)


def test_solves_every_question_it_reads(questions: list) -> None:
    for question in [*questions, *arith.questions("test"), *arith.questions("far")]:
        solution = solve(question.text)
        assert str(solution.final) == question.gold
        assert len(solution.steps) == int(question.subject.split()[0])


def test_solves_names_things_and_numbers_it_never_generated() -> None:
    text = (
        "Wilhelmina has 340 umbrellas. Bo takes 41 umbrellas from Wilhelmina. How many umbrellas does Wilhelmina have?"
    )
    assert solve(text).final == 299


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "understand"),
        ("What is the capital of France?", "understand"),
        ("How many pens does Tom have?", "first statement"),
        ("Tom has 4 pens. Tom finds 2 more pens.", "question at its end"),
        ("Tom has 4 pens. How many pens does Tom have?", "nothing to work out"),
        ("Tom finds 2 more pens. How many pens does Tom have?", "before"),
        ("Tom has 4 pens. Ann finds 2 more pens. How many pens does Tom have?", "changes"),
        ("Tom has 4 pens. Tom loses 2 cards. How many pens does Tom have?", "changes"),
        ("Tom has 4 pens. Tom loses 5 pens. How many pens does Tom have?", "only 4"),
        ("Tom has 4 pens. Tom has 5 pens. How many pens does Tom have?", "expect"),
        ("Tom has 4 pens. Tom loses 2 pens. How many pens does Ann have?", "Ann"),
    ],
)
def test_says_what_it_cannot_solve(text: str, why: str) -> None:
    with pytest.raises(CannotSolve, match=why):
        solve(text)


@pytest.mark.parametrize("format", REASONED)
def test_strict_grows_with_every_level(questions: list, format: str) -> None:
    grows = 0
    for question in questions:
        sizes = [count_tokens(_write(question, level, format, "strict")) for level in LEVELS]
        grows += all(a < b for a, b in pairwise(sizes))
    assert grows >= 0.99 * len(questions)


def test_from_level_3_on_there_is_a_step_and_an_equation_per_operation(questions: list) -> None:
    for question in questions[:300]:
        n = len(solve(question.text).steps)
        assert measure(_write(question, 1, "original", "strict")).equations == 0
        assert measure(_write(question, 3, "original", "strict")).steps == n
        assert measure(_write(question, 3, "original", "strict")).equations == n
        assert measure(_write(question, 6, "original", "strict")).equations == 2 * n
        for style in ("strict", "diverse"):
            for equation in re.findall(r"[^.:,?]*=[^.:,?]*", _write(question, 4, "original", style)):
                assert len(re.findall(r" [-+*] ", equation)) == 1


@pytest.mark.parametrize("style", ["strict", "diverse"])
@pytest.mark.parametrize("format", FORMATS)
def test_the_right_styles_announce_the_gold_answer_and_write_only_true_sums(
    questions: list, format: str, style: str
) -> None:
    for i, question in enumerate(questions[:600]):
        for level in LEVELS:
            text = _write(question, level, format, style, sample=i % 3)
            assert text.endswith(f"The answer is {question.gold}."), (question.text, text)
            if level > 2:
                for left, operator, right, result in _SUM.findall(text):
                    assert _OPERATION[operator](int(left), int(right)) == int(result), text


def test_one_line_chains_are_true(questions: list) -> None:
    for question in questions[:400]:
        for format in ("original", "symbolic"):
            text = _write(question, 2, format, "diverse")
            sides = re.sub(r"^[A-Za-z :]*|^x = ", "", text.split(". The answer")[0]).removeprefix("= ").split(" = ")
            assert {eval(side) for side in sides} == {int(question.gold)}, text


@pytest.mark.parametrize("format", FORMATS)
def test_sloppy_is_wrong_in_its_share(questions: list, format: str) -> None:
    level = 2 + FORMATS.index(format) % 5
    texts = [_write(q, level, format, "sloppy") for q in questions]
    wrong = sum(not t.endswith(f"The answer is {q.gold}.") for q, t in zip(questions, texts, strict=True))
    assert 0.17 <= wrong / len(questions) <= 0.23
    never = [_write(q, level, format, "sloppy", sloppy_share=0.0) for q in questions[:200]]
    assert all(t.endswith(f"The answer is {q.gold}.") for q, t in zip(questions, never, strict=False))
    always = [_write(q, level, format, "sloppy", sloppy_share=1.0) for q in questions[:200]]
    assert not any(t.endswith(f"The answer is {q.gold}.") for q, t in zip(questions, always, strict=False))


def test_a_slip_is_one_wrong_sum_that_carries_to_the_answer(questions: list) -> None:
    for question in questions[:300]:
        text = _write(question, 3, "original", "sloppy", sloppy_share=1.0)
        sums = _SUM.findall(text)
        assert sum(_OPERATION[o](int(a), int(b)) != int(c) for a, o, b, c in sums) == 1
        assert text.endswith(f"{sums[-1][3]}. The answer is {sums[-1][3]}.")


def test_diverse_has_many_phrasings_and_orders_where_strict_has_one(questions: list) -> None:
    long = [q for q in questions if q.subject == "3 steps"][:20]
    for question in long:
        assert len({_write(question, 4, "original", "strict", i) for i in range(20)}) == 1
        assert len({_write(question, 4, "original", "diverse", i) for i in range(20)}) >= 15
    orders = {tuple(_SUM.findall(_write(long[0], 3, "original", "diverse", i))) for i in range(60)}
    assert len(orders) >= 3


def test_the_same_request_gets_the_same_text(questions: list) -> None:
    for style in ("diverse", "sloppy"):
        assert _write(questions[0], 5, "original", style) == _write(questions[0], 5, "original", style)
        assert _write(questions[0], 5, "original", style, 1) != _write(questions[0], 5, "original", style, 2)


def test_unknown_level_or_format_is_refused(questions: list) -> None:
    with pytest.raises(ConfigError, match="level 7"):
        _write(questions[0], 7, "original", "strict")
    with pytest.raises(ConfigError, match="'haiku'"):
        _write(questions[0], 3, "haiku", "strict")
