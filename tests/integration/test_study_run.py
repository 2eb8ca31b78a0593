"""A study is filled once: what is there is never done again, and a changed line does only what depends on it."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import study_lab
from study_lab import Simulated
from typer.testing import CliRunner

from cotdistill.cli import app
from cotdistill.errors import StoreError
from cotdistill.store.locks import only_one
from cotdistill.store.store import Store
from cotdistill.study.design import Design
from cotdistill.study.evaluations import read_evaluations
from cotdistill.study.executor import Watch
from cotdistill.study.holes import find_holes
from cotdistill.study.plan import make_plan
from cotdistill.study.run import run_study
from cotdistill.study.state import read_state
from cotdistill.study.tasks import Task
from cotdistill.train.students import resolve_student


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was run to its end."""
    store = study_lab.with_questions(tmp_path_factory.mktemp("study") / "lab.duckdb")
    executor = Simulated()
    ran = run_study(study_lab.design(), store, executor)
    assert (ran.stopped, ran.errors, ran.missing) == (None, (), 0)
    assert executor.kinds() == {"harvest": 1, "train": 6, "evaluate": 7}
    return store.path


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Store:
    """A copy of it, with its weights."""
    import shutil

    shutil.copy(whole, tmp_path / "lab.duckdb")
    shutil.copytree(whole.with_name("lab.runs"), tmp_path / "lab.runs")
    return Store.open(tmp_path / "lab.duckdb")


def missing(design: Design, store: Store) -> tuple[int, int, int]:
    """(replies, runs, evaluations) that a design misses."""
    state = read_state(design, store)
    return (
        sum(cell.plan.n_missing for cell in state.cells),
        sum(run.status != "finished" for run in state.runs),
        sum(not one.done for one in read_evaluations(state, store)),
    )


def test_a_whole_study_misses_nothing_and_does_nothing(store: Store) -> None:
    assert missing(study_lab.design(), store) == (0, 0, 0)
    assert find_holes(study_lab.design(), store, "lab.toml") == []
    executor = Simulated()
    ran = run_study(study_lab.design(), store, executor)
    assert executor.done == []
    assert ran.missing == 0


@pytest.mark.parametrize(
    ("changes", "replies", "runs", "evaluations"),
    [
        ({"training": {"seeds": [1, 2, 3]}}, 0, 3, 3),  # a seed more: one run of each of three corpora
        ({"training": {"seeds": [1]}}, 0, 0, 0),
        ({"cells": {"levels": [1, 2, 3]}}, 30, 2, 2),  # a level more: its replies, its runs with both seeds
        ({"cells": {"levels": [1]}}, 0, 0, 0),
        ({"evaluation": {"max_new_tokens": 80}}, 0, 0, 7),  # another decoder: every model answers again
        ({"evaluation": {"decode": "beam"}}, 0, 0, 7),
        ({"evaluation": {"limit": 15}}, 0, 0, 7),
        ({"evaluation": {"limit": 5}}, 0, 0, 0),  # a part of what is answered
        ({"training": {"settings": {"epochs": 1}}}, 0, 6, 6),
        ({"training": {"profiles": ["tiny", "fast"]}}, 0, 6, 6),
        ({"questions": {"limit": 40}}, 30, 6, 6),  # ten questions more in each of three cells: other corpora
        ({"questions": {"limit": 20}}, 0, 6, 6),  # fewer questions: nothing to ask, but other corpora
        ({"selection": [{"name": "few", "rows": 10}]}, 0, 6, 6),
        ({"baselines": {"answer_only": False, "untouched": False}}, 0, 0, 0),
        ({"asking": {"temperature": 0.5}}, 90, 6, 6),
        ({"machine": {"tflops": 3.0}, "about": "other words"}, 0, 0, 0),
    ],
)
def test_a_changed_line_redoes_only_what_depends_on_it(
    store: Store, changes: dict[str, Any], replies: int, runs: int, evaluations: int
) -> None:
    assert missing(study_lab.design(**changes), store) == (replies, runs, evaluations)


def test_what_another_study_asks_of_the_same_store_changes_nothing_here(store: Store) -> None:
    """More questions and a second sampling of the same cells: this study's corpora are still its own."""
    run_study(study_lab.design(name="more", questions={"limit": 40}), store, Simulated())
    run_study(study_lab.design(name="warm", asking={"temperature": 0.5, "samples": 2}), store, Simulated())
    assert missing(study_lab.design(), store) == (0, 0, 0)


