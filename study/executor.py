"""Where a study's tasks are done: a small Protocol, so that other machines can do them too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..store.store import Store
from .tasks import Kind, Outcome, Task


def _silent(*_: Any) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told while tasks are done. `say(line)`: a line for a person; `progress(kind, done, total, words)`: how
    far the present stage is; `until()`: once true, nothing new is begun."""

    say: Callable[[str], None] = _silent
    progress: Callable[[Kind, float, float, str], None] = _silent
    until: Callable[[], bool] = bool


class Executor(Protocol):
    """Does tasks of one kind. When `do` returns, whatever was received of them is in `store` and judged, and there is
    one outcome for each task, in order. A task that fails is an outcome, never an exception; it may be given again at
    any time, and does nothing twice. ConfigError, StoreError and BudgetReached are for the whole study and are raised.
    """

    def do(self, store: Store, tasks: Sequence[Task], watch: Watch) -> list[Outcome]: ...
