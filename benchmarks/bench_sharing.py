"""A large store: rows a second in and out, bytes a rationale, peak memory. COTDISTILL_BENCH_ROWS: how many (200,000).

What docs/scale.md reckons with. Every step is a process of its own, so that its peak is its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from peak import peak_mb

N = int(os.environ.get("COTDISTILL_BENCH_ROWS", "200000"))
BATCH = 100_000
SPOOLED = 20_000
WORDS = ("first", "we", "add", "what", "was", "left", "so", "there", "are", "apples", "then", "twice", "and", "half")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("COTDISTILL_BENCH_DIR")) as folder:
        characters = batch(0, 1000)["rationale"]["text"].str.len_chars().mean()
        print(f"{N:,} rationales (reply, attempt, member, rationale, verdict each), of {characters:.0f} characters")
        for step in (step.__name__ for step in STEPS):
            done = subprocess.run([sys.executable, __file__, step, folder], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{step} failed: {done.stderr}")
            print(done.stdout, end="", flush=True)
        size = (Path(folder) / "a.duckdb").stat().st_size
        files = sum(p.stat().st_size for p in (Path(folder) / "out").rglob("*.parquet"))
        print(f"DuckDB file: {size / N:,.0f} bytes a rationale; Parquet: {files / N:,.0f}; {size / files:.1f} x")


def fill(folder: Path) -> None:
    """The rows in batches, as an import writes them."""
    from cotdistill.store.store import Store

    store = Store.open(folder / "a.duckdb")
    for start in range(0, N, BATCH):
        with store.write() as con:
            for table, frame in batch(start, min(BATCH, N - start)).items():
                store.insert_frame(con, table, frame)


def batch(start: int, n: int) -> dict[str, pl.DataFrame]:
    """Rows `start` to `start + n` of every table, with texts that do not repeat."""
    generator = pl.Series("i", range(start, start + n))
    keys = (generator.cast(pl.UInt64) * 0x9E3779B97F4A7C15).hash(seed=1)
    hexed = pl.Series([f"{k:016x}{i:016x}" for k, i in zip(keys, generator, strict=True)])
    texts = [
        " ".join(
            f"{WORDS[(k >> s) % len(WORDS)]} {(k >> s) % 97} +" if s % 3 else WORDS[(k >> s) % 14] for s in range(60)
        )
        + f" The answer is {k % 1000}"
        for k in keys
    ]
    base = pl.DataFrame({"k": hexed, "text": texts, "i": generator})
    at = pl.lit("2026-01-01T00:00:00.000000")
    teacher = (pl.col("i") % 4).cast(pl.String).str.replace("^", "teacher-")
    question = base.select(
        question_key="k", text_key="k", dataset=(pl.col("i") % 7).cast(pl.String).str.replace("^", "set-"),
        split=pl.lit("train"), text=pl.col("text").str.head(120), choices=pl.lit(pl.Series([[""]])).first(),
        answer_kind=pl.lit("number"), gold=pl.lit("4"), gold_key=pl.lit("g"), source=pl.lit("bench"),
    )  # fmt: skip
    reply = base.select(
        reply_key="k", question_key="k", teacher=teacher, status=pl.lit("ok"), text="text", sample_index=0, redo=0,
        received_at=at, prompt_tokens=300, completion_tokens=150,
    )  # fmt: skip
    return {
        "question": question,
        "reply": reply,
        "attempt": base.select(
            attempt_key="k", reply_key="k", teacher=teacher, provider=pl.lit("bench"), model=pl.lit("bench"),
            started_at=at, finished_at=at, status=pl.lit("ok"), usd=0.001, usd_basis=pl.lit("usage"),
        ),
        "cell_member": base.select(cell_key=pl.lit("cell"), question_key="k", sample_index=0, reply_key="k", redo=0),
        "rationale": base.select(
            rationale_key="k", reply_key="k", parser_version=pl.lit("1"), text="text", realised_steps=4,
            realised_sentences=4, realised_tokens=120, realised_equations=3,
        ),
        "verdict": base.select(
            rationale_key="k", rule_version=pl.lit("1"), gold_key=pl.lit("g"), status=pl.lit("correct"),
            answer=pl.lit("4"), rule=pl.lit("announced"), judged_at=at,
        ),
    }  # fmt: skip


def ingest_again(folder: Path) -> None:
    """Spool and ingest more replies with their attempts, as a harvest does, into the store as it is now."""
    from cotdistill.store.ingest import ingest
    from cotdistill.store.spool import SpoolWriter
    from cotdistill.store.store import Store

    store = Store.open(folder / "a.duckdb")
    frames = batch(N, SPOOLED)
    rows = list(zip(frames["reply"].to_dicts(), frames["attempt"].to_dicts(), strict=True))
    started = time.perf_counter()
    with SpoolWriter(store.spool_dir, "bench") as spool:
        for i, (reply, attempt) in enumerate(rows):
            spool.append_all([("reply", reply), ("attempt", attempt)])
            if i % 1000 == 999:
                spool.rotate()
    spooled = time.perf_counter() - started
    size = sum(p.stat().st_size for p in store.spool_dir.glob("*.jsonl"))
    started = time.perf_counter()
    done = ingest(store, store.spool_dir)
    took = time.perf_counter() - started
    if done.new != 2 * SPOOLED:
        raise SystemExit(f"ingested {done.new}")
    print(f"spool: {SPOOLED / spooled:,.0f} replies/s, {size / SPOOLED:,.0f} bytes a reply")
    print(f"ingest, 1,000 replies a commit, beside {N:,}: {SPOOLED / took:,.0f} replies/s", end="")


def backup(folder: Path) -> None:
    from cotdistill.store.backup import backup as copy
    from cotdistill.store.store import Store

    copy(Store.open(folder / "a.duckdb"), folder / "copy.duckdb")
    (folder / "copy.duckdb").unlink()


def check(folder: Path) -> None:
    from cotdistill.store.check import check as look
    from cotdistill.store.store import Store

    look(Store.open(folder / "a.duckdb"))


def vacuum(folder: Path) -> None:
    from cotdistill.store.store import Store
    from cotdistill.store.vacuum import vacuum as compact

    compact(Store.open(folder / "a.duckdb"))


def export(folder: Path) -> None:
    from cotdistill.store.parquet_out import export_store
    from cotdistill.store.store import Store

    export_store(Store.open(folder / "a.duckdb"), folder / "out")


def import_new(folder: Path) -> None:
    from cotdistill.store.parquet_in import import_folder, open_folder
    from cotdistill.store.store import Store

    done = import_folder(Store.open(folder / "b.duckdb"), open_folder(folder / "out"))
    if {one.table: one.new for one in done}["rationale"] != N:
        raise SystemExit("not all was imported")


def import_twice(folder: Path) -> None:
    from cotdistill.store.parquet_in import import_folder, open_folder
    from cotdistill.store.store import Store

    if sum(one.new for one in import_folder(Store.open(folder / "b.duckdb"), open_folder(folder / "out"))):
        raise SystemExit("a second import added rows")


def _step(name: str, folder: Path) -> None:
    started = time.perf_counter()
    {step.__name__: step for step in STEPS}[name](folder)
    took = time.perf_counter() - started
    peak = peak_mb()
    if name == "ingest_again":
        print(f"; peak {peak:,.0f} MB")
    else:
        print(f"{name}: {took:,.1f} s, {N / took:,.0f} rationales/s, peak {peak:,.0f} MB")


STEPS = (fill, ingest_again, backup, check, vacuum, export, import_new, import_twice)

if __name__ == "__main__":
    if len(sys.argv) == 3:
        _step(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
