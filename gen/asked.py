"""What an order asks, as views of one connection (sql/asked.sql), and the slices in which they are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from ..store.slices import AFTER_LAST, FIRST, SLICE, key_slices

if TYPE_CHECKING:
    from .plan import Order

SQL = Path(__file__).parent / "sql"


def ask(con: duckdb.DuckDBPyConnection, order: "Order") -> int:
    """Make the views of what the order asks in this connection; returns how many questions it asks about."""
    shard, shards = order.shard
    last = AFTER_LAST
    if order.limit is not None:
        which = {"dataset": order.dataset, "split": order.split, "limit": order.limit}
        (found,) = con.execute(_sql("last_key.sql"), which).fetchone() or (None,)
        last = found or FIRST
    for name, value in {
        "dataset": order.dataset,
        "split": order.split,
        "shard": shard,
        "shards": shards,
        "last_key": last,
        "low": FIRST,
        "high": AFTER_LAST,
        "cells": [cell.key for cell in order.cells],
        "sampling": order.sampling_key,
        "samples": order.n_samples,
    }.items():
        _set(con, name, value)
    con.execute(_sql("asked.sql"))
    count = con.execute("SELECT count(*) FROM asked").fetchone()
    return int(count[0]) if count else 0


def slices(con: duckdb.DuckDBPyConnection, n_members: int, size: int = SLICE) -> Iterator[None]:
    """Narrow the views to one slice after the other, in the order of keys; afterwards they are whole again.

    `n_members`: how many replies all questions want together, of which each slice has some `size`.
    """
    for low, high in key_slices(n_members, size):
        _set(con, "low", low)
        _set(con, "high", high)
        yield
    _set(con, "low", FIRST)
    _set(con, "high", AFTER_LAST)


def _set(con: duckdb.DuckDBPyConnection, name: str, value: Any) -> None:
    con.execute(f"SET VARIABLE asked_{name} = $value", {"value": value})


def _sql(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")
