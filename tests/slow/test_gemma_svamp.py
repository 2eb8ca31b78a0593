"""Gemma 3 270M before and after 200 of GPT-4o's rationales at level 3: 100 test questions of SVAMP, 256 new tokens.

An hour on two idle cores. Both numbers are printed with their intervals, whatever they are; docs/design/10-training.md
keeps those of the last time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cotdistill.analysis.statistics import wilson

GEMMA = os.environ.get("COTDISTILL_GEMMA", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GEMMA, reason="COTDISTILL_GEMMA names no directory with Gemma 3 270M (Hugging Face layout)"),
]


def cot(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "cotdistill", *words, "--store", "svamp.duckdb"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=4 * 3600)
    assert done.returncode == 0, done.stderr
    print(done.stderr[-2000:])
    return done.stdout


def test_before_and_after(tmp_path: Path, data: Path) -> None:
    cot(tmp_path, "questions", "load", "--dataset", "svamp", "--source", str(data / "benchmarks"))
    cot(tmp_path, "import", "paper", str(data / "paper" / "data"))
    cell = ["--dataset", "svamp", "--teacher", "gpt-4o", "--level", "3", "--format", "original"]
    cot(tmp_path, "train", "--student", GEMMA, "--rows", "200", "--profile", "laptop", *cell)
    cot(tmp_path, "evaluate", "--dataset", "svamp", "--limit", "100", "--max-new-tokens", "256")
    rows = json.loads(
        cot(tmp_path, "sql", "SELECT run_key, n, n_correct, n_unparsed, n_truncated FROM score", "--json")
    )
    assert sorted(row["run_key"] is None for row in rows) == [False, True]
    for row in sorted(rows, key=lambda row: row["run_key"] is not None):
        interval = wilson(row["n_correct"], row["n"])
        print(f"{'after' if row['run_key'] else 'before'}: {row['n_correct']} of {row['n']} right, 95 % {interval}; "
              f"{row['n_unparsed']} unparsed, {row['n_truncated']} cut at 256 tokens; greedy, float32")  # fmt: skip
        assert row["n"] == 100
