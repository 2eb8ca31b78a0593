"""The demo as a stranger runs it: one built-in teacher, eight students, two side by side, and what they must reach."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def cotdistill(*words: str, cwd: Path, timeout_s: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cotdistill", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def scores(folder: Path) -> list[dict[str, object]]:
    done = cotdistill("sql", "SELECT * FROM score", "--json", "--store", "demo/demo.duckdb", cwd=folder, timeout_s=60)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_demo_reaches_its_goal(tmp_path: Path) -> None:
    done = cotdistill("demo", cwd=tmp_path, timeout_s=1800)
    assert done.returncode == 0, done.stderr
    assert "report.html" in done.stdout
    report = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert not [word for word in ('src="http', 'href="http', "@import", "cdn") if word in report]
    found = scores(tmp_path)
    assert len(found) == 9
    assert all(row["n"] >= 200 for row in found)  # type: ignore[operator]
    share = {row["run_key"]: row["n_correct"] / row["n"] for row in found}  # type: ignore[operator]
    assert share.pop(None) <= 0.10
    assert max(share.values()) >= 0.60
    answer_only = [
        v
        for row, v in zip(found, [share.get(r["run_key"], 0.0) for r in found], strict=True)
        if row["format"] == "answer-only"
    ]
    assert max(share.values()) > max(answer_only) + 0.2
    again = cotdistill("demo", cwd=tmp_path, timeout_s=300)
    assert again.returncode == 0, again.stderr
    assert "0 to ask for" in again.stderr
    assert again.stdout.count("skipped") == 8
    assert scores(tmp_path) == found


def test_a_short_demo_runs_every_stage(tmp_path: Path) -> None:
    """The same path with few questions and steps: what it shows is that every stage works, not what students reach."""
    done = cotdistill(
        *["demo", "--questions", "60", "--limit", "40", "--max-steps", "4", "--seeds", "1"], cwd=tmp_path, timeout_s=600
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
    found = scores(tmp_path)
    assert len(found) == 5
    assert {row["n"] for row in found} == {40}
    assert {(row["level"], row["format"]) for row in found} == {
        (None, None),
        (1, "original"),
        (3, "original"),
        (5, "original"),
        (None, "answer-only"),
    }
