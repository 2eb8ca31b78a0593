"""The data card: a header the hub reads, figures that are the store's own, terms named and not judged."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from export_lab import CELL, add_replies, fill, with_validation

from cotdistill.store.card import card
from cotdistill.store.cells import Cell
from cotdistill.store.corpora import implicit_corpus
from cotdistill.store.export import export
from cotdistill.store.export_rows import Recorded, describe
from cotdistill.store.questions import add_questions
from cotdistill.store.spool import utc_now
from cotdistill.store.terms import is_own, known, terms_of
from cotdistill.tasks.datasets.registry import DATASETS
from cotdistill.tasks.realised import measure
from cotdistill.tasks.values import Question, Recipe


def header(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def table(text: str, *first: str) -> list[dict[str, str]]:
    """The rows of the table whose header begins so."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| " + " | ".join(first)))
    names = [cell.strip() for cell in lines[start].strip("|").split("|")]
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(names, (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]), strict=True)))
    return rows


def test_the_header_names_every_split_of_every_configuration(store_path: Path, tmp_path: Path) -> None:
    store, corpus = fill(store_path)
    export(store, [with_validation(store, corpus)], tmp_path / "out", ["alpaca", "chat"])
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    found = header(text)
    assert found["configs"] == [
        {
            "config_name": name,
            "data_files": [
                {"split": "train", "path": f"{name}{end}"},
                {"split": "validation", "path": f"{name}_validation{end}"},
            ],
        }
        for name, end in (("split", ".json"), ("split_chat", ".jsonl"))
    ]
    assert found["license"] == "other"  # own questions, an imported teacher: nobody here knows
    assert "language" not in found
    assert found["size_categories"] == ["n<1K"]
    assert "text-generation" in found["task_categories"]
    from huggingface_hub import DatasetCard

    assert DatasetCard(text).data.to_dict()["configs"] == found["configs"]


def test_the_figures_are_counted_by_hand(store_path: Path) -> None:
    texts = ["2 + 2 = 4.\n4 it is. The answer is 4", "The answer is 5", "Who knows?", "The answer is 4"]
    store, corpus = fill(store_path, texts)
    with store.read() as con:
        about = describe(con, Recorded.of(corpus))
    [cell] = about["cells"]
    tokens = [measure(text).tokens for text in texts]
    steps = [measure(text).steps for text in texts]
    assert (about["n_rows"], about["n_questions"], about["n_tokens"]) == (4, 4, sum(tokens))
    assert (cell["n_correct"], cell["n_wrong"], cell["n_unparsed"], cell["n_altered"]) == (2, 1, 1, 0)
    assert cell["mean_tokens"] == pytest.approx(sum(tokens) / 4, abs=0.051)
    assert cell["mean_steps"] == pytest.approx(sum(steps) / 4, abs=0.0051)
    assert about["splits"] == {"train": 4}
    manifest = {"version": "1", "corpora": {"own": about}, "files": {"own.json": FILE}}
    [row] = table(card(manifest), "corpus", "data set", "teacher")
    assert (row["n"], row["correct"], row["wrong"], row["unparsed"]) == ("4", "50.0%", "25.0%", "25.0%")
    [whole] = table(card(manifest), "corpus", "rows", "questions")
    assert whole == {"corpus": "`own`", "rows": "4", "questions": "4", "tokens": str(sum(tokens))}


FILE = {
    "corpus": "own",
    "corpus_hash": "h",
    "format": "alpaca",
    "split": "train",
    "n_rows": 4,
    "n_bytes": 10,
    "sha256": "",
}


def test_what_was_left_out_is_said_with_its_reason(store_path: Path, tmp_path: Path) -> None:
    store, _ = fill(store_path, ["The answer is 4", "The answer is 5", "A", "The answer is 6"])
    corpus = implicit_corpus(store, CELL)
    export(store, [Recorded.of(corpus)], tmp_path / "out", ["alpaca"])
    rows = table((tmp_path / "out" / "README.md").read_text(), "corpus", "why", "rows")
    assert rows == [{"corpus": f"`{corpus.name}`", "why": "wrong", "rows": "2"}]


