"""What the harvest benchmarks run, each in a process of its own: the floor, and our harvest; figures as a JSON line.

python harvesting.py floor URL N IN_FLIGHT FOLDER      raw aiohttp, JSON lines, nothing parsed
python harvesting.py ours URL N IN_FLIGHT FOLDER       what `cotdistill generate` does, to the last commit and verdict
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peak import peak_mb

DATASET = "bench"
PAGE = 20_000


def measure(who: str, url: str, n: int, in_flight: int, folder: Path, transport: str = "wire") -> Mapping[str, float]:
    """Run one of them in a process of its own: wall_s, cpu_s, peak_mb."""
    done = subprocess.run(
        [sys.executable, __file__, who, url, str(n), str(in_flight), str(folder), transport],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    figures: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def fill(folder: Path, n: int) -> Path:
    """A store with `n` questions of the data set `bench`, made in a process of its own so that nothing stays behind."""
    subprocess.run([sys.executable, __file__, "fill", "-", str(n), "0", str(folder), "-"], check=True)
    return folder / "bench.duckdb"


def _fill(folder: Path, n: int) -> None:
    from cotdistill.store.questions import add_questions
    from cotdistill.store.store import Store
    from cotdistill.tasks.values import Question

    store = Store.open(folder / "bench.duckdb")
    for start in range(0, n, PAGE):
        page = [
            Question(DATASET, "train", f"Tom has {i} apples and buys 16 more. How many has he?", "number", "20")
            for i in range(start, min(n, start + PAGE))
        ]
        add_questions(store, page)


async def _floor(url: str, n: int, in_flight: int, folder: Path) -> None:
    import aiohttp

    body = {"model": "bench", "messages": [{"role": "user", "content": "Tom has 4 apples. " * 60}], "max_tokens": 512}
    left = iter(range(n))
    with (folder / "floor.jsonl").open("w") as out:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def ask() -> None:
                for i in left:
                    async with session.post(f"{url}/chat/completions", data=json.dumps(body).encode()) as response:
                        got = await response.json()
                    out.write(json.dumps({"i": i, "text": got["choices"][0]["message"]["content"]}) + "\n")

            await asyncio.gather(*(ask() for _ in range(in_flight)))


def _ours(url: str, in_flight: int, folder: Path, transport: str) -> None:
    from cotdistill.commands.buy import buy
    from cotdistill.gen.prompts import recipes
    from cotdistill.gen.purchase import Purchase
    from cotdistill.gen.teachers import find_teacher, load_registry
    from cotdistill.tasks.values import Sampling

    teacher = find_teacher("bench", registry=load_registry(), base_url=url)
    wanted = tuple(recipes([3], ["original"], "no"))
    purchase = Purchase(teacher, wanted, Sampling(max_tokens=512), concurrency=in_flight, base_url=url)
    if transport == "sdk":
        from dataclasses import replace

        purchase = replace(purchase, transport="sdk")
    buy(folder / "bench.duckdb", purchase, DATASET)


def _main(who: str, url: str, n: int, in_flight: int, folder: Path, transport: str) -> None:
    if who == "fill":
        _fill(folder, n)
        return
    if who == "ours":  # imports are not what is measured
        import cotdistill.clients.wire
        import cotdistill.commands.buy
        import cotdistill.gen.harvest
        import cotdistill.gen.plan
        import cotdistill.store.judge  # noqa: F401
    started, cpu = time.perf_counter(), time.process_time()
    if who == "floor":
        asyncio.run(_floor(url, n, in_flight, folder))
    else:
        _ours(url, in_flight, folder, transport)
    figures: dict[str, Any] = {
        "wall_s": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]), sys.argv[6])
