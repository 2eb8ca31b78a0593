"""The implicit corpus of one cell recorded without holding it: for exports, where its rows may be a million.

The same choice, hash and manifest as corpora.implicit_corpus, which is for whoever trains on the rows at once.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from ..tasks import keys
from ..tasks.render import prompt_text
from .cells import Cell
from .corpora import Asked, RationaleKind, implicit_manifest, implicit_name, nothing_left
from .export_rows import BATCH, MEMORY, Recorded
from .spool import utc_now
from .store import Store, as_json

SQL = Path(__file__).parent / "sql"


def record_implicit(
    store: Store, cell: Cell, *, any_verdict: bool = False, rationale: RationaleKind = "visible"
) -> Recorded:
    """Choose and record the corpus of `cell` as corpora.implicit_corpus does. ConfigError when nothing is left."""
    fates: Counter[str] = Counter()
    members: list[pl.DataFrame] = []
    with store.read() as con:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        rows = con.sql(
            (SQL / "cell_fates.sql").read_text(),
            params={
                "cell": cell.key,
                "any_verdict": any_verdict,
                "reasoned": rationale == "reasoning",
                **Asked().params(),
            },
        )
        corpus_hash = keys.corpus_hash(_pairs(rows, fates, members))
    left_out = {fate: n for fate, n in sorted(fates.items()) if fate != "kept"}
    chosen = pl.concat(members)
    if chosen.is_empty():
        raise nothing_left(cell, left_out)
    manifest = implicit_manifest(
        cell,
        n_questions=chosen["question_key"].n_unique(),
        n_rows=chosen.height,
        left_out=left_out,
        any_verdict=any_verdict,
        rationale=rationale,
    )
    made = Recorded(corpus_hash, implicit_name(cell, rationale), left_out, manifest)
    _record(store, made, cell, chosen)
    return made


def _pairs(
    rows: duckdb.DuckDBPyRelation, fates: Counter[str], members: list[pl.DataFrame]
) -> Iterator[tuple[str, str, str]]:
    """(prompt, completion, split) of every row that is kept; counts all fates and collects the keys as it goes."""
    members.append(pl.DataFrame(schema={"question_key": pl.String, "rationale_key": pl.String}))
    for batch in rows.to_arrow_reader(BATCH):
        frame = pl.DataFrame(batch)
        fates.update(dict(frame.group_by("fate").len().iter_rows()))
        kept = frame.filter(pl.col("fate") == "kept")
        members.append(kept.select("question_key", "rationale_key"))
        for text, choices, completion in kept.select("text", "choices", "completion").iter_rows():
            yield prompt_text(text, choices), completion, "train"


def _record(store: Store, made: Recorded, cell: Cell, chosen: pl.DataFrame) -> None:
    with store.read() as con:
        if con.execute("SELECT 1 FROM corpus WHERE corpus_hash = ?", [made.corpus_hash]).fetchone():
            return
    row = {"corpus_hash": made.corpus_hash, "name": made.name, "cell_key": cell.key, "n_rows": chosen.height}
    members = chosen.with_row_index("position").with_columns(
        pl.lit(made.corpus_hash).alias("corpus_hash"), pl.lit("train").alias("split")
    )
    with store.write() as con:
        store.insert(con, "corpus", [row | {"manifest": as_json(made.manifest), "created_at": utc_now()}])
        store.insert_frame(con, "corpus_member", members)
