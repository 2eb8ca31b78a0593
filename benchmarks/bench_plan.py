"""A million pending calls: wanted for the first time, planned again in SQL, and streamed without being held."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harvesting
from peak import peak_mb

N = int(os.environ.get("BENCH_PLAN_N", "1000000"))
GOAL_S = 10.0


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        harvesting.fill(Path(name), N)
        for what in ("wanted for the first time", "planned again"):
            done = subprocess.run([sys.executable, __file__, name], stdout=subprocess.PIPE, check=True)
            found = json.loads(done.stdout)
            if found["pending"] != N or found["streamed"] != N:
                raise SystemExit(f"the plan lost calls: {found} of {N}")
            goal = f" (goal {GOAL_S:.0f})" if what == "planned again" else ""
            print(
                f"{N:,} calls {what}: {found['plan_s']:.1f} s{goal}; streamed with their prompts in "
                f"{found['stream_s']:.1f} s, {N / found['stream_s']:,.0f} calls/s; peak {found['peak_mb']:.0f} MB",
                flush=True,
            )


def child(folder: Path) -> None:
    """Plan, write what is pending, stream it; figures as JSON."""
    from cotdistill.gen.plan import Order, make_plan, stream_calls, write_pending
    from cotdistill.gen.prompts import recipes
    from cotdistill.gen.teachers import Teacher
    from cotdistill.store.store import Store
    from cotdistill.tasks.values import Sampling

    store = Store.open(folder / "bench.duckdb")
    teacher = Teacher(name="bench", provider="openai-compatible", model="bench", base_url="http://127.0.0.1:9/v1")
    order = Order(teacher, harvesting.DATASET, tuple(recipes([3], ["original"], "no")), Sampling(max_tokens=512))
    started = time.perf_counter()
    make_plan(store, order)
    pending = write_pending(store, order, folder / "pending.jsonl")
    planned = time.perf_counter()
    streamed = sum(1 for _ in stream_calls(order, folder / "pending.jsonl"))
    figures = {
        "plan_s": planned - started,
        "stream_s": time.perf_counter() - planned,
        "pending": pending,
        "streamed": streamed,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    child(Path(sys.argv[1]))
