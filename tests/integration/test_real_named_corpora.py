"""Named corpora of the paper's rationales: SVAMP by GPT-4o at six levels, StrategyQA without its test split."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from cotdistill.store.corpora import load_corpora, load_corpus
from cotdistill.store.corpus_create import create_corpora
from cotdistill.store.corpus_rules import load_rules
from cotdistill.store.import_paper import import_paper
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets.registry import load_questions
from cotdistill.tasks.realised import count_tokens

SVAMP = {"cells.dataset": ["svamp"], "cells.teacher": ["gpt-4o"], "cells.level": [1, 2, 3, 4, 5, 6], "common": True}


@pytest.fixture(scope="module")
def store(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with seven of the released files, linked to, not copied."""
    folder = tmp_path_factory.mktemp("named")
    released = data / "paper/data"
    index = json.loads((released / "dataset_info.json").read_text())
    some = {key: entry for key, entry in index.items() if key.lower().startswith(("svamp_chatgpt_level", "stqa_human"))}
    assert len(some) == 7
    (folder / "dataset_info.json").write_text(json.dumps(some))
    for entry in some.values():
        (folder / entry["file_name"]).symlink_to(released / entry["file_name"])
    made = Store.open(folder / "store.duckdb")
    for name in ("strategyqa", "svamp"):
        add_questions(made, load_questions(name, source=data / "benchmarks").questions)
    import_paper(made, folder)
    made.settle()
    return made


def test_six_levels_of_svamp_share_a_block_and_a_budget(store: Store) -> None:
    made = create_corpora(store, "dose", load_rules(None, SVAMP | {"equal": {}}))
    assert [(one.name, one.n_rows) for one in made] == [
        ("dose/1", 678), ("dose/2", 614), ("dose/3", 482), ("dose/4", 407), ("dose/5", 334), ("dose/6", 282),
    ]  # fmt: skip
    corpora = load_corpora(store, ["dose"])
    tokens = [sum(count_tokens(r.completion) for r in c.rows) for c in corpora]
    assert tokens == [one.tokens for one in made]
    longest = max(count_tokens(r.completion) for c in corpora for r in c.rows)
    assert max(tokens) == tokens[0] == 28_036
    assert max(tokens) - min(tokens) < longest
    questions = [{r.question_key for r in c.rows} for c in corpora]
    assert all(finer < coarser for coarser, finer in pairwise(questions))


def test_a_common_block_of_svamp_is_the_same_questions(store: Store) -> None:
    create_corpora(store, "block", load_rules(None, SVAMP))
    blocks = [[r.question_key for r in c.rows] for c in load_corpora(store, ["block"])]
    assert len(blocks[0]) == 678
    assert all(block == blocks[0] for block in blocks)


def test_reassigned_levels_are_a_dose_where_the_requested_ones_are_not(store: Store) -> None:
    create_corpora(store, "re", load_rules(None, SVAMP | {"relevel": {}}))
    create_corpora(store, "asked", load_rules(None, SVAMP))

    def monotone(name: str) -> int:
        lengths = [[count_tokens(r.completion) for r in c.rows] for c in load_corpora(store, [name])]
        return sum(list(q) == sorted(q) for q in zip(*lengths, strict=True))

    assert monotone("re") == 678
    assert monotone("asked") < 678 * 0.2


def test_strategyqa_loses_its_290_test_questions_row_by_row(store: Store) -> None:
    [made] = create_corpora(store, "stqa", load_rules(None, {"cells.dataset": ["strategyqa"]}))
    assert made.left_out["in a test split"] == 290
    with store.read() as con:
        found = con.execute(
            "SELECT count(*), count(DISTINCT l.question_key), min(l.detail), max(l.detail) FROM corpus_left_out l "
            "JOIN corpus_name_now n ON n.family_key = l.family_key AND n.name = 'stqa' "
            "JOIN question q ON q.question_key = l.question_key WHERE l.rule = 'in a test split' AND q.split = 'test'"
        ).fetchone()
    assert found == (290, 290, "strategyqa test", "strategyqa test")
    with store.read() as con:
        test = {row[0] for row in con.execute("SELECT question_key FROM question WHERE split = 'test'").fetchall()}
    assert not test & {r.question_key for r in load_corpus(store, "stqa").rows}


def test_decontamination_finds_svamps_own_variants_of_its_test_questions(store: Store) -> None:
    made = create_corpora(store, "clean", load_rules(None, SVAMP | {"cells.level": [5], "decontaminate": {}}))
    found = {rule: made[0].left_out[rule] for rule in ("ngram-overlap", "same-template", "same-numbers")}
    assert found == {"ngram-overlap": 14, "same-template": 74, "same-numbers": 2}
