"""Auditing: rationales per second, memory, and whether ten times as many take ten times as long.

Rationales of about 800 characters, as a teacher writes them at a fine level: sums in sentences, every fiftieth with a
fault, every hundredth a near copy of an earlier one. `just bench audit` audits 100,000; COTDISTILL_BENCH_LARGE=1
adds 1,000,000.
"""

import os
import random
import resource
import tempfile
import time
from pathlib import Path

import polars as pl

from cotdistill.store.audit import audit
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.realised import PARSER_VERSION

N = 100_000
PER_CELL = 20_000
NOW = "2026-01-02T03:04:05.000000"
NAMES = [
    f"{a}{b}" for a in ("An", "Bo", "Ca", "Di", "El", "Fa", "Gi", "Ho", "Io", "Ju") for b in ("na", "ris", "la", "mo")
]
NOUNS = "eggs pens cups maps keys hats bags jars"
THINGS = [f"{a} {b}" for a in ("red", "big", "old", "new", "odd") for b in NOUNS.split(" ")]
VERBS = ["buys", "finds", "sells", "gives", "keeps", "packs", "sorts", "paints", "lends", "counts"]
WHERE = "market school garden harbour kitchen station"
PLACES = [f"{a} the {b}" for a in ("in", "near", "behind") for b in WHERE.split(" ")]


def rationale(rng: random.Random, n: int) -> str:
    """About 800 characters that lead to an answer; some with a fault."""
    total, said = rng.randrange(10, 99), []
    while sum(map(len, said)) < 720:
        more = rng.randrange(2, 60)
        name, thing, place = rng.choice(NAMES), rng.choice(THINGS), rng.choice(PLACES)
        said.append(
            f"{name} {rng.choice(VERBS)} {more} {thing} {place}, so we have {total} + {more} = {total + more} {thing}."
        )
        total += more
    if n % 100 == 17:
        said[0] += "Then"
    answer = f"The answer is {total + (n % 50 == 3)}"
    return ("" if n % 200 == 9 else " ").join(said) + f" {answer}"


def fill(store: Store, n: int) -> float:
    """A store with `n` parsed rationales in cells of PER_CELL. Returns their mean length."""
    characters = 0
    for start in range(0, n, PER_CELL):
        rng, cell = random.Random(start), f"cell-{start}"
        ids = range(start, min(start + PER_CELL, n))
        texts = [rationale(rng, i) for i in ids]
        for i in range(100, len(texts), 100):
            texts[i] = texts[i - 50] + " Indeed."
        characters += sum(map(len, texts))
        questions = [f"q{i % PER_CELL:031d}" for i in ids]
        replies = [keys.digest("bench", i) for i in ids]
        frame = pl.DataFrame({"question_key": questions, "reply_key": replies, "text": texts})
        said = [keys.rationale_key(r, PARSER_VERSION) for r in replies]
        level = start // PER_CELL % 5 + 1
        teacher = f"bench-{start // PER_CELL // 5}"
        row = {"cell_key": cell, "dataset": "bench", "teacher": teacher, "level": level, "format": "original"}
        with store.write() as con:
            store.insert(con, "cell", [row | {"gold_visible": "no", "prompt_version": "1"}])
            if start == 0:
                store.insert(con, "question", [_question(i) for i in range(min(PER_CELL, n))])
            store.insert_frame(
                con,
                "cell_member",
                frame.select("question_key", "reply_key", cell_key=pl.lit(cell), sample_index=pl.lit(0)),
            )
            store.insert_frame(
                con,
                "reply",
                frame.with_columns(
                    teacher=pl.lit(teacher),
                    status=pl.lit("ok"),
                    sample_index=pl.lit(0),
                    redo=pl.lit(0),
                    received_at=pl.lit(NOW),
                ),
            )
            parsed = frame.select(
                "reply_key", "text", rationale_key=pl.Series(said), parser_version=pl.lit(PARSER_VERSION)
            )
            counts = {f"realised_{what}": pl.lit(1) for what in ("steps", "sentences", "tokens", "equations")}
            store.insert_frame(con, "rationale", parsed.with_columns(**counts))
    return characters / n


def _question(i: int) -> dict[str, object]:
    key = f"q{i:031d}"
    text = f"How many are there in the {i}th place after all of that?"
    row = {"question_key": key, "text_key": key, "dataset": "bench", "split": "train", "text": text, "choices": []}
    return row | {"answer_kind": "number", "gold": "1", "gold_key": keys.gold_key("1"), "source": "bench"}


def _cpu_s() -> float:
    """CPU seconds of this process and of those that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def measured(folder: Path, n: int) -> tuple[float, float]:
    """Wall and CPU seconds that auditing `n` rationales takes; prints what it found."""
    store = Store.open(folder / f"{n}.duckdb")
    length = fill(store, n)
    parts: dict[str, float] = {}
    started = last = time.perf_counter()
    cpu = _cpu_s()

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        parts[what] = parts.get(what, 0.0) + time.perf_counter() - last
        last = time.perf_counter()

    done = audit(store, progress=progress)
    wall, cpu = time.perf_counter() - started, _cpu_s() - cpu
    again = time.perf_counter()
    audit(store)
    again = time.perf_counter() - again
    with store.read() as con:
        found = dict(con.execute("SELECT rule, count(*) FROM fault_now GROUP BY rule ORDER BY rule").fetchall())
        expected = con.execute("SELECT count(*) FROM audit_now").fetchone()
    if (done.read, done.compared, expected) != (n, n, (n,)):
        raise SystemExit(f"the benchmark audited {done} of {n}")
    peak = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"{n:,} rationales of {length:.0f} characters: {wall:.1f} s, {n / wall:,.0f}/s; {cpu:.1f} s of CPU")
    print(
        "  of it " + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in parts.items()) + f"; again: {again:.2f} s"
    )
    print(f"  peak memory so far: {peak[0]:.0f} MB, second process {peak[1]:.0f} MB; faults: {found}")
    return wall, cpu


def main() -> None:
    sizes = [N // 10, N, *([10 * N] if os.environ.get("COTDISTILL_BENCH_LARGE") else [])]
    with tempfile.TemporaryDirectory() as folder:
        took = [measured(Path(folder), n) for n in sizes]
    for i in range(1, len(sizes)):
        wall, cpu = (took[i][part] / took[i - 1][part] for part in (0, 1))
        print(f"ten times as many ({sizes[i]:,}): {wall:.1f} x the time, {cpu:.1f} x the CPU")


if __name__ == "__main__":
    main()
