"""Checkpoints of a training: when one is due, which one is whole, and where a killed run goes on.

A checkpoint is a folder `checkpoint-STEP` with weights, optimizer, schedule and random state. It counts once its marker
is written, last, with size and hash of every file: what a kill or a full disk left half-written, or a disk gave back
otherwise than it was written, is not resumed from.
"""

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

MARKER = "whole.json"
KEEP = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a training can go on: after `step` steps and `tokens` tokens, `supervised_tokens` of them with a loss, and
    `seconds` of training."""

    path: Path
    step: int
    tokens: int
    seconds: float
    supervised_tokens: int = 0


@dataclass(slots=True)
class Due:
    """Says when a checkpoint is due: `every_s` seconds after the last one, or never (None)."""

    every_s: float | None
    last: float

    @classmethod
    def start(cls, every_s: float | None) -> "Due":
        """A clock that starts now."""
        return cls(every_s, time.monotonic())

    def now(self) -> bool:
        """Whether one is due; if so the clock starts again."""
        if self.every_s is None or time.monotonic() - self.last < self.every_s:
            return False
        self.last = time.monotonic()
        return True


def seal(folder: Path, *, tokens: int, seconds: float, supervised_tokens: int = 0) -> None:
    """Write the marker of the checkpoint in `folder`, whose files are all written."""
    files = {str(f.relative_to(folder)): f for f in sorted(folder.rglob("*")) if f.is_file()}
    sizes = {name: f.stat().st_size for name, f in files.items()}
    hashes = {name: _hash(f) for name, f in files.items()}
    partial = folder / f"{MARKER}.partial"
    marker = {"tokens": tokens, "supervised_tokens": supervised_tokens, "seconds": seconds}
    partial.write_text(json.dumps({**marker, "sizes": sizes, "hashes": hashes}), encoding="utf-8")
    partial.rename(folder / MARKER)


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """(the newest whole checkpoint in `folder`, why newer ones are not used)."""
    found = sorted(
        (int(p.name.rpartition("-")[2]), p)
        for p in folder.glob("checkpoint-*")
        if p.name.rpartition("-")[2].isdecimal()
    )
    passed_over: list[str] = []
    for step, path in reversed(found):
        try:
            marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
            wrong = [n for n, size in marker["sizes"].items() if _size(path / n) != size]
            if not wrong:
                if spoilt := [n for n, was in marker.get("hashes", {}).items() if _hash(path / n) != was]:
                    passed_over.append(f"{path.name}: {spoilt[0]} is not what was written")
                    continue
                supervised = int(marker.get("supervised_tokens", 0))
                return Checkpoint(path, step, int(marker["tokens"]), float(marker["seconds"]), supervised), passed_over
            is_now, was = _size(path / wrong[0]), marker["sizes"][wrong[0]]
            passed_over.append(f"{path.name}: {wrong[0]} has {is_now} of {was} bytes")
        except (OSError, ValueError, KeyError, TypeError):
            passed_over.append(f"{path.name} was not finished")
    return None, passed_over


def clear(folder: Path) -> None:
    """Remove all checkpoints in `folder`: the run is finished."""
    shutil.rmtree(folder, ignore_errors=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
