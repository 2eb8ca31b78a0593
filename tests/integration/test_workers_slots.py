"""Worker processes with an environment each, as cards are handed out."""

import sys
from pathlib import Path

import pytest

from cotdistill import workers

WORKER = """
import os, time
from cotdistill import workers
def do(message, say):
    if message.get("die"):
        os._exit(3)
    say({"event": "card", "card": os.environ.get("CUDA_VISIBLE_DEVICES")})
    time.sleep(0.05)
    return {"card": os.environ.get("CUDA_VISIBLE_DEVICES"), "pid": os.getpid()}
workers.serve(do)
"""


def test_every_worker_has_a_card_of_its_own_and_a_dead_ones_successor_inherits_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "card_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(p for p in sys.path if p)}")
    slots = [{"CUDA_VISIBLE_DEVICES": card} for card in ("0", "1", "2,3")]
    jobs: list[workers.Message] = [{"die": True} if i == 4 else {"n": i} for i in range(12)]
    done = workers.run_jobs("card_worker", jobs, processes=3, log_dir=tmp_path / "logs", slots=slots)
    assert [o.status for o in done] == ["lost" if i == 4 else "done" for i in range(12)]
    by_worker: dict[int, set[str]] = {}
    for outcome in done:
        if outcome.status == "done":
            by_worker.setdefault(outcome.detail["pid"], set()).add(outcome.detail["card"])
    assert all(len(cards) == 1 for cards in by_worker.values())  # a process keeps its card
    assert {card for cards in by_worker.values() for card in cards} == {"0", "1", "2,3"}
