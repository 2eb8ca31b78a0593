"""What a library's error means: memory, disk, changed files; and what is none of these stays what it was."""

import errno
from pathlib import Path

import pytest

from cotdistill.errors import TrainError
from cotdistill.train import profiles, trouble

PROFILE = profiles.load("tiny")


def test_memory_is_said_with_what_to_do(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the students need the extra `cpu`")
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**52)  # what torch really says where there is no memory
    for error in (raised.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")):
        said = trouble.explained(error, PROFILE, tmp_path)
        assert isinstance(said, TrainError) and said.__cause__ is error
        assert "out of memory with batches of 16 rows of up to 256 tokens" in str(said)
        assert "--batch-size 8, gradient_checkpointing = true in a profile, or --method lora" in str(said)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ):
        assert "no room left on the disk" in str(trouble.explained(error, PROFILE, tmp_path))


def test_a_process_that_was_killed_may_have_had_no_memory(tmp_path: Path) -> None:
    said = str(trouble.lost("the worker ended with signal 9; its log x is empty", tmp_path))
    assert said.startswith("the worker ended with signal 9") and "for want of memory. Next: start it again" in said
    assert trouble.lost("the worker ended with exit code 1", tmp_path) == "the worker ended with exit code 1"
    assert trouble.lost(None, tmp_path) is None


def test_anything_else_stays_what_it_was(tmp_path: Path) -> None:
    for error in (ValueError("x"), TrainError("the loss is nan"), OSError(errno.EACCES, "Permission denied")):
        assert trouble.explained(error, PROFILE, tmp_path) is error


def test_a_corpus_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n')
    expected = trouble.digest(path)
    trouble.check_corpus(path, expected)
    path.write_text('{"prompt": "a", "completion": "c"}\n')
    with pytest.raises(TrainError, match=r"is not the corpus that this run was started on .*Next: rm "):
        trouble.check_corpus(path, expected)
    path.unlink()
    with pytest.raises(TrainError, match="no file"):
        trouble.check_corpus(path, expected)
