"""Who may work beside whom on one store: lock files in the spool folder that name their holder's process."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreError


@contextlib.contextmanager
def only_one(folder: Path, name: str, *, beside_others: bool = False) -> Iterator[None]:
    """Hold the lock `name` in `folder` while the block runs. StoreError names the process that has it.

    `beside_others`: together with all who say so too, and with nobody who does not. The lock is the kernel's (flock):
    it goes when its holder dies, however that happens.
    """
    path = folder / f"{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(
            f"cannot write beside the store ({path}): {error.strerror}. Next: check the disk and its rights, or name "
            f"another --store"
        ) from error
    try:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if beside_others else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 64).decode("ascii", "replace").strip() or "unknown"
            raise StoreError(
                f"another {name} is at work on this store: process {holder} ({path}). "
                f"Next: wait for it, or look at it with: cotdistill status"
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


@contextlib.contextmanager
def buying(folder: Path, *, capped: bool) -> Iterator[None]:
    """While the block runs, whoever has a cap on what the store records to be spent is the only one that spends: a cap
    is counted from what was spent when its work began. StoreError names the process that spends."""
    with only_one(folder, "purchase", beside_others=not capped):
        yield


def holder_of(folder: Path, name: str) -> str | None:
    """The process that holds the lock `name` now; None where nobody does."""
    try:
        file = os.open(folder / f"{name}.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(file, 64).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(file)
    return None


def holders(folder: Path) -> list[tuple[str, str]]:
    """(name, process id) of every lock in `folder` that somebody holds now."""
    found = [(path.stem, holder_of(folder, path.stem)) for path in sorted(folder.glob("*.lock"))]
    return [(name, pid) for name, pid in found if pid is not None]
