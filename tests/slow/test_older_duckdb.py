"""A store, views included, opens in DuckDB 1.5 clients: in a virtual environment of their own, from the registry."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

READ = """
import duckdb, json, sys
con = duckdb.connect()
con.execute(f"ATTACH '{sys.argv[1]}' AS mine (READ_ONLY)")
views = [r[0] for r in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
counts = {view: con.execute(f"SELECT count(*) FROM mine.{view}").fetchone()[0] for view in views}
direct = duckdb.connect(sys.argv[1], read_only=True)
questions = direct.execute("SELECT count(*) FROM question").fetchone()[0]
print(json.dumps({"version": duckdb.__version__, "views": counts, "questions": questions}))
"""


@pytest.mark.slow
def test_duckdb_1_5_reads_a_store_and_its_views(store_path: Path, tmp_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, arith.questions("test", 50))
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "duckdb>=1.5,<1.6"], capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"duckdb 1.5 cannot be installed here: {installed.stderr.splitlines()[-1:]}")
    done = subprocess.run([python, "-c", READ, str(store_path)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["version"].startswith("1.5")
    assert found["questions"] == 50
    with store.read() as con:
        views = {r[0] for r in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
    assert set(found["views"]) == views
