"""A disk that fills up under a harvest, and one that is read-only: a clear stop, nothing lost, and it goes on later.

The disk is real: a tmpfs in a mount namespace of its own (unshare), where that is allowed.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cotdistill.gen.builtin.background import RunningServer, start_server
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

N = 3_000


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where the small disk is mounted."""
    probe = ["unshare", "--map-root-user", "--mount", "sh", "-c", f"mount -t tmpfs -o size=1m tmpfs {tmp_path}"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare here: a full disk cannot be made")
    if done.returncode:
        pytest.skip(f"no mount namespaces here: {done.stderr.strip()}")
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def on_disk(disk: Path, script: str) -> tuple[list[int], str]:
    """Run a shell script where `disk` is a small file system; the exit codes it collected in $codes, and its words."""
    start = (
        f"mount -t tmpfs -o size=64m tmpfs {shlex.quote(str(disk))} && cp {disk.parent}/filled.duckdb {disk}/s.duckdb"
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "bash", "-c", f'{start}\ncodes=""\n{script}\necho "codes $codes"'],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return [int(code) for code in done.stdout.splitlines()[-1].split()[1:]], said


def harvest(disk: Path, server: RunningServer) -> str:
    words = ["generate", "--teacher", "builtin-strict", "--dataset", "arith", "--level", "6", "--concurrency", "16"]
    return shlex.join(
        [sys.executable, "-m", "cotdistill", *words, "--store", f"{disk}/s.duckdb", "--base-url", server.base_url]
    )


def fill(disk: Path) -> None:
    add_questions(Store.open(disk.parent / "filled.duckdb"), arith.questions("train", N))


def answered(log: Path) -> int:
    lines = log.read_text().splitlines() if log.exists() else []
    return sum(json.loads(line)["event"] == "answered" for line in lines)


def test_a_disk_that_fills_up_stops_the_harvest_and_loses_nothing(disk: Path, tmp_path: Path) -> None:
    fill(disk)
    log = tmp_path / "server.log"
    with start_server(log=log) as server:
        codes, said = on_disk(
            disk,
            f"""used=$(du -sk {disk} | cut -f1)
mount -o remount,size=$((used + 1500))k {disk}
{harvest(disk, server)}; codes="$codes $?"
wc -l < {log}
mount -o remount,size=64m {disk}
{harvest(disk, server)}; codes="$codes $?"
cp {disk}/s.duckdb {tmp_path}/end.duckdb
ls {disk}/s.duckdb.spool | grep -c jsonl; codes="$codes $?"
""",
        )
    assert codes == [1, 0, 1], said  # the second harvest goes on to the end; no segment is left
    assert "No space left" in said or "full" in said
    assert "Next:" in said
    with Store(tmp_path / "end.duckdb").read() as con:
        assert con.execute("SELECT count(*), count(DISTINCT question_key) FROM reply").fetchone() == (N, N)
    # Asked twice are only calls whose answer could not be written down: at most those open when the disk was full.
    assert N <= answered(log) <= N + 16


def test_a_read_only_disk_buys_nothing(disk: Path, tmp_path: Path) -> None:
    fill(disk)
    log = tmp_path / "server.log"
    with start_server(log=log) as server:
        codes, said = on_disk(
            disk,
            f"""mount -o remount,ro {disk}
{harvest(disk, server)}; codes="$codes $?"
mount -o remount,rw {disk}
{harvest(disk, server)} --limit 50; codes="$codes $?"
""",
        )
    assert codes == [1, 0], said
    assert "s.duckdb" in said.split("error:")[1]
    assert "Next:" in said.split("error:")[1]
    assert answered(log) == 50
