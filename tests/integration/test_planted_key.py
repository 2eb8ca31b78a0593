"""A planted key is found nowhere: a server that echoes it everywhere, and every file and word that comes of it."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith
from cotdistill.tests.servers.canned import ECHO, Canned, CannedServer
from cotdistill.tests.servers.protocols import chat_reply

KEY = "sk-planted-4f1c9a7e2b"
SAID = ECHO.decode()


class Echoing(CannedServer):
    """Answers in turn with replies and errors that all hold the key."""

    def __init__(self) -> None:
        super().__init__()
        reply = chat_reply(f"Your key is {SAID}. 1 + 1 = 2. The answer is 2.")
        reply["model"] = f"model-of-{SAID}"
        reply["choices"][0]["message"]["reasoning_content"] = f"I see {SAID} in the header."
        self._turns = itertools.cycle(
            [
                Canned.of(reply, x_request_id=f"req-{KEY}"),
                Canned.of({"error": {"message": f"Bearer {SAID} is slow", "code": SAID}}, 429, retry_after="0"),
                Canned.of({"error": {"message": f"prompt of {SAID} rejected"}}, 400),
                Canned.of(f"<html>{SAID}</html>".encode(), 502),
                Canned.of(f'{{"cut": "{SAID}'.encode()),
            ]
        )

    @property
    def answer(self) -> Canned:
        return next(self._turns)

    @answer.setter
    def answer(self, answer: Canned) -> None:
        pass


@pytest.fixture
def echoing() -> Iterator[Echoing]:
    with Echoing() as server:
        yield server


@pytest.mark.parametrize("transport", ["wire", "sdk"])
def test_a_planted_key_is_found_nowhere(tmp_path: Path, echoing: Echoing, transport: str) -> None:
    add_questions(Store.open(tmp_path / "s.duckdb"), arith.questions("train", 30))
    (tmp_path / "mine.toml").write_text(
        f'[mine]\nprovider = "openai-compatible"\nmodel = "m"\nbase_url = "{echoing.root}/v1"\n'
        'key_env = "PLANTED_API_KEY"\n'
    )
    said = [
        run(tmp_path, words)
        for words in (
            f"generate --teacher mine --dataset arith --level 3 --limit 30 --concurrency 3 --transport {transport}",
            "generate --teacher mine --dataset arith --level 3 --dry-run --json",
            "generate --teacher mine --dataset arith --level 3 --json --redo bad_request --limit 5",
            "status",
            "status --json",
            "teachers --json",
            "doctor --json",
            "analyze coverage --json",
            "report --out report.html",
        )
    ]
    assert len(echoing.received) > 30
    assert all(request.key == KEY for request in echoing.received), "the key was not sent: nothing is shown"
    with Store(tmp_path / "s.duckdb").read() as con:
        assert con.execute("SELECT count(*) FROM reply WHERE text LIKE '%[key]%'").fetchone() != (0,)
        assert con.execute("SELECT count(*) FROM attempt WHERE error IS NOT NULL").fetchone() != (0,)
        for (table,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall():
            found = con.execute(f'SELECT count(*) FROM "{table}" AS t WHERE CAST(t AS VARCHAR) LIKE ?', [f"%{KEY}%"])
            assert found.fetchone() == (0,), table
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert KEY.encode() not in path.read_bytes(), path
    for text in said:
        assert KEY not in text


def run(folder: Path, words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *words.split()],
        cwd=folder,
        env=os.environ | {"PLANTED_API_KEY": KEY, "COTDISTILL_STORE": "s.duckdb", "COTDISTILL_TEACHERS": "mine.toml"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    if "--json" in words and done.stdout:
        json.loads(done.stdout)
    return done.stdout + done.stderr
