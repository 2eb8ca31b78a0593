"""A real Ray cluster of two workers: one is killed while it trains, and the study ends as on one machine."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import ray_lab
import study_lab

from cotdistill import environments
from cotdistill.store.check import check
from cotdistill.store.store import Store
from cotdistill.study.local import LocalExecutor
from cotdistill.study.run import run_study

TESTS = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    """What one machine makes of the study."""
    store = study_lab.with_questions(tmp_path_factory.mktemp("alone") / "lab.duckdb")
    ran = run_study(study_lab.design(**ray_lab.SETTINGS), store, LocalExecutor(processes=1))
    assert (ran.missing, ran.errors) == (0, ())
    return ray_lab.keys_of(store)


def on_a_cluster(store: Path, *words: str) -> dict[str, Any]:
    """What was seen of a study that ran on a cluster of its own."""
    python = environments.require("ray").python
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [python, TESTS / "ray_lab.py", store, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ":".join(paths)},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.engines
@pytest.mark.parametrize("shared", [True, False])
def test_a_killed_worker_costs_its_task_and_nothing_else(
    shared: bool, tmp_path: Path, alone: dict[str, list[tuple[object, ...]]]
) -> None:
    words = [str(tmp_path / "shared")] if shared else []
    seen = on_a_cluster(tmp_path / "lab.duckdb", "kill", *words)
    assert seen["killed"]
    assert not seen["orphan"]  # the training ended with its worker
    assert (seen["missing"], seen["errors"]) == (0, [])
    assert seen["counts"] == {"harvest done": 1, "corpora done": 3, "train done": 3, "evaluate done": 4}
    assert seen["again"] == {"corpora done": 3}  # nothing is done twice
    assert seen["lacking"] == ["", "1 CPU, 2 GPU"]
    assert seen["left"] == []  # the shared folder is tidied up
    store = Store.open(tmp_path / "lab.duckdb")
    assert ray_lab.keys_of(store) == alone
    assert [one.code for one in check(store) if one.wrong or one.code == "conflict"] == []
