"""A reasoning model's trace, from the wire to the file a student is taught from: stored apart, chosen, judged."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cotdistill.commands.buy import buy
from cotdistill.gen.prompts import recipes
from cotdistill.gen.purchase import Purchase
from cotdistill.gen.teachers import Teacher
from cotdistill.store.cells import select_cells
from cotdistill.store.corpora import implicit_corpus
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question, Sampling
from cotdistill.tests.servers.canned import Canned, CannedServer
from cotdistill.tests.servers.protocols import chat_reply

TRACE = "Hm, nine and nine.\nWait, is it 81? No: that is the product. 9 + 9 = 18."
ANSWER = "9 + 9 = 18. The answer is 18."
QUESTIONS = [Question("mine", "train", text, "number", "18") for text in ("9 + 9?", "10 + 8?", "20 - 2?")]


def harvested(path: Path, reply: dict[str, Any]) -> Store:
    """A store with three questions that have the same answer, asked of a server that always gives it."""
    store = Store.open(path)
    add_questions(store, QUESTIONS)
    with CannedServer() as server:
        server.answer = Canned.of(reply)
        teacher = Teacher(name="thinker", provider="openai-compatible", model="m", base_url=f"{server.root}/v1")
        tally = buy(path, Purchase(teacher, tuple(recipes([3], ["original"], "no")), Sampling(max_tokens=99)), "mine")
    assert (tally.n_done, tally.n_unusable) == (3, 0)
    return store


@pytest.mark.parametrize(
    "reply",
    [chat_reply(ANSWER, thoughts=TRACE), chat_reply(f"<think>{TRACE}</think>\n\n{ANSWER}")],
    ids=["reasoning_content", "think tags"],
)
def test_the_trace_is_apart_and_can_be_the_rationale(store_path: Path, tmp_path: Path, reply: dict[str, Any]) -> None:
    store = harvested(store_path, reply)
    with store.read() as con:
        assert con.execute("SELECT DISTINCT text, reasoning FROM reply").fetchall() == [(ANSWER, TRACE)]
        both = con.execute(
            "SELECT 'visible', text, verdict, count(*), any_value(realised_tokens) FROM rationale_now GROUP BY ALL "
            "UNION ALL SELECT 'reasoning', text, verdict, count(*), any_value(realised_tokens) FROM rationale_reasoned "
            "GROUP BY ALL ORDER BY 1 DESC"
        ).fetchall()
    assert [row[:4] for row in both] == [
        ("visible", ANSWER, "correct", 3),
        ("reasoning", f"{TRACE}\n\n{ANSWER}", "correct", 3),
    ]
    assert both[0][4] < both[1][4]

    def export(kind: str) -> tuple[str, set[str]]:
        words = ["export", "--to", "prompt-completion", "--rationale", kind, "--out", str(tmp_path / kind)]
        done = subprocess.run(
            [sys.executable, "-m", "cotdistill", *words, "--store", str(store_path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        [file] = (tmp_path / kind).glob("*.jsonl")
        return file.name, {json.loads(line)["completion"] for line in file.read_text().splitlines()}

    assert export("visible") == ("mine_thinker_level-3_original_prompt-completion.jsonl", {ANSWER})
    assert export("reasoning") == (
        "mine_thinker_level-3_original_reasoning_prompt-completion.jsonl",
        {f"{TRACE}\n\n{ANSWER}"},
    )


def test_both_corpora_stand_beside_each_other_and_judging_again_changes_nothing(store_path: Path) -> None:
    store = harvested(store_path, chat_reply(ANSWER, thoughts=TRACE))
    [cell] = select_cells(store)
    visible, reasoning = implicit_corpus(store, cell), implicit_corpus(store, cell, rationale="reasoning")
    assert visible.corpus_hash != reasoning.corpus_hash
    assert [c.manifest["rationale"] for c in (visible, reasoning)] == ["visible", "reasoning"]
    assert {r.question_key for r in visible.rows} == {r.question_key for r in reasoning.rows}
    store.settle()
    with store.read() as con:
        assert con.execute("SELECT (SELECT count(*) FROM rationale), (SELECT count(*) FROM verdict)").fetchone() == (
            6,
            6,
        )
        members = con.execute(
            "SELECT parser_version, count(*) FROM corpus_member JOIN rationale USING (rationale_key) "
            "GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert members == [("1", 3), ("reasoned-1", 3)]


def test_replies_without_a_trace_are_counted_as_left_out(store_path: Path) -> None:
    from cotdistill.errors import ConfigError

    store = harvested(store_path, chat_reply(ANSWER))
    [cell] = select_cells(store)
    with pytest.raises(ConfigError, match="3 without a reasoning trace"):
        implicit_corpus(store, cell, rationale="reasoning")
