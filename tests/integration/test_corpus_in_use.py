"""Named corpora in use: what scores, analyses, runs and the command line say of students trained on them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cotdistill.analysis.questions import answer
from cotdistill.analysis.show import plain
from cotdistill.store.cells import select_cells
from cotdistill.store.corpora import implicit_corpus, load_corpora
from cotdistill.store.corpus_create import create_corpora
from cotdistill.store.corpus_rules import load_rules

if TYPE_CHECKING:
    from .conftest import Lab

CONTROLS = [{"kind": "answer-only", "of": 1}, {"kind": "shuffled", "of": 3}]


def cot(store: Path, *arguments: str) -> Any:
    """The command line's JSON, in a process of its own."""
    command = [sys.executable, "-m", "cotdistill", *arguments, "--store", str(store), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def trained(full_lab: "Lab") -> "Lab":
    """The full store with a family of four corpora and a mix, and new runs: on level 1, 50 of 100 right; on its answers
    alone, 20; on the mix, 55. The store's rationales of level 3 are all the same but for their answers: level 3 of the
    family is the cell's whole corpus, and its shuffled arm the same rows again, so their runs are those of the cell."""
    chosen = {"cells.level": [1, 3], "cells.format": ["original"], "common": True}
    create_corpora(full_lab.store, "fam", load_rules(None, chosen | {"controls": CONTROLS}))
    mix = {"by": "level", "shares": {"3": 1, "1": 4}}
    create_corpora(full_lab.store, "mix", load_rules(None, chosen | {"mix": mix}))
    corpora = load_corpora(full_lab.store, ["fam", "mix"])
    assert [c.name for c in corpora] == ["fam/1", "fam/3", "fam/1-answer-only", "fam/3-shuffled", "mix"]
    [cell] = select_cells(full_lab.store, levels=[3])
    assert corpora[1].corpus_hash == corpora[3].corpus_hash == implicit_corpus(full_lab.store, cell).corpus_hash
    for corpus, right in ((corpora[0], 50), (corpora[2], 20), (corpora[4], 55)):
        full_lab.run_on(corpus.corpus_hash, 1, range(right))
    return full_lab


def test_scores_know_name_family_and_control(trained: "Lab") -> None:
    with trained.store.read() as con:
        rows = con.execute(
            "SELECT corpus_name, corpus_family, control, teacher, level, format, n_correct FROM score "
            "WHERE corpus_name IS NOT NULL ORDER BY corpus_name"
        ).fetchall()
        others = con.execute("SELECT count(*) FROM score WHERE corpus_name IS NULL").fetchone()
    assert rows == [
        ("fam/1", "fam", None, "teacher", 1, "original", 50),
        ("fam/1-answer-only", "fam", "answer-only", "teacher", None, "answer-only", 20),
        ("fam/3", "fam", None, "teacher", 3, "original", 70),
        ("fam/3", "fam", None, "teacher", 3, "original", 70),
        ("mix", "mix", None, "teacher", None, "original", 55),
    ]
    assert others == (5,)


def test_accuracy_calls_them_by_name_and_none_untouched(trained: "Lab") -> None:
    rows = plain(answer(trained.store, "accuracy"))["rows"]
    by_name = {r["corpus_name"]: r for r in rows if r["corpus_name"]}
    assert {name: r["n_correct"] for name, r in by_name.items()} == {
        "fam/1": 50, "fam/3": 140, "fam/1-answer-only": 20, "mix": 55,
    }  # fmt: skip
    assert [by_name[n]["supervision"] for n in ("mix", "fam/1-answer-only")] == ["mix", "fam/1-answer-only"]
    assert [r["n_correct"] for r in rows if r["supervision"] == "untouched"] == [5]


def test_levels_compare_a_family_with_its_own_controls(trained: "Lab") -> None:
    rows = plain(answer(trained.store, "levels"))["rows"]
    points = {(r["supervision"], r["against"].rstrip(" *")): r["difference"] for r in rows}
    assert points["level 3", "fam/1-answer-only"] == pytest.approx(0.50)  # 70 of 100 in both its runs, against 20
    assert points["level 1", "fam/1-answer-only"] == pytest.approx(0.30)
    assert points["level 3", "answer-only"] == pytest.approx(0.50)  # the cells' own, of the implicit corpora
    assert points["fam/3-shuffled", "fam/1-answer-only"] == pytest.approx(0.50)


def test_runs_and_lists_show_the_names(trained: "Lab") -> None:
    path = trained.store.path
    named = [r["corpus"] for r in cot(path, "runs") if r["is_named"]]
    assert sorted(named) == ["fam/1", "fam/1-answer-only", "fam/3", "fam/3", "mix"]
    listed = cot(path, "corpus", "list")
    assert [(r["name"], r["runs"]) for r in listed] == [
        ("fam/1", 1), ("fam/3", 2), ("fam/1-answer-only", 1), ("fam/3-shuffled", 2), ("mix", 1),
    ]  # fmt: skip
    [manifest] = cot(path, "corpus", "show", "mix")
    assert manifest["rules"]["mix"] == {"by": "level", "shares": {"3": 1.0, "1": 4.0}, "seed": 0}
    assert manifest["counts"]["parts"] == {"1": 29, "3": 7}
    left_out = cot(path, "corpus", "show", "mix", "--rows", "--limit", "0")
    assert len(left_out) == 80 - 36
    assert {r["rule"] for r in left_out} == {"missing", "not in the common block", "beyond its share of the mix"}
    flags = "--level 1,3 --format original --common --equal-tokens --validation 0.2 --chains 1 --seed 4"
    made = cot(path, "corpus", "create", "again", *flags.split())
    assert [one["name"] for one in made] == ["again/1", "again/3"]
    assert made[0]["rules"]["equal"]["seed"] == made[0]["rules"]["validation"]["seed"] == 4


def test_a_mix_is_evaluated_on_the_data_set_of_its_rows(trained: "Lab") -> None:
    sql = (Path(__file__).parents[2] / "commands/sql/trained_on.sql").read_text()
    with trained.store.read() as con:
        found = dict(con.execute(sql, {"student": None}).fetchall())
    assert {dataset: len(runs) for dataset, runs in found.items()} == {"arith": 9}


@pytest.mark.slow
def test_a_student_is_trained_on_a_family_by_name(lab: "Lab") -> None:
    for level in (1, 3):
        lab.cell("teacher", level, "original", lambda q, n=level: f"{q.text} " * n + f"The answer is {q.gold}")
    path = lab.store.path
    cot(path, "corpus", "create", "fam", "--level", "1,3", "--common", "--control", "shuffled:3")
    cot(path, "corpus", "create", "mix", "--level", "1,3", "--common", "--mix", "level:3=1,1=4", "--validation", "0.2")
    results = cot(path, "train", "--corpus", "fam,mix", "--max-steps", "2")
    names = ["fam/1", "fam/3", "fam/3-shuffled", "mix"]
    assert [(r["corpus"], r["status"]) for r in results] == [(name, "finished") for name in names]
    scores = cot(path, "evaluate", "--student", "tiny", "--limit", "5")
    assert {s["corpus_name"] for s in scores if s["run_key"]} == set(names)
