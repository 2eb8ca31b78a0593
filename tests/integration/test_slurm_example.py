"""The SLURM example as it stands in docs/: an array of two tasks, one of them killed, and what comes home from them."""

import os
import subprocess
import sys
import time
from pathlib import Path

from store_lab import table_rows

from cotdistill.store.merge import merge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

ROOT = Path(__file__).parent.parent.parent
KEYS = "SELECT cell_key, question_key, reply_key FROM cell_member SEMI JOIN reply USING (reply_key) ORDER BY ALL"


def environment(folder: Path, task: int, tasks: int) -> dict[str, str]:
    """What SLURM and the person set for one task of the array; `cotdistill` is on the PATH."""
    program = folder / "bin" / "cotdistill"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cotdistill "$@"\n')
    program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_ARRAY_TASK_COUNT": str(tasks),
        "QUESTIONS": "questions.duckdb",
        "TEACHER": "builtin-strict",
        "DATASET": "arith",
        "LEVEL": "1,3",
        "MORE": "--concurrency 2",
    }


def start(folder: Path, task: int) -> subprocess.Popen[str]:
    script = ROOT / "docs" / "harvest.sbatch"
    return subprocess.Popen(
        ["bash", str(script)], cwd=folder, env=environment(folder, task, 2), stderr=subprocess.PIPE, text=True
    )


def test_an_array_brings_home_what_one_machine_would_have(tmp_path: Path) -> None:
    questions = arith.questions("train", 60)
    add_questions(Store.open(tmp_path / "questions.duckdb"), questions)
    with start(tmp_path, 0) as first:  # killed as soon as it has received something, and requeued
        spool = tmp_path / "shards" / "0.duckdb.spool"
        deadline = time.monotonic() + 120
        while not any(spool.glob("harvest*.jsonl")) and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        first.kill()
        assert first.wait() == -9  # it was at work
    for task in (0, 1):
        with start(tmp_path, task) as again:
            said = again.stderr.read() if again.stderr else ""
            assert again.wait() == 0, said
    home = Store.open(tmp_path / "all.duckdb")
    for _ in range(2):
        for shard in sorted((tmp_path / "shards").glob("*.duckdb")):
            merge(home, shard)
    alone = {**environment(tmp_path, 0, 1), "SHARDS": "alone"}
    subprocess.run(["bash", str(ROOT / "docs" / "harvest.sbatch")], cwd=tmp_path, env=alone, check=True)
    assert len(table_rows(home, KEYS)) == 120
    assert table_rows(home, KEYS) == table_rows(Store.open(tmp_path / "alone" / "0.duckdb"), KEYS)
    assert table_rows(home, "SELECT count(*) FROM conflict") == [(0,)]
