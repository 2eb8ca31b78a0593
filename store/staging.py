"""Files of one folder that appear together: each whole or not at all, whatever kills the writer.

Everything is written beside its final name and synced; `commit` then renames in the order of writing. The folder is
locked (flock) meanwhile, so that what a killed writer left there is known to be nobody's and is removed by the next.
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from ..errors import ConfigError, Error

PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was written: its size in bytes and the SHA-256 of its content."""

    name: str
    n_bytes: int
    sha256: str


class Staging:
    """Files on their way into `folder`; made by `staging`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: dict[str, Path] = {}

    def write(self, name: str, write: Callable[[IO[bytes]], object]) -> Written:
        """Write the file `name` by calling `write` with it, opened.

        ConfigError: a folder has that name. Error: the disk is full, or cannot be written.
        """
        if (self.folder / name).is_dir():
            raise ConfigError(f"{self.folder / name} is a folder. Next: move it away, or name another --out DIR")
        try:
            handle, partial = tempfile.mkstemp(dir=self.folder, prefix=f".{name}.", suffix=PARTIAL)
            self._waiting[name] = Path(partial)
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            Path(partial).chmod(0o644)
            with Path(partial).open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            return Written(name, Path(partial).stat().st_size, digest)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise Error(
                f"{self.folder / name} cannot be written ({error}); the folder is as it was. "
                f"Next: make room (df -h {self.folder}), or name another folder with --out DIR"
            ) from error

    def commit(self) -> None:
        """Give every file its name, in the order of writing."""
        for name, partial in self._waiting.items():
            partial.replace(self.folder / name)
        self._waiting.clear()
        with contextlib.suppress(OSError):  # not every file system syncs folders
            self._sync()

    def discard(self) -> None:
        """Remove what was not committed."""
        for partial in self._waiting.values():
            partial.unlink(missing_ok=True)
        self._waiting.clear()

    def _sync(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Staging]:
    """A Staging for `folder`, which is made where it is missing; what is not committed at the end is removed.

    ConfigError: `folder` is a file, may not be made or written to, or another process is writing to it.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Next: name a folder with --out DIR")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _refused(folder, error.strerror or str(error)) from error
    try:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _refused(folder, "it may not be written to by this user")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another export is writing to {folder}. Next: wait for it, or name another folder with --out DIR"
            ) from None
        except OSError as error:
            raise _refused(folder, f"it cannot be locked: {error.strerror}") from error
        for stale in folder.glob(f".*{PARTIAL}"):
            stale.unlink(missing_ok=True)
        made = Staging(folder)
        try:
            yield made
        finally:
            made.discard()
    finally:
        os.close(handle)


def _refused(folder: Path, why: str) -> ConfigError:
    return ConfigError(f"nothing can be written to {folder} ({why}). Next: name another folder with --out DIR")
