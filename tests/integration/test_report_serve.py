"""The live report: loopback only, read-only, patient with a busy store, and new when the store is."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cotdistill.analysis import serve
from cotdistill.analysis.serve import Live, make_server
from cotdistill.errors import StoreError
from cotdistill.store import store as stores

if TYPE_CHECKING:
    from .conftest import Lab


@pytest.fixture
def live(full_lab: "Lab") -> Live:
    return Live(full_lab.store, None)


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    server = make_server(live, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_address[1]}", timeout=60) as made:
        yield made
    server.shutdown()
    thread.join()
    server.server_close()


def drawn(live: Live) -> None:
    """Wait for the figures that are being drawn."""
    for thread in threading.enumerate():
        if getattr(thread, "_target", None) == live._draw:
            thread.join()


def test_pages_filters_and_details(client: httpx.Client, full_lab: "Lab") -> None:
    def get(path: str, **params: Any) -> Any:
        return client.get(path, params=params).raise_for_status().json()

    first, second = (get("/api/rationales", level=3, skip=s, n=20) for s in (0, 20))
    assert first["total"] == 36 and len(first["items"]) == 20 and len(second["items"]) == 16
    assert get("/api/rationales", words="no such words")["total"] == 0
    item = first["items"][0]
    assert get("/api/reply", key=item["reply_key"])["item"]["question_key"] == item["question_key"]
    assert len(get("/api/question", key=item["question_key"])["rows"]) == 3
    a, b = (e["key"] for e in get("/api/evaluations")["evaluations"][:2])
    pairs = get("/api/pairs", a=a, b=b, n=7)
    assert pairs["total"] == 100 and len(pairs["items"]) == 7
    assert len(get("/api/answers", key=pairs["items"][0]["question_key"])["rows"]) == 7
    assert {f for f, values in get("/api/facets").items() if values} == {
        "dataset",
        "teacher",
        "level",
        "format",
        "verdict",
    }


def test_only_loopback_names_and_known_paths_are_answered(client: httpx.Client) -> None:
    assert client.get("/", headers={"Host": "attacker.example"}).status_code == 403
    assert client.get("/", headers={"Host": "localhost:1"}).status_code == 200
    assert client.get("/api/nothing").status_code == 404 and client.get("/etc/passwd").status_code == 404
    assert client.get("/api/question").status_code == 404 and client.post("/api/state").status_code == 501
    for bad in ({"skip": "x"}, {"skip": "-1"}, {"level": "two"}):
        assert client.get("/api/rationales", params=bad).status_code == 400
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]


def test_it_listens_on_loopback_alone(live: Live) -> None:
    server: ThreadingHTTPServer = make_server(live, 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_a_busy_store_is_said_and_forgiven(client: httpx.Client, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.store.patience_s = live.drawing_store.patience_s = 0.0

    def held(path: Path, read_only: bool, threads: int | None = None) -> None:
        raise stores.StoreLocked(path, "process 123")

    with monkeypatch.context() as patched:
        patched.setattr(stores, "connect", held)
        busy = client.get("/api/rationales")
        assert busy.status_code == 503 and "process 123" in busy.json()["error"]
        assert client.get("/").status_code == 200
    assert client.get("/api/rationales").json()["total"] == 116


def test_the_page_follows_the_store(client: httpx.Client, live: Live, full_lab: "Lab") -> None:
    before = client.get("/api/state").json()
    assert before["counts"]["replies"] == 116
    drawn(live)
    now = client.get("/api/state").json()
    assert now["figures"] == now["version"]
    page = client.get("/").text
    assert "Level 3 of teacher worked best" in page and '"mode":"served"' in page
    full_lab.cell("newcomer", 5, "original", lambda q: f"The answer is {q.gold}")
    live._index_due = live._drawn_at = -1e9
    after = client.get("/api/state").json()
    assert after["version"] != before["version"] and after["counts"]["replies"] == 156
    assert client.get("/api/rationales", params={"teacher": "newcomer"}).json()["total"] == 40
    drawn(live)
    assert "newcomer" in client.get("/figures").text


def test_the_verb_serves_until_it_is_interrupted(full_lab: "Lab") -> None:
    words = [sys.executable, "-m", "cotdistill", "report", "--serve", "--port", "0"]
    words += ["--store", str(full_lab.store.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        url = served.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}api/state", timeout=60).json()["counts"]["runs"] == 6
        served.send_signal(signal.SIGINT)
        _, said = served.communicate(timeout=60)
    assert served.returncode == 0 and "read-only, to this machine alone" in said


def test_nothing_is_written(client: httpx.Client, live: Live, full_lab: "Lab") -> None:
    with pytest.raises(StoreError, match="only reads"), live.drawing_store.write():
        pass
    was = full_lab.store.path.read_bytes()
    for path in ("/", "/api/state", "/api/facets", "/api/rationales", "/api/evaluations"):
        client.get(path)
    drawn(live)
    assert full_lab.store.path.read_bytes() == was
    assert sorted(p.name for p in full_lab.store.path.parent.iterdir()) == [full_lab.store.path.name]


def test_figures_are_not_drawn_all_the_time(full_lab: "Lab", monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [100.0], []
    live = Live(full_lab.store, None, clock=lambda: now[0])
    monkeypatch.setattr(serve, "answered", lambda store: calls.append(1) or ("", []))
    live.redraw("1")
    drawn(live)
    live.redraw("2")  # a moment ago
    assert len(calls) == 1
    now[0] += 6.0
    live.redraw("2")
    drawn(live)
    live.redraw("2")  # of this version
    assert len(calls) == 2
