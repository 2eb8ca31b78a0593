"""docs/api.md is run: its study file is written, its Python blocks are executed in order in one namespace."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from study_lab import Simulated

import cotdistill
from cotdistill.study import api

ROOT = Path(__file__).parent.parent.parent
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def run_blocks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```(toml|python)\n(.*?)```", API, re.DOTALL)
    assert [kind for kind, _ in blocks].count("python") >= 7
    space: dict[str, object] = {}
    for kind, text in blocks:
        if kind == "toml":
            (folder / text.splitlines()[0].removeprefix("# ")).write_text(text)
        else:
            exec(compile(text, "docs/api.md", "exec"), space)
    return space


def test_the_blocks_run_with_simulated_students(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LocalExecutor", lambda *_: Simulated())
    space = run_blocks(tmp_path, monkeypatch)
    assert (tmp_path / "first.html").stat().st_size > 10_000
    assert space["levels"].height > 0  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_blocks_run_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_blocks(tmp_path, monkeypatch)


def test_public_names_are_lazy_and_listed() -> None:
    code = "import sys, cotdistill; print(*sorted(m for m in sys.modules if m.startswith('cotdistill.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    assert set(cotdistill.__all__) <= set(dir(cotdistill))
    assert {getattr(cotdistill, name) is not None for name in cotdistill.__all__} == {True}
    with pytest.raises(AttributeError, match="no attribute 'Stor'"):
        _ = cotdistill.Stor


@pytest.mark.slow
def test_a_users_type_checker_sees_the_names(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(
        "from cotdistill import Store, Study\nstudy = Study('laptop', store=Store('x.duckdb'))\n"
        "reveal_type(study.plan())\nstudy.run(max_hour=1)\n"
    )
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "use.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert 'Revealed type is "polars.' in done.stdout
    assert 'Unexpected keyword argument "max_hour"' in done.stdout
