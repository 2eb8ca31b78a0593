"""Browsing: lists, whole questions and pairs of predictions, as plain values for a page. Read-only, a connection each.

What the page shows is a *document*: rows of rationales or predictions, and beside them, once each, the questions,
cells, corpora, runs, evaluations and prompts that the rows name by place or key. File and server give the same shape.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import polars as pl

from ..errors import ConfigError
from ..store.store import Store
from ..tasks import keys
from ..tasks.values import Message, Question, Recipe
from .answers import Row, load
from .labels import decoder, recipe_of

Prompter = Callable[[Question, Recipe], Sequence[Message]]
Document = dict[str, Any]
FILTERS = ("dataset", "teacher", "level", "format", "verdict", "fault", "words")
_FACETS = {
    "dataset": pl.col("dataset"),
    "teacher": pl.col("teacher"),
    "level": pl.col("level").fill_null(0),
    "format": pl.col("format").fill_null("unknown"),
    "verdict": pl.col("verdict"),
    "fault": pl.col("faults").explode(),
}
_INDEX: dict[str, Any] = {
    **dict.fromkeys(("reply_key", "cell_key", "question_key", "dataset", "teacher"), pl.String),
    "level": pl.Int64,
    **dict.fromkeys(("format", "gold_visible", "prompt_version", "verdict", "answer"), pl.String),
    **dict.fromkeys(("realised_tokens", "realised_steps"), pl.Int64),
    "faults": pl.List(pl.String),
}
_NO_FAULTS = """CREATE TEMP VIEW fault_now AS
SELECT NULL::VARCHAR AS reply_key, NULL::VARCHAR AS rationale_key, NULL::VARCHAR AS rule, NULL::VARCHAR AS detail
WHERE false"""
_HAS_FAULTS = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'fault_now' AND NOT internal"
_REPLY = (
    *("reply_key", "sample_index", "redo", "reply_status", "reply_text", "reasoning", "requested_model"),
    *("served_model", "temperature", "top_p", "seed", "reasoning_effort", "prompt_tokens", "completion_tokens"),
    *("calls", "usd", "n_unpriced", "received_at", "finish_reason", "import_source", "import_file", "import_row"),
)
_RATIONALE = (
    *("text", "realised_steps", "realised_sentences", "realised_tokens", "realised_equations"),
    *("verdict", "answer", "rule", "strict_verdict", "strict_answer", "faults"),
)
COLUMNS = ("question", "cell", *_REPLY, *_RATIONALE, "corpora", "prompt", "prompt_checked", "cut")
PREDICTION_COLUMNS = (
    *("question", "evaluation", "sample_index", "text", "verdict", "answer", "rule", "strict_verdict"),
    *("finish_reason", "completion_tokens", "cut"),
)


@contextmanager
def connection(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection that has a view fault_now: the store's, or an empty one where no audit has made any."""
    with store.read() as con:
        if con.execute(_HAS_FAULTS).fetchone() == (0,):
            con.execute(_NO_FAULTS)
        yield con


