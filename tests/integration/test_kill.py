"""Kill -9 of a harvest at random moments, and two processes at one store: judged from the server's own log."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cotdistill.gen.builtin.background import RunningServer, start_server
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

CONCURRENCY = 16
N_QUESTIONS = 2_500


def command(store: Path, server: RunningServer, *more: str) -> list[str]:
    words = f"generate --teacher builtin-strict --dataset arith --level 3 --concurrency {CONCURRENCY}".split()
    where = ["--store", str(store), "--base-url", server.base_url]
    return [sys.executable, "-m", "cotdistill", *words, *where, *more]


def cotdistill(*words: str, store: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cotdistill", *words, "--store", str(store)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def requests(log: Path) -> list[str]:
    """The body hash of every request the server has read, in order."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [line["request"] for line in lines if line["event"] == "open"]


def received(store: Path) -> set[str]:
    """Reply keys in the store or in any spool segment, a torn line excepted: what an append has returned for."""
    keys = set()
    for segment in sorted(store.with_name(store.name + ".spool").glob("*.jsonl")):
        for line in segment.read_bytes().splitlines(keepends=True):
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if record["table"] == "reply":
                    keys.add(record["row"]["reply_key"])
    with Store(store).read() as con:
        keys |= {row[0] for row in con.execute("SELECT reply_key FROM reply").fetchall()}
    return keys


@pytest.fixture
def filled(store_path: Path) -> Path:
    add_questions(Store.open(store_path), arith.questions("train", N_QUESTIONS))
    return store_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with start_server(faults="latency:0.05", log=tmp_path / "server.log") as running:
        yield running


def start(words: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def test_kill_9_at_20_random_moments_loses_nothing_and_repeats_only_open_calls(
    filled: Path, server: RunningServer, tmp_path: Path
) -> None:
    log, moments = tmp_path / "server.log", random.Random(20)
    had: set[str] = set()
    for kill in range(20):
        before = requests(log)
        process = start(command(filled, server))
        deadline = time.monotonic() + 60
        while len(requests(log)) == len(before) and time.monotonic() < deadline:
            time.sleep(0.01)  # it plans first; the interesting moments begin with its first call
        time.sleep(moments.uniform(0.0, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        now = received(filled)
        assert had <= now, f"kill {kill}: {len(had - now)} received replies are gone"
        asked = requests(log)
        unreceived = len(set(asked)) - len(now)
        assert 0 <= unreceived <= CONCURRENCY, f"kill {kill}: {unreceived} calls were open, {CONCURRENCY} are allowed"
        repeated = len(asked) - len(set(asked))
        assert repeated <= CONCURRENCY * kill, f"kill {kill}: {repeated} requests were repeated in all"
        again = set(asked[len(before) :]) & set(before)
        assert len(again) <= CONCURRENCY, f"kill {kill}: {len(again)} requests of the runs before were repeated"
        had = now
    assert len(had) < N_QUESTIONS, "the harvest ended before the last kill: the kills prove nothing"
    done = subprocess.run(command(filled, server, "--json"), capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(done.stdout)["left"] == 0
    with Store(filled).read() as con:
        assert con.execute("SELECT count(*), count(DISTINCT question_key) FROM reply").fetchone() == (
            N_QUESTIONS,
            N_QUESTIONS,
        )
        final = {row[0] for row in con.execute("SELECT reply_key FROM reply").fetchall()}
    assert had <= final


def test_others_read_while_a_harvest_runs_and_a_second_one_names_the_first(filled: Path, tmp_path: Path) -> None:
    # slow enough that the harvest cannot end while the others look: 16 calls open, 0.2 s each, 2,500 questions
    with start_server(faults="latency:0.2", log=tmp_path / "server.log") as server:
        others_look(filled, server)


def others_look(filled: Path, server: RunningServer) -> None:
    process = start(command(filled, server))
    try:
        deadline = time.monotonic() + 60
        cell = {"received": 0}
        while cell["received"] == 0 and process.poll() is None and time.monotonic() < deadline:
            status = cotdistill("status", "--json", store=filled)
            assert status.returncode == 0, status.stderr
            cell = next(iter(json.loads(status.stdout)["cells"]), cell)
        count = cotdistill("sql", "select count(*) as n from reply", "--json", store=filled)
        assert count.returncode == 0, count.stderr
        assert 0 < cell["received"] <= json.loads(count.stdout)[0]["n"]
        second = subprocess.run(command(filled, server), capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        named = re.search(r"another harvest is at work on this store: process (\d+)", second.stderr)
        assert named
        assert int(named.group(1)) == process.pid
        assert process.poll() is None, "the harvest had ended: nothing was shown"
    finally:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out


def test_a_shell_that_holds_the_store_open_delays_the_flush_and_loses_nothing(
    filled: Path, server: RunningServer, tmp_path: Path
) -> None:
    process = start(command(filled, server, "--limit", "1500", "--json"))
    deadline = time.monotonic() + 60
    while len(requests(tmp_path / "server.log")) < 100 and time.monotonic() < deadline:
        time.sleep(0.05)
    shell = None
    while shell is None:
        with contextlib.suppress(duckdb.IOException):
            shell = duckdb.connect(str(filled))
    try:
        out, _ = process.communicate(timeout=120)
        in_file = shell.execute("SELECT count(*) FROM reply").fetchone()
    finally:
        shell.close()
    assert process.returncode == 0, out
    assert "cotdistill ingest" in out
    assert in_file is not None
    assert in_file[0] < 1500
    done = cotdistill("ingest", "--json", store=filled)
    assert done.returncode == 0, done.stderr
    with Store(filled).read() as con:
        assert con.execute("SELECT count(*) FROM reply").fetchone() == (1500,)
        assert con.execute("SELECT count(*) FROM rationale_now WHERE verdict = 'correct'").fetchone() == (1500,)
