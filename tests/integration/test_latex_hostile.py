"""No LaTeX may hang, crash or fill the memory: every verdict is one, in bounded time, and the worker lives on."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.latex_nasty import MEGABYTES, NASTY

from cotdistill.tasks import latex
from cotdistill.tasks.grading import grade
from cotdistill.tasks.values import Question

LIMIT_S = 1.5


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[latex.Worker]:
    made = latex.Worker(limit_s=LIMIT_S)
    latex._verified.cache_clear()
    monkeypatch.setattr(latex, "_worker", made)
    yield made
    latex._verified.cache_clear()
    made.close()


def ask(gold: str) -> Question:
    return Question("d", "test", "q", "latex", gold)


def test_nothing_nasty_hangs_crashes_or_is_called_right(
    worker: latex.Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where "touch hostile" would leave its mark
    started, undecided = time.monotonic(), 0
    for nasty in NASTY:
        verdict = grade(f"So. The answer is ${nasty}$", ask("\\frac{17}{23}x"))
        assert verdict.status in ("wrong", "unparsed", "ungradable"), (nasty[:40], verdict)
        assert (verdict.status == "ungradable") == verdict.rule.endswith("+undecided"), verdict
        undecided += verdict.status == "ungradable"
    assert time.monotonic() - started < 60 + (undecided + 1) * (LIMIT_S + 10)
    assert worker.ask("x+1", "1+x") is True
    assert not (tmp_path / "hostile").exists()


def test_as_the_gold_answer_neither(worker: latex.Worker) -> None:
    for nasty in NASTY[::6]:
        verdict = grade("The answer is $\\frac{17}{23}x$", ask(nasty))
        assert verdict.status in ("wrong", "ungradable"), (nasty[:40], verdict)


@pytest.mark.parametrize("megabyte", MEGABYTES, ids=lambda text: repr(text[:8]))
@pytest.mark.parametrize("before", ["", "The answer is ", "\\boxed{"])
def test_a_megabyte_takes_seconds(megabyte: str, before: str) -> None:
    started = time.process_time()
    assert grade(before + megabyte, ask("5")).status in ("wrong", "unparsed")
    assert time.process_time() - started < 5


def test_what_hangs_is_ungradable_and_says_so_and_the_next_is_judged(worker: latex.Worker) -> None:
    started = time.monotonic()
    verdict = grade("The answer is $9^{9^{9^{9}}}$", ask("x+1"))
    assert (verdict.status, verdict.answer, verdict.rule) == ("ungradable", None, "answer-is+undecided")
    assert worker.pid is None
    assert grade("The answer is $1+x$", ask("x+1")).status == "correct"
    assert grade("The answer is $9^{9^{9^{9}}}$", ask("x+1")).status == "ungradable"  # remembered: no second wait
    assert time.monotonic() - started < latex.START_LIMIT_S


def test_memory_is_bounded(worker: latex.Worker) -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc to read a process's limits from")
    assert worker.ask("2", "1+1") is True
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert line.split()[3] == str(2 << 30)


def test_a_text_too_long_to_compare_is_wrong_by_that_rule() -> None:
    verdict = grade("The answer is $" + "x+" * 700 + "1$", ask("x"))
    assert (verdict.status, verdict.rule) == ("wrong", "answer-is+too-long")
