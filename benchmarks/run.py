"""`just bench [NAME ...]`: each benchmark prints its figures and the ratio that matters.

Absolute times depend on the machine; compare ratios.
"""

import importlib
import sys

NAMES = (
    "startup",
    "harvest",
    "faults",
    "memory",
    "plan",
    "store",
    "sharing",
    "audit",
    "corpora",
    "export",
    "train",
    "analysis",
    "evaluate",
    "search",
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"unknown benchmark {unknown[0]!r}. Known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        importlib.import_module(f"bench_{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
