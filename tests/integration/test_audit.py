"""The audit on small stores with a truth that can be counted by hand, through the API, the command line and SQL."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cotdistill.analysis.audit import MEANING, answers, rows_of
from cotdistill.store.audit import audit
from cotdistill.store.halves import MIN_ITEMS, halves
from cotdistill.store.store import Store
from cotdistill.tasks.faults import RULES
from cotdistill.tasks.values import Question

if TYPE_CHECKING:
    from .conftest import Lab


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql).fetchall()


def counts(store: Store) -> dict[str, int]:
    return dict(rows(store, "SELECT rule, count(*) FROM fault_now GROUP BY rule"))


def sound(q: Question) -> str:
    return f"We work through {q.text} In the end there are {q.gold} of them. The answer is {q.gold}"


def cli(store: Store, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *words, "--store", str(store.path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def spoiled(lab: "Lab") -> None:
    """Level 1: five faults, one each, in 40 replies; level 3: sound; level 5: a copy of level 3 for ten questions."""

    def coarse(q: Question) -> str:
        match lab.train.index(q):
            case 0:
                return f"It is more than that. The answer is {int(q.gold or 0) + 1}"
            case 1:
                return f"{q.text} So there are {q.gold} of them, and that is all there is to say here."
            case 2:
                return f"<Solution Path> {sound(q)}"
            case 3:
                return sound(q).replace(". The answer", ".The answer")
            case 4:
                return f"The answer is {q.gold}"
        return f"A short count of {q.text.split()[0]}'s things gives {q.gold} at once. The answer is {q.gold}"

    def fine(q: Question) -> str:
        if lab.train.index(q) < 10:
            return sound(q)
        return (
            f"First we read the question with care, line by line, and write down each of its numbers. {q.text} Then "
            f"we add or take away as it says, one after the other, and in this way we find {q.gold}. "
            f"The answer is {q.gold}"
        )

    lab.cell("teacher", 1, "original", coarse)
    lab.cell("teacher", 3, "original", sound)
    lab.cell("teacher", 5, "original", fine)
    lab.cell("teacher", None, "answer-only", lambda q: f"The answer is {q.gold}")


def test_faults_are_found_where_they_are(lab: "Lab") -> None:
    spoiled(lab)
    done = audit(lab.store)
    assert (done.read, done.compared, done.without_question) == (160, 120, 0)
    found = counts(lab.store)
    assert {
        rule: found[rule] for rule in ("wrong-answer", "no-answer", "template-residue", "lost-newlines")
    } == dict.fromkeys(("wrong-answer", "no-answer", "template-residue", "lost-newlines"), 1)
    assert found["no-reasoning"] == 1
    assert found["not-derived"] == 1  # the wrong answer, which its text does not have
    assert "in-test-split" not in found
    where = "SELECT DISTINCT level FROM fault_row WHERE rule = '{}'"
    for rule in ("wrong-answer", "no-answer", "template-residue", "lost-newlines", "no-reasoning"):
        assert rows(lab.store, where.format(rule)) == [(1,)]


def test_copies_of_a_coarser_level_are_found_and_the_first_is_kept(lab: "Lab") -> None:
    spoiled(lab)
    audit(lab.store)
    copies = rows(
        lab.store, "SELECT level, count(*) FROM fault_row WHERE rule = 'level-copy' GROUP BY ALL ORDER BY ALL"
    )
    assert copies == [(3, 2), (5, 10)]  # level 3 repeats the sound texts within two of the five faulty ones of level 1
    others = rows(
        lab.store,
        "SELECT DISTINCT c.level FROM fault AS f JOIN rationale AS p ON p.rationale_key = f.other_key "
        "JOIN cell_member AS m ON m.reply_key = p.reply_key JOIN cell AS c ON c.cell_key = m.cell_key "
        "WHERE f.rule = 'level-copy'",
    )
    assert {level for (level,) in others} <= {1, 3}


def test_the_same_text_twice_in_a_cell_is_a_near_duplicate(lab: "Lab") -> None:
    text = (
        "We look at what there was, take away what was given to others, and count what is left on the table at the end."
    )
    lab.cell("teacher", 2, "original", lambda q: f"{text} The answer is {q.gold}")
    audit(lab.store)
    assert counts(lab.store)["near-duplicate"] == 39


def test_a_second_audit_does_nothing_and_new_replies_are_read_alone(lab: "Lab") -> None:
    spoiled(lab)
    audit(lab.store)
    before = [rows(lab.store, f"SELECT count(*) FROM {table}") for table in ("audit_text", "audit_copies", "fault")]
    again = audit(lab.store)
    assert (again.read, again.compared) == (0, 0)
    assert [rows(lab.store, f"SELECT count(*) FROM {t}") for t in ("audit_text", "audit_copies", "fault")] == before
    lab.cell("other", 1, "original", sound)
    more = audit(lab.store)
    assert (more.read, more.compared) == (40, 40)


def test_only_what_is_asked_for_is_audited(lab: "Lab") -> None:
    lab.cell("a", 1, "original", sound)
    lab.cell("b", 1, "original", sound)
    assert audit(lab.store, teachers=["a"]).read == 40
    assert audit(lab.store, datasets=["nobody"]).read == 0
    assert audit(lab.store).read == 40


def test_a_newer_version_replaces_what_an_older_one_found(lab: "Lab") -> None:
    spoiled(lab)
    audit(lab.store)
    faulty = rows(lab.store, "SELECT rationale_key FROM fault WHERE rule = 'no-reasoning'")[0][0]
    newer = {"rationale_key": faulty, "version": "1.10", "realised_numbers": 7, "audited_at": "2026-01-02T03:04:05"}
    older = newer | {"version": "1.1", "realised_numbers": 5}
    with lab.store.write() as con:
        lab.store.insert(con, "audit_text", [newer, older])
        lab.store.insert(
            con,
            "fault",
            [{"rationale_key": faulty, "rule": "not-derived", "part": "text", "version": "1.1", "detail": "old"}],
        )
    assert "no-reasoning" not in counts(lab.store)
    assert rows(lab.store, f"SELECT realised_numbers FROM audit_now WHERE rationale_key = '{faulty}'") == [(7,)]
    assert rows(lab.store, f"SELECT rule FROM fault_now WHERE rationale_key = '{faulty}'") == []


def test_statuses_and_test_splits_are_faults_of_the_reply(lab: "Lab") -> None:
    cell = lab.cell("teacher", 1, "original", sound)
    leaked = lab.test[0]
    reply = {"question_key": leaked.key, "teacher": "teacher", "text": sound(leaked), "sample_index": 0, "redo": 0}
    reply |= {"received_at": "2026-01-02T03:04:05"}
    with lab.store.write() as con:
        lab.store.insert(
            con, "reply", [reply | {"reply_key": f"r-{s}", "status": s} for s in ("ok", "truncated", "refused")]
        )
        lab.store.insert(
            con,
            "cell_member",
            [
                {"cell_key": cell.key, "question_key": leaked.key, "sample_index": i, "reply_key": f"r-{s}"}
                for i, s in enumerate(("ok", "truncated", "refused"))
            ],
        )
    lab.store.settle()
    audit(lab.store)
    of_replies = (
        "SELECT reply_key, rule, rationale_key FROM fault_now WHERE reply_key LIKE 'r-%' AND rationale_key IS NULL"
    )
    assert set(rows(lab.store, of_replies)) == {
        ("r-ok", "in-test-split", None),
        ("r-truncated", "in-test-split", None),
        ("r-refused", "in-test-split", None),
        ("r-truncated", "truncated", None),
        ("r-refused", "refused", None),
    }


def test_rationales_of_questions_that_are_not_loaded_are_counted(lab: "Lab") -> None:
    reply = {
        "reply_key": "r",
        "question_key": "nowhere",
        "teacher": "t",
        "status": "ok",
        "text": "Two. The answer is 2",
    }
    with lab.store.write() as con:
        lab.store.insert(con, "reply", [reply | {"sample_index": 0, "redo": 0, "received_at": "2026-01-02T03:04:05"}])
    lab.store.settle()
    assert audit(lab.store).without_question == 1


def test_every_rule_has_a_meaning() -> None:
    assert RULES.keys() <= MEANING.keys()


def test_the_dose_is_checked_and_holes_are_named(lab: "Lab") -> None:
    spoiled(lab)
    lab.cell("second", 1, "original", lambda q: f"One {sound(q)}", n_missing=4)
    audit(lab.store)
    by_rule, by_cell, dose, monotone, missing = answers(lab.store, {})
    assert {row["rule"]: row["n"] for row in by_rule.detail}["no-answer"] == 1
    assert {row["rule"] for row in by_cell.detail} > {"any", "no-answer"}
    levels = {row["level"]: row for row in dose.detail if row["teacher"] == "teacher"}
    assert (levels[3]["n_both"], levels[5]["n_both"], levels[5]["n_longer"]) == (40, 40, 30)
    assert levels[5]["mean_tokens"] > levels[3]["mean_tokens"]
    (series,) = monotone.detail
    lengths = rows(
        lab.store,
        "SELECT list(realised_tokens ORDER BY level) FROM cell_rationale "
        "WHERE teacher = 'teacher' AND level IS NOT NULL GROUP BY question_key",
    )
    grows = sum(a < b < c for ((a, b, c),) in lengths)
    assert (series["levels"], series["n"], series["monotone_tokens"]) == ([1, 3, 5], 40, grows)
    text = "\n".join(missing.notes)
    assert "by second has no level 3, level 5" in text
    assert "4 of 40 replies are missing" in text


def test_each_fault_gives_a_query_that_lists_its_rows(lab: "Lab") -> None:
    spoiled(lab)
    table = cli(lab.store, "audit")
    assert all(len(line) <= 80 for line in table.splitlines() if "cotdistill sql" not in line)
    commands = re.findall(r"cotdistill (sql .*)", table)
    found = json.loads(cli(lab.store, "audit", "--json"))[0]["rows"]
    assert len(commands) == len(found) >= 6
    for command, fault in zip(commands, found, strict=True):
        typed = [word for word in shlex.split(command) if word not in ("--store", str(lab.store.path))]
        listed = json.loads(cli(lab.store, *typed, "--json"))
        assert {row["rule"] for row in listed} == {fault["rule"]}
        assert len({row["reply_key"] for row in listed}) == fault["n"]
        assert rows(lab.store, f"SELECT count(DISTINCT reply_key) FROM ({fault['sql']})") == [(fault["n"],)]


def test_show_lists_the_rows_of_one_fault(lab: "Lab") -> None:
    spoiled(lab)
    shown = json.loads(cli(lab.store, "audit", "--show", "no-reasoning", "--level", "1", "--json"))
    assert [(row["rule"], row["level"]) for row in shown] == [("no-reasoning", 1)]
    table = cli(lab.store, "audit", "--show", "no-reasoning")
    assert "nothing but" in table
    assert "FROM fault_row WHERE rule = 'no-reasoning'" in table


def test_an_unknown_fault_is_refused_by_name(lab: "Lab") -> None:
    lab.cell("teacher", 1, "original", sound)
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", "audit", "--show", "typos", "--store", str(lab.store.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 or done.returncode == 1
    assert "'typos'" in done.stderr
    assert "not-derived" in done.stderr


def test_values_in_a_query_are_quoted() -> None:
    assert rows_of("no-answer", {"teacher": ["o'brien"], "level": [1, 2], "format": None}) == (
        "FROM fault_row WHERE rule = 'no-answer' AND teacher = 'o''brien' AND level IN (1, 2)"
    )


def shout(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


def test_half_of_the_work_in_a_second_process_gives_the_same_result() -> None:
    from cotdistill.tasks.near_duplicates import signatures_of

    texts = [f"text {i} with some words to share and {i * i} to tell them apart by" for i in range(2 * MIN_ITEMS)]
    with halves(len(texts)) as both:
        assert both.map(signatures_of, texts) == signatures_of(texts)
        if both._child is None:
            pytest.skip("one core only")
        both._child.kill()  # and when it dies, the work is done here
        assert both.map(signatures_of, texts) == signatures_of(texts)
        assert both.map(signatures_of, texts[:10]) == signatures_of(texts[:10])


def test_few_items_start_no_second_process(tmp_path: Path) -> None:
    with halves(10) as both:
        assert both._child is None
        assert both.map(shout, ["a", "b"]) == ["A", "B"]
