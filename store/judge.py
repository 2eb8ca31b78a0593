"""Judging: parse replies into rationales, and grade rationales and predictions against the gold answers.

The paper's strict rule is applied beside ours and stored in the same row. All of it is free and repeatable: what has no
row by the present version gets one; nothing is ever changed. The store is held only to find what is new (its keys go to
a file), to fetch a batch and to write one, not while grading; however much it holds, only a batch is in memory.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from ..tasks import keys
from ..tasks.grading import RULE_VERSION, grade_many
from ..tasks.realised import PARSER_VERSION, measure
from ..tasks.reasoned import REASONED_VERSION, reasoned
from ..tasks.strict import strict
from ..tasks.values import Question
from .slices import key_slices
from .spool import utc_now
from .store import Store
from .tables import literal

BATCH = 2_500
SQL = Path(__file__).parent / "sql"
Progress = Callable[[str, int, int], None]
Row = dict[str, Any]
# What is parsed and what is graded: its table, the query that finds what is new in a slice of it, and its parameters.
_PLAIN = ("reply", "unparsed_replies", {"version": PARSER_VERSION, "with_trace": False})
_TRACED = ("reply", "unparsed_replies", {"version": REASONED_VERSION, "with_trace": True})
_RATIONALES = (
    "rationale",
    "unjudged_rationales",
    {"version": RULE_VERSION, "parser": PARSER_VERSION, "reasoned": REASONED_VERSION},
)
_PREDICTIONS = ("prediction", "unjudged_predictions", {"version": RULE_VERSION})


def judge(store: Store, progress: Progress | None = None) -> tuple[int, int]:
    """Parse and grade what is new. Returns (rationales parsed, answers judged).

    `progress(what, done, total)` is called after each batch, `what` being "parsed", "judged" or "graded".
    """
    parsed = judged = 0
    with _new(store, _PLAIN, _TRACED) as (plain, traced):
        parsed += _each(store, plain, "rationale", "parsed", progress, lambda some: _parse(store, PARSER_VERSION, some))
        parsed += _each(
            store, traced, "rationale", "parsed", progress, lambda some: _parse(store, REASONED_VERSION, some)
        )
    with _new(store, _RATIONALES, _PREDICTIONS) as (rationales, predictions):
        judged += _each(
            store,
            rationales,
            "verdict",
            "judged",
            progress,
            lambda some: _grade(store, "rationales_to_judge", "rationale_key", some),
        )
        judged += _each(
            store,
            predictions,
            "prediction_verdict",
            "graded",
            progress,
            lambda some: _grade(store, "predictions_to_judge", "prediction_key", some),
        )
    return parsed, judged


@contextmanager
def _new(store: Store, *wanted: tuple[str, str, dict[str, Any]]) -> Iterator[list[tuple[Path, int]]]:
    """Write the keys that each query finds to a file of its own, which live as long as the block: (file, how many)."""
    with tempfile.TemporaryDirectory(dir=store.path.parent, prefix=f".{store.path.name}.judge-") as folder:

        def find(con: duckdb.DuckDBPyConnection) -> list[tuple[Path, int]]:
            return [_found(con, *one, Path(folder) / f"{i}.keys") for i, one in enumerate(wanted)]

        yield store.frugally(find)


def _found(
    con: duckdb.DuckDBPyConnection, table: str, query: str, params: dict[str, Any], file: Path
) -> tuple[Path, int]:
    [(n_rows,)] = con.execute(f"SELECT count(*) FROM {table}").fetchall()
    sql, part, count = _sql(query), file.with_suffix(".part"), 0
    with file.open("wb") as out:
        for low, high in key_slices(n_rows):
            copied = con.execute(
                f"COPY ({sql}) TO {literal(str(part))} (FORMAT csv, HEADER false)", params | {"low": low, "high": high}
            ).fetchone()
            if copied and copied[0]:
                count += int(copied[0])
                out.write(part.read_bytes())
    return file, count


def _each(
    store: Store,
    new: tuple[Path, int],
    table: str,
    what: str,
    progress: Progress | None,
    work: Callable[[list[str]], list[Row]],
) -> int:
    """Make the rows of `table` from what is new, a batch of keys at a time."""
    file, total = new
    done = 0
    if not total:
        return 0
    with file.open(encoding="ascii") as lines:
        while some := [line.strip() for line in itertools.islice(lines, BATCH)]:
            rows = work(some)
            with store.write() as con:
                store.insert(con, table, rows)
            done += len(some)
            if progress:
                progress(what, done, total)
    return done


def _fetch(store: Store, query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    return store.frugally(lambda con: con.execute(_sql(query), params).fetchall())


def _parse(store: Store, version: str, some: list[str]) -> list[Row]:
    """One rationale of each reply: its visible answer, or (REASONED_VERSION) its trace with the answer after it."""
    params = {"keys": some, "with_trace": version == REASONED_VERSION}
    rows = []
    for reply, text, trace in _fetch(store, "replies_to_parse", params):
        rationale = text.strip() if trace is None else reasoned(trace, text)
        realised = measure(rationale)
        rows.append(
            {
                "rationale_key": keys.rationale_key(reply, version),
                "reply_key": reply,
                "parser_version": version,
                "text": rationale,
                "realised_steps": realised.steps,
                "realised_sentences": realised.sentences,
                "realised_tokens": realised.tokens,
                "realised_equations": realised.equations,
            }
        )
    return rows


def _grade(store: Store, query: str, key: str, some: list[str]) -> list[Row]:
    found = _fetch(store, query, {"keys": some})
    items = [
        (text, Question(dataset, split, stem, kind, gold, tuple(choices)))
        for _, text, dataset, split, stem, choices, kind, gold, _ in found
    ]
    now = utc_now()
    return [
        {
            key: row[0],
            "rule_version": verdict.rule_version,
            "gold_key": row[8],
            "status": verdict.status,
            "answer": verdict.answer,
            "rule": verdict.rule,
            "strict_status": papers.status,
            "strict_answer": papers.answer,
            "judged_at": now,
        }
        for row, verdict, papers in zip(found, grade_many(items), (strict(*item) for item in items), strict=True)
    ]


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
