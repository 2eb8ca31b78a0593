"""The plan of a harvest: which replies the chosen cells want, which are there already, and what the rest will cost.

Members are written to the store once, in pages; what is pending is then a query, whose result goes to a file beside the
spool and is streamed from there: a million pending calls are never held in memory.
"""

import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..errors import ConfigError
from ..store.cells import Cell
from ..store.frames import Stream
from ..store.store import Store
from ..store.tables import literal
from ..tasks import keys
from ..tasks.realised import count_tokens
from ..tasks.values import Message, Question, Recipe, Sampling
from .asked import ask, slices
from .prompts import Prompts, build, shipped
from .teachers import Teacher

SQL = Path(__file__).parent / "sql"
PAGE = 2_000
PAGES_A_WRITE = 10
PROBE = 200
# What is written at a time, and what a line has beside the words of its question.
COPY_BYTES, LINE_BYTES = 16_000_000, 300
NOTHING = (0, 0, 0, 0)
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
        n_questions = ask(con, order)
        n_wanted = n_questions * order.n_samples
        known = _counted(con, "members_known.sql", order, n_wanted)
    if not n_questions:
        raise ConfigError(
            f"the store has no questions of {order.dataset}, split {order.split}. "
            f"Next: cotdistill questions load --dataset {order.dataset} --store {store.path}"
        )
    unknown = [r for r, c in zip(order.recipes, order.cells, strict=True) if known.get(c.key, NOTHING)[0] < n_wanted]
    cached = {c.key: n_wanted for c in order.cells}
    if record:
        _record(store, order, unknown)
    else:
        cached |= _count_cached(store, order, unknown)
    with store.read() as con:
        ask(con, order)
        counts = _counted(con, "cell_counts.sql", order, n_wanted)
        again = Counter(row["cell_key"] for rows in _to_redo(con, order, n_wanted) for row in rows)
        probe = _rows(con, "SELECT * FROM asked ORDER BY question_key LIMIT $probe", {"probe": PROBE})
    questions = [_question(order, row) for row in probe]
    plans = []
    for cell in order.cells:
        have, measured, prompt, completion = counts.get(cell.key, NOTHING)
        if not record and cell.recipe in unknown:
            have = cached[cell.key]
        if order.redo:
            have = n_wanted - again[cell.key]
        means = (prompt / measured, completion / measured) if measured else None
        plans.append(replace(_price(order, cell, n_wanted, have, means, questions), n_calibrated=measured))
    return plans


def write_pending(store: Store, order: Order, path: Path) -> int:
    """Write the calls that are still to be made to `path`, a JSON line each; returns how many."""
    if order.redo:
        _record_redo(store, order)
    per_question = order.n_samples * len(order.recipes)

    def write(con: duckdb.DuckDBPyConnection) -> int:
        def find() -> None:
            if order.redo:
                con.execute(_sql("pending_redo.sql"), {"statuses": list(order.redo)})
            else:
                con.execute(_sql("pending.sql"))

        return _copy(con, _sql("pending_calls.sql"), path, ask(con, order) * per_question, find)

    return store.frugally(write, threads=2)


def stream_calls(order: Order, path: Path) -> Iterator[Call]:
    """The calls written to `path`, one at a time: however many there are, they are never held."""
    by_cell = {cell.key: cell.recipe for cell in order.cells}
    for row in _lines(path):
        messages = build(_question(order, row), by_cell[row["cell_key"]], order.prompts)
        yield Call(row["reply_key"], row["question_key"], messages, row["sample_index"], row["redo"])


