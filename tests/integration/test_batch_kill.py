"""Kill -9 of submitting and collecting batches at random moments, judged from the provider's own record.

The provider takes a random while before it acts and before it answers, longer than a restart takes now and then: kills
fall before an upload, after it, in the middle of a submission, after it, and between result lines; and some submissions
arrive only after the restarted command has asked whether they exist.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from servers import batch_driver
from servers.batch_base import Provider, run_until_complete, serving
from servers.batch_gemini import GeminiProvider
from servers.batch_openai import OpenAIProvider

from cotdistill.gen.batch_collect import collect_batches
from cotdistill.gen.batch_reconcile import reconcile_batches
from cotdistill.store.ingest import ingest
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

pytestmark = pytest.mark.slow  # minutes: 50 kills with their restarts

PER_BATCH = 40
LATE_S = 6.0
COUNTS = """SELECT (SELECT count(*) FROM reply), (SELECT count(*) FROM attempt),
    (SELECT count(DISTINCT reply_key) FROM attempt WHERE status = 'ok'), (SELECT count(*) FROM batch_stray),
    (SELECT count(*) FROM batch_now WHERE closed)"""
ROOT = Path(__file__).parent.parent.parent


def start(words: list[str]) -> "subprocess.Popen[bytes]":
    env = os.environ | {"BATCH_TEST_KEY": "k", "PYTHONPATH": str(ROOT / "tests")}
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def kill_after_first_request(process: "subprocess.Popen[bytes]", provider: Provider, wait: float) -> bool:
    """Kill the process `wait` seconds after its first request; False when it had ended by itself."""
    before, deadline = len(provider.requests), time.monotonic() + 60
    while len(provider.requests) == before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(wait)
    alive = process.poll() is None
    os.kill(process.pid, signal.SIGKILL) if alive else None
    said, _ = process.communicate()
    assert alive or process.returncode == 0, said.decode()
    return alive


def nobody_asked_twice(provider: Provider) -> None:
    twice = {key: n for key, n in provider.times_asked().items() if n > 1}
    assert not twice, f"{len(twice)} replies are in two batches"


@pytest.fixture(params=["openai", "gemini"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BATCH_TEST_KEY", "k")
    return str(request.param)


def test_kill_9_while_submitting_never_submits_twice(kind: str, store_path: Path) -> None:
    n, kills = 2_400, 17
    store = Store.open(store_path)
    add_questions(store, arith.questions("train", n))
    provider: Provider = OpenAIProvider() if kind == "openai" else GeminiProvider()
    moments, delays = random.Random(15), random.Random(16)

    def before() -> float:
        method, route = provider.requests[-1]
        if method == "POST" and (route == "/v1/batches" or route.endswith(":batchGenerateContent")):
            return delays.choice([0.0, 0.05, 0.1, LATE_S])
        return delays.choice([0.0, 0.05, 0.2])

    provider.before = before
    provider.after = lambda: delays.choice([0.0, 0.05, 0.1])
    with serving(provider) as url:
        command = [sys.executable, str(ROOT / "tests" / "servers" / "batch_driver.py")]
        command += [str(store_path), url, kind, str(n), str(PER_BATCH)]
        killed = 0
        for _ in range(kills):
            killed += kill_after_first_request(start(command), provider, moments.uniform(0.0, 1.2))
            nobody_asked_twice(provider)
        assert killed == kills, "it ended before the last kill: the kills prove nothing"
        assert 0 < len(provider.times_asked()) < n
        provider.before = provider.after = lambda: 0.0
        time.sleep(LATE_S)  # what is still on its way arrives: late, and without its file
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
            env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        )
        assert int(done.stdout) > 0
        nobody_asked_twice(provider)
        assert len(provider.times_asked()) == n
        with store.read() as con:
            submitted = con.execute("SELECT remote_id FROM batch_now WHERE NOT closed ORDER BY 1").fetchall()
            doubts = con.execute("SELECT count(*) FROM batch_now WHERE state = 'withdrawn'").fetchall()
        assert [row[0] for row in submitted] == sorted(batch.id for batch in provider.living())
        print(f"{kind}: {doubts[0][0]} intents withdrawn, {len(provider.refused)} late submissions refused")
        for batch in provider.batches.values():
            provider.finish(batch)
        assert collect_batches(store).n_received == n


def test_a_submission_that_arrives_after_it_was_withdrawn_finds_no_file(kind: str, store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, arith.questions("train", 30))
    provider: Provider = OpenAIProvider() if kind == "openai" else GeminiProvider()
    create = "/v1/batches" if kind == "openai" else "/v1beta/models/gemini-test:batchGenerateContent"
    asked, go_on = threading.Event(), threading.Event()

    def hold() -> float:
        if provider.requests[-1] == ("POST", create) and not go_on.is_set():
            asked.set()
            go_on.wait(60)
        return 0.0

    provider.before = hold
    with serving(provider) as url:
        command = [sys.executable, str(ROOT / "tests" / "servers" / "batch_driver.py")]
        process = start([*command, str(store_path), url, kind, "30", "30"])
        assert asked.wait(60)
        process.kill()
        process.communicate()
        ingest(store, store.spool_dir)
        assert len(reconcile_batches(store).withdrawn) == 1
        go_on.set()
        deadline = time.monotonic() + 60
        while not provider.refused and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(provider.refused) == 1
        assert provider.batches == {}
        assert batch_driver.submit(store, batch_driver.teacher(url, kind), 30, None).n_requests == 30
        nobody_asked_twice(provider)


def test_kill_9_while_collecting_loses_nothing(kind: str, store_path: Path) -> None:
    n, kills = 1_200, 8
    store = Store.open(store_path)
    add_questions(store, arith.questions("train", n))
    provider: Provider = OpenAIProvider() if kind == "openai" else GeminiProvider()
    moments = random.Random(13)
    with serving(provider) as url:
        asked = batch_driver.teacher(url, kind)
        batch_driver.submit(store, asked, n, PER_BATCH)
        provider.trickle_s, provider.after = 0.01, lambda: 0.02
        provider.on_poll = run_until_complete(provider, 2, extra=(b'{"cut\n', b"{}\n"))
        command = [sys.executable, "-m", "cotdistill", "collect", "--store", str(store_path), "--wait"]
        command += ["--every", "0.1"]
        had: set[str] = set()
        killed = 0
        for _ in range(kills):
            killed += kill_after_first_request(start(command), provider, moments.uniform(0.0, 0.9))
            now = received(store)
            assert had <= now, f"{len(had - now)} received replies are gone"
            had = now
        assert killed == kills, "it ended before the last kill: the kills prove nothing"
        assert had, "no kill came after a result"
        assert batch_driver.submit(store, asked, n, PER_BATCH).n_requests == 0, "what is open is pending for nobody"
        provider.trickle_s, provider.after = 0.0, lambda: 0.0
        process = start(command)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()
        with store.read() as con:
            counts = con.execute(COUNTS).fetchone()
        n_batches = n // PER_BATCH
        assert counts == (n, n, n, 2 * n_batches, n_batches)
        assert had <= received(store) == set(provider.times_asked())


def received(store: Store) -> set[str]:
    """Reply keys in the store, once the spool is brought home."""
    ingest(store, store.spool_dir)
    with store.read() as con:
        return {row[0] for row in con.execute("SELECT reply_key FROM reply").fetchall()}
