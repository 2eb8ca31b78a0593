"""Measuring what is new: metrics of every rationale, of every question with several, and of every cell and corpus.

Stored with their version and with the hash of the texts they are of, so that a second call measures nothing. The
store is held only to fetch and to write, not while measuring.
"""

import random
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from ..store.spool import utc_now
from ..store.store import Store
from ..tasks import keys
from . import metrics, paths
from .answers import Row, load

METRIC_VERSION = "1"
BUDGETS = (0, 10_000)  # words; 0: all texts
N_SELF_BLEU = 100
N_VENDI = 300
_BATCH = 5_000
_SEED = 0
Progress = Callable[[str, int], None]


def measure(store: Store, progress: Progress | None = None) -> dict[str, int]:
    """Measure what has no metrics by METRIC_VERSION. Returns how many rationales, questions and groups were measured.

    `progress(what, done)` is called after each batch. A handle that only reads measures nothing.
    """
    told = progress or (lambda what, done: None)
    done = {"rationales": 0, "questions": 0, "groups": 0}
    if store.read_only:
        return done
    fetch: list[tuple[str, str, Callable[[Row], Row]]] = [
        ("rationales", "rationale_metric", of_rationale),
        ("questions", "question_metric", of_question),
    ]
    for what, table, one in fetch:
        while batch := _asked(store, f"unmeasured_{what}", {"version": METRIC_VERSION, "batch": _BATCH}):
            _write(store, table, [one(row) | {"metric_version": METRIC_VERSION} for row in batch])
            done[what] += len(batch)
            told(what, done[what])
    for group in _asked(store, "unmeasured_groups", {"version": METRIC_VERSION, "budgets": list(BUDGETS)}):
        which = {k: group[k] for k in ("kind", "group_key")}
        held = _asked(store, "group_texts", which | {"version": METRIC_VERSION})
        texts, plans = [row["text"] for row in held], [row["plan_hash"] for row in held]
        same = which | {
            "members_hash": group["members_hash"],
            "metric_version": METRIC_VERSION,
            "measured_at": utc_now(),
        }
        _write(store, "corpus_metric", [same | of_texts(texts, plans, budget) for budget in group["budgets"]])
        done["groups"] += 1
        told("groups", done["groups"])
    return done


def of_rationale(row: Row) -> Row:
    """The metrics of one rationale."""
    found = paths.equations(row["text"])
    return {
        "rationale_key": row["rationale_key"],
        "n_words": len(metrics.words(row["text"])),
        "n_equations": len(found),
        "n_numbers": len(paths.intermediate(found)),
        "path_hash": keys.digest("path", paths.path(found)) if found else None,
        "plan_hash": keys.digest("plan", *paths.plan(found)) if found else None,
    }


def of_question(row: Row) -> Row:
    """The metrics of several rationales of one question."""
    tokens = [metrics.words(text) for text in row["texts"]]
    pairs = [metrics.pair_distance(a, b) for a, b in combinations(tokens, 2)]
    return {k: row[k] for k in ("kind", "group_key", "question_key", "members_hash")} | {
        "n_rationales": len(tokens),
        "n_with_path": len(row["paths"] or []),
        "n_paths": len(set(row["paths"] or [])),
        "mean_distance": sum(pairs) / len(pairs),
        "agreement": metrics.agreement(row["answers"] or []),
    }


def of_texts(texts: Sequence[str], plans: Sequence[str | None], budget_words: int) -> Row:
    """The metrics of many texts, with their plans: of all, or of the first that fill a budget of words."""
    encoded = metrics.encode(texts)
    if budget_words:
        texts = texts[: metrics.within_budget(encoded.lengths.tolist(), budget_words)]
        n_words = int(encoded.lengths[: len(texts)].sum())
        encoded = metrics.Encoded(encoded.ids[:n_words], encoded.lengths[: len(texts)])
    made = [plan for plan in plans[: len(texts)] if plan is not None]
    for_bleu, for_vendi = _drawn(texts, N_SELF_BLEU), _drawn(texts, N_VENDI)
    return {
        "budget_words": budget_words,
        "n_texts": len(texts),
        "n_words": int(encoded.lengths.sum()),
        "compression_ratio": metrics.compression_ratio(texts),
        **{f"distinct_{n}": metrics.distinct(encoded, n) for n in (1, 2, 3)},
        "self_repetition": metrics.self_repetition(encoded),
        "self_bleu": metrics.self_bleu(for_bleu),
        "n_self_bleu": len(for_bleu),
        "vendi": metrics.vendi(for_vendi),
        "n_vendi": len(for_vendi),
        "n_plans": len(set(made)),
        "n_with_plan": len(made),
    }


def _drawn(texts: Sequence[str], n: int) -> Sequence[str]:
    return texts if len(texts) <= n else random.Random(_SEED).sample(texts, n)


def _asked(store: Store, name: str, params: dict[str, Any]) -> list[Row]:
    with store.read() as con:
        result = con.execute(load(name).sql, params)
        columns = [c[0] for c in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _write(store: Store, table: str, rows: Sequence[Row]) -> None:
    with store.write() as con:
        store.insert(con, table, rows)
