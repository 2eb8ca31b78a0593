"""Batches in doubt: an intent is in the store, but not whether the provider has its batch. Its own list says.

Where the list does not show the batch, its input file is deleted and the list is read again: a submission that is still
on its way finds no file and is refused (clients/batch_base.py). Only then is the intent withdrawn and its replies are
pending again.
"""

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..clients.batch_base import BatchService, RemoteBatch
from ..errors import StoreError
from ..store.ingest import ingest
from ..store.locks import only_one
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store, as_json
from ..tasks import keys
from .batch_services import batch_service
from .rows import Asked
from .teachers import Teacher

SQL = Path(__file__).parent / "sql"


@dataclass(slots=True)
class Reconciled:
    """Keys of the intents whose batch was found at the provider, and of those that were withdrawn."""

    found: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)


def reconcile_batches(
    store: Store, *, teacher: str | None = None, connect: Callable[[Teacher], BatchService] = batch_service
) -> Reconciled:
    """Settle the intents (of one teacher, or all) that are in doubt; call it before planning. Asks nobody if none is.

    ConfigError, TeacherError: a provider cannot be asked; its intents stay in doubt, which costs nothing but time.
    """
    done = Reconciled()
    if not _in_doubt(store, teacher):
        return done
    with only_one(store.spool_dir, "batch"), SpoolWriter(store.spool_dir, "batch") as spool:
        ingest(store, store.spool_dir)
        for account, doubtful in by_account(_in_doubt(store, teacher)).items():
            with connect(Teacher.model_validate_json(account)) as service:
                part = reconcile_with(spool, service, doubtful)
            done.found += part.found
            done.withdrawn += part.withdrawn
    bring_home(store)
    return done


def _in_doubt(store: Store, teacher: str | None) -> list[tuple[Any, ...]]:
    return [row for row in open_batches(store, teacher) if row[2] is None]


def open_batches(store: Store, teacher: str | None = None) -> list[tuple[Any, ...]]:
    """The rows of batches_open.sql."""
    with store.read() as con:
        return con.execute((SQL / "batches_open.sql").read_text(encoding="utf-8"), {"teacher": teacher}).fetchall()


def reconcile_with(spool: SpoolWriter, service: BatchService, doubtful: Sequence[str]) -> Reconciled:
    """Settle the intents `doubtful`, all of one account. The caller holds the lock."""
    done = Reconciled()
    wanted = set(doubtful)
    found = {b.tag: b for b in service.batches() if b.tag in wanted}
    lost = [key for key in doubtful if key not in found]
    for key in lost:
        service.withdraw(key)
    if lost:
        found |= {b.tag: b for b in service.batches() if b.tag in wanted}
    for key in doubtful:
        if key in found:
            spool.append("batch_event", event(key, "submitted", found[key]))
            done.found.append(key)
        else:
            spool.append("batch_event", event(key, "withdrawn", state="withdrawn"))
            done.withdrawn.append(key)
    durable(spool)
    return done


@dataclass(frozen=True, slots=True)
class Member:
    """One request of a batch. `usd_reserved` None: the price is unknown."""

    reply_key: str
    question_key: str
    sample_index: int
    redo: int
    attempt_key: str
    usd_reserved: float | None

    @property
    def asked(self) -> Asked:
        """As the rows of its reply and attempt name it."""
        return Asked(self.attempt_key, self.reply_key, self.question_key, self.sample_index, self.redo)


def members(store: Store, batch_key: str) -> list[Member]:
    """What a batch asks for."""
    with store.read() as con:
        rows = con.execute((SQL / "batch_members.sql").read_text(encoding="utf-8"), {"batch": batch_key}).fetchall()
    return [Member(*row) for row in rows]


def by_account(rows: Sequence[Sequence[Any]]) -> dict[str, list[str]]:
    """Batch keys by the teacher (JSON) they were intended with, from rows of (batch_key, config)."""
    accounts: dict[str, list[str]] = {}
    for key, config, *_ in rows:
        accounts.setdefault(as_json(json.loads(config)["teacher"]), []).append(key)
    return accounts


def attempt_key(batch_key: str, reply_key: str) -> str:
    """The attempt of one request of one batch: the same however often its result is read."""
    return keys.digest("batch attempt", batch_key, reply_key)


def event(
    batch_key: str, what: str, remote: RemoteBatch | None = None, *, state: str | None = None, detail: Any = None
) -> dict[str, Any]:
    """A row of `batch_event`."""
    return {
        "batch_key": batch_key,
        "happened_at": utc_now(),
        "event": what,
        "remote_id": remote.id if remote else None,
        "state": state or (remote.said if remote else None),
        "n_done": remote.n_done if remote else None,
        "n_failed": remote.n_failed if remote else None,
        "detail": as_json(detail) if detail is not None else None,
    }


def durable(spool: SpoolWriter) -> None:
    """Return when everything appended is on the disk, and so is its name: the segment is closed and synced."""
    path = spool.rotate()
    if path is not None:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def bring_home(store: Store) -> None:
    """Move the spool into the store; when somebody holds the store open, leave it for the next command."""
    with contextlib.suppress(StoreError):
        ingest(Store(store.path, patience_s=2.0), store.spool_dir)
