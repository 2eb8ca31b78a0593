"""`corpus create` at scale: common block, equal tokens, near duplicates, decontamination against 10,000 questions.

100,000 rationales of about 800 characters (25,000 questions at four levels), then ten times as many: seconds by stage
and peak memory of a process of its own, and the ratio of the two. What was planted must be found: nearly repeated
rationales, and training questions that differ from a held-out one in their numbers alone.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from peak import peak_mb

from cotdistill.store.cells import Cell
from cotdistill.store.corpus_create import create_corpora
from cotdistill.store.corpus_rules import Rules
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.grading import RULE_VERSION
from cotdistill.tasks.realised import PARSER_VERSION, count_tokens
from cotdistill.tasks.values import Question, Recipe

LEVELS = (1, 2, 3, 4)
N_HELD_OUT = 10_000
PLANTED = 100  # one question in so many is nearly a held-out one, one rationale in so many repeats the one before
CHARACTERS = 800
NOW = "2026-01-01T00:00:00.000000"
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il", "or", "us")]
RULES = Rules.model_validate(
    {"common": True, "equal": {}, "near_duplicates": {}, "decontaminate": {}, "validation": {"share": 0.05}}
)


def main(sizes: tuple[int, ...] = (100_000, 1_000_000)) -> None:
    found = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bench.duckdb"
            planted = build(path, n)
            done = subprocess.run([sys.executable, __file__, str(path)], capture_output=True, text=True, check=True)
            one = json.loads(done.stdout.splitlines()[-1])
            check(one, planted)
            found.append((one["seconds"], one["cpu_s"]))
            stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in one["stages"])
            print(
                f"{n:,} rationales, {one['members']:,} chosen for {len(LEVELS)} corpora: {one['seconds']:.1f} s "
                f"({stages}), {one['cpu_s']:.1f} s of CPU; "
                f"peak {one['peak_mb']:,.0f} MB, {one['mb_at_start']:.0f} before"
            )
    for n, (seconds, cpu_s) in zip(sizes[1:], found[1:], strict=True):
        print(
            f"{n // sizes[0]} x the rows: {seconds / found[0][0]:.1f} x the time, {cpu_s / found[0][1]:.1f} x the CPU"
        )


def measure(path: Path) -> None:
    """In a process of its own: make the corpora once, and print what it took."""
    store = Store.open(path)
    at_start = peak_mb()
    times: list[tuple[str, float]] = []
    started, cpu = time.perf_counter(), time.process_time()
    made = create_corpora(
        store, "bench", RULES, progress=lambda stage: times.append((stage, time.perf_counter() - started))
    )
    seconds = time.perf_counter() - started
    ends = [at for _, at in times[1:]] + [seconds]
    result = {
        "seconds": seconds,
        "cpu_s": time.process_time() - cpu,
        "stages": [(name, end - at) for (name, at), end in zip(times, ends, strict=True)],
        "peak_mb": peak_mb(),
        "mb_at_start": at_start,
        "members": sum(one.n_rows for one in made),
        "tokens": [one.tokens for one in made],
        "left_out": {},
    }
    with store.read() as con:
        result["left_out"] = dict(con.execute("SELECT rule, count(*) FROM corpus_left_out GROUP BY rule").fetchall())
    print(json.dumps(result))


def check(found: dict[str, object], planted: dict[str, int]) -> None:
    """What was planted was found, and equal is equal."""
    left_out: dict[str, int] = found["left_out"]  # type: ignore[assignment]
    for rule, n in planted.items():
        if left_out.get(rule) != n:
            raise SystemExit(f"{rule}: {left_out.get(rule)} rows left out, {n} planted")
    tokens: list[int] = found["tokens"]  # type: ignore[assignment]
    if max(tokens) - min(tokens) > 400:  # no rationale here is longer
        raise SystemExit(f"tokens are not equal: {tokens}")


def build(path: Path, n: int) -> dict[str, int]:
    """A store of n judged rationales; returns how many rows each rule should leave out."""
    store, rng = Store.open(path), random.Random(7)
    vocabulary = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in range(8_000)]
    held_out = [Question("bench", "test", sentence(rng, vocabulary, 35), "number", "1") for _ in range(N_HELD_OUT)]
    n_questions = n // len(LEVELS)
    train = []
    for i in range(n_questions):
        if i % PLANTED == 0:
            text = " ".join("9" + w if w.isdigit() else w for w in held_out[i % N_HELD_OUT].text.split()) + " 1"
        else:
            text = sentence(rng, vocabulary, 35)
        train.append(Question("bench", "train", text, "number", "1"))
    with store.write() as con:
        for part in (held_out, train):
            store.insert_frame(con, "question", _questions(part))
    by_key = sorted(q.key for q in train)  # a corpus's order: what is repeated is the row before
    gone = {q.key for q in train[::PLANTED]}
    repeated = 0
    for level in LEVELS:
        cell = Cell("bench", "bench", Recipe(level, "original", "no", "1"))
        texts: list[str] = []
        for i in range(n_questions):
            if i % PLANTED == PLANTED - 1 and not gone & {by_key[i - 1], by_key[i]}:
                texts.append(texts[-1] + " And so on.")
                repeated += 1
            else:
                texts.append(sentence(rng, vocabulary, CHARACTERS // 7 + 4 * level) + " The answer is 1")
        _cell(store, cell, by_key, texts)
    return {"same-template": len(gone) * len(LEVELS), "near duplicate": repeated}


def sentence(rng: random.Random, vocabulary: list[str], n_words: int) -> str:
    words = rng.choices(vocabulary, k=n_words)
    for i in range(3, n_words, 9):
        words[i] = str(rng.randint(2, 99))
    return " ".join(words)


def _questions(questions: list[Question]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "question_key": [q.key for q in questions],
            "text_key": [q.text_key for q in questions],
            "text": [q.text for q in questions],
            "split": [q.split for q in questions],
        }
    ).with_columns(
        dataset=pl.lit("bench"), choices=pl.lit([], pl.List(pl.String)), answer_kind=pl.lit("number"),
        gold=pl.lit("1"), gold_key=pl.lit(keys.gold_key("1")), source=pl.lit("bench"),
    )  # fmt: skip


def _cell(store: Store, cell: Cell, question_keys: list[str], texts: list[str]) -> None:
    replies = [keys.digest("bench", cell.key, q) for q in question_keys]
    frame = pl.DataFrame({"reply_key": replies, "question_key": question_keys, "text": texts}).with_columns(
        rationale_key=pl.Series([keys.rationale_key(r, PARSER_VERSION) for r in replies]),
        realised_tokens=pl.Series([count_tokens(t) for t in texts], dtype=pl.Int32),
        sample_index=pl.lit(0, pl.Int32),
    )
    reply = frame.select("reply_key", "question_key", "text", "sample_index").with_columns(
        teacher=pl.lit("bench"), status=pl.lit("ok"), redo=pl.lit(0, pl.Int32), received_at=pl.lit(NOW)
    )
    rationale = frame.select("rationale_key", "reply_key", "text", "realised_tokens").with_columns(
        parser_version=pl.lit(PARSER_VERSION),
        realised_steps=pl.lit(1),
        realised_sentences=pl.lit(1),
        realised_equations=pl.lit(0),
    )
    verdict = frame.select("rationale_key").with_columns(
        rule_version=pl.lit(RULE_VERSION), gold_key=pl.lit(keys.gold_key("1")), status=pl.lit("correct"),
        answer=pl.lit("1"), rule=pl.lit("answer-is"), judged_at=pl.lit(NOW),
    )  # fmt: skip
    member = frame.select("question_key", "sample_index", "reply_key").with_columns(cell_key=pl.lit(cell.key))
    with store.write() as con:
        store.insert(con, "cell", [cell.row()])
        for table, rows in (("reply", reply), ("rationale", rationale), ("verdict", verdict), ("cell_member", member)):
            store.insert_frame(con, table, rows)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].isdecimal():
        measure(Path(sys.argv[1]))
    else:
        main(tuple(int(n) for n in sys.argv[1:]) or (100_000, 1_000_000))
