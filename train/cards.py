"""Which graphics cards a training may use: `--gpus 0,1,2,3`."""

import shutil
import subprocess
from collections.abc import Sequence

from ..errors import ConfigError


def differ(parts: Sequence[str]) -> bool:
    """Whether these are numbers of different cards, as CUDA numbers them."""
    return all(part.isdecimal() for part in parts) and len(set(parts)) == len(parts)


def named(text: str | None) -> tuple[str, ...]:
    """The cards named in `text`, as CUDA numbers them. ConfigError: it is not a list of different numbers."""
    if text is None:
        return ()
    found = tuple(part.strip() for part in text.split(","))
    if not differ(found):
        raise ConfigError(f"--gpus {text!r} is not a list of different cards. Next: --gpus 0,1")
    return found


def chosen(text: str | None) -> tuple[str, ...]:
    """As `named`; and each of them is on this machine, else ConfigError."""
    found = named(text)
    n = count() if found else 0
    if missing := [part for part in found if int(part) >= n]:
        has = f"cards 0 to {n - 1}" if n else "no card"
        raise ConfigError(f"--gpus {text}: there is no card {missing[0]}; nvidia-smi lists {has}. Next: nvidia-smi -L")
    return found


def count() -> int:
    """How many cards nvidia-smi lists; 0 where there is none of it."""
    if shutil.which("nvidia-smi") is None:
        return 0
    done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())
