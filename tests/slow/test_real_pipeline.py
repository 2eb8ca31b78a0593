"""The whole pipeline on real input by its commands: benchmarks, the released rationales, a real pretrained student."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

GEMMA = os.environ.get("COTDISTILL_GEMMA", "")
CELL = ["--dataset", "svamp", "--teacher", "gpt-4o", "--level", "5", "--format", "original"]

pytestmark = pytest.mark.slow


def cotdistill(folder: Path, *words: str, timeout_s: float = 3600) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *words, "--store", "real.duckdb"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A folder with a store of all benchmarks and all released rationales."""
    made = tmp_path_factory.mktemp("real")
    cotdistill(made, "questions", "load", "--dataset", "all", "--source", str(data / "benchmarks"))
    cotdistill(made, "import", "paper", str(data / "paper" / "data"))
    return made


def test_exports_of_one_cell_agree(folder: Path) -> None:
    counts = {}
    for layout in ("llamafactory", "chat", "parquet"):
        cotdistill(folder, "export", "--to", layout, "--out", layout, *CELL)
        for file in sorted((folder / layout).iterdir()):
            if file.name == "dataset_info.json":
                assert json.loads(file.read_text())
            elif file.suffix == ".json":
                counts[layout] = len(json.loads(file.read_text()))
            elif file.suffix == ".jsonl":
                counts[layout] = len(file.read_text(encoding="utf-8").splitlines())
            elif file.suffix == ".parquet":
                counts[layout] = pl.read_parquet(file).height
    assert (folder / "llamafactory" / "dataset_info.json").is_file()
    assert counts == dict.fromkeys(("llamafactory", "chat", "parquet"), 692)


@pytest.mark.skipif(not GEMMA, reason="COTDISTILL_GEMMA names no directory with Gemma 3 270M (Hugging Face layout)")
def test_gemma_learns_64_rows_and_answers_20_questions(folder: Path) -> None:
    cotdistill(folder, "train", "--student", GEMMA, "--rows", "64", "--profile", "laptop", *CELL)
    cotdistill(folder, "evaluate", "--dataset", "svamp", "--limit", "20", "--max-new-tokens", "256")
    found = json.loads(cotdistill(folder, "sql", "SELECT * FROM score", "--json"))
    assert [row["n"] for row in found] == [20, 20]
    assert {row["run_key"] is None for row in found} == {True, False}
    print(*[(row["run_key"], row["n_correct"], row["n_unparsed"], row["n_truncated"]) for row in found])
    answers = json.loads(cotdistill(folder, "analyze", "--json"))
    assert len(answers) >= 5
    cotdistill(folder, "report", "--out", "report.html")
    assert "svamp" in (folder / "report.html").read_text(encoding="utf-8")
