"""Submitting batches: half the price, an answer within a day, and never two batches for one reply.

The order keeps that promise. An intent with our own key (its members, and what each may cost) is in the spool and
synced before anything is sent; then the file goes up, then the batch starts, then its id is spooled. Whoever finds an
intent without an id asks the provider's own list (batch_reconcile.py). Replies of an open intent are pending for nobody
(view batch_open_reply).
"""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..clients.batch_base import BatchService
from ..clients.prices import Price
from ..errors import BudgetReached, ConfigError, Error
from ..store.ingest import ingest
from ..store.locks import only_one
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store, as_json
from ..tasks.values import Sampling
from .batch_reconcile import attempt_key, bring_home, durable, event, reconcile_with
from .batch_services import batch_service
from .budget import most
from .harvest import DEFAULT_MAX_TOKENS
from .plan import Call
from .teachers import Teacher


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
    """A batch in the making: its input file, and the rows of its intent."""

    key: str
    path: Path
    members: list[Mapping[str, Any]] = field(default_factory=list)
    reservations: list[Mapping[str, Any]] = field(default_factory=list)
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
        limit = min(max_requests or service.max_requests, service.max_requests)
        for draft in _drafts(store, teacher, calls, sampling, service, price, limit, budget_usd):
            if draft.members:
                _submit(store, spool, service, teacher, sampling, draft, price)
                done.n_batches += 1
                done.n_requests += len(draft.members)
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


def _drafts(
    store: Store,
    teacher: Teacher,
    calls: Iterable[Call],
    sampling: Sampling,
    service: BatchService,
    price: Price | None,
    max_requests: int,
    budget_usd: float | None,
) -> Iterator[_Draft]:
    """Write input files one after the other, each closed before it would break a limit of the provider."""
    folder = store.dir_for("batches")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jsonl"):  # of a killed command: whoever is here holds the lock
        old.unlink()
    spent, over, waiting = 0.0, False, iter(calls)
    held = next(waiting, None)
    while held is not None and not over:
        key = uuid.uuid4().hex
        draft = _Draft(key, folder / f"{key}.jsonl")
        with draft.path.open("wb") as file:
            while held is not None:
                mine = seeded(sampling, held.sample_index)
                request = service.line(held.reply_key, held.messages, mine)
                line = json.dumps(request, ensure_ascii=False).encode() + b"\n"
                if draft.members and draft.n_bytes + len(line) > service.max_bytes:
                    break
                cost = most(price, held.messages, sampling.max_tokens or DEFAULT_MAX_TOKENS) if price else 0.0
                over = budget_usd is not None and spent + cost > budget_usd
                if over:
                    break
                file.write(line)
                spent += cost
                draft.n_bytes += len(line)
                draft.usd += cost
                _add(draft, held, teacher, cost if price else None)
                held = next(waiting, None)
                if len(draft.members) >= max_requests:
                    break
        draft.over_budget = over
        yield draft


def _add(draft: _Draft, call: Call, teacher: Teacher, usd: float | None) -> None:
    draft.members.append(
        {
            "batch_key": draft.key,
            "reply_key": call.reply_key,
            "question_key": call.question_key,
            "sample_index": call.sample_index,
            "redo": call.redo,
            "attempt_key": attempt_key(draft.key, call.reply_key),
        }
    )
    if usd is not None:
        draft.reservations.append(
            {
                "attempt_key": attempt_key(draft.key, call.reply_key),
                "reply_key": call.reply_key,
                "teacher": teacher.name,
                "usd": usd,
                "reserved_at": utc_now(),
            }
        )


def _submit(
    store: Store,
    spool: SpoolWriter,
    service: BatchService,
    teacher: Teacher,
    sampling: Sampling,
    draft: _Draft,
    price: Price | None,
) -> None:
    config = {"teacher": teacher.model_dump(mode="json"), "sampling": sampling_dict(sampling)}
    intent = {
        "batch_key": draft.key,
        "teacher": teacher.name,
        "provider": teacher.provider,
        "model": teacher.model,
        "config": as_json(config),
        "n_requests": len(draft.members),
        "n_bytes": draft.n_bytes,
        "usd_reserved": draft.usd if price is not None else None,
        "intended_at": utc_now(),
    }
    members = [("batch_member", row) for row in draft.members]
    spool.append_all([("batch", intent), *members, *(("reservation", row) for row in draft.reservations)])
    durable(spool)
    try:
        remote = service.submit(service.upload(draft.path, draft.key), draft.key)
    except Error:
        # Refused, cut off, or no answer: the provider's list says which. When it cannot be asked, the intent stays in
        # doubt and the next command asks again.
        found = False
        with contextlib.suppress(Error):
            ingest(store, store.spool_dir)
            found = bool(reconcile_with(store, spool, service, [draft.key]).found)
        bring_home(store)
        if not found:
            raise
    else:
        spool.append("batch_event", event(draft.key, "submitted", remote))
        durable(spool)
    bring_home(store)


def seeded(sampling: Sampling, sample_index: int) -> Sampling:
    """The sampling of one sample: each has its own seed."""
    if sampling.seed is None or not sample_index:
        return sampling
    return replace(sampling, seed=sampling.seed + sample_index)


def sampling_dict(sampling: Sampling) -> dict[str, Any]:
    """A Sampling as JSON can hold it; Sampling(**it) is the way back."""
    return {name: getattr(sampling, name) for name in Sampling.__dataclass_fields__}
