"""Rationales under an untrained student: against transformers' own loss and ranks counted one by one; resumed; read."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from arith_lab import filled
from typer.testing import CliRunner

from cotdistill import evaluate
from cotdistill.cli import app
from cotdistill.commands import evaluate_score
from cotdistill.errors import ConfigError
from cotdistill.evaluate.models import base_model
from cotdistill.evaluate.scoring import Item, Scorer, score_rationales
from cotdistill.store.cells import select_cells
from cotdistill.tasks import templates
from cotdistill.train import students

TINY = Path(students.locate(students.resolve_student("tiny")))


def test_scores_are_the_models_loss_and_the_ranks_it_gives() -> None:
    import torch

    scorer = Scorer(TINY, "plain", "float32")
    items = [
        Item("a", "Tom has 4 pens. Tom finds 2 pens. How many pens?", "4 + 2 = 6. The answer is 6"),
        Item("b", "How many?", "The answer is 1"),
        Item(
            "c", "Ann has 9 nuts. Ann eats 3. How many nuts has Ann now, after all this?", "9 - 3 = 6. The answer is 6"
        ),
        Item("long", "How many? " * 400, "The answer is 1"),
    ]
    found = {one.rationale_key: one for batch in scorer.score(items) for one in batch}
    assert len(found) == 4
    assert (found["long"].n_tokens, found["long"].mean_nll) == (0, None)
    for item in items[:3]:
        prompt, answer = templates.encode_pair(scorer.tokenizer, scorer.template, item.question, item.rationale)
        ids = torch.tensor([prompt + answer])
        labels = torch.tensor([[-100] * len(prompt) + answer])
        with torch.inference_mode():
            out = scorer.model(input_ids=ids, labels=labels)
        ranks = []
        for i, token in enumerate(answer):
            scores = out.logits[0, len(prompt) + i - 1].tolist()
            ranks.append(1 + sum(score > scores[token] for score in scores))
        one = found[item.rationale_key]
        assert one.n_tokens == len(answer)
        assert one.mean_nll == pytest.approx(float(out.loss), rel=1e-4)
        assert one.mean_rank == pytest.approx(sum(ranks) / len(ranks))
        assert one.mean_log_rank == pytest.approx(sum(map(math.log, ranks)) / len(ranks))


def test_rationales_are_scored_once_and_read_by_cell(tmp_path: Path) -> None:
    store, _ = filled(tmp_path / "lab.duckdb", 12, 0)
    model = base_model("tiny", TINY, "plain")
    cells = select_cells(store)
    assert score_rationales(store, model, cells, limit=5, processes=1) == (5, 5)
    assert score_rationales(store, model, cells, processes=2) == (12, 7)
    assert score_rationales(store, model, cells, processes=1) == (12, 0)
    with store.read() as con:
        n, n_models, least = con.execute(
            "SELECT count(*), count(DISTINCT weights_hash), min(mean_nll) FROM rationale_score"
        ).fetchone() or (0, 0, 0)
    assert (n, n_models) == (12, 1) and least > 0
    said = _cot(store.path, "evaluate", "score", "--student", "tiny", "--json")
    (row,) = json.loads(said)
    assert (row["n"], row["n_too_long"], row["teacher"]) == (12, 0, "builtin-strict")
    assert row["rank_over_nll"] == pytest.approx(row["rank"] / row["nll"])
    (row,) = json.loads(_cot(store.path, "evaluate", "score", "--student", "tiny", "--limit", "5", "--json"))
    assert row["n"] == 5  # not all that was ever scored
    with pytest.raises(ConfigError, match="no rationales of these cells"):
        score_rationales(store, model, [])


def test_a_limit_is_the_same_questions_for_every_cell_usable_or_not(full_lab: Any) -> None:
    """Level 3 lacks four replies: the limit ends at the first of these."""
    order = sorted(q.key for q in full_lab.train)
    limit = 1 + min(order.index(q.key) for q in full_lab.train[:4])
    params = {"cells": [c.key for c in select_cells(full_lab.store)], "limit": limit}
    params |= {"weights": "w", "template": "plain", "dtype": "float32"}
    to_score = (Path(evaluate.__file__).parent / "sql" / "to_score.sql").read_text()
    scores = (evaluate_score.SQL / "rationale_scores.sql").read_text()
    given = {"weights_hash": "w", "template": "plain", "dtype": "float32", "student": "tiny", "n_tokens": 3}
    given |= {"mean_nll": 1.0, "mean_rank": 2.0, "scored_at": "2026-01-02T03:04:05.000000"}
    with full_lab.store.write() as con:
        wanted = [key for key, *_ in con.execute(to_score, params).fetchall()]
        every = [key for key, *_ in con.execute(to_score, params | {"limit": 40}).fetchall()]
        full_lab.store.insert(con, "rationale_score", [given | {"rationale_key": key} for key in every])
        shown = [{row[3]: row[6] for row in con.execute(scores, params | {"limit": n}).fetchall()} for n in (limit, 40)]
    assert (len(wanted), len(every)) == (3 * limit - 1, 3 * 40 - 4)
    assert shown == [{None: limit, 1: limit, 3: limit - 1} if limit > 1 else {None: 1, 1: 1}, {None: 40, 1: 40, 3: 36}]


def _cot(store: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *words, "--store", str(store)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_predictions_beside_another_runs_and_as_files(full_lab: Any, tmp_path: Path) -> None:
    import polars as pl

    path = full_lab.store.path
    listed = json.loads(_cot(path, "predictions", "--json", "--limit", "1000"))
    assert len(listed) == 700
    with full_lab.store.read() as con:
        runs = [key for (key,) in con.execute("SELECT run_key FROM run ORDER BY run_key").fetchall()]
    mine = json.loads(
        _cot(path, "predictions", "--model", runs[0], "--beside", "untouched", "--differ", "--json", "--limit", "500")
    )
    assert mine and all(r["verdict"] != r["other_verdict"] and r["run_key"] == runs[0] for r in mine)
    with full_lab.store.read() as con:
        (expected,) = con.execute(
            "SELECT count(*) FROM prediction_now a JOIN prediction_now b USING (question_key) "
            "WHERE a.run_key = ? AND b.run_key IS NULL AND a.verdict <> b.verdict",
            [runs[0]],
        ).fetchone()
    assert len(mine) == expected
    shown = _cot(
        path, "predictions", "--model", runs[0], "--beside", "untouched", "--verdict", "correct", "--limit", "2"
    )
    assert shown.count("gold: ") == 2 and "untouched: " in shown and "correct, stop]" in shown
    for name in ("p.parquet", "p.jsonl"):
        _cot(path, "predictions", "--model", runs[0], "--out", str(tmp_path / name))
    frame = pl.read_parquet(tmp_path / "p.parquet")
    assert frame.height == 100 and set(frame["run_key"]) == {runs[0]}
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    n_right = frame.filter(pl.col("verdict") == "correct").height
    assert len(lines) == 100 and sum(line["exact_match"] for line in lines) == n_right > 0
    assert {line["doc_id"] for line in lines} == set(range(100)) and lines[0]["resps"][0][0].startswith("The answer")
    for words, message in (
        (("--verdict", "good"), "unknown --verdict"),
        (("--differ",), "compares two models"),
        (("--model", "nobody"), "no evaluation in"),
        (("--model", runs[0], "--out", str(tmp_path / "p.csv")), "neither .parquet nor .jsonl"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cotdistill", "predictions", *words, "--store", str(path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2 and message in done.stderr


def test_beside_untouched_is_the_same_students_base(full_lab: Any) -> None:
    full_lab.untouched(range(3), "other")
    with full_lab.store.write() as con:
        con.execute("UPDATE evaluation SET created_at = created_at + INTERVAL 1 DAY WHERE student = 'other'")
        (run,) = con.execute("SELECT min(run_key) FROM run").fetchone() or ("",)
    words = ("predictions", "--beside", "untouched", "--json", "--limit", "1000", "--store", str(full_lab.store.path))
    for more, n in ((("--model", run), 100), ((), 600)):
        found = json.loads(CliRunner().invoke(app, [*words, *more]).stdout)
        assert len(found) == n and {row["student"] for row in found} == {"tiny"}
        assert len({row["question_key"] for row in found if row["other_verdict"] == "correct"}) == 5  # tiny's, not 3
    refused = CliRunner().invoke(app, [*words, "--model", "other"])
    assert "nothing called 'untouched' of the same student" in str(refused.exception)


def test_a_run_examined_on_two_data_sets_is_listed_once(lab: Any) -> None:
    math = lab.other("math")
    run = math.run(math.cell("teacher", 3, "original", lambda q: f"The answer is {q.gold}"), 1, range(40))
    lab.other("math-4s").evaluate(run, range(70))
    with lab.store.write() as con:
        con.execute("UPDATE evaluation SET created_at = created_at + INTERVAL 1 DAY WHERE dataset = 'math-4s'")
    shown = json.loads(CliRunner().invoke(app, ["runs", run[:8], "--json", "--store", str(lab.store.path)]).stdout)
    assert [(row["run_key"], row["n"], row["n_correct"]) for row in shown] == [(run, 100, 70)]


def test_companions_of_a_run_are_its_answer_only_students(full_lab: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from cotdistill.commands.asking import _with_companions

    with full_lab.store.read() as con:
        rows = con.execute(
            "SELECT run_key, format FROM run JOIN corpus USING (corpus_hash) JOIN cell USING (cell_key) ORDER BY 1"
        ).fetchall()
    plain = [key for key, format in rows if format == "answer-only"]
    reasoned = [key for key, format in rows if format != "answer-only"]
    assert len(plain) == 2
    assert _with_companions(full_lab.store, reasoned[:1]) == {"arith": [*sorted(plain), reasoned[0]]}
    with full_lab.store.write() as con:
        con.execute("DELETE FROM run WHERE run_key IN (?, ?)", plain)
    assert _with_companions(full_lab.store, reasoned[:1]) == {"arith": [reasoned[0]]}
    assert "no answer-only student of tiny on arith" in capsys.readouterr().err
