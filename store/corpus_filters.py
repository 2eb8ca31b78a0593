"""The rules that choose a row by what it says: faults, contaminated questions, near duplicates; and its texts."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..errors import ConfigError
from ..tasks.faults import RULES as FAULTS
from ..tasks.near_duplicates import near_duplicates
from ..tasks.values import Question
from .audit import audit
from .copies import LEVEL, NEAR
from .corpus_rows import Selection
from .corpus_rules import Decontaminate, NearDuplicates
from .decontaminate import contaminated
from .frames import Stream
from .store import Store

SQL = Path(__file__).parent / "sql"
STATUSES = ("empty", "truncated", "malformed", "refused", "filtered", "bad-request", "exact-duplicate")
_CHUNK = 200_000  # texts held at once; a chunk costs one scan of all rationales


def texts(store: Store, rationale_keys: pl.Series) -> Iterator[str]:
    """The texts of these rationales, in order; the store is held for a chunk at a time."""
    sql = (SQL / "corpus_texts.sql").read_text()
    for start in range(0, len(rationale_keys), _CHUNK):
        part = rationale_keys.slice(start, _CHUNK)
        wanted = pl.DataFrame({"position": range(len(part)), "rationale_key": part})
        with store.read() as con:
            con.register("wanted", Stream(wanted))
            found = con.execute(sql).fetchall()
            con.unregister("wanted")
        yield from (row[0] for row in found)


def questions(store: Store, question_keys: pl.Series) -> dict[str, Question]:
    """The questions of these keys, in the order of keys."""
    with store.read() as con:
        con.register("wanted", Stream(pl.DataFrame({"question_key": question_keys.unique().sort()})))
        rows = con.execute((SQL / "corpus_questions.sql").read_text()).fetchall()
        con.unregister("wanted")
    return {
        key: Question(dataset, split, text, kind, gold, tuple(choices))
        for key, dataset, split, text, choices, kind, gold in rows
    }


def held_out(store: Store) -> tuple[list[str], list[str]]:
    """(keys, texts) of every question of every loaded split that is not train, in the order of keys."""
    with store.read() as con:
        rows = con.execute(
            "SELECT question_key, text FROM question WHERE split <> 'train' ORDER BY question_key"
        ).fetchall()
    return [row[0] for row in rows], [row[1] for row in rows]


def exclude_faults(store: Store, chosen: Selection, rules: tuple[str, ...]) -> None:
    """Leave out rationales with one of these faults, auditing first what was not. ConfigError: a rule nobody knows."""
    known = (*FAULTS, *STATUSES, "wrong-answer", "in-test-split", NEAR, LEVEL)
    if unknown := sorted(set(rules) - {"all", *known}):
        raise ConfigError(f"no fault is called {unknown[0]!r}. Known: all, {', '.join(known)}. Next: cotdistill audit")
    rows = chosen.rows
    audit(store, datasets=rows["dataset"].unique().sort().to_list(), teachers=rows["teacher"].unique().sort().to_list())
    with store.read() as con:
        con.register("candidate", Stream(chosen.rows.select("reply_key", "rationale_key")))
        found = con.execute(
            (SQL / "corpus_faults.sql").read_text(), {"rules": list(rules), "all": "all" in rules}
        ).fetchall()
        con.unregister("candidate")
    columns = {"rationale_key": pl.String, "rule": pl.String, "detail": pl.String}
    chosen.keep_unless(pl.DataFrame(found, schema=columns, orient="row"), "rationale_key")


def decontaminate(store: Store, chosen: Selection, rule: Decontaminate) -> None:
    """Leave out every row of a question that is too near to a held-out one."""
    asked = questions(store, chosen.rows["question_key"])
    other_keys, others = held_out(store)
    keys = list(asked)
    found = contaminated((q.text for q in asked.values()), others, rule.thresholds())
    schema = {"question_key": pl.String, "rule": pl.String, "match_question_key": pl.String, "similarity": pl.Float64}
    rows = [(keys[hit.train], hit.rule, other_keys[hit.held_out], hit.similarity) for hit in found]
    chosen.keep_unless(pl.DataFrame(rows, schema=schema, orient="row"), "question_key")


def drop_near_duplicates(store: Store, chosen: Selection, rule: NearDuplicates) -> None:
    """Of the rows of one cell that are nearly the same text, keep the first."""
    parts = []
    for cell in chosen.rows["cell_key"].unique().sort():  # one at a time: no more texts in memory than a cell has
        rows = chosen.rows.filter(pl.col("cell_key") == cell)
        found = near_duplicates(list(texts(store, rows["rationale_key"])), threshold=rule.threshold)
        hits = [(i, hit.of, hit.similarity) for i, hit in enumerate(found) if hit is not None]
        schema = {"row": pl.UInt32, "of": pl.UInt32, "similarity": pl.Float64}
        hit = pl.DataFrame(hits, schema=schema, orient="row")
        kept = rows[hit["of"]]
        parts.append(
            rows[hit["row"]].select("cell_key", "reply_key").with_columns(
                rule=pl.lit("near duplicate"),
                match_question_key=kept["question_key"],
                match_reply_key=kept["reply_key"],
                similarity=hit["similarity"],
            )
        )  # fmt: skip
    if parts:
        chosen.keep_unless(pl.concat(parts), ["cell_key", "reply_key"])
