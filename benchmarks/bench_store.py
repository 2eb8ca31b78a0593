"""Rows per second through the store: ingest of spooled replies, parsing, judging; beside a bare batch insert."""

import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

from cotdistill.store.ingest import ingest
from cotdistill.store.judge import judge
from cotdistill.store.questions import add_questions
from cotdistill.store.spool import SpoolWriter, utc_now
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

N = 20_000
ROTATE_EVERY = 1_000
TEXT = "We add what came to what was there: 4 + 16 = 20. " * 15 + "The answer is 20."


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        floor = bare_insert(Path(folder) / "bare.duckdb")
        store = Store.open(Path(folder) / "bench.duckdb")
        questions = arith.questions("train", N)
        add_questions(store, questions)
        now = utc_now()
        started = time.perf_counter()
        with SpoolWriter(store.spool_dir, "bench") as spool:
            for i, question in enumerate(questions):
                row = {"reply_key": f"{i:032x}", "question_key": question.key, "teacher": "bench", "status": "ok"}
                spool.append("reply", row | {"text": TEXT, "sample_index": 0, "redo": 0, "received_at": now})
                if i % ROTATE_EVERY == ROTATE_EVERY - 1:
                    spool.rotate()
        spooled = N / (time.perf_counter() - started)
        started = time.perf_counter()
        ingest(store, store.spool_dir)
        ingested = N / (time.perf_counter() - started)
        started = time.perf_counter()
        parsed, judged = judge(store)
        rate = N / (time.perf_counter() - started)
    if (parsed, judged) != (N, N):
        raise SystemExit(f"the benchmark judged {judged} of {N}")
    print(f"spool: {spooled:,.0f} rows/s of {len(TEXT)} characters")
    print(f"ingest in segments of {ROTATE_EVERY:,}: {ingested:,.0f} rows/s, {ingested / floor:.2f} x one bare insert")
    print(f"parse and judge: {rate:,.0f} rationales/s")


def bare_insert(path: Path) -> float:
    """Rows per second of one insert of all rows from a polars frame."""
    frame = pl.DataFrame({"k": [f"{i:032x}" for i in range(N)], "t": [TEXT] * N})
    con = duckdb.connect(str(path))
    con.execute("CREATE TABLE r (k VARCHAR PRIMARY KEY, t VARCHAR)")
    con.register("frame", frame)
    started = time.perf_counter()
    con.execute("INSERT INTO r SELECT * FROM frame")
    con.execute("CHECKPOINT")
    rate = N / (time.perf_counter() - started)
    con.close()
    return rate


if __name__ == "__main__":
    main()