def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    """Stopped after every single task in turn: in the end each was done exactly once."""
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    given: list[str] = []
    for _ in range(20):
        over: list[Task] = []
        executor = Simulated(after=over.append)
        ran = run_study(study_lab.design(), store, executor, watch=Watch(until=lambda over=over: bool(over)))  # type: ignore[misc]
        given += [task.key for task in executor.done]
        if ran.missing == 0 and not executor.done:
            break
    assert ran.missing == 0
    assert len(given) == len(set(given)) == 1 + 6 + 7


def test_seeds_are_waves_so_that_a_stopped_study_can_be_compared(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    executor = Simulated()
    run_study(study_lab.design(), store, executor)
    seeds = [task.label[-1] for task in executor.done if type(task).__name__ == "TrainTask"]
    assert seeds == ["1"] * 3 + ["2"] * 3
    first = [type(task).__name__ for task in executor.done]
    assert first.index("EvaluateTask") < len(first) - 1 - first[::-1].index("TrainTask")


def test_a_failed_task_is_a_hole_with_its_reason_and_is_tried_again(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    broken = "tiny on arith, builtin-strict, level 3, original, seed 2, on arith"
    executor = Simulated(fail=lambda label: "the engine broke" if label == broken else None)
    ran = run_study(study_lab.design(), store, executor)
    assert ran.missing == 1
    assert ran.errors == ((broken, "the engine broke"),)
    (hole,) = find_holes(study_lab.design(), store, "lab.toml")
    assert (hole.stage, hole.n, hole.why, hole.detail) == ("evaluate", 10, "failed", "the engine broke")
    assert hole.next == "cotdistill study run lab.toml"
    again = Simulated()
    assert run_study(study_lab.design(), store, again).missing == 0
    assert again.kinds() == {"evaluate": 1}


def test_the_command_for_a_reply_that_cannot_be_used_asks_for_that_reply(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    design = study_lab.design(asking={"temperature": 0.7, "base_url": {"builtin-strict": "http://127.0.0.1:9/v1"}})
    run_study(study_lab.design(asking={"temperature": 0.7}), store, Simulated())
    with store.write() as con:
        con.execute("UPDATE reply SET status = 'refused' WHERE reply_key IN (SELECT min(reply_key) FROM reply)")
        [(level, format)] = con.execute(
            "SELECT level, format FROM cell JOIN cell_member USING (cell_key) "
            "JOIN reply USING (reply_key) WHERE status = 'refused'"
        ).fetchall()
    (hole,) = [one for one in find_holes(design, store, "lab") if one.why == "refused"]
    grain = "" if level is None else f" --level {level}"
    assert hole.next == (
        f"cotdistill generate --teacher builtin-strict --dataset arith{grain} --format {format} --limit 30 "
        "--temperature 0.7 --max-tokens 512 --base-url http://127.0.0.1:9/v1 --redo refused"
    )
    words = shlex.split(hole.next)[1:]
    done = CliRunner().invoke(app, [*words, "--dry-run", "--json", "--store", str(store.path)])
    assert done.exit_code == 0, done.output
    assert [cell["missing"] for cell in json.loads(done.stdout)] == [1]


def test_holes_say_what_was_not_bought_trained_or_evaluated(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    found = find_holes(study_lab.design(), store, "lab")
    assert [(h.stage, h.why, h.n) for h in found if h.stage == "harvest"] == [("harvest", "not bought", 30)] * 3
    assert {h.detail for h in found if h.stage == "train"} == {"its cells are not whole"}
    run_study(study_lab.design(), store, Simulated(), watch=Watch(until=lambda: False), max_hours=0.0)
    assert {h.stage for h in find_holes(study_lab.design(), store, "lab")} == {"harvest", "train", "evaluate"}


def test_refused_replies_are_a_hole_that_names_how_they_are_asked_again(store: Store) -> None:
    with store.write() as con:
        con.execute(
            "UPDATE reply SET status = 'refused' WHERE reply_key = (SELECT min(reply_key) FROM cell_member "
            "JOIN cell USING (cell_key) WHERE level = 3)"
        )
    hole = find_holes(study_lab.design(), store, "lab")[0]
    assert (hole.stage, hole.why, hole.n) == ("harvest", "refused", 1)
    assert hole.next == (
        "cotdistill generate --teacher builtin-strict --dataset arith --level 3 --format original --limit 30 "
        "--max-tokens 512 --redo refused"
    )


def test_weights_that_are_gone_are_trained_again_only_where_they_must_answer(store: Store) -> None:
    import shutil

    shutil.rmtree(store.dir_for("runs"))
    executor = Simulated()
    run_study(study_lab.design(), store, executor)
    assert executor.done == []
    more = Simulated()
    run_study(study_lab.design(evaluation={"limit": 12}, training={"seeds": [1]}), store, more)
    assert more.kinds() == {"train": 3, "evaluate": 4}


def test_a_student_that_is_not_here_is_fetched_and_where_it_is_not_to_be_had_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    design = study_lab.design(training={"students": ["owner/model"]}, baselines={"untouched": False})
    hub: dict[str, bool] = {"answers": False, "here": False}

    def snapshot_download(hub_id: str, *, local_files_only: bool = False, **_: Any) -> str:
        if not hub["here"] and (local_files_only or not hub["answers"]):
            raise OSError("no network")
        hub["here"] = True
        return str(resolve_student("tiny").path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    ran = run_study(design, store, Simulated())
    assert ran.counts["students", "failed"] == 1
    assert ran.missing == 6
    assert {h.detail for h in find_holes(design, store, "lab") if h.stage == "train"} == {ran.errors[0][1]}
    assert "no network" in ran.errors[0][1]
    hub["answers"] = True
    executor = Simulated()
    assert run_study(design, store, executor).missing == 0
    assert executor.kinds() == {"train": 6, "evaluate": 6}


def test_hours_end_a_study_between_two_tasks(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    now = [0.0]
    executor = Simulated(after=lambda task: now.__setitem__(0, now[0] + 600.0))
    ran = run_study(study_lab.design(), store, executor, max_hours=0.5, clock=lambda: now[0])
    assert executor.kinds() == {"harvest": 1, "train": 2}
    assert ran.stopped == "--max-hours 0.5 are over"
    assert ran.missing == 7


def test_one_study_is_run_by_one_process(store: Store) -> None:
    with only_one(store.spool_dir, "study-lab"), pytest.raises(StoreError, match="another study-lab is at work"):
        run_study(study_lab.design(), store, Simulated())


def test_rules_make_families_of_corpora_that_are_compared_like_with_like(store: Store) -> None:
    selection = [{"name": "equal", "rules": {"common": True, "rows": 10, "equal": {"what": "rows"}}}]
    design = study_lab.design(selection=selection)
    assert missing(design, store) == (0, 6, 6)
    assert run_study(design, store, Simulated()).missing == 0
    assert missing(design, store) == (0, 0, 0)
    with store.read() as con:
        rows = con.execute("SELECT n_rows FROM corpus_name JOIN corpus USING (corpus_hash)").fetchall()
    assert len(rows) == 3
    assert len(set(rows)) == 1


def test_a_selection_that_excludes_faults_audits_first_and_once(store: Store) -> None:
    design = study_lab.design(selection=[{"name": "clean", "rules": {"exclude_faults": ["wrong-equation"]}}])
    assert {run.key for run in read_state(design, store).runs} == {None}  # which rationales are left is not known yet
    ran = run_study(design, store, Simulated())
    assert (ran.counts["audit", "done"], ran.missing) == (1, 0)
    assert ("audit", "done") not in run_study(design, store, Simulated()).counts


def test_a_study_is_written_down_once_with_every_setting(store: Store) -> None:
    run_study(study_lab.design(), store, Simulated())
    with store.read() as con:
        rows = con.execute("SELECT study_key, name, design ->> '$.training.trainer' FROM study").fetchall()
    assert rows == [(study_lab.design().key, "lab", "trl")]


def test_the_plan_counts_and_calibrates_on_what_is_there(store: Store) -> None:
    plan = make_plan(study_lab.design(cells={"levels": [1, 2, 3]}), store)
    by_name = {row.supervision: row for row in plan.rows}
    assert by_name["builtin-strict level 2"].missing == 30
    assert by_name["builtin-strict level 2"].sample == 0
    assert by_name["builtin-strict level 1"].missing == 0
    assert by_name["builtin-strict level 1"].runs_done == 2
    assert [(s.stage, s.wanted - s.done) for s in plan.stages] == [("harvest", 30), ("train", 2), ("evaluate", 20)]
    assert plan.usd == 0.0


def test_a_plan_writes_nothing(store: Store) -> None:
    before = store.path.read_bytes()
    make_plan(study_lab.design(cells={"levels": [1, 2, 3]}, training={"seeds": "1-5"}), store)
    find_holes(study_lab.design(cells={"levels": [1, 2, 3]}), store, "lab")
    assert store.path.read_bytes() == before
