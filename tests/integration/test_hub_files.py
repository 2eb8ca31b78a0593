"""Data sets from the hub: a loopback server with the published layouts, over a real socket."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks.datasets.registry import DATASETS, load_questions


class Hub(ThreadingHTTPServer):
    """Serves `files` (URL path -> bytes); remembers what was asked and with which token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.status = 200
        self.cut = False

    def serve(self, dataset: str, file: str, rows: list[dict[str, object]]) -> None:
        hub = DATASETS[dataset].hub
        assert hub is not None
        buffer = io.BytesIO()
        if file.endswith(".parquet"):
            pl.DataFrame(rows).write_parquet(buffer)
            content = buffer.getvalue()
        elif file.endswith(".jsonl"):
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        else:
            content = json.dumps(rows).encode()
        self.files[f"/datasets/{hub.repository}/resolve/{hub.revision}/{file}"] = content


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("authorization")))
        if self.path.startswith("/datasets/") and self.server.status == 200 and self.path in self.server.files:
            self.send_response(302)  # the hub redirects to its storage
            self.send_header("location", "/storage" + self.path)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        content = self.server.files.get(self.path.removeprefix("/storage"), b"")
        self.send_response(self.server.status if content or self.server.status != 200 else 404)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.server.cut else content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("COTDISTILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def gsm8k_rows(split: str) -> list[dict[str, object]]:
    return [{"question": f"{split}: {n} + 1?", "answer": f"so it is\n#### {n + 1}"} for n in range(3)]


def serve_all(hub: Hub) -> dict[str, dict[str, int]]:
    """Look-alike rows of every data set in its published layout. Returns the expected counts."""
    for split in ("train", "test"):
        hub.serve("gsm8k", f"main/{split}-00000-of-00001.parquet", gsm8k_rows(split))
        body = [
            {"ID": f"{split}-{n}", "Body": f"Bo has {n} {split} pens", "Question": "How many?", "Equation": "( 1 )"}
            | {"Answer": f"{n}", "Type": "Addition", "question_concat": f"Bo has {n} pens How many?"}
            for n in range(4)
        ]
        hub.serve("svamp", f"{split}.json", body)
        subjects = ("algebra", "geometry", "prealgebra", "precalculus", "number_theory")
        for subject in (*subjects, "counting_and_probability", "intermediate_algebra"):
            rows = [
                {
                    "problem": f"{split} {subject} {n}",
                    "level": "Level 1",
                    "type": subject.replace("_and_", " & ").replace("_", " ").title(),
                    "solution": "\\boxed{1}",
                }
                for n in range(2)
            ]
            hub.serve("math", f"{subject}/{split}-00000-of-00001.parquet", rows)
    for split in ("train", "validation", "test"):
        rows = [{"question": f"{split}?", "options": ["A)1", "B)2"], "rationale": "r", "correct": "B"}]
        hub.serve("aqua", f"raw/{split}-00000-of-00001.parquet", rows)
    listed = {"choices": {"text": ["pen", "ink"], "label": ["A", "B"]}, "answerKey": "B"}
    for split in ("train", "validation"):
        rows = [{"id": "1", "question": f"{split}?", "question_concept": "c", **listed}]
        hub.serve("commonsenseqa", f"data/{split}-00000-of-00001.parquet", rows)
    for split in ("train", "test"):
        hub.serve(
            "openbookqa", f"main/{split}-00000-of-00001.parquet", [{"id": "1", "question_stem": f"{split}?", **listed}]
        )
    strategy = DATASETS["strategyqa"].hub
    assert strategy is not None
    for n, file in enumerate(strategy.files["train"]):
        rows = [{"qid": "1", "term": "t", "description": "d", "question": f"Can it {n}?", "answer": True, "facts": "f"}]
        hub.serve("strategyqa", file, rows)
    hub.serve(
        "math500", "test.jsonl", [{"problem": "p", "solution": "s", "answer": "1", "subject": "Algebra", "level": 2}]
    )
    return {
        "gsm8k": {"train": 3, "test": 3},
        "svamp": {"train": 0, "test": 8},  # no look-alike is among the paper's 700
        "math": {"train": 14, "test": 14},
        "aqua": {"train": 1, "validation": 1, "test": 1},
        "commonsenseqa": {"train": 1, "test": 1},
        "openbookqa": {"train": 1, "test": 1},
        "strategyqa": {"train": 2, "test": 0},
        "math500": {"test": 1},
        "math-4s": {"test": 8},
    }


def test_every_data_set_is_read_from_its_published_layout(hub: Hub) -> None:
    for name, counts in serve_all(hub).items():
        result = load_questions(name, hub=True)
        assert result.counts == counts, name
        assert not result.absent
        assert all(question.gold for question in result.questions)
    source = load_questions("gsm8k", split="test", hub=True).questions[0].source
    assert source == "openai/gsm8k@cc7b047/main/test-00000-of-00001.parquet:1"


def test_a_file_is_fetched_once_and_works_offline_then(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_all(hub)
    first = load_questions("gsm8k", split="test", hub=True)
    asked = len(hub.asked)
    assert asked == 2  # the file and its redirect
    assert load_questions("gsm8k", split="test", hub=True) == first
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert load_questions("gsm8k", split="test", hub=True) == first
    assert len(hub.asked) == asked
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE is set"):
        load_questions("aqua", split="test", hub=True)


def test_the_token_is_sent(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_all(hub)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    load_questions("gsm8k", split="test", hub=True)
    assert hub.asked[0][1] == "Bearer hf_test"


@pytest.mark.parametrize(("status", "hint"), [(404, "--source"), (401, "HF_TOKEN"), (500, "--source")])
def test_an_http_error_is_one_clear_message(hub: Hub, status: int, hint: str) -> None:
    hub.status = status
    with pytest.raises(ConfigError, match=f"openai/gsm8k/resolve/.*: HTTP {status}.*{hint}"):
        load_questions("gsm8k", split="test", hub=True)


def test_a_cut_download_leaves_nothing_behind(hub: Hub, tmp_path: Path) -> None:
    serve_all(hub)
    hub.cut = True
    with pytest.raises(ConfigError, match="cannot be fetched"):
        load_questions("gsm8k", split="test", hub=True)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    hub.cut = False
    assert load_questions("gsm8k", split="test", hub=True).counts == {"test": 3}


def test_no_server_is_one_clear_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("COTDISTILL_CACHE", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(ConfigError, match=r"cannot be fetched \(ConnectError"):
        load_questions("gsm8k", split="test", hub=True)


def test_own_files_come_before_the_hub(hub: Hub, tmp_path: Path) -> None:
    serve_all(hub)
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k/test.jsonl").write_text('{"question": "mine?", "answer": "#### 1"}\n')
    result = load_questions("gsm8k", source=tmp_path, hub=True)
    assert result.counts == {"train": 3, "test": 1}
