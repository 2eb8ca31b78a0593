"""Submitting batches: half the price, an answer within a day, and never two batches for one reply.

The order keeps that promise. An intent with our own key (its members, and what each may cost) is in the spool and
synced before anything is sent; then the file goes up, then the batch starts, then its id is spooled. Whoever finds an
intent without an id asks the provider's own list (batch_reconcile.py). Replies of an open intent are pending for nobody
(view batch_open_reply).
"""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..clients.batch_base import BatchService
from ..clients.budget import most
from ..clients.prices import Price
from ..errors import BudgetReached, ConfigError, Error
from ..store.locks import only_one
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store, as_json
from ..tasks.values import Sampling
from .batch_reconcile import attempt_key, bring_home, durable, event, reconcile_with
from .batch_services import batch_service
from .harvest import DEFAULT_MAX_TOKENS
from .plan import Call
from .rows import seeded
from .teachers import Teacher

ROTATE_ROWS = 4_000


@dataclass(slots=True)
class Submitted:
    """What was handed over. `usd_most`: what it may cost at most, None where a price is unknown."""

    n_batches: int = 0
    n_requests: int = 0
    n_bytes: int = 0
    usd_most: float | None = 0.0
    batch_keys: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Draft:
    """A batch in the making: its input file, with its members in the spool already."""

    key: str
    path: Path
    n_requests: int = 0
    n_bytes: int = 0
    usd: float = 0.0
    over_budget: bool = False


def submit_batches(
    store: Store,
    teacher: Teacher,
    calls: Iterable[Call],
    sampling: Sampling,
    *,
    max_requests: int | None = None,
    budget_usd: float | None = None,
    on_progress: Callable[[Submitted], None] = lambda done: None,
    connect: Callable[[Teacher], BatchService] = batch_service,
) -> Submitted:
    """Submit `calls` (streamed) in as few batches as the provider's limits allow, or of at most `max_requests` each.

    `budget_usd` is what the calls may still cost, at most. Whoever plans the calls must have left out batch_open_reply.

    BudgetReached: the rest would cost more; what fits was submitted. ConfigError: no batch API, no key, or a budget
    without a price. TeacherError: the provider refused; the calls of that batch are pending again. StoreError: another
    batch command is at work, or the spool cannot be written.
    """
    price = teacher.price.batch() if teacher.price else None
    if budget_usd is not None and price is None:
        raise ConfigError(
            f"teacher {teacher.name} has no known batch price, so a cap cannot be kept. "
            f"Next: give it usd_input, usd_output, listed_on and batch_discount in the registry, or leave out --max-usd"
        )
    done = Submitted(usd_most=0.0 if price is not None else None)
    with (
        only_one(store.spool_dir, "batch"),
        connect(teacher) as service,
        SpoolWriter(store.spool_dir, "batch") as spool,
    ):
        work = _Submission(store, spool, service, teacher, sampling, price)
        limit = min(max_requests or service.max_requests, service.max_requests)
        for draft in work.drafts(calls, limit, budget_usd):
            if draft.n_requests:
                work.submit(draft)
                done.n_batches += 1
                done.n_requests += draft.n_requests
                done.n_bytes += draft.n_bytes
                done.batch_keys.append(draft.key)
                if done.usd_most is not None:
                    done.usd_most += draft.usd
                on_progress(done)
            draft.path.unlink(missing_ok=True)
            if draft.over_budget:
                raise BudgetReached(
                    f"--max-usd: {done.n_requests:,} requests are submitted, which may cost ${done.usd_most:.4f}; the "
                    f"next would go over. Next: cotdistill collect, then the same command again"
                )
    return done


@dataclass(slots=True)
class _Submission:
    """What all batches of one `submit_batches` share. `price` is the batch's, None where it is unknown."""

    store: Store
    spool: SpoolWriter
    service: BatchService
    teacher: Teacher
    sampling: Sampling
    price: Price | None

    def drafts(self, calls: Iterable[Call], max_requests: int, budget_usd: float | None) -> Iterator[_Draft]:
        """Write input files one after the other, each closed before it would break a limit of the provider."""
        folder = self.store.dir_for("batches")
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.jsonl"):  # of a killed command: whoever is here holds the lock
            old.unlink()
        spent, over, waiting = 0.0, False, iter(calls)
        held = next(waiting, None)
        while held is not None and not over:
            key = uuid.uuid4().hex
            draft = _Draft(key, folder / f"{key}.jsonl")
            with draft.path.open("wb") as file:
                while held is not None and draft.n_requests < max_requests:
                    line = self._line(held)
                    cost = self._most(held)
                    over = budget_usd is not None and spent + cost > budget_usd
                    if over or (draft.n_requests and draft.n_bytes + len(line) > self.service.max_bytes):
                        break
                    file.write(line)
                    self._add(draft, held, len(line), cost)
                    spent += cost
                    held = next(waiting, None)
            draft.over_budget = over
            yield draft

    def submit(self, draft: _Draft) -> None:
        """Intent, upload, submission, its id: in this order, each durable before the next."""
        self.spool.append("batch", self._intent(draft))
        durable(self.spool)
        try:
            remote = self.service.submit(self.service.upload(draft.path, draft.key), draft.key)
        except Error:
            # Refused, cut off, or no answer: the provider's list says which. When it cannot be asked, the intent stays
            # in doubt and the next command asks again.
            found = False
            with contextlib.suppress(Error):
                found = bool(reconcile_with(self.spool, self.service, [draft.key]).found)
            bring_home(self.store)
            if not found:
                raise
        else:
            self.spool.append("batch_event", event(draft.key, "submitted", remote))
            durable(self.spool)
        bring_home(self.store)

    def _line(self, call: Call) -> bytes:
        request = self.service.line(call.reply_key, call.messages, seeded(self.sampling, call.sample_index))
        return json.dumps(request, ensure_ascii=False).encode() + b"\n"

    def _most(self, call: Call) -> float:
        if self.price is None:
            return 0.0
        return most(self.price, call.messages, self.sampling.max_tokens or DEFAULT_MAX_TOKENS)

    def _add(self, draft: _Draft, call: Call, n_bytes: int, usd: float) -> None:
        row = {
            "batch_key": draft.key,
            "reply_key": call.reply_key,
            "question_key": call.question_key,
            "sample_index": call.sample_index,
            "redo": call.redo,
            "attempt_key": attempt_key(draft.key, call.reply_key),
            "usd_reserved": usd if self.price is not None else None,
        }
        self.spool.append("batch_member", row)
        draft.n_requests += 1
        draft.n_bytes += n_bytes
        draft.usd += usd
        if draft.n_requests % ROTATE_ROWS == 0:
            self.spool.rotate()

    def _intent(self, draft: _Draft) -> dict[str, Any]:
        config = {"teacher": self.teacher.model_dump(mode="json"), "sampling": sampling_dict(self.sampling)}
        return {
            "batch_key": draft.key,
            "teacher": self.teacher.name,
            "provider": self.teacher.provider,
            "model": self.teacher.model,
            "config": as_json(config),
            "n_requests": draft.n_requests,
            "n_bytes": draft.n_bytes,
            "intended_at": utc_now(),
        }


def sampling_dict(sampling: Sampling) -> dict[str, Any]:
    """A Sampling as JSON can hold it; Sampling(**it) is the way back."""
    return {name: getattr(sampling, name) for name in Sampling.__dataclass_fields__}