def ask(con: duckdb.DuckDBPyConnection, name: str, params: Mapping[str, Any] | None = None) -> list[Row]:
    """The rows of analysis/sql/browse_NAME.sql as dicts."""
    question = load(f"browse_{name}")
    result = con.execute(question.sql, dict(params)) if params else con.execute(question.sql)
    columns = [c[0] for c in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def index(store: Store) -> pl.DataFrame:
    """Every rationale without its text, in browsing order: what filters and counts are made from."""
    with connection(store) as con:
        rows = con.execute(load("browse_index").sql).fetchall()
    return pl.DataFrame(rows, schema=_INDEX, orient="row")


def facets(found: pl.DataFrame) -> dict[str, list[list[Any]]]:
    """What an index can be filtered by: filter -> [[value, n replies], ...]; level 0 is "no level"."""
    made: dict[str, list[list[Any]]] = {}
    for name, column in _FACETS.items():
        values = found.select(column.alias("value")).drop_nulls()
        counted = values.group_by("value").len().sort("value")
        made[name] = [[value, n] for value, n in counted.iter_rows()]
    return made


def listed(store: Store, found: pl.DataFrame, filters: Mapping[str, str | int | None], skip: int, n: int) -> Document:
    """One page of an index: `total` over all pages and `items` with the beginning of their texts. A filter that is None
    lets everything through."""
    for name, column in _FACETS.items():
        if (value := filters.get(name)) is not None:
            found = found.filter(pl.col("faults").list.contains(str(value)) if name == "fault" else column == value)
    with connection(store) as con:
        if words := filters.get("words"):
            hits = {r["reply_key"] for r in ask(con, "words", {"words": words})}
            found = found.filter(pl.col("reply_key").is_in(list(hits)))
        rows = found.slice(skip, n).to_dicts()
        texts = {r["reply_key"]: r for r in ask(con, "texts", {"replies": [r["reply_key"] for r in rows]})}
    items = [r | {k: texts[r["reply_key"]][k] for k in ("question", "text")} | {"recipe": recipe_of(r)} for r in rows]
    return {"total": found.height, "items": items}


def rationales(
    store: Store,
    questions: Sequence[str],
    replies: Sequence[str] = (),
    *,
    prompter: Prompter | None = None,
    cap: int | None = None,
) -> Document:
    """Everything about the rationales of these questions and about these replies, from the question to predictions.

    `prompter` builds a prompt again; a prompt is `prompt_checked` where it gives the reply's key, so that it is the one
    that was sent. Texts are cut to `cap` characters; `cut` is then how long the longest was.
    """
    with connection(store) as con:
        wanted = ask(con, "members", {"questions": list(questions), "replies": list(replies)})
        rows = ask(con, "rows", {"replies": [w["reply_key"] for w in wanted]})
        names = list(dict.fromkeys(r["question_key"] for r in rows))
        asked = ask(con, "questions", {"questions": names})
        cells = _cells(con, {r["cell_key"] for r in rows})
        taught = ask(con, "taught", {"rationales": [r["rationale_key"] for r in rows if r["rationale_key"]]})
        used = ask(con, "corpora")
    document: Document = {
        "questions": _questions(names, asked),
        "cells": cells,
        **_chain(used),
        "prompts": [],
        "columns": COLUMNS,
        "rows": [],
    }
    corpora: dict[str, list[str]] = {}
    for t in taught:
        corpora.setdefault(t["rationale_key"], []).append(t["corpus_hash"])
    place = {key: i for i, key in enumerate(names)}
    cell_place = {c["cell_key"]: i for i, c in enumerate(cells)}
    prompts: dict[str, int] = {}
    for r in rows:
        cell, question = cells[cell_place[r["cell_key"]]], document["questions"][place[r["question_key"]]]
        sent, checked = _prompt(r, cell, question, prompter)
        r |= {
            "question": place[r["question_key"]],
            "cell": cell_place[r["cell_key"]],
            "corpora": corpora.get(r["rationale_key"], []),
            "prompt": None if sent is None else [[m.role, prompts.setdefault(m.content, len(prompts))] for m in sent],
            "prompt_checked": checked,
            "cut": _cut(r, ("text", "reply_text", "reasoning"), cap),
            "received_at": str(r["received_at"])[:19],
            "faults": [[f["rule"], f["detail"][:400]] for f in r["faults"]],
        }
        document["rows"].append([r[c] for c in COLUMNS])
    document["prompts"] = list(prompts)
    return document


def predictions(store: Store, questions: Sequence[str], *, cap: int | None = None) -> Document:
    """What every evaluation answered to these questions."""
    with connection(store) as con:
        rows = ask(con, "predictions", {"questions": list(questions)})
        asked = ask(con, "questions", {"questions": list(questions)})
    names = list(dict.fromkeys(r["question_key"] for r in rows))
    known = evaluations(store)
    evaluation = {e["key"]: i for i, e in enumerate(known)}
    place = {key: i for i, key in enumerate(names)}
    for r in rows:
        r |= {"question": place[r["question_key"]], "evaluation": evaluation.get(r["evaluation_key"])}
        r["cut"] = _cut(r, ("text",), cap)
    kept = [[r[c] for c in PREDICTION_COLUMNS] for r in rows if r["evaluation"] is not None]
    return {
        "questions": _questions(names, asked),
        "evaluations": known,
        "columns": PREDICTION_COLUMNS,
        "rows": kept,
    }


def evaluations(store: Store) -> list[Row]:
    """Every evaluation with a label for people."""
    with connection(store) as con:
        found = ask(con, "evaluations")
    made = []
    for e in found:
        supervision = recipe_of(e) if e["run_key"] is None or e["trained_on"] else f"corpus {e['corpus']}"
        words = [e["student"], supervision, *([f"by {e['teacher']}"] if e["teacher"] else [])]
        words += [f"seed {e['seed']}"] if e["seed"] is not None else []
        made.append(
            {
                "key": e["evaluation_key"],
                "run": e["run_key"],
                "label": ", ".join(words),
                "on": f"{e['dataset']}, {e['split']} split; {e['engine']}, {decoder(e['decoder'])}",
                "corpus": e["corpus_hash"],
                "n": e["n"],
                "n_correct": e["n_correct"],
            }
        )
    return made


def pairs(store: Store, a: str, b: str, outcome: str | None, words: str | None, skip: int, n: int) -> Document:
    """One page of the questions that evaluations `a` and `b` both answered, with how many had each outcome."""
    with connection(store) as con:
        found = ask(con, "pairs", {"a": a, "b": b, "outcome": outcome, "words": words, "skip": skip, "n": n})
    counts = ("both_right", "only_a", "only_b", "both_wrong")
    items = [{k: v for k, v in r.items() if k not in (*counts, "total")} for r in found]
    tally = {k.replace("_", " "): found[0][k] for k in counts} if found else {}
    return {"total": found[0]["total"] if found else 0, "counts": tally, "items": items}


def _questions(names: Sequence[str], found: Sequence[Row]) -> list[Row]:
    """One per name, in their order; a question that is not loaded has only its key."""
    known = {r["question_key"]: r for r in found}
    return [{"key": n} | {k: v for k, v in known.get(n, {}).items() if v is not None} for n in names]


def _cells(con: duckdb.DuckDBPyConnection, wanted: set[str]) -> list[Row]:
    found = con.execute(
        "SELECT * FROM cell WHERE list_contains($keys::VARCHAR[], cell_key) ORDER BY ALL", {"keys": sorted(wanted)}
    )
    columns = [c[0] for c in found.description or ()]
    cells = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return [c | {"recipe": recipe_of(c)} for c in cells]


def _chain(used: Sequence[Row]) -> Document:
    """Corpora with their runs, and runs with their evaluations."""
    corpora: dict[str, Row] = {}
    runs: dict[str, Row] = {}
    for r in used:
        corpus = corpora.setdefault(r["corpus_hash"], {"name": r["name"], "n_rows": r["n_rows"], "runs": []})
        if r["run_key"] is None:
            continue
        if r["run_key"] not in runs:
            corpus["runs"].append(r["run_key"])
            runs[r["run_key"]] = {k: r[k] for k in ("student", "seed", "status")} | {"evaluations": []}
        if r["evaluation_key"] is not None:
            fields = ("evaluation_key", "dataset", "split", "n", "n_correct")
            runs[r["run_key"]]["evaluations"].append({k: r[k] for k in fields})
    return {"corpora": corpora, "runs": runs}


def _prompt(r: Row, cell: Row, q: Row, prompter: Prompter | None) -> tuple[Sequence[Message] | None, bool]:
    """The prompt of a bought reply as it can be built today, and whether it is the one that was sent."""
    if prompter is None or r["import_source"] is not None or "text" not in q:
        return None, False
    question = Question(
        q["dataset"], q["split"], q["text"], q["answer_kind"], q.get("gold"), tuple(q["choices"]), source=q["source"]
    )
    try:
        sent = prompter(question, Recipe(cell["level"], cell["format"], cell["gold_visible"], cell["prompt_version"]))
    except ConfigError:
        return None, False
    key = keys.reply_key(
        q["key"],
        [{"role": m.role, "content": m.content} for m in sent],
        r["teacher"],
        r["requested_model"] or "",
        temperature=r["temperature"],
        top_p=r["top_p"],
        seed=r["seed"],
        reasoning_effort=r["reasoning_effort"],
        sample_index=r["sample_index"],
        redo=r["redo"],
    )
    return (sent, True) if key == r["reply_key"] else (None, False)


def _cut(r: Row, fields: Sequence[str], cap: int | None) -> int | None:
    longest = max((len(r[f]) for f in fields if r[f]), default=0)
    if cap is None or longest <= cap:
        return None
    for f in fields:
        r[f] = r[f][:cap] if r[f] else r[f]
    return longest
