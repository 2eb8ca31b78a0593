"""The most memory that this process has held."""

import resource
import sys
from pathlib import Path


def peak_mb() -> float:
    """In MiB. On Linux since the program began: getrusage also counts what the process was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [one for one in status.read_text().splitlines() if one.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
