"""LaTeX as bad as it gets, for minutes: everything that hangs the worker, and thousands of generated expressions."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration.latex_nasty import HANGING, NASTY

from cotdistill.tasks import latex
from cotdistill.tasks.grading import grade
from cotdistill.tasks.values import Question

pytestmark = pytest.mark.slow

PIECES = [
    *(
        "1",
        "2",
        "9",
        "x",
        "\\pi",
        "i",
        "0.5",
        "1,000",
        "-",
        "+",
        "^",
        "_",
        "=",
        ",",
        "!",
        "/",
        "\\cdot ",
        "\\times ",
        " ",
    ),
    *("\\frac{", "\\sqrt{", "\\sqrt[3]{", "}{", "{", "}", "(", ")", "[", "]", "\\{", "\\}", "\\left(", "\\right)", "|"),
    *("\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "\\cup ", "\\in ", "\\infty", "\\text{ and }", "\\%", "\\pm "),
    *(
        "\\sin ",
        "\\log ",
        "\\sum_{n=1}^{9} ",
        "\\int ",
        "\\boxed{",
        "$",
        "\\input{x}",
        "^{9^{9^{9}}}",
        "\x00",
        "\u202e",
        "½",
    ),
]
latexes = st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map("".join)


def ask(gold: str) -> Question:
    return Question("d", "test", "q", "latex", gold)


def test_everything_that_hangs_ends_at_the_deadline() -> None:
    for nasty in HANGING:
        started = time.monotonic()
        verdict = grade(f"The answer is ${nasty}$", ask("\\frac{17}{23}x"))
        assert verdict.status in ("wrong", "ungradable"), (nasty[:40], verdict)
        assert (verdict.status == "ungradable") == verdict.rule.endswith("+undecided")
        assert time.monotonic() - started < latex.LIMIT_S + latex.START_LIMIT_S
    assert grade("The answer is $1+x$", ask("x+1")).status == "correct"


@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answer=st.one_of(latexes, st.text(max_size=120), st.sampled_from(NASTY)), gold=latexes)
def test_generated_latex_gets_a_verdict_in_time(answer: str, gold: str) -> None:
    started = time.monotonic()
    verdict = grade(f"So. The answer is ${answer}$", ask(gold))
    assert verdict.status in ("correct", "wrong", "unparsed", "ungradable")
    assert time.monotonic() - started < 2 * latex.LIMIT_S + latex.START_LIMIT_S


def test_after_all_that_the_worker_still_answers() -> None:
    assert latex._worker.ask("(x+1)^2", "x^2+2x+1") is True
