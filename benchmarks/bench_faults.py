"""A bad day: 5 % of requests get a 500, 5 % a 429, 0.5 % no answer at all, 2 % a body that is cut; both transports.

Counted from the server's own log: every question answered, every answer stored once.
"""

import json
import tempfile
import time
from pathlib import Path

import duckdb

N, IN_FLIGHT, DEADLINE_S = 2_000, 50, 5.0
FAULTS = "500:0.05,429:0.05,hang:0.005,cut:0.02"


def main() -> None:
    for transport in ("wire", "sdk"):
        with tempfile.TemporaryDirectory() as name:
            one(Path(name), transport)


def one(folder: Path, transport: str) -> None:
    """Harvest N questions over one transport and print what happened. SystemExit when a reply was lost or doubled."""
    from cotdistill.commands.buy import buy
    from cotdistill.gen.builtin.background import start_server
    from cotdistill.gen.prompts import recipes
    from cotdistill.gen.purchase import Purchase
    from cotdistill.gen.teachers import find_teacher, load_registry
    from cotdistill.store.questions import add_questions
    from cotdistill.store.store import Store
    from cotdistill.tasks.datasets import arith
    from cotdistill.tasks.values import Sampling

    path, log = folder / "bench.duckdb", folder / "served.jsonl"
    add_questions(Store.open(path), arith.questions("train", N))
    teacher = find_teacher("builtin-strict", registry=load_registry())
    with start_server(faults=FAULTS, log=log) as server:
        purchase = Purchase(
            teacher,
            tuple(recipes([3], ["original"], "no")),
            Sampling(max_tokens=512),
            limit=N,
            concurrency=IN_FLIGHT,
            deadline_s=DEADLINE_S,
            transport="sdk" if transport == "sdk" else "wire",
            base_url=server.base_url,
        )
        started = time.perf_counter()
        buy(path, purchase, "arith")
        wall = time.perf_counter() - started
    events = [json.loads(line) for line in log.read_text().splitlines()]
    n_asked = sum(e["event"] == "open" for e in events)
    answered = [e for e in events if e["event"] == "answered" and e.get("status", 200) == 200]
    con = duckdb.connect(str(path), read_only=True)
    stored = con.execute("SELECT count(*), count(DISTINCT question_key) FROM reply").fetchone()
    right = con.execute("SELECT count(*) FROM rationale_now WHERE verdict = 'correct'").fetchone()
    con.close()
    if stored != (N, N) or right != (N,) or len(answered) < N:
        raise SystemExit(f"{transport}: {stored} stored, {right} right, {len(answered)} answered, of {N}")
    print(
        f"{transport}: {N:,} of {N:,} stored, none twice; {n_asked - N:,} requests asked again, "
        f"{len(answered) - N} answers that did not arrive whole; {wall:.1f} s, deadline {DEADLINE_S:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
