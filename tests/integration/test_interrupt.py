"""Ctrl-C: once waits for the calls that are open, twice cuts them off; neither loses what was received."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotdistill.gen.builtin.background import RunningServer, start_server
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

N, CONCURRENCY = 120, 8


@pytest.fixture
def filled(store_path: Path) -> Path:
    add_questions(Store.open(store_path), arith.questions("train", N))
    return store_path


def command(store: Path, server: RunningServer) -> list[str]:
    words = f"generate --teacher builtin-strict --dataset arith --level 3 --concurrency {CONCURRENCY}".split()
    return [sys.executable, "-m", "cotdistill", *words, "--store", str(store), "--base-url", server.base_url]


def events(log: Path, name: str) -> int:
    lines = log.read_text().splitlines() if log.exists() else []
    return sum(json.loads(line)["event"] == name for line in lines)


def interrupted(store: Path, server: RunningServer, log: Path, times: int) -> tuple[int, str]:
    """Start a harvest, press Ctrl-C when calls are open; exit code and what it said."""
    process = subprocess.Popen(
        command(store, server), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while events(log, "open") < CONCURRENCY and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    if times == 2:
        assert process.stdout is not None
        said = []
        while "stopping" not in "".join(said[-1:]):  # the second comes after the first was heard
            said.append(process.stdout.readline())
            assert said[-1], said
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def attempts(store: Path) -> dict[str, int]:
    with Store(store).read() as con:
        return dict(con.execute("SELECT status, count(*) FROM attempt GROUP BY 1").fetchall())


def test_once_waits_for_what_is_open_and_asks_nothing_new(filled: Path, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with start_server(faults="latency:1.5", log=log) as server:
        code, said = interrupted(filled, server, log, times=1)
        assert code == 1, said
        assert f"waiting for {CONCURRENCY} open calls" in said
        assert "the same command again" in said
        assert events(log, "open") == CONCURRENCY
        assert attempts(filled) == {"ok": CONCURRENCY}


def test_twice_cuts_off_records_the_calls_and_the_same_command_goes_on(filled: Path, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with start_server(faults="latency:30", log=log) as server:
        code, said = interrupted(filled, server, log, times=2)
        assert code == 130, said
        assert "what was received is kept" in said
        assert "Traceback" not in said
    with start_server() as server:
        done = subprocess.run(command(filled, server), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert attempts(filled) == {"ok": N, "unavailable": CONCURRENCY}
