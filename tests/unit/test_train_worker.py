"""The base that a worker reads is the one its run's key was made of, whichever trainer reads it and however often."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the students need the extra `cpu`")
pytest.importorskip("trl", reason="the students need the extra `cpu`")

from cotdistill.errors import TrainError
from cotdistill.tasks import templates
from cotdistill.train import profiles, sft, students, trl_trainer, trouble, worker

PROFILE = profiles.load("laptop")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def job(base: Path, trainer: str) -> worker.Job:
    corpus = base.parent / "corpus.jsonl"
    corpus.write_text('{"prompt": "a", "completion": "b"}\n')
    return worker.Job(
        run_key="0" * 32, base_dir=str(base), template="plain", profile=PROFILE.model_dump(), seed=1,
        corpus_file=str(corpus), corpus_digest=trouble.digest(corpus), base_hash=students.base_hash(base),
        output_dir=str(base.parent / "run"), spool_dir=str(base.parent / "spool"), trainer=trainer,
    )  # fmt: skip


@pytest.mark.parametrize(("trainer", "reads_again"), [("trl", False), ("unsloth", True)])
def test_a_base_is_looked_at_whenever_its_files_are_read(
    base: Path, monkeypatch: pytest.MonkeyPatch, trainer: str, reads_again: bool
) -> None:
    made = (lambda profile, seed: None) if reads_again else None
    loads: list[str] = []

    def load(path: Path, numbers: str) -> sft.Base:
        loads.append(numbers)
        return sft.Base(path, None, None, "cpu", made)

    monkeypatch.setitem(worker.LOADERS, trainer, load)
    one, wanted = worker.Worker(), job(base, trainer)
    first = one.load(wanted, PROFILE)
    assert one.load(wanted, PROFILE) is first and len(loads) == 1
    (base / "config.json").write_text("[]")
    if reads_again:
        with pytest.raises(TrainError, match=f"the base in {base} has changed since the run was started"):
            one.load(wanted, PROFILE)
    else:
        assert one.load(wanted, PROFILE) is first  # in memory it has not changed
    with pytest.raises(TrainError, match="has changed since the run was started"):
        worker.Worker().load(wanted, PROFILE)


def test_other_numbers_are_another_base_in_memory(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []

    def load(path: Path, numbers: str) -> sft.Base:
        loads.append(numbers)
        return sft.Base(path, None, None, "cpu")

    monkeypatch.setitem(worker.LOADERS, "trl", load)
    monkeypatch.setattr("cotdistill.train.precision.has_units", lambda: True)
    one, wanted = worker.Worker(), job(base, "trl")
    for dtype in ("float32", "auto", "bfloat16", "bfloat16"):
        one.load(wanted, PROFILE.model_copy(update={"dtype": dtype}))
    assert loads == ["float32", "bfloat16"]


@pytest.mark.parametrize("trainer", worker.TRAINERS)
def test_a_run_on_a_changed_base_fails_and_says_so_in_the_spool(base: Path, trainer: str) -> None:
    wanted = job(base, trainer)
    (base / "config.json").write_text("[]")
    with pytest.raises(TrainError, match="has changed since the run was started"):
        worker.Worker().do(asdict(wanted), lambda message: None)
    told = events(base)
    assert [row["event"] for row in told] == ["started", "failed"]
    assert "has changed" in json.loads(told[1]["detail"])["error"]
    assert not (base.parent / "run" / "model").exists()


def events(base: Path) -> list[dict[str, Any]]:
    """What the runs on `base` said of themselves, in order."""
    files = sorted((base.parent / "spool").iterdir())
    records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [record["row"] for record in records if record["table"] == "run_event"]


def test_a_run_that_another_process_finished_meanwhile_is_not_done_again(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings: list[int] = []

    def train(*_: Any, output: Path, **__: Any) -> trl_trainer.Trained:
        trainings.append(1)
        output.mkdir()
        (output / "config.json").write_text("{}")
        return trl_trainer.Trained("hash", "model", 1, 2, float(len(trainings)), 1, 0, 0.5)

    monkeypatch.setattr(trl_trainer, "train", train)
    monkeypatch.setattr(templates, "resolve", lambda name, tokenizer: None)
    monkeypatch.setitem(worker.LOADERS, "trl", lambda path, numbers: sft.Base(path, None, None, "cpu"))
    wanted = asdict(job(base, "trl"))
    done = [worker.Worker().do(wanted, lambda message: None) for _ in range(2)]
    assert done[0] == done[1] and len(trainings) == 1
    told = events(base)
    assert [row["event"] for row in told] == ["started", "finished", "finished"]
    assert told[1]["detail"] == told[2]["detail"]
    shutil.rmtree(base.parent / "run" / "model")  # weights that are gone are trained again
    assert worker.Worker().do(wanted, lambda message: None)["seconds"] == 2.0
