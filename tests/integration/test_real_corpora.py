"""Corpora of the paper's released rationales: the leak guard on StrategyQA, and SVAMP exported to three readers."""

import json
from pathlib import Path

import polars as pl
import pytest

from cotdistill.store.cells import select_cells
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.export import export
from cotdistill.store.export_rows import Recorded
from cotdistill.store.import_paper import import_paper
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets.registry import load_questions

KEYS = ("stqa_human", "SVAMP_ChatGPT_level5")


@pytest.fixture(scope="module")
def store(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the two files alone, linked to, not copied."""
    folder = tmp_path_factory.mktemp("corpora")
    released = data / "paper/data"
    index = json.loads((released / "dataset_info.json").read_text())
    some = {key: index[key] for key in KEYS}
    (folder / "dataset_info.json").write_text(json.dumps(some))
    for entry in some.values():
        (folder / entry["file_name"]).symlink_to(released / entry["file_name"])
    made = Store.open(folder / "store.duckdb")
    for name in ("strategyqa", "svamp"):
        add_questions(made, load_questions(name, source=data / "benchmarks").questions)
    import_paper(made, folder)
    made.settle()
    return made


def corpus_of(store: Store, dataset: str) -> Corpus:
    [cell] = select_cells(store, datasets=[dataset])
    return implicit_corpus(store, cell)


def test_strategyqas_human_corpus_loses_its_290_test_questions_and_says_so(store: Store) -> None:
    corpus = corpus_of(store, "strategyqa")
    assert corpus.left_out["in a test split"] == 290
    assert len(corpus.rows) + sum(corpus.left_out.values()) == 2290
    with store.read() as con:
        shared = con.execute(
            "SELECT count(*) FROM corpus_member m JOIN question q USING (question_key) "
            "WHERE q.text_key IN (SELECT text_key FROM question WHERE split = 'test')"
        ).fetchone()
    assert shared == (0,)


def test_svamp_level_5_of_gpt_4o_is_exported_for_three_readers(store: Store, tmp_path: Path) -> None:
    corpus = corpus_of(store, "svamp")
    assert corpus.left_out == {"wrong": 7}
    assert len(corpus.rows) == 692
    alpaca, chat, parquet = export(store, [Recorded.of(corpus)], tmp_path, ["llamafactory", "chat", "parquet"])
    outputs = [row["output"] for row in json.loads(alpaca.path.read_text(encoding="utf-8"))]
    lines = [json.loads(line) for line in chat.path.read_text(encoding="utf-8").split("\n") if line]
    assert outputs == [line["messages"][1]["content"] for line in lines]
    assert outputs == pl.read_parquet(parquet.path)["completion"].to_list()
    assert outputs == [row.completion for row in corpus.rows]
    assert json.loads((tmp_path / "dataset_info.json").read_text())[corpus.name]["file_name"] == alpaca.path.name
