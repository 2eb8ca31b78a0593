"""Peak memory of a harvest does not grow with what is asked: 10,000 prompts and 200,000, in processes of their own."""

import os
import tempfile
from pathlib import Path

import bench_harvest
import harvesting
import loopback

SIZES = (10_000, int(os.environ.get("BENCH_MEMORY_N", "200000")))
IN_FLIGHT = 64
GOAL_MB = 200


def main() -> None:
    peaks = []
    for n in SIZES:
        with tempfile.TemporaryDirectory() as name, loopback.running(0.0) as url:
            folder = Path(name)
            path = harvesting.fill(folder, n)
            found = harvesting.measure("ours", url, n, IN_FLIGHT, folder)
            bench_harvest.check(path, n)
        peaks.append(found["peak_mb"])
        print(
            f"{n:,} prompts: peak {found['peak_mb']:.0f} MB (goal {GOAL_MB}), {n / found['wall_s']:,.0f} replies/s "
            f"planned, bought, committed and judged",
            flush=True,
        )
    print(f"{SIZES[1] / SIZES[0]:.0f} x the prompts, {peaks[1] / peaks[0]:.2f} x the memory")


if __name__ == "__main__":
    main()
