"""Many runs and one store: bare `train` does what is missing, a process loads a base once, and whatever goes wrong the
store says what became of the run."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_families
from arith_lab import filled
from typer.testing import CliRunner

from cotdistill import environments, sources
from cotdistill.cli import app
from cotdistill.commands.asking import plan_runs
from cotdistill.commands.train import make_orders
from cotdistill.errors import ConfigError
from cotdistill.evaluate import merged
from cotdistill.evaluate.models import trained_models
from cotdistill.evaluate.transformers_engine import TransformersEngine
from cotdistill.store.cells import Cell
from cotdistill.store.corpora import Corpus
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.values import Recipe
from cotdistill.train import cards, profiles, students
from cotdistill.train.run import Order, train_all, train_runs
from cotdistill.train.watch import TrainProgress

pytest.importorskip("torch", reason="the students need the extra `cpu`")
pytest.importorskip("trl", reason="the students need the extra `cpu`")


@pytest.fixture
def lab(tmp_path: Path) -> tuple[Store, Corpus]:
    """A store with one cell of 16 rationales."""
    return filled(tmp_path / "lab.duckdb", 16, 4)


def asked(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql).fetchall()


def cot(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def test_bare_train_does_what_is_missing_and_one_process_a_card(
    lab: tuple[Store, Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, corpus = lab
    monkeypatch.setattr(cards, "count", lambda: 2)  # whose two processes then train on the CPU
    bloom = tiny_families.make("bloom", tmp_path / "bloom")
    profile = profiles.load("tiny", {"max_steps": 2})
    train_runs(store, student="tiny", corpora=[corpus], seeds=[1, 2], profile=profile)
    short = profiles.load("laptop", {"max_steps": 1, "batch_size": 4, "lora.adapter": "kept"})
    train_runs(store, student=str(bloom), corpora=[corpus], seeds=[4], profile=short)
    # Another cell: the same rationales under another teacher's name, three questions less.
    other = Cell("arith", "other", Recipe(3, "original", "no", "1"))
    columns = "question_key, sample_index, reply_key, redo"
    with store.write() as con:
        store.insert(con, "cell", [other.row()])
        con.execute(
            f"INSERT INTO cell_member (cell_key, {columns}) SELECT ?, {columns} FROM cell_member LIMIT 13", [other.key]
        )
    planned = cot("train", "--store", str(store.path), "--dry-run", "--json")
    assert [(p["student"], p["seeds"], len(p["corpora"])) for p in json.loads(planned.stdout)] == [
        ("tiny", [1, 2], 2),
        ("bloom", [4], 2),
    ]
    assert [[c["runs_left"] for c in p["corpora"]] for p in json.loads(planned.stdout)] == [[0, 2], [0, 1]]
    done = cot("train", "--store", str(store.path), "--gpus", "0,1", "--json")
    assert done.exit_code == 0, done.output
    results = json.loads(done.stdout)
    assert [(r["student"], r["seed"], r["status"]) for r in results if r["status"] != "skipped"] == [
        ("tiny", 1, "finished"), ("tiny", 2, "finished"), ("bloom", 4, "finished"),
    ]  # fmt: skip
    assert sum(r["status"] == "skipped" for r in results) == 3
    assert asked(store, "SELECT DISTINCT profile ->> '$.max_steps' FROM run WHERE student = 'bloom'") == [("1",)]
    seen = asked(store, "SELECT DISTINCT detail ->> '$.card' FROM run_event WHERE event = 'started' ORDER BY ALL")
    assert seen == [("0",), ("1",), (None,)]
    refused = cot("train", "--store", str(store.path), "--gpus", "0,7")
    assert "there is no card 7" in str(refused.exception)


def test_doctor_lists_every_student() -> None:
    found = {one["student"]: one for one in json.loads(cot("doctor", "students", "--json").stdout)}
    assert list(found) == students.known_students()
    assert found["bloom-560m"]["trl"] == "LoRA, full" and found["gemma-2b"]["family"] == "gemma"
    gemma = found["gemma-2b"]
    assert (gemma["template"], gemma["context"], gemma["licence"]) == ("gemma", 8192, "Gemma Terms of Use")
    assert gemma["gated"] and gemma["where"] == "google/gemma-2b" and "q_proj" in gemma["lora_targets"]
    shown = cot("doctor", "students").stdout
    assert "bloom-3b" in shown and "accept its licence" in shown and "query_key_value" in shown


def test_llamafactorys_files_are_written_where_it_is_not_installed(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    words = ["train", "--store", str(store.path), "--trainer", "llamafactory", "--profile", "paper", "--seeds", "1,2"]
    done = cot(*words, "--gpus", "0,1,2,3", "--write", str(tmp_path / "lf"), "--json")
    assert done.exit_code == 0, done.output
    first, second = (row["command"] for row in json.loads(done.stdout))
    start = "CUDA_VISIBLE_DEVICES=0,1,2,3 FORCE_TORCHRUN=1 llamafactory-cli train "
    assert first.startswith(start) and second.endswith("_seed-2/train.yaml")
    config = Path(first.removeprefix(start))
    assert "bf16: true\n" in config.read_text() and "learning_rate: 5.0e-05\n" in config.read_text()
    rows = json.loads((config.parent / "train.json").read_text())
    assert len(rows) == len(corpus.rows) and all(row["output"].endswith("<eos>") for row in rows)
    assert json.loads((config.parent / "deepspeed.json").read_text())["zero_optimization"]["stage"] == 2
    assert asked(store, "SELECT count(*) FROM run") == [(0,)]
    assert "--write is for trainer llamafactory" in str(cot(*words[:3], "--write", str(tmp_path)).exception)
    alone = json.loads(cot(*words, "--write", str(tmp_path / "one"), "--json").stdout)
    assert all(row["command"].startswith("CUDA_VISIBLE_DEVICES=0 llamafactory-cli train ") for row in alone)


def test_runs_are_listed_shown_and_compared(lab: tuple[Store, Corpus]) -> None:
    store, corpus = lab
    profile = profiles.load("tiny", {"max_steps": 4, "batch_size": 4})
    one, two = train_runs(store, student="tiny", corpora=[corpus], seeds=[1, 2], profile=profile)
    facts = "bool_and(supervised_tokens > 0 AND supervised_tokens < tokens AND memory_bytes > 0 AND learning_rate >= 0)"
    curve = asked(store, f"SELECT count(*), count(tokens_per_s), {facts} FROM run_curve")
    assert curve == [(8, 6, True)]
    assert "finished" in cot("runs", "--store", str(store.path)).stdout
    shown = cot("runs", "--store", str(store.path), one.run_key[:8]).stdout
    assert "loss, first to last step" in shown and "█" in shown and "base hash" in shown and "corpus hash" in shown
    both = cot("runs", "--store", str(store.path), one.run_key[:8], two.run_key[:8]).stdout
    assert "seed" in both and "base hash" not in both  # what is the same is not shown


def test_no_memory_is_a_failed_run_that_says_so(lab: tuple[Store, Corpus]) -> None:
    store, corpus = lab
    huge = profiles.load("tiny", {"method": "lora", "optimizer": "adamw", "lora.rank": 2_000_000_000, "max_steps": 1})
    (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=huge)
    assert run.status == "failed" and "out of memory with batches of 16" in str(run.error)
    assert "--batch-size 8" in str(run.error)
    ((status, outcome),) = asked(store, "SELECT status, outcome FROM run_status")
    assert status == "failed" and "out of memory" in json.loads(outcome)["error"]


def test_a_full_disk_is_a_failed_run_that_can_go_on(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    """A file system of 3 MB for the runs, where this may be made; the store and its spool lie elsewhere."""
    store, corpus = lab
    runs = store.dir_for("runs")
    runs.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(runs)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    profile = profiles.load("tiny", {"max_steps": 3, "checkpoint_every_s": 1e-6})
    try:
        (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile)
        assert run.status == "failed" and "no room left on the disk" in str(run.error), run.error
        assert asked(store, "SELECT status FROM run_status") == [("failed",)]
        subprocess.run(["mount", "-o", "remount,size=60m", str(runs)], check=True)
        (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile)
        assert run.status == "finished", run.error
    finally:
        subprocess.run(["umount", str(runs)], check=True)


@pytest.mark.parametrize("changed", ["corpus", "base"])
def test_a_corpus_or_a_base_that_changes_under_a_run(lab: tuple[Store, Corpus], tmp_path: Path, changed: str) -> None:
    """Two runs wait in one process; while the first trains, somebody changes what the second is to read. The base is
    another one for the second, so that it is read: with one base for both it would be in memory."""
    store, corpus = lab
    tiny = students.locate(students.resolve_student("tiny"))
    first_base, base = (shutil.copytree(tiny, tmp_path / name) for name in ("first", "second"))
    (base / "generation_config.json").write_text("{}")
    profile = profiles.load("tiny", {"max_steps": 2})
    path = {
        "corpus": store.dir_for("runs") / "corpora" / f"{corpus.corpus_hash}.jsonl",
        "base": base / "generation_config.json",
    }[changed]
    before = ""

    def change(now: TrainProgress) -> None:
        nonlocal before
        if now.event == "preflight" and not before:
            before = path.read_text()
            path.write_text(before.replace("The answer", "An answer", 1) if changed == "corpus" else before + " ")

    orders = [Order(students.resolve_student(str(one)), profile, [1]) for one in (first_base, base)]
    first, second = train_all(store, orders, [corpus], processes=1, progress=change)
    assert (first.status, second.status) == ("finished", "failed")
    said = {
        "corpus": f"{path} is not the corpus that this run was started on",
        "base": f"the base in {base} has changed since the run was started",
    }[changed]
    assert said in str(second.error) and "Next: " in str(second.error)
    statuses = dict(asked(store, "SELECT student, status FROM run_status"))
    assert statuses == {"first": "finished", "second": "failed"}
    assert not (second.output_dir / "model").exists()
    path.write_text(before)
    (again,) = train_runs(store, student=str(base), corpora=[corpus], seeds=[1], profile=profile)
    assert (again.status, again.run_key) == ("finished", second.run_key)


def test_a_missing_tokenizer_is_said(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    base = shutil.copytree(students.locate(students.resolve_student("tiny")), tmp_path / "base")
    (base / "tokenizer.json").write_text("{")
    profile = profiles.load("tiny", {"max_steps": 1})
    (run,) = train_runs(store, student=str(base), corpora=[corpus], seeds=[1], profile=profile)
    assert run.status == "failed" and "cannot load the student" in str(run.error) and "Next: " in str(run.error)
    assert asked(store, "SELECT status FROM run_status") == [("failed",)]
    for file in base.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(Exception, match="it lacks a tokenizer"):
        train_runs(store, student=str(base), corpora=[corpus], seeds=[1], profile=profile)


def test_blooms_adapter_is_merged_for_vllm(
    lab: tuple[Store, Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM's class for BLOOM has no LoRA: what it is given then answers as base and adapter do."""
    import torch

    store, corpus = lab
    bloom = tiny_families.make("bloom", tmp_path / "bloom")
    profile = profiles.load("laptop", {"max_steps": 4, "batch_size": 8, "lora.adapter": "kept", "lr": 1e-2})
    (run,) = train_runs(store, student=str(bloom), corpora=[corpus], seeds=[1], profile=profile)
    assert run.detail["saved"] == "adapter", run.error
    (_, model) = trained_models(store, [run.run_key])
    anywhere = environments.Environment("vllm", Path("python"), "vllm", "0", ())
    said: list[str] = []
    for takes in (sources.Engine(True, True), sources.Engine(False, False)):
        monkeypatch.setattr(sources, "vllm_takes", lambda environment, name, takes=takes: takes)
        assert merged.for_vllm(model, anywhere, store.dir_for("runs"), said.append) is model
    monkeypatch.setattr(sources, "vllm_takes", lambda environment, name: sources.Engine(True, False))
    found = merged.for_vllm(model, anywhere, store.dir_for("runs"), said.append)
    assert merged.for_vllm(model, anywhere, store.dir_for("runs"), said.append) == found  # merged once
    assert len(said) == 1 and "vLLM takes no adapter of BloomForCausalLM" in said[0]
    assert found == replace(model, path=store.dir_for("runs") / run.run_key / "merged", adapter=None)
    apart = TransformersEngine(model.path, template="alpaca", adapter=model.adapter)
    whole = TransformersEngine(found.path, template="alpaca")
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        torch.testing.assert_close(apart.model(ids).logits, whole.model(ids).logits, rtol=1e-5, atol=1e-5)


