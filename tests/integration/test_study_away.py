"""Tasks that travel as parcels, without a cluster: what comes home is what would have been made here."""

import pickle
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
import study_lab
from store_lab import table_rows

from cotdistill.errors import BudgetReached, ConfigError, Error, MissingExtra, StoreError
from cotdistill.evaluate.options import Options
from cotdistill.evaluate.plan import sheet
from cotdistill.gen.budget import spent
from cotdistill.gen.builtin.background import start_server
from cotdistill.store.store import Store, StoreLocked
from cotdistill.study import make_tasks, ray_executor
from cotdistill.study.away import work
from cotdistill.study.executor import Watch
from cotdistill.study.local import LocalExecutor
from cotdistill.study.parcel import Parcel, Returned, archive, bring_home, is_run, place_weights, put, rows_for
from cotdistill.study.ray_executor import RayExecutor, address_of
from cotdistill.study.run import run_study
from cotdistill.study.state import read_state
from cotdistill.study.tasks import EvaluateTask, HarvestTask, Outcome, Task, TrainTask

REPLIES = "SELECT reply_key, text, status FROM reply ORDER BY ALL"
VERDICTS = "SELECT rationale_key, rule_version, gold_key, status FROM verdict ORDER BY ALL"


@dataclass
class ByParcel:
    """An executor that pickles everything on its way, as a cluster does."""

    sent: list[Parcel] = field(default_factory=list)

    def do(self, store: Store, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        outcomes = []
        for task in tasks:
            weights = archive(store.dir_for("runs") / str(task.run_key) / "model") if is_run(task) else None  # type: ignore[union-attr]
            self.sent.append(Parcel(task, rows_for(store, task), weights=weights))
            back: Returned = pickle.loads(pickle.dumps(work(pickle.loads(pickle.dumps(self.sent[-1])))))
            if back.weights is not None:
                place_weights(back.weights, store.dir_for("runs") / task.key / "model")
            assert not any(one.differs + one.follows for one in bring_home(store, back.rows, "away"))
            assert not any(one.new for one in bring_home(store, back.rows, "away"))  # twice is once
            outcomes.append(back.outcome)
        store.settle()
        return outcomes


def harvests(store: Store) -> list[HarvestTask]:
    return make_tasks.harvests(read_state(study_lab.design(), store))


def test_a_harvest_in_shards_is_the_same_harvest(tmp_path: Path) -> None:
    home, alone = (study_lab.with_questions(tmp_path / name / "lab.duckdb") for name in made(tmp_path, "home", "alone"))
    [task] = harvests(home)
    executor = ByParcel()
    parts: list[Task] = [replace(task, shard=(i, 3)) for i in range(3)]
    outcomes = executor.do(home, parts, Watch())
    assert [one.status for one in outcomes] == ["done"] * 3
    assert sum(one.detail["received"] for one in outcomes) == 90
    assert LocalExecutor().do(alone, [task], Watch())[0].status == "done"
    for query in (REPLIES, VERDICTS, "SELECT cell_key, reply_key FROM cell_member ORDER BY ALL"):
        assert table_rows(home, query) == table_rows(alone, query)
    assert table_rows(home, "SELECT count(*) FROM attempt") == [(90,)]
    # What is there is sent along, and not asked again.
    again = executor.do(home, [task], Watch())
    assert again[0].detail["received"] == 0
    assert table_rows(home, "SELECT count(*) FROM attempt") == [(90,)]


def test_a_task_that_is_begun_again_in_its_place_goes_on(tmp_path: Path) -> None:
    """What a killed worker received in the shared folder is not asked for again."""
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [task] = harvests(store)
    parcel = Parcel(task, rows_for(store, task), place=str(tmp_path / "place"))
    half = replace(parcel, task=replace(task, limit=10))
    assert work(half).outcome.detail["received"] == 30
    whole = work(parcel)
    assert whole.outcome.detail["received"] == 60
    bring_home(store, whole.rows, "away")
    assert table_rows(store, "SELECT count(*) FROM reply") == [(90,)]  # the first ones came home, too


def test_what_ends_a_study_is_said_and_what_was_received_comes_home(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [task] = harvests(store)
    with start_server() as server:
        priced = dict(task.teacher) | {"provider": "openai-compatible", "base_url": server.base_url}
        priced |= {"usd_input": 1.0, "usd_output": 1.0, "listed_on": "2026-01-01"}
        capped = replace(task, teacher=priced, max_usd=0.02, concurrency=1)
        back = pickle.loads(pickle.dumps(work(Parcel(capped, rows_for(store, capped)))))
    assert type(back.raised) is BudgetReached
    assert "reply" in back.rows


@pytest.mark.parametrize(
    ("error", "kind"),
    [(StoreLocked(Path("x.duckdb"), "process 7"), StoreError), (MissingExtra("vllm", "vllm"), ConfigError)],
)
def test_what_ends_a_study_arrives_whatever_it_is_made_of(
    error: Error, kind: type[Error], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [task] = harvests(store)

    def do(*_: object) -> list[Outcome]:
        raise error

    monkeypatch.setattr(LocalExecutor, "do", do)
    back: Returned = pickle.loads(pickle.dumps(work(Parcel(task, rows_for(store, task)))))
    assert type(back.raised) is kind
    assert str(back.raised) == str(error)


def test_an_evaluation_with_shots_takes_what_its_exemplars_are_drawn_from_and_no_more(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [harvest] = harvests(store)
    assert LocalExecutor().do(store, [harvest], Watch())[0].status == "done"
    with store.write() as con:
        other = "reply_key || '-other' AS reply_key, 'other' AS teacher"
        con.execute(f"INSERT INTO reply BY NAME SELECT * REPLACE ({other}) FROM reply")
    store.settle()
    teacher = str(harvest.teacher["name"])
    options = Options(shots=3, shots_from=teacher)
    task = EvaluateTask("k", "a look", "tiny", None, harvest.dataset, asdict(options), "transformers", "float32")
    away = Store.open(tmp_path / "away.duckdb")
    put(away, rows_for(store, task))
    asking = options.asked(store, [harvest.dataset])
    assert len(sheet(store, harvest.dataset, asking).exemplars) == 3
    assert sheet(away, harvest.dataset, asking) == sheet(store, harvest.dataset, asking)
    assert table_rows(store, "SELECT count(*) FROM verdict") == [(180,)]
    assert table_rows(away, "SELECT count(*) FROM verdict") == [(90,)]


def test_weights_travel_as_they_are(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "deep" / "weights.bin").write_bytes(b"\x00\x01")
    for weights in (archive(model), str(model)):
        place_weights(weights, tmp_path / "there" / "model")
        found = {
            str(p.relative_to(tmp_path / "there" / "model")) for p in (tmp_path / "there").rglob("*") if p.is_file()
        }
        assert found == {"config.json", "deep/weights.bin"}
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["model"]


def test_a_cap_is_divided_among_the_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [task] = harvests(store)
    monkeypatch.setattr(ray_executor, "spent", lambda store: 2.0)
    parts = RayExecutor(shards=4)._parts(store, replace(task, max_usd=10.0))
    assert [(part.shard, part.max_usd) for part in parts] == [((i, 4), 2.0) for i in range(4)]  # type: ignore[union-attr]
    assert [part.max_usd for part in RayExecutor(shards=2)._parts(store, replace(task, max_usd=1.0))] == [0.0, 0.0]  # type: ignore[union-attr]
    assert [part.max_usd for part in RayExecutor(shards=2)._parts(store, task)] == [None, None]  # type: ignore[union-attr]


def test_what_a_killed_worker_spent_comes_home_before_the_rest_is_divided(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [task] = harvests(store)
    executor = RayExecutor(shards=2, shared=tmp_path / "shared")
    first, _ = executor._parts(store, replace(task, max_usd=10.0))
    place = tmp_path / "shared" / ray_executor._folder(first)
    with start_server() as server:
        priced = {
            **task.teacher,
            "provider": "openai-compatible",
            "base_url": server.base_url,
            "usd_input": 1.0,
            "usd_output": 2.0,
            "listed_on": "2026-01-01",
        }
        work(Parcel(replace(first, teacher=priced), rows_for(store, first), str(place)))  # and nobody was told
    bought = table_rows(Store.open(place / "task.duckdb"), REPLIES)
    assert bought and not table_rows(store, REPLIES)
    usd = spent(Store.open(place / "task.duckdb"))
    parts = executor._parts(store, replace(task, max_usd=10.0))
    share = (10.0 - usd) / 2
    assert usd > 0 and spent(store) == pytest.approx(usd)
    assert [part.max_usd for part in parts] == pytest.approx([share + usd, share])  # type: ignore[union-attr]
    assert table_rows(store, REPLIES) == bought


def test_a_cap_on_a_cluster_without_a_shared_folder_is_refused(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    [task] = harvests(store)
    priced = replace(task, teacher={**task.teacher, "provider": "openai"}, max_usd=1.0)
    with pytest.raises(ConfigError, match="--shared FOLDER"):
        RayExecutor().do(store, [priced], Watch())


def test_where_to_run_is_said_in_one_word() -> None:
    assert address_of("ray") is None
    assert address_of("ray://head:10001") == "ray://head:10001"
    assert (address_of("ray:auto"), address_of("ray:head:6379")) == ("auto", "head:6379")
    for wrong in ("slurm", "ray:", "rays"):
        with pytest.raises(ConfigError, match="--on ray"):
            address_of(wrong)


@pytest.mark.slow
def test_a_whole_study_by_parcel_has_the_keys_of_one_machine(tmp_path: Path) -> None:
    home, alone = (study_lab.with_questions(tmp_path / name / "lab.duckdb") for name in made(tmp_path, "home", "alone"))
    design = study_lab.design(training={"seeds": [1], "settings": {"max_steps": 4}})
    executor = ByParcel()
    assert run_study(design, home, executor).missing == 0
    assert run_study(design, alone, LocalExecutor()).missing == 0
    for query in (
        REPLIES,
        VERDICTS,
        "SELECT corpus_hash, n_rows FROM corpus ORDER BY ALL",
        "SELECT run_key, base_dir FROM run ORDER BY ALL",
        "SELECT evaluation_key FROM evaluation ORDER BY ALL",
        "SELECT prediction_key, text FROM prediction ORDER BY ALL",
    ):
        assert table_rows(home, query) == table_rows(alone, query), query
    trained = [parcel for parcel in executor.sent if isinstance(parcel.task, TrainTask)]
    assert len(trained) == 3
    assert all(set(parcel.rows) <= {"corpus", "corpus_member", "rationale", "question", "cell"} for parcel in trained)


def made(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).mkdir()
    return list(names)
