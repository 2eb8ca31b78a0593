"""Failures on order, for tests of whoever calls the server: a share of requests, by seeded chance, goes wrong.

A specification is a comma-separated list of KIND:VALUE. VALUE is a share of requests, except for latency (seconds).
    429, or any status from 400 to 599    that status with an error body; 429 and 503 with Retry-After
    hang      no answer at all until the caller goes away
    cut       the connection closes in the middle of the body
    garbled   a complete 200 response whose JSON breaks off
    latency   every answer comes so many seconds later
"""

import random
from dataclasses import dataclass, field

from ...errors import ConfigError

_KINDS = ("hang", "cut", "garbled", "latency")


@dataclass(slots=True)
class Faults:
    """Which fault the next request meets. Draws one number per request, in the order in which they arrive."""

    shares: dict[str, float] = field(default_factory=dict)
    latency_s: float = 0.0
    rng: random.Random = field(default_factory=random.Random)

    def next(self) -> str | None:
        """The name of the fault, or None for a healthy answer."""
        drawn = self.rng.random()
        for name, share in self.shares.items():
            if drawn < share:
                return name
            drawn -= share
        return None


def parse_faults(spec: str | None, seed: int) -> Faults:
    """Read a specification. ConfigError names the entry that is wrong."""
    faults = Faults(rng=random.Random(f"{seed}:faults"))
    for entry in (spec or "").split(","):
        if not entry.strip():
            continue
        kind, _, text = entry.strip().partition(":")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        known = kind in _KINDS or (kind.isdecimal() and 400 <= int(kind) <= 599)
        if not known or value < 0 or (kind != "latency" and value > 1):
            raise ConfigError(
                f"--faults: {entry.strip()!r} is not KIND:VALUE. Next: e.g. --faults 500:0.05,latency:0.2"
            )
        if kind == "latency":
            faults.latency_s = value
        else:
            faults.shares[kind] = value
    if sum(faults.shares.values()) > 1:
        raise ConfigError(f"--faults: the shares in {spec!r} add up to more than 1. Next: smaller shares")
    return faults
