"""What the browsers are given: the seeded sample, the chain from question to predictions, filters, pairs."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from cotdistill.analysis import browse, sample
from cotdistill.analysis.page import as_data
from cotdistill.gen.prompts import build
from cotdistill.store.store import Store
from cotdistill.tasks import keys

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Lab


def rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(document["columns"], values, strict=True)) for values in document["rows"]]


def test_a_small_store_is_in_the_file_whole(full_lab: "Lab") -> None:
    made = sample.sample(full_lab.store, build)
    found = rows(made["rationales"])
    assert len(found) == 116  # 3 cells of 40 questions, 4 replies missing
    assert made["said"]["rationales"] == "All 116 rationales of the store are in this file."
    assert len(made["predictions"]["rows"]) == 700
    assert json.loads(as_data(made))["mode"] == "inline"


def test_a_sample_is_seeded_bounded_and_says_what_it_is(full_lab: "Lab", monkeypatch: pytest.MonkeyPatch) -> None:
    full_lab.cell("sloppy", 2, "original", lambda q: "The answer is -7")
    monkeypatch.setattr(sample, "MAX_RATIONALES", 60)
    monkeypatch.setattr(sample, "N_DOUBTFUL", 10)
    monkeypatch.setattr(sample, "MAX_PREDICTIONS", 70)
    one, same, other = (sample.sample(full_lab.store, seed=s) for s in (1, 1, 2))
    assert one == same and one["rationales"]["rows"] != other["rationales"]["rows"]
    found = rows(one["rationales"])
    assert len(found) <= 60 and len(one["predictions"]["rows"]) == 70
    wrong = [r for r in found if r["verdict"] == "wrong"]
    assert 10 <= len(wrong) < 40
    said = one["said"]["rationales"]
    assert f"{len(found)} of the store's 156 rationales" in said and "10 of the 40 replies that were not judged" in said
    whole = {q for q in {r["question"] for r in found} if len([r for r in found if r["question"] == q]) > 1}
    with full_lab.store.read() as con:
        for q in whole:  # one question at all its levels
            key = one["rationales"]["questions"][q]["key"]
            n = con.execute("SELECT count(*) FROM reply WHERE question_key = ?", [key]).fetchone()
            assert n == (len([r for r in found if r["question"] == q]),)


def test_the_chain_leads_from_a_question_to_predictions(full_lab: "Lab") -> None:
    key = full_lab.train[7].key
    made = browse.rationales(full_lab.store, [key])
    found = rows(made)
    assert {made["cells"][r["cell"]]["recipe"] for r in found} == {"answer-only", "level 1", "level 3"}
    three = next(r for r in found if made["cells"][r["cell"]]["level"] == 3)
    assert made["questions"][three["question"]]["gold"] == full_lab.train[7].gold
    assert (three["verdict"], three["strict_verdict"], three["usd"], three["calls"]) == ("correct", "correct", 0.01, 1)
    [corpus] = [made["corpora"][c] for c in three["corpora"]]
    assert corpus["n_rows"] == 36 and len(corpus["runs"]) == 2
    run = made["runs"][corpus["runs"][0]]
    [scored] = run["evaluations"]
    assert (run["student"], run["status"], scored["n"], scored["n_correct"]) == ("tiny", "finished", 100, 70)


def test_a_prompt_is_shown_only_where_it_gives_the_replys_key(lab: "Lab") -> None:
    from cotdistill.store.cells import Cell
    from cotdistill.tasks.values import Recipe

    question, cell = lab.train[0], Cell("arith", "t", Recipe(2, "original", "no", "2"))
    messages = [{"role": m.role, "content": m.content} for m in build(question, cell.recipe)]
    sent = keys.reply_key(question.key, messages, "t", "model-1", temperature=0.5, sample_index=0)
    for key in (sent, "another"):
        reply = {
            "reply_key": key,
            "question_key": question.key,
            "teacher": "t",
            "status": "ok",
            "text": "The answer is 1",
        }
        reply |= {"requested_model": "model-1", "temperature": 0.5, "sample_index": 0, "redo": 0}
        member = {"cell_key": cell.key, "question_key": question.key, "sample_index": 0, "reply_key": key}
        member |= {"sampling": key}
        with lab.store.write() as con:
            lab.store.insert(con, "cell", [cell.row()])
            lab.store.insert(con, "cell_member", [member])
            lab.store.insert(con, "reply", [reply | {"received_at": "2026-01-02T03:04:05"}])
    lab.store.settle()
    made = browse.rationales(lab.store, [question.key], prompter=build)
    found = {r["reply_key"]: r for r in rows(made)}
    assert found[sent]["prompt_checked"] is True and found["another"]["prompt"] is None
    assert [made["prompts"][place] for _, place in found[sent]["prompt"]] == [m["content"] for m in messages]


def test_filters_and_words_choose_from_the_whole_store(full_lab: "Lab") -> None:
    full_lab.cell("sloppy", 2, "symbolic", lambda q: "It is a ZEBRA. The answer is -7")
    found = browse.index(full_lab.store)
    counts = {name: dict(map(tuple, values)) for name, values in browse.facets(found).items()}  # type: ignore[arg-type]
    assert counts["teacher"] == {"teacher": 116, "sloppy": 40} and counts["verdict"] == {"correct": 116, "wrong": 40}
    assert counts["level"] == {0: 40, 1: 40, 2: 40, 3: 36} and counts["fault"] == {"wrong-answer": 40}

    def total(**filters: Any) -> int:
        return int(browse.listed(full_lab.store, found, filters, 0, 5)["total"])

    assert (total(), total(level=3), total(verdict="wrong"), total(format="symbolic")) == (156, 36, 40, 40)
    assert (total(words="zebra"), total(words="zebra", level=1), total(teacher="teacher", level=0)) == (40, 0, 40)
    pages = [browse.listed(full_lab.store, found, {"level": 3}, skip, 20)["items"] for skip in (0, 20)]
    assert [len(p) for p in pages] == [20, 16] and pages[0][0]["recipe"] == "level 3"
    assert len({i["reply_key"] for p in pages for i in p}) == 36


def test_faults_are_a_filter_where_an_audit_made_them(full_lab: "Lab") -> None:
    with full_lab.store.write() as con:
        con.execute("DROP VIEW IF EXISTS fault_now")
        con.execute(
            "CREATE VIEW fault_now AS SELECT reply_key, rationale_key, 'lost newlines' AS rule, 'line 3' AS detail "
            "FROM rationale_now WHERE contains(text, 'Then, ')"
        )
    found = browse.index(full_lab.store)
    assert browse.facets(found)["fault"] == [["lost newlines", 36]]
    assert browse.listed(full_lab.store, found, {"fault": "lost newlines"}, 0, 5)["total"] == 36
    faulty = rows(browse.rationales(full_lab.store, [full_lab.train[9].key]))
    assert sorted(r["faults"] for r in faulty) == [[], [], [["lost newlines", "line 3"]]]


def test_two_evaluations_are_compared_on_the_questions_both_answered(full_lab: "Lab") -> None:
    by_label = {e["label"]: e for e in browse.evaluations(full_lab.store)}
    a = by_label["tiny, level 3, by teacher, seed 1"]["key"]  # right: 0-69
    b = by_label["tiny, level 3, by teacher, seed 2"]["key"]  # right: 10-79
    found = browse.pairs(full_lab.store, a, b, None, None, 0, 30)
    assert found["counts"] == {"both right": 60, "only a": 10, "only b": 10, "both wrong": 20}
    assert (found["total"], len(found["items"])) == (100, 30)
    only = browse.pairs(full_lab.store, a, b, "only a", None, 0, 30)
    assert only["total"] == 10 and {i["verdict_b"] for i in only["items"]} == {"wrong"}
    assert by_label["tiny, untouched"]["n_correct"] == 5


def test_long_texts_are_cut_in_the_file_and_say_how_long_they_are(lab: "Lab") -> None:
    lab.cell("t", 1, "original", lambda q: "x" * 1_000_000 if q is lab.train[0] else "The answer is 1")
    made = rows(sample.sample(lab.store)["rationales"])
    [long] = [r for r in made if r["cut"]]
    assert long["cut"] == 1_000_000 and len(long["text"] or long["reply_text"]) == sample.CAP


def test_an_empty_store_has_nothing_to_browse(store_path: "Path") -> None:
    store = Store.open(store_path)
    made = sample.sample(store, build)
    assert made["rationales"]["rows"] == [] and made["predictions"]["rows"] == []
    assert made["said"] == {
        "rationales": "The store has no rationales yet.",
        "predictions": "No student is evaluated yet.",
    }
    assert all(not values for values in browse.facets(browse.index(store)).values())
