"""`export --corpus`: named corpora, control arms and validation splits included, as files; what the terminal shows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from export_lab import add_replies, read_back

from cotdistill.store.cells import Cell
from cotdistill.store.corpora import load_corpora
from cotdistill.store.formats import FORMATS
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question, Recipe

N = 12
# The plain corpus is level 3's; its control arms say something else than the rationales they stand for.
CREATE = "corpus create dose --dataset own --level 1,3 --common --validation 0.3 --control answer-only,shuffled"


def cotdistill(*words: object, cwd: Path, code: int = 0, width: int = 80) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"COLUMNS": str(width)},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store has two cells of twelve questions, one of them wrong, and the family `dose` made of them."""
    folder = tmp_path_factory.mktemp("named")
    store = Store.open(folder / "cotdistill.duckdb")
    asked = [Question("own", "train", f"What is {i} and {i + 1} in all?", "number", str(2 * i + 1)) for i in range(N)]
    add_questions(store, asked)
    for level in (1, 3):
        texts = [f"{'So it goes on. ' * level * (i + 1)}The answer is {2 * i + 1 + (i == 0)}" for i in range(N)]
        add_replies(store, Cell("own", "me", Recipe(level, "original", "no", "1")), asked, texts)
    store.settle()
    cotdistill(*CREATE.split(), cwd=folder)
    return folder


def test_a_family_is_exported_with_its_control_arms_and_splits(home: Path) -> None:
    corpora = {c.name: c for c in load_corpora(Store.open(home / "cotdistill.duckdb"), ["dose"])}
    assert len(corpora) > 2
    to = ",".join(FORMATS)
    done = cotdistill("export", "--corpus", "dose", "--to", to, "--out", "files", "--json", cwd=home)
    files = json.loads(done.stdout)
    assert len(files) == len(corpora) * len(FORMATS) * 2
    manifest = json.loads((home / "files" / "manifest.json").read_text())
    for file in files:
        rows = [r for r in corpora[file["corpus"]].rows if r.split == file["split"]]
        assert rows, file
        assert read_back(home / file["file"], file["format"]) == [(r.prompt, r.completion) for r in rows]
        assert file["n_rows"] == len(rows)
        assert file["left_out"] == corpora[file["corpus"]].left_out
    said = {name: {r.completion for r in corpus.rows} for name, corpus in corpora.items()}
    assert len({frozenset(texts) for texts in said.values()}) == len(corpora), "no control arm says something else"
    altered = {stem: sum(cell["n_altered"] for cell in about["cells"]) for stem, about in manifest["corpora"].items()}
    assert {bool(n) for n in altered.values()} == {True, False}
    assert all(about["rules"]["rules_hash"] for about in manifest["corpora"].values())


def test_one_corpus_by_its_name_or_its_hash_is_the_same_file(home: Path) -> None:
    corpora = load_corpora(Store.open(home / "cotdistill.duckdb"), ["dose"])
    name, corpus_hash = corpora[0].name, corpora[0].corpus_hash
    for out, what in (("by-name", name), ("by-hash", corpus_hash[:12])):
        cotdistill("export", "--corpus", what, "--to", "chat", "--out", out, cwd=home)
    first, second = ({p.name: p.read_bytes() for p in (home / out).iterdir()} for out in ("by-name", "by-hash"))
    assert first == second
    assert f"{name.replace('/', '_')}_chat.jsonl" in first


def test_the_terminal_shows_files_what_was_left_out_and_what_to_type_next(home: Path) -> None:
    done = cotdistill("export", "--dataset", "own", "--to", "llamafactory", "--out", "shown", cwd=home)
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout
    assert "own_me_level-1_original.json" in done.stdout
    assert "wrong" in done.stdout and "Left out" in done.stdout
    assert "Next: llamafactory-cli train --stage sft" in done.stderr
    assert "--dataset own_me_level-1_original" in done.stderr
    shown = cotdistill("export", "--dataset", "own", "--level", "1", "--to", "chat,parquet", "--out", "t", cwd=home)
    assert "Next: trl sft --dataset_name t --dataset_config own_me_level-1_original_chat" in shown.stderr


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--corpus", "nothing"], ["no corpus 'nothing'", "dose/", "Next:"]),
        (["--corpus", "dose", "--level", "3"], ["--corpus dose is chosen already", "Next: cotdistill export --corpus"]),
        (["--to", "excel"], ["unknown export format 'excel'", "sharegpt", "Next: --to"]),
        (["--to", ""], ["no export format is named", "Next: --to"]),
        (["--out", "cotdistill.duckdb"], ["cotdistill.duckdb is a file. Next: name a folder"]),
    ],
)
def test_bad_words_are_one_clear_message(home: Path, words: list[str], parts: list[str]) -> None:
    before = {p.name for p in home.iterdir()}
    done = cotdistill("export", *words, cwd=home, code=2)
    for part in parts:
        assert part in done.stderr, done.stderr
    assert {p.name for p in home.iterdir()} == before
