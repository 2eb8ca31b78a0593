"""What the terminal shows: hints that can be pasted, tables that fit."""

from pathlib import Path

import pytest

from cotdistill.cli import app
from cotdistill.commands import hints
from cotdistill.commands.common import print_note, print_rows


@pytest.fixture(autouse=True)
def no_store() -> None:
    hints.about(None)
    hints.know(app)


def test_a_hint_is_the_command_itself_where_cotdistill_is_on_the_path() -> None:
    assert hints.typed("Next: cotdistill train --seeds 1") == "Next: cotdistill train --seeds 1"


def test_who_types_just_reads_just(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTDISTILL_AS", "just run")
    text = "this cotdistill knows 4. Next: pip install 'cotdistill[cpu]', then cotdistill questions load --dataset all"
    assert hints.typed(text) == (
        "this cotdistill knows 4. Next: pip install 'cotdistill[cpu]', then just run questions load --dataset all"
    )


def test_a_hint_is_about_the_store_in_use() -> None:
    hints.about(Path("demo/demo.duckdb"))
    assert hints.typed("Next: cotdistill train, then cotdistill evaluate --limit 5") == (
        "Next: cotdistill train --store demo/demo.duckdb, then cotdistill evaluate --store demo/demo.duckdb --limit 5"
    )
    assert hints.typed("Next: cotdistill status --store x.duckdb") == "Next: cotdistill status --store x.duckdb"
    assert hints.typed("Next: cotdistill serve-teacher") == "Next: cotdistill serve-teacher"


def test_a_note_wraps_but_its_command_stays_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_note("words " * 20 + "Next: cotdistill train --student tiny --dataset arith --seeds 1,2,3")
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 40 for line in lines[:-1])
    assert len(lines) > 3
    assert lines[-1].strip() == "Next: cotdistill train --student tiny --dataset arith --seeds 1,2,3"


def test_short_columns_leave_their_width_to_long_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_rows(("a", "name of the corpus", "n"), [("x", "w" * 45, 1)], as_json=False)
    assert "w" * 45 in capsys.readouterr().out