def recorded(store: Store, corpus: Corpus, base: Path, saved: str, student: str | None = None) -> str:
    """A finished run on the base in a directory, as training leaves it in the store; nothing is trained."""
    key = keys.digest("recorded", str(base), saved)
    row = {"run_key": key, "student": student or base.name, "base_dir": str(base), "corpus_hash": corpus.corpus_hash}
    row |= {"base_hash": students.base_hash(base), "trainer": "trl", "template": "plain", "seed": 1, "versions": "{}"}
    row |= {"profile": profiles.load("laptop").model_dump_json(), "output_dir": "", "created_at": utc_now()}
    detail = json.dumps({"saved": saved, "weights_hash": key})
    with store.write() as con:
        store.insert(con, "run", [row])
        event = {"run_key": key, "happened_at": utc_now(), "event": "finished", "detail": detail}
        store.insert(con, "run_event", [event])
    (store.dir_for("runs") / key / "model").mkdir(parents=True)
    return key


def test_an_adapter_is_not_put_on_a_base_that_has_changed(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    base = shutil.copytree(students.locate(students.resolve_student("tiny")), tmp_path / "base")
    adapter, whole = (recorded(store, corpus, base, saved) for saved in ("adapter", "merged"))
    assert [m.run_key for m in trained_models(store)] == [None, adapter, whole]
    (base / "generation_config.json").write_text('{"_from": "somewhere else"}')
    with pytest.raises(ConfigError, match=f"run {adapter} is an adapter, and what is in {base} has other weights"):
        trained_models(store, [adapter])
    assert [m.run_key for m in trained_models(store, [whole])] == [None, whole]


def test_a_base_that_is_gone_stops_nothing_but_its_own_runs(
    lab: tuple[Store, Corpus], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, corpus = lab
    tiny = students.locate(students.resolve_student("tiny"))
    gone, moved = (shutil.copytree(tiny, tmp_path / name) for name in ("gone", "moved"))
    lost, kept = recorded(store, corpus, gone, "adapter"), recorded(store, corpus, tiny, "adapter", "tiny")
    found = recorded(store, corpus, moved, "adapter", "tiny")  # whose name says where the same weights are
    for folder in (gone, moved):
        shutil.rmtree(folder)
    with pytest.raises(ConfigError, match=f"the base of gone is gone from {gone}"):
        trained_models(store, [lost])
    for datasets in (None, ["arith"]):
        assert [m.run_key for m in plan_runs(store, None, datasets)["arith"]] == [None, kept, found]
        assert f"skipped: the base of gone is gone from {gone}" in capsys.readouterr().err
    shutil.rmtree(store.dir_for("runs") / kept)
    assert [m.run_key for m in plan_runs(store, None, None)["arith"]] == [None, found]
    assert f"skipped: the weights of run {kept} are gone" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="can be evaluated: the base of gone"):
        plan_runs(store, "gone", None)
    capsys.readouterr()

    def ordered(named: list[str] | None) -> list[str]:
        return [order.student.name for order in make_orders(store, named, None, {}, None, None)]

    assert ordered(["tiny"]) == ["tiny"] and capsys.readouterr().err == ""
    assert ordered(None) == ["tiny"] and "skipped: student gone, trained before: " in capsys.readouterr().err
    with store.write() as con:
        con.execute("DELETE FROM run WHERE student = 'tiny'")
    with pytest.raises(ConfigError, match="student gone, trained before: "):
        ordered(None)
