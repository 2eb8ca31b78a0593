"""Half of the work in a second process: for pure functions over long lists of texts, which one core does too slowly.

The child is started once, as a module of its own (no fork, no import of the caller's main module), and gets the
function by name. Where it cannot be started or dies, its half is done here: slower, with the same result.
"""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
MIN_ITEMS = 1_000  # fewer are not worth the way


class Halves:
    """Maps functions over lists with a second process. Use as `with halves() as both: both.map(function, items)`."""

    def __init__(self, child: "subprocess.Popen[bytes] | None") -> None:
        self._child = child

    def map(self, function: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> list[R]:
        """function(items), which must equal function(first half) + function(second half). `function` is importable."""
        if self._child is None or len(items) < MIN_ITEMS:
            return function(items)
        middle = len(items) // 2
        try:
            assert self._child.stdin is not None and self._child.stdout is not None
            pickle.dump((function, items[middle:]), self._child.stdin, pickle.HIGHEST_PROTOCOL)
            self._child.stdin.flush()
        except OSError:
            self._child = None
            return function(items)
        first = function(items[:middle])
        try:
            second: list[R] = pickle.load(self._child.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            self._child = None
            second = function(items[middle:])
        return first + second


@contextlib.contextmanager
def halves(n_items: int) -> Iterator[Halves]:
    """A second process while the block runs; none where `n_items` are few or there is one core only."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_items < 2 * MIN_ITEMS or cores < 2:
        yield Halves(None)
        return
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Halves(child)
    finally:
        child.kill()
        for stream in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):  # the pipe may have broken with the child
                if stream is not None:
                    stream.close()
        child.wait()


def serve() -> None:
    """The child: one pickled (function, items) in, one pickled list out, until the input ends."""
    results, sys.stdout = sys.stdout.buffer, sys.stderr  # what a function prints is no result
    while True:
        try:
            work: tuple[Callable[[Any], list[Any]], Any] = pickle.load(sys.stdin.buffer)
        except (EOFError, KeyboardInterrupt):
            return
        function, items = work
        pickle.dump(function(items), results, pickle.HIGHEST_PROTOCOL)
        results.flush()
