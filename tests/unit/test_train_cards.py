"""One process a card: what `--gpus` means, that every worker sees its own card, and who takes a dead one's place."""

import sys
from pathlib import Path
from typing import Any

import pytest

from cotdistill import workers
from cotdistill.errors import ConfigError, TrainError
from cotdistill.tasks import templates
from cotdistill.train import cards, llamafactory, profiles
from cotdistill.train.run import _slots


def test_cards_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cards.chosen(None) == ()
    monkeypatch.setattr(cards, "count", lambda: 0)
    with pytest.raises(ConfigError, match=r"no card 0; nvidia-smi lists no card\. Next: nvidia-smi -L"):
        cards.chosen("0")
    monkeypatch.setattr(cards, "count", lambda: 4)
    assert cards.chosen("0, 3") == ("0", "3")
    with pytest.raises(ConfigError, match="no card 4; nvidia-smi lists cards 0 to 3"):
        cards.chosen("3,4")
    for wrong in ("a", "0,0", "", "1-3"):
        with pytest.raises(ConfigError, match="not a list of different cards"):
            cards.chosen(wrong)


def test_nvidia_smis_list_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(cards.count(), int)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\necho 'GPU 1: NVIDIA H100 (UUID: GPU-2)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cards.count() == 2


def test_llamafactory_has_all_cards_at_once_and_the_others_one_each() -> None:
    assert list(_slots((), False)) == list(_slots((), True)) == []
    assert list(_slots(("0", "2"), False)) == [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "2"}]
    assert list(_slots(("0", "2"), True)) == [{"CUDA_VISIBLE_DEVICES": "0,2"}]


WORKER = """
import os, signal
from cotdistill import workers

def do(job, say):
    if job["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"card": os.environ["CUDA_VISIBLE_DEVICES"], "pid": os.getpid()}

workers.serve(do)
"""


def test_every_process_has_a_card_of_its_own_and_the_place_of_a_dead_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "card_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(p for p in sys.path if p)}")
    slots = [{"CUDA_VISIBLE_DEVICES": card} for card in "0123"]
    jobs = [{"dies": i in (0, 5, 9)} for i in range(16)]
    outcomes = workers.run_jobs("card_worker", jobs, processes=1, slots=slots, log_dir=tmp_path / "logs")
    assert [o.status for o in outcomes] == ["lost" if i in (0, 5, 9) else "done" for i in range(16)]
    card_of = {o.detail["pid"]: o.detail["card"] for o in outcomes if o.status == "done"}
    assert set(card_of.values()) <= set("0123")
    assert all(o.detail["card"] == card_of[o.detail["pid"]] for o in outcomes if o.status == "done")
    assert 1 <= len(card_of) <= 4 + 3  # four at a time, and one for each that died


def test_a_step_is_as_many_rows_whatever_the_cards(tmp_path: Path) -> None:
    paper = profiles.load("paper")
    for n in (1, 2, 4, 8):
        found = llamafactory.settings(
            paper, base=tmp_path, folder=tmp_path, seed=1, n_rows=64, n_cards=n, bf16=True, gpu=True, validation=False
        )
        assert n * found["per_device_train_batch_size"] * found["gradient_accumulation_steps"] == 64
        assert ("deepspeed" in found) == (n > 1)
    with pytest.raises(ConfigError, match="accumulate = 8 batches cannot be divided among 3 cards"):
        llamafactory.check(paper, 3)


@pytest.mark.parametrize(("inherited", "sees"), [(None, "0"), ("2,3", "2"), ("", "")])
def test_llamafactory_sees_one_card_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inherited: str | None, sees: str
) -> None:
    pytest.importorskip("torch", reason="the students need the extra `cpu`")
    from cotdistill.train import llamafactory_trainer, students
    from cotdistill.train.trl_trainer import Pair

    def run(written: llamafactory.Written, *_: Any) -> int:
        raise TrainError(f"sees {dict(written.environment)}")

    monkeypatch.setattr(llamafactory_trainer, "_run", run)
    if inherited is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", inherited)
    tiny = students.locate(students.resolve_student("tiny"))
    tokenizer = students.load_tokenizer(tiny)
    with pytest.raises(TrainError) as said:
        llamafactory_trainer.train(
            tiny, tokenizer, {"train": [Pair("a", "b")]}, templates.resolve("plain", tokenizer),
            profiles.load("paper"), seed=1, folder=tmp_path, output=tmp_path / "model", cards=(),
            on_step=lambda step: None, on_ready=lambda found: None,
        )  # fmt: skip
    assert str(said.value) == f"sees {{'CUDA_VISIBLE_DEVICES': '{sees}'}}"


def test_llamafactory_is_not_asked_for_what_it_does_otherwise() -> None:
    with pytest.raises(ConfigError, match="no optimizer muon"):
        llamafactory.check(profiles.load("tiny"), 1)
    with pytest.raises(ConfigError, match="cannot freeze the embeddings"):
        llamafactory.check(profiles.load("paper", {"freeze_embeddings": True}), 1)


def test_numbers_are_written_so_that_every_yaml_reader_takes_them_for_numbers() -> None:
    written = [llamafactory._scalar(v) for v in (5e-05, 1e-10, 2.5e-07, 0.001, 3.0, True, "a: b", 64)]
    assert written == ["5.0e-05", "1.0e-10", "2.5e-07", "0.001", "3.0", "true", '"a: b"', "64"]
