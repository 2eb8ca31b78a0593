"""The plan of a harvest: which replies the chosen cells want, which are there already, and what the rest will cost.

Members are written to the store once, in pages; what is pending is then a query, whose result goes to a file beside the
spool and is streamed from there: a million pending calls are never held in memory.
"""

import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..errors import ConfigError
from ..store.cells import Cell
from ..store.frames import Stream
from ..store.store import Store
from ..tasks import keys
from ..tasks.realised import count_tokens
from ..tasks.values import Message, Question, Recipe, Sampling
from .prompts import Prompts, build, shipped
from .teachers import Teacher

SQL = Path(__file__).parent / "sql"
PAGE = 2_000
PAGES_A_WRITE = 10
PROBE = 200
ALL = 2**62
# Completion tokens to expect per level before any reply of the cell is in the store: an estimate, shown as one. Mean
# word pieces (tasks/realised.py) of the original-format rationales released with arXiv 2502.18001, over all its
# teachers and data sets, n = 17,305 to 42,614 a level.
EXPECTED_TOKENS = {None: 8, 1: 32, 2: 50, 3: 53, 4: 70, 5: 80, 6: 90}


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of one teacher about one data set. `shard` is (i, n): the i-th of n parts of the questions.

    `redo` names statuses (truncated, refused ...): only replies that ended so are bought again.
    """

    teacher: Teacher
    dataset: str
    recipes: tuple[Recipe, ...]
    sampling: Sampling
    split: str = "train"
    limit: int | None = None
    n_samples: int = 1
    shard: tuple[int, int] = (0, 1)
    redo: tuple[str, ...] = ()
    prompts: Prompts = field(default_factory=shipped)

    @property
    def cells(self) -> list[Cell]:
        return [Cell(self.dataset, self.teacher.name, recipe) for recipe in self.recipes]

    @property
    def sampling_key(self) -> str:
        """What tells this order's replies from those to the same prompts sampled otherwise."""
        s = self.sampling
        return keys.digest("sampling", self.teacher.model, s.temperature, s.top_p, s.seed, s.reasoning_effort)


