"""Text metrics of 100,000 rationales: of each, of questions with several, of cells and corpora; seconds and memory."""

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from cotdistill.analysis.measure import measure
from cotdistill.store.questions import add_questions
from cotdistill.store.spool import utc_now
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.datasets import arith

N = 100_000
CELLS = ((1, "a"), (3, "a"), (3, "b"), (5, "b"))
_SAYS = (
    "First,",
    "Then we see that",
    "After that,",
    "So it follows that",
    "Now",
    "Next, they have",
    "This leaves",
    "Thus",
)
_THINGS = ("apples", "pencils", "marbles", "stamps", "shells", "books", "coins", "flowers", "buttons", "cards")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "bench.duckdb")
        n_words = fill(store, N)
        seconds, spent = [], []
        for _ in range(2):
            started, used = time.perf_counter(), time.process_time()
            done = measure(store)
            seconds.append(time.perf_counter() - started)
            spent.append(time.process_time() - used)
            if len(seconds) == 1:
                first = done
    if first["rationales"] != N or first["groups"] != len(CELLS) or first["questions"] != N // len(CELLS):
        raise SystemExit(f"the benchmark measured {first} of {N}")
    if any(done.values()):
        raise SystemExit(f"a second call measured {done} again")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    print(
        f"all text metrics of {N:,} rationales, {n_words / N:.0f} words each: {seconds[0]:.1f} s "
        f"({spent[0]:.1f} s of CPU)"
    )
    print(f"again, with nothing new: {seconds[1]:.1f} s; peak memory {peak:,.0f} MB")


def fill(store: Store, n: int) -> int:
    """`n` made-up rationales in CELLS over n / 4 questions; returns their words."""
    rng, now, words = random.Random(1), utc_now(), 0
    questions = arith.questions("train", n // len(CELLS))
    add_questions(store, questions)
    for level, teacher in CELLS:
        cell = keys.digest("bench", str(level), teacher)
        members, replies, rationales = [], [], []
        for q in questions:
            key = keys.digest("bench", cell, q.key)
            text = story(rng, 2 + level * 2)
            words += len(text.split())
            member = {"question_key": q.key, "reply_key": key, "sample_index": 0}
            members.append(member | {"cell_key": cell})
            replies.append(member | {"teacher": teacher, "status": "ok", "text": "", "redo": 0, "received_at": now})
            counts = {f"realised_{k}": 1 for k in ("steps", "sentences", "tokens", "equations")}
            rationales.append(
                {"rationale_key": keys.digest("r", key), "reply_key": key, "parser_version": "1"} | counts
            )
            rationales[-1]["text"] = text
        row = {"cell_key": cell, "dataset": "arith", "teacher": teacher, "level": level, "format": "original"}
        with store.write() as con:
            store.insert(con, "cell", [row | {"gold_visible": "no", "prompt_version": "1"}])
            store.insert(con, "cell_member", members)
            store.insert(con, "reply", replies)
            store.insert(con, "rationale", rationales)
    return words


def story(rng: random.Random, steps: int) -> str:
    total, lines = rng.randint(2, 90), []
    for _ in range(steps):
        more, thing = rng.randint(2, 90), rng.choice(_THINGS)
        lines.append(f"{rng.choice(_SAYS)} the {thing} make {total} + {more} = {total + more} {thing} in all.")
        total += more
    return " ".join(lines) + f" The answer is {total}."


if __name__ == "__main__":
    main()
