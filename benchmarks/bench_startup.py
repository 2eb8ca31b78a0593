"""How long `cotdistill --help` takes, beside a bare interpreter."""

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def median_ms(command: list[str]) -> float:
    """Median wall time of `command` over ROUNDS runs, one run to warm up."""
    times = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:])


def main() -> None:
    bare = median_ms([sys.executable, "-c", "pass"])
    ours = median_ms([sys.executable, "-m", "cotdistill", "--help"])
    print(f"cotdistill --help: {ours:.0f} ms (goal 300), {ours / bare:.1f} x a bare interpreter ({bare:.0f} ms)")


if __name__ == "__main__":
    main()