@dataclass(frozen=True, slots=True)
class Call:
    """One reply to buy."""

    reply_key: str
    question_key: str
    messages: tuple[Message, ...]
    sample_index: int
    redo: int = 0


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell of the plan. Tokens and `usd` are estimates for what is missing; `usd` None: the price is unknown.

    `n_calibrated`: how many replies of this cell the estimate is the mean of; 0: it is a guess from the level.
    """

    cell: Cell
    n_wanted: int
    n_cached: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    n_calibrated: int = 0

    @property
    def n_missing(self) -> int:
        return self.n_wanted - self.n_cached


def make_plan(store: Store, order: Order, *, record: bool = True) -> list[CellPlan]:
    """What each cell of the order wants, has and misses, with an estimate of its price; nothing is bought.

    An order with `redo` misses the replies that are to be bought again. The wanted members go into the store unless
    `record` is False. ConfigError: the store has no such questions.
    """
    with store.read() as con:
        n_questions = _asked(con, order)
        known = _run(con, "members_known.sql", order)
    if not n_questions:
        raise ConfigError(
            f"the store has no questions of {order.dataset}, split {order.split}. "
            f"Next: cotdistill questions load --dataset {order.dataset} --store {store.path}"
        )
    counted = dict(known)
    n_wanted = n_questions * order.n_samples
    unknown = [r for r, c in zip(order.recipes, order.cells, strict=True) if counted.get(c.key, 0) < n_wanted]
    cached = {c.key: n_wanted for c in order.cells}
    if record:
        _record(store, order, unknown)
    else:
        cached |= _count_cached(store, order, unknown)
    with store.read() as con:
        _asked(con, order)
        counts = {row[0]: row[1:] for row in _run(con, "cell_counts.sql", order)}
        again = Counter(row[0] for row in _to_redo(con, order)) if order.redo else None
        probe = _asked_rows(con, "ORDER BY question_key LIMIT ?", [PROBE])
    questions = [_question(order, row) for row in probe]
    plans = []
    for cell in order.cells:
        _, have, prompt, completion, measured = counts.get(cell.key, (0, 0, None, None, 0))
        if not record and cell.recipe in unknown:
            have = cached[cell.key]
        if again is not None:
            have = n_wanted - again[cell.key]
        priced = _price(order, cell, n_wanted, have, prompt, completion, questions)
        plans.append(replace(priced, n_calibrated=measured))
    return plans


def write_pending(store: Store, order: Order, path: Path) -> int:
    """Write the calls that are still to be made to `path`, a JSON line each; returns how many."""
    if order.redo:
        _record_redo(store, order)
    with store.read() as con:
        _asked(con, order)
        return _copy(con, _sql("pending.sql"), path, _params(order) | {"only_redo": bool(order.redo)})


def stream_calls(order: Order, path: Path) -> Iterator[Call]:
    """The calls written to `path`, one at a time: however many there are, they are never held."""
    by_cell = {cell.key: cell.recipe for cell in order.cells}
    for row in _lines(path):
        messages = build(_question(order, row), by_cell[row["cell_key"]], order.prompts)
        yield Call(row["reply_key"], row["question_key"], messages, row["sample_index"], row["redo"])


def _copy(con: duckdb.DuckDBPyConnection, sql: str, path: Path, params: Mapping[str, Any] | None = None) -> int:
    """Write the rows of a query to `path` as JSON lines, which DuckDB does without holding them; returns how many."""
    target = str(path).replace("'", "''")
    done = con.execute(f"COPY ({sql}) TO '{target}' (FORMAT json)", params).fetchone()
    return int(done[0]) if done else 0


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _sql(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")


def _params(order: Order) -> dict[str, Any]:
    return {
        "cells": [cell.key for cell in order.cells],
        "sampling": order.sampling_key,
        "samples": order.n_samples,
    }


def _run(con: duckdb.DuckDBPyConnection, name: str, order: Order) -> list[tuple[Any, ...]]:
    return con.execute(_sql(name), _params(order)).fetchall()


def _to_redo(con: duckdb.DuckDBPyConnection, order: Order) -> list[tuple[Any, ...]]:
    """The rows of redo.sql; `asked` is there."""
    return con.execute(_sql("redo.sql"), _params(order) | {"statuses": list(order.redo)}).fetchall()


def _asked(con: duckdb.DuckDBPyConnection, order: Order) -> int:
    """Make the temporary table `asked` of the order's questions; returns how many."""
    shard, shards = order.shard
    where = {
        "dataset": order.dataset,
        "split": order.split,
        "limit": order.limit if order.limit is not None else ALL,
        "shard": shard,
        "shards": shards,
    }
    con.execute(f"CREATE OR REPLACE TEMP TABLE asked AS {_sql('asked.sql')}", where)
    count = con.execute("SELECT count(*) FROM asked").fetchone()
    return int(count[0]) if count else 0


def _question(order: Order, row: Mapping[str, Any]) -> Question:
    """The question in a row of `asked` or of pending.sql."""
    choices = tuple(row["choices"] or ())
    kind, gold, source = row["answer_kind"], row["gold"], row["source"]
    return Question(order.dataset, order.split, row["text"], kind, gold, choices, source=source)


