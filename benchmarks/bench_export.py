"""`cotdistill export` of a stored corpus, each format by a process of its own: 100,000 rationales of about 800
characters and 1,000,000 (BENCH_EXPORT_N). Wall time and peak memory are of the whole command, card and manifest
included; beside them, what the disk takes: the same bytes written and synced."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from cotdistill.store.cells import Cell
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.grading import RULE_VERSION
from cotdistill.tasks.realised import PARSER_VERSION
from cotdistill.tasks.values import Recipe

SIZES = (100_000, int(os.environ.get("BENCH_EXPORT_N", "1000000")))
FORMATS = ("alpaca", "sharegpt", "chat", "prompt-completion", "parquet")
GOAL_S, GOAL_MB = 5.0, 2_000
BATCH = 50_000
WORDS = [
    "we",
    "add",
    "what",
    "came",
    "to",
    "the",
    "boxes",
    "that",
    "were",
    "there",
    "before",
    "and",
    "count",
    "them",
    "again",
    "until",
    "nothing",
    "is",
    "left",
    "over",
]
CELL = Cell("own", "bench", Recipe(3, "original", "no", "1"))
# Runs the command in its own process and says what it took.
MEASURE = f"""
import json, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
started = time.perf_counter()
from cotdistill.cli import app
app(sys.argv[1:], standalone_mode=False)
from peak import peak_mb
took = {{"wall_s": time.perf_counter() - started, "cpu_s": time.process_time(), "peak_mb": peak_mb()}}
print(json.dumps(took), file=sys.stderr)
"""


def main() -> None:
    walls: dict[int, dict[str, float]] = {}
    for n in SIZES:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "bench.duckdb"
            corpus = fill(path, n)
            print(f"{n:,} rationales, store of {path.stat().st_size / 1e6:,.0f} MB", flush=True)
            walls[n], most = {}, 0.0
            for format in FORMATS:
                out = Path(name) / format
                took = measure(path, corpus, format, out)
                mb = check(out, n, format)
                walls[n][format], most = took["wall_s"], max(most, mb)
                print(
                    f"  {format}: {took['wall_s']:.2f} s (CPU {took['cpu_s']:.2f}), peak {took['peak_mb']:,.0f} MB, "
                    f"{mb:,.0f} MB written, {n / took['wall_s']:,.0f} rows/s",
                    flush=True,
                )
            print(f"  the disk alone: {disk(out, most):.2f} s for {most:,.0f} MB", flush=True)
            if n == SIZES[0]:
                print(f"  goal: {GOAL_S:.0f} s and {GOAL_MB:,} MB a format")
    small, large = SIZES
    ratios = ", ".join(f"{f} {walls[large][f] / walls[small][f]:.1f}" for f in FORMATS)
    print(f"{large / small:.0f} x the rows take x the time: {ratios}")


def fill(path: Path, n: int) -> str:
    """A store with one cell of n judged rationales and a corpus of all of them, in an order of its own."""
    store = Store.open(path)
    rng = random.Random(0)
    corpus = keys.digest("bench", n)
    with store.write() as con:
        store.insert(con, "cell", [CELL.row()])
        row = {"corpus_hash": corpus, "name": "bench", "cell_key": CELL.key, "n_rows": n, "manifest": "{}"}
        store.insert(con, "corpus", [row | {"created_at": "2026-01-01T00:00:00"}])
    for start in range(0, n, BATCH):
        write(store, range(start, min(n, start + BATCH)), rng)
    order = list(range(n))
    rng.shuffle(order)
    members = pl.DataFrame({"position": range(n), "key": [f"{i:032x}" for i in order]}).select(
        "position",
        pl.lit(corpus).alias("corpus_hash"),
        pl.col("key").alias("rationale_key"),
        pl.col("key").alias("question_key"),
        pl.when(pl.col("position") % 20 == 0).then(pl.lit("validation")).otherwise(pl.lit("train")).alias("split"),
    )
    with store.write() as con:
        store.insert_frame(con, "corpus_member", members)
    return corpus


def write(store: Store, ids: range, rng: random.Random) -> None:
    key = [f"{i:032x}" for i in ids]
    gold = [str(i + 1) for i in ids]
    text = [
        f"First, {i}.\n{' '.join(rng.choices(WORDS, k=160))}: {i} + 1 = {i + 1}.\nThe answer is {i + 1}" for i in ids
    ]
    asked = [f"  What is {i} and one? {' '.join(rng.choices(WORDS, k=30))} " for i in ids]
    now = pl.lit("2026-01-01T00:00:00").str.to_datetime()
    frame = pl.DataFrame({"key": key, "gold": gold, "text": text, "asked": asked, "gold_key": map(keys.gold_key, gold)})
    k = pl.col("key")

    def table(**columns: pl.Expr | str | int) -> pl.DataFrame:
        return frame.select(**{n: c if isinstance(c, pl.Expr) else pl.lit(c) for n, c in columns.items()})

    with store.write() as con:
        none = pl.lit([], dtype=pl.List(pl.String))
        question = table(question_key=k, text_key=k, dataset="own", split="train", text=pl.col("asked"), choices=none)
        judged = {"gold": pl.col("gold"), "gold_key": pl.col("gold_key")}
        store.insert_frame(
            con,
            "question",
            pl.concat([question, table(answer_kind="number", source="bench", **judged)], how="horizontal"),
        )
        reply = table(reply_key=k, question_key=k, teacher="bench", status="ok", text=pl.col("text"), redo=0)
        store.insert_frame(con, "reply", reply.with_columns(sample_index=0, received_at=now))
        member = table(cell_key=CELL.key, question_key=k, sample_index=0, reply_key=k)
        store.insert_frame(con, "cell_member", member)
        counts = {f"realised_{what}": pl.lit(3) for what in ("steps", "sentences", "equations")}
        parsed = table(rationale_key=k, reply_key=k, parser_version=PARSER_VERSION, text=pl.col("text"), **counts)
        store.insert_frame(con, "rationale", parsed.with_columns(realised_tokens=170))
        verdict = table(rationale_key=k, rule_version=RULE_VERSION, gold_key=pl.col("gold_key"), status="correct")
        store.insert_frame(con, "verdict", verdict.with_columns(rule=pl.lit("answer-is"), judged_at=now))


def measure(path: Path, corpus: str, format: str, out: Path) -> dict[str, float]:
    words = ["export", "--store", path, "--corpus", corpus, "--to", format, "--out", out, "--json"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    said = [line for line in done.stderr.splitlines() if line.startswith('{"wall_s"')]
    return dict(json.loads(said[-1]))


def check(out: Path, n: int, format: str) -> float:
    """MB written; the benchmark fails where a row is missing."""
    files = json.loads((out / "manifest.json").read_text())["files"]
    found = 0
    for name in files:
        if format == "parquet":
            found += pl.scan_parquet(out / name).select(pl.len()).collect().item()
        else:
            with (out / name).open("rb") as file:
                found += sum(line.startswith((b"{", b",{")) for line in file)
    if found != n:
        raise SystemExit(f"{format}: {found:,} of {n:,} rows")
    return sum(entry["n_bytes"] for entry in files.values()) / 1e6


def disk(folder: Path, mb: float) -> float:
    """Seconds to write and sync so many MB."""
    block = os.urandom(1 << 20)
    started = time.perf_counter()
    with (folder / "floor").open("wb") as file:
        for _ in range(round(mb * 1e6 / len(block))):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
