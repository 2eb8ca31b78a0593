"""The built-in teacher's server in its own process, spoken to by the real openai SDK and by bare sockets."""

import asyncio
import collections
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from cotdistill.errors import ConfigError
from cotdistill.gen.builtin.server import RunningServer, start_server
from cotdistill.gen.prompts import ANSWER_ONLY, FORMATS, PROMPT_VERSION, build
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.realised import count_tokens
from cotdistill.tasks.values import Question, Recipe

RECIPES = [Recipe(level, f, "no", PROMPT_VERSION) for f in FORMATS if f != ANSWER_ONLY for level in range(1, 7)]
RECIPES.append(Recipe(None, ANSWER_ONLY, "no", PROMPT_VERSION))
QUESTIONS = arith.questions("train", 60)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with start_server(seed=3) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as made:
        yield made


def _messages(question: Question, recipe: Recipe) -> list:
    return [{"role": m.role, "content": m.content} for m in build(question, recipe)]


def _events(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("model", ["builtin-strict", "builtin-diverse"])
def test_every_level_and_format_through_the_sdk(client: openai.OpenAI, model: str) -> None:
    question = next(q for q in QUESTIONS if q.subject == "3 steps")
    said = {}
    for recipe in RECIPES:
        reply = client.chat.completions.create(model=model, messages=_messages(question, recipe), max_tokens=400)
        text = reply.choices[0].message.content
        assert text.endswith(f"The answer is {question.gold}.")
        assert (reply.model, reply.object, reply.choices[0].finish_reason) == (model, "chat.completion", "stop")
        assert reply.usage.completion_tokens == count_tokens(text)
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
        assert reply.id.startswith("chatcmpl-") and reply.created > 1_700_000_000
        said[recipe.format, recipe.level] = text
    assert len(set(said.values())) == len(RECIPES)
    assert said[ANSWER_ONLY, None] == f"The answer is {question.gold}."


def test_models_and_health(client: openai.OpenAI, server: RunningServer) -> None:
    assert [m.id for m in client.models.list()] == ["builtin-strict", "builtin-diverse", "builtin-sloppy"]
    root = server.base_url.removesuffix("/v1")
    assert httpx.get(f"{root}/health").json() == {"status": "ok"}
    assert httpx.get(f"{root}/elsewhere").status_code == 404
    assert httpx.get(f"{server.base_url}/chat/completions").status_code == 405


def test_a_cut_answer_reads_length(client: openai.OpenAI) -> None:
    messages = _messages(QUESTIONS[0], RECIPES[5])
    reply = client.chat.completions.create(model="builtin-strict", messages=messages, max_completion_tokens=7)
    assert (reply.choices[0].finish_reason, reply.usage.completion_tokens) == ("length", 7)


def test_errors_as_the_sdk_knows_them(client: openai.OpenAI, server: RunningServer) -> None:
    messages = _messages(QUESTIONS[0], RECIPES[0])
    with pytest.raises(openai.NotFoundError, match="builtin-strict") as missing:
        client.chat.completions.create(model="gpt-4o", messages=messages)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.chat.completions.create(model="builtin-strict", messages=[])
    bad = httpx.post(f"{server.base_url}/chat/completions", content=b"{nope")
    assert bad.status_code == 400 and bad.json()["error"]["type"] == "invalid_request_error"
    reply = client.chat.completions.create(model="builtin-strict", messages=[{"role": "user", "content": "Hello!"}])
    assert reply.choices[0].message.content.startswith("I cannot solve this.")


def test_fifty_at_once_over_kept_connections_each_get_their_own_answer(server: RunningServer) -> None:
    async def ask_all() -> list[str]:
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
        async with httpx.AsyncClient(limits=limits, timeout=60) as http:

            async def ask(question: Question, recipe: Recipe) -> str:
                body = {"model": "builtin-diverse", "messages": _messages(question, recipe)}
                reply = await http.post(f"{server.base_url}/chat/completions", json=body)
                return reply.json()["choices"][0]["message"]["content"]

            asked = [ask(q, RECIPES[i % len(RECIPES)]) for i, q in enumerate([*QUESTIONS, *QUESTIONS, *QUESTIONS])]
            return await asyncio.gather(*asked)

    texts = asyncio.run(ask_all())
    for question, text in zip([*QUESTIONS, *QUESTIONS, *QUESTIONS], texts, strict=True):
        assert text.endswith(f"The answer is {question.gold}.")


def test_one_connection_serves_request_after_request_and_refuses_what_is_not_http(server: RunningServer) -> None:
    port = int(server.base_url.split(":")[2].removesuffix("/v1"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw, raw.makefile("rb") as stream:
        for _ in range(3):
            raw.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert stream.readline() == b"HTTP/1.1 200 \r\n"
            while stream.readline() != b"\r\n":
                pass
            assert stream.read(15) == b'{"status":"ok"}'
        raw.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert stream.readline().startswith(b"HTTP/1.1 400")
        assert stream.read().endswith(b"}}")  # and closes


def test_the_same_seed_answers_the_same_in_another_process(client: openai.OpenAI) -> None:
    def ask(asked: openai.OpenAI, **more: int) -> list[str]:
        replies = [
            asked.chat.completions.create(model="builtin-sloppy", messages=_messages(q, RECIPES[4]), **more)
            for q in QUESTIONS[:20]
        ]
        return [reply.choices[0].message.content for reply in replies]

    with start_server(seed=3) as again, openai.OpenAI(base_url=again.base_url, api_key="none") as second:
        assert ask(second) == ask(client)
        assert ask(second, seed=1) == ask(client, seed=1) != ask(client)
    with start_server(seed=4) as other, openai.OpenAI(base_url=other.base_url, api_key="none") as third:
        assert ask(third) != ask(client)


def test_the_log_tells_open_from_answered_through_a_kill(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    body = json.dumps({"model": "builtin-strict", "messages": _messages(QUESTIONS[0], RECIPES[0])}).encode()
    with start_server(log=log) as quick:
        for _ in range(3):
            assert httpx.post(f"{quick.base_url}/chat/completions", content=body).status_code == 200
        httpx.get(f"{quick.base_url}/models")
    events = _events(log)
    assert [e["event"] for e in events] == ["open", "billed", "answered"] * 3
    assert len({e["request"] for e in events}) == 1

    with start_server(log=log, faults="latency:600") as slow:
        port = int(slow.base_url.split(":")[2].removesuffix("/v1"))
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(head + body)
            while len(_events(log)) < 10:
                select.select([raw], [], [], 0.01)
            slow.process.send_signal(signal.SIGKILL)
            slow.process.wait()
    assert [e["event"] for e in _events(log)[9:]] == ["open"]


def test_faults_happen_on_the_wire_and_the_rest_is_healthy(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    spec = "500:0.1,429:0.1,503:0.1,cut:0.1,garbled:0.1,hang:0.05"
    met: collections.Counter[str] = collections.Counter()
    with start_server(seed=1, faults=spec, log=log) as faulty, httpx.Client(timeout=2) as http:
        for i in range(60):
            body = {"model": "builtin-strict", "messages": _messages(QUESTIONS[i], RECIPES[i % 24])}
            try:
                reply = http.post(f"{faulty.base_url}/chat/completions", json=body)
            except httpx.ReadTimeout:
                met["hang"] += 1
                continue
            except httpx.RemoteProtocolError:
                met["cut"] += 1
                continue
            if reply.status_code != 200:
                met[str(reply.status_code)] += 1
                assert reply.json()["error"]["code"] == str(reply.status_code)
                assert ("retry-after" in reply.headers) == (reply.status_code in (429, 503))
                continue
            try:
                assert reply.json()["choices"][0]["message"]["content"].endswith(f"The answer is {QUESTIONS[i].gold}.")
                met["healthy"] += 1
            except json.JSONDecodeError:
                met["garbled"] += 1
        httpx.get(f"{faulty.base_url}/models").raise_for_status()
    assert set(met) == {"500", "429", "503", "cut", "garbled", "hang", "healthy"}, met
    events = collections.Counter(
        e.get("fault", "healthy") for e in _events(log) if e["event"] in ("answered", "failed")
    )
    assert events == met


def test_the_server_dies_with_its_parent() -> None:
    code = (
        "from cotdistill.gen.builtin.server import start_server\n"
        "server = start_server(); print(server.pid, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        server_fd = os.pidfd_open(int(parent.stdout.readline()))
        try:
            assert select.select([server_fd], [], [], 0)[0] == []
            parent.kill()
            assert select.select([server_fd], [], [], 30)[0] == [server_fd]
        finally:
            os.close(server_fd)


def test_settings_it_cannot_use(server: RunningServer, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="exit code 2"):
        start_server(faults="explode:1")
    with pytest.raises(ConfigError, match="exit code 2"):
        start_server(port=int(server.base_url.split(":")[2].removesuffix("/v1")))
    said = capfd.readouterr().err
    assert "'explode:1'" in said and "cannot listen" in said and "Traceback" not in said
