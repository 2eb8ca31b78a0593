"""The process in which math-verify runs: one JSON line in ({"gold", "answer"}), one out ({"equal"} or {"error"}).

Run as a file, not as a module: it imports nothing of the package, so it works from any folder. It ends when its input
ends, when it has used more than its memory, and by itself when one item takes twice the time its caller waits.
"""

import json
import logging
import signal
import sys

MEMORY_BYTES = 2 << 30


def main() -> None:
    """Serve until the input ends. argv: the caller's time limit per item in seconds."""
    limit_s = float(sys.argv[1])
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # no such limits on this system
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        item = json.loads(line)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 2 * limit_s)  # SIGALRM's default: the process ends
        answer: dict[str, bool | str]
        try:
            sides = [parse(f"${item[side]}$", parsing_timeout=None) for side in ("gold", "answer")]
            answer = {"equal": bool(all(sides) and verify(sides[0], sides[1], timeout_seconds=None))}
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a RecursionError or MemoryError of the library is this item's fault alone
            answer = {"error": type(error).__name__}
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
