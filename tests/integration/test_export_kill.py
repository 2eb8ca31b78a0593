"""Exports that end badly: kill -9 at many moments, a disk that is really full. The folder shows old files or new."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from export_lab import fill, read_back

from cotdistill.store.export import export
from cotdistill.store.export_rows import Recorded
from cotdistill.store.formats import FORMATS
from cotdistill.store.store import Store

N_ROWS, N_KILLS = 12_000, 12
# Exports the corpus of argv in every format over and over, as fast as it can, until it is killed.
AGAIN = """
import sys
from pathlib import Path
from cotdistill.store import export_rows
from cotdistill.store.export import export
from cotdistill.store.formats import FORMATS
from cotdistill.store.store import Store
export_rows.BATCH = 500
store, folder = Store.open(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
while True:
    for name in sys.argv[3:]:
        export(store, [export_rows.Recorded(name, "mine", {}, {})], folder, list(FORMATS))
        print("done", flush=True)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[str]]:
    """A store of two corpora under one name: all rows, and all but one."""
    path = tmp_path_factory.mktemp("kill") / "store.duckdb"
    store, corpus = fill(path, ["The answer is 4"])
    rows = pl.DataFrame({"i": range(N_ROWS)})
    with store.write() as con:
        con.execute(
            "INSERT INTO rationale SELECT 'r' || i, 'y' || i, '1', repeat(i || ' and so on. ', 40), 1, 1, 1, 0 "
            f"FROM range({N_ROWS}) AS t(i)"
        )
        for name, n in (("all", N_ROWS), ("less", N_ROWS - 1)):
            con.execute(
                "INSERT INTO corpus SELECT ?, 'mine', cell_key, ?, '{}', created_at FROM corpus WHERE corpus_hash = ?",
                [name, n, corpus.corpus_hash],
            )
            con.execute(
                "INSERT INTO corpus_member BY NAME SELECT ? AS corpus_hash, i AS position, 'r' || i AS rationale_key, "
                f"? AS question_key, 'train' AS split FROM range({n}) AS t(i)",
                [name, corpus.rows[0].question_key],
            )
    assert rows.height == N_ROWS
    return store, ["all", "less"]


def whole(folder: Path) -> int:
    """Rows of every file under a final name, each read to its end and equal to what was written. Fails on a part."""
    counts = set()
    for name, format in ((FORMATS[f].file("mine", "train"), f) for f in FORMATS):
        pairs = read_back(folder / name, format)
        assert [completion.split()[0] for _, completion in pairs] == [str(i) for i in range(len(pairs))], name
        counts.add(len(pairs))
    json.loads((folder / "dataset_info.json").read_text())
    json.loads((folder / "manifest.json").read_text())
    assert (folder / "README.md").read_text().endswith("|\n")
    assert counts <= {N_ROWS, N_ROWS - 1}
    return len(counts)


def test_killed_at_any_moment_no_half_file_has_a_final_name(large: tuple[Store, list[str]], tmp_path: Path) -> None:
    store, names = large
    out = tmp_path / "out"
    export(store, [Recorded(names[0], "mine", {}, {})], out, list(FORMATS))
    rng = random.Random(7)
    n_partial = 0
    for _ in range(N_KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", AGAIN, str(store.path), str(out), *names], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(1 + rng.randrange(2)):
            assert child.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.6))  # the moment of the kill, not a wait for anything
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        n_partial += any(p.name.endswith(".partial") for p in out.iterdir())
        assert whole(out)
    assert n_partial, "no kill fell into the writing: this test shows nothing"
    export(store, [Recorded(names[0], "mine", {}, {})], out, list(FORMATS))
    assert whole(out) == 1
    assert not [p.name for p in out.iterdir() if p.name.startswith(".")]


def run(store: Store, name: str, out: Path, limit: int | None = None) -> "subprocess.CompletedProcess[str]":
    """The command, with files of at most `limit` bytes."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = ["export", "--store", str(store.path), "--corpus", name, "--to", ",".join(FORMATS), "--out", str(out)]
    return subprocess.run(
        [sys.executable, "-m", "cotdistill", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=limited,
    )


def test_a_disk_that_is_full_is_one_clear_message(large: tuple[Store, list[str]], tmp_path: Path) -> None:
    store, _ = large
    named = Store.open(Path(shutil.copy(store.path, tmp_path / "store.duckdb")))
    with named.write() as con:  # a hash that can be typed
        for table in ("corpus", "corpus_member"):
            con.execute(f"UPDATE {table} SET corpus_hash = 'allallall' WHERE corpus_hash = 'all'")
    out = tmp_path / "out"
    done = run(named, "allallall", out, limit=1_000_000)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr and "Next: make room" in done.stderr
    assert list(out.iterdir()) == []
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("a real full disk needs unshare; files that may not grow were tried")
    small = tmp_path / "small"
    small.mkdir()
    inner = f"mount -t tmpfs -o size=3m none {small} && {sys.executable} -m cotdistill export --store {named.path} "
    inner += f"--corpus allallall --to {','.join(FORMATS)} --out {small}/out; code=$?; ls -A {small}/out; exit $code"
    full = subprocess.run(
        ["unshare", "-rm", "sh", "-c", inner], capture_output=True, text=True, timeout=120, check=False, env=os.environ
    )
    assert full.returncode == 1, full.stderr
    assert full.stdout == ""
    assert "No space left on device" in full.stderr and "Next: make room" in full.stderr
    assert "Traceback" not in full.stderr
