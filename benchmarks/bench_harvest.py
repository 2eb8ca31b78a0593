"""How near the ideal a harvest is: the built-in teacher with a fixed latency, every reply spooled and committed."""

import asyncio
import tempfile
import time
from pathlib import Path

from cotdistill.gen.builtin.background import start_server
from cotdistill.gen.harvest import Tally, harvest
from cotdistill.gen.plan import load_questions, make_plan
from cotdistill.gen.prompts import recipes
from cotdistill.gen.teachers import connect, find_teacher, load_registry
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Sampling

CASES = ((2_000, 0.2, 100), (2_000, 0.0, 16))  # replies, latency in seconds, calls in flight


def main() -> None:
    for n, latency, in_flight in CASES:
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu = one(Path(folder) / "bench.duckdb", n, latency, in_flight)
        ideal = n * latency / in_flight
        ratio = f", {wall / ideal:.1f} x the ideal {ideal:.1f} s" if ideal else ""
        print(
            f"{n:,} replies, {latency * 1000:.0f} ms, {in_flight} in flight: {wall:.1f} s{ratio}, "
            f"{n / wall:.0f} replies/s, {1000 * cpu / n:.1f} ms CPU each"
        )


def one(path: Path, n: int, latency: float, in_flight: int) -> tuple[float, float]:
    """Wall and CPU seconds of one harvest of `n` replies."""
    store = Store.open(path)
    add_questions(store, arith.questions("train", n))
    teacher = find_teacher("builtin-strict", registry=load_registry())
    sampling = Sampling(max_tokens=512)
    questions = load_questions(store, "arith", "train", None)
    plan = make_plan(store, teacher, questions, recipes([3], ["original"], "no"), sampling)

    async def go(url: str) -> None:
        async with connect(teacher, base_url=url) as client:
            await harvest(store, client, teacher, plan.calls, sampling, Tally(n, 0), concurrency=in_flight)

    with start_server(faults=f"latency:{latency}") as server:
        started, cpu = time.perf_counter(), time.process_time()
        asyncio.run(go(server.base_url))
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    with store.read() as con:
        count = con.execute("SELECT count(*) FROM reply").fetchone()
    if count != (n,):
        raise SystemExit(f"the benchmark lost replies: {count} of {n}")
    return wall, cpu


if __name__ == "__main__":
    main()
