"""How near the ideal a harvest is, beside the floor: raw aiohttp that writes JSON lines, in the same run.

Ours is what `cotdistill generate` does once Python is up: plan, calls, spool, commits, every reply parsed and judged.
"""

import tempfile
from pathlib import Path

import duckdb
import harvesting
import loopback

CASES = ((5_000, 0.2, 100), (10_000, 0.0, 64))  # replies, latency in seconds, calls in flight


def main() -> None:
    for n, latency, in_flight in CASES:
        with tempfile.TemporaryDirectory() as name, loopback.running(latency) as url:
            folder = Path(name)
            path = harvesting.fill(folder, n)
            floor = harvesting.measure("floor", url, n, in_flight, folder)
            ours = harvesting.measure("ours", url, n, in_flight, folder)
            check(path, n)
        ideal = n * latency / in_flight
        print(
            f"{n:,} replies, {latency * 1000:.0f} ms, {in_flight} in flight" + (f", ideal {ideal:.1f} s" * bool(ideal))
        )
        for what, found in (("raw aiohttp, JSON lines", floor), ("cotdistill generate", ours)):
            of_ideal = f", {found['wall_s'] / ideal:.2f} x ideal" if ideal else ""
            print(
                f"  {what:24} {found['wall_s']:6.1f} s{of_ideal}, {n / found['wall_s']:6,.0f} replies/s, "
                f"{1000 * found['cpu_s'] / n:.2f} ms CPU a reply, peak {found['peak_mb']:.0f} MB"
            )
        print(
            f"  {ours['wall_s'] / floor['wall_s']:.2f} x the floor's wall time" + (" (goal 1.20)" * bool(ideal)),
            flush=True,
        )


def check(path: Path, n: int) -> None:
    """Every reply is in the store, once, and judged."""
    con = duckdb.connect(str(path), read_only=True)
    found = con.execute("SELECT count(*), count(DISTINCT reply_key) FROM reply").fetchone()
    judged = con.execute("SELECT count(*) FROM rationale_now WHERE verdict IS NOT NULL").fetchone()
    con.close()
    if found != (n, n) or judged != (n,):
        raise SystemExit(f"the benchmark lost replies: {found} stored, {judged} judged, of {n}")


if __name__ == "__main__":
    main()
