"""Judging: parse replies into rationales, and grade rationales and predictions against the gold answers.

The paper's strict rule is applied beside ours and stored in the same row. All of it is free and repeatable: what has no
row by the present version gets one; nothing is ever changed. The store is held only to fetch and to write a batch, not
while grading.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..tasks import keys
from ..tasks.grading import RULE_VERSION, grade_many
from ..tasks.realised import PARSER_VERSION, measure
from ..tasks.reasoned import REASONED_VERSION, reasoned
from ..tasks.strict import strict
from ..tasks.values import Question
from .spool import utc_now
from .store import Store

BATCH = 5_000
SQL = Path(__file__).parent / "sql"
Progress = Callable[[str, int, int], None]


def judge(store: Store, progress: Progress | None = None) -> tuple[int, int]:
    """Parse and grade what is new. Returns (rationales parsed, answers judged).

    `progress(what, done, total)` is called after each batch, `what` being "parsed", "judged" or "graded".
    """
    with store.read() as con:
        todo = con.execute((SQL / "judge_todo.sql").read_text(), _versions()).fetchone() or (0, 0, 0, 0)
    parsed = _parse(store, PARSER_VERSION, todo[0], progress) if todo[0] else 0
    parsed += _parse(store, REASONED_VERSION, todo[3], progress) if todo[3] else 0
    judged = 0
    if todo[1] or parsed:
        judged += _grade(store, "unjudged_rationales.sql", "verdict", "rationale_key", "judged", progress)
    if todo[2]:
        judged += _grade(store, "unjudged_predictions.sql", "prediction_verdict", "prediction_key", "graded", progress)
    return parsed, judged


def _versions() -> dict[str, Any]:
    return {"version": RULE_VERSION, "parser": PARSER_VERSION, "reasoned": REASONED_VERSION}


def _parse(store: Store, version: str, total: int, progress: Progress | None) -> int:
    """One rationale of each reply: its visible answer, or (REASONED_VERSION) its trace with the answer after it."""
    sql, done = (SQL / "unparsed_replies.sql").read_text(), 0
    params = {"version": version, "with_trace": version == REASONED_VERSION, "batch": BATCH}
    while True:
        with store.read() as con:
            batch = con.execute(sql, params).fetchall()
        if not batch:
            return done
        rows = []
        for reply, text, trace in batch:
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
        with store.write() as con:
            store.insert(con, "rationale", rows)
        done += len(batch)
        if progress:
            progress("parsed", done, total)


def _grade(store: Store, query: str, table: str, key: str, what: str, progress: Progress | None) -> int:
    sql, done = (SQL / query).read_text(), 0
    params: dict[str, Any] = {"version": RULE_VERSION, "batch": BATCH}
    if "$parser" in sql:
        params |= {"parser": PARSER_VERSION, "reasoned": REASONED_VERSION}
    with store.read() as con:
        count = con.execute(f"SELECT count(*) FROM ({sql.replace('LIMIT $batch', '')})", _without(params, "batch"))
        total = (count.fetchone() or (0,))[0]
    while True:
        with store.read() as con:
            batch = con.execute(sql, params).fetchall()
        if not batch:
            return done
        items = [
            (text, Question(dataset, split, stem, kind, gold, tuple(choices)))
            for _, text, dataset, split, stem, choices, kind, gold, _ in batch
        ]
        now = utc_now()
        rows = [
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
            for row, verdict, papers in zip(batch, grade_many(items), (strict(*item) for item in items), strict=True)
        ]
        with store.write() as con:
            store.insert(con, table, rows)
        done += len(batch)
        if progress:
            progress(what, done, total)


def _without(params: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in params.items() if k != name}
