"""How a search is shown: rung by rung who went on, the best, who cannot be told from it, and what it took."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from .common import print_json, print_note, print_rows, say

if TYPE_CHECKING:
    from ..study.halving import Found


def show_found(found: "Found", share: float, file: str, *, as_json: bool) -> None:
    """The steps as a table, the end in words."""
    if as_json:
        print_json(asdict(found) | {"share_of_training": round(share, 4)})
        return
    for stage in dict.fromkeys(step.stage for step in found.steps):
        rows = [
            (s.arm, None if s.accuracy is None else round(100 * s.accuracy, 1), s.n or None, s.kept, s.why or None)
            for s in found.steps
            if s.stage == stage
        ]
        print_rows(("supervision", "right %", "n", "goes on", "why"), rows, as_json=False, title=stage)
        print()
    print(f"best: {found.best}")
    if found.ties:
        print_note(f"cannot be told from it: {', '.join(found.ties)}")
    print_note(f"{found.n_runs} trainings, {share:.0%} of what the full grid reads; {found.ended}")
    say(f"Next: cotdistill study run {file}, for the whole grid, or cotdistill analyze levels")
