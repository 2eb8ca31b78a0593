"""How far each teacher is, counted by hand from a small store and from a spool that a harvest is still writing to."""

from pathlib import Path
from typing import Any

import pytest

from cotdistill.store.spool import SpoolWriter
from cotdistill.store.status import duration, read_status
from cotdistill.store.store import Store

NOW = "2026-03-01T12:00:00.000000"


def at(seconds_ago: float) -> str:
    minutes, seconds = divmod(12 * 3600 - seconds_ago, 60)
    return f"2026-03-01T{int(minutes // 60):02d}:{int(minutes % 60):02d}:{seconds:09.6f}"


def attempt(
    key: str, reply: str, ago: float, status: str = "ok", usd: float | None = 0.5, **more: Any
) -> dict[str, Any]:
    row = {"attempt_key": key, "reply_key": reply, "teacher": "t", "provider": "p", "model": "m", "status": status}
    row |= {"started_at": at(ago + 2), "finished_at": at(ago), "usd": usd}
    return row | {"usd_basis": "unpriced" if usd is None else "usage"} | more


def reply(key: str, status: str = "ok") -> dict[str, Any]:
    row = {"reply_key": key, "question_key": "q", "teacher": "t", "status": status, "text": "x", "sample_index": 0}
    return row | {"redo": 0, "received_at": NOW}


@pytest.fixture
def store(store_path: Path) -> Store:
    """Teacher t wants r0 to r9. Here: r0 (an hour ago), r1 (truncated), r2. r3 failed twice. r8, r9: in a batch."""
    store = Store.open(store_path)
    cell = {"cell_key": "c", "dataset": "d", "teacher": "t", "level": 3, "format": "original"}
    members = [
        {"cell_key": "c", "question_key": f"q{i}", "sample_index": 0, "reply_key": f"r{i}", "sampling": "s", "redo": 0}
        for i in range(10)
    ]
    batch = {"batch_key": "b", "teacher": "t", "provider": "p", "model": "m", "config": "{}", "n_requests": 2}
    asked = {"batch_key": "b", "question_key": "q", "sample_index": 0, "redo": 0, "usd_reserved": 0.25}
    with store.write() as con:
        store.insert(con, "cell", [cell | {"gold_visible": "no", "prompt_version": "1"}])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", [reply("r0"), reply("r1", "truncated"), reply("r2")])
        store.insert(
            con,
            "attempt",
            [
                attempt("a0", "r0", 3600),
                attempt("a1", "r1", 118, "truncated"),
                attempt("a2", "r2", 60),
                attempt("a3", "r3", 50, "rate_limited", 0.0),
                attempt("a4", "r3", 40, "unavailable", 0.125, usd_basis="reserved"),
            ],
        )
        store.insert(con, "batch", [batch | {"n_bytes": 1, "intended_at": NOW}])
        store.insert(con, "batch_member", [asked | {"reply_key": f"r{i}", "attempt_key": f"b{i}"} for i in (8, 9)])
    return store


def teacher(store: Store) -> dict[str, Any]:
    [one] = read_status(store, now=NOW).teachers.as_dicts()
    return one


def test_what_is_in_the_store(store: Store) -> None:
    assert teacher(store) == {
        "teacher": "t",
        "wanted": 10,
        "cached": 3,
        "in_batches": 2,
        "left": 5,  # r3 to r7
        "failed": 1,
        "unusable": 1,
        "calls": 5,
        "failed_calls": 2,
        "usd": 2.125,  # 3 x 0.5, 0.125 for the call that was cut, 2 x 0.25 in the batch
        "usd_reserved": 0.625,
        "unpriced": 0,
        "per_min": 1.0,  # 2 replies in the 120 s since the first of the last 5 minutes was asked for
        "eta_s": None,  # the last reply came 60 s ago
        "last_call_utc": "2026-03-01 11:59:20",
    }


def test_what_a_harvest_is_still_writing_counts_and_never_twice(store: Store) -> None:
    with SpoolWriter(store.spool_dir, "harvest") as spool:
        spool.append(
            "reservation", {"attempt_key": "a5", "reply_key": "r4", "teacher": "t", "usd": 1.0, "reserved_at": NOW}
        )
        spool.append(
            "reservation", {"attempt_key": "a6", "reply_key": "r5", "teacher": "t", "usd": 1.0, "reserved_at": NOW}
        )
        spool.append_all([("reply", reply("r4")), ("attempt", attempt("a5", "r4", 10))])
        spool.append_all([("reply", reply("r2")), ("attempt", attempt("a2", "r2", 60))])  # moved a moment ago
        now = read_status(store, now=NOW)
        one = teacher(store)
        [segment] = store.spool_dir.glob("*.jsonl")
        with segment.open("ab") as file:
            file.write(b'{"table":"reply","row":{"reply_key":"to')  # torn
        assert teacher(store) == one
    assert now.replies_in_spool == 2
    counts = {name: one[name] for name in ("cached", "left", "calls", "usd", "usd_reserved", "per_min")}
    # r4's reservation became its attempt (0.5); r5's call is open: 1.0
    assert counts == {"cached": 4, "left": 4, "calls": 6, "usd": 3.625, "usd_reserved": 1.625, "per_min": 1.5}
    assert one["eta_s"] == 160  # 4 left at 3 in 120 s


def test_calls_without_a_price_are_in_no_sum(store_path: Path) -> None:
    store = Store.open(store_path)
    with store.write() as con:
        store.insert(con, "attempt", [attempt("a0", "r0", 10, usd=None)])
    now = read_status(store, now=NOW)
    [one] = now.teachers.as_dicts()
    assert (one["usd"], one["unpriced"], one["wanted"]) == (None, 1, 0)
    assert now.spending() == ["t: the price of 1 calls is unknown; they are in no sum"]
    assert now.paces().columns == ("teacher", "cached", "left", "failed", "unusable", "usd", "per_min", "eta")


def test_durations_for_people() -> None:
    shown = [duration(s) for s in (None, 42, 720, 11_520, 181_440)]
    assert shown == [None, "42 s", "12 min", "3.2 h", "2.1 d"]
