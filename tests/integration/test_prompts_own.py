"""Prompts of one's own, end to end: a format and a level scheme out of folders, harvested over loopback and judged."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cotdistill.cli import main
from cotdistill.commands.buy import buy
from cotdistill.gen.prompts import PROMPT_VERSION, load_prompts, recipes
from cotdistill.gen.purchase import Purchase
from cotdistill.gen.teachers import find_teacher, load_registry
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Sampling

DOCS = Path(__file__).parent.parent.parent / "docs" / "prompts"
N = 12


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def cotdistill(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line in this process."""

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["cotdistill", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.mark.parametrize(
    ("folder", "levels", "formats", "n_cells"),
    [("self-ask", [2, 3], ["original", "self-ask"], 4), ("three-levels", [1, 2, 3], ["original"], 3)],
)
def test_a_folder_is_harvested_and_judged(
    folder: str, levels: list[int], formats: list[str], n_cells: int, store_path: Path
) -> None:
    store = Store.open(store_path)
    add_questions(store, arith.questions("train", N))
    prompts = load_prompts(DOCS / folder)
    wanted = recipes(levels, formats, "no", prompts)
    teacher = find_teacher("builtin-strict", registry=load_registry())
    purchase = Purchase(teacher, tuple(wanted), Sampling(max_tokens=512), prompts=DOCS / folder)
    tally = buy(store_path, purchase, "arith")
    assert (tally.n_wanted, tally.n_left) == (n_cells * N, 0)
    with store.read() as con:
        rows = con.execute(
            "SELECT format, level, prompt_version, count(*), count(*) FILTER (verdict = 'correct') "
            "FROM cell_rationale GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert len(rows) == n_cells
    for format, _, version, n, n_correct in rows:
        assert (n, n_correct) == (N, N)
        assert version == prompts.version(format)
        assert (version == PROMPT_VERSION) == (folder == "self-ask" and format == "original")
    again = buy(store_path, purchase, "arith")
    assert (again.n_cached, again.n_done) == (n_cells * N, 0)


def test_generate_and_show_take_a_folder(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cotdistill: Callable[..., Done]
) -> None:
    add_questions(Store.open(store_path), arith.questions("train", 3))
    words = ("--dataset", "arith", "--level", "normal", "--format", "symbolic", "--store", str(store_path))
    monkeypatch.setenv("COTDISTILL_PROMPTS", str(DOCS / "three-levels"))
    done = cotdistill("generate", "--teacher", "builtin-strict", "--limit", "3", *words)
    monkeypatch.delenv("COTDISTILL_PROMPTS")
    assert done.code == 0, done.err
    with Store.open(store_path).read() as con:
        [(level, format, version, key)] = con.execute(
            "SELECT level, format, prompt_version, min(question_key) FROM cell JOIN cell_member USING (cell_key) "
            "GROUP BY ALL"
        ).fetchall()
    assert (level, format) == (2, "symbolic") and version.startswith(f"{PROMPT_VERSION}+")
    own = ("--prompts", str(DOCS / "three-levels"), "--json")
    shown = cotdistill("prompts", "show", *words, *own, "--question", key, "--gold-visible")
    asked = json.loads(shown.out)
    assert (asked["prompt_version"], asked["question_key"], asked["is_sample"]) == (version, key, False)
    assert "level 2 of 3 (normal)" in asked["messages"][0]["content"]
    assert "The correct last line is: The answer is" in asked["messages"][1]["content"]
    listed = json.loads(cotdistill("prompts", "list", *own, "--store", str(store_path)).out)
    assert [row["name"] for row in listed if row["what"] == "level"] == ["1 brief", "2 normal", "3 full"]
    wrong = tmp_path / "mine" / "formats"
    wrong.mkdir(parents=True)
    (wrong / "mine.txt").write_text("A rule.\n---\n{sya}\n")
    for verb in (
        ("prompts", "check", str(wrong.parent)),
        ("generate", "--teacher", "builtin-strict", "--prompts", str(wrong.parent)),
    ):
        failed = cotdistill(*verb)
        assert failed.code == 2 and "mine.txt, line 3: no example has the step field {sya}" in failed.err


def test_a_sample_is_shown_where_no_question_is_loaded(tmp_path: Path, cotdistill: Callable[..., Done]) -> None:
    nowhere = ("--store", str(tmp_path / "none.duckdb"))
    shown = cotdistill("prompts", "show", "--dataset", "math", "--level", "facts", *nowhere)
    assert shown.code == 0 and "built-in sample question of the kind latex" in shown.err
    assert shown.out.startswith("[system]\nYou write worked solutions")
    assert shown.out.endswith("[user]\nQuestion:\nSimplify $\\frac{6}{8}$.\n")
    assert not (tmp_path / "none.duckdb").exists()
    for words, said in (
        (("--dataset", "nowhere"), "unknown data set 'nowhere'"),
        (("--dataset", "math", "--level", "1-2"), "names 2 levels"),
        (("--dataset", "math", "--question", "abc"), "no question 'abc' of math"),
    ):
        failed = cotdistill("prompts", "show", *words, *nowhere)
        assert failed.code == 2 and said in failed.err and "Next: " in failed.err
