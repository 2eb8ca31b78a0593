"""Collecting batches: every result line becomes a reply and an attempt, whatever the end of its batch.

An expired or cancelled batch is billed for what it did, so what it did is kept. Reading a result twice writes the same
rows; only when all of a batch's rows are synced is the batch closed, and what it did not bring is pending again.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..clients.batch_base import BatchService, LineResult, RemoteBatch
from ..clients.budget import Cost
from ..errors import ConfigError, Error, StoreError
from ..store.ingest import ingest
from ..store.locks import only_one
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store
from ..tasks import keys
from ..tasks.values import Sampling
from .batch import ROTATE_ROWS
from .batch_reconcile import (
    Member,
    bring_home,
    by_account,
    durable,
    event,
    members,
    open_batches,
    reconcile_with,
)
from .batch_services import batch_service
from .rows import attempt_row, reply_row, reply_status, seeded
from .teachers import Teacher


@dataclass(frozen=True, slots=True)
class BatchState:
    """One batch as a collect left it. `state` in the provider's words; `n_done` and `n_failed` None: it does not say.
    `closed`: its results are here, or there are none."""

    batch_key: str
    remote_id: str | None
    teacher: str
    provider: str
    state: str
    n_requests: int
    n_done: int | None
    n_failed: int | None
    intended_at: datetime
    closed: bool


@dataclass(slots=True)
class Collected:
    """What one pass did: the batches it looked at, what it received, what it could not ask about (`problems`, and
    `troubles` that may have passed next time), and how many open batches no further look would bring (`n_stuck`)."""

    batches: list[BatchState] = field(default_factory=list)
    n_received: int = 0
    n_errors: int = 0
    n_strays: int = 0
    usd: float = 0.0
    n_unpriced: int = 0
    problems: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    n_stuck: int = 0

    @property
    def n_open(self) -> int:
        return sum(not batch.closed for batch in self.batches)


def collect_batches(
    store: Store,
    *,
    teacher: str | None = None,
    connect: Callable[[Teacher], BatchService] = batch_service,
    on_progress: Callable[[Collected], None] = lambda done: None,
) -> Collected:
    """One pass over the open batches: settle those in doubt, ask after the others, fetch what has ended.

    A provider that cannot be asked is a line in `problems` or `troubles`; its batches stay as they are. StoreError:
    another batch command is at work, or the spool cannot be written.
    """
    done = Collected()
    with only_one(store.spool_dir, "batch"), SpoolWriter(store.spool_dir, "batch") as spool:
        ingest(store, store.spool_dir)
        looked_at = open_batches(store, teacher)
        by_key = {row[0]: row for row in looked_at}
        for account, mine in by_account(looked_at).items():
            try:
                with connect(Teacher.model_validate_json(account)) as service:
                    work = _Collector(store, spool, service, Teacher.model_validate_json(account), done, on_progress)
                    work.settle([key for key in mine if by_key[key][2] is None])
                    for row in open_batches(store, teacher):
                        if row[0] in mine and row[2] is not None:
                            work.look_after(row[0], row[2], json.loads(row[1])["sampling"], row[8:11])
            except StoreError:
                raise
            except ConfigError as error:
                done.problems.append(f"{by_key[mine[0]][3]}: {error}")
                done.n_stuck += len(mine)
            except Error as error:
                done.troubles.append(f"{by_key[mine[0]][3]}: {error}")
    bring_home(store)
    done.batches = _states(store, list(by_key))
    return done


class _Collector:
    """The batches of one teacher."""

    def __init__(
        self,
        store: Store,
        spool: SpoolWriter,
        service: BatchService,
        teacher: Teacher,
        done: Collected,
        on_progress: Callable[[Collected], None],
    ) -> None:
        self.store = store
        self.spool = spool
        self.service = service
        self.teacher = teacher
        self.price = teacher.price.batch() if teacher.price else None
        self.done = done
        self.on_progress = on_progress

    def settle(self, doubtful: list[str]) -> None:
        """Learn what became of the intents without an id."""
        if doubtful:
            reconcile_with(self.spool, self.service, doubtful)
            ingest(self.store, self.store.spool_dir)

    def look_after(self, key: str, remote_id: str, sampling: dict[str, Any], known: tuple[Any, ...]) -> None:
        """Ask for the state of one batch; fetch its results when it has ended. `known`: state and counts so far."""
        remote = self.service.get(remote_id)
        if remote is None:
            self.done.n_stuck += 1
            self.done.problems.append(
                f"{self.teacher.name} does not know batch {remote_id}: another key or project, or deleted there. "
                f"Next: set the key it was made with, or cotdistill collect --give-up {remote_id}"
            )
        elif remote.state == "open":
            if (remote.said, remote.n_done, remote.n_failed) != known:
                self.spool.append("batch_event", event(key, "seen", remote))
        else:
            self._fetch(key, remote, Sampling(**sampling))
            bring_home(self.store)

    def _fetch(self, key: str, remote: RemoteBatch, sampling: Sampling) -> None:
        waiting = {member.reply_key: member for member in members(self.store, key)}
        all_keys = frozenset(waiting)
        with self.store.read() as con:
            found = con.execute("SELECT intended_at FROM batch WHERE batch_key = ?", [key]).fetchone()
        started = found[0].isoformat() if found else utc_now()
        counts: Counter[str] = Counter()
        for raw in self._lines(key, remote):
            try:
                result = self.service.read(json.loads(raw))
            except ValueError as error:
                self._keep_aside(key, raw, f"unreadable: {error}", counts)
                continue
            member = waiting.pop(result.custom_id, None)
            if member is None:
                why = "a second result of one request" if result.custom_id in all_keys else "a request we did not make"
                self._keep_aside(key, raw, why, counts)
                continue
            counts[self._receive(member, result, sampling, started)] += 1
            if sum(counts.values()) % ROTATE_ROWS == 0:
                self.spool.rotate()
                self.on_progress(self.done)
        for member in waiting.values():
            counts[self._unanswered(member, remote, started)] += 1
        detail = {"results": dict(counts)} | ({"error": remote.error} if remote.error else {})
        durable(self.spool)
        self.spool.append("batch_event", event(key, "collected", remote, detail=detail))
        durable(self.spool)
        if remote.error:
            self.done.problems.append(f"{self.teacher.name}: batch {remote.id} {remote.said}: {remote.error}")
        self.on_progress(self.done)

    def _lines(self, key: str, remote: RemoteBatch) -> Iterator[bytes]:
        """The lines of all result files, each downloaded whole before its first line is read."""
        folder = self.store.dir_for("batches")
        folder.mkdir(parents=True, exist_ok=True)
        for i, file_id in enumerate(remote.files):
            path = folder / f"{key}.{i}.jsonl"
            self.service.download(file_id, path)
            with path.open("rb") as file:
                yield from (line for line in file if line.strip())
            path.unlink()

    def _receive(self, member: Member, result: LineResult, sampling: Sampling, started: str) -> str:
        """Spool one result; returns its status. A reply is what answers the question or refuses it for good."""
        got = result.completion
        status = reply_status(got) if got is not None else result.status
        attempt = attempt_row(
            member.asked,
            self.teacher,
            status,
            started,
            self._cost(member, result),
            http_status=result.http_status,
            error=result.error,
            got=got,
        )
        rows: list[tuple[str, dict[str, Any]]] = [("attempt", attempt)]
        if got is not None or status == "bad_request":
            mine = seeded(sampling, member.sample_index)
            reply = reply_row(member.asked, self.teacher, status, mine, attempt["finished_at"], got)
            rows.insert(0, ("reply", reply))
        self.spool.append_all(rows)
        self.done.n_received += got is not None
        self.done.n_errors += got is None
        return status

    def _unanswered(self, member: Member, remote: RemoteBatch, started: str) -> str:
        """A request without a result: not run in a batch that ended early, lost in one that completed."""
        ran = remote.state == "completed"
        cost = self._reserved(member) if ran else Cost(0.0, "free")
        status: str = "missing" if ran else remote.state
        self.spool.append("attempt", attempt_row(member.asked, self.teacher, status, started, cost))
        self._count(cost)
        self.done.n_errors += 1
        return status

    def _cost(self, member: Member, result: LineResult) -> Cost:
        billed = result.http_status == 200
        known = self.price.usd(result.completion.usage) if self.price and result.completion else None
        cost = Cost(known, "usage") if known is not None else self._reserved(member) if billed else Cost(0.0, "free")
        self._count(cost)
        return cost

    def _reserved(self, member: Member) -> Cost:
        return Cost(member.usd_reserved, "reserved" if member.usd_reserved is not None else "unpriced")

    def _count(self, cost: Cost) -> None:
        if cost.usd is None:
            self.done.n_unpriced += 1
        else:
            self.done.usd += cost.usd

    def _keep_aside(self, key: str, raw: bytes, reason: str, counts: Counter[str]) -> None:
        line = raw.decode("utf-8", "replace").rstrip("\n")
        row = {"stray_key": keys.digest("stray", key, line), "batch_key": key, "reason": reason, "line": line}
        self.spool.append("batch_stray", row | {"kept_at": utc_now()})
        counts["stray"] += 1
        self.done.n_strays += 1


def give_up(store: Store, batch: str) -> None:
    """Close an open batch by hand: nobody waits for it any more. `batch` is its key or the provider's id.

    What it had reserved stays spent, because it may be billed. ConfigError: there is no such open batch.
    """
    from ..errors import ConfigError

    with only_one(store.spool_dir, "batch"):
        ingest(store, store.spool_dir)
        found = [row[0] for row in open_batches(store) if batch in (row[0], row[2])]
        if not found:
            raise ConfigError(f"no open batch {batch}. Next: cotdistill collect, which lists them")
        with SpoolWriter(store.spool_dir, "batch") as spool:
            spool.append("batch_event", event(found[0], "given-up", state="given up"))
            durable(spool)
        ingest(store, store.spool_dir)


def _states(store: Store, keys_wanted: list[str]) -> list[BatchState]:
    with store.read() as con:
        rows = con.execute(
            "SELECT batch_key, remote_id, teacher, provider, state, n_requests, n_done, n_failed, intended_at, closed "
            "FROM batch_now WHERE list_contains(?, batch_key) ORDER BY intended_at",
            [keys_wanted],
        ).fetchall()
    return [BatchState(*row) for row in rows]
