"""What lies beside a store: received rows that wait, torn lines, what a kill left behind, and what is nobody's."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import spool

_OURS = (".jsonl", ".lock", ".torn", ".opening")
# Beside the store, what a killed command leaves: `.x.duckdb.asked-...`, `.x.duckdb.123.vacuum`, `.y.123.partial`.
_LEFT = ("asked-", "judge-", "older-")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `wrong`: false where it may be so. `n` rows, files or tables; `first` of them."""

    code: str
    wrong: bool
    n: int
    first: str
    what: str
    next: str


def look_beside(path: Path, folder: Path) -> Iterator[Finding]:
    """The files around the store at `path` and in its spool folder."""
    closed, busy, n_rows, n_cut = [], [], 0, 0
    for segment in spool.segments(folder):
        with spool.locked(segment) as file:
            if file is None:
                busy.append(segment)
                continue
            closed.append(segment)
            for line in file:
                n_rows += line.endswith(b"\n")
                n_cut += not line.endswith(b"\n")
    if closed:
        what = f"closed spool segments with {n_rows:,} rows that are not in the store yet"
        what += f", {n_cut} of them with a torn last line" if n_cut else ""
        yield _files("spool-waiting", False, closed, what, "cotdistill ingest")
    if busy:
        yield _files("spool-open", False, busy, "spool segments that somebody writes to", "nothing: cotdistill status")
    if torn := sorted(folder.glob("*.torn")):
        what = "torn lines: what was being received when its writer was killed, and is not in the store"
        yield _files("spool-torn", True, torn, what, "look at them, delete them, then cotdistill generate asks again")
    if opening := [p for p in sorted(folder.glob("*.opening")) if not spool.is_written(p) and p.exists()]:
        yield _files(
            "spool-opening", False, opening, "segments whose writer was killed before the first row", "rm them"
        )
    if foreign := sorted(p for p in folder.glob("*") if not _is_ours(p)):
        yield _files("spool-foreign", True, foreign, "files in the spool that are not cotdistill's", "move them away")
    if stray := [p for p in _beside(path) if not _is_at_work(p)]:
        yield _files("left-behind", False, stray, "what a killed command left beside the store", "rm -r them")


def _files(code: str, wrong: bool, files: Sequence[Path], what: str, action: str) -> Finding:
    return Finding(code, wrong, len(files), str(files[0]), what, action)


def _is_ours(path: Path) -> bool:
    return path.suffix in _OURS or (path.is_dir() and path.name.startswith("pending-"))


def _beside(path: Path) -> list[Path]:
    start = f".{path.name}."
    found = [p for p in path.parent.glob(f"{start}*") if p.suffix in (".vacuum", ".partial") or _is_left(p, start)]
    return sorted(found + list(path.parent.glob(f".{path.stem}.*.partial")))


def _is_left(path: Path, start: str) -> bool:
    return path.is_dir() and path.name[len(start) :].startswith(_LEFT)


def _is_at_work(path: Path) -> bool:
    """Whether the process that a vacuum's or a backup's file is named after lives. A folder says no process."""
    pid = next((part for part in reversed(path.name.split(".")) if part.isdecimal()), None)
    if pid is None or not path.is_file():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