def _copy(
    con: duckdb.DuckDBPyConnection, sql: str, path: Path, n_members: int, before: Callable[[], None] | None = None
) -> int:
    """Write the rows of a query to `path` as JSON lines, a slice at a time, each in the order of its first column;
    returns how many. `before` is called in every slice before it."""
    [(words,)] = con.execute("SELECT coalesce(avg(strlen(text)), 0) FROM asked").fetchall()
    part, count, size = path.with_suffix(".part"), 0, int(COPY_BYTES / (LINE_BYTES + words))
    with path.open("wb") as out:
        for _ in slices(con, n_members, size):
            if before:
                before()
            done = con.execute(f"COPY ({sql}) TO {literal(str(part))} (FORMAT json)").fetchone()
            count += int(done[0]) if done else 0
            with part.open("rb") as rows:
                out.writelines(sorted(rows))  # here, for a sort of long texts does not fit into DuckDB's memory limit
    part.unlink(missing_ok=True)
    return count


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _sql(name: str) -> str:
    return (SQL / name).read_text(encoding="utf-8")


def _rows(con: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = con.execute(sql, dict(params))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _counted(con: duckdb.DuckDBPyConnection, name: str, order: Order, n_wanted: int) -> dict[str, Sequence[int]]:
    """What a query counts for each cell, summed over the slices; the views of asked.sql are there."""
    totals: dict[str, Sequence[int]] = {}
    for _ in slices(con, n_wanted * len(order.recipes)):
        for cell, *counts in con.execute(_sql(name)).fetchall():
            before = totals.get(cell, [0] * len(counts))
            totals[cell] = [a + int(b or 0) for a, b in zip(before, counts, strict=True)]
    return totals


def _to_redo(con: duckdb.DuckDBPyConnection, order: Order, n_wanted: int) -> Iterator[list[dict[str, Any]]]:
    """The rows of redo.sql, a slice at a time; none without a status to redo. The views are there."""
    if order.redo:
        for _ in slices(con, n_wanted * len(order.recipes)):
            yield _rows(con, _sql("redo.sql"), {"statuses": list(order.redo)})


def _question(order: Order, row: Mapping[str, Any]) -> Question:
    """The question in a row of `asked` or of pending.sql."""
    choices = tuple(row["choices"] or ())
    kind, gold, source = row["answer_kind"], row["gold"], row["source"]
    return Question(order.dataset, order.split, row["text"], kind, gold, choices, source=source)


def _pages(store: Store, order: Order, recipes: Sequence[Recipe]) -> Iterator[pl.DataFrame]:
    """The members of the recipes' cells, a page of questions at a time, in the columns of `cell_member`."""
    if not recipes:
        return
    with tempfile.TemporaryDirectory(dir=store.path.parent, prefix=f".{store.path.name}.asked-") as folder:
        path = Path(folder) / "asked.jsonl"
        store.frugally(lambda con: _copy(con, "SELECT * FROM asked", path, ask(con, order)))
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
        wanted = list(itertools.chain.from_iterable(_to_redo(con, order, ask(con, order) * order.n_samples)))
    members = []
    for row in wanted:
        messages = build(_question(order, row), by_cell[row["cell_key"]], order.prompts)
        again = _reply_key(order, row["question_key"], messages, row["sample_index"], row["redo"])
        members.append(
            (row["cell_key"], row["question_key"], row["sample_index"], again, order.sampling_key, row["redo"])
        )
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
    means: tuple[float, float] | None,
    probe: Sequence[Question],
) -> CellPlan:
    missing = n_wanted - n_cached
    if means is None:
        sizes = [
            sum(count_tokens(m.content) for m in build(question, cell.recipe, order.prompts)) for question in probe
        ]
        means = sum(sizes) / max(1, len(sizes)), float(_expected_tokens(order, cell.recipe.level))
    prompt, completion = means
    price = order.teacher.price
    usd = price.estimate(prompt * missing, completion * missing) if price else None
    return CellPlan(cell, n_wanted, n_cached, round(prompt * missing), round(completion * missing), usd)


def price_of_guess(order: Order, cell: Cell, n_wanted: int, typical: Question) -> CellPlan:
    """A cell of which nothing is known but how many questions there will be and what one is like: all is missing."""
    return _price(order, cell, n_wanted, 0, None, [typical])


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
