"""math-verify in its own process: right, bounded, restarted, shared by threads."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cotdistill.tasks import latex
from cotdistill.tasks.grading import grade
from cotdistill.tasks.values import Question


@pytest.fixture
def worker() -> Iterator[latex.Worker]:
    made = latex.Worker(limit_s=4.0)
    yield made
    made.close()
    assert made.pid is None


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [("x^2+2x+1", "(x+1)^2", True), ("6 - 5i", "-5i+6", True), ("-2,5", "5,-2", True), ("x^2", "x^3", False)],
)
def test_verdicts_that_need_algebra(gold: str, answer: str, equal: bool) -> None:
    verdict = grade(f"The answer is ${answer}$.", Question("d", "test", "q", "latex", gold))
    assert (verdict.status, verdict.rule) == ("correct" if equal else "wrong", "answer-is+math-verify")


def test_nothing_starts_before_the_first_question(worker: latex.Worker) -> None:
    assert worker.pid is None
    assert worker.ask("2", "1+1") is True
    assert worker.pid is not None


def test_an_item_that_hangs_is_undecided_and_the_next_one_is_answered(worker: latex.Worker) -> None:
    worker.ask("2", "1+1")
    first, started = worker.pid, time.monotonic()
    assert worker.ask("3", "9^{9^{9^{9}}}") is None
    assert time.monotonic() - started < 3 * worker.limit_s
    assert worker.ask("2", "1+1") is True
    assert worker.pid not in (None, first)


def test_a_killed_child_is_replaced(worker: latex.Worker) -> None:
    worker.ask("2", "1+1")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.ask("2", "1+1") in (True, None)  # None: the kill was not noticed before the question was put
    assert worker.ask("2", "1+1") is True


def test_nonsense_is_not_equal_and_not_fatal(worker: latex.Worker) -> None:
    for nonsense in ("\\frac{" * 50, "{" * 200, "\x00", "\\", "\ud800", "$$"):
        assert not worker.ask("3", nonsense)
    assert worker.ask("2", "1+1") is True


def test_threads_take_turns(worker: latex.Worker) -> None:
    pairs = [(str(2 * n), f"{n}+{n}" if n % 2 else f"{n}+{n}+1") for n in range(1, 25)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: worker.ask(*pair), pairs))
    assert answers == [n % 2 == 1 for n in range(1, 25)]


def test_a_program_that_used_it_ends_and_leaves_no_child() -> None:
    program = "from cotdistill.tasks import latex\nprint(latex.equal('(x+1)^2', 'x^2+2x+1'), latex._worker.pid)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    answer, pid = done.stdout.rsplit(maxsplit=1)
    assert answer == "(True, 'math-verify')"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