def _asked_rows(con: duckdb.DuckDBPyConnection, more: str = "", params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Rows of the temporary table `asked` as dicts."""
    found = con.execute(f"SELECT * FROM asked {more}", list(params))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _pages(store: Store, order: Order, recipes: Sequence[Recipe]) -> Iterator[pl.DataFrame]:
    """The members of the recipes' cells, a page of questions at a time, in the columns of `cell_member`."""
    if not recipes:
        return
    with tempfile.TemporaryDirectory(dir=store.path.parent, prefix=f".{store.path.name}.asked-") as folder:
        path = Path(folder) / "asked.jsonl"
        with store.read() as con:
            _asked(con, order)
            _copy(con, "SELECT * FROM asked ORDER BY question_key", path)
        rows = _lines(path)
        while page := list(itertools.islice(rows, PAGE)):
            questions = [(row["question_key"], _question(order, row)) for row in page]
            for recipe in recipes:
                cell_key = Cell(order.dataset, order.teacher.name, recipe).key
                members = [
                    (cell_key, key, sample, _reply_key(order, key, messages, sample, 0), order.sampling_key, 0)
                    for key, question in questions
                    for messages in (build(question, recipe, order.prompts),)
                    for sample in range(order.n_samples)
                ]
                yield _members(members)


def _members(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    columns = ["cell_key", "question_key", "sample_index", "reply_key", "sampling", "redo"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _reply_key(order: Order, question_key: str, messages: Sequence[Message], sample: int, redo: int) -> str:
    s = order.sampling
    return keys.reply_key(
        question_key,
        [{"role": m.role, "content": m.content} for m in messages],
        order.teacher.name,
        order.teacher.model,
        temperature=s.temperature,
        top_p=s.top_p,
        seed=s.seed,
        reasoning_effort=s.reasoning_effort,
        sample_index=sample,
        redo=redo,
    )


def _record(store: Store, order: Order, recipes: Sequence[Recipe]) -> None:
    with store.write() as con:
        store.insert(con, "cell", [cell.row() for cell in order.cells])
    pages = _pages(store, order, recipes)
    while batch := list(itertools.islice(pages, PAGES_A_WRITE)):  # opening and closing the store costs, too
        with store.write() as con:
            for page in batch:
                store.insert_frame(con, "cell_member", page)


def _record_redo(store: Store, order: Order) -> None:
    """Want the replies that ended with one of the order's statuses once more."""
    by_cell = {cell.key: cell.recipe for cell in order.cells}
    with store.read() as con:
        _asked(con, order)
        wanted = _to_redo(con, order)
        questions = {row["question_key"]: _question(order, row) for row in _asked_rows(con)}
    members = [
        (
            cell,
            key,
            sample,
            _reply_key(order, key, build(questions[key], by_cell[cell], order.prompts), sample, redo),
            order.sampling_key,
            redo,
        )
        for cell, key, sample, redo in wanted
    ]
    if members:
        with store.write() as con:
            store.insert_frame(con, "cell_member", _members(members))


def _count_cached(store: Store, order: Order, recipes: Sequence[Recipe]) -> dict[str, int]:
    """How many wanted replies of each recipe's cell are in the store, without writing anything."""
    counts: dict[str, int] = {}
    for page in _pages(store, order, recipes):
        cell = page["cell_key"][0]
        with store.read() as con:
            con.register("page", Stream(page))
            [(found,)] = con.execute("SELECT count(*) FROM page SEMI JOIN reply USING (reply_key)").fetchall()
            con.unregister("page")
        counts[cell] = counts.get(cell, 0) + int(found)
    return counts


def _price(
    order: Order,
    cell: Cell,
    n_wanted: int,
    n_cached: int,
    prompt: float | None,
    completion: float | None,
    probe: Sequence[Question],
) -> CellPlan:
    missing = n_wanted - n_cached
    if prompt is None:
        sizes = [
            sum(count_tokens(m.content) for m in build(question, cell.recipe, order.prompts)) for question in probe
        ]
        prompt = sum(sizes) / max(1, len(sizes))
    if completion is None:
        completion = float(_expected_tokens(order, cell.recipe.level))
    price = order.teacher.price
    usd = price.estimate(prompt * missing, completion * missing) if price else None
    return CellPlan(cell, n_wanted, n_cached, round(prompt * missing), round(completion * missing), usd)


def _expected_tokens(order: Order, level: int | None) -> int:
    """Of a scheme with more or fewer levels: what the level at the same place between coarsest and finest expects."""
    n_levels = len(order.prompts.levels)
    if level is None or n_levels == 6:
        return EXPECTED_TOKENS[level]
    return EXPECTED_TOKENS[1 + round(5 * (level - 1) / max(1, n_levels - 1))]


def totals(plans: Sequence[CellPlan]) -> Mapping[str, float | None]:
    """The plan in one line: wanted, cached, missing, and the estimated dollars (None where any price is unknown)."""
    usd = None if any(p.usd is None for p in plans) else sum(p.usd or 0.0 for p in plans)
    return {
        "wanted": sum(p.n_wanted for p in plans),
        "cached": sum(p.n_cached for p in plans),
        "missing": sum(p.n_missing for p in plans),
        "usd": usd,
    }
