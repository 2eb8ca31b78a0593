"""Auditing: read every rationale by the rules of tasks/faults and compare those that could repeat each other.

What has a reading by the present version is left alone, so a second audit of a store that did not grow is free; nothing
is ever changed. The view fault_now shows the newest findings beside the faults that follow from facts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..tasks.faults import FAULT_VERSION, Findings, examine
from ..tasks.realised import PARSER_VERSION
from ..tasks.reasoned import REASONED_VERSION
from ..tasks.values import Question
from .copies import compare, groups_to_compare
from .halves import Halves, halves
from .spool import utc_now
from .store import Store

SLICE = 20_000  # rationales held at once
SQL = Path(__file__).parent / "sql"
Item = tuple[str, Question, bool]


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit did: rationales read and compared for the first time, and those whose question is not loaded."""

    read: int
    compared: int
    without_question: int


def audit(
    store: Store,
    *,
    datasets: Sequence[str] | None = None,
    teachers: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Audited:
    """Find the faults of what was not audited yet, of some data sets and teachers or of all.

    `progress(what, done, total)` is called as it goes on, `what` being "read" or "compared". Judge first
    (Store.settle): a rationale that is not parsed is not there.
    """
    tell = progress or (lambda what, done, total: None)
    params, todo, groups = _todo(store, datasets, teachers)
    with halves(max(todo[0], sum(group[2] for group in groups))) as both:
        read = _read(store, params, todo, both, tell) if todo[0] else 0
        compared = compare(store, groups, both, tell)
    return Audited(read, compared, todo[3])


def to_audit(store: Store, *, datasets: Sequence[str] | None = None, teachers: Sequence[str] | None = None) -> int:
    """How many rationales an audit would read, and how many it would compare, for the first time."""
    _, todo, groups = _todo(store, datasets, teachers)
    return int(todo[0]) + sum(group[3] for group in groups)


def _todo(
    store: Store, datasets: Sequence[str] | None, teachers: Sequence[str] | None
) -> tuple[dict[str, Any], tuple[Any, ...], list[tuple[str, str, int, int]]]:
    """What the queries are asked with; what is to be read (audit_todo.sql); what is to be compared."""
    chosen = {"datasets": list(datasets) if datasets else None, "teachers": list(teachers) if teachers else None}
    params = {"version": FAULT_VERSION, "parser": PARSER_VERSION, "reasoned": REASONED_VERSION, **chosen}
    with store.read() as con:
        todo = con.execute((SQL / "audit_todo.sql").read_text(), params).fetchone() or (0, None, None, 0)
        return params, todo, groups_to_compare(store, chosen["datasets"], chosen["teachers"])


def examine_all(items: Sequence[Item]) -> list[Findings]:
    """Read many rationales: (text, question, answer only) each, in order."""
    return [examine(text, question, answer_only=bare) for text, question, bare in items]


def _read(
    store: Store, params: dict[str, Any], todo: tuple[Any, ...], both: Halves, tell: Callable[[str, int, int], None]
) -> int:
    sql, done = (SQL / "audit_batch.sql").read_text(), 0
    total, low, last = todo[0], todo[1], todo[2]
    while low <= last:
        with store.read() as con:
            rows = con.execute(sql, {**params, "low": low, "high": low + SLICE - 1}).fetchall()
        low += SLICE
        if not rows:
            continue
        items: list[Item] = [
            (rationale, Question(dataset, split, text, kind, gold, tuple(choices)), bare)
            for _, rationale, dataset, split, text, choices, kind, gold, bare in rows
        ]
        _write(store, [row[0] for row in rows], both.map(examine_all, items))
        done += len(rows)
        tell("read", done, total)
    return done


def _write(store: Store, rationale_keys: Sequence[str], findings: Sequence[Findings]) -> None:
    now = utc_now()
    readings = [
        {"rationale_key": key, "version": FAULT_VERSION, "realised_numbers": found.numbers, "audited_at": now}
        for key, found in zip(rationale_keys, findings, strict=True)
    ]
    faults = [
        {"rationale_key": key, "rule": rule, "part": "text", "version": FAULT_VERSION, "detail": detail}
        for key, found in zip(rationale_keys, findings, strict=True)
        for rule, detail in found.faults.items()
    ]
    with store.write() as con:
        store.insert(con, "audit_text", readings)
        store.insert(con, "fault", faults)
