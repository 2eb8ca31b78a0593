"""A real study killed with -9 again and again, wherever it happens to be: in the end everything was done once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import study_lab

from cotdistill.store.store import Store

STUDY = study_lab.as_toml(
    name="killed",
    questions={"limit": 300},
    training={"settings": {"max_steps": 25}},
    evaluation={"limit": 60},
)


@pytest.mark.slow
def test_a_study_survives_being_killed(tmp_path: Path) -> None:
    (tmp_path / "killed.toml").write_text(STUDY)
    command = [sys.executable, "-m", "cotdistill", "study", "run", "killed.toml", "--store", "s.duckdb"]
    drawn, kills = random.Random(7), 0
    for _ in range(12):
        process = subprocess.Popen(
            command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time_left = time.monotonic() + drawn.uniform(3, 20)
        while process.poll() is None and time.monotonic() < time_left:
            time.sleep(0.05)
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    last = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert kills >= 3
    assert last.returncode == 0, last.stderr
    assert "killed is whole" in last.stderr
    with Store(tmp_path / "s.duckdb").read() as con:

        def one(sql: str) -> object:
            row = con.execute(sql).fetchone()
            return row and row[0]

        assert one("SELECT count(*) FROM reply") == 900
        assert one("SELECT count(*) - count(DISTINCT reply_key) FROM attempt WHERE status = 'ok'") == 0
        assert one("SELECT count(*) FROM run") == 6
        assert one("SELECT count(*) FROM run_event WHERE event = 'finished'") == 6
        assert one("SELECT count(*) FROM evaluation") == 7
        assert one("SELECT count(*) FROM prediction") == 7 * 60