@pytest.mark.parametrize(
    ("dataset", "teacher", "expected"),
    [
        ("svamp", "builtin-strict", "mit"),
        ("svamp", "gold", "mit"),
        ("openbookqa", "gold", "apache-2.0"),
        ("svamp", "gpt-4o", "other"),
        ("own", "builtin-strict", "other"),
    ],
)
def test_a_licence_is_stated_only_where_the_questions_alone_decide_it(
    store_path: Path, tmp_path: Path, dataset: str, teacher: str, expected: str
) -> None:
    store, corpus = fill(store_path, ["The answer is 4"], Cell(dataset, teacher, Recipe(1, "original", "no", "1")))
    export(store, [Recorded.of(corpus)], tmp_path / "out", ["chat"])
    text = (tmp_path / "out" / "README.md").read_text()
    assert header(text)["license"] == expected
    [row] = table(text, "data set", "licence")
    assert row["licence"] == (DATASETS[dataset].licence if dataset in DATASETS else "not known to cotdistill: add it")
    assert header(text).get("language") == (["en"] if dataset in DATASETS else None)


def test_a_card_of_several_exports_describes_them_all(store_path: Path, tmp_path: Path) -> None:
    store, first = fill(store_path, ["The answer is 4"])
    cell = Cell("svamp", "gold", Recipe(None, "answer-only", "yes", "1"))
    asked = [Question("svamp", "train", "One | two?", "number", "4")]
    add_questions(store, asked)
    add_replies(store, cell, asked, ["The answer is 4"])
    store.settle()
    second = implicit_corpus(store, cell)
    export(store, [Recorded.of(first)], tmp_path / "out", ["alpaca"])
    export(store, [Recorded.of(second)], tmp_path / "out", ["sharegpt"])
    text = (tmp_path / "out" / "README.md").read_text()
    assert [row["corpus"] for row in table(text, "corpus", "rows")] == [f"`{first.name}`", f"`{second.name}`"]
    assert [c["config_name"] for c in header(text)["configs"]] == [first.name, f"{second.name}_sharegpt"]
    assert {row["teacher"] for row in table(text, "teacher", "models")} == {"me", "gold"}
    for reader in ("LLaMA-Factory (alpaca)", "Axolotl (sharegpt)", "datasets", "polars (alpaca)"):
        assert reader in text
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert card(manifest) == text


def test_the_teachers_of_a_corpus_are_named_with_models_and_providers(store_path: Path) -> None:
    store, corpus = fill(store_path, ["The answer is 4"])
    with store.write() as con:
        con.execute("UPDATE reply SET requested_model = 'gpt-4o', served_model = 'gpt-4o-2024-08-06'")
        key = con.execute("SELECT reply_key FROM reply").fetchall()[0][0]
        call = {"attempt_key": "a", "reply_key": key, "teacher": "me", "provider": "openai", "model": "gpt-4o"}
        times = {"started_at": utc_now(), "finished_at": utc_now(), "status": "ok", "usd_basis": "unpriced"}
        store.insert(con, "attempt", [call | times])
    with store.read() as con:
        [teacher] = describe(con, Recorded.of(corpus))["teachers"]
    assert teacher == {
        "teacher": "me",
        "models": ["gpt-4o", "gpt-4o-2024-08-06"],
        "providers": ["openai"],
        "imported_from": [],
    }
    assert terms_of(teacher).startswith("OpenAI: ")


def teacher(name: str, *models: str, providers: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"teacher": name, "models": list(models), "providers": list(providers), "imported_from": []}


@pytest.mark.parametrize(
    ("who", "named"),
    [
        (teacher("gpt-4o"), "OpenAI: "),
        (teacher("mine", "openai/gpt-oss-20b", providers=("openai-compatible",)), "OpenAI, open weights"),
        (teacher("x", "google/gemma-3-27b-it"), "Gemma Terms"),
        (teacher("gemini-1.5-flash"), "Gemini API Additional Terms"),
        (teacher("llama-3-70b", "meta-llama/Meta-Llama-3-70B-Instruct"), "Llama Community License"),
        (teacher("y", providers=("gemini",)), "ai.google.dev"),
        (teacher("somebody"), "not known to cotdistill"),
        (teacher("human"), "human annotators"),
        (teacher("gold"), "licence of the questions"),
        (teacher("builtin-strict", providers=("builtin",)), "own teacher"),
    ],
)
def test_terms_are_named_by_provider_or_model(who: dict[str, Any], named: str) -> None:
    assert named in terms_of(who)


def test_only_our_own_teacher_and_gold_solutions_bring_no_terms_of_others() -> None:
    assert is_own(teacher("builtin-strict", providers=("builtin",)))
    assert is_own(teacher("gold"))
    assert not is_own(teacher("builtin-strict", "gpt-4o", providers=("openai",)))
    assert not is_own(teacher("human"))
    assert all(t.address.startswith("https://") for t in known())
