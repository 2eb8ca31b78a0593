"""Kill -9 of a harvest with a cap at 50 random moments: nothing lost, little asked twice, and the cap holds for what a
provider would bill, counted from the server's own log."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotdistill.gen.budget import spent
from cotdistill.gen.builtin.background import start_server
from cotdistill.store.ingest import ingest
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

pytestmark = pytest.mark.slow

KILLS, CONCURRENCY, N = 50, 16, 6_000
USD_INPUT, USD_OUTPUT = 2.0, 10.0  # per million tokens


def read(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def billed(log: Path) -> float:
    """Dollars for everything the server wrote an answer to, whether or not anybody was left to read it."""
    return sum(
        (int(str(e["prompt_tokens"])) * USD_INPUT + int(str(e["completion_tokens"])) * USD_OUTPUT) / 1e6
        for e in read(log)
        if e["event"] == "billed"
    )


def n_open(log: Path) -> int:
    return sum(e["event"] == "open" for e in read(log))


def test_fifty_kills_and_the_cap(store_path: Path, tmp_path: Path) -> None:
    store, log = Store.open(store_path), tmp_path / "server.log"
    add_questions(store, arith.questions("train", N))
    moments = random.Random(50)
    with start_server(faults="latency:0.05,500:0.02,cut:0.02", log=log) as server:
        (tmp_path / "mine.toml").write_text(
            f'[paid]\nprovider = "openai-compatible"\nmodel = "builtin-strict"\nbase_url = "{server.base_url}"\n'
            f"usd_input = {USD_INPUT}\nusd_output = {USD_OUTPUT}\nlisted_on = 2026-11-01\n"
        )
        words = (
            f"generate --teacher paid --dataset arith --level 3 --concurrency {CONCURRENCY} --max-tokens 200".split()
        )
        where = ["--store", str(store_path), "--teachers", str(tmp_path / "mine.toml")]

        def command(cap: float) -> list[str]:
            return [sys.executable, "-m", "cotdistill", *words, *where, "--max-usd", str(cap)]

        cap = 100.0  # first kills with money to spend, so that every one of them finds the harvest at work
        had: set[str] = set()
        kill = n_capped = 0
        while kill < KILLS:
            if kill == KILLS - 15 and cap == 100.0:
                cap = spent(store) + 0.25  # the last kills fall near the cap
            before = n_open(log)
            process = subprocess.Popen(command(cap), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while n_open(log) == before and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(moments.uniform(0.0, 0.6))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                kill += 1
            else:
                assert process.returncode == 3, "it ended by itself, and not for the cap"
                n_capped += 1
            ingest(store, store.spool_dir)
            with store.read() as con:
                now = {row[0] for row in con.execute("SELECT reply_key FROM reply").fetchall()}
            assert had <= now, f"kill {kill}: {len(had - now)} received replies are gone"
            assert billed(log) <= spent(store) + 1e-9, f"kill {kill}: the provider bills more than the store knows of"
            assert spent(store) <= cap, f"kill {kill}: the cap is exceeded"
            had = now
            cap += 0.25 * (process.returncode == 3)
        assert n_capped > 0
        assert len(had) < N, "the harvest ended before the last kill: the kills prove nothing"
        done = subprocess.run(command(cap), capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 3, done.stderr  # a quarter of a dollar buys some 190 more, thousands are left
        assert "--max-usd" in done.stderr
        assert billed(log) <= spent(store) + 1e-9
        assert spent(store) <= cap
        done = subprocess.run(command(100.0), capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    with store.read() as con:
        assert con.execute("SELECT count(*), count(DISTINCT question_key) FROM reply").fetchone() == (N, N)
    asked = [str(e["request"]) for e in read(log) if e["event"] == "open"]
    failed = sum(e["event"] == "failed" for e in read(log))
    repeated = len(asked) - len(set(asked)) - failed
    assert repeated <= CONCURRENCY * kill, f"{repeated} calls were asked twice for no fault of the server"
    print(f"{KILLS} kills, {len(asked):,} requests for {N:,} replies, {repeated} repeated, ${billed(log):.2f} billed")
