"""Properties of the built-in teacher over any problem that its grammar can say."""

import random

from hypothesis import given
from hypothesis import strategies as st

from cotdistill.gen.builtin.solver import CannotSolve, solve
from cotdistill.gen.builtin.writer import FORMATS, write
from cotdistill.tasks.datasets.arith_grammar import NAMES, OBJECTS, WORDINGS

_BY_KIND = {kind: [w for w in WORDINGS if w.kind == kind] for kind in {w.kind for w in WORDINGS}}


@st.composite
def problems(draw: st.DrawFn) -> tuple[str, int]:
    """(text, answer): a start and up to six changes with operands up to 999, in any wording."""

    def say(kind: str, **slots: object) -> str:
        return draw(st.sampled_from(_BY_KIND[kind])).fill({"a": a, "b": b, "o": things, **slots})

    a, b = draw(st.permutations(NAMES))[:2]
    things = draw(st.sampled_from(OBJECTS))
    if draw(st.booleans()):
        total, at_least = draw(st.integers(0, 999)), 1
        text = [say("start", n=total)]
    else:
        n, m = draw(st.integers(1, 30)), draw(st.integers(1, 30))
        total, at_least = n * m, 0
        text = [say("product", n=n, m=m)]
    for i in range(draw(st.integers(at_least, 6))):
        up = draw(st.booleans())
        n = draw(st.integers(0, 999 if up else total))
        total += n if up else -n
        if i == 0 and draw(st.booleans()):
            text.append(say("more" if up else "fewer", n=n))
            a, b = b, a
        else:
            text.append(say("gain" if up else "loss", n=n))
    return " ".join([*text, say("question")]), total


@given(problems(), st.integers(1, 6), st.sampled_from(FORMATS), st.integers())
def test_right_styles_are_right_and_a_slip_is_wrong(
    problem: tuple[str, int], level: int, format: str, seed: int
) -> None:
    text, answer = problem
    solution = solve(text)
    assert solution.final == answer
    for style in ("strict", "diverse"):
        assert write(solution, level, format, style, random.Random(seed)).endswith(f"The answer is {answer}.")
    sloppy = write(solution, level, format, "sloppy", random.Random(seed), sloppy_share=1.0)
    assert not sloppy.endswith(f"The answer is {answer}.")


@given(st.text())
def test_any_text_is_solved_or_declined(text: str) -> None:
    try:
        solve(text)
    except CannotSolve as reason:
        assert str(reason)
