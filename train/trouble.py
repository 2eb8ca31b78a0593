"""What a library's error means, said as ours: no memory, no disk, a base or a corpus that is not what it was."""

import errno
import hashlib
import shutil
from pathlib import Path
from typing import Any

from ..errors import Error, TrainError
from .profiles import Profile

_LEAST_FREE = 2**20  # bytes: with less, a file that could not be written was not written for want of room


def explained(error: Exception, profile: Profile, folder: Path) -> Exception:
    """`error` as a TrainError that says what to do, where it is one of the known kinds; else itself. `folder`: where
    the run writes."""
    if isinstance(error, Error):
        return error
    text = str(error)
    if is_memory(error):
        found = TrainError(
            f"out of memory with batches of {profile.batch_size} rows of up to {profile.max_tokens} tokens: "
            f"{_first(text)}. Next: --batch-size {max(1, profile.batch_size // 2)}"
            f"{'' if profile.gradient_checkpointing else ', gradient_checkpointing = true in a profile'}"
            f"{'' if profile.method == 'lora' else ', or --method lora'}"
        )
    elif is_disk(error, folder):
        free = shutil.disk_usage(folder).free / 1e6
        found = TrainError(
            f"no room left on the disk of {folder} ({free:,.0f} MB free): {_first(text)}. "
            f"Next: make room and start it again; it goes on from its last whole checkpoint"
        )
    else:
        return error
    found.__cause__ = error
    return found


def is_memory(error: BaseException) -> bool:
    """Whether memory of the computer or of a card was asked for and not given."""
    words = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def is_disk(error: BaseException, folder: Path) -> bool:
    """Whether a file could not be written for want of room. torch and safetensors say less than the system does."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    text = str(error)
    if "No space left" in text or "os error 28" in text:
        return True
    return "failed writing file" in text and shutil.disk_usage(folder).free < _LEAST_FREE


def check_room(folder: Path, model: Any, *, with_optimizer: bool, merged: bool = False) -> None:
    """TrainError where what a training is about to write does not fit on the disk of `folder`: torch itself ends the
    whole process when a write fails in the middle. With the optimizer: two numbers more for each that is trained;
    `merged`: an adapter is put into its base first."""
    named = list(model.named_parameters())
    adapter = getattr(model, "peft_config", None) is not None and not merged
    wide = merged and next(p for _, p in named).device.type == "cpu"  # merged in float32
    size = {name: p.numel() * (4 if wide else p.element_size()) for name, p in named}
    weights = sum(size[name] for name, p in named if p.requires_grad or not adapter)
    state = sum(2 * 4 * p.numel() for _, p in named if p.requires_grad) if with_optimizer else 0
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < weights + state + _LEAST_FREE:
        raise TrainError(
            f"no room left on the disk of {folder}: {(weights + state) / 1e6:,.1f} MB are to be written and "
            f"{free / 1e6:,.1f} MB are free. Next: make room and start it again; it goes on from its last whole "
            f"checkpoint"
        )


def lost(said: str | None, folder: Path) -> str | None:
    """What a worker's end without a word probably was, added to what is known of it."""
    if said and folder.exists() and shutil.disk_usage(folder).free < _LEAST_FREE:
        return f"{said}; the disk of {folder} is full. Next: make room and start it again"
    if said and "signal 9" in said:
        return (
            f"{said}. Somebody killed it, or the system did for want of memory. Next: start it again, with a smaller "
            f"--batch-size if memory was short (as it is, it goes on from its last checkpoint)"
        )
    return said


def digest(path: Path) -> str:
    """The hash of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_corpus(path: Path, expected: str) -> None:
    """TrainError where the corpus file is not the one that the run was started on."""
    found = digest(path) if path.is_file() else "no file"
    if found != expected:
        raise TrainError(
            f"{path} is not the corpus that this run was started on ({found[:12]}, not {expected[:12]}): somebody "
            f"changed "
            f"it. Next: rm {path}, and start the run again"
        )


def check_base(path: Path, found: str, expected: str) -> None:
    """TrainError where the base's files are not those that the run's key was made of."""
    if found != expected:
        raise TrainError(
            f"the base in {path} has changed since the run was started ({found[:12]}, not {expected[:12]}). "
            f"Next: start it again; it is another run then"
        )


def _first(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[0][:200]
